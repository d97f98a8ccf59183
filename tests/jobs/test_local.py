"""Jobs on this machine, with real processes: what is shown of them stays true whoever is killed."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colorizer.errors import OptionError
from tests.jobs import waiting
from train.jobs import (
    engines,
    files,
    gpus,
    local,
    looking,
    outcome,
    processes,
    registry,
    start,
    trash,
    watch,
    work,
)
from train.jobs import job as jobs
from train.jobs.job import Hardware, Job, Order, State

REPOSITORY = Path(__file__).parents[2]
# What the page promises is ten seconds; a machine that runs other tests gets some more.
TRUE_WITHIN = 20.0


def note_of(job: Job) -> work.Note:
    """The job's work.json, once its child is at work."""
    waiting.says(job, "here")
    note = waiting.until(lambda: (found := work.read(job.folder)) and found.child and found)
    assert isinstance(note, work.Note)
    return note


def test_a_job_runs_to_its_end_and_starts_the_next_though_nobody_looks(tmp_path: Path) -> None:
    first = waiting.submit(waiting.create(tmp_path, "print('done')"))
    second = waiting.submit(waiting.create(tmp_path, "print(2)"))
    assert first.state == State.STARTING
    assert (second.state, looking.stand(second).sentence) == (State.WAITING, "Waits until cpu is free.")
    waiting.until(lambda: waiting.fresh(second).state == State.FINISHED)
    first, second = waiting.fresh(first), waiting.fresh(second)
    assert (first.state, first.sentence) == (State.FINISHED, "Finished.")
    assert first.submitted is not None
    assert first.started is not None
    assert first.ended is not None
    assert second.started is not None
    assert first.created <= first.submitted <= first.started <= first.ended <= second.started <= time.time()
    assert first.number.isdigit()
    assert looking.logs(first) == "done"


def test_a_job_that_is_killed_has_failed_and_why(tmp_path: Path) -> None:
    job = waiting.submit(waiting.create(tmp_path, waiting.SLEEPER))
    child = note_of(job).child
    assert child is not None
    os.kill(child, signal.SIGKILL)
    standing = waiting.over(job, TRUE_WITHIN)
    assert standing.state == State.FAILED
    assert standing.sentence == (
        "Killed by signal 9, perhaps because memory ran out. Resuming starts it again."
    ), "there is no checkpoint yet"
    waiting.until(lambda: not waiting.left(job))


def test_a_failure_shows_its_last_words(tmp_path: Path) -> None:
    runs = tmp_path / 'it\'s $(touch hacked) ; "runs" & more'
    job = waiting.submit(waiting.create(runs, "import sys; print('a'); sys.exit('the <b>last</b> words')"))
    standing = waiting.over(job)
    assert (standing.state, standing.sentence) == (
        State.FAILED,
        "Ended with exit code 1: the <b>last</b> words",
    )


@pytest.mark.parametrize("who", ["keeper", "all"])
def test_a_job_without_its_keeper_is_lost_and_nothing_of_it_runs_on(tmp_path: Path, who: str) -> None:
    job = waiting.submit(waiting.create(tmp_path, waiting.SLEEPER))
    note = note_of(job)
    waiting.until(lambda: len(waiting.left(job)) == 3)  # submitit's controller, the keeper, the child
    for pid in [note.pid] if who == "keeper" else waiting.left(job):
        os.kill(pid, signal.SIGKILL)
    standing = waiting.over(job, TRUE_WITHIN)
    assert standing.state == State.LOST
    assert standing.sentence.startswith("Its process vanished without a last word")
    assert not waiting.left(job)


def test_what_ignores_the_end_of_its_keeper_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ORPHAN_SECONDS", 0.5)
    job = waiting.submit(waiting.create(tmp_path, waiting.DEAF))
    os.kill(note_of(job).pid, signal.SIGKILL)
    waiting.until(lambda: looking.stand(job).state == State.STOPPING)
    assert "is being ended" in looking.stand(job).sentence
    assert waiting.over(job, TRUE_WITHIN).state == State.LOST
    assert not waiting.left(job)


def test_a_job_outlives_who_ordered_it(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, "import time; print('here', flush=True); time.sleep(1.5); print('done')")
    script = (
        "import os, signal, sys; from pathlib import Path; from train.jobs import engines, job\n"
        "engines.get('local').submit(job.read(Path(sys.argv[1]))); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ordered = subprocess.run([sys.executable, "-c", script, str(job.folder)], cwd=REPOSITORY, check=False)
    assert ordered.returncode == -signal.SIGKILL
    assert waiting.over(job).state == State.FINISHED
    assert "done" in looking.logs(job)


def test_stopping_ends_the_whole_tree_which_ctrl_c_at_the_page_does_not_reach(tmp_path: Path) -> None:
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {waiting.DEAF!r}])"
    job = waiting.submit(waiting.create(tmp_path, f"{start}\n{waiting.DEAF}"))
    second = waiting.submit(waiting.create(tmp_path, "print('never')"))
    waiting.says(job, "here", times=2)
    assert len({os.getsid(pid) for pid in waiting.left(job)} | {os.getsid(0)}) == 2
    registry.cancel(second)
    standing = looking.stand(second)
    assert (standing.state, standing.sentence) == (State.STOPPED, "Stopped before it began.")

    began = time.monotonic()
    registry.cancel(job)
    assert looking.stand(job).state == State.STOPPING
    standing = waiting.over(job, TRUE_WITHIN)
    assert standing.state == State.STOPPED
    waiting.until(lambda: not waiting.left(job))
    assert time.monotonic() - began < TRUE_WITHIN
    watch.tick(tmp_path)
    assert not (second.folder / "output.txt").exists()


def test_a_stop_is_seen_to_by_whoever_looks_though_its_asker_is_gone(tmp_path: Path) -> None:
    job = waiting.submit(waiting.create(tmp_path, waiting.SLEEPER))
    note_of(job)
    jobs.change(job.folder, wants_stop=True, asked=time.time())
    assert waiting.over(job, TRUE_WITHIN).state == State.STOPPED


def test_a_claim_that_nobody_carried_out_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(start, "spawn", lambda job: started.append(job.id))  # killed before it came to that
        job = waiting.submit(waiting.create(tmp_path, "print('done')"))
        assert looking.stand(job).state == State.STARTING
        watch.tick(tmp_path)
        assert started == [job.id]
        monkeypatch.setattr(local, "CLAIM_SECONDS", 0.0)
        assert looking.stand(job).state == State.WAITING
    watch.tick(tmp_path)
    assert waiting.over(job).state == State.FINISHED
    assert waiting.fresh(job).attempts == 1


def test_what_can_never_be_started_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "spawn", lambda job: None)
    monkeypatch.setattr(local, "CLAIM_SECONDS", 0.0)
    job = waiting.submit(waiting.create(tmp_path, ""))
    for _ in range(local.CLAIMS):
        looking.stand(job)
        watch.tick(tmp_path)
    standing = looking.stand(job)
    assert standing.state == State.FAILED
    assert standing.sentence.startswith("It could not be started")


def test_the_number_of_a_dead_keeper_may_be_another_program_now(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, "")
    jobs.change(job.folder, state=State.RUNNING, notes={"host": processes.host()})
    note = {"pid": os.getpid(), "created": 1.0, "host": processes.host(), "attempt": 1, "began": time.time()}
    (job.folder / work.FILE).write_text(json.dumps(note))
    assert looking.stand(job).state == State.LOST


def test_a_full_disk_hides_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = waiting.create(tmp_path, "")
    jobs.change(job.folder, state=State.RUNNING, notes={"host": processes.host()})
    note = {"pid": os.getpid(), "created": 1.0, "host": processes.host(), "attempt": 1, "began": time.time()}
    (job.folder / work.FILE).write_text(json.dumps(note))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.atomic, "write", full)
        (standing,) = looking.standings(tmp_path)
        assert (standing.state, waiting.fresh(job).state) == (State.LOST, State.RUNNING)
    assert looking.stand(job).state == waiting.fresh(job).state == State.LOST


def test_a_job_of_another_machine_that_shares_the_folder(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, "")
    jobs.change(job.folder, notes={"host": "elsewhere", "claimed": 1.0})
    watch.tick(tmp_path)
    standing = looking.stand(job)
    assert standing.state == State.WAITING
    assert "elsewhere" in standing.sentence
    jobs.change(job.folder, state=State.RUNNING)
    note = {"pid": os.getpid(), "created": 1.0, "host": "elsewhere", "attempt": 1}
    (job.folder / work.FILE).write_text(json.dumps(note))
    from filelock import FileLock

    with FileLock(job.folder / work.LOCK):
        assert looking.stand(job).state == State.RUNNING
    assert looking.stand(job).state == State.LOST


def test_one_job_a_gpu_in_the_order_in_which_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(start, "spawn", lambda job: started.append(job.order.name))
    wanted = {
        "a": "gpu:0",
        "b": "gpu:0",
        "c": "gpu:1",
        "d": "gpu:0,1",
        "e": "gpu:1",
        "f": "cpu",
        "g": "gpu:2",
    }
    ordered = {
        name: waiting.submit(waiting.create(tmp_path, "", device, name)) for name, device in wanted.items()
    }
    assert started == ["a", "c", "f", "g"]

    def end(name: str) -> None:
        jobs.change(ordered[name].folder, state=State.FINISHED)
        watch.tick(tmp_path)

    end("c")  # gpu:1 is kept for d, which came before e
    assert started[4:] == []
    end("a")
    assert started[4:] == ["b"]
    end("b")
    assert started[4:] == ["b", "d"]
    end("d")
    assert started[4:] == ["b", "d", "e"]


def test_a_gpu_job_sees_its_gpus_and_others_none_and_nobody_the_pages_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANGIN_JOBS_TOKEN", "hf_of_the_page")
    script = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['CUDA_DEVICE_ORDER'], end='');"
    script += "print(os.environ.get('RANGIN_JOBS_TOKEN', ''))"
    found = [waiting.submit(waiting.create(tmp_path, script, device)) for device in ("gpu:3,1", "cpu")]
    assert [looking.logs(waiting.over(job).job) for job in found] == ["3,1 PCI_BUS_ID", " PCI_BUS_ID"]


def test_the_driver_is_asked_for_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '0, NVIDIA H200, 143771, GPU-8e3f'\necho '1, NVIDIA A2, [N/A], GPU-17ab'\necho nonsense\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "_kept", None)
    assert gpus.allowed() == (
        gpus.Gpu(0, "NVIDIA H200", 140.4, "GPU-8e3f"),
        gpus.Gpu(1, "NVIDIA A2", 0.0, "GPU-17ab"),
    )
    assert [gpu.device for gpu in gpus.allowed("1,7")] == ["gpu:1"]
    # CUDA's own words for what a process may see are heeded.
    for visible, seen in {"-1": [], "": [], "1": [1], "0,-1,1": [0], "GPU-17": [1], "MIG-5": [0, 1]}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert [gpu.index for gpu in gpus.allowed()] == seen, visible
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(gpus, "_kept", None)
    program.write_text("#!/bin/sh\nexit 9\n")
    assert gpus.allowed() == ()
    monkeypatch.setattr(gpus, "_kept", None)


def test_hardware_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines.get("local")

    def fields(**hardware: object) -> list[str]:
        order = Order(name="a", hardware=Hardware.model_validate(hardware))
        return [problem.field for problem in engine.check(order, None)]

    monkeypatch.setattr(gpus, "installed", lambda: ())
    assert fields() == []
    assert fields(device="gpu:0") == ["device"]
    monkeypatch.setattr(gpus, "installed", lambda: (gpus.Gpu(0, "A", 80.0), gpus.Gpu(1, "A", 80.0)))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert fields(device="gpu:0,1") == []
    assert fields(device="gpu:2") == ["device"]
    assert fields(device="gpu:1,1") == ["device"]
    assert fields(nodes=2, partition="long", memory_gb=3) == ["partition", "nodes", "memory_gb"]
    assert [gpu.index for gpu in gpus.allowed("1")] == [1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert fields(device="gpu:0") == ["device"]


def test_two_pages_on_one_folder_start_each_job_once_and_lose_none(tmp_path: Path) -> None:
    script = (
        f"open({str(tmp_path / 'starts.txt')!r}, 'a').write(__import__('os').environ['RANGIN_JOB'] + '\\n')"
    )
    ordered = [waiting.create(tmp_path / "runs", script, name=f"job-{i}") for i in range(8)]
    page = (
        "import sys, time; from pathlib import Path; from train.jobs import engines, job, watch\n"
        "watcher = watch.Watch(Path(sys.argv[1]), every=0.3)\n"
        "for name in sys.argv[2:]: engines.get('local').submit(job.read(Path(sys.argv[1]) / name))\n"
        "time.sleep(600)"
    )
    environment = os.environ | {"RANGIN_CPU_JOBS": "3"}
    pages = [
        subprocess.Popen(
            [sys.executable, "-c", page, str(tmp_path / "runs"), *(job.id for job in ordered[i::2])],
            cwd=REPOSITORY,
            env=environment,
        )
        for i in range(2)
    ]
    try:
        waiting.until(lambda: all(waiting.fresh(job).state.is_over for job in ordered))
    finally:
        for process in pages:
            process.kill()
            process.wait()
    assert {waiting.fresh(job).state for job in ordered} == {State.FINISHED}
    starts = (tmp_path / "starts.txt").read_text().split()
    assert sorted(starts) == sorted(job.token for job in ordered)
    assert all(waiting.fresh(job).notes["claims"] == 1 for job in ordered)


def test_a_watch_survives_errors_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def fail(runs: Path) -> None:
        looks.append(time.monotonic())
        raise RuntimeError("a bug")

    monkeypatch.setattr(watch, "tick", fail)
    watcher = watch.Watch(tmp_path, every=0.01)
    waiting.until(lambda: len(looks) > 2)
    watcher.stop()
    assert not watcher._thread.is_alive()


def test_what_a_deletion_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, "")
    for name in ("ghost/.job.lock", "training/.job.lock", "training/last.ckpt", "empty/x", ".deleted/a-1/b"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "empty" / "x").unlink()
    trash.empty(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([".deleted", job.id, "empty", "training"])
    assert not list((tmp_path / ".deleted").iterdir())


def test_what_can_not_be_deleted_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = waiting.create(tmp_path, "")
    jobs.change(job.folder, state=State.STOPPED)

    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", denied)
        patch.setattr(trash.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(OptionError, match="can't be removed"):
            registry.delete(job)
    registry.delete(job)
    assert not job.folder.exists()


def test_an_earlier_attempts_words_are_no_news(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, "")
    (job.folder / "run.json").write_text(
        json.dumps({"status": "failed", "sentence": "The disk is full.", "pid": 1})
    )
    note = {"pid": 2, "created": 1.0, "host": "here", "child": 3, "attempt": 1, "exit_code": 1, "ended": 5.0}
    (job.folder / work.FILE).write_text(json.dumps(note))
    seen = outcome.over(job)
    assert seen is not None
    assert seen.sentence == "Ended with exit code 1, and printed nothing."
    (job.folder / work.FILE).write_text(json.dumps(note | {"child": 1}))
    seen = outcome.over(job)
    assert seen is not None
    assert (seen.state, seen.sentence) == (State.FAILED, "The disk is full.")
    assert outcome.over(job.model_copy(update={"attempts": 2})) is None
