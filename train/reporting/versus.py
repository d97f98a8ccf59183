"""Each model against one other, photo by photo: how often it is better, and by how much."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from train.summary import METRICS, means_of

# Metrics in which one photo can be won, and whether more is better.
WON_BY = {
    "psnr": True,
    "ssim": True,
    "lpips": False,
    "delta_e": False,
    "skin_delta_e": False,
    "within_10": True,
}


def differences(results: pd.DataFrame, against: str) -> pd.DataFrame:
    """Every other model's metrics minus those of `against`: columns imageName, ethnicity, group, model and METRICS.

    Args:
        results: one row a photo a model.
        against: one of its models.
    """
    names = list(METRICS)
    base = results[results["model"] == against].set_index("imageName")[names].astype(np.float64)
    others = results[results["model"] != against]
    theirs = base.loc[others["imageName"]].to_numpy()
    with np.errstate(invalid="ignore"):  # two perfect PSNRs differ by no number
        values = others[names].astype(np.float64).to_numpy() - theirs
    table = others[["imageName", "ethnicity", "group", "model"]].reset_index(drop=True)
    return pd.concat([table, pd.DataFrame(values, columns=names)], axis=1)


def wins(better: Sequence[float] | pd.Series) -> dict[str, Any] | None:
    """A sign test: photos won, lost and tied, the share won of those not tied, its interval and how likely by chance.

    Args:
        better: (N,) by how much the model is better on each photo; NaN where that could not be measured.

    Returns:
        won, lost, tied, share (None without a decided photo), low, high (95 %, Wilson 1927) and p, the two-sided
        probability of a count so far from half by chance; None without any photo.
    """
    values = np.asarray(better, np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    won, lost = int((values > 0).sum()), int((values < 0).sum())
    counts: dict[str, Any] = {"won": won, "lost": lost, "tied": len(values) - won - lost}
    if won + lost == 0:
        return counts | {"share": None, "low": None, "high": None, "p": None}
    test = binomtest(won, won + lost)
    interval = test.proportion_ci(method="wilson")
    return counts | {
        "share": won / (won + lost),
        "low": float(interval.low),
        "high": float(interval.high),
        "p": float(test.pvalue),
    }


def summarize(table: pd.DataFrame) -> dict[str, Any]:
    """{model: {"wins": {metric: as `wins`}, "differences": as `summary.means_of`, photos resampled}}."""
    found = {}
    for model, rows in table.groupby("model", sort=False):
        signed = {metric: rows[metric] * (1 if is_more else -1) for metric, is_more in WON_BY.items()}
        found[str(model)] = {
            "wins": {metric: wins(values) for metric, values in signed.items()},
            "differences": means_of(rows),
        }
    return found
