"""Small files of a job, written whole beside a training that cleans its folder of half-written ones."""

import os
from pathlib import Path

from train import atomic

# Of text at a file's end that is read: a hundred lines are a few thousand letters.
_TAIL = 256 * 1024


def write(path: Path, text: str) -> None:
    """Write a whole file.

    A run that begins in the same folder removes what killed processes left half written, and may take ours with it;
    then it is written again.

    Raises:
        OSError: as writing raises it; FileNotFoundError where the folder is gone.
    """
    for attempt in range(5):
        try:
            atomic.write(path, text)
            return
        except FileNotFoundError:
            if attempt == 4 or not path.parent.is_dir():
                raise


def tail(path: Path, lines: int) -> str:
    """The last lines of a text file, as a terminal would show them; empty where there is no such file.

    Of a line that was overwritten again and again (a progress bar), what it said last.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    found = text.replace("\r\n", "\n").split("\n")
    if size > _TAIL:
        found = found[1:]  # begins somewhere in a line
    while found and not found[-1].strip():
        found.pop()
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in found[max(len(found) - lines, 0) :]]
    return "\n".join(shown)
