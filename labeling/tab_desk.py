"""The section "Desk": its place on the page, and the events that its script (assets/label.js) calls."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from labeling import desk
from labeling.access import Role
from labeling.office import Office
from labeling.tab_events import publish

PLACE = '<div id="label-desk"><p class="desk-notice">Loading the desk…</p></div>'

EVENTS: dict[str, tuple[Callable[..., Any], str]] = {
    "label_next": (desk.next_items, "The next items to label, with their photos; leased for two minutes."),
    "label_decide": (desk.decide, "Save a label, an unusable picture, a skip or a note."),
    "label_undo": (desk.take_back, "Undo one's last decision in a batch."),
    "label_back": (desk.look_back, "One's own decisions, the latest first."),
    "label_hold": (desk.hold, "Keep leased items, or give them back."),
}


def build(office: Office, who: gr.Textbox) -> None:
    """Put the desk into the tab that is being built.

    Args:
        office: the project.
        who: the name said; the script knows it from the browser's storage.
    """
    gr.HTML(PLACE, elem_id="label-desk-box", apply_default_css=False)
    access = office.access
    opening = "Who one is here, and for annotators: batches, labels with their keys, guidelines, progress."
    publish(access, Role.VISITOR, partial(desk.open_desk, office), "label_desk", api_description=opening)
    for name, (act, description) in EVENTS.items():
        publish(access, Role.ANNOTATOR, partial(act, office), name, api_description=description)
