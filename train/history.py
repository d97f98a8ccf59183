"""metrics.csv: a row a logging point, written as the run goes on.

history = History(folder / "metrics.csv")
history.add({"step": 20, "train/loss": 3.1})
history.forget_after(10)        # a resumed run does those steps again
"""

import csv
import io
import os
from pathlib import Path

from train import atomic

FIRST = ("step", "epoch", "lr", "seconds", "images_per_second")


class History:
    """Rows of numbers with a stable order of columns, whichever of them came first.

    Args:
        path: the CSV; rows that are there are kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = []
        self.rows: list[dict[str, str]] = []
        if path.is_file():
            self.columns, self.rows = read(path)

    def add(self, row: dict[str, float]) -> None:
        """Append a row; a name that no row had before becomes a column.

        Raises:
            OSError: it can't be written; what was in the file stays.
        """
        texts = {name: _text(value) for name, value in row.items()}
        self.rows.append(texts)
        if set(texts) <= set(self.columns) and self.path.is_file():
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, self.columns, lineterminator="\n").writerow(texts)
        else:
            self._rewrite()

    def forget_after(self, step: int) -> None:
        """Drop the rows beyond a step, and whatever a killed process left half written."""
        self.rows = [row for row in self.rows if int(row["step"]) <= step]
        if self.path.is_file():
            self._rewrite()

    def sync(self) -> None:
        """Have the rows on the disk: a checkpoint must not be ahead of them."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def _rewrite(self) -> None:
        self.columns = sorted({name for row in self.rows for name in row}, key=_place)
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        atomic.write(self.path, text.getvalue())


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a metrics.csv; empty cells are left out, and so is a last line that is not whole."""
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    lines = list(csv.reader(whole.splitlines()))
    columns = lines[0] if lines else []
    rows = [
        {name: cell for name, cell in zip(columns, line, strict=True) if cell}
        for line in lines[1:]
        if len(line) == len(columns)
    ]
    return columns, [row for row in rows if row.get("step", "").isdigit()]


def _place(name: str) -> tuple[int, str, int, str]:
    """Columns in this order: FIRST, train/..., val/..., val1/..., a loss before its parts."""
    if name in FIRST:
        return FIRST.index(name), "", 0, ""
    group, _, part = name.partition("/")
    return len(FIRST), group, int(part != "loss"), part


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.8g}"
