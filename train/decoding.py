"""The cache of decoded pictures: one raw file and its index, made under a lock and put in place whole.

A decoding that was killed leaves no index, so its file never passes for complete; a picture that was changed since
makes the index stale, and all are decoded again. Folders of the cache may be deleted at any time.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from colorizer import lab, photo
from colorizer.errors import OptionError, PhotoError
from colorizer.metrics import NEAR_GRAY

# Changes when the pixels that come out do.
VERSION = 1
# Fewer pictures are decoded sooner than processes start.
FEW = 64
# A disk this full, beyond the pictures themselves, is said to be full before it is.
SPARE_BYTES = 50_000_000

Stat = tuple[int, int]
"""A file's size in bytes and time of change in nanoseconds; (-1, -1) where there is none."""


@dataclass(frozen=True)
class Queue:
    """Rows of a table to decode in this order until `wanted` of them gave a picture."""

    rows: NDArray[np.int64]
    names: list[str]
    """Names of all the table's rows."""
    wanted: int


@dataclass(frozen=True)
class Decoded:
    """What the cache holds of a source."""

    lab: NDArray[np.uint8]
    """(N, S, S, 3) mapped."""
    rows: NDArray[np.int64]
    """(N,) the table's row of each picture."""
    left_out: dict[str, int]
    """Reason -> number of files."""
    fingerprint: str
    """Changes when one of the files does."""


def cached(folder: Path, queues: list[Queue], size: int, cache: Path) -> Decoded:
    """The pictures of `queues`, decoded now or earlier.

    Processes that want the same pictures wait for the first one's work.

    Raises:
        OptionError: the cache can't be written, or the disk is full.
    """
    key = hashlib.sha256(f"{VERSION} {folder.resolve()} {size}".encode())
    for queue in queues:
        key.update(f"\n{queue.wanted}\n".encode())
        key.update("\n".join(queue.names[row] for row in queue.rows).encode())
    stem = cache / f"{folder.name}-{size}-{key.hexdigest()[:16]}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{stem}.lock"):
            found = _load(stem, folder, size)
            if found is None:
                _write(stem, folder, queues, size)
                found = _load(stem, folder, size)
    except OSError as error:
        raise OptionError(
            f"The decoded pictures can't be written to {cache} ({error.strerror or error}); "
            "make room there, or set `cache` to a folder that can be written."
        ) from error
    if found is None:
        raise OptionError(f"Pictures in {folder} change while they are read; wait until they are all there.")
    return found


def _load(stem: Path, folder: Path, size: int) -> Decoded | None:
    """What is there, if it is whole and the files are still as they were."""
    try:
        index = json.loads(_beside(stem, ".json").read_text(encoding="utf-8"))
        count = len(index["rows"])
        if _beside(stem, ".lab").stat().st_size != count * size * size * 3:
            return None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    stats = [_stat(folder / name) for name, *_ in index["files"]]
    if stats != [tuple(stat) for _, *stat in index["files"]]:
        return None
    shape = (count, size, size, 3)
    pixels = (
        np.memmap(_beside(stem, ".lab"), np.uint8, "r", shape=shape) if count else np.empty(shape, np.uint8)
    )
    fingerprint = hashlib.sha256(json.dumps(index["files"]).encode()).hexdigest()
    return Decoded(pixels, np.array(index["rows"], np.int64), index["left_out"], fingerprint)


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def _stat(file: Path) -> Stat:
    try:
        found = os.stat(file)
    except OSError:
        return (-1, -1)
    return (found.st_size, found.st_mtime_ns)


def _write(stem: Path, folder: Path, queues: list[Queue], size: int) -> None:
    """Decode into a file beside, then put it in place, its index last."""
    bound = sum(min(queue.wanted, len(queue.rows)) for queue in queues)
    needed = bound * size * size * 3
    free = shutil.disk_usage(stem.parent).free
    if needed + SPARE_BYTES > free:
        raise OptionError(
            f"{stem.parent} has {free / 1e9:.1f} GB left, and {bound} pictures of {size} pixels need "
            f"{needed / 1e9:.1f} GB; make room, lower `cache_size` or `limit`, or set `cache` to another disk."
        )
    partial, index = _beside(stem, ".partial"), _beside(stem, ".json")
    files: list[tuple[str, int, int]] = []
    rows: list[int] = []
    left_out: dict[str, int] = {}
    try:
        with partial.open("wb") as file, tqdm(total=bound, desc=f"decode {folder.name}", disable=None) as bar:
            for queue in queues:
                rows += _drain(queue, folder, size, file, files, left_out, bar)
            file.flush()
            os.fsync(file.fileno())
        index.unlink(missing_ok=True)
        os.replace(partial, _beside(stem, ".lab"))
        text = json.dumps({"rows": rows, "left_out": left_out, "files": files})
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, index)
    except BrokenProcessPool as error:
        raise OptionError(
            "A process that decoded pictures was stopped by the system, most likely for want of memory; "
            "close other programs and start again."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _drain(
    queue: Queue,
    folder: Path,
    size: int,
    file: BinaryIO,
    files: list[tuple[str, int, int]],
    left_out: dict[str, int],
    bar: "tqdm[Any]",
) -> list[int]:
    """Decode a queue's rows until enough gave a picture; adds to `files` and `left_out`, returns the good rows."""
    good: list[int] = []
    start = 0
    while len(good) < queue.wanted and start < len(queue.rows):
        rows = queue.rows[start : start + queue.wanted - len(good)].tolist()
        start += len(rows)
        paths = [folder / queue.names[row] for row in rows]
        # Before they are read: what changes meanwhile is found out at the next start.
        files += [(queue.names[row], *_stat(path)) for row, path in zip(rows, paths, strict=True)]
        for row, picture in zip(rows, _decode_all(paths, size), strict=True):
            if isinstance(picture, str):
                left_out[picture] = left_out.get(picture, 0) + 1
                continue
            file.write(picture.tobytes())
            good.append(row)
            bar.update()
    return good


def _decode_all(paths: list[Path], size: int) -> Iterator[NDArray[np.uint8] | str]:
    if len(paths) <= FEW:
        yield from (_decode_one(path, size) for path in paths)
        return
    with ProcessPoolExecutor() as pool:
        yield from pool.map(_decode_one, paths, [size] * len(paths), chunksize=FEW)


def _decode_one(path: Path, size: int) -> NDArray[np.uint8] | str:
    """(S, S, 3) coded Lab, or why there is none."""
    if not path.is_file():
        return "missing"
    try:
        rgb = photo.read(path).rgb
    except (PhotoError, OSError):
        return "not readable"
    side = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    square = Image.fromarray(rgb[top : top + side, left : left + side])
    pixels = lab.rgb_to_lab(np.asarray(square.resize((size, size), Image.Resampling.BICUBIC)))  # (S, S, 3)
    if np.hypot(pixels[..., 1], pixels[..., 2]).mean() < NEAR_GRAY:
        return "near-gray"
    return np.clip(pixels * (2.55, 1, 1) + (0.5, 128.5, 128.5), 0, 255).astype(np.uint8)
