"""What the folder of a training run says of how it was trained."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from train.reporting.blocks import Cell, Table, number

HEAD = ("run", "status", "pictures", "steps", "minutes", "device", "commit")


def read(folder: Path) -> dict[str, Any]:
    """status, pictures, steps, minutes, device and commit out of run.json; None for what it doesn't say."""
    try:
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    if not isinstance(found, dict):
        found = {}
    sources = found.get("data")
    counts = [source.get("pictures") for source in sources or () if isinstance(source, dict)]
    seconds = found.get("seconds")
    return {
        "status": found.get("status"),
        "pictures": sum(counts) if counts and all(isinstance(count, int) for count in counts) else None,
        "steps": steps if isinstance(steps := found.get("step"), int) else None,
        "minutes": seconds / 60 if isinstance(seconds, int | float) else None,
        "device": found.get("device"),
        "commit": found.get("commit"),
    }


def table(runs: Mapping[str, dict[str, Any]]) -> Table | None:
    """One row a run; None where no run says anything of itself."""
    told = {name: about for name, about in runs.items() if any(value is not None for value in about.values())}
    rows = [
        [
            Cell(name),
            Cell(str(about["status"] or "–")),
            number(about["pictures"]),
            number(about["steps"]),
            number(about["minutes"], 1),
            Cell(str(about["device"] or "–")),
            Cell(str(about["commit"] or "–")),
        ]
        for name, about in told.items()
    ]
    return Table("How they were trained", HEAD, rows, "run.json of each run") if rows else None
