"""Photos that come in behind the page: one intake a person at a time, which goes on when the page is left.

runs = IntakeRuns()
run = runs.start("Asha", "festival.zip", lambda run: intake.take_archive(..., run.advance, run.is_cancelled))
runs.of("Asha").state                                    # what the page shows, as often as it asks
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colorizer.errors import RanginError
from labeling.errors import LabelError

if TYPE_CHECKING:
    from labeling.intake import Intake

log = logging.getLogger(__name__)

BUSY = "Your last photos are still coming in. Wait for them or press Cancel; what has come in stays."
BROKEN = "Something went wrong on the server; what had come in until then stays. The server's log says more."


@dataclass(frozen=True)
class State:
    """Where an intake stands at one moment."""

    what: str
    """What is taken: a file's name, "12 files", a folder."""
    done: int
    """Entries that have been looked at."""
    total: int
    """Of how many; 0 while that is not known."""
    intake: "Intake | None"
    """What came of it, also of a cancelled one; None while it is at work or after a problem."""
    problem: str
    """Why nothing further could be taken, one sentence; empty otherwise."""
    is_cancelled: bool
    is_over: bool


class IntakeRun:
    """One intake in a thread of its own."""

    def __init__(self, what: str, act: "Callable[[IntakeRun], Intake]") -> None:
        self._what = what
        self._done = self._total = 0
        self._intake: Intake | None = None
        self._problem = ""
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(act,), name="intake", daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        """Where it stands now."""
        is_over = not self._thread.is_alive()  # asked first: what it leaves behind is there once it is over
        return State(
            self._what,
            self._done,
            self._total,
            self._intake,
            self._problem,
            self._cancelled.is_set(),
            is_over,
        )

    def advance(self, done: int, total: int) -> None:
        """Told by the intake: how many entries it has looked at, of how many."""
        self._done, self._total = done, total

    def is_cancelled(self) -> bool:
        """Asked by the intake between two photos."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Take no further photo. Those that are in stay."""
        self._cancelled.set()

    def wait(self, seconds: float | None = None) -> State:
        """Wait until it is over, or for so many seconds."""
        self._thread.join(seconds)
        return self.state

    def _work(self, act: "Callable[[IntakeRun], Intake]") -> None:
        try:
            self._intake = act(self)
        except RanginError as error:
            self._problem = str(error)
        except Exception:  # nobody waits for this thread: the log and the page are told
            log.exception("An intake of photos ended early.")
            self._problem = BROKEN


class IntakeRuns:
    """Everybody's latest intake."""

    def __init__(self) -> None:
        self._runs: dict[str, IntakeRun] = {}
        self._lock = threading.Lock()

    def start(self, who: str, what: str, act: "Callable[[IntakeRun], Intake]") -> IntakeRun:
        """Begin one.

        Args:
            who: whose it is; their last one is forgotten.
            what: is taken, in a few words.
            act: takes the photos; it is handed the run, to tell how far it is and to ask whether to go on.

        Raises:
            LabelError: this person's last one is still at work.
        """
        with self._lock:
            last = self._runs.get(who)
            if last is not None and not last.state.is_over:
                raise LabelError(BUSY)
            run = self._runs[who] = IntakeRun(what, act)
        return run

    def of(self, who: str) -> IntakeRun | None:
        """This person's latest intake, at work or over."""
        return self._runs.get(who)

    def stop(self) -> None:
        """The server ends: take no further photos, and wait for those that are being written."""
        runs = list(self._runs.values())
        for run in runs:
            run.cancel()
        for run in runs:
            run.wait(5)
