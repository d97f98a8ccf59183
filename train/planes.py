"""Planes of a batch: pixels as the networks take them, and maps of what is known of each pixel.

Shapes: B pictures, s their side.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from colorizer.conditioning import NEUTRAL, REACH, REACH_DOWN
from colorizer.skin import HALF_HEIGHT, HALF_WIDTH


def decoded(pixels: Tensor) -> Tensor:
    """(B, s, s, 3) uint8 coded Lab -> (B, 3, s, s) float32: L* in [0, 100], a*, b*."""
    offset = torch.tensor([0.0, 128, 128], device=pixels.device).view(3, 1, 1)
    scale = torch.tensor([1 / 2.55, 1, 1], device=pixels.device).view(3, 1, 1)
    planes = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    return planes.sub_(offset).mul_(scale)


def maps(box: Tensor, condition: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """What the network is told of each pixel, and where the face is.

    Args:
        box: (B, 4) x0, y0, x1, y1 in shares of the side; NaN where none is known.
        condition: (B, 6) weights of the groups.
        size: side of the maps.

    Returns:
        (B, 6, size, size) as `colorizer.conditioning.group_weights` spreads one face's, and (B, 1, size, size), 1
        within the face's ellipse; zeros where there is no box.
    """
    at = (torch.arange(size, device=box.device) + 0.5) / size
    x0, y0, x1, y1 = box[:, :, None, None].unbind(1)  # (B, 1, 1)
    dx, dy = at - (x0 + x1) / 2, at[:, None] - (y0 + y1) / 2  # (B, 1, size), (B, size, 1)
    across, down = dx / (x1 - x0) / HALF_WIDTH, dy / (y1 - y0) / HALF_HEIGHT
    face = (across**2 + down**2 < 1).float()
    reach = torch.maximum(x1 - x0, y1 - y0)
    below = torch.where(dy > 0, REACH_DOWN, REACH)
    pull = torch.exp(-((dx / (REACH * reach)) ** 2) - (dy / (below * reach)) ** 2)
    pull = torch.nan_to_num(pull / (NEUTRAL + pull))  # (B, size, size)
    return condition[:, :, None, None] * pull[:, None], face[:, None]


def warp(planes: Tensor, theta: Tensor) -> Tensor:
    """(B, C, h, w) moved by (B, 2, 3) in relative coordinates, so that maps of any size move alike."""
    grid = F.affine_grid(theta, list(planes.shape), align_corners=False)
    return F.grid_sample(planes, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
