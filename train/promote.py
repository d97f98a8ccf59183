"""A run's model becomes one that Colorize knows, and if wanted the one that it paints with.

    try:
        promoted = promote(runs / "mine-20261122-...", "mine", as_default=True)
    except NeedsConfirmation as error:              # it is worse than the present one, or takes another's place
        ask(str(error))
        promoted = promote(runs / "mine-20261122-...", "mine", as_default=True, confirmed=True)

Weights and card are copied into the models folder (the setting RANGIN_MODELS); which model is the default stands in
default.txt there. A page that runs uses it from the next photo on.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colorizer import pointer
from colorizer.errors import ModelError, OptionError
from colorizer.settings import get_settings
from train import against
from train.against import LIMIT, Comparison, compare, weights_of
from train.install import install

if TYPE_CHECKING:
    from train.jobs.job import Job

__all__ = ["Comparison", "NeedsConfirmation", "Promoted", "compare", "evaluate", "make_default", "promote"]

LONGEST_NAME = 60


class NeedsConfirmation(OptionError):  # noqa: N818  a question, not a fault
    """Something that people should know before a model is promoted; with `confirmed` it is done all the same.

    Args:
        reasons: a sentence each.
        comparison: with the present default, if it could be made.
    """

    def __init__(self, reasons: list[str], comparison: Comparison | None) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = tuple(reasons)
        self.comparison = comparison


@dataclass(frozen=True)
class Promoted:
    """What was done."""

    name: str
    """Of the model, as the page calls it."""
    weights: Path
    is_default: bool
    comparison: Comparison | None
    """With what was the default until now; None where it was confirmed and could not be made."""
    sentence: str


def promote(
    folder: Path,
    name: str = "",
    as_default: bool = False,
    confirmed: bool = False,
    limit: int = LIMIT,
) -> Promoted:
    """Copy a run's weights and card to where Colorize finds them.

    Args:
        folder: the run's.
        name: what the model will be called; the weights' own name if empty.
        as_default: whether Colorize shall use it where no model is named. A classifier is installed under the name of
            the one in use, too, which is how it takes its place.
        confirmed: do it though it is worse than the present default, or another model has that name.
        limit: pictures on which the two are compared.

    Raises:
        NeedsConfirmation: as `confirmed` says; nothing was changed.
        OptionError: the run has no weights, the name is none that a model may have, or the folder can't be written.
        ModelError: the weights are damaged.
    """
    from colorizer import checkpoint
    from colorizer.ethnicity import DEFAULT as CLASSIFIER

    weights = weights_of(folder)
    config = checkpoint.check(weights)[0]["config"]
    is_classifier = "crop_scale" in config
    name = name.strip() or weights.stem
    _check_name(name, is_classifier)
    _try(weights, is_classifier)
    comparison, reasons = _judge(folder, limit)
    if (present := _present(name)) is not None and present.read_bytes() != weights.read_bytes():
        reasons.append(f"There is a model {name!r} already, whose place this one would take.")
    if reasons and not confirmed:
        raise NeedsConfirmation(reasons, comparison)
    text = _card(weights, name, comparison)
    place = install(weights, name, text)
    if as_default and is_classifier:
        install(weights, CLASSIFIER, text)
    elif as_default:
        make_default(name)
    said = f"{weights.stem} of {folder.name} is in {place.parent} as {name}"
    said += ", and the default from now on." if as_default else "."
    if as_default and not is_classifier and (named := get_settings().model) not in ("default", name):
        said += f" A page that was started with RANGIN_MODEL={named} keeps that one."
    return Promoted(name, place, as_default, comparison, said)


def make_default(name: str) -> None:
    """Have Colorize use a model where none is named; the package's own needs no mention.

    Raises:
        ModelError: there is no such model, it is damaged, or no colorizer.
        OptionError: the models folder can't be written.
    """
    from colorizer import checkpoint
    from colorizer.working_size import working_size_of

    working_size_of(name, checkpoint.check(checkpoint.find(name))[0]["config"])
    folder = get_settings().models
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pointer.write(folder, "" if name in ("default", checkpoint.DEFAULT) else name)
    except OSError as error:
        raise OptionError(
            f"{pointer.FILE} can't be written to the models folder {folder} ({error.strerror}); make room there, or "
            "set RANGIN_MODELS to a folder that can be written."
        ) from error


def evaluate(job: "Job", limit: int | None = None, who: str = "", device: str = "") -> "Job":
    """Start a job of its own on this machine that measures a run's model beside the default, and writes the report.

    Args:
        job: the run's.
        limit: measure only on the first so many validation pictures.
        who: ordered it; whoever ordered the run if empty.
        device: "cpu" or "gpu:0"; that of a run on this machine, or else the CPU, if empty.

    Returns:
        The new job; the report is runs/<id of the run>/report.

    Raises:
        Refused: with all that is wrong, such as a run without weights.
    """
    from train.jobs import evaluation, registry

    return registry.submit(evaluation.order(job, limit, who, device))


def _check_name(name: str, is_classifier: bool) -> None:
    """Refuse what is no name, or one under which the page expects a model of the other kind."""
    from colorizer import checkpoint

    if not checkpoint.is_name(name) or len(name) > LONGEST_NAME:
        raise OptionError(
            f"{name[:80]!r} can't be a model's name; use letters, digits and . _ - only, at most {LONGEST_NAME} of "
            f"them, and not {' or '.join(checkpoint.RESERVED)}."
        )
    if (present := _present(name)) is None:
        return
    try:
        was_classifier = "crop_scale" in checkpoint.check(present)[0]["config"]
    except ModelError:
        return  # nobody can use that one
    if was_classifier != is_classifier:
        kinds = ("a colorizer", "a classifier")
        raise OptionError(
            f"{name!r} is {kinds[was_classifier]}, and this is {kinds[is_classifier]}; choose another name."
        )


def _present(name: str) -> Path | None:
    from colorizer import checkpoint

    try:
        return checkpoint.find(name)
    except ModelError:
        return None


def _try(weights: Path, is_classifier: bool) -> None:
    """Use the model once: a file may be whole and still give no numbers.

    Raises:
        ModelError: it can't be used.
    """
    import numpy as np

    from colorizer.ethnicity import EthnicityClassifier
    from colorizer.pipeline import Colorizer
    from train.measure import whole_face

    ramp = np.tile(np.linspace(0, 100, 64, dtype=np.float32), (64, 1))
    if not is_classifier:
        Colorizer.load(weights).predict(ramp, [])
        return
    classifier = EthnicityClassifier.load(str(weights))
    (face,) = classifier.classify(ramp, [whole_face(64, 64, classifier.crop_scale)])
    if not np.isfinite(list(face.probabilities.values())).all():
        raise ModelError(f"The weights {weights.name} are damaged: they give no numbers.")


def _judge(folder: Path, limit: int) -> tuple[Comparison | None, list[str]]:
    """How the run's model does beside the default, and what of it people should know first."""
    try:
        comparison = against.compare(folder, limit=limit)
    except OptionError as error:
        return None, [f"It could not be compared with the present default. {error}"]
    return comparison, [comparison.sentence] if comparison.is_worse else []


def _card(weights: Path, name: str, comparison: Comparison | None) -> str | None:
    """The run's card under the model's name, with what was measured; None of a run without a card."""
    try:
        text = weights.with_suffix(".md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    old = re.escape(weights.stem)
    text = re.sub(rf"^# {old}(?=[:\s])", f"# {name}", text, count=1, flags=re.MULTILINE)
    text = re.sub(rf"(?<![\w./-]){old}\.safetensors", f"{name}.safetensors", text)
    if comparison is None:
        return text
    rows = "\n".join(
        f"| {against.TITLES[measure]} | {_number(mine)} | {_number(other)} |"
        for measure, (mine, other) in comparison.figures.items()
    )
    return (
        f"{text.rstrip()}\n\n## Beside {comparison.against}\n\nWhen it was promoted, on {comparison.pictures} of its "
        f"validation pictures by the protocol of `colorizer.metrics`:\n\n| | {name} | {comparison.against} |\n"
        f"|---|---:|---:|\n{rows}\n\nDifference in {against.TITLES[comparison.metric]}: {comparison.difference:+.3f}, "
        f"95 % interval {comparison.low:+.3f} to {comparison.high:+.3f}.\n"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
