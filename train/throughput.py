"""How many pictures a second the feed gives, the step takes, and training does with both.

python -m train throughput ethnicity-aware data.0.limit=2000
python -m train throughput ethnicity-aware batch=256 workers=12 --generated 20000

The step on synthetic batches that lie on the device already is the bound: no feed can make training faster. Pictures
are 128 pixels large unless `sizes` is given. All four are measured in turns, so that a slow moment of the machine hits
each of them.
"""

import argparse
import logging
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from colorizer.errors import OptionError, RanginError
from colorizer.groups import GROUPS
from train.augment import Augmentation
from train.data import ATTRIBUTES, Pictures, decode
from train.devices import precision
from train.feed import Feed
from train.machine import describe
from train.recipe import Recipe, load
from train.storage import Place, place
from train.tasks import TASKS, Task

SIZE = 128
# Steps before those that are timed: the first ones choose kernels and fill queues.
WARMUP = 3


@dataclass(frozen=True)
class Throughput:
    """Pictures a second, one reading a turn."""

    feed: tuple[float, ...]
    """Raw batches as the loader gives them."""
    prepared: tuple[float, ...]
    """The same, brought to the device and augmented there."""
    step: tuple[float, ...]
    """Training steps on finished batches of random numbers that lie on the device: the bound."""
    whole: tuple[float, ...]
    """Training steps on what the feed gives."""
    place: Place
    """Where the pictures were, see `train.storage`."""
    utilization: float | None
    """Share of the time in which the GPU computed during `whole`; None where no one says."""

    @property
    def share(self) -> float:
        """What training does of its bound: the median of the turns' own shares."""
        return statistics.median(whole / step for whole, step in zip(self.whole, self.step, strict=True))


class Endless(IterableDataset[dict[str, Tensor]]):
    """One batch again and again."""

    def __init__(self, batch: dict[str, Tensor]) -> None:
        self.batch = batch

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return repeat(self.batch)


class Stopwatch(Callback):
    """Seconds of the steps after the first WARMUP."""

    def __init__(self) -> None:
        self.count, self.start, self.seconds = 0, 0.0, 0.0

    def on_train_batch_end(self, trainer: lightning.Trainer, task: Any, *_: object) -> None:
        """Wait for the device, then read the clock, where the timed steps begin and after each of them."""
        self.count += 1
        task.course.step += 1  # by which some tasks take turns
        if self.count == WARMUP:
            self.start = _now(trainer.strategy.root_device)
        if self.count == trainer.limit_train_batches:
            self.seconds = _now(trainer.strategy.root_device) - self.start


class Utilization:
    """What nvidia-smi says of the GPU while a `with` lasts."""

    def __init__(self) -> None:
        self.readings: list[float] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Utilization":
        command = shutil.which("nvidia-smi") if torch.cuda.is_available() else None
        if command:
            asked = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100"]
            index = str(torch.cuda.current_device())
            self._process = subprocess.Popen(
                [command, "-i", index, *asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            lines = self._process.communicate()[0].split()
            self.readings += [float(line) / 100 for line in lines if line.isdecimal()]


def measure(recipe: Recipe, sources: Sequence[Pictures], steps: int = 20, turns: int = 3) -> Throughput:
    """Time the four in turns on the device that training would take.

    Args:
        recipe: says what a step is; `start_from`, `minutes` and validation play no part.
        sources: its pictures, or `generated` ones.
        steps: steps timed in each turn.
        turns: readings of each.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    lightning.seed_everything(recipe.seed, verbose=False)
    task = TASKS[recipe.task](recipe)
    task.learn_from(list(sources))
    task.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    device = _trainer(recipe, task, 1).strategy.root_device
    where = place(sources, device)
    task.augmentation = Augmentation(recipe, sources if where == "device" else None).to(device)
    loader = DataLoader(
        Feed(sources, recipe, rows_only=where == "device"),
        batch_size=None,
        num_workers=0 if where == "device" else recipe.workers,
        persistent_workers=where != "device" and recipe.workers > 0,
        pin_memory=device.type == "cuda" and where != "device",
    )
    finished = DataLoader(Endless(_synthetic(recipe, device)), batch_size=None)
    readings: dict[str, list[float]] = {"feed": [], "prepared": [], "step": [], "whole": []}
    busy: list[float] = []
    for _ in range(turns):
        readings["feed"].append(recipe.batch * _feed_rate(loader, None, device, steps))
        readings["prepared"].append(recipe.batch * _feed_rate(loader, task.augmentation, device, steps))
        readings["step"].append(recipe.batch * _step_rate(recipe, task, finished, steps))
        with Utilization() as utilization:
            readings["whole"].append(recipe.batch * _step_rate(recipe, task, loader, steps))
        busy += utilization.readings
    rates = {name: tuple(values) for name, values in readings.items()}
    return Throughput(**rates, place=where, utilization=statistics.mean(busy) if busy else None)  # type: ignore[arg-type]


def generated(count: int, recipe: Recipe) -> list[Pictures]:
    """One source of `count` pictures of noise, as large as the recipe's decoded ones, with random labels."""
    rng = np.random.default_rng(recipe.seed)
    side = recipe.cache_size
    lab = rng.integers(0, 256, (count, side, side, 3), np.uint8)
    labels = {"ethnicity": rng.integers(0, len(GROUPS), count)}
    labels |= {name: rng.integers(0, len(values), count) for name, values in ATTRIBUTES.items()}
    return [Pictures(lab, labels, (0.1, 0.0, 0.9, 0.95), name="generated")]


def table(measured: Throughput) -> str:
    """Markdown: images per second, median (smallest to largest), and the share of the bound."""
    bound = statistics.median(measured.step)
    rows = [
        ("feed alone", measured.feed),
        ("feed and augmentation", measured.prepared),
        ("step alone, synthetic batches on the device", measured.step),
        ("training", measured.whole),
    ]
    lines = ["| | images/s | of the step's |", "|---|---|---|"]
    for what, values in rows:
        middle, low, high = statistics.median(values), min(values), max(values)
        share = measured.share if values is measured.whole else middle / bound
        times = f"{share:.0%}" if share < 10 else f"{share:,.0f} times"
        lines.append(f"| {what} | {middle:,.0f} ({low:,.0f} to {high:,.0f}) | {times} |")
    return "\n".join(lines)


def _trainer(recipe: Recipe, task: Task, steps: int, *callbacks: Callback) -> lightning.Trainer:
    wanted: Any = precision(recipe.precision)
    return lightning.Trainer(
        accelerator="auto",
        devices=1,
        precision=wanted,
        max_epochs=1,
        limit_train_batches=steps,
        limit_val_batches=0,
        gradient_clip_val=recipe.optimizer.clip if task.automatic_optimization else None,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )


def _step_rate(recipe: Recipe, task: Task, loader: Any, steps: int) -> float:
    """Training steps a second."""
    watch = Stopwatch()
    _trainer(recipe, task, WARMUP + steps, watch).fit(task, loader)
    return steps / watch.seconds


def _feed_rate(loader: Any, augmentation: Augmentation | None, device: torch.device, steps: int) -> float:
    """Batches a second that arrive, on the device and finished if there is an augmentation."""
    batches = iter(loader)
    start = 0.0
    for number, raw in enumerate(islice(batches, WARMUP + steps), start=1):
        if augmentation is not None:
            augmentation(lightning.fabric.utilities.move_data_to_device(raw, device))
        if number == WARMUP:
            start = _now(device)
    return steps / (_now(device) - start)


def _synthetic(recipe: Recipe, device: torch.device) -> dict[str, Tensor]:
    """A finished batch of random numbers on the device, of the recipe's first size."""
    count, side = recipe.batch, recipe.sizes[0]
    lab = torch.rand(count, 3, side, side, device=device) * 100
    lab[:, 1:] -= 50
    batch = {"lab": lab, "seen": lab[:, :1]}
    batch["groups"] = torch.rand(count, len(GROUPS), side // 4, side // 4, device=device) / len(GROUPS)
    batch["face"] = torch.ones(count, 1, side // 4, side // 4, device=device)
    classes = {"ethnicity": len(GROUPS)} | {name: len(values) for name, values in ATTRIBUTES.items()}
    for name, number in classes.items():
        batch[name] = torch.randint(number, (count,), device=device)
    return batch


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train throughput`."""
    parser.add_argument("recipe", help="a YAML file, or the name of one in train/recipes")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="replace a value of the recipe")
    parser.add_argument("--steps", type=int, default=20, help="steps timed in each turn (default: 20)")
    parser.add_argument("--turns", type=int, default=3, help="readings of each (default: 3)")
    parser.add_argument(
        "--generated", type=int, metavar="N", help="use N pictures of noise, not the recipe's"
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print; 1 with a sentence if the recipe or its pictures can't be used."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    try:
        for name in ("steps", "turns", "generated"):
            if (value := getattr(args, name)) is not None and value < 1:
                raise OptionError(f"--{name} must be a whole number from 1 on, not {value}.")
        recipe = load(args.recipe, [f"sizes=[{SIZE}]", *args.overrides])
        if args.generated:
            sources = generated(args.generated, recipe)
        else:
            sources = [decode(source, recipe.cache_size, recipe.cache, recipe.seed) for source in recipe.data]
        measured = measure(recipe, sources, args.steps, args.turns)
    except RanginError as error:
        print(f"train throughput: {error}", file=sys.stderr)
        return 1
    print(table(measured))
    used = (
        ""
        if measured.utilization is None
        else f"; GPU busy {measured.utilization:.0%} of the training's time"
    )
    print(f"\nbatch {recipe.batch}, {recipe.sizes} pixels, pictures in {measured.place}{used}; {describe()}")
    return 0
