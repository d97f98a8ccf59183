"""Who gets which items next, so that several people label at once and no two do the same work.

An item that is handed out is leased: for two minutes nobody else gets it, and as long as its holder's page lives it is
renewed. A lease that is not renewed ends by itself; nothing has to notice that somebody left.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from colorizer.groups import GROUPS
from labeling import schema, vocabulary
from labeling.errors import LabelError
from labeling.store import TAKING_ITEMS, Store

LEASE_SECONDS = 120.0
ORDERS = {
    "uploaded": "as uploaded",
    "random": "random",
    "uncertain": "most uncertain first",
    "balanced": "balance the groups",
    "mistakes": "likely mistakes first",
    "skipped": "what I skipped",
}
MOST = 100  # items of one call
GONE = "This batch is not on the desk any more; choose another."

_items, _events, _leases = schema.items.c, schema.events.c, schema.leases.c


@dataclass(frozen=True)
class Item:
    """Something to label: a photo, or one of its faces."""

    id: int
    batch: int
    photo: str
    """The photo's hash."""
    name: str
    face: int
    """0 for the whole photo."""
    position: int
    judged: int
    estimate: str | None
    confidence: float | None
    uncertainty: float | None


def take(
    store: Store,
    who: str,
    batch: int,
    order: str = "uploaded",
    by_face: bool = False,
    count: int = 10,
    holding: Sequence[int] = (),
) -> list[Item]:
    """The next items for a person, leased to them; those they hold already are renewed and not given again.

    Args:
        order: one of ORDERS.
        by_face: whether single faces are labelled, or whole photos.
        count: how many, up to MOST.
        holding: numbers of the items that are on their desk; the first 200 count.

    Returns:
        Fewer than `count`, or none, where no more are left for this person now.

    Raises:
        LabelError: there is no such order or batch.
    """
    if order not in ORDERS:
        raise LabelError(f"There is no order {order!r:.40}; choose one of {', '.join(ORDERS)}.")
    if not 0 < batch < 2**31:  # no number of a batch, and none that a database could lock
        raise LabelError(GONE)
    count, holding = max(0, min(count, MOST)), list(holding)[: 2 * MOST]
    with store.writing() as connection:
        store.lock(connection, TAKING_ITEMS, batch)
        wanted = connection.scalar(
            sa.select(schema.batches.c.judgements).where(
                schema.batches.c.id == batch, schema.batches.c.closed_at.is_(None)
            )
        )
        if wanted is None:
            raise LabelError(GONE)
        search = _Search(connection, who, batch, by_face, wanted, store.clock(), tuple(holding))
        rows = search.find(order, count)
        _lease(store, connection, who, [*holding, *(row.id for row in rows)])
    return [Item(**{name: getattr(row, name) for name in Item.__dataclass_fields__}) for row in rows]


def renew(store: Store, who: str, items: Sequence[int]) -> None:
    """Keep items that are on this person's desk for another two minutes.

    Also those whose lease had run out and that somebody else has by now: both will judge them, and nobody third should.
    """
    with store.writing() as connection:
        _lease(store, connection, who, items)


def release(store: Store, who: str, items: Sequence[int] | None = None) -> None:
    """Give items back, by default all that this person holds."""
    query = schema.leases.delete().where(_leases.who == who)
    if items is not None:
        query = query.where(_leases.item.in_(list(items)[:MOST]))
    with store.writing() as connection:
        connection.execute(query)


def held(store: Store) -> dict[str, int]:
    """How many items each person has on the desk now."""
    query = sa.select(_leases.who, sa.func.count()).where(_leases.until > store.clock()).group_by(_leases.who)
    with store.reading() as connection:
        return {who: int(count) for who, count in connection.execute(query)}


def _lease(store: Store, connection: Connection, who: str, items: Sequence[int]) -> None:
    now = store.clock()
    numbers = [number for number in items if isinstance(number, int) and 0 < number < 2**53][: 2 * MOST]
    if not numbers:
        return
    connection.execute(schema.leases.delete().where(_leases.until <= now))
    # An unknown number would break the transaction of a page that merely was open for too long.
    there = set(connection.scalars(sa.select(_items.id).where(_items.id.in_(numbers))))
    rows = [
        {"item": number, "who": who, "until": now + LEASE_SECONDS}
        for number in dict.fromkeys(numbers)
        if number in there
    ]
    if rows:
        connection.execute(store.upsert(schema.leases, rows, ["item", "who"], ["until"]))


class _Search:
    """The queries for one person in one batch."""

    def __init__(
        self,
        connection: Connection,
        who: str,
        batch: int,
        by_face: bool,
        wanted: int,
        now: float,
        holding: tuple[int, ...],
    ) -> None:
        self.connection, self.who, self.wanted = connection, who, wanted
        self.here = [_items.batch == batch, _items.by_face == by_face]
        self.not_held = [_items.id.not_in(holding)] if holding else []
        self.my_slot = f"judgement {who}"
        self.judged_by_me = sa.exists().where(
            _events.item == _items.id, _events.slot == self.my_slot, _events.superseded_by == 0
        )
        others = sa.and_(_leases.item == _items.id, _leases.who != who, _leases.until > now)
        # People who have it on their desk will judge it in all likelihood: they count as if they had.
        self.is_free = (
            ~sa.exists().where(others)
            if wanted == 1
            else _items.judged + sa.select(sa.func.count()).where(others).scalar_subquery() < wanted
        )
        self.events_here = [_events.batch == batch, _events.by_face == by_face, _events.superseded_by == 0]

    def find(self, order: str, count: int) -> list[Row[Any]]:
        if count == 0:
            return []
        if order == "balanced":
            return self._balanced(count)
        if order == "mistakes":
            return self._mistakes(count)
        if order == "skipped":
            return self._skipped(count)
        columns: dict[str, list[Any]] = {
            "uploaded": [_items.position, _items.face],
            "random": [_items.shuffle],
            "uncertain": [_items.uncertainty.desc().nulls_last()],
        }
        return self._open(columns[order], count)

    def _open(self, by: list[Any], count: int, *also: Any) -> list[Row[Any]]:
        """Items that want judgements, those first that have the most: people agree on what all have seen."""
        found: list[Row[Any]] = []
        for judged in range(self.wanted - 1, -1, -1):
            query = (
                sa.select(schema.items)
                .where(
                    *self.here,
                    _items.judged == judged,
                    *also,
                    ~self.judged_by_me,
                    self.is_free,
                    *self.not_held,
                )
                .order_by(*by)
                .limit(count - len(found))
            )
            found += self.connection.execute(query).all()
            if len(found) >= count:
                break
        return found

    def _balanced(self, count: int) -> list[Row[Any]]:
        """Items that the model takes for the groups that have the fewest labels so far."""
        names = {number: label.name for number, label in vocabulary.resolve(self.connection).items()}
        query = (
            sa.select(_events.label, sa.func.count())
            .where(*self.events_here, _events.kind == "label")
            .group_by(_events.label)
        )
        has = Counter(dict.fromkeys(GROUPS, 0))
        for label, number in self.connection.execute(query):
            has[names[label]] += number
        waiting = {
            group: self._open([_items.position, _items.face], count, _items.estimate == group)
            for group in GROUPS
        }
        found: list[Row[Any]] = []
        while len(found) < count and any(waiting.values()):
            group = min((group for group in GROUPS if waiting[group]), key=lambda name: has[name])
            found.append(waiting[group].pop(0))
            has[group] += 1
        if len(found) < count:  # those without a face, or not looked at yet
            found += self._open([_items.position, _items.face], count - len(found), _items.estimate.is_(None))
        return found

    def _mistakes(self, count: int) -> list[Row[Any]]:
        """Labelled items that the model takes for another group, the surest first, until this person looked again."""
        resolved = vocabulary.resolve(self.connection)
        group_of = sa.case(
            {number: label.name for number, label in resolved.items()}, value=_events.label, else_=None
        )
        in_groups = [number for number, label in resolved.items() if label.name in GROUPS]
        earlier, again = schema.events.alias(), schema.events.alias()
        looked_again = sa.exists().where(
            again.c.item == _items.id,
            again.c.slot == self.my_slot,
            again.c.is_undone.is_(False),
            sa.exists().where(
                earlier.c.item == _items.id,
                earlier.c.id < again.c.id,
                earlier.c.kind == "label",
                earlier.c.is_undone.is_(False),
            ),
        )
        query = (
            sa.select(schema.items)
            .join(schema.events, _events.item == _items.id)
            .where(
                *self.here,
                *self.events_here,
                _events.kind == "label",
                _events.label.in_(in_groups),
                _items.estimate.is_not(None),
                _items.estimate != group_of,
                ~looked_again,
                *self.not_held,
            )
            .order_by(_items.confidence.desc(), _items.id)
            .limit(3 * count)  # an item that several people labelled comes several times
        )
        found: dict[int, Row[Any]] = {}
        for row in self.connection.execute(query):
            found.setdefault(row.id, row)
        return list(found.values())[:count]

    def _skipped(self, count: int) -> list[Row[Any]]:
        """What this person skipped, oldest first."""
        query = (
            sa.select(schema.items)
            .join(schema.events, _events.item == _items.id)
            .where(
                *self.here,
                *self.events_here,
                _events.kind == "skip",
                _events.who == self.who,
                _items.judged < self.wanted,
                *self.not_held,
            )
            .order_by(_events.id)
            .limit(count)
        )
        return list(self.connection.execute(query).all())
