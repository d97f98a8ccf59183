"""`python -m train jobs`: what it says, its exit codes, and that hostile words stay words."""

import errno
import time
from pathlib import Path

import pytest
import yaml

from tests import runs
from tests.jobs import waiting
from train.__main__ import main
from train.jobs import command, start
from train.jobs import job as jobs
from train.jobs.job import State
from train.settings import get_train_settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of jobs; nothing is started."""
    monkeypatch.setenv("RANGIN_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(start, "spawn", lambda job: None)
    get_train_settings.cache_clear()
    yield tmp_path / "runs"
    get_train_settings.cache_clear()


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(runs.values(tmp_path)))
    return str(path)


def test_a_job_is_ordered_listed_stopped_and_deleted(
    folder: Path, recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", "list"]) == 0
    assert capsys.readouterr().out == f"There are no jobs in {folder}.\n"
    assert main(["jobs", "submit", recipe, "batch=6", "--name", "mine", "seed=3"]) == 0
    (job,) = jobs.everything(folder)
    assert job.order.overrides == ("batch=6", "seed=3")
    assert f"python -m train jobs logs {job.id} --follow" in capsys.readouterr().out
    second = ["jobs", "submit", recipe]
    assert main(second) == 0
    capsys.readouterr()
    assert main(["jobs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["STATE", "waiting", "starting"]
    assert main(["jobs", "status", "mine"]) == 0
    assert capsys.readouterr().out.startswith(f"{job.id}: starting. It is being started.\n")
    assert main(["jobs", "cancel", "tiny"]) == 0
    assert "stopped. Stopped before it began." in capsys.readouterr().out
    assert main(["jobs", "delete", "tiny"]) == 1  # nobody is there to ask
    assert "say --yes" in capsys.readouterr().err
    assert main(["jobs", "delete", "tiny", "--yes"]) == 0
    assert "can't be brought back" in capsys.readouterr().out
    assert [found.id for found in jobs.everything(folder)] == [job.id]
    assert main(["jobs", "delete", "mine", "--yes"]) == 1
    assert "stop it before" in capsys.readouterr().err
    jobs.change(job.folder, state=State.LOST)
    assert main(["jobs", "resume", job.id]) == 0
    assert waiting.fresh(job).attempts == 2


def test_the_log_is_followed_to_the_end(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = waiting.create(folder, "")
    jobs.change(job.folder, state=State.RUNNING, notes={"host": "elsewhere", "claimed": time.time()})
    output = job.folder / "output.txt"
    output.write_text("one\ntwo\n")
    texts = iter(["one\ntwo\nthree\n", "one\ntwo\nthree\nthree\n"])

    def pause(seconds: float) -> None:
        if (text := next(texts, None)) is not None:
            output.write_text(text)
        else:
            jobs.change(job.folder, state=State.FAILED, sentence="The disk is full.")

    monkeypatch.setattr(command.time, "sleep", pause)
    assert main(["jobs", "logs", job.id, "--follow", "--lines", "1"]) == 1
    assert capsys.readouterr().out == f"two\nthree\nthree\n{job.id}: failed. The disk is full.\n"
    assert main(["jobs", "logs", job.id, "--lines", "2"]) == 0
    assert capsys.readouterr().out == "three\nthree\n"
    with pytest.raises(SystemExit):
        main(["jobs", "logs", job.id, "--lines", "0"])


@pytest.mark.parametrize(
    "words",
    [
        ["--name", "a;b"],
        ["--name", "$(touch hacked)"],
        ["--device", "gpu:0; touch hacked"],
        ["--engine", "slurm", "--partition", "$(touch hacked)"],
        ["--minutes", "soon"],
        ["--cpus", "0"],
        ["batch='"],
        ["$(touch hacked)=1"],
        ["data.0.images=a\nb; touch hacked"],
    ],
)
def test_what_can_not_be_is_told_in_a_sentence(
    words: list[str],
    folder: Path,
    recipe: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["jobs", "submit", recipe, *words]) == 1
    told = capsys.readouterr().err
    assert told.startswith("train jobs submit: ")
    assert "Traceback" not in told
    assert not list(tmp_path.rglob("hacked"))
    assert jobs.everything(folder) == []


@pytest.mark.parametrize("job_id", ["", "..", "../runs", "x\ny", "mine"])
def test_jobs_that_are_not_there(job_id: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        waiting.create(folder, "", name=name)
    for action in ("status", "logs", "cancel", "resume", "delete", "promote", "evaluate"):
        assert main(["jobs", action, job_id]) == 1
        assert "There is no job" in capsys.readouterr().err


def test_a_folder_that_can_not_be_written_is_told_in_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(runs: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(runs))

    monkeypatch.setattr(command.registry, "tick", lambda: denied(folder))
    assert main(["jobs", "list"]) == 1
    assert capsys.readouterr().err == f"train jobs list: {folder}: Permission denied.\n"


def test_a_beginning_that_several_jobs_have_is_not_enough(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [waiting.create(folder, "", name=name) for name in ("mine-1", "mine-2")]
    assert main(["jobs", "status", "mine"]) == 1
    told = capsys.readouterr().err
    assert all(job.id in told for job in found)


def test_publishing_without_a_token_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    waiting.create(folder, "", name="mine")
    assert main(["jobs", "publish", "mine", "asha/faces"]) == 1
    assert "set HF_TOKEN" in capsys.readouterr().err
