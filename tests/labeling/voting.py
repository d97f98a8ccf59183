"""A page with nothing but the section "Which looks more real?", and an office whose model paints at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx

from colorizer.tab_inputs import Page
from labeling import appeal, batches, tab_appeal
from labeling.appeal import Study
from labeling.appeal_desk import AppealDesk
from labeling.office import Office
from labeling.settings import LabelSettings
from tests.labeling.atelier import LONG, OWN, Painter, drawn, png


@dataclass
class Voting:
    """A running page."""

    url: str
    office: Office
    page: gr.Blocks

    def call(self, name: str, *given: Any) -> tuple[int, Any]:
        """An event as another program calls it: status, and the answer or what was said."""
        answer = httpx.post(f"{self.url}gradio_api/run/{name}", json={"data": list(given)}, timeout=LONG)
        said = answer.json()
        return answer.status_code, said["data"][0] if answer.status_code == 200 else said["error"]


def office(folder: Path, **options: Any) -> Office:
    """A project with a batch of ten photos called "Village"."""
    made = Office(LabelSettings(labels_folder=folder, **options), lambda: Painter())  # type: ignore[arg-type,return-value]
    batch = batches.create(made.store, "Maya", "Village", "drawn", "none needed", "nobody is in them")
    photos = [made.photos.keep(png(drawn(i)), f"{i}.png") for i in range(10)]
    batches.add_photos(made.store, batch.id, photos)
    return made


def paint(made: Office, name: str, contestants: list[str], photos: int = 10) -> Study:
    """A study that is ready."""
    desk = AppealDesk(made)
    study = appeal.create(made.store, "Maya", name, contestants, OWN, "Village", photos)
    desk.studio.paint(study.id)
    assert desk.studio.wait(LONG)
    return appeal.find(made.store, study.id)


@contextmanager
def served(made: Office) -> Iterator[Voting]:
    """The page, while the block runs."""
    import app

    with Page(analytics_enabled=False) as page:
        who = gr.Textbox(label="Your name", max_lines=1, elem_id="label-who")
        with gr.Tabs():
            with gr.Tab("Elsewhere"):
                gr.HTML("<p>Nothing</p>")
            with gr.Tab("Which looks more real?"):
                tab_appeal.build(made, who)
        remember = "(name) => { window.rangin.named(name); return name; }"
        who.submit(None, [who], [who], js=remember)
        # What is typed before the page has told of its loading stays.
        page.load(None, [who], [who], js="(name) => name || window.rangin.savedName()")
    _, url, _ = page.launch(
        **app.launch_options(), prevent_thread_lock=True, quiet=True, server_name="127.0.0.1"
    )
    try:
        yield Voting(url, made, page)
    finally:
        page.close()
