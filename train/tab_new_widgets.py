"""The widgets of the section "New run"; `tab_new` connects them. What is known of this machine comes with an event."""

from typing import Any

import gradio as gr

from train import desk_new, view_new
from train.jobs import choices
from train.jobs.fields import Form
from train.jobs.job import Hardware
from train.tab_choice import Choice

FIELD: dict[str, Any] = {"elem_classes": ["field"]}
UNSHOWN: dict[str, Any] = {"elem_classes": ["unshown"], "container": False, "show_label": False}
"""Of what only the page's scripts read."""
DEFAULTS = Form()
HARDWARE = Hardware()


class Widgets:
    """All widgets of the section, inside the tab that is being built."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        with gr.Row(equal_height=False, elem_id="new-run"):
            with gr.Column(scale=7, min_width=300, elem_id="new-fields"):
                gr.HTML(view_new.INTRO, elem_id="new-intro")
                self._build_recipe()
                self._build_dataset()
                self._build_length()
                self._build_more()
                self._build_hardware()
            with gr.Column(scale=4, min_width=300, elem_id="new-side"):
                self._build_side()
        self.clock = gr.Timer(1.0, active=False)
        self.fields = {name: self._made[name] for name in desk_new.FIELDS}
        """Field of the form -> its widget, in the form's order."""
        self.outputs = [
            *(self.about, self.facts, self.labelled, self.making, self.stop, self.clock),
            *(self.card, self.ordered, self.command, self.start, *self.hardware.values(), self.limit),
            self.proposed,
        ]

    def _number(self, name: str, value: float | None = None, **options: Any) -> None:
        self._made[name] = gr.Number(
            label=view_new.FIELDS[name],
            value=value,
            elem_id=f"new-{name}",
            **{**FIELD, "min_width": 150, **options},
        )

    def _text(self, name: str, **options: Any) -> None:
        self._made[name] = gr.Textbox(
            label=view_new.FIELDS[name],
            elem_id=f"new-{name}",
            **{**FIELD, "max_lines": 1, "min_width": 150, **options},
        )

    def _choice(self, name: str, offered: Any, value: str = "", **options: Any) -> None:
        self._made[name] = Choice(
            list(offered),
            value=value,
            label=view_new.FIELDS[name],
            filterable=False,
            elem_id=f"new-{name}",
            **{**FIELD, "min_width": 150, **options},
        )

    def _build_recipe(self) -> None:
        with gr.Group():
            self._choice("recipe", desk_new.recipe_choices(), DEFAULTS.recipe)
            self.about = gr.HTML(elem_id="new-about", padding=True)

    def _build_dataset(self) -> None:
        with gr.Group():
            self._choice("dataset", [("The recipe’s own pictures", "")])
            self.facts = gr.HTML(elem_id="new-facts", padding=True)
        with gr.Accordion("From the labels of the Label tab", open=False, elem_id="new-labels"):
            self.labelled = gr.HTML(elem_id="new-labelled")
            self.pictures = gr.Radio(
                [
                    ("Photos as they came, for colours", "photo"),
                    ("The one face of each labelled photo, for the classifier", "cut"),
                    ("Each labelled face, for the classifier", "face"),
                ],
                value="photo",
                label="Pictures",
                elem_id="new-pictures",
            )
            with gr.Row():
                self.folder = gr.Textbox(
                    "labelled", label="Name of the dataset", max_lines=1, min_width=150, elem_id="new-folder"
                )
                self.meanings = gr.Textbox(
                    label="Labels that count as a group",
                    placeholder="Nepali=Indian",
                    max_lines=1,
                    min_width=150,
                    elem_id="new-meanings",
                )
            self.make = gr.Button("Make a dataset of the labels", elem_id="new-make")
        with gr.Accordion("From the Hugging Face Hub", open=False, elem_id="new-hub"):
            with gr.Row():
                self.repository = gr.Textbox(
                    label="Dataset repository",
                    placeholder="user/name",
                    max_lines=1,
                    min_width=150,
                    elem_id="new-repository",
                )
                self.revision = gr.Textbox(
                    label="Revision",
                    placeholder="the newest",
                    max_lines=1,
                    min_width=150,
                    elem_id="new-revision",
                )
            self.fetch = gr.Button("Fetch it", elem_id="new-fetch")
        self.making = gr.HTML(elem_id="new-making", elem_classes=["status"])
        self.stop = gr.Button("Stop making it", size="sm", visible=False, elem_id="new-stop-making")

    def _build_length(self) -> None:
        with gr.Row(equal_height=False):
            self._made["length"] = Choice(
                [(title, name) for name, title in choices.LENGTHS.items()],
                value=DEFAULTS.length,
                label="How long",
                filterable=False,
                min_width=150,
                elem_id="new-length",
                **FIELD,
            )
            self._made["amount"] = gr.Number(
                label="How many of these", visible=False, min_width=150, elem_id="new-amount", **FIELD
            )
        self.proposed = gr.Textbox("", label="Proposed", **UNSHOWN)
        self.turn = gr.Textbox("", label="Turn", **UNSHOWN)
        """Another one after each choice, so that the form is looked at again."""
        self._text("name", max_length=40)

    def _build_more(self) -> None:
        with gr.Accordion("How it learns", open=False, elem_id="new-more"):
            with gr.Row(equal_height=False):
                self._choice("start", [("As the recipe says", "")])
                self._choice("augment", [(title, name) for name, title in choices.AUGMENTS.items()])
            with gr.Row(equal_height=False):
                self._number("batch", precision=0)
                self._number("rate")
            with gr.Row(equal_height=False):
                self._made["size"] = Choice(
                    [("As the recipe says", ""), *((f"{size} px", size) for size in choices.SIZES)],
                    value="",
                    label=view_new.FIELDS["size"],
                    filterable=False,
                    min_width=150,
                    elem_id="new-size",
                    **FIELD,
                )
                self._number("stopping", precision=0)
            self._text("overrides", lines=3, max_lines=12, placeholder="schedule.warmup=50")

    def _build_hardware(self) -> None:
        self._made["engine"] = gr.Radio(
            desk_new.engine_choices(),
            value=DEFAULTS.engine,
            label=view_new.FIELDS["engine"],
            elem_id="new-engine",
            **FIELD,
        )
        self.hardware: dict[str, gr.Column] = {}
        with gr.Column(visible=True, elem_id="new-local") as self.hardware["local"]:
            self._choice("device", [("The processor", "cpu")], DEFAULTS.device)
        with gr.Column(visible=False, elem_id="new-slurm") as self.hardware["slurm"]:
            with gr.Row(equal_height=False):
                self._choice("partition", [("The default", "")])
                self._text("account")
            with gr.Row(equal_height=False):
                for name in ("nodes", "tasks", "gpus"):
                    self._number(name, getattr(HARDWARE, name), precision=0, min_width=90)
            with gr.Row(equal_height=False):
                self._number("cpus", HARDWARE.cpus, precision=0)
                self._number("memory_gb", 0)
        with gr.Column(visible=False, elem_id="new-hf") as self.hardware["hf"]:
            self._choice("flavor", [("Choose one", "")])
        with gr.Column(visible=False, elem_id="new-limit") as self.limit:
            self._number("minutes", HARDWARE.minutes, precision=0)

    def _build_side(self) -> None:
        with gr.Column(elem_id="new-card"):
            self.card = gr.HTML(padding=True)
            # Apart, so that no late look at the form takes away that it was started.
            self.ordered = gr.HTML(padding=True, elem_classes=["status"])
        with gr.Row(elem_classes=["actions"]):
            self.start = gr.Button("Start training", variant="primary", elem_id="new-launch")
            self.measure = gr.Button("Measure the speed here", elem_id="new-measure")
        self.command = gr.Textbox(
            label="The same on the command line",
            interactive=False,
            lines=3,
            max_lines=10,
            buttons=["copy"],
            elem_id="new-command",
        )
