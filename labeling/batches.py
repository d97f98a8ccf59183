"""Batches of photos: where they came from, under which licence, who agreed; and what is known of each photo."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from labeling import schema
from labeling.errors import LabelError
from labeling.names import clean_batch, clean_photo_name
from labeling.store import Store
from labeling.vocabulary import note_change

if TYPE_CHECKING:
    from colorizer.faces import Face

MOST_JUDGEMENTS = 50
NOTE_LIMIT = 2000  # characters of source, licence and consent
CHUNK = 500  # rows of one statement; databases limit the parameters of one


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
class FaceRow:
    """A face that was found. The box is in pixels of the photo held upright."""

    number: int
    left: float
    top: float
    right: float
    bottom: float
    score: float
    probabilities: dict[str, float]


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
        _spread(connection, [photo.hash for photo in taken])
    return added


def set_survey(store: Store, photo: str, faces: "Sequence[Face]") -> None:
    """Write down the faces of a photo, what the model thinks of them, and make each an item.

    A photo's faces are written once: asked again, nothing changes, since labels may hang on them.

    Args:
        photo: its hash.
        faces: left to right, with probabilities; none is a normal answer.
    """
    with store.writing() as connection:
        photos = schema.photos.c
        query = sa.select(photos.surveyed_at).where(photos.hash == photo).with_for_update()
        row = connection.execute(query).one_or_none()
        if row is None or row.surveyed_at is not None:
            return
        rows = [
            {
                "photo": photo,
                "number": number,
                "left": face.box[0],
                "top": face.box[1],
                "right": face.box[2],
                "bottom": face.box[3],
                "score": face.score,
                "probabilities": {group: float(share) for group, share in face.probabilities.items()},
            }
            for number, face in enumerate(faces, start=1)
        ]
        if rows:
            connection.execute(schema.faces.insert(), rows)
        connection.execute(
            schema.photos.update().where(photos.hash == photo).values(surveyed_at=store.clock())
        )
        _spread(connection, [photo])


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


def faces(store: Store, photo: str) -> list[FaceRow]:
    """The faces that were found in a photo, left to right; none also where nobody has looked yet."""
    with store.reading() as connection:
        return _faces(connection, [photo]).get(photo, [])


def unsurveyed(store: Store, batch: int | None = None, limit: int = 50) -> list[str]:
    """Hashes of photos in which faces have not been looked for."""
    query = sa.select(schema.photos.c.hash).where(schema.photos.c.surveyed_at.is_(None))
    if batch is not None:
        query = query.where(
            schema.photos.c.hash.in_(sa.select(schema.items.c.photo).where(schema.items.c.batch == batch))
        )
    with store.reading() as connection:
        return list(connection.scalars(query.limit(limit)))


def survey_progress(store: Store, batch: int) -> tuple[int, int]:
    """How many of a batch's photos have been looked through for faces, and how many there are."""
    items, photos = schema.items.c, schema.photos.c
    query = (
        sa.select(sa.func.count(photos.surveyed_at), sa.func.count())
        .select_from(schema.items.join(schema.photos))
        .where(items.batch == batch, items.face == 0)
    )
    with store.reading() as connection:
        seen, total = connection.execute(query).one()
    return int(seen), int(total)


def uncertainty(probabilities: dict[str, float]) -> float:
    """Entropy of the probabilities over that of none being likelier, in [0, 1]."""
    if len(probabilities) < 2:
        return 0.0
    entropy = -sum(share * math.log(share) for share in probabilities.values() if share > 0)
    return entropy / math.log(len(probabilities))


def _spread(connection: Connection, hashes: Sequence[str]) -> None:
    """Make items of surveyed photos' faces in every batch that has the photos, and write the estimates there."""
    items = schema.items.c
    for start in range(0, len(hashes), CHUNK):
        known = _faces(connection, hashes[start : start + CHUNK])
        if not known:
            continue
        rows = connection.execute(
            sa.select(schema.items).where(items.photo.in_(known), items.face == 0)
        ).all()
        here = {
            (row.batch, row.photo)
            for row in connection.execute(
                sa.select(items.batch, items.photo).where(items.photo.in_(known), items.face > 0)
            )
        }
        new: list[dict[str, Any]] = []
        for row in rows:
            if (row.batch, row.photo) in here:
                continue
            found = known[row.photo]
            largest = max(found, key=lambda face: (face.right - face.left) * (face.bottom - face.top))
            connection.execute(schema.items.update().where(items.id == row.id).values(_estimate(largest)))
            new += [_face_item(row, face) for face in found]
        if new:
            connection.execute(schema.items.insert(), new)


def _face_item(photo_item: Row[Any], face: FaceRow) -> dict[str, Any]:
    return {
        "batch": photo_item.batch,
        "photo": photo_item.photo,
        "name": photo_item.name,
        "face": face.number,
        "by_face": True,
        "position": photo_item.position,
        "shuffle": random.random(),
        **_estimate(face),
    }


def _estimate(face: FaceRow) -> dict[str, Any]:
    if not face.probabilities:
        return {"estimate": None, "confidence": None, "uncertainty": None}
    group = max(face.probabilities, key=lambda name: face.probabilities[name])
    return {
        "estimate": group,
        "confidence": face.probabilities[group],
        "uncertainty": uncertainty(face.probabilities),
    }


def _faces(connection: Connection, hashes: Sequence[str]) -> dict[str, list[FaceRow]]:
    columns = schema.faces.c
    found: dict[str, list[FaceRow]] = {}
    query = sa.select(schema.faces).where(columns.photo.in_(hashes)).order_by(columns.photo, columns.number)
    for row in connection.execute(query):
        values = dict(row._mapping)
        found.setdefault(values.pop("photo"), []).append(FaceRow(**values))
    return found


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
