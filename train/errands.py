"""What takes longer than a press of a button: done behind the page, so that it goes on when the page is closed.

    errands = Errands()
    errands.start("first-20261122-1f2e", "Publishing…", lambda: Said("Published as user/name."))
    errands.at("first-20261122-1f2e").state

An errand belongs to a key, and a key has one at a time. A restart of the app forgets them: what they leave are files.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from colorizer.errors import OptionError, RanginError

log = logging.getLogger(__name__)

BUG = "This went wrong in a way that nobody foresaw; the server's log holds the traceback."


@dataclass(frozen=True)
class Said:
    """How an errand ended."""

    sentence: str
    asks: str = ""
    """What it wants to be told before it does it all the same; empty where it is done."""


@dataclass(frozen=True)
class Errand:
    """One errand, under way or over."""

    title: str
    """What it is at, while it works."""
    state: Literal["working", "done", "asks", "failed"]
    said: Said

    @property
    def is_working(self) -> bool:
        """Whether its end is still to come."""
        return self.state == "working"


class Errands:
    """All errands of a page; made once, used by everybody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Errand] = {}
        self._threads: dict[str, threading.Thread] = {}

    def start(self, key: str, title: str, act: Callable[[], Said]) -> None:
        """Begin one.

        Args:
            key: whose it is.
            title: a sentence, shown while it works.
            act: its sentence at the end is shown; a RanginError's as well.

        Raises:
            OptionError: the last one of this key is still at work.
        """
        with self._lock:
            now = self._known.get(key)
            if now is not None and now.is_working:
                raise OptionError(f"Wait until this is done: {now.title}")
            self._known[key] = Errand(title, "working", Said(""))
            thread = threading.Thread(
                target=self._carry_out, args=(key, title, act), name=f"errand {key}", daemon=True
            )
            self._threads[key] = thread
        thread.start()

    def at(self, key: str) -> Errand | None:
        """How the last one stands; None where there was none, or it was forgotten."""
        with self._lock:
            return self._known.get(key)

    def forget(self, key: str) -> None:
        """Say no more of one that is over."""
        with self._lock:
            now = self._known.get(key)
            if now is not None and not now.is_working:
                del self._known[key]

    def wait(self, key: str, seconds: float) -> bool:
        """Whether the one of this key is over, at the latest after so many seconds."""
        with self._lock:
            thread = self._threads.get(key)
        if thread is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    def _carry_out(self, key: str, title: str, act: Callable[[], Said]) -> None:
        try:
            said = act()
            over = Errand(title, "asks" if said.asks else "done", said)
        except RanginError as error:
            over = Errand(title, "failed", Said(str(error)))
        except Exception:
            log.exception("%s went wrong.", title)
            over = Errand(title, "failed", Said(BUG))
        with self._lock:
            self._known[key] = over
