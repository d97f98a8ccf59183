"""Which photo a row of a CSV is about, and which label its word stands for."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from labeling import schema, vocabulary
from labeling.batches import batches, find
from labeling.csv_rows import Row
from labeling.errors import LabelError
from labeling.names import clean_photo_name, shown
from labeling.store import Store
from labeling.vocabulary import Label

_CHANGES = 10_000  # of owners; a vocabulary sees a few dozen


class Item(NamedTuple):
    """A photo in a batch, or a face of one."""

    number: int
    batch: int
    photo: str
    face: int


class Places:
    """Where each name leads."""

    def __init__(self, store: Store, batch: int | str | None) -> None:
        chosen = batches(store) if batch is None else [find(store, batch)]
        self.batches = {one.name: one.id for one in chosen}
        self.names: dict[str, list[Item]] = defaultdict(list)
        columns = schema.items.c
        query = sa.select(columns.name, columns.id, columns.batch, columns.photo, columns.face)
        query = query.where(columns.batch.in_(self.batches.values()))
        with store.reading() as connection:
            for name, *item in connection.execute(query):
                self.names[name].append(Item(*item))

    def find(self, row: Row) -> tuple[Item, ...]:
        """What a row is about.

        Raises:
            LabelError: there is no such photo or face, or several photos have the name.
        """
        for name, batch in self._readings(row):
            found = [item for item in self.names.get(name, ()) if batch in (None, item.batch)]
            if not found:
                continue
            if len({item.photo for item in found}) > 1:
                raise LabelError(
                    "Several batches have a photo of this name; write it as BATCH/NAME, or say which batch."
                )
            items = tuple(item for item in found if item.face == row.face)
            if not items:
                faces = sum(item.batch == found[0].batch and item.face > 0 for item in found)
                if not faces:
                    raise LabelError(
                        "No face is known in this photo; unless it has been looked through already, wait for that, or "
                        "run `python -m labeling survey`."
                    )
                raise LabelError(
                    f"This photo has no face {row.face}: {faces} {'has' if faces == 1 else 'have'} been found in it."
                )
            return items
        raise LabelError("There is no photo of this name; add it first, or import with its folder.")

    def _readings(self, row: Row) -> Iterable[tuple[str, int | None]]:
        """Which (name, batch) a row may mean, the likeliest first."""
        if row.batch in self.batches:
            yield row.name, self.batches[row.batch]
        folders = [part for part in row.batch.split("/") if part]
        for start in range(len(folders)):  # as photos from folders are called where their names are the same
            try:
                yield clean_photo_name("_".join([*folders[start:], row.name])), None
            except LabelError:
                continue
        yield row.name, None


class Words:
    """Which label each word stands for: as it is written, or else without regard to case, dashes and underscores."""

    def __init__(self, store: Store, mapping: Mapping[str, str]) -> None:
        """Args:
        mapping: another word -> the label it stands for.

        Raises:
            LabelError: there is no such label.
        """
        resolved = vocabulary.resolve(store)
        self._exact: dict[str, Label] = {}
        self._plain: dict[str, Label] = {}
        # A word that was given to another label since is that one's.
        for label in sorted(vocabulary.labels(store, everything=True), key=lambda label: label.is_active):
            self._exact[label.name] = self._plain[_plain(label.name)] = resolved[label.id]
        for change in vocabulary.changes(
            store, limit=_CHANGES
        ):  # what labels were called before, the latest first
            after = _plain(str(change.after))
            if change.what == "rename label" and after in self._plain:
                self._plain.setdefault(_plain(str(change.before)), self._plain[after])
        known = dict(self._plain)
        for word, meant in mapping.items():
            if _plain(meant) not in known:
                raise LabelError(
                    f"{shown(word)} is to stand for {shown(meant)}, which is no label; choose one of {self._choices()}."
                )
            self._exact.pop(word, None)
            self._plain[_plain(word)] = known[_plain(meant)]

    def label(self, row: Row) -> Label | None:
        """The label a row gives; None for other judgements.

        Raises:
            LabelError: it is none.
        """
        if row.kind != "label":
            return None
        label = self._exact.get(row.label) or self._plain.get(_plain(row.label))
        if label is None:
            raise LabelError(f"There is no label {shown(row.label)}; choose one of {self._choices()}.")
        return label

    def _choices(self) -> str:
        active = {label.id: label for label in self._exact.values() if label.is_active}.values()
        return ", ".join(
            label.name for label in sorted(active, key=lambda one: (one.is_unsure, one.position))
        )


def _plain(word: str) -> str:
    return " ".join(word.replace("_", " ").replace("-", " ").casefold().split())
