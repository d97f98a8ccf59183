"""The widgets of the section "Runs"; `tab_runs` connects them."""

from typing import Any

import gradio as gr

from train import view_runs

HIDDEN: dict[str, Any] = {"elem_classes": ["unshown"], "container": False, "show_label": False}
"""Of what the page remembers and sends along; Gradio forgets what it doesn't show at all."""


class Widgets:
    """All widgets of the section, inside the tab that is being built."""

    def __init__(self) -> None:
        self.run = gr.Textbox("", label="Run", elem_id="run-chosen", **HIDDEN)
        self.compared = gr.Textbox("", label="Compared runs", elem_id="run-compared", **HIDDEN)
        self.seen = gr.Textbox("", label="Seen", elem_id="run-seen", **HIDDEN)
        with gr.Row(equal_height=False, elem_id="runs"):
            with gr.Column(scale=2, min_width=300, elem_id="runs-side"):
                self.listing = gr.HTML(
                    js_on_load=view_runs.SCRIPT, apply_default_css=False, elem_id="runs-list"
                )
            with gr.Column(scale=4, min_width=300, elem_id="run"):
                self._build_run()

    def _build_run(self) -> None:
        self.head = gr.HTML(elem_id="run-head")
        with gr.Row(elem_classes=["actions"], elem_id="run-actions"):
            self.stop = gr.Button("Stop", visible=False, elem_id="run-stop")
            self.resume = gr.Button("Resume", visible=False, variant="primary", elem_id="run-resume")
            self.evaluate = gr.Button("Evaluate", visible=False, elem_id="run-evaluate")
            self.report = gr.Button("Show the report", visible=False, elem_id="run-report")
            self.promote = gr.Button("Promote…", visible=False, variant="primary", elem_id="run-promote")
            self.publish = gr.Button("Publish…", visible=False, elem_id="run-publish")
            self.delete = gr.Button("Delete…", visible=False, elem_id="run-delete")
        self.message = gr.HTML(elem_id="run-message", elem_classes=["message"])
        self.status = gr.HTML(elem_id="run-status", elem_classes=["status"])
        self.errand = gr.HTML(elem_id="run-errand", elem_classes=["status"])
        self._build_questions()
        with gr.Column(visible=False, elem_id="run-report-box") as self.report_box:
            with gr.Row(elem_classes=["actions"]):
                self.download = gr.DownloadButton("Download the report", elem_id="run-download")
                self.close_report = gr.Button("Close the report", elem_id="run-report-close")
            self.reported = gr.HTML(elem_id="run-report-frame", apply_default_css=False)
        with gr.Accordion("Curves", visible=False, elem_id="run-curves-box") as self.curves_box:
            self.curves = gr.HTML(elem_id="run-curves")
        with gr.Accordion("Samples over the epochs", visible=False, elem_id="run-samples-box") as self.box:
            self.strip_at = gr.Slider(
                1,
                2,
                1,
                step=1,
                label="Validation",
                info="From the first one to the latest.",
                visible=False,
                buttons=[],
                elem_id="run-strip-at",
            )
            self.strip = gr.HTML(elem_id="run-strip")
        with gr.Accordion("The log’s end", visible=False, elem_id="run-log-box") as self.log_box:
            self.log = gr.HTML(autoscroll=True, max_height=360, elem_id="run-log")

    def _build_questions(self) -> None:
        """What a button asks before it does something; one of them is there at a time."""
        with gr.Column(visible=False, elem_classes=["question"], elem_id="run-deleting") as self.deleting:
            self.going = gr.HTML(elem_id="run-going")
            with gr.Row(elem_classes=["actions"]):
                self.delete_it = gr.Button("Delete it", variant="stop", elem_id="run-delete-it")
                self.keep_it = gr.Button("Keep it", elem_id="run-keep-it")
        with gr.Column(visible=False, elem_classes=["question"], elem_id="run-promoting") as self.promoting:
            self.name = gr.Textbox(
                label="Name in Colorize",
                info="Letters, digits, dots, dashes and underscores.",
                max_lines=1,
                max_length=60,
                elem_id="run-name",
            )
            self.as_default = gr.Checkbox(
                label="Make it the default",
                info="What Colorize paints with from then on. A worse one on the same photos asks again.",
                elem_id="run-as-default",
            )
            with gr.Row(elem_classes=["actions"]):
                self.promote_it = gr.Button("Promote it", variant="primary", elem_id="run-promote-it")
                self.promote_not = gr.Button("Leave it", elem_id="run-promote-not")
        with gr.Column(visible=False, elem_classes=["question"], elem_id="run-asking") as self.asking:
            self.asks = gr.HTML(elem_id="run-asks")
            with gr.Row(elem_classes=["actions"]):
                self.all_the_same = gr.Button("Promote all the same", variant="stop", elem_id="run-anyway")
                self.rather_not = gr.Button("Leave it", elem_id="run-rather-not")
        with gr.Column(visible=False, elem_classes=["question"], elem_id="run-publishing") as self.publishing:
            self.repository = gr.Textbox(
                label="Model repository on the Hugging Face Hub",
                placeholder="user/name",
                max_lines=1,
                max_length=200,
                elem_id="run-repository",
            )
            self.private = gr.Checkbox(
                True,
                label="Private",
                info="If the repository is new: seen by its owner only.",
                elem_id="run-private",
            )
            with gr.Row(elem_classes=["actions"]):
                self.publish_it = gr.Button("Publish it", variant="primary", elem_id="run-publish-it")
                self.publish_not = gr.Button("Leave it", elem_id="run-publish-not")

    @property
    def questions(self) -> list[Any]:
        """Groups of widgets that a button opens."""
        return [self.deleting, self.promoting, self.publishing]

    @property
    def buttons(self) -> dict[str, Any]:
        """Those that are there when they make sense, by the names of `desk_acts.can`."""
        return {
            "stop": self.stop,
            "resume": self.resume,
            "evaluate": self.evaluate,
            "report": self.report,
            "promote": self.promote,
            "publish": self.publish,
            "delete": self.delete,
        }

    @property
    def everything(self) -> list[Any]:
        """Everything that an event may change."""
        return [
            *(self.run, self.compared, self.seen, self.listing, self.head, self.curves_box, self.curves),
            *(
                self.box,
                self.strip_at,
                self.strip,
                self.log_box,
                self.log,
                self.errand,
                self.asks,
                self.asking,
            ),
            *(
                self.message,
                self.status,
                self.going,
                self.name,
                self.report_box,
                self.reported,
                self.download,
            ),
            *(*self.questions, *self.buttons.values()),
        ]
