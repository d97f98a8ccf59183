"""What became of a job that is no longer at work, in one sentence: from its work.json, run.json and last lines.

seen = over(job)                # None: nobody has noted an end
seen = lost(job)                # its keeper is gone, and noted none
"""

import signal
import time
from pathlib import Path
from typing import Any

from train import standing
from train.jobs import files, work
from train.jobs.engine import Seen
from train.jobs.job import Job, State

_ENDED_BY_REQUEST = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)
_LONGEST = 300


def over(job: Job, note: work.Note | None = None) -> Seen | None:
    """How the present attempt ended, if its keeper has noted an end.

    Args:
        note: work.json, if the caller has read it.
    """
    note = note or work.read(job.folder)
    if note is None or note.ended is None or note.attempt != job.attempts:
        return None
    about = of_child(job.folder, note)
    code = note.exit_code
    if about.get("status") == "finished" or code == 0:
        return Seen(State.FINISHED, str(about.get("sentence") or "Finished."))
    if job.wants_stop:
        return Seen(State.STOPPED, _stopped(job, about))
    if code is None or about.get("status") == "stopped" or _signal(code) in _ENDED_BY_REQUEST:
        return Seen(State.STOPPED, f"Ended from outside, not by a person here. {_goes_on(job)}")
    if about.get("status") == "failed" and about.get("sentence"):
        return Seen(State.FAILED, str(about["sentence"]))
    return Seen(State.FAILED, _failure(job, code))


def lost(job: Job) -> Seen:
    """Its process vanished without a last word: stopped if that was wanted, else lost."""
    note = work.read(job.folder)
    about = of_child(job.folder, note) if note is not None else {}
    if about.get("status") == "finished":
        return Seen(State.FINISHED, str(about.get("sentence") or "Finished."))
    if job.wants_stop:
        return Seen(State.STOPPED, _stopped(job, about))
    if about.get("status") == "failed" and about.get("sentence"):
        return Seen(State.FAILED, str(about["sentence"]))
    return Seen(
        State.LOST,
        f"Its process vanished without a last word: it was killed, or the machine went down. {_goes_on(job)}",
    )


def of_child(folder: Path, note: work.Note) -> dict[str, Any]:
    """run.json, if it is this attempt's; else nothing: what an earlier one said is no news."""
    about = standing.read(folder)
    return about if note.child is not None and about.get("pid") == note.child else {}


def _stopped(job: Job, about: dict[str, Any]) -> str:
    if about.get("status") == "stopped" and about.get("sentence"):
        return str(about["sentence"]).replace("--resume goes on", "resuming goes on")
    return f"Stopped on request. {_goes_on(job)}"


def _goes_on(job: Job) -> str:
    if job.order.kind == "colorize":
        return "Resuming goes on with what is left."
    step = standing.read(job.folder).get("step")
    if (job.folder / "last.ckpt").is_file() and isinstance(step, int):
        return f"Resuming goes on from the checkpoint of step {step}."
    return "Resuming starts it again."


def _signal(code: int) -> int:
    """The signal that an exit code tells of, as Python says it or as a shell does; 0 for none."""
    return -code if code < 0 else max(code - 128, 0)


def _failure(job: Job, code: int) -> str:
    number = _signal(code)
    if number == signal.SIGKILL:
        return f"Killed by signal 9, perhaps because memory ran out. {_goes_on(job)}"
    if 0 < number < signal.NSIG:
        return f"Killed by signal {number} ({signal.strsignal(number)})."
    last = files.tail(job.folder / work.OUTPUT, 1).strip()
    said = f": {last[:_LONGEST]}" if last else ", and printed nothing."
    return f"Ended with exit code {code}{said}"


def seconds_since(moment: float | None) -> float:
    """Seconds since a time of job.json; very many since none."""
    return time.time() - moment if moment is not None else float("inf")
