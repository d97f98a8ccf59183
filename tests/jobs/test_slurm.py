"""Trainings on a real Slurm cluster of one node: handed over, watched, interrupted, continued, stopped."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml

from tests import runs
from tests.jobs.cluster import until
from train.jobs import job as jobs
from train.jobs import looking, processes, registry, slurm_ask, work
from train.jobs.engine import EngineError
from train.jobs.job import Hardware, Job, Order, State
from train.jobs.slurm import Slurm
from train.settings import TrainSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
# Ends by itself should a test be killed.
LONG: dict[str, Any] = {"steps": 20_000, "validate_every": 10, "samples": 0, "precision": "32-true"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainSettings:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return TrainSettings(runs=tmp_path / "runs", datasets=str(tmp_path))


def order(folder: Path, hardware: dict[str, Any] | None = None, **recipe: Any) -> Order:
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(runs.values(folder, **recipe)))
    wanted = {"engine": "slurm", "cpus": 1, "memory_gb": 1, "minutes": 20} | (hardware or {})
    return Order(name="tiny", recipe=str(file), hardware=Hardware(**wanted))


def state(job: Job) -> State:
    return looking.stand(job).state


def steps(job: Job) -> list[int]:
    """The steps of metrics.csv's rows."""
    try:
        return [int(row["step"]) for row in runs.rows(job.folder) if row["step"]]
    except OSError:
        return []


def run(job: Job) -> dict[str, Any]:
    try:
        return json.loads((job.folder / "run.json").read_text())
    except (OSError, ValueError):
        return {}


def checkpoint(job: Job) -> int:
    return int(torch.load(job.folder / "last.ckpt", weights_only=True)["course"]["step"])


def procid(process: psutil.Process) -> str:
    """Which of Slurm's tasks a process belongs to."""
    return process.environ().get("SLURM_PROCID", "")


def ask(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def test_two_tasks_train_together_go_on_after_a_requeue_and_end_together(
    slurm: Path, tmp_path: Path, settings: TrainSettings
) -> None:
    job = registry.submit(order(tmp_path, {"tasks": 2}, devices=2, **LONG), settings)
    assert job.number.isdecimal()
    until(lambda: len(steps(job)) >= 2, 180, "a second row of metrics.csv")
    assert state(job) is State.RUNNING
    note = work.read(job.folder)
    assert note is not None
    assert note.mark.is_alive()
    assert run(job)["starts"] == 1

    ask("scontrol", "requeue", job.number)
    slurm_ask.forget()
    until(lambda: state(job) is State.WAITING, 60, "the queue")
    assert not processes.with_token(job.token)
    interrupted = checkpoint(job)
    assert interrupted >= 20
    until(lambda: run(job).get("starts") == 2 and steps(job)[-1] > interrupted + 10, 180, "its going on")
    assert state(job) is State.RUNNING
    seen = steps(job)
    assert seen == sorted(set(seen)), "no step was trained twice, and none forgotten"
    assert "val/psnr" in looking.logs(job) or "step" in looking.logs(job)

    other = next(process for process in processes.with_token(job.token) if procid(process) == "1")
    other.kill()
    until(lambda: state(job).is_over, 60, "the end")
    standing = looking.stand(job)
    assert standing.state is State.FAILED
    assert "perhaps number 1" in standing.sentence
    until(lambda: not processes.with_token(job.token), 20, "the end of all processes")


def test_a_run_whose_time_is_up_waits_again_and_goes_on(
    slurm: Path, tmp_path: Path, settings: TrainSettings
) -> None:
    job = registry.submit(order(tmp_path, **LONG), settings)
    until(lambda: len(steps(job)) >= 2, 180, "a second row of metrics.csv")
    # What Slurm sends before the limit, to all of the job's processes.
    ask("scancel", "--signal=USR2", job.number)
    until(lambda: run(job).get("status") == "stopped", 60, "its checkpoint")
    interrupted = checkpoint(job)
    assert interrupted == run(job)["step"], "it was asked to save, not killed"
    until(lambda: run(job).get("starts") == 2 and run(job)["step"] > interrupted, 180, "its going on")
    assert jobs.find(job.id, settings.runs).number == job.number

    assert state(job) is State.RUNNING
    registry.cancel(job)
    assert state(job) in (State.STOPPING, State.STOPPED)
    until(lambda: state(job) is State.STOPPED, 60, "the end")
    until(lambda: not processes.with_token(job.token), 20, "the end of all processes")
    stopped = run(job)["step"]
    assert run(job)["status"] == "stopped"
    assert checkpoint(job) == stopped > interrupted
    standing = looking.stand(job)
    assert f"step {stopped}" in standing.sentence
    assert standing.ended

    recipe = job.folder / "recipe.yaml"  # how many steps there are may change when it goes on
    recipe.write_text(recipe.read_text().replace("steps: 20000", f"steps: {stopped + 5}"))
    again = registry.resume(standing.job)
    assert again.number != job.number
    with pytest.raises(EngineError, match="still has this job"):
        Slurm().submit(again)
    until(lambda: state(job).is_over, 180, "the end")
    standing = looking.stand(job)
    assert standing.state is State.FINISHED, looking.logs(job)
    assert (job.folder / "tiny.safetensors").is_file()
    assert standing.step == stopped + 5
    assert run(job)["starts"] == 3


def test_what_is_killed_has_failed_and_why(slurm: Path, tmp_path: Path, settings: TrainSettings) -> None:
    job = jobs.create(order(tmp_path), settings.runs, ("sleep", "600"))
    job = jobs.change(job.folder, number=Slurm().submit(job), submitted=job.created, attempts=0)
    note = until(lambda: (found := work.read(job.folder)) and found.child and found, 90, "its child")
    os.kill(note.child, signal.SIGKILL)
    until(lambda: state(job).is_over, 60, "the end")
    standing = looking.stand(job)
    assert standing.state is State.FAILED
    assert "signal 9" in standing.sentence


def test_what_waits_can_be_called_off(slurm: Path, tmp_path: Path, settings: TrainSettings) -> None:
    job = jobs.create(order(tmp_path, {"partition": "closed"}), settings.runs, ("true",))
    number = Slurm().submit(job)
    job = jobs.change(job.folder, number=number, submitted=job.created, attempts=1)
    standing = looking.stand(job)
    assert standing.state is State.WAITING
    assert "partition is down" in standing.sentence
    # Found by its name too: whoever handed it over may have been killed before writing the number down.
    assert Slurm().look(job.model_copy(update={"number": ""})).state is State.WAITING
    registry.cancel(job)
    until(lambda: state(job) is State.STOPPED, 30, "the end")
    assert not slurm_ask.at_work(job.id)
    assert not (job.folder / work.FILE).exists()


def test_names_and_folders_full_of_signs_stay_what_they_are(
    slurm: Path, tmp_path: Path, settings: TrainSettings
) -> None:
    folder = tmp_path / 'it\'s; $(touch owned) "&" 10%'
    folder.mkdir()
    settings = settings.model_copy(update={"runs": folder / "runs"})
    job = jobs.create(order(tmp_path), settings.runs, ("echo", "$(id); it's `x`"))
    job = jobs.change(job.folder, number=Slurm().submit(job), submitted=job.created, attempts=0)
    until(lambda: state(job).is_over, 90, "the end")
    assert state(job) is State.FINISHED, Slurm().logs(job, 50)
    assert looking.logs(job) == "$(id); it's `x`"
    assert not list(tmp_path.rglob("owned"))
