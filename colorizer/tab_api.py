"""The events that other programs call over HTTP: wiring only. What they do stands in `service`."""

from collections.abc import Callable
from functools import partial, wraps
from html import escape
from typing import Any

import gradio as gr

from colorizer import service, texts
from colorizer.desk import Desk
from colorizer.errors import RanginError
from colorizer.tab_inputs import photo_input


def build(desk: Desk) -> None:
    """Put the events into the Blocks that is being built. Their widgets are never shown."""
    wiring: dict[str, Any] = {"concurrency_id": "colorizer", "concurrency_limit": desk.settings.at_once}
    with gr.Column(visible=False):
        photo, truth = photo_input(label="photo"), photo_input(label="truth")
        prediction = photo_input(label="prediction")
        ethnicity = gr.Textbox("auto", label="ethnicity")
        vividness = gr.Number(1.0, label="vividness")
        light = gr.Textbox("predicted", label="light")
        warmth, tint = gr.Number(0.0, label="warmth"), gr.Number(0.0, label="tint")
        hints = gr.Textbox("", label="hints")
        names = gr.JSON(["default"], label="models")
        picture, faces = gr.File(label="image"), gr.JSON(label="faces")
        answer, call = gr.JSON(label="answer"), gr.Button()
    for name, act, given, answers in (
        (
            "colorize",
            partial(service.colorize, desk),
            [photo, ethnicity, vividness, light, warmth, tint, hints],
            [picture, faces],
        ),
        ("metrics", partial(service.metrics, desk), [prediction, truth], [answer]),
        ("models", service.models, [], [answer]),
        ("compare", partial(service.compare, desk), [photo, names, truth], [picture, faces]),
    ):
        call.click(_or_error(act), given, answers, api_name=name, api_description=texts.API[name], **wiring)


def _or_error(act: Callable[..., Any]) -> Callable[..., Any]:
    """`act` for callers over HTTP: files as paths, errors as sentences."""

    @wraps(act)  # its parameters' names are the callers'
    def answer(*given: Any) -> Any:
        try:
            answers = act(*given)
        except RanginError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from error
        return (str(answers[0]), answers[1]) if isinstance(answers, tuple) else answers

    return answer
