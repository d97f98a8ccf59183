"""Planes of a batch: pixels as the networks take them, and maps of what is known of each pixel.

Shapes: B pictures, s their side.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from colorizer.conditioning import person_shares
from colorizer.skin import HALF_HEIGHT, HALF_WIDTH

# Half axes of the face's middle, and how far it lies below the centre, in shares of the box.
_MIDDLE, _MIDDLE_DOWN = (0.28, 0.17), 0.07


def decoded(pixels: Tensor) -> Tensor:
    """(B, s, s, 3) uint8 coded Lab -> (B, 3, s, s) float32: L* in [0, 100], a*, b*."""
    offset = torch.tensor([0.0, 128, 128], device=pixels.device).view(3, 1, 1)
    scale = torch.tensor([1 / 2.55, 1, 1], device=pixels.device).view(3, 1, 1)
    planes = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    return planes.sub_(offset).mul_(scale)


class People(NamedTuple):
    """Who is where in B frames of up to n people, on a grid of h x w cells; zeros where there is nobody."""

    shares: Tensor
    """(B, n, h, w) how much of each cell is whose, as `colorizer.conditioning` has it."""
    face: Tensor
    """(B, n, h, w) 1 within the face's ellipse, where nobody else's picture covers it."""
    middle: Tensor
    """(B, n, h, w) the same for the face's middle, from under the eyes to over the mouth."""


def people(box: Tensor, size: int) -> People:
    """Maps of people by their faces' boxes.

    Args:
        box: (B, n, 4) x0, y0, x1, y1 in shares of the frame's side; NaN where there is nobody.
        size: side of the maps.
    """
    return People(
        person_shares(box * size, size, size),
        _ellipse(box, size, HALF_WIDTH, HALF_HEIGHT),
        _ellipse(box, size, *_MIDDLE, down=_MIDDLE_DOWN),
    )


def _ellipse(box: Tensor, size: int, half_width: float, half_height: float, down: float = 0.0) -> Tensor:
    """(B, n, size, size) 1 within an upright ellipse about each box's centre, half axes in shares of its sides."""
    at = (torch.arange(size, device=box.device) + 0.5) / size
    x0, y0, x1, y1 = box[..., None, None].unbind(-3)  # (B, n, 1, 1)
    across = (at - (x0 + x1) / 2) / (x1 - x0) / half_width
    along = ((at[:, None] - (y0 + y1) / 2) / (y1 - y0) - down) / half_height
    return (across**2 + along**2 < 1).float()


def maps(box: Tensor, condition: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """What the network is told of each pixel, and where the face is, for one person a frame.

    Args:
        box: (B, 4) x0, y0, x1, y1 in shares of the side; NaN where none is known.
        condition: (B, 6) weights of the groups.
        size: side of the maps.

    Returns:
        (B, 6, size, size) as `colorizer.conditioning.group_weights` spreads one face's, and (B, 1, size, size), 1
        within the face's ellipse; zeros where there is no box.
    """
    who = people(box[:, None], size)
    return condition[:, :, None, None] * who.shares, who.face


def warp(planes: Tensor, theta: Tensor) -> Tensor:
    """(B, C, h, w) moved by (B, 2, 3) in relative coordinates, so that maps of any size move alike."""
    grid = F.affine_grid(theta, list(planes.shape), align_corners=False)
    return F.grid_sample(planes, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
