"""What the page's section "Project" does: vocabulary, guidelines, history, snapshots. Knows no gradio."""

from collections.abc import Callable
from dataclasses import dataclass

from labeling import proposals, view_project, vocabulary
from labeling.access import Person, Role
from labeling.desk_csv import CsvDesk
from labeling.errors import LabelError
from labeling.proposals import Proposal
from labeling.view_parts import said

ACTS = {
    "rename": "Rename",
    "merge": "Count as another",
    "retire": "Retire",
    "restore": "Restore",
}
"""What is proposed before it is done to a label."""
HISTORY = 100
"""So many of the newest changes are shown."""
REWRITTEN = (
    "Somebody else changed the guidelines since you opened them. Copy your text, reload the page, and put the two "
    "together."
)


@dataclass(frozen=True)
class Shown:
    """The section as one person sees it."""

    explained: str
    may_change: bool
    snapshots: str = ""
    can_push: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """The labels and their history, as HTML and as choices (words, value)."""

    html: str
    changeable: tuple[tuple[str, str], ...]
    """All labels but "unsure", the retired and merged ones last."""
    active: tuple[tuple[str, str], ...]
    history: str
    can_take_back: bool


class ProjectDesk(CsvDesk):
    """The section's work for everybody at the page."""

    def shown(self, person: Person) -> Shown:
        """Whether this person may change the project, or else why not."""
        if person.can(Role.OWNER):
            has_repository = bool(self.office.settings.labels_repo)
            return Shown("", True, self.snapshots(), has_repository)
        if person.can(Role.ANNOTATOR):
            return Shown(
                said("Only owners of the project change it. The guidelines stand beside each photo."), False
            )
        return Shown(said(self.office.access.explain(person)), False)

    def vocabulary(self) -> Vocabulary:
        """The labels as they are now."""
        store = self.office.store
        labels = vocabulary.labels(store, everything=True)
        changes = vocabulary.changes(store, HISTORY)
        names = {label.id: label.name for label in labels}
        active = [(label.name, str(label.id)) for label in labels if label.is_active and not label.is_unsure]
        gone = [
            (
                f"{label.name} (retired)"
                if label.merged_into is None
                else f"{label.name} (counts as {names[label.merged_into]})",
                str(label.id),
            )
            for label in labels
            if not label.is_active
        ]
        unsure = [(label.name, str(label.id)) for label in labels if label.is_unsure]
        return Vocabulary(
            view_project.vocabulary(labels, proposals.counts(store)),
            (*active, *gone),
            (*active, *unsure),
            view_project.history(changes),
            proposals.take_back(store, changes) is not None,
        )

    def add(self, person: Person, name: str) -> str:
        """A new label; a sentence that says so."""
        label = vocabulary.add(self.office.store, person.name, name)
        return f"{label.name} is a label now."

    def propose(self, act: str, label: str | None, name: str = "", into: str | None = None) -> Proposal:
        """What a change of the vocabulary would mean.

        Args:
            act: rename, merge, retire or restore.
            label: its number, as the page's menu sends it.
            name: the new one, of a rename.
            into: number of the label that a merge counts it as.

        Raises:
            LabelError: the change can't be made.
        """
        store, chosen = self.office.store, _number(label, "Choose the label that you want to change.")
        acts: dict[str, Callable[[], Proposal]] = {
            "rename": lambda: proposals.rename(store, chosen, name),
            "merge": lambda: proposals.merge(
                store, chosen, _number(into, "Choose the label that it shall count as.")
            ),
            "retire": lambda: proposals.retire(store, chosen),
            "restore": lambda: proposals.restore(store, chosen),
        }
        if act not in acts:
            raise LabelError(f"Choose what to do with the label: {', '.join(acts)}.")
        return acts[act]()

    def move(self, person: Person, label: str | None, is_later: bool) -> str:
        """Give a label the key after or before its own; a sentence that says which it has now.

        Raises:
            LabelError: it is not in use, is "unsure", or is the first or last already.
        """
        store, chosen = self.office.store, _number(label, "Choose the label that you want to move.")
        order = [one.id for one in vocabulary.labels(store) if not one.is_unsure]
        if chosen in order and not 0 <= order.index(chosen) + (1 if is_later else -1) < len(order):
            raise LabelError(f"It is the {'last' if is_later else 'first'} label already.")
        place = order.index(chosen) + (1 if is_later else -1) if chosen in order else 0
        vocabulary.move(store, person.name, chosen, place)
        names = {one.id: one.name for one in vocabulary.labels(store)}
        return f"{names[chosen]} is label {place + 1} now."

    def propose_taking_back(self) -> Proposal:
        """The opposite of the last change of a label.

        Raises:
            LabelError: there is none that can be taken back.
        """
        store = self.office.store
        proposal = proposals.take_back(store, vocabulary.changes(store, HISTORY))
        if proposal is None:
            raise LabelError("There is no change of a label to take back.")
        return proposal

    def preview(self, proposal: Proposal) -> str:
        """A proposal as HTML."""
        return view_project.proposal(proposal, self.csv_name)

    def apply(self, person: Person, proposal: Proposal | None) -> str:
        """Make a change that was looked at; a sentence that says so.

        Raises:
            LabelError: none was, or the vocabulary has changed since.
        """
        if proposal is None:
            raise LabelError("Look at what would change first.")
        return proposals.apply(self.office.store, person.name, proposal)

    def guidelines(self) -> str:
        """Markdown."""
        return vocabulary.guidelines(self.office.store)

    def save_guidelines(self, person: Person, text: str, seen: str) -> str:
        """Write the guidelines anew; a sentence that says so.

        Args:
            text: the new one.
            seen: what stood there when this person began to write.

        Raises:
            LabelError: somebody else wrote meanwhile, or the text is too long.
        """
        now = self.guidelines()
        if now != seen:
            raise LabelError(REWRITTEN)
        vocabulary.set_guidelines(self.office.store, person.name, text)
        return (
            "Saved: annotators see it from their next look."
            if self.guidelines() != now
            else "Nothing was changed."
        )

    def snapshots(self) -> str:
        """When the last snapshot was pushed, as HTML."""
        office = self.office
        return said(office.pusher.status().sentence(office.store.clock())) + said(office.exporter.problem)

    def push(self) -> str:
        """Push a snapshot now; a sentence that says so.

        Raises:
            LabelError: it failed.
        """
        self.office.pusher.push()
        return "The snapshot is pushed."


def _number(value: str | None, otherwise: str) -> int:
    """A number as menus send it.

    Raises:
        LabelError: nothing was chosen; `otherwise` says what to do.
    """
    if value is None or not str(value).isdecimal():
        raise LabelError(otherwise)
    return int(value)
