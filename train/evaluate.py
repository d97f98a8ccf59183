"""Measure models on photos whose true colours are known, by the protocol of `colorizer.metrics`.

    python -m train evaluate --models ethnicity-aware --data data/fairface --report reports/fairface
    python -m train evaluate --models a,b --data photos.tar --labels labels.csv --report reports/mine
    python -m train evaluate --models a --data data/fairface --ethnicity auto,none,label --report reports/condition
    python -m train evaluate --models runs/mine,default,runs/my-classifier --against default --data ... --report ...

The report is one page, report.html, with everything in it that it shows, and beside it the numbers: results.csv (a row
a photo a model), ethnicity.csv (a row a photo a classifier), a CSV for each figure, summary.json, and summary.md, which
`python -m train readme REPORT` puts into the README.
"""

import argparse
import multiprocessing
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from colorizer import lab, metrics
from colorizer.batch import make_folder
from colorizer.errors import OptionError, PhotoError, RanginError
from train import machine, pictures
from train.measure import CONDITIONS, Bench, Measured, mean_chroma, model_name, protocol_truth
from train.reporting import cases, files, history, runs
from train.reporting import models as named
from train.reporting.distribution import Histograms

# Mean a and b over all pixels of the 38,125 pictures of FairFace's training split (of the 39,208 that this project
# uses) that are not near-gray, at 256x256: the tint baseline unless another one is asked for.
FAIRFACE_TINT = (11.74, 13.51)
WORTH_A_PROCESS = 20  # photos that take as long as a process does to begin
PROGRESS = "evaluate: {count} of {total} photos"
SAID_EVERY = 10.0  # seconds between lines on how far it is, where nobody sees a bar
AHEAD = 4  # pictures a process that are read before they are wanted; bounds memory


@dataclass
class Measurements:
    """What came out for all photos."""

    results: pd.DataFrame
    """One row a photo a model, as `measure.Measured` has them."""
    estimates: pd.DataFrame
    """One row a photo a classifier."""
    histograms: Histograms
    seconds: pd.DataFrame
    """One row a photo a model that is no baseline: columns model and seconds."""
    left_out: dict[str, Any]
    """{"near_gray": count, "missing": names, "unreadable": ["name: why"]}."""


def evaluate(photos: pictures.Pictures, settings: dict[str, Any], jobs: int = 1) -> Measurements:
    """Measure all photos.

    Args:
        photos: what to measure on.
        settings: arguments of `train.measure.Bench`.
        jobs: processes; with 1 everything happens in this one.

    Raises:
        ModelError: a model can't be loaded.
    """
    rows, estimates, seconds, unreadable, near_gray = [], [], [], [], 0
    histograms = Histograms()
    measured = _measure_all(photos, settings, jobs)
    total, said = len(photos.table), time.monotonic()
    for count, one in enumerate(tqdm(measured, total=total, desc="evaluate", unit="photo", disable=None), 1):
        if not sys.stderr.isatty() and time.monotonic() - said > SAID_EVERY:
            said = time.monotonic()
            print(PROGRESS.format(count=count, total=total), file=sys.stderr, flush=True)
        if one.problem == "near-gray":
            near_gray += 1
        elif one.problem:
            unreadable.append(f"{one.name}: {one.problem}")
        else:
            rows += one.rows
            estimates += one.estimates
            seconds += [{"model": model, "seconds": taken} for model, taken in one.seconds.items()]
            histograms.add(one.colours)
    return Measurements(
        pd.DataFrame(rows),
        pd.DataFrame(estimates),
        histograms,
        pd.DataFrame(seconds, columns=["model", "seconds"]),
        {"near_gray": near_gray, "missing": list(photos.missing), "unreadable": unreadable},
    )


def _measure_all(photos: pictures.Pictures, settings: dict[str, Any], jobs: int) -> Iterator[Measured]:
    """In the photos' order, so that a report does not depend on the number of processes."""
    if jobs == 1:
        bench = Bench(**settings)
        for picture in photos.read():
            yield bench.measure(*picture)
        return
    Bench(**settings | {"lpips": False})  # what can't be loaded is said here, once, and not by each process
    spawn = multiprocessing.get_context("spawn")  # torch's threads don't survive a fork
    with ProcessPoolExecutor(jobs, spawn, initializer=_start, initargs=(settings,)) as pool:
        waiting = []
        for picture in photos.read():
            waiting.append(pool.submit(_measure_here, *picture))
            if len(waiting) >= AHEAD * jobs:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


_bench: Bench | None = None  # this process's own


def _start(settings: dict[str, Any]) -> None:
    global _bench
    torch.set_num_threads(1)
    _bench = Bench(**settings)


def _measure_here(name: str, ethnicity: str, content: bytes) -> Measured:
    assert _bench is not None
    return _bench.measure(name, ethnicity, content)


def mean_ab(photos: pictures.Pictures) -> tuple[float, float]:
    """Mean a and b over all pixels of all photos that are not near-gray, by the protocol's 256x256.

    Raises:
        OptionError: there is no such photo.
    """
    means = []
    for _, _, content in tqdm(
        photos.read(), total=len(photos.table), desc="tint", unit="photo", disable=None
    ):
        try:
            pixels = lab.rgb_to_lab(protocol_truth(content))
        except PhotoError:
            continue
        if mean_chroma(pixels) >= metrics.NEAR_GRAY:
            means.append(pixels[..., 1:].mean((0, 1), dtype=np.float64))
    if not means:
        raise OptionError("The training pictures hold no colour photo that can be read, so there is no tint.")
    a, b = np.mean(means, 0).tolist()
    return a, b


def command_line(arguments: list[str]) -> str:
    """The command as one would type it; of absolute paths only the end, as the rest is this machine's own."""
    words = [",".join(map(_without_machine, word.split(","))) for word in arguments]
    return "python -m train " + shlex.join(words)


def _without_machine(word: str) -> str:
    return pictures.short_name(Path(word)) if Path(word).is_absolute() else word


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train evaluate`."""
    parser.add_argument(
        "--models", required=True, help="names, run folders, .safetensors files or hf:user/name"
    )
    parser.add_argument("--data", type=Path, required=True, help="a dataset, a folder or a tar of pictures")
    parser.add_argument(
        "--labels", type=Path, help="CSV with imageName,ethnicity (default: the dataset's own)"
    )
    parser.add_argument("--split", default="val", help="which CSV of a dataset (default: val)")
    parser.add_argument("--report", type=Path, required=True, help="folder for the report")
    parser.add_argument(
        "--ethnicity", default="auto", help="conditions, separated by commas: auto, none, label"
    )
    parser.add_argument("--limit", type=int, help="measure only the first N rows")
    parser.add_argument("--jobs", type=int, help="processes (default: one a core, one with a GPU)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    tint = parser.add_mutually_exclusive_group()
    tint.add_argument("--tint", help="a,b of the tint baseline (default: FairFace's training mean)")
    tint.add_argument(
        "--train", type=Path, help="CSV of training pictures beside the data, to take the tint from"
    )
    parser.add_argument("--no-lpips", action="store_true", help="leave out the slowest metric")
    parser.add_argument(
        "--against", default="tint", help="model of the photo-by-photo comparison (default: tint)"
    )
    parser.add_argument("--runs", default="", help="further folders with a metrics.csv to draw, by commas")
    parser.add_argument(
        "--no-pictures", action="store_true", help="no thumbnails, for photos that may not be shown"
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="exit code 0 though some pictures are missing or can't be read",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train evaluate`; 1 with a sentence when nothing could be evaluated."""
    try:
        content = make(args)
    except RanginError as error:
        print(f"train evaluate: {error}", file=sys.stderr)
        return 1
    print((args.report / "summary.md").read_text(encoding="utf-8"))
    print(args.report / files.PAGE)
    left_out = content["left_out"]
    problems = left_out["unreadable"] + [f"{name}: there is no such picture" for name in left_out["missing"]]
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems and not args.allow_missing else 0


def make(args: argparse.Namespace) -> dict[str, Any]:
    """Measure and write the report that the arguments of `add_arguments` ask for.

    Returns:
        What summary.json holds.

    Raises:
        OptionError: an argument is not allowed, or no photo could be evaluated.
        ModelError: a model can't be loaded.
    """
    conditions = _conditions(args.ethnicity)
    if any(number is not None and number < 1 for number in (args.limit, args.jobs)):
        raise OptionError("--limit and --jobs must be 1 or more.")
    photos = pictures.find(args.data, args.labels, args.split, args.limit)
    tint = _tint(args)
    models, against = _models(_words(args.models), args.against, conditions)
    folders = files.run_folders(models, [Path(word) for word in _words(args.runs)])
    curves = {name: history.read(folder / "metrics.csv") for name, folder in folders.items()}
    has_gpu = args.device != "cpu" and torch.cuda.is_available()
    few = max(1, len(photos.table) // WORTH_A_PROCESS)
    jobs = args.jobs or (1 if has_gpu else min(os.cpu_count() or 1, few))
    jobs = min(jobs, max(1, len(photos.table)))
    make_folder(args.report)  # first, since measuring takes long
    settings = {
        "models": {model.name: model.weights for model in models if not model.is_classifier},
        "classifiers": {model.name: model.weights for model in models if model.is_classifier},
        "conditions": conditions,
        "tint": tint,
        "device": args.device,
        "lpips": not args.no_lpips,
    }
    load = machine.load()
    measured = evaluate(photos, settings, jobs)
    left_out = measured.left_out
    if measured.results.empty:
        counts = {why: names if isinstance(names, int) else len(names) for why, names in left_out.items()}
        raise OptionError(f"No photo could be evaluated: {counts}.")
    about = {
        "date": date.today().isoformat(),
        "machine": machine.describe(),
        "command": command_line(sys.argv[1:]),
        "data": photos.source,
        "tint": list(tint),
        "conditions": conditions,
        "jobs": jobs,
        "load": load,
        "left_out": left_out,
    }
    bench = Bench(**settings | {"lpips": False})
    picked = cases.pick(measured.results)
    urls = None if args.no_pictures else cases.paint(picked, photos, bench)
    costs = files.costs(bench, models, measured.seconds)
    trained = {name: runs.read(folder) for name, folder in folders.items()}
    found = files.Found(measured, about, costs, curves, picked, urls, against, trained)
    return files.write(args.report, found)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _models(texts: list[str], against: str, conditions: Sequence[str]) -> tuple[list[named.Model], str]:
    """All models to measure, and what tables call the one to compare with, which is measured if it wasn't asked for."""
    models = named.find(texts)
    colorizers = {model.name: model for model in models if not model.is_classifier}
    names = [model_name(name, condition, conditions) for name in colorizers for condition in conditions]
    if against in (*named.BASELINES, *names):
        return models, against
    if against not in colorizers:
        (chosen,) = named.find([against])
        if chosen.is_classifier:
            raise OptionError(f"--against {against} is a classifier; name a colorizer, gray or tint.")
        models = named.find([*texts, against])
        against = next(model.name for model in models if model.weights == chosen.weights)
    return models, model_name(against, conditions[0], conditions)


def _conditions(text: str) -> list[str]:
    conditions = list(dict.fromkeys(word.strip() for word in text.split(",")))
    if unknown := [word for word in conditions if word not in CONDITIONS]:
        raise OptionError(
            f"--ethnicity has {unknown[0]!r}; choose from {', '.join(CONDITIONS)}, joined by commas."
        )
    return conditions


def _tint(args: argparse.Namespace) -> tuple[float, float]:
    if args.train is not None:
        return mean_ab(pictures.find(args.train.parent, args.train, args.train.stem))
    if args.tint is None:
        return FAIRFACE_TINT
    try:
        a, b = (float(part) for part in args.tint.split(","))
    except ValueError as error:
        raise OptionError(f"--tint is {args.tint!r}; give two numbers, such as 11.7,13.5.") from error
    return a, b
