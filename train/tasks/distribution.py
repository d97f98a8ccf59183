"""Colour as a choice among 313 bins of ab (Zhang, Isola and Efros 2016), rare ones weighing more.

task = Distribution(recipe)     # recipe.task: distribution; the network's config has `bins: true`
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from colorizer import bins
from colorizer.errors import OptionError
from train.data import Pictures
from train.recipe import Recipe
from train.tasks.colorize import Colorize, Painted

# Pictures of each source that are counted, and every how many-th of their pixels along each side: millions of pixels.
_COUNTED = 4000
_STRIDE = 4


class Distribution(Colorize):
    """Cross-entropy with the truth's soft encoding, each pixel weighed by its bin's rarity in the training pictures."""

    rarity: Tensor
    """(313,) factors; all 1 until the training pictures were looked at. A buffer: it stays with the run."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        if not getattr(self.network, "bins", False):
            raise OptionError(
                f"task distribution needs a network that gives bins: set `config.bins` to true ({recipe.network} has "
                "it off), or take task colorize."
            )
        self.register_buffer("rarity", torch.ones(bins.COUNT))

    def learn_from(self, sources: Sequence[Pictures]) -> None:
        """Count the colours of the training pictures, each source by its share."""
        counts = count_colors(sources)
        self.rarity.copy_(bins.rebalancing(counts, self.recipe.loss.rebalance))

    def paint(self, batch: dict[str, Tensor]) -> Painted:
        """(B, 313, h, w) logits, and features."""
        return Painted(*self.network.predict_logits(batch["seen"], batch["groups"]))

    def as_ab(self, predicted: Tensor) -> Tensor:
        """The annealed mean."""
        return bins.decode(predicted)

    def color_error(self, predicted: Tensor, lightness: Tensor, ab: Tensor) -> Tensor:
        """Rebalanced cross-entropy."""
        return bins_loss(predicted, ab, self.rarity)


def bins_loss(logits: Tensor, ab: Tensor, rarity: Tensor) -> Tensor:
    """() mean over pixels of the cross-entropy with the truth's five nearest bins, times the nearest one's weight.

    Args:
        logits: (B, 313, h, w).
        ab: (B, 2, s, s) the truth.
        rarity: (313,) weights of the bins.
    """
    height, width = logits.shape[-2:]
    numbers, shares = bins.neighbors(
        torch.nn.functional.interpolate(ab.float(), (height, width), mode="area")
    )
    errors = -(logits.float().log_softmax(1).gather(1, numbers) * shares).sum(1)  # (B, h, w)
    return (errors * rarity[numbers[:, 0]]).mean()


def count_colors(sources: Sequence[Pictures]) -> Tensor:
    """(313,) float64 shares of the bins in evenly chosen pictures of each source, sources weighing by their share."""
    counts = torch.zeros(bins.COUNT, dtype=torch.float64)
    for source in sources:
        rows = np.unique(np.linspace(0, len(source.lab) - 1, min(_COUNTED, len(source.lab))).astype(int))
        histogram = np.zeros(256 * 256, np.int64)
        for row in rows:
            ab = source.lab[row, ::_STRIDE, ::_STRIDE, 1:].reshape(-1, 2).astype(np.int64)
            histogram += np.bincount(256 * ab[:, 0] + ab[:, 1], minlength=256 * 256)
        of_bins = bins.count(torch.from_numpy(histogram.reshape(256, 256)))
        counts += source.share * of_bins / of_bins.sum()
    return counts
