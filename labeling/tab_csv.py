"""CSVs and datasets that come out of a project or go into it: widgets and wiring, part of the section "Project"."""

from html import escape
from typing import Any

import gradio as gr

from colorizer.errors import RanginError
from labeling import view_project
from labeling.access import Person, Role
from labeling.desk_csv import ALL, COLUMNS, PICTURES, UNITS, CsvDesk
from labeling.tab_events import guarded
from labeling.tab_files import files_input
from labeling.tab_parts import PRIVATE, says

Update = dict[Any, Any]

PROGRESS = gr.Progress()  # as a default, Gradio's way of asking for a progress bar


class CsvPart:
    """The accordions "Download a CSV", "Make a dataset" and "Import labels"."""

    def __init__(self, desk: CsvDesk, who: gr.Textbox) -> None:
        self.desk = desk
        self.who = who
        with gr.Accordion("Download a CSV", open=False, elem_id="project-csv"):
            self._build_export()
        with gr.Accordion("Make a dataset for training", open=False, elem_id="project-dataset"):
            self._build_dataset()
        with gr.Accordion("Import labels", open=False, elem_id="project-import"):
            self._build_import()
        self._connect()

    @property
    def listed(self) -> list[Any]:
        """What `offered` changes."""
        return [self.batch, self.looked_in, self.batches, self.left_out, self.kept]

    def offered(self) -> Update:
        """Batches and labels to choose from, as they are now."""
        offer = self.desk.offer()
        return {
            self.batch: gr.update(choices=list(offer.batches)),
            self.looked_in: gr.update(choices=list(offer.batches)),
            self.batches: gr.update(
                choices=list(offer.batches[1:]), value=[number for _, number in offer.batches[1:]]
            ),
            self.left_out: gr.update(choices=list(offer.labels)),
            self.kept: offer.files,
        }

    def _build_export(self) -> None:
        gr.HTML(view_project.CSV, elem_classes=["quiet"])
        with gr.Row(equal_height=False):
            self.batch = gr.Dropdown(
                [("All batches", ALL)], value=ALL, label="Batch", filterable=False, elem_id="csv-batch"
            )
            self.unit = gr.Radio(
                [(words, unit) for unit, words in UNITS.items()],
                value="photo",
                label="One row for",
                elem_id="csv-unit",
            )
        self.columns = gr.CheckboxGroup(
            [(words, column) for column, words in COLUMNS.items()], label="Also", elem_id="csv-columns"
        )
        with gr.Row(elem_classes=["actions"]):
            self.make = gr.Button("Make the CSV", variant="primary", elem_id="csv-make")
            self.download = gr.DownloadButton("Download", visible=False, elem_id="csv-download")
        self.csv_message = gr.HTML(elem_classes=["message"])
        self.csv_status = gr.HTML(elem_id="csv-status", elem_classes=["status"])
        self.kept = gr.HTML(elem_id="csv-kept")

    def _build_dataset(self) -> None:
        gr.HTML(view_project.DATASET, elem_classes=["quiet"])
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=280):
                self.name = gr.Textbox(
                    label="Name of the folder", value="labelled", max_lines=1, elem_id="dataset-name"
                )
                self.pictures = gr.Radio(
                    [(words, kind) for kind, words in PICTURES.items()],
                    value="photo",
                    label="Pictures",
                    elem_id="dataset-pictures",
                )
            with gr.Column(scale=1, min_width=280):
                self.batches = gr.CheckboxGroup([], label="Batches", elem_id="dataset-batches")
                self.left_out = gr.CheckboxGroup([], label="Labels to leave out", elem_id="dataset-left-out")
        with gr.Row(elem_classes=["actions"]):
            self.make_dataset = gr.Button("Make the dataset", variant="primary", elem_id="dataset-make")
        self.dataset_message = gr.HTML(elem_classes=["message"])
        self.dataset_status = gr.HTML(elem_id="dataset-status", elem_classes=["status"])

    def _build_import(self) -> None:
        gr.HTML(view_project.IMPORT, elem_classes=["quiet"])
        self.file = files_input(file_count="single", label="Labels CSV", height=160, elem_id="import-file")
        self.looked_in = gr.Dropdown(
            [("All batches", ALL)],
            value=ALL,
            label="Look for its photos in",
            filterable=False,
            elem_id="import-batch",
        )
        with gr.Row(elem_classes=["actions"]):
            self.take = gr.Button("Import", variant="primary", elem_id="import-take")
        self.import_message = gr.HTML(elem_classes=["message"])
        self.import_status = gr.HTML(elem_id="import-status", elem_classes=["status"])
        self.refused = gr.HTML(elem_id="import-refused")

    def _connect(self) -> None:
        access, who = self.desk.office.access, self.who
        slow = {**PRIVATE, "concurrency_id": "label-csv", "concurrency_limit": 2, "show_progress": "minimal"}
        self.make.click(
            guarded(access, Role.OWNER, self._export),
            [who, self.batch, self.unit, self.columns],
            [self.csv_message, self.csv_status, self.download, self.kept],
            show_progress_on=self.csv_status,
            **slow,
        )
        self.make_dataset.click(
            guarded(access, Role.OWNER, self._make_dataset),
            [who, self.name, self.pictures, self.batches, self.left_out],
            [self.dataset_message, self.dataset_status],
            show_progress_on=self.dataset_status,
            **slow,
        )
        self.take.click(
            guarded(access, Role.OWNER, self._import),
            [who, self.file, self.looked_in],
            [self.import_message, self.import_status, self.refused, self.file],
            show_progress_on=self.import_status,
            **slow,
        )

    def _export(self, person: Person, batch: str, unit: str, columns: list[str]) -> Update:
        try:
            made = self.desk.export(batch, unit, columns)
        except RanginError as error:
            return {
                self.csv_message: says(error),
                self.csv_status: "",
                self.download: gr.update(visible=False),
            }
        return {
            self.csv_message: "",
            self.csv_status: made.html,
            self.download: gr.update(value=str(made.path), label=f"Download {made.path.name}", visible=True),
            self.kept: self.desk.offer().files,
        }

    def _make_dataset(
        self,
        person: Person,
        name: str,
        pictures: str,
        batches: list[str],
        left_out: list[str],
        progress: gr.Progress = PROGRESS,
    ) -> Update:
        def advance(done: int, total: int) -> None:
            progress((done, total), desc="Writing pictures")

        try:
            made = self.desk.make_dataset(name, pictures, batches, left_out, advance)
        except RanginError as error:
            return {self.dataset_message: says(error), self.dataset_status: ""}
        return {self.dataset_message: "", self.dataset_status: made}

    def _import(self, person: Person, files: list[tuple[str, str]], batch: str) -> Update:
        try:
            taken = self.desk.take(person, files, batch)
        except RanginError as error:
            return {self.import_message: says(error), self.import_status: "", self.refused: ""}
        return {
            self.import_message: "",
            self.import_status: f"<p>{escape(taken.sentence)}</p>",
            self.refused: taken.refused,
            self.file: None,
        }
