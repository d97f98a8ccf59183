"""A batch on Slurm: an array of jobs, one a part, each with a folder of its own below the job's.

    runs/<id>/parts/2/job.json, work.json, output.txt       as of any other job, for part 2

What is said here of the job is put together from its parts. A part that was killed is run again by resuming the job;
parts that are done are left out then.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from colorizer import shard_rows, shards
from train.jobs import batch, files, kinds, outcome, slurm, slurm_ask, work
from train.jobs import job as jobs
from train.jobs.engine import EngineError, Seen
from train.jobs.job import Job, State
from train.jobs.looking import UNKNOWN_SECONDS
from train.jobs.slurm_work import SlurmWork

FOLDER = "parts"
# Of how many parts the log is shown at once.
_SHOWN = 4


def works(job: Job) -> list[SlurmWork]:
    """What to hand to Slurm: every part of which something is left. Makes their folders.

    Raises:
        OptionError: the batch can't be read, or the job was deleted.
    """
    wanted = batch.archive(job.order)
    numbers = _left(wanted) or [1]  # a last part to say that all is done
    for number in numbers:
        _make(job, number)
    jobs.change(job.folder, notes=job.notes | {"parts": numbers})
    return [SlurmWork(str(_folder(job, number))) for number in numbers]


def look(job: Job) -> Seen:
    """How all parts are, as one."""
    parts: list[int] = job.notes.get("parts", [])
    of = batch.archive(job.order).shards
    try:
        array = job.number or _number_at_work(job)
        told = slurm_ask.states(array, job.id)
        if len(parts) == 1 and (alone := slurm_ask.state(array, job.id) if array else None) is not None:
            told = {0: alone}
    except EngineError as error:
        return Seen(job.state, str(error))
    seen = {}
    for index, number in enumerate(parts):
        part = _part(job, number, f"{array}_{index}" if len(parts) > 1 else array)
        seen[number] = _seen(part, told.get(index), job) if part is not None else Seen(State.LOST)
    return together(job, seen, of)


def together(job: Job, parts: dict[int, Seen], of: int) -> Seen:
    """How a job is whose parts are so.

    Args:
        job: the whole.
        parts: of each part that was handed over, by its number.
        of: how many parts there are.
    """
    at_work = [seen for seen in parts.values() if seen.state is None or not seen.state.is_over]
    bad = {
        number: seen for number, seen in parts.items() if seen not in at_work and seen.state != State.FINISHED
    }
    said = " ".join(
        f"Part {number} of {of}: {seen.sentence or 'it did not end well.'}" for number, seen in bad.items()
    )
    if at_work:
        return _going_on(job, at_work, said)
    archive = batch.archive(job.order)
    summary = batch.summary(batch.so_far(Path(archive.out), of), Path(archive.out))
    if not bad:
        return Seen(State.FINISHED, summary)
    states = {seen.state for seen in bad.values()}
    if job.wants_stop or states == {State.STOPPED}:
        return Seen(State.STOPPED, f"Stopped; resuming goes on. {summary}")
    state = State.FAILED if State.FAILED in states else State.LOST
    return Seen(state, f"{said} Resuming runs again what is left. {summary}")


def logs(job: Job, lines: int) -> str:
    """The ends of what the parts printed that printed last; before that, of what Slurm and submitit had to say."""
    outputs = _latest(job.folder.glob(f"{FOLDER}/*/{work.OUTPUT}"))
    outputs = outputs or _latest((job.folder / "submitit").glob("*_log.out"))[-1:]
    each = max(lines // max(len(outputs), 1), 1)
    return "\n".join(text for path in outputs if (text := files.tail(path, each)))


def _going_on(job: Job, at_work: Sequence[Seen], said: str) -> Seen:
    if job.wants_stop:
        return Seen(State.STOPPING, said)
    for state in (State.RUNNING, State.STARTING):
        if any(seen.state == state for seen in at_work):
            return Seen(state, said)
    return Seen(State.WAITING, said or at_work[0].sentence)


def _seen(part: Job, told: slurm_ask.Told | None, job: Job) -> Seen:
    """How one part is, by Slurm's word and by its folder."""
    if told is not None:
        return slurm.seen(told, part)
    if (ended := outcome.over(part)) is not None:  # Slurm forgets after some minutes
        return ended
    if work.is_held(part.folder):
        return Seen(State.RUNNING)
    if outcome.seconds_since(job.submitted) > UNKNOWN_SECONDS:
        return outcome.lost(part)
    return Seen(State.WAITING)


def _left(wanted: batch.Archive) -> list[int]:
    """The parts in which a photo has neither its output nor its error row."""
    planned = shards.read(Path(wanted.out))
    states = shard_rows.done(planned, range(len(planned.files)), shard_rows.known(planned).entries)
    open_ones = {
        index % wanted.shards + 1
        for index in range(len(planned.files))
        if index not in states or (wanted.retry and states[index])
    }
    return sorted(open_ones)


def _make(job: Job, number: int) -> None:
    """A part's folder, with a job.json for `train.jobs.work`."""
    folder = _folder(job, number)
    folder.mkdir(parents=True, exist_ok=True)
    order = job.order.model_copy(update={"arguments": {**job.order.arguments, "shard": number}})
    part = job.model_copy(
        update={
            "folder": folder,
            "order": order,
            "command": (*kinds.PYTHON, "train.jobs.batch_work", str(folder)),
            "notes": {},
        }
    )
    jobs.write(part)
    if not os.path.lexists(folder / "submitit"):
        (folder / "submitit").symlink_to(Path("..", "..", "submitit"))


def _part(job: Job, number: int, slurm_number: str) -> Job | None:
    part = jobs.read(_folder(job, number))
    if part is None:
        return None
    known = {"number": slurm_number, "wants_stop": job.wants_stop, "started": job.started}
    return part.model_copy(update=known)


def _folder(job: Job, number: int) -> Path:
    return job.folder / FOLDER / str(number)


def _number_at_work(job: Job) -> str:
    """Of an array that was handed over by a process that was killed before it could note the number."""
    numbers = slurm_ask.at_work(job.id)
    return numbers[-1].partition("_")[0] if numbers else ""


def _latest(paths: Iterable[Path]) -> list[Path]:
    """The files that were written to last, the latest at the end."""
    return sorted(paths, key=lambda path: path.stat().st_mtime)[-_SHOWN:]
