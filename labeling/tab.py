"""The Label tab: says what it is for, asks who labels, and holds the sections."""

from functools import partial
from typing import Any

import gradio as gr
from gradio.context import Context

from labeling import tab_agreement, tab_appeal, tab_desk, tab_photos, tab_project, tab_words
from labeling.access import Person, Role
from labeling.office import Office
from labeling.tab_events import guarded, login_button

SECTIONS = {
    "desk": ("Desk", tab_desk.build),
    "photos": ("Photos", tab_photos.build),
    "agreement": ("Agreement", tab_agreement.build),
    "appeal": ("Which looks more real?", tab_appeal.build),
    "project": ("Project", tab_project.build),
}


def build(office: Office) -> None:
    """Put the tab's sections into the Blocks that is being built."""
    access = office.access
    with gr.Column(elem_id="label"):
        # Explanation or sections: label.css shows one of them, by what `sentence` says. Gradio, told to hide what is on
        # a tab that nobody has opened yet, sometimes forgets it.
        gr.HTML(tab_words.INTRO, elem_id="label-intro")
        with gr.Row(elem_id="label-top"):
            who = gr.Textbox(
                label="Your name",
                info=tab_words.NAME,
                max_length=60,
                visible=not access.uses_sign_in,
                elem_id="label-who",
            )
            login_button(access)
            sentence = gr.HTML(elem_id="label-role")
        with gr.Column(elem_id="label-sections"), gr.Tabs():
            for key, (name, section) in SECTIONS.items():
                with gr.Tab(name, id=f"label-{key}"):
                    section(office, who)
    welcome: dict[str, Any] = {
        "fn": guarded(access, Role.VISITOR, partial(_welcome, office)),
        "inputs": [who],
        "outputs": [sentence],
        "queue": False,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    remember = "(name) => { window.rangin.named(name); return name; }"
    # Out of the field with Enter, or the first labels' keys would be typed into the name.
    leave = "(name) => { window.rangin.named(name); document.activeElement?.blur(); return name; }"
    who.submit(None, [who], [who], js=leave).then(**welcome)
    who.blur(None, [who], [who], js=remember).then(**welcome)
    page = Context.root_block
    assert page is not None  # this is called while a page is built
    # A name that somebody typed before the page had loaded stays.
    page.load(None, [who], [who], js="(name) => name || window.rangin.savedName()").then(**welcome)


def build_closed(reason: str) -> None:
    """The tab where the project can't be opened: why, for whoever runs this; the rest of the page works on."""
    with gr.Column(elem_id="label"):
        gr.HTML(tab_words.INTRO, elem_id="label-intro")
        gr.HTML(tab_words.paragraph(f"Labelling is closed: {reason}"), elem_id="label-closed")


def _welcome(office: Office, person: Person) -> str:
    """Who a person is here."""
    return tab_words.paragraph(office.access.explain(person), may_label=person.can(Role.ANNOTATOR))
