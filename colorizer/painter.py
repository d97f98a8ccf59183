"""A network that can be steered, and how what is asked of a photo becomes what it is told.

Shapes: h x w the working size, at which the network sees the photo; its ab and all maps have h/4 x w/4 cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from colorizer import bins, lab
from colorizer.conditioning import group_weights, person_shares, skin_for, vector_for
from colorizer.faces import Face
from colorizer.groups import GROUPS, TONES
from colorizer.networks.ethnicity_aware import Painting, Told
from colorizer.palette import REFERENCE, group_table
from colorizer.skin import HALF_HEIGHT, HALF_WIDTH
from colorizer.steering import Hint, Steering

# At vividness 2: between the distribution's mode (towards 0), where neighbours disagree, and its mean (1).
VIVID_TEMPERATURE = 0.15
# Rounds in which the neutral light is found, each correcting what the last one left.
_ROUNDS = 3
# Cells of a face that must be skin, or its colour says nothing.
_LEAST_SKIN = 3.0


@dataclass(frozen=True)
class Scene:
    """One photo at the working size, and who is in it."""

    lightness: Tensor
    """(1, 1, h, w) L*."""
    told: Told
    """Groups, asked skin and hints; the light is still open."""
    faces: Tensor
    """(n, h/4, w/4) 1 within each face's ellipse, shared where people overlap."""
    neutral: Tensor
    """(n, 2) a* and b* at L* 50 that each one's skin would have under neutral light; NaN where a tone is asked for."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the maps."""
        h, w = self.told.groups.shape[-2:]
        return int(h), int(w)


class Painter:
    """Paints scenes with a network that has `paint`; threads may share it."""

    def __init__(self, network: Any, device: torch.device) -> None:
        self.network, self.device = network, device

    def scene(
        self, lightness: np.ndarray, scale: tuple[float, float], faces: Sequence[Face], hints: Sequence[Hint]
    ) -> Scene:
        """Args:
        lightness: (h, w) float32 L*.
        scale: cells of the maps to a pixel of the photo, along x and y.
        faces: in pixels of the photo, each with what was chosen for it.
        hints: in pixels of the photo.
        """
        h, w = lightness.shape[0] // 4, lightness.shape[1] // 4
        x, y = scale
        boxes = [(x0 * x, y0 * y, x1 * x, y1 * y) for x0, y0, x1, y1 in (face.box for face in faces)]
        vectors = [
            np.concatenate([vector_for(face.chosen, face.probabilities), skin_for(face.chosen)])
            for face in faces
        ]
        maps = torch.zeros(1, len(GROUPS) + 3, h, w)
        if boxes:
            maps = torch.from_numpy(group_weights(boxes, vectors, h, w))[None]
        groups, skin = maps.split([len(GROUPS), 3], dim=1)
        points = _points(hints, scale, h, w)
        points = None if points is None else points.to(self.device)
        told = Told(groups.to(self.device), skin.to(self.device), None, points)
        gray = torch.from_numpy(lightness)[None, None].to(self.device)
        return Scene(gray, told, _ellipses(boxes, h, w).to(self.device), _neutral(faces).to(self.device))

    def paint(self, scene: Scene, steering: Steering) -> Painting:
        """What the network says under the light that is asked for.

        Where a light is asked for, its effect is added to the painting with the light left open: so a slider that
        hardly moves hardly changes anything.
        """
        if steering.cast is not None:
            return self._under(scene, torch.tensor([steering.cast], device=self.device))
        free = self.network.paint(scene.lightness, scene.told)
        shift = torch.tensor([[steering.tint, steering.warmth]], device=self.device)
        predicted = free.ab.mean((2, 3))  # (1, 2)
        wanted = predicted + shift
        if steering.light == "neutral":
            wanted = self._neutral_light(scene, free) + shift
        if torch.equal(wanted, predicted):
            return free
        here, there = (self._under(scene, light) for light in (predicted, wanted))
        return free._replace(ab=free.ab + there.ab - here.ab, chances=there.chances)

    def _under(self, scene: Scene, light: Tensor) -> Painting:
        """Painted under a light, (1, 2) mean a* and b*."""
        told = scene.told._replace(light=torch.cat([light, torch.ones_like(light[:, :1])], 1))
        return self.network.paint(scene.lightness, told)

    def _neutral_light(self, scene: Scene, free: Painting) -> Tensor:
        """(1, 2) the light under which the skin comes nearest to what was measured; as predicted without a face."""
        light = free.ab.mean((2, 3))
        if not can_be_neutral(scene):
            return light
        painted = free
        for _ in range(_ROUNDS):
            colors = skin_colors(scene, painted)  # (n, 2)
            off = (scene.neutral - colors)[~torch.isnan(scene.neutral + colors).any(1)]
            if not len(off):
                return light
            light = light + off.mean(0, keepdim=True)
            painted = self._under(scene, light)
        return light


def can_be_neutral(scene: Scene) -> bool:
    """Whether there is a face to judge the light by."""
    return bool((~torch.isnan(scene.neutral)).any())


def skin_colors(scene: Scene, painted: Painting) -> Tensor:
    """(n, 2) a* and b* at L* 50 of each face's skin as painted; NaN where hardly any is seen."""
    weight = scene.faces * painted.skin[0].sigmoid()  # (n, h/4, w/4)
    dark = F.interpolate(scene.lightness, scene.size, mode="area")[0]  # (1, h/4, w/4)
    at_reference = painted.ab[0] * REFERENCE / (dark + 16)  # (2, h/4, w/4)
    area = weight.sum((1, 2))
    colors = torch.einsum("nhw,chw->nc", weight, at_reference) / area.clamp_min(1e-6)[:, None]
    colors[area < _LEAST_SKIN] = torch.nan
    return colors


def vivid(painted: Painting, vividness: float) -> Tensor:
    """ab with all that vividness asks of the distribution: nothing up to 1, at 2 nearly the likeliest colours.

    Args:
        painted: of one scene.
        vividness: in [0, 2].

    Returns:
        (1, 2, h/4, w/4).
    """
    if vividness <= 1:
        return painted.ab
    temperature = 1 - (1 - VIVID_TEMPERATURE) * (vividness - 1)
    further = bins.decode(painted.chances, temperature) - bins.decode(painted.chances, 1.0)
    return painted.ab + F.interpolate(further, painted.ab.shape[-2:], mode="bilinear")


def asking(scene: Scene, hints: Tensor) -> Scene:
    """The scene with further hints, (1, 3, h/4, w/4); where a cell has two, the new one counts."""
    old = scene.told.hints
    if old is not None:
        hints = torch.where(hints[:, 2:] > 0, hints, old)
    return replace(scene, told=scene.told._replace(hints=hints))


def _points(hints: Sequence[Hint], scale: tuple[float, float], h: int, w: int) -> Tensor | None:
    """(1, 3, h, w) the hints' colours in their cells; of two in a cell the last counts."""
    if not hints:
        return None
    maps = torch.zeros(1, 3, h, w)
    for hint in hints:
        rgb = np.array([[[int(hint.color[i : i + 2], 16) for i in (1, 3, 5)]]], np.uint8)
        _, a, b = (float(value) for value in lab.rgb_to_lab(rgb)[0, 0])
        row, column = min(int(hint.y * scale[1]), h - 1), min(int(hint.x * scale[0]), w - 1)
        maps[0, :, row, column] = torch.tensor([a, b, 1.0])
    return maps


def _ellipses(boxes: Sequence[tuple[float, float, float, float]], h: int, w: int) -> Tensor:
    """(n, h, w) each face's ellipse, times its person's share."""
    if not boxes:
        return torch.zeros(0, h, w)
    corners = torch.tensor(boxes)
    x, y = torch.arange(w) + 0.5, (torch.arange(h) + 0.5)[:, None]
    x0, y0, x1, y1 = corners[..., None, None].unbind(1)  # (n, 1, 1)
    across = (x - (x0 + x1) / 2) / (x1 - x0).clamp_min(1e-3) / HALF_WIDTH
    along = (y - (y0 + y1) / 2) / (y1 - y0).clamp_min(1e-3) / HALF_HEIGHT
    return (across**2 + along**2 < 1) * person_shares(corners, h, w)


def _neutral(faces: Sequence[Face]) -> Tensor:
    """(n, 2) by each face's group or its probabilities; the groups' mean for none."""
    table, rows = group_table(), []
    for face in faces:
        weights = vector_for(face.chosen, face.probabilities)
        if face.chosen in TONES:
            rows.append(np.full(2, np.nan, np.float32))
        else:
            rows.append(weights @ table / weights.sum() if weights.sum() > 0 else table.mean(0))
    return torch.from_numpy(np.stack(rows)) if rows else torch.zeros(0, 2)
