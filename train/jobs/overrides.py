"""A form's fields -> overrides of its recipe, each known by its field, so that what doesn't fit is said there.

found = resolve(form, settings)
found.recipe            # as it would run, or None
found.problems          # [Problem("batch", "...")]
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from colorizer.errors import OptionError, RanginError
from train import datasets
from train import recipe as recipes
from train.jobs import checks, choices
from train.jobs.engine import Problem
from train.jobs.fields import SCRATCH, Form
from train.recipe import Recipe
from train.settings import TrainSettings

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
MOST_OVERRIDES = 40
LONGEST_OVERRIDE = 400
# Validations in a run, so that its curves move, where the recipe's own distance between them is too long for it.
VALIDATIONS = 10
ENOUGH = 1_000_000
"""Steps that no choice of minutes reaches: the time alone ends such a run."""
# Of a run that is limited by minutes: steps a minute of a slow machine, a tenth of which the rate rises.
WARMUP_A_MINUTE = 6


class Part(NamedTuple):
    """What one field of the form changes in the recipe."""

    field: str
    overrides: tuple[str, ...]


class Resolved(NamedTuple):
    """A form, looked through."""

    parts: tuple[Part, ...]
    recipe: Recipe | None
    """None where something is wrong with it."""
    problems: tuple[Problem, ...]

    @property
    def overrides(self) -> tuple[str, ...]:
        """All of them, in order."""
        return tuple(override for part in self.parts for override in part.overrides)


def base(name: str) -> Recipe:
    """A recipe of the project as it stands; never one of a path.

    Raises:
        OptionError: there is none of that name.
    """
    if name not in recipes.names():
        raise OptionError(f"There is no recipe {name[:80]!r}; choose one of: {', '.join(recipes.names())}.")
    return _load(name, ())


def resolve(form: Form, settings: TrainSettings) -> Resolved:
    """The overrides of each field, and the recipe they make; what is wrong is said at its field."""
    try:
        own = base(form.recipe)
    except RanginError as error:
        return Resolved((), None, (Problem("recipe", str(error)),))
    problems: list[Problem] = []
    parts: list[Part] = []

    def add(field: str, made: Sequence[str]) -> None:
        if made:
            parts.append(Part(field, tuple(made)))

    try:
        found = datasets.find(form.dataset, settings.dataset_folders) if form.dataset else None
        if found is not None:
            add("dataset", _data(found, own))
    except RanginError as error:
        problems.append(Problem("dataset", str(error)))
        found = None
    if not NAME.fullmatch(form.name):
        problems.append(
            Problem(
                "name",
                "Give the run a name of at most 40 small letters, digits and . _ - that begins with a letter or digit.",
            )
        )
    try:
        add("start", _start(form.start))
    except RanginError as error:
        problems.append(Problem("start", str(error)))
    problems += _out_of_bounds(form, own)
    if not problems or {problem.field for problem in problems} <= {"name", "start"}:
        _numbers(form, own, settings, add)
    lines, wrong = _lines(form.overrides)
    problems += wrong
    for line in lines:
        add("overrides", [line])
    recipe, wrong = _try(form.recipe, parts)
    problems += wrong
    if recipe is not None and NAME.fullmatch(form.name):
        recipe = recipe.model_copy(update={"name": form.name})
    return Resolved(tuple(parts), recipe, tuple(problems))


def _try(name: str, parts: Sequence[Part]) -> tuple[Recipe | None, list[Problem]]:
    """The recipe, or each part that doesn't fit the ones before it."""
    try:
        return _load(name, tuple(override for part in parts for override in part.overrides)), []
    except RanginError:
        pass
    good: tuple[str, ...] = ()
    problems = []
    for part in parts:
        try:
            _load(name, (*good, *part.overrides))
            good += part.overrides
        except RanginError as error:
            problems.append(Problem(part.field, str(error)))
    return None, problems


@lru_cache(maxsize=256)
def _load(name: str, overrides: tuple[str, ...]) -> Recipe:
    return recipes.load(name, list(overrides))


def _data(dataset: datasets.Dataset, own: Recipe) -> list[str]:
    """A dataset in place of the recipe's pictures.

    Raises:
        OptionError: it has no pictures to validate with.
    """
    made = []
    for key, split in (("data", "train"), ("validation", "val")):
        if not dataset.table(split).is_file():
            raise OptionError(
                f"{dataset.name} has no {split}.csv, so nobody could say which weights are best; prepare it with a "
                "share for validation."
            )
        images = dataset.images(split)
        source: dict[str, Any] = {"images": str(images), "labels": str(dataset.table(split))}
        # Of a recipe's own folder it knows where the faces lie.
        for theirs in (*own.data, *own.validation):
            if theirs.face_box and checks.absolute(theirs.images).resolve() in (
                images,
                dataset.images("train"),
            ):
                source["face_box"] = list(theirs.face_box)
        made.append(f"{key}={_value([source])}")
    return made


def _start(start: str) -> list[str]:
    """Raises OptionError or ModelError: there is no such model."""
    if not start:
        return []
    if start == SCRATCH:
        return ["start_from=null"]
    from colorizer import checkpoint  # PyTorch

    if not checkpoint.is_name(start):
        raise OptionError(f"{start[:80]!r} is no model's name; choose one of the list.")
    return [f"start_from={_value(str(checkpoint.find(start)))}"]


def _out_of_bounds(form: Form, own: Recipe) -> list[Problem]:
    bounds = choices.of(own)
    problems = []
    if form.length != "recipe":
        says = (
            "Say how long it shall train." if form.amount is None else bounds[form.length].check(form.amount)
        )
        problems += [Problem("epochs", says)] if says else []
    for field in ("batch", "rate", "size", "stopping"):
        value = getattr(form, field)
        if value is not None and (says := bounds[field].check(value)):
            problems.append(Problem(field, says))
    return problems


def _numbers(
    form: Form, own: Recipe, settings: TrainSettings, add: Callable[[str, Sequence[str]], None]
) -> None:
    """Overrides of numbers that are within their bounds."""
    if form.batch is not None and form.batch != own.batch:
        add("batch", [f"batch={int(form.batch)}"])
    if form.rate is not None and form.rate != own.optimizer.lr:
        add("rate", [f"optimizer.lr={form.rate:.10g}"])
    if form.size is not None:
        add("size", _size(int(form.size), own))
    if form.augment:
        add("augment", [f"augment={_value(choices.augmentation(form.augment, own.task))}"])
    patience = None if form.stopping is None else int(form.stopping)
    if patience is not None and patience != (own.early_stopping.patience if own.early_stopping else 0):
        add("stopping", [f"early_stopping={_value({'patience': patience}) if patience else 'null'}"])
    if form.length != "recipe" and form.amount is not None:
        add("epochs", _length(form, own, settings))
    if (
        form.engine == "local"
        and form.device.startswith("gpu:")
        and (count := form.device.count(",") + 1) > 1
    ):
        add("device", [f"devices={count}"])
    if form.engine == "slurm":
        for field, key, value in (("tasks", "devices", form.tasks), ("nodes", "num_nodes", form.nodes)):
            if value is not None and value > 1:
                add(field, [f"{key}={int(value)}"])


def _size(size: int, own: Recipe) -> list[str]:
    made = [f"sizes=[{size}]", f"validation_size={size}"]
    # Decoded a little larger than needed a crop loses nothing.
    return made + ([f"cache_size={size}"] if size > own.cache_size else [])


def _length(form: Form, own: Recipe, settings: TrainSettings) -> list[str]:
    """How long, and what a shorter run than the recipe's needs besides: curves that move, a rate that gets up."""
    amount = form.amount or 0.0
    count = _training_pictures(form, own, settings)
    batch = int(form.batch or own.batch)
    an_epoch = max(1, round(count / batch)) if count else None
    every, warmup = own.validate_every, own.schedule.warmup
    if form.length == "minutes":
        made = [f"minutes={amount:g}"]
        if own.finetune is None:  # whose share of the time follows from the two phases' steps
            made += ["epochs=null", f"steps={ENOUGH}"]
        least = max(VALIDATIONS, an_epoch or 0)
        if (every or an_epoch or least) > least or (every is None and (an_epoch or 0) < VALIDATIONS):
            made.append(f"validate_every={least}")
        rising = max(3, round(WARMUP_A_MINUTE * amount))
        return made + ([f"schedule.warmup={rising}"] if rising < warmup else [])
    if form.length == "epochs":
        made = [f"epochs={amount:g}", "steps=null", "minutes=null"]
        total = math.ceil(amount * an_epoch) if an_epoch else None
    else:
        made = [f"steps={int(amount)}", "epochs=null", "minutes=null"]
        total = int(amount)
    if total is None:
        return made
    if (every or an_epoch or total) * 2 > total or (every or an_epoch or 1) * 50 < total:
        made.append(f"validate_every={max(1, total // VALIDATIONS)}")
    return made + ([f"schedule.warmup={max(1, total // 10)}"] if warmup * 4 > total else [])


def _training_pictures(form: Form, own: Recipe, settings: TrainSettings) -> int:
    """How many there are; 0 where nobody knows."""
    if form.dataset:
        try:
            return datasets.look(datasets.find(form.dataset, settings.dataset_folders)).pictures("train")
        except RanginError:
            return 0
    total = 0
    for source in own.data:
        try:
            rows = checks.look(source).rows
        except RanginError:
            continue
        total += rows if source.limit is None else min(rows, source.limit)
    return total


def _lines(text: str) -> tuple[list[str], list[Problem]]:
    """key=value, a line each; empty lines and those that begin with # are left out."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) > MOST_OVERRIDES:
        return [], [
            Problem("overrides", f"At most {MOST_OVERRIDES} lines; write a recipe of your own instead.")
        ]
    problems = []
    for line in lines:
        if len(line) > LONGEST_OVERRIDE or not line.isprintable():
            problems.append(
                Problem(
                    "overrides",
                    f"{line[:40]!r} is longer than {LONGEST_OVERRIDE} letters or holds control letters.",
                )
            )
        elif line.partition("=")[0].strip() == "name":
            problems.append(Problem("overrides", "The name stands in its own field."))
    return ([], problems) if problems else (lines, [])


def _value(value: Any) -> str:
    """A value as YAML on one line: JSON is YAML, and quotes whatever a path may hold."""
    return json.dumps(value, ensure_ascii=False)
