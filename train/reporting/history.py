"""A training run's curves out of its metrics.csv, whoever's logger wrote it."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from colorizer.errors import OptionError

# Columns that are no score of the network.
NO_CURVE = re.compile(r"step|epoch|phase|seconds|minutes|time|.*_per_second|lr($|[-_/].*)|learning_rate.*")
FIRST = ("loss", "psnr", "ssim", "accuracy", "color_loss", "cross_entropy")
POINTS = 150  # of a drawn curve: longer ones are averaged in so many stretches


def read(path: Path) -> pd.DataFrame:
    """Every numeric column as a curve.

    `train/loss` and `val/loss` become two curves of "loss", `val1/loss` and Lightning's `loss/dataloader_idx_1` one of
    its second validation set. A name without either stays alone, in the set "logged".

    Args:
        path: CSV with a row a logging, cells empty where something was not logged, and a column step or epoch.

    Returns:
        Columns metric, set ("train", "val", "val1", ... or "logged"), step and value.

    Raises:
        OptionError: it can't be read.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise OptionError(f"The curves {path} can't be read: {error}") from error
    columns = [name for name in ("step", "epoch") if name in table]
    steps = table[columns[0]] if columns else pd.Series(np.arange(len(table)))
    parts = []
    for column in table.columns:
        values = pd.to_numeric(table[column], errors="coerce")
        if NO_CURVE.fullmatch(str(column)) or not np.isfinite(values).any():
            continue
        metric, which = split_name(str(column))
        part = pd.DataFrame({"metric": metric, "set": which, "step": steps, "value": values})
        parts.append(part[np.isfinite(part["value"]) & part["step"].notna()])
    names = ["metric", "set", "step", "value"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def split_name(column: str) -> tuple[str, str]:
    """A column's name -> the metric and the set it was measured on."""
    if found := re.fullmatch(r"(train|val\d*|validation|test)[/_](.+)", column):
        return found[2], "val" if found[1] == "validation" else found[1]
    if found := re.fullmatch(r"(.+)/dataloader_idx_(\d+)", column):
        return found[1], "val" if found[2] == "0" else f"val{found[2]}"
    return column, "logged"


def order(metrics: list[str]) -> list[str]:
    """What people look for first stands first; the rest as it comes."""
    return sorted(metrics, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))


def thin(curve: pd.DataFrame) -> pd.DataFrame:
    """Columns step and value, shortened to POINTS means."""
    curve = curve.sort_values("step")[["step", "value"]]
    if len(curve) <= POINTS:
        return curve
    stretch = np.arange(len(curve)) * POINTS // len(curve)
    return curve.groupby(stretch).mean()
