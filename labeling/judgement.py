"""A decision about a photo or face: what it holds, what may stand in it, and what is answered. See `judging`."""

import json
import math
from dataclasses import dataclass
from typing import Any

from labeling.errors import LabelError
from labeling.names import clean_prose

KINDS = ("label", "unusable", "skip", "note")
COUNTING = ("label", "unusable")
"""The judgements that count towards those an item wants."""
REASONS = ("not a person", "no consent", "drawing")
"""Why a picture is unusable."""
VIA = ("page", "http", "command", "import")
SUGGESTION_LIMIT = 4000  # characters of JSON
LONGEST_LOOK = 86_400.0  # seconds on screen; a page left open for days says nothing


@dataclass(frozen=True)
class Judgement:
    """A decision as it is sent."""

    key: str
    """Made by the sender, different for each decision; sent twice it is one event."""
    who: str
    item: int
    kind: str
    label: str | int | None = None
    """For a label: its name or number."""
    word: str = ""
    """For "unusable" one of REASONS, for a note its text."""
    suggestion: dict[str, Any] | None = None
    """What the model's help showed with the photo; None where it was off."""
    seconds: float | None = None
    """How long the photo was on screen."""
    via: str = "page"
    at: float | None = None
    """When it was decided, where that is not now: for imports. Seconds since 1970, UTC."""
    instead_of: int | None = None
    """Saved only where this event is what the person says now, or nothing where it is 0; None: always."""


@dataclass(frozen=True)
class Saved:
    """A decision that is on disk."""

    event: int
    item: int
    at: float
    is_repeat: bool
    """Whether it had been saved before."""


@dataclass(frozen=True)
class Undone:
    """What an undo took back."""

    event: int
    item: int
    kind: str
    word: str


@dataclass(frozen=True)
class Event:
    """Something that somebody did about an item."""

    id: int
    at: float
    who: str
    item: int
    kind: str
    label: int | None
    word: str
    suggestion: dict[str, Any] | None
    via: str
    seconds: float | None
    superseded_by: int
    is_undone: bool
    undoes: int | None


def check_number(item: object) -> None:
    """Raises:
    LabelError: this can't be an item's number.
    """
    if isinstance(item, bool) or not isinstance(item, int) or not 0 < item < 2**53:
        raise LabelError("A photo on the desk is named by its number; load the page again.")


def checked(judgement: Judgement) -> Judgement:
    """The decision, cleaned.

    Raises:
        LabelError: a part of it can't be used.
    """
    check_key(judgement.key)
    check_via(judgement.via)
    check_number(judgement.item)
    if judgement.kind not in KINDS:
        raise LabelError(f"There is no judgement {judgement.kind!r:.60}; choose one of {', '.join(KINDS)}.")
    changed: dict[str, Any] = {}
    if judgement.kind == "label" and not isinstance(judgement.label, str | int):
        raise LabelError("Say which label is meant, by its name.")
    if judgement.kind == "unusable" and judgement.word not in REASONS:
        raise LabelError(f"Say why the picture can't be used: {', '.join(REASONS)}.")
    if judgement.kind == "note":
        changed["word"] = clean_prose(judgement.word, "note")
    elif judgement.kind != "unusable":
        changed["word"] = ""
    if judgement.suggestion is not None:
        changed["suggestion"] = _suggestion(judgement.suggestion)
    if judgement.seconds is not None:
        changed["seconds"] = _seconds(judgement.seconds)
    return Judgement(**{**judgement.__dict__, **changed})


def _suggestion(suggestion: object) -> dict[str, Any]:
    try:
        text = json.dumps(suggestion, allow_nan=False)
    except (TypeError, ValueError):
        text = ""
    if not isinstance(suggestion, dict) or not text or len(text) > SUGGESTION_LIMIT:
        raise LabelError("What the model's help showed is sent as a small JSON object, or as null.")
    return suggestion


def _seconds(seconds: object) -> float | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise LabelError("The seconds that a photo was on screen are a number.")
    return min(max(0.0, float(seconds)), LONGEST_LOOK)


def check_key(key: object) -> None:
    """Raises:
    LabelError: this can't be a decision's key.
    """
    if not isinstance(key, str) or not 8 <= len(key) <= 64 or not key.isascii() or not key.isprintable():
        raise LabelError("Each decision carries a key of its own: 8 to 64 letters, digits or dashes.")


def check_via(via: object) -> None:
    """Raises:
    LabelError: no decision comes by this.
    """
    if via not in VIA:
        raise LabelError(f"A decision comes by one of {', '.join(VIA)}, not by {via!r:.40}.")
