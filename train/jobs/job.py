"""A job is a folder, and job.json in it is what was ordered and what became of it so far.

    runs/<id>/job.json          this
    runs/<id>/work.json         the process at work: pid, its start, exit code (`train.jobs.work`)
    runs/<id>/output.txt        what it printed
    runs/<id>/submitit/         submitit's own files
    runs/<id>/recipe.yaml, run.json, log.txt, metrics.csv, *.ckpt, samples/, NAME.safetensors, report/    of training

    job = create(order, runs)
    change(job.folder, state=State.RUNNING, number="4711")

Knows neither engines nor PyTorch.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from colorizer.errors import OptionError
from train.jobs import files

FILE = "job.json"
LOCK = ".job.lock"
ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")
"""What a job may be called by: its folder's name, and nothing that leads elsewhere."""


class State(str, Enum):
    """Where a job stands."""

    WAITING = "waiting"
    """For a free device here, or in the engine's own queue."""
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    """Asked to end; it writes its checkpoint."""
    STOPPED = "stopped"
    """On request; resuming goes on."""
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"
    """Its process vanished without a last word: killed, or the machine went down."""

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is at work or waits."""
        return self in (State.STOPPED, State.FINISHED, State.FAILED, State.LOST)


class Hardware(BaseModel):
    """On what a job runs; an engine heeds what it knows and refuses the rest (`Engine.check`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["local", "slurm", "hf"] = "local"
    device: str = Field(
        "cpu", pattern=r"^(cpu|gpu:\d+(,\d+)*)$", description="This machine: cpu, gpu:0, or gpu:0,1."
    )
    partition: str = Field(
        "", pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="Slurm's; empty is its default."
    )
    account: str = Field("", pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="Slurm's, where it wants one.")
    gpus: int = Field(0, ge=0, le=64, description="A node, on Slurm.")
    nodes: int = Field(1, ge=1, le=256, description="Machines, on Slurm.")
    tasks: int = Field(1, ge=1, le=64, description="Processes a node, on Slurm: one a GPU.")
    cpus: int = Field(2, ge=1, le=256, description="Cores a process, on Slurm.")
    memory_gb: float | None = Field(None, gt=0, le=4096, description="A node, on Slurm; none is its default.")
    minutes: int = Field(
        1440, ge=1, le=43_200, description="The longest it may take; Slurm continues it, the Hub ends it."
    )
    flavor: str = Field(
        "", pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="Hugging Face Jobs: name of the hardware."
    )


class Order(BaseModel):
    """What somebody wants done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["fit", "colorize", "evaluate"] = "fit"
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$", description="Beginning of the id; of fit, the weights' too."
    )
    who: str = ""
    recipe: str = Field("", description="Of fit: a name of train/recipes, or a YAML file.")
    overrides: tuple[str, ...] = Field(
        (), description="Of fit: key=value, as `python -m train fit` takes them."
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Of colorize: folder, out, shards, ...; of evaluate: of (id), limit, against.",
    )
    dataset: str = Field("", description="What the person chose, for showing it; the overrides say it too.")
    hardware: Hardware = Hardware()


class Job(BaseModel):
    """job.json."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    folder: Path = Field(exclude=True)
    order: Order
    command: tuple[str, ...] = Field((), description="What runs, as an argument list; never a shell's line.")
    created: float
    """Seconds since 1970, as all times here."""
    state: State = State.WAITING
    """As last seen by somebody who looked; `train.jobs.stand` looks again."""
    wants_stop: bool = False
    asked: float | None = None
    """When the stop was asked for."""
    number: str = Field(
        "", description="The engine's own: controller's pid, Slurm's job number, the Hub's id."
    )
    token: str = Field("", description="In the environment of all its processes on this machine, RANGIN_JOB.")
    attempts: int = Field(0, description="How often it was handed to the engine.")
    submitted: float | None = None
    started: float | None = None
    ended: float | None = None
    sentence: str = Field("", description="What happened last, for people.")
    notes: dict[str, Any] = Field(
        default_factory=dict, description="An engine's own: repository, shards' numbers."
    )


def create(order: Order, runs: Path, command: tuple[str, ...] = ()) -> Job:
    """A folder of its own for an order; nothing is started.

    Raises:
        OptionError: the runs folder can't be written.
    """
    stamp = datetime.fromtimestamp(time.time(), timezone.utc).strftime("%Y%m%d-%H%M%S")
    job_id = f"{order.name}-{stamp}-{secrets.token_hex(2)}"
    folder = runs / job_id
    job = Job(
        id=job_id,
        folder=folder,
        order=order,
        command=command,
        created=time.time(),
        token=secrets.token_hex(8),
    )
    try:
        folder.mkdir(parents=True)
        write(job)
    except OSError as error:
        raise OptionError(
            f"A job's folder can't be made in {runs} ({error.strerror}); make room there, or set RANGIN_RUNS to a "
            "folder that can be written."
        ) from error
    return job


def find(job_id: str, runs: Path) -> Job:
    """A job by its id.

    Raises:
        OptionError: no such job, or an id that can't be one.
    """
    job = read(runs / job_id) if ID.fullmatch(job_id) and ".." not in job_id else None
    if job is None:
        raise OptionError(f"There is no job {job_id[:80]!r}; `python -m train jobs list` shows all.")
    return job


def read(folder: Path) -> Job | None:
    """A folder's job.json; None where there is none, or one that nobody of ours wrote."""
    try:
        values = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Job.model_validate({**values, "folder": folder, "id": folder.name})
    except (OSError, ValueError, TypeError, ValidationError):
        return None


def everything(runs: Path) -> list[Job]:
    """All jobs, the newest first."""
    try:
        folders = [folder for folder in runs.iterdir() if (folder / FILE).is_file()]
    except OSError:
        return []
    found = [job for folder in folders if (job := read(folder)) is not None]
    return sorted(found, key=lambda job: (job.created, job.id), reverse=True)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Nobody else changes this job meanwhile; other processes wait.

    Raises:
        OptionError: the job was deleted meanwhile.
    """
    if not folder.is_dir():  # taking the lock would make it anew
        raise OptionError(f"The job {folder.name} was deleted meanwhile.")
    with FileLock(folder / LOCK, is_singleton=True):
        yield


def change(folder: Path, **values: Any) -> Job:
    """Change what job.json says; the caller holds no lock, or the one of `held` (it may be taken twice by a thread).

    Raises:
        OptionError: the job was deleted meanwhile.
    """
    with held(folder):
        job = read(folder)
        if job is None:
            raise OptionError(f"The job {folder.name} was deleted meanwhile.")
        job = job.model_copy(update=values)
        write(job)
        return job


def write(job: Job) -> None:
    """Write job.json, whole; the caller sees to it that nobody else does.

    Raises:
        OSError: as writing raises it.
    """
    # In ASCII: names of folders that are no UTF-8 stand there as \\udc.. escapes.
    files.write(job.folder / FILE, json.dumps(job.model_dump(mode="json"), indent=2) + "\n")
