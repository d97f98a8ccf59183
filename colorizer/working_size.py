"""At which size a network sees a photo: about so many pixels, in the photo's shape, more where faces are small.

rows, columns = working_grid(3000, 4000, enlarged(160, faces, 3000 * 4000))
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from colorizer.errors import ModelError
from colorizer.faces import Face

# Sides of the working size are multiples of this, as in training: every level down to 1/16 then has whole cells.
STRIDE = 16
# Where the middle one of the faces has fewer pixels than this at the working size, the photo is worked on at so many
# times that size. Steps, because a detector's box moves by a pixel between copies of a photo, and colours should not.
LARGER = ((20.0, 2.0), (30.0, 1.5))
# The longer side that a very long and narrow photo is brought to at most; bounds time and memory.
LONGEST = 2048


def working_size_of(name: str, config: dict[str, Any]) -> int:
    """Side of the square of about as many pixels as the model `name` works at, from its configuration.

    Raises:
        ModelError: it has none, and is no colorizer, or it is beyond what the pipeline can do.
    """
    if "working_size" not in config:
        raise ModelError(f"The model {name!r} is no colorizer; see `python -m colorizer models`.")
    size = config["working_size"]
    if not isinstance(size, int) or not STRIDE <= size <= LONGEST:
        raise ModelError(f"The model {name!r} has a working size of {size!r}; get the file again.")
    return size


def working_grid(height: int, width: int, working_size: int) -> tuple[int, int]:
    """Rows and columns for the network: about working_size^2 pixels in the photo's shape, multiples of STRIDE.

    Rounding each side for itself would stretch some shapes by a tenth. So of the grids nearby the one is taken
    that departs least, half from the shape and half from the size.
    """
    scale = working_size / math.sqrt(height * width)
    sides = []
    for side in (height * scale, width * scale):
        below = int(min(side, LONGEST) // STRIDE)
        sides.append([min(STRIDE * max(1, cells), LONGEST) for cells in (below, below + 1)])

    def departure(grid: tuple[int, int]) -> float:
        stretch = math.log(grid[0] * width / (grid[1] * height))
        size = math.log(grid[0] * grid[1] / working_size**2)
        return abs(stretch) + abs(size) / 2

    return min(((h, w) for h in sides[0] for w in sides[1]), key=departure)


def enlarged(working_size: int, faces: Sequence[Face], pixels: int) -> int:
    """The working size for a photo: larger where faces are small, since of a few pixels nobody would know a face.

    Args:
        working_size: the network's own.
        faces: those of the photo, in its pixels.
        pixels: how many the photo has.
    """
    if not faces:
        return working_size
    sides = [max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (face.box for face in faces)]
    at_working_size = float(np.median(sides)) * working_size / math.sqrt(pixels)
    larger = next((factor for side, factor in LARGER if at_working_size < side), 1.0)
    return min(round(working_size * larger), LONGEST)
