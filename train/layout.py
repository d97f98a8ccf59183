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

# Most people a frame.
MOST = 6
# Shares of the three kinds of frames: four beside each other; one large and others before them; all small before a
# blurred background, which is also how one person comes to be small.
_KINDS = (0.3, 0.35, 0.35)
# Sides of tiles, shares of the frame's: in the first kind half, in the others between these.
_SMALL, _LARGE = 0.28, 0.55
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


def single(side: int) -> Layout:
    """One picture that fills the frame."""
    return Layout(side, (Place(0, 0, side),))


def draw(side: int, rng: np.random.Generator) -> Layout:
    """A frame of one to six people at random, of `side` pixels, a multiple of 16."""
    kind = int(rng.choice(len(_KINDS), p=_KINDS))
    if kind == 0:
        half = side // 2
        return Layout(side, tuple(Place(top, left, half) for top in (0, half) for left in (0, half)))
    places = [Place(0, 0, side)] if kind == 1 else []
    # One person alone only before the blurred background: there it makes a small face without company.
    people = int(rng.integers(1, MOST + 1 - len(places)))
    for _ in range(people):
        own = max(_LEAST, _STEP * round(side * rng.uniform(_SMALL, _LARGE) / _STEP))
        top, left = _free(side, own, places[kind == 1 :], kind == 1, rng)
        places.append(Place(top, left, own))
    return Layout(side, tuple(places), blurred=kind == 2)


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


def joined(tiles: Sequence[Tensor], plan: Layout, scale: int = 1) -> Tensor:
    """Lay tiles over each other with soft edges.

    Args:
        tiles: (B, C, t, t) each, t the place's side divided by `scale`.
        plan: where they lie.
        scale: pixels of the frame to a cell of these tiles, 1 or 4.

    Returns:
        (B, C, side / scale, side / scale).
    """
    first = tiles[0]
    side = plan.side // scale
    if len(tiles) == 1 and first.shape[-1] == side:
        return first
    if plan.blurred:
        frame = F.interpolate(
            F.adaptive_avg_pool2d(first, 3), (side, side), mode="bicubic", align_corners=False
        )
    else:
        frame = first.new_zeros(*first.shape[:2], side, side)
    for tile, opacity, (rows, columns) in zip(
        tiles, opacities(plan, scale, first), areas(plan, scale), strict=True
    ):
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
