"""The Colorize tab: what happens at each event, in one call each. What that is stands in `desk` and `service`."""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from colorizer import samples, tab_api, texts
from colorizer.desk import Desk
from colorizer.desk_work import Shown, public_name
from colorizer.errors import RanginError
from colorizer.steering import Steering
from colorizer.tab_widgets import Widgets

PROGRESS = gr.Progress()  # as a default, Gradio's way of asking for a progress bar

Update = dict[Any, Any]


def build(desk: Desk) -> None:
    """Put the tab's widgets into the Blocks that is being built, and connect them."""
    page = _Page(desk)
    page.connect()
    tab_api.build(desk)


class _Page(Widgets):
    """The widgets, connected."""

    def connect(self) -> None:
        """Wire the widgets to the desk."""
        desk = self.desk
        wiring: dict[str, Any] = {
            "api_visibility": "private",
            "concurrency_id": "colorizer",
            "concurrency_limit": desk.settings.at_once,
        }
        options = [self.key, self.vividness, self.estimate]
        everything = [
            *(
                self.key,
                self.message,
                self.photo,
                self.intro,
                self.result,
                self.more,
                self.slider,
                self.download,
            ),
            *(self.summary, self.face_row, self.boxes, self.metrics, self.truth, self.truth_message),
            *(self.seen, self.estimate),
            *self.face_groups,
            *self.cards,
            *self.menus,
            *self.steering.outputs,
            *self.comparison.outputs,
        ]
        choice = [self.key, self.seen, self.vividness, *self.steering.inputs, *self.menus]
        # The last of several quick changes counts, instead of those being lost that come while one is at work.
        wiring["trigger_mode"] = "always_last"
        opening: dict[str, Any] = {"outputs": everything, "show_progress_on": self.photo, **wiring}
        again: dict[str, Any] = {"outputs": everything, "show_progress_on": self.slider, **wiring}
        # What ends a comparison: outside the queue, or it would keep the visitor's next wish waiting until its end. The
        # wish itself follows, since of two events of one widget Gradio's script sent the second twice.
        ends: dict[str, Any] = {
            "fn": self.comparison.comparing.stop,
            "inputs": [self.key],
            "queue": False,
            "show_progress": "hidden",
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        self.comparison.stop.click(**ends)
        self.photo.upload(**ends).then(self._open, [self.photo, *options], **opening)
        self.file.upload(**ends).then(self._open_file, [self.file, *options], **opening)
        for button, sample in zip(self.sample_buttons, self.samples, strict=True):
            button.click(**ends).then(partial(self._open_sample, sample), options, **opening)
        for widget in (*self.menus, self.vividness, *self.steering.inputs):
            widget.input(**ends).then(self._repaint, choice, **again)
        for slider in (self.vividness, self.steering.warmth, self.steering.tint):
            slider.release(**ends).then(self._repaint, choice, **again)  # all that its reset button sends
        self.estimate.input(**ends).then(self._switch, [*options, *self.steering.inputs], **again)
        self.steering.connect(self.key, self.seen, choice, self._repaint, again, ends)
        self.truth.input(
            self._measure,
            [self.key, self.truth],
            [self.truth_message, self.truth, self.metrics, *self.comparison.outputs],
            **wiring,
        )
        self.comparison.connect([self.key, self.seen, self.vividness], self.menus, wiring)
        self.comparison.grid.select(self._pick, [self.key, self.comparison.token], **again)
        self.steering.gallery.select(self._take, [self.key, self.steering.token], **again)

    def _open(
        self, source: str, key: str | None, vividness: float, estimate: bool, progress: gr.Progress = PROGRESS
    ) -> Update:
        painted = self._answer(lambda: self.desk.open(source, vividness, estimate, _told(progress)))
        if self.key not in painted:
            return {**painted, self.photo: None}
        self.desk.forget(key)
        return {**painted, **self.steering.fresh(), self.truth: None}

    def _open_file(
        self, source: str, key: str | None, vividness: float, estimate: bool, progress: gr.Progress = PROGRESS
    ) -> Update:
        """As `_open`, and the photo comes into the photo's box, where a copy or an error doesn't replace it."""
        return {self.photo: source, **self._open(source, key, vividness, estimate, progress)}

    def _open_sample(
        self,
        sample: samples.Sample,
        key: str | None,
        vividness: float,
        estimate: bool,
        progress: gr.Progress = PROGRESS,
    ) -> Update:
        return {
            **self._open(str(sample.path), key, vividness, estimate, progress),
            self.photo: str(sample.path),
        }

    def _repaint(
        self,
        key: str | None,
        seen: str,
        vividness: float,
        light: str,
        warmth: float,
        tint: float,
        *menus: str,
        progress: gr.Progress = PROGRESS,
    ) -> Update:
        steering = Steering(light, warmth, tint)
        if key is not None and seen != public_name(key):
            menus, steering = (), Steering()  # another photo came meanwhile; these were the last one's
        return self._answer(lambda: self.desk.repaint(key, menus, vividness, _told(progress), steering))

    def _switch(
        self,
        key: str | None,
        vividness: float,
        estimate: bool,
        light: str,
        warmth: float,
        tint: float,
        progress: gr.Progress = PROGRESS,
    ) -> Update:
        if key is None:
            return {self.message: ""}
        steering = Steering(light, warmth, tint)
        answer = self._answer(lambda: self.desk.switch(key, estimate, vividness, _told(progress), steering))
        return answer if self.key in answer else {**answer, self.estimate: not estimate}

    def _measure(self, key: str | None, truth: str | None) -> Update:
        try:
            table = self.desk.compare_with(key, truth)
        except RanginError as error:
            return {self.truth_message: _says(error), self.truth: None}
        return {self.truth_message: "", self.metrics: table, **self.comparison.measured(key)}

    def _pick(
        self, key: str | None, token: str, event: gr.SelectData, progress: gr.Progress = PROGRESS
    ) -> Update:
        """A picture of the comparison's grid, which stays."""
        comparing = self.comparison.comparing
        try:
            return self._updates(comparing.pick(key, token, event.index, _told(progress)))
        except RanginError as error:
            return {self.message: _says(error)}

    def _take(
        self, key: str | None, token: str, event: gr.SelectData, progress: gr.Progress = PROGRESS
    ) -> Update:
        """A suggestion, which becomes the result; the others stay to be chosen."""
        return self._answer(lambda: self.steering.suggesting.take(key, token, event.index, _told(progress)))

    def _answer(self, act: Callable[[], Shown]) -> Update:
        """What `act` shows, or its error as a message that leaves all else as it is.

        A comparison was of what had been shown before.
        """
        try:
            shown = act()
        except RanginError as error:
            return {self.message: _says(error)}
        return {**self._updates(shown), **self.comparison.cleared()}

    def _updates(self, shown: Shown) -> Update:
        updates: Update = {
            self.key: shown.key,
            self.message: "",
            self.truth_message: "",
            self.seen: public_name(shown.key),
            self.intro: gr.update(visible=False),
            self.result: gr.update(visible=True),
            self.more: gr.update(visible=True),
            self.slider: (str(shown.before), str(shown.after)),
            self.download: str(shown.after),
            self.summary: shown.summary,
            self.face_row: gr.update(visible=shown.faces is not None),
            self.boxes: shown.faces,
            self.metrics: shown.metrics,
            **self.steering.updates(shown),
        }
        if shown.copy is not None:
            updates[self.photo] = str(shown.copy)
        for index, (group, card, menu) in enumerate(
            zip(self.face_groups, self.cards, self.menus, strict=True)
        ):
            is_used = index < len(shown.numbers)
            updates[group] = gr.update(visible=is_used)
            if is_used:
                updates[card] = shown.cards[index]
                updates[menu] = gr.update(
                    value=shown.chosen[index], label=f"Palette for face {shown.numbers[index]}"
                )
        return updates


def _says(error: RanginError) -> str:
    return f"<p>{escape(str(error))}</p>"


def _told(progress: gr.Progress) -> Callable[[str, float], object]:
    """The pipeline's stages on the page's progress bar."""
    return lambda stage, done: progress(done, desc=texts.STAGES.get(stage, stage))
