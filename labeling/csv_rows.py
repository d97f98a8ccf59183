"""A labels CSV that somebody brings -> its rows, and what can't be taken of it, line by line.

    sheet = read(Path("labels.csv"))
    sheet.rows[0]                   # Row(line=2, name="a.jpg", batch="", label="Asian", face=0, ...)
    sheet.refused                   # [Refused(line=7, name="=cmd()", why="The file name ...")]

The first line is `imageName,ethnicity`, with further columns in any order: of these `face`, `annotator`, `time`,
`judgement` and `reason` are read, as `labeling.export` writes them, and all others passed over.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from labeling.errors import LabelError
from labeling.judgement import REASONS
from labeling.names import clean_label, clean_person, clean_photo_name, shown, starts_formula

MAX_BYTES = 200_000_000  # a million rows have about 60 MB
SHOWN = 200  # characters of a refused row's name
JUDGEMENTS = ("label", "unusable", "skip")

NAME, LABEL, FACE = "imageName", "ethnicity", "face"
ANNOTATOR, TIME, JUDGEMENT, REASON = "annotator", "time", "judgement", "reason"
SEPARATOR = "; "
"""Between the people of one cell of the column annotator."""


class Refused(NamedTuple):
    """A row that did not go in."""

    line: int
    """Of the CSV, from 1; 0 where it is about no line."""
    name: str
    why: str


class Row(NamedTuple):
    """What one line says."""

    line: int
    name: str
    """Of the photo, cleaned."""
    batch: str
    """The folder before the name, which may be a batch's name; "" without one."""
    label: str
    face: int
    """0 is the whole photo."""
    annotators: tuple[str, ...]
    at: float | None
    """Seconds since 1970, UTC."""
    kind: str
    """One of JUDGEMENTS."""
    reason: str
    """Of unusable."""
    path: str
    """The cell imageName as it was, for finding the photo's file."""


@dataclass(frozen=True)
class Sheet:
    """A CSV that was read."""

    rows: tuple[Row, ...]
    refused: tuple[Refused, ...]


def read(source: Path | bytes) -> Sheet:
    """Read a labels CSV.

    Args:
        source: the file, or its bytes.

    Raises:
        LabelError: it can't be read at all: no file, too large, no UTF-8, no such header.
    """
    name = source.name if isinstance(source, Path) else "The CSV"
    lines = csv.reader(io.StringIO(_decoded(source, name), newline=""), strict=True)
    columns = _columns(next(_records(lines, []), (0, []))[1], name)
    rows, refused = [], []
    damaged: list[Refused] = []
    for line, cells in _records(lines, damaged):
        if not any(cells):
            continue
        told = {column: cells[place] if place < len(cells) else "" for column, place in columns.items()}
        try:
            rows.append(_row(line, told))
        except LabelError as error:
            refused.append(Refused(line, told[NAME][:SHOWN], str(error)))
    return Sheet(tuple(rows), tuple(sorted([*refused, *damaged])))


def _decoded(source: Path | bytes, name: str) -> str:
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise LabelError(f"The CSV {source} can't be read: {error.strerror or error}.") from error
    else:
        content = source
    if len(content) > MAX_BYTES:
        raise LabelError(f"{name} is larger than {MAX_BYTES / 1e6:.0f} MB; import it in parts.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelError(
            f"{name} is not in UTF-8 ({error.reason} at byte {error.start}); save it as CSV in UTF-8."
        ) from error


def _records(lines: Iterator[list[str]], damaged: list[Refused]) -> Iterator[tuple[int, list[str]]]:
    """Each record and the number of its last line; those that are no CSV go to `damaged`."""
    while True:
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            damaged.append(
                Refused(lines.line_num, "", f"This line is no CSV ({error}); mend its quotes.")  # type: ignore[attr-defined]
            )
            continue
        yield lines.line_num, cells  # type: ignore[attr-defined]


def _columns(header: list[str], name: str) -> dict[str, int]:
    cells = [cell.strip() for cell in header]
    if NAME not in cells or LABEL not in cells:
        hint = ""
        if len(cells) == 1 and re.search(r"[;\t]", cells[0]):
            hint = ", with commas between the columns, not semicolons or tabs"
        raise LabelError(
            f"{name} has no columns imageName and ethnicity; its first line must be imageName,ethnicity{hint}."
        )
    known = (NAME, LABEL, FACE, ANNOTATOR, TIME, JUDGEMENT, REASON)
    twice = [column for column in known if cells.count(column) > 1]
    if twice:
        raise LabelError(f"{name} has the column {twice[0]} twice; remove one.")
    return {column: cells.index(column) for column in known if column in cells}


def _row(line: int, told: dict[str, str]) -> Row:
    """One line, cleaned.

    Raises:
        LabelError: something in it can't be taken.
    """
    path = told[NAME].replace("\\", "/")
    if starts_formula(path):
        raise LabelError(
            f"The cell {shown(path)} would start a formula in a spreadsheet (=, +, - or @); rename the photo."
        )
    name = clean_photo_name(told[NAME])
    folder = path.rpartition("/")[0].removeprefix("./").strip("/")
    kind = told.get(JUDGEMENT, "").strip() or "label"
    if kind not in JUDGEMENTS:
        raise LabelError(
            f"The judgement is {shown(kind)}; it must be one of {', '.join(JUDGEMENTS)}, or empty."
        )
    reason = told.get(REASON, "").strip()
    if kind == "unusable" and reason not in REASONS:
        raise LabelError(f"The reason is {shown(reason)}; it must be one of {', '.join(REASONS)}.")
    label = told[LABEL]
    if kind == "label" and not label.strip():
        raise LabelError("It has no ethnicity; write one, or leave the row out.")
    return Row(
        line,
        name,
        folder,
        clean_label(label) if kind == "label" else "",
        _face(told.get(FACE, "").strip()),
        _people(told.get(ANNOTATOR, ""), is_one=bool(told.get(JUDGEMENT, "").strip())),
        _time(told.get(TIME, "").strip()),
        kind,
        reason if kind == "unusable" else "",
        path,
    )


def _people(cell: str, is_one: bool) -> tuple[str, ...]:
    """Who judged: one person where the row is one judgement, or else all who said the same."""
    names = [cell] if is_one else cell.split(SEPARATOR.strip())
    return tuple(clean_person(name) for name in names if name.strip())


def _face(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,4}", text):
        return int(text)
    # Training's own tables have where the largest face lies in a column of this name: four numbers.
    if text and not re.fullmatch(r"(?:-?[0-9.e-]+ ){3}-?[0-9.e-]+", text):
        raise LabelError(f"The face is {shown(text)}; write its number, counted from the left from 1.")
    return 0


def written_time(at: float) -> str:
    """Seconds since 1970 as a CSV has them: ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(text: str) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise LabelError(
            f"The time is {shown(text)}; write it as 2026-11-21T20:45:00Z, or leave it empty."
        ) from None
