"""A network's small ab brought to a photo's full size along the edges of its lightness, a band of rows at a time."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F

# Pixels a band holds: its dozen float32 planes then stay in the processor's cache.
_BAND_PIXELS = 1 << 16

# The guided filter's window in cells of ab, and its tolerance in L* squared: an edge in L of less than about 5 units
# is taken for shading or grain and moves little colour. Chosen on 21 portraits of 600 to 1350 px, whose own ab was
# reduced to 64 cells on the short side and softened by none, one and three 3x3 boxes: RMS error of the restored ab is
# 0.90, 1.26 and 1.63; bilinear 0.91, 1.42 and 1.77; the guided filter itself, over the enlarged ab, 1.08, 1.45, 1.79.
_GUIDE_RADIUS = 2
_GUIDE_EPSILON = 25.0
# A prediction is softer than the average over a cell, and is compared with an L softened alike.
_SOFT_RADIUS = 1

# The network's working size has sides of multiples of 16 (working_size.STRIDE): rounding up or down moves a side by up
# to 16 of its pixels, and a short side may be nearly all rounding.
_ROUNDING = 16
_LEAST = 32


def upsampled_bands(
    lightness: np.ndarray, ab: np.ndarray, stride: int = 4
) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows and their ab, (2, rows, W) float32, one band after the other. Arguments as `lab.merge` has them.

    A guided filter (He, Sun and Tang 2013) says for each small cell of ab how it goes with L: its slope. Here the
    slope alone is taken from it, at the size of ab (He and Sun 2015); ab is enlarged bilinearly, and gets the slope
    times what L has beyond its own enlarged copy. An edge that both share is as sharp as in L again, and unlike with
    the filter's own mean no detail of ab is averaged away.
    """
    height, width = lightness.shape
    _check_aspect(height, width, ab.shape[1], ab.shape[2], stride)
    size = (min(ab.shape[1], height), min(ab.shape[2], width))
    # Double precision: at this size it costs nothing, and covariances are differences of large numbers.
    colour = torch.from_numpy(np.array(ab, np.float64))  # (2, h, w)
    # Any constant will do, its slope is zero; taken off so that flat ab is exactly zero below, and stays so.
    base = colour[:, :1, :1].clone()
    colour = F.interpolate((colour - base)[None], size, mode="area")  # (1, 2, h, w), only smaller if at all
    guide = F.interpolate(as_plane(lightness), size, mode="area").double()  # (1, 1, h, w)
    guide_mean, colour_mean = _box(guide, _GUIDE_RADIUS), _box(colour, _GUIDE_RADIUS)
    slope = _box(guide * colour, _GUIDE_RADIUS) - guide_mean * colour_mean
    slope /= _box(guide * guide, _GUIDE_RADIUS) - guide_mean**2 + _GUIDE_EPSILON
    slope = _box(slope, _GUIDE_RADIUS)
    offset = colour - slope * _box(guide, _SOFT_RADIUS)
    planes = torch.cat([slope, offset], dim=1).float().numpy()[0]  # (4, h, w)

    constant = base.float().numpy()
    centres = np.clip((np.arange(height) + 0.5) * (size[0] / height) - 0.5, 0, size[0] - 1)
    above = centres.astype(np.int64)
    below = np.minimum(above + 1, size[0] - 1)
    share = (centres - above).astype(np.float32)[:, None]
    for rows in bands(height, width):
        upper, lower = planes[:, above[rows]], planes[:, below[rows]]
        narrow = torch.from_numpy(upper + share[rows] * (lower - upper))[None]  # (1, 4, rows, w)
        wide = F.interpolate(narrow, (narrow.shape[2], width), mode="bilinear").numpy()[0]
        yield rows, wide[:2] * lightness[rows] + wide[2:] + constant


def bands(height: int, width: int) -> Iterator[slice]:
    """Slices of whole rows, about `_BAND_PIXELS` each."""
    step = max(_BAND_PIXELS // max(width, 1), 1)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def as_plane(lightness: np.ndarray) -> torch.Tensor:
    """(H, W) -> (1, 1, H, W) float32 for torch, which takes no array that is read-only; copied only if need be."""
    return torch.from_numpy(np.require(lightness, np.float32, ["C", "W"]))[None, None]


def _box(planes: torch.Tensor, radius: int) -> torch.Tensor:
    """Mean over each cell's window, (1, C, h, w); beyond the border the outermost cells are repeated."""
    return F.avg_pool2d(F.pad(planes, (radius,) * 4, mode="replicate"), 2 * radius + 1, stride=1)


def _check_aspect(height: int, width: int, rows: int, columns: int, stride: int) -> None:
    """ValueError unless some scale brings (height, width) to within the rounding of (rows, columns)."""
    least, most = 0.0, float("inf")
    for side, cells in ((height, rows), (width, columns)):
        least = max(least, (cells - _ROUNDING / stride) / side if cells > _LEAST / stride else 0)
        most = min(most, (cells + _ROUNDING / stride) / side)
    if least > most:
        raise ValueError(
            f"lightness of {width}x{height} and ab of {columns}x{rows} have different aspect ratios; "
            "predict ab from the same photo, neither cropped nor turned."
        )
