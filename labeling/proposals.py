"""Changes of the vocabulary, seen before they are made: what would count differently, in which CSVs.

proposal = rename(store, label.id, "South Asian")       # nothing has happened
proposal.sentences, proposal.uses                       # what would
apply(store, "Asha", proposal)                          # now it has; `take_back` finds its opposite
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import sqlalchemy as sa

from labeling import batches, vocabulary
from labeling.errors import LabelError
from labeling.names import clean_label
from labeling.schema import events
from labeling.store import Store
from labeling.vocabulary import Change, Label

COUNTED = ("label", "settle")
MEANWHILE = "Somebody changed the vocabulary meanwhile. Look at it again, then repeat your change."


@dataclass(frozen=True)
class Use:
    """Current judgements of one batch that a change would touch."""

    batch: str
    by_face: bool
    """Whether they are of faces, which have a CSV of their own."""
    count: int


@dataclass(frozen=True)
class Proposal:
    """A change that somebody has asked for and not confirmed."""

    act: Literal["rename", "merge", "retire", "restore"]
    label: Label
    """As it was when the change was proposed."""
    name: str = ""
    """The new one, of a rename."""
    into: Label | None = None
    """What a merge counts it as."""
    sentences: tuple[str, ...] = ()
    """What would happen, for people."""
    uses: tuple[Use, ...] = ()

    @property
    def count(self) -> int:
        """How many current judgements it touches."""
        return sum(use.count for use in self.uses)


def rename(store: Store, label: int, name: str) -> Proposal:
    """What another word for a label would mean.

    Raises:
        LabelError: the name can't be used or is another label's, or there is no such label to rename.
    """
    old, name = _changeable(store, label), clean_label(name)
    if name == old.name:
        raise LabelError(f"The label is called {name} already; write another name.")
    for other in vocabulary.labels(store):
        if other.id != label and other.name.casefold() == name.casefold():
            raise LabelError(f"There is a label {other.name} already. Merge {old.name} into it instead.")
    return _counted(
        store,
        Proposal(
            "rename",
            old,
            name=name,
            sentences=(
                f'"{old.name}" will read "{name}" on its button and in the CSVs.',
                "The history keeps the word that was on the button when each label was given.",
            ),
        ),
    )


def merge(store: Store, label: int, into: int | None) -> Proposal:
    """What counting a label as another would mean.

    Raises:
        LabelError: either is not in use, they are the same, or the first is "unsure".
    """
    old = _changeable(store, label)
    target = next((one for one in vocabulary.labels(store) if one.id == into and one.id != label), None)
    if target is None:
        raise LabelError(f"Choose another label that {old.name} is merged into.")
    return _counted(
        store,
        Proposal(
            "merge",
            old,
            into=target,
            sentences=(
                f'"{old.name}" will count as "{target.name}", and its button goes.',
                "The history keeps which of the two was given, so that they can be told apart again.",
            ),
        ),
    )


def retire(store: Store, label: int) -> Proposal:
    """What offering a label no longer would mean.

    Raises:
        LabelError: it is not in use, or is "unsure".
    """
    old = _changeable(store, label)
    return _counted(
        store,
        Proposal(
            "retire",
            old,
            sentences=(
                f'"{old.name}" will have no button. Photos that have this label keep it, also in the CSVs.',
            ),
        ),
    )


def restore(store: Store, label: int | None) -> Proposal:
    """What taking back a merge or a retirement would mean.

    Raises:
        LabelError: it is neither merged nor retired.
    """
    everything = {one.id: one for one in vocabulary.labels(store, everything=True)}
    old = everything.get(label) if label is not None else None
    if old is None or old.is_active:
        raise LabelError("Choose a label that was retired or merged.")
    taken = next(
        (one for one in vocabulary.labels(store) if one.name.casefold() == old.name.casefold()), None
    )
    if taken is not None:
        raise LabelError(f"Another label is called {taken.name} now. Rename that one, then restore this one.")
    sentences = [f'"{old.name}" gets its button back.']
    if old.merged_into is not None:
        sentences.append(
            f'What was labelled "{old.name}" counts as that again, not as "{everything[old.merged_into].name}".'
        )
    return _counted(store, Proposal("restore", old, sentences=tuple(sentences)))


def apply(store: Store, who: str, proposal: Proposal) -> str:
    """Make the change.

    Returns:
        What was done, one sentence.

    Raises:
        LabelError: the vocabulary is no longer as it was when the change was proposed.
    """
    known = {label.id: label for label in vocabulary.labels(store, everything=True)}
    for seen in (proposal.label, proposal.into):
        if seen is not None and _essence(known.get(seen.id)) != _essence(seen):
            raise LabelError(MEANWHILE)
    label = proposal.label
    if proposal.act == "rename":
        vocabulary.rename(store, who, label.id, proposal.name)
        return f"{label.name} is now called {proposal.name}."
    if proposal.act == "merge":
        assert proposal.into is not None  # as `merge` made it
        vocabulary.merge(store, who, label.id, proposal.into.id)
        return f"{label.name} now counts as {proposal.into.name}."
    if proposal.act == "retire":
        vocabulary.retire(store, who, label.id)
        return f"{label.name} is no longer offered."
    vocabulary.restore(store, who, label.id)
    return f"{label.name} is offered again."


def take_back(store: Store, changes: Sequence[Change]) -> Proposal | None:
    """The opposite of the newest change of a label that still stands; None where there is nothing to take back.

    Args:
        changes: newest first, as `vocabulary.changes` gives them.
    """
    everything = vocabulary.labels(store, everything=True)
    active = {label.name: label for label in everything if label.is_active}
    for change in changes:
        try:
            if change.what == "rename label" and change.after in active:
                return rename(store, active[change.after].id, str(change.before))
            if change.what in ("merge label", "retire label"):
                gone = [one for one in everything if not one.is_active and one.name == change.before]
                return restore(store, gone[-1].id) if gone else None
            if change.what == "add label" and change.after in active:
                return retire(store, active[change.after].id)
        except LabelError:
            return None  # its name is in use again: a later change stands in the way
        if change.what.endswith(" label"):
            return None  # a restored label: nobody knows any more what it had been
    return None


def counts(store: Store) -> dict[int, int]:
    """How many current judgements were given with each label, by the label's number; those without any are left out."""
    columns = events.c
    is_counted = columns.kind.in_(COUNTED) & columns.label.is_not(None)  # owners settle without a label, too
    query = (
        sa.select(columns.label, sa.func.count())
        .where(columns.superseded_by == 0, is_counted)
        .group_by(columns.label)
    )
    with store.reading() as connection:
        return {int(label): int(count) for label, count in connection.execute(query)}


def _changeable(store: Store, label: int | None) -> Label:
    found = next((one for one in vocabulary.labels(store) if one.id == label), None)
    if found is None:
        raise LabelError("Choose a label that is in use.")
    if found.is_unsure:
        raise LabelError(f'"{found.name}" is always there, as the last label; it can\'t be changed.')
    return found


def _essence(label: Label | None) -> Label | None:
    """A label without its place, which may change without harm."""
    return None if label is None else replace(label, position=0)


def _counted(store: Store, proposal: Proposal) -> Proposal:
    """With the judgements that count as the label now, or would if it were restored."""
    chosen = proposal.label.id
    ends = vocabulary.resolve(store)
    parents = {label.id: label.merged_into for label in vocabulary.labels(store, everything=True)}
    own = [number for number, end in ends.items() if end.id == chosen or _passes(parents, number, chosen)]
    columns = events.c
    query = (
        sa.select(columns.batch, columns.by_face, sa.func.count())
        .where(columns.label.in_(own), columns.superseded_by == 0, columns.kind.in_(COUNTED))
        .group_by(columns.batch, columns.by_face)
        .order_by(columns.batch, columns.by_face)
    )
    names = {batch.id: batch.name for batch in batches.batches(store)}
    with store.reading() as connection:
        rows = connection.execute(query).all()
    uses = tuple(Use(names[row.batch], bool(row.by_face), int(row[2])) for row in rows)
    return replace(proposal, uses=uses)


def _passes(parents: dict[int, int | None], number: int, chosen: int) -> bool:
    """Whether a label's chain of merges goes through `chosen`."""
    seen: set[int] = set()
    at: int | None = number
    while at is not None and at not in seen:
        if at == chosen:
            return True
        seen.add(at)
        at = parents.get(at)
    return False
