"""What the section "Photos" of the Label tab shows: widgets only."""

import gradio as gr

from labeling import view_photos
from labeling.desk_photos import KINDS, NEW, PhotosDesk
from labeling.office import Office
from labeling.tab_files import files_input

TICK_SECONDS = 0.7
"""How often an intake that is under way is asked how far it is."""
SURVEY_SECONDS = 5.0
"""How often the list of batches is shown anew while faces are being looked for."""


class Widgets:
    """All that the section shows, put into the tab that is being built."""

    def __init__(self, office: Office, who: gr.Textbox) -> None:
        self.desk = PhotosDesk(office)
        self.who = who
        with gr.Column(elem_classes=["project-part"]):
            gr.HTML(view_photos.INTRO, elem_classes=["intro"])
            self.explained = gr.HTML(elem_classes=["explained"])
            with gr.Column(visible=False, elem_id="photos-adding") as self.adding:
                self._build_adding()
            self.listing = gr.HTML(elem_id="photos-batches")
            with gr.Column(visible=False) as self.changing:
                self._build_changing()
        self.ticking = gr.Timer(TICK_SECONDS, active=False)
        self.surveying = gr.Timer(SURVEY_SECONDS, active=False)

    def _build_adding(self) -> None:
        with gr.Accordion("Add photos", open=True, elem_id="photos-add"):
            with gr.Row(equal_height=False):
                with gr.Column(scale=5, min_width=300):
                    kinds = self.desk.kinds()
                    self.kind = gr.Radio(
                        [(KINDS[kind], kind) for kind in kinds],
                        value=kinds[0],
                        label="Where they come from",
                        visible=len(kinds) > 1,
                        elem_id="photos-kind",
                    )
                    self.files = files_input(
                        file_count="multiple",
                        label="Photos, or ZIPs of photos",
                        height=230,
                        elem_id="photos-files",
                    )
                    self.folder = gr.Dropdown(
                        self.desk.folders(),
                        label="Folder on the server",
                        info="Or one below these. Its photos are copied, the folder stays as it is.",
                        allow_custom_value=True,
                        visible=False,
                        elem_id="photos-folder",
                    )
                    self.report = gr.Textbox(
                        label="Folder of the report",
                        info=view_photos.ABOUT_REPORTS,
                        visible=False,
                        elem_id="photos-report",
                    )
                    self.pictures = gr.Textbox(
                        label="Folder of its photos",
                        info=view_photos.ABOUT_PICTURES,
                        visible=False,
                        elem_id="photos-pictures",
                    )
                    gr.HTML(self.desk.limits(), elem_classes=["quiet"])
                with gr.Column(scale=5, min_width=300):
                    self.batch = gr.Dropdown(
                        [("A new batch", NEW)],
                        value=NEW,
                        label="Into",
                        filterable=False,
                        elem_id="photos-batch",
                    )
                    self.known_notes = gr.HTML(elem_id="photos-known-notes")
                    with gr.Group(elem_id="photos-notes") as self.notes:
                        self.name = gr.Textbox(label="Name of the batch", max_lines=1, elem_id="photos-name")
                        self.source = gr.Textbox(
                            label="Source",
                            info="Who took them, where, when; or an address",
                            elem_id="photos-source",
                        )
                        self.licence = gr.Textbox(
                            label="Licence",
                            info="CC BY 4.0; or by whom and for what their use is allowed",
                            elem_id="photos-licence",
                        )
                        self.consent = gr.Textbox(
                            label="Consent",
                            info="How the people in them agreed, or why that is not needed",
                            elem_id="photos-consent",
                        )
                        self.judgements = gr.Number(
                            1,
                            label="Judgements of each photo",
                            info="By how many people each is to be labelled.",
                            precision=0,
                            minimum=1,
                            maximum=50,
                            elem_id="photos-judgements",
                        )
            self.message = gr.HTML(elem_id="photos-message", elem_classes=["message"])
            with gr.Row(elem_classes=["actions"]):
                self.start = gr.Button("Add these photos", variant="primary", elem_id="photos-start")
                self.cancel = gr.Button("Cancel", visible=False, elem_id="photos-cancel")
            self.progress = gr.HTML(elem_id="photos-progress", elem_classes=["working"])
            self.status = gr.HTML(elem_id="photos-status", elem_classes=["status"])
            self.refused = gr.HTML(elem_id="photos-refused")

    def _build_changing(self) -> None:
        with gr.Accordion("Change a batch", open=False, elem_id="photos-change"):
            self.changed = gr.Dropdown([], label="Batch", filterable=False, elem_id="change-batch")
            with gr.Column(visible=False) as self.change_notes:
                self.new_source = gr.Textbox(label="Source", elem_id="change-source")
                self.new_licence = gr.Textbox(label="Licence", elem_id="change-licence")
                self.new_consent = gr.Textbox(label="Consent", elem_id="change-consent")
                self.new_judgements = gr.Number(
                    1,
                    label="Judgements of each photo",
                    precision=0,
                    minimum=1,
                    maximum=50,
                    elem_id="change-wanted",
                )
                self.is_closed = gr.Checkbox(
                    label="Off the desk",
                    info="Nobody is given its photos any more. Its labels stay, also in the CSVs.",
                    elem_id="change-closed",
                )
                with gr.Row(elem_classes=["actions"]):
                    self.save = gr.Button("Save the changes", elem_id="change-save")
            self.change_message = gr.HTML(elem_id="change-message", elem_classes=["message"])
            self.change_status = gr.HTML(elem_id="change-status", elem_classes=["status"])
