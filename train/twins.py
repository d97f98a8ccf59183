"""Whether one picture is a copy of another: their detail compared, the crop moved until it fits best.

    gray = twins.gray_copy(rgb)                           # COPYxCOPY, mode L
    fit, box = twins.best_fit(twins.detail(gray), other, twins.WHOLE)      # thorough: about 10 ms
    twins.likeness(gray, other, twins.WHOLE).is_copy                       # from near by: about 1 ms

All of it looks at lightness alone, so that a toned or gray copy of a photo is its twin.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d

COPY = 96  # side of the gray copies that everything is compared on
FINE = 32  # side of the thumbnails whose detail is compared
DETAIL = 4.0  # sigma, in pixels of the fine thumbnail, of the blur that is taken away
SMALLEST = 0.5  # how far a crop may be zoomed in, as a share of the side
# Chosen by eye on 3,284 portraits: above it nearly all pairs share a photo or a sitting, below it nearly none
# (look-alikes before a white or a black ground).
SAME_SITTING = 0.87
# Of `likeness`, chosen by eye on the same portraits and on 204 from one studio, where heads before one wall are alike:
# - at 64 px, pairs from 0.9 on share a photo or a sitting; strangers in that studio reach 0.87.
SITTING_DETAIL = 0.9
# - of 300 crops of 65 to 100 % of the side, shrunk to 100 px and saved as JPEG of quality 50, 97 in 100 are above 0.97;
#   exchanged faces are below 0.9, and a smile in that studio, where faces are small, is below 0.965.
COPY_WORST = 0.97
FINER = 64  # side of the thumbnails for it
PARTS = 4  # along a side
PLAIN = 0.15  # share of the detail that a part is taken to have at least
WORTH_A_CLOSER_LOOK = 0.8  # coarse correlation; the fine one is hardly ever above SITTING_DETAIL otherwise

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in shares of the side
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

_STEPS = 6
_GAIN = 0.001  # an alignment that gains less is done
_Plane = NDArray[np.float32]


def _blurs(side: int) -> tuple[_Plane, _Plane]:
    """(side, side) each, along one side: against grain, and of the shade that is taken away."""
    narrow, broad = (gaussian_filter1d(np.eye(side), sigma, axis=0) for sigma in (0.011 * side, DETAIL))
    return narrow.astype(np.float32), broad.astype(np.float32)


_BLURS = {side: _blurs(side) for side in (FINE, FINER)}
_MOVES = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, -1, -1], [1, 0, -1, 0], [0, 1, 0, -1]])


def gray_copy(picture: Image.Image) -> Image.Image:
    """A picture of any size -> COPYxCOPY in mode L; the aspect ratio is not kept."""
    return picture.convert("L").resize((COPY, COPY), Image.Resampling.BICUBIC)


def cut(copy: Image.Image, box: Box, side: int) -> NDArray[np.float32]:
    """A crop of a gray copy, (side, side) in [0, 255]."""
    pixels = (COPY * box[0], COPY * box[1], COPY * box[2], COPY * box[3])
    return np.asarray(copy.resize((side, side), Image.Resampling.BILINEAR, box=pixels), np.float32)


def unit(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., D) -> the same without its mean and with length 1, so that a dot product is a correlation."""
    pixels = pixels - pixels.mean(-1, keepdims=True)
    return cast(NDArray[np.float32], pixels / (np.linalg.norm(pixels, axis=-1, keepdims=True) + 1e-3))


def detail(copy: Image.Image, box: Box = WHOLE) -> NDArray[np.float32]:
    """A crop's fine thumbnail without its broad light and shade, (FINE, FINE), unit length."""
    pixels = cut(copy, box, FINE)
    return unit((pixels - gaussian_filter(pixels, DETAIL)).reshape(1, -1)).reshape(FINE, FINE)


def best_fit(
    whole: NDArray[np.float32], copy: Image.Image, box: Box, enough: float = SAME_SITTING
) -> tuple[float, Box]:
    """Correlation of detail in [-1, 1], and the crop, when the crop is moved and zoomed uphill from `box`.

    Args:
        whole: (FINE, FINE), the `detail` of one picture.
        copy: the gray copy of the other, of which the first may be a crop.
        box: where to begin.
        enough: the climb ends as soon as this is reached.
    """
    edges = np.array(box)
    best = float((whole * detail(copy, box)).sum())
    step = 0.04
    while step > 0.008 and best < enough:
        has_moved = False
        for move in (*_MOVES, *-_MOVES):
            tried = np.clip(edges + step * move, 0, 1)
            if min(tried[2:] - tried[:2]) < SMALLEST:
                continue
            fit = float((whole * detail(copy, _box(tried))).sum())
            if fit > best:
                best, edges, has_moved = fit, tried, True
        if not has_moved:
            step /= 2
    return best, _box(edges)


@dataclass(frozen=True)
class Likeness:
    """How much of two pictures is one photo."""

    detail: float
    """Correlation of their detail in [-1, 1], the crop moved to where they fit best."""
    worst: float
    """Agreement of the part that agrees least, 1 for the same: a face that was exchanged, a smile, a moved hand."""

    @property
    def is_copy(self) -> bool:
        """Whether both are one photo, at most toned, re-encoded, resized, cropped, or with a mark put on it."""
        return self.worst >= COPY_WORST

    @property
    def is_sitting(self) -> bool:
        """Whether both are one photo, perhaps with another face put in, or shots of one sitting."""
        return self.is_copy or self.detail >= SITTING_DETAIL


def likeness(first: Image.Image, second: Image.Image, box: Box) -> Likeness:
    """Compare a gray copy with a crop of another, aligned by Lucas and Kanade (1981): first coarsely, then finely.

    About 1 ms for strangers, 3 for twins.

    Args:
        first: gray copy of COPYxCOPY.
        second: another; the first may be a crop of it.
        box: the crop, at most about 0.05 of the side off.
    """
    fit, box, _, _ = _align(first, second, box, FINE)
    if fit < WORTH_A_CLOSER_LOOK:
        return Likeness(fit, 0.0)
    fit, _, seen, other = _align(first, second, box, FINER)
    # The error's share of the energy, in each of PARTS x PARTS; a part without detail of its own may err a little.
    energy = _sum_of_parts(seen**2) + _sum_of_parts(other**2) + 2 * PLAIN / PARTS**2
    return Likeness(fit, float((1 - _sum_of_parts((seen - other) ** 2) / energy).min()))


def _align(first: Image.Image, second: Image.Image, box: Box, side: int) -> tuple[float, Box, _Plane, _Plane]:
    """Correlation of detail, the crop moved to where it fits best, and the detail (side, side) of both."""
    seen = _sharp_detail(first, WHOLE, side)
    edges = np.array(box)
    places = (np.arange(side) + 0.5) / side
    best, best_box, best_other = -1.0, box, seen
    for _ in range(_STEPS):
        other = _sharp_detail(second, _box(edges), side)
        fit = float((seen * other).sum())
        gain = fit - best
        if gain > 0:
            best, best_box, best_other = fit, _box(edges), other
        if gain < _GAIN:
            break
        down, right = np.gradient(other)
        right *= side / (edges[2] - edges[0])
        down *= side / (edges[3] - edges[1])
        # How each pixel changes as x0, y0, x1 and y1 move.
        moves = (right * places[::-1], down * places[::-1, None], right * places, down * places[:, None])
        slopes = np.stack(moves).reshape(4, -1)
        normal = slopes @ slopes.T
        normal[np.diag_indices(4)] = normal.diagonal() * 1.02 + 1e-9
        step = np.linalg.solve(normal, slopes @ (seen - fit * other).ravel())
        edges = np.clip(edges + np.clip(step, -0.05, 0.05), 0, 1)
        if min(edges[2:] - edges[:2]) < SMALLEST:
            break
    return best, best_box, seen, best_other


def _sharp_detail(copy: Image.Image, box: Box, side: int) -> _Plane:
    """A crop without broad shade and without its finest grain, (side, side), unit length."""
    narrow, broad = _BLURS[side]
    pixels = cut(copy, box, side)
    sharp = cast(_Plane, narrow @ pixels @ narrow.T - broad @ pixels @ broad.T)
    return unit(sharp.reshape(1, -1)).reshape(side, side)


def _sum_of_parts(plane: _Plane) -> _Plane:
    size = FINER // PARTS
    return cast(_Plane, plane.reshape(PARTS, size, PARTS, size).sum((1, 3)))


def _box(edges: NDArray[np.float64]) -> Box:
    x0, y0, x1, y1 = edges.tolist()
    return x0, y0, x1, y1


class Groups:
    """Numbers 0 to count - 1, joined into groups; a group's root is its smallest number."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, i: int) -> int:
        """The smallest number of i's group."""
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        """Make one group of the two that i and j are in."""
        a, b = self.root(i), self.root(j)
        self._parent[max(a, b)] = min(a, b)

    def members(self) -> list[list[int]]:
        """All groups, each in order, in the order of their roots."""
        groups: dict[int, list[int]] = {}
        for i in range(len(self._parent)):
            groups.setdefault(self.root(i), []).append(i)
        return list(groups.values())
