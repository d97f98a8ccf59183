"""What a page has seen of the runs, so that it is only sent what has changed since, and what it sends back, checked.

    changed, after = compare(before, shown)     # ("head", "log"), '{"run": ...}'

All of it comes from a browser, and may be anything.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from train.desk_runs import Asked, Shown

MOST = 20
"""Ids that one page may send."""
LONGEST = 200
LARGEST = 2000
"""Letters of what a page has seen; ours are some five hundred."""


def compare(before: str, shown: Shown) -> tuple[tuple[str, ...], str]:
    """Which parts are new to a page, and what it sends the next time.

    Args:
        before: what it sent; something else than this function made means that it has seen nothing.
    """
    parts = {
        "listing": shown.listing,
        "head": shown.head,
        "curves": shown.curves,
        "strip": shown.strip,
        "slider": f"{shown.strip_at} of {shown.strips}",
        "log": shown.log,
        "errand": shown.errand,
        "asks": shown.asks,
        "can": " ".join(sorted(shown.can)),
    }
    after = {name: hashlib.sha256(part.encode()).hexdigest()[:16] for name, part in parts.items()}
    known = _read(before)
    changed = tuple(name for name in parts if known.get(name) != after[name])
    return changed, json.dumps({**after, "run": shown.run, "strips": shown.strips})


def sample(before: str, run: str, at: float | None) -> int | None:
    """Which strip a page wants to see: the one its slider stands at, or the latest if that was the last it knew of."""
    known = _read(before)
    strips = known.get("strips")
    if known.get("run") != run or not isinstance(strips, int) or not isinstance(at, int | float):
        return None
    return int(at) if 1 <= at < strips else None


@dataclass(frozen=True)
class Wanted:
    """What the list's script asks for."""

    asked: Asked
    is_arriving: bool
    """Whether somebody has just come to the section."""
    newest: str
    """Id of the newest run that the page has listed."""


def wanted(sent: object, before: str, at: float | None) -> Wanted:
    """What an event of the list brought."""
    data = sent if isinstance(sent, dict) else {}
    run, turn = text(data, "run"), data.get("turn")
    turn = turn if isinstance(turn, int) and 0 <= turn < 2**31 else 0
    asked = Asked(run, listed(data, "compared"), sample(before, run, at), turn)
    return Wanted(asked, data.get("arriving") is True, text(data, "newest"))


def ids(said: object) -> tuple[str, ...]:
    """Ids with spaces between them."""
    return listed({"ids": said.split()}, "ids") if isinstance(said, str) else ()


def listed(sent: object, name: str) -> tuple[str, ...]:
    """Ids out of what an event brought."""
    found = sent.get(name) if isinstance(sent, dict) else None
    if not isinstance(found, list):
        return ()
    return tuple(one for one in found if isinstance(one, str) and len(one) <= LONGEST)[:MOST]


def text(sent: object, name: str) -> str:
    """A word out of what an event brought; empty if there is none."""
    found = sent.get(name) if isinstance(sent, dict) else None
    return found if isinstance(found, str) and len(found) <= LONGEST else ""


def _read(before: str) -> dict[str, Any]:
    try:
        known = json.loads(before) if len(before) < LARGEST else None
    except (TypeError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}
