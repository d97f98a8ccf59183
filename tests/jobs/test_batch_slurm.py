"""An archive on a real Slurm cluster: sixty photos in four parts, of which one is killed and one is requeued."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colorizer import shard_rows
from tests.jobs.archives import check, draw
from tests.jobs.cluster import until
from tests.untrained import some_models
from train.jobs import job as jobs
from train.jobs import processes, registry, slurm_ask, slurm_shards, work
from train.jobs.job import Hardware, Job, Order, State
from train.settings import get_train_settings


@pytest.fixture
def runs(tmp_path: Path, slurm: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for jobs, in which nothing is at work at the end."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("RANGIN_RUNS", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    get_train_settings.cache_clear()
    yield folder
    for job in jobs.everything(folder):
        slurm_ask.say("scancel", f"--name={job.id}")
        processes.end_all(job.token, signal.SIGKILL)
    get_train_settings.cache_clear()


def of_part(job: Job, number: int) -> list[psutil.Process]:
    """The processes at work on a part: its crew and its painter."""
    folder, found = str(slurm_shards._folder(job, number)), []
    for process in processes.with_token(job.token):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if folder in words or f"{number}/4" in words:
            found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sixty_photos_in_four_parts_on_slurm(tmp_path: Path, runs: Path) -> None:
    archive, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.csv"
    good, bad = draw(archive, 60, (700, 600))  # so that there is time to kill
    with some_models("cnn") as (model,):
        order = Order(
            kind="colorize",
            name="archive",
            arguments={
                "inputs": [str(archive)],
                "out": str(out),
                "shards": 4,
                "report": str(report),
                "model": model,
            },
            hardware=Hardware(engine="slurm", cpus=1, memory_gb=1.5, minutes=20),
        )
        job = registry.submit(order, anywhere=True)
        assert job.number.isdecimal()
        until(lambda: len(of_part(job, 2)) == 2 and len(of_part(job, 3)) == 2, 200, "two parts at work")
        until(lambda: shard_rows.so_far(out, 4, only=2).done, 200, "a photo of part 2")
        # Part 2 is killed as the kernel kills: its painter, its crew, and the keeper above them.
        note = work.read(slurm_shards._folder(job, 2))
        assert note is not None
        for pid in (note.pid, *(process.pid for process in of_part(job, 2))):
            psutil.Process(pid).kill()
        third = job.notes.get("parts", jobs.find(job.id, runs).notes["parts"]).index(3)
        slurm_ask.say("scontrol", "requeue", f"{job.number}_{third}")

        until(lambda: registry.stand(job).state.is_over, 300, "the end of all parts")
        standing = registry.stand(job)
        assert standing.state in (State.FAILED, State.LOST), standing
        assert "Part 2 of 4: " in standing.sentence
        assert "Part 3" not in standing.sentence, "what was requeued goes on by itself"
        assert shard_rows.so_far(out, 4, only=3).left == 0
        assert 0 < shard_rows.so_far(out, 4).left < 15
        assert "part 3 of 4" in registry.logs(job, 200)

        before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
        registry.resume(standing.job)
        assert jobs.find(job.id, runs).notes["parts"] == [2], "only what is left is handed over"
        until(lambda: registry.stand(job).state.is_over, 200, "the end of part 2")
    standing = registry.stand(job)
    assert standing.state is State.FINISHED, standing
    assert (standing.step, standing.steps) == (60, 60)
    assert standing.sentence.startswith(f"{good} of 60 photos coloured")
    check(out, good, bad, report)
    assert all(path.stat().st_mtime_ns == moment for path, moment in before.items()), (
        "what is done is skipped"
    )


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_stopping_an_archive_on_slurm(tmp_path: Path, runs: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    draw(archive, 20, (900, 800))
    with some_models("cnn") as (model,):
        arguments = {"inputs": [str(archive)], "out": str(out), "shards": 2, "model": model}
        hardware = Hardware(engine="slurm", cpus=1, memory_gb=1.5, minutes=20)
        order = Order(kind="colorize", name="archive", arguments=arguments, hardware=hardware)
        job = registry.submit(order, anywhere=True)
        until(lambda: sum(shard_rows.so_far(out, 2)[1:]) >= 1, 200, "the first photo")
        assert registry.stand(job).state is State.RUNNING
        registry.cancel(job)
        asked = time.monotonic()
        until(lambda: registry.stand(job).state.is_over, 60, "the end")
        assert time.monotonic() - asked < 40
    standing = registry.stand(job)
    assert standing.state is State.STOPPED, standing
    assert "resuming goes on" in standing.sentence
    until(lambda: not processes.with_token(job.token), 20, "the end of all processes")
    assert not list(out.glob("*.part"))
