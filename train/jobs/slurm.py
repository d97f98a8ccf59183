"""Jobs on a Slurm cluster, through submitit.

submitit writes a batch script and a pickle of `train.jobs.slurm_work.SlurmWork` into runs/<id>/submitit/. Slurm starts
that once for each task, by srun; the tasks of a training find each other through Lightning's DDP. Whatever ends a job
early (its time, somebody more important, `scontrol requeue`) asks it to end, training writes last.ckpt, and the same
job waits again and goes on from it.
"""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.settings import ROOT
from train.jobs import files, outcome, processes, slurm_ask, slurm_check, work
from train.jobs.engine import EngineError, Problem, Seen
from train.jobs.job import Job, Order, State
from train.jobs.slurm_ask import Partition, Told

if TYPE_CHECKING:
    from submitit import SlurmExecutor

    from train.recipe import Recipe

# How often a job may run into its time and be continued: one that gets nowhere must end some day.
CONTINUED = 100
# Seconds before the limit at which a job is told: a step and a checkpoint fit in.
WARNING = 120

# What Slurm alone knows of an end.
_ENDS = {
    "BOOT_FAIL": (State.LOST, "Its node did not start; resuming submits it again."),
    "DEADLINE": (State.FAILED, "Slurm ended it at its deadline."),
    "NODE_FAIL": (State.LOST, "Its node went down; resuming submits it again."),
    "OUT_OF_MEMORY": (State.FAILED, "It needed more memory than it had asked Slurm for; ask for more."),
    "PREEMPTED": (State.STOPPED, "It had to give way to another job; resuming goes on from its checkpoint."),
    "REVOKED": (State.LOST, "Slurm took it back; resuming submits it again."),
    "TIMEOUT": (
        State.FAILED,
        "It ran into its time; resuming goes on from its checkpoint, as far as it got.",
    ),
}
_STARTING = ("CONFIGURING", "STAGE_OUT", "RESIZING")
_WAITING = (
    "PENDING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "REQUEUE_FED",
    "SPECIAL_EXIT",
    "RESV_DEL_HOLD",
    "SUSPENDED",
)
# The reasons that people meet, of hundreds; others are shown as Slurm says them.
_REASONS = {
    "None": "",
    "Priority": "others are before it",
    "Resources": "nothing is free yet",
    "BeginTime": "it starts again in a moment",
    "Dependency": "another job must end first",
    "JobHeldUser": "somebody holds it; scontrol release lets it go on",
    "JobHeldAdmin": "an administrator holds it",
    "PartitionDown": "its partition is down",
    "PartitionNodeLimit": "the partition hasn't got as many nodes",
    "PartitionTimeLimit": "the partition doesn't allow as long",
    "ReqNodeNotAvail": "the nodes that it needs are down or reserved",
}


class Slurm:
    """The engine `slurm`."""

    name = "slurm"
    title = "Slurm cluster"

    def unavailable(self) -> str:
        """Why it can't be used here, in a sentence; empty when it can."""
        if said := slurm_ask.unavailable():
            return said
        return _missing_here()

    def partitions(self) -> list[Partition]:
        """What a job can be sent to, the default first; empty where Slurm can't be asked."""
        try:
            return slurm_ask.partitions()
        except EngineError:
            return []

    def check(self, order: Order, recipe: "Recipe | None") -> list[Problem]:
        """What this cluster can't do of an order, at the field concerned."""
        if why := self.unavailable():
            return [Problem("engine", why)]
        return slurm_check.check(order, recipe, slurm_ask.partitions())

    def submit(self, job: Job) -> str:
        """Hand it to sbatch; Slurm's number for it.

        Raises:
            EngineError: it was refused, or an earlier number of this job is still at work.
        """
        if why := self.unavailable():
            raise EngineError(why)
        slurm_ask.forget()
        if numbers := slurm_ask.at_work(job.id):
            raise EngineError(f"Slurm still has this job, as {numbers[0]}; wait until that has ended.")
        from train.jobs import slurm_shards
        from train.jobs.slurm_work import SlurmWork

        if job.order.kind == "colorize":
            return submit(job, slurm_shards.works(job))
        return submit(job, [SlurmWork(str(job.folder))])

    def look(self, job: Job) -> Seen:
        """How Slurm sees it; while Slurm can't be asked, as it was."""
        if job.order.kind == "colorize":
            from train.jobs import slurm_shards

            return slurm_shards.look(job)
        try:
            told = slurm_ask.state(job.number, job.id) if job.number else None
            # Handed over by a process that was killed before it noted the number.
            if not job.number and (numbers := slurm_ask.at_work(job.id)):
                told = slurm_ask.state(numbers[-1], job.id)
        except EngineError as error:
            said = outcome.over(job)
            # What ended without being asked here may wait to be continued.
            is_sure = said is not None and (job.wants_stop or said.state is not State.STOPPED)
            return said if said is not None and is_sure else Seen(job.state, str(error))
        return seen(told, job)

    def logs(self, job: Job, lines: int) -> str:
        """The end of what it printed; before that, what Slurm and submitit had to say about it."""
        if job.order.kind == "colorize":
            from train.jobs import slurm_shards

            return slurm_shards.logs(job, lines)
        printed = files.tail(job.folder / work.OUTPUT, lines)
        return printed or files.tail(_log(job), lines)

    def cancel(self, job: Job) -> None:
        """Ask Slurm to end it: it sends SIGTERM to all of it, and SIGKILL after its KillWait.

        Raises:
            EngineError: the controller doesn't answer.
        """
        # By name, which is given once: a younger cluster gives numbers again.
        slurm_ask.say("scancel", f"--user={os.getuid()}", f"--name={job.id}")
        slurm_ask.forget()


def submit(job: Job, works: list[Any]) -> str:
    """Hand one or several pieces of a job to Slurm, several as an array ("NUMBER_0", "NUMBER_1", ...).

    Args:
        works: what submitit pickles; each is called once for each task.

    Returns:
        Slurm's number, of an array without an index.

    Raises:
        EngineError: Slurm's own words on why it was refused.
    """
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        executor = _executor(job)
        if len(works) == 1:
            number = str(executor.submit(works[0]).job_id)
        else:
            number = str(executor.submit_array(works)[0].job_id).partition("_")[0]
    except (FailedSubmissionError, FailedJobError, OSError, RuntimeError) as error:
        said = str(error).strip().splitlines() or ["sbatch failed"]
        raise EngineError(f"Slurm did not take the job: {said[-1][:300]}") from error
    slurm_ask.forget()
    return number


def seen(told: Told | None, job: Job) -> Seen:
    """Slurm's word for a job as ours."""
    if told is None:
        return Seen(None)
    if told.is_over:
        return _end(told, job)
    if job.wants_stop:
        return Seen(State.STOPPING)
    if told.state in _WAITING:
        reason = _REASONS.get(told.reason, told.reason)
        return Seen(State.WAITING, "Slurm lets it wait" + (f": {reason}." if reason else "."))
    return Seen(State.STARTING if told.state in _STARTING else State.RUNNING)


def _end(told: Told, job: Job) -> Seen:
    """How it ended: what its own folder says, unless Slurm knows better."""
    said = outcome.over(job)
    if said is not None and (said.state is State.FINISHED or job.wants_stop):
        return said
    if job.wants_stop:
        return Seen(State.STOPPED, "Stopped before it began." if not job.started else "Stopped on request.")
    if told.state in _ENDS:
        return Seen(*_ENDS[told.state])
    if told.state == "FAILED" and (said is None or said.state is State.STOPPED):
        return Seen(State.FAILED, _failure(job))
    if said is not None:
        return said
    if told.state == "CANCELLED":
        return Seen(State.STOPPED, "It was cancelled on Slurm.")
    return outcome.lost(job)


def _failure(job: Job) -> str:
    """Why it failed, where its first process, which writes how it ended, did not."""
    note = work.read(job.folder)
    if note is None or note.attempt != job.attempts:
        return _with("It failed before its work began", files.tail(_log(job), 1))
    others = [path for path in job.folder.glob("output-*.txt") if path.stat().st_mtime >= note.began]
    if not others:
        return _with("It failed", files.tail(job.folder / work.OUTPUT, 1))
    latest = max(others, key=lambda path: path.stat().st_mtime)
    rank = latest.stem.partition("-")[2]
    return _with(f"Another process than the first failed, perhaps number {rank}", files.tail(latest, 1))


def _with(what: str, line: str) -> str:
    return f"{what}: {line.strip()[:300]}" if line.strip() else f"{what}."


def _exported() -> str:
    """The page's environment, but for what is secret: that arrives empty, and so Slurm doesn't store it either."""
    return ",".join(["ALL", *(f"{name}=" for name in processes.SECRETS if name in os.environ)])


def _executor(job: Job) -> "SlurmExecutor":
    from submitit import SlurmExecutor

    hardware = job.order.hardware
    executor = SlurmExecutor(job.folder / "submitit", max_num_timeout=CONTINUED)
    wanted: dict[str, Any] = {
        "job_name": job.id,
        "time": hardware.minutes,
        "nodes": hardware.nodes,
        "ntasks_per_node": hardware.tasks,
        "cpus_per_task": hardware.cpus,
        "signal_delay_s": min(WARNING, hardware.minutes * 20),
        "stderr_to_stdout": True,
        "setup": [f"export PYTHONPATH={shlex.quote(str(ROOT))}"],
        # Since Slurm 22.05 srun doesn't take the number of cores from sbatch. One task that fails must end the others,
        # which would wait for it.
        "srun_args": [f"--cpus-per-task={hardware.cpus}", "--kill-on-bad-exit=1"],
        "additional_parameters": {"requeue": True, "chdir": str(ROOT), "export": _exported()},
    }
    optional = {
        "partition": hardware.partition,
        "account": hardware.account,
        "gpus_per_node": hardware.gpus,
        "mem": slurm_check.megabytes(hardware.memory_gb),
    }
    executor.update_parameters(**wanted | {key: value for key, value in optional.items() if value})
    return executor


def _missing_here() -> str:
    from importlib.util import find_spec

    missing = [name for name in ("submitit", "lightning") if find_spec(name) is None]
    if not missing:
        return ""
    return f"{' and '.join(missing)} isn't installed here: pip install -r requirements-train.txt"


def _log(job: Job) -> Path:
    """What Slurm and submitit had to say about the latest attempt."""
    return job.folder / "submitit" / f"{job.number or 0}_0_log.out"
