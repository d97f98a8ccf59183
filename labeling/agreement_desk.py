"""What the section "Agreement" asks: figures for everybody who labels, the desk of conflicts for owners. No gradio.

Methods answer HTML for the page; the last four answer JSON for programs.
"""

import uuid
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

from labeling import conflicts, view_agreement, view_conflicts
from labeling.access import Person, Role
from labeling.agreement import Agreement
from labeling.agreement_report import Asked, as_dict, read
from labeling.batches import batches, find, photo
from labeling.conflicts import STATES, Conflict, State, Waiting
from labeling.errors import LabelError
from labeling.looks import faces
from labeling.office import Office
from labeling.view_parts import said
from labeling.vocabulary import labels

ALL = "all"
"""Choice of all batches."""
MOST = 500
"""Conflicts that one request gets."""
NO_BUTTON = "That button isn't of this page; load the page again."


@dataclass(frozen=True)
class Figures:
    """The section's figures as HTML."""

    summary: str
    mixed_up: str
    pairs: str
    prevalence: str
    pair_choices: tuple[tuple[str, str], ...]
    confusion: str
    """Of the first pair."""


@dataclass(frozen=True)
class Shown:
    """The conflicts' desk."""

    html: str
    counts: dict[State, int]
    """Items in each queue."""


class AgreementDesk:
    """One for the whole page; visitors differ only in what they ask."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.store = office.store
        self._lock = Lock()
        self._measured: tuple[tuple[Asked, int], Agreement] | None = None

    def batches(self) -> list[tuple[str, str]]:
        """What can be chosen: a name to show, and a value."""
        return [("All batches", ALL), *((batch.name, str(batch.id)) for batch in batches(self.store))]

    def explained(self, person: Person) -> str:
        """Why there is nothing for this person; empty where there is."""
        if person.can(Role.ANNOTATOR):
            return ""
        return said(
            "Here those who label see how far they agree: Cohen’s kappa for every two, Krippendorff’s alpha for all, "
            f"and which labels are taken for each other. Owners settle conflicts here. "
            f"{self.office.access.explain(person)}"
        )

    def figures(
        self, person: Person, batch: str, by_face: bool, only_groups: bool, only_unaided: bool
    ) -> Figures:
        """All figures of a batch, or of all.

        Raises:
            LabelError: there is no such batch.
        """
        asked = Asked(self._number(batch), by_face, only_groups, only_unaided)
        agreement = self._measure(asked)
        unit = asked.unit
        waiting = (
            None if person.can(Role.OWNER) else len(conflicts.queue(self.store, self._number(batch), by_face))
        )
        return Figures(
            view_agreement.summary(agreement, waiting, unit),
            view_agreement.mixed_up(agreement, unit),
            view_agreement.pairs(agreement, unit),
            view_agreement.prevalence(agreement),
            tuple(view_agreement.pair_choices(agreement)),
            view_agreement.confusion(
                agreement.ratings, agreement.pairs[0] if agreement.pairs else None, unit
            ),
        )

    def confusion(
        self,
        person: Person,
        batch: str,
        by_face: bool,
        only_groups: bool,
        only_unaided: bool,
        pair: str | None,
    ) -> str:
        """What two people answered to the same items; nothing where the pair is no longer there.

        Args:
            pair: value of one of `Figures.pair_choices`: two names, as `view_agreement.pair_value` writes them.
        """
        asked = Asked(self._number(batch), by_face, only_groups, only_unaided)
        agreement = self._measure(asked)
        found = [one for one in agreement.pairs if view_agreement.pair_value(one) == pair]
        return view_agreement.confusion(agreement.ratings, found[0] if found else None, asked.unit)

    def first(self, person: Person, batch: str, by_face: bool, state: State) -> Shown:
        """The desk with the first conflict of a queue.

        Raises:
            LabelError: there is no such batch.
        """
        return self._show(batch, by_face, state, None)

    def act(self, person: Person, batch: str, by_face: bool, state: State, sent: object) -> Shown:
        """Do what a button of the desk says, and show what comes next.

        Args:
            sent: what `view_conflicts.PRESSED` sends. It comes from a browser, and may be anything.

        Raises:
            LabelError: the button or what it refers to doesn't exist.
        """
        action = sent.get("action") if isinstance(sent, dict) else None
        item, label, decision = _numbers(sent, "item", "label", "decision")
        if action in ("next", "previous"):
            return self._show(batch, by_face, state, self._place(item), step=1 if action == "next" else -1)
        key = f"desk-{uuid.uuid4()}"
        try:
            if action == "settle":
                unusable = sent.get("unusable") if isinstance(sent, dict) else None
                reason = unusable if isinstance(unusable, str) else ""
                saved = conflicts.settle(
                    self.store, key, person.name, item, None if reason else label, decision, unusable=reason
                )
                done = conflicts.conflict(self.store, item)
                message = f"Saved: {_name(done)} counts as {done.decided}."
                return self._show(
                    batch, by_face, state, done.place, message=message, undo=(item, saved.event)
                )
            if action in ("reopen", "undo"):
                conflicts.reopen(self.store, key, person.name, item, decision)
                done = conflicts.conflict(self.store, item)
                message = f"Saved: for {_name(done)} the votes count again."
                return self._show(batch, by_face, state, done.place, step=0, message=message)
        except LabelError as error:
            return self._show(batch, by_face, state, self._place(item), step=0, problem=str(error))
        raise LabelError(NO_BUTTON)

    def agreement(
        self,
        person: Person,
        batch: str = "",
        by_face: bool = False,
        only_groups: bool = False,
        only_unaided: bool = False,
    ) -> dict[str, Any]:
        """All figures as `agreement_report.as_dict` has them; no batch means all."""
        return as_dict(read(self.store, Asked(batch or None, by_face, only_groups, only_unaided)))

    def conflicts(
        self,
        person: Person,
        batch: str = "",
        by_face: bool = False,
        state: Literal["open", "majority", "settled"] = "open",
        start: int = 0,
    ) -> dict[str, Any]:
        """Conflicts with every vote and note, at most 500 from the one numbered `start` on."""
        number = find(self.store, batch).id if batch else None
        waiting = conflicts.queue(self.store, number, by_face, state)
        shown = waiting[max(0, start) : max(0, start) + MOST]
        return {
            "total": len(waiting),
            "conflicts": [_as_dict(conflicts.conflict(self.store, one.item)) for one in shown],
        }

    def settle(
        self,
        person: Person,
        item: int,
        label: str | None,
        key: str,
        decision: int | None = None,
        unusable: str = "",
    ) -> dict[str, Any]:
        """Decide what counts for an item; see `conflicts.settle`."""
        conflicts.conflict(self.store, item)  # one that nobody judged is for the desk of labels
        saved = conflicts.settle(self.store, key, person.name, item, label, decision, "http", unusable)
        return {"item": item, "decision": saved.event}

    def reopen(self, person: Person, item: int, key: str, decision: int | None = None) -> dict[str, Any]:
        """Take a decision back; see `conflicts.reopen`."""
        saved = conflicts.reopen(self.store, key, person.name, item, decision, via="http")
        return {"item": item, "decision": saved.event}

    def _number(self, batch: str) -> int | None:
        if batch == ALL or not batch:
            return None
        if not batch.isdecimal():
            raise LabelError("Choose one of the batches listed.")
        return find(self.store, int(batch)).id

    def _measure(self, asked: Asked) -> Agreement:
        """The figures, remembered while nothing changes: the tables of two people are looked at one after the other."""
        key = (asked, self.store.version())
        with self._lock:
            if self._measured is None or self._measured[0] != key:
                self._measured = (key, read(self.store, asked))
            return self._measured[1]

    def _place(self, item: int) -> Waiting | None:
        """Where an item would stand in a queue; None for one that nobody knows, or that lost its votes meanwhile."""
        try:
            return conflicts.conflict(self.store, item).place
        except LabelError:
            return None

    def _show(
        self,
        batch: str,
        by_face: bool,
        state: State,
        seen: Waiting | None,
        step: Literal[-1, 0, 1] = 1,
        message: str = "",
        problem: str = "",
        undo: tuple[int, int] | None = None,
    ) -> Shown:
        """The desk at the conflict that lies `step` from the one just seen, around the end; the first without one."""
        if state not in STATES:
            raise LabelError(f"There is no queue {state!r:.40}; choose one of {', '.join(STATES)}.")
        found = conflicts.queues(self.store, self._number(batch), by_face)
        queue = found[state]
        counts = {name: len(waiting) for name, waiting in found.items()}
        place = 0
        if queue and seen is not None:
            place = bisect_right(queue, seen) if step == 1 else bisect_left(queue, seen) + step
            place %= len(queue)
        shown = conflicts.conflict(self.store, queue[place].item) if queue else None
        html = view_conflicts.desk(
            shown,
            self._picture(shown) if shown else "",
            labels(self.store),
            (place, len(queue)),
            state,
            message,
            problem,
            undo,
        )
        return Shown(html, counts)

    def _picture(self, shown: Conflict) -> str:
        item = shown.item
        try:
            row = photo(self.store, item.photo)
            jpeg = self.office.photos.view(item.photo, row.suffix)
        except LabelError as error:
            return view_conflicts.without_picture(str(error))
        meant = [face for face in faces(self.store, item.photo) if face.number == item.face]
        return view_conflicts.picture(shown, jpeg, row, meant[0] if meant else None)


def _numbers(sent: object, *names: str) -> list[int]:
    """Whole numbers out of what a browser sent.

    Raises:
        LabelError: one is missing, or is none.
    """
    found = [sent.get(name) if isinstance(sent, dict) else None for name in names]
    if any(not isinstance(number, int) or isinstance(number, bool) for number in found):
        raise LabelError(NO_BUTTON)
    return [int(number) for number in found]  # type: ignore[arg-type]


def _name(shown: Conflict) -> str:
    return f"{shown.item.name}, face {shown.item.face}," if shown.item.face else shown.item.name


def _as_dict(shown: Conflict) -> dict[str, Any]:
    return {
        "item": shown.item.item,
        "batch": shown.batch.name,
        "name": shown.item.name,
        "face": shown.item.face,
        "state": shown.state,
        "settled": shown.decided or None,
        "settled_by": shown.settled_by,
        "decision": shown.decision,
        "votes": [
            {
                "who": vote.who,
                "kind": vote.kind,
                "label": vote.label,
                "word": vote.word,
                "at": vote.at,
                "suggestion_shown": vote.suggestion_shown,
            }
            for vote in shown.item.votes
        ],
        "notes": [{"who": note.who, "at": note.at, "text": note.text} for note in shown.notes],
    }
