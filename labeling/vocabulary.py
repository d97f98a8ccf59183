"""The words that a portrait may be labelled with, the guidelines for choosing them, and who changed what of either.

A label is known by its number. Renaming one, or merging it into another, changes what it counts as from then on; the
events keep its number and the word that was on the button, so nothing is rewritten and everything can be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labeling.errors import LabelError
from labeling.names import clean_label
from labeling.schema import changes as changes_table
from labeling.schema import events, facts
from labeling.schema import labels as labels_table
from labeling.store import Store

GUIDELINES = """\
- Label what you **see**: the group that most people would think of when they look at this portrait. It is about \
appearance, and says nothing of anybody's passport, language or family.
- When two labels fit about equally well, or the face can't be seen well enough, take **unsure**.
- Mark a picture **unusable** when it shows no person, when the person can't have agreed to its use, or when it is a \
drawing, a statue or a computer's picture.
- Don't look a person up, and don't label people you know by what you know of them.
- Take a break every half hour: tired eyes label by habit.
"""
GUIDELINES_LIMIT = 20_000  # characters
OTHER_ANSWERS = ("unusable", "skip", "skipped")
"""What is said of a photo without a label, and stands beside the labels in tables."""
MOST_LABELS = 60  # beyond that nobody finds a label among the buttons


@dataclass(frozen=True)
class Label:
    """A word of the vocabulary."""

    id: int
    name: str
    position: int
    is_unsure: bool = False
    is_retired: bool = False
    merged_into: int | None = None

    @property
    def is_active(self) -> bool:
        """Whether it can be given to a photo."""
        return not self.is_retired and self.merged_into is None


@dataclass(frozen=True)
class Change:
    """Something that an owner changed."""

    at: float
    who: str
    what: str
    before: Any
    after: Any


def labels(store: Store, everything: bool = False) -> list[Label]:
    """The labels that can be given, in their order with "unsure" last; or all that ever were."""
    with store.reading() as connection:
        found = list(_all(connection).values())
    return found if everything else [label for label in found if label.is_active]


def resolve(store: Store | Connection) -> dict[int, Label]:
    """Each label's number, retired and merged ones included -> the label that it counts as now."""
    if isinstance(store, Store):
        with store.reading() as connection:
            return resolve(connection)
    known = _all(store)
    return {number: _end(known, number) for number in known}


def find(connection: Connection, label: str | int) -> Label:
    """An active label by its number or its name, in any case.

    Raises:
        LabelError: there is none; the message lists those there are.
    """
    known = _all(connection)
    active = [one for one in known.values() if one.is_active]
    for one in active:
        is_meant = (
            one.id == label if isinstance(label, int) else one.name.casefold() == label.strip().casefold()
        )
        if is_meant:
            return one
    choose = f"choose one of {', '.join(one.name for one in active)}."
    if isinstance(label, int) and label in known:
        raise LabelError(f"The label {known[label].name!r} is no longer offered; {choose}")
    said = f"{label!r:.60}" if isinstance(label, str) else f"number {label}"
    raise LabelError(f"There is no label {said}; {choose}")


def add(store: Store, who: str, name: str) -> Label:
    """A new label, before "unsure".

    Raises:
        LabelError: the name can't be used, is there already, or there are too many.
    """
    with store.writing() as connection:
        store.lock(connection, 1)
        known = _all(connection)
        name = _new_name(known, name)
        if sum(label.is_active for label in known.values()) >= MOST_LABELS:
            raise LabelError(f"There are {MOST_LABELS} labels already; retire or merge some first.")
        label = Label(max(known) + 1, name, max(one.position for one in known.values()) + 1)
        connection.execute(
            labels_table.insert().values(
                id=label.id, name=name, position=label.position, is_retired=False, is_unsure=False
            )
        )
        note_change(store, connection, who, "add label", None, name)
    return label


def rename(store: Store, who: str, label: int, name: str) -> None:
    """Another word for a label: everything that was labelled with it reads so from now on.

    Raises:
        LabelError: the name can't be used or is another label's, or the label is "unsure".
    """
    with store.writing() as connection:
        store.lock(connection, 1)
        known = _all(connection)
        old = _changeable(known, label)
        name = _new_name(known, name, but=label)
        if name != old.name:
            connection.execute(labels_table.update().where(labels_table.c.id == label).values(name=name))
            note_change(store, connection, who, "rename label", old.name, name)


def merge(store: Store, who: str, label: int, into: int) -> None:
    """Count a label as another from now on.

    Raises:
        LabelError: either can't be merged.
    """
    with store.writing() as connection:
        store.lock(connection, 1)
        known = _all(connection)
        old = _changeable(known, label)
        target = known.get(into)
        if target is None or not target.is_active or into == label:
            raise LabelError("Choose another label that is in use to merge this one into.")
        connection.execute(labels_table.update().where(labels_table.c.id == label).values(merged_into=into))
        note_change(store, connection, who, "merge label", old.name, target.name)


def retire(store: Store, who: str, label: int) -> None:
    """Offer a label no longer; what was labelled with it keeps it.

    Raises:
        LabelError: it is "unsure", or the last one beside it.
    """
    with store.writing() as connection:
        store.lock(connection, 1)
        known = _all(connection)
        old = _changeable(known, label)
        if sum(one.is_active and not one.is_unsure for one in known.values()) == 1:
            raise LabelError(f"{old.name} is the last label; add another before you retire it.")
        connection.execute(labels_table.update().where(labels_table.c.id == label).values(is_retired=True))
        note_change(store, connection, who, "retire label", old.name, None)


def restore(store: Store, who: str, label: int) -> None:
    """Take back a merge or a retirement.

    Raises:
        LabelError: there is no such label, or its name has been given to another since.
    """
    with store.writing() as connection:
        store.lock(connection, 1)
        known = _all(connection)
        if label not in known or known[label].is_active:
            raise LabelError("Choose a label that was retired or merged.")
        _new_name(known, known[label].name, but=label)
        connection.execute(
            labels_table.update().where(labels_table.c.id == label).values(is_retired=False, merged_into=None)
        )
        note_change(store, connection, who, "restore label", None, known[label].name)


def move(store: Store, who: str, label: int, position: int) -> None:
    """Put a label at another place, from 0, among those in use; its key changes with that.

    Raises:
        LabelError: it is "unsure", which stays last, or not in use.
    """
    with store.writing() as connection:
        store.lock(connection, 1)
        known = _all(connection)
        _changeable(known, label)
        order = [one.id for one in known.values() if one.is_active and not one.is_unsure]
        before = [known[one].name for one in order]
        order.remove(label)
        order.insert(max(0, position), label)
        for place, one in enumerate(order):
            connection.execute(labels_table.update().where(labels_table.c.id == one).values(position=place))
        after = [known[one].name for one in order]
        if after != before:
            note_change(store, connection, who, "order of labels", before, after)


def uses(store: Store, label: int) -> int:
    """How many judgements count now that were given with this very label."""
    query = sa.select(sa.func.count()).where(
        events.c.label == label, events.c.superseded_by == 0, events.c.kind.in_(("label", "settle"))
    )
    with store.reading() as connection:
        return int(connection.scalar(query) or 0)


def guidelines(store: Store) -> str:
    """How to label, in Markdown, as the project's owner wrote it."""
    with store.reading() as connection:
        return _guidelines(connection)


def set_guidelines(store: Store, who: str, text: str) -> None:
    """Write the guidelines anew; the old text stays in the history of changes.

    Raises:
        LabelError: the text is too long.
    """
    text = text.replace("\r\n", "\n").strip() + "\n"
    if len(text) > GUIDELINES_LIMIT:
        raise LabelError(
            f"The guidelines have {len(text):,} characters; nobody reads more than {GUIDELINES_LIMIT:,}: shorten them."
        )
    with store.writing() as connection:
        store.lock(connection, 1)
        before = _guidelines(connection)
        if text != before:
            row = {"name": "guidelines", "value": text}
            connection.execute(store.upsert(facts, [row], ["name"], ["value"]))
            note_change(store, connection, who, "guidelines", before, text)


def changes(store: Store, limit: int = 100) -> list[Change]:
    """What owners changed, newest first."""
    query = sa.select(changes_table).order_by(changes_table.c.id.desc()).limit(limit)
    with store.reading() as connection:
        return [Change(row.at, row.who, row.what, row.before, row.after) for row in connection.execute(query)]


def note_change(
    store: Store, connection: Connection, who: str, what: str, before: object, after: object
) -> None:
    """Write down what an owner changes, in the transaction that changes it."""
    connection.execute(
        changes_table.insert().values(at=store.clock(), who=who, what=what, before=before, after=after)
    )


def _all(connection: Connection) -> dict[int, Label]:
    """Every label by its number, in the order of the buttons."""
    columns = labels_table.c
    rows: Sequence[Row[Any]] = connection.execute(
        sa.select(labels_table).order_by(columns.is_unsure, columns.position, columns.id)
    ).all()
    return {
        row.id: Label(row.id, row.name, row.position, row.is_unsure, row.is_retired, row.merged_into)
        for row in rows
    }


def _end(known: dict[int, Label], number: int) -> Label:
    """Where a chain of merges ends."""
    label, seen = known[number], {number}
    while label.merged_into is not None and label.merged_into not in seen:
        seen.add(label.merged_into)
        label = known[label.merged_into]
    return label


def _changeable(known: dict[int, Label], label: int) -> Label:
    if label not in known or not known[label].is_active:
        raise LabelError("Choose a label that is in use.")
    if known[label].is_unsure:
        raise LabelError(f'"{known[label].name}" is always there, as the last label; it can\'t be changed.')
    return known[label]


def _new_name(known: dict[int, Label], name: str, but: int | None = None) -> str:
    name = clean_label(name)
    if name.casefold() in OTHER_ANSWERS:
        raise LabelError(
            f"{name!r} is what one says without a label, with a key of its own; choose another word."
        )
    for label in known.values():
        if label.is_active and label.id != but and label.name.casefold() == name.casefold():
            raise LabelError(f"There is a label {label.name!r} already.")
    return name


def _guidelines(connection: Connection) -> str:
    found = connection.scalar(sa.select(facts.c.value).where(facts.c.name == "guidelines"))
    return GUIDELINES if found is None else str(found)
