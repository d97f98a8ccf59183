"""Two lives of a Space: the page labels, is stopped, loses its disk, starts again elsewhere, and has every label."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from labeling import batches
from labeling.photos import PhotoFolder
from labeling.settings import LabelSettings
from labeling.store import open_store
from tests.conftest import REPOSITORY
from tests.labeling.hub_server import LocalHub

REPO = "maya/labels"


@contextmanager
def life(folder: Path, hub: LocalHub) -> Iterator[str]:
    """`python app.py`, until it is asked to stop as a host does it; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.token,
        "RANGIN_LABELS_REPO": REPO,
        "RANGIN_LABELS_FOLDER": str(folder),
        "RANGIN_LABELS_PUSH_MINUTES": "60",  # what is pushed is pushed at the end
        "GRADIO_SERVER_PORT": str(port),
    }
    log = (folder.parent / f"{folder.name}.log").open("w+")
    page = subprocess.Popen(
        [sys.executable, "app.py"], cwd=REPOSITORY, env=environment, stdout=log, stderr=log
    )
    try:
        end = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/config", timeout=30).raise_for_status()
                break
            except httpx.HTTPError:
                assert page.poll() is None, Path(log.name).read_text()
                assert time.monotonic() < end
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/gradio_api/run/"
        page.send_signal(signal.SIGTERM)
        page.wait(60)
        said = Path(log.name).read_text()
        assert "Traceback" not in said, said
    finally:
        page.kill()
        log.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_what_was_labelled_before_a_stop_is_there_after_a_start_elsewhere(tmp_path, grace_hopper, astronaut):
    from PIL import Image

    first = tmp_path / "first"
    settings = LabelSettings(labels_folder=first)
    store = open_store(settings)
    photos = PhotoFolder(first / "photos")
    Image.fromarray(astronaut).save(tmp_path / "eileen.png")
    kept = [
        photos.keep(path.read_bytes(), name)
        for path, name in ((grace_hopper, "grace.jpg"), (tmp_path / "eileen.png", "आइलिन.png"))
    ]
    batch = batches.create(store, "Maya", "Pioneers", "NASA, US Navy", "public domain", "public figures")
    batches.add_photos(store, batch.id, kept)
    store.close()
    with LocalHub() as hub:
        with life(first, hub) as url:
            for item, label in ((1, "White"), (2, "unsure")):
                data = ["Sita", f"key-of-item-{item}", item, "label", label]
                answer = httpx.post(f"{url}label_decide", json={"data": data}, timeout=60)
                assert answer.status_code == 200, answer.text
        sent = hub.files(REPO)
        assert sum(name.startswith("photos/") for name in sent) == 2
        second = tmp_path / "second"
        with life(second, hub) as url:
            answer = httpx.post(f"{url}label_back", json={"data": ["Sita", batch.id]}, timeout=60)
            assert answer.status_code == 200, answer.text
            assert "White" in answer.text
            assert "unsure" in answer.text
    assert {path.name for path in (second / "photos").rglob("*.*")} == {
        path.name for path in (first / "photos").rglob("*.*")
    }
    csv = next((second / "csv").glob("*.csv")).read_text()
    assert "grace.jpg,White" in csv
    assert "आइलिन.png,unsure" in csv
