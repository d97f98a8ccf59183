"""The section "New run": what it does without a page, what programs get, and a real browser that fills it in."""

import re
import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from colorizer.errors import OptionError
from tests.chromium import launched
from tests.jobs import making
from tests.jobs.shown import Still
from train import child, desk_new, view_new
from train.access import Person
from train.dataset_work import Making
from train.datasets import Facts
from train.desk_new import FIELDS, NewDesk, filled
from train.jobs import engines, form
from train.jobs import job as jobs
from train.jobs.engine import Problem
from train.jobs.fields import Form
from train.shop import Shop
from train.thumbnails import Thumbnail

pytestmark = pytest.mark.timeout(300)

PATIENCE = 60_000  # milliseconds; the machine may be busy
ASHA = Person("asha", True)
TWELVE = ["Asian", "White", "Nepali"] * 4


@pytest.fixture(scope="module", autouse=True)
def still() -> Iterator[Still]:
    """An engine that takes every job and starts none."""
    engine = Still()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "get", lambda name: engine)
        yield engine


@pytest.fixture
def desk(tmp_path: Path) -> NewDesk:
    """With a dataset "faces"."""
    chosen = making.settings(tmp_path)
    making.dataset(
        tmp_path / "datasets" / "faces", {"Asian": 12, "White": 12}, {"Asian": 3, "White": 3}, side=16
    )
    return NewDesk(Shop(chosen, making.Labelled(TWELVE), environment={}))


# without a page


def test_a_form_starts_a_run_with_its_recipe(desk: NewDesk, still: Still) -> None:
    chosen = Form(dataset="faces", name=" first ", length="steps", amount=20, batch=4)
    seen = desk.preview(ASHA, chosen)
    assert seen.can_start, seen.card
    assert not seen.wrong
    words = shlex.split(seen.command)
    assert words[4:10] == ["submit", "ethnicity-aware", "--engine", "local", "--name", "first"]
    done = desk.start(ASHA, chosen)
    job = jobs.find(done.run, desk.settings.runs)
    assert (job.order.name, job.order.who, job.order.dataset) == ("first", "asha", "faces")
    assert job.id in done.html
    recipe = yaml.safe_load((job.folder / "recipe.yaml").read_text())
    assert (recipe["steps"], recipe["batch"], recipe["name"]) == (20, 4, "first")
    assert ("submit", job.id) in still.asked


def test_a_form_with_mistakes_starts_nothing_and_says_them(desk: NewDesk) -> None:
    done = desk.start(ASHA, Form(dataset="faces", name="../x", batch=0, overrides="cache=/etc"))
    assert done.run == ""
    assert done.preview is not None
    assert {"name", "batch"} <= done.preview.wrong
    assert "from 1 to" in done.preview.notes["batch"]
    assert jobs.everything(desk.settings.runs) == []
    # What is wrong with the disk or a token has no field of its own.
    assert desk_new._shown_at("disk") in FIELDS
    assert desk_new._shown_at("token") in FIELDS


def test_a_name_is_made_where_none_is_given(desk: NewDesk) -> None:
    done = desk.start(ASHA, Form(dataset="faces", length="steps", amount=5))
    assert done.run.startswith("ethnicity-aware-faces-")


def test_what_may_be_chosen(desk: NewDesk) -> None:
    offered = desk.options()
    assert [value for _, value in offered.datasets] == ["", "faces"]
    assert offered.devices[-1][1] == "cpu"
    assert {"", "scratch", "ethnicity-aware"} <= {value for _, value in offered.starts}
    assert "12 labelled pictures" in offered.labelled
    assert ("unet (literature)", "literature/unet") in desk_new.recipe_choices()
    assert desk_new.recipe_choices()[0][1] == "ethnicity-aware"
    assert "default colorizer" in desk_new.about_recipe("ethnicity-aware")
    with pytest.raises(OptionError):
        desk_new.about_recipe("../../etc/passwd")


def test_what_a_page_sends_is_a_form_or_a_sentence() -> None:
    assert filled({"batch": None, "size": "", "name": "x"}) == Form(name="x")
    for wrong in (
        {"bogus": 1},
        {"batch": "many"},
        {"batch": float("inf")},
        {"amount": float("nan")},
        {"engine": "cloud"},
        {"length": ["epochs"]},
        {"name": {"a": 1}},
    ):
        with pytest.raises(OptionError):
            filled(wrong)


def test_everything_is_escaped_before_it_is_html() -> None:
    evil = "<script>alert(1)</script>"
    problem = Problem("name", evil)
    told = [
        view_new.problems([problem]),
        view_new.facts(
            Facts({"train": {evil: 3}, "val": {evil: 1}}, 0, (evil,), 9, {evil: 2}), [], "classify"
        ),
        view_new.facts(Facts({"train": {}}), [Thumbnail(evil, evil)], "classify"),
        view_new.facts(Facts({}, unreadable=evil), [], "classify"),
        view_new.labelled({evil: 2}),
        view_new.started(evil),
        *(view_new.making(Making(evil, phase, 1, 2, evil, evil)) for phase in ("faces", "done", "failed")),
    ]
    for html in told:
        assert "<script" not in html
        assert "&lt;script" in html


def test_a_dataset_says_what_is_in_it_and_what_to_know(desk: NewDesk) -> None:
    html = desk.facts("faces", "ethnicity-aware")
    assert html.count("data:image/webp") == 6
    assert "<td>12</td>" in html
    assert "6 pictures only" in html
    found = Facts(
        {"train": {"Nepali": 4, "": 2}, "val": {"": 30}}, missing=2, looked_at=40, reasons={"near-gray": 3}
    )
    said = view_new.facts(found, [], "colorize")
    for words in ("Nepali", "2 pictures that its tables name", "40 pictures, 38 kept", "3 near-gray"):
        assert words in said
    assert "fairface/train" in desk.facts("", "ethnicity-aware")


# as it is served


@dataclass
class Served:
    """A page with the section alone."""

    url: str
    shop: Shop

    def call(self, event: str, *given: Any) -> tuple[int, Any]:
        """The answer of a named event."""
        answer = httpx.post(f"{self.url}gradio_api/run/{event}", json={"data": list(given)}, timeout=60)
        said = answer.json()
        return answer.status_code, said["data"][0] if answer.status_code == 200 else said["error"]


@contextmanager
def serve(folder: Path) -> Iterator[Served]:
    import app
    from colorizer.tab_inputs import Page as Blocks
    from train import tab_new

    shop = Shop(making.settings(folder), making.Labelled(TWELVE), environment={})
    with Blocks(analytics_enabled=False) as page, gr.Tabs():
        with gr.Tab("Elsewhere"):
            gr.HTML("<p>Nothing</p>")
        with gr.Tab("New run"):
            tab_new.build(shop)
    settings = {**app.launch_options(), "head": ""}
    _, url, _ = page.launch(**settings, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        yield Served(url, shop)
    finally:
        page.close()


@pytest.fixture(scope="module")
def served(still: Still, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("new")
    making.dataset(
        folder / "datasets" / "faces", {"Asian": 12, "White": 12}, {"Asian": 3, "White": 3}, side=32
    )
    with serve(folder) as page:
        yield page


def test_programs_check_and_start(served: Served) -> None:
    assert served.call("train_datasets")[1]["faces"]["val"] == {"Asian": 3, "White": 3}
    status, said = served.call("train_check", {"dataset": "faces", "name": "x y", "batch": -1})
    assert status == 200
    assert {problem["field"] for problem in said["problems"]} == {"name", "batch"}
    status, said = served.call(
        "train_start", {"dataset": "faces", "name": "called", "length": "steps", "amount": 5}
    )
    assert status == 200
    assert jobs.find(said["run"], served.shop.runs).order.name == "called"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "../x"},
        {"name": "x", "dataset": "../faces"},
        {"name": "x", "overrides": "cache=/etc"},
        {"name": "x", "recipe": "../../etc/passwd"},
        {"name": "x", "device": "gpu:0;id"},
        {"name": "$(id)\n"},
        {"name": "x", "batch": "'; DROP"},
        {"bogus": "`id`"},
        {"name": "x", "start": "/etc/passwd"},
        {"name": "x", "size": float(10**12)},
    ],
)
def test_a_hostile_form_over_http_starts_nothing(served: Served, fields: dict[str, Any]) -> None:
    before = {job.id for job in jobs.everything(served.shop.runs)}
    status, said = served.call("train_start", {"dataset": "faces", "length": "steps", "amount": 5} | fields)
    assert status == 500
    assert said  # a sentence, and no traceback's silence
    assert {job.id for job in jobs.everything(served.shop.runs)} == before


# in a browser


@pytest.fixture(scope="module")
def chrome(chromium: str | None) -> Iterator[Browser]:
    with launched(chromium) as browser:
        yield browser


@pytest.fixture
def page(chrome: Browser, served: Served) -> Iterator[Page]:
    page = chrome.new_page(viewport={"width": 1440, "height": 1000})
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(served.url)
    opened(page)
    yield page
    page.close()
    assert complaints == []


def opened(page: Page) -> None:
    """The section, once it has come."""
    page.get_by_role("tab", name="New run").click()
    expect(page.locator("#new-command textarea")).to_have_value(command("jobs submit"), timeout=PATIENCE)


def choose(page: Page, field: str, option: str) -> None:
    page.locator(f"#new-{field} input").click()
    page.get_by_role("option", name=option, exact=True).click()


@pytest.mark.browser
def test_mistakes_stand_at_their_fields_until_they_are_mended(page: Page, served: Served) -> None:
    choose(page, "dataset", "faces")
    facts = page.locator("#new-facts")
    expect(facts.locator("tbody tr")).to_have_count(2, timeout=PATIENCE)
    expect(facts.locator("img")).to_have_count(6)
    card = page.locator("#new-card")
    expect(card).to_contain_text("Nothing keeps it from starting", timeout=PATIENCE)
    page.get_by_role("button", name="How it learns").click()
    expect(page.locator("#new-batch input")).to_have_value("64")
    page.locator("#new-batch input").fill("99999")
    expect(page.locator("#new-batch .info-text")).to_contain_text("must be from 1 to 1,024", timeout=PATIENCE)
    name = page.locator("#new-name").locator("input, textarea")
    name.fill("../x; $(id)")
    name.blur()
    expect(page.locator("#new-name .info-text")).to_contain_text("small letters", timeout=PATIENCE)
    expect(card.locator("li")).to_have_count(2)
    before = len(jobs.everything(served.shop.runs))
    page.locator("#new-launch").click()
    expect(card.locator("li")).to_have_count(2)
    assert len(jobs.everything(served.shop.runs)) == before

    name.fill("mended")
    name.blur()
    page.locator("#new-batch input").fill("8")
    choose(page, "length", "Steps")
    expect(page.locator("#new-amount input")).to_have_value("20000", timeout=PATIENCE)
    page.locator("#new-amount input").fill("30")
    expect(page.locator("#new-command textarea")).to_have_value(
        command("--name mended", "batch=8", "steps=30")
    )
    expect(card).to_contain_text("Nothing keeps it from starting", timeout=PATIENCE)
    assert page.locator("#new-batch .info-text").inner_text().startswith("Pictures a step")
    page.locator("#new-launch").click()
    expect(card).to_contain_text("is ordered", timeout=PATIENCE)
    newest = jobs.everything(served.shop.runs)[0]
    assert newest.order.name == "mended"
    assert {"batch=8", "steps=30"} <= set(newest.order.overrides)


@pytest.mark.browser
def test_what_is_typed_is_not_overwritten_by_a_late_answer(
    page: Page, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = page.locator("#new-command textarea")
    amount = page.locator("#new-amount input")
    assert amount.count() == 0, "the recipe says it"
    real, late = NewDesk.proposed, threading.Event()

    def proposed(desk: NewDesk, recipe: str, length: str) -> str:
        late.wait(PATIENCE / 1000)
        return real(desk, recipe, length)

    monkeypatch.setattr(NewDesk, "proposed", proposed)
    choose(page, "length", "Minutes")
    amount.fill("3")
    expect(line).to_have_value(command("minutes=3 "))
    with page.expect_response(lambda response: "/run/" in response.url):
        late.set()
    page.wait_for_timeout(500)
    expect(amount).to_have_value("3")
    # Of another length the proposal takes the place of what was there.
    choose(page, "length", "Steps")
    expect(amount).to_have_value("20000")
    expect(line).to_have_value(command("steps=20000 "))
    choose(page, "length", "Minutes")
    expect(amount).to_have_value("68")
    amount.fill("3")
    expect(line).to_have_value(command("minutes=3 "))
    choose(page, "recipe", "cnn (literature)")
    choose(page, "length", "Minutes")
    expect(amount).to_have_value("60")
    expect(line).to_have_value(command("literature/cnn", "minutes=60 "))


def command(*words: str) -> re.Pattern[str]:
    """What a command with all these words matches."""
    return re.compile("".join(f"(?=.*{re.escape(word)})" for word in words), re.DOTALL)


@pytest.mark.browser
def test_labels_become_a_dataset_while_the_page_is_away(
    page: Page, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    def prepare(words: list[str], stop: threading.Event, look: Any = lambda: None) -> None:
        """What the child would do, as far as the page sees it; the real one has tests of its own."""
        deadline = time.monotonic() + 120
        while not may_end.wait(0.05) and time.monotonic() < deadline:
            look()
        out = served.shop.settings.dataset_folders[0] / "of-labels"
        if words[0] == "prepare":
            assert words[words.index("--split") + 1] == "0.6,0.4,0"
            making.dataset(out, {"Asian": 2, "White": 2, "Indian": 2}, {"Asian": 2}, side=16)

    monkeypatch.setattr(child, "run", prepare)
    page.get_by_role("button", name="From the labels of the Label tab").click()
    expect(page.locator("#new-labelled")).to_contain_text("12 labelled pictures")
    folder = page.locator("#new-folder").locator("input, textarea")
    for _ in range(50):  # Gradio puts a field's first value back while it builds what an accordion holds
        folder.fill("../evil")
        page.wait_for_timeout(500)
        if folder.input_value() == "../evil":
            break
    page.locator("#new-make").click()
    expect(page.locator("#new-making .wrong")).to_contain_text("at most 60 letters", timeout=PATIENCE)
    page.locator("#new-folder").locator("input, textarea").fill("of-labels")
    page.locator("#new-meanings").locator("input, textarea").fill("Nepali=Indian")
    page.locator("#new-make").click()
    expect(page.locator("#new-making")).to_contain_text("Looking at the pictures", timeout=PATIENCE)
    page.reload()
    opened(page)
    expect(page.locator("#new-making progress")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#new-stop-making")).to_be_visible()
    may_end.set()
    expect(page.locator("#new-making")).to_contain_text("6 pictures to train on", timeout=PATIENCE)
    # It is chosen, and shown.
    expect(page.locator("#new-dataset input")).to_have_value("of-labels")
    expect(page.locator("#new-facts tbody tr")).to_have_count(3, timeout=PATIENCE)
    expect(page.locator("#new-stop-making")).to_have_count(0)


@pytest.mark.browser
def test_nothing_is_wider_than_the_page(page: Page, served: Served) -> None:
    choose(page, "dataset", "faces")
    expect(page.locator("#new-facts img")).to_have_count(6, timeout=PATIENCE)
    page.get_by_role("button", name="How it learns").click()
    expect(page.locator("#new-overrides textarea")).to_be_visible()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = page.evaluate(
            "[...document.querySelectorAll('#new-run button')].map((b) => b.getBoundingClientRect().width)"
        )
        assert max(sizes) <= width


def test_the_form_and_the_page_name_the_same_fields() -> None:
    assert set(view_new.FIELDS) >= {problem for problem in FIELDS if problem not in ("length", "amount")}
    assert form.NAME.fullmatch("a" * 40)
