"""The whole way in a real browser: label, prepare, train, come back later, stop, resume, promote, colorize.

The page is `python app.py` in a process of its own, which is ended in the middle and started again.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from labeling import batches
from labeling.batches import Batch
from labeling.photos import PhotoFolder
from labeling.settings import LabelSettings
from labeling.store import open_store
from tests.app_process import AppProcess
from tests.chromium import launched
from tests.conftest import REPOSITORY
from tests.labeling.browser.labeller import Labeller
from tests.preparing import encoded, picture
from train.history import read as read_history
from train.jobs.job import everything

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

PHOTOS = 12
MINUTES = 1.5  # of training, in which the app is started anew
PATIENCE = 60_000  # milliseconds; the machine may be busy
NAME = "village"


class App(AppProcess):
    """The app on folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("labels", "runs", "datasets", "models")
        for name in names:
            (folder / name).mkdir(exist_ok=True)
        settings = ("RANGIN_LABELS_FOLDER", "RANGIN_RUNS", "RANGIN_DATASETS", "RANGIN_MODELS")
        folders = {setting: folder / name for setting, name in zip(settings, names, strict=True)}
        super().__init__(folders, OMP_NUM_THREADS="1")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """The running page; whatever it started is ended behind the test."""
    app = App(tmp_path)
    app.start()
    yield app
    app.kill()
    for job in everything(tmp_path / "runs"):
        if not job.state.is_over:
            jobs(app, "cancel", job.id)


@pytest.fixture(scope="module")
def chrome(chromium: str | None) -> Iterator[Browser]:
    with launched(chromium) as browser:
        yield browser


def jobs(app: App, *arguments: str) -> str:
    """What `python -m train jobs` prints."""
    command = [sys.executable, "-m", "train", "jobs", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, env=app.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def add_photos(folder: Path) -> Batch:
    """A batch of drawn photos in colour, no two alike."""
    store = open_store(LabelSettings(labels_folder=folder))
    batch = batches.create(store, "Maya", "village", "drawn by a test", "CC0", "nobody is in them")
    photos = PhotoFolder(folder / "photos")
    kept = [photos.keep(encoded(picture(seed, 96)), f"गाउँ {seed}.png") for seed in range(PHOTOS)]
    batches.add_photos(store, batch.id, kept)
    store.close()
    return batch


def rows(folder: Path) -> list[dict[str, str]]:
    """Of metrics.csv."""
    return read_history(folder / "metrics.csv")[1]


def choose(page: Page, field: str, option: str) -> None:
    """An option of one of the form's menus."""
    page.locator(f"#new-{field} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def fill(page: Page, field: str, value: str) -> None:
    """A field of the form."""
    box = page.locator(f"#new-{field}").locator("input, textarea")
    box.fill(value)
    box.blur()


def open_runs(page: Page) -> None:
    """The section with the list of runs."""
    page.get_by_role("tab", name="Train", exact=True).click()
    page.get_by_role("tab", name="Runs", exact=True).click()


def expect_state(page: Page, state: str, minutes: float = 1) -> None:
    """The chosen run's, soon."""
    expect(page.locator("#run-head .state")).to_contain_text(state, timeout=minutes * 60_000)


def steps(page: Page) -> int:
    """How far the chosen run is."""
    said = re.search(r"Step ([\d,]+) of", page.locator("#run-head").inner_text())
    return int(said[1].replace(",", "")) if said else 0


def until_beyond(page: Page, step: int) -> None:
    """Until the run has gone on from a step, and its curves have come along."""
    end = time.monotonic() + PATIENCE / 1000
    while steps(page) <= step:
        assert time.monotonic() < end, f"still at step {steps(page)}"
        page.wait_for_timeout(200)
    expect(page.locator("#run-curves svg").first).to_be_visible()


def test_from_twelve_labels_to_a_painted_photo(app: App, chrome: Browser, astronaut: np.ndarray) -> None:
    batch = add_photos(app.folder / "labels")
    context = chrome.new_context(viewport={"width": 1280, "height": 900})
    sita = Labeller(context, app.url, "Sita", {"batch": batch.id})
    for number in range(PHOTOS):
        sita.label(str(1 + number % 3))
    sita.all_saved()
    page = sita.page
    page.set_default_timeout(PATIENCE)

    # A dataset of the labels, and a training of one minute.
    page.get_by_role("tab", name="Train", exact=True).click()
    page.get_by_text("From the labels of the Label tab").click()
    expect(page.locator("#new-labelled")).to_contain_text("12 labelled pictures", timeout=PATIENCE)
    page.locator("#new-make").click()
    expect(page.locator("#new-dataset input")).to_have_value("labelled", timeout=2 * PATIENCE)
    expect(page.locator("#new-facts")).to_contain_text("12 pictures")
    choose(page, "recipe", "cnn (literature)")
    choose(page, "length", "Minutes")
    expect(page.locator("#new-amount input")).to_have_value("60", timeout=PATIENCE)
    fill(page, "amount", str(MINUTES))
    fill(page, "name", NAME)
    page.get_by_text("How it learns").click()
    fill(page, "batch", "4")
    choose(page, "size", "32 px")
    cache = app.folder / "datasets" / "cache"
    fill(page, "overrides", f"threads=1\nconfig.working_size=64\ncache={cache}")
    expect(page.locator("#new-command textarea")).to_have_value(
        re.compile(f"name {NAME} .*minutes={MINUTES} ")
    )
    expect(page.locator("#new-card")).to_contain_text("Nothing keeps it from starting", timeout=PATIENCE)
    page.get_by_role("button", name="Start training").click()
    expect(page.locator("#new-card")).to_contain_text("is ordered", timeout=PATIENCE)

    # It goes on while nobody looks, without the page, and without the app.
    page.get_by_role("tab", name="Runs", exact=True).click()
    until_beyond(page, 0)
    page.reload()
    open_runs(page)
    expect_state(page, "running")
    seen = steps(page)
    page.close()  # which would load itself anew when the server is back
    app.kill()
    app.start()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(app.url)
    open_runs(page)
    until_beyond(page, seen)
    assert len(everything(app.folder / "runs")) == 1

    # Stopped and resumed, it is the same run, which comes to its end.
    page.locator("#run-stop").click()
    expect_state(page, "stopped")
    stopped_at = steps(page)
    assert (app.folder / "runs" / everything(app.folder / "runs")[0].id / "last.ckpt").is_file()
    page.locator("#run-resume").click()
    until_beyond(page, stopped_at)
    expect_state(page, "finished", 4)
    (job,) = everything(app.folder / "runs")
    assert [int(row["step"]) for row in rows(job.folder)] == sorted(
        {int(row["step"]) for row in rows(job.folder)}
    )
    expect(page.locator("#run-strip img").first).to_be_visible()
    expect(page.locator("#run-log")).to_contain_text("finished")

    # These photos are coloured blobs, where a minute's model is better than the default: nothing is asked.
    page.locator("#run-promote").click()
    page.locator("#run-name").locator("input, textarea").fill(NAME)
    page.locator("#run-as-default input").check()
    page.locator("#run-promote-it").click()
    expect(page.locator("#run-errand")).to_contain_text("is in Colorize", timeout=2 * PATIENCE)
    assert {path.name for path in (app.folder / "models").iterdir()} >= {f"{NAME}.safetensors", f"{NAME}.md"}

    # And Colorize paints with it.
    page.goto(app.url)
    gray = Image.fromarray(astronaut).convert("L")
    chooser = page.locator("#giving > * input[type=file]").first
    chooser.set_input_files({"name": "eileen.png", "mimeType": "image/png", "buffer": encoded(gray)})
    expect(page.locator("#summary")).to_contain_text("pixels", timeout=2 * PATIENCE)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").first.click()
    painted = Image.open(download.value.path())
    assert NAME in str(painted.info), "the file says which model painted it"
    assert np.ptp(np.asarray(painted.convert("RGB")).astype(int), axis=2).max() > 0
    assert sita.complaints == []
    context.close()
