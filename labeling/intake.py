"""Photos from files, ZIPs, folders and training reports into a batch. Knows no gradio.

    into = NewBatch("Dashain 2026", source="our own album", licence="CC BY 4.0", consent="asked in writing")
    done = take_files(office, "Asha", into, ["festival.zip", ("/tmp/x1", "रिता.jpg")])
    done.added, done.known, done.refused, done.renamed

One bad file never stops the others: it is listed with a sentence. What has been taken is in the batch a moment later,
so that people can start to label while the rest comes in, and stays there when the rest is cancelled.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from labeling import archive, batches, folders, mistakes
from labeling.batches import Batch
from labeling.errors import LabelError
from labeling.settings import LabelSettings
from labeling.store import Store
from labeling.taking import Advance, Entries, Intake, IsCancelled, Project, go_on, take, tell_nobody

__all__ = ["Intake", "NewBatch", "Project", "take_archive", "take_files", "take_folder", "take_mistakes"]


@dataclass(frozen=True)
class NewBatch:
    """A batch to be made; see `batches.create`."""

    name: str
    source: str
    licence: str
    consent: str
    judgements: int = 1


Into = int | str | NewBatch
"""A batch by its number or name, or one to be made."""


def take_files(
    project: Project,
    who: str,
    into: Into,
    files: Sequence[Path | str | tuple[Path | str, str]],
    advance: Advance = tell_nobody,
    is_cancelled: IsCancelled = go_on,
) -> Intake:
    """Take uploaded files; ZIPs among them give their photos.

    Args:
        files: paths; (path, original name) where the path doesn't say what the file was called.

    Raises:
        LabelError: there are none, they are beyond the limits, the batch can't be found or made, or the disk is full. A
            ZIP that can't be opened is refused as one file among several; alone it raises.
    """
    named = [
        (Path(file[0]), file[1]) if isinstance(file, tuple) else (Path(file), Path(file).name)
        for file in files
    ]
    settings = project.settings
    if not named:
        raise LabelError("There is no file to take; choose photos or a ZIP of photos.")
    if len(named) == 1 and archive.is_zip(named[0][0]):
        return take_archive(project, who, into, named[0][0], advance, is_cancelled)
    _check_size(len(named), 0, settings)
    with ExitStack() as stack:
        parts: list[tuple[int, Entries]] = []
        unpacked = 0
        for path, name in named:
            if not archive.is_zip(path):
                parts.append((1, [(name, path)]))
                unpacked += path.stat().st_size if path.is_file() else 0
                continue
            try:
                photos = stack.enter_context(archive.opened(path, settings, project.photos.settings))
                parts.append((len(photos), photos))
                unpacked += photos.unpacked
            except LabelError as error:
                parts.append((1, [(name, str(error))]))
        total = sum(count for count, _ in parts)
        _check_size(total, unpacked, settings)
        entries = (entry for _, part in parts for entry in part)
        return take(project, _batch(project.store, who, into), entries, total, advance, is_cancelled)


def take_archive(
    project: Project,
    who: str,
    into: Into,
    path: Path,
    advance: Advance = tell_nobody,
    is_cancelled: IsCancelled = go_on,
) -> Intake:
    """Take the photos of a ZIP; see `archive.opened` for what is refused.

    Raises:
        LabelError: the ZIP can't be opened as a whole, holds nothing, the batch can't be found or made, or the disk is
            full.
    """
    with archive.opened(path, project.settings, project.photos.settings) as photos:
        if not len(photos):
            raise LabelError("This ZIP holds no photos; choose another.")
        return take(project, _batch(project.store, who, into), photos, len(photos), advance, is_cancelled)


def take_folder(
    project: Project,
    who: str,
    into: Into,
    folder: Path | str,
    advance: Advance = tell_nobody,
    is_cancelled: IsCancelled = go_on,
    is_trusted: bool = False,
) -> Intake:
    """Take the photos in a folder of this machine, and below it; links out of what is allowed are refused.

    Args:
        folder: in one of the folders that the settings allow.
        is_trusted: any folder will do, since who asks could read it anyway: at the command line.

    Raises:
        AccessError: the folder is not allowed.
        LabelError: it isn't there or holds nothing, the batch can't be found or made, or the disk is full.
    """
    root = folders.trusted(folder) if is_trusted else folders.allowed(folder, project.settings)
    files = folders.files(root, None if is_trusted else folders.roots(project.settings))
    if not files:
        raise LabelError(f"The folder {root.name} holds no photos; choose another.")
    return take(project, _batch(project.store, who, into), files, len(files), advance, is_cancelled)


def take_mistakes(
    project: Project,
    who: str,
    into: Into,
    report: Path | str,
    pictures: Path | str | None = None,
    advance: Advance = tell_nobody,
    is_cancelled: IsCancelled = go_on,
    is_trusted: bool = False,
) -> Intake:
    """Take the photos that the ethnicity classifier of a training report got wrong, the surest mistakes first.

    Args:
        report: folder that `python -m train evaluate` wrote.
        pictures: folder or tar with the report's photos; by default where the report says that they were.
        is_trusted: as for `take_folder`; otherwise both must be in folders that the settings allow.

    Raises:
        AccessError: a folder is not allowed.
        LabelError: there is no such report or it has no mistakes, the pictures can't be found, the batch can't be found
            or made, or the disk is full.
    """
    allow = folders.trusted if is_trusted else lambda path: folders.allowed(path, project.settings)
    found = mistakes.read(allow(report))
    place = allow(pictures or mistakes.pictures_of(allow(report)))
    entries = mistakes.entries(found, place, None if is_trusted else folders.roots(project.settings))
    return take(project, _batch(project.store, who, into), entries, len(found), advance, is_cancelled)


def _check_size(count: int, unpacked: int, settings: LabelSettings) -> None:
    """Refuse what is beyond the limits of one upload, ZIPs unpacked."""
    if count > settings.max_archive_files:
        raise LabelError(
            f"These are {count:,} files, and at most {settings.max_archive_files:,} are taken at once; choose fewer."
        )
    if unpacked > settings.max_unpacked_mb * 1e6:
        raise LabelError(
            f"These files have {unpacked / 1e6:,.0f} MB, and at most {settings.max_unpacked_mb:g} are taken at once; "
            "choose fewer."
        )


def _batch(store: Store, who: str, into: Into) -> Batch:
    if isinstance(into, NewBatch):
        return batches.create(
            store, who, into.name, into.source, into.licence, into.consent, judgements=into.judgements
        )
    return batches.find(store, into)
