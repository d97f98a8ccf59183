"""What several sections of the Label tab share: how their events are wired, how errors are said."""

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from colorizer.errors import RanginError

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""Of an event that only the page's own widgets send."""
QUICK: dict[str, Any] = {**PRIVATE, "queue": False, "show_progress": "hidden", "concurrency_limit": None}
"""Of one that is done at once, and must not wait for anybody's painting."""


def says(error: RanginError) -> str:
    """An error as a message's HTML."""
    return f"<p>{escape(str(error))}</p>"


def opened(show: Callable[..., Any], inputs: list[Any], outputs: list[Any], who: gr.Textbox) -> None:
    """Call `show` whenever somebody comes to the tab that is being built, and when they say another name."""
    wiring = {**QUICK, "trigger_mode": "always_last"}
    block = Context.block
    while block is not None and not isinstance(block, gr.Tab):
        block = block.parent
    if block is not None:
        block.select(show, inputs, outputs, **wiring)
    who.change(show, inputs, outputs, **wiring)
