"""The Colorize tab: widgets and wiring only. What happens between them stands in `desk` and `service`."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr

from colorizer import samples, tab_api, texts
from colorizer.desk import Desk, Shown
from colorizer.errors import RanginError
from colorizer.groups import CHOICES, VIVIDNESS_LIMIT
from colorizer.tab_inputs import photo_input
from colorizer.view import MENUS

# Webcam, paste and drop come with it; its own decoding would not (16-bit turns white, HEIC fails, alpha is lost).
SOURCES = ["upload", "clipboard", "webcam"]
OTHER_FILES = [".heic", ".heif", ".tif", ".tiff", ".avif", ".bmp", ".webp", ".png", ".jpg", ".jpeg"]
MENU_LABELS = {"auto": "Automatic: as estimated", "none": "None: neutral palette"}

PROGRESS = gr.Progress()  # as a default, Gradio's way of asking for a progress bar

Update = dict[Any, Any]


def build(desk: Desk) -> None:
    """Put the tab's widgets into the Blocks that is being built, and connect them."""
    page = _Page(desk)
    page.connect()
    tab_api.build(desk)


class _Page:
    """The widgets, by what they are for."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.key = gr.State(
            value=None, time_to_live=desk.settings.keep_minutes * 60, delete_callback=desk.forget
        )
        # Which photo the visitor saw when an event began. The key itself is read only when the event's turn comes.
        self.seen = gr.Textbox(visible="hidden", label="photo shown")
        with gr.Row(elem_id="colorize", equal_height=False):
            with gr.Column(scale=4, min_width=300, elem_id="giving"):
                self._build_giving()
            with gr.Column(scale=7, min_width=300, elem_id="getting"):
                self._build_result()
        with gr.Column(visible=False, elem_id="more") as self.more:
            self._build_faces()
            self._build_truth()
        gr.HTML(texts.about(desk.settings.keep_minutes), elem_id="about")

    def _build_giving(self) -> None:
        settings = self.desk.settings
        self.photo = photo_input(
            sources=SOURCES,
            label="Photo",
            elem_id="photo",
            height=300,
            buttons=[],
            placeholder="# Drop a portrait here\nor click to choose one",
            alt_text="The photo you gave",
        )
        self.file = gr.UploadButton(
            "Open a HEIC, TIFF or other photo file", file_types=OTHER_FILES, size="sm", elem_id="other-file"
        )
        self.message = gr.HTML(elem_id="message", elem_classes=["message"])
        gr.HTML(texts.limits(settings.max_file_mb, settings.max_megapixels), elem_id="limits")
        self._samples_folder = TemporaryDirectory(prefix="rangin-samples-")  # goes with this object
        self.samples = samples.write(Path(self._samples_folder.name))
        with gr.Group(elem_id="samples"):
            gr.HTML("<h2>Or try one of these</h2>")
            with gr.Row():
                self.sample_buttons = [self._sample_button(sample) for sample in self.samples]

    def _sample_button(self, sample: samples.Sample) -> gr.Button:
        button = gr.Button(
            sample.title, icon=str(sample.path), size="sm", min_width=80, elem_classes=["sample"]
        )
        if button.icon is not None:
            button.keep_in_cache.add(button.icon["path"])  # or it goes with the visitors' files after an hour
        return button

    def _build_result(self) -> None:
        self.intro = gr.HTML(texts.INTRO, elem_id="intro")
        with gr.Column(visible=False, elem_id="result") as self.result:
            self.slider = gr.ImageSlider(
                label="Before (left) and after (right)",
                type="filepath",
                elem_id="before-after",
                max_height=560,
                buttons=["fullscreen"],
                interactive=False,
            )
            self.summary = gr.HTML(elem_id="summary")
            with gr.Row(elem_id="controls"):
                self.vividness = gr.Slider(
                    0,
                    VIVIDNESS_LIMIT,
                    value=1,
                    step=0.05,
                    label="Vividness",
                    info="0 gray, 1 as painted",
                    elem_id="vividness",
                    buttons=["reset"],
                )
                self.download = gr.DownloadButton(
                    "Download the PNG in full size", variant="primary", elem_id="download"
                )

    def _build_faces(self) -> None:
        with gr.Column(elem_id="faces"):
            gr.HTML(texts.FACES)
            self.estimate = gr.Checkbox(
                True,
                label="Choose palettes by estimated ethnicity",
                info="Off: nothing is estimated, and every face gets the neutral palette.",
                elem_id="estimate",
            )
            with gr.Row(visible=False) as self.face_row:
                with gr.Column(scale=4, min_width=240):
                    self.boxes = gr.Image(
                        show_label=False,
                        interactive=False,
                        buttons=[],
                        format="jpeg",
                        elem_id="boxes",
                        alt_text="The photo in gray with a numbered box on each face",
                    )
                with gr.Column(scale=7, min_width=260, elem_id="cards"):
                    faces = [self._build_face(number) for number in range(1, MENUS + 1)]
        self.face_groups = [group for group, _, _ in faces]
        self.cards = [card for _, card, _ in faces]
        self.menus = [menu for _, _, menu in faces]

    def _build_truth(self) -> None:
        with gr.Accordion("Compare with the true colours", open=False, elem_id="truth-box"):
            gr.HTML(texts.TRUTH)
            self.truth = photo_input(
                sources=["upload", "clipboard"],
                label="True photo",
                elem_id="truth",
                height=200,
                buttons=[],
                alt_text="The true photo",
            )
            self.truth_message = gr.HTML(elem_id="truth-message", elem_classes=["message"])
            self.metrics = gr.HTML(elem_id="metrics")

    def _build_face(self, number: int) -> tuple[gr.Group, gr.HTML, gr.Dropdown]:
        with gr.Group(visible=False, elem_classes=["face"]) as group:
            card = gr.HTML()
            menu = gr.Dropdown(
                [(MENU_LABELS.get(choice, choice), choice) for choice in CHOICES],
                value="auto",
                label=f"Palette for face {number}",
                filterable=False,
                elem_id=f"menu-{number}",
            )
        return group, card, menu

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
        ]
        # The last of several quick changes counts, instead of those being lost that come while one is at work.
        wiring["trigger_mode"] = "always_last"
        opening: dict[str, Any] = {"outputs": everything, "show_progress_on": self.photo, **wiring}
        again: dict[str, Any] = {"outputs": everything, "show_progress_on": self.slider, **wiring}
        self.photo.upload(self._open, [self.photo, *options], **opening)
        self.file.upload(self._open_file, [self.file, *options], **opening)
        for button, sample in zip(self.sample_buttons, self.samples, strict=True):
            button.click(partial(self._open_sample, sample), options, **opening)
        for menu in self.menus:
            menu.input(self._repaint, [self.key, self.seen, self.vividness, *self.menus], **again)
        self.vividness.input(self._repaint, [self.key, self.seen, self.vividness, *self.menus], **again)
        self.estimate.input(self._switch, options, **again)
        self.truth.input(
            self._compare, [self.key, self.truth], [self.truth_message, self.truth, self.metrics], **wiring
        )

    def _open(
        self, source: str, key: str | None, vividness: float, estimate: bool, progress: gr.Progress = PROGRESS
    ) -> Update:
        painted = self._answer(lambda: self.desk.open(source, vividness, estimate, _told(progress)))
        if self.key not in painted:
            return {**painted, self.photo: None}
        self.desk.forget(key)
        return {**painted, self.truth: None}

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
        self, key: str | None, seen: str, vividness: float, *menus: str, progress: gr.Progress = PROGRESS
    ) -> Update:
        if key is not None and seen != _name(
            key
        ):  # another photo came meanwhile; the menus were the last one's
            menus = ()
        return self._answer(lambda: self.desk.repaint(key, menus, vividness, _told(progress)))

    def _switch(
        self, key: str | None, vividness: float, estimate: bool, progress: gr.Progress = PROGRESS
    ) -> Update:
        if key is None:
            return {self.message: ""}
        answer = self._answer(lambda: self.desk.switch(key, estimate, vividness, _told(progress)))
        return answer if self.key in answer else {**answer, self.estimate: not estimate}

    def _compare(self, key: str | None, truth: str | None) -> Update:
        try:
            table = self.desk.compare_with(key, truth)
        except RanginError as error:
            return {self.truth_message: _says(error), self.truth: None}
        return {self.truth_message: "", self.metrics: table}

    def _answer(self, act: Callable[[], Shown]) -> Update:
        """What `act` shows, or its error as a message that leaves all else as it is."""
        try:
            shown = act()
        except RanginError as error:
            return {self.message: _says(error)}
        updates: Update = {
            self.key: shown.key,
            self.message: "",
            self.truth_message: "",
            self.seen: _name(shown.key),
            self.intro: gr.update(visible=False),
            self.result: gr.update(visible=True),
            self.more: gr.update(visible=True),
            self.slider: (str(shown.before), str(shown.after)),
            self.download: str(shown.after),
            self.summary: shown.summary,
            self.face_row: gr.update(visible=shown.faces is not None),
            self.boxes: shown.faces,
            self.metrics: shown.metrics,
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


def _name(key: str) -> str:
    """What the page may know of a photo's key: enough to tell it from another, too little to ask for it."""
    return sha256(key.encode()).hexdigest()[:16]


def _told(progress: gr.Progress) -> Callable[[str, float], object]:
    """The pipeline's stages on the page's progress bar."""
    return lambda stage, done: progress(done, desc=texts.STAGES.get(stage, stage))
