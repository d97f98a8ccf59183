"""The CSVs that are always there: one a batch in the labels' folder, current within two seconds of anybody's label.

    exporter = Exporter(store, settings.labels_folder)
    exporter.start()
    exporter.now()                          # at once; the files
    exporter.stop()                         # after a last look

    csv/Kathmandu-2024.csv                  imageName,ethnicity
    csv/Kathmandu-2024-faces.csv            imageName,ethnicity,face; where faces have been judged

Only items with new events are read again, so that a batch of a hundred thousand costs the page next to nothing.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from labeling import export, schema
from labeling.batches import Batch, batches
from labeling.store import Store
from labeling.tally import Entry, changed, tally

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
REST_SECONDS = 1.0
"""From one look to the next: with what a look takes, and the poll before it, less than two."""
_LEFTOVER_SECONDS = 3600.0
_SLUG_BYTES = 150  # file systems take 255
_NOT_IN_NAMES = set('<>:"/\\|?*')
_MOST_AT_ONCE = 5000  # items; of more, all are read anew

_Key = tuple[int, int, int]


@dataclass
class _Sheet:
    """A CSV's lines by (position, face, item)."""

    lines: dict[_Key, str] = field(default_factory=dict)
    places: dict[int, _Key] = field(default_factory=dict)
    order: list[_Key] = field(default_factory=list)

    def put(self, entries: Iterable[Entry], items: Iterable[int], what: export.What) -> bool:
        """Let the items read as the entries say; whether that changed anything."""
        new: dict[_Key, str] = {}
        rows, keys = [], []
        for entry in entries:
            for row in export.of_entry(entry, entry.name, what):
                if all(map(export.is_harmless, row)):
                    rows.append(row)
                    keys.append((entry.position, entry.face, entry.item))
        new = dict(zip(keys, export.as_lines(rows), strict=True))
        gone = {self.places[item] for item in items if item in self.places} - new.keys()
        is_same = not gone and all(self.lines.get(key) == line for key, line in new.items())
        if is_same:
            return False
        for key in gone:
            del self.lines[key], self.places[key[2]]
        if gone or not new.keys() <= self.lines.keys():
            self.lines.update(new)
            self.order = sorted(self.lines)
        else:
            self.lines.update(new)
        self.places.update((key[2], key) for key in new)
        return True

    def text(self, what: export.What) -> str:
        """The whole CSV."""
        return "".join([*export.as_lines([what.header]), *(self.lines[key] for key in self.order)])


@dataclass
class _Known:
    """What was last read of a batch."""

    events: int = -1
    last: int = 0
    changes: int = -1
    photos: _Sheet = field(default_factory=_Sheet)
    faces: _Sheet = field(default_factory=_Sheet)


class Exporter:
    """Keeps every batch's CSV current, whichever process labels."""

    def __init__(
        self, store: Store, folder: Path, poll: float = POLL_SECONDS, rest: float = REST_SECONDS
    ) -> None:
        """Args:
        store: is asked for changes.
        folder: of all that labelling keeps; the CSVs go into `csv` below it.
        poll, rest: seconds between two questions, and between two looks at what changed.
        """
        self.folder = folder / "csv"
        self.problem = ""
        """Why the CSVs are not current, as a sentence; empty while they are."""
        self._store, self._locks = store, folder / "locks"
        self._poll, self._rest = poll, rest
        self._known: dict[int, _Known] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Write what is not current, then go on in a thread until `stop`."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._work, name="labels CSV", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; what was saved until now is in the CSVs when this returns."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def now(self) -> list[Path]:
        """Write what is not current at once.

        Returns:
            Every batch's files, oldest batch first.

        Raises:
            LabelError: a file can't be written.
        """
        with self._lock:
            return self._write()

    def path(self, batch: int, by_face: bool = False) -> Path:
        """Where a batch's CSV is, or will be once something is judged."""
        return self.folder / names(batches(self._store))[batch][by_face]

    def _work(self) -> None:
        self._sweep()
        seen, looked = -1, 0.0
        while True:
            is_last = self._stopped.wait(self._poll)
            try:
                now = time.monotonic()
                if is_last or now - looked >= self._rest:
                    version = self._store.version()
                    if is_last or version != seen or self.problem or not self._are_there():
                        looked = now
                        self.now()
                        seen, self.problem = version, ""
            except Exception as error:  # a full disk, a database that is away: neither may end the thread
                if not self.problem:
                    log.exception("The labels' CSVs could not be written; this is tried again.")
                self.problem = f"The CSVs in {self.folder} are not current ({error})"
            if is_last:
                return

    def _are_there(self) -> bool:
        return all((self.folder / file[0]).exists() for file in names(batches(self._store)).values())

    def _write(self) -> list[Path]:
        all_batches = batches(self._store)
        events, changes = self._counts()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths = []
        for number, files in names(all_batches).items():
            known = self._known.setdefault(number, _Known())
            there = _Known(*events.get(number, (0, 0)), changes)
            places = [self.folder / file for file in files]
            is_new = known.events < 0
            is_current = (known.events, known.changes) == (there.events, there.changes)
            if not is_current or not places[0].exists():
                with export.locked(places[0], self._locks):
                    # Read in here, so that of several processes none writes something older over something newer.
                    touched = self._read(number, known, there)
                    sheets = known.photos, known.faces
                    for by_face, (place, sheet) in enumerate(zip(places, sheets, strict=True)):
                        what = export.What(batch=number, by_face=bool(by_face))
                        is_wanted = not by_face or sheet.lines or place.exists()
                        if is_wanted and (is_new or touched[by_face] or not place.exists()):
                            export.put(place, sheet.text(what))
            paths += [place for place in places if place.exists()]
        return paths

    def _counts(self) -> tuple[dict[int, tuple[int, int]], int]:
        """How many events each batch has and the last one's number; how many changes owners made."""
        events = schema.events.c
        query = sa.select(events.batch, sa.func.count(), sa.func.max(events.id)).group_by(events.batch)
        with self._store.reading() as connection:
            changes = connection.scalar(sa.select(sa.func.count()).select_from(schema.changes)) or 0
            return {batch: (count, last) for batch, count, last in connection.execute(query)}, int(changes)

    def _read(self, batch: int, known: _Known, there: _Known) -> tuple[bool, bool]:
        """Bring the sheets up to date; whether photos' and faces' changed.

        Args:
            there: what the store held a moment ago, or more by now.
        """
        is_whole = known.changes != there.changes  # a word of the vocabulary may stand in any row
        items: set[int] = set()
        if not is_whole:
            items, number, last = changed(self._store, batch, known.last)
            # Fewer than there should be: a smaller number was committed after a larger one.
            is_whole = known.events + number < there.events or len(items) > _MOST_AT_ONCE
        touched = []
        for by_face, sheet in enumerate((known.photos, known.faces)):
            what = export.What(batch=batch, by_face=bool(by_face))
            entries = tally(self._store, batch, bool(by_face), None if is_whole else items)
            touched.append(sheet.put(entries, sheet.places.keys() if is_whole else items, what))
        if is_whole:
            known.events, known.last, known.changes = there.events, there.last, there.changes
        else:
            known.events, known.last = known.events + number, last
        return touched[0], touched[1]

    def _sweep(self) -> None:
        """Delete what killed processes have left half written."""
        for part in self.folder.glob(".rangin-*.part"):
            try:
                if time.time() - part.stat().st_mtime > _LEFTOVER_SECONDS:
                    part.unlink()
            except OSError:
                log.warning("%s could not be deleted.", part)


def names(all_batches: Sequence[Batch]) -> dict[int, tuple[str, str]]:
    """Each batch's two file names, photos' and faces': readable, and different also where case doesn't count."""
    taken: set[str] = set()
    found = {}
    for batch in all_batches:
        stem = slug(batch.name)
        files, count = (f"{stem}.csv", f"{stem}-faces.csv"), 1
        while taken & {file.casefold() for file in files}:
            count += 1
            files = (f"{stem}-{count}.csv", f"{stem}-{count}-faces.csv")
        taken |= {file.casefold() for file in files}
        found[batch.id] = files
    return found


def slug(name: str) -> str:
    """A name -> one that every file system takes, without blanks; letters of all scripts stay."""
    plain = "".join("-" if c.isspace() or c in _NOT_IN_NAMES or not c.isprintable() else c for c in name)
    plain = plain.encode()[:_SLUG_BYTES].decode(errors="ignore").strip(".-")
    return plain or "batch"
