"""What kinds of work there are, each a command and what must be so before it starts.

fit is here; colouring an archive is `train.jobs.batch`, measuring a run `train.jobs.evaluation`. Each of those modules
has `check(order, settings, anywhere) -> list[Problem]` and `command(job) -> tuple[str, ...]`, and may have
`progress(job) -> Progress`.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from train.jobs.job import Job, Order

if TYPE_CHECKING:
    from train.jobs.engine import Problem
    from train.recipe import Recipe
    from train.settings import TrainSettings

MODULES = {"fit": "train.jobs.fitting", "colorize": "train.jobs.batch", "evaluate": "train.jobs.evaluation"}
PYTHON = (sys.executable, "-m")


class Progress(NamedTuple):
    """How far a job is; None is unknown."""

    step: int | None = None
    steps: int | None = None
    """Of how many; of training optimizer steps, of an archive photos."""
    seconds_left: float | None = None
    best: float | None = None
    metric: str = ""
    """What `best` is, as run.json names it: "val/psnr"."""
    images_per_second: float | None = None
    sentence: str = ""


def module(kind: str) -> ModuleType:
    """The module of a kind of work; imported when first asked for."""
    return importlib.import_module(MODULES[kind])


def check(
    order: Order, settings: "TrainSettings", anywhere: bool = False
) -> tuple["list[Problem]", "Recipe | None"]:
    """What is wrong with an order apart from its engine, and of fit the recipe as resolved.

    Args:
        anywhere: paths may lead out of the folders for jobs: who orders could start it without us too.
    """
    if order.kind == "fit":
        from train.jobs import fitting

        return fitting.check(order, settings, anywhere)
    problems: list[Problem] = module(order.kind).check(order, settings, anywhere)
    return problems, None


def command(job: Job) -> tuple[str, ...]:
    """What a job runs, as an argument list."""
    found: tuple[str, ...] = module(job.order.kind).command(job)
    return found


def progress(job: Job) -> Progress:
    """How far a job is, from its folder."""
    found = module(job.order.kind)
    return found.progress(job) if hasattr(found, "progress") else Progress()
