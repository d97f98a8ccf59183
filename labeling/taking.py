"""Files, bytes and refusals, one after another -> photos in a batch; `intake` says where they come from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from colorizer.errors import PhotoError, RanginError
from colorizer.settings import get_settings
from colorizer.source import contents
from labeling import batches
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


def go_on() -> bool:
    """Nobody cancels."""
    return False


def tell_nobody(done: int, total: int) -> None:
    """Nobody waits."""


def take(
    project: Project,
    batch: Batch,
    entries: Entries,
    total: int,
    advance: Advance,
    is_cancelled: IsCancelled,
) -> Intake:
    """Keep the photos of these entries and put them into a batch, some at a time.

    Args:
        total: how many entries there are.

    Raises:
        LabelError: the disk is full or can't be written.
    """
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
