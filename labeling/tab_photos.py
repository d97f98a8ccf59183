"""The section "Photos" of the Label tab: widgets and wiring only. What they do stands in `desk_photos`."""

from html import escape
from typing import Any

import gradio as gr

from colorizer.errors import RanginError
from labeling import view_photos
from labeling.access import Person, Role
from labeling.desk_photos import KINDS, NEW, Notes, PhotosDesk
from labeling.office import Office
from labeling.tab_events import guarded
from labeling.tab_files import files_input
from labeling.tab_parts import QUICK, opened, says

Update = dict[Any, Any]

TICK_SECONDS = 0.7
"""How often an intake that is under way is asked how far it is."""
SURVEY_SECONDS = 5.0
"""How often the list of batches is shown anew while faces are being looked for."""


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
        self.desk = PhotosDesk(office)
        self.who = who
        with gr.Column(elem_classes=["project-part"]):
            gr.HTML(view_photos.INTRO, elem_classes=["intro"])
            self.explained = gr.HTML(elem_classes=["explained"])
            with gr.Column(visible=False, elem_id="photos-adding") as self.adding:
                self._build_adding()
            self.listing = gr.HTML(elem_id="photos-batches")
            with gr.Column(visible=False) as self.changing:
                self._build_changing()
        self.ticking = gr.Timer(TICK_SECONDS, active=False)
        self.surveying = gr.Timer(SURVEY_SECONDS, active=False)
        self._connect()

    def _build_adding(self) -> None:
        with gr.Accordion("Add photos", open=True, elem_id="photos-add"):
            with gr.Row(equal_height=False):
                with gr.Column(scale=5, min_width=300):
                    kinds = self.desk.kinds()
                    self.kind = gr.Radio(
                        [(KINDS[kind], kind) for kind in kinds],
                        value=kinds[0],
                        label="Where they come from",
                        visible=len(kinds) > 1,
                        elem_id="photos-kind",
                    )
                    self.files = files_input(
                        file_count="multiple",
                        label="Photos, or ZIPs of photos",
                        height=230,
                        elem_id="photos-files",
                    )
                    self.folder = gr.Dropdown(
                        self.desk.folders(),
                        label="Folder on the server",
                        info="Or one below these. Its photos are copied, the folder stays as it is.",
                        allow_custom_value=True,
                        visible=False,
                        elem_id="photos-folder",
                    )
                    self.report = gr.Textbox(
                        label="Folder of the report",
                        info=view_photos.ABOUT_REPORTS,
                        visible=False,
                        elem_id="photos-report",
                    )
                    self.pictures = gr.Textbox(
                        label="Folder of its photos",
                        info=view_photos.ABOUT_PICTURES,
                        visible=False,
                        elem_id="photos-pictures",
                    )
                    gr.HTML(self.desk.limits(), elem_classes=["quiet"])
                with gr.Column(scale=5, min_width=300):
                    self.batch = gr.Dropdown(
                        [("A new batch", NEW)],
                        value=NEW,
                        label="Into",
                        filterable=False,
                        elem_id="photos-batch",
                    )
                    self.known_notes = gr.HTML(elem_id="photos-known-notes")
                    with gr.Group(elem_id="photos-notes") as self.notes:
                        self.name = gr.Textbox(label="Name of the batch", max_lines=1, elem_id="photos-name")
                        self.source = gr.Textbox(
                            label="Source",
                            info="Who took them, where, when; or an address",
                            elem_id="photos-source",
                        )
                        self.licence = gr.Textbox(
                            label="Licence",
                            info="CC BY 4.0; or by whom and for what their use is allowed",
                            elem_id="photos-licence",
                        )
                        self.consent = gr.Textbox(
                            label="Consent",
                            info="How the people in them agreed, or why that is not needed",
                            elem_id="photos-consent",
                        )
                        self.judgements = gr.Number(
                            1,
                            label="Judgements of each photo",
                            info="By how many people each is to be labelled.",
                            precision=0,
                            minimum=1,
                            maximum=50,
                            elem_id="photos-judgements",
                        )
            self.message = gr.HTML(elem_id="photos-message", elem_classes=["message"])
            with gr.Row(elem_classes=["actions"]):
                self.start = gr.Button("Add these photos", variant="primary", elem_id="photos-start")
                self.cancel = gr.Button("Cancel", visible=False, elem_id="photos-cancel")
            self.progress = gr.HTML(elem_id="photos-progress", elem_classes=["working"])
            self.status = gr.HTML(elem_id="photos-status", elem_classes=["status"])
            self.refused = gr.HTML(elem_id="photos-refused")

    def _build_changing(self) -> None:
        with gr.Accordion("Change a batch", open=False, elem_id="photos-change"):
            self.changed = gr.Dropdown([], label="Batch", filterable=False, elem_id="change-batch")
            with gr.Column(visible=False) as self.change_notes:
                self.new_source = gr.Textbox(label="Source", elem_id="change-source")
                self.new_licence = gr.Textbox(label="Licence", elem_id="change-licence")
                self.new_consent = gr.Textbox(label="Consent", elem_id="change-consent")
                self.new_judgements = gr.Number(
                    1,
                    label="Judgements of each photo",
                    precision=0,
                    minimum=1,
                    maximum=50,
                    elem_id="change-wanted",
                )
                self.is_closed = gr.Checkbox(
                    label="Off the desk",
                    info="Nobody is given its photos any more. Its labels stay, also in the CSVs.",
                    elem_id="change-closed",
                )
                with gr.Row(elem_classes=["actions"]):
                    self.save = gr.Button("Save the changes", elem_id="change-save")
            self.change_message = gr.HTML(elem_id="change-message", elem_classes=["message"])
            self.change_status = gr.HTML(elem_id="change-status", elem_classes=["status"])

    def _connect(self) -> None:
        access = self.desk.office.access
        listed = [
            *(
                self.explained,
                self.adding,
                self.changing,
                self.listing,
                self.batch,
                self.changed,
                self.surveying,
            ),
        ]
        working = [
            self.progress,
            self.status,
            self.refused,
            self.ticking,
            self.start,
            self.cancel,
            self.message,
        ]
        opened(guarded(access, Role.VISITOR, self._refresh), [self.who], [*listed, *working], self.who)
        quick = QUICK
        self.kind.input(
            lambda kind: [gr.update(visible=kind == one) for one in (*KINDS, "mistakes")],
            self.kind,
            [self.files, self.folder, self.report, self.pictures],
            **quick,
        )
        self.batch.input(
            guarded(access, Role.OWNER, self._pick),
            [self.who, self.batch],
            [self.notes, self.known_notes],
            **quick,
        )
        notes = [self.name, self.source, self.licence, self.consent, self.judgements]
        self.start.click(
            guarded(access, Role.OWNER, self._start),
            [self.who, self.kind, self.files, self.folder, self.report, self.pictures, self.batch, *notes],
            [*working, *listed, self.notes, self.known_notes, self.files],
            **{**quick, "show_progress": "minimal", "show_progress_on": self.progress},
        )
        outputs = [*working, *listed, self.notes, self.known_notes, self.files]
        self.cancel.click(guarded(access, Role.OWNER, self._cancel), self.who, outputs, **quick)
        self.ticking.tick(guarded(access, Role.OWNER, self._tick), self.who, outputs, **quick)
        self.surveying.tick(guarded(access, Role.VISITOR, self._list), self.who, listed, **quick)
        edited = [self.new_source, self.new_licence, self.new_consent, self.new_judgements, self.is_closed]
        answers = [self.change_message, self.change_status]
        self.changed.input(
            guarded(access, Role.OWNER, self._choose),
            [self.who, self.changed],
            [self.change_notes, *edited, *answers],
            **quick,
        )
        self.save.click(
            guarded(access, Role.OWNER, self._save),
            [self.who, self.changed, *edited],
            [*answers, *listed],
            **quick,
        )

    def _refresh(self, person: Person) -> Update:
        """Everything, for somebody who has just come to this section."""
        return {**self._list(person), **self._working(person)}

    def _list(self, person: Person) -> Update:
        shown = self.desk.listing(person)
        choices = [(batch.name, str(batch.id)) for batch in shown.batches]
        return {
            self.explained: shown.explained,
            self.adding: gr.update(visible=shown.may_change),
            self.changing: gr.update(visible=shown.may_change and bool(choices)),
            self.listing: shown.html,
            self.batch: gr.update(choices=[("A new batch", NEW), *choices]),
            self.changed: gr.update(choices=choices),
            self.surveying: gr.Timer(active=shown.is_surveying),
        }

    def _working(self, person: Person) -> Update:
        """How far this person's intake is."""
        shown = self.desk.standing(person)
        return {
            self.progress: shown.progress,
            self.status: shown.status,
            self.refused: shown.refused,
            self.message: shown.problem,
            self.ticking: gr.Timer(active=shown.is_working),
            self.start: gr.update(interactive=not shown.is_working),
            self.cancel: gr.update(visible=shown.is_working, interactive=not shown.is_stopping),
        }

    def _start(
        self,
        person: Person,
        kind: str,
        files: list[tuple[str, str]],
        folder: str | None,
        report: str | None,
        pictures: str | None,
        batch: str,
        name: str,
        source: str,
        licence: str,
        consent: str,
        judgements: float | None,
    ) -> Update:
        notes = Notes(name or "", source or "", licence or "", consent or "", judgements)
        try:
            # What is not shown sends None.
            self.desk.start(person, kind, files, folder or "", report or "", pictures or "", batch, notes)
        except RanginError as error:
            return {self.message: says(error)}
        return self._tick(person)

    def _tick(self, person: Person) -> Update:
        standing = self.desk.standing(person)
        if standing.is_working:
            return self._working(person)
        over = {**self._list(person), **self._working(person)}
        if standing.batch is None:
            return over
        # What comes next goes into the same batch, unless one says otherwise.
        chosen = {**over[self.batch], "value": str(standing.batch.id)}
        return {**over, self.batch: chosen, **self._pick(person, str(standing.batch.id)), self.files: None}

    def _pick(self, person: Person, batch: str) -> Update:
        is_new = batch == NEW
        notes = "" if is_new else view_photos.notes(self.desk.find(batch))
        return {self.notes: gr.update(visible=is_new), self.known_notes: notes}

    def _cancel(self, person: Person) -> Update:
        self.desk.cancel(person)
        return self._tick(person)

    def _choose(self, person: Person, batch: str | None) -> Update:
        chosen = self.desk.find(batch)
        return {
            self.change_notes: gr.update(visible=True),
            self.new_source: chosen.source,
            self.new_licence: chosen.licence,
            self.new_consent: chosen.consent,
            self.new_judgements: chosen.judgements,
            self.is_closed: chosen.closed_at is not None,
            self.change_message: "",
            self.change_status: "",
        }

    def _save(
        self,
        person: Person,
        batch: str | None,
        source: str,
        licence: str,
        consent: str,
        judgements: float | None,
        is_closed: bool,
    ) -> Update:
        try:
            said = self.desk.edit(person, batch, Notes("", source, licence, consent, judgements), is_closed)
        except RanginError as error:
            return {self.change_message: says(error), self.change_status: ""}
        return {self.change_message: "", self.change_status: f"<p>{escape(said)}</p>", **self._list(person)}
