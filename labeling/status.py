"""Where a labelling project stands, in a few quick queries.

print(as_text(read(store)))
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labeling import schema, vocabulary
from labeling.batches import Batch, batches
from labeling.csv_rows import written_time
from labeling.store import Store
from labeling.tally import tally

_MANY = 2000  # items; of more, all of the batch are read
UNUSABLE, SKIPPED = "unusable", "skipped"


@dataclass
class Unit:
    """How far a batch's photos, or its faces, have come."""

    total: int = 0
    judged: int = 0
    """By anybody."""
    done: int = 0
    """By as many people as the batch wants."""
    conflicts: int = 0
    """That people disagree about and no owner has settled."""
    judgements: dict[str, int] = field(default_factory=dict)
    """Label, "unusable" or "skipped" -> how many count now."""


@dataclass
class BatchStatus:
    """One batch."""

    batch: Batch
    photos: Unit = field(default_factory=Unit)
    faces: Unit = field(default_factory=Unit)
    surveyed: int = 0
    """Photos that have been looked through for faces."""
    people: int = 0
    """Who have judged something in it."""
    last: float | None = None
    """When something was judged last; seconds since 1970, UTC."""


@dataclass
class Status:
    """A project."""

    database: str
    """Without its password."""
    events: int
    batches: list[BatchStatus]


def read(store: Store) -> Status:
    """Ask the store."""
    found = {batch.id: BatchStatus(batch) for batch in batches(store)}
    with store.reading() as connection:
        several = _count_items(connection, found)
        _count_judgements(connection, found)
        _count_surveyed(connection, found)
        total = connection.scalar(sa.select(sa.func.count()).select_from(schema.events))
    for (batch, by_face), items in several.items():
        entries = tally(store, batch, by_face, items if len(items) < _MANY else None)
        unit = found[batch].faces if by_face else found[batch].photos
        unit.conflicts = sum(entry.is_conflict for entry in entries)
    return Status(store.url.render_as_string(hide_password=True), total or 0, list(found.values()))


def _count_items(connection: Connection, found: dict[int, BatchStatus]) -> dict[tuple[int, bool], list[int]]:
    """Fill in the counts of items; those that several people judged, of whom alone there can be conflicts."""
    columns = schema.items.c
    query = sa.select(columns.batch, columns.by_face, columns.judged, sa.func.count())
    several: dict[tuple[int, bool], list[int]] = {}
    for batch, by_face, judged, number in connection.execute(
        query.group_by(columns.batch, columns.by_face, columns.judged)
    ):
        unit = found[batch].faces if by_face else found[batch].photos
        unit.total += number
        unit.judged += number * (judged > 0)
        unit.done += number * (judged >= found[batch].batch.judgements)
        if judged > 1:
            several[batch, bool(by_face)] = []
    for (batch, by_face), items in several.items():
        items += connection.scalars(
            sa.select(columns.id).where(
                columns.batch == batch, columns.by_face == by_face, columns.judged > 1
            )
        )
    return several


def _count_judgements(connection: Connection, found: dict[int, BatchStatus]) -> None:
    names = {number: label.name for number, label in vocabulary.resolve(connection).items()}
    columns = schema.events.c
    counts = (
        sa.select(columns.batch, columns.by_face, columns.kind, columns.label, sa.func.count())
        .where(columns.superseded_by == 0, columns.kind.in_(("label", "unusable", "skip")))
        .group_by(columns.batch, columns.by_face, columns.kind, columns.label)
    )
    for batch, by_face, kind, label, number in connection.execute(counts):
        unit = found[batch].faces if by_face else found[batch].photos
        word = names[label] if kind == "label" else UNUSABLE if kind == "unusable" else SKIPPED
        unit.judgements[word] = unit.judgements.get(word, 0) + number
    order = {name: place for place, name in enumerate([*names.values(), UNUSABLE, SKIPPED])}
    for status in found.values():
        for unit in (status.photos, status.faces):
            unit.judgements = dict(sorted(unit.judgements.items(), key=lambda pair: order[pair[0]]))
    people = (
        sa.select(columns.batch, columns.who, sa.func.max(columns.at))
        .where(columns.kind.in_(("label", "unusable")))
        .group_by(columns.batch, columns.who)
    )
    for batch, _, at in connection.execute(people):
        found[batch].people += 1
        found[batch].last = max(at, found[batch].last or 0.0)


def _count_surveyed(connection: Connection, found: dict[int, BatchStatus]) -> None:
    """Those that are not looked through are counted: most of the time they are few, and have an index of their own."""
    items, photos = schema.items.c, schema.photos.c
    query = (
        sa.select(items.batch, sa.func.count().label("number"))
        .select_from(schema.photos.join(schema.items))
        .where(photos.surveyed_at.is_(None), items.face == 0)
        .group_by(items.batch)
    )
    waiting = {row.batch: row.number for row in connection.execute(query)}
    for batch, status in found.items():
        status.surveyed = status.photos.total - waiting.get(batch, 0)


def as_dict(status: Status) -> dict[str, Any]:
    """All of it as JSON holds it."""
    return asdict(status)


def as_text(status: Status) -> str:
    """For a terminal."""
    number = len(status.batches)
    lines = [
        f"{status.database}: {status.events:,} events in {number:,} {'batch' if number == 1 else 'batches'}"
    ]
    if not status.batches:
        lines.append("No photos yet: add some with `python -m labeling add`, or in the Label tab.")
    for one in status.batches:
        closed = ", off the desk" if one.batch.closed_at is not None else ""
        wants = f", {one.batch.judgements} judgements each" if one.batch.judgements > 1 else ""
        lines += ["", f"{one.batch.name}  (batch {one.batch.id}{wants}{closed})"]
        lines += _unit("photos", one.photos, one.batch.judgements)
        if one.faces.total or one.surveyed:
            lines.append(f"  faces looked for in {one.surveyed:,} of {one.photos.total:,} photos")
            lines += _unit("faces", one.faces, one.batch.judgements)
        if one.last is not None:
            who = "1 person" if one.people == 1 else f"{one.people:,} people"
            lines.append(f"  by {who}, last {written_time(one.last)[:16].replace('T', ' ')} UTC")
        lines.append(
            f"  source: {one.batch.source}; licence: {one.batch.licence}; consent: {one.batch.consent}"
        )
    return "\n".join(lines)


def _unit(name: str, unit: Unit, wanted: int) -> list[str]:
    if not unit.total:
        return [f"  no {name}"]
    done = f", {unit.done:,} by as many as wanted" if wanted > 1 else ""
    conflicts = f", {unit.conflicts:,} in conflict" if unit.conflicts else ""
    share = unit.judged / unit.total
    lines = [f"  {unit.judged:,} of {unit.total:,} {name} judged ({share:.0%}){done}{conflicts}"]
    if unit.judgements:
        counts = ", ".join(f"{word} {number:,}" for word, number in unit.judgements.items())
        lines.append(f"    {counts}")
    return lines
