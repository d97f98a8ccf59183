"""The section "Compare models" of the Colorize tab: widgets and wiring only. What they do stands in `desk_compare`."""

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from colorizer import texts
from colorizer.desk import Desk
from colorizer.desk_compare import OUTDATED, Comparing
from colorizer.desk_run import Stand
from colorizer.desk_work import public_name
from colorizer.errors import PhotoError, RanginError

Update = dict[Any, Any]


class CompareSection:
    """The widgets, put into the Blocks that is being built."""

    def __init__(self, desk: Desk) -> None:
        self.comparing = Comparing(desk)
        with gr.Accordion("Compare models", open=False, elem_id="compare-box") as self.box:
            gr.HTML(texts.COMPARE, elem_id="compare-intro")
            self.offered = gr.State([])  # names that were listed before, so that only new ones come ticked
            self.models = gr.CheckboxGroup(
                [],
                label="Models, with millions of parameters",
                elem_id="compare-models",
                show_select_all=True,
            )
            # Stop and download are seen when the status beneath says that they are of use: see page.css.
            with gr.Row(elem_id="compare-controls"):
                # Until there is a list to choose from.
                self.start = gr.Button(
                    "Compare", variant="primary", interactive=False, elem_id="compare", min_width=140
                )
                self.stop = gr.Button("Stop", elem_id="compare-stop", min_width=140)
                self.sheet = gr.DownloadButton(
                    "Download all as one PNG", elem_id="compare-download", min_width=140
                )
            self.message = gr.HTML(elem_id="compare-message", elem_classes=["message"])
            self.status = gr.HTML(elem_id="compare-status", elem_classes=["status"])
            self.grid = gr.Gallery(
                show_label=False,
                visible="hidden",
                interactive=False,
                allow_preview=False,
                object_fit="contain",
                columns=3,
                height="auto",
                buttons=[],
                elem_id="compare-grid",
            )
            self.table = gr.HTML(elem_id="compare-table")
            self.untrained = gr.HTML(elem_id="untrained")
            # Which comparison the visitor sees when a picture is clicked.
            self.token = gr.Textbox(visible="hidden", label="comparison shown", elem_classes=["unshown"])

    @property
    def outputs(self) -> list[Any]:
        """What `cleared` and `measured` change."""
        return [self.message, self.status, self.grid, self.table, self.token, self.sheet]

    def connect(self, shown: list[Any], menus: list[gr.Dropdown], wiring: dict[str, Any]) -> None:
        """Wire the widgets.

        Args:
            shown: the widgets of the photo's key, of the photo that is seen, and of the vividness.
            menus: of the faces' palettes.
            wiring: as for the tab's other events, whose queue it shares.
        """
        self.box.expand(
            self._offer,
            [self.models, self.offered],
            [self.models, self.offered, self.untrained, self.message, self.start],
            show_progress="minimal",
            show_progress_on=self.models,
            api_visibility="private",
            concurrency_id="catalog",
        )
        # What came of it is an event of its own: the last answer of a generator is sent twice, and could be outdated
        # by then; and an answer that follows closely upon another can change it before the page has shown it.
        self.start.click(
            self._run,
            [*shown, self.models, *menus],
            self.outputs,
            show_progress_on=self.status,
            show_progress="minimal",
            **{**wiring, "trigger_mode": "once"},
        ).then(
            self._finish,
            shown[0],
            self.outputs,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def cleared(self) -> Update:
        """Nothing compared."""
        return self._show(Stand())

    def measured(self, key: str | None) -> Update:
        """The figures after the true photo has come, changed or gone."""
        stand = self.comparing.measure(key)
        return {} if stand is None else self._show(stand)

    def _offer(self, ticked: list[str], offered: list[str]) -> Update:
        try:
            offer = self.comparing.offer()
        except RanginError as error:
            return {self.message: _says(error)}
        names = [name for _, name in offer.choices]
        chosen = [name for name in names if name in ticked or name not in offered]
        return {
            self.models: gr.update(choices=list(offer.choices), value=chosen),
            self.offered: names,
            self.untrained: offer.untrained,
            self.start: gr.update(interactive=True),
            self.message: "",
        }

    def _run(
        self, key: str | None, seen: str, vividness: float, models: list[str], *menus: str
    ) -> Iterator[Update]:
        try:
            if key is not None and seen != public_name(key):
                raise PhotoError(OUTDATED)  # another photo came before this event's turn
            for stand in self.comparing.run(key, models, menus, vividness):
                yield self._show(stand)
        except RanginError as error:
            yield {self.message: _says(error)}

    def _finish(self, key: str | None) -> Update:
        updates = self._show(self.comparing.finish(key))
        del updates[self.message]  # it may just have been said
        return updates

    def _show(self, stand: Stand) -> Update:
        return {
            self.message: "",
            self.status: stand.status,
            self.grid: gr.update(
                value=[(str(path), caption) for path, caption in stand.pictures],
                visible=bool(stand.pictures) or "hidden",
                selected_index=None,
            ),
            self.table: stand.table,
            self.token: stand.token,
            self.sheet: None if stand.sheet is None else str(stand.sheet),
        }


def _says(error: RanginError) -> str:
    return f"<p>{escape(str(error))}</p>"
