"""The Train tab as on a Space: who isn't signed in as its owner gets nothing from any event, whatever is sent."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.labeling.space import Provider, Space, space
from train.access import SIGN_IN
from train.desk_new import FIELDS
from train.jobs import job as jobs
from train.jobs.job import Order, State

NAME = "quiet-monsoon"
"""Of the run that visitors never hear of."""
DATASET = "portraits-nobody-knows"
# What everybody may ask; it tells nothing of runs, datasets or this machine.
OPEN = {"_welcome", "_arrive", "_check_login_status"}
TEXTS = {"api", "textbox", "dropdown", "html", "state", "code"}
"""Kinds of widgets that take any text; of the others Gradio makes sure that it is one of theirs."""
OF_A_RUN = {"_promote", "_publish", "train_promote", "train_publish"}
"""Events that take more than a run; with one that there is they go further."""
OF_A_FORM = {"train_check", "train_start"}
TOLD = ("run", "compared", "value", "dataset", "index")
HOSTILE = (
    "../../../../../../../../etc/passwd",
    "x'; touch pwned; \"$(touch pwned)`touch pwned`\na\r\n--out=pwned\ntrain.out=../pwned\x00",
    "<img src=x onerror=alert(1)>\u202eरिता" + "x" * 20_000,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders with a run, a dataset, and something beside them."""
    folder = tmp_path_factory.mktemp("space")
    for name in ("labels", "runs", f"datasets/{DATASET}/images", "outside"):
        (folder / name).mkdir(parents=True)
    (folder / "outside/job.json").write_text("{}")
    (folder / "datasets" / DATASET / "train.csv").write_text("imageName,ethnicity\na.jpg,White\n")
    job = jobs.create(Order(name=NAME, recipe="fast", who="maya", dataset=DATASET), folder / "runs")
    jobs.change(job.folder, state=State.STOPPED, sentence=f"{NAME} was stopped.")
    (job.folder / "output.txt").write_text(f"a line of {NAME}\n")
    return folder


@pytest.fixture(scope="module")
def page(world: Path) -> Iterator[Space]:
    settings = {
        "RANGIN_RUNS": str(world / "runs"),
        "RANGIN_DATASETS": str(world / "datasets"),
        "RANGIN_TRAINING": "ram",
        "SPACE_AUTHOR_NAME": "maya",
    }
    with (
        Provider() as provider,
        space(world / "labels", provider, "tests.jobs.space_page", **settings) as page,
    ):
        yield page


def run_id(world: Path) -> str:
    return next(path.name for path in (world / "runs").iterdir() if path.name.startswith(NAME))


def state(world: Path) -> dict[str, str]:
    """Every file that a visitor could have made, changed or deleted, but for locks and the page's own log."""
    paths = (path for path in sorted(world.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(world)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if not path.name.endswith((".lock", "-wal", "-shm")) and path.name != "space.log"
    }


def fire(page: Space, event: dict[str, Any], given: list[Any], cookie: str, told: str = "") -> str:
    """What an event answers, by the shorter way where there is one.

    Args:
        told: what a page's script would tell with its event.
    """
    if event["queue"]:
        return json.dumps(page.join(event["id"], given, cookie), ensure_ascii=False)
    body = {"data": given, "event_data": dict.fromkeys(TOLD, told)}
    return page.post(f"run/{event['api_name']}", body, cookie).text


def fitting(page: Space, event: dict[str, Any], text: str) -> list[Any]:
    """A value for each input of an event: where text is taken, this one."""
    widgets = {widget["id"]: widget for widget in page.config["components"]}
    kinds = [widgets[number] for number in event["inputs"]]
    return [text if one["type"] in TEXTS else one["props"].get("value") for one in kinds]


def once(page: Space) -> list[dict[str, Any]]:
    """The events with inputs; of those that are one, bound to each field of a form, the first."""
    events = {}
    for event in reversed(page.events()):
        name = event["api_name"]
        name = name.rstrip("_0123456789") if "_look" in name else name
        if event["inputs"]:
            events[(name, *event["inputs"])] = event
    return list(reversed(events.values()))


def as_html(page: Space, event: dict[str, Any], answer: str) -> str:
    """What of an answer a browser reads as HTML: errors, what goes into widgets that show it, and what explains one."""
    said = json.loads(answer)
    said = said.get("output") or said
    if not said.get("data"):
        return str(said.get("error"))
    widgets = {widget["id"]: widget["type"] for widget in page.config["components"]}
    values = list(zip(event["outputs"], said["data"], strict=False))
    read = [value for number, value in values if widgets[number] in ("html", "markdown")]
    explained = [value.get("info") for _, value in values if isinstance(value, dict)]
    return json.dumps([*read, *explained])


@pytest.mark.parametrize("account", [None, "hari"])
def test_no_event_tells_or_does_anything_for_a_stranger(
    page: Space, world: Path, account: str | None
) -> None:
    """Each is fired, by name and by number, with what would work for the owner."""
    cookie = page.sign_in(account) if account else ""
    why = "hari may not train here" if account else SIGN_IN
    before = state(world)
    refused: set[str] = set()
    joined: set[str] = set()
    for event in once(page) if account else page.events():
        given = fitting(page, event, run_id(world))
        answers = []
        if event["queue"] or (not account and event["api_name"].strip("_0123456789") not in joined):
            joined.add(event["api_name"].strip("_0123456789"))
            answers.append(json.dumps(page.join(event["id"], given, cookie), ensure_ascii=False))
        if not event["queue"]:
            answers.append(page.post(f"run/{event['api_name']}", {"data": given}, cookie).text)
        for answer in answers:
            assert NAME not in answer, event["api_name"]
            assert DATASET not in answer, event["api_name"]
            assert str(world) not in answer, event["api_name"]
            if why in answer and event["api_name"] not in OPEN:
                refused.add(event["api_name"])
        if event["inputs"] or event["api_visibility"] == "public":
            assert event["api_name"] in refused | OPEN, (event["api_name"], answers)
    assert {"train_start", "train_stop", "train_resume", "train_delete", "train_publish"} <= refused
    assert state(world) == before


def test_what_everybody_loads_knows_nothing_of_runs_and_datasets(page: Space, world: Path) -> None:
    for address in ("/", "/config", "/gradio_api/info"):
        said = httpx.get(f"{page.url}{address}", timeout=60).text
        for secret in (NAME, DATASET, str(world)):
            assert secret not in said, address


def test_the_page_says_who_may(page: Space) -> None:
    welcome = next(event for event in page.events() if event["api_name"] == "_welcome")
    for account, may in (("maya", True), ("ram", True), ("hari", False)):
        said = fire(page, welcome, [], page.sign_in(account))
        assert account in said
        assert ("may-train" in said) is may
    assert SIGN_IN in fire(page, welcome, [], "")


@pytest.mark.parametrize("account", ["maya", "ram"])
def test_the_owner_and_named_accounts_see_the_runs(page: Space, world: Path, account: str) -> None:
    status, said = page.run("train_runs", cookie=page.sign_in(account))
    assert status == 200
    assert run_id(world) in json.dumps(said)


def test_a_page_of_another_site_cannot_use_the_owners_session(page: Space, world: Path) -> None:
    before = state(world)
    headers = {"Cookie": page.sign_in("maya"), "Sec-Fetch-Site": "cross-site"}
    for name in ("train_runs", "train_delete"):
        data = [run_id(world)] if name == "train_delete" else []
        answer = httpx.post(f"{page.url}/gradio_api/run/{name}", json={"data": data}, headers=headers)
        assert answer.status_code == 500
        assert "another site" in answer.json()["error"]
    assert state(world) == before


def test_the_visitors_token_reaches_the_events_that_ask_for_it_and_no_other(page: Space) -> None:
    def known(name: str, cookie: str, **more: str) -> str:
        return page.post(f"run/{name}", {"data": [], **more}, cookie).json()["data"][0]

    for account in ("maya", "ram"):
        cookie = page.sign_in(account)
        theirs = hashlib.sha256(page.provider.tokens[account].encode()).hexdigest()
        assert known("train_token", cookie) == theirs
        # Of who is signed in, whatever else the request brings along.
        assert known("train_token", cookie, oauth_token="hf_of_another") == theirs
        assert known("train_no_token", cookie) == hashlib.sha256(b"").hexdigest()
    assert page.run("train_token") == (500, SIGN_IN)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_names_paths_and_overrides_full_of_tricks_are_refused_or_harmless(
    page: Space, world: Path, hostile: str
) -> None:
    """Through every input of every event, by one who may train."""
    cookie = page.sign_in("maya")
    before = state(world)
    for event in once(page):
        tricks = fitting(page, event, hostile)
        sent = [tricks]
        if event["api_name"] in OF_A_RUN:
            sent.append([run_id(world), *tricks[1:]])
        if event["api_name"] in OF_A_FORM:
            sent.append([dict.fromkeys(FIELDS, hostile)])
        if event["api_name"] == "train_start" and "touch" in hostile:
            sent += [[{name: hostile}] for name in FIELDS]
        for given in sent:
            answer = fire(page, event, given, cookie, hostile)
            assert "root:x:0" not in answer, event["api_name"]
            assert "<img src=x" not in as_html(page, event, answer), event["api_name"]
            assert '"error":null' not in answer.replace(" ", ""), (event["api_name"], given)
    after = state(world)
    assert set(before) <= set(after)
    assert {name: after[name] for name in before} == before
    assert not [name for name in set(after) - set(before) if not name.startswith(("runs/", "datasets/"))]
    assert not list(world.rglob("*pwned*"))
    assert not (REPOSITORY / "pwned").exists()
