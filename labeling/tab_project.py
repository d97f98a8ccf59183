"""The section "Project" of the Label tab: widgets and wiring only. What they do stands in `desk_project`."""

from functools import partial
from html import escape
from typing import Any

import gradio as gr

from colorizer.errors import RanginError
from labeling import view_project
from labeling.access import Person, Role
from labeling.desk_project import ACTS, ProjectDesk
from labeling.office import Office
from labeling.proposals import Proposal
from labeling.tab_csv import CsvPart
from labeling.tab_events import guarded
from labeling.tab_parts import PRIVATE, QUICK, opened, says

Update = dict[Any, Any]

TO_LABELS = "() => document.querySelector('#label-chosen input').focus({ preventScroll: true })"


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
        self.desk = ProjectDesk(office)
        self.who = who
        with gr.Column(elem_classes=["project-part"]):
            gr.HTML(view_project.INTRO, elem_classes=["intro"])
            self.explained = gr.HTML(elem_classes=["explained"])
            with gr.Column(visible=False, elem_id="project") as self.everything:
                self._build_labels()
                self._build_guidelines()
                self.csv = CsvPart(self.desk, who)
                with gr.Accordion("Snapshots", open=False, elem_id="project-snapshots"):
                    self.snapshots = gr.HTML(elem_id="snapshot-status")
                    with gr.Row(elem_classes=["actions"]):
                        self.push = gr.Button("Push a snapshot now", elem_id="snapshot-push")
                    self.push_message = gr.HTML(elem_classes=["message"])
                    self.push_status = gr.HTML(elem_classes=["status"])
                with gr.Accordion("History of changes", open=False, elem_id="project-history"):
                    self.history = gr.HTML()
        self._connect()

    def _build_labels(self) -> None:
        with gr.Accordion("Labels", open=True, elem_id="project-labels"):
            gr.HTML(view_project.LABELS, elem_classes=["quiet"])
            with gr.Row(equal_height=False):
                with gr.Column(scale=5, min_width=300):
                    self.vocabulary = gr.HTML(elem_id="vocabulary")
                with gr.Column(scale=6, min_width=300, elem_id="label-changing"):
                    with gr.Row(elem_classes=["joined"]):
                        self.added = gr.Textbox(
                            label="New label", max_lines=1, scale=4, min_width=160, elem_id="label-new"
                        )
                        self.add = gr.Button("Add", scale=1, min_width=90, elem_id="label-add")
                    self.label = gr.Dropdown(
                        [], label="Change a label", filterable=False, elem_id="label-chosen"
                    )
                    with gr.Row(elem_classes=["actions"]):
                        self.earlier = gr.Button("One key earlier", size="sm", elem_id="label-earlier")
                        self.later = gr.Button("One key later", size="sm", elem_id="label-later")
                    self.act = gr.Radio(
                        [(words, act) for act, words in ACTS.items()],
                        value="rename",
                        label="What to do",
                        elem_id="label-act",
                    )
                    self.name = gr.Textbox(label="New name", max_lines=1, elem_id="label-name")
                    self.into = gr.Dropdown(
                        [], label="Counts as", filterable=False, visible=False, elem_id="label-into"
                    )
                    with gr.Row(elem_classes=["actions"]):
                        self.look = gr.Button("See what would change", elem_id="label-look")
                        self.back = gr.Button("Take the last change back", elem_id="label-back")
                    self.message = gr.HTML(elem_id="label-message", elem_classes=["message"])
                    self.pending = gr.State(None)
                    with gr.Column(visible=False, elem_id="label-asking") as self.asking:
                        self.proposal = gr.HTML(elem_classes=["status"])
                        with gr.Row(elem_classes=["actions"]):
                            self.confirm = gr.Button("Do it", variant="primary", elem_id="label-confirm")
                            self.leave = gr.Button("Leave it as it is", elem_id="label-leave")
                    self.status = gr.HTML(elem_id="label-status", elem_classes=["status"])

    def _build_guidelines(self) -> None:
        with gr.Accordion("Guidelines", open=False, elem_id="project-guidelines"):
            gr.HTML(view_project.GUIDELINES, elem_classes=["quiet"])
            with gr.Row(equal_height=False):
                with gr.Column(scale=1, min_width=300):
                    self.text = gr.Textbox(
                        label="Guidelines, in Markdown", lines=12, max_lines=30, elem_id="guidelines-text"
                    )
                with gr.Column(scale=1, min_width=300):
                    self.preview = gr.Markdown(
                        elem_id="guidelines-preview", sanitize_html=True, label="As annotators see them"
                    )
            self.seen_text = gr.State("")
            with gr.Row(elem_classes=["actions"]):
                self.save = gr.Button("Save the guidelines", variant="primary", elem_id="guidelines-save")
            self.text_message = gr.HTML(elem_id="guidelines-message", elem_classes=["message"])
            self.text_status = gr.HTML(elem_id="guidelines-status", elem_classes=["status"])

    def _connect(self) -> None:
        access, who = self.desk.office.access, self.who
        labels = [self.vocabulary, self.label, self.into, self.history, self.back]
        answers = [self.message, self.status, self.pending, self.asking, self.proposal]
        texts = [self.text, self.seen_text, self.preview]
        opened(
            guarded(access, Role.VISITOR, self._refresh),
            [who, self.text, self.seen_text],
            [self.explained, self.everything, *labels, *texts, self.snapshots, self.push, *self.csv.listed],
            who,
        )
        self.act.input(
            lambda act: [gr.update(visible=act == "rename"), gr.update(visible=act == "merge")],
            self.act,
            [self.name, self.into],
            **QUICK,
        )
        owner = lambda act: guarded(access, Role.OWNER, act)  # noqa: E731
        gr.on(
            [self.add.click, self.added.submit],
            owner(self._add),
            [who, self.added],
            [self.added, *answers, *labels, *self.csv.listed],
            **QUICK,
        )
        gr.on(
            [self.look.click, self.name.submit],
            owner(self._look),
            [who, self.act, self.label, self.name, self.into],
            answers,
            **QUICK,
        )
        for button, is_later in ((self.earlier, False), (self.later, True)):
            button.click(
                owner(partial(self._move, is_later)),
                [who, self.label],
                [*answers, *labels, *self.csv.listed],
                **QUICK,
            )
        self.back.click(owner(self._look_back), who, answers, **QUICK)
        self.confirm.click(
            owner(self._confirm),
            [who, self.pending],
            [self.name, *answers, *labels, *self.csv.listed],
            **QUICK,
        )
        self.leave.click(self._nothing_asked, None, answers, **QUICK)
        for button in (self.confirm, self.leave):
            # Both buttons go with what they were about, and the keyboard's place would go with them.
            button.click(None, None, None, js=TO_LABELS, **PRIVATE)
        self.text.change(
            lambda text: text, self.text, self.preview, **{**QUICK, "trigger_mode": "always_last"}
        )
        self.save.click(
            owner(self._save),
            [who, self.text, self.seen_text],
            [self.text_message, self.text_status, *texts, self.history],
            **QUICK,
        )
        self.push.click(
            owner(self._push),
            who,
            [self.push_message, self.push_status, self.snapshots],
            show_progress_on=self.snapshots,
            concurrency_id="label-push",
            **PRIVATE,
        )

    def _refresh(self, person: Person, text: str | None, seen: str) -> Update:
        """Everything, for somebody who has just come to this section; guidelines that they have begun to write stay."""
        shown = self.desk.shown(person)
        updates: Update = {
            self.explained: shown.explained,
            self.everything: gr.update(visible=shown.may_change),
        }
        if not shown.may_change:
            return updates
        return {
            **updates,
            **self._labels(),
            **(self._texts() if seen != self.desk.guidelines() and (text or "") in ("", seen) else {}),
            **self.csv.offered(),
            self.snapshots: shown.snapshots,
            self.push: gr.update(visible=shown.can_push),
        }

    def _labels(self) -> Update:
        shown = self.desk.vocabulary()
        return {
            self.vocabulary: shown.html,
            self.label: gr.update(choices=list(shown.changeable)),
            self.into: gr.update(choices=list(shown.active)),
            self.history: shown.history,
            self.back: gr.update(interactive=shown.can_take_back),
        }

    def _texts(self) -> Update:
        text = self.desk.guidelines()
        return {self.text: text, self.seen_text: text, self.preview: text}

    def _nothing_asked(self) -> Update:
        return {
            self.message: "",
            self.status: "",
            self.pending: None,
            self.asking: gr.update(visible=False),
            self.proposal: "",
        }

    def _add(self, person: Person, name: str) -> Update:
        try:
            done = self.desk.add(person, name)
        except RanginError as error:
            return {**self._nothing_asked(), self.message: says(error)}
        return {**self._done(done), self.added: ""}

    def _move(self, is_later: bool, person: Person, label: str | None) -> Update:
        try:
            return self._done(self.desk.move(person, label, is_later))
        except RanginError as error:
            return {**self._nothing_asked(), self.message: says(error)}

    def _look(self, person: Person, act: str, label: str | None, name: str, into: str | None) -> Update:
        try:
            return self._ask(self.desk.propose(act, label, name, into))
        except RanginError as error:
            return {**self._nothing_asked(), self.message: says(error)}

    def _look_back(self, person: Person) -> Update:
        try:
            return self._ask(self.desk.propose_taking_back())
        except RanginError as error:
            return {**self._nothing_asked(), self.message: says(error)}

    def _ask(self, proposal: Proposal) -> Update:
        return {
            **self._nothing_asked(),
            self.pending: proposal,
            self.asking: gr.update(visible=True),
            self.proposal: self.desk.preview(proposal),
        }

    def _confirm(self, person: Person, proposal: Proposal | None) -> Update:
        try:
            done = self.desk.apply(person, proposal)
        except RanginError as error:
            return {**self._nothing_asked(), **self._labels(), self.message: says(error)}
        return {**self._done(done), self.name: ""}

    def _done(self, said: str) -> Update:
        return {
            **self._nothing_asked(),
            **self._labels(),
            **self.csv.offered(),
            self.status: f"<p>{escape(said)}</p>",
        }

    def _save(self, person: Person, text: str, seen: str) -> Update:
        try:
            said = self.desk.save_guidelines(person, text, seen)
        except RanginError as error:
            return {self.text_message: says(error), self.text_status: ""}
        return {
            **self._texts(),
            self.text_message: "",
            self.text_status: f"<p>{escape(said)}</p>",
            self.history: self.desk.vocabulary().history,
        }

    def _push(self, person: Person) -> Update:
        try:
            said = self.desk.push()
        except RanginError as error:
            return {
                self.push_message: says(error),
                self.push_status: "",
                self.snapshots: self.desk.snapshots(),
            }
        return {
            self.push_message: "",
            self.push_status: f"<p>{escape(said)}</p>",
            self.snapshots: self.desk.snapshots(),
        }
