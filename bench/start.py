"""From `python app.py` to the first page, beside an empty Gradio page started the same way."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.measure import Measurement

REPOSITORY = Path(__file__).parents[1]
LIMIT = 20.0  # seconds
GIVE_UP = 120.0
_BARE = "import gradio as gr\nwith gr.Blocks() as page:\n    gr.Markdown('empty')\npage.launch()"


def measure(repeats: int) -> list[Measurement]:
    """Start both in turns, each in a fresh process, and poll until the page answers; seconds."""
    turns = [(seconds_to_page(["app.py"]), seconds_to_page(["-c", _BARE])) for _ in range(repeats)]
    app, bare = zip(*turns, strict=True)
    return [Measurement("start of the app to the first page", "s", app, "an empty Gradio page", bare, LIMIT)]


def seconds_to_page(arguments: list[str]) -> float:
    """Run `python ARGUMENTS` as a server on a free port and wait for its first page, then stop it.

    Raises:
        RuntimeError: it ended, or gave no page within GIVE_UP seconds.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory() as labels:  # not the user's own, which may be large
        return _seconds_to_page(arguments, port, labels)


def _seconds_to_page(arguments: list[str], port: int, labels: str) -> float:
    environment = os.environ | {
        "RANGIN_LABELS_FOLDER": labels,
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            while not _answers(f"http://127.0.0.1:{port}/"):
                if server.poll() is not None:
                    raise RuntimeError(f"python {arguments[0]} ended with code {server.returncode}.")
                if time.perf_counter() - start > GIVE_UP:
                    raise RuntimeError(f"python {arguments[0]} gave no page within {GIVE_UP:.0f} seconds.")
                time.sleep(0.05)
            return time.perf_counter() - start
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
