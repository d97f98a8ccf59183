"""The front door: what is decided about serving, and that the page is there before the model is."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import app
from colorizer.desk import Desk
from tests.serving import serve
from train.settings import get_train_settings

REPOSITORY = Path(__file__).parents[1]


def test_nothing_is_kept_or_opened_by_accident() -> None:
    options = app.launch_options()
    assert options["run_history"] is False
    assert options["allowed_paths"] == []
    assert options["strict_cors"] is True
    assert options["show_error"] is False
    assert options["max_file_size"] == 500_000_000


def test_what_training_cannot_open_closes_no_other_tab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder of runs that can't be made: the tab says so, and the page is there with its events."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RANGIN_RUNS", str(tmp_path / "file" / "runs"))
    get_train_settings.cache_clear()
    try:
        page = app.build(Desk(tmp_path))
    finally:
        get_train_settings.cache_clear()
    assert "Training stays closed" in caplog.text
    assert "Training is closed: The folder of runs" in str(page.get_config_file())
    names = {str(event.api_name) for event in page.fns.values()}
    assert {"colorize", "label_desk"} <= names
    assert not [name for name in names if name.startswith("train_")]


def test_uploads_and_results_are_deleted_after_an_hour() -> None:
    page = serve().page
    every, age = page.delete_cache
    assert age == 3600
    assert every <= 300
    assert page.analytics_enabled is False


def test_where_strangers_come_nobody_may_upload_more_than_a_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    from labeling.settings import get_label_settings

    monkeypatch.setenv("RANGIN_SIGN_IN", "huggingface")
    get_label_settings.cache_clear()
    try:
        assert app.launch_options()["max_file_size"] == 25_000_000
    finally:
        get_label_settings.cache_clear()


def test_the_theme_asks_no_other_server_for_fonts() -> None:
    css = app.theme()._get_theme_css().replace("http://www.w3.org/2000/svg", "")
    assert "http" not in css
    assert app.theme()._stylesheets == []


@pytest.mark.slow
def test_python_app_py_serves_the_page_and_leaves_no_files_when_stopped(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = {**os.environ, "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": port}
    environment["GRADIO_TEMP_DIR"] = str(tmp_path)
    process = subprocess.Popen([sys.executable, "app.py"], cwd=REPOSITORY, env=environment)
    try:
        for _ in range(600):
            try:
                with urlopen(f"http://127.0.0.1:{port}") as answer:
                    assert b"Rangin" in answer.read()
                    break
            except URLError:
                assert process.poll() is None, "the app ended"
                time.sleep(0.1)
        else:
            pytest.fail("no page within a minute")
        assert len(list(tmp_path.glob("rangin-files/*/alive"))) == 1
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert list(tmp_path.glob("rangin-files/*")) == []


def test_the_page_is_there_before_torch() -> None:
    """The model is loaded behind the page, and with it PyTorch, which takes as long as all the rest."""
    slow = ("torch", "torchvision", "lightning", "kornia", "timm", "sklearn", "skimage")
    code = f"import sys, app; print([name for name in {slow} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=True)
    assert said.stdout.decode().strip() == "[]"
