"""A job's keeper: runs the command, passes on what it is told, takes it along when it is killed, notes how it ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.jobs import waiting
from train.jobs import work
from train.jobs.job import Job, State
from train.jobs.processes import Mark, with_token
from train.jobs.work import Work

REPOSITORY = Path(__file__).parents[2]
KEEPER = """
import sys
from train.jobs import work
work.GRACE = float(sys.argv[2])
work.Work(sys.argv[1])()
"""
# Ends two tenths of a second after it was asked to, with a last word; counts how often it was asked.
POLITE = """
import signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(time.time()))
print("here", flush=True)
while not asked or time.time() < asked[0] + 0.7: time.sleep(0.02)
print("asked", len(asked), flush=True)
sys.exit(143)
"""


def keeper(job: Job, grace: float = 8.0) -> "subprocess.Popen[bytes]":
    """A process that does the job's work."""
    environment = os.environ | {"SUBMITIT_EXECUTOR": "local", "RANGIN_JOB": job.token}
    return subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(job.folder), str(grace)], cwd=REPOSITORY, env=environment
    )


def test_the_command_runs_and_its_end_is_noted(tmp_path: Path) -> None:
    script = "import os, sys; print(os.environ['RANGIN_JOB'], os.getcwd()); print('bad', file=sys.stderr); sys.exit(3)"
    job = waiting.create(tmp_path, script)
    (job.folder / "output.txt").write_text("earlier\n")
    assert Work(str(job.folder))() == 3
    said = (job.folder / "output.txt").read_text().splitlines()
    assert sorted(said) == sorted(["earlier", f"{job.token} {REPOSITORY}", "bad"])
    note = work.read(job.folder)
    assert note is not None
    assert (note.pid, note.attempt, note.exit_code, note.was_asked) == (os.getpid(), 1, 3, False)
    assert note.mark.is_alive()
    assert note.child is not None
    assert note.ended is not None
    assert note.began <= note.ended <= time.time()
    assert not work.is_held(job.folder)


def test_words_of_the_command_reach_no_shell(tmp_path: Path) -> None:
    hostile = ["$(touch a)", "; touch b", "`touch c`", "'\"", "two\nlines", "../../d", "%j"]
    job = waiting.create(tmp_path / "it's $(a) ; %j run", "")
    job = waiting.jobs.change(
        job.folder, command=(sys.executable, "-c", "import sys; print(sys.argv[1:])", *hostile)
    )
    assert Work(str(job.folder))() == 0
    assert (job.folder / "output.txt").read_text() == f"{hostile}\n"


def test_of_two_at_once_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = waiting.create(tmp_path, waiting.SLEEPER)
    first = keeper(job)
    try:
        waiting.says(job, "here")
        monkeypatch.setattr(work, "_PATIENCE", 0.1)
        assert Work(str(job.folder))() is None
        assert work.is_held(job.folder)
        note = work.read(job.folder)
        assert note is not None
        assert note.pid == first.pid
        assert (job.folder / "output.txt").read_text() == "here\n"
    finally:
        first.kill()
        first.wait()


def test_what_was_started_twice_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = waiting.create(tmp_path, "print('done')")
    assert Work(str(job.folder))() == 0
    assert Work(str(job.folder))() == 0  # Slurm has it go on
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "local")
    assert Work(str(job.folder))() is None
    assert (job.folder / "output.txt").read_text() == "done\ndone\n"
    assert waiting.fresh(job).state == State.FINISHED


def test_what_it_is_told_is_passed_on_once_and_the_last_word_waited_for(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, POLITE)
    process = keeper(job)
    waiting.says(job, "here")
    for _ in range(3):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    assert process.wait(waiting.LONG) == 0
    assert (job.folder / "output.txt").read_text() == "here\nasked 1\n"
    note = work.read(job.folder)
    assert note is not None
    assert (note.exit_code, note.was_asked) == (143, True)


def test_who_does_not_hear_is_killed_with_all_it_started(tmp_path: Path) -> None:
    script = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {waiting.DEAF!r}])\n{waiting.DEAF}"
    )
    job = waiting.create(tmp_path, script)
    process = keeper(job, grace=0.5)
    waiting.until(
        lambda: (
            (job.folder / "output.txt").is_file()
            and (job.folder / "output.txt").read_text().count("here") == 2
        )
    )
    process.send_signal(signal.SIGTERM)
    assert process.wait(waiting.LONG) == 0
    assert not with_token(job.token)
    note = work.read(job.folder)
    assert note is not None
    assert note.exit_code == -signal.SIGKILL


def test_what_a_command_leaves_running_ends_with_it(tmp_path: Path) -> None:
    start = f"subprocess.Popen([sys.executable, '-c', {waiting.SLEEPER!r}], start_new_session=True)"
    script = f"import subprocess, sys; {start}"
    job = waiting.create(tmp_path, script)
    assert keeper(job).wait(waiting.LONG) == 0
    assert not with_token(job.token)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a call of Linux")
def test_a_keeper_that_is_killed_takes_its_child_along(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, POLITE)
    process = keeper(job)
    waiting.says(job, "here")
    process.kill()
    process.wait()
    waiting.says(job, "asked 1")  # asked, not killed: a training writes its checkpoint
    waiting.until(lambda: not with_token(job.token))
    assert not work.is_held(job.folder)
    note = work.read(job.folder)
    assert note is not None
    assert note.ended is None


def test_when_time_is_up_the_child_saves_and_the_rest_goes_on_later(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, POLITE)
    script = """
import signal, sys
from train.jobs.work import Work
task = Work(sys.argv[1])
def hear(number, frame):
    later = task.checkpoint()
    print(type(later).__name__, later.function.folder == sys.argv[1], flush=True)
    sys.exit(7)
signal.signal(signal.SIGUSR2, hear)
task()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(job.folder)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    waiting.says(job, "here")
    process.send_signal(signal.SIGUSR2)
    said, _ = process.communicate(timeout=waiting.LONG)
    assert (said, process.returncode) == ("DelayedSubmission True\n", 7)
    assert "asked 1" in (job.folder / "output.txt").read_text()
    assert not work.is_held(job.folder)


def test_a_stop_that_came_first_is_heeded(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, "print('never')")
    waiting.jobs.change(job.folder, wants_stop=True)
    assert Work(str(job.folder))() is None
    assert not (job.folder / "output.txt").exists()
    note = work.read(job.folder)
    assert note is not None
    assert note.ended is not None


def test_of_a_deleted_job_nothing_comes_back(tmp_path: Path) -> None:
    assert Work(str(tmp_path / "gone-20260101-000000-abcd"))() is None
    assert not list(tmp_path.iterdir())


def test_a_number_that_was_given_again_is_another_process() -> None:
    me = Mark.of(os.getpid())
    assert me.is_alive()
    assert not Mark(me.pid, me.created - 60).is_alive()
    assert not Mark(me.pid, me.created - 60).is_alive("token that I don't have")


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], env=os.environ | {"RANGIN_JOB": "a zombie's"})
    mark = Mark.of(child.pid)
    waiting.until(lambda: not mark.is_alive())
    assert Path("/proc").exists() is False or Path(f"/proc/{child.pid}").exists()
    assert not with_token("a zombie's")
    child.wait()
