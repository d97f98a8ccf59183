"""Jobs on this machine: one a GPU, a few on the CPU, the rest wait in a queue.

Who looks at the queue starts what can start: the page's watch, the command line, and each job when it ends. A lock
keeps them from each other. A job is claimed (STARTING) before a process of its own (`train.jobs.start`) starts it, so
that it is started once; a claim that nobody carried out goes back to the queue.

The folder may be shared by several machines: each heeds the jobs that were ordered on it.
"""

import contextlib
import importlib.util
import logging
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from colorizer.errors import OptionError
from train.jobs import files, gpus, outcome, processes, start, work
from train.jobs import job as jobs
from train.jobs.engine import Problem, Seen
from train.jobs.job import Job, Order, State
from train.settings import get_train_settings

if TYPE_CHECKING:
    from train.recipe import Recipe

log = logging.getLogger(__name__)

QUEUE_LOCK = ".queue.lock"
# Seconds that a claim may take to become a process, and how often it is tried.
CLAIM_SECONDS = 30.0
CLAIMS = 3
# Seconds after which what is left of a job is killed: asked to stop (the keeper does it itself a second before), and
# without a keeper.
STOP_SECONDS = work.GRACE + 1
ORPHAN_SECONDS = 6.0
# How long a look at the queue waits for another one to end.
_PATIENCE = 10.0


class Local:
    """The engine "local"."""

    name = "local"
    title = "This machine"

    def unavailable(self) -> str:
        """Why nothing can be trained here."""
        if os.name != "posix":
            return "Jobs on this machine need Linux or macOS; start `python -m train fit` by hand instead."
        if importlib.util.find_spec("lightning") is None:
            return (
                "What training needs is not installed here; `pip install -r requirements-train.txt`, or `make app`, "
                "installs it."
            )
        return ""

    def check(self, order: Order, recipe: "Recipe | None") -> list[Problem]:
        """Whether the GPUs are there, and nothing is asked that only a cluster has."""
        hardware, problems = order.hardware, []
        wanted = gpus.numbers(hardware.device)
        allowed = gpus.allowed(get_train_settings().gpus)
        missing = [str(number) for number in wanted if number not in {gpu.index for gpu in allowed}]
        if missing and not allowed:
            problems.append(
                Problem(
                    "device",
                    "There is no GPU on this machine that jobs may use; choose cpu, or another engine.",
                )
            )
        elif missing:
            there = ", ".join(gpu.device for gpu in allowed)
            problems.append(
                Problem("device", f"There is no gpu:{', '.join(missing)} for jobs here, only {there}.")
            )
        if len(set(wanted)) < len(wanted):
            problems.append(Problem("device", "Each GPU can be named once."))
        if recipe is not None and wanted and recipe.devices != len(wanted):
            problems.append(
                Problem(
                    "device",
                    f"{len(wanted)} GPUs and `devices: {recipe.devices}`; add devices={len(wanted)}.",
                )
            )
        if recipe is not None and recipe.num_nodes > 1:
            problems.append(Problem("nodes", "This machine is one; several take Slurm."))
        for field in ("partition", "account", "gpus", "nodes", "tasks", "memory_gb", "flavor"):
            if getattr(hardware, field) != type(hardware).model_fields[field].default:
                problems.append(
                    Problem(field, "This machine has no such choice; leave it out, or choose Slurm.")
                )
        return problems

    def submit(self, job: Job) -> str:
        """Put it into the queue; it starts at once if its device is free. The number comes when it starts."""
        jobs.change(job.folder, notes=job.notes | _fresh())
        try:
            self.tick(job.folder.parent)
        except OSError as error:  # it waits; the next look at the queue starts it
            log.warning("The queue in %s can't be looked at: %s", job.folder.parent, error)
        return ""

    def look(self, job: Job) -> Seen:
        """How its processes are; those without a keeper are ended, and those that don't end when asked."""
        if ended := outcome.over(job):
            return ended
        if job.notes.get("host", processes.host()) != processes.host():
            return self._look_elsewhere(job)
        note = work.read(job.folder)
        if note is None or note.attempt != job.attempts:
            return self._look_before(job)
        if job.wants_stop:
            self._see_to_the_end(job, note)
        if note.mark.is_alive(job.token):
            return Seen(State.RUNNING)
        left = processes.with_token(job.token)
        if ended := outcome.over(job):  # noted between the first line here and the last but one
            return ended
        if left:
            self._end_orphans(job)
            return Seen(State.STOPPING, "Its keeper was killed, and what is left of it is being ended.")
        return outcome.lost(job)

    def _look_before(self, job: Job) -> Seen:
        """Of a job at which nobody is at work yet."""
        if job.state == State.WAITING:
            return Seen(State.WAITING, f"Waits until {job.order.hardware.device} is free.")
        claimed = outcome.seconds_since(job.notes.get("claimed"))
        if processes.with_token(job.token):
            if job.wants_stop and outcome.seconds_since(job.asked) > STOP_SECONDS:
                processes.end_all(job.token, signal.SIGKILL)
            return Seen(State.STARTING, "It is being started.")
        if claimed < CLAIM_SECONDS and not job.wants_stop:
            return Seen(State.STARTING, "It is being started.")
        # What was started has ended; what it noted meanwhile, if anything, counts.
        if ended := outcome.over(job):
            return ended
        if job.wants_stop:
            return outcome.lost(job)
        if job.notes.get("claims", 0) >= CLAIMS:
            return Seen(
                State.FAILED, f"It could not be started: {self._start_log(job) or 'nobody knows why.'}"
            )
        return Seen(State.WAITING, "It did not start, and waits for another try.")

    def _look_elsewhere(self, job: Job) -> Seen:
        """Of a job of another machine that shares the folder, or of this one under an earlier name."""
        where = job.notes.get("host")
        if work.is_held(job.folder):
            return Seen(State.RUNNING, f"On {where}.")
        if job.state == State.WAITING:
            return Seen(
                State.WAITING, f"Waits on {where}, where it was ordered; stop and resume it to have it here."
            )
        if outcome.seconds_since(job.notes.get("claimed")) < CLAIM_SECONDS:
            return Seen(State.STARTING, f"On {where}.")
        return outcome.over(job) or outcome.lost(job)

    def logs(self, job: Job, lines: int) -> str:
        """The end of output.txt; of a job that could not even begin, what starting it said."""
        return files.tail(job.folder / work.OUTPUT, lines) or (
            files.tail(job.folder / "submitit" / "start.log", lines) if job.state.is_over else ""
        )

    def cancel(self, job: Job) -> None:
        """Take it out of the queue, or have its keeper pass on SIGTERM, and kill after eight seconds."""
        with jobs.held(job.folder):
            job = jobs.change(job.folder)
            if job.state == State.WAITING:
                jobs.change(
                    job.folder, state=State.STOPPED, ended=time.time(), sentence="Stopped before it began."
                )
                return
            jobs.change(job.folder, state=State.STOPPING)
        note = work.read(job.folder)
        if note is not None and note.attempt == job.attempts:
            self._see_to_the_end(job, note)

    def _see_to_the_end(self, job: Job, note: work.Note) -> None:
        """Ask once (a second time would cost the checkpoint), and kill what hasn't ended long after."""
        if job.notes.get("host", processes.host()) != processes.host():
            return  # its own machine does it
        with jobs.held(job.folder):
            now = jobs.change(job.folder)
            is_first = now.notes.get("told") != now.attempts
            if is_first:
                jobs.change(job.folder, notes=now.notes | {"told": now.attempts})
        if is_first:
            note.mark.tell(signal.SIGTERM, job.token)
        elif outcome.seconds_since(job.asked) > STOP_SECONDS:
            processes.end_all(job.token, signal.SIGKILL)

    def _end_orphans(self, job: Job) -> None:
        """End what runs on without its keeper: by SIGTERM, then by force."""
        with jobs.held(job.folder):
            now = jobs.change(job.folder)
            since = now.notes.get("orphaned")
            if since is None:
                jobs.change(job.folder, notes=now.notes | {"orphaned": time.time()})
        if since is None and not sys.platform.startswith("linux"):
            processes.end_all(
                job.token
            )  # on Linux the system has told them, and twice would cost the checkpoint
        elif outcome.seconds_since(since) > ORPHAN_SECONDS and since is not None:
            processes.end_all(job.token, signal.SIGKILL)

    # the queue

    def tick(self, runs: Path) -> None:
        """Start what waits for a device that is free, in the order in which it came.

        Raises:
            OSError: the folder can't be written.
        """
        if not any(_is_here(job) and job.state == State.WAITING for job in jobs.everything(runs)):
            return
        try:
            with FileLock(runs / QUEUE_LOCK).acquire(timeout=_PATIENCE):
                self._start_all(runs)
        except Timeout:
            log.warning("Another process looks at the queue in %s for longer than it should.", runs)

    def _start_all(self, runs: Path) -> None:
        from train.jobs.looking import settle

        present = [job for job in jobs.everything(runs) if _is_here(job) and not job.state.is_over]
        waiting = [job for job in present if job.state == State.WAITING and job.submitted is not None]
        at_work = []
        for job in present:
            if job.state != State.WAITING:
                with contextlib.suppress(OptionError):  # deleted meanwhile
                    at_work.append(settle(job))
        waiting += [job for job in at_work if job.state == State.WAITING]
        at_work = [job for job in at_work if not job.state.is_over and job.state != State.WAITING]
        used = Counter(device for job in at_work for device in devices(job))
        places = Counter({"cpu": get_train_settings().cpu_jobs})
        for job in sorted(waiting, key=lambda job: (job.submitted or 0.0, job.id)):
            wanted = devices(job)
            is_free = all(used[device] < (places[device] or 1) for device in wanted)
            if not is_free or self._claim(job):
                # Of a job that waits for two GPUs, the one that is free is kept for it.
                used.update(wanted)

    def _claim(self, job: Job) -> bool:
        """Note that it is being started, then start it; whether that was done."""
        with jobs.held(job.folder):
            now = jobs.read(job.folder)
            if now is None or now.state != State.WAITING or now.attempts != job.attempts or now.wants_stop:
                return False
            notes = now.notes | {"claimed": time.time(), "claims": now.notes.get("claims", 0) + 1}
            now = jobs.change(job.folder, state=State.STARTING, sentence="It is being started.", notes=notes)
        try:
            start.spawn(now)
        except OSError as error:
            jobs.change(
                job.folder,
                state=State.FAILED,
                ended=time.time(),
                sentence=f"It could not be started: {error.strerror or error}.",
            )
            return False
        return True

    def _start_log(self, job: Job) -> str:
        return files.tail(job.folder / "submitit" / "start.log", 1).strip()


def devices(job: Job) -> tuple[str, ...]:
    """What a job takes: "cpu", or each of its GPUs."""
    return tuple(f"gpu:{number}" for number in gpus.numbers(job.order.hardware.device)) or ("cpu",)


def _fresh() -> dict[str, Any]:
    """An engine's notes of a job that was just ordered or resumed."""
    return {
        "host": processes.host(),
        "claims": 0,
        "claimed": None,
        "told": None,
        "orphaned": None,
    }


def _is_here(job: Job) -> bool:
    return job.order.hardware.engine == "local" and job.notes.get("host") == processes.host()
