"""The numbers of a calibration: a temperature, a threshold, and how good both are on faces they were not chosen by.

found = calibrate(Estimates(probabilities, labels, {}))        # what the command `train.calibrate` gathers
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from colorizer.ethnicity import calibrated
from colorizer.groups import GROUPS
from colorizer.networks.ethnicity_classifier import TEMPERATURES
from train.reporting.classifier import reliability
from train.summary import calibration_error

# A group is named where such estimates are right for at least three faces in four. Whoever reads a name takes it for
# true, so it should be so clearly more often than not; a bar much higher would leave most faces without a name, and
# people would choose by hand what was estimated rightly. What is painted hardly depends on it: where the classifier is
# unsure and nothing else is chosen, the probabilities themselves are the condition.
RIGHT_AT_LEAST = 0.75
SEED = 0  # of the two halves
SHOWN = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Estimates:
    """What a classifier said of labelled faces, without any calibration."""

    probabilities: NDArray[np.float64]
    """(n, 6), each row summing to 1."""
    labels: NDArray[np.int64]
    """(n,) indices into GROUPS."""
    left_out: dict[str, int]
    """Pictures by why they don't count: "no face", "no label", "unreadable", "missing"."""
    names: tuple[str, ...] = ()
    """The pictures' own, n of them."""


@dataclass(frozen=True)
class Calibration:
    """Both numbers, and how good they are on faces by which they were not chosen."""

    temperature: float
    unsure_below: float
    confidence: NDArray[np.float64]
    """(n,) highest probability of each face, by the temperature of the half in which it is not."""
    is_sure: NDArray[np.bool_]
    """(n,) whether that is enough, by the threshold of that half."""
    halves: tuple[tuple[float, float], ...]
    """Temperature and threshold of each half."""


def fit_temperature(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The temperature that makes labels likeliest.

    Args:
        probabilities: (n, 6), each row summing to 1.
        labels: (n,) columns.
    """

    def error(log_temperature: float) -> float:
        return surprise(calibrated(probabilities, float(np.exp(log_temperature))), labels)

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(error, bounds=(low, high), method="bounded").x))


def surprise(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of the labels."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def choose_threshold(
    confidence: NDArray[np.float64], is_right: NDArray[np.bool_], right: float = RIGHT_AT_LEAST
) -> float:
    """The smallest confidence, in hundredths, from which on estimates are right often enough; 1 if none is.

    Args:
        confidence: (n,) highest probability of each estimate.
        is_right: (n,) whether it was right.
        right: share of the estimates at or above it that must be right.
    """
    for hundredths in range(101):
        kept = confidence >= hundredths / 100
        if kept.any() and is_right[kept].mean() >= right:
            return hundredths / 100
    return 1.0


def calibrate(known: Estimates, right: float = RIGHT_AT_LEAST) -> Calibration:
    """Choose both numbers on all faces, and try them on each half with the other half's."""
    is_right = known.probabilities.argmax(1) == known.labels
    confidence, is_sure = np.zeros(len(is_right)), np.zeros(len(is_right), bool)
    first = halves(known.labels)
    found = []
    for fitted in (first, ~first):
        temperature, threshold = _both(known, is_right, fitted, right)
        confidence[~fitted] = calibrated(known.probabilities[~fitted], temperature).max(1)
        is_sure[~fitted] = confidence[~fitted] >= threshold
        found.append((temperature, threshold))
    temperature, threshold = _both(known, is_right, np.ones_like(first), right)
    return Calibration(temperature, threshold, confidence, is_sure, tuple(found))


def halves(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether a face is in the first half; each label's faces are shared out evenly."""
    rng = np.random.default_rng(SEED)
    is_first = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        is_first[rows[::2]] = True
    return is_first


def _both(
    known: Estimates, is_right: NDArray[np.bool_], fitted: NDArray[np.bool_], right: float
) -> tuple[float, float]:
    """Temperature and threshold by some of the faces; the temperature as it will be written."""
    temperature = round(fit_temperature(known.probabilities[fitted], known.labels[fitted]), 3)
    confidence = calibrated(known.probabilities[fitted], temperature).max(1)
    return temperature, choose_threshold(confidence, is_right[fitted], right)


def tables(known: Estimates, found: Calibration) -> dict[str, pd.DataFrame]:
    """What is held out, in four ways.

    Returns:
        reliability: before and after, by bin of confidence; coverage: by threshold; groups: by label, how many are kept
        and right; named: by the group that is named, how often that is right.
    """
    estimated = known.probabilities.argmax(1)
    is_right = estimated == known.labels
    bins = [
        reliability(confidence, is_right).assign(calibrated=when)
        for when, confidence in (("no", known.probabilities.max(1)), ("yes", found.confidence))
    ]
    coverage = []
    for threshold in sorted({*SHOWN, found.unsure_below}):
        kept = found.confidence >= threshold
        coverage.append({"threshold": threshold, "kept": kept.mean(), "accuracy": _mean(is_right[kept])})
    groups, named = [], []
    for index, group in enumerate(GROUPS):
        own = known.labels == index
        right = is_right[own & found.is_sure]
        row = {"label": group, "n": int(own.sum()), "accuracy": _mean(is_right[own])}
        groups.append(row | {"kept": _mean(found.is_sure[own]), "accuracy of the kept": _mean(right)})
        saying = (estimated == index) & found.is_sure
        named.append({"named": group, "n": int(saying.sum()), "right": _mean(is_right[saying])})
    return {
        "reliability": pd.concat(bins, ignore_index=True),
        "coverage": pd.DataFrame(coverage),
        "groups": pd.DataFrame(groups),
        "named": pd.DataFrame(named),
    }


def _mean(values: NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None


def figures(known: Estimates, found: Calibration, source: str) -> dict[str, Any]:
    """What calibration.json holds, and the notes in the weights' file."""
    is_right = known.probabilities.argmax(1) == known.labels
    first = halves(known.labels)
    after = np.empty_like(known.probabilities)
    for rows, (temperature, _) in zip((~first, first), found.halves, strict=True):
        after[rows] = calibrated(known.probabilities[rows], temperature)
    return {
        "data": source,
        "n": len(is_right),
        "left_out": known.left_out,
        "accuracy": float(is_right.mean()),
        "temperature": found.temperature,
        "unsure_below": found.unsure_below,
        "right_at_least": RIGHT_AT_LEAST,
        "halves": [list(half) for half in found.halves],
        "ece_before": calibration_error(known.probabilities.max(1), is_right),
        "ece_after": calibration_error(found.confidence, is_right),
        "log_loss_before": surprise(known.probabilities, known.labels),
        "log_loss_after": surprise(after, known.labels),
        "kept": float(found.is_sure.mean()),
        "accuracy_of_the_kept": _mean(is_right[found.is_sure]),
    }
