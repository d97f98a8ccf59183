"""Measuring a run's model as a job: beside the default, on the run's own validation pictures, with a report.

job = registry.submit(order(run, limit=200))          # the report comes to runs/<id of the run>/report
"""

import re
import time
from typing import TYPE_CHECKING, Any

from colorizer.errors import OptionError
from train import against
from train.jobs import files, kinds, work
from train.jobs import job as jobs
from train.jobs.engine import Problem
from train.jobs.job import Hardware, Job, Order

if TYPE_CHECKING:
    from pathlib import Path

    from train.settings import TrainSettings

REPORT = "report"
ARGUMENTS = ("of", "limit", "against")
"""Id of the run; only the first so many pictures; with which model, "default" if not said."""
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_LONGEST_NAME = 40
_SAID = re.compile(r"^evaluate: (\d{1,9}) of (\d{1,9}) photos$", re.MULTILINE)
_LINES = 20
"""Of what it printed, in which a line on how far it is may be followed by warnings."""


def order(job: Job, limit: int | None = None, who: str = "", device: str = "") -> Order:
    """What has a run measured on this machine.

    Args:
        job: the run's.
        limit: measure only on the first so many pictures.
        who: orders it; whoever ordered the run if empty.
        device: "cpu" or "gpu:0"; that of a run on this machine, or else the CPU, if empty.
    """
    if not device:
        hardware = job.order.hardware
        # One GPU is enough to measure.
        device = hardware.device.partition(",")[0] if hardware.engine == "local" else "cpu"
    return Order(
        kind="evaluate",
        name=f"report-{job.order.name}"[:_LONGEST_NAME],
        who=who or job.order.who,
        arguments={"of": job.id} | ({"limit": limit} if limit is not None else {}),
        dataset=job.order.dataset,
        hardware=Hardware(engine="local", device=device),
    )


def check(order: Order, settings: "TrainSettings", anywhere: bool = False) -> list[Problem]:
    """What is wrong with an order of this kind: the run, its pictures, or the other model."""
    asked, problems = order.arguments, []
    if unknown := [name for name in asked if name not in ARGUMENTS]:
        problems.append(
            Problem("overrides", f"{unknown[0]!r:.80} is of no use; give {', '.join(ARGUMENTS)}.")
        )
    if order.hardware.engine != "local":
        problems.append(Problem("engine", "A run is measured on this machine; choose the engine local."))
    if not _is_count(asked.get("limit")):
        problems.append(
            Problem("overrides", "How many pictures are measured must be a whole number from 1 on.")
        )
    other = asked.get("against", "default")
    if not isinstance(other, str) or not _MODEL.fullmatch(other):
        problems.append(Problem("overrides", f"{other!r:.80} is no model's name."))
    try:
        run = jobs.find(str(asked.get("of", "")), settings.runs)
        against.weights_of(run.folder)
        for path in (run.folder, *against.validation_of(run.folder)):
            _check_comma(path)
    except OptionError as error:
        problems.append(Problem("folder", str(error)))
    return problems


def command(job: Job) -> tuple[str, ...]:
    """`python -m train evaluate`, as an argument list.

    Raises:
        OptionError: the run, or its recipe, is gone.
    """
    asked = job.order.arguments
    run = jobs.find(str(asked.get("of", "")), job.folder.parent)
    images, labels = against.validation_of(run.folder)
    words = [
        *kinds.PYTHON,
        "train",
        "evaluate",
        "--models",
        f"{run.folder},{asked.get('against', 'default')}",
    ]
    words += ["--data", str(images), *(["--labels", str(labels)] if labels else [])]
    words += ["--report", str(run.folder / REPORT), "--allow-missing"]
    words += ["--device", "cpu" if job.order.hardware.device == "cpu" else "cuda"]
    words += ["--limit", str(asked["limit"])] if asked.get("limit") is not None else []
    return tuple(words)


def progress(job: Job) -> kinds.Progress:
    """How far it is, by what it printed last of that."""
    found = _SAID.findall(files.tail(job.folder / work.OUTPUT, _LINES))
    if not found:
        return kinds.Progress()
    count, total = map(int, found[-1])
    left = None
    if job.started is not None and count:
        left = (time.time() - job.started) / count * (total - count)
    return kinds.Progress(step=count, steps=total, seconds_left=left)


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1)


def _check_comma(path: "Path | None") -> None:
    """The command takes several models separated by commas, so a folder's name can have none."""
    if path is not None and "," in str(path):
        raise OptionError(f"A run can't be measured where a folder's name has a comma: {path}; rename it.")
