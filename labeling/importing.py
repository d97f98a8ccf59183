"""A labels CSV -> judgements in the store; what can't go in is listed with its line, and the rest goes in.

    imported = import_csv(store, Path("labels.csv"), who="Maya")
    imported.added, imported.unchanged, imported.refused

A row is one judgement: of the people in its column `annotator`, or else of whoever imports. Where the store says the
same already nothing is written, so an exported CSV changes nothing, and a file may be imported any number of times. A
judgement that somebody has changed since the row's `time` stays as it is.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from labeling.csv_rows import SEPARATOR, Refused, Row, read, written_time
from labeling.errors import LabelError
from labeling.export import agreeing, named
from labeling.import_matching import Item, Places, Words
from labeling.judgement import Judgement
from labeling.judging import judge_all
from labeling.names import clean_person, shown
from labeling.store import Store
from labeling.tally import Cast, Entry, tally, unswept
from labeling.vocabulary import Label

AT_ONCE = 50  # judgements of one transaction: a twentieth of a second or so, for which others wait
# SQLite hands its one writer's place to nobody in particular: who waits looks again after up to a tenth of a second,
# and would find the import at it every time. So that rests, for as long as it worked, within these limits in seconds.
LEAST_REST, MOST_REST = 0.02, 0.1
SAME_MOMENT = 0.001  # seconds; a CSV has milliseconds
_NO_ENTRY = Entry(0, 0, 0, "", "", (), None, False)

Advance = Callable[[int, int], None]
"""Told (judgements on the disk, of how many)."""


@dataclass
class Imported:
    """What became of a CSV."""

    rows: int
    """Lines below the header that hold something."""
    added: int = 0
    """Judgements that were written."""
    unchanged: int = 0
    """Rows that the store knew already."""
    older: int = 0
    """Rows older than what the same person has said since, or said while they were imported."""
    refused: list[Refused] = field(default_factory=list)


class _Meant(NamedTuple):
    """A row, understood."""

    row: Row
    items: tuple[Item, ...]
    """The same photo in several batches, or one."""
    label: Label | None


def import_csv(
    store: Store,
    source: Path | bytes,
    who: str,
    batch: int | str | None = None,
    mapping: Mapping[str, str] | None = None,
    advance: Advance = lambda done, total: None,
) -> Imported:
    """Bring a labels CSV into the store.

    Args:
        source: the file, or its bytes.
        who: whose judgements rows without an annotator are.
        batch: number or name of the batch that is meant; None looks in all, and a name that several photos have must
            then be written BATCH/NAME.
        mapping: another word -> the label it stands for.
        advance: told how far writing has come.

    Raises:
        LabelError: the CSV can't be read, there is no such batch or label, or the store is busy: importing it again
            then goes on where it stopped.
    """
    who = clean_person(who)
    sheet = read(source)
    words = Words(store, mapping or {})
    imported = Imported(len(sheet.rows) + len(sheet.refused), refused=list(sheet.refused))
    meant = []
    with unswept():
        places = Places(store, batch)
        for row in sheet.rows:
            try:
                meant.append(_Meant(row, places.find(row), words.label(row)))
            except LabelError as error:
                imported.refused.append(Refused(row.line, row.path, str(error)))
    with unswept():
        judgements = _compare(store, who, _without_contradictions(meant, imported), imported)
    for start in range(0, len(judgements), AT_ONCE):
        part = judgements[start : start + AT_ONCE]
        began = time.monotonic()
        saved = judge_all(store, part)
        imported.added += len(part) - saved.count(None)
        imported.older += saved.count(None)  # who labels meanwhile has the last word
        done = start + len(part)
        advance(done, len(judgements))
        if store.is_sqlite and done < len(judgements):
            time.sleep(min(max(time.monotonic() - began, LEAST_REST), MOST_REST))
    imported.refused.sort()
    return imported


def _without_contradictions(meant: Iterable[_Meant], imported: Imported) -> list[_Meant]:
    """Rows without those that say something else than an earlier line about the same photo, which are refused."""
    said: dict[tuple[int, str], tuple[tuple[str, int | None], int]] = {}
    kept = []
    for one in meant:
        word = (one.row.kind, one.label.id if one.label else None)
        keys = [(item.number, person) for item in one.items for person in one.row.annotators or ("",)]
        first = next((said[key] for key in keys if key in said and said[key][0] != word), None)
        if first is None:
            said.update((key, (word, one.row.line)) for key in keys if key not in said)
            kept.append(one)
        else:
            why = f"Line {first[1]} says something else about it; leave one of the two out."
            imported.refused.append(Refused(one.row.line, one.row.path, why))
    return kept


def _compare(store: Store, who: str, meant: list[_Meant], imported: Imported) -> list[Judgement]:
    """What has to be written for the rows to be in the store; counts those that need nothing."""
    entries = _entries(store, meant)
    now = store.clock()
    judgements: list[Judgement] = []
    written: set[tuple[int, str]] = set()
    for one in meant:
        row = one.row
        if row.at is not None and row.at > now + 1:
            why = f"Its time, {written_time(row.at)}, has not come yet; write it in UTC, or leave it empty."
            imported.refused.append(Refused(row.line, row.path, why))
            continue
        known = [entries.get(item.number, _NO_ENTRY) for item in one.items]
        todo: list[tuple[int, str, int]] = []
        is_older = False
        if not _is_known(one, known):
            for person in row.annotators or (who,):
                mine = [
                    next((cast for cast in entry.cast if _is_mine(cast, person)), None) for entry in known
                ]
                if any(cast is not None and _says(cast, one) for cast in mine):
                    continue
                for item, cast in zip(one.items, mine, strict=True):
                    if cast is not None and (
                        row.kind == "skip" or (row.at is not None and cast.at > row.at + SAME_MOMENT)
                    ):
                        is_older = True
                    elif (item.number, person) not in written:
                        todo.append((item.number, person, 0 if cast is None else cast.event))
        if todo and one.label is not None and not one.label.is_active:
            why = f"The label {shown(one.label.name)} is no longer in use; an owner can take it back."
            imported.refused.append(Refused(row.line, row.path, why))
            continue
        written.update((number, person) for number, person, _ in todo)
        imported.older += is_older and not todo
        imported.unchanged += not todo and not is_older
        label = one.label.id if one.label else None
        judgements += [
            Judgement(
                *(uuid.uuid4().hex, person, number, row.kind, label, row.reason),
                via="import",
                at=row.at,
                instead_of=seen,
            )
            for number, person, seen in todo
        ]
    return judgements


def _entries(store: Store, meant: list[_Meant]) -> dict[int, Entry]:
    """What the store holds of the rows' items."""
    wanted: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for one in meant:
        for item in one.items:
            wanted[item.batch, item.face > 0].append(item.number)
    found = {}
    for (batch, by_face), items in wanted.items():
        for entry in tally(store, batch, by_face, items if len(items) < 5000 else None):
            found[entry.item] = entry
    return found


def _is_known(one: _Meant, entries: Iterable[Entry]) -> bool:
    """Whether a row says what the store does of any of these, with the same people where it names some."""
    people = SEPARATOR.join(one.row.annotators)  # as a whole: a name may hold what stands between names
    return any(
        _comes_to(one, entry) and (not people or people == named(agreeing(entry))) for entry in entries
    )


def _comes_to(one: _Meant, entry: Entry) -> bool:
    """Whether an item's judgements come to what a row says."""
    if one.row.kind == "label":
        return one.label is not None and entry.outcome == one.label.name
    return (
        entry.is_unusable if one.row.kind == "unusable" else any(cast.kind == "skip" for cast in entry.cast)
    )


def _is_mine(cast: Cast, person: str) -> bool:
    return cast.who == person and cast.kind != "settle"


def _says(cast: Cast, one: _Meant) -> bool:
    """Whether a judgement is what a row says."""
    if cast.kind != one.row.kind:
        return False
    if one.label is not None:
        return cast.label == one.label.name
    return cast.kind != "unusable" or cast.word == one.row.reason
