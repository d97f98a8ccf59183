"""The front door: builds the page, sets the theme, launches.

python app.py                                   # http://127.0.0.1:7860
GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=8000 python app.py
"""

import atexit
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

import colorizer.tab
import labeling.tab
import train.tab
from colorizer.desk import Desk
from colorizer.errors import RanginError
from colorizer.files import ServerFiles
from colorizer.settings import Settings, get_settings
from colorizer.tab_inputs import Page
from labeling.access import Access
from labeling.office import Office
from labeling.settings import get_label_settings
from labeling.training_set import TrainingSet
from train.shop import Shop

Room = TypeVar("Room")

ASSETS = Path(__file__).parent / "assets"
STYLES = (
    "page.css",
    *("label.css", "label_project.css", "agreement.css", "appeal.css"),
    *("train_frame.css", "train.css", "train_new.css"),
)
SCRIPTS = (
    "page.js",
    *("label_send.js", "label_view.js", "label_panel.js", "label_feed.js", "label.js", "label_keys.js"),
    "appeal.js",
)
# Gradio looks for files to delete this often.
CLEANING_SECONDS = 300

MARIGOLD = gr.themes.Color(
    *(
        "#fff8eb",
        "#feecc9",
        "#fcd78d",
        "#f9bd51",
        "#f5a428",
        "#e2840f",
        "#b45f06",
        "#94490b",
        "#793a10",
        "#653011",
    ),
    "#3b1705",
    name="marigold",
)
PAPER = gr.themes.Color(
    *(
        "#fdfaf5",
        "#f7f1e7",
        "#ebe1d2",
        "#d8c9b5",
        "#ac9b86",
        "#82725f",
        "#665848",
        "#4f4337",
        "#352c25",
        "#231d18",
    ),
    "#171310",
    name="paper",
)


def theme() -> gr.themes.Base:
    """Warm paper and marigold; fonts of the system only, so that no page asks another server."""
    return gr.themes.Base(
        primary_hue=MARIGOLD,
        secondary_hue=MARIGOLD,
        neutral_hue=PAPER,
        radius_size="lg",
        font=["system-ui", "Segoe UI", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_900",
        block_title_text_color_dark="*neutral_100",
        color_accent="*primary_600",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color_dark="white",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_hover="*neutral_200",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
    )


def keep_files(settings: Settings) -> ServerFiles:
    """A folder of this server's own, Gradio's uploads included, which goes when it ends or is cleared by a later."""
    keep = settings.keep_minutes * 60
    files = ServerFiles(Path(get_upload_folder()), keep)
    os.environ["GRADIO_TEMP_DIR"] = str(files.folder)  # where Gradio puts uploads; it reads this at each
    atexit.register(files.remove)
    threading.Thread(target=_sweep, args=(files, min(CLEANING_SECONDS, keep / 2)), daemon=True).start()
    return files


def _sweep(files: ServerFiles, every: float) -> None:
    while True:
        time.sleep(every)
        try:
            files.sweep()
        except OSError:  # a full disk, say; a server that no longer swept would soon be taken for a dead one
            logging.getLogger(__name__).exception("Old files could not be cleared; trying again later.")


def build(desk: Desk | None = None) -> gr.Blocks:
    """The page. Its model begins to load in the background, so that the page is there first."""
    desk = desk or Desk(keep_files(get_settings()).folder)
    # A folder that can't be written, say, is no reason to colorize nothing.
    office, no_office = _opened("Labelling", lambda: Office(colorizer=lambda: desk.colorizer))
    shop, no_shop = _opened("Training", lambda: Shop(labels=TrainingSet(office) if office else None))
    settings = desk.settings
    keep = round(settings.keep_minutes * 60)
    with Page(
        title="Rangin: a gray portrait in, believable colour out",
        analytics_enabled=False,
        delete_cache=(min(CLEANING_SECONDS, keep), keep),
    ) as page:
        gr.HTML((ASSETS / "header.html").read_text(encoding="utf-8"), elem_id="header")
        with gr.Tabs():
            with gr.Tab("Colorize", id="colorize"):
                colorizer.tab.build(desk)
            with gr.Tab("Label", id="label"):
                if office:
                    labeling.tab.build(office)
                else:
                    labeling.tab.build_closed(no_office)
            with gr.Tab("Train", id="train"):
                if shop:
                    train.tab.build(shop)
                else:
                    train.tab.build_closed(f"Training is closed: {no_shop}")
    page.queue(max_size=settings.queue_size, default_concurrency_limit=settings.at_once)
    threading.Thread(target=desk.warm, name="warm", daemon=True).start()
    for room in (office, shop):
        if room:
            room.start()
            atexit.register(room.stop)
    return page


def _opened(what: str, make: Callable[[], Room]) -> tuple[Room | None, str]:
    """What a tab needs, and nothing; or nothing, and the sentence why."""
    try:
        return make(), ""
    except RanginError as error:
        logging.getLogger(__name__).error("%s stays closed: %s", what, error)
        return None, str(error)


def largest_upload_mb() -> float:
    """The most that any upload may have; each reader has its own limit too.

    On one's own machine that is a ZIP of photos to label. Where strangers come, Gradio would take as much from each of
    them, so there photos are given one by one or in small ZIPs.
    """
    photo, archive = get_settings().max_file_mb, get_label_settings().max_archive_mb
    return max(photo, archive) if Access(get_label_settings()).is_open else photo


def launch_options() -> dict[str, Any]:
    """What is decided on purpose about serving: nothing recorded, nothing served but visitors' own files."""
    return {
        "theme": theme(),
        "css_paths": [ASSETS / name for name in STYLES],
        "head": "".join(
            f"<script>{(ASSETS / name).read_text(encoding='utf-8')}</script>" for name in SCRIPTS
        ),
        "favicon_path": ASSETS / "favicon.svg",
        "run_history": False,
        "max_file_size": int(largest_upload_mb() * 1e6),
        "allowed_paths": [],
        "blocked_paths": [],
        "strict_cors": True,
        "show_error": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "footer_links": ["api", "gradio", "settings"],
    }


if __name__ == "__main__":
    # How services and containers are stopped: an end in good order, in which visitors' files go.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    build().launch(**launch_options())
