"""Keeps jobs going while a page is open: starts what waits for a device, and has job.json be true.

    watch = Watch(runs)
    watch.stop()

A job needs no watch: the end of one starts the next. It is for what happens when nobody had a last word.
"""

import logging
import threading
import time
from pathlib import Path

from colorizer.errors import RanginError
from train.jobs import engines, looking, trash
from train.jobs import job as jobs
from train.settings import get_train_settings

log = logging.getLogger(__name__)

EVERY = 2.0
# Engines elsewhere are asked over a network.
EVERY_ELSEWHERE = 10.0


def tick(runs: Path | None = None) -> None:
    """Start what waits on this machine for a device that is free now; quick when there is nothing to do.

    Args:
        runs: the jobs' folder; the settings' if None.
    """
    from train.jobs.local import Local

    runs = runs or get_train_settings().runs
    engine = engines.get("local")
    assert isinstance(engine, Local)
    engine.tick(runs)
    trash.empty(runs)


class Watch:
    """A thread that looks after the jobs of a folder until the process ends.

    Args:
        runs: the jobs' folder; it may be made later.
        every: seconds between looks.
    """

    def __init__(self, runs: Path, every: float = EVERY) -> None:
        self.runs, self.every = runs, every
        self._asked: dict[str, float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch over jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the jobs go on."""
        self._end.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._end.is_set():
            try:
                self.look()
            except Exception:
                log.exception("The jobs could not be looked after; it is tried again.")
            self._end.wait(self.every)

    def look(self) -> None:
        """One round."""
        if not self.runs.is_dir():
            return
        tick(self.runs)
        for job in jobs.everything(self.runs):
            if job.state.is_over or not self._is_due(job):
                continue
            try:
                looking.settle(job)
            except RanginError as error:  # deleted meanwhile
                log.debug("%s: %s", job.id, error)

    def _is_due(self, job: jobs.Job) -> bool:
        if job.order.hardware.engine == "local":
            return True
        now = time.monotonic()
        if now - self._asked.get(job.id, -EVERY_ELSEWHERE) < EVERY_ELSEWHERE:
            return False
        self._asked[job.id] = now
        return True
