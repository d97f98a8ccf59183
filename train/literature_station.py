"""What happens to one photo when models of the literature are measured, and the processes in which it does.

for rows in each(measure, pictures, total, "fairface/val", jobs=2, station=(weights, names))
"""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from colorizer import checkpoint, lab, metrics, photo
from colorizer.errors import PhotoError
from colorizer.faces import Face
from colorizer.pipeline import Colorizer, Portrait
from train.evaluate import AHEAD, FAIRFACE_TINT
from train.measure import group_of, mean_chroma, protocol_truth

NEAR_GRAY = "near-gray"
Known = str | list[dict[str, Any]]
"""What is known of a photo: its faces, or why it can't be measured."""


class _Station:
    """A process's models."""

    def __init__(self, weights: Mapping[str, str], names: Sequence[str]) -> None:
        self.names = names
        self.analyst = Colorizer.load(checkpoint.DEFAULT, "cpu")
        self.colorizers = {name: self.analyst.other(path) for name, path in weights.items()}


_station: _Station | None = None


def _start(weights: Mapping[str, str], names: Sequence[str]) -> None:
    global _station
    torch.set_num_threads(1)
    _station = _Station(weights, names)


def colorizer(name: str) -> Colorizer:
    """One of this process's models, by what `each` was told to call it."""
    assert _station is not None
    return _station.colorizers[name]


def portrait(gray: NDArray[np.uint8], known: Sequence[dict[str, Any]]) -> Portrait:
    """A photo whose faces were found before, by `look`: as `Colorizer.analyze` gives it.

    Args:
        gray: (H, W, 3) uint8.
        known: fields of the faces.
    """
    picture = photo.from_image(gray)
    return Portrait(picture, lab.lightness(picture.rgb), tuple(Face(**_tupled(face)) for face in known), {})


def look(name: str, content: bytes) -> tuple[str, Known]:
    """A photo's faces with their probabilities, or why it is left out."""
    assert _station is not None
    try:
        truth = protocol_truth(content)
    except PhotoError as error:
        return name, str(error)
    if mean_chroma(lab.rgb_to_lab(truth)) < metrics.NEAR_GRAY:
        return name, NEAR_GRAY
    return name, [asdict(face) for face in _station.analyst.analyze(metrics.gray(truth)).faces]


def measure(
    name: str, ethnicity: str, content: bytes, known: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """A row a model, as `train.measure.Bench` has them."""
    assert _station is not None
    truth = protocol_truth(content)
    gray = metrics.gray(truth)
    seen = portrait(gray, known)
    reference = metrics.Truth(truth, seen.faces)
    rows = []
    for model in _station.names:
        if model == "gray":
            painted = gray
        elif model == "tint":
            painted = metrics.tint(truth, FAIRFACE_TINT)
        else:
            painted = np.asarray(_station.colorizers[model].paint(seen).image)
        about = {"imageName": name, "ethnicity": ethnicity, "group": group_of(ethnicity)}
        rows.append(about | {"model": model, "faces": len(seen.faces)} | reference.compare(painted).as_dict())
    return rows


def _tupled(face: dict[str, Any]) -> dict[str, Any]:
    return face | {"box": tuple(face["box"]), "landmarks": tuple(map(tuple, face["landmarks"]))}


def each(
    function: Callable[..., Any],
    arguments: Iterator[tuple[Any, ...]],
    total: int,
    title: str,
    jobs: int,
    station: tuple[Mapping[str, str], Sequence[str]],
) -> Iterator[Any]:
    """`function` of each of `arguments`, in their order, in `jobs` processes that have these models."""
    bar = tqdm(total=total, desc=title, unit="photo", disable=None)
    with bar:
        if jobs == 1:
            threads = torch.get_num_threads()
            try:
                _start(*station)
                for one in arguments:
                    yield function(*one)
                    bar.update()
            finally:
                torch.set_num_threads(threads)
            return
        _Station(*station)  # what can't be loaded is said here, once, and not by each process
        spawn = multiprocessing.get_context("spawn")  # torch's threads don't survive a fork
        with ProcessPoolExecutor(jobs, spawn, initializer=_start, initargs=station) as pool:
            waiting = []
            for one in arguments:
                waiting.append(pool.submit(function, *one))
                if len(waiting) >= AHEAD * jobs:
                    yield waiting.pop(0).result()
                    bar.update()
            for future in waiting:
                yield future.result()
                bar.update()
