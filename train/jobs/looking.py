"""How jobs are at this moment: what their engines say, put together with what lies in their folders.

standing = stand(job)               # standing.state, .sentence, .share, .best, ...
standings(runs)                     # of all jobs, the newest first
logs(job, lines=100)
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from colorizer.errors import OptionError, RanginError
from train.jobs import engines, files, kinds, outcome, tokens, work
from train.jobs import job as jobs
from train.jobs.engine import EngineError, Seen
from train.jobs.job import Job, State
from train.settings import get_train_settings

log = logging.getLogger(__name__)

# After so many seconds a job that its engine knows nothing of will not be known any more.
UNKNOWN_SECONDS = 60.0


@dataclass(frozen=True)
class Standing:
    """How a job is at this moment."""

    job: Job
    state: State
    sentence: str
    """What it does, what became of it, or why that can't be said; for people, and not escaped."""
    step: int | None = None
    steps: int | None = None
    share: float | None = None
    """Of the work that is done, in [0, 1]."""
    seconds_left: float | None = None
    """While it runs, where it can be told."""
    best: float | None = None
    """The best validation so far."""
    metric: str = ""
    """What `best` is, as run.json names it: "val/psnr", "val/accuracy"."""
    images_per_second: float | None = None
    submitted: float | None = None
    started: float | None = None
    """The present or last attempt's beginning."""
    ended: float | None = None
    """Seconds since 1970, all three."""


def stand(job: Job) -> Standing:
    """How a job is: asks its engine, has job.json say so, and reads how far it is.

    Raises:
        OptionError: it was deleted meanwhile.
    """
    job, seen = _seen(job)
    progress = _progress(job)
    is_moving = job.state in (State.STARTING, State.RUNNING, State.STOPPING)
    said = seen.sentence or job.sentence
    if job.state == State.RUNNING:
        said = progress.sentence or said or "It is at work."
    share = None
    if progress.step is not None and progress.steps:
        share = min(progress.step / progress.steps, 1.0)
    return Standing(
        job=job,
        state=job.state,
        sentence=job.sentence if job.state.is_over else said,
        step=progress.step,
        steps=progress.steps,
        share=1.0 if job.state == State.FINISHED else share,
        seconds_left=progress.seconds_left if is_moving else None,
        best=progress.best,
        metric=progress.metric,
        images_per_second=progress.images_per_second,
        submitted=job.submitted,
        started=job.started,
        ended=job.ended,
    )


def settle(job: Job) -> Job:
    """Ask a job's engine and have job.json say so; the job as it is then.

    Raises:
        OptionError: it was deleted meanwhile.
    """
    return _seen(job)[0]


def _seen(job: Job) -> tuple[Job, Seen]:
    found = jobs.read(job.folder)
    if found is None:
        raise OptionError(f"The job {job.folder.name} was deleted meanwhile.")
    seen = Seen(found.state, found.sentence) if found.state.is_over else _look(found)
    return _write(found, seen), seen


def _progress(job: Job) -> kinds.Progress:
    try:
        return kinds.progress(job)
    except (RanginError, OSError) as error:  # what it is of may be gone
        log.info("How far %s is can't be said: %s", job.id, error)
        return kinds.Progress()


def _look(job: Job) -> Seen:
    """What its engine says; where that knows nothing, what its folder says."""
    if job.submitted is None:
        if outcome.seconds_since(job.created) < UNKNOWN_SECONDS:
            return Seen(State.WAITING)
        return Seen(
            State.LOST, "It was never handed over: whoever ordered it was ended before. Resuming starts it."
        )
    try:
        seen = engines.get(job.order.hardware.engine).look(job)
    except EngineError as error:
        return outcome.over(job) or Seen(None, str(error))
    if seen.state is not None:
        return seen
    if ended := outcome.over(job):
        return ended
    if work.is_held(job.folder):
        return Seen(State.RUNNING, seen.sentence)
    if outcome.seconds_since(job.submitted) > UNKNOWN_SECONDS:
        return outcome.lost(job)
    return seen


def _write(job: Job, seen: Seen) -> Job:
    """job.json with what was seen; unchanged if somebody has changed it since it was read."""
    state = seen.state
    if job.wants_stop and state in (State.WAITING, State.STARTING, State.RUNNING):
        state = State.STOPPING
    if state is None or state == job.state:
        return job
    note = work.read(job.folder)
    is_news = note is not None and note.attempt == job.attempts
    values: dict[str, object] = {"state": state, "sentence": seen.sentence}
    if state in (State.WAITING, State.STARTING):
        values["started"] = None
    elif state in (State.RUNNING, State.STOPPING) or job.started is None:
        values["started"] = note.began if note and is_news else job.started or _now_if(state)
    if state.is_over:
        values["ended"] = (note.ended if note and is_news else None) or time.time()
    with jobs.held(job.folder):
        now = jobs.read(job.folder)
        if now is None:
            return job
        if (now.state, now.attempts, now.wants_stop) != (job.state, job.attempts, job.wants_stop):
            return now
        if state.is_over:
            tokens.forget(job.id)
        try:
            return jobs.change(job.folder, **values)
        except OSError as error:  # a full disk: what is shown is true all the same
            log.warning("How %s is can't be noted: %s", job.id, error)
            return now.model_copy(update=values)


def _now_if(state: State) -> float | None:
    return time.time() if state == State.RUNNING else None


def standings(runs: Path | None = None) -> list[Standing]:
    """All jobs, the newest first.

    Args:
        runs: their folder; the settings' if None.
    """
    found = []
    for job in jobs.everything(runs or get_train_settings().runs):
        try:
            found.append(stand(job))
        except OptionError:  # deleted meanwhile
            continue
    return found


def logs(job: Job, lines: int = 100) -> str:
    """The end of what a job printed; of one whose engine can't be asked, what its folder has of it.

    Raises:
        EngineError: the engine can't be asked, and there is nothing in the folder.
    """
    try:
        return engines.get(job.order.hardware.engine).logs(job, lines)
    except EngineError:
        if found := files.tail(job.folder / work.OUTPUT, lines):
            return found
        raise
