"""Questions to a service that may be slow: a page that looks at its jobs doesn't wait long for any of them.

asking = Asking(lambda: engine_s_answer())
asking.answer()                      # a Seen; None as long as it hasn't come
"""

import threading
import time
from collections.abc import Callable

from train.jobs.engine import Seen

# A service is asked at most so often, in seconds.
ASK_EVERY = 5.0
# Who looks waits so long for the answer; a later look has it then.
PATIENCE = 3.0


class Asking:
    """One question, in a thread of its own."""

    def __init__(self, ask: Callable[[], Seen]) -> None:
        self._began = time.monotonic()
        self._done = threading.Event()
        self._seen: Seen | None = None
        self._error: Exception | None = None
        threading.Thread(target=self._carry_out, args=(ask,), daemon=True).start()

    def _carry_out(self, ask: Callable[[], Seen]) -> None:
        try:
            self._seen = ask()
        except Exception as error:  # noqa: BLE001  raised again for who waits
            self._error = error
        self._began = time.monotonic()
        self._done.set()

    def is_stale(self) -> bool:
        """Whether it was answered long ago."""
        return self._done.is_set() and time.monotonic() - self._began >= ASK_EVERY

    def answer(self) -> Seen | None:
        """The answer; None if it takes too long.

        Raises:
            EngineError: the Hub can't be asked.
        """
        if not self._done.wait(max(0.0, self._began + PATIENCE - time.monotonic())):
            return None
        if self._error is not None:
            raise self._error  # each who looks gets it, until it is asked anew
        return self._seen
