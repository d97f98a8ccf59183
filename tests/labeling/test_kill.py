"""What the page has shown as saved is there after the server was killed without a warning."""

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from PIL import Image

from labeling import judging, outcome
from labeling.settings import LabelSettings
from labeling.store import open_store
from tests.app_process import AppProcess


class Server(AppProcess):
    """`python app.py` with a labels' folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__({"RANGIN_LABELS_FOLDER": folder})

    def run(self, name: str, *given: Any) -> Any:
        """One call of an event."""
        body = json.dumps({"data": given}).encode()
        request = Request(f"{self.url}/gradio_api/run/{name}", body, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=60) as answer:
                return json.load(answer)["data"][0]
        except HTTPError as error:
            pytest.fail(f"{name}: {error.read().decode()}")


def add_photos(folder: Path, count: int) -> int:
    """A batch with drawn photos; its number."""
    from labeling import batches
    from labeling.photos import PhotoFolder

    store = open_store(LabelSettings(labels_folder=folder))
    batch = batches.create(store, "Maya", "drawn", "drawn by a test", "CC0", "nobody is in them")
    photos = PhotoFolder(folder / "photos")
    kept = []
    for number in range(count):
        file = folder / "drawn.png"
        Image.new("L", (64, 64), number).save(file)
        kept.append(photos.keep(file.read_bytes(), f"drawn {number}.png"))
    batches.add_photos(store, batch.id, kept)
    store.close()
    return batch.id


@pytest.mark.slow
def test_a_label_that_was_answered_survives_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    batch = add_photos(folder, 12)
    server = Server(folder)
    try:
        server.start()
        items = server.run("label_next", "Maya", batch, "uploaded", False, 10, [])["items"]
        assert len(items) == 10
        for number, item in enumerate(items[:7]):
            answer = server.run("label_decide", "Maya", f"kill-{number:06d}", item["id"], "label", "Nepali")
            assert answer["event"] > 0
    finally:
        server.kill()
    store = open_store(LabelSettings(labels_folder=folder))
    found = outcome.votes(store, batch)
    assert [(one.item, one.outcome) for one in found] == [(item["id"], "Nepali") for item in items[:7]]
    # And the page that comes back goes on: a request that was under way is sent again and is not doubled.
    again = judging.judge(store, "kill-000006", "Maya", items[6]["id"], "label", "Nepali")
    assert again.is_repeat
    store.close()


def test_where_labels_can_not_be_kept_the_page_colorizes_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import app
    from colorizer.desk import Desk
    from labeling.settings import get_label_settings

    monkeypatch.setenv("RANGIN_LABELS_DATABASE", "mysql://somewhere/labels")
    monkeypatch.setattr(Desk, "warm", lambda self: None)
    get_label_settings.cache_clear()
    try:
        page = app.build(Desk(tmp_path))
    finally:
        get_label_settings.cache_clear()
    names = {event["api_name"] for event in page.config["dependencies"]}
    assert "colorize" in names
    assert not {name for name in names if str(name).startswith("label_")}
    said = " ".join(str(component["props"].get("value")) for component in page.config["components"])
    assert "Labelling is closed: Labels can be kept in SQLite or PostgreSQL" in said
