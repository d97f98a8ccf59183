"""Steering as people and programs write it -> `Steering`. Imports nothing heavy.

parse_hint("120,80,#b5473c")                                        # the command line's --hint
parse_hints('[{"x": 120, "y": 80, "color": "#b5473c"}]')            # JSON, over HTTP
"""

import json
import math
import re
from typing import Any

from colorizer.errors import OptionError
from colorizer.steering import HINTS_LIMIT, Hint

EXAMPLE = '[{"x": 120, "y": 80, "color": "#b5473c"}]'
# More than HINTS_LIMIT hints with all their digits take.
LONGEST_TEXT = 20_000
TOO_MANY = f"There are too many hints; give at most {HINTS_LIMIT}."
# Of what was given wrongly an error repeats no more characters than these.
SAID_AT_MOST = 60


def parse_color(value: object) -> str:
    """A colour as "#rrggbb", from that, "#rgb" or "rgb(r, g, b)", as pickers of colours write them.

    Raises:
        OptionError: it is none of these.
    """
    text = str(value).strip().lower()
    if re.fullmatch("#[0-9a-f]{6}", text):
        return text
    if re.fullmatch("#[0-9a-f]{3}", text):
        return "#" + "".join(2 * digit for digit in text[1:])
    number = r"\s*(\d{1,3}(?:\.\d{1,20})?)\s*"
    if found := re.fullmatch(rf"rgba?\({number},{number},{number}(?:,{number})?\)", text):
        channels = [round(float(found[i])) for i in (1, 2, 3)]
        if max(channels) <= 255:
            return "#{:02x}{:02x}{:02x}".format(*channels)
    raise OptionError(f"There is no colour {_said(value)}; write it as #rrggbb, for example #b5473c.")


def parse_hint(text: str) -> Hint:
    """ "X,Y,#rrggbb" -> a hint; X and Y in pixels of the photo, from its upper left corner.

    Raises:
        OptionError: it is not of that form.
    """
    parts = text.split(",", 2)
    try:
        x, y = (float(part) for part in parts[:2])
    except ValueError as error:
        raise _no_hint(text) from error
    if len(parts) < 3 or not (math.isfinite(x) and math.isfinite(y)):
        raise _no_hint(text)
    return Hint(x, y, parse_color(parts[2]))


def parse_hints(given: object) -> tuple[Hint, ...]:
    """Hints as JSON: a list of {"x": ..., "y": ..., "color": "#rrggbb"}, as text or already read; none if empty.

    Raises:
        OptionError: it is something else, or too many.
    """
    if given is None or (isinstance(given, str) and not given.strip()):
        return ()
    if isinstance(given, str):
        if len(given) > LONGEST_TEXT:
            raise OptionError(TOO_MANY)
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"The hints are no JSON; write them as {EXAMPLE}.") from error
    if not isinstance(given, list | tuple):
        raise OptionError(f"The hints are no list; write them as {EXAMPLE}.")
    if len(given) > HINTS_LIMIT:
        raise OptionError(TOO_MANY)
    return tuple(_hint(number, one) for number, one in enumerate(given, 1))


def _hint(number: int, given: Any) -> Hint:
    if not isinstance(given, dict):
        raise OptionError(f"Hint {number} is {_said(given)}; write the hints as {EXAMPLE}.")
    for name in ("x", "y", "color"):
        if name not in given:
            raise OptionError(f'Hint {number} has no "{name}"; write the hints as {EXAMPLE}.')
    return Hint(_place(number, given["x"]), _place(number, given["y"]), parse_color(given["color"]))


def _place(number: int, given: Any) -> float:
    try:
        place = math.nan if isinstance(given, bool | str) else float(given)
    except (TypeError, OverflowError):
        place = math.nan
    if not math.isfinite(place):
        raise OptionError(f"Hint {number} is at {_said(given)}; x and y are numbers, in pixels of the photo.")
    return place


def _no_hint(text: str) -> OptionError:
    return OptionError(f"{_said(text)} is no hint; write it as X,Y,#rrggbb, for example 120,80,#b5473c.")


def _said(value: object) -> str:
    return repr(value)[:SAID_AT_MOST]
