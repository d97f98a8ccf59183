"""Frames of several people: where each one's picture lies, and how it is laid over the others.

plan = draw(128, rng)                          # two to six people, at different sizes, partly overlapping
frame = joined(planes, plan)                   # (B, C, 128, 128) of one (B, C, t, t) a person
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

PEOPLE: dict[int, float] = {1: 0.1, 2: 0.18, 3: 0.18, 4: 0.3, 5: 0.12, 6: 0.12}
"""Shares of frames with so many people."""
# Of frames of four, so many have them beside each other, a quarter of the frame each.
_TILED = 0.6
# Of the others, but for one person alone, so many have one large person with the others before them; in the rest all
# are small before a blurred background, which is also how one person comes to be small.
_WITH_LARGE = 0.5
# Sides of tiles, shares of the frame's: in the first kind half, in the others between these, small ones as often as
# large ones (uniform in the logarithm).
_SMALL, _LARGE = 0.14, 0.55
# So often the blurred background is nearly gray, as walls and skies behind people are; what is left of its colour.
_PLAIN, _PLAIN_COLOR = 0.5, 0.15
# A tile's edge is blended over this share of its side.
_SOFT = 0.08
# Sides are multiples of it, so that maps at a quarter of the size have whole cells; and at least so long.
_STEP, _LEAST = 4, 16


class Place(NamedTuple):
    """A square of the frame, in pixels; multiples of 4."""

    top: int
    left: int
    side: int


class Layout(NamedTuple):
    """A frame."""

    side: int
    """Of the frame, pixels."""
    places: tuple[Place, ...]
    """One a tile, those behind first."""
    blurred: bool = False
    """Whether the first tile lies, enlarged and blurred, behind all others as well."""
    plain: bool = False
    """Whether that background has hardly any colour."""


def single(side: int) -> Layout:
    """One picture that fills the frame."""
    return Layout(side, (Place(0, 0, side),))


def draw(side: int, people: int, rng: np.random.Generator) -> Layout:
    """A frame at random.

    Args:
        side: of the frame, a multiple of 16 pixels.
        people: how many tiles, 1 to 6.
        rng: draws.
    """
    if people == 4 and rng.random() < _TILED:
        half = side // 2
        return Layout(side, tuple(Place(top, left, half) for top in (0, half) for left in (0, half)))
    has_large = people > 1 and rng.random() < _WITH_LARGE
    large = [Place(0, 0, side)] if has_large else []
    small: list[Place] = []
    for _ in range(people - len(large)):
        share = _SMALL * (_LARGE / _SMALL) ** rng.random()
        own = max(_LEAST, _STEP * round(side * share / _STEP))
        top, left = _free(side, own, small, has_large, rng)
        small.append(Place(top, left, own))
    is_plain = not has_large and rng.random() < _PLAIN
    return Layout(side, (*large, *small), blurred=not has_large, plain=is_plain)


def _free(
    side: int, own: int, taken: Sequence[Place], at_border: bool, rng: np.random.Generator
) -> tuple[int, int]:
    """Of a few random places the one that covers least of others; at a border where the middle is somebody's face."""
    best, least = (0, 0), np.inf
    for _ in range(6):
        top, left = (_STEP * int(rng.integers(0, (side - own) // _STEP + 1)) for _ in range(2))
        if at_border:
            edge = int(rng.integers(4))
            top = (0, top, side - own, top)[edge]
            left = (left, 0, left, side - own)[edge]
        covered = sum(
            max(0, min(top + own, p.top + p.side) - max(top, p.top))
            * max(0, min(left + own, p.left + p.side) - max(left, p.left))
            for p in taken
        )
        if covered < least:
            best, least = (top, left), covered
    return best


def joined(tiles: Sequence[Tensor], plan: Layout) -> Tensor:
    """Lay tiles over each other with soft edges.

    Args:
        tiles: (B, 3, t, t) Lab each, t the place's side.
        plan: where they lie.

    Returns:
        (B, 3, side, side).
    """
    first, side = tiles[0], plan.side
    if len(tiles) == 1 and first.shape[-1] == side:
        return first
    if plan.blurred:
        frame = F.interpolate(
            F.adaptive_avg_pool2d(first, 3), (side, side), mode="bicubic", align_corners=False
        )
        if plan.plain:
            frame[:, 1:] *= _PLAIN_COLOR
    else:
        frame = first.new_zeros(*first.shape[:2], side, side)
    for tile, opacity, (rows, columns) in zip(tiles, opacities(plan, 1, first), areas(plan, 1), strict=True):
        frame[..., rows, columns] = torch.lerp(frame[..., rows, columns], tile, opacity)
    return frame


def areas(plan: Layout, scale: int) -> list[tuple[slice, slice]]:
    """Rows and columns of each tile in a frame that is `scale` times smaller."""
    return [
        (
            slice(p.top // scale, (p.top + p.side) // scale),
            slice(p.left // scale, (p.left + p.side) // scale),
        )
        for p in plan.places
    ]


def opacities(plan: Layout, scale: int, like: Tensor) -> list[Tensor]:
    """(t, t) in [0, 1] for each tile: 1, towards its edges less, but for tiles that fill the frame or tile it."""
    is_tiled = len(plan.places) == 4 and sum(p.side**2 for p in plan.places) == plan.side**2
    result = []
    for place in plan.places:
        t = place.side // scale
        if is_tiled or place.side == plan.side:
            result.append(like.new_ones(t, t))
            continue
        at = (torch.arange(t, device=like.device, dtype=like.dtype) + 0.5) / t
        edge = (torch.minimum(at, 1 - at) / _SOFT).clamp_max(1)
        result.append(edge * edge[:, None])
    return result
