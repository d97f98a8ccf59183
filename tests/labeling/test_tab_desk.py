"""The desk's events over HTTP: who gets photos and may decide, and what everybody else gets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from labeling import judging, tab_desk
from labeling.office import Office
from labeling.settings import LabelSettings
from tests.labeling.desks import put
from tests.labeling.filling import key

DEFAULTS: dict[str, list[Any]] = {
    "label_desk": [None, False],
    "label_next": [0, "uploaded", False, 1, []],
    "label_decide": ["", 0, "", None, "", None, None, "http"],
    "label_undo": ["", 0, False, True, "http"],
    "label_back": [0, False, None, 10],
    "label_hold": [[], False, []],
}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(LabelSettings(labels_folder=tmp_path, annotators="Sita", owners="Maya"))


@pytest.fixture
def client(office: Office) -> Iterator[TestClient]:
    with gr.Blocks() as page:
        page.show_error = False  # as the real page: what is no sentence for people stays in the log
        who = gr.Textbox()
        tab_desk.build(office, who)
    with TestClient(gr.routes.App.create_app(page)) as client:
        yield client


def ask(client: TestClient, event: str, *data: Any) -> Any:
    """The event's answer, or the sentence with which it was refused. What is left out at the end has its default."""
    given = [*data, *DEFAULTS[event][len(data) - 1 :]]
    answer = client.post(f"/gradio_api/run/{event}", json={"data": given})
    return answer.json()["data"][0] if answer.status_code == 200 else answer.json()["error"]


def test_a_program_labels_as_the_page_does(client: TestClient, office: Office) -> None:
    batch = put(office, 2)
    opened = ask(client, "label_desk", "Sita")
    assert (opened["role"], opened["batch"]) == ("annotator", batch.id)
    (item,) = ask(client, "label_next", "Sita", batch.id)["items"]
    assert item["picture"].startswith("data:image/jpeg;base64,")
    saved = ask(client, "label_decide", "Sita", key(), item["id"], "label", "Nepali")
    (event,) = judging.history(office.store, item["id"])
    assert (event.id, event.who, event.word, event.via) == (saved["event"], "Sita", "Nepali", "http")
    (back,) = ask(client, "label_back", "Sita", batch.id)["items"]
    assert back["mine"]["word"] == "Nepali"
    assert ask(client, "label_undo", "Sita", key(), batch.id)["undone"]["word"] == "Nepali"


@pytest.mark.parametrize("name", ["", "Eve", None, 17, ["Sita"]])
def test_nobody_else_gets_a_photo_or_changes_anything(
    client: TestClient, office: Office, name: object
) -> None:
    batch = put(office, 1)
    item = ask(client, "label_next", "Sita", batch.id)["items"][0]["id"]
    ask(client, "label_decide", "Sita", key(), item, "label", "Nepali")
    for event, data in {
        "label_next": [batch.id],
        "label_decide": [key(), item, "label", "White"],
        "label_undo": [key(), batch.id],
        "label_back": [batch.id],
        "label_hold": [[item], True],
    }.items():
        refused = ask(client, event, name, *data)
        assert isinstance(refused, str), event
        assert "picture" not in refused
    opened = ask(client, "label_desk", name)
    assert isinstance(opened, str) or set(opened) == {"who", "role", "sentence"}
    assert [event.word for event in judging.history(office.store, item)] == ["Nepali"]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("label_next", ["1"]),
        ("label_next", [10**30]),
        ("label_next", [1, "sideways"]),
        ("label_next", [1, "uploaded", False, 10**9, [1]]),
        ("label_next", [99]),
        ("label_decide", ["short", 1, "label", "Nepali"]),
        ("label_decide", ["long enough", 99, "label", "Nepali"]),
        ("label_decide", ["long enough", 10**30, "label", "Nepali"]),
        ("label_undo", ["long enough", 10**30]),
        ("label_decide", ["long enough", 1, "label", {"name": "Nepali"}]),
        ("label_decide", ["long enough", 1, "label", "Nepali", "", [1]]),
        ("label_decide", ["long enough", 1, "label", "Nepali", "", None, "soon"]),
        ("label_undo", ["x" * 65, 1]),
        ("label_back", [None]),
        ("label_back", [1, False, 10**30, -5]),
        ("label_hold", ["all"]),
        ("label_hold", [[1, 10**30, -3], False, [10**30]]),
        ("label_hold", [[], False, [99]]),
    ],
)
def test_odd_requests_get_a_sentence_and_leave_no_trace(
    client: TestClient, office: Office, event: str, data: list[Any]
) -> None:
    batch = put(office, 1)
    answer = ask(client, event, "Sita", *data)
    if isinstance(answer, dict):
        assert not answer.get("undone")
        assert len(answer.get("items", [])) <= 1, "a count that is too large is cut"
    else:
        assert isinstance(answer, str), "a sentence, and no bug"
        assert answer
    assert judging.mine(office.store, "Sita", batch.id) == []
