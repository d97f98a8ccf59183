"""The section "Runs" as it is served: what programs get, and a real browser that looks, waits, compares and presses."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from tests import runs as tiny
from tests.chromium import launched
from tests.jobs import shown
from train import promote
from train.desk_runs import Asked, Shown
from train.jobs import engines, registry
from train.jobs import job as jobs
from train.jobs.job import Hardware, Order, State

pytestmark = pytest.mark.timeout(300)

PATIENCE = 30_000  # milliseconds; the machine may be busy
REAL = engines.get
IS_AT_THE_END = """() => {
  const box = document.querySelector('#run-log .html-container').getBoundingClientRect();
  const log = document.querySelector('#run-log pre').getBoundingClientRect();
  return log.height > box.height && Math.abs(log.bottom - box.bottom) < 4;
}"""


@pytest.fixture(scope="module")
def still() -> Iterator[shown.Still]:
    """An engine that leaves jobs as their folders say."""
    engine = shown.Still()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "get", lambda name: engine)
        yield engine


@pytest.fixture(scope="module")
def showing(still: shown.Still, tmp_path_factory: pytest.TempPathFactory) -> Iterator[shown.Showing]:
    with shown.served(tmp_path_factory.mktemp("jobs") / "runs") as showing:
        yield showing


@pytest.fixture
def runs(showing: shown.Showing, still: shown.Still) -> Iterator[Path]:
    """The folder of runs, empty before and behind each test."""
    yield showing.shop.runs
    still.asked.clear()
    for job in jobs.everything(showing.shop.runs):
        registry.trash.put(job.folder)


@pytest.fixture(scope="module")
def chrome(chromium: str | None) -> Iterator[Browser]:
    with launched(chromium) as browser:
        yield browser


@pytest.fixture
def page(chrome: Browser, showing: shown.Showing) -> Iterator[Page]:
    """Somebody at a desk."""
    page = chrome.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(showing.url)
    yield page
    page.close()
    # Of the report whose script its frame keeps from running.
    assert [said for said in complaints if "Blocked script execution" not in said] == []


def opened(page: Page, said: str) -> Page:
    """The section, once a run's head is there that says this."""
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator("#run-head")).to_contain_text(said, timeout=PATIENCE)
    return page


def entry(page: Page, job: jobs.Job) -> Any:
    return page.locator(f'button[data-run="{job.id}"]')


# programs


def test_programs_get_runs_and_stop_resume_and_delete_them(
    showing: shown.Showing, runs: Path, still: shown.Still
) -> None:
    job = shown.put(runs, "mine", State.RUNNING, 200, log="line 1\nline 2")
    status, found = showing.call("train_runs")
    assert (status, [one["id"] for one in found["runs"]]) == (200, [job.id])
    status, found = showing.call("train_run", job.id, 1)
    assert (status, found["state"], found["step"], found["log"]) == (200, "running", 200, "line 2")
    assert showing.call("train_stop", job.id)[0] == 200
    assert still.asked == [("cancel", job.id)]
    jobs.change(job.folder, state=State.STOPPED)
    assert showing.call("train_resume", job.id)[0] == 200
    assert still.asked[-1] == ("submit", job.id)
    jobs.change(job.folder, state=State.STOPPED)
    assert showing.call("train_delete", job.id)[0] == 200
    assert not job.folder.exists()


@pytest.mark.parametrize("run", ["../runs", "/etc/passwd", "$(id)", "a;b", "", 'x"y', "a\nb", 7, None, ["a"]])
def test_an_id_that_is_none_is_answered_with_a_sentence(showing: shown.Showing, runs: Path, run: Any) -> None:
    job = shown.put(runs, "mine", State.FINISHED, 100)
    shown.finish(job)
    for event, more in (
        *(("train_run", []), ("train_stop", []), ("train_resume", []), ("train_evaluate", [])),
        *(("train_delete", []), ("train_promote", ["x", True]), ("train_publish", ["user/name", True])),
    ):
        status, said = showing.call(event, run, *more)
        assert status == 500, event
        assert said, event
        assert "Traceback" not in said
    assert job.folder.is_dir()


def test_nothing_of_the_runs_stands_in_the_page_before_somebody_asked(
    showing: shown.Showing, runs: Path
) -> None:
    import httpx

    shown.put(runs, "very-secret", State.FINISHED, 100)
    assert "very-secret" not in httpx.get(f"{showing.url}config").text


# a browser


@pytest.mark.browser
def test_a_run_is_watched_as_it_goes_on_and_the_page_rests_when_it_is_over(
    showing: shown.Showing, runs: Path, page: Page
) -> None:
    job = shown.put(runs, "mine", State.RUNNING, 260, log="step 260")
    shown.paint(job, [100, 200])
    opened(page, "Step 260 of 1,000")
    expect(page.locator("#run-head progress")).to_have_attribute("value", "0.2600")
    curve = page.locator(".curve svg").first
    expect(curve).to_have_attribute("aria-label", re.compile("at step 260"))
    entry(page, job).focus()
    shown.train_to(job, 340)
    shown.paint(job, [100, 200, 300])
    (job.folder / "output.txt").write_text("step 340 <b>", encoding="utf-8")
    expect(page.locator("#run-head")).to_contain_text("Step 340 of 1,000")
    expect(curve).to_have_attribute("aria-label", re.compile("at step 340"))
    expect(page.locator("#run-log")).to_contain_text("step 340 <b>")
    expect(page.locator("#run-strip")).to_contain_text("Painted at step 300")
    assert page.evaluate("document.activeElement.dataset.run") == job.id, "the focus stays where it was"
    (job.folder / "output.txt").write_text("\n".join(f"step {k}" for k in range(150)), encoding="utf-8")
    expect(page.locator("#run-log")).to_contain_text("step 149")
    assert page.evaluate(IS_AT_THE_END), "the log is seen from its end"
    jobs.change(job.folder, state=State.FINISHED, sentence="Finished after 340 steps.")
    expect(page.locator("#run-head")).to_contain_text("Finished after 340 steps.")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/run/" in request.url else None)
    page.wait_for_timeout(3000)
    assert asked == [], "what is over is not asked about"


@pytest.mark.browser
def test_a_late_answer_undoes_no_choice(
    showing: shown.Showing, runs: Path, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shown.put(runs, "one", State.RUNNING, 100, age=900)
    two = shown.put(runs, "two", State.RUNNING, 100)
    opened(page, "two")
    real = showing.desk.show
    late = threading.Event()

    def slow(asked: Asked) -> Shown:
        answer = real(asked)
        if asked.run == two.id:
            late.wait(PATIENCE / 1000)
        return answer

    monkeypatch.setattr(showing.desk, "show", slow)
    with page.expect_request(lambda request: "/run/" in request.url):
        pass  # the page asks for `two` again, and gets no answer yet
    entry(page, one).click()
    late.set()
    expect(page.locator("#run-head h3")).to_contain_text("one")
    page.locator(f'input[data-compare="{two.id}"]').check()
    expect(page.locator(".curve-legend li")).to_have_count(4)
    monkeypatch.undo()
    shown.train_to(one, 200)
    expect(page.locator("#run-head")).to_contain_text("Step 200 of 1,000")
    expect(page.locator("#run-head h3")).to_contain_text("one")


@pytest.mark.browser
def test_nothing_is_asked_while_another_tab_is_shown(showing: shown.Showing, runs: Path, page: Page) -> None:
    job = shown.put(runs, "mine", State.RUNNING, 100)
    opened(page, "Step 100")
    page.get_by_role("tab", name="Elsewhere").click()
    page.wait_for_timeout(500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/run/" in request.url else None)
    page.wait_for_timeout(3000)
    assert asked == []
    new = shown.put(runs, "new", State.WAITING)
    opened(page, "new")
    page.wait_for_timeout(1000)
    expect(page.locator("#run-head")).to_contain_text("new")
    entry(page, job).click()
    expect(page.locator("#run-head")).to_contain_text("Step 100")
    shown.train_to(job, 200)
    page.get_by_role("tab", name="Elsewhere").click()
    opened(page, "Step 200")
    assert entry(page, new).get_attribute("aria-current") is None, "what was chosen stays chosen"


@pytest.mark.browser
def test_curves_of_several_runs_lie_over_one_another_also_after_a_reload(
    showing: shown.Showing, runs: Path, page: Page
) -> None:
    old = shown.put(runs, "old", State.FINISHED, 600, age=900)
    new = shown.put(runs, "new", State.FINISHED, 400)
    opened(page, "new")
    expect(page.locator(".curve-legend li")).to_have_text(["training", "validation"])
    page.locator(f'input[data-compare="{old.id}"]').check()
    expect(page.locator(".curve-legend li")).to_have_count(4)
    expect(page.locator(".curve").nth(1).locator("circle")).to_have_count(10)
    page.locator(f'input[data-compare="{old.id}"]').uncheck()
    expect(page.locator(".curve-legend li")).to_have_count(2)
    entry(page, old).click()
    expect(page.locator("#run-head h3")).to_contain_text("old")
    expect(entry(page, old)).to_have_attribute("aria-current", "true")
    page.reload()
    opened(page, "new")
    assert entry(page, new).get_attribute("aria-current") == "true"


@pytest.mark.browser
def test_samples_are_looked_at_over_the_epochs(showing: shown.Showing, runs: Path, page: Page) -> None:
    job = shown.put(runs, "mine", State.FINISHED, 400)
    shown.paint(job, [100, 200, 300, 400])
    opened(page, "mine")
    expect(page.locator("#run-strip")).to_contain_text("Painted at step 400")
    seen = page.locator("#run-strip img").nth(1).get_attribute("src")
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#run-strip")).to_contain_text("Painted at step 300")
    assert page.locator("#run-strip img").nth(1).get_attribute("src") != seen
    loaded = "img => img.complete && img.naturalWidth > 0"
    assert all(page.locator("#run-strip img").nth(k).evaluate(loaded) for k in range(3))


@pytest.mark.browser
def test_a_run_is_stopped_resumed_and_deleted(
    showing: shown.Showing, runs: Path, still: shown.Still, page: Page
) -> None:
    job = shown.put(runs, "mine", State.RUNNING, 100)
    opened(page, "mine")
    expect(page.get_by_role("button", name="Delete…")).to_be_hidden()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#run-status")).to_contain_text("asked to stop")
    expect(page.locator("#run-head .state")).to_contain_text("stopping")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
    jobs.change(job.folder, state=State.STOPPED, sentence="Stopped on request.")
    expect(page.locator("#run-head .state")).to_contain_text("stopped")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#run-head .state")).to_contain_text("waiting")
    assert still.asked == [("cancel", job.id), ("submit", job.id)]
    jobs.change(job.folder, state=State.LOST, sentence="Its process vanished.")
    expect(page.locator("#run-head .trouble")).to_have_text("Its process vanished.")
    page.get_by_role("button", name="Delete…").click()
    expect(page.locator("#run-deleting")).to_contain_text(job.id)
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#run-deleting")).to_be_hidden()
    assert job.folder.is_dir()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#runs-list")).to_contain_text("No runs yet")
    expect(page.locator("#run-head h3")).to_have_count(0)
    assert not job.folder.exists()


@pytest.mark.browser
def test_a_question_about_a_run_that_is_gone_is_not_answered_for_another(
    showing: shown.Showing, runs: Path, page: Page
) -> None:
    dear = shown.put(runs, "dear", State.FINISHED, 100, age=900)
    gone = shown.put(runs, "gone", State.STOPPED, 100)
    opened(page, "gone")
    page.get_by_role("button", name="Delete…").click()
    delete = page.get_by_role("button", name="Delete it")
    expect(delete).to_be_visible()
    registry.delete(gone)  # by somebody else
    delete.click()
    expect(page.locator("#run-message")).to_contain_text("There is no job")
    expect(page.locator("#run-head h3")).to_contain_text("dear")
    expect(delete).to_be_hidden()
    assert dear.folder.is_dir()


@pytest.mark.browser
def test_an_error_is_said_beside_the_buttons(
    showing: shown.Showing, runs: Path, still: shown.Still, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.put(runs, "mine", State.STOPPED, 100)
    opened(page, "mine")
    monkeypatch.setattr(still, "unavailable", lambda: "Slurm doesn’t answer <here>.")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#run-message")).to_contain_text("Slurm doesn’t answer <here>.")
    assert still.asked == []


@pytest.mark.browser
def test_a_worse_model_asks_again_before_it_is_promoted(
    showing: shown.Showing, runs: Path, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shown.put(runs, "mine", State.FINISHED, 100)
    shown.finish(job)
    calls: list[tuple[Any, ...]] = []

    def fake(folder: Path, name: str, as_default: bool, confirmed: bool) -> promote.Promoted:
        calls.append((folder.name, name, as_default, confirmed))
        if not confirmed:
            raise promote.NeedsConfirmation(["It is 2.00 dB worse than <default>."], None)
        return promote.Promoted(name, folder, as_default, None, "")

    monkeypatch.setattr(promote, "promote", fake)
    opened(page, "mine")
    page.get_by_role("button", name="Promote…").click()
    expect(page.get_by_label("Name in Colorize")).to_have_value("mine")
    page.get_by_label("Name in Colorize").fill("portraits")
    page.get_by_label("Make it the default").check()
    page.get_by_role("button", name="Promote it").click()
    expect(page.locator("#run-asks")).to_contain_text("2.00 dB worse than <default>.")
    page.get_by_role("button", name="Promote all the same").click()
    expect(page.locator("#run-errand")).to_contain_text("mine is in Colorize as portraits.")
    expect(page.get_by_role("button", name="Promote all the same")).to_be_hidden()
    assert calls == [(job.id, "portraits", True, False), (job.id, "portraits", True, True)]


@pytest.mark.browser
def test_a_report_is_read_in_the_page_and_taken_away(showing: shown.Showing, runs: Path, page: Page) -> None:
    shown.finish(shown.put(runs, "mine", State.FINISHED, 100))
    opened(page, "mine")
    page.get_by_role("button", name="Show the report").click()
    frame = page.frame_locator("iframe.report")
    expect(frame.get_by_role("heading", name="Report of the run")).to_be_visible()
    assert page.evaluate("window.hacked === undefined")
    with page.expect_download() as download:
        page.get_by_text("Download the report").click()
    assert download.value.suggested_filename == "mine-report.html"
    page.get_by_role("button", name="Close the report").click()
    expect(page.locator("iframe.report")).to_have_count(0)


@pytest.mark.browser
def test_a_phone_has_room_for_all_of_it(chrome: Browser, showing: shown.Showing, runs: Path) -> None:
    jobs_there = [shown.put(runs, f"a-rather-long-name-for-a-run-{k}", State.FINISHED, 500) for k in range(8)]
    shown.paint(jobs_there[0], [100, 200])
    shown.finish(jobs_there[0])
    context = chrome.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(showing.url)
    opened(page, "a-rather-long-name")
    entry(page, jobs_there[0]).tap()
    expect(page.locator("#run-head h3")).to_contain_text("run-0")
    expect(page.locator("#run-strip img")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("Evaluate", "Show the report", "Promote…", "Publish…", "Delete…"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["height"] >= 40, name
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390, name
    context.close()


@pytest.mark.browser
@pytest.mark.slow
def test_a_real_run_is_seen_to_its_end(
    showing: shown.Showing, runs: Path, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "get", REAL)
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny.values(tmp_path, steps=12)), encoding="utf-8")
    order = Order(name="tiny", who="asha", recipe=str(recipe), hardware=Hardware(device="cpu"))
    job = registry.submit(order, showing.shop.settings, anywhere=True)
    opened(page, "tiny")
    expect(page.locator("#run-head .state")).to_contain_text("running", timeout=4 * PATIENCE)
    expect(page.locator("#run-head .state")).to_contain_text("finished", timeout=4 * PATIENCE)
    expect(page.locator("#run-head")).to_contain_text("Step 12 of 12")
    expect(page.locator("#run-head")).to_contain_text("PSNR")
    expect(page.locator(".curve svg").first).to_have_attribute("aria-label", re.compile("at step 12"))
    expect(page.locator("#run-strip img")).to_have_count(3)
    assert (job.folder / "tiny.safetensors").is_file()
    expect(page.get_by_role("button", name="Promote…")).to_be_visible()
