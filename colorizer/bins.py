"""The 313 bins of ab of Zhang, Isola and Efros 2016 ("Colorful Image Colorization"): colour as a choice, not a number.

    weights = bins.encode(ab)                    # (B, 313, h, w): the truth as a distribution
    ab = bins.decode(logits, temperature=0.38)   # (B, 2, h, w): the distribution's annealed mean

B pictures of h x w pixels. All of it runs on the device of what comes in, in float32.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

# a*, then the first and last b* of its row; a grid of 10 in both. The 313 are a published table, and no rule gives
# exactly it: 261 cells of the grid hold a colour of 8-bit sRGB, all of which are among them; the other 52 surround
# these, none farther than 15 from a colour that exists. As published, so that weights trained elsewhere fit.
_GRID = 10
_ROWS = (
    (-90, 50, 90), (-80, 20, 90), (-70, 0, 90), (-60, -20, 90), (-50, -30, 100),
    (-40, -40, 100), (-30, -50, 100), (-20, -50, 100), (-10, -60, 100), (0, -70, 100),
    (10, -80, 90), (20, -80, 90), (30, -90, 90), (40, -100, 90), (50, -100, 80),
    (60, -110, 80), (70, -110, 80), (80, -110, 70), (90, -110, 70), (100, -90, 0),
)  # fmt: skip

CENTERS = torch.tensor([(a, b) for a, first, last in _ROWS for b in range(first, last + 1, _GRID)]).float()
"""(313, 2) a* and b* of each bin, in the published order: by a*, then by b*."""
COUNT = len(CENTERS)

NEIGHBORS = 5
"""Bins that share a colour between them."""
SIGMA = 5.0
"""Width of the Gaussian by which they do, and by which counts are smoothed; in units of a* and b*."""
TEMPERATURE = 0.38
"""Between the mean (1), which is dull, and the mode (towards 0), which is blotchy; Zhang et al. chose it by eye."""

# The fine grid by which the nearest bins are found; any ab beyond its reach counts as on its border there.
_REACH = 128.0
_STEP = 2.0
_CELLS = round(2 * _REACH / _STEP) + 1
_CANDIDATES = 16


def neighbors(ab: Tensor) -> tuple[Tensor, Tensor]:
    """The soft encoding without its zeros: the five nearest bins of each pixel, and what each gets.

    Args:
        ab: (B, 2, h, w) a* and b*.

    Returns:
        (B, 5, h, w) int64 numbers of bins, the nearest first, and (B, 5, h, w) weights that sum to 1.
    """
    pixels = ab.float().permute(0, 2, 3, 1)[..., None, :]  # (B, h, w, 1, 2)
    cell = ((pixels[..., 0, :] + _REACH) / _STEP).round().long().clamp(0, _CELLS - 1)
    candidates = _candidates(ab.device)[cell[..., 0] * _CELLS + cell[..., 1]]  # (B, h, w, 16)
    squared = (pixels - _centers(ab.device)[candidates]).square().sum(-1)
    nearest, order = squared.topk(NEIGHBORS, largest=False)
    # A softmax is the Gaussians' quotient, and stays one where all of them are too small to be told from zero.
    weights = (-nearest / (2 * SIGMA**2)).softmax(-1)
    return candidates.gather(-1, order).permute(0, 3, 1, 2), weights.permute(0, 3, 1, 2)


@lru_cache
@torch.inference_mode(False)  # else what is first asked for in inference would be of no use in training
def _candidates(device: torch.device) -> Tensor:
    """(cells, 16) the bins nearest to each cell of a fine grid: the five nearest of any colour in the cell are among
    them. Comparing a pixel with these and not with all 313 is ten times as quick.
    """
    axis = torch.arange(_CELLS) * _STEP - _REACH
    distances = torch.cdist(torch.cartesian_prod(axis, axis), CENTERS)
    return distances.topk(_CANDIDATES, dim=1, largest=False).indices.to(device)


@lru_cache
@torch.inference_mode(False)
def _centers(device: torch.device) -> Tensor:
    """CENTERS on a device."""
    return CENTERS.to(device)


def encode(ab: Tensor) -> Tensor:
    """(B, 2, h, w) a* and b* -> (B, 313, h, w) weights, at most five of them not zero, with sum 1."""
    numbers, weights = neighbors(ab)
    batch, _, height, width = ab.shape
    empty = torch.zeros(batch, COUNT, height, width, device=ab.device)
    return empty.scatter_(1, numbers, weights)


def decode(logits: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """The annealed mean of each pixel's distribution.

    Args:
        logits: (B, 313, h, w) unnormalised.
        temperature: above 0; 1 gives the mean, towards 0 the mode.

    Returns:
        (B, 2, h, w) float32 a* and b*.
    """
    with torch.autocast(logits.device.type, enabled=False):  # 8 bits of precision are too few for an ab
        shares = (logits.float() / temperature).softmax(1)
        return F.conv2d(shares, _centers(logits.device).T[:, :, None, None])


def count(histogram: Tensor) -> Tensor:
    """Pixels of each bin.

    Args:
        histogram: (256, 256) pixels with a* = row - 128 and b* = column - 128.

    Returns:
        (313,) float64 counts, each colour going to its nearest bin.
    """
    axis = torch.arange(256.0) - 128
    colors = torch.cartesian_prod(axis, axis)
    nearest = torch.cdist(colors, CENTERS).argmin(1)
    return torch.zeros(COUNT, dtype=torch.float64).index_add_(0, nearest, histogram.flatten().double())


def smooth(counts: Tensor) -> Tensor:
    """(313,) counts -> (313,) float64 shares with sum 1; each bin gives to those around it by the Gaussian."""
    kernel = (-torch.cdist(CENTERS, CENTERS).double().square() / (2 * SIGMA**2)).exp()
    spread = counts.double() @ (kernel / kernel.sum(1, keepdim=True))
    return spread / spread.sum()


def rebalancing(counts: Tensor, uniform: float = 0.5) -> Tensor:
    """How much an error in each bin is to weigh, so that rare, vivid colours are learnt at all (their equation 4).

    Args:
        counts: (313,) pixels of each bin in the training pictures; not all zero.
        uniform: share of the uniform distribution mixed in, in [0, 1]: 1 weighs all bins alike, towards 0 the more
            unequally, the rarer a bin.

    Returns:
        (313,) float32 factors, whose mean over the smoothed distribution is 1.
    """
    shares = smooth(counts)
    # At a uniform share of 0 a bin that no picture comes near would weigh without limit.
    factors = 1 / ((1 - uniform) * shares + uniform / COUNT).clamp_min(1e-9)
    return (factors / (shares * factors).sum()).float()
