"""Means, ratios and their 95 % bootstrap intervals, of any columns of a table.

    means(rows, ["psnr", "skin_delta_e"])                  {"psnr": {"mean", "low", "high", "n"}, ...}
    means(people, ["skin_delta_e"], unit="frame")          people of one frame are drawn together

Photos are what is resampled, or whatever `unit` names: two people of one picture share its light, so they are no two
independent looks at a model.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RESAMPLES = 2000  # bootstrap resamples; their 2.5 and 97.5 percentiles move by about 2 % of the interval between seeds
SEED = 0
INTERVAL = {"resamples": RESAMPLES, "seed": SEED, "interval": "95 % percentile"}
"""What a report says of its intervals."""
Mean = dict[str, Any]
"""mean, low, high and n."""


def means(
    rows: pd.DataFrame,
    columns: Sequence[str],
    unit: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Mean | None]:
    """Mean of each column with its 95 % percentile bootstrap interval.

    Args:
        rows: what is averaged; a value that could not be measured is None, NaN or infinite, and left out.
        columns: numbers, all drawn alike.
        unit: column whose equal values are drawn together; None draws single rows.
        resamples: how many times.
        seed: of the draws.

    Returns:
        {column: {"mean", "low", "high", "n"}}, n the rows in which it is known; without one, None.
    """
    values = rows[list(columns)].to_numpy(np.float64, na_value=np.nan)  # (N, M)
    is_known = np.isfinite(values)
    sums = _by_unit(np.where(is_known, values, 0), rows, unit)  # (U, M)
    known = _by_unit(is_known.astype(np.float64), rows, unit)
    draws = _draws(len(sums), resamples, seed)  # (R, U)
    drawn_sums, drawn_known = draws @ sums, draws @ known  # (R, M)
    found: dict[str, Mean | None] = {}
    for k, column in enumerate(columns):
        n = int(is_known[:, k].sum())
        if n == 0:
            found[column] = None
            continue
        drawn = drawn_known[:, k] > 0
        low, high = _ends(drawn_sums[drawn, k] / drawn_known[drawn, k])
        found[column] = {"mean": float(sums[:, k].sum() / n), "low": low, "high": high, "n": n}
    return found


def ratio(rows: pd.DataFrame, upper: str, lower: str, unit: str | None = None) -> Mean | None:
    """The mean of column `upper` over that of `lower`, in rows where both are known; None without any."""
    both = rows[[upper, lower]].to_numpy(np.float64, na_value=np.nan)
    is_known = np.isfinite(both).all(1)
    sums = _by_unit(both[is_known], rows[is_known], unit)  # (U, 2)
    if not len(sums) or sums[:, 1].sum() == 0:
        return None
    drawn = _draws(len(sums)) @ sums
    drawn = drawn[drawn[:, 1] > 0]
    low, high = _ends(drawn[:, 0] / drawn[:, 1])
    value = float(sums[:, 0].sum() / sums[:, 1].sum())
    return {"mean": value, "low": low, "high": high, "n": int(is_known.sum())}


def over_groups(
    rows: pd.DataFrame, column: str, groups: Sequence[str], combine: Callable[[NDArray[np.float64]], Any]
) -> Mean | None:
    """What `combine` makes of the groups' means, each group resampled for itself.

    Args:
        rows: columns group and `column`.
        column: a number; rows where it is not known are left out.
        groups: those that count; ones without a known row are left out.
        combine: (..., G) means -> (...): along the last axis.

    Returns:
        As `means`, n the rows of all groups; None with fewer than two groups.
    """
    values = [
        known[np.isfinite(known)]
        for group in groups
        if len(known := rows.loc[rows["group"] == group, column].to_numpy(np.float64, na_value=np.nan))
    ]
    values = [known for known in values if len(known)]
    if len(values) < 2:
        return None
    drawn = [_draws(len(known), RESAMPLES, SEED + k) @ known / len(known) for k, known in enumerate(values)]
    low, high = _ends(combine(np.stack(drawn, 1)))
    mean = float(combine(np.array([known.mean() for known in values])))
    return {"mean": mean, "low": low, "high": high, "n": sum(map(len, values))}


def mean_over(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., G) -> (...): every group counts alike."""
    return np.asarray(means.mean(-1))


def worst_over_best(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., G) errors -> (...): the protocol's fairness: 1 where all groups fare alike, infinite for a best of 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(means.max(-1) / means.min(-1))


@lru_cache(maxsize=4)  # the rows of a table are all of the same photos
def _draws(units: int, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.float64]:
    """(R, U): how often each unit is drawn; all columns share a resample, and a product is all there is to do."""
    shares = np.full(units, 1 / max(units, 1))
    return np.random.default_rng(seed).multinomial(units, shares, resamples).astype(np.float64)


def _by_unit(values: NDArray[np.float64], rows: pd.DataFrame, unit: str | None) -> NDArray[np.float64]:
    """(N, M) -> (U, M) sums."""
    if unit is None:
        return values
    codes, names = pd.factorize(rows[unit])
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5]).tolist()
    return low, high
