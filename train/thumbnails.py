"""A few small pictures of a dataset, as data: URIs, so that no path of the server is public.

for thumbnail in thumbnails(find("faces", folders), folders):
    thumbnail.uri       # data:image/webp;base64,...
"""

import base64
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer import photo
from colorizer.errors import OptionError, RanginError
from train import labels
from train.datasets import Dataset, is_inside, leads_out

SIDE = 72
"""Of a thumbnail, in pixels."""
EACH = 3
"""Pictures a group."""
MOST = 24
QUALITY = 70


@dataclass(frozen=True)
class Thumbnail:
    """One picture, small."""

    label: str
    """Its group; "" where it has none."""
    uri: str
    """data:image/webp;base64,..."""


def thumbnails(dataset: Dataset, folders: Sequence[Path]) -> list[Thumbnail]:
    """The middle squares of some training pictures, a few a group, evenly drawn; those that can't be read are passed
    over.

    Args:
        folders: the allowed ones; a link that leads out of them is not followed.
    """
    table = dataset.table()
    try:
        found = table.stat()
    except OSError:
        return []
    return list(_thumbnails(dataset, tuple(folders), (found.st_size, found.st_mtime_ns)))


@lru_cache(maxsize=16)
def _thumbnails(dataset: Dataset, folders: tuple[Path, ...], stamp: tuple[int, int]) -> tuple[Thumbnail, ...]:
    try:
        table = labels.read(dataset.table())
    except OptionError:
        return ()
    names: dict[str, list[str]] = defaultdict(list)
    for name, label in zip(table["imageName"], table["ethnicity"], strict=True):
        names[label].append(name)
    shown: list[Thumbnail] = []
    for label in sorted(names, key=lambda label: (not label, label)):
        for name in _spread(names[label], EACH):
            if len(shown) < MOST and (uri := _uri(dataset.images() / name, name, folders)):
                shown.append(Thumbnail(label, uri))
    return tuple(shown)


def _spread(names: list[str], count: int) -> list[str]:
    """So many of a list, evenly spread over it."""
    places = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return [names[place] for place in dict.fromkeys(places.tolist())]


def _uri(path: Path, name: str, folders: Sequence[Path]) -> str:
    if leads_out(name) or not is_inside(path, folders):
        return ""
    try:
        rgb = photo.read(path).rgb
    except (RanginError, OSError):
        return ""
    side = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    square = Image.fromarray(rgb[top : top + side, left : left + side])
    out = io.BytesIO()
    square.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(out, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
