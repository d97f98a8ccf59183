"""Which colours a model uses, against those the truth has: after figure 3 of Zhang et al. 2016.

Colours are counted in bins of the ab plane, BIN wide, from -EDGE to EDGE.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EDGE = 110  # sRGB's ab lie within -108 and 98
BIN = 2
SIDE = 2 * EDGE // BIN
COARSE = 10  # width of the bins of the empty share, as of Zhang's 313 bins
LEAST = 1e-5  # share of all pixels from which on a bin counts as occupied

Sparse = tuple[NDArray[np.uint16], NDArray[np.uint32]]
"""Occupied bins, a's times SIDE plus b's, and how many pixels lie in each."""


def count(in_lab: NDArray[np.float32]) -> Sparse:
    """(H, W, 3) CIELAB -> its pixels by bin."""
    bins = np.clip((in_lab[..., 1:] + EDGE) / BIN, 0, SIDE - 1).astype(np.int64)
    places, counts = np.unique(bins[..., 0] * SIDE + bins[..., 1], return_counts=True)
    return places.astype(np.uint16), counts.astype(np.uint32)


class Histograms:
    """Pixels by bin of the truth and of each model, summed over photos."""

    def __init__(self) -> None:
        self.counts: dict[str, NDArray[np.int64]] = {}
        """(SIDE, SIDE) each, rows a, columns b."""

    def add(self, counted: dict[str, Sparse]) -> None:
        """One photo more."""
        for name, (places, counts) in counted.items():
            total = self.counts.setdefault(name, np.zeros((SIDE, SIDE), np.int64))
            total.reshape(-1)[places] += counts


@dataclass(frozen=True)
class Empty:
    """How much of the truth's colours a model leaves out."""

    occupied: int
    """Bins of the truth."""
    empty: int
    """Of these, bins that the model does not occupy."""

    @property
    def share(self) -> float:
        """In [0, 1]; 0 where the truth has no bin."""
        return self.empty / self.occupied if self.occupied else 0.0


def empty_bins(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> Empty:
    """Bins of the ab plane that the truth occupies and the prediction leaves empty.

    The plane is cut in squares of COARSE. A square is occupied if it holds at least LEAST of all pixels: a few pixels
    of noise are no colour, and more photos would otherwise fill any bin.

    Args:
        truth: (SIDE, SIDE) pixels by bin of all photos.
        predicted: the same.
    """
    is_true, is_predicted = (_coarse(counts) >= LEAST * max(counts.sum(), 1) for counts in (truth, predicted))
    return Empty(int(is_true.sum()), int((is_true & ~is_predicted).sum()))


def _coarse(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(SIDE, SIDE) -> the sums of COARSE-wide squares."""
    cells = COARSE // BIN
    return counts.reshape(SIDE // cells, cells, SIDE // cells, cells).sum((1, 3))


def marginals(histograms: Histograms) -> pd.DataFrame:
    """Columns axis ("a" or "b"), value (the bin's middle) and, a column each, the share of truth's and models' pixels.

    Bins that nobody uses are left out.
    """
    tables = []
    middles = np.arange(SIDE) * BIN - EDGE + BIN / 2
    for axis, name in enumerate("ab"):
        shares = {
            model: counts.sum(1 - axis) / max(counts.sum(), 1) for model, counts in histograms.counts.items()
        }
        table = pd.DataFrame({"axis": name, "value": middles} | shares)
        used = np.flatnonzero((table[list(shares)] > 0).any(axis=1))
        tables.append(table.iloc[used[0] : used[-1] + 1] if len(used) else table.iloc[:0])
    return pd.concat(tables, ignore_index=True)


def summarize(histograms: Histograms) -> dict[str, Any]:
    """{model: {"occupied", "empty", "share"}} for each but the truth."""
    truth = histograms.counts.get("truth")
    if truth is None:
        return {}
    found = {name: empty_bins(truth, counts) for name, counts in histograms.counts.items() if name != "truth"}
    return {
        name: {"occupied": one.occupied, "empty": one.empty, "share": one.share}
        for name, one in found.items()
    }
