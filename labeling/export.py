"""What people judged -> a labels CSV: `imageName,ethnicity`, UTF-8, RFC 4180, one row a labelled photo.

    written = write(store, Path("labels.csv"))                        every batch
    written = write(store, path, What(batch="Kathmandu 2024", by_face=True, annotator=True))
    written.refused, written.conflicts                                what is not in it, and why

A row says the label that an owner settled, or else what more than half of those said who judged. Photos that nobody
labelled, that can't be used, or that people disagree about have no row. A file is written whole or not at all, from
what the store held when its turn came: of several writers the last has the newest.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from filelock import FileLock, Timeout

from colorizer.errors import OptionError
from colorizer.provenance import write_whole
from labeling import schema
from labeling.batches import Batch, batches, find
from labeling.csv_rows import ANNOTATOR, FACE, JUDGEMENT, LABEL, NAME, REASON, SEPARATOR, TIME, written_time
from labeling.errors import LabelError
from labeling.names import shown, starts_formula
from labeling.settings import get_label_settings
from labeling.store import Store
from labeling.tally import Cast, Entry, tally, unswept

SUGGESTED, BOX = "suggestionShown", "faceBox"
BATCH_ABOVE = "/"
"""Between batch and name where one CSV holds two photos of a name; a photo's own name can't hold it."""
LOCK_SECONDS = 60.0

# A cell like these starts no formula, whatever follows: nearly every name, told apart quickly. Semicolons, in all their
# forms, begin a new cell in some countries.
_HARMLESS = re.compile("[^\\W_][^;\u037e\ufe14\ufe54\uff1b]*", re.DOTALL)


@dataclass(frozen=True)
class What:
    """What a CSV shall hold."""

    batch: int | str | None = None
    """Number or name of a batch; None is all."""
    by_face: bool = False
    """A row a face, with its number in a column `face`, instead of a row a photo."""
    all_judgements: bool = False
    """A row a judgement, whatever the others said, with who, when, and whether a suggestion was shown."""
    annotator: bool = False
    """A column with the people who said what counts."""
    time: bool = False
    """A column with when the last of them said so."""
    box: bool = False
    """Of faces, a column with where each is: left, top, right, bottom in pixels of the photo held upright."""

    @property
    def header(self) -> tuple[str, ...]:
        """The CSV's first line."""
        if self.all_judgements:
            columns = [ANNOTATOR, TIME, JUDGEMENT, REASON, SUGGESTED]
        else:
            columns = [ANNOTATOR] * self.annotator + [TIME] * self.time
        return (NAME, LABEL, *[FACE] * self.by_face, *columns, *[BOX] * (self.by_face and self.box))


_Boxes = dict[tuple[str, int], str]
"""(photo, face) -> its cell."""


class LeftOut(NamedTuple):
    """A photo that has no row although it was judged, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Exported:
    """A CSV's content."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    refused: tuple[LeftOut, ...]
    """Rows that would start a formula in a spreadsheet. Nothing like that gets into the store by Rangin."""
    conflicts: int
    """Items that people disagree about, which an owner may settle."""

    @property
    def text(self) -> str:
        """The CSV itself."""
        return "".join(as_lines([self.header, *self.rows]))


def rows(store: Store, what: What | None = None) -> Exported:
    """What a CSV would hold.

    Raises:
        LabelError: there is no such batch.
    """
    what = what or What()
    chosen = batches(store) if what.batch is None else [find(store, what.batch)]
    shared = _shared_names(store) if len(chosen) > 1 else {}
    made: list[tuple[str, ...]] = []
    refused: list[LeftOut] = []
    boxes = _boxes(store) if what.by_face and what.box else None
    waiting: dict[tuple[str, int], list[tuple[Batch, Entry]]] = defaultdict(list)
    conflicts = 0
    with unswept():
        for batch in chosen:
            for entry in tally(store, batch.id, what.by_face):
                conflicts += entry.is_conflict
                if entry.name in shared and (entry.outcome is not None or what.all_judgements):
                    waiting[entry.name, entry.face].append((batch, entry))
                else:
                    _take(of_entry(entry, entry.name, what, boxes), made, refused)
    for (name, _), several in waiting.items():
        is_one = (
            shared[name] and not what.all_judgements and len({entry.outcome for _, entry in several}) == 1
        )
        if is_one:  # the same photo in several batches, of which none says otherwise
            cast = tuple(one for _, entry in several for one in entry.cast)
            _take(of_entry(several[0][1]._replace(cast=cast), name, what, boxes), made, refused)
            continue
        for batch, entry in several:
            _take(of_entry(entry, f"{batch.name}{BATCH_ABOVE}{name}", what, boxes), made, refused)
    return Exported(what.header, made, tuple(refused), conflicts)


def write(store: Store, path: Path, what: What | None = None, locks: Path | None = None) -> Exported:
    """Write a CSV, whole or not at all, on the disk when this returns.

    Args:
        path: what stands there is replaced in one step; a reader sees the old or the new one.
        what: which rows and columns.
        locks: folder where writers of one file wait for each other; by default the labels' own.

    Raises:
        LabelError: there is no such batch, the file can't be written there, or another writer doesn't end.
    """
    path = path.resolve()
    if (path.exists() and not path.is_file()) or path == store.file:
        raise LabelError(
            f"{path} is not a file that labels can be written to; choose a name that ends in .csv."
        )
    with locked(path, locks):
        exported = rows(store, what)  # in here, so that nothing older is written over something newer
        put(path, exported.text)
    return exported


def locked(path: Path, locks: Path | None = None) -> FileLock:
    """A lock that all writers of this file share, to be used as a context; others wait LOCK_SECONDS for it.

    Raises:
        LabelError: the folder of locks can't be made.
    """
    folder = locks or get_label_settings().labels_folder / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise LabelError(
            f"The folder {folder} can't be made ({error.strerror}); let Rangin write there."
        ) from error
    return _Lock(folder / f"{sha256(str(path).encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.lock")


class _Lock(FileLock):  # type: ignore[misc,valid-type,unused-ignore]
    def __enter__(self) -> "_Lock":
        try:
            self.acquire(timeout=LOCK_SECONDS)
        except Timeout as error:
            raise LabelError("Another program is writing this CSV and doesn't end; try again.") from error
        return self


def put(path: Path, text: str) -> None:
    """Write a CSV's text in one step.

    Raises:
        LabelError: it can't be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except (OptionError, OSError) as error:
        said = (
            str(error)
            if isinstance(error, OptionError)
            else f"{path} could not be written ({error.strerror})."
        )
        raise LabelError(said) from error


def of_entry(entry: Entry, name: str, what: What, boxes: _Boxes | None = None) -> list[tuple[str, ...]]:
    """An item's rows: none, one, or one a judgement.

    Args:
        name: as it shall read.
        boxes: of all faces, where the rows say them.
    """
    face = (str(entry.face),) if what.by_face else ()
    box = () if boxes is None else (boxes.get((entry.photo, entry.face), ""),)
    if what.all_judgements:
        return [(name, *_judgement(one, face), *box) for one in entry.cast if one.kind != "settle"]
    if entry.outcome is None:
        return []
    row = (name, entry.outcome, *face)
    if what.annotator or what.time:
        agreed = agreeing(entry)
        settled = [one for one in entry.cast if one.kind == "settle" and one.label is not None]
        if what.annotator:
            row += (named(agreed),)
        if what.time:
            row += (written_time(max(one.at for one in settled or agreed)),)
    return [row + box]


def agreeing(entry: Entry) -> list[Cast]:
    """The judgements that say what an item comes to."""
    return [one for one in entry.cast if one.kind == "label" and one.label == entry.outcome]


def named(cast: Iterable[Cast]) -> str:
    """Who judged, as a cell of the column annotator."""
    return SEPARATOR.join(dict.fromkeys(one.who for one in cast))


def is_harmless(cell: str) -> bool:
    """Whether a spreadsheet takes a cell for text."""
    return _HARMLESS.fullmatch(cell) is not None or not starts_formula(cell)


def as_lines(table: Iterable[Sequence[str]]) -> list[str]:
    """Each row as a line of CSV, with its end."""
    lines = _Lines()
    csv.writer(lines, lineterminator="\r\n").writerows(table)
    return lines


class _Lines(list[str]):
    def write(self, line: str) -> None:
        self.append(line)


def _take(found: list[tuple[str, ...]], made: list[tuple[str, ...]], refused: list[LeftOut]) -> None:
    for row in found:
        bad = next((cell for cell in row if not is_harmless(cell)), None)
        if bad is None:
            made.append(row)
        else:
            refused.append(LeftOut(row[0], f"{shown(bad)} would start a formula in a spreadsheet."))


def _judgement(one: Cast, face: tuple[str, ...]) -> Iterator[str]:
    yield one.label or ""
    yield from face
    yield one.who
    yield written_time(one.at)
    yield one.kind
    yield one.word if one.kind == "unusable" else ""
    yield "yes" if one.was_shown else "no"


def _shared_names(store: Store) -> dict[str, bool]:
    """Names of photos that several batches have, and whether each name is one photo's in all of them."""
    items = schema.items.c
    query = (
        sa.select(items.name, sa.func.count(items.photo.distinct()))
        .where(items.face == 0)
        .group_by(items.name)
        .having(sa.func.count() > 1)  # of one batch a name is one photo's
    )
    with store.reading() as connection:
        return {name: number == 1 for name, number in connection.execute(query)}


def _boxes(store: Store) -> _Boxes:
    columns = schema.faces.c
    query = sa.select(columns.photo, columns.number, columns.left, columns.top, columns.right, columns.bottom)
    with store.reading() as connection:
        return {
            (photo, number): " ".join(str(max(0, round(edge))) for edge in edges)
            for photo, number, *edges in connection.execute(query)
        }
