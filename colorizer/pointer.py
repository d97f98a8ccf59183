"""Which model "default" is, where somebody has chosen another one than the package's: a name in models/default.txt.

    pointer.read(folder)                # "portraits-of-nepal", or "" where nothing was chosen
    pointer.write(folder, "portraits-of-nepal")

Whether there are sound weights of that name says `checkpoint.look_up`, which passes over a name that has none.
"""

import os
import secrets
from pathlib import Path

FILE = "default.txt"
_LONGEST = 200
_UNREADABLE = "\0"


def read(folder: Path) -> str:
    """The name that stands in a folder of weights, as it is written there; empty without the file.

    A file that can't be read, or is no text, gives what can be no model's name.
    """
    try:
        with (folder / FILE).open("rb") as file:
            return file.read(_LONGEST).decode("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return _UNREADABLE


def write(folder: Path, name: str) -> None:
    """Have "default" mean the weights of a name; an empty one is the package's own again.

    Raises:
        OSError: the folder can't be written; what was chosen before stays.
    """
    path = folder / FILE
    if not name:
        path.unlink(missing_ok=True)
        return
    part = folder / f".{FILE}.{secrets.token_hex(4)}.part"
    try:
        part.write_text(f"{name}\n", encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
