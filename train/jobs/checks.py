"""What can be wrong with a run, looked for before it starts: pictures, labels, places, room on the disk.

for problem in everything(recipe, settings):
    print(problem.field, problem.sentence)

All that is wrong is said at once. A relative path counts from Rangin's own folder, where every job runs.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from colorizer.errors import OptionError, RanginError
from colorizer.groups import GROUPS
from colorizer.settings import ROOT, get_settings
from train import labels
from train.datasets import is_inside, leads_out
from train.jobs.engine import Problem
from train.pictures import SUFFIXES, short_name
from train.recipe import Recipe, Source
from train.settings import TrainSettings, get_train_settings

LEAST_OF_GROUP = 5
"""Training pictures of a group below which a classifier can only learn them by heart."""
SPARE_BYTES = 200_000_000
UNKNOWN_NETWORK_BYTES = 150_000_000
"""Of a network that can't be built to be counted."""
# A checkpoint holds weights, their averages and the two numbers of the optimizer; last, best, and one being written.
CHECKPOINT_TIMES = 4 * 3


@dataclass(frozen=True)
class Content:
    """What a recipe's source names, without a picture decoded."""

    rows: int
    """Pictures that are there."""
    groups: dict[str, int]
    """Of the six groups, those that occur."""
    missing: int
    outside: str = ""
    """A name that leads out of the pictures' folder; empty when there is none."""


def everything(recipe: Recipe, settings: TrainSettings | None = None) -> list[Problem]:
    """All problems of places, pictures and room. What lies outside isn't looked into: the answer would tell of it."""
    settings = settings or get_train_settings()
    return places(recipe, settings) or [*pictures(recipe), *disk(recipe, settings)]


# places


def places(recipe: Recipe, settings: TrainSettings) -> list[Problem]:
    """Which of a recipe's paths lie outside the folders that jobs may use, links followed."""
    read = [*settings.dataset_folders, ROOT / "data", ROOT / "train" / "splits"]
    weights = [*read, settings.runs, ROOT / "runs", get_settings().models, ROOT / "colorizer" / "weights"]
    written = [*settings.dataset_folders, settings.runs, ROOT / "cache"]
    named: list[tuple[str, str, Path | None, Sequence[Path]]] = [
        ("overrides", "cache", recipe.cache, written)
    ]
    named.append(("start", "start_from", recipe.start_from, weights))
    named.append(("overrides", "loss.perceptual_trunk", recipe.loss.perceptual_trunk, weights))
    for part, sources in (("data", recipe.data), ("validation", recipe.validation)):
        for i, source in enumerate(sources):
            named.append(("dataset", f"{part}.{i}.images", source.images, read))
            named.append(("dataset", f"{part}.{i}.labels", source.labels, read))
    return [
        Problem(
            field,
            f"{key} leads out of the folders that jobs may use; put it into one of them, or name its folder in "
            "RANGIN_DATASETS.",
        )
        for field, key, path, allowed in named
        if path is not None and not is_inside(absolute(path), allowed)
    ]


def absolute(path: Path) -> Path:
    """Where a recipe's path leads: a relative one counts from Rangin's own folder."""
    return ROOT / path.expanduser()


# pictures


def pictures(recipe: Recipe) -> list[Problem]:
    """What is wrong with the pictures of a recipe and their labels."""
    found: list[Problem] = []
    gone: list[str] = []
    trained: Counter[str] = Counter()
    readable = True
    for part, sources in (("data", recipe.data), ("validation", recipe.validation)):
        for i, source in enumerate(sources):
            if part == "data" and not source.share:
                continue
            if not absolute(source.images).is_dir():
                gone.append(short_name(absolute(source.images)))
                readable = False
                continue
            try:
                content = look(source)
            except RanginError as error:
                found.append(Problem("dataset", str(error)))
                readable = False
                continue
            found += _of_source(source, content, f"{part}.{i}")
            if part == "data":
                trained.update(content.groups)
    if gone:
        found.append(
            Problem(
                "dataset",
                f"The folders of pictures {', '.join(dict.fromkeys(gone))} are not on this machine; choose a dataset "
                "that is.",
            )
        )
    if recipe.start_from is not None and not absolute(recipe.start_from).is_file():
        found.append(
            Problem(
                "start",
                f"The weights to start from, {short_name(recipe.start_from)}, are not there; train or install them "
                "first, choose others, or start from scratch.",
            )
        )
    if recipe.task == "classify" and readable:
        found += _of_classifier(recipe, trained)
    return list(dict.fromkeys(found))


def _of_source(source: Source, content: Content, key: str) -> Iterator[Problem]:
    name = short_name(absolute(source.labels or source.images))
    if content.outside:
        yield Problem(
            "dataset",
            f"{name} names {content.outside[:80]!r}, which leads out of the pictures' folder; take that row out.",
        )
    if not content.rows:
        why = (
            f"none of the {content.missing} pictures that it names is there"
            if content.missing
            else "it is empty"
        )
        yield Problem(
            "dataset",
            f"Nothing to {'validate with' if key.startswith('validation') else 'train on'}: {name}: {why}. Prepare "
            "the dataset with other shares, or add pictures.",
        )
    elif source.balanced:
        least = min(content.groups.get(group, 0) for group in GROUPS)
        wanted = 1 if source.limit is None else source.limit // len(GROUPS)
        if least < max(wanted, 1):
            counts = ", ".join(f"{group} {content.groups.get(group, 0)}" for group in GROUPS)
            yield Problem(
                "dataset",
                f"{name}: this recipe draws equally from the six groups, {max(wanted, 1)} pictures of each, and there "
                f"are {counts}; choose another recipe, or label more.",
            )


def _of_classifier(recipe: Recipe, trained: Counter[str]) -> Iterator[Problem]:
    if not trained:
        yield Problem(
            "dataset",
            "No training picture has one of the six groups as its label, and this recipe learns to tell groups apart; "
            "label pictures first, or choose a recipe that colorizes.",
        )
        return
    if len(trained) == 1:
        yield Problem(
            "dataset",
            f"All labelled training pictures are {next(iter(trained))}; telling groups apart takes at least two.",
        )
    few = {group: count for group, count in trained.items() if count < LEAST_OF_GROUP}
    if few:
        said = ", ".join(f"{group} {count}" for group, count in sorted(few.items()))
        yield Problem(
            "dataset",
            f"Too few training pictures of a group: {said}; label at least {LEAST_OF_GROUP} of each, or leave the "
            "group out.",
        )
    try:
        if not look(recipe.validation[0]).groups:
            yield Problem(
                "dataset",
                "No validation picture has a label, so nobody could say which weights are best; label more pictures, "
                "or prepare with a larger share for validation.",
            )
    except RanginError:
        pass  # said already


def look(source: Source) -> Content:
    """What is in a source.

    Raises:
        OptionError: its folder or its labels can't be read.
    """
    images, table = absolute(source.images), None if source.labels is None else absolute(source.labels)
    if not images.is_dir():
        raise OptionError(f"There is no folder {short_name(images)} of pictures; choose another dataset.")
    stamps = tuple(path.stat().st_mtime_ns for path in (images, table) if path is not None and path.exists())
    return _look(images, table, stamps)


@lru_cache(maxsize=64)
def _look(images: Path, table: Path | None, stamps: tuple[int, ...]) -> Content:
    try:
        there = {path.name for path in images.iterdir() if path.suffix.lower() in SUFFIXES}
    except OSError as error:
        raise OptionError(
            f"The pictures in {short_name(images)} can't be listed ({error.strerror})."
        ) from error
    if table is None:
        return Content(len(there), {}, 0)
    read = labels.read(table)
    counts: Counter[str] = Counter()
    missing, outside = 0, ""
    for name, label in zip(read["imageName"], read["ethnicity"], strict=True):
        if leads_out(name):
            outside = outside or name
        elif name in there or ("/" in name and (images / name).is_file()):
            counts[label] += 1
        else:
            missing += 1
    groups = {group: counts[group] for group in GROUPS if counts[group]}
    return Content(sum(counts.values()), groups, missing, outside)


# room


def disk(recipe: Recipe, settings: TrainSettings) -> list[Problem]:
    """Whether decoded pictures and checkpoints will fit."""
    wanted: dict[int, list[tuple[str, int, Path]]] = {}
    cache = absolute(recipe.cache)
    for what, needed, place in (
        ("decoded pictures", decoded_bytes(recipe), cache),
        ("checkpoints and weights", CHECKPOINT_TIMES * weights_bytes(recipe), settings.runs),
    ):
        if (there := _existing(place)) is not None:
            wanted.setdefault(there.stat().st_dev, []).append((what, needed, there))
    problems = []
    for parts in wanted.values():
        needed, place = sum(part[1] for part in parts), parts[0][2]
        free = shutil.disk_usage(place).free
        if needed + SPARE_BYTES > free:
            what = " and ".join(part[0] for part in parts)
            problems.append(
                Problem(
                    "disk",
                    f"The disk has {_gb(free)} left, and {what} need about {_gb(needed)} and some to spare; make room, "
                    "choose a smaller image size, or let `cache` lie on another disk.",
                )
            )
    return problems


def decoded_bytes(recipe: Recipe) -> int:
    """Bytes that the recipe's pictures take decoded, without those that are decoded already."""
    total = 0
    each = recipe.cache_size**2 * 3
    cache = absolute(recipe.cache)
    for source in _once([*recipe.data, *recipe.validation]):
        try:
            rows = look(source).rows
        except RanginError:
            continue
        needed = (rows if source.limit is None else min(rows, source.limit)) * each
        files = cache.glob(f"{source.images.name}-{recipe.cache_size}-*.lab") if cache.is_dir() else ()
        # Pictures that can't be used are left out of it, so that it may be a little smaller.
        if not any(0.9 * needed <= file.stat().st_size <= needed for file in files):
            total += needed
    return total


def weights_bytes(recipe: Recipe) -> int:
    """Bytes of the network's numbers, four each."""
    from colorizer import hollow  # PyTorch

    config = {**recipe.config, "pretrained": False} if "pretrained" in recipe.config else recipe.config
    try:
        return 4 * hollow.outline(recipe.network, config).parameters
    except (RanginError, TypeError, ValueError, RuntimeError, AttributeError, LookupError):
        return UNKNOWN_NETWORK_BYTES


def _once(sources: Iterable[Source]) -> list[Source]:
    known = {(source.images, source.labels, source.limit): source for source in sources}
    return list(known.values())


def _existing(place: Path) -> Path | None:
    return next((folder for folder in (place, *place.parents) if folder.exists()), None)


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
