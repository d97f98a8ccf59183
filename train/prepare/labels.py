"""Labels of a source: which CSV speaks about which picture, and what its words mean in the allowed vocabulary."""

import csv
import difflib
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import pandas as pd

from colorizer.errors import OptionError
from train.prepare.sources import Item, LabelsFile

# What other collections call the groups; suggested, and applied only where --map says so.
SYNONYMS = {
    "east asian": "Asian",
    "southeast asian": "Asian",
    "chinese": "Asian",
    "japanese": "Asian",
    "korean": "Asian",
    "african": "Black",
    "african american": "Black",
    "latino hispanic": "Hispanic",
    "latino": "Hispanic",
    "latina": "Hispanic",
    "latin": "Hispanic",
    "south asian": "Indian",
    "nepali": "Indian",
    "pakistani": "Indian",
    "west asian": "Middle Eastern",
    "arab": "Middle Eastern",
    "persian": "Middle Eastern",
    "caucasian": "White",
    "european": "White",
}
NEAR = 0.75  # difflib's ratio: "asain" and "hispnic" are near, "martian" is not
NAMES = ("imageName", "ethnicity")


@dataclass(frozen=True)
class Vocabulary:
    """The labels that a dataset may have."""

    allowed: tuple[str, ...]
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Another word -> the allowed one it stands for."""

    def __post_init__(self) -> None:
        for word, meant in self.mapping.items():
            if meant not in self.allowed:
                raise OptionError(
                    f"--map {word!r} leads to {meant!r}, which is not in the vocabulary; "
                    f"choose one of {', '.join(self.allowed)}."
                )

    def meaning(self, label: str) -> str | None:
        """The allowed label that is meant, "" for no label, None where it lies outside.

        Upper and lower case, and `_` or `-` for a blank, make no difference.
        """
        words = {_plain(word): word for word in self.allowed}
        words |= {_plain(word): meant for word, meant in self.mapping.items()}
        return words.get(_plain(label)) if label.strip() else ""

    def nearest(self, label: str) -> str:
        """The allowed label that was probably meant; "" where none is near."""
        plain = _plain(label)
        words = {word: meant for word, meant in SYNONYMS.items() if meant in self.allowed}
        words |= {_plain(word): word for word in self.allowed}
        near = [plain] if plain in words else difflib.get_close_matches(plain, words, n=1, cutoff=NEAR)
        return words[near[0]] if near else ""


@dataclass(frozen=True)
class Labels:
    """What is known about each picture."""

    table: pd.DataFrame
    """One row an item, in their order: column ethnicity and whatever else the CSVs have, all text, "" for unknown."""
    disputed: tuple[str, ...]
    """One text an item: "" or which ethnicities the CSVs give it, where they don't agree with themselves."""
    ambiguous: tuple[str, ...]
    """One text an item: "" or why its row could be another picture's."""
    missing: tuple[tuple[str, str], ...]
    """(imageName, CSV) of rows whose picture the source doesn't hold."""
    files: tuple[str, ...]
    """The CSVs that were used."""
    unused: tuple[str, ...] = ()
    """Why other CSVs were passed over, a sentence each."""

    def first(self, count: int) -> "Labels":
        """The same for the first so many items only."""
        table, disputed, ambiguous = self.table.head(count), self.disputed[:count], self.ambiguous[:count]
        return replace(self, table=table, disputed=disputed, ambiguous=ambiguous)


@dataclass
class _Table:
    """A CSV's rows by imageName; of a name's rows the first counts, but ethnicities are collected."""

    file: LabelsFile
    rows: dict[str, dict[str, str]]
    ethnicities: dict[str, list[str]]
    used: set[str] = field(default_factory=set)


def explicit(path: Path) -> LabelsFile:
    """A CSV that the user named; it speaks about the whole source.

    Raises:
        OptionError: it can't be read.
    """
    try:
        return LabelsFile("", path.name, path.read_bytes())
    except OSError as error:
        raise OptionError(f"The labels {path} can't be read: {error.strerror or error}.") from error


def match(items: Sequence[Item], files: Sequence[LabelsFile], must_read: bool = False) -> Labels:
    """Find each picture's row: by its path from where the CSV lies, or else by its file name.

    Of several CSVs the one nearest to the picture counts. A file name that several pictures below the CSV share says
    nothing about any of them.

    Args:
        items: the pictures.
        files: the CSVs of the source, of which those that can't be read or lack a column imageName are passed over.
        must_read: whether a CSV that can't be used is an error instead.

    Raises:
        OptionError: such a CSV.
    """
    tables, unused = [], []
    for file in files:
        try:
            tables.append(_parse(file))
        except OptionError as error:
            if must_read:
                raise
            unused.append(str(error))
    tables.sort(key=lambda table: (-len(PurePosixPath(table.file.scope).parts), table.file.name))
    paths = [f"{item.archive}/{item.member}" if item.archive else item.member for item in items]
    same_name: dict[int, Counter[str]] = {}
    same_member: dict[int, Counter[str]] = {}
    for number, table in enumerate(tables):
        inside = [i for i, path in enumerate(paths) if _is_inside(path, table.file.scope)]
        same_name[number] = Counter(PurePosixPath(paths[i]).name for i in inside)
        same_member[number] = Counter(items[i].member for i in inside)
    rows: list[dict[str, str]] = []
    disputed, ambiguous = [""] * len(items), [""] * len(items)
    for i, path in enumerate(paths):
        row: dict[str, str] = {}
        for number, table in enumerate(tables):
            if not _is_inside(path, table.file.scope):
                continue
            name = path[len(table.file.scope) :].lstrip("/")
            if name not in table.rows:
                name = PurePosixPath(path).name
            if name not in table.rows:
                continue
            table.used.add(name)
            is_only = name == items[i].member and same_member[number][name] == 1
            if name != path and same_name[number][name] > 1 and "/" not in name and not is_only:
                ambiguous[i] = f"{table.file.name} has a row {name}, and several pictures are called that"
                break
            row = table.rows[name]
            ethnicities = table.ethnicities[name]
            disputed[i] = " / ".join(ethnicities) if len(ethnicities) > 1 else ""
            break
        rows.append(row)
    missing = [(name, table.file.name) for table in tables for name in table.rows if name not in table.used]
    frame = pd.DataFrame(rows, index=range(len(items))).fillna("").astype(str)
    frame = frame.drop(columns="imageName", errors="ignore")
    if "ethnicity" not in frame:
        frame.insert(0, "ethnicity", "")
    return Labels(
        frame,
        tuple(disputed),
        tuple(ambiguous),
        tuple(missing),
        tuple(sorted(table.file.name for table in tables)),
        tuple(sorted(unused)),
    )


def _parse(file: LabelsFile) -> _Table:
    try:
        reader = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"), newline=""))
        if "imageName" not in (reader.fieldnames or ()):
            raise OptionError(
                f"{file.name} has no column imageName; its first line must be imageName,ethnicity, "
                "with commas between the columns."
            )
        rows: dict[str, dict[str, str]] = {}
        ethnicities: dict[str, list[str]] = defaultdict(list)
        for read in reader:
            row = {key: (value or "").strip() for key, value in read.items() if isinstance(key, str)}
            name = row["imageName"].replace("\\", "/").removeprefix("./")
            rows.setdefault(name, row)
            label = row.get("ethnicity", "")
            if label and label not in ethnicities[name]:
                ethnicities[name].append(label)
    except UnicodeDecodeError as error:
        raise OptionError(f"The labels {file.name} are no UTF-8 ({error}); save them as UTF-8.") from error
    except csv.Error as error:
        raise OptionError(f"The labels {file.name} can't be read: {error}.") from error
    return _Table(file, rows, ethnicities)


def _is_inside(path: str, scope: str) -> bool:
    return not scope or path.startswith(f"{scope}/")


def _plain(label: str) -> str:
    return " ".join(label.replace("_", " ").replace("-", " ").lower().split())
