"""A real browser votes on pairs: by keyboard and by thumb, undoes, loses the network, comes back, and owners watch."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

from labeling import appeal, appeal_voting
from labeling.appeal import Study
from labeling.ranking import TRUTH
from tests.chromium import launched
from tests.labeling.atelier import OWN
from tests.labeling.voting import Voting, office, paint, served
from tests.untrained import some_models

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PATIENCE = 30_000  # milliseconds; the machine may be busy
READY = "() => window.rangin.appeal && window.rangin.appeal.since !== null && window.rangin.appeal.since !== undefined"


@pytest.fixture(scope="module", autouse=True)
def models() -> Iterator[tuple[str, ...]]:
    with some_models("cnn", "unet") as names:
        yield names


@pytest.fixture(scope="module")
def voting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voting]:
    with served(office(tmp_path_factory.mktemp("labels"))) as voting:
        yield voting


@pytest.fixture(scope="module")
def chrome(chromium: str | None) -> Iterator[Browser]:
    with launched(chromium) as browser:
        yield browser


@pytest.fixture
def study(voting: Voting, request: pytest.FixtureRequest) -> Iterator[Study]:
    """Ten photos, thirty pairs; closed behind the test, so that the next one sees its own only."""
    study = paint(voting.office, request.node.name[:60], [OWN, "cnn", TRUTH])
    yield study
    appeal.set_closed(voting.office.store, "Maya", study.id, True)


def arrive(chrome: Browser, voting: Voting, who: str, **options: object) -> Page:
    """Somebody says a name and opens the section; two pictures are there."""
    options = {"viewport": {"width": 1280, "height": 900}, **options}
    page = chrome.new_context(**options).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE)
    page.goto(voting.url)
    page.get_by_label("Your name").fill(who)
    page.get_by_label("Your name").press("Enter")
    open_section(page)
    return page


def open_section(page: Page) -> None:
    page.get_by_role("tab", name="Which looks more real?").click()
    expect(page.locator(".appeal-picture img")).to_have_count(2, timeout=PATIENCE)
    page.wait_for_function(READY)


def saved(page: Page) -> None:
    expect(page.locator(".appeal-saved")).to_have_text("All saved", timeout=PATIENCE)


def votes(voting: Voting, study: Study) -> list[tuple[str, str]]:
    return [(vote.who, vote.choice) for vote in appeal.votes_of(voting.office.store, study.id)]


def token(page: Page) -> str:
    return str(page.evaluate("window.rangin.appeal.current.token"))


def press(page: Page, key: str) -> None:
    page.wait_for_function(READY)
    page.keyboard.press(key)


def test_a_study_is_voted_through_by_keyboard(chrome: Browser, voting: Voting, study: Study) -> None:
    page = arrive(chrome, voting, "Bina")
    names, waits = {}, []
    total = int(page.locator(".appeal-counts").inner_text().split(" of ")[1].split()[0])
    keys = {"ArrowLeft": "left", "ArrowRight": "right", "t": "tie", "ArrowDown": "tie"}
    for place in range(total):
        page.wait_for_function(READY)
        names[token(page)] = list(keys.values())[place % 4]
        before = page.evaluate("performance.now()")
        page.keyboard.press(list(keys)[place % 4])
        if place < total - 1:
            page.wait_for_function(READY, polling=5)
            waits.append(page.evaluate("performance.now()") - before)
    expect(page.locator(".appeal-empty")).to_contain_text("You have seen all pairs")
    expect(page.get_by_role("status").filter(has_text="You have seen all pairs")).to_be_attached()
    saved(page)
    assert len(names) == total
    assert sorted(choice for _, choice in votes(voting, study)) == sorted(names.values())
    standing = appeal_voting.standing(voting.office.store, "Bina", study.id)
    assert standing.done == standing.total == total
    assert sorted(waits)[int(0.9 * len(waits))] < 1000, "the next pairs are loaded before they are needed"
    press_undo = page.get_by_role("button", name="Undo")
    press_undo.click()
    expect(page.locator(".appeal-empty")).to_be_hidden()
    page.context.close()


def test_undo_goes_back_by_key_also_after_a_reload(chrome: Browser, voting: Voting, study: Study) -> None:
    page = arrive(chrome, voting, "Chen")
    seen = []
    for _ in range(4):
        page.wait_for_function(READY)
        seen.append(token(page))
        page.keyboard.press("ArrowLeft")
    press(page, "u")
    assert token(page) == seen[3]
    press(page, "u")
    page.wait_for_function(READY)
    assert token(page) == seen[2]
    press(page, "ArrowRight")
    saved(page)
    assert [choice for _, choice in votes(voting, study)] == ["left", "left", "right"]
    page.wait_for_function(READY)
    assert token(page) == seen[3], "what was undone comes again"
    page.reload()
    open_section(page)
    expect(page.locator(".appeal-counts")).to_contain_text("3 of")
    press(page, "u")
    page.wait_for_function(f"() => window.rangin.appeal.current?.token === {seen[2]!r}")
    saved(page)
    assert [choice for _, choice in votes(voting, study)] == ["left", "left"]
    page.context.close()


def test_votes_without_a_network_wait_in_the_browser(chrome: Browser, voting: Voting, study: Study) -> None:
    page = arrive(chrome, voting, "Dina")
    page.wait_for_function("() => window.rangin.appeal.queue.length === 3")
    page.route("**/run/vote_*", lambda route: route.abort())
    for key in ("ArrowLeft", "ArrowRight"):
        press(page, key)
    expect(page.locator(".appeal-saved")).to_contain_text("2 votes not saved yet")
    assert votes(voting, study) == []
    page.on("dialog", lambda dialog: dialog.accept())
    page.unroute("**/run/vote_*")
    page.reload()
    page.get_by_role("tab", name="Which looks more real?").click()
    saved(page)
    expect(page.locator(".appeal-counts")).to_contain_text("2 of")
    assert [choice for _, choice in votes(voting, study)] == ["left", "right"]
    page.context.close()


def test_a_count_that_was_asked_for_before_a_vote_does_not_take_it_back(
    chrome: Browser, voting: Voting, study: Study
) -> None:
    page = arrive(chrome, voting, "Hana")
    page.wait_for_function("() => window.rangin.appeal.queue.length === 3")
    chosen: list[Route] = []
    counted: list[tuple[Route, APIResponse]] = []
    page.route("**/run/vote_choose", lambda route: chosen.append(route))
    page.route("**/run/vote_next", lambda route: counted.append((route, route.fetch())))
    press(page, "ArrowLeft")
    for arrived in (chosen, counted):
        while not arrived:
            page.wait_for_timeout(20)
    chosen[0].continue_()
    saved(page)
    late, answer = counted[0]
    assert '"done":0' in answer.text().replace(" ", "")
    page.unroute("**/run/vote_*")
    late.fulfill(response=answer)
    page.wait_for_function("() => window.rangin.appeal.queue.length === 3")
    expect(page.locator(".appeal-counts")).to_contain_text("1 of")
    page.context.close()


def test_two_people_vote_at_once_and_neither_sees_names(
    chrome: Browser, voting: Voting, study: Study
) -> None:
    pages = [arrive(chrome, voting, who) for who in ("Esha", "Firoz")]
    answers: list[str] = []
    for page in pages:
        page.on(
            "response", lambda answer: answers.append(answer.text()) if "/run/vote_" in answer.url else None
        )
    for _ in range(6):
        for page in pages:
            press(page, "ArrowRight")
    for page in pages:
        saved(page)
        shown = page.content()
        assert not any(f">{name}<" in shown or f'"{name}"' in shown for name in (OWN, "cnn"))
        page.context.close()
    assert len(answers) > 10
    assert not any(f'"{name}"' in answer for answer in answers for name in (OWN, "cnn", TRUTH, "wrong"))
    assert sorted(who for who, _ in votes(voting, study)) == ["Esha"] * 6 + ["Firoz"] * 6


def test_a_thumb_votes_on_a_phone_and_nothing_is_cut_off(
    chrome: Browser, voting: Voting, study: Study
) -> None:
    page = arrive(
        chrome,
        voting,
        "Gita",
        viewport={"width": 390, "height": 844},
        is_mobile=True,
        has_touch=True,
        color_scheme="dark",
        reduced_motion="reduce",
    )
    # The page brings the section before whoever comes to it.
    page.wait_for_function(
        "() => Math.abs(document.querySelector('#appeal').getBoundingClientRect().top) < 20"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    upper = page.get_by_role("button", name="Upper one")
    lower = page.get_by_role("button", name="Lower one")
    top, bottom = upper.bounding_box(), lower.bounding_box()
    assert top is not None
    assert bottom is not None
    assert top["y"] + top["height"] <= bottom["y"]
    assert min(top["width"], bottom["height"]) > 180
    foot = page.get_by_role("button", name="Can’t tell").bounding_box()
    assert foot is not None
    assert foot["height"] >= 44
    assert foot["y"] + foot["height"] < 844, "both pictures and the buttons are on one screen"
    for button in (upper, lower, page.get_by_role("button", name="Can’t tell")):
        page.wait_for_function(READY)
        button.tap()
    saved(page)
    assert [choice for _, choice in votes(voting, study)] == ["left", "right", "tie"]
    page.context.close()


def test_names_roles_and_keys_for_a_screen_reader(chrome: Browser, voting: Voting, study: Study) -> None:
    page = arrive(chrome, voting, "Hema")
    left = page.get_by_role("button", name="Left one", exact=True)
    assert left.get_attribute("aria-keyshortcuts") == "ArrowLeft"
    expect(page.get_by_role("heading", name="Which looks more real?")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Pairs that you have seen")).to_be_visible()
    expect(page.get_by_role("group", name="Two pictures of one photo")).to_be_visible()
    press(page, "ArrowLeft")
    status = page.locator("#appeal [role=status]")
    expect(status).to_contain_text(re.compile(r"Next pair: 2 of \d+"))
    left.focus()
    page.wait_for_function(READY)
    page.keyboard.press("Enter")
    saved(page)
    assert len(votes(voting, study)) == 2
    press(page, "Control+ArrowLeft")
    page.get_by_label("Your name").focus()
    page.keyboard.press("u")
    page.keyboard.press("ArrowLeft")
    assert len(votes(voting, study)) == 2, "what is typed elsewhere is no vote"
    page.context.close()


def test_an_owner_makes_a_study_sees_results_and_takes_the_csvs(
    chrome: Browser, voting: Voting, tmp_path: Path
) -> None:
    page = chrome.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(voting.url)
    page.get_by_label("Your name").fill("Maya")
    page.get_by_label("Your name").press("Enter")
    page.get_by_role("tab", name="Which looks more real?").click()
    expect(page.locator("#appeal")).to_contain_text("No study takes votes now")
    page.get_by_role("button", name="New study").click()
    expect(page.get_by_label("The photo itself, where it is in colour")).to_be_checked()
    page.get_by_label("cnn", exact=True).check()
    page.get_by_label("Name of the study").fill("=Made here")
    page.get_by_role("button", name="Studies and results").click()
    page.get_by_role("button", name="Make the study").click()
    expect(page.locator("#appeal-new-message")).to_contain_text("formula")
    page.get_by_label("Name of the study").fill("Made here")
    page.locator("#appeal-batch input").click()
    page.get_by_role("option", name="Village").click()
    page.get_by_role("button", name="Make the study").click()
    expect(page.locator("#appeal-shown")).to_contain_text("30 pairs", timeout=2 * PATIENCE)
    expect(page.locator("#appeal-shown")).to_contain_text("Nobody has voted yet")
    expect(page.locator(".appeal-picture img")).to_have_count(2, timeout=PATIENCE)
    for key in ("ArrowLeft", "ArrowRight", "t"):
        press(page, key)
    saved(page)
    page.get_by_label("Leave out who misses the wrong colours").uncheck()
    expect(page.locator("#appeal-shown")).to_contain_text("by 1 person")
    page.get_by_role("button", name="Make the CSVs").click()
    with page.expect_download() as download:
        page.get_by_text("Download the votes").click()
    assert download.value.suggested_filename == "Made-here-votes.csv"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.count("\n") == 4
    assert "Maya" in text
    page.get_by_role("button", name="Close to votes").click()
    expect(page.get_by_role("button", name="Open to votes again")).to_be_visible()
    assert not appeal.find(voting.office.store, "Made here").is_open
    press(page, "ArrowLeft")
    expect(page.locator(".appeal-saved")).to_contain_text("This study takes no more votes")
    page.context.close()
