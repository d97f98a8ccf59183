"""The Colorize tab's widgets, by what they are for. What connects them stands in `tab`."""

from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr

from colorizer import samples, texts
from colorizer.desk import Desk
from colorizer.groups import CHOICES, VIVIDNESS_LIMIT
from colorizer.tab_compare import CompareSection
from colorizer.tab_inputs import photo_input
from colorizer.tab_steer import SteerSection
from colorizer.view import MENUS
from colorizer.view_tones import CHOICE_NAMES, tone_styles

# Webcam, paste and drop come with it; its own decoding would not (16-bit turns white, HEIC fails, alpha is lost).
SOURCES = ["upload", "clipboard", "webcam"]
OTHER_FILES = [".heic", ".heif", ".tif", ".tiff", ".avif", ".bmp", ".webp", ".png", ".jpg", ".jpeg"]


class Widgets:
    """All that the tab shows."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.key = gr.State(
            value=None, time_to_live=desk.settings.keep_minutes * 60, delete_callback=desk.forget
        )
        # Which photo the visitor saw when an event began. The key itself is read only when the event's turn comes.
        self.seen = gr.Textbox(visible="hidden", label="photo shown", elem_classes=["unshown"])
        with gr.Row(elem_id="colorize", equal_height=False):
            with gr.Column(scale=4, min_width=300, elem_id="giving"):
                self._build_giving()
            with gr.Column(scale=7, min_width=300, elem_id="getting"):
                self._build_result()
        with gr.Column(visible=False, elem_id="more") as self.more:
            self._build_faces()
            self.steering = SteerSection(desk)
            self._build_truth()
            self.comparison = CompareSection(desk)
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
                    info="0 gray, 1 as painted, 2 as vivid as the model thinks likely",
                    elem_id="vividness",
                    buttons=["reset"],
                )
                self.download = gr.DownloadButton(
                    "Download the PNG in full size", variant="primary", elem_id="download"
                )

    def _build_faces(self) -> None:
        with gr.Column(elem_id="faces"):
            gr.HTML(texts.FACES + tone_styles())
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
                [(CHOICE_NAMES[choice], choice) for choice in CHOICES],
                value="auto",
                label=f"Palette for face {number}",
                filterable=False,
                elem_id=f"menu-{number}",
            )
        return group, card, menu
