"""Stand-ins for a Colorizer whose colours are known beforehand, to test the arithmetic of what is measured of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from colorizer import lab, photo
from colorizer.faces import Box, Face
from colorizer.groups import GROUPS
from colorizer.pipeline import Portrait

Rule = Callable[[np.ndarray, Sequence[Face]], np.ndarray]
"""(H, W) L*, faces with what is chosen for each -> (H, W, 2) a* and b*."""


def face(box: Box, group: str = "White") -> Face:
    """A face that is surely of a group."""
    return Face(box, (), 1.0, {one: float(one == group) for one in GROUPS})


@dataclass
class Painter:
    """Paints by a rule, and finds the faces it was told of, in shares of the picture's sides."""

    rule: Rule
    boxes: Sequence[Box] = ((0.25, 0.2, 0.75, 0.8),)
    steerable: bool = True
    network: Any = None

    @property
    def detector(self) -> Any:
        """Finds the same faces."""
        return SimpleNamespace(detect=lambda rgb: list(self._faces(*rgb.shape[:2])))

    def _faces(self, height: int, width: int) -> tuple[Face, ...]:
        return tuple(
            face((x0 * width, y0 * height, x1 * width, y1 * height)) for x0, y0, x1, y1 in self.boxes
        )

    def analyze(self, gray: np.ndarray) -> Portrait:
        """As `Colorizer.analyze`."""
        assert np.ptp(gray.astype(int), axis=2).max() == 0, "no colour may reach a model"
        return Portrait(photo.from_image(gray), lab.lightness(gray), self._faces(*gray.shape[:2]), {})

    def paint(
        self, portrait: Portrait, ethnicity: str | Sequence[str] = "auto", steering: Any = None
    ) -> SimpleNamespace:
        """As `Colorizer.paint`."""
        told = [ethnicity] * len(portrait.faces) if isinstance(ethnicity, str) else ethnicity
        faces = [replace(one, chosen=choice) for one, choice in zip(portrait.faces, told, strict=True)]
        ab = np.array(self.rule(portrait.lightness, faces), np.float32)
        if steering is not None and steering.cast is not None:
            ab += np.array(steering.cast) - ab.mean((0, 1))
        painted = np.concatenate([portrait.lightness[..., None], ab], 2)
        return SimpleNamespace(image=Image.fromarray(lab.lab_to_rgb(painted)))


def one_tint(a: float, b: float) -> Rule:
    """Every pixel the same."""
    return lambda lightness, faces: np.broadcast_to([a, b], (*lightness.shape, 2))


def portrait_of(
    skin: tuple[float, float, float], rest: tuple[float, float, float], side: int = 256
) -> np.ndarray:
    """(side, side, 3) uint8: a slightly shaded face in the box (0.25, 0.2, 0.75, 0.8) before something plain.

    A little noise in the lightness keeps the rounding to 8 bits from moving all pixels the same way.
    """
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    inside = ((x - 0.5) / 0.25) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1
    picture = np.where(inside[..., None], np.array(skin), np.array(rest)).astype(np.float32)
    picture[..., 0] += np.where(inside, 6 * (0.5 - y), 0)
    picture[..., 0] += np.random.default_rng(0).normal(0, 1.5, (side, side))
    return lab.lab_to_rgb(picture)
