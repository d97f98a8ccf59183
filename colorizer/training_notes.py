"""What a model's weights say of their training, in a few words: `train/export.py` writes these notes.

Notes come with a file, which may be anyone's: whatever they hold, no error is raised, and what comes out is short.
"""

import math
import re
from typing import Any

from colorizer import literature

UNKNOWN = "–"
SCRATCH = "scratch"
AUTHORS = "authors' weights"
LONGEST = 90
# A longer description is nobody's, and looking for its parts would take a time that grows with the square of it.
LONGEST_MACHINE = 300
# What a network borrows when it is `pretrained`, where that isn't ImageNet's.
_BORROWED = {"fusion-vggface": "VGGFace2"}
# As `train.machine.describe` says it.
_MACHINE = re.compile(r"(?P<cpu>.+?), \d+ cores(?:, (?P<gpu>.+))?, torch .*")


def start(network: str, notes: Any) -> str:
    """What an encoder started from.

    Args:
        network: registered name.
        notes: `checkpoint.about(...)["training"]`.

    Returns:
        "scratch", "ImageNet", "VGGFace2", "authors' weights", the name of another model, or "–" if they don't say.
    """
    notes = _section(notes)
    if any(isinstance(note, str) and AUTHORS in note for note in notes.values()):
        return AUTHORS
    before = notes.get("start_from") or notes.get(
        "started_from"
    )  # the latter in words, in our oldest weights
    if isinstance(before, str) and before:
        named = [model.name for model in literature.MODELS if model.name in before]
        return max(named, key=len, default=printable(before, 40))
    recipe = _section(notes.get("recipe"))
    if not recipe:
        return UNKNOWN
    return _BORROWED.get(network, "ImageNet") if _section(recipe.get("config")).get("pretrained") else SCRATCH


def budget(notes: Any) -> str:
    """How long, on what and with how much, "10 min, AMD EPYC CPU, 8,160 pictures of 64 px", or "–".

    A picture counts each time it was seen: steps times batch. `notes["budget"]`, if there is one, is taken as it is.
    """
    notes = _section(notes)
    said = notes.get("budget")
    if isinstance(said, str) and said:
        return printable(said)
    parts = [_minutes(notes.get("minutes")), _machine(notes.get("machine")), _pictures(notes)]
    return printable(", ".join(part for part in parts if part)) or UNKNOWN


def printable(text: str, longest: int = LONGEST) -> str:
    """Text that fits into a line and shows what it holds: no line breaks, no control characters, at most so long."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    shown = "".join(character if character.isprintable() else "�" for character in shown)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _minutes(minutes: Any) -> str:
    if not _amount(minutes):
        return ""
    return f"{minutes:.0f} min" if minutes >= 1 else "under a minute"


def _machine(machine: Any) -> str:
    """Its GPU, or else its processor."""
    if not isinstance(machine, str) or len(machine) > LONGEST_MACHINE:
        return ""
    words = _MACHINE.fullmatch(machine)
    if words is None:
        return ""
    cpu = words["cpu"].strip()
    return words["gpu"] or (cpu if "CPU" in cpu or "Processor" in cpu else f"{cpu} CPU")


def _pictures(notes: dict[str, Any]) -> str:
    """Number and size of the pictures seen."""
    recipe = _section(notes.get("recipe"))
    seen = _amount(notes.get("steps")) * _amount(recipe.get("batch"))
    if not seen:
        return ""
    sizes = recipe.get("sizes")
    if not (isinstance(sizes, list) and sizes and all(map(_amount, sizes))):
        return f"{seen:,.0f} pictures"
    smallest, largest = min(sizes), max(sizes)
    side = str(smallest) if smallest == largest else f"{smallest}–{largest}"
    return f"{seen:,.0f} pictures of {side} px"


def _amount(value: Any) -> float:
    """A number above 0, or 0."""
    return value if type(value) in (int, float) and math.isfinite(value) and 0 < value < 1e12 else 0


def _section(notes: Any) -> dict[str, Any]:
    return notes if isinstance(notes, dict) else {}
