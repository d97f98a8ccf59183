"""Every judged item of a batch with what counts about it, read quickly: a hundred thousand in less than a second.

    entries = tally(store, batch)            # in the batch's own order
    entries[0].outcome                       # as labeling.outcome decides it

`labeling.outcome.votes` says the same in objects that are pleasant to work with, which takes several times as long.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labeling import schema, vocabulary
from labeling.outcome import ItemVotes, Vote
from labeling.store import Store

_CHUNK = 500  # items named in one query
_KINDS = ("label", "unusable", "skip", "settle")


class Cast(NamedTuple):
    """One person's judgement that counts now, or an owner's decision."""

    event: int
    who: str
    kind: str
    """label, unusable, skip or settle."""
    label: str | None
    """As it is called now."""
    word: str
    at: float
    was_shown: bool
    """Whether a suggestion was on screen."""


class Entry(NamedTuple):
    """An item that somebody judged or settled."""

    position: int
    face: int
    item: int
    name: str
    photo: str
    cast: tuple[Cast, ...]
    """In the order in which they were cast."""
    outcome: str | None
    """The label that counts; None for a conflict or an unusable picture."""
    is_conflict: bool

    @property
    def is_unusable(self) -> bool:
        """Whether it comes to that the picture can't be used."""
        if self.outcome is not None or self.is_conflict:
            return False
        # An owner's decision without a label has a reason, or else was taken back.
        return any(one.kind == "unusable" or (one.kind == "settle" and one.word) for one in self.cast)


def tally(store: Store, batch: int, by_face: bool = False, items: Iterable[int] | None = None) -> list[Entry]:
    """What a batch's items come to.

    Args:
        items: only these; those that nobody judges any more are not in the result.

    Returns:
        Entries in the order of the batch's photos, and of the faces in each.
    """
    events, columns = schema.events.c, schema.items.c
    cast = sa.select(
        *(events.item, events.id, events.who, events.kind, events.label, events.word, events.at),
        events.suggestion.is_not(None),
    ).where(events.superseded_by == 0, events.kind.in_(_KINDS))
    places = sa.select(columns.position, columns.face, columns.id, columns.name, columns.photo)
    if items is None:  # of single items, what else is known would only mislead a database's planner
        cast = cast.where(events.batch == batch, events.by_face == by_face)
        places = places.where(columns.batch == batch, columns.by_face == by_face)
    with unswept():
        entries = list(_entries(store, cast, places, by_face, items))
    entries.sort()
    return entries


@contextmanager
def unswept() -> Iterator[None]:
    """Let the collector of reference cycles rest: among so many new tuples it would take half the time, in vain."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def changed(store: Store, batch: int, after: int) -> tuple[set[int], int, int]:
    """What happened in a batch after an event: the items' numbers, how many events there are, and the last of them."""
    events = schema.events.c
    query = sa.select(events.item, events.id).where(events.batch == batch, events.id > after)
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return {item for item, _ in rows}, len(rows), max((event for _, event in rows), default=after)


def _entries(
    store: Store, cast: sa.Select[Any], places: sa.Select[Any], by_face: bool, items: Iterable[int] | None
) -> Iterator[Entry]:
    found: dict[int, list[Cast]] = {}
    with store.reading() as connection:
        names = {number: label.name for number, label in vocabulary.resolve(connection).items()}
        # Events first: whichever of them is seen, its item has been there before.
        for item, event, who, kind, label, word, at, was_shown in _chosen(
            connection, cast, schema.events.c.item, items
        ):
            said = names[label] if label is not None else None
            found.setdefault(item, []).append(Cast(event, who, kind, said, word, at, bool(was_shown)))
        rows = _chosen(connection, places, schema.items.c.id, items)
    decided: dict[tuple[tuple[str, str | None, bool], ...], tuple[str | None, bool]] = {}
    for position, face, item, name, photo in rows:
        group = found.get(item)
        if group is None or (face > 0) != by_face:
            continue
        if len(group) > 1:
            group.sort()
        # The word tells an owner's "unusable" from a decision that was taken back.
        pattern = tuple((one.kind, one.label, bool(one.word)) for one in group)
        if pattern not in decided:  # of a batch's items most were judged alike
            decided[pattern] = _decide(group)
        yield Entry(position, face, item, name, photo, tuple(group), *decided[pattern])


def _chosen(
    connection: Connection, query: sa.Select[Any], column: Any, items: Iterable[int] | None
) -> Sequence[Any]:
    """The query's rows: all, or those whose column is one of the items."""
    if items is None:
        return connection.execute(query).all()
    numbers = sorted(items)
    rows: list[Any] = []
    for start in range(0, len(numbers), _CHUNK):
        rows += connection.execute(query.where(column.in_(numbers[start : start + _CHUNK]))).all()
    return rows


def _decide(group: Sequence[Cast]) -> tuple[str | None, bool]:
    """What such a group comes to, by the one rule that there is: `ItemVotes.outcome`."""
    settled = [one for one in group if one.kind == "settle"][-1:]
    votes = tuple(
        Vote(one.who, one.kind, one.label, one.word, one.at, one.was_shown, one.event)
        for one in group
        if one.kind != "settle"
    )
    label = settled[0].label if settled else None
    unusable = settled[0].word if settled and label is None else ""
    item = ItemVotes(0, "", 0, "", votes, label, unusable)
    return item.outcome, item.is_conflict
