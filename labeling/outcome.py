"""What all judgements of an item come to: the label that counts, a conflict, or nothing yet."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from labeling import schema, vocabulary
from labeling.store import Store


@dataclass(frozen=True)
class Vote:
    """One person's judgement that counts now."""

    who: str
    kind: str
    """label, unusable or skip."""
    label: str | None
    """As it is called now, after renames and merges; None for the other kinds."""
    word: str
    """The label as it read on the button, or why the picture is unusable."""
    at: float
    suggestion_shown: bool
    event: int


@dataclass(frozen=True)
class ItemVotes:
    """An item with everything that counts about it."""

    item: int
    name: str
    face: int
    """0 for the whole photo."""
    photo: str
    """The photo's hash."""
    votes: tuple[Vote, ...]
    """In the order in which they were cast."""
    settled: str | None = None
    """The label that an owner decided on."""
    settled_unusable: str = ""
    """Why an owner decided that the picture can't be used."""
    position: int = 0
    estimate: str | None = None
    confidence: float | None = None

    @cached_property
    def counts(self) -> Counter[str]:
        """How many people gave each label."""
        return Counter(vote.label for vote in self.votes if vote.label is not None)

    @property
    def outcome(self) -> str | None:
        """The label that counts: the settled one, else what more than half of those said who judged. None without."""
        if self.settled is not None:
            return self.settled
        if self.settled_unusable or not self.counts:
            return None
        label, most = self.counts.most_common(1)[0]
        return label if 2 * most > self._judged else None

    @property
    def is_unusable(self) -> bool:
        """Whether an owner decided that the picture can't be used, or more than half of those who judged said so."""
        if self.settled_unusable:
            return True
        unusable = sum(vote.kind == "unusable" for vote in self.votes)
        return self.settled is None and unusable > 0 and 2 * unusable > self._judged

    @property
    def is_conflict(self) -> bool:
        """Whether people judged and it comes to nothing."""
        return self._judged > 0 and self.outcome is None and not self.is_unusable

    @property
    def is_divided(self) -> bool:
        """Whether not all who judged said the same, also where a majority or an owner has decided."""
        said = {vote.label or "" for vote in self.votes if vote.kind in ("label", "unusable")}
        return len(said) > 1

    @property
    def _judged(self) -> int:
        return sum(vote.kind in ("label", "unusable") for vote in self.votes)


def votes(store: Store, batch: int, by_face: bool = False, items: list[int] | None = None) -> list[ItemVotes]:
    """Every item of a batch that anybody judged or settled, in the batch's own order.

    Args:
        items: only these.
    """
    events, table = schema.events.c, schema.items.c
    query = (
        sa.select(
            *(events.item, events.who, events.kind, events.label, events.word, events.at, events.id),
            events.suggestion.is_not(None).label("was_shown"),
            *(table.name, table.face, table.photo, table.position, table.estimate, table.confidence),
        )
        .select_from(schema.events.join(schema.items))
        .where(
            events.superseded_by == 0,
            events.kind.in_(("label", "unusable", "skip", "settle")),
        )
        .order_by(table.position, table.face, events.item, events.id)
    )
    if items is None:
        query = query.where(events.batch == batch, events.by_face == by_face)
    else:  # what else is known of single items would only mislead a database's planner
        query = query.where(events.item.in_(items))
    with store.reading() as connection:
        names = {number: label.name for number, label in vocabulary.resolve(connection).items()}
        rows = connection.execute(query).all()
    found: list[ItemVotes] = []
    start = 0
    for end in range(1, len(rows) + 1):
        if end < len(rows) and rows[end].item == rows[start].item:
            continue
        group = rows[start:end]
        first, start = group[0], end
        settled = [row for row in group if row.kind == "settle" and (row.label is not None or row.word)]
        decided = settled[-1] if settled else None
        cast = tuple(
            Vote(
                row.who,
                row.kind,
                names[row.label] if row.kind == "label" else None,
                row.word,
                row.at,
                bool(row.was_shown),
                row.id,
            )
            for row in group
            if row.kind != "settle"
        )
        if cast or settled:
            found.append(
                ItemVotes(
                    *(first.item, first.name, first.face, first.photo, cast),
                    settled=None if decided is None or decided.label is None else names[decided.label],
                    settled_unusable="" if decided is None or decided.label is not None else decided.word,
                    position=first.position,
                    estimate=first.estimate,
                    confidence=first.confidence,
                )
            )
    return found
