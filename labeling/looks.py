"""What the model sees in photos: their faces, which become items of their own, and its estimates of their groups."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labeling import schema
from labeling.store import Store

if TYPE_CHECKING:
    from colorizer.faces import Face

CHUNK = 500
"""Rows of one statement; databases limit the parameters of one."""


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
        spread(connection, [photo])


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


def spread(connection: Connection, hashes: Sequence[str]) -> None:
    """Make items of surveyed photos' faces in every batch that has the photos, and write the estimates there.

    Args:
        hashes: of the photos; those that nobody has looked through are passed over.
    """
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
