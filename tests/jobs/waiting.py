"""For tests of jobs on this machine: jobs that run a few lines of Python, and waiting for what becomes of them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from train.jobs import engines, looking, processes
from train.jobs import job as jobs
from train.jobs.job import Hardware, Job, Order, State
from train.jobs.looking import Standing

# Other tests, and other programs, use the same two cores.
LONG = 90.0
# Doesn't end when asked.
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("here", flush=True)
time.sleep(600)
"""
# Says that it is there, and waits.
SLEEPER = "import time; print('here', flush=True); time.sleep(600)"


def create(runs: Path, script: str, device: str = "cpu", name: str = "small") -> Job:
    """A job that runs some lines of Python, as if it had been ordered; not handed over yet."""
    runs.mkdir(parents=True, exist_ok=True)
    order = Order(name=name, recipe="ethnicity-aware", hardware=Hardware(device=device))
    job = jobs.create(order, runs, (sys.executable, "-c", script))
    return again(job)


def again(job: Job) -> Job:
    """job.json as it is when an engine gets the job."""
    values: dict[str, Any] = {"state": State.WAITING, "wants_stop": False, "asked": None, "sentence": ""}
    return jobs.change(
        job.folder,
        submitted=time.time(),
        attempts=job.attempts + 1,
        started=None,
        ended=None,
        number="",
        **values,
    )


def submit(job: Job) -> Job:
    """Hand it over to this machine."""
    engines.get("local").submit(job)
    return fresh(job)


def fresh(job: Job) -> Job:
    """As job.json is now."""
    found = jobs.read(job.folder)
    assert found is not None
    return found


def until(what: Callable[[], Any], seconds: float = LONG) -> Any:
    """Wait until something is so; what it gave."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
    return found


def says(job: Job, text: str, times: int = 1) -> None:
    """Wait until the job has printed something."""
    path = job.folder / "output.txt"
    until(lambda: path.is_file() and path.read_text().count(text) >= times)


def over(job: Job, seconds: float = LONG) -> Standing:
    """Wait until the job has ended, looking as a page does."""

    def look() -> Standing | None:
        standing = looking.stand(job)
        return standing if standing.state.is_over else None

    found: Standing = until(look, seconds)
    return found


def left(job: Job) -> list[int]:
    """The processes of a job that still run."""
    return [process.pid for process in processes.with_token(job.token)]
