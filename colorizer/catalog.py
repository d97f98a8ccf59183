"""The models that people can choose from, and those that they could make, as they are shown.

[entry.name for entry in catalog.entries() if entry.is_trained]

Building a network for each would take seconds and gigabytes: sizes come from the files' headers and
torch's meta device.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer import checkpoint, literature
from colorizer.errors import ModelError
from colorizer.pipeline import working_size_of

UNKNOWN = "–"
NO_CARD = "(no model card)"
AUTHORS = "authors' weights"
# What a network borrows when it is `pretrained`, where that isn't ImageNet's.
_BORROWED = {"fusion-vggface": "VGGFace2"}
# Budgets of weights that came out of several runs, whose notes tell of the last one; by its commit.
_STAGED = {"c84ba48": "190 min, one CPU core, 800,000 pictures of 96–160 px"}


@dataclass(frozen=True)
class Entry:
    """A model: one file of weights, or one of the literature that has none yet."""

    name: str
    network: str
    """Registered name of its architecture; "–" of a file that doesn't say."""
    parameters: int
    """0 of a file that can't be used."""
    megabytes: float | None
    """Size on disk, 10^6 bytes; None without a file."""
    card: str
    """First line of its model card, or a word that there is none; what is wrong with a file that can't be used; what a
    model is that has no file."""
    source: str
    """The study it is from; "–" of other models."""
    is_trained: bool
    """Whether there are weights that can be used."""
    is_colorizer: bool
    """Whether it colorizes, as it is or once it is trained; the others help."""
    start: str
    """What its encoder started from: "scratch", "ImageNet", "VGGFace2", "authors' weights", a model's name, or "–"."""
    budget: str
    """How long it was trained, on what and with how much, "10 min, AMD EPYC CPU, 8,160 pictures of 64 px"; a picture
    counts each time it was seen. "–" where the weights don't say."""
    how: str
    """The command that makes it; empty when it is trained."""
    problem: str = ""
    """Why a file can't be used."""


def entries() -> list[Entry]:
    """The models of the literature in their order, trained or not, then whatever else has weights, by name.

    A file that can't be used is an entry that says so; nothing is raised.
    """
    known = [model.name for model in literature.MODELS]
    others = [name for name in checkpoint.available() if name not in known]
    return [*map(_entry, known), *map(_entry, others)]


def colorizers() -> tuple[str, ...]:
    """Names of those that are trained and colorize, in the order of `entries`."""
    return tuple(entry.name for entry in entries() if entry.is_trained and entry.is_colorizer)


def _entry(name: str) -> Entry:
    model = literature.find(name)
    try:
        path = checkpoint.find(name)
    except ModelError:
        assert model is not None
        return _untrained(model)
    about, outline = checkpoint.check(path)
    notes = about.get("training", {})
    return Entry(
        name,
        about["network"],
        outline.parameters,
        path.stat().st_size / 1e6,
        _first_line(path),
        model.source if model else UNKNOWN,
        True,
        "working_size" in about["config"],
        UNKNOWN,
        UNKNOWN,
        "",
    )


def _untrained(model: literature.Model) -> Entry:
    parameters = checkpoint.outline(model.network, model.config).parameters
    return Entry(
        model.name,
        model.network,
        parameters,
        None,
        model.about,
        model.source,
        False,
        True,
        UNKNOWN,
        UNKNOWN,
        model.how,
    )


def _first_line(weights: Path) -> str:
    """Of the card beside the weights."""
    card = weights.with_suffix(".md")
    if not card.is_file():
        return NO_CARD
    text = card.read_text(encoding="utf-8")
    if text.startswith("---\n"):  # front matter of the Hugging Face Hub
        text = text.partition("\n---\n")[2]
    lines = (line.strip().lstrip("#").strip() for line in text.splitlines())
    return next((line for line in lines if line), "(an empty model card)")
