"""What became of each photo of a planned batch: a line for each, appended as it is done, and the report made of them.

with Journal(planned, shard) as journal:         # one writer a file
    journal.trying(17)
    journal.add(17, row)
merge(planned, Path("report.csv"))               # Totals(photos=60, done=57, failed=3)

A process may be killed at any moment. A line is there as a whole or not: what is torn at a file's end is cut off by the
next writer and seen by no reader. A photo is done when its line says so and its output is there, or when its line says
what is wrong with it, as long as the photo itself is the same file as then.
"""

import csv
import io
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from colorizer.batch import Row
from colorizer.errors import OptionError
from colorizer.provenance import write_whole
from colorizer.shards import FOLDER, Plan, Shard

ROWS = "rows"
REPORT = "report.csv"
# Of a file of rows only the end says how far its writer is.
_TAIL = 65_536
# Seconds for which a shard that says nothing counts as at work.
_LATELY = 30.0
# What a line doesn't repeat: the plan says it.
_PLANNED = ("file", "output")


class Totals(NamedTuple):
    """How far a batch is."""

    photos: int
    done: int
    """In colour."""
    failed: int
    """With an error instead."""

    @property
    def left(self) -> int:
        """Photos of which nothing is known yet."""
        return self.photos - self.done - self.failed


@dataclass(frozen=True)
class Entry:
    """The last line of one photo."""

    at: float
    """Seconds since 1970."""
    stamp: str
    """The photo's size and time of change then; empty where there was none."""
    values: dict[str, Any]
    """Of the row."""

    @property
    def is_error(self) -> bool:
        """Whether there are no colours."""
        return bool(self.values.get("error"))


@dataclass(frozen=True)
class Known:
    """All that is known of a batch."""

    entries: dict[int, Entry]
    tries: Counter[int]
    """How often work on a photo began and had no end, not even one that was asked for."""


class Journal:
    """Writes the rows of one shard. Its caller sees to it that there is one writer."""

    def __init__(self, planned: Plan, shard: Shard) -> None:
        self.path = _file(planned, shard)
        self._total = len(shard.indices(len(planned.files)))
        self._states: dict[int, bool] = {}  # index: whether it failed
        self._failed = self._added = 0
        self._began = time.time()
        self._file = -1

    def __enter__(self) -> "Journal":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            _cut_torn_end(self.path)
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def begin(self, states: dict[int, bool]) -> None:
        """Say which photos of this shard are done already; True: with an error."""
        self._states, self._failed = dict(states), sum(states.values())
        self._append({})

    def trying(self, index: int) -> None:
        """Work on a photo begins."""
        self._append({"try": index})

    def stopped(self, index: int) -> None:
        """Work on it ended because that was asked for, or because of what isn't the photo's fault."""
        self._append({"stop": index})

    def add(self, index: int, row: Row, stamp: str) -> None:
        """What became of it; on the disk when this returns.

        Args:
            index: which photo.
            row: its row of the report.
            stamp: `stamp` of the photo, from before it was read.
        """
        values = {name: value for name, value in asdict(row).items() if name not in _PLANNED}
        self._failed += bool(row.error) - self._states.get(index, False)
        self._states[index] = bool(row.error)
        self._added += 1
        self._append({"photo": index, "at": time.time(), "stamp": stamp, "row": values})
        os.fsync(self._file)

    def _append(self, line: dict[str, Any]) -> None:
        line["totals"] = Totals(self._total, len(self._states) - self._failed, self._failed)
        line["pace"] = (self._added, time.time() - self._began, time.time())
        data = (json.dumps(line) + "\n").encode("ascii")
        try:
            size = os.fstat(self._file).st_size
            if os.write(self._file, data) < len(data):  # a full disk takes what it can
                os.ftruncate(self._file, size)
                raise OSError(0, "the disk is full")
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OptionError:
        return OptionError(
            f"{self.path} can't be written ({error.strerror}); make room or mend that, and run again."
        )


def known(planned: Plan) -> Known:
    """All lines of all shards, also of other numbers of shards."""
    entries: dict[int, Entry] = {}
    tries: Counter[int] = Counter()
    for path in sorted((planned.folder / ROWS).glob("*.jsonl")):
        here: Counter[int] = Counter()
        for line in _lines(path):
            if "try" in line:
                here[line["try"]] += 1
            elif "stop" in line:
                here[line["stop"]] -= 1
            elif (index := line.get("photo")) is not None:
                here.pop(index, None)
                entry = Entry(line["at"], line["stamp"], line["row"])
                if index not in entries or entry.at >= entries[index].at:
                    entries[index] = entry
        tries += here
    return Known(entries, tries)


def done(planned: Plan, indices: Sequence[int], entries: dict[int, Entry]) -> dict[int, bool]:
    """Which photos need no more work, and whether with an error."""
    return {
        index: entry.is_error
        for index in indices
        if (entry := entries.get(index)) is not None and _is_done(planned, index, entry)
    }


def _is_done(planned: Plan, index: int, entry: Entry) -> bool:
    if not entry.is_error and not planned.target(index).is_file():
        return False
    return stamp(planned.files[index]) in ("", entry.stamp)


def stamp(file: Path) -> str:
    """By what a file is known to be the same: its size and time of change; empty where there is none."""
    try:
        found = file.stat()
    except OSError:
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}"


def so_far(out: Path, of: int, only: int | None = None) -> Totals:
    """How far a batch in so many shards is, from the last line of each: quick, and for showing only.

    Args:
        out: the output folder.
        of: how many shards; one that has not begun counts nothing.
        only: the number of the one shard to look at.
    """
    numbers = range(1, of + 1) if only is None else (only,)
    found = [line["totals"] for line in _last_lines(out, numbers, of)]
    return Totals(*(sum(column) for column in zip(*found, strict=True))) if found else Totals(0, 0, 0)


def pace(out: Path, of: int) -> float | None:
    """Photos a second of all shards at work together; None where none has done one lately."""
    rates = [
        count / seconds
        for line in _last_lines(out, range(1, of + 1), of)
        for count, seconds, at in [line["pace"]]
        if count and seconds > 0 and time.time() - at < max(_LATELY, 3 * seconds / count)
    ]
    return sum(rates) or None


def merge(planned: Plan, report: Path | None = None) -> Totals:
    """Write the report of all shards, in the order of the plan, whole; photos without a word yet are left out.

    Args:
        report: a further place for it, beside the batch's own folder.

    Raises:
        OptionError: it can't be written.
    """
    entries = known(planned).entries
    states = done(planned, range(len(planned.files)), entries)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [one.name for one in fields(Row)], extrasaction="ignore")
    writer.writeheader()
    for index in sorted(states):
        writer.writerow(asdict(row(planned, index, entries[index])))
    # A name that is no UTF-8 must not cost the others their report.
    data = text.getvalue().encode("utf-8", errors="backslashreplace")
    for path in (planned.folder / REPORT, *([] if report is None else [report])):
        write_whole(path, data)
    failed = sum(states.values())
    return Totals(len(planned.files), len(states) - failed, failed)


def row(planned: Plan, index: int, entry: Entry) -> Row:
    """A photo's row of the report."""
    output = "" if entry.is_error else str(planned.target(index))
    names = {one.name for one in fields(Row)}.difference(_PLANNED)
    values = {name: value for name, value in entry.values.items() if name in names}
    return Row(str(planned.files[index]), output, **values)


def failures(planned: Plan) -> Iterator[Row]:
    """The rows of photos with an error."""
    entries = known(planned).entries
    for index, is_error in sorted(done(planned, range(len(planned.files)), entries).items()):
        if is_error:
            yield row(planned, index, entries[index])


def _file(planned: Plan, shard: Shard) -> Path:
    return planned.folder / ROWS / f"{shard.name}.jsonl"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file that somebody may be writing."""
    try:
        with path.open("rb") as file:
            for data in file:
                if data.endswith(b"\n") and (line := _parsed(data)) is not None:
                    yield line
    except FileNotFoundError:
        return


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(data)
    except ValueError:  # written while the machine went down
        return None
    return line if isinstance(line, dict) else None


def _last_lines(out: Path, numbers: Iterable[int], of: int) -> Iterator[dict[str, Any]]:
    """The last whole line of each of these shards that has begun."""
    for number in numbers:
        try:
            with (out / FOLDER / ROWS / f"{Shard(number, of).name}.jsonl").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                lines = file.read().splitlines(keepends=True)
        except OSError:
            continue
        for data in reversed(lines):
            if data.endswith(b"\n") and (line := _parsed(data)) is not None and "totals" in line:
                yield line
                break


def _cut_torn_end(path: Path) -> None:
    """Remove what a killed writer has left behind the last whole line, which the next line would be glued to."""
    with path.open("r+b") as file:
        end = size = file.seek(0, os.SEEK_END)
        while end > 0:
            start = file.seek(max(0, end - _TAIL))
            if (cut := file.read(end - start).rfind(b"\n")) >= 0:
                end = start + cut + 1
                break
            end = start
        if end < size:
            file.truncate(end)
