"""A desk's model that does at once what is asked of it, whatever its weights have learned: colours known beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colorizer import lab
from colorizer.groups import TONES
from colorizer.pipeline import Colorizer, Portrait, Result
from colorizer.steering import Steering

# The a* and b* of the stand-in's suggestions.
PALETTES = ((30.0, 0.0), (0.0, -30.0), (-30.0, 20.0))


@dataclass
class Steered:
    """What was asked of the model, in turn."""

    paintings: list[tuple[tuple[str, ...], float, Steering]] = field(default_factory=list)
    """Palettes, vividness and steering of each painting."""
    palettes: Sequence[tuple[float, float]] = PALETTES
    """Of the suggestions, as many as are asked for."""


def steer(colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> Steered:
    """Let `colorizer` paint one colour all over, moved by what is asked, until `monkeypatch` ends.

    The colour's b* is the warmth, and 10 more for each face with a skin tone; its a* is the tint, and 5 more a hint.
    """
    steered, paint = Steered(), colorizer.paint

    def one_colour(portrait: Portrait, result: Result, a: float, b: float, vividness: float) -> Result:
        ab = np.full((2, 8, 8), [[[a]], [[b]]], np.float32)
        height, width = portrait.lightness.shape
        painted = np.dstack(
            [portrait.lightness, *(np.full((height, width), vividness * v) for v in ab[:, 0, 0])]
        )
        return replace(result, image=Image.fromarray(lab.lab_to_rgb(painted)), light=(a, b))

    def painted(
        portrait: Portrait,
        ethnicity: str | Sequence[str] = "auto",
        vividness: float = 1.0,
        progress: Any = None,
        steering: Steering | None = None,
    ) -> Result:
        result = paint(portrait, ethnicity, vividness, progress, steering)
        asked = steering or Steering()
        steered.paintings.append((tuple(face.chosen for face in result.faces), vividness, asked))
        toned = sum(face.chosen in TONES for face in result.faces)
        return one_colour(
            portrait, result, asked.tint + 5 * len(asked.hints), asked.warmth + 10 * toned, vividness
        )

    def suggest(
        portrait: Portrait,
        ethnicity: str | Sequence[str] = "auto",
        vividness: float = 1.0,
        steering: Steering | None = None,
        count: int = 3,
    ) -> list[Result]:
        result = paint(portrait, ethnicity, vividness, None, steering)
        return [
            one_colour(portrait, result, *palette, vividness) for palette in tuple(steered.palettes)[:count]
        ]

    monkeypatch.setattr(colorizer, "paint", painted)
    monkeypatch.setattr(colorizer, "suggest", suggest)
    return steered
