"""The Colorize tab as visitors meet it."""

import io
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from colorizer import lab, photo
from colorizer.groups import GROUPS
from tests.browser.visitor import PATIENCE, Visitor
from tests.hostile import HostileFile, files
from tests.serving import Served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def encoded(rgb: np.ndarray, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture
def gray(astronaut: np.ndarray) -> np.ndarray:
    """(600, 480) uint8, a portrait of odd shape."""
    return np.asarray(Image.fromarray(astronaut).convert("L").crop((20, 0, 500, 512)).resize((480, 600)))


@pytest.fixture
def two_people(astronaut: np.ndarray, grace_hopper: Path) -> np.ndarray:
    """(512, 1024) uint8: the astronaut on the left, the admiral on the right."""
    left = Image.fromarray(astronaut).convert("L")
    right = Image.open(grace_hopper).convert("L").crop((0, 0, 512, 512))
    return np.hstack([np.asarray(left), np.asarray(right)])


def test_gray_portrait_in_full_size_colour_out(visitor: Visitor, gray: np.ndarray) -> None:
    visitor.colorize(("grandmother.png", encoded(gray)))
    expect(visitor.page.locator("#summary")).to_contain_text("One face found")
    expect(visitor.page.locator("#summary")).to_contain_text("480 × 600 pixels")
    sizes = visitor.page.locator("#before-after img").evaluate_all(
        "l => l.map(i => [i.naturalWidth, i.naturalHeight])"
    )
    assert sizes == [[480, 600], [480, 600]]
    name, data = visitor.download()
    assert name == "grandmother-colour.png"
    mark = photo.provenance(data)
    assert mark["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert mark["model"] == visitor.desk.colorizer.name
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (480, 600))
    rgb = np.asarray(picture)
    assert np.ptp(rgb, axis=2).mean() > 2, "that is gray"
    assert (
        np.abs(lab.lightness(rgb) - lab.lightness(np.dstack([gray] * 3))).max() < 1.5
    )  # 1 and 8-bit rounding


def test_divider_moves_by_keyboard_and_mouse(visitor: Visitor, gray: np.ndarray) -> None:
    visitor.colorize(("a.png", encoded(gray)))
    divider = visitor.page.get_by_role("slider", name="Divider between before and after")
    expect(divider).to_have_attribute("aria-valuenow", "50")

    def hidden() -> float:
        return float(re.findall(r"([\d.]+)%", visitor.after.get_attribute("style") or "")[0])

    assert hidden() == pytest.approx(50, abs=1)
    divider.focus()
    for _ in range(3):
        visitor.page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "65")
    visitor.wait(lambda: hidden() > 55, "the divider")
    visitor.page.keyboard.press("Home")
    expect(divider).to_have_attribute("aria-valuenow", "0")
    box = divider.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visitor.page.mouse.move(x, y)
    visitor.page.mouse.down()
    visitor.page.mouse.move(x + 200, y, steps=4)
    visitor.page.mouse.up()
    visitor.wait(lambda: int(divider.get_attribute("aria-valuenow") or 0) > 20, "the divider")
    expect(visitor.after).to_have_attribute("alt", "After: the same photo in colour")


def test_faces_are_numbered_and_one_menu_recolours_without_a_new_search(
    visitor: Visitor, two_people: np.ndarray
) -> None:
    visitor.colorize(("two.png", encoded(two_people)))
    page, desk = visitor.page, visitor.desk
    assert desk.shown is not None
    assert desk.shown.numbers == (1, 2)
    for number in (1, 2):
        card = page.locator(".face-card").filter(has_text=f"Face {number}")
        shares = [int(share) for share in re.findall(r"(\d+)%", card.inner_text())]
        assert [name for name in GROUPS if name in card.inner_text()] == list(GROUPS)
        assert sum(shares) == pytest.approx(100, abs=3)
        expect(page.get_by_label(f"Palette for face {number}")).to_be_visible()
    expect(page.get_by_label("Palette for face 3")).to_have_count(0)

    first = visitor.colours().astype(int)
    searches, estimates = desk.detections.calls, desk.estimates.calls
    visitor.change(lambda: visitor.choose(2, "Black"))
    assert desk.shown.chosen == ("auto", "Black")
    second = visitor.colours().astype(int)
    visitor.change(lambda: visitor.choose(2, "None: neutral palette"))
    assert desk.shown.chosen == ("auto", "none")
    assert (desk.detections.calls, desk.estimates.calls) == (searches, estimates)
    left, right = np.hsplit(np.abs(second - first), 2)
    assert right.mean() > 2 * left.mean(), "the other face should have changed, and this one hardly"
    assert right.mean() > 0.02, "a few units, on skin alone; equal paintings are equal to the bit"


def test_vividness_zero_is_gray_and_two_is_stronger(visitor: Visitor, gray: np.ndarray) -> None:
    visitor.colorize(("a.png", encoded(gray)))
    plain = np.ptp(visitor.colours(), axis=2).mean()
    field = visitor.page.locator("#vividness input[type=number]")

    def enter(value: str) -> None:
        field.fill(value)
        field.press("Enter")

    visitor.change(lambda: enter("0"))
    assert np.ptp(visitor.colours(), axis=2).max() <= 1
    visitor.change(lambda: enter("2"))
    assert np.ptp(visitor.colours(), axis=2).mean() > plain  # by how much, the model decides
    searches = visitor.desk.detections.calls
    visitor.page.locator("#vividness input[type=range]").focus()
    visitor.change(lambda: visitor.page.keyboard.press("ArrowLeft"))
    assert visitor.desk.detections.calls == searches


def test_estimation_can_be_switched_off_for_all(visitor: Visitor, two_people: np.ndarray) -> None:
    switch = visitor.page.get_by_label("Choose palettes by estimated ethnicity")
    visitor.colorize(("two.png", encoded(two_people)))
    visitor.change(switch.uncheck)
    assert visitor.desk.shown is not None
    assert visitor.desk.shown.chosen == ("none", "none")
    expect(visitor.page.locator(".face-card").first).to_contain_text("Not estimated")
    expect(visitor.page.locator("#cards")).not_to_contain_text("Hispanic")
    estimates = visitor.desk.estimates.calls
    visitor.colorize(("again.png", encoded(two_people)))
    assert visitor.desk.shown.chosen == ("none", "none")
    assert visitor.desk.estimates.calls == estimates, "it was switched off, and estimated all the same"
    visitor.change(switch.check)
    assert visitor.desk.shown.chosen == ("auto", "auto")
    expect(visitor.page.locator("#cards")).to_contain_text("Hispanic")


def test_true_photo_gives_a_table_of_metrics(visitor: Visitor, astronaut: np.ndarray) -> None:
    visitor.colorize(("a.png", encoded(np.asarray(Image.fromarray(astronaut).convert("L")))))
    visitor.page.get_by_text("Compare with the true colours").click()
    visitor.give(("truth.png", encoded(astronaut)), "#truth")
    table = visitor.page.get_by_role("table")
    row = table.get_by_role("row").filter(has=visitor.page.get_by_role("rowheader", name="PSNR", exact=True))
    expect(row).to_contain_text(re.compile(r"\d\d\.\d dB"))
    expect(table).to_contain_text("Skin colour difference")
    before = row.inner_text()
    field = visitor.page.locator("#vividness input[type=number]")

    def to_gray() -> None:
        field.fill("0")
        field.press("Enter")

    visitor.change(to_gray)
    visitor.wait(lambda: row.inner_text() != before, "other figures for another result")

    visitor.give(("wide.png", encoded(astronaut[:200])), "#truth")
    expect(visitor.page.locator("#truth-message")).to_contain_text("must show the same frame")
    expect(visitor.page.locator("#message")).to_be_empty()


def test_an_error_is_a_sentence_and_leaves_the_result(visitor: Visitor, gray: np.ndarray) -> None:
    visitor.colorize(("a.png", encoded(gray)))
    result = visitor.after_source()
    visitor.give(("letter.png", b"Dear reader,\nthis is no picture.\n"))
    expect(visitor.message).to_contain_text("This is a text file, not a photo")
    assert visitor.after_source() == result
    assert visitor.is_after_loaded()
    visitor.colorize(("b.png", encoded(gray)))
    expect(visitor.message).to_have_count(0)


def test_hostile_files_end_in_a_result_or_a_sentence(visitor: Visitor) -> None:
    tried = [case for case in files if len(case.data) < 5e6]
    refused = [case for case in tried if case.verdict == "error"]
    read = [case for case in tried if case.verdict == "photo"][::5]  # painting takes its time
    assert len(refused) + len(read) >= 40
    for case in [*refused, *read]:
        _try(visitor, case)
    # Gradio's own errors come as toasts; each sentence of ours was compared in full above.
    expect(visitor.page.get_by_test_id("toast-body")).to_have_count(0)
    expect(visitor.message).to_have_count(0)


def _try(visitor: Visitor, case: HostileFile) -> None:
    known = len(visitor.desk.outcomes)
    visitor.give((case.filename, case.data))
    visitor.wait(lambda: len(visitor.desk.outcomes) > known, f"{case.name}'s outcome")
    outcome = visitor.desk.outcomes[-1]
    if case.verdict == "photo":
        assert outcome == "photo", case.name
        expect(visitor.message).to_have_count(0, timeout=PATIENCE)
        visitor.wait(visitor.is_after_loaded, f"{case.name}'s result")
    else:
        assert re.search(str(case.match), outcome), case.name
        expect(visitor.message).to_have_text(re.sub(r"\s+", " ", outcome), timeout=PATIENCE)
        # The input is empty and takes the next file.
        expect(visitor.page.get_by_text("Drop a portrait here")).to_be_visible(timeout=PATIENCE)


def test_a_file_over_the_limit_is_refused_before_it_is_decoded(visitor: Visitor, tmp_path: Path) -> None:
    case = next(case for case in files if len(case.data) > 25e6)
    path = tmp_path / case.filename
    path.write_bytes(case.data)
    visitor.give(path)
    expect(visitor.page.get_by_text("This file is larger than 25 MB")).to_be_visible(timeout=PATIENCE)
    assert visitor.desk.outcomes[-1].startswith("This file is larger than 25 MB")


@pytest.mark.parametrize("format", ["TIFF", "HEIF"])
def test_formats_that_browsers_do_not_show_are_shown(
    visitor: Visitor, astronaut: np.ndarray, format: str
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    suffix = {"TIFF": "tif", "HEIF": "heic"}[format]
    visitor.colorize((f"scan.{suffix}", encoded(astronaut, format)))
    expect(visitor.page.locator("#summary")).to_contain_text("colours or a tone of its own")
    given = visitor.page.get_by_alt_text("The photo you gave")
    visitor.wait(
        lambda: bool(given.evaluate("i => i.complete && i.naturalWidth === 512")), "the photo itself"
    )
    before = visitor.after_source()
    chooser = visitor.page.locator("#giving > * input[type=file]").last
    chooser.set_input_files({"name": f"b.{suffix}", "mimeType": "", "buffer": encoded(astronaut, format)})
    visitor.wait(lambda: visitor.after_source() != before, "the second button's result")


def test_a_jpeg_through_the_second_button_replaces_the_first_photo(
    visitor: Visitor, gray: np.ndarray, grace_hopper: Path
) -> None:
    visitor.colorize(("first.png", encoded(gray)))
    before = visitor.after_source()
    visitor.page.locator("#giving > * input[type=file]").last.set_input_files(grace_hopper)
    visitor.wait(
        lambda: visitor.after_source() != before and visitor.is_newest_shown(), "the second photo's result"
    )
    expect(visitor.page.locator("#summary")).to_contain_text("512 × 600 pixels")
    given = visitor.page.get_by_alt_text("The photo you gave")
    visitor.wait(
        lambda: bool(given.evaluate("i => i.complete && i.naturalHeight === 600")), "the second photo"
    )
    name, _ = visitor.download()
    assert name == "grace_hopper-colour.png"
    visitor.change(lambda: visitor.choose(1, "Indian"))
    assert visitor.desk.shown is not None
    assert visitor.desk.shown.chosen == ("Indian",), "a menu of the photo that is shown counts"


def test_examples_run_at_a_key(visitor: Visitor) -> None:
    page = visitor.page
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Cameraman":
            break
    else:
        pytest.fail("the examples can't be reached by keyboard")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2, "nobody sees where the focus is"
    page.keyboard.press("Enter")
    visitor.wait(lambda: visitor.after_source() != "", "the example's result")
    expect(page.locator("#summary")).to_contain_text("512 × 512 pixels")


def test_a_photo_without_a_face_is_painted_and_says_so(visitor: Visitor) -> None:
    slope = np.tile(np.linspace(20, 230, 300).astype(np.uint8), (200, 1))
    visitor.colorize(("sky.png", encoded(slope)))
    expect(visitor.page.locator("#summary")).to_contain_text("No face was found")
    expect(visitor.page.locator("#summary")).to_contain_text("neutral palette")
    expect(visitor.page.locator("#boxes")).to_be_hidden()
    expect(visitor.page.get_by_label("Palette for face 1")).to_be_hidden()


def test_camera(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_label("Capture from camera").click()
    page.get_by_role("button", name=re.compile("access webcam", re.IGNORECASE)).click()
    page.wait_for_function("document.querySelector('#photo video')?.videoWidth > 0")
    page.get_by_label("capture photo").click()
    visitor.wait(lambda: visitor.after_source() != "", "the snapshot's colours")
    visitor.forgive_progress()


def test_paste(visitor: Visitor) -> None:
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(200, 160);
            const pen = canvas.getContext("2d");
            pen.fillStyle = "#777"; pen.fillRect(0, 0, 200, 160);
            const blob = await canvas.convertToBlob({ type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
        }"""
    )
    visitor.page.get_by_label("Paste from clipboard").first.click()
    visitor.wait(lambda: visitor.after_source() != "", "the pasted picture's colours")
    expect(visitor.page.locator("#summary")).to_contain_text("200 × 160 pixels")


def test_what_was_uploaded_and_made_is_deleted(visitor: Visitor, served: Served, gray: np.ndarray) -> None:
    from gradio.route_utils import delete_files_created_by_app

    visitor.colorize(("quite-private.png", encoded(gray)))
    visitor.change(lambda: visitor.choose(1, "Asian"))
    assert served.desk.shown is not None
    made = served.desk.shown.after.parent.parent
    uploads = [path for path in served.desk.folder.rglob("quite-private*") if made not in path.parents]
    assert [path.name for path in uploads] == ["quite-private.png"]
    assert [path for path in made.rglob("*") if path.is_file()]

    def is_all_deleted() -> bool:
        # Gradio does so every few minutes with files an hour old. The page may still be fetching the newest: what the
        # server hears of only now is deleted by the next round, as it would be there.
        with suppress(RuntimeError):  # the server's own thread added a file meanwhile
            delete_files_created_by_app(served.page, 0)
        left = [*served.desk.folder.rglob("quite-private*"), *made.rglob("*")]
        return not any(path.is_file() for path in left)

    visitor.wait(is_all_deleted, "every file to be deleted")
    visitor.come_back()
    icons = visitor.page.locator(".sample img")
    visitor.wait(lambda: icons.count() == 3, "the examples")
    assert icons.evaluate_all("l => l.every(i => i.complete && i.naturalWidth > 0)"), "the examples must stay"
    visitor.forgive_missing(made)


def test_who_leaves_in_the_middle_finds_a_working_page_again(visitor: Visitor, gray: np.ndarray) -> None:
    for i in range(3):
        visitor.give((f"left-{i}.png", encoded(gray)))
        visitor.page.wait_for_timeout(
            100 * i
        )  # the upload, the search for faces, the painting: whatever it hits
        visitor.come_back()
    visitor.colorize(("stayed.png", encoded(gray)))
    assert visitor.complaints == []
