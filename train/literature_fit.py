"""Train the models of the literature one after the other, each in a process of its own, and install what comes out.

    fit_all(["cnn", "unet"], "cpu", [], Path("runs/literature"))

A run that was broken off is gone on with; a model that fails doesn't keep the others from being trained.
"""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from colorizer import catalog, checkpoint, literature
from colorizer.errors import ModelError, OptionError
from train import literature_budget
from train.run import read
from train.signals import ENDING

OWN = checkpoint.DEFAULT  # comes with the package; its recipe has a budget of its own


def untrained() -> list[str]:
    """Models of the literature that have no weights that can be used, in the table's order."""
    trained = catalog.colorizers()
    return [model.name for model in literature.MODELS if model.name not in trained]


def fit_all(names: Sequence[str], budget: str, overrides: Sequence[str], runs: Path) -> int:
    """Train these models; each one's run is RUNS/NAME.

    Returns:
        0 when all are trained and installed, 1 when one failed, 128 + n when signal n ended it.

    Raises:
        OptionError: a name is not one that this command trains.
    """
    if OWN in names and budget == "cpu":
        raise OptionError(f"{OWN} has a recipe of its own: python -m train fit {OWN} --install")
    failed: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        print(f"{name} ({number} of {len(names)})", flush=True)
        try:
            words = command(name, budget, overrides, runs)
        except ModelError as error:
            failed[name] = str(error)
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            continue
        before, finished = time.monotonic(), _finished_at(runs / name)
        code, stopped_by = _run(words)
        if stopped_by is not None:
            print(
                f"train literature: stopped while training {name}; the same command goes on.", file=sys.stderr
            )
            return 128 + stopped_by
        if code != 0:
            failed[name] = _why(code)
            print(f"{name}: {failed[name]}", file=sys.stderr, flush=True)
        elif finished is not None and finished == _finished_at(runs / name):
            print(
                f"{name} is installed, but not trained again: its run in {runs / name} is finished. A larger minutes= "
                "(or epochs=) goes on with it; another --runs begins a new one.",
                flush=True,
            )
        else:
            print(f"{name} is trained and installed, {(time.monotonic() - before) / 60:.1f} min", flush=True)
    for name, why in failed.items():
        print(f"train literature: {name} failed: {why}", file=sys.stderr)
    print(f"{len(names) - len(failed)} of {len(names)} trained")
    return 1 if failed else 0


def _finished_at(run: Path) -> int | None:
    """The step at which a run was finished; None if it is not."""
    about = read(run)
    return int(about.get("step", 0)) if about.get("status") == "finished" else None


def command(name: str, budget: str, overrides: Sequence[str], runs: Path) -> list[str]:
    """The words of `python -m train ...` that train a model.

    Raises:
        ModelError: it goes on from another model that isn't trained.
    """
    (model,) = (model for model in literature.MODELS if model.name == name)
    start = _start(name, runs)
    given = [*literature_budget.overrides(name, budget, start), *overrides]
    return ["fit", model.recipe, *given, "--out", str(runs / name), "--resume", "--install"]


def _start(name: str, runs: Path) -> Path | None:
    """Weights that a model goes on from: of its run here, or else installed."""
    source = literature_budget.START.get(name)
    if source is None:
        return None
    weights = runs / source / f"{source}.safetensors"
    if weights.is_file():
        return weights
    try:
        return checkpoint.find(source)
    except ModelError as error:
        raise ModelError(f"{name} goes on from {source}. {error}") from error


def _run(words: Sequence[str]) -> tuple[int, int | None]:
    """Exit code, and the signal by which this process was asked to end meanwhile.

    The child has a session of its own: Ctrl-C would reach it a second time through this process, and asked twice it
    ends without a checkpoint.
    """
    print("python -m train " + shlex.join(words), flush=True)
    received: list[int] = []
    child = subprocess.Popen([sys.executable, "-m", "train", *words], start_new_session=True)

    def pass_on(number: int, _: FrameType | None) -> None:
        received.append(number)
        child.send_signal(number)

    before: dict[int, Any] = {number: signal.signal(number, pass_on) for number in ENDING}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code, received[0] if received else None


def _why(code: int) -> str:
    if code == -signal.SIGKILL:
        return "it was killed, most likely for want of memory; a smaller batch= or size needs less"
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"exit code {code}; what it said stands above (another --out is another --runs here)"
