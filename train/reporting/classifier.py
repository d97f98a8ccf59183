"""How well a classifier's probabilities serve: one ROC curve a class, calibration, accuracy by confidence."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from colorizer.ethnicity import GROUPS
from train.summary import BINS

POINTS = 200  # of a drawn curve at most


def roc(known: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float | None]]:
    """Each group against all others.

    Args:
        known: columns ethnicity, of GROUPS, and a probability for each of GROUPS.

    Returns:
        Columns group, false_positive_rate, true_positive_rate, threshold; and the area under each group's curve, None
        where all photos or none are of it.
    """
    tables = []
    areas: dict[str, float | None] = {}
    for group in GROUPS:
        is_group = (known["ethnicity"] == group).to_numpy()
        if is_group.all() or not is_group.any():
            areas[group] = None
            continue
        areas[group] = float(roc_auc_score(is_group, known[group]))
        false, true, threshold = roc_curve(is_group, known[group])
        threshold = np.minimum(threshold, 1)  # its first is infinity
        keep = _thinned(len(false))
        columns = {
            "group": group,
            "false_positive_rate": false[keep],
            "true_positive_rate": true[keep],
            "threshold": threshold[keep],
        }
        tables.append(pd.DataFrame(columns))
    names = ["group", "false_positive_rate", "true_positive_rate", "threshold"]
    return (pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names)), areas


def reliability(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> pd.DataFrame:
    """The bins of the calibration error: columns low, high, n, confidence and accuracy (both means; bins with n > 0).

    Args:
        confidence: (N,) highest probability of each estimate, in [0, 1].
        is_right: (N,) whether that estimate was right.
    """
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    n = np.bincount(bins, minlength=BINS)
    used = np.flatnonzero(n)
    columns = {
        "low": used / BINS,
        "high": (used + 1) / BINS,
        "n": n[used],
        "confidence": np.bincount(bins, confidence, BINS)[used] / n[used],
        "accuracy": np.bincount(bins, is_right, BINS)[used] / n[used],
    }
    return pd.DataFrame(columns)


def by_confidence(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> pd.DataFrame:
    """Accuracy on the estimates that are surest: columns coverage (their share), threshold, accuracy.

    Estimates of one confidence are in or out together, so the curve does not depend on the photos' order.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    n = np.arange(1, len(order) + 1)
    last = np.append(np.flatnonzero(np.diff(ordered)), len(order) - 1)
    last = last[_thinned(len(last))]
    columns = {
        "coverage": n[last] / len(order),
        "threshold": ordered[last],
        "accuracy": (np.cumsum(is_right[order]) / n)[last],
    }
    return pd.DataFrame(columns)


def curves(estimates: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """All three for each classifier, on photos whose label is one of GROUPS.

    Args:
        estimates: columns classifier, ethnicity, estimated and a probability for each of GROUPS.

    Returns:
        {"roc", "reliability", "coverage"}: tables with a first column classifier; and {classifier: {group: area}}.
    """
    tables: dict[str, list[pd.DataFrame]] = {"roc": [], "reliability": [], "coverage": []}
    areas = {}
    known = estimates[estimates["ethnicity"].isin(GROUPS)] if len(estimates) else estimates
    for name, rows in known.groupby("classifier", sort=False) if len(known) else ():
        confidence = rows[list(GROUPS)].to_numpy(np.float64).max(1)
        is_right = (rows["ethnicity"] == rows["estimated"]).to_numpy()
        curve, areas[str(name)] = roc(rows)
        found = {
            "roc": curve,
            "reliability": reliability(confidence, is_right),
            "coverage": by_confidence(confidence, is_right),
        }
        for key, table in found.items():
            table.insert(0, "classifier", str(name))
            tables[key].append(table)
    joined = {key: pd.concat(parts, ignore_index=True) for key, parts in tables.items() if parts}
    return joined, areas


def _thinned(length: int) -> NDArray[np.int64]:
    """Indices of at most POINTS of so many, first and last included."""
    return np.unique(np.linspace(0, length - 1, min(length, POINTS)).round().astype(np.int64))
