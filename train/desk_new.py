"""What the section "New run" does between its widgets: choices, checks, estimates, starts. Knows no gradio."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pydantic import ValidationError

from colorizer.errors import OptionError, RanginError
from train import datasets, view_new
from train import recipe as recipes
from train.access import Person
from train.dataset_work import DatasetWork, Making
from train.jobs import choices, engines, form, gpus, registry
from train.jobs.engine import EngineError, Problem, Refused
from train.jobs.estimate import Estimate, estimate
from train.jobs.fields import SCRATCH, Form, hardware
from train.jobs.job import Job
from train.jobs.overrides import base, resolve
from train.shop import Shop
from train.thumbnails import thumbnails

FIELDS = tuple(Form.model_fields)
"""In this order values come from the page."""
SPEED = "speed"
"""Key of the errand that measures."""
USUAL = {"epochs": 10, "steps": 1000, "minutes": 60}
"""Lengths that are proposed where the recipe has none of its own."""
Choice = tuple[str, str]
"""What people see, and what it stands for."""


@dataclass(frozen=True)
class Options:
    """What may be chosen now."""

    datasets: tuple[Choice, ...] = ()
    starts: tuple[Choice, ...] = ()
    devices: tuple[Choice, ...] = ()
    partitions: tuple[Choice, ...] = ()
    flavors: tuple[Choice, ...] = ()
    labelled: str = ""
    """HTML: what the Label tab has."""


@dataclass(frozen=True)
class Preview:
    """A form as it stands."""

    notes: Mapping[str, str] = field(default_factory=dict)
    """Field -> what stands below it: what is wrong, or what an empty field means."""
    wrong: frozenset[str] = frozenset()
    """Fields that something is wrong with."""
    card: str = ""
    """HTML: what is expected, what keeps it from starting, what it had better know."""
    command: str = ""
    can_start: bool = False


@dataclass(frozen=True)
class Started:
    """What became of a press of Start."""

    html: str
    run: str = ""
    """Its id; empty where it didn't start."""
    preview: Preview | None = None
    """Where it didn't: the form with all that is wrong."""


class NewDesk:
    """The section's work for everybody at the page."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.settings = shop.settings
        self.work = DatasetWork(shop.settings, shop.labels)

    # what there is

    def options(self, engine: str = "local", pictures: str = "photo") -> Options:
        """What may be chosen; what another engine offers is asked for when it is chosen."""
        found = [(dataset.name, dataset.name) for dataset in datasets.listing(self.settings.dataset_folders)]
        return Options(
            datasets=(("The recipe’s own pictures", ""), *found),
            starts=(("As the recipe says", ""), ("From scratch", SCRATCH), *_models()),
            devices=tuple(self._devices()),
            partitions=tuple(_partitions()) if engine == "slurm" else (),
            flavors=tuple(_flavors()) if engine == "hf" else (),
            labelled=self.labelled(pictures),
        )

    def labelled(self, pictures: str = "photo") -> str:
        """What the Label tab has, as HTML."""
        if self.shop.labels is None:
            return view_new.said("There is no Label tab on this page.")
        return view_new.labelled(self.shop.labels.count(pictures))

    def facts(self, name: str, recipe: str) -> str:
        """What is in a dataset, as HTML; of the recipe's own pictures, which those are.

        Raises:
            OptionError: there is no such dataset or recipe.
        """
        own = base(recipe)
        if not name:
            return view_new.own_pictures(own)
        dataset = datasets.find(name, self.settings.dataset_folders)
        shown = thumbnails(dataset, self.settings.dataset_folders)
        return view_new.facts(datasets.look(dataset), shown, own.task)

    def presets(self, recipe: str) -> dict[str, float]:
        """What numbers of the form a recipe has itself.

        Raises:
            OptionError: there is no such recipe.
        """
        bounds = choices.of(base(recipe))
        return {name: bounds[name].default or 0 for name in ("batch", "rate", "stopping")}

    def proposed(self, recipe: str, length: str) -> str:
        """How many passes, steps or minutes to begin with: "minutes 60"; empty where the recipe says it.

        Raises:
            OptionError: there is no such recipe.
        """
        own = choices.of(base(recipe)).get(length)
        return f"{length} {own.default or USUAL[length]:g}" if own else ""

    # a form

    def preview(self, person: Person, chosen: Form) -> Preview:
        """What a form would do, and all that keeps it from starting."""
        chosen = self.named(chosen)
        problems = form.check(chosen, self.settings, person.name, person.token)
        return self._preview(chosen, problems)

    def start(self, person: Person, chosen: Form) -> Started:
        """Order the run that a form asks for."""
        chosen = self.named(chosen)
        problems = form.check(chosen, self.settings, person.name, person.token)
        if not problems:
            try:
                order = form.order(chosen, self.settings, person.name)
                return self._started(registry.submit(order, self.settings, person.token))
            except Refused as refused:
                problems = list(refused.problems)
            except EngineError as error:
                problems = [Problem("engine", str(error))]
        return Started(view_new.problems(problems), preview=self._preview(chosen, problems))

    def measure(self, person: Person, chosen: Form) -> str:
        """Train a few steps here to know how fast that is; a sentence. Takes up to some minutes.

        Raises:
            OptionError: it can't be measured; the sentence says why.
        """
        from train.jobs import measuring

        found = resolve(self.named(chosen), self.settings)
        if found.recipe is None:
            raise OptionError(f"Not before the fields are right: {found.problems[0].sentence}")
        rate = measuring.measure(found.recipe, hardware(chosen), self.settings)
        return f"{rate:,.1f} pictures a second."

    # datasets that are made

    def make_from_labels(self, person: Person, name: str, pictures: str, meanings: str) -> None:
        """Begin to make a dataset of what is labelled; raises OptionError."""
        self.work.from_labels(str(name or "").strip(), str(pictures), str(meanings or ""))

    def make_from_hub(self, person: Person, repository: str, revision: str) -> None:
        """Begin to fetch a dataset; raises OptionError."""
        token = person.token or self.settings.token
        self.work.from_hub(str(repository or ""), str(revision or ""), token)

    def stop_making(self, person: Person) -> None:
        """Ask for the end of what is being made."""
        self.work.stop(patience=2)

    def making(self) -> Making | None:
        """How what is made stands."""
        return self.work.state()

    # parts

    def _preview(self, chosen: Form, problems: list[Problem]) -> Preview:
        try:
            own = base(chosen.recipe)
        except RanginError:
            return Preview(wrong=frozenset({"recipe"}), card=view_new.problems(problems))
        notes = view_new.hints(own)
        by_field: dict[str, list[str]] = {}
        for problem in problems:
            by_field.setdefault(_shown_at(problem.field), []).append(problem.sentence)
        notes |= {name: " ".join(sentences) for name, sentences in by_field.items()}
        expected = Estimate(None, None, "")
        if not by_field.keys() - {"name", "engine"}:
            expected = estimate(chosen, self.settings)
        line = form.command(chosen, self.settings)
        return Preview(
            notes, frozenset(by_field), view_new.card(expected, problems), line, can_start=not problems
        )

    def named(self, chosen: Form) -> Form:
        """A form with a name, made of what was chosen where none was given."""
        if chosen.name.strip():
            return chosen.model_copy(update={"name": chosen.name.strip()})
        return chosen.model_copy(update={"name": form.suggested_name(chosen.recipe, chosen.dataset)})

    def _started(self, job: Job) -> Started:
        return Started(view_new.started(job.id), job.id)

    def _devices(self) -> list[Choice]:
        found = gpus.allowed(self.settings.gpus)
        named = [(f"GPU {gpu.index}: {gpu.name}, {gpu.memory_gb:.0f} GB", gpu.device) for gpu in found]
        if len(found) > 1:
            numbers = ",".join(str(gpu.index) for gpu in found)
            named.append((f"All {len(found)} GPUs together", f"gpu:{numbers}"))
        return [*named, ("The processor", "cpu")]


def filled(values: Mapping[str, Any]) -> Form:
    """A form of what the page or a caller sent.

    Raises:
        OptionError: a field is none of the form's, or holds what it can't.
    """
    # A page's empty field is None or "", and both stand for what the form has there by itself.
    given = {name: value for name, value in values.items() if value not in (None, "") or name not in FIELDS}
    try:
        return Form.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise OptionError(f"{'.'.join(map(str, first['loc']))[:60]}: {first['msg']}.") from error


def recipe_choices() -> list[Choice]:
    """All recipes, the ones to begin with first."""
    return [(_title(name), name) for name in sorted(recipes.names(), key=lambda name: ("/" in name, name))]


def about_recipe(name: str) -> str:
    """What a recipe is for, in its own words, as HTML.

    Raises:
        OptionError: there is none of that name.
    """
    if name not in recipes.names():
        base(name)
    text = (recipes.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#") or not words or words.startswith("python "):
            break
        lines.append(words)
    return view_new.said(" ".join(lines))


def engine_choices() -> list[Choice]:
    """The three engines."""
    return [(engine.title, engine.name) for engine in engines.all()]


def _title(name: str) -> str:
    folder, _, stem = name.rpartition("/")
    return f"{stem} ({folder})" if folder else stem


def _shown_at(name: str) -> str:
    """The field of the page at which a problem of that field is shown."""
    return {"epochs": "amount", "token": "engine", "disk": "dataset", "folder": "dataset"}.get(name, name)


def _models() -> list[Choice]:
    from colorizer import checkpoint

    return [(f"The model {name}", name) for name in checkpoint.available()]


def _partitions() -> list[Choice]:
    slurm: Any = engines.get("slurm")
    found = [(one.name + (" (default)" if one.is_default else ""), one.name) for one in slurm.partitions()]
    return [("The default", ""), *found]


def _flavors() -> list[Choice]:
    from train.jobs import hf_prices

    try:
        found = hf_prices.flavors()
    except RanginError:
        return []
    return [(f"{one.title}: {one.detail}, ${one.dollars_an_hour:.2f} an hour", one.name) for one in found]


def published(desk: NewDesk) -> dict[str, Any]:
    """What programs may call, by name; each takes the person first."""
    return {
        "train_datasets": partial(_told_datasets, desk),
        "train_check": partial(_told_check, desk),
        "train_start": partial(_told_start, desk),
    }


def _told_datasets(desk: NewDesk, person: Person) -> dict[str, Any]:
    """The prepared datasets: name -> pictures by split and group."""
    found = datasets.listing(desk.settings.dataset_folders)
    return {dataset.name: datasets.look(dataset).counts for dataset in found}


def _told_check(desk: NewDesk, person: Person, fields: dict[str, Any]) -> dict[str, Any]:
    """All that is wrong with a form, its estimate and its command."""
    chosen = desk.named(filled(fields))
    problems = form.check(chosen, desk.settings, person.name, person.token)
    expected = estimate(chosen, desk.settings)
    return {
        "problems": [problem._asdict() for problem in problems],
        "estimate": expected._asdict(),
        "command": form.command(chosen, desk.settings),
    }


def _told_start(desk: NewDesk, person: Person, fields: dict[str, Any]) -> dict[str, Any]:
    """Start a run; its id.

    Raises:
        Refused: with all that is wrong.
    """
    order = form.order(desk.named(filled(fields)), desk.settings, person.name)
    return {"run": registry.submit(order, desk.settings, person.token).id}
