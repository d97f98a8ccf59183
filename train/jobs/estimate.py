"""How long a run will take and what it will cost, from what is known of the network's speed.

estimate(form).words        # "About 12 minutes: ..."
"""

import math
from typing import NamedTuple

from colorizer.errors import OptionError, RanginError
from train.jobs import checks, speeds
from train.jobs.fields import Form, hardware
from train.jobs.job import Hardware
from train.jobs.overrides import resolve
from train.jobs.speeds import Speed
from train.recipe import Recipe
from train.settings import TrainSettings, get_train_settings

# A validation picture goes through the network once, a training picture forth and back, which takes about thrice that.
VALIDATION_TIMES = 3.0
DECODED_A_SECOND = 150.0
"""Pictures, on one core; measured with portraits of 224 and 256 px."""
# Processes start, libraries are imported, the network is built and at the end written.
START_SECONDS = 15.0


class Estimate(NamedTuple):
    """What is expected of a run."""

    seconds: float | None
    """None: nobody knows."""
    dollars: float | None
    """Of the Hub's hardware; None where nothing is charged, or the price isn't known."""
    words: str
    """One to three sentences, plain text."""


def estimate(form: Form, settings: TrainSettings | None = None) -> Estimate:
    """What to expect of a form; asks nothing of the network's service, starts nothing."""
    settings = settings or get_train_settings()
    recipe = resolve(form, settings).recipe
    if recipe is None:
        return Estimate(None, None, "No estimate before the fields are right.")
    try:
        wanted = hardware(form)
    except OptionError:
        return Estimate(None, None, "No estimate before the fields are right.")
    return of(recipe, wanted, settings)


def of(recipe: Recipe, wanted: Hardware, settings: TrainSettings) -> Estimate:
    """The same for a resolved recipe."""
    speed = speeds.of(recipe, wanted, settings)
    seconds = None if speed is None else _seconds(recipe, speed)
    limit = None if recipe.minutes is None else 60 * recipe.minutes
    said = []
    if speed is None:
        said.append(_unknown(limit, wanted))
        seconds = None if limit is None else limit + _decoding(recipe) + START_SECONDS
    else:
        said.append(_known(recipe, speed, seconds or 0.0, limit))
    if wanted.engine == "hf":
        dollars, words = _price(wanted, seconds)
        return Estimate(seconds, dollars, " ".join([*said, words]).strip())
    if wanted.engine == "slurm" and seconds is not None and seconds > 60 * wanted.minutes:
        said.append(
            f"Slurm ends it after {duration(60 * wanted.minutes)} and goes on from the checkpoint in a new place in "
            "its queue."
        )
    return Estimate(seconds, None, " ".join(said))


def images(recipe: Recipe) -> int | None:
    """How many pictures are trained on in all, repeats counted, without regard to `minutes` and early stopping; None
    where the pictures aren't there."""
    if recipe.steps is not None and (recipe.finetune is None or recipe.finetune.steps is not None):
        return (recipe.steps + (recipe.finetune.steps or 0 if recipe.finetune else 0)) * recipe.batch
    an_epoch = epoch_steps(recipe)
    if an_epoch is None:
        return None
    steps = recipe.steps or math.ceil((recipe.epochs or 1) * an_epoch)
    if recipe.finetune is not None:
        steps += recipe.finetune.steps or math.ceil((recipe.finetune.epochs or 1) * an_epoch)
    return steps * recipe.batch


def epoch_steps(recipe: Recipe) -> int | None:
    """Steps of one pass over the pictures; None where they aren't there."""
    total = 0
    for source in recipe.data:
        if source.share:
            try:
                rows = checks.look(source).rows
            except RanginError:
                return None
            total += rows if source.limit is None else min(rows, source.limit)
    return max(1, round(total / recipe.batch))


def _seconds(recipe: Recipe, speed: Speed) -> float:
    """Training and validation within the recipe's minutes, decoding and the start besides."""
    count = images(recipe)
    training = math.inf if count is None else count / speed.images_per_second
    if count is not None:
        every = recipe.validate_every or epoch_steps(recipe) or 1
        held_out = 0.0
        for source in recipe.validation:
            try:
                rows = checks.look(source).rows
            except RanginError:
                continue
            held_out += rows if source.limit is None else min(rows, source.limit)
        larger = (recipe.validation_size / speeds.side_of(recipe)) ** 2
        validations = math.ceil(count / recipe.batch / every)
        training += validations * held_out * larger / (VALIDATION_TIMES * speed.images_per_second)
    if recipe.minutes is not None:
        training = min(training, 60 * recipe.minutes)
    return training + _decoding(recipe) + START_SECONDS


def _decoding(recipe: Recipe) -> float:
    return checks.decoded_bytes(recipe) / (recipe.cache_size**2 * 3) / DECODED_A_SECOND


def _known(recipe: Recipe, speed: Speed, seconds: float, limit: float | None) -> str:
    rate = (
        f"{speed.images_per_second:,.0f}"
        if speed.images_per_second >= 10
        else f"{speed.images_per_second:.2g}"
    )
    if speed.is_measured:
        source = "as measured here"
    else:
        source = f"as {speed.count} earlier run{'s' if speed.count > 1 else ''} of this network on this hardware had"
    if not speed.is_same:
        source += " at another image size, reckoned by area"
    atmost = "At most " if recipe.early_stopping else "About "
    says = f"{atmost}{duration(seconds)}, at {rate} pictures a second, {source}."
    if limit is not None and seconds >= limit:
        says += f" The recipe ends it after {duration(limit)} of training, schedule included."
    return says


def _unknown(limit: float | None, wanted: Hardware) -> str:
    if limit is not None:
        return (
            f"The recipe ends it after {duration(limit)} of training; how many steps that will be on this hardware "
            "isn't known yet."
        )
    known = "measure it, or start with a few steps" if wanted.engine == "local" else "the first run will tell"
    return f"How long this takes isn't known yet: nothing like it has run on this hardware; {known}."


def _price(wanted: Hardware, seconds: float | None) -> tuple[float | None, str]:
    """What it costs on the Hub: by the estimate, and at the very most by the time-out."""
    from train.jobs import hf_prices

    if not wanted.flavor:
        return None, "Choose the hardware to see its price."
    try:
        a_minute = hf_prices.price(wanted.flavor, 1)
    except RanginError as error:
        return None, f"The price isn't known: {error}"
    most = a_minute * wanted.minutes
    limit = f"at most ${most:.2f}, when the time-out of {duration(60 * wanted.minutes)} ends it"
    if seconds is None:
        return most, f"It costs {limit}."
    if seconds > 60 * wanted.minutes:
        return (
            most,
            f"The time-out ends it before it is done, after {duration(60 * wanted.minutes)} and ${most:.2f}.",
        )
    dollars = a_minute * seconds / 60
    return dollars, f"It costs about ${dollars:.2f}, {limit}."


def duration(seconds: float) -> str:
    """ "40 seconds", "12 minutes", "1.5 hours", "3 days"."""
    for size, name, until in ((1, "second", 90), (60, "minute", 90 * 60), (3600, "hour", 48 * 3600)):
        if seconds < until:
            count = round(seconds / size, 1 if name == "hour" else None)
            return f"{count:g} {name}{'' if count == 1 else 's'}"
    return f"{seconds / 86400:.0f} days" if math.isfinite(seconds) else "a time that nobody knows"
