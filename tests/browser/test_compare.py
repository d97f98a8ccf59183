"""Side by side: the section "Compare models" of the Colorize tab as visitors meet it."""

import io
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from colorizer import photo
from colorizer.desk_work import Work
from tests.browser.test_reading import CONTRASTS, NAMELESS
from tests.browser.visitor import PATIENCE, Visitor
from tests.untrained import only_the_default, some_models

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

# On a machine that trains at the same time a model takes seconds, and a comparison is several.
LONG = 3 * PATIENCE
OWN = "ethnicity-aware"
ALL = (OWN, "cnn", "unet")


@pytest.fixture(autouse=True)
def models() -> Iterator[tuple[str, ...]]:
    """Two more models with weights of chance."""
    with only_the_default(), some_models("cnn", "unet") as names:
        yield names


def encoded(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def gray(astronaut: np.ndarray) -> bytes:
    """The astronaut, 320x320, one face."""
    return encoded(np.asarray(Image.fromarray(astronaut).convert("L").resize((320, 320))))


class Comparer:
    """What a visitor does with the section."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.page
        self.start = self.page.get_by_role("button", name="Compare", exact=True)
        self.status = self.page.locator("#compare-status")
        self.pictures = self.page.locator("#compare-grid .thumbnail-item")
        self.download = self.page.locator("#compare-download")
        self.table = self.page.locator("#compare-table table")

    def open(self) -> None:
        """Open the section and wait for the list of models."""
        self.page.get_by_role("button", name=re.compile("^Compare models")).click()
        expect(self.start).to_be_enabled(timeout=LONG)

    def compare(self, *names: str) -> None:
        """Press Compare and wait for its end, with pictures by these models."""
        self.start.click()
        expect(self.download).to_be_visible(timeout=LONG)
        expect(self.page.locator("#compare-stop")).to_be_hidden()
        expect(self.pictures).to_have_text([re.compile(rf"^\s*{name}, ") for name in names], timeout=LONG)

    def box(self, name: str) -> Locator:
        """A model's tick."""
        return self.page.locator("#compare-models label").filter(has_text=re.compile(rf"^\s*{name} \("))

    def names(self) -> list[str]:
        """The models in the grid."""
        return [text.split(",")[0].strip() for text in self.pictures.all_inner_texts()]

    def pick(self, index: int) -> None:
        """Click a picture and wait until the slider has it."""
        self.visitor.change(self.pictures.nth(index).click)

    def give_truth(self, rgb: np.ndarray) -> None:
        """The photo as it really was."""
        self.page.get_by_role("button", name=re.compile("^Compare with the true colours")).click()
        self.visitor.give(("truth.png", encoded(rgb)), "#truth")


def test_a_photo_by_every_trained_model_and_the_others_by_name(visitor: Visitor, gray: bytes) -> None:
    compare = Comparer(visitor)
    expect(visitor.page.locator("#compare-box")).to_be_hidden()
    visitor.colorize(("grandmother.png", gray))
    compare.open()
    untrained = visitor.page.locator("#untrained li")
    zhang = untrained.filter(has_text="zhang-eccv16")
    expect(zhang).to_contain_text("not trained")
    expect(zhang.locator("code")).to_contain_text("python -m")
    assert not {"cnn", "unet", OWN} & {item.split()[0] for item in untrained.all_inner_texts()}
    compare.compare(*ALL)
    assert all(re.search(r", \d+\.\d\d s$", text.strip()) for text in compare.pictures.all_inner_texts())
    expect(compare.status).to_contain_text("3 models compared")
    expect(compare.table).to_have_count(0)
    visitor.wait(
        lambda: bool(
            compare.pictures.locator("img").evaluate_all(
                "l => l.length === 3 && l.every(i => i.complete && i.naturalWidth === 320)"
            )
        ),
        "the pictures",
    )
    with visitor.page.expect_download() as download:
        compare.download.click()
    assert download.value.suggested_filename == "grandmother-comparison.png"
    data = Path(download.value.path()).read_bytes()
    assert "cnn" in str(photo.provenance(data)["model"])
    sheet = Image.open(io.BytesIO(data))
    assert sheet.format == "PNG"
    assert sheet.width > 4 * 320, "gray and three models side by side"


def test_figures_come_with_the_truth_and_the_best_is_marked_in_words(
    visitor: Visitor, gray: bytes, astronaut: np.ndarray
) -> None:
    compare = Comparer(visitor)
    visitor.colorize(("a.png", gray))
    compare.open()
    compare.compare(*ALL)
    compare.give_truth(astronaut)
    expect(compare.table).to_be_visible(timeout=LONG)
    heads = compare.table.locator("thead th").all_inner_texts()
    assert [head.split(",")[0].split(" (")[0].split(" ")[0] for head in heads[:3]] == [
        "Model",
        "Time",
        "PSNR",
    ]
    psnr = [float(re.findall(r"\d+\.\d", text)[0]) for text in _column(compare, 2)]
    marked = [text for text in _column(compare, 2) if "(best)" in text and "★" in text]
    assert len(psnr) == 3
    assert marked
    assert all(float(re.findall(r"\d+\.\d", text)[0]) == max(psnr) for text in marked)
    visitor.page.locator("#truth").get_by_label("Remove Image").click()
    expect(compare.table).to_have_count(0, timeout=LONG)
    assert compare.names() == list(ALL)


def _column(compare: Comparer, index: int) -> list[str]:
    rows = compare.table.locator("tbody tr").all()
    return [row.locator("th, td").nth(index).text_content() or "" for row in rows]


def test_a_picture_of_the_grid_goes_into_the_slider_at_a_click_and_at_a_key(
    visitor: Visitor, gray: bytes
) -> None:
    compare = Comparer(visitor)
    visitor.colorize(("a.png", gray))
    own = visitor.colours().astype(int)
    compare.open()
    compare.compare(*ALL)
    compare.pick(1)
    expect(visitor.page.locator("#summary")).to_contain_text("This is cnn's picture")
    handle = visitor.page.get_by_role("slider", name="Divider between before and after")
    expect(handle).to_be_focused()
    expect(handle).to_be_in_viewport()
    visitor.wait(lambda: _mark(visitor) == "cnn", "the picture to download")
    assert np.abs(visitor.colours().astype(int) - own).mean() > 0.5
    assert compare.names() == list(ALL), "the comparison stays"
    first = compare.pictures.first
    first.focus()
    visitor.change(lambda: visitor.page.keyboard.press("Enter"))
    visitor.wait(lambda: _mark(visitor) == OWN, "the picture to download")
    assert np.array_equal(visitor.colours(), own)


def _mark(visitor: Visitor) -> str | None:
    return photo.provenance(visitor.download()[1])["model"]


def test_another_choice_or_photo_takes_the_comparison_away(visitor: Visitor, gray: bytes) -> None:
    compare = Comparer(visitor)
    visitor.colorize(("a.png", gray))
    compare.open()
    compare.box("unet").click()
    compare.compare(OWN, "cnn")
    before = _shown(compare)
    visitor.change(lambda: visitor.choose(1, "Indian"))
    expect(compare.pictures).to_have_count(0)
    expect(compare.download).to_be_hidden()
    expect(compare.status).to_be_empty()
    compare.compare(OWN, "cnn")
    assert np.abs(_shown(compare).astype(int) - before).mean() > 0.02, "the palette counts"
    run = _newest(visitor).run
    assert run is not None
    with visitor.page.expect_download() as download:
        compare.download.click()
    sheets = list(run.folder.rglob("*.png"))
    assert [sheet.read_bytes() for sheet in sheets] == [Path(download.value.path()).read_bytes()]
    visitor.colorize(("b.png", gray))
    expect(compare.pictures).to_have_count(0)
    expect(compare.box("unet").locator("input")).not_to_be_checked()


def _shown(compare: Comparer) -> np.ndarray:
    """The grid's first picture, (H, W, 3) uint8, as the desk keeps it."""
    run = _newest(compare.visitor).run
    assert run is not None
    return np.asarray(run.kept[0].painting.image)


def _newest(visitor: Visitor) -> Work:
    """The photo that was worked on last."""
    return next(reversed(visitor.desk.shelf._items.values()))[0]


def test_stopped_it_keeps_what_is_there(visitor: Visitor, gray: bytes, held: "Held") -> None:
    compare = Comparer(visitor)
    visitor.colorize(("a.png", gray))
    compare.open()
    held.hold("cnn")
    compare.start.click()
    expect(compare.status).to_contain_text("Painting with cnn: 2 of 3", timeout=LONG)
    expect(compare.status.locator("progress")).to_have_js_property("value", 1)
    with visitor.page.expect_response(re.compile("/run/|/queue/|/call/|/api/")):
        visitor.page.locator("#compare-stop").click()
    visitor.wait(held.is_stopped, "the server to hear of it")
    held.release()
    expect(compare.status).to_contain_text("Stopped: 2 of 3 models painted", timeout=LONG)
    expect(compare.pictures).to_have_count(2)
    expect(compare.download).to_be_visible()
    expect(visitor.page.locator("#compare-stop")).to_be_hidden()


def test_a_second_photo_need_not_wait_for_the_first_ones_comparison(
    visitor: Visitor, gray: bytes, held: "Held"
) -> None:
    compare = Comparer(visitor)
    visitor.colorize(("a.png", gray))
    first, refused = _newest(visitor).folder.name, _forgive_pictures_put_away(visitor)
    compare.open()
    held.hold("cnn")
    compare.start.click()
    expect(compare.status).to_contain_text("Painting with cnn", timeout=LONG)
    before = visitor.after_source()
    visitor.give(("second.png", gray))
    visitor.wait(held.is_stopped, "the comparison to be stopped")
    held.release()
    visitor.wait(lambda: visitor.after_source() != before and visitor.is_newest_shown(), "the second photo")
    expect(compare.pictures).to_have_count(0, timeout=LONG)
    expect(compare.status).to_be_empty()
    expect(compare.download).to_be_hidden()
    assert "unet" not in held.painted
    assert visitor.download()[0] == "second-colour.png"
    assert all(first in url for url in refused), refused
    compare.compare(*ALL)


def _forgive_pictures_put_away(visitor: Visitor) -> list[str]:
    """Addresses that the server will refuse: a page may still be loading pictures of the photo before the last."""
    refused: list[str] = []
    complain = visitor._complain

    def unless_refused(error: object) -> None:
        if "Failed to load resource" not in str(error) or "403" not in str(error):
            complain(error)

    visitor._complain = unless_refused  # type: ignore[method-assign]
    visitor.page.on("response", lambda answer: refused.append(answer.url) if answer.status == 403 else None)
    return refused


class Held:
    """Models that wait, each before its turn, until they are released."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.gate, self.held, self.painted = visitor, threading.Event(), "", list[str]()
        self.gate.set()

    def hold(self, name: str) -> None:
        """Let this model wait."""
        self.held = name
        self.gate.clear()

    def release(self) -> None:
        """Let it go on."""
        self.gate.set()

    def is_stopped(self) -> bool:
        """Whether a comparison has been told to end."""
        run = _newest(self.visitor).run
        return run is not None and run.is_stopped


@pytest.fixture
def held(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """A hand on the models."""
    from colorizer.desk_compare import Comparing

    hand, painter = Held(visitor), Comparing._painter

    def wait(comparing: Comparing, name: str) -> object:
        hand.painted.append(name)
        if name == hand.held:
            assert hand.gate.wait(120)
        return painter(comparing, name)

    monkeypatch.setattr(Comparing, "_painter", wait)
    yield hand
    hand.release()


def test_it_says_what_is_missing(visitor: Visitor, gray: bytes) -> None:
    compare = Comparer(visitor)
    visitor.colorize(("a.png", gray))
    compare.open()
    for name in ALL:
        compare.box(name).click()
    compare.start.click()
    expect(visitor.page.locator("#compare-message[role=alert]")).to_contain_text("Choose at least one model")
    expect(compare.pictures).to_have_count(0)


def test_weights_appear_without_a_restart(visitor: Visitor, gray: bytes) -> None:
    compare = Comparer(visitor)
    visitor.colorize(("a.png", gray))
    compare.open()
    compare.box("unet").click()
    expect(compare.box("vgg16-autoencoder-all")).to_have_count(0)
    visitor.page.get_by_role("button", name=re.compile("^Compare models")).click()
    with some_models("vgg16-autoencoder-all"):
        visitor.page.get_by_role("button", name=re.compile("^Compare models")).click()
        expect(compare.box("vgg16-autoencoder-all").locator("input")).to_be_checked(timeout=LONG)
        expect(compare.box("unet").locator("input")).not_to_be_checked()


@pytest.mark.parametrize("who", ["visitor", "phone"])
def test_it_is_readable_for_everybody(
    request: pytest.FixtureRequest, who: str, gray: bytes, astronaut: np.ndarray
) -> None:
    anyone: Visitor = request.getfixturevalue(who)
    compare = Comparer(anyone)
    anyone.colorize(("a.png", gray))
    compare.open()
    compare.give_truth(astronaut)
    expect(anyone.page.locator("#metrics table")).to_be_visible(timeout=LONG)
    compare.compare(*ALL)
    expect(compare.table).to_be_visible()
    expect(compare.status).to_have_attribute("role", "status")
    width = anyone.page.viewport_size["width"]  # type: ignore[index]
    assert anyone.page.evaluate("document.documentElement.scrollWidth") == width
    assert [(ratio, text) for ratio, text in anyone.page.evaluate(CONTRASTS) if ratio < 4.5] == []
    assert anyone.page.evaluate(NAMELESS) == []
    alts = compare.pictures.locator("img").evaluate_all("l => l.map(i => i.alt)")
    assert [alt.split(",")[0] for alt in alts] == list(ALL)
    expect(compare.pictures.first).to_have_accessible_name(
        re.compile(f"^{OWN}, .* s: show in the before/after slider$")
    )
