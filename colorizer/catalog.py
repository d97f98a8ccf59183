"""The models that people can choose from, and those that they could make, as they are shown.

[entry.name for entry in catalog.entries() if entry.is_trained]

Building every network would take seconds and gigabytes: sizes come from the files' headers and torch's meta device.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from colorizer import checkpoint, hollow, literature, training_notes
from colorizer.errors import ModelError
from colorizer.training_notes import UNKNOWN
from colorizer.working_size import working_size_of

OTHERS = "Others"
COLUMNS = 120
NO_CARD = "(no model card)"
# A card's first line is at its beginning, and someone may give a file of any size that name.
CARD_BYTES = 20_000
LONGEST_LINE = 200


@dataclass(frozen=True)
class Entry:
    """A model: one file of weights, or one of the literature that has none yet."""

    name: str
    network: str
    """Registered name of its architecture; "–" of a file that can't be used."""
    parameters: int
    """0 of a file that can't be used and is no model of the literature."""
    megabytes: float | None
    """Size on disk, 10^6 bytes; None without a file that can be used."""
    card: str
    """First line of its model card, or a word that there is none; of a model without weights what it is."""
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
    """The command that makes it; empty when it is trained or we know none."""
    problem: str = ""
    """What is wrong with a file of this name, as a sentence. If the model is trained all the same, the package's
    weights are used in its place."""


def entries() -> list[Entry]:
    """The models of the literature in their order, trained or not, then whatever else has weights, by name.

    Last come files that no model can be asked for by. Nothing is raised: an entry says what is wrong with its file.
    """
    known = [model.name for model in literature.MODELS]
    others = [name for name in checkpoint.available() if name not in known]
    return [*map(_entry, known), *map(_entry, others), *_out_of_reach()]


def colorizers() -> tuple[str, ...]:
    """Names of those that are trained and colorize, in the order of `entries`."""
    return tuple(entry.name for entry in entries() if entry.is_trained and entry.is_colorizer)


def listing(found: Sequence[Entry]) -> str:
    """Models as a table of text, by source; below it where further weights go. COLUMNS wide if names are short."""
    sources = dict.fromkeys(entry.source for entry in found)
    sources.pop(UNKNOWN, None)
    lines = [("name", "parameters", "size", "training")]
    for source in (*sources, UNKNOWN):
        lines.append((OTHERS if source == UNKNOWN else source, "", "", ""))
        for entry in (entry for entry in found if entry.source == source):
            parameters = f"{entry.parameters / 1e6:.2f} M" if entry.parameters else UNKNOWN
            size = f"{entry.megabytes:.1f} MB" if entry.megabytes is not None else UNKNOWN
            lines.append((f"  {entry.name}", parameters, size, _training(entry)))
    widths = [max(len(line[column]) for line in lines if line[1]) for column in range(3)]
    left = sum(widths) + 3 * len("  ")
    text = []
    for name, parameters, size, training in lines:
        head = "  ".join((name.ljust(widths[0]), parameters.rjust(widths[1]), size.rjust(widths[2])))
        wrapped = textwrap.wrap(training, max(COLUMNS - left, 30), break_on_hyphens=False) or [""]
        text.append(f"{head}  {wrapped[0]}".rstrip())
        text += [" " * left + line for line in wrapped[1:]]
    usable = sum(entry.is_trained for entry in found)
    return "\n".join(
        [
            *text,
            "",
            f"{usable} of {len(found)} can be used. Further weights go into {checkpoint.folders()[0]}",
        ]
    )


def _training(entry: Entry) -> str:
    """What made a model's weights, what would make them, or what is wrong with them."""
    if not entry.is_trained:
        instead = f"not trained: {entry.how}" if entry.how else ""
        return " ".join(part for part in (entry.problem, instead) if part)
    beginning = {
        UNKNOWN: "",
        training_notes.SCRATCH: "from scratch",
        training_notes.AUTHORS: training_notes.AUTHORS,
    }.get(entry.start, f"encoder of {entry.start}")
    budget = "" if entry.budget == UNKNOWN else entry.budget
    said = ", ".join(part for part in (beginning, budget) if part) or "no notes on its training"
    if entry.source == UNKNOWN and entry.network != entry.name:
        said = f"{entry.network}, {said}"
    passed_over = f"; these are the package's, since: {entry.problem}" if entry.problem else ""
    return said + ("" if entry.is_colorizer else "; no colorizer") + passed_over


def _entry(name: str) -> Entry:
    """What is known of a name, of the literature or a file's."""
    model = literature.find(name)
    problem = ""
    if name in checkpoint.available():
        try:
            path, passed_over = checkpoint.look_up(name)
            return replace(_trained(path, model), problem=passed_over)
        except ModelError as error:
            problem = str(error)
    return replace(_untrained(model) if model else _unusable(name), problem=problem)


def _trained(path: Path, model: literature.Model | None) -> Entry:
    about, outline = checkpoint.check(path)
    network, config = about["network"], about["config"]
    is_colorizer = "working_size" in config
    if is_colorizer:
        working_size_of(path.stem, config)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelError(f"The weights {path.name} have been taken away meanwhile.") from error
    is_of_literature = model is not None and model.network == network
    notes = about.get("training")
    return Entry(
        name=path.stem,
        network=network,
        parameters=outline.parameters,
        megabytes=size / 1e6,
        card=_first_line(path.with_suffix(".md")),
        source=model.source if model is not None and is_of_literature else UNKNOWN,
        is_trained=True,
        is_colorizer=is_colorizer,
        start=training_notes.start(network, notes),
        budget=training_notes.budget(notes),
        how="",
    )


def _untrained(model: literature.Model) -> Entry:
    return Entry(
        name=model.name,
        network=model.network,
        parameters=hollow.outline(model.network, model.config).parameters,
        megabytes=None,
        card=model.about,
        source=model.source,
        is_trained=False,
        is_colorizer=True,
        start=UNKNOWN,
        budget=UNKNOWN,
        how=model.how,
    )


def _unusable(name: str, problem: str = "") -> Entry:
    return Entry(
        name=training_notes.printable(name),
        network=UNKNOWN,
        parameters=0,
        megabytes=None,
        card=NO_CARD,
        source=UNKNOWN,
        is_trained=False,
        is_colorizer=False,
        start=UNKNOWN,
        budget=UNKNOWN,
        how="",
        problem=problem,
    )


def _out_of_reach() -> list[Entry]:
    """Files of the user's folder that look like weights and can't be asked for."""
    found = []
    for path in checkpoint.files(checkpoint.folders()[0]):
        name, problem = training_notes.printable(path.name), ""
        if not path.is_file():
            what = "a link to a file that isn't there" if path.is_symlink() else "no file"
            problem = f"{name} is {what}; put the weights in its place."
        elif path.stem in checkpoint.RESERVED:
            problem = f"{path.stem!r} stands for other models; rename {name}."
        elif not checkpoint.is_name(path.stem):
            problem = f"A model's name has letters, digits and . _ - only; rename {name}."
        if problem:
            found.append(_unusable(path.stem, problem))
    return found


def _first_line(card: Path) -> str:
    """What a model card begins with, below the front matter of the Hugging Face Hub."""
    if not card.is_file():
        return NO_CARD
    try:
        with card.open("rb") as file:
            text = file.read(CARD_BYTES).decode("utf-8", errors="replace").replace("\r\n", "\n")
    except OSError:
        return "(a model card that can't be read)"
    if text.startswith("---\n"):
        text = text.partition("\n---\n")[2]
    lines = (line.strip().lstrip("#").strip() for line in text.splitlines())
    line = next((line for line in lines if line), "(an empty model card)")
    return training_notes.printable(line, LONGEST_LINE)
