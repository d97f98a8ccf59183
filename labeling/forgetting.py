"""A photo goes for good, with all that was ever said about it: somebody in it has withdrawn their consent.

The one exception to a store that only adds: what belongs to the photo is deleted from every batch and study, its file
and copies from the disk. What stays is a line in the history of changes, without the photo's name, so that whoever
counts can see why there are fewer. Snapshots and datasets made earlier, and a repository's history, have to be cleaned
by hand.
"""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labeling import appeal_schema, schema
from labeling.appeal_files import StudyFiles
from labeling.errors import LabelError
from labeling.photos import PhotoFolder
from labeling.store import Store
from labeling.vocabulary import note_change


@dataclass(frozen=True)
class Forgotten:
    """What went."""

    photo: str
    """Its hash."""
    batches: int
    """In how many it was."""
    events: int
    votes: int
    files: int


def find(store: Store, name: str, batch: int | None = None) -> str:
    """The hash of a photo by its name in a batch, or by its hash or the first 8 or more letters of that.

    Raises:
        LabelError: there is none, or several different ones of that name.
    """
    items = schema.items.c
    query = sa.select(items.photo).where(items.name == name).distinct()
    if batch is not None:
        query = query.where(items.batch == batch)
    with store.reading() as connection:
        found = list(connection.scalars(query))
        if not found and len(name) >= 8 and set(name) <= set("0123456789abcdef"):
            photos = schema.photos.c.hash
            found = list(connection.scalars(sa.select(photos).where(photos.startswith(name))))
    if len(found) > 1:
        raise LabelError(
            f"{len(found)} different photos are called {name!r:.80}; name the batch, or the photo by its hash: "
            + ", ".join(hash[:16] for hash in sorted(found)[:5])
        )
    if not found:
        raise LabelError(f"No photo is called {name!r:.80}.")
    return found[0]


def forget(store: Store, photos: PhotoFolder, studies: StudyFiles, who: str, photo: str) -> Forgotten:
    """Delete a photo and everything about it.

    Args:
        photo: its hash.

    Raises:
        LabelError: there is no such photo.
    """
    with store.writing() as connection:
        # Locked, so that nobody judges it or takes it into another batch meanwhile.
        known = sa.select(schema.photos.c.hash).where(schema.photos.c.hash == photo).with_for_update()
        if connection.scalar(known) is None:
            raise LabelError("There is no such photo.")
        of_photo = sa.select(schema.items.c.id).where(schema.items.c.photo == photo)
        items = list(connection.scalars(of_photo.order_by(schema.items.c.id).with_for_update()))
        batches = connection.scalar(
            sa.select(sa.func.count(schema.items.c.batch.distinct())).where(schema.items.c.photo == photo)
        )
        connection.execute(schema.leases.delete().where(schema.leases.c.item.in_(items)))
        events = connection.execute(schema.events.delete().where(schema.events.c.item.in_(items))).rowcount
        connection.execute(schema.items.delete().where(schema.items.c.id.in_(items)))
        connection.execute(schema.faces.delete().where(schema.faces.c.photo == photo))
        votes, painted = _leave_studies(connection, studies, photo)
        connection.execute(schema.photos.delete().where(schema.photos.c.hash == photo))
        after = {"batches": batches, "events": events, "votes": votes}
        note_change(store, connection, who, "photo forgotten", None, after)
    # Last: a file without a row is only untidy, a row without a file would be a photo that nobody can see.
    files = photos.forget(photo)
    for file in painted:
        file.unlink(missing_ok=True)
    return Forgotten(photo, int(batches or 0), events, votes, files + len(painted))


def _leave_studies(connection: Connection, studies: StudyFiles, photo: str) -> tuple[int, list[Path]]:
    """Take the photo out of every study: how many votes that were, and the files to delete."""
    rows = appeal_schema.study_photos.c
    shown = connection.execute(sa.select(rows.id, rows.study).where(rows.origin == photo)).all()
    numbers = [row.id for row in shown]
    paintings, pairs, votes = (appeal_schema.paintings.c, appeal_schema.pairs.c, appeal_schema.votes.c)
    files = [
        studies.path(row.study, row.file)
        for row in connection.execute(
            sa.select(paintings.study, paintings.file).where(paintings.photo.in_(numbers))
        )
    ]
    files += [studies.path(row.study, f"photo-{row.id}.png") for row in shown]
    here = sa.select(pairs.id).where(pairs.photo.in_(numbers))
    gone = connection.execute(appeal_schema.votes.delete().where(votes.pair.in_(here))).rowcount
    connection.execute(appeal_schema.pairs.delete().where(pairs.photo.in_(numbers)))
    connection.execute(appeal_schema.paintings.delete().where(paintings.photo.in_(numbers)))
    connection.execute(appeal_schema.study_photos.delete().where(rows.id.in_(numbers)))
    return gone, files
