"""The photos that a labels CSV names, from a folder into a batch: for CSVs that come with their pictures.

intake = take_named(office, "Maya", into, Path("labels.csv"), Path("photos"))
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from colorizer.settings import get_settings
from labeling import batches, folders
from labeling.csv_rows import Row, read
from labeling.errors import LabelError
from labeling.intake import Intake, Into, NewBatch, Project, take_files
from labeling.names import clean_batch

UNSTATED = "not stated"
"""Licence and consent of photos that came with a CSV, until somebody says."""
_AT_ONCE = 1000  # files; an intake's own limits are for uploads

File = tuple[Path, str]
"""A photo, and its path below the folder."""


def batch_for(project: Project, folder: Path) -> Into:
    """The batch that photos of a folder go into where nobody says which: one of the folder's name, made if missing."""
    try:
        name = clean_batch(folder.resolve().name)
    except LabelError:
        name = "Imported"
    for batch in batches.batches(project.store):
        if batch.name == name:
            return batch.id
    return NewBatch(name, f"folder {name}", UNSTATED, UNSTATED)


def take_named(
    project: Project,
    who: str,
    into: Into,
    labels: Path,
    folder: Path,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Intake:
    """Take those photos of a folder that a CSV names, by their path from there or by a file name that only one has.

    Args:
        folder: any folder: who asks at the command line could read it anyway.

    Raises:
        LabelError: the CSV or the folder can't be read, the folder has none of the photos, the batch can't be found or
            made, or the disk is full.
    """
    rows = read(labels).rows
    found = _named(rows, folders.files(folders.trusted(folder), None))
    if not found:
        raise LabelError(
            f"None of the photos that {labels.name} names is in {folder}; name the folder that holds them."
        )
    taken: Intake | None = None
    done = 0
    for part in _parts(found, project.settings.max_archive_files, project.settings.max_unpacked_mb * 1e6):

        def so_far(number: int, _: int, before: int = done) -> None:
            advance(before + number, len(found))

        intake = take_files(project, who, into, part, so_far)
        into = intake.batch.id
        done += len(part)
        taken = intake if taken is None else _both(taken, intake)
    assert taken is not None
    return taken


def _named(rows: Sequence[Row], files: Sequence[tuple[str, Path | str]]) -> list[File]:
    by_path: dict[str, File] = {}
    by_name: dict[str, list[File]] = defaultdict(list)
    for path, real in files:
        if isinstance(real, Path):
            plain = unicodedata.normalize("NFC", path)
            by_path[plain] = (real, path)
            by_name[PurePosixPath(plain).name].append((real, path))
    found: dict[str, File] = {}
    for row in rows:
        path = unicodedata.normalize("NFC", row.path.removeprefix("./"))
        same_name = by_name.get(PurePosixPath(path).name, [])
        file = by_path.get(path) or (same_name[0] if len(same_name) == 1 else None)
        if file is not None:
            found.setdefault(file[1], file)
    return list(found.values())


def _parts(files: Sequence[File], most: int, most_bytes: float) -> Iterator[list[tuple[Path, str]]]:
    """The files in parts within an intake's limits; one too large to be a photo is left for the intake to refuse."""
    part: list[tuple[Path, str]] = []
    size, largest = 0.0, get_settings().max_file_mb * 1e6 + 1
    for file, path in files:
        bytes_ = min(file.stat().st_size, largest)
        if part and (len(part) >= min(most, _AT_ONCE) or size + bytes_ > most_bytes):
            yield part
            part, size = [], 0.0
        part.append((file, path))
        size += bytes_
    if part:
        yield part


def _both(first: Intake, second: Intake) -> Intake:
    return replace(
        first,
        added=first.added + second.added,
        known=first.known + second.known,
        refused=[*first.refused, *second.refused],
        renamed=[*first.renamed, *second.renamed],
    )
