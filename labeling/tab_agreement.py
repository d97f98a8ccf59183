"""The section "Agreement" of the Label tab: widgets and wiring only. What they do stands in `agreement_desk`."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.context import Context

from labeling import view_conflicts
from labeling.access import Person, Role
from labeling.agreement_desk import ALL, AgreementDesk
from labeling.conflicts import STATES, State
from labeling.office import Office
from labeling.tab_events import guarded, publish
from labeling.tab_parts import PRIVATE, QUICK

Update = dict[Any, Any]

PHOTOS, FACES = "photos", "faces"
GROUPS, UNAIDED = "groups", "unaided"


def build(office: Office, who: gr.Textbox) -> None:
    """Put the section into the tab that is being built.

    Args:
        office: the project.
        who: the name that was said.
    """
    _Section(office, who)


class _Section:
    """The widgets, and their events in one call each."""

    def __init__(self, office: Office, who: gr.Textbox) -> None:
        self.desk = AgreementDesk(office)
        self.who = who
        self.explained = gr.HTML(elem_id="agreement-explained", elem_classes=["explained"])
        # All of it is seen when the summary says something, and conflicts when there is a desk: see agreement.css.
        with gr.Column(elem_id="agreement"):
            with gr.Row(elem_id="agreement-asked"):
                self.batch = gr.Dropdown(
                    [("All batches", ALL)],
                    value=ALL,
                    label="Batch",
                    filterable=False,
                    elem_id="agreement-batch",
                )
                self.unit = gr.Radio(
                    [("Whole photos", PHOTOS), ("Faces", FACES)],
                    value=PHOTOS,
                    label="Of",
                    elem_id="agreement-unit",
                )
                self.only = gr.CheckboxGroup(
                    [("“unsure” and “unusable”", GROUPS), ("answers given beside a suggestion", UNAIDED)],
                    label="Leave out",
                    elem_id="agreement-only",
                )
            self.summary = gr.HTML(elem_id="agreement-summary")
            with gr.Accordion("Conflicts", elem_id="agreement-conflicts"):
                self.state = gr.Radio(
                    [(name, state) for state, name in STATES.items()],
                    value="open",
                    show_label=False,
                    label="Which conflicts",
                    elem_id="conflict-state",
                )
                self.conflict = gr.HTML(
                    js_on_load=view_conflicts.PRESSED, apply_default_css=False, elem_id="conflict-desk"
                )
            with gr.Accordion("Person by person", elem_id="agreement-people"):
                self.pairs = gr.HTML(elem_id="agreement-pairs")
                self.pair = gr.Dropdown(
                    [],
                    label="Two people, answer by answer",
                    filterable=False,
                    elem_id="agreement-pair",
                )
                self.confusion = gr.HTML(elem_id="agreement-confusion")
            with gr.Accordion("How often each answer is given", elem_id="agreement-answers"):
                self.prevalence = gr.HTML(elem_id="agreement-prevalence")
                self.mixed_up = gr.HTML(elem_id="agreement-mixed")
        self._connect()

    def _connect(self) -> None:
        access = self.desk.office.access
        asked = [self.who, self.batch, self.unit, self.only]
        figures = [self.summary, self.pairs, self.pair, self.confusion, self.prevalence, self.mixed_up]
        conflicts = [self.state, self.conflict]
        _coming(
            guarded(access, Role.VISITOR, self._open),
            [*asked, self.state],
            [self.explained, self.batch, *figures, *conflicts],
        )
        gr.on(
            [self.batch.input, self.unit.input],
            guarded(access, Role.ANNOTATOR, self._both),
            [*asked, self.state],
            [*figures, *conflicts],
            **QUICK,
        )
        self.only.input(guarded(access, Role.ANNOTATOR, self._figures), asked, figures, **QUICK)
        self.pair.input(
            guarded(access, Role.ANNOTATOR, self._confusion), [*asked, self.pair], self.confusion, **QUICK
        )
        queue = [self.who, self.batch, self.unit, self.state]
        self.state.input(guarded(access, Role.OWNER, self._first), queue, conflicts, **QUICK)
        # One press at a time: what is pressed next is meant for the conflict that comes next.
        self.conflict.act(
            guarded(access, Role.OWNER, self._act),
            queue,
            conflicts,
            **{**PRIVATE, "queue": False, "show_progress": "minimal", "trigger_mode": "once"},
        )
        publish(access, Role.ANNOTATOR, self.desk.agreement, "label_agreement")
        publish(access, Role.OWNER, self.desk.conflicts, "label_conflicts")
        publish(access, Role.OWNER, self.desk.settle, "label_settle")
        publish(access, Role.OWNER, self.desk.reopen, "label_reopen")

    def _open(self, person: Person, batch: str, unit: str, only: list[str], state: State) -> Update:
        """Everything, for somebody who has just come to this section."""
        may_see = person.can(Role.ANNOTATOR)
        offered = self.desk.batches() if may_see else [("All batches", ALL)]
        batch = batch if batch in [value for _, value in offered] else ALL
        shown: Update = {self.explained: self.desk.explained(person)}
        if not may_see:
            return {**shown, self.summary: "", self.conflict: ""}
        return {
            **shown,
            self.batch: gr.update(choices=offered, value=batch),
            **self._both(person, batch, unit, only, state),
        }

    def _both(self, person: Person, batch: str, unit: str, only: list[str], state: State) -> Update:
        is_owner = person.can(Role.OWNER)
        conflicts = self._first(person, batch, unit, state) if is_owner else {self.conflict: ""}
        return {**self._figures(person, batch, unit, only), **conflicts}

    def _figures(self, person: Person, batch: str, unit: str, only: list[str]) -> Update:
        shown = self.desk.figures(person, batch, unit == FACES, GROUPS in only, UNAIDED in only)
        first = shown.pair_choices[0][1] if shown.pair_choices else None
        return {
            self.summary: shown.summary,
            self.pairs: shown.pairs,
            self.pair: gr.update(choices=list(shown.pair_choices), value=first),
            self.confusion: shown.confusion,
            self.prevalence: shown.prevalence,
            self.mixed_up: shown.mixed_up,
        }

    def _confusion(self, person: Person, batch: str, unit: str, only: list[str], pair: str | None) -> Update:
        shown = self.desk.confusion(person, batch, unit == FACES, GROUPS in only, UNAIDED in only, pair)
        return {self.confusion: shown}

    def _first(self, person: Person, batch: str, unit: str, state: State) -> Update:
        return self._conflict(self.desk.first(person, batch, unit == FACES, state))

    def _act(self, person: Person, batch: str, unit: str, state: State, event: gr.EventData) -> Update:
        return self._conflict(self.desk.act(person, batch, unit == FACES, state, event._data))

    def _conflict(self, shown: Any) -> Update:
        choices = [(f"{name} ({shown.counts[state]:,})", state) for state, name in STATES.items()]
        return {self.state: gr.update(choices=choices), self.conflict: shown.html}


def _coming(show: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
    """Call `show` when somebody comes to the tab that is being built, and not before: figures cost time.

    Without a tab around it, as on a page of its own, the section is shown when the page is loaded.
    """
    wiring = {**QUICK, "trigger_mode": "always_last"}
    block = Context.block
    while block is not None and not isinstance(block, gr.Tab):
        block = block.parent
    if isinstance(block, gr.Tab):
        block.select(show, inputs, outputs, **wiring)
    elif Context.root_block is not None:
        Context.root_block.load(show, inputs, outputs, **wiring)
