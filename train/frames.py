"""Frames of four people of four different groups, put together from labelled pictures of one person each.

    frame = compose([Person("a.jpg", "Asian", rgb, box), ...], overlapping(rng))

Sizes are small enough to be the protocol's: 256x256 pixels in all. What lies between the people is a blurred copy of
them, so that it has colours that can change. Every pixel is one person's or the background's, and known to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from colorizer.faces import Box
from colorizer.metrics import PROTOCOL_SIZE
from colorizer.skin import skin_mask

PEOPLE = 4
# Side of pictures side by side, in pixels of the frame; a strip of background remains about each.
APART = 112
# Sides of overlapping pictures, in pixels of the frame: the smallest face is about 40 pixels wide.
SIDES = (88, 152)
# How far a picture's middle may lie from that of its quarter of the frame, in pixels.
STRAY = 18
# Softened edge of a picture that lies over others, pixels: a hard one is a line that no photo has.
SOFT = 4
# A person is what lies in a box about the face this many times as wide, from over the hair to the picture's end.
WIDE, ABOVE = 2.4, 0.6
BACKGROUND = -1
"""Whose a pixel is that is nobody's."""
_BLUR = 14

Place = tuple[int, int, int]
"""Top, left and side of a picture in the frame."""


@dataclass(frozen=True)
class Person:
    """One person's picture."""

    name: str
    group: str
    rgb: NDArray[np.uint8]
    """(256, 256, 3), the true colours."""
    box: Box
    """The face's, in its pixels."""


@dataclass(frozen=True)
class Frame:
    """Four people in one picture."""

    people: tuple[Person, ...]
    places: tuple[Place, ...]
    rgb: NDArray[np.uint8]
    """(256, 256, 3), the true colours."""
    owner: NDArray[np.int8]
    """(256, 256): whose picture is seen, BACKGROUND for none; soft edges are the background's."""
    blurred: NDArray[np.float32]
    """(256, 256, 3): what lies behind them."""

    def box(self, who: int) -> Box:
        """Where a person's face lies in the frame."""
        top, left, side = self.places[who]
        scale = side / PROTOCOL_SIZE
        x0, y0, x1, y1 = self.people[who].box
        return left + x0 * scale, top + y0 * scale, left + x1 * scale, top + y1 * scale

    def skin(self, who: int) -> NDArray[np.bool_]:
        """(256, 256): the skin of a person's face that is seen."""
        return skin_mask(self.rgb, [self.box(who)]) & (self.owner == who)

    def body(self, who: int) -> NDArray[np.bool_]:
        """(256, 256): head and shoulders of a person, roughly, as far as they are seen."""
        x0, y0, x1, y1 = self.box(who)
        y, x = np.mgrid[0:PROTOCOL_SIZE, 0:PROTOCOL_SIZE] + 0.5
        is_near = np.abs(x - (x0 + x1) / 2) < WIDE * (x1 - x0) / 2
        return np.asarray(is_near & (y > y0 - ABOVE * (y1 - y0)) & (self.owner == who))

    def without_others(self, who: int) -> NDArray[np.uint8]:
        """The frame with one of its people, all of their picture before the blurred background, (256, 256, 3)."""
        return _laid(self.blurred, [self.people[who]], [self.places[who]])[0]

    def alone(self, who: int) -> NDArray[np.uint8]:
        """A person's own picture as large as it is in the frame, (side, side, 3)."""
        return _resized(self.people[who].rgb, self.places[who][2])

    def cut(self, region: NDArray[np.bool_], who: int) -> NDArray[np.bool_]:
        """(256, 256) of the frame -> (side, side) of a person's own picture."""
        top, left, side = self.places[who]
        return region[top : top + side, left : left + side]


def side_by_side() -> tuple[Place, ...]:
    """Four pictures of one size, one in the middle of each quarter."""
    half = PROTOCOL_SIZE // 2
    margin = (half - APART) // 2
    return tuple((top + margin, left + margin, APART) for top in (0, half) for left in (0, half))


def overlapping(rng: np.random.Generator) -> tuple[Place, ...]:
    """Four pictures of different sizes, each about the middle of its quarter, so that some cover others' edges."""
    places = []
    quarter = PROTOCOL_SIZE // 4
    for y in (quarter, 3 * quarter):
        for x in (quarter, 3 * quarter):
            side = int(rng.integers(SIDES[0], SIDES[1] + 1))
            down, right = rng.integers(-STRAY, STRAY + 1, 2).tolist()
            top, left = (
                int(np.clip(middle - side // 2, 0, PROTOCOL_SIZE - side)) for middle in (y + down, x + right)
            )
            places.append((top, left, side))
    return tuple(places)


def compose(people: Sequence[Person], places: Sequence[Place]) -> Frame:
    """Lay pictures over each other, the first at the back.

    Args:
        people: four of them.
        places: where they lie.
    """
    size = PROTOCOL_SIZE
    collage = np.vstack([np.hstack([_resized(p.rgb, size // 2) for p in people[i : i + 2]]) for i in (0, 2)])
    blurred = np.asarray(Image.fromarray(collage).filter(ImageFilter.GaussianBlur(_BLUR)), np.float32)
    rgb, owner = _laid(blurred, people, places)
    return Frame(tuple(people), tuple(places), rgb, owner, blurred)


def _laid(
    behind: NDArray[np.float32], people: Sequence[Person], places: Sequence[Place]
) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """The picture, (256, 256, 3), and the index in `people` of whom each pixel shows."""
    canvas = behind.copy()
    owner = np.full(behind.shape[:2], BACKGROUND, np.int8)
    for who, (person, (top, left, side)) in enumerate(zip(people, places, strict=True)):
        rows, columns = slice(top, top + side), slice(left, left + side)
        opacity = _opacity(side)
        tile = _resized(person.rgb, side).astype(np.float32)
        canvas[rows, columns] += (tile - canvas[rows, columns]) * opacity[..., None]
        owner[rows, columns] = np.where(opacity == 1, who, BACKGROUND)
    return np.rint(canvas).clip(0, 255).astype(np.uint8), owner


def _resized(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BICUBIC))


def _opacity(side: int) -> NDArray[np.float32]:
    """(side, side) in [0, 1]: 1 but near the edges."""
    at = np.arange(side, dtype=np.float32) + 0.5
    edge = np.minimum(np.minimum(at, side - at) / SOFT, 1)
    return edge[:, None] * edge
