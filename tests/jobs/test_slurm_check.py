"""What Slurm can't do is said before anything is submitted, at the field concerned; and when there is no Slurm."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests import runs
from tests.jobs.cluster import SCRIPT
from train.jobs import job as jobs
from train.jobs import slurm_ask, slurm_check, work
from train.jobs.engine import EngineError
from train.jobs.job import Hardware, Job, Order, State
from train.jobs.slurm import Slurm, seen
from train.jobs.slurm_ask import Nodes, Partition, Told
from train.jobs.slurm_work import TOO_SHORT, SlurmWork

HERE = Nodes(count=4, cpus=16, memory_mb=64 * 1024, gpus=2)
LARGE = Nodes(count=1, cpus=64, memory_mb=512 * 1024, gpus=8)
CLUSTER = [Partition("main", True, True, None, (HERE, LARGE)), Partition("brief", False, True, 30, (HERE,))]


def order(kind: str = "fit", **hardware: Any) -> Order:
    return Order(kind=kind, name="tiny", recipe="tiny", hardware=Hardware(engine="slurm", **hardware))  # type: ignore[arg-type]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return jobs.create(order(), tmp_path / "runs").model_copy(
        update={"number": "7", "submitted": time.time()}
    )


# What a real cluster says


def test_its_partitions_are_read(slurm: Path) -> None:
    assert Slurm().unavailable() == ""
    found = Slurm().partitions()
    assert found[0].name == "main"
    main, brief = (next(part for part in found if part.name == name) for name in ("main", "brief"))
    assert main.is_default
    assert main.minutes is None
    assert brief.minutes == 30
    assert main.count == 1
    assert main.most("cpus") >= 2
    assert main.most("memory_mb") > 500


@pytest.mark.parametrize(
    ("hardware", "field", "words"),
    [
        ({"partition": "nowhere"}, "partition", "choose one of: main, brief"),
        ({"partition": "closed"}, "partition", "no jobs at the moment"),
        ({"partition": "brief", "minutes": 31}, "minutes", "allows 30 minutes"),
        ({"memory_gb": 4000}, "memory_gb", "GB, not 4000"),
        ({"cpus": 256}, "cpus", "cores, not 256"),
        ({"gpus": 1}, "gpus", "has no GPUs, not 1"),
        ({"nodes": 2}, "nodes", "has 1, not 2"),
        ({"device": "gpu:0"}, "device", "by their number"),
        ({"flavor": "a10g-small"}, "flavor", "no flavours"),
    ],
)
def test_what_it_has_not_got_is_refused_at_its_field(
    slurm: Path, hardware: dict[str, Any], field: str, words: str
) -> None:
    problems = Slurm().check(order(**{"memory_gb": 1, "minutes": 10} | hardware), None)
    assert [problem.field for problem in problems] == [field]
    assert words in problems[0].sentence


def test_what_it_has_is_no_problem(slurm: Path) -> None:
    assert Slurm().check(order(partition="brief", minutes=30, memory_gb=0.5, cpus=2), None) == []


def test_a_job_that_slurm_refuses_is_refused_in_its_words(slurm: Path, tmp_path: Path) -> None:
    impossible = order(memory_gb=4000)
    assert "node configuration is not available" in slurm_check._refusal(impossible)
    with pytest.raises(EngineError, match="node configuration is not available"):
        Slurm().submit(jobs.create(impossible, tmp_path / "runs", ("true",)))


def test_a_cluster_of_ones_own_comes_and_goes(slurm: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a cluster"
    said = subprocess.run(["bash", SCRIPT, "start", folder], capture_output=True, text=True, timeout=170)
    try:
        assert said.returncode == 0, said.stderr
        assert said.stdout == f"{folder}/slurm.conf\n"
        pids = [int((folder / f"{name}.pid").read_text()) for name in ("munged", "slurmctld", "slurmd")]
        command = ["srun", "--time=1", "hostname"]
        environment = os.environ | {"SLURM_CONF": said.stdout.strip()}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert ran.stdout.strip() == os.uname().nodename
    finally:
        subprocess.run(["bash", SCRIPT, "stop", folder], timeout=120, check=True)
    alive = [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]
    assert not alive
    assert Slurm().unavailable() == "", "the other one is left alone"


# Without one


def test_without_slurm_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "There is no Slurm on this machine" in Slurm().unavailable()
    assert Slurm().check(order(), None)[0].field == "engine"


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Programs in the place of Slurm's."""
    for name in slurm_ask.PROGRAMS:
        program = folder / name
        program.write_text("#!/bin/sh\n" + scripts.get(name, "exit 0") + "\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_CONF", str(folder))
    slurm_ask.forget()


def test_a_controller_that_does_not_answer_is_given_up_soon_and_asked_seldom(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job: Job
) -> None:
    monkeypatch.setattr(slurm_ask, "PATIENCE", 0.5)
    fake(tmp_path, monkeypatch, sinfo="exec sleep 60", squeue="echo 'squeue: error: no route' >&2; exit 1")
    began = time.monotonic()
    assert "did not answer sinfo" in Slurm().unavailable()
    assert "did not answer sinfo" in Slurm().unavailable()
    assert time.monotonic() - began < 5
    assert Slurm().partitions() == []
    looked = Slurm().look(job.model_copy(update={"state": State.RUNNING}))
    assert looked.state is State.RUNNING, "nobody knows better"
    assert looked.sentence == "Slurm: no route"


def test_where_the_queue_has_forgotten_a_job_the_accounting_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job: Job
) -> None:
    (tmp_path / "sacct").write_text(f"#!/bin/sh\necho 'TIMEOUT|0:15|{job.id}'\n")
    (tmp_path / "sacct").chmod(0o755)
    fake(tmp_path, monkeypatch)
    assert Slurm().look(job).state is State.FAILED
    assert "ran into its time" in Slurm().look(job).sentence
    assert slurm_ask.state("7", "somebody-elses") is None or slurm_ask.forget() is None
    slurm_ask.forget()
    assert slurm_ask.state("7", "somebody-elses") is None
    (tmp_path / "sacct").write_text("#!/bin/sh\necho 'Slurm accounting storage is disabled' >&2; exit 1\n")
    slurm_ask.forget()
    assert Slurm().look(job).state is None


def test_a_number_that_was_given_again_is_not_this_job(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job: Job
) -> None:
    fake(tmp_path, monkeypatch, squeue=f"echo '7|RUNNING|None|other'; echo '9_1|PENDING|Priority|{job.id}'")
    assert Slurm().look(job).state is None
    assert slurm_ask.at_work(job.id) == ["9_1"]
    assert slurm_ask.states("9", job.id) == {1: Told("PENDING", "Priority")}


# In our words


@pytest.mark.parametrize(
    ("told", "state", "words"),
    [
        (Told("PENDING", "Resources"), State.WAITING, "nothing is free yet"),
        (Told("PENDING", "SomethingNew"), State.WAITING, "SomethingNew"),
        (Told("CONFIGURING"), State.STARTING, ""),
        (Told("RUNNING"), State.RUNNING, ""),
        (Told("COMPLETING"), State.RUNNING, ""),
        (Told("OUT_OF_MEMORY"), State.FAILED, "ask for more"),
        (Told("NODE_FAIL"), State.LOST, "Its node went down"),
        (Told("CANCELLED"), State.STOPPED, "cancelled on Slurm"),
        (Told("FAILED"), State.FAILED, "before its work began"),
    ],
)
def test_slurms_words_in_ours(told: Told, state: State, words: str, job: Job) -> None:
    found = seen(told, job)
    assert found.state is state
    assert words in found.sentence


def test_what_was_asked_to_stop_has_stopped_whatever_slurm_calls_it(job: Job) -> None:
    asked = job.model_copy(update={"wants_stop": True})
    for word in ("CANCELLED", "FAILED", "TIMEOUT"):
        assert seen(Told(word), asked).state is State.STOPPED
    assert seen(Told("RUNNING"), asked).state is State.STOPPING


def test_a_training_that_saved_nothing_in_its_time_is_not_begun_anew_for_ever(job: Job) -> None:
    task = SlurmWork(str(job.folder))
    task._note = work.Note(pid=1, created=0.0, host="here", began=time.time() - 60)
    assert task.checkpoint() is None
    assert (job.folder / work.OUTPUT).read_text() == TOO_SHORT + "\n"
    failed = seen(Told("FAILED"), job)
    assert failed.state is State.FAILED
    assert "ask for more minutes" in failed.sentence
    (job.folder / "last.ckpt").touch()
    assert isinstance(task.checkpoint().function, SlurmWork)


def test_as_many_processes_start_as_the_recipe_is_for(tmp_path: Path) -> None:
    two = runs.recipe(tmp_path, devices=2)

    def fields(**hardware: Any) -> list[str]:
        return [problem.field for problem in slurm_check._processes(order(**hardware), two)]

    assert fields() == ["tasks"]
    assert fields(tasks=2) == []
    assert fields(tasks=2, nodes=2) == ["nodes"]
    assert fields(tasks=2, gpus=2) == []
    assert fields(tasks=2, gpus=4) == ["gpus"]
    assert [problem.field for problem in slurm_check._processes(order("colorize", tasks=2), None)] == [
        "tasks"
    ]


def test_limits_are_those_of_the_largest_node(tmp_path: Path) -> None:
    def fields(name: str, **hardware: Any) -> list[str]:
        partition = next(partition for partition in CLUSTER if partition.name == name)
        return [problem.field for problem in slurm_check._limits(order(**hardware), partition)]

    assert fields("main", gpus=8, tasks=8, cpus=8, memory_gb=512, nodes=5) == []
    assert fields("brief", gpus=8, tasks=8, cpus=8, memory_gb=512, nodes=5, minutes=60) == [
        *("nodes", "gpus", "cpus", "memory_gb", "minutes")
    ]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("infinite", None), ("30:00", 30), ("2:00:00", 120), ("1-12:30:00", 2190), ("n/a", None)],
)
def test_times_are_read(text: str, minutes: int | None) -> None:
    assert slurm_ask.read_minutes(text) == minutes


@pytest.mark.parametrize(
    ("gres", "count"),
    [
        ("(null)", 0),
        ("gpu:2", 2),
        ("gpu:a100:4(S:0-1)", 4),
        ("gpu:a100:4(S:0,1),gpu:t4:2,shard:8", 6),
        ("nic:2", 0),
    ],
)
def test_gpus_are_counted(gres: str, count: int) -> None:
    assert slurm_ask.count_gpus(gres) == count
