"""A path, bytes or an open file -> the file's bytes, no more of them than the limit allows."""

import os
from pathlib import Path

from colorizer.errors import OptionError, PhotoError


def contents(source: object, max_mb: float) -> bytes:
    """All bytes of a path, of bytes, or of a binary file (from its start).

    No more is read than one byte over `max_mb` (10^6 bytes), however much there is.

    Raises:
        PhotoError: it can't be read, or is larger than the limit.
        OptionError: the source is none of these.
    """
    limit = int(max_mb * 1e6)
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source[: limit + 1])
    elif isinstance(source, (str, os.PathLike)):
        data = _file_contents(source, limit)
    elif hasattr(source, "read"):
        try:
            if hasattr(source, "seekable") and source.seekable():
                source.seek(0)  # type: ignore[attr-defined]
            data = _read_at_most(source, limit + 1)
        except (OSError, ValueError, TypeError) as error:
            raise PhotoError(
                f"This file could not be read ({error}); open it as binary and try again."
            ) from error
    else:
        raise OptionError(
            f"A photo can't be read from a {type(source).__name__}; allowed are a path, bytes and a binary file."
        )
    if len(data) > limit:
        raise PhotoError(
            f"This file is larger than {max_mb:g} MB, which is the most that is read; "
            "make the photo smaller or save it as JPEG, and try again."
        )
    return data


def _file_contents(path: str | os.PathLike[str], limit: int) -> bytes:
    try:
        found = Path(path)
        if found.is_dir():
            raise PhotoError(f"{found} is a folder; choose a photo inside it.")
        if not found.exists():
            raise PhotoError(f"There is no file {found}; check its name and folder.")
        if not found.is_file():  # a pipe or a device may never end
            raise PhotoError(f"{found} is no ordinary file; choose a photo.")
        with open(found, "rb") as file:
            return _read_at_most(file, limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PhotoError(
            f"This file could not be read ({reason}); check its name and permissions."
        ) from error


def _read_at_most(file: object, limit: int) -> bytes:
    """Up to `limit` bytes; a stream may hand them out in pieces."""
    pieces, left = [], limit
    while left > 0:
        piece = file.read(left)  # type: ignore[attr-defined]
        if isinstance(piece, str):
            raise TypeError("it is opened as text")
        if not piece:
            break
        pieces.append(bytes(piece[:left]))
        left -= len(pieces[-1])
    return b"".join(pieces)
