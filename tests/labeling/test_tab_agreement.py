"""The section "Agreement" as it is served: who may what over HTTP, and an owner who settles conflicts in a browser."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

import app
from colorizer.tab_inputs import Page as Blocks
from labeling import batches, conflicts, tab_agreement
from labeling.office import Office
from labeling.outcome import votes
from labeling.settings import LabelSettings
from labeling.store import Store
from tests.chromium import launched
from tests.labeling.disagreeing import NOTES, items_of, key, say
from tests.labeling.test_agreement_desk import drawn


@dataclass
class Served:
    url: str
    store: Store

    def call(self, event: str, *given: Any) -> tuple[int, Any]:
        """The answer of a named event: its status, and what it says."""
        answer = httpx.post(f"{self.url}gradio_api/run/{event}", json={"data": list(given)})
        said = answer.json()
        return answer.status_code, said["data"][0] if answer.status_code == 200 else said["error"]

    def outcome(self, item: int) -> str | None:
        return votes(self.store, 1, items=[item])[0].outcome


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page with nothing but this section, beside another tab; Olga owns the project, Asha and Bina label."""
    settings = LabelSettings(
        labels_folder=tmp_path_factory.mktemp("labels"), owners="Olga", annotators="Asha,Bina"
    )
    office = Office(settings)
    batch = batches.create(office.store, "Olga", "hills", **NOTES, judgements=2)
    kept = [office.photos.keep(drawn(k), f"{k}.jpg") for k in range(6)]
    batches.add_photos(office.store, batch.id, kept)
    with Blocks(analytics_enabled=False) as page:
        who = gr.Textbox("Olga", label="Your name")
        with gr.Tabs():
            with gr.Tab("Desk"):
                gr.Markdown("Nothing here.")
            with gr.Tab("Agreement"):
                tab_agreement.build(office, who)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = app.launch_options() | {"css_paths": [app.ASSETS / "page.css", app.ASSETS / "agreement.css"]}
    options.pop("head", None)
    _, url, _ = page.launch(
        **options, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=port
    )
    yield Served(url, office.store)
    page.close()


@pytest.fixture
def items(served: Served) -> list[int]:
    """Asha and Bina differ about all photos, and nobody has settled any."""
    found = items_of(served.store, 1)
    for item in found:
        say(served.store, item, {"Asha": "Nepali", "Bina": "Indian"})
        if conflicts.conflict(served.store, item).settled_at is not None:
            conflicts.reopen(served.store, key(), "Olga", item)
    return found


def test_figures_are_for_who_labels(served: Served, items: list[int]) -> None:
    status, found = served.call("label_agreement", "Asha")
    assert (status, found["alpha"]["n"], found["mixed_up"][0]["both"]) == (200, 6, 6)
    for name in ("", "Somebody"):
        status, said = served.call("label_agreement", name)
        assert status == 500
        assert "Say who you are" in said or "not on this project's list" in said


@pytest.mark.parametrize("name", ["Asha", "Somebody", ""])
def test_only_owners_see_and_settle_conflicts(served: Served, items: list[int], name: str) -> None:
    assert served.call("label_conflicts", name)[0] == 500
    assert served.call("label_settle", name, items[0], "Nepali", key())[0] == 500
    assert served.call("label_reopen", name, items[0], key())[0] == 500
    assert served.outcome(items[0]) is None


def test_an_owner_settles_over_http(served: Served, items: list[int]) -> None:
    _, listed = served.call("label_conflicts", "Olga", "hills", False, "open")
    first = listed["conflicts"][0]
    assert (listed["total"], first["item"], first["decision"]) == (6, items[0], first["decision"])
    status, said = served.call("label_settle", "Olga", items[0], "Nepali", key(), first["decision"])
    assert status == 200
    assert served.outcome(items[0]) == "Nepali"
    status, error = served.call("label_settle", "Olga", items[0], "Indian", key(), first["decision"])
    assert status == 500
    assert "has just settled" in error
    assert served.call("label_reopen", "Olga", items[0], key(), said["decision"])[0] == 200
    assert served.outcome(items[0]) is None


@pytest.fixture(scope="module")
def chrome(chromium: str | None) -> Iterator[Browser]:
    with launched(chromium) as browser:
        yield browser


@pytest.fixture
def page(chrome: Browser, served: Served) -> Iterator[Page]:
    page = chrome.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(served.url)
    yield page
    page.close()
    assert complaints == []


def opened(page: Page) -> Page:
    page.get_by_role("tab", name="Agreement").click()
    expect(page.locator("#agreement-summary")).to_contain_text("people gave", timeout=30_000)
    return page


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_an_owner_settles_by_keyboard_and_takes_back(served: Served, items: list[int], page: Page) -> None:
    opened(page)
    place = page.locator(".conflict .said")
    expect(place).to_contain_text("1 of 6")
    picture = page.get_by_role("img", name="Photo 0.jpg")
    expect(picture).to_be_visible()
    assert picture.evaluate("i => i.naturalWidth") == 400
    assert picture.evaluate("i => i.offsetWidth") > 500  # large, also where the photo is small
    colours = """wrong => {
        const said = wrong.appendChild(document.createElement("p"));
        const { backgroundColor } = getComputedStyle(said);
        said.remove();
        return backgroundColor;
    }"""
    assert page.locator(".conflict .wrong").evaluate(colours) == "rgb(253, 234, 234)"
    nepali = page.get_by_role("button", name="7 Nepali")
    nepali.focus()
    page.keyboard.press("7")
    expect(place).to_contain_text("0.jpg counts as Nepali")
    expect(place).to_contain_text("1 of 5")
    expect(nepali).to_be_focused()  # so that the next key finds its way
    page.keyboard.press("4")
    expect(place).to_contain_text("1.jpg counts as Indian")
    page.keyboard.press("ArrowRight")
    expect(place).to_contain_text("2 of 4")
    assert [served.outcome(item) for item in items[:3]] == ["Nepali", "Indian", None]
    page.keyboard.press("ArrowLeft")
    expect(place).to_contain_text("1 of 4")
    page.get_by_role("button", name="6 White").click()
    expect(place).to_contain_text("2.jpg counts as White")
    page.get_by_role("button", name="Take that back").click()
    expect(place).to_contain_text("for 2.jpg the votes count again")
    assert served.outcome(items[2]) is None
    expect(page.locator("#conflict-state")).to_contain_text("Open (4)")
    page.get_by_label("Settled by an owner").click()
    expect(place).to_contain_text("1 of 2")
    expect(page.get_by_role("button", name="7 Nepali")).to_have_attribute("aria-pressed", "true")


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_an_annotator_sees_figures_but_no_desk(served: Served, items: list[int], page: Page) -> None:
    page.get_by_label("Your name").fill("Asha")
    opened(page)
    expect(page.locator("#agreement-pairs")).to_contain_text("Asha, Bina")
    expect(page.locator("#agreement-conflicts")).to_be_hidden()
    expect(page.locator(".conflict")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_visitor_is_told_what_this_is(served: Served, items: list[int], page: Page) -> None:
    page.get_by_label("Your name").fill("Somebody")
    page.get_by_role("tab", name="Agreement").click()
    expect(page.locator("#agreement-explained")).to_contain_text("Krippendorff", timeout=30_000)
    expect(page.locator("#agreement")).to_be_hidden()


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_nothing_is_wider_than_a_phone(served: Served, items: list[int], chrome: Browser) -> None:
    context = chrome.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = opened_on(context.new_page(), served.url)
    expect(page.locator(".conflict figure")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    heights = page.locator(".conflict button:visible").evaluate_all("l => l.map(b => b.offsetHeight)")
    assert min(heights) >= 44  # as large as a thumb wants it
    context.close()


def opened_on(page: Page, url: str) -> Page:
    page.goto(url)
    return opened(page)
