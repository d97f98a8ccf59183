"""Every event checks who calls, over HTTP too: against a page that runs."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from colorizer.tab_inputs import Page
from labeling import tab
from labeling.access import Access, Person, Role
from labeling.errors import LabelError
from labeling.office import Office
from labeling.settings import LabelSettings
from labeling.tab_events import guarded, login_button, publish


@dataclass
class Desk:
    """Does nothing but write down who did what."""

    done: list[tuple[str, Any]] = field(default_factory=list)

    def judge(
        self,
        person: Person,
        item: int,
        kind: Literal["label", "skip"] = "label",
        shown: "dict[str, float] | None" = None,
    ) -> dict[str, Any]:
        """Save a judgement."""
        if item == 404:
            raise LabelError("Photo <b>404</b> isn't there.")
        if item == 500:
            raise ZeroDivisionError("a secret of the server")
        self.done.append((person.name, (item, kind, shown)))
        return {"who": person.name, "item": item}

    def me(self, person: Person) -> dict[str, Any]:
        return {"name": person.name, "may": [role.name for role in Role if person.can(role)]}

    def rename(self, person: Person, text: str) -> str:
        self.done.append((person.name, text))
        return f"{person.name}: {text}"


def count(desk: Desk, person: Person, text: str, progress: gr.Progress = gr.Progress()) -> Iterator[str]:  # noqa: B008
    for place, letter in enumerate(text):
        progress(place / len(text))
        desk.done.append((person.name, letter))
        yield f"{person.name} {letter}"


@dataclass
class Running:
    url: str
    desk: Desk

    def call(self, name: str, *given: Any, **headers: str) -> tuple[int, Any]:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = httpx.post(f"{self.url}gradio_api/run/{name}", json={"data": list(given)}, headers=named)
        said = answer.json()
        return answer.status_code, said["data"][0] if answer.status_code == 200 else said["error"]


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    desk = Desk()
    access = Access(LabelSettings(owners="Maya", annotators="Ram"), {})
    with Page(analytics_enabled=False) as page:
        who, text, out = gr.Textbox(), gr.Textbox(), gr.Textbox()
        button, counting, hidden = gr.Button(), gr.Button(), gr.Button(visible=False)
        publish(access, Role.ANNOTATOR, desk.judge, "label_judge")
        publish(access, Role.VISITOR, desk.me, "label_me")
        button.click(guarded(access, Role.OWNER, desk.rename), [who, text], out, api_name="label_rename")
        hidden.click(guarded(access, Role.OWNER, desk.rename), [who, text], out, api_visibility="private")
        counting.click(
            guarded(access, Role.OWNER, partial(count, desk)), [who, text], out, api_name="label_count"
        )
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_name="127.0.0.1")
    yield Running(url, desk)
    page.close()


@pytest.fixture(autouse=True)
def _nothing_done(served: Running) -> None:
    served.desk.done.clear()


def test_an_annotator_over_http_is_known_by_the_name(served):
    assert served.call("label_judge", "Ram", 7) == (200, {"who": "Ram", "item": 7})
    assert served.call("label_judge", " maya ", 8, "skip", {"White": 0.5})[0] == 200
    assert served.desk.done == [("Ram", (7, "label", None)), ("Maya", (8, "skip", {"White": 0.5}))]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Hari", "not on this project's list"),
        ("", "Say who you are"),
        (None, "Say who you are"),
        (["Ram"], "text"),
    ],
)
def test_others_over_http_get_a_sentence_and_do_nothing(served, name, why):
    status, said = served.call("label_judge", name, 7)
    assert status == 500
    assert why in said
    assert served.desk.done == []


def test_an_annotator_may_not_what_takes_an_owner(served):
    client = Client(served.url, verbose=False)
    with pytest.raises(AppError, match="Ram is not an owner"):
        client.predict("Ram", "new", api_name="/label_rename")
    with pytest.raises(AppError, match="Ram is not an owner"):
        client.predict("Ram", "new", api_name="/label_count")
    assert served.desk.done == []
    assert client.predict("Maya", "new", api_name="/label_rename") == "Maya: new"


def test_an_event_of_a_hidden_widget_checks_too(served):
    """By its number, past the list of named events, as any script can."""
    config = httpx.get(f"{served.url}config").json()
    hidden = next(
        event["id"]
        for event in config["dependencies"]
        if event["api_visibility"] == "private" and event["inputs"]
    )
    for name, status in (("Ram", "Ram is not an owner"), ("Maya", "Maya: new")):
        body = {"fn_index": hidden, "data": [name, "new"], "session_hash": f"hidden{name}"}
        assert httpx.post(f"{served.url}gradio_api/queue/join", json=body).status_code == 200
        url = f"{served.url}gradio_api/queue/data?session_hash=hidden{name}"
        with httpx.stream("GET", url) as stream:
            said = next(line for line in stream.iter_lines() if "process_completed" in line)
        assert status in said
    assert served.desk.done == [("Maya", "new")]


def test_a_generator_with_a_progress_bar_works_as_without(served):
    client = Client(served.url, verbose=False)
    assert list(client.submit("Maya", "नम", api_name="/label_count")) == ["Maya न", "Maya म"]


def test_anybody_may_ask_who_they_are(served):
    assert served.call("label_me", "") == (200, {"name": "", "may": ["VISITOR"]})
    assert served.call("label_me", "Ram") == (200, {"name": "Ram", "may": ["VISITOR", "ANNOTATOR"]})


@pytest.mark.parametrize(
    "given",
    [
        ("7",),
        (7.5,),
        (None,),
        (True,),
        ([7],),
        (7, "other"),
        (7, "label", {"White": "much"}),
        (7, "label", []),
        (),
    ],
)
def test_what_has_another_form_is_refused_with_the_parameters_name(served, given):
    status, said = served.call("label_judge", "Ram", *given)
    assert status == 500
    assert said.startswith(("`item`", "`kind`", "`shown`"))
    assert served.desk.done == []


def test_sentences_are_text_and_bugs_tell_nothing(served, capsys):
    assert served.call("label_judge", "Ram", 404) == (500, "Photo &lt;b&gt;404&lt;/b&gt; isn't there.")
    assert "Traceback" not in capsys.readouterr().err
    assert served.call("label_judge", "Ram", 500) == (500, None)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_page_of_another_site_does_nothing_in_a_visitors_name(served):
    ours = served.url.rstrip("/")
    for headers in (
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site", "origin": ours},
    ):
        status, said = served.call("label_judge", "Ram", 7, **headers)
        assert status == 500
        assert "another site" in said
    assert served.desk.done == []
    for headers in (
        {"sec_fetch_site": "same-origin", "origin": ours},
        {"origin": ours},
        {"origin": "https://rangin.example", "x_forwarded_host": "rangin.example"},
    ):
        assert served.call("label_judge", "Ram", 7, **headers)[0] == 200


def test_programs_see_names_types_and_what_it_does(served):
    client = Client(served.url, verbose=False)
    told = client.view_api(return_format="dict", print_info=False)["named_endpoints"]["/label_judge"]
    assert [one["parameter_name"] for one in told["parameters"]] == ["who", "item", "kind", "shown"]
    assert told["parameters"][1]["type"] == {"type": "integer"}
    assert told["description"] == "Save a judgement."
    assert client.predict("Ram", 3, api_name="/label_judge") == {"who": "Ram", "item": 3}


def test_an_act_that_could_be_misread_is_refused_when_the_page_is_built():
    access = Access(LabelSettings(), {})
    with gr.Blocks():
        with pytest.raises(TypeError, match="item"):
            publish(access, Role.ANNOTATOR, lambda person, item: None, "label_x")

        def asks_who(person: Person, who: str) -> None:
            """Its caller's `who` would be taken for the name."""

        with pytest.raises(TypeError, match="who"):
            publish(access, Role.ANNOTATOR, asks_who, "label_y")


def test_every_event_of_the_tab_is_guarded_and_few_let_everybody_in(tmp_path):
    """Whatever a section adds: an event that forgets to ask who calls fails here."""
    office = Office(LabelSettings(labels_folder=tmp_path))
    with gr.Blocks() as page:
        tab.build(office)
    calls = {event.api_name: event.fn for event in page.fns.values() if event.fn}
    takes = {name: call.takes for name, call in calls.items() if hasattr(call, "takes")}
    unguarded = {name: call for name, call in calls.items() if name not in takes}
    # Widgets that show and empty each other; what is bound to nothing can't tell or change anything.
    assert {name for name, call in unguarded.items() if _is_bound(call)} <= {"_nothing_asked"}
    assert len(takes) > 40
    assert takes["label_decide"] == Role.ANNOTATOR
    assert takes["label_settle"] == Role.OWNER
    office.store.close()


def _is_bound(call: Any) -> bool:
    return inspect.ismethod(call) or isinstance(call, partial) or bool(inspect.getclosurevars(call).nonlocals)


def test_there_is_no_login_button_outside_a_space():
    """Gradio's would sign everybody in as the account that this machine is logged in with."""
    with gr.Blocks() as page:
        assert login_button(Access(LabelSettings(sign_in="huggingface"), {})) is None
        assert login_button(Access(LabelSettings(), {})) is None
    assert not page.expects_oauth
