"""What people decide about items, each decision an event that is never lost and never there twice.

    judge(store, key, "Maya", item, "label", "Nepali")     # on disk when it returns
    undo(store, another_key, "Maya", batch)                # any number of times

A decision takes the place of that person's earlier one about the same item. The earlier one stays, marked with what
superseded it, and comes back when the later is undone.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labeling import schema, vocabulary
from labeling.errors import LabelError
from labeling.judgement import (
    COUNTING,
    KINDS,
    REASONS,
    Event,
    Judgement,
    Saved,
    Undone,
    check_key,
    check_number,
    check_via,
    checked,
)
from labeling.store import Store

MOST_AT_ONCE = 500  # events between two rests of an import, so that others get their turn
ONE_PERSON = 3
"""Of the locks in the database: what one person says and takes back happens one after another, whatever the item."""

_events = schema.events.c
_SETTLED = "settled"


def judge(
    store: Store,
    key: str,
    who: str,
    item: int,
    kind: str,
    label: str | int | None = None,
    word: str = "",
    suggestion: dict[str, Any] | None = None,
    seconds: float | None = None,
    via: str = "page",
) -> Saved:
    """Save one decision; it is on disk when this returns.

    Raises:
        LabelError: there is no such item or label, or another part of it can't be used. Nothing was saved.
    """
    (saved,) = judge_all(store, [Judgement(key, who, item, kind, label, word, suggestion, seconds, via)])
    assert saved is not None  # it asked for nothing that somebody could have changed
    return saved


def judge_all(store: Store, judgements: Sequence[Judgement]) -> list[Saved | None]:
    """Save several decisions, all or none of up to MOST_AT_ONCE; more go in several transactions.

    Returns:
        For each what was saved; None where the person has said something else since (`Judgement.instead_of`).

    Raises:
        LabelError: as `judge` does.
    """
    cleaned = [checked(judgement) for judgement in judgements]
    saved: list[Saved | None] = []
    for start in range(0, len(cleaned), MOST_AT_ONCE):
        part = cleaned[start : start + MOST_AT_ONCE]
        with store.writing() as connection:
            # In an order that all keep, so that two imports never wait for each other.
            for who in sorted({hash_of(one.who) for one in part}):
                store.lock(connection, ONE_PERSON, who)
            items = {number: _locked(connection, number) for number in sorted({one.item for one in part})}
            saved += [_save(store, connection, judgement, items[judgement.item]) for judgement in part]
    return saved


def undo(
    store: Store, key: str, who: str, batch: int, by_face: bool = False, via: str = "page"
) -> Undone | None:
    """Take back the last thing that this person decided in a batch and has not taken back; None if there is nothing.

    What was imported under somebody's name is no step of theirs and stays.

    Raises:
        LabelError: the key can't be used.
    """
    check_key(key)
    check_via(via)
    mine = (
        sa.select(_events.id, _events.item)
        .where(
            _events.who == who,
            _events.batch == batch,
            _events.by_face == by_face,
            _events.kind.in_(KINDS),
            _events.is_undone.is_(False),
            _events.superseded_by == 0,
            _events.via != "import",
        )
        .order_by(_events.id.desc())
        .limit(1)
    )
    with store.writing() as connection:
        # One undo of a person at a time, so that a key pressed twice takes back two decisions and not one twice.
        store.lock(connection, ONE_PERSON, hash_of(who))
        repeated = _repeated(connection, key, who)
        if repeated is not None:
            return _was_undone(connection, repeated)
        found = connection.execute(mine).one_or_none()
        if found is None:
            return None
        item = _locked(connection, found.item)
        target = connection.execute(sa.select(schema.events).where(_events.id == found.id)).one()
        new = _insert(
            connection,
            {
                "key": key,
                "at": store.clock(),
                "who": who,
                "batch": batch,
                "item": target.item,
                "by_face": by_face,
                "kind": "undo",
                "slot": "",
                "via": via,
                "undoes": target.id,
            },
        )
        connection.execute(
            schema.events.update().where(_events.id == target.id).values(superseded_by=new, is_undone=True)
        )
        earlier = connection.execute(
            sa.select(_events.id, _events.kind)
            .where(
                _events.item == target.item,
                _events.slot == target.slot,
                _events.id < target.id,
                _events.is_undone.is_(False),
            )
            .order_by(_events.id.desc())
            .limit(1)
        ).one_or_none()
        if earlier is not None:
            connection.execute(schema.events.update().where(_events.id == earlier.id).values(superseded_by=0))
        _count(connection, item, target.kind, None if earlier is None else earlier.kind)
        return Undone(new, target.item, target.kind, target.word)


def settle(
    store: Store,
    key: str,
    who: str,
    item: int,
    label: str | int | None,
    via: str = "page",
    unusable: str = "",
    instead_of: int | None = None,
) -> Saved | None:
    """Decide, as an owner, what counts for an item whatever the votes say; None leaves it to the votes again.

    Args:
        unusable: with no label, one of REASONS: the picture can't be used.
        instead_of: saved only where this decision is the latest, or there is none where it is 0; None: always.

    Returns:
        What was saved; None where an owner has decided something else since.

    Raises:
        LabelError: there is no such item, label or reason.
    """
    if unusable and (unusable not in REASONS or label is not None):
        raise LabelError(f"Say why the picture can't be used: {', '.join(REASONS)}.")
    check_key(key)
    check_via(via)
    check_number(item)
    with store.writing() as connection:
        row = _locked(connection, item)
        repeated = _repeated(connection, key, who)
        if repeated is not None:
            return _saved_before(repeated)
        if _is_overtaken(connection, item, _SETTLED, instead_of):
            return None
        found = None if label is None else vocabulary.find(connection, label)
        now = store.clock()
        values = {
            "key": key,
            "at": now,
            "who": who,
            "batch": row.batch,
            "item": item,
            "by_face": row.by_face,
            "kind": "settle",
            "slot": _SETTLED,
            "label": None if found is None else found.id,
            "word": unusable if found is None else found.name,
            "via": via,
        }
        _, new = _supersede(connection, values)
        return Saved(new, item, now, is_repeat=False)


def history(store: Store, item: int) -> list[Event]:
    """All that was ever done about an item, oldest first."""
    query = sa.select(schema.events).where(_events.item == item).order_by(_events.id)
    with store.reading() as connection:
        return [_event(row) for row in connection.execute(query)]


def current(store: Store, who: str, item: int) -> list[Event]:
    """What counts now of what this person said of an item: at most a judgement and a note."""
    return [
        event
        for event in history(store, item)
        if event.who == who and event.superseded_by == 0 and event.kind in KINDS
    ]


def mine(
    store: Store, who: str, batch: int, by_face: bool = False, before: int | None = None, limit: int = 20
) -> list[Event]:
    """A person's judgements in a batch that count now, the latest first, for looking back.

    Args:
        before: only those with a smaller number than this event's.
    """
    query = sa.select(schema.events).where(
        _events.who == who,
        _events.batch == batch,
        _events.by_face == by_face,
        _events.kind.in_(("label", "unusable", "skip")),
        _events.superseded_by == 0,
    )
    if before is not None:
        query = query.where(_events.id < before)
    with store.reading() as connection:
        return [
            _event(row)
            for row in connection.execute(query.order_by(_events.id.desc()).limit(max(1, min(limit, 500))))
        ]


def hash_of(text: str) -> int:
    """A number of 31 bits for a lock in the database, the same in every process."""
    import zlib

    return zlib.crc32(text.encode()) & 0x7FFFFFFF


def _save(store: Store, connection: Connection, judgement: Judgement, item: Row[Any]) -> Saved | None:
    repeated = _repeated(connection, judgement.key, judgement.who)
    if repeated is not None:
        return _saved_before(repeated)
    slot = f"note {judgement.who}" if judgement.kind == "note" else f"judgement {judgement.who}"
    if _is_overtaken(connection, item.id, slot, judgement.instead_of):
        return None
    label, word = None, judgement.word
    if judgement.kind == "label":
        assert judgement.label is not None  # checked before
        found = vocabulary.find(connection, judgement.label)
        label, word = found.id, found.name
    at = store.clock() if judgement.at is None else judgement.at
    values = {
        "key": judgement.key,
        "at": at,
        "who": judgement.who,
        "batch": item.batch,
        "item": item.id,
        "by_face": item.by_face,
        "kind": judgement.kind,
        "slot": slot,
        "label": label,
        "word": word,
        "suggestion": judgement.suggestion,
        "via": judgement.via,
        "seconds": judgement.seconds,
    }
    old, new = _supersede(connection, values)
    if judgement.kind != "note":
        _count(connection, item, old, judgement.kind)
        leases = schema.leases.c
        connection.execute(schema.leases.delete().where(leases.item == item.id, leases.who == judgement.who))
    return Saved(new, item.id, at, is_repeat=False)


def _current(connection: Connection, item: int, slot: str) -> Row[Any, Any] | None:
    """Number and kind of the event that counts now."""
    return connection.execute(
        sa.select(_events.id, _events.kind).where(
            _events.item == item, _events.slot == slot, _events.superseded_by == 0
        )
    ).one_or_none()


def _is_overtaken(connection: Connection, item: int, slot: str, instead_of: int | None) -> bool:
    """Whether something else counts now than whoever decided had seen."""
    if instead_of is None:
        return False
    now = _current(connection, item, slot)
    return (0 if now is None else now.id) != instead_of


def _supersede(connection: Connection, values: dict[str, Any]) -> tuple[str | None, int]:
    """Put an event into its slot; the kind of the one that was there, and the new one's number."""
    old = _current(connection, values["item"], values["slot"])
    if old is not None:  # out of the way first: a slot has one current event, and the index sees to that
        connection.execute(schema.events.update().where(_events.id == old.id).values(superseded_by=old.id))
    new = _insert(connection, values)
    if old is not None:
        connection.execute(schema.events.update().where(_events.id == old.id).values(superseded_by=new))
    return (None if old is None else old.kind), new


def _insert(connection: Connection, values: dict[str, Any]) -> int:
    made = connection.execute(schema.events.insert().values(values))
    return int(made.inserted_primary_key[0])  # type: ignore[index]


def _count(connection: Connection, item: Row[Any], before: str | None, after: str | None) -> None:
    """Keep `items.judged` true when a judgement of kind `before` gives way to one of kind `after`."""
    step = (after in COUNTING) - (before in COUNTING)
    if step:
        items = schema.items.c
        connection.execute(
            schema.items.update().where(items.id == item.id).values(judged=items.judged + step)
        )


def _locked(connection: Connection, item: int) -> Row[Any]:
    """The item; nobody else decides about it until the transaction ends."""
    columns = schema.items.c
    row = connection.execute(
        sa.select(schema.items).where(columns.id == item).with_for_update()
    ).one_or_none()
    if row is None:
        raise LabelError("There is no such photo in any batch; load the page again.")
    return row


def _repeated(connection: Connection, key: str, who: str) -> Row[Any] | None:
    """The event that this key made before, if any."""
    row = connection.execute(sa.select(schema.events).where(_events.key == key)).one_or_none()
    if row is not None and row.who != who:
        raise LabelError("This decision's key is somebody else's; make a new one for each decision.")
    return row


def _saved_before(row: Row[Any]) -> Saved:
    return Saved(row.id, row.item, row.at, is_repeat=True)


def _was_undone(connection: Connection, row: Row[Any]) -> Undone | None:
    target = connection.execute(sa.select(schema.events).where(_events.id == row.undoes)).one_or_none()
    return None if target is None else Undone(row.id, target.item, target.kind, target.word)


def _event(row: Row[Any]) -> Event:
    return Event(**{name: getattr(row, name) for name in Event.__dataclass_fields__})
