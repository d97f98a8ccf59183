"""A command of this room as a child that is watched, can be stopped, and doesn't outlive this process.

run(["prepare", "inbox", "--out", "faces"], stop, look)
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from colorizer.errors import OptionError
from colorizer.settings import ROOT
from train.leash import leashed

_LOOK_SECONDS = 0.3
# A child that was asked to end in good order gets so long before it is ended.
_GRACE = 15.0


class Stopped(Exception):  # noqa: N818  an answer, not a fault
    """Somebody asked for the end."""


def run(words: list[str], stop: threading.Event, look: Callable[[], None] = lambda: None) -> None:
    """`python -m train WORDS`, until its end.

    Args:
        stop: set by who wants it to end.
        look: called several times a second.

    Raises:
        OptionError: it failed; the sentence is its own.
        Stopped: `stop` was set, and it has ended.
    """
    with subprocess.Popen(
        [*leashed(), sys.executable, "-m", "train", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        said: list[str] = []
        reader = threading.Thread(target=_last_lines, args=(child, said), daemon=True)
        reader.start()
        while child.poll() is None:
            if stop.wait(_LOOK_SECONDS):
                _end(child)
                raise Stopped
            look()
        reader.join(5)
    if child.returncode:
        last = said[-1] if said else f"it ended with exit code {child.returncode} and said nothing"
        raise OptionError(re.sub(r"^train \w+: ", "", last)[:600])


def _last_lines(child: "subprocess.Popen[str]", said: list[str]) -> None:
    assert child.stderr is not None
    for line in child.stderr:
        if line.strip():
            said[:] = [line.strip()]


def _end(child: "subprocess.Popen[str]") -> None:
    """In good order if it takes it; its helpers too."""
    child.send_signal(signal.SIGINT)
    deadline = time.monotonic() + _GRACE
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
