"""The Colorize tab's sections that steer: light, colour hints, suggestions. Widgets and wiring only.

What they do stands in `desk_steer` and `desk_suggest`.
"""

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from colorizer import texts, view_steer
from colorizer.desk import Desk
from colorizer.desk_steer import Steer
from colorizer.desk_suggest import Suggested, Suggesting
from colorizer.desk_work import Shown, public_name
from colorizer.errors import PhotoError, RanginError
from colorizer.steering import HINTS_LIMIT, SHIFT_LIMIT, Steering

Update = dict[Any, Any]

LIGHTS = [("As the model thinks", "predicted"), ("Neutral light", "neutral")]
FIRST_COLOUR = "#b5473c"
ANOTHER_PHOTO = "Another photo has come meanwhile; click once more."


class SteerSection:
    """The widgets, put into the Blocks that is being built."""

    def __init__(self, desk: Desk) -> None:
        self.steer, self.suggesting = Steer(desk), Suggesting(desk)
        self.none = gr.HTML(elem_id="no-steering")
        with gr.Column(elem_id="steering") as self.body:
            self._build_light()
            with gr.Accordion("Colour hints", open=False, elem_id="hints-box"):
                self._build_hints()
            with gr.Accordion("Three suggestions", open=False, elem_id="suggest-box"):
                self._build_suggestions()

    def _build_light(self) -> None:
        with gr.Column(elem_id="light"):
            gr.HTML(texts.LIGHT)
            with gr.Row(elem_id="light-controls"):
                self.light = gr.Radio(
                    LIGHTS,
                    value="predicted",
                    label="Light in the picture",
                    elem_id="light-choice",
                    min_width=260,
                )
                self.warmth = self._slider("Cool to warm", "warmth", "Below 0 bluer, above 0 yellower")
                self.tint = self._slider("Green to pink", "tint", "Below 0 greener, above 0 pinker")
            self.light_words = gr.HTML(elem_id="light-words")

    def _slider(self, label: str, name: str, info: str) -> gr.Slider:
        return gr.Slider(
            -SHIFT_LIMIT,
            SHIFT_LIMIT,
            value=0,
            step=0.5,
            label=label,
            info=f"{info}; 0 is as the model thinks",
            elem_id=name,
            buttons=["reset"],
            min_width=260,
        )

    def _build_hints(self) -> None:
        with gr.Row(elem_id="hints"):
            with gr.Column(scale=7, min_width=280):
                self.canvas = gr.Image(
                    show_label=False,
                    interactive=False,
                    buttons=[],
                    type="filepath",
                    elem_id="canvas",
                    alt_text="The photo in colour with a numbered dot on each hint; click where a colour shall be",
                )
            with gr.Column(scale=4, min_width=240, elem_id="hint-controls"):
                gr.HTML(texts.hints(HINTS_LIMIT), elem_id="hints-intro")
                self.color = gr.ColorPicker(
                    FIRST_COLOUR, label="Colour of the next hint", elem_id="hint-colour", interactive=True
                )
                self.hint_message = gr.HTML(elem_id="hint-message", elem_classes=["message"])
                self.hints = gr.HTML(elem_id="hint-list", elem_classes=["status"])
                with gr.Row():
                    self.undo = gr.Button("Remove the last", size="sm", min_width=110, elem_id="hint-undo")
                    self.clear = gr.Button("Remove all", size="sm", min_width=110, elem_id="hint-clear")

    def _build_suggestions(self) -> None:
        gr.HTML(texts.SUGGESTIONS, elem_id="suggest-intro")
        with gr.Row(elem_id="suggest-controls"):
            self.ask = gr.Button("Show three suggestions", elem_id="suggest", min_width=200)
        self.suggest_message = gr.HTML(elem_id="suggest-message", elem_classes=["message"])
        self.status = gr.HTML(elem_id="suggest-status", elem_classes=["status"])
        self.gallery = gr.Gallery(
            show_label=False,
            visible="hidden",
            interactive=False,
            allow_preview=False,
            object_fit="contain",
            columns=4,
            height="auto",
            buttons=[],
            elem_id="suggest-grid",
            elem_classes=["picture-grid"],
        )
        # Which suggestions the visitor sees when a picture is clicked.
        self.token = gr.Textbox(visible="hidden", label="suggestions shown", elem_classes=["unshown"])

    @property
    def inputs(self) -> list[Any]:
        """The light, as `steering` takes it."""
        return [self.light, self.warmth, self.tint]

    @property
    def outputs(self) -> list[Any]:
        """What `updates` and `fresh` change."""
        return [
            *(self.none, self.body, self.light, self.warmth, self.tint, self.light_words),
            *(self.canvas, self.hints, self.hint_message),
            *self._suggested,
        ]

    @property
    def _suggested(self) -> list[Any]:
        return [self.suggest_message, self.status, self.gallery, self.token]

    def connect(
        self,
        key: gr.State,
        seen: gr.Textbox,
        choice: list[Any],
        paints: Callable[..., Update],
        again: dict[str, Any],
        ends: dict[str, Any],
    ) -> None:
        """Wire hints and suggestions; the light is wired like the other choices.

        Args:
            key, seen: widgets of the photo's key and of the photo that is seen.
            choice: inputs of `paints` and of `_suggest`.
            paints: paints the photo with what is chosen now.
            again: how `paints` is wired.
            ends: how what ends a comparison is wired.
        """
        # A hint is noted at once, outside the queue, and painted with whatever others came by then.
        noted: dict[str, Any] = {
            "outputs": [self.hint_message, self.hints],
            "queue": False,
            "show_progress": "hidden",
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        for event, note, given in (
            (self.canvas.select, self._add, [key, seen, self.color]),
            (self.undo.click, self._undo, [key]),
            (self.clear.click, self._clear, [key]),
        ):
            event(note, given, **noted).then(**ends).then(paints, choice, **again)
        wiring = {name: again[name] for name in again if name not in ("outputs", "show_progress_on")}
        self.ask.click(**ends).then(
            self._suggest,
            choice,
            self._suggested,
            show_progress_on=self.status,
            show_progress="minimal",
            **{**wiring, "trigger_mode": "once"},
        )

    def updates(self, shown: Shown) -> Update:
        """A painting's light, hints and suggestions; without them where the page's model can't be steered."""
        if not shown.steerable:
            name = self.suggesting.desk.colorizer.name
            return {self.none: view_steer.no_steering(name), self.body: gr.update(visible=False)}
        return {
            self.light_words: shown.light,
            self.canvas: str(shown.canvas),
            self.hints: shown.hints,
            **self._offer(shown.suggestions),
        }

    def fresh(self) -> Update:
        """The light as the model thinks, as for a photo that is new."""
        return {self.light: "predicted", self.warmth: 0, self.tint: 0, self.hint_message: ""}

    def _offer(self, suggested: Suggested | None) -> Update:
        pictures = () if suggested is None else suggested.pictures
        return {
            self.suggest_message: "",
            self.status: "" if suggested is None else suggested.status,
            self.gallery: gr.update(
                value=[(str(path), caption) for path, caption in pictures],
                visible=bool(pictures) or "hidden",
                selected_index=None,
            ),
            self.token: "" if suggested is None else suggested.token,
        }

    def _add(self, key: str | None, seen: str, color: str, event: gr.SelectData) -> Update:
        if key is not None and seen != public_name(key):
            return {self.hint_message: _says(PhotoError(ANOTHER_PHOTO))}
        return self._note(lambda: self.steer.add(key, event.index, color))

    def _undo(self, key: str | None) -> Update:
        return self._note(lambda: self.steer.remove(key))

    def _clear(self, key: str | None) -> Update:
        return self._note(lambda: self.steer.remove(key, HINTS_LIMIT))

    def _note(self, act: Callable[[], str]) -> Update:
        try:
            return {self.hints: act(), self.hint_message: ""}
        except RanginError as error:
            return {self.hint_message: _says(error)}

    def _suggest(
        self,
        key: str | None,
        seen: str,
        vividness: float,
        light: str,
        warmth: float,
        tint: float,
        *menus: str,
    ) -> Update:
        try:
            if key is not None and seen != public_name(key):
                raise PhotoError(ANOTHER_PHOTO)
            steering = Steering(light, warmth, tint)
            return self._offer(self.suggesting.suggest(key, menus, vividness, steering))
        except RanginError as error:
            return {self.suggest_message: _says(error)}


def _says(error: RanginError) -> str:
    return f"<p>{escape(str(error))}</p>"
