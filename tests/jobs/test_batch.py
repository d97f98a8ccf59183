"""An archive as a job on this machine: what is refused, what is killed and goes on, and what stops when asked."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from colorizer import shard_rows, shards
from colorizer.__main__ import main
from colorizer.shard_run import ShardRun
from colorizer.shards import Wishes
from tests.jobs.archives import Paints, check, draw, start
from tests.jobs.cluster import until
from tests.untrained import some_models
from train.__main__ import main as train
from train.jobs import batch, batch_command, batch_work, kinds, processes, registry
from train.jobs import job as jobs
from train.jobs.engine import EngineError, Seen
from train.jobs.job import Hardware, Job, Order, State
from train.jobs.slurm_shards import together
from train.settings import TrainSettings, get_train_settings


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for jobs, in which nothing is at work at the end."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("RANGIN_RUNS", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    get_train_settings.cache_clear()
    yield folder
    for job in jobs.everything(folder):
        processes.end_all(job.token, signal.SIGKILL)
    get_train_settings.cache_clear()


@pytest.fixture
def small_model() -> Iterator[str]:
    """A model that is quick."""
    with some_models("cnn") as (name,):
        yield name


def ordered(archive: Path, out: Path, hardware: dict[str, Any] | None = None, /, **arguments: Any) -> Order:
    given = {"inputs": [str(archive)], "out": str(out), "shards": 4} | arguments
    return Order(kind="colorize", name="colorize", arguments=given, hardware=Hardware(**(hardware or {})))


def parts_at_work(job: Job) -> list[psutil.Process]:
    """The processes that colour."""
    found = []
    for process in processes.with_token(job.token):
        try:
            if "shard" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def shard_run_of(out: Path, part: str) -> None:
    """Work through a part, at once."""
    with ShardRun(shards.read(out), shards.Shard.parse(part)) as work:
        list(work.rows(Paints))  # type: ignore[arg-type]


def only_job(runs: Path) -> Job:
    until(lambda: jobs.everything(runs), what="the job")
    (job,) = jobs.everything(runs)
    return job


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_sixty_photos_in_four_parts_one_killed_then_all(tmp_path: Path, runs: Path, small_model: str) -> None:
    archive, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.csv"
    good, bad = draw(archive)
    command = ["-m", "colorizer", "colorize", str(archive), "--out", str(out), "--report", str(report)]
    command += ["--model", small_model, "--device", "cpu", "--engine", "local", "--shards", "4"]
    waiting = start(*command)
    job = only_job(runs)
    until(lambda: sum(shard_rows.so_far(out, 4)[1:]) >= 3, what="the first photos")
    (part,) = parts_at_work(job)
    part.kill()
    until(lambda: shard_rows.so_far(out, 4).photos > 15, what="the second part")
    for process in processes.with_token(job.token):  # the keeper, the crew, the part
        process.kill()
    killed = time.monotonic()
    said, _ = waiting.communicate(timeout=120)
    assert time.monotonic() - killed < 10 + 3, "true within ten seconds, said by a process that has to end"
    assert waiting.returncode == 1, said
    assert "lost" in said
    assert f"jobs resume {job.id}" in said
    standing = registry.stand(job)
    assert standing.state is State.LOST
    assert not processes.with_token(job.token)
    assert 0 < (standing.share or 0) < 1

    registry.resume(standing.job)
    until(lambda: registry.stand(job).state.is_over, 240, "the end")
    standing = registry.stand(job)
    assert (standing.state, standing.step, standing.steps, standing.share) == (State.FINISHED, 60, 60, 1.0)
    assert standing.sentence.startswith(f"{good} of 60 photos coloured")
    assert f"{bad} failed" in standing.sentence
    check(out, good, bad, report)
    printed = registry.logs(job, 100)
    assert "was killed by signal 9; it is run again" in printed
    assert "part 4 of 4: 15 photos" in printed


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_ctrl_c_stops_the_job_and_what_is_left_can_be_done_later(
    tmp_path: Path, runs: Path, small_model: str
) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    good, bad = draw(archive, 8, (1000, 900))  # so that it takes a while
    command = [
        "colorize",
        str(archive),
        "--out",
        str(out),
        "--model",
        small_model,
        "--engine",
        "local",
        "--shards",
        "2",
    ]
    # A shell that runs the tests in the background makes its children deaf to Ctrl-C; this one shall hear it.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from colorizer.__main__ import main; sys.exit(main())"
    )
    waiting = start("-c", code, *command)
    job = only_job(runs)
    until(lambda: sum(shard_rows.so_far(out, 2)[1:]) >= 2, what="the first photos")
    waiting.send_signal(signal.SIGINT)
    asked = time.monotonic()
    said, _ = waiting.communicate(timeout=120)
    assert waiting.returncode == 130, said
    assert time.monotonic() - asked < 30
    standing = registry.stand(job)
    assert standing.state is State.STOPPED
    assert (standing.ended or 0) - (standing.job.asked or 0) < 10
    assert "Stopped; resuming goes on." in standing.sentence
    assert not processes.with_token(job.token)
    assert not list(out.glob("*.part"))
    assert 0 < shard_rows.merge(shards.read(out)).left < good + bad
    assert {main(["shard", str(out), f"{number}/2", "--device", "cpu"]) for number in (1, 2)} == {0}
    check(out, good, bad)


def test_not_waiting(
    tmp_path: Path, runs: Path, small_model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    draw(archive, 6)
    command = ["jobs", "colorize", str(archive), "--out", str(out), "--model", small_model, "--shards", "1"]
    assert train([*command, "--engine", "local", "--device", "cpu"]) == 0
    job = only_job(runs)
    assert job.id in capsys.readouterr().out
    assert train(command) == 2
    assert f"error: out: The job {job.id} writes there" in capsys.readouterr().err
    registry.cancel(job)
    until(lambda: registry.stand(job).state.is_over, 60, "the end")
    assert registry.stand(job).state is State.STOPPED
    assert train([*command, "--engine", "hf"]) == 2
    assert "error: engine: Photos are not sent to Hugging Face" in capsys.readouterr().err
    assert train([*command, "--name", "Two Words"]) == 2
    assert "--name 'Two Words' can't be taken" in capsys.readouterr().err
    assert jobs.everything(runs) == [registry.stand(job).job]


def test_a_stop_that_is_not_taken_can_be_asked_for_again(
    tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = jobs.create(ordered(tmp_path, tmp_path / "out"), runs)

    def silent(job: Job) -> None:
        raise EngineError("Slurm's controller did not answer.")

    monkeypatch.setattr(registry, "cancel", silent)
    assert not batch_command._stop(job)
    assert "it goes on: Slurm's controller did not answer. Ctrl-C tries again" in capsys.readouterr().err
    monkeypatch.setattr(registry, "cancel", lambda job: None)
    assert batch_command._stop(job)


def test_what_is_wrong_is_said_before_anything_starts(tmp_path: Path, runs: Path) -> None:
    archive = tmp_path / "in"
    draw(archive, 3)
    (tmp_path / "file").write_text("")
    settings = TrainSettings(runs=runs, datasets=str(tmp_path))

    def fields(order: Order, anywhere: bool = True) -> list[str]:
        return [problem.field for problem in batch.check(order, settings, anywhere)]

    out = tmp_path / "out"
    assert fields(ordered(archive, out)) == []
    assert fields(ordered(archive, out), anywhere=False) == []
    for wrong, field in (
        ({"inputs": [str(tmp_path / "gone")]}, "folder"),
        ({"inputs": []}, "folder"),
        ({"inputs": ["relative"]}, "folder"),
        ({"inputs": [str(archive) + "\0"]}, "folder"),
        ({"out": str(tmp_path / "file")}, "out"),
        ({"out": str(archive)}, "out"),
        ({"out": "../out"}, "out"),
        ({"report": str(tmp_path / "gone" / "r.csv")}, "out"),
        ({"shards": 0}, "shards"),
        ({"shards": 1001}, "shards"),
        ({"shards": "four"}, "shards"),
        ({"shard": 1}, "shards"),
        ({"vividness": 7}, "overrides"),
        ({"ethnicity": "Asain"}, "overrides"),
        ({"warmth": 99}, "overrides"),
        ({"hints": ["red"]}, "overrides"),
        ({"model": "none-such"}, "overrides"),
        ({"command": "rm"}, "overrides"),
    ):
        assert fields(ordered(archive, out, **wrong)) == [field], wrong
    assert fields(ordered(archive, out, {"engine": "hf"})) == ["engine"]
    assert fields(ordered(archive, out, {"engine": "slurm", "gpus": 2})) == ["gpus"]
    shards.plan([archive], out, Wishes(vividness=0.5))
    assert fields(ordered(archive, out)) == ["out"]
    assert not runs.exists()


@pytest.mark.parametrize("field", ["inputs", "out", "report"])
@pytest.mark.parametrize(
    "path", ["/etc", "/tmp/../etc/x", "{inside}/../../x", "{link}/x", "{inside}/$(touch x)\ny"]
)
def test_paths_of_strangers_stay_inside(tmp_path: Path, runs: Path, field: str, path: str) -> None:
    inside = tmp_path / "allowed"
    draw(inside / "in", 3)
    (inside / "link").symlink_to("/usr")
    path = path.format(inside=inside, link=inside / "link")
    given: dict[str, Any] = {field: [path] if field == "inputs" else path}
    settings = TrainSettings(runs=runs, datasets=str(inside))
    problems = batch.check(ordered(inside / "in", inside / "out", **given), settings)
    assert [problem.field for problem in problems] == ["folder" if field == "inputs" else "out"]
    assert batch.check(ordered(inside / "in", inside / "out", model="/etc/passwd.safetensors"), settings)


def test_no_field_reaches_a_shell(tmp_path: Path, runs: Path) -> None:
    hostile = tmp_path / "$(touch pwned); 'x' `y`\n--shard"
    draw(hostile, 3)
    job = jobs.create(ordered(hostile, tmp_path / "out; touch pwned"), runs)
    command = kinds.command(job)
    assert command == (sys.executable, "-m", "train.jobs.batch_work", str(job.folder))
    assert shards.read(tmp_path / "out; touch pwned").files


@pytest.mark.skipif(sys.platform != "linux", reason="others have no such names")
def test_a_folder_whose_name_is_no_text(tmp_path: Path, runs: Path) -> None:
    archive = tmp_path / os.fsdecode(b"caf\xe9")
    draw(archive, 3)
    job = registry.submit(ordered(archive, tmp_path / "out"), TrainSettings(runs=runs), anywhere=True)
    assert jobs.find(job.id, runs).order.arguments["inputs"] == [str(archive)]
    assert kinds.progress(job).steps == 3
    registry.cancel(job)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Has every part run some lines of Python instead; which parts were started."""
    popen, found = subprocess.Popen, []

    def instead(script: str) -> list[str]:
        def start_part(command: list[str], **given: Any) -> "subprocess.Popen[str]":
            found.append(command[5])
            return popen([sys.executable, "-c", script], **given)

        monkeypatch.setattr(batch_work.subprocess, "Popen", start_part)
        return found

    return instead


def test_a_part_that_says_why_it_cannot_go_on_is_not_tried_again(
    tmp_path: Path, runs: Path, started: Callable[[str], list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    draw(archive, 3)
    job = jobs.create(ordered(archive, out, shards=1), runs)
    kinds.command(job)
    parts = started("import sys; print('error: The disk is full.'); sys.exit(2)")
    assert batch_work.run(job) == 1
    assert parts == ["1/1"]
    assert capfd.readouterr().out.count("The disk is full.") == 1
    about = batch_work.json.loads((job.folder / "run.json").read_text())
    assert about["status"] == "failed"
    assert "Part 1 of 1: The disk is full." in about["sentence"]
    assert "3 are left" in about["sentence"]


def test_a_part_that_gets_nowhere_is_given_up(
    tmp_path: Path, runs: Path, started: Callable[[str], list[str]]
) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    draw(archive, 3)
    job = jobs.create(ordered(archive, out, shards=2), runs)
    kinds.command(job)
    parts = started("import os; print('last words', flush=True); os.kill(os.getpid(), 9)")
    crew = batch_work.Crew(job, shards.read(out))
    crew.work()
    assert parts == ["1/2", "2/2"] * batch_work.DEATHS
    assert [text[:37] for text in crew.failed] == [
        "Part 1 of 2 was killed by signal 9 5 ",
        "Part 2 of 2 was killed by signal 9 5 ",
    ]
    assert all("last words" in text for text in crew.failed)


def test_where_parts_are_at_work(tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def places(**hardware: Any) -> list[str]:
        return batch_work.places(jobs.create(ordered(tmp_path, tmp_path / "out", hardware), runs))

    assert places() == [""]
    assert places(device="gpu:1,3") == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,3")
    assert places(device="gpu:1,3") == ["1", "3"]
    assert places(engine="slurm", gpus=1) == ["1"]
    assert places(engine="slurm") == [""]


def test_what_parts_come_to_together(tmp_path: Path, runs: Path) -> None:
    job = jobs.create(ordered(tmp_path, tmp_path / "out"), runs)
    run, end, wait = Seen(State.RUNNING), Seen(State.FINISHED), Seen(State.WAITING, "nothing is free yet.")
    bad, lost, stopped = Seen(State.FAILED, "No memory."), Seen(State.LOST, "Gone."), Seen(State.STOPPED)

    def state(*parts: Seen, wants_stop: bool = False) -> State | None:
        whole = job.model_copy(update={"wants_stop": wants_stop})
        return together(whole, dict(enumerate(parts, 1)), len(parts)).state

    assert state(end, end) is State.FINISHED
    assert state(wait, end, run) is State.RUNNING
    assert state(wait, end, bad) is State.WAITING
    assert state(end, Seen(None)) is State.WAITING
    assert state(end, bad, lost) is State.FAILED
    assert state(end, lost, stopped) is State.LOST
    assert state(end, stopped) is State.STOPPED
    assert state(end, bad, wants_stop=True) is State.STOPPED
    assert state(end, run, wants_stop=True) is State.STOPPING
    assert together(job, {1: wait, 2: wait}, 2).sentence == "nothing is free yet."
    assert together(job, {1: run, 3: bad}, 4).sentence == "Part 3 of 4: No memory."
    assert "Part 3 of 4: No memory. Resuming runs again what is left." in together(job, {3: bad}, 4).sentence


def test_progress_counts_photos(tmp_path: Path, runs: Path) -> None:
    archive = tmp_path / "in"
    draw(archive, 8)
    job = jobs.create(ordered(archive, tmp_path / "out"), runs)
    assert kinds.progress(job).steps is None
    kinds.command(job)
    found = kinds.progress(job)
    assert (found.step, found.steps, found.seconds_left) == (0, 8, None)
    assert found.sentence == "0 of 8 photos."
    shard_run_of(tmp_path / "out", "1/4")
    told = batch_work._finish(shards.read(tmp_path / "out"), batch.archive(job.order), in_haste=True)
    assert (told.photos, told.left) == (8, 6), "a part that has not begun is left, too"
    shutil.rmtree(tmp_path / "out")
    assert os.path.exists(job.folder)
    assert kinds.progress(job).step == 0, "what was moved away meanwhile harms nobody"
