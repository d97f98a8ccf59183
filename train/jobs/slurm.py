"""Jobs on a Slurm cluster, through submitit.

submitit writes a batch script and a pickle of `train.jobs.slurm_work.SlurmWork` into runs/<id>/submitit/. Slurm starts
that once for each task, by srun; the tasks of a training find each other through Lightning's DDP. Whatever ends a job
early (its time, somebody more important, `scontrol requeue`) asks it to end, training writes last.ckpt, and the same
job waits again and goes on from it.
"""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.settings import ROOT
from train.jobs import files, outcome, slurm_ask, slurm_check, work
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

_OVER = {
    "COMPLETED": (State.FINISHED, ""),
    "CANCELLED": (State.STOPPED, "It was cancelled on Slurm."),
    "DEADLINE": (State.FAILED, "Slurm ended it at its deadline."),
    "FAILED": (State.FAILED, ""),
    "BOOT_FAIL": (State.FAILED, "Its node did not start."),
    "NODE_FAIL": (State.LOST, "Its node went down."),
    "OUT_OF_MEMORY": (State.FAILED, "It needed more memory than it had asked Slurm for; ask for more."),
    "TIMEOUT": (
        State.FAILED,
        "It took longer than it had asked Slurm for; resume goes on from its checkpoint.",
    ),
    "PREEMPTED": (State.STOPPED, "It had to give way to another job; resume goes on from its checkpoint."),
    "REVOKED": (State.LOST, "Slurm took it back."),
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
        if (
            job.number
            and (told := slurm_ask.state(job.number, job.id)) is not None
            and told.state not in _OVER
        ):
            raise EngineError(f"Slurm still has this job, as {job.number}; wait until that has ended.")
        from train.jobs.slurm_work import SlurmWork

        return submit(job, [SlurmWork(str(job.folder))])

    def look(self, job: Job) -> Seen:
        """How Slurm sees it.

        Raises:
            EngineError: the controller doesn't answer.
        """
        told = slurm_ask.state(job.number, job.id) if job.number else None
        if told is not None and told.state in _OVER and (said := outcome.over(job)) is not None:
            return said
        return seen(told, job)

    def logs(self, job: Job, lines: int) -> str:
        """The end of what it printed; before that, what Slurm and submitit had to say about it."""
        printed = files.tail(job.folder / work.OUTPUT, lines)
        return printed or files.tail(_log(job), lines)

    def cancel(self, job: Job) -> None:
        """Ask Slurm to end it: it sends SIGTERM to all of it, and SIGKILL after its KillWait.

        Raises:
            EngineError: the controller doesn't answer.
        """
        if not job.number:
            return
        told = slurm_ask.state(job.number, job.id)
        if told is None and slurm_ask.states(job.number, job.id) == {}:
            return
        try:
            # By name too, so that a number given anew by a younger cluster ends nobody else's job.
            slurm_ask.say("scancel", f"--name={job.id}", job.number)
        except EngineError as error:
            if "nvalid job id" not in str(error) and "already complet" not in str(error):
                raise
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
    if told.state in _OVER:
        state, sentence = _OVER[told.state]
        if job.wants_stop and state is not State.FINISHED:
            return Seen(State.STOPPED)
        return Seen(state, sentence)
    if job.wants_stop:
        return Seen(State.STOPPING)
    if told.state in _WAITING:
        reason = _REASONS.get(told.reason, told.reason)
        return Seen(State.WAITING, "Slurm lets it wait" + (f": {reason}." if reason else "."))
    if told.state in _STARTING:
        return Seen(State.STARTING)
    return Seen(State.RUNNING)


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
        "additional_parameters": {"requeue": True, "chdir": str(ROOT)},
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
