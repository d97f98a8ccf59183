"""Every training event checks who calls and by which way, over HTTP too: against a page that runs."""

import getpass
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import httpx
import pytest

from colorizer.errors import OptionError
from colorizer.tab_inputs import Page
from train.access import Person, TrainAccess
from train.settings import TrainSettings
from train.tab_events import guarded, login_button, publish

ME = getpass.getuser()


@dataclass
class Desk:
    """Does nothing but write down who did what."""

    done: list[tuple[str, Any]] = field(default_factory=list)

    def stop(self, person: Person, run: str, hard: bool = False) -> dict[str, Any]:
        """End a run."""
        if run == "bug":
            raise ZeroDivisionError("a secret of the server")
        if "<" in run:
            raise OptionError(f"There is no run {run}.")
        self.done.append((person.name, (run, hard)))
        return {"who": person.name, "run": run, "token": person.token}

    def count(self, person: Person, text: str) -> Iterator[str]:
        for letter in text:
            self.done.append((person.name, letter))
            yield letter

    def welcome(self, person: Person) -> dict[str, Any]:
        return {"name": person.name, "may": person.may_train, "why_not": person.why_not}


@dataclass
class Running:
    url: str
    desk: Desk
    hidden: int
    """The number of the generator's event, which has no name."""

    def post(self, what: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return httpx.post(f"{self.url}/gradio_api/{what}", json=body, headers=named, timeout=60)

    def call(self, name: str, *given: Any, **headers: str) -> tuple[int, Any]:
        answer = self.post(f"run/{name}", {"data": list(given)}, **headers)
        said = answer.json()
        return answer.status_code, said["data"][0] if answer.status_code == 200 else said["error"]

    def fire(self, *given: Any, **headers: str) -> str:
        """The hidden event by its number, as any script can; all that it answers."""
        session = f"hidden{len(self.desk.done)}{len(str(headers))}"
        body = {"fn_index": self.hidden, "data": list(given), "session_hash": session}
        joined = self.post("queue/join", body, **headers)
        assert joined.status_code == 200, joined.text
        url = f"{self.url}/gradio_api/queue/data?session_hash={session}"
        with httpx.stream("GET", url, timeout=60) as stream:
            lines: list[str] = []
            for line in stream.iter_lines():
                lines.append(line)
                if "process_completed" in line:
                    break
        return "\n".join(lines)


def run_page(access: TrainAccess, **launched: Any) -> Iterator[Running]:
    desk = Desk()
    with Page(analytics_enabled=False) as page:
        text, out, button = gr.Textbox(), gr.Textbox(), gr.Button(visible=False)
        publish(access, desk.stop, "train_stop")
        publish(access, desk.stop, "train_stop_with_token", with_token=True)
        publish(access, desk.welcome, "train_welcome", for_all=True)
        hidden = button.click(guarded(access, desk.count), [text], out, api_visibility="private")
    options = {"prevent_thread_lock": True, "quiet": True, "ssr_mode": False, **launched}
    _, url, _ = page.launch(**options)
    number = next(
        event["id"] for event in page.config["dependencies"] if event["api_visibility"] == "private"
    )
    assert hidden is not None
    yield Running(url.rstrip("/"), desk, number)
    page.close()


@pytest.fixture(scope="module")
def here() -> Iterator[Running]:
    """A page that listens on this machine only."""
    yield from run_page(TrainAccess(TrainSettings(), {}), server_name="127.0.0.1")


@pytest.fixture(autouse=True)
def _nothing_done(here: Running) -> None:
    here.desk.done.clear()


def test_a_program_on_this_machine_trains_under_the_computers_name(here: Running) -> None:
    assert here.call("train_stop", "run-1") == (200, {"who": ME, "run": "run-1", "token": None})
    assert here.call("train_stop", "run-1", True)[0] == 200
    assert '"process_completed"' in here.fire("ab")
    assert here.desk.done == [(ME, ("run-1", False)), (ME, ("run-1", True)), (ME, "a"), (ME, "b")]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        # Rebinding: for the browser it is the same site.
        {"host": "evil.example:7860", "sec_fetch_site": "same-origin", "origin": "http://evil.example:7860"},
        {"host": "127.0.0.1.evil.example"},
        {"x_forwarded_host": "evil.example"},
        {"x_forwarded_for": "8.8.8.8"},
        {"x_real_ip": "8.8.8.8"},
        {"forwarded": "for=8.8.8.8;host=evil.example"},
    ],
)
def test_other_sites_foreign_names_and_proxies_do_nothing(here: Running, headers: dict[str, str]) -> None:
    status, said = here.call("train_stop", "run-1", **headers)
    # Gradio itself already turns some of them away.
    assert status >= 400
    assert "run-1" not in json.dumps(said)
    if "sec_fetch_site" not in headers:
        assert status == 403 or "another site" in said or "Training is" in said
    assert here.desk.done == []


def test_an_event_without_a_name_checks_the_way_too(here: Running) -> None:
    for headers in ({"host": "evil.example"}, {"x_forwarded_for": "8.8.8.8"}):
        assert "Training is" in here.fire("ab", **headers)
    assert here.desk.done == []


def test_who_comes_by_another_name_is_told_so_and_not_whose_machine_it_is(here: Running) -> None:
    status, said = here.call("train_welcome", host="evil.example")
    assert (status, said["name"], said["may"]) == (200, "", False)
    assert "evil.example" in said["why_not"]
    assert here.call("train_welcome")[1] == {"name": ME, "may": True, "why_not": ""}


def test_a_token_that_a_caller_sends_is_no_ones(here: Running) -> None:
    """Gradio takes one in the body; where nobody signs in it would pass for a visitor's."""
    body = {"data": ["run-1"], "oauth_token": "hf_of_the_caller"}
    for name in ("train_stop", "train_stop_with_token"):
        answer = here.post(f"run/{name}", body)
        assert answer.status_code == 200
        assert answer.json()["data"][0]["token"] is None


@pytest.mark.parametrize("given", [(7,), (None,), (["run"],), ({},), ("run", "yes"), ("run", 1), ()])
def test_what_has_another_form_is_refused_with_the_parameters_name(
    here: Running, given: tuple[Any, ...]
) -> None:
    status, said = here.call("train_stop", *given)
    assert status == 500
    assert said.startswith(("`run`", "`hard`"))
    assert here.desk.done == []


@pytest.mark.parametrize("given", [["a\ud800b"], [["x", {"y": "\udfff"}]], [{"\ud800": 1}]])
def test_half_a_character_is_refused_wherever_it_stands(here: Running, given: list[Any]) -> None:
    content = json.dumps({"data": given})
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{here.url}/gradio_api/run/train_stop", content=content, headers=headers)
    assert answer.status_code == 500
    assert "half a character" in answer.json()["error"]
    assert here.desk.done == []


def test_sentences_are_text_and_bugs_tell_nothing(here: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert here.call("train_stop", "<img>") == (500, "There is no run &lt;img&gt;.")
    assert "Traceback" not in capsys.readouterr().err
    assert here.call("train_stop", "bug") == (500, None)
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("training", ["off", "nobody-of-this-name"])
def test_where_one_may_not_train_nothing_is_done(training: str) -> None:
    access = TrainAccess(TrainSettings(training=training), {})
    for page in run_page(access, server_name="127.0.0.1"):
        status, said = page.call("train_stop", "run-1")
        assert status == 500
        assert "train" in said.lower()
        assert "process_completed" in page.fire("ab")
        assert page.desk.done == []


def test_a_page_launched_for_others_after_all_lets_nobody_train() -> None:
    """The environment says nothing of it: what counts is what the page really listens on."""
    for page in run_page(TrainAccess(TrainSettings(), {}), server_name="0.0.0.0"):
        status, said = page.call("train_stop", "run-1")
        assert status == 500
        assert "RANGIN_TRAINING=everybody" in said
        assert page.desk.done == []


def test_everybody_may_where_that_is_said_and_other_sites_still_not() -> None:
    access = TrainAccess(TrainSettings(training="everybody"), {"GRADIO_SERVER_NAME": "0.0.0.0"})
    for page in run_page(access, server_name="0.0.0.0"):
        assert page.call("train_stop", "run-1", x_forwarded_for="192.168.1.9")[0] == 200
        assert page.call("train_stop", "run-1", sec_fetch_site="cross-site")[0] == 500
        assert page.call("train_stop", "run-1", host="evil.example")[0] == 500
        assert len(page.desk.done) == 1


def test_an_endpoint_says_where_it_belongs_and_what_it_takes() -> None:
    access = TrainAccess(TrainSettings(), {})
    with gr.Blocks():
        with pytest.raises(ValueError, match="train_"):
            publish(access, Desk().stop, "stop")
        with pytest.raises(TypeError, match="run"):
            publish(access, lambda person, run: None, "train_x")


def test_there_is_no_login_button_where_signing_in_means_nothing() -> None:
    with gr.Blocks() as page:
        assert login_button(TrainAccess(TrainSettings(), {})) is None
        assert login_button(TrainAccess(TrainSettings(), {"SPACE_ID": "maya/rangin"})) is None
    assert not page.expects_oauth
