"""SIGINT and SIGTERM ask a run to end: at once while it prepares, after the step with a checkpoint while it trains."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from train.failures import Stopped

log = logging.getLogger(__name__)

ENDING = (signal.SIGINT, signal.SIGTERM)
# How long Python may take to hear of a signal, in seconds. It does so between two of its own instructions; a process
# that waits inside a library for another process, which may never come, would not hear of it at all.
GRACE = 30.0
# Of SIGTERM within so many seconds, all but the first are the same request: Slurm tells each process of a job, and
# their parent passes on what it was told.
SAME_REQUEST = 5.0
_listening: set[int] = set()  # the contexts that are entered, by id


class Signals:
    """A context in which the two signals are noted instead of killing the process."""

    def __init__(self) -> None:
        self.last_word: Callable[[], object] | None = None
        """Called before the process ends by force, because it did not hear of a signal for GRACE seconds."""
        self.received: int | None = None
        self.is_training = False
        """Whether somebody looks at `received` after each step."""
        self._before: dict[int, Any] = {}
        self._asked = 0.0
        self._heard = threading.Event()

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in ENDING}
            self.install()
            ear, self._wire = socket.socketpair()
            self._wire.setblocking(False)
            signal.set_wakeup_fd(self._wire.fileno(), warn_on_full_buffer=False)
            _listening.add(id(self))
            threading.Thread(target=self._watch, args=[ear], daemon=True).start()
        return self

    def _watch(self, ear: socket.socket) -> None:
        """End the process where its main thread doesn't hear of a signal."""
        with ear:
            while number := ear.recv(1):
                if number[0] in ENDING and not self._heard.wait(GRACE):
                    log.error("The run did not hear of signal %d and is ended by force.", number[0])
                    if self.last_word is not None:
                        self.last_word()
                    os._exit(128 + number[0])

    def __exit__(self, *_: object) -> None:
        if self._before:
            signal.set_wakeup_fd(-1)
            _listening.discard(id(self))
            self._wire.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def install(self) -> None:
        """Take the signals (again: Lightning takes SIGTERM for itself when it begins)."""
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        if number == self.received == signal.SIGTERM and time.monotonic() - self._asked < SAME_REQUEST:
            return
        was_asked, self.received, self._asked = self.received is not None, number, time.monotonic()
        self._heard.set()
        if not self.is_training or was_asked:  # asked twice, it doesn't wait for the step
            raise Stopped(number)


def _be_no_ear() -> None:
    """In a forked process: what it is told must not sound like something that its parent was told."""
    if _listening:
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_be_no_ear)


def leave_to_parent(_: int) -> None:
    """For a data worker: Ctrl-C reaches it too, and it must go on until the training process has stopped."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
