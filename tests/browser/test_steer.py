"""Light, skin tones, colour hints and suggestions as visitors meet them."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from colorizer import lab
from colorizer.groups import TONES
from colorizer.steering import HINTS_LIMIT, Hint, Steering
from tests.browser.test_colorize import encoded
from tests.browser.visitor import Visitor
from tests.serving import serve
from tests.steered import PALETTES, Steered, steer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture
def steered(monkeypatch: pytest.MonkeyPatch) -> Steered:
    """The page's model does at once what is asked of it."""
    return steer(serve().desk.colorizer, monkeypatch)


@pytest.fixture
def gray(astronaut: np.ndarray) -> bytes:
    """1200x1500, more than the picture to click has."""
    return encoded(np.asarray(Image.fromarray(astronaut[:, 50:460]).convert("L").resize((1200, 1500))))


def mean_ab(visitor: Visitor) -> tuple[float, float]:
    """Of the file that the button gives, where every colour is inside the gamut."""
    found = lab.rgb_to_lab(visitor.colours())
    a, b = found[(found[..., 0] > 40) & (found[..., 0] < 70)][:, 1:].mean(0)
    return float(a), float(b)


def open_section(visitor: Visitor, title: str) -> None:
    visitor.page.get_by_role("button", name=re.compile(f"^{title}")).click()


def wait_for_canvas(visitor: Visitor) -> None:
    """Wait until the picture for hints has loaded, may be clicked, and may be aimed at by keyboard."""
    visitor.page.wait_for_function(
        "(image => image && image.complete && image.naturalWidth > 0 && image.clientHeight > 50"
        " && image.closest('button')?.dataset.aims)(document.querySelector('#canvas img'))"
    )


def click_canvas(visitor: Visitor, x: float, y: float) -> None:
    """Click the picture for hints at shares of its sides."""
    picture = visitor.page.locator("#canvas img")
    wait_for_canvas(visitor)
    box = picture.bounding_box()
    assert box is not None
    scale = min(
        box["width"] / 720, box["height"] / 900
    )  # the picture fills its place as far as its shape lets it
    left, top = (box["width"] - 720 * scale) / 2, (box["height"] - 900 * scale) / 2
    place = {"x": left + x * 720 * scale, "y": top + y * 900 * scale}
    if visitor.page.evaluate("matchMedia('(pointer: coarse)').matches"):
        picture.tap(position=place)  # type: ignore[arg-type]
    else:
        picture.click(position=place)  # type: ignore[arg-type]


def test_a_tone_the_light_a_hint_and_a_suggestion(visitor: Visitor, steered: Steered, gray: bytes) -> None:
    page = visitor.page
    visitor.colorize(("grandmother.png", gray))
    searches = visitor.desk.detections.calls

    page.get_by_label("Palette for face 1").click()
    option = page.get_by_role("option", name="Skin tone 8 of 10 (Monk scale)", exact=True)
    swatch = option.evaluate("o => getComputedStyle(o, '::after').backgroundColor")
    assert swatch == "rgb({}, {}, {})".format(*bytes.fromhex(TONES["Monk 8"][1:]))
    visitor.change(option.click)
    expect(page.locator(".face-card")).to_contain_text("Skin tone 8 of 10")
    assert mean_ab(visitor) == pytest.approx((0, 10), abs=1)

    warmth = page.locator("#warmth input[type=number]")

    def enter(value: str) -> None:
        warmth.fill(value)
        warmth.press("Enter")

    visitor.change(lambda: enter("-18"))
    assert mean_ab(visitor) == pytest.approx((0, -8), abs=1)
    expect(page.locator("#light-words")).to_contain_text("cool")
    visitor.change(page.get_by_label("Neutral light").check)
    assert steered.paintings[-1] == (("Monk 8",), 1.0, Steering("neutral", -18))

    open_section(visitor, "Colour hints")
    expect(page.locator("#hint-list")).to_contain_text("No hints yet")
    page.locator("#hint-colour .dialog-button").click()
    field = page.get_by_label("Colour as #rrggbb")
    field.fill("#3b5aa0")
    field.press("Enter")
    page.mouse.click(5, 5)
    visitor.change(lambda: click_canvas(visitor, 0.25, 0.8))
    (hint,) = steered.paintings[-1][2].hints
    assert hint.color == "#3b5aa0"
    assert (hint.x, hint.y) == pytest.approx((300, 1200), abs=4), (
        "where it was clicked, in pixels of the photo"
    )
    expect(page.locator("#hint-list li")).to_have_count(1)
    expect(page.locator("#hint-list")).to_contain_text("#3b5aa0")

    open_section(visitor, "Three suggestions")
    page.get_by_role("button", name="Show three suggestions").click()
    grid = page.locator("#suggest-grid")
    expect(grid.get_by_role("button")).to_have_count(4)
    expect(page.locator("#suggest-status")).to_contain_text("3 suggestions")
    visitor.change(grid.get_by_role("button", name="Suggestion 2: take it as the result").click)
    visitor.wait(lambda: page.evaluate("scrollY") < 300, "the slider to be brought into sight")
    assert mean_ab(visitor) == pytest.approx(PALETTES[1], abs=1.5)
    assert visitor.colours().shape == (1500, 1200, 3)
    expect(page.locator("#summary")).to_contain_text("This is suggestion 2")
    expect(grid.get_by_role("button")).to_have_count(4)

    visitor.change(page.locator("#warmth").get_by_role("button", name="Reset").click)
    assert steered.paintings[-1] == (("Monk 8",), 1.0, Steering("neutral", hints=(hint,)))
    expect(grid).to_be_hidden()
    for remembered in ("suggestions shown", "comparison shown", "photo shown"):
        expect(page.get_by_label(remembered)).to_be_hidden()
    assert visitor.desk.detections.calls == searches, "no face is looked for again"


def test_a_new_photo_begins_without_light_and_hints(visitor: Visitor, steered: Steered, gray: bytes) -> None:
    page = visitor.page
    visitor.colorize(("a.png", gray))
    visitor.change(page.get_by_label("Neutral light").check)
    tint = page.locator("#tint input[type=range]")
    tint.focus()
    visitor.change(lambda: page.keyboard.press("ArrowRight"))
    assert steered.paintings[-1][2] == Steering("neutral", tint=0.5)
    open_section(visitor, "Colour hints")
    visitor.change(lambda: click_canvas(visitor, 0.5, 0.5))
    visitor.colorize(("b.png", gray))
    expect(page.get_by_label("As the model thinks")).to_be_checked()
    expect(tint).to_have_value("0")
    expect(page.locator("#hint-list")).to_contain_text("No hints yet")
    assert steered.paintings[-1][2].is_default
    visitor.change(lambda: visitor.choose(1, "Indian"))
    assert steered.paintings[-1] == (("Indian",), 1.0, Steering())


def test_hints_by_keyboard_and_taking_them_back(visitor: Visitor, steered: Steered, gray: bytes) -> None:
    page = visitor.page
    visitor.colorize(("a.png", gray))
    open_section(visitor, "Colour hints")
    wait_for_canvas(visitor)
    picture = page.get_by_role("button", name=re.compile("^Picture for colour hints"))
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#canvas button')"):
            break
    else:
        pytest.fail("the picture can't be reached by keyboard")
    expect(page.locator("#aim")).to_be_visible()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    expect(picture).to_have_accessible_name(re.compile("54 % from the left, 48 % from the top"))
    visitor.change(lambda: page.keyboard.press("Enter"))
    (hint,) = steered.paintings[-1][2].hints
    assert (hint.x, hint.y) == pytest.approx((0.54 * 1200, 0.48 * 1500), abs=4)
    expect(picture).to_be_focused()
    page.keyboard.press("ArrowDown")
    visitor.change(lambda: page.keyboard.press("Enter"))
    assert len(steered.paintings[-1][2].hints) == 2
    expect(page.locator("#hint-list li")).to_have_count(2)
    visitor.change(page.get_by_role("button", name="Remove the last").click)
    assert steered.paintings[-1][2].hints == (hint,)
    visitor.change(page.get_by_role("button", name="Remove all").click)
    assert steered.paintings[-1][2].hints == ()
    expect(page.locator("#aim")).to_have_count(0)


def test_several_quick_clicks_are_all_noted(visitor: Visitor, steered: Steered, gray: bytes) -> None:
    visitor.colorize(("a.png", gray))
    open_section(visitor, "Colour hints")
    expect(visitor.page.locator("#canvas img")).to_be_visible()
    for share in (0.2, 0.4, 0.6, 0.8):
        click_canvas(visitor, share, 0.5)
    visitor.wait(lambda: len(steered.paintings[-1][2].hints) == 4, "a painting with all hints")
    expect(visitor.page.locator("#hint-list li")).to_have_count(4)


def test_too_many_hints_are_answered_with_a_sentence(visitor: Visitor, steered: Steered, gray: bytes) -> None:
    visitor.colorize(("a.png", gray))
    shown = visitor.desk.shown
    assert shown is not None
    visitor.desk.work(shown.key).hints = tuple(Hint(9 * i, 9, "#b5473c") for i in range(HINTS_LIMIT))
    open_section(visitor, "Colour hints")
    expect(visitor.page.locator("#canvas img")).to_be_visible()
    click_canvas(visitor, 0.5, 0.5)
    expect(visitor.message).to_contain_text(f"{HINTS_LIMIT} hints already")


def test_on_a_phone_everything_fits_and_a_finger_places_a_hint(
    phone: Visitor, steered: Steered, gray: bytes
) -> None:
    page = phone.page
    phone.colorize(("a.png", gray))
    open_section(phone, "Colour hints")
    open_section(phone, "Three suggestions")
    page.get_by_role("button", name="Show three suggestions").tap()
    expect(page.locator("#suggest-grid").get_by_role("button")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing is wider than the screen"
    phone.change(lambda: click_canvas(phone, 0.75, 0.25))
    (hint,) = steered.paintings[-1][2].hints
    assert (hint.x, hint.y) == pytest.approx((900, 375), abs=8)
