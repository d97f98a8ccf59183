"""Means with intervals, groups and fairness out of one row a photo a model; and how good the ethnicity estimate is."""

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from colorizer.ethnicity import GROUPS
from colorizer.metrics import Metrics
from train import intervals
from train.intervals import RESAMPLES, SEED
from train.measure import OTHER

METRICS: tuple[str, ...] = tuple(field.name for field in fields(Metrics) if field.name != "lpips_reason")
BINS = 15  # of the calibration error, as in Guo et al. 2017


def summarize(results: pd.DataFrame) -> dict[str, Any]:
    """Every model's means over all photos and over each group.

    Args:
        results: columns model, group and METRICS; a metric that could not be measured on a photo is None or NaN.

    Returns:
        {model: {"all": means, "groups": {group: means}, "fairness", "skin_over_groups"}} in the order of first
        appearance, with means as `means_of` and fairness as `fairness_of` return them. Groups are those of GROUPS that
        occur, then "other"; "skin_over_groups" is the mean of the six groups' skin_delta_e, as `intervals.over_groups`.
    """
    summary = {}
    for model, rows in results.groupby("model", sort=False):
        names = [group for group in (*GROUPS, OTHER) if (rows["group"] == group).any()]
        groups = {name: means_of(rows[rows["group"] == name]) for name in names}
        summary[str(model)] = {
            "all": means_of(rows),
            "groups": groups,
            "fairness": fairness_of(groups),
            "skin_over_groups": intervals.over_groups(rows, "skin_delta_e", GROUPS, intervals.mean_over),
        }
    return summary


def means_of(rows: pd.DataFrame, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Any]:
    """Mean of each metric with its 95 % percentile bootstrap interval, photos resampled.

    Returns:
        {metric: {"mean", "low", "high", "n"}}, n the photos on which it could be measured; without one, None.
    """
    return intervals.means(rows, METRICS, resamples=resamples, seed=seed)


def fairness_of(groups: dict[str, Any]) -> dict[str, Any] | None:
    """The worst group's mean skin_delta_e over the best group's; None with fewer than two of GROUPS measured."""
    skin = {
        name: means["skin_delta_e"]["mean"]
        for name, means in groups.items()
        if name in GROUPS and has_skin(means)
    }
    if len(skin) < 2:
        return None
    worst, best = max(skin, key=lambda name: skin[name]), min(skin, key=lambda name: skin[name])
    ratio = skin[worst] / skin[best] if skin[best] > 0 else float("inf")
    return {"ratio": ratio, "worst": worst, "best": best}


def has_skin(means: dict[str, Any]) -> bool:
    """Whether skin was found on any photo of a group."""
    return means["skin_delta_e"] is not None


def classifier_summary(estimates: pd.DataFrame) -> dict[str, Any] | None:
    """How often the estimated group is the label's, on photos whose label is one of GROUPS; None without any.

    Args:
        estimates: columns ethnicity, estimated, crop ("face" or "centre") and one probability for each of GROUPS.

    Returns:
        n, accuracy and its 95 % interval low/high, balanced_accuracy (mean recall over the groups that occur), ece,
        crops {"face": {"n", "accuracy"}, "centre": ...}, recall {group: share} and confusion, a (6, 6) list of counts:
        rows the label, columns the estimate.
    """
    known = estimates[estimates["ethnicity"].isin(GROUPS)]
    if known.empty:
        return None
    is_right = (known["ethnicity"] == known["estimated"]).to_numpy()
    confusion = confusion_matrix(known["ethnicity"], known["estimated"], labels=list(GROUPS))
    drawn = np.random.default_rng(SEED).binomial(len(known), is_right.mean(), RESAMPLES) / len(known)
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    crops = {}
    for crop, rows in known.groupby("crop", sort=False):
        crops[str(crop)] = {
            "n": len(rows),
            "accuracy": float((rows["ethnicity"] == rows["estimated"]).mean()),
        }
    totals = confusion.sum(1)
    recall = {g: float(confusion[i, i] / totals[i]) for i, g in enumerate(GROUPS) if totals[i]}
    return {
        "n": len(known),
        "accuracy": float(is_right.mean()),
        "low": low,
        "high": high,
        "balanced_accuracy": float(np.mean(list(recall.values()))),
        "ece": calibration_error(known[list(GROUPS)].to_numpy(np.float64).max(1), is_right),
        "crops": crops,
        "recall": recall,
        "confusion": confusion.tolist(),
    }


def classifier_summaries(estimates: pd.DataFrame) -> dict[str, Any]:
    """{classifier: as `classifier_summary`} by the column classifier; without labels of GROUPS, nothing."""
    if estimates.empty:
        return {}
    found = {
        str(name): classifier_summary(rows) for name, rows in estimates.groupby("classifier", sort=False)
    }
    return {name: one for name, one in found.items() if one is not None}


def calibration_error(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> float:
    """Expected calibration error (Guo et al. 2017): how far confidence and accuracy differ, over BINS equal bins.

    Args:
        confidence: (N,) highest probability of each estimate, in [0, 1].
        is_right: (N,) whether that estimate was right.
    """
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, confidence - is_right, BINS)
    return float(np.abs(gaps).sum() / len(confidence))
