"""Training as a job: its recipe, checked and written down before it starts, its command, and how far it is."""

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from colorizer.errors import OptionError, RanginError
from train import allowed, standing
from train.jobs import files, kinds, work
from train.jobs.engine import Problem
from train.jobs.job import Job, Order

if TYPE_CHECKING:
    from train.recipe import Recipe
    from train.settings import TrainSettings

RECIPE = "recipe.yaml"


def check(
    order: Order, settings: "TrainSettings", anywhere: bool = False
) -> "tuple[list[Problem], Recipe | None]":
    """What is wrong with the recipe, its overrides, its pictures and places, and the recipe as resolved.

    Args:
        anywhere: paths may lead out of the folders for jobs.

    Returns:
        The problems, and the recipe with the order's name; None where it can't be read.
    """
    from train import recipe as recipes
    from train.jobs import checks

    path: str | Path = order.recipe
    if not anywhere and order.recipe not in recipes.names():
        try:
            path = allowed.within(order.recipe, settings.dataset_folders, "The recipe")
        except OptionError as error:
            return [Problem("recipe", str(error))], None
    try:
        recipe = recipes.load(path, list(order.overrides))
    except (RanginError, OSError) as error:
        return [Problem(_blame(path), _one_line(str(error)))], None
    recipe = recipe.model_copy(update={"name": order.name})
    outside = [] if anywhere else checks.places(recipe, settings)
    # What lies outside isn't looked into either: the answer would tell what is there.
    return outside or [*checks.pictures(recipe), *checks.disk(recipe, settings)], recipe


def _blame(path: str | Path) -> str:
    """The field at which a recipe that can't be loaded is told: its own, unless it can be without overrides."""
    from train import recipe as recipes

    try:
        recipes.load(path)
    except (RanginError, OSError):
        return "recipe"
    return "overrides"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def write(job: Job, recipe: "Recipe") -> None:
    """Put the resolved recipe into the job's folder."""
    text = yaml.safe_dump(json.loads(recipe.model_dump_json()), sort_keys=False, allow_unicode=True)
    files.write(job.folder / RECIPE, text)


def read(folder: Path) -> "Recipe | None":
    """The recipe of a job, as resolved; None where it can't be read any more."""
    from train import recipe as recipes

    try:
        return recipes.load(folder / RECIPE)
    except (RanginError, OSError):
        return None


def command(job: Job) -> tuple[str, ...]:
    """`python -m train fit`, as an argument list."""
    return (
        *(*kinds.PYTHON, "train", "fit", str(job.folder / RECIPE)),
        *("--out", str(job.folder), "--resume"),
    )


def progress(job: Job) -> kinds.Progress:
    """How far the run is, from run.json and the last row of metrics.csv, which is fresher."""
    about, row = standing.read(job.folder), standing.last_row(job.folder)
    planned, minutes = _planned(job.folder)
    step = int(max(row.get("step", 0), _number(about.get("step")) or 0))
    steps = int(_number(about.get("steps")) or 0) or planned
    spent = row.get("seconds") or _number(about.get("seconds"))
    left = None
    if step and steps and spent:
        left = max(steps - step, 0) * spent / step
        if minutes is not None:
            left = min(left, max(minutes * 60 - spent, 0.0))
            steps = min(steps, max(step, round(step * minutes * 60 / spent)))  # as many as the time allows
    best = about.get("best")
    best = best if isinstance(best, dict) else {}
    return kinds.Progress(
        step=step if about or row else None,
        steps=steps,
        seconds_left=left,
        best=_number(best.get("value")),
        metric=str(best.get("name") or ""),
        images_per_second=row.get("images_per_second"),
        sentence=_said(job, about),
    )


def _said(job: Job, about: dict[str, Any]) -> str:
    """What the run says of itself, if the process at work has said it."""
    note = work.read(job.folder)
    # A job that Slurm continues says nothing new before its keeper is there again.
    if note is None or note.ended is not None:
        return ""
    is_news = note.child is not None and about.get("pid") == note.child
    return str(about.get("sentence") or "") if is_news else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _planned(folder: Path) -> tuple[int | None, float | None]:
    """Steps and minutes as the recipe says, if it does."""
    try:
        stamp = (folder / RECIPE).stat().st_mtime_ns
    except OSError:
        return None, None
    return _read_plan(folder / RECIPE, stamp)


@lru_cache(maxsize=256)
def _read_plan(path: Path, stamp: int) -> tuple[int | None, float | None]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None, None
    if not isinstance(values, dict):
        return None, None
    steps, minutes = _number(values.get("steps")), _number(values.get("minutes"))
    return int(steps) if steps else None, minutes
