"""How fast networks train here: what earlier runs say, and what was measured on request.

speed = of(recipe, hardware, settings)      # Speed, or None: nobody knows
speed.images_per_second
"""

import json
import math
import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from train import atomic, history, standing
from train.jobs import job as jobs
from train.jobs.job import Hardware
from train.recipe import Recipe
from train.settings import TrainSettings

FILE = ".speeds.json"
"""In the runs folder: what was measured on request."""
MOST_RUNS = 300
KEPT = 200
# Arguments of a network that don't change how long a step takes.
_IDLE = ("working_size", "pretrained", "crop_scale")


class Reading(BaseModel):
    """How fast one network trained once."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    network: str
    """The network with its arguments and what is learnt, as `network_of` writes it."""
    side: float
    """Of its pictures, the root of the mean area, in pixels."""
    batch: int
    place: str
    """What it ran on, as `place_of` writes it."""
    images_per_second: float


@dataclass(frozen=True)
class Speed:
    """How fast a run will be."""

    images_per_second: float
    count: int
    """Readings that say so."""
    is_same: bool
    """Whether they had the same size; else it is reckoned by area."""
    is_measured: bool
    """Measured on request; else taken from earlier runs."""


def of(recipe: Recipe, hardware: Hardware, settings: TrainSettings) -> Speed | None:
    """What is known of a recipe's speed on this hardware; None where nothing is."""
    network, place, side = network_of(recipe), place_of(hardware), side_of(recipe)
    measured = [one for one in kept(settings.runs) if one.network == network and one.place == place]
    earlier = [one for one in _of_runs(settings.runs) if one.network == network and one.place == place]
    for is_same in (True, False):
        for is_measured, readings in ((False, earlier), (True, measured)):
            fitting = [one for one in readings if not is_same or abs(one.side / side - 1) < 0.02]
            if fitting:
                # The newest ones: machines and code change.
                rates = [one.images_per_second * (one.side / side) ** 2 for one in fitting[:5]]
                return Speed(statistics.median(rates), len(rates), is_same, is_measured)
    return None


def keep(reading: Reading, runs: Path) -> None:
    """Note what was measured, the newest first.

    Raises:
        OSError: the runs folder takes no more.
    """
    runs.mkdir(parents=True, exist_ok=True)
    with FileLock(runs / f"{FILE}.lock"):
        readings = [reading, *kept(runs)][:KEPT]
        atomic.write(runs / FILE, json.dumps([one.model_dump() for one in readings], indent=1) + "\n")


def kept(runs: Path) -> list[Reading]:
    """What was measured on request, the newest first."""
    try:
        rows = json.loads((runs / FILE).read_text(encoding="utf-8"))
        return [Reading.model_validate(row) for row in rows]
    except (OSError, ValueError, TypeError, ValidationError):
        return []


def network_of(recipe: Recipe) -> str:
    """A network, its arguments and what is learnt, in one line; equal for what takes equally long."""
    config = {key: value for key, value in recipe.config.items() if key not in _IDLE}
    return json.dumps([recipe.task, recipe.network, config], sort_keys=True)


def side_of(recipe: Recipe) -> float:
    """Side of the recipe's pictures: the root of their mean area, in pixels."""
    return math.sqrt(statistics.mean(size**2 for size in recipe.sizes))


def place_of(hardware: Hardware) -> str:
    """What a job will run on, as readings name it."""
    if hardware.engine == "hf":
        return f"hf {hardware.flavor}"
    if hardware.engine == "slurm":
        return f"slurm {hardware.partition} {hardware.gpus}x{hardware.tasks}x{hardware.nodes}"
    kind, _, numbers = hardware.device.partition(":")
    return f"local {_machine()} {kind}" + (f"x{numbers.count(',') + 1}" if "," in numbers else "")


def _machine() -> str:
    """This machine, as a run's notes begin to describe theirs."""
    from train.machine import processor  # PyTorch

    return f"{processor()}, {os.cpu_count()} cores"


def _of_runs(runs: Path) -> Iterator[Reading]:
    """What earlier runs say, the newest first."""
    try:
        folders = [(path.stat().st_mtime_ns, path.parent) for path in runs.glob("*/metrics.csv")]
    except OSError:
        return
    for stamp, folder in sorted(folders, reverse=True)[:MOST_RUNS]:
        if (reading := _of_run(folder, stamp)) is not None:
            yield reading


@lru_cache(maxsize=MOST_RUNS)
def _of_run(folder: Path, stamp: int) -> Reading | None:
    about = standing.read(folder)
    try:
        values = yaml.load((folder / "recipe.yaml").read_text(encoding="utf-8"), _YAML)
        recipe = Recipe.model_validate(values)
        _, rows = history.read(folder / "metrics.csv")
        rates = [float(row["images_per_second"]) for row in rows if "images_per_second" in row]
    except (OSError, ValueError, yaml.YAMLError, ValidationError):
        return None
    rates = [rate for rate in rates if rate > 0]
    if not rates:
        return None
    # The first row counts what happens once: kernels are chosen, queues filled.
    rate = statistics.median(rates[1:] or rates)
    return Reading(
        network=network_of(recipe),
        side=side_of(recipe),
        batch=recipe.batch,
        place=_place_of_run(folder, about, recipe),
        images_per_second=rate,
    )


def _place_of_run(folder: Path, about: dict[str, Any], recipe: Recipe) -> str:
    found = jobs.read(folder)
    if found is not None and found.order.hardware.engine != "local":
        return place_of(found.order.hardware)
    machine = ", ".join(str(about.get("machine", "")).split(", ")[:2])
    kind = "gpu" if str(about.get("device", "")).startswith("cuda") else "cpu"
    return f"local {machine} {kind}" + (f"x{recipe.devices}" if recipe.devices > 1 and kind == "gpu" else "")


# libyaml reads these files fifteen times faster, where it is there.
_YAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
