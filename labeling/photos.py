"""The folder of photos that are labelled: each file once, under the hash of its content, and smaller copies to look at.

    photos = PhotoFolder(settings.labels_folder / "photos")
    kept = photos.keep(content, "रिता.jpg")             # NewPhoto; PhotoError where it is no photo
    photos.view(kept.hash, kept.suffix)                 # JPEG, upright, for the desk

    photos/ab/ab12...ef.jpg                             what came in, byte for byte
    views/ab/ab12...ef-1280.jpg                         may be deleted at any time, and is made again

No name that anybody gave becomes a path. Pictures are decoded by `colorizer.photo` alone.
"""

import io
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer import photo
from colorizer.errors import PhotoError
from colorizer.settings import Settings
from labeling.batches import NewPhoto
from labeling.errors import LabelError
from labeling.names import clean_photo_name

Box = tuple[float, float, float, float]

VIEW_SIDE = 1280
"""Longer side of what the desk shows: a phone's and most windows' pixels; about 150 kB."""
CROP_SIDE = 640
CROP_MARGIN = 0.4
"""Of a face's longer side, around it: hair, ears and neck are seen, the neighbour mostly not."""

SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "BMP": ".bmp",
    "GIF": ".gif",
    "HEIF": ".heic",
    "AVIF": ".avif",
}
"""Of kept files, by what they are and not by what they were called."""

_QUALITY = 85
_HASH = re.compile("[0-9a-f]{64}")
_PART = ".part"
# A file that was begun this long ago is of a process that was killed.
_LEFTOVER_SECONDS = 3600


class PhotoFolder:
    """Photos by their hash. Threads and processes may share one folder."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        """Args:
        folder: of the files as they came; it is made when it is needed, and `views` beside it.
        settings: limits on a file's bytes and pixels; the process's own when absent.
        """
        self.originals = folder
        self.views = folder.parent / "views"
        self.settings = settings

    def keep(self, content: bytes, name: str) -> NewPhoto:
        """Check a photo and keep it; one that is kept already stays as it is.

        When this returns, the file is on the disk, also after a power cut.

        Args:
            content: of a file that nobody vouches for.
            name: what it was called; it comes back cleaned.

        Raises:
            PhotoError: it is no photo, or beyond the limits on bytes and pixels.
            LabelError: its name can't be used; or the disk is full or can't be written.
        """
        called = clean_photo_name(name)
        picture = photo.read(content, settings=self.settings)
        height, width = picture.rgb.shape[:2]
        kept = NewPhoto(
            hash=sha256(content).hexdigest(),
            name=called,
            suffix=SUFFIXES[picture.format],
            width=width,
            height=height,
            bytes=len(content),
        )
        file = _place(self.originals, kept.hash, kept.suffix)
        if not file.is_file() or file.stat().st_size != len(content):
            _write(file, content, is_lasting=True)
        view = self._view_file(kept.hash, VIEW_SIDE)
        if not view.is_file():  # the pixels are at hand, and the desk will want it soon
            _write(view, _jpeg(picture.rgb, VIEW_SIDE))
        return kept

    def path(self, hash: str, suffix: str = "") -> Path:
        """Where a kept photo lies.

        Args:
            hash: SHA-256 of its bytes, in hexadecimal.
            suffix: of its file; looked for when absent.

        Raises:
            LabelError: there is no such photo in the folder.
        """
        for known in (suffix,) if suffix else SUFFIXES.values():
            if known in SUFFIXES.values() and (file := _place(self.originals, hash, known)).is_file():
                return file
        raise LabelError(
            "A photo's file is missing from the folder of photos; put it back, or mark the photo unusable."
        )

    def view(self, hash: str, suffix: str = "", side: int = VIEW_SIDE) -> bytes:
        """The photo as a JPEG, upright, in sRGB, without metadata; made once and then kept.

        Args:
            hash, suffix: as for `path`.
            side: pixels of the longer side at most; a smaller photo isn't enlarged.

        Raises:
            LabelError: its file is missing, or can no longer be read.
        """
        file = self._view_file(hash, side)
        return self._made_once(file, lambda: _jpeg(self.pixels(hash, suffix), side))

    def crop(
        self,
        hash: str,
        box: Box,
        suffix: str = "",
        side: int = CROP_SIDE,
        margin: float = CROP_MARGIN,
    ) -> bytes:
        """One face as a JPEG: a square around it, as far as the photo reaches.

        Args:
            hash, suffix: as for `path`.
            box: left, top, right, bottom in pixels of the photo held upright.
            side: pixels of the result at most.
            margin: around the box, in shares of its longer side.

        Raises:
            LabelError: as for `view`.
        """
        file = self._crop_file(hash, box, side, margin)
        return self._made_once(file, lambda: _jpeg(_around(self.pixels(hash, suffix), box, margin), side))

    def prepare(self, hash: str, rgb: np.ndarray, boxes: Iterable[Box]) -> None:
        """Make what the desk will show while the pixels are at hand: the view, and a crop of each face.

        Args:
            hash: as for `path`.
            rgb: (H, W, 3) uint8 sRGB, upright.
            boxes: as for `crop`.
        """
        self._made_once(self._view_file(hash, VIEW_SIDE), lambda: _jpeg(rgb, VIEW_SIDE))
        for box in boxes:
            file = self._crop_file(hash, box, CROP_SIDE, CROP_MARGIN)
            crop = _around(rgb, box, CROP_MARGIN)
            self._made_once(file, partial(_jpeg, crop, CROP_SIDE))

    def pixels(self, hash: str, suffix: str = "") -> np.ndarray:
        """(H, W, 3) uint8 sRGB of a kept photo, upright.

        Raises:
            LabelError: as for `view`.
        """
        try:
            return photo.read(self.path(hash, suffix), settings=self.settings).rgb
        except PhotoError as error:
            raise LabelError(f"A kept photo can no longer be read: {error}") from error

    def forget(self, hash: str) -> int:
        """Delete a photo and all that was made of it; how many files those were.

        Raises:
            LabelError: this is no photo's hash, or a file can't be deleted.
        """
        files = [
            file
            for folder in (self.originals, self.views)
            for file in _place(folder, hash, "").parent.glob(f"{hash}*")
        ]
        try:
            for file in files:
                file.unlink(missing_ok=True)
        except OSError as error:
            raise LabelError(
                f"The photo's files in {self.originals.parent} can't all be deleted ({error.strerror}); delete those "
                f"that begin with {hash[:16]} by hand."
            ) from error
        return len(files)

    def sweep(self) -> None:
        """Delete what killed processes have left half written."""
        for folder in (self.originals, self.views):
            for part in folder.glob(f"*/.*{_PART}"):
                with suppress(OSError):
                    if time.time() - part.stat().st_mtime > _LEFTOVER_SECONDS:
                        part.unlink()

    def _crop_file(self, hash: str, box: Box, side: int, margin: float) -> Path:
        place = "-".join(str(round(edge)) for edge in box)
        return self._view_file(hash, f"{place}-{margin:g}-{side}")

    def _view_file(self, hash: str, what: object) -> Path:
        return _place(self.views, hash, f"-{what}.jpg")

    def _made_once(self, file: Path, make: Callable[[], bytes]) -> bytes:
        with suppress(FileNotFoundError):
            return file.read_bytes()
        content = make()
        with suppress(LabelError):  # a full disk takes the speed, not the photo
            _write(file, content)
        return content


def _place(folder: Path, hash: str, end: str) -> Path:
    if not _HASH.fullmatch(hash):
        raise LabelError("There is no such photo.")
    return folder / hash[:2] / f"{hash}{end}"


def _around(rgb: np.ndarray, box: Box, margin: float) -> np.ndarray:
    """(H, W, 3) -> the square around a box with its margin, cut at the photo's border; at least one pixel."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = box
    half = max(right - left, bottom - top) * (0.5 + margin)
    x, y = (left + right) / 2, (top + bottom) / 2
    columns = np.clip(np.rint([x - half, x + half]), 0, width).astype(int)
    rows = np.clip(np.rint([y - half, y + half]), 0, height).astype(int)
    x0, y0 = min(columns[0], width - 1), min(rows[0], height - 1)
    return rgb[y0 : max(rows[1], y0 + 1), x0 : max(columns[1], x0 + 1)]


def _jpeg(rgb: np.ndarray, side: int) -> bytes:
    """(H, W, 3) uint8 -> JPEG whose longer side has at most `side` pixels."""
    image = Image.fromarray(rgb)
    # `reducing_gap` lets Pillow halve a large photo cheaply first; three times the size keeps what is seen the same.
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()


def _write(path: Path, content: bytes, is_lasting: bool = False) -> None:
    """Put a whole file in its place, readable by its owner alone.

    Args:
        path: its folder is made where it is missing.
        content: all of it.
        is_lasting: flushed to the disk with its name, so that a power cut leaves the file or nothing.

    Raises:
        LabelError: the disk is full or can't be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_PART}")
    try:
        for folder in (path.parent.parent.parent, path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                if is_lasting:
                    os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        if is_lasting:
            _sync(path.parent)
            _sync(path.parent.parent)  # the folder may be new too
    except OSError as error:
        raise LabelError(
            f"A photo could not be written ({error.strerror or error}); make room on the disk, or let Rangin write to "
            f"{path.parent.parent}, and try again."
        ) from error


def _sync(folder: Path) -> None:
    """Flush a folder's names; not every system lets a folder be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
