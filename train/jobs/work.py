"""What does a job's work on whatever machine an engine chose: runs its command, and notes how that went.

    executor.submit(Work("runs/<id>"))      # submitit's, on this machine and on Slurm
    read(folder)                            # work.json: who is at work, or how it ended

The process that runs `Work` is the job's keeper, the command is its child. Both carry the job's token in their
environment (RANGIN_JOB). The child doesn't outlive the keeper: on Linux it gets SIGTERM when the keeper is killed.

Of several tasks on Slurm the first writes work.json and output.txt; the others print to output-<rank>.txt.
"""

import contextlib
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from colorizer.errors import RanginError
from colorizer.settings import ROOT
from train.jobs import files, processes
from train.jobs.job import Job
from train.jobs.job import read as read_job
from train.jobs.processes import Mark

log = logging.getLogger(__name__)

FILE = "work.json"
OUTPUT = "output.txt"
LOCK = ".work.lock"
# How long a keeper waits for the one before it, which writes its last word.
_PATIENCE = 20.0
# On this machine: seconds between being asked to end and being made to. A whole tree is gone within ten.
GRACE = 8.0
_PR_SET_PDEATHSIG = 1


class Note(BaseModel):
    """work.json."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    """The keeper's."""
    created: float
    """When the keeper began, as psutil says."""
    host: str
    child: int | None = None
    """The command's pid."""
    attempt: int = 0
    """`Job.attempts` when it began."""
    began: float = 0.0
    exit_code: int | None = None
    """The command's; negative: the signal that killed it."""
    ended: float | None = None
    was_asked: bool = False
    """The keeper was told to end (a stop, a time-out, a machine that shuts down)."""

    @property
    def mark(self) -> Mark:
        """The keeper."""
        return Mark(self.pid, self.created)


def read(folder: Path) -> Note | None:
    """A job's work.json; None where nothing was at work yet."""
    try:
        return Note.model_validate(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return None


def is_held(folder: Path) -> bool:
    """Whether a keeper is at work: true also of one on another machine that shares the folder."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK).acquire(timeout=0):
            return False
    except Timeout:
        return True


def rank() -> int:
    """This task among those of its job; 0 on this machine."""
    return int(os.environ.get("SLURM_PROCID", "0") or 0)


class Work:
    """Runs a job's command to its end; what submitit pickles.

    Args:
        folder: the job's, absolute.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._note: Note | None = None
        self._asked = False

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "_child": None, "_note": None, "_asked": False}

    def __call__(self) -> int | None:
        """Run the command; its exit code, or None where there was nothing to do."""
        folder = Path(self.folder)
        if rank():
            return self._follow(folder)
        if read_job(folder) is None:  # deleted meanwhile; taking the lock would make the folder anew
            return None
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=_PATIENCE)
        except (Timeout, OSError) as error:  # at work already, or the folder was deleted
            log.warning("%s is not worked on here: %s", folder, error)
            return None
        try:
            return self._lead(folder)
        finally:
            lock.release()
            if _is_local():
                _go_on(folder)

    def checkpoint(self) -> Any:
        """Have the child save and end, because time is up; submitit then has the job go on later."""
        from submitit.helpers import DelayedSubmission

        self._end_child()
        self._write(ended=time.time(), was_asked=True)
        return DelayedSubmission(type(self)(self.folder))

    def _lead(self, folder: Path) -> int | None:
        job, before = read_job(folder), read(folder)
        if job is None:
            return None
        if _is_local() and before is not None and before.attempt == job.attempts and before.ended is not None:
            return None  # started twice, and the other one was quicker; Slurm's has the same number when it goes on
        me = Mark.of(os.getpid())
        self._note = Note(
            pid=me.pid,
            created=me.created,
            host=processes.host(),
            attempt=job.attempts,
            began=time.time(),
        )
        self._write()
        handlers = self._listen()
        try:
            # Whoever asks for the end writes that first, and looks for the keeper then; this is the other way round.
            job = read_job(folder)
            if job is None:
                return None
            if job.wants_stop or self._asked:
                self._write(ended=time.time(), was_asked=True)
                return None
            code = self._run(job, folder / OUTPUT)
            if _is_local():
                _sweep(job)
            self._write(exit_code=code, ended=time.time(), was_asked=self._asked)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return code

    def _follow(self, folder: Path) -> int | None:
        job = read_job(folder)
        if job is None or job.wants_stop:
            return None
        handlers = self._listen()
        try:
            return self._run(job, folder / f"output-{rank()}.txt")
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _run(self, job: Job, output: Path) -> int:
        """The command as a child of this process; its exit code, negative for a signal."""
        environment = os.environ | {processes.VARIABLE: job.token, "PYTHONUNBUFFERED": "1"}
        with output.open("ab") as file:
            try:
                self._child = subprocess.Popen(
                    job.command,
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    preexec_fn=die_with(os.getpid()),
                )
            except (OSError, subprocess.SubprocessError) as error:
                file.write(f"The command can't be started: {error}\n".encode())
                return 127
        self._write(child=self._child.pid)
        if self._asked:  # while it was being started
            self._pass_on(signal.SIGTERM)
        code = self._child.wait()
        self._child = None
        return code

    def _listen(self) -> dict[int, Any]:
        """Pass on to the child what this process is told; the handlers that were there."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        before: dict[int, Any] = {
            number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)
        }
        for number in before:
            signal.signal(number, self._hear)
        return before

    def _hear(self, number: int, _: object) -> None:
        if self._asked:  # the child takes a second time for "at once, without a checkpoint"
            return
        self._asked = True
        if _is_local():  # on a cluster its manager does that, in its own time
            timer = threading.Timer(GRACE, self._end_by_force)
            timer.daemon = True
            timer.start()
        self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        if self._child is not None:
            self._child.send_signal(number)

    def _end_by_force(self) -> None:
        if self._child is None:
            return
        try:
            tree = [psutil.Process(self._child.pid)]
            tree += tree[0].children(recursive=True)
        except psutil.Error:
            return
        for process in tree:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _end_child(self) -> None:
        """From a signal's handler, which interrupts `wait`: that one holds what Popen would need to wait again."""
        if self._child is None:
            return
        self._pass_on(signal.SIGTERM)
        child = Mark.of(self._child.pid)
        while child.is_alive():
            time.sleep(0.1)

    def _write(self, **values: Any) -> None:
        if self._note is None:  # of a task that isn't the first
            return
        self._note = self._note.model_copy(update=values)
        try:
            files.write(Path(self.folder) / FILE, self._note.model_dump_json(indent=2) + "\n")
        except OSError as error:  # a disk that takes no more: the job itself says so
            log.warning("%s can't be written: %s", FILE, error)


def _is_local() -> bool:
    return os.environ.get("SUBMITIT_EXECUTOR") == "local"


def _sweep(job: Job) -> None:
    """End what the child has left behind: all that has the job's token, but this process and those it came from."""
    ours = {process.pid for process in psutil.Process().parents()}
    for process in processes.with_token(job.token):
        if process.pid not in ours:
            with contextlib.suppress(psutil.Error):
                process.kill()


def _go_on(folder: Path) -> None:
    """Have job.json say how it ended, and the next job start: no page may be open that would."""
    from train.jobs import looking, watch

    try:
        if (job := read_job(folder)) is not None:
            looking.settle(job)
        watch.tick(folder.parent)
    except (RanginError, OSError) as error:  # whoever looks next does it
        log.warning("The next job could not be looked for: %s", error)


def die_with(keeper: int) -> Callable[[], None] | None:
    """For the child between fork and exec: have the system tell it when its keeper is killed."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        # Slurm sends it to all processes of a job when time runs out; it is meant for the keeper.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != keeper:  # it was killed before that
            os._exit(128 + signal.SIGTERM)

    return ask
