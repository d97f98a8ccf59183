"""The section "Photos" of the Label tab: widgets and wiring only. What they do stands in `desk_photos`."""

from html import escape
from typing import Any

import gradio as gr

from colorizer.errors import RanginError
from labeling import view_photos
from labeling.access import Person, Role
from labeling.desk_photos import KINDS, NEW, Notes
from labeling.office import Office
from labeling.tab_events import guarded
from labeling.tab_parts import QUICK, opened, says
from labeling.tab_photos_widgets import Widgets

Update = dict[Any, Any]


def build(office: Office, who: gr.Textbox) -> None:
    """Put the section into the tab that is being built.

    Args:
        office: the project.
        who: the name that was said.
    """
    _Section(office, who)


class _Section(Widgets):
    """The widgets, connected; what an event does is one call."""

    def __init__(self, office: Office, who: gr.Textbox) -> None:
        super().__init__(office, who)
        self._connect()

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
