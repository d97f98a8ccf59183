"""ZIPs that nobody vouches for -> their photos' bytes, one after another; nothing is ever unpacked to a path.

    with archive.opened(path, settings) as photos:
        for name, content in photos: ...           # bytes, or the sentence on why there are none

A ZIP can say anything of itself. So its list of contents is read up to a limit, all that the list says is checked
before the first entry is unpacked, and of an entry no more is unpacked than the list said, whatever comes out of it.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from colorizer.settings import Settings, get_settings
from labeling.errors import LabelError
from labeling.settings import LabelSettings

# Zip's own: an entry in the list of contents takes 46 bytes, its name, and some 30 for times and owners.
_LIST_BYTES_AN_ENTRY = 400
_LIST_BYTES_LEAST = 1_000_000
# Deflate packs 1,032 zeros into a byte. Photos hardly shrink; drawn pictures and scans saved as BMP seldom tenfold.
_MOST_RATIO = 200
_RATIO_FROM_BYTES = 1_000_000
# The decoders of other methods unpack without end: a few hundred bytes of bzip2 are gigabytes.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED, _NAME_IS_UTF8 = 0x1, 0x800  # bits of an entry's flags
_UNICODE_NAME = 0x7075  # Info-ZIP's extra field

_MACHINES_OWN = {"__macosx", "thumbs.db", "desktop.ini"}
_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,  # also a name that says it is UTF-8 and isn't
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def is_zip(path: Path) -> bool:
    """Whether a file begins as a ZIP does, also an empty one; what follows is not looked at."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


class Photos:
    """The photos of an open ZIP: how many entries may be some, and their bytes."""

    def __init__(self, archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, str, str]]) -> None:
        self._archive = archive
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def unpacked(self) -> int:
        """Bytes of all that are not refused, as the ZIP says; no more comes out."""
        return sum(entry.file_size for entry, _, problem in self._entries if not problem)

    def __iter__(self) -> Iterator[tuple[str, bytes | str]]:
        """(path in the ZIP, forward slashes; the entry's bytes, or why it is refused) in the ZIP's order."""
        for entry, name, problem in self._entries:
            yield name, problem or self._read(entry)

    def _read(self, entry: zipfile.ZipInfo) -> bytes | str:
        try:
            with self._archive.open(entry) as file:
                content = file.read(entry.file_size + 1)
        except _DAMAGE:
            return "This entry of the ZIP is damaged; pack the ZIP again."
        if len(content) != entry.file_size:
            return "This entry of the ZIP is not as large as the ZIP says; pack the ZIP again."
        return content


@contextmanager
def opened(path: Path, settings: LabelSettings, limits: Settings | None = None) -> Iterator[Photos]:
    """Open a ZIP and check all that its list of contents says.

    Folders, hidden files and what macOS and Windows add are passed over. Entries that point out of the ZIP, are links,
    locked, too large or come twice are refused one by one.

    Args:
        path: of the ZIP.
        settings: limits on the ZIP, on its entries' number, and on all of them unpacked.
        limits: on one file; the process's own when absent.

    Raises:
        LabelError: it is no ZIP, is damaged or locked, is beyond the limits, or is built to deceive.
    """
    try:
        size = path.stat().st_size
        file = path.open("rb")
    except OSError as error:
        raise LabelError(f"The ZIP can't be read ({error.strerror or error}); choose it again.") from error
    with file:
        if size > settings.max_archive_mb * 1e6:
            raise LabelError(
                f"This ZIP has {size / 1e6:,.0f} MB, and at most {settings.max_archive_mb:g} are taken; pack the "
                "photos into several."
            )
        with _listed(file, settings) as archive:
            yield Photos(archive, _checked(archive.infolist(), settings, limits or get_settings()))


@contextmanager
def _listed(file: BinaryIO, settings: LabelSettings) -> Iterator[zipfile.ZipFile]:
    """The ZIP, its list of contents read, of which no more is taken into memory than the limit on entries needs."""
    most = max(_LIST_BYTES_LEAST, settings.max_archive_files * _LIST_BYTES_AN_ENTRY)
    guarded = _Guarded(file, most)
    try:
        archive = zipfile.ZipFile(guarded)  # type: ignore[arg-type]
    except _TooMuch as error:
        raise _too_many(None, settings) from error
    except _DAMAGE as error:
        raise LabelError(
            "This is no ZIP, or it is damaged; pack the photos again and try once more."
        ) from error
    guarded.most = None
    with archive:
        yield archive


class _TooMuch(Exception):  # noqa: N818 (caught by whoever lent the file)
    pass


class _Guarded:
    """A file of which nobody reads more than so many bytes at once, as long as that is asked for.

    `zipfile` reads the whole list of contents, however long it says it is.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self.most: int | None = most

    def read(self, count: int = -1) -> bytes:
        if self.most is None:
            return self._file.read(count)
        content = self._file.read(min(count, self.most + 1) if count >= 0 else self.most + 1)
        if len(content) > self.most:
            raise _TooMuch
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()


def _checked(
    listed: list[zipfile.ZipInfo], settings: LabelSettings, limits: Settings
) -> list[tuple[zipfile.ZipInfo, str, str]]:
    """(entry, its path, "" or why it is refused) of all that may be photos."""
    if len(listed) > settings.max_archive_files:
        raise _too_many(len(listed), settings)
    _refuse_overlaps(listed)
    entries: list[tuple[zipfile.ZipInfo, str, str]] = []
    unpacked, is_any_open, seen = 0, False, dict[str, int]()
    for entry in listed:
        name = _name(entry)
        if name.endswith("/"):
            continue
        problem = _problem(entry, name, limits)
        if not problem and _is_hidden(name):
            continue
        if not problem and seen.setdefault(name, entry.CRC) != entry.CRC:
            problem = "The ZIP holds two different files of this name, and nobody can tell which is meant; rename one."
        if not problem:
            unpacked += entry.file_size
        is_any_open = is_any_open or not entry.flag_bits & _ENCRYPTED
        entries.append((entry, name, problem))
    if entries and not is_any_open:
        raise LabelError("This ZIP is locked with a password; unpack it and pack the photos without one.")
    if unpacked > settings.max_unpacked_mb * 1e6:
        raise LabelError(
            f"This ZIP unpacks to {unpacked / 1e6:,.0f} MB, and at most {settings.max_unpacked_mb:g} are taken; pack "
            "the photos into several."
        )
    return entries


def _problem(entry: zipfile.ZipInfo, name: str, limits: Settings) -> str:
    """Why an entry can't be taken, as far as the list of contents tells."""
    if "\x00" in entry.orig_filename or _leads_out(name):
        return "Its path leads out of the ZIP, as no photo's does; pack the photos again."
    kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the system that wrote it has none
    if kind == stat.S_IFLNK:
        return "This is a link and no photo; pack the photo that it points to."
    if kind not in (0, stat.S_IFREG):
        return "This is no ordinary file; pack the photos again."
    if entry.flag_bits & _ENCRYPTED:
        return "This entry is locked with a password; pack it without one."
    if entry.compress_type not in _METHODS:
        return "It is packed with a method that is not taken here; pack it as an ordinary ZIP."
    if entry.file_size > limits.max_file_mb * 1e6:
        return (
            f"It unpacks to {entry.file_size / 1e6:,.1f} MB, and at most {limits.max_file_mb:g} are read of a photo; "
            "save it smaller."
        )
    if entry.file_size > max(_RATIO_FROM_BYTES, _MOST_RATIO * entry.compress_size):
        return "It unpacks to far more than a photo does from so few bytes; save it as JPEG or PNG."
    return ""


def _leads_out(name: str) -> bool:
    """Whether a path is absolute, has a drive, or climbs."""
    return name.startswith("/") or name[1:2] == ":" or ".." in name.split("/")


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part.lower() in _MACHINES_OWN for part in parts)


def _refuse_overlaps(listed: list[zipfile.ZipInfo]) -> None:
    """Entries that share their packed bytes make gigabytes of a few kilobytes; no program packs so."""
    end = -1
    for entry in sorted(listed, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise LabelError("This ZIP's entries lie over one another, as in a trap; pack the photos again.")
        end = entry.header_offset + zipfile.sizeFileHeader + entry.compress_size  # type: ignore[attr-defined]


def _name(entry: zipfile.ZipInfo) -> str:
    """An entry's path with forward slashes, in the writing that it was meant in.

    Many programs write UTF-8 without saying so; what isn't said to be UTF-8, `zipfile` takes for code page 437.
    """
    name = entry.orig_filename
    if not entry.flag_bits & _NAME_IS_UTF8:
        raw = name.encode("cp437")
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            name = _unicode_name(entry.extra, raw) or name
    return name.replace("\\", "/")


def _unicode_name(extra: bytes, raw: bytes) -> str:
    """The name out of the extra fields, if one gives it for the name as it is written; else ""."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_NAME and len(field) > 5 and field[1:5] == struct.pack("<L", zlib.crc32(raw)):
            return field[5:].decode("utf-8", errors="replace")
    return ""


def _too_many(count: int | None, settings: LabelSettings) -> LabelError:
    holds = "far more" if count is None else f"{count:,}"
    return LabelError(
        f"This ZIP holds {holds} files, and at most {settings.max_archive_files:,} are taken at once; pack the photos "
        "into several."
    )
