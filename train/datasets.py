"""Prepared datasets on this machine: which there are, and what is in each.

found = listing(folders)                 # every dataset in the allowed folders
facts = look(find("faces", folders))     # pictures a split and a group, what `prepare` dropped
facts.counts["train"]["Nepali"]

A dataset is a folder with train.csv and its pictures in images/ or train/; what lies outside the allowed folders,
links followed, is none. Nothing here decodes a picture; that is for `train.thumbnails`.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from colorizer.errors import OptionError
from train import labels
from train.pictures import SUFFIXES

SPLITS = ("train", "val", "test")
DEEPEST = 3
"""So many folders below an allowed one are looked through."""
MOST_FOLDERS = 3000
"""Of an allowed folder that holds something else, no more is looked through than this."""
# Folders of pictures: no dataset lies in them, and listing them takes long.
_NOT_INSIDE = {"images", "train", "val", "test", "photos", "cache"}


@dataclass(frozen=True)
class Dataset:
    """A folder that can be trained on."""

    name: str
    """What it is chosen by: its path below the allowed folder, with forward slashes."""
    folder: Path
    """Absolute, links followed."""

    def images(self, split: str = "train") -> Path:
        """The folder with a split's pictures."""
        common = self.folder / "images"
        return common if common.is_dir() else self.folder / split

    def table(self, split: str = "train") -> Path:
        """The labels CSV of a split, which may be missing."""
        return self.folder / f"{split}.csv"


@dataclass(frozen=True)
class Facts:
    """What is in a dataset."""

    counts: dict[str, dict[str, int]]
    """Split -> label ("" where there is none) -> pictures that are there."""
    missing: int = 0
    """Rows whose picture is not there."""
    outside: tuple[str, ...] = ()
    """Names in the tables that lead out of the pictures' folder."""
    looked_at: int | None = None
    """Pictures that `prepare` looked at; None of a dataset that it didn't make."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Why `prepare` dropped pictures or labels -> how many."""
    unreadable: str = ""
    """Why nothing is known of it: a sentence."""

    def pictures(self, split: str) -> int:
        """How many a split has."""
        return sum(self.counts.get(split, {}).values())

    def labelled(self, split: str) -> int:
        """How many of them have a label."""
        return self.pictures(split) - self.counts.get(split, {}).get("", 0)

    @property
    def groups(self) -> tuple[str, ...]:
        """All labels there are, the most frequent first; without "" for none."""
        total: Counter[str] = Counter()
        for counts in self.counts.values():
            total.update(counts)
        total.pop("", None)
        return tuple(label for label, _ in sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))


def is_inside(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a path, links followed, is one of these folders or lies in one."""
    try:
        real = path.resolve()
        return any(real == (root := folder.resolve()) or root in real.parents for folder in folders)
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that no disk takes
        return False


def listing(folders: Sequence[Path]) -> list[Dataset]:
    """All datasets in the allowed folders, by name; a folder that is missing holds none."""
    found: dict[str, Dataset] = {}
    for root in folders:
        for folder in _candidates(root):
            if not _is_dataset(folder, folders):
                continue
            inner = folder.relative_to(root).as_posix()
            name = root.name if inner == "." else inner
            if name in found and found[name].folder != folder.resolve():
                name = f"{root.name}/{name}"
            found.setdefault(name, Dataset(name, folder.resolve()))
    return sorted(found.values(), key=lambda dataset: dataset.name.casefold())


def find(name: str, folders: Sequence[Path]) -> Dataset:
    """The dataset of a name in the listing; names are compared, never made paths of.

    Raises:
        OptionError: there is none of that name.
    """
    known = listing(folders)
    for dataset in known:
        if dataset.name == name:
            return dataset
    there = ", ".join(dataset.name for dataset in known[:8]) or "none so far"
    raise OptionError(f"There is no dataset {name[:80]!r} in the allowed folders; there are: {there}.")


def look(dataset: Dataset) -> Facts:
    """Count what is in a dataset; what doesn't change is counted once."""
    stamps = tuple(
        _stamp(path)
        for split in SPLITS
        for path in (dataset.table(split), dataset.images(split), dataset.folder / "prepare.json")
    )
    return _look(dataset, stamps)


@lru_cache(maxsize=64)
def _look(dataset: Dataset, stamps: tuple[tuple[int, int], ...]) -> Facts:
    counts: dict[str, dict[str, int]] = {}
    missing, outside = 0, []
    for split in SPLITS:
        if not dataset.table(split).is_file():
            continue
        images = dataset.images(split)
        try:
            table = labels.read(dataset.table(split))
            there = _names(images)
        except OptionError as error:
            return Facts(counts, unreadable=str(error))
        except OSError as error:
            return Facts(counts, unreadable=f"The pictures of {split} can't be listed ({error.strerror}).")
        found: Counter[str] = Counter()
        for name, label in zip(table["imageName"], table["ethnicity"], strict=True):
            if leads_out(name):
                outside.append(name)
            elif name in there or ("/" in name and (images / name).is_file()):
                found[label] += 1
            else:
                missing += 1
        counts[split] = dict(sorted(found.items()))
    about = _prepared(dataset.folder)
    looked_at = about.get("pictures")
    reasons = about.get("reasons")
    return Facts(
        counts,
        missing,
        tuple(outside[:20]),
        looked_at if isinstance(looked_at, int) else None,
        {str(why): many for why, many in reasons.items() if isinstance(many, int)}
        if isinstance(reasons, dict)
        else {},
    )


def leads_out(name: str) -> bool:
    """Whether a picture's name in a table leads out of the pictures' folder."""
    return not name or "\0" in name or PurePath(name).is_absolute() or ".." in PurePath(name).parts


def _candidates(root: Path) -> Iterator[Path]:
    """Folders that may be datasets, the allowed one first; never one inside another."""
    level, seen = [root], 0
    for _ in range(DEEPEST + 1):
        deeper: list[Path] = []
        for folder in level:
            seen += 1
            if seen > MOST_FOLDERS:
                return
            if (folder / "train.csv").is_file():
                yield folder
                continue
            try:
                with os.scandir(folder) as entries:
                    names = sorted(entry.name for entry in entries if entry.is_dir())
            except OSError:
                continue
            deeper += [
                folder / name for name in names if not name.startswith(".") and name not in _NOT_INSIDE
            ]
        level = deeper


def _is_dataset(folder: Path, folders: Sequence[Path]) -> bool:
    dataset = Dataset("", folder)
    places = [folder, dataset.images("train"), dataset.images("val")]
    return dataset.images("train").is_dir() and all(is_inside(place, folders) for place in places)


def _names(images: Path) -> set[str]:
    with os.scandir(images) as entries:
        return {entry.name for entry in entries if os.path.splitext(entry.name)[1].lower() in SUFFIXES}


def _prepared(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / "prepare.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (-1, -1)
    return (found.st_size, found.st_mtime_ns)
