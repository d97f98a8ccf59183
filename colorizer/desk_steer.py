"""What the page does with colour hints: a click becomes one, the last goes, all go. Knows no gradio.

steering = Steer(desk)
steering.add(key, (120, 80), "#b5473c")                 # pixels of the picture that was clicked
desk.repaint(key, menus)                                # paints with all hints that there are

Nothing is painted here, so that several quick clicks are one painting.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from colorizer import steering_text, view_steer
from colorizer.desk import Desk
from colorizer.errors import OptionError
from colorizer.steering import HINTS_LIMIT, Hint, Steering

if TYPE_CHECKING:
    from colorizer.desk_work import Work

NO_POINT = "That click was not on the picture; click where the colour shall be."
NOT_STEERABLE = "This page's model takes no colour hints."


class Steer:
    """The hints of the photos on a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, key: str | None, point: object, color: object) -> str:
        """One hint more. The same one twice is one: a click may be told twice.

        Args:
            key: from `Shown`.
            point: x and y in pixels of `Shown.canvas`.
            color: "#rrggbb", or as `steering_text.parse_color` takes it.

        Returns:
            HTML of all hints.

        Raises:
            PhotoError: the photo has been put away.
            OptionError: the point lies outside, the colour is none, there are too many, or the model takes none.
        """
        work = self.desk.work(key)
        if not self.desk.colorizer.steerable:
            raise OptionError(NOT_STEERABLE)
        hint = _on_photo(work, point, steering_text.parse_color(color))
        with work.hints_lock:
            if hint not in work.hints[-1:]:
                if len(work.hints) >= HINTS_LIMIT:
                    raise OptionError(
                        f"There are {HINTS_LIMIT} hints already, which is all there may be; remove one first."
                    )
                work.hints = (*work.hints, hint)
            return view_steer.hint_list(work.hints)

    def remove(self, key: str | None, count: int = 1) -> str:
        """The last hints less; HTML of the others.

        Raises:
            PhotoError: the photo has been put away.
        """
        work = self.desk.work(key)
        with work.hints_lock:
            work.hints = work.hints[: max(0, len(work.hints) - count)]
            return view_steer.hint_list(work.hints)


def scaled(steering: Steering, x: float, y: float) -> Steering:
    """The same steering for a copy of the photo that is `x` times as wide and `y` times as high."""
    return replace(
        steering, hints=tuple(replace(hint, x=hint.x * x, y=hint.y * y) for hint in steering.hints)
    )


def _on_photo(work: "Work", point: object, color: str) -> Hint:
    """A point on the canvas, in pixels, as a hint on the photo."""
    height, width = work.gray.shape
    columns, rows = view_steer.canvas_size(width, height)
    if not isinstance(point, Sequence) or isinstance(point, str) or len(point) != 2:
        raise OptionError(NO_POINT)
    x, y = point
    if not all(isinstance(place, int | float) and not isinstance(place, bool) for place in (x, y)):
        raise OptionError(NO_POINT)
    if not (0 <= x < columns and 0 <= y < rows):
        raise OptionError(NO_POINT)
    return Hint(round(x * width / columns, 1), round(y * height / rows, 1), color)
