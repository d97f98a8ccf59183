"""Runs that survive: killed at any moment and resumed, they give exactly what an unbroken one gives (one seed, CPU)."""

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests import runs
from train import atomic
from train.__main__ import main
from train.run import status

# Many processes, each as slow as the machine is busy.
pytestmark = pytest.mark.timeout(600)
CONTEXT = multiprocessing.get_context("forkserver")
# Everything there is to forget: averages, plateaus, patience, a second phase, mid-interval rows, random augmentation.
EVERYTHING: dict[str, Any] = {
    "steps": 24,
    "validate_every": 5,
    "ema": 0.9,
    "augment": {"zoom_in": 0.6, "rotation": 10, "tone": 0.1, "erase": 0.3, "zoom_out": 0.4, "old_film": 0.3},
    "told": {"light": 0.5, "white_balance": 5.0, "skin": 0.5, "swap": 0.5, "hints": 0.5},
    "schedule": {"kind": "plateau", "warmup": 2, "patience": 1},
    "early_stopping": {"patience": 4},
    "finetune": {"lr": 2e-4, "steps": 8},
}


@pytest.fixture(scope="module", autouse=True)
def _ready() -> None:
    """Processes start from one that has imported everything: seconds sooner than anew."""
    CONTEXT.set_forkserver_preload(["train.fit"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resume")


def start(folder: Path, out: Path, prepare: Callable[[], None] | None = None, **changes: Any) -> BaseProcess:
    """A process of its own that runs `python -m train fit ... --resume`."""
    file = out.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(runs.values(folder, **changes)))
    process = CONTEXT.Process(target=_fit, args=([str(file), "--out", str(out), "--resume"], prepare))
    process.start()
    return process


def _fit(arguments: list[str], prepare: Callable[[], None] | None) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    if prepare is not None:
        prepare()
    raise SystemExit(main(["fit", *arguments]))


def finished(process: BaseProcess) -> int | None:
    process.join(120)
    return process.exitcode


def unbroken(folder: Path, name: str, **changes: Any) -> Path:
    out = folder / name
    if not out.is_dir():
        assert finished(start(folder, out, **changes)) == 0
    return out


def rows_of(out: Path) -> int:
    try:
        return (out / "metrics.csv").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


@pytest.mark.slow
@pytest.mark.parametrize(("task", "kills"), [("colorize", 3), ("adversarial", 2)])
def test_a_run_killed_at_random_moments_gives_what_an_unbroken_one_gives(
    folder: Path, task: str, kills: int
) -> None:
    changes = EVERYTHING | {"task": task}
    if task == "adversarial":
        changes |= {"adversary": {"alternate": "step"}}
    whole, out = unbroken(folder, f"whole-{task}", **changes), folder / f"killed-{task}"
    rng, killed = random.Random(7), 0
    for _ in range(kills):
        process, before = start(folder, out, **changes), rows_of(out)
        while process.is_alive() and rows_of(out) <= before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        killed += finished(process) == -signal.SIGKILL
    assert killed >= 1
    assert status(out) == "killed"
    assert finished(start(folder, out, **changes)) == 0
    assert runs.rows(out) == runs.rows(whole)
    states = [torch.load(run / "best.ckpt", weights_only=True)["state_dict"] for run in (out, whole)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[1])
    assert json.loads((out / "run.json").read_text())["status"] == "finished"


@pytest.mark.slow
def test_sigterm_stops_after_the_step_and_says_how_to_go_on(folder: Path) -> None:
    whole, out = unbroken(folder, "whole-colorize", task="colorize", **EVERYTHING), folder / "stopped"
    process = start(folder, out, **EVERYTHING)
    while process.is_alive() and rows_of(out) < 2:
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGTERM)
    assert finished(process) == 128 + signal.SIGTERM
    about = json.loads((out / "run.json").read_text())
    assert about["status"] == status(out) == "stopped"
    assert "--resume" in about["sentence"]
    assert torch.load(out / "last.ckpt", weights_only=True)["course"]["step"] == about["step"] >= 5
    assert finished(start(folder, out, **EVERYTHING)) == 0
    assert runs.rows(out) == runs.rows(whole)


def die_while_writing() -> None:
    """The third last.ckpt is half written when the process is killed."""
    write, count = Path.write_bytes, 0

    def half(self: Path, content: Any) -> int:
        nonlocal count
        count += self.name.startswith(".last.ckpt")
        if count == 3:
            write(self, content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(self, content)

    Path.write_bytes = half  # type: ignore[method-assign]


def die_before_best() -> None:
    """last.ckpt is written as the best so far, and the process is killed before best.ckpt becomes it."""
    atomic.same_file = lambda *_: os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(("prepare", "step"), [(die_while_writing, 8), (die_before_best, 4)])
def test_a_kill_in_the_middle_of_saving_leaves_a_whole_checkpoint(
    folder: Path, prepare: Callable[[], None], step: int
) -> None:
    whole, out = unbroken(folder, "whole-plain"), folder / prepare.__name__
    assert finished(start(folder, out, prepare)) == -signal.SIGKILL
    assert torch.load(out / "last.ckpt", weights_only=True)["course"]["step"] == step
    assert finished(start(folder, out)) == 0
    assert not list(out.glob(atomic.LEFTOVER))
    assert runs.rows(out) == runs.rows(whole)
    courses = [torch.load(run / "best.ckpt", weights_only=True)["course"] for run in (out, whole)]
    assert courses[0] | {"seconds": 0} == courses[1] | {"seconds": 0}


@pytest.mark.slow
def test_a_run_that_is_over_goes_on_with_more_steps(folder: Path) -> None:
    constant = {"schedule": {"kind": "constant", "warmup": 1}}
    whole = unbroken(folder, "whole-constant", steps=16, **constant)
    out = folder / "longer"
    assert finished(start(folder, out, steps=8, **constant)) == 0
    assert finished(start(folder, out, steps=8, **constant)) == 0
    assert finished(start(folder, out, steps=16, **constant)) == 0
    assert runs.rows(out) == runs.rows(whole)
