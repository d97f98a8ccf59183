"""What a source holds: pictures in folders, tars and zips, and labels CSVs; and the bytes of each. Nothing is written.

    contents = sources.find(Path("inbox"))
    for item, content in sources.read(contents.items): ...

Archives come from anywhere: only regular members are looked at, their names never become paths, and of each no more is
unpacked than the largest file that is read.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import IO

from colorizer.errors import OptionError
from colorizer.settings import get_settings
from train.pictures import SUFFIXES

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
ARCHIVES = (*TARS, ".zip")
# Of a copy's stem: file systems take names of 255 bytes, of which number, suffix and an unfinished file's mark need
# some, and a letter of Devanagari has three.
NAME_BYTES = 180
LABELS_MAX_BYTES = 200_000_000  # of one labels CSV; a million rows have about 60 MB

# What tarfile, zipfile and their decompressors raise on damaged, cut or encrypted archives.
_DAMAGE = (
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Item:
    """One picture file of a source."""

    archive: str
    """Path of its tar or zip below the source, "" where it is a file itself; forward slashes."""
    member: str
    """Its path below the source, or its name in the archive."""
    size: int
    """Bytes, as the folder or the archive says."""
    mtime: int
    """Modification time, in nanoseconds, of the file or of the archive."""
    number: int
    """Which of the archive's members it is: an archive may hold a name twice."""
    file: Path
    """What is opened."""

    @property
    def source(self) -> str:
        """What people are told: `archive::member`, or the path below the source."""
        return told(f"{self.archive}::{self.member}" if self.archive else self.member)

    @property
    def key(self) -> str:
        """Changes when the picture may have changed."""
        return f"{self.source}\n{self.number} {self.size} {self.mtime}"


@dataclass(frozen=True)
class LabelsFile:
    """A CSV that may hold labels."""

    scope: str
    """Pictures in this folder or archive, and below, are what it is about; "" is the whole source."""
    name: str
    content: bytes


@dataclass(frozen=True)
class Contents:
    """All of a source."""

    items: tuple[Item, ...]
    """Sorted by source, so that no order in which a folder lists its files matters."""
    labels: tuple[LabelsFile, ...]
    damaged: tuple[tuple[str, str], ...]
    """(archive, what is wrong); what could be read of it is among the items."""
    ignored: int
    """Files that are neither pictures nor archives nor CSVs."""


def find(source: Path) -> Contents:
    """List a source: a folder with all below it but what is hidden, or one tar or zip.

    Raises:
        OptionError: there is no such folder or archive.
    """
    if source.is_dir():
        root = source
        files = sorted(file for file in source.rglob("*") if not _is_hidden(file.relative_to(root)))
        files = [file for file in files if file.is_file()]
    elif source.is_file() and source.name.lower().endswith(ARCHIVES):
        root = source.parent
        files = [source, *sorted(file for file in root.glob("*.csv") if file.is_file())]
    else:
        raise OptionError(
            f"{source} is no folder and no archive; SOURCE is a folder of pictures or archives, or one of "
            f"{', '.join(ARCHIVES)}."
        )
    items: list[Item] = []
    labels: list[LabelsFile] = []
    damaged: list[tuple[str, str]] = []
    ignored = 0
    for file in files:
        name = file.relative_to(root).as_posix()
        if name.lower().endswith(ARCHIVES):
            try:
                ignored += _list_archive(file, name, items, labels)
            except _DAMAGE as error:
                damaged.append((told(name), f"This archive is damaged or can't be read ({_said(error)})."))
        elif file.suffix.lower() in SUFFIXES:
            status = file.stat()
            items.append(Item("", name, status.st_size, status.st_mtime_ns, 0, file))
        elif file.suffix.lower() == ".csv":
            with file.open("rb") as opened:
                content = opened.read(LABELS_MAX_BYTES)
            labels.append(LabelsFile(_folder(name), told(name), content))
        else:
            ignored += 1
    return Contents(tuple(sorted(items, key=_order)), tuple(labels), tuple(damaged), ignored)


def read(items: Sequence[Item]) -> Iterator[tuple[Item, bytes | str]]:
    """Each item's bytes, or the reason why there are none; archive after archive, each in its own order.

    Of a file larger than the limit only so much comes that a reader sees that it is too large.
    """
    limit = int(get_settings().max_file_mb * 1e6) + 1
    for file, group in groupby(items, key=lambda item: item.file):
        wanted = list(group)
        if not wanted[0].archive:
            try:
                with file.open("rb") as opened:
                    yield wanted[0], opened.read(limit)
            except OSError as error:
                yield wanted[0], f"This file could not be read ({_said(error)})."
        elif file.name.lower().endswith(".zip"):
            yield from _read_zip(file, wanted, limit)
        else:
            yield from _read_tar(file, wanted, limit)


def _read_zip(file: Path, wanted: Sequence[Item], limit: int) -> Iterator[tuple[Item, bytes | str]]:
    left = list(wanted)
    try:
        with zipfile.ZipFile(file) as opened:
            members = opened.infolist()
            while left:
                item = left.pop(0)
                try:
                    with opened.open(members[item.number]) as content:
                        found: bytes | str = content.read(limit)
                except _DAMAGE as error:
                    found = f"This archive's member could not be unpacked ({_said(error)})."
                yield item, found
    except _DAMAGE as error:
        for item in left:
            yield item, f"This archive's member could not be unpacked ({_said(error)})."


def _read_tar(file: Path, wanted: Sequence[Item], limit: int) -> Iterator[tuple[Item, bytes | str]]:
    """In the tar's own order: a compressed one can only be read forwards."""
    left = {item.number: item for item in wanted}
    says = "it is cut short"
    try:
        with tarfile.open(file) as opened:
            for number, member in enumerate(opened):
                if number in left and (content := opened.extractfile(member)) is not None:
                    found = _at_most(content, limit)
                    yield left.pop(number), found
                if not left:
                    break
    except _DAMAGE as error:
        says = _said(error)
    for item in left.values():
        yield item, f"This archive's member could not be unpacked ({says})."


def _list_archive(file: Path, name: str, items: list[Item], labels: list[LabelsFile]) -> int:
    """Put an archive's pictures and CSVs to the lists; how many other files it has."""
    mtime = file.stat().st_mtime_ns
    members = _zip_members(file) if name.lower().endswith(".zip") else _tar_members(file)
    ignored = 0
    for number, member, size, content in members:
        path = PurePosixPath(member)
        if _is_hidden(path) or "__MACOSX" in path.parts:
            continue
        if path.suffix.lower() in SUFFIXES:
            items.append(Item(name, member, size, mtime, number, file))
        elif path.suffix.lower() == ".csv" and content is not None:
            labels.append(LabelsFile(name, told(f"{name}::{member}"), _at_most(content, LABELS_MAX_BYTES)))
        else:
            ignored += 1
    return ignored


def _tar_members(file: Path) -> Iterator[tuple[int, str, int, IO[bytes] | None]]:
    """(number, name, size, the content of a CSV) of each regular file: no links, devices or folders."""
    with tarfile.open(file) as opened:
        for number, member in enumerate(opened):
            if member.isfile():
                content = opened.extractfile(member) if member.name.lower().endswith(".csv") else None
                yield number, member.name, member.size, content


def _zip_members(file: Path) -> Iterator[tuple[int, str, int, IO[bytes] | None]]:
    """The same of a zip; a link made by Unix has its kind in the upper half of the attributes."""
    with zipfile.ZipFile(file) as opened:
        for number, member in enumerate(opened.infolist()):
            kind = member.external_attr >> 28
            if member.is_dir() or kind not in (0, 8):
                continue
            content = opened.open(member) if member.filename.lower().endswith(".csv") else None
            yield number, member.filename, member.file_size, content


def _at_most(content: IO[bytes], limit: int) -> bytes:
    with content:
        return content.read(limit)


def told(name: str) -> str:
    """A name as it may be written: bytes that are no UTF-8, which a file system may hold, become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _is_hidden(path: Path | PurePosixPath) -> bool:
    return any(part.startswith(".") and part != "." and part != ".." for part in path.parts)


def _order(item: Item) -> tuple[str, int, str]:
    """Members of one archive in its own order, so that they can be read forwards."""
    return item.archive or item.member, item.number, item.member


def _folder(name: str) -> str:
    folder = str(PurePosixPath(name).parent)
    return "" if folder == "." else folder


def _said(error: Exception) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())[:200]


def unique_names(items: Iterable[Item], suffix: str) -> list[str]:
    """A file name for each item: its own stem and the suffix, numbered where two would be the same.

    Names hold no separator, control character or leading dot, and at most NAME_BYTES; two that differ only in upper and
    lower case count as the same, because some file systems say so.
    """
    taken: set[str] = set()
    names = []
    for item in items:
        last = item.member.replace("\\", "/").rstrip("/").rpartition("/")[2]
        stem = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in PurePosixPath(last).stem)
        stem = stem.strip(" .").encode()[:NAME_BYTES].decode(errors="ignore") or "picture"
        name, count = f"{stem}{suffix}", 1
        while name.lower() in taken:
            count += 1
            name = f"{stem}-{count}{suffix}"
        taken.add(name.lower())
        names.append(name)
    return names
