"""Pictures for training: chosen by a recipe's source, decoded once, labelled.

pictures = data.decode(recipe.data[0], recipe.cache_size, recipe.cache, recipe.seed)
pictures.lab[:3]                                   # (3, S, S, 3) uint8, mapped from the cache

N is the number of pictures, S the side at which they are decoded.
"""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from colorizer.errors import OptionError
from colorizer.groups import GROUPS
from train import face_boxes, labels
from train.decoding import Queue, cached
from train.pictures import SUFFIXES, short_name
from train.recipe import Source

log = logging.getLogger(__name__)

# Face attributes that a labels CSV may carry beside the ethnicity, in the spelling of FairFace.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "race7": (
        "Black",
        "East Asian",
        "Indian",
        "Latino_Hispanic",
        "Middle Eastern",
        "Southeast Asian",
        "White",
    ),
    "age": ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70"),
    "gender": ("Female", "Male"),
}
UNKNOWN = -100  # what torch's cross-entropy ignores


@dataclass(frozen=True)
class Pictures:
    """One source, decoded."""

    lab: NDArray[np.uint8]
    """(N, S, S, 3): L * 2.55, a + 128, b + 128, each rounded; these errors are far below any network's."""
    labels: dict[str, NDArray[np.int64]]
    """"ethnicity" and each of ATTRIBUTES -> (N,) indices, UNKNOWN where there is no label."""
    face_box: tuple[float, float, float, float] | None = None
    share: float = 1.0
    fingerprint: str = ""
    """Changes when a picture's name, size or time of change, or a label does."""
    boxes: NDArray[np.float32] | None = None
    """(N, 4) each picture's own face box, NaN where none is known; None: `face_box` is that of all."""
    name: str = ""
    """Folder, as reports and messages say it."""

    def __len__(self) -> int:
        return len(self.lab)

    def boxes_of(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """(b, 4) float32 face boxes of these rows, shares of the side; NaN where none is known."""
        if self.boxes is not None:
            return self.boxes[rows]
        count = len(np.arange(len(self))[rows])
        box = (np.nan,) * 4 if self.face_box is None else self.face_box
        return np.tile(np.array(box, np.float32), (count, 1))

    def __getstate__(self) -> dict[str, Any]:
        """Where processes are spawned, not forked: a mapped file travels as its path, never as its gigabytes."""
        state = dict(self.__dict__)
        if isinstance(self.lab, np.memmap) and self.lab.filename is not None:
            state["lab"] = (str(self.lab.filename), self.lab.shape)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["lab"], tuple):
            path, shape = state["lab"]
            state["lab"] = np.memmap(path, np.uint8, "r", shape=shape)
        self.__dict__.update(state)


def count_shared(training: list[Pictures], validation: list[Pictures]) -> int:
    """How many validation pictures are, pixel for pixel, also trained on.

    One row of pixels a picture is compared first, so that next to nothing is read.
    """
    places: dict[bytes, tuple[Pictures, int]] = {}
    for pictures in training:
        for i in range(len(pictures)):
            places.setdefault(pictures.lab[i, pictures.lab.shape[1] // 2].tobytes(), (pictures, i))
    count = 0
    for pictures in validation:
        for i in range(len(pictures)):
            found = places.get(pictures.lab[i, pictures.lab.shape[1] // 2].tobytes())
            count += found is not None and np.array_equal(found[0].lab[found[1]], pictures.lab[i])
    return count


def decode(source: Source, size: int, cache: Path, seed: int = 0) -> Pictures:
    """Decode a source to (N, size, size, 3) once; later calls map the same file.

    Left out, and counted in the log: files that can't be read, and near-gray pictures. Where the source has a
    `limit`, others of the same draw (with `balanced`, of the same group) take their places, and no more pictures
    than needed are decoded. Draws of one seed are nested: the first 1,200 are among the first 9,000.

    Args:
        source: the recipe's entry.
        size: side in pixels; the middle square of each picture is taken.
        cache: folder for the decoded pictures.
        seed: decides which pictures a `limit` draws.

    Raises:
        OptionError: the folder or labels can't be read, no picture is left, too few of a group are there, or the
            disk is full.
    """
    table = _table(source)
    queues = _queues(table, source, seed)
    found = cached(source.images, queues, size, cache)
    if not len(found.rows):
        reasons = ", ".join(f"{number} {reason}" for reason, number in found.left_out.items())
        raise OptionError(
            f"{source.images} holds no colour picture that can be read"
            + (f", of {len(table)} named by {source.labels}" if source.labels else "")
            + (f" (left out: {reasons})." if reasons else ".")
        )
    name = short_name(source.images)
    _report(name, found.left_out, len(found.rows), source)
    table = table.iloc[found.rows]
    indices = {"ethnicity": _indices(table, "ethnicity", GROUPS)}
    indices |= {column: _indices(table, column, values) for column, values in ATTRIBUTES.items()}
    if source.balanced and source.limit is not None:
        _check_balance(name, indices["ethnicity"], source.limit // len(GROUPS))
    digest = hashlib.sha256(found.fingerprint.encode())
    for values in indices.values():
        digest.update(values.tobytes())
    boxes = None
    if source.face_box is None and face_boxes.COLUMN in table:
        boxes = face_boxes.parse(list(table[face_boxes.COLUMN]), str(source.labels))
        digest.update(boxes.tobytes())
    return Pictures(found.lab, indices, source.face_box, source.share, digest.hexdigest()[:16], boxes, name)


def _table(source: Source) -> pd.DataFrame:
    """The pictures that may be taken, one row each, with their labels."""
    if not source.images.is_dir():
        raise OptionError(
            f"There is no folder {source.images}; set `images` of the recipe's data to your pictures."
        )
    if source.labels is not None:
        return labels.read(source.labels)
    files = sorted(file.name for file in source.images.iterdir() if file.suffix.lower() in SUFFIXES)
    return pd.DataFrame({"imageName": files})


def _indices(table: pd.DataFrame, column: str, values: tuple[str, ...]) -> NDArray[np.int64]:
    numbers = {value: i for i, value in enumerate(values)}
    texts = table[column] if column in table else [""] * len(table)
    return np.array([numbers.get(text, UNKNOWN) for text in texts], np.int64)


def _queues(table: pd.DataFrame, source: Source, seed: int) -> list[Queue]:
    """Which rows may be decoded, in which order, and how many of each group are wanted."""
    names = list(table["imageName"])
    everything = np.arange(len(table))
    if not source.balanced:
        if source.limit is None:
            return [Queue(everything, names, len(table))]
        if source.limit > len(table):
            log.warning(
                "%s: %d pictures are wanted and %d are there: all are taken.",
                short_name(source.images),
                source.limit,
                len(table),
            )
        return [Queue(_shuffled(everything, seed), names, min(source.limit, len(table)))]
    ethnicity = _indices(table, "ethnicity", GROUPS)
    groups = [np.flatnonzero(ethnicity == i) for i in range(len(GROUPS))]
    each = min(len(rows) for rows in groups)
    if source.limit is not None and source.limit < len(GROUPS):
        raise OptionError(f"limit: {source.limit} pictures can't be drawn equally from {len(GROUPS)} groups.")
    wanted = each if source.limit is None else source.limit // len(GROUPS)
    if each < max(wanted, 1):
        counts = ", ".join(f"{group} {len(rows)}" for group, rows in zip(GROUPS, groups, strict=True))
        raise OptionError(
            f"{short_name(source.images)}: `balanced` needs {max(wanted, 1)} pictures of every group, and the labels "
            f"have {counts}; lower `limit` to {each * len(GROUPS)} or set `balanced: false`."
        )
    return [Queue(_shuffled(rows, seed), names, wanted) for rows in groups]


def _shuffled(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    return rows[np.random.default_rng(seed).permutation(len(rows))]


def _report(name: str, left_out: dict[str, int], count: int, source: Source) -> None:
    reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.items() if number)
    log.info("%s: %d pictures%s", name, count, f" (left out: {reasons})" if reasons else "")
    if source.limit is not None and count < source.limit and not source.balanced:
        log.warning("%s: %d pictures were wanted, %d can be used.", name, source.limit, count)


def _check_balance(name: str, ethnicity: NDArray[np.int64], wanted: int) -> None:
    """Labels may promise more of a group than can be read."""
    counts = np.bincount(ethnicity, minlength=len(GROUPS))
    if counts.min() < wanted:
        raise OptionError(
            f"{name}: only {counts.min()} pictures of {GROUPS[int(counts.argmin())]} can be used, and {wanted} were "
            f"to be drawn from every group; set `limit` to {counts.min() * len(GROUPS)}."
        )
