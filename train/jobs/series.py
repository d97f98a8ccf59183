"""The curves of runs out of their metrics.csv, as they stand at this moment.

    series.read([runs / "first-20261122-...", runs / "second-..."])["psnr"]       # a Curve a run and split

Light: neither PyTorch nor pandas, for the page asks every two seconds.
"""

import csv
import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from train import history

TRAINING, VALIDATION = "training", "validation"
FILE = "metrics.csv"
MEASURES = {"loss": "Loss", "psnr": "PSNR, dB", "ssim": "SSIM", "accuracy": "Accuracy"}
"""What is drawn, in this order -> its title. A colorizer has the first three, a classifier the first and the last."""
POINTS = 200
"""Of a curve; longer ones are averaged in so many stretches."""


@dataclass(frozen=True)
class Curve:
    """One measure of one run."""

    run: str
    """Name of the run's folder."""
    split: str
    """TRAINING, or VALIDATION, of which further ones have a number behind: "validation 1"."""
    steps: tuple[float, ...]
    """Ascending; of a stretch of several rows the mean."""
    values: tuple[float, ...]
    """Finite; as many as steps. The first and the last are as they were measured."""


def read(folders: Sequence[Path], points: int = POINTS) -> dict[str, list[Curve]]:
    """The curves of several runs, to be laid over one another.

    Args:
        folders: of runs; one without a metrics.csv that can be read has no curves.
        points: of a curve, at most; 3 or more.

    Returns:
        Key of MEASURES -> the runs' curves in the folders' order, of each first training, then validation. Only
        measures that some run has.
    """
    found = [(folder.name, _columns(folder)) for folder in folders]
    curves: dict[str, list[Curve]] = {}
    for measure in MEASURES:
        for run, columns in found:
            for (name, split), rows in columns.items():
                if name == measure:
                    steps, values = _thin(rows, points)
                    curves.setdefault(measure, []).append(Curve(run, split, steps, values))
    return curves


def last(folder: Path) -> dict[str, float]:
    """The last value of each column of a run's metrics.csv that has one; empty before the first row."""
    return dict(_last(*_stamp(folder)))


Rows = tuple[tuple[int, float], ...]


def _columns(folder: Path) -> dict[tuple[str, str], Rows]:
    return _read(*_stamp(folder))


def _stamp(folder: Path) -> tuple[Path, int, int]:
    """The file, and what changes with it; a file that isn't there has a stamp too."""
    path = folder / FILE
    try:
        about = os.stat(path)
    except OSError:
        return path, 0, 0
    return path, about.st_mtime_ns, about.st_size


def _rows(path: Path) -> list[dict[str, str]]:
    """The whole rows; none of a file that isn't there or isn't ours. A last line that is still being written waits."""
    try:
        return history.read(path)[1]
    except (OSError, ValueError, csv.Error):
        return []


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int, _size: int) -> dict[tuple[str, str], Rows]:
    """(measure, split) -> its rows, training first."""
    columns: dict[str, list[tuple[int, float]]] = {}
    for row in _rows(path):
        step = int(row["step"])
        for name, text in row.items():
            if (value := _number(text)) is not None and _place(name) is not None:
                columns.setdefault(name, []).append((step, value))
    placed = {place: tuple(sorted(rows)) for name, rows in columns.items() if (place := _place(name))}
    return dict(sorted(placed.items(), key=lambda item: item[0]))


@lru_cache(maxsize=64)
def _last(path: Path, _changed: int, _size: int) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for row in _rows(path):
        found |= {name: value for name, text in row.items() if (value := _number(text)) is not None}
    return tuple(found.items())


def _place(column: str) -> tuple[str, str] | None:
    """A column's name -> measure and split; None of what is no curve."""
    split, _, measure = column.partition("/")
    if measure not in MEASURES:
        return None
    if split == "train":
        return measure, TRAINING
    number = split.removeprefix("val")
    if split == "val" or (split.startswith("val") and number.isdigit()):
        return measure, f"{VALIDATION} {number}".strip()
    return None


def _number(text: str) -> float | None:
    """A finite number, or None: of a run that diverged a curve ends."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _thin(rows: Rows, points: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Steps and values, at most `points` of them: the first row, means of stretches, the last row."""
    if len(rows) > points:
        inner, count = rows[1:-1], points - 2
        edges = [len(inner) * i // count for i in range(count + 1)]
        means = [_mean(inner[start:end]) for start, end in itertools.pairwise(edges)]
        rows = (rows[0], *means, rows[-1])  # type: ignore[arg-type]
    return tuple(step for step, _ in rows), tuple(value for _, value in rows)


def _mean(rows: Rows) -> tuple[float, float]:
    return sum(step for step, _ in rows) / len(rows), sum(value for _, value in rows) / len(rows)
