"""What people disagree about: the queue of conflicts, and an owner's decision of each.

    waiting = queue(store, None, by_face=False)
    shown = conflict(store, waiting[0])             every vote and note, and who settled it
    settle(store, key, "Asha", shown.item.item, "Nepali", shown.decision)
    reopen(store, key, "Asha", shown.item.item, decision)

A decision counts whatever the votes say, and rewrites none of them; taken back, the votes count again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from labeling import judging, schema
from labeling.batches import Batch, find
from labeling.errors import LabelError
from labeling.judgement import Saved
from labeling.outcome import ItemVotes, votes
from labeling.store import Store
from labeling.tally import tally

State = Literal["open", "majority", "settled"]
STATES: dict[State, str] = {
    "open": "Open",
    "majority": "Decided by majority",
    "settled": "Settled by an owner",
}
"""Kinds of items about which people differ, and what the page calls them."""

UNJUDGED = "Nobody has judged this photo; choose one from the queue of conflicts."
LARGEST = 2**63  # no number that a database could hold


@dataclass(frozen=True, order=True)
class Waiting:
    """An item in the queue; they sort as they stand in it."""

    batch: int
    position: int
    face: int
    item: int


@dataclass(frozen=True)
class Note:
    """What somebody wrote about an item."""

    who: str
    at: float
    text: str


@dataclass(frozen=True)
class Conflict:
    """An item with everything that helps to decide."""

    batch: Batch
    item: ItemVotes
    notes: tuple[Note, ...]
    decision: int = 0
    """Number of the decision that counts now; 0 where none does."""
    settled_by: str = ""
    settled_at: float | None = None

    @property
    def decided(self) -> str:
        """What an owner decided; empty where none has."""
        unusable = self.item.settled_unusable
        return f"unusable: {unusable}" if unusable else self.item.settled or ""

    @property
    def place(self) -> Waiting:
        """Where it stands in a queue, or would stand."""
        return Waiting(self.batch.id, self.item.position, self.item.face, self.item.item)

    @property
    def state(self) -> State | None:
        """Where it stands; None where people agree, or nobody judged."""
        return _state(bool(self.decided), self.item.is_conflict, self.item.is_divided)


def queue(
    store: Store, batch: int | None = None, by_face: bool = False, state: State = "open"
) -> list[Waiting]:
    """Items about which people differ, in the batches' own order; arguments as for `queues`."""
    return queues(store, batch, by_face)[state]


def queues(store: Store, batch: int | None = None, by_face: bool = False) -> dict[State, list[Waiting]]:
    """All items about which people differ or an owner has decided, each state in the batches' own order.

    Args:
        batch: its number; None for all.
        by_face: faces instead of whole photos.
    """
    found: dict[State, list[Waiting]] = {state: [] for state in STATES}
    for number, items in _candidates(store, batch, by_face).items():
        for entry in tally(store, number, by_face, items):
            answers = {cast.label for cast in entry.cast if cast.kind in ("label", "unusable")}
            is_settled = any(cast.kind == "settle" and (cast.label or cast.word) for cast in entry.cast)
            state = _state(is_settled, entry.is_conflict, is_divided=len(answers) > 1)
            if state is not None:
                found[state].append(Waiting(number, entry.position, entry.face, entry.item))
    return {state: sorted(waiting) for state, waiting in found.items()}


def conflict(store: Store, item: int) -> Conflict:
    """All that was said about an item.

    Raises:
        LabelError: there is no such item, or nobody said anything of it.
    """
    if not 0 < item < LARGEST:
        raise LabelError(UNJUDGED)
    with store.reading() as connection:
        row = connection.execute(
            sa.select(schema.items.c.batch, schema.items.c.by_face).where(schema.items.c.id == item)
        ).one_or_none()
    found = votes(store, row.batch, row.by_face, [item]) if row is not None else []
    if row is None or not found:
        raise LabelError(UNJUDGED)
    events = [event for event in judging.history(store, item) if event.superseded_by == 0]
    notes = tuple(Note(event.who, event.at, event.word) for event in events if event.kind == "note")
    decisions = [event for event in events if event.kind == "settle"]
    last = decisions[-1] if decisions else None
    if last is None or not (found[0].settled or found[0].settled_unusable):
        return Conflict(find(store, row.batch), found[0], notes, 0 if last is None else last.id)
    return Conflict(find(store, row.batch), found[0], notes, last.id, last.who, last.at)


def settle(
    store: Store,
    key: str,
    who: str,
    item: int,
    label: str | int | None,
    decision: int | None = None,
    via: str = "page",
    unusable: str = "",
) -> Saved:
    """Decide what counts for an item.

    Args:
        key: made by the sender; sent twice it is one decision.
        who: an owner.
        label: its name or number; None where the picture can't be used.
        unusable: then, why: one of `judgement.REASONS`.
        decision: the decision that `who` saw when deciding (`Conflict.decision`), so that two owners at once don't
            overrule each other unseen; None doesn't ask.

    Raises:
        LabelError: there is no such item or label, or another owner has decided in between.
    """
    if label is None and not unusable:
        raise LabelError("Say which label counts, or why the picture can't be used.")
    saved = judging.settle(store, key, who, item, label, via, unusable, instead_of=decision)
    if saved is None:
        raise _overtaken(conflict(store, item))
    return saved


def reopen(
    store: Store, key: str, who: str, item: int, decision: int | None = None, via: str = "page"
) -> Saved:
    """Take a decision back, so that the votes count again; otherwise as `settle`.

    Raises:
        LabelError: there is no decision to take back, or it is no longer the one that was seen.
    """
    now = conflict(store, item)
    if now.settled_at is None and decision in (None, now.decision) and not _is_done(store, key):
        raise LabelError("No owner has settled this one, so there is nothing to take back.")
    saved = judging.settle(store, key, who, item, None, via, instead_of=decision)
    if saved is None:
        raise _overtaken(conflict(store, item))
    return saved


def _state(is_settled: bool, is_conflict: bool, is_divided: bool) -> State | None:
    if is_settled:
        return "settled"
    if is_conflict:
        return "open"
    return "majority" if is_divided else None


def _overtaken(now: Conflict) -> LabelError:
    if now.settled_at is None:
        return LabelError(
            f"Another owner has let the votes count again for {now.item.name}; look at it once more."
        )
    return LabelError(
        f"{now.settled_by} has just settled {now.item.name} as {now.decided}; look again if you disagree."
    )


def _is_done(store: Store, key: str) -> bool:
    """Whether the decision with this key is there already: who sends it twice saw the state before it."""
    with store.reading() as connection:
        return connection.scalar(sa.select(schema.events.c.id).where(schema.events.c.key == key)) is not None


def _candidates(store: Store, batch: int | None, by_face: bool) -> dict[int, list[int]]:
    """Items by batch that got different answers, counted before merges of labels, or a decision.

    The database finds them, since in a large batch nearly all items are none.
    """
    events = schema.events.c
    counts = [events.by_face == by_face, events.superseded_by == 0]
    counts += [] if batch is None else [events.batch == batch]
    answer = sa.func.coalesce(events.label, 0)  # 0 for "unusable"
    divided = (
        sa.select(events.batch, events.item)
        .where(*counts, events.kind.in_(("label", "unusable")))
        .group_by(events.batch, events.item)
        .having(sa.func.min(answer) != sa.func.max(answer))
    )
    settled = sa.select(events.batch, events.item).where(
        *counts, events.kind == "settle", sa.or_(events.label.is_not(None), events.word != "")
    )
    found: dict[int, list[int]] = {}
    with store.reading() as connection:
        for row in connection.execute(sa.union(divided, settled).order_by("batch", "item")):
            found.setdefault(row.batch, []).append(row.item)
    return found


def by_answer(conflict: Conflict) -> Iterator[tuple[str, list[str]]]:
    """Each answer with the people who gave it, the most frequent answer first."""
    people: dict[str, list[str]] = {}
    for vote in conflict.item.votes:
        if vote.kind != "skip":
            people.setdefault(vote.label or f"unusable: {vote.word}", []).append(vote.who)
    yield from sorted(people.items(), key=lambda entry: -len(entry[1]))
