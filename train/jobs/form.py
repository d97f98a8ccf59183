"""What somebody chose on the page -> an order, the command that says the same, and all that is wrong with it.

    form = Form(recipe="ethnicity-aware", dataset="faces", name="first", length="minutes", amount=1)
    if not (problems := check(form)):
        registry.submit(order(form))
    command(form)       # python -m train jobs submit ethnicity-aware --engine local --name first 'data=...'

Every choice becomes an override of the recipe, so that whatever the form can do the command line can too. Nothing here
reaches a shell: `command` is for reading and pasting.
"""

import re
import shlex
from pathlib import Path

from colorizer.errors import OptionError
from train.jobs import checks, engines, tokens
from train.jobs.engine import EngineError, Problem
from train.jobs.fields import Form, hardware
from train.jobs.job import Order
from train.jobs.overrides import NAME, Resolved, resolve
from train.settings import TrainSettings, get_train_settings

__all__ = ["Form", "check", "command", "hardware", "order", "suggested_name"]


def check(
    form: Form, settings: TrainSettings | None = None, who: str = "", token: str | None = None
) -> list[Problem]:
    """All that keeps a run from starting, each at the field concerned; nothing is started or written.

    Args:
        who: who orders it; an engine may need to know.
        token: theirs for the Hugging Face Hub; kept in memory only.
    """
    settings = settings or get_train_settings()
    tokens.keep(token, who)
    found = resolve(form, settings)
    problems = list(found.problems)
    if found.recipe is not None:
        sources = checks.everything(found.recipe, settings)
        # What the folder of a dataset itself says is wrong needs no second sentence.
        known = {problem.field for problem in problems}
        problems += [one for one in sources if not (one.field == "dataset" and "dataset" in known)]
    return list(dict.fromkeys([*problems, *_of_engine(form, found, who)]))


def order(form: Form, settings: TrainSettings | None = None, who: str = "") -> Order:
    """The order of a form that `check` found nothing wrong with.

    Raises:
        OptionError: there is something wrong with it.
    """
    settings = settings or get_train_settings()
    found = resolve(form, settings)
    if found.problems:
        raise OptionError(found.problems[0].sentence)
    return _order(form, found, who)


def command(form: Form, settings: TrainSettings | None = None) -> str:
    """The line for a shell that orders the same; each word quoted as a shell wants it."""
    found = resolve(form, settings or get_train_settings())
    words = ["python", "-m", "train", "jobs", "submit", form.recipe, "--engine", form.engine]
    words += ["--name", form.name] if form.name else []
    try:
        given = hardware(form).model_dump(exclude_defaults=True, exclude={"engine"})
    except OptionError:
        given = {}
    for key, value in given.items():
        words += [f"--{key.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, *found.overrides])


def _order(form: Form, found: Resolved, who: str) -> Order:
    return Order(
        kind="fit",
        name=form.name,
        who=who,
        recipe=form.recipe,
        overrides=found.overrides,
        dataset=form.dataset or "the recipe's own",
        hardware=hardware(form),
    )


def _of_engine(form: Form, found: Resolved, who: str) -> list[Problem]:
    """Whether the engine is there, and can do it."""
    try:
        wanted = hardware(form)
    except OptionError as error:
        field, _, sentence = str(error).partition(": ")
        return [Problem(field, f"{sentence[:1].upper()}{sentence[1:]}")]
    try:
        engine = engines.get(form.engine)
        if why := engine.unavailable():
            return [Problem("engine", why)]
        name = form.name if NAME.fullmatch(form.name) else "unnamed"
        asked = Order(name=name, who=who, recipe=form.recipe, overrides=found.overrides, hardware=wanted)
        return list(engine.check(asked, found.recipe))
    except EngineError as error:
        return [Problem("engine", str(error))]


def suggested_name(recipe: str, dataset: str) -> str:
    """A name that says what it is of: "ethnicity-aware-faces"."""
    words = "-".join(part for part in (Path(recipe).name, Path(dataset).name) if part)
    clean = re.sub(r"[^a-z0-9_.-]+", "-", words.casefold()).strip("-._")
    return clean[:40] or "run"
