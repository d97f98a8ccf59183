"""Runs that end before their time say why in one sentence, and keep the checkpoint from before."""

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from colorizer.errors import OptionError
from tests import runs
from train import atomic, failures
from train.__main__ import main
from train.feed import Feed
from train.tasks import Task


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failures")


def run(folder: Path, out: Path, *arguments: str, **changes: Any) -> int:
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(runs.values(folder, **changes)))
    return main(["fit", str(file), "--out", str(out), *arguments])


def at_step(step: int, do: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Any:
    """A Task.prepare that does something to the finished batch of one step."""
    prepare = Task.prepare

    def changed(self: Task, raw: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        batch = prepare(self, raw)
        return do(batch) if self.training and self.course.step + 1 == step else batch

    return changed


def fail_with(error: BaseException) -> Callable[[Any], Any]:
    def do(_: Any) -> Any:
        raise error

    return do


def ended(out: Path, capsys: pytest.CaptureFixture[str], step: int) -> str:
    """The sentence of a failed run: in run.json, in the log with its traceback, alone on the terminal."""
    about = json.loads((out / "run.json").read_text())
    said = capsys.readouterr().err
    assert about["status"] == "failed"
    assert f"train fit: {about['sentence']}\n" in said
    assert "Traceback" not in said
    assert "Traceback" in (out / "log.txt").read_text()
    assert torch.load(out / "last.ckpt", weights_only=True)["course"]["step"] == step
    return str(about["sentence"])


def test_a_loss_that_is_no_number_stops_the_run_at_its_step(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = at_step(7, lambda batch: batch | {"lab": batch["lab"] * torch.nan})
    monkeypatch.setattr(Task, "prepare", broken)
    assert run(folder, tmp_path / "out") == 1
    sentence = ended(tmp_path / "out", capsys, step=4)
    assert sentence.startswith("At step 7 the loss became infinite or not a number")
    assert "optimizer.lr" in sentence
    state = torch.load(tmp_path / "out" / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.isfinite(value).all() for value in state.values())
    monkeypatch.undo()
    assert run(folder, tmp_path / "out", "--resume") == 0


def test_weights_that_are_no_numbers_are_not_saved(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = Task.set_rates

    def spoil(self: Task) -> float:
        if self.course.step == 7:
            next(self.network.parameters()).data.fill_(torch.inf)
            self.log_training = lambda *_: None  # type: ignore[method-assign]
        return step(self)

    monkeypatch.setattr(Task, "set_rates", spoil)
    assert run(folder, tmp_path / "out") == 1
    assert "At step 8" in ended(tmp_path / "out", capsys, step=4)


def test_a_full_disk_keeps_the_last_good_checkpoint(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, count = Path.write_bytes, 0

    def full(self: Path, content: Any) -> int:
        nonlocal count
        count += self.name.startswith(".last.ckpt")
        if count == 2 and self.name.startswith(".last.ckpt"):
            write(self, content[:1000])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run(folder, tmp_path / "out") == 1
    assert "The disk is full" in ended(tmp_path / "out", capsys, step=4)
    assert not list((tmp_path / "out").glob(atomic.LEFTOVER))
    monkeypatch.undo()
    assert run(folder, tmp_path / "out", "--resume") == 0
    assert [row["step"] for row in runs.rows(tmp_path / "out")] == ["4", "8", "12"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
            "The GPU's memory is too small",
        ),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
            "The machine's memory",
        ),
        (
            ValueError("Expected more than 1 value per channel when training, got input size [1, 8, 1, 1]"),
            "take a larger batch or larger sizes",
        ),
        (MemoryError(), "The machine's memory is too small for this run; try a smaller batch"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "faces/1.png"), "faces/1.png"),
    ],
)
def test_memory_and_vanished_files_have_their_sentences(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    words: str,
) -> None:
    monkeypatch.setattr(Task, "prepare", at_step(6, fail_with(error)))
    assert run(folder, tmp_path / "out", steps=8) == 1
    assert words in ended(tmp_path / "out", capsys, step=4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "words"), [("killed", "A process that prepares batches was killed"), ("vanished", "gone.npy")]
)
def test_a_worker_that_dies_is_told_of(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
    words: str,
) -> None:
    batch = Feed.batch
    # Batches are prepared ahead: a worker dies of batch 7 after the checkpoint of step 4, before that of step 8.
    fatal = 7 if what == "killed" else 9

    def last(self: Feed, number: int) -> dict[str, Any]:
        if number == fatal:
            if what == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", "gone.npy")
        return batch(self, number)

    monkeypatch.setattr(Feed, "batch", last)
    assert run(folder, tmp_path / "out", workers=1) == 1
    assert words in ended(tmp_path / "out", capsys, step=8 if what == "vanished" else 4)


def test_pictures_that_are_not_there_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, tmp_path / "out", data=[{"images": str(tmp_path / "none")}]) == 1
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "failed"
    assert run(folder, tmp_path / "out", steps=2) == 0, "a run that never began is no run to protect"


def test_a_bug_keeps_its_traceback(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Task, "prepare", at_step(2, fail_with(ZeroDivisionError("a slip"))))
    with pytest.raises(ZeroDivisionError):
        run(folder, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert about["sentence"] == "A bug: ZeroDivisionError: a slip"
    assert failures.sentence(ValueError("x")) is None
    assert failures.sentence(OptionError("batch: no")) == "batch: no"
