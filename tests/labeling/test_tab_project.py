"""The sections Photos and Project as they are served: who may what over HTTP, and an owner at the keyboard."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

import app
from colorizer.files import ServerFiles
from colorizer.tab_inputs import Page as Blocks
from labeling import batches, judging, tab_photos, tab_project, vocabulary
from labeling.office import Office
from labeling.settings import LabelSettings
from tests.chromium import launched
from tests.labeling.filling import key
from tests.labeling.test_desk_photos import drawn

PATIENCE = 30_000  # milliseconds; the machine may be busy


@dataclass
class Served:
    url: str
    office: Office
    page: gr.Blocks

    def events(self) -> list[Any]:
        """All of the two sections' events that call Python."""
        return [event for event in self.page.fns.values() if event.fn is not None]

    def call(self, event: Any, *given: Any) -> tuple[int, str]:
        """Send an event as a program would; status and answer."""
        body = {"data": list(given), "fn_index": event._id, "session_hash": "a-program"}
        answer = httpx.post(f"{self.url}gradio_api/run/predict", json=body, timeout=60)
        return answer.status_code, answer.text

    def named(self, name: str) -> Any:
        return next(event for event in self.events() if event.fn.__name__ == name)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page with these sections; Olga owns the project, Asha labels."""
    settings = LabelSettings(
        labels_folder=tmp_path_factory.mktemp("labels"), owners="Olga", annotators="Asha"
    )
    office = Office(settings)
    batch = batches.create(office.store, "Olga", "Hills", "our own", "CC0", "signed forms")
    kept = [office.photos.keep(drawn(number), f"{number}.png") for number in range(6)]
    batches.add_photos(office.store, batch.id, kept)
    for item in range(1, 5):
        judging.judge(office.store, key(), "Asha", item, "label", "Indian")
    files = ServerFiles(tmp_path_factory.mktemp("files"), 3600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(files.folder))
        with Blocks(analytics_enabled=False) as page:
            who = gr.Textbox("", label="Your name")
            with gr.Tabs():
                with gr.Tab("Desk"):
                    gr.Markdown("Nothing here.")
                with gr.Tab("Photos"):
                    tab_photos.build(office, who)
                with gr.Tab("Project"):
                    tab_project.build(office, who)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = app.launch_options() | {
            "css_paths": [app.ASSETS / "page.css", app.ASSETS / "label_project.css"],
            "head": f"<script>{(app.ASSETS / 'page.js').read_text(encoding='utf-8')}</script>",
        }
        _, url, _ = page.launch(
            **options, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=port
        )
        yield Served(url, office, page)
        page.close()
    office.stop()


def test_every_event_asks_who_calls(served: Served) -> None:
    unguarded = [
        event
        for event in served.events()
        if "oauth_profile" not in getattr(event.fn, "__annotations__", {})
        and event.fn.__name__ != "_nothing_asked"
    ]
    named = [
        event for event in served.events() if "oauth_profile" in getattr(event.fn, "__annotations__", {})
    ]
    assert len(named) >= 15
    for event in unguarded:
        assert event.fn.__name__ == "<lambda>", event.fn.__name__
        assert len(event.inputs) <= 1, "it only shows or hides"


def test_over_http_only_owners_change_anything(served: Served) -> None:
    version = served.office.store.version()
    readers = {"_refresh", "_list"}
    for event in served.events():
        if "oauth_profile" not in getattr(event.fn, "__annotations__", {}) or event.fn.__name__ in readers:
            continue
        for name in ("Asha", "Eve", ""):
            blanks = [[] if isinstance(widget, gr.CheckboxGroup) else None for widget in event.inputs[1:]]
            status, said = served.call(event, name, *blanks)
            assert status == 500, event.fn.__name__
            assert "owner" in said or "name" in said, said
    assert served.office.store.version() == version


def test_a_visitor_gets_nothing_of_the_project(served: Served) -> None:
    for event in served.events():
        if event.fn.__name__ in ("_refresh", "_list"):
            status, said = served.call(event, "Eve", *[""] * (len(event.inputs) - 1))
            assert status == 200
            assert "Hills" not in said
            assert "Indian" not in said


@pytest.mark.parametrize("has_meta", [True, False])
def test_a_program_cannot_name_files_it_did_not_upload(
    served: Served, tmp_path: Path, has_meta: bool
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(drawn(77))
    named = {"path": str(secret), "orig_name": "a.png"} | (
        {"meta": {"_type": "gradio.FileData"}} if has_meta else {}
    )
    event = served.named("_start")
    notes = ["Stolen", "s", "l", "c", 1]
    status, _ = served.call(event, "Olga", "files", [named], None, None, None, "new", *notes)
    assert status != 200
    assert [batch.name for batch in batches.batches(served.office.store)] == ["Hills"]


@pytest.fixture(scope="module")
def chrome(chromium: str | None) -> Iterator[Browser]:
    with launched(chromium) as browser:
        yield browser


@pytest.fixture
def visit(chrome: Browser, served: Served) -> Iterator[Page]:
    context = chrome.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(served.url)
    page.get_by_label("Your name").fill("Olga")
    yield page
    context.close()
    assert complaints == []


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_an_owner_merges_a_label_by_keyboard_and_takes_it_back(served: Served, visit: Page) -> None:
    def names() -> list[str]:
        return [label.name for label in vocabulary.labels(served.office.store)]

    before = names()
    visit.get_by_role("tab", name="Project").click()
    menu = visit.get_by_label("Change a label")
    expect(visit.locator("#vocabulary")).to_contain_text("Indian")
    menu.focus()
    menu.press("ArrowDown")
    for _ in range(3):
        menu.press("ArrowDown")
    menu.press("Enter")
    expect(menu).to_have_value("Indian")
    radio = visit.get_by_role("radio", name="Count as another")
    radio.focus()
    radio.press("Space")
    into = visit.get_by_label("Counts as")
    into.focus()
    into.press("ArrowDown")
    into.press("Enter")
    expect(into).to_have_value("Asian")
    into.press("Tab")
    expect(visit.get_by_role("button", name="See what would change")).to_be_focused()
    visit.keyboard.press("Enter")
    asked = visit.locator("#label-asking")
    expect(asked).to_contain_text("4 judgements count differently from then on.")
    expect(asked).to_contain_text("Hills.csv")
    expect(asked.get_by_role("status")).to_have_count(1)
    assert names() == before, "nothing has happened yet"
    visit.keyboard.press("Tab")  # past nothing: there is no change yet that could be taken back
    expect(visit.get_by_role("button", name="Do it")).to_be_focused()
    visit.keyboard.press("Enter")
    expect(visit.locator("#label-status")).to_contain_text("Indian now counts as Asian.")
    expect(asked).to_be_hidden()
    expect(menu).to_be_focused()
    assert "Indian" not in names()

    visit.get_by_role("button", name="Take the last change back").press("Enter")
    expect(asked).to_contain_text("gets its button back")
    visit.get_by_role("button", name="Do it").press("Enter")
    expect(visit.locator("#label-status")).to_contain_text("Indian is offered again.")
    assert names() == before


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_an_owner_uploads_photos_and_downloads_the_csv(served: Served, visit: Page, tmp_path: Path) -> None:
    visit.get_by_role("tab", name="Photos").click()
    visit.get_by_label("Name of the batch").fill("Valley")
    for label, text in (("Source", "our own"), ("Licence", "CC0"), ("Consent", "asked")):
        visit.locator("#photos-notes").get_by_label(label).fill(text)
    give = visit.locator("#photos-files input[type=file]")
    give.set_input_files(
        [
            {"name": "रिता.png", "mimeType": "image/png", "buffer": drawn(41)},
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no photo"},
        ]
    )
    expect(visit.locator("#photos-files")).to_contain_text("notes")
    visit.wait_for_timeout(500)
    visit.get_by_role("button", name="Add these photos").press("Enter")
    expect(visit.locator("#photos-status")).to_contain_text("1 photo added to Valley, 1 refused.")
    expect(visit.locator("#photos-refused")).to_contain_text("notes.txt")
    expect(visit.locator("#photos-batches")).to_contain_text("Valley")
    expect(visit.locator("#photos-known-notes")).to_contain_text("asked")
    with served.office.store.reading() as connection:
        found = list(connection.exec_driver_sql("SELECT name FROM items WHERE batch = 2").scalars())
    assert found == ["रिता.png"]

    judging.judge(served.office.store, key(), "Asha", 7, "label", "Nepali")
    visit.get_by_role("tab", name="Project").click()
    visit.get_by_role("button", name="Download a CSV").click()
    visit.get_by_role("button", name="Make the CSV").press("Enter")
    expect(visit.locator("#csv-status")).to_contain_text("5 rows, one a labelled photo.")
    with visit.expect_download() as download:
        visit.locator("#csv-download").click()
    assert download.value.suggested_filename == "labels.csv"
    lines = Path(download.value.path()).read_bytes().decode().splitlines()
    assert lines[0] == "imageName,ethnicity"
    assert lines[-1] == "रिता.png,Nepali"


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_guidelines_begun_are_still_there_after_a_look_elsewhere(served: Served, visit: Page) -> None:
    visit.get_by_role("tab", name="Project").click()
    visit.get_by_role("button", name="Guidelines").click()
    text = visit.locator("#guidelines-text textarea")
    expect(text).to_have_value(vocabulary.guidelines(served.office.store))
    visit.wait_for_timeout(1500)  # until the section has been shown for the tab and for the name
    text.fill("- Take **your time**.")
    expect(visit.locator("#guidelines-preview")).to_have_text("Take your time.", use_inner_text=True)
    visit.get_by_role("tab", name="Desk").click()
    visit.get_by_role("tab", name="Project").click()
    visit.wait_for_timeout(1500)
    expect(text).to_have_value("- Take **your time**.")
    visit.get_by_role("button", name="Save the guidelines").press("Enter")
    expect(visit.locator("#guidelines-status")).to_contain_text("Saved")
    assert vocabulary.guidelines(served.office.store) == "- Take **your time**.\n"


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_an_annotator_sees_batches_and_no_way_to_change_them(served: Served, visit: Page) -> None:
    visit.get_by_label("Your name").fill("Asha")
    visit.get_by_role("tab", name="Photos").click()
    expect(visit.locator("#photos-batches")).to_contain_text("Hills")
    expect(visit.get_by_role("button", name="Add these photos")).to_be_hidden()
    visit.get_by_role("tab", name="Project").click()
    expect(visit.get_by_text("Only owners of the project change it.")).to_be_visible()
    expect(visit.locator("#vocabulary")).to_be_hidden()
