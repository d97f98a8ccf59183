"""What may be asked of a painting beside its palettes: the light, and colours of single points.

steering = Steering(warmth=6, hints=(Hint(210, 640, "#3b5aa0"),))
result = colorizer.paint(portrait, steering=steering)
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from colorizer.errors import OptionError

LIGHTS: tuple[str, ...] = ("predicted", "neutral")
"""As the model thinks; or such that the people's skin has the colour that was measured under neutral light."""
SHIFT_LIMIT = 20.0
"""Largest warmth and tint either way, units of CIELAB."""
HINTS_LIMIT = 50
"""Most hints for one photo."""
SUGGESTIONS_LIMIT = 6
"""Most suggestions for one photo."""

_COLOR = re.compile("#[0-9a-fA-F]{6}")
# Of a wrong value an error repeats no more characters than these.
_SAID_AT_MOST = 40


@dataclass(frozen=True)
class Hint:
    """A colour for the thing that is seen at one point."""

    x: float
    """Pixels of the photo, from its left."""
    y: float
    """Pixels of the photo, from its top."""
    color: str
    """"#rrggbb". Its a* and b* count; the photo's own lightness stays."""


@dataclass(frozen=True)
class Steering:
    """What is asked; the default asks for nothing."""

    light: str = "predicted"
    """One of LIGHTS."""
    warmth: float = 0.0
    """Added to the photo's mean b*: above 0 yellower, below bluer."""
    tint: float = 0.0
    """Added to the photo's mean a*: above 0 more magenta, below greener."""
    cast: tuple[float, float] | None = None
    """The photo's mean a* and b*, where they are known; then `light`, `warmth` and `tint` must be left alone."""
    hints: tuple[Hint, ...] = ()

    @property
    def is_default(self) -> bool:
        """Whether nothing is asked."""
        return self == Steering()

    def check(self, width: int, height: int) -> None:
        """Look whether this can be done to a photo of this size.

        Raises:
            OptionError: it can't; the message says what was wrong and what is allowed.
        """
        if self.light not in LIGHTS:
            raise OptionError(
                f"There is no light {repr(self.light)[:_SAID_AT_MOST]}; choose {' or '.join(LIGHTS)}."
            )
        for name, value in (("Warmth", self.warmth), ("Tint", self.tint)):
            if not _is_number(value) or abs(value) > SHIFT_LIMIT:
                raise OptionError(
                    f"{name} {repr(value)[:_SAID_AT_MOST]} is not allowed; choose a number from "
                    f"{-SHIFT_LIMIT:g} to {SHIFT_LIMIT:g}, 0 for no change."
                )
        if self.cast is not None:
            self._check_cast(self.cast)
        _check_hints(self.hints, width, height)

    def _check_cast(self, cast: tuple[float, float]) -> None:
        if len(cast) != 2 or not all(_is_number(value) and abs(value) <= 128 for value in cast):
            raise OptionError("A cast is two numbers from -128 to 128, the photo's mean a* and b*.")
        if (self.light, self.warmth, self.tint) != ("predicted", 0.0, 0.0):
            raise OptionError("Where the cast is given, leave light, warmth and tint as they are.")


def _check_hints(hints: Sequence[Hint], width: int, height: int) -> None:
    if len(hints) > HINTS_LIMIT:
        raise OptionError(f"{len(hints)} colour hints are too many; at most {HINTS_LIMIT} are allowed.")
    for number, hint in enumerate(hints, 1):
        if not isinstance(hint.color, str) or not _COLOR.fullmatch(hint.color):
            raise OptionError(
                f"Hint {number} has the colour {repr(hint.color)[:_SAID_AT_MOST]}; write it as #rrggbb, for example "
                "#3b5aa0."
            )
        if not (_is_number(hint.x) and _is_number(hint.y)):
            raise OptionError(f"Hint {number} needs two numbers, x and y, in pixels of the photo.")
        if not (0 <= hint.x < width and 0 <= hint.y < height):
            raise OptionError(
                f"Hint {number} at x {_pixels(hint.x)}, y {_pixels(hint.y)} lies outside the photo, which is {width} x "
                f"{height} pixels."
            )


def _pixels(place: float) -> str:
    """A place in few signs, however far away."""
    return f"{place:.0f}" if abs(place) < 1e6 else f"{place:.0e}"


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        return False
