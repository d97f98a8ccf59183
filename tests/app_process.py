"""`python app.py` in a process of its own, for tests that kill it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.conftest import REPOSITORY


class AppProcess:
    """The app at an address that stays the same when it is started again.

    Args:
        folders: setting -> folder, such as {"RANGIN_RUNS": ...}; they outlive the process.
        options: further variables of its environment.
    """

    def __init__(self, folders: dict[str, Path], **options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            **os.environ,
            "GRADIO_SERVER_NAME": "127.0.0.1",
            "GRADIO_SERVER_PORT": str(port),
            **{name: str(folder) for name, folder in folders.items()},
            **options,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to serve; returns when the page is there."""
        self.process = subprocess.Popen([sys.executable, "app.py"], cwd=REPOSITORY, env=self.environment)
        for _ in range(900):
            try:
                with urlopen(self.url, timeout=5):
                    return
            except (URLError, OSError):
                assert self.process.poll() is None, "the app ended"
                time.sleep(0.1)
        pytest.fail("no page within ninety seconds")

    def kill(self) -> None:
        """End it without a warning."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
