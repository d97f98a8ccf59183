"""The section "Which looks more real?": its place on the page, the events of its script (assets/appeal.js), and the
owner's widgets. Widgets and wiring only; what they do stands in `appeal_desk`."""

from typing import Any

import gradio as gr

from colorizer.errors import RanginError
from labeling import view_appeal
from labeling.access import Person, Role
from labeling.appeal_desk import SAMPLES, AppealDesk, Shown
from labeling.office import Office
from labeling.ranking import TRUTH
from labeling.tab_events import guarded, publish
from labeling.tab_parts import PRIVATE, QUICK, opened, says

# How often the stand of a painting is asked for, in seconds.
POLL = 2.0

Update = dict[Any, Any]


def build(office: Office, who: gr.Textbox) -> None:
    """Put the section into the tab that is being built.

    Args:
        office: the project.
        who: the name that was said.
    """
    desk = AppealDesk(office)
    gr.HTML(view_appeal.PLACE, elem_id="appeal-box", apply_default_css=False)
    _publish(desk)
    _Owners(desk, who)
    desk.studio.resume()


def _publish(desk: AppealDesk) -> None:
    access = desk.office.access
    publish(
        access,
        Role.VISITOR,
        desk.open,
        "vote_open",
        api_description="Who one is here, and the studies that take votes.",
    )
    for name, act, description in (
        (
            "vote_next",
            desk.next,
            "The next pairs of a study, two pictures each; `holding` are those one has already.",
        ),
        ("vote_choose", desk.vote, "Which side of a pair looks more real: left, right or tie."),
        ("vote_undo", desk.undo, "Take one's last vote in a study back; its pair is open again."),
    ):
        publish(access, Role.ANNOTATOR, act, name, api_description=description)


class _Owners:
    """Studies set up, watched, closed, and their results."""

    def __init__(self, desk: AppealDesk, who: gr.Textbox) -> None:
        self.desk, self.who = desk, who
        with gr.Column(visible=False, elem_id="appeal-owners") as self.everything:
            with gr.Accordion("Studies and results", open=False, elem_id="appeal-studies"):
                self._build_studies()
            with gr.Accordion("New study", open=False, elem_id="appeal-new") as self.making:
                self._build_new()
        self.timer = gr.Timer(POLL, active=False)
        self._connect()

    def _build_studies(self) -> None:
        with gr.Row(equal_height=False, elem_id="appeal-choice"):
            with gr.Column(scale=1, min_width=260):
                self.study = gr.Dropdown([], label="Study", filterable=False, elem_id="appeal-study")
            with gr.Column(scale=1, min_width=260):
                self.leave_out = gr.Checkbox(
                    True,
                    label="Leave out who misses the wrong colours",
                    info="People who don’t see sides that are wrong on purpose.",
                    elem_id="appeal-leave-out",
                )
        self.message = gr.HTML(elem_id="appeal-message", elem_classes=["message"])
        self.shown = gr.HTML(view_appeal.EMPTY, elem_id="appeal-shown")
        with gr.Row(elem_classes=["actions"]):
            self.halt = gr.Button("Stop painting", visible=False, elem_id="appeal-halt")
            self.go_on = gr.Button("Go on painting", visible=False, elem_id="appeal-go-on")
            self.close = gr.Button("Close to votes", visible=False, elem_id="appeal-close")
            self.reopen = gr.Button("Open to votes again", visible=False, elem_id="appeal-reopen")
            self.make = gr.Button("Make the CSVs", visible=False, elem_id="appeal-make")
            self.votes = gr.DownloadButton("Download the votes", visible=False, elem_id="appeal-votes")
            self.results = gr.DownloadButton(
                "Download the results", visible=False, elem_id="appeal-results-csv"
            )

    def _build_new(self) -> None:
        gr.HTML(view_appeal.OWNERS, elem_classes=["quiet"])
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=280):
                self.name = gr.Textbox(
                    label="Name of the study", max_lines=1, max_length=80, elem_id="appeal-name"
                )
                self.batch = gr.Dropdown([], label="Photos", filterable=False, elem_id="appeal-batch")
                self.photos = gr.Number(
                    30,
                    label="At most so many photos",
                    precision=0,
                    minimum=1,
                    maximum=1000,
                    elem_id="appeal-photos",
                )
            with gr.Column(scale=1, min_width=280):
                self.contestants = gr.CheckboxGroup([], label="Who takes part", elem_id="appeal-contestants")
        self.new_message = gr.HTML(elem_id="appeal-new-message", elem_classes=["message"])
        self.create = gr.Button("Make the study", variant="primary", elem_id="appeal-create")

    @property
    def _stand(self) -> list[Any]:
        """What one study's stand changes."""
        return [
            *(
                self.shown,
                self.message,
                self.halt,
                self.go_on,
                self.close,
                self.reopen,
                self.make,
                self.votes,
            ),
            *(self.results, self.timer),
        ]

    def _connect(self) -> None:
        who, study, leave_out = self.who, self.study, self.leave_out
        access = self.desk.office.access

        def owner(act: Any) -> Any:
            return guarded(access, Role.OWNER, act)

        opened(
            guarded(access, Role.VISITOR, self._open),
            [who, study, leave_out],
            [self.everything, study, *self._stand],
            who,
        )
        gr.on(
            [study.input, leave_out.input], owner(self._show), [who, study, leave_out], self._stand, **QUICK
        )
        self.timer.tick(owner(self._watch), [who, study, leave_out], [study, *self._stand], **QUICK)
        for button, act in (
            (self.halt, self._halt),
            (self.go_on, self._go_on),
            (self.close, self._close),
            (self.reopen, self._reopen),
        ):
            button.click(owner(act), [who, study, leave_out], [study, *self._stand], **QUICK)
        self.make.click(
            owner(self._make),
            [who, study, leave_out],
            [self.message, self.votes, self.results],
            show_progress="minimal",
            **PRIVATE,
        )
        slow: dict[str, Any] = {"show_progress": "minimal", **PRIVATE}
        self.making.expand(
            owner(self._offer),
            [who, self.batch, self.contestants],
            [self.new_message, self.batch, self.contestants],
            show_progress_on=self.contestants,
            **slow,
        )
        self.create.click(
            owner(self._create),
            [who, self.name, self.batch, self.photos, self.contestants, leave_out],
            [self.new_message, self.name, study, *self._stand],
            show_progress_on=self.create,
            **slow,
        )

    def _open(self, person: Person, study: int | None, leave_out: bool) -> Update:
        """For whoever comes to this section."""
        if not person.can(Role.OWNER):
            return {self.everything: gr.update(visible=False)}
        return {self.everything: gr.update(visible=True), **self._listed(study, leave_out)}

    def _listed(self, study: int | None, leave_out: bool) -> Update:
        """The list of studies, and the stand of the one that is chosen or, if there is none, the newest."""
        there = self.desk.studies()
        numbers = [number for _, number in there]
        chosen = study if study in numbers else next(iter(numbers), None)
        return {
            self.study: gr.update(choices=there, value=chosen),
            **self._stands(self.desk.show(chosen, leave_out)),
        }

    def _stands(self, shown: Shown) -> Update:
        return {
            self.shown: shown.html,
            self.message: "",
            self.halt: gr.update(visible=shown.is_painting),
            self.go_on: gr.update(visible=shown.can_go_on),
            self.close: gr.update(visible=shown.can_close and not shown.is_closed),
            self.reopen: gr.update(visible=shown.can_close and shown.is_closed),
            self.make: gr.update(visible=shown.has_votes),
            self.votes: gr.update(visible=False),
            self.results: gr.update(visible=False),
            self.timer: gr.Timer(active=shown.is_painting),
        }

    def _show(self, person: Person, study: int | None, leave_out: bool) -> Update:
        return self._tried(lambda: self._stands(self.desk.show(study, leave_out)))

    def _watch(self, person: Person, study: int | None, leave_out: bool) -> Update:
        return self._tried(lambda: self._listed(study, leave_out))

    def _halt(self, person: Person, study: int, leave_out: bool) -> Update:
        return self._done(lambda: self.desk.studio.halt(study), study, leave_out)

    def _go_on(self, person: Person, study: int, leave_out: bool) -> Update:
        return self._done(lambda: self.desk.studio.paint(study), study, leave_out)

    def _close(self, person: Person, study: int, leave_out: bool) -> Update:
        return self._done(lambda: self.desk.close(person, study, True), study, leave_out)

    def _reopen(self, person: Person, study: int, leave_out: bool) -> Update:
        return self._done(lambda: self.desk.close(person, study, False), study, leave_out)

    def _make(self, person: Person, study: int | None, leave_out: bool) -> Update:
        def made() -> Update:
            votes, results = self.desk.download(study, leave_out)
            return {
                self.message: "",
                self.votes: gr.update(value=str(votes), visible=True),
                self.results: gr.update(value=str(results), visible=True),
            }

        return self._tried(made)

    def _offer(self, person: Person, batch: str | None, contestants: list[str]) -> Update:
        def offered() -> Update:
            offer = self.desk.offer()
            there = [value for _, value in offer.contestants]
            kept = [name for name in contestants if name in there] or [TRUTH, there[1]]
            return {
                self.new_message: "",
                self.batch: gr.update(choices=list(offer.batches), value=batch or SAMPLES),
                self.contestants: gr.update(choices=list(offer.contestants), value=kept),
            }

        return self._tried(offered, self.new_message)

    def _create(
        self,
        person: Person,
        name: str,
        batch: str | None,
        photos: float,
        contestants: list[str],
        leave_out: bool,
    ) -> Update:
        def created() -> Update:
            study = self.desk.create(person, name, batch or SAMPLES, photos, contestants)
            return {self.new_message: "", self.name: "", **self._listed(study.id, leave_out)}

        return self._tried(created, self.new_message)

    def _done(self, act: Any, study: int, leave_out: bool) -> Update:
        def done() -> Update:
            act()
            return self._listed(study, leave_out)

        return self._tried(done)

    def _tried(self, act: Any, place: gr.HTML | None = None) -> Update:
        """What `act` changes, or its error as a message."""
        try:
            changed: Update = act()
        except RanginError as error:
            return {place or self.message: says(error)}
        return changed
