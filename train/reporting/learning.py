"""Quality against the number of training pictures: the table and page of `python -m train curves`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from train.reporting import charts, page, runs
from train.reporting.blocks import Cell, Chart, Charts, Section, Table, Text, mean_cell
from train.reporting.charts import Series
from train.reporting.models import BASELINES

PAGE = "report.html"
# What is drawn: metric, its name, decimals.
COLORIZER = (
    ("psnr", "PSNR, dB ↑", 2),
    ("ssim", "SSIM ↑", 3),
    ("delta_e", "ΔE ↓", 2),
    ("skin_delta_e", "skin ΔE ↓", 2),
    ("aligned_psnr", "aligned PSNR, dB ↑", 2),
)
CLASSIFIER = (
    ("accuracy", "accuracy ↑", 3),
    ("balanced_accuracy", "balanced accuracy ↑", 3),
    ("ece", "ECE ↓", 3),
)


def rows(size: int, content: dict[str, Any], names: Sequence[str]) -> pd.DataFrame:
    """One size's part of the table: columns pictures, model, metric, mean, low, high, n.

    Args:
        size: training pictures.
        content: what the summary.json of its evaluation holds.
        names: what it calls the trained model; rows of it are called "trained", the baselines keep their names.
    """
    found: list[dict[str, Any]] = []
    for model, scores in content["models"].items():
        for metric, _, _ in COLORIZER if model in names or names_a_colorizer(content, names) else ():
            if scores["all"][metric] is not None:
                called = "trained" if model in names else model
                found.append({"pictures": size, "model": called, "metric": metric} | scores["all"][metric])
    for name, scores in content["classifiers"].items():
        if name not in names:
            continue
        for metric, _, _ in CLASSIFIER:
            interval = (scores["low"], scores["high"]) if metric == "accuracy" else (None, None)
            found.append(
                {
                    "pictures": size,
                    "model": "trained",
                    "metric": metric,
                    "mean": scores[metric],
                    "low": interval[0],
                    "high": interval[1],
                    "n": scores["n"],
                }
            )
    return pd.DataFrame(found, columns=["pictures", "model", "metric", "mean", "low", "high", "n"])


def names_a_colorizer(content: dict[str, Any], names: Sequence[str]) -> bool:
    """Whether the trained model is among the colorizers: only then do the baselines say something."""
    return any(name in content["models"] for name in names)


def write(
    folder: Path,
    table: pd.DataFrame,
    recipe: str,
    command: str,
    is_balanced: bool,
    trained: Mapping[str, dict[str, Any]] | None = None,
) -> None:
    """Write learning.csv and the page.

    Args:
        folder: of all sizes.
        table: the rows of all of them.
        recipe: its name.
        command: what was typed.
        is_balanced: whether as many pictures of each group were asked for.
        trained: size -> as `runs.read` returns it.
    """
    table.to_csv(folder / "learning.csv", index=False)
    how = "as many of each group" if is_balanced else "groups as they come"
    about = Text(
        f"Recipe {recipe}, each size trained from the same start for the recipe's own length; pictures drawn once with "
        f"the recipe's seed, {how}. Intervals, 95%, are those of the photos measured on, not of another training; the "
        f"baselines need no training. {command}"
    )
    told = runs.table(trained or {})
    how_trained = [told] if told is not None else []
    sizes = sorted(table["pictures"].unique())
    section = Section("sizes", "Quality by training pictures", [*_blocks(table), *how_trained, about])
    subtitle = f"{recipe}: {', '.join(f'{size:,}' for size in sizes)} pictures"
    (folder / PAGE).write_text(page.render([section], "Learning curves", subtitle), encoding="utf-8")


def _blocks(table: pd.DataFrame) -> list[Charts | Table]:
    trained = table[table["model"] == "trained"]
    metrics = [one for one in (*COLORIZER, *CLASSIFIER) if (trained["metric"] == one[0]).any()]
    largest = table[table["pictures"] == table["pictures"].max()]
    drawings, rows = [], []
    for name in [name for name in BASELINES if (table["model"] == name).any()]:
        scores = largest[largest["model"] == name].set_index("metric")
        rows.append([Cell(name), *(_cell(scores, metric, decimals) for metric, _, decimals in metrics)])
    for size in sorted(trained["pictures"].unique()):
        scores = trained[trained["pictures"] == size].set_index("metric")
        rows.append(
            [Cell(f"{size:,}"), *(_cell(scores, metric, decimals) for metric, _, decimals in metrics)]
        )
    for metric, title, decimals in metrics:
        chosen = trained[trained["metric"] == metric].set_index("pictures").sort_index()
        series = [_series("trained", chosen)]
        tint = table[(table["model"] == "tint") & (table["metric"] == metric)]
        if len(tint):
            series.append(Series("tint", tint["pictures"], tint["mean"]))
        svg = charts.lines(series, "training pictures", title, has_markers=True, is_log_x=True)
        says = "; ".join(f"{size:,}: {mean:.{decimals}f}" for size, mean in chosen["mean"].items())
        drawings.append(
            Chart(title, svg, f"{title} by training pictures: {says}.", [one.name for one in series])
        )
    head = ["pictures", *(title for _, title, _ in metrics)]
    return [
        Charts(drawings, "learning.csv"),
        Table("Quality by training pictures", head, rows, "learning.csv"),
    ]


def _series(name: str, chosen: pd.DataFrame) -> Series:
    if chosen[["low", "high"]].isna().any(axis=None):
        return Series(name, chosen.index, chosen["mean"])
    return Series(name, chosen.index, chosen["mean"], chosen["low"], chosen["high"])


def _cell(scores: pd.DataFrame, metric: str, decimals: int) -> Cell:
    if metric not in scores.index:
        return Cell("–")
    mean, low, high = scores.loc[[metric], ["mean", "low", "high"]].to_numpy(np.float64)[0].tolist()
    if np.isnan(low):
        return Cell(f"{mean:.{decimals}f}")
    return mean_cell({"mean": mean, "low": low, "high": high}, decimals)
