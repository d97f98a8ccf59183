"""The Train tab: says what it is for and who may, and holds the sections."""

from functools import partial

import gradio as gr
from gradio.context import Context

from train import tab_new, tab_runs, tab_words
from train.access import Person
from train.shop import Shop
from train.tab_events import guarded, login_button

SECTIONS = {"new": ("New run", tab_new.build), "runs": ("Runs", tab_runs.build)}


def build(shop: Shop) -> None:
    """Put the tab's sections into the Blocks that is being built; where nobody may train, only why."""
    access = shop.access
    if access.is_off:
        build_closed(access.explain(access.person()))
        return
    with gr.Column(elem_id="train"):
        # Explanation or sections: train_frame.css shows one of them, by what `sentence` says.
        gr.HTML(tab_words.INTRO, elem_id="train-intro")
        with gr.Row(elem_id="train-top"):
            sentence = gr.HTML(elem_id="train-role")
            login_button(access)
        with gr.Column(elem_id="train-sections"), gr.Tabs(elem_id="train-tabs"):
            for key, (name, section) in SECTIONS.items():
                with gr.Tab(name, id=f"train-{key}"):
                    section(shop)
    page = Context.root_block
    assert page is not None  # this is called while a page is built
    page.load(
        guarded(access, partial(_welcome, shop), for_all=True),
        None,
        [sentence],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def build_closed(reason: str) -> None:
    """The tab where nobody can train: why, for whoever runs this; the rest of the page works on."""
    with gr.Column(elem_id="train"):
        gr.HTML(tab_words.INTRO, elem_id="train-intro")
        gr.HTML(tab_words.paragraph(reason), elem_id="train-closed")


def _welcome(shop: Shop, person: Person) -> str:
    """How a person stands here."""
    return tab_words.paragraph(shop.access.explain(person), person.may_train)
