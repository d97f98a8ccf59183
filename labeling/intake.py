"""Photos from files, ZIPs, folders and training reports into a batch. Knows no gradio.

    into = NewBatch("Dashain 2026", source="our own album", licence="CC BY 4.0", consent="asked in writing")
    done = take_files(office, "Asha", into, ["festival.zip", ("/tmp/x1", "रिता.jpg")])
    done.added, done.known, done.refused, done.renamed

One bad file never stops the others: it is listed with a sentence. What has been taken is in the batch a moment later,
so that people can start to label while the rest comes in, and stays there when the rest is cancelled.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from colorizer.errors import PhotoError, RanginError
from colorizer.settings import get_settings
from colorizer.source import contents
from labeling import archive, batches, folders, mistakes
from labeling.batches import Batch, NewPhoto
from labeling.errors import LabelError
from labeling.names import clean_photo_name, shown
from labeling.photos import PhotoFolder
from labeling.settings import LabelSettings
from labeling.store import Store

AT_ONCE = 20
"""Photos of one transaction: the first ones are on the desk within seconds."""

Advance = Callable[[int, int], None]
"""Told (entries looked at, of how many) after each."""
IsCancelled = Callable[[], bool]
"""Asked before each entry."""
Entries = Iterable[tuple[str, Path | bytes | str]]
"""(path or name, as people know it; the file, its bytes, or why it is refused)."""


class Project(Protocol):
    """Of a project what an intake needs; `labeling.office.Office` is one."""

    @property
    def store(self) -> Store: ...
    @property
    def photos(self) -> PhotoFolder: ...
    @property
    def settings(self) -> LabelSettings: ...


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


@dataclass
class Intake:
    """What became of photos that came in."""

    batch: Batch
    added: int = 0
    known: int = 0
    """The batch had them already, by content, under this name or another."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Name, with its folders as it came, and why."""
    renamed: list[tuple[str, str]] = field(default_factory=list)
    """Of photos whose name another one of the batch has: path as it came, name in the batch."""
    is_cancelled: bool = False


def _go_on() -> bool:
    return False


def _tell_nobody(done: int, total: int) -> None:
    pass


def take_files(
    project: Project,
    who: str,
    into: Into,
    files: Sequence[Path | str | tuple[Path | str, str]],
    advance: Advance = _tell_nobody,
    is_cancelled: IsCancelled = _go_on,
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
    if len(named) > settings.max_archive_files:
        raise LabelError(
            f"These are {len(named):,} files, and at most {settings.max_archive_files:,} are taken at once; choose "
            "fewer."
        )
    size = sum(path.stat().st_size for path, _ in named if path.is_file())
    if size > settings.max_unpacked_mb * 1e6:
        raise LabelError(
            f"These files have {size / 1e6:,.0f} MB, and at most {settings.max_unpacked_mb:g} are taken at once; "
            "choose fewer."
        )
    batch = _batch(project.store, who, into)
    with ExitStack() as stack:
        parts: list[tuple[int, Entries]] = []
        for path, name in named:
            if not archive.is_zip(path):
                parts.append((1, [(name, path)]))
                continue
            try:
                photos = stack.enter_context(archive.opened(path, settings, project.photos.settings))
                parts.append((len(photos), photos))
            except LabelError as error:
                parts.append((1, [(name, str(error))]))
        entries = (entry for _, part in parts for entry in part)
        return _take(project, batch, entries, sum(count for count, _ in parts), advance, is_cancelled)


def take_archive(
    project: Project,
    who: str,
    into: Into,
    path: Path,
    advance: Advance = _tell_nobody,
    is_cancelled: IsCancelled = _go_on,
) -> Intake:
    """Take the photos of a ZIP; see `archive.opened` for what is refused.

    Raises:
        LabelError: the ZIP can't be opened as a whole, holds nothing, the batch can't be found or made, or the disk is
            full.
    """
    with archive.opened(path, project.settings, project.photos.settings) as photos:
        if not len(photos):
            raise LabelError("This ZIP holds no photos; choose another.")
        return _take(project, _batch(project.store, who, into), photos, len(photos), advance, is_cancelled)


def take_folder(
    project: Project,
    who: str,
    into: Into,
    folder: Path | str,
    advance: Advance = _tell_nobody,
    is_cancelled: IsCancelled = _go_on,
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
    return _take(project, _batch(project.store, who, into), files, len(files), advance, is_cancelled)


def take_mistakes(
    project: Project,
    who: str,
    into: Into,
    report: Path | str,
    pictures: Path | str | None = None,
    advance: Advance = _tell_nobody,
    is_cancelled: IsCancelled = _go_on,
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
    return _take(project, _batch(project.store, who, into), entries, len(found), advance, is_cancelled)


def _batch(store: Store, who: str, into: Into) -> Batch:
    if isinstance(into, NewBatch):
        return batches.create(
            store, who, into.name, into.source, into.licence, into.consent, judgements=into.judgements
        )
    return batches.find(store, into)


def _take(
    project: Project,
    batch: Batch,
    entries: Entries,
    total: int,
    advance: Advance,
    is_cancelled: IsCancelled,
) -> Intake:
    intake = Intake(batch)
    waiting = _Waiting(project.store, intake)
    try:
        advance(0, total)
        for done, (path, content) in enumerate(entries, start=1):
            if is_cancelled():
                intake.is_cancelled = True
                break
            kept = _keep(project.photos, path, content)
            if isinstance(kept, str):
                intake.refused.append((_listed(path), kept))
            else:
                waiting.add(path, kept)
            advance(done, total)
    finally:
        waiting.put()  # also when the disk is full: what was kept until then is in
    return intake


def _keep(photos: PhotoFolder, path: str, content: Path | bytes | str) -> NewPhoto | str:
    """A photo, kept; or why it is refused.

    Raises:
        LabelError: the disk is full or can't be written, which the next photo won't change.
    """
    if isinstance(content, str):
        return content
    try:
        name = clean_photo_name(path)
        if isinstance(content, Path):
            content = contents(content, (photos.settings or get_settings()).max_file_mb)
    except RanginError as error:
        return str(error)
    try:
        return photos.keep(content, name)
    except PhotoError as error:
        return str(error)


class _Waiting:
    """Kept photos that will come into the batch together."""

    def __init__(self, store: Store, intake: Intake) -> None:
        self.store, self.intake = store, intake
        self.photos: dict[str, tuple[str, NewPhoto]] = {}
        """By name: the path as it came, and the photo."""

    def add(self, path: str, photo: NewPhoto) -> None:
        """One more; at times all that wait are put into the batch."""
        if photo.name in self.photos:
            self.put()
        self.photos[photo.name] = (path, photo)
        if len(self.photos) >= AT_ONCE:
            self.put()

    def put(self) -> None:
        """Put all that wait into the batch."""
        waiting, self.photos = self.photos, {}
        if not waiting:
            return
        added = self._put([photo for _, photo in waiting.values()])
        for name, why in added.refused:
            path, photo = waiting[name]
            self._put_under_another_name(path, photo, why)

    def _put(self, photos: list[NewPhoto]) -> batches.Added:
        added = batches.add_photos(self.store, self.intake.batch.id, photos)
        self.intake.added += added.added
        self.intake.known += added.known
        return added

    def _put_under_another_name(self, path: str, photo: NewPhoto, why: str) -> None:
        """A photo whose name is taken: its folders' names before it tell it from the other, if it came in some.

        Coming again it gets the same name, and is known.
        """
        for name in _longer_names(path):
            added = self._put([replace(photo, name=name)])
            if added.added:
                self.intake.renamed.append((_listed(path), name))
            if not added.refused:
                return
        self.intake.refused.append((_listed(path), why))


def _longer_names(path: str) -> Iterator[str]:
    """ "a/b/1.jpg" -> "b_1.jpg", "a_b_1.jpg"."""
    parts = PurePosixPath(path).parts
    for start in range(len(parts) - 2, -1, -1):
        try:
            yield clean_photo_name("_".join(part.strip("/") for part in parts[start:]))
        except LabelError:
            return


def _listed(path: str) -> str:
    """A path as a list shows it, without what can't be seen."""
    return shown(path)[1:-1]
