"""The report's charts, out of its tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from train.reporting import charts, history
from train.reporting.blocks import Chart
from train.reporting.charts import Series
from train.reporting.models import BASELINES

NAMES = {"skin_delta_e": "skin ΔE", "psnr": "PSNR, dB", "delta_e": "ΔE"}


def groups(models: Mapping[str, Any], metric: str) -> Chart | None:
    """Each group's mean with its interval, a dot a model; gray, far off, is left out where there are others.

    None where the metric was measured on nobody.
    """
    shown = [name for name in models if name != "gray"] if len(models) > 1 else list(models)
    names = list(next(iter(models.values()))["groups"])
    series = []
    for name in shown:
        means = [models[name]["groups"].get(group, {}).get(metric) for group in names]
        x, low, high = (
            [np.nan if mean is None else mean[key] for mean in means] for key in ("mean", "low", "high")
        )
        series.append(Series(name, x, np.arange(len(names)), low, high))
    if not series or not any(np.isfinite(np.asarray(one.x, float)).any() for one in series):
        return None
    title = f"{NAMES[metric]} by group"
    alt = f"{title} with 95 % intervals for {', '.join(shown)}; the table holds the numbers."
    return Chart(title, charts.dots(series, names, NAMES[metric]), alt, shown)


def classifiers(tables: Mapping[str, pd.DataFrame | None], summaries: Mapping[str, Any]) -> list[Chart]:
    """ROC curves, one chart a classifier; then reliability and accuracy by confidence, all classifiers in one."""
    found = []
    roc, reliability, coverage = (tables.get(name) for name in ("roc", "reliability", "coverage"))
    assert roc is not None
    assert reliability is not None
    assert coverage is not None
    for name, one in summaries.items():
        rows = roc[roc["classifier"] == name]
        series, legend = [], []
        for group, curve in rows.groupby("group", sort=False):
            series.append(Series(str(group), curve["false_positive_rate"], curve["true_positive_rate"]))
            legend.append(f"{group}, AUC {one['auc'][group]:.3f}")
        if series:
            svg = charts.lines(
                series, "false positives", "true positives", diagonal=True, limits=(0, 1, 0, 1.01)
            )
            alt = f"ROC curves of {name}, each group against the others: {'; '.join(legend)}."
            found.append(Chart(f"ROC of {name}", svg, alt, legend))
    names = list(summaries)
    series = [
        Series(name, rows["confidence"], rows["accuracy"])
        for name in names
        if len(rows := reliability[reliability["classifier"] == name])
    ]
    errors = [f"{name}, ECE {one['ece']:.3f}" for name, one in summaries.items()]
    svg = charts.lines(
        series, "confidence", "accuracy", diagonal=True, has_markers=True, limits=(0, 1, 0, 1.01)
    )
    alt = f"Accuracy against confidence in {len(reliability)} bins; calibration error: {'; '.join(errors)}."
    found.append(Chart("Reliability", svg, alt, errors))
    series = [
        Series(name, rows["coverage"], rows["accuracy"])
        for name in names
        if len(rows := coverage[coverage["classifier"] == name])
    ]
    svg = charts.lines(series, "share of photos, surest first", "accuracy", limits=(0, 1, 0, 1.01))
    alt = "Accuracy on the surest estimates, from few of them to all."
    found.append(Chart("Accuracy by confidence", svg, alt, names))
    return found


def distribution(marginals: pd.DataFrame) -> list[Chart]:
    """Shares of a and of b on a log scale: the truth as an area, each model as a line."""
    models = [name for name in marginals.columns if name not in ("axis", "value", "truth", *BASELINES)]
    found = []
    for axis, rows in marginals.groupby("axis", sort=False):
        shares = rows.set_index("value")
        floor = 1e-6
        series = [Series(name, rows["value"], np.maximum(shares[name], floor)) for name in models]
        truth = Series("truth", rows["value"], np.maximum(shares["truth"], floor))
        used = shares.index[(shares[["truth", *models]] >= floor).any(axis=1)]
        limits = (float(used.min()) - 2, float(used.max()) + 2, floor, 1.0)
        svg = charts.lines(
            series, f"{axis}*", "share of pixels", truth=truth, is_log_y=True, limits=limits, first=1
        )
        title = f"Distribution of {axis}*"
        alt = f"{title} on a log scale: the truth's as a gray area, and that of {', '.join(models) or 'no model'}."
        found.append(Chart(title, svg, alt, models, has_truth=True, first=1))  # tint is the first in others
    return found


def training(curves: pd.DataFrame) -> list[Chart]:
    """One chart a metric: a colour a run, a dash a set.

    Args:
        curves: columns run, metric, set, step, value.
    """
    found = []
    runs = list(curves["run"].unique())
    # Of a single run the sets get colours too.
    sets = sorted(curves["set"].unique(), key=lambda name: (not str(name).startswith("val"), str(name)))
    for metric in history.order(list(curves["metric"].unique())):
        rows = curves[curves["metric"] == metric]
        series = []
        for (run, which), curve in rows.groupby(["run", "set"], sort=False):
            dash = sets.index(which)
            look = (dash if len(runs) == 1 else runs.index(run), dash)
            name = str(which) if len(runs) == 1 else f"{run}, {which}"
            thin = history.thin(curve)
            series.append(Series(name, thin["step"], thin["value"], look=look))
        title = str(metric).replace("_", " ")
        has_few = bool(rows.groupby(["run", "set"]).size().max() < 20)
        svg = charts.lines(series, "step", title, has_markers=has_few)
        last = "; ".join(f"{one.name} ends at {np.asarray(one.y)[-1]:.4g}" for one in series)
        legend, looks = [one.name for one in series], [one.look for one in series if one.look]
        shown = f"{title} ({legend[0]})" if len(series) == 1 else title  # which has no legend
        found.append(Chart(shown, svg, f"{title} by step: {last}.", legend, looks=looks))
    return found
