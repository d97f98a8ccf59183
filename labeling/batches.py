"""Batches of photos: where they came from, under which licence, who agreed; and what is known of each photo."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from labeling import schema
from labeling.errors import LabelError
from labeling.looks import CHUNK, spread
from labeling.names import clean_batch, clean_photo_name
from labeling.store import Store
from labeling.vocabulary import note_change

MOST_JUDGEMENTS = 50
NOTE_LIMIT = 2000  # characters of source, licence and consent


@dataclass(frozen=True)
class Batch:
    """Photos that came together."""

    id: int
    name: str
    source: str
    licence: str
    consent: str
    judgements: int
    """How many people's judgements each item wants."""
    created_by: str
    created_at: float
    closed_at: float | None = None
    """When it was taken off the desk; None while it is on."""


@dataclass(frozen=True)
class NewPhoto:
    """A photo that is in the folder of photos, and how it was called."""

    hash: str
    name: str
    suffix: str
    width: int
    height: int
    bytes: int


@dataclass
class Added:
    """What became of photos that came into a batch."""

    added: int = 0
    known: int = 0
    """The batch had them already, by content, under this name or another."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Name, and why."""


@dataclass(frozen=True)
class PhotoRow:
    """A kept photo; width and height are as it is seen."""

    hash: str
    suffix: str
    width: int
    height: int
    bytes: int
    surveyed_at: float | None


def create(
    store: Store, who: str, name: str, source: str, licence: str, consent: str, judgements: int = 1
) -> Batch:
    """A new, empty batch.

    Raises:
        LabelError: one of its notes is missing or can't be used, or there is a batch of that name.
    """
    values = {
        "name": clean_batch(name),
        **_notes(source=source, licence=licence, consent=consent),
        "judgements": _count(judgements),
        "created_by": who,
        "created_at": store.clock(),
    }
    try:
        with store.writing() as connection:
            made = connection.execute(schema.batches.insert().values(values))
            number = int(made.inserted_primary_key[0])  # type: ignore[index]
            note_change(store, connection, who, "new batch", None, values)
            return _batch(connection, number)
    except IntegrityError as error:
        raise LabelError(f"There is a batch {values['name']!r} already; choose another name.") from error


def edit(
    store: Store,
    who: str,
    batch: int,
    judgements: int | None = None,
    is_closed: bool | None = None,
    **notes: str,
) -> Batch:
    """Change how many judgements a batch wants, its source, licence or consent, or whether it is on the desk.

    Raises:
        LabelError: there is no such batch, or a value can't be used.
    """
    values: dict[str, Any] = _notes(**notes)
    if judgements is not None:
        values["judgements"] = _count(judgements)
    with store.writing() as connection:
        old = _batch(connection, batch)
        if is_closed is not None and is_closed != (old.closed_at is not None):
            values["closed_at"] = store.clock() if is_closed else None
        values = {name: value for name, value in values.items() if getattr(old, name) != value}
        if values:
            connection.execute(schema.batches.update().where(schema.batches.c.id == batch).values(values))
            before = {name: getattr(old, name) for name in values}
            note_change(store, connection, who, f"batch {old.name}", before, values)
        return _batch(connection, batch)


def batches(store: Store) -> list[Batch]:
    """All, oldest first."""
    with store.reading() as connection:
        rows = connection.execute(sa.select(schema.batches).order_by(schema.batches.c.id)).all()
    return [Batch(**row._mapping) for row in rows]


def find(store: Store, batch: int | str) -> Batch:
    """A batch by its number or its name.

    Raises:
        LabelError: there is none.
    """
    with store.reading() as connection:
        return _batch(connection, batch)


def add_photos(store: Store, batch: int, photos: Iterable[NewPhoto]) -> Added:
    """Put kept photos into a batch, in one transaction; the batch's own order is that in which they came.

    A photo the batch has already is passed over. One whose name another photo of the batch has is refused, since the
    CSV could not tell the two apart.
    """
    added = Added()
    with store.writing() as connection:
        store.lock(connection, 2, batch)
        _batch(connection, batch)
        items = schema.items.c
        found = connection.execute(
            sa.select(items.name, items.photo).where(items.batch == batch, items.face == 0)
        ).all()
        names, hashes = {row.name: row.photo for row in found}, {row.photo for row in found}
        last = connection.scalar(sa.select(sa.func.max(items.position)).where(items.batch == batch))
        position = 0 if last is None else last + 1
        taken: list[NewPhoto] = []
        rows = []
        for photo in photos:
            try:
                name = clean_photo_name(photo.name)
            except LabelError as error:
                added.refused.append((photo.name, str(error)))
                continue
            if photo.hash in hashes:
                added.known += 1
            elif name in names:
                added.refused.append(
                    (name, "Another photo of this batch has this name; rename one of the two.")
                )
            else:
                names[name] = photo.hash
                hashes.add(photo.hash)
                taken.append(photo)
                rows.append(
                    {
                        "batch": batch,
                        "photo": photo.hash,
                        "name": name,
                        "position": position,
                        "shuffle": random.random(),
                    }
                )
                position += 1
        for start in range(0, len(rows), CHUNK):
            kept = [
                {
                    "hash": photo.hash,
                    "suffix": photo.suffix,
                    "width": photo.width,
                    "height": photo.height,
                    "bytes": photo.bytes,
                    "added_at": store.clock(),
                }
                for photo in taken[start : start + CHUNK]
            ]
            # By their hash, so that two intakes with photos in common never wait for each other.
            kept.sort(key=lambda row: str(row["hash"]))
            connection.execute(store.upsert(schema.photos, kept, ["hash"], []))
            connection.execute(schema.items.insert(), rows[start : start + CHUNK])
        added.added = len(rows)
        spread(connection, [photo.hash for photo in taken])
    return added


def photo(store: Store, hash: str) -> PhotoRow:
    """A kept photo.

    Raises:
        LabelError: there is none.
    """
    columns = [getattr(schema.photos.c, name) for name in PhotoRow.__dataclass_fields__]
    with store.reading() as connection:
        row = connection.execute(sa.select(*columns).where(schema.photos.c.hash == hash)).one_or_none()
    if row is None:
        raise LabelError("There is no such photo.")
    return PhotoRow(**row._mapping)


def _batch(connection: Connection, batch: int | str) -> Batch:
    columns = schema.batches.c
    # Of numbers that no database could hold there is none either.
    by = (
        columns.id == (batch if 0 < batch < 2**31 else 0)
        if isinstance(batch, int)
        else columns.name == batch.strip()
    )
    row = connection.execute(sa.select(schema.batches).where(by)).one_or_none()
    if row is None:
        names = list(connection.scalars(sa.select(columns.name).order_by(columns.id)))
        there = f"there are {', '.join(names)}." if names else "there is none yet: add photos first."
        raise LabelError(f"There is no batch {batch!r}; {there}")
    return Batch(**row._mapping)


def _notes(**notes: str) -> dict[str, str]:
    asked = {
        "source": "where the photos come from",
        "licence": "the licence under which the photos may be used",
        "consent": "how the people in the photos agreed, or why that is not needed",
    }
    cleaned = {}
    for name, note in notes.items():
        text = " ".join(str(note).split())
        if not text:
            raise LabelError(f"Say {asked[name]}: whoever trains on these photos has to answer for it.")
        if len(text) > NOTE_LIMIT:
            raise LabelError(f"Say {asked[name]} in at most {NOTE_LIMIT:,} characters.")
        cleaned[name] = text
    return cleaned


def _count(judgements: int) -> int:
    if (
        isinstance(judgements, bool)
        or not isinstance(judgements, int)
        or not 1 <= judgements <= MOST_JUDGEMENTS
    ):
        raise LabelError(f"Each photo can want 1 to {MOST_JUDGEMENTS} judgements, not {judgements!r}.")
    return judgements
