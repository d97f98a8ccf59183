"""Files that are there as a whole or not at all: written beside their place, flushed to the disk, then put in it.

with replacing(folder / "last.ckpt") as part:
    part.write_bytes(content)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Of files that were being written when their process was killed.
LEFTOVER = ".*.part"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; when the block ends well, that file takes the place of `path` in one step.

    A process that is killed at any moment, or a disk that is full, leaves what stood at `path` before.

    Raises:
        OSError: as writing raises it.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write(path: Path, content: str | bytes) -> None:
    """Write a whole file; text becomes UTF-8."""
    with replacing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def same_file(source: Path, path: Path) -> None:
    """Let `path` be what `source` is now, whatever is later written to either: a hard link, or else a copy."""
    with replacing(path) as part:
        try:
            os.link(source, part)
        except OSError:  # a file system without links
            part.write_bytes(source.read_bytes())


def clean(folder: Path) -> None:
    """Remove what a killed process has left half written."""
    for part in folder.glob(LEFTOVER):
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """The new name must survive a power cut too; not every system lets a folder be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
