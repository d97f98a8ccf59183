"""The section "Runs" of the Train tab: widgets and wiring only. What they do stands in `desk_runs`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from colorizer.errors import RanginError
from train import seen, view_runs
from train.access import Person
from train.desk_runs import Asked, RunsDesk, Shown
from train.shop import Shop
from train.tab_events import guarded, publish
from train.tab_runs_widgets import Widgets

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUICK: dict[str, Any] = {**PRIVATE, "queue": False, "show_progress": "hidden", "concurrency_limit": None}
"""Of an event that is done at once."""

Update = dict[Any, Any]


def build(shop: Shop) -> RunsDesk:
    """Put the section into the tab that is being built.

    Returns:
        What works behind it.
    """
    desk = RunsDesk(shop)
    _Section(desk)
    _publish(desk)
    return desk


def _publish(desk: RunsDesk) -> None:
    access = desk.shop.access
    for name, act, with_token, said in (
        ("train_runs", desk.listed, False, "All runs, the newest first."),
        ("train_run", desk.told, False, "One run: how it stands, what can be done with it, its log’s end."),
        ("train_stop", desk.acts.stop, False, "Ask a run to end; it writes a checkpoint first."),
        ("train_resume", desk.acts.resume, True, "Let a run that was stopped, failed or lost go on."),
        ("train_evaluate", desk.acts.evaluate, False, "Measure a run’s weights in a job of its own."),
        ("train_delete", desk.acts.delete, False, "Delete a run’s folder and all that is in it."),
        ("train_promote", desk.acts.promote, False, "Begin to make a run’s weights a model of Colorize."),
        ("train_publish", desk.acts.publish, True, "Begin to upload a run’s weights to a model repository."),
    ):
        publish(access, act, name, with_token=with_token, api_description=said)


class _Section(Widgets):
    """The widgets, connected; what an event does is one call."""

    def __init__(self, desk: RunsDesk) -> None:
        super().__init__()
        self.desk = desk
        self._connect()

    def _connect(self) -> None:
        state = [self.run, self.compared, self.strip_at, self.seen]
        # Its script waits for one answer before it asks again, and knows better than Gradio when that has come.
        every = {**QUICK, "trigger_mode": "multiple"}
        self.listing.show(self._guarded(self._show), state, self.everything, **every)
        self.strip_at.input(
            self._guarded(self._look), state, self.everything, **{**QUICK, "trigger_mode": "always_last"}
        )
        for button, done in (
            (self.stop, self.desk.acts.stop),
            (self.resume, self.desk.acts.resume),
            (self.evaluate, self.desk.acts.evaluate),
            (self.delete_it, self.desk.acts.delete),
            (self.all_the_same, self.desk.acts.promote_all_the_same),
            (self.rather_not, self.desk.acts.leave),
        ):
            self._on(button, partial(self._do, done), state, with_token=button is self.resume)
        self._on(self.promote_it, self._promote, [*state, self.name, self.as_default])
        self._on(self.publish_it, self._publish, [*state, self.repository, self.private], with_token=True)
        self._on(self.delete, self._ask_delete, state)
        self._on(self.promote, self._ask_promote, state)
        self._on(self.publish, self._ask_publish, state)
        for button in (self.keep_it, self.promote_not, self.publish_not):
            button.click(self._closed, None, self.questions, **QUICK)
        self._on(self.report, self._report, state)
        self.close_report.click(
            lambda: [gr.update(visible=False), ""], None, [self.report_box, self.reported], **QUICK
        )

    def _guarded(self, act: Callable[..., Any], with_token: bool = False) -> Callable[..., Any]:
        return guarded(self.desk.shop.access, act, with_token=with_token)

    def _on(
        self, button: gr.Button, act: Callable[..., Any], inputs: list[Any], with_token: bool = False
    ) -> None:
        button.click(
            self._guarded(act, with_token),
            inputs,
            self.everything,
            **{**QUICK, "show_progress": "minimal", "show_progress_on": self.status, "trigger_mode": "once"},
        )

    # The events. Each gets the chosen run, the compared ones, the place of the slider, and what the page has seen.

    def _show(
        self, person: Person, run: str, compared: str, at: float, before: str, event: gr.EventData
    ) -> Update:
        """What the list's script asks for; only what has changed since it asked last."""
        wanted = seen.wanted(event._data, before, at)
        if wanted.is_arriving:
            # Whatever the page has, it gets anew: the server may have begun again.
            asked, before = self.desk.arrive(wanted.asked, wanted.newest), ""
        else:
            asked = wanted.asked
        shown = self.desk.show(asked)
        quiet = self._quiet() if shown.run != run else {}
        return {**quiet, **self._shown(shown, asked.compared, before)}

    def _look(self, person: Person, run: str, compared: str, at: float, before: str) -> Update:
        """All of it anew, behind a button. Where the run is gone and another is shown, no question about it stays
        open: its answer would be of the other one.
        """
        asked = Asked(run, seen.ids(compared), seen.sample(before, run, at))
        shown = self.desk.show(asked)
        quiet = self._quiet() if shown.run != run else {}
        return {**quiet, **self._shown(shown, asked.compared, "")}

    def _do(
        self,
        act: Callable[[Person, str], str],
        person: Person,
        run: str,
        compared: str,
        at: float,
        before: str,
    ) -> Update:
        return self._tried(lambda: act(person, run), person, run, compared, at, before)

    def _promote(
        self,
        person: Person,
        run: str,
        compared: str,
        at: float,
        before: str,
        name: str,
        as_default: bool,
    ) -> Update:
        def begun() -> str:
            self.desk.acts.promote(person, run, name, as_default)
            return ""  # what is under way says itself how it stands

        return self._tried(begun, person, run, compared, at, before)

    def _publish(
        self,
        person: Person,
        run: str,
        compared: str,
        at: float,
        before: str,
        repository: str,
        private: bool,
    ) -> Update:
        def begun() -> str:
            self.desk.acts.publish(person, run, repository, private)
            return ""

        return self._tried(begun, person, run, compared, at, before)

    def _ask_delete(self, person: Person, run: str, compared: str, at: float, before: str) -> Update:
        try:
            going = self.desk.acts.what_goes(run)
        except RanginError as error:
            return self._said(str(error))
        return {**self._quiet(), self.going: going, self.deleting: gr.update(visible=True)}

    def _ask_promote(self, person: Person, run: str, compared: str, at: float, before: str) -> Update:
        return {
            **self._quiet(),
            self.name: self.desk.acts.suggested(run),
            self.promoting: gr.update(visible=True),
        }

    def _ask_publish(self, person: Person, run: str, compared: str, at: float, before: str) -> Update:
        return {**self._quiet(), self.publishing: gr.update(visible=True)}

    def _report(self, person: Person, run: str, compared: str, at: float, before: str) -> Update:
        try:
            framed, file = self.desk.report(run)
        except RanginError as error:
            return self._said(str(error))
        return {
            **self._quiet(),
            self.report_box: gr.update(visible=True),
            self.reported: framed,
            self.download: gr.update(value=str(file)),
        }

    def _tried(
        self, act: Callable[[], str], person: Person, run: str, compared: str, at: float, before: str
    ) -> Update:
        """What stands there after `act`, with its sentence or its error's."""
        try:
            said = act()
        except RanginError as error:
            return {**self._look(person, run, compared, at, before), **self._said(str(error))}
        return {
            **self._quiet(),
            **self._look(person, run, compared, at, before),
            self.status: view_runs.paragraph(said),
        }

    def _said(self, problem: str) -> Update:
        return {self.message: view_runs.paragraph(problem), self.status: ""}

    def _quiet(self) -> Update:
        """Nothing said, nothing asked."""
        return {
            **dict.fromkeys([self.message, self.status, self.reported], ""),
            **dict.fromkeys([*self.questions, self.report_box], gr.update(visible=False)),
        }

    def _closed(self) -> list[Any]:
        return [gr.update(visible=False)] * len(self.questions)

    def _shown(self, shown: Shown, compared: tuple[str, ...], before: str) -> Update:
        """What has changed since the page looked last."""
        changed, after = seen.compare(before, shown)
        parts: dict[str, Update] = {
            "listing": {self.listing: shown.listing},
            "head": {self.head: shown.head},
            "curves": {self.curves: shown.curves, self.curves_box: gr.update(visible=bool(shown.curves))},
            "strip": {self.strip: shown.strip, self.box: gr.update(visible=bool(shown.strip))},
            "slider": {
                self.strip_at: gr.update(
                    maximum=max(2, shown.strips), value=max(1, shown.strip_at), visible=shown.strips > 1
                )
            },
            "log": {self.log: shown.log, self.log_box: gr.update(visible=bool(shown.log))},
            "errand": {self.errand: shown.errand},
            "asks": {
                self.asks: view_runs.paragraph(shown.asks),
                self.asking: gr.update(visible=bool(shown.asks)),
            },
            "can": {button: gr.update(visible=name in shown.can) for name, button in self.buttons.items()},
        }
        updates: Update = {self.run: shown.run, self.compared: " ".join(compared), self.seen: after}
        for part in changed:
            updates |= parts[part]
        return updates
