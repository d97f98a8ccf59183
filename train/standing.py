"""What a run says of itself in its folder, for who only looks: the page, lists of jobs. Imports no PyTorch.

about = read(Path("runs/mine"))         # run.json
status(Path("runs/mine"))               # "running", "finished", ...
row = last_row(Path("runs/mine"))       # of metrics.csv, fresher than run.json
"""

import csv
import json
import math
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

# Of metrics.csv only the end is read; a row has a few hundred letters.
_TAIL = 16_384


def read(folder: Path) -> dict[str, Any]:
    """A folder's run.json; empty if there is none."""
    try:
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def status(folder: Path) -> str:
    """running, finished, stopped, failed, killed (it said running, but nobody holds the folder), or none."""
    said = read(folder).get("status", "none")
    if said != "running":
        return str(said)
    lock = FileLock(folder / ".lock")
    try:
        with lock.acquire(timeout=0):
            return "killed"
    except Timeout:
        return "running"


def last_row(folder: Path) -> dict[str, float]:
    """The last whole row of metrics.csv: column -> number, empty cells left out; empty without a row."""
    try:
        with (folder / "metrics.csv").open("rb") as file:
            columns = next(csv.reader([file.readline().decode("utf-8", "replace")]), [])
            start = file.tell()
            file.seek(max(start, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().decode("utf-8", "replace").rpartition("\n")[0].splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        cells = next(csv.reader([line]), [])
        if len(cells) != len(columns):  # torn, or its beginning lies before what was read
            continue
        try:
            row = {name: float(cell) for name, cell in zip(columns, cells, strict=True) if cell}
        except ValueError:
            continue
        if math.isfinite(row.get("step", math.nan)):
            return row
    return {}
