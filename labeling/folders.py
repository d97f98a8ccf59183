"""Folders of the server that photos may be taken from: those that its administrator named, and what is below them."""

import os
from collections.abc import Sequence
from pathlib import Path

from labeling.errors import AccessError, LabelError
from labeling.names import shown
from labeling.settings import LabelSettings


def roots(settings: LabelSettings) -> list[Path]:
    """The folders that RANGIN_PHOTO_FOLDERS names and that are there, their links followed."""
    named = [
        Path(part.strip()).expanduser() for part in settings.photo_folders.split(os.pathsep) if part.strip()
    ]
    return list(dict.fromkeys(folder.resolve() for folder in named if folder.is_dir()))


def allowed(path: Path | str, settings: LabelSettings) -> Path:
    """A path that may be read, its links followed; a relative one is looked for in each allowed folder.

    Raises:
        AccessError: it leads elsewhere, or isn't there: what is elsewhere is nobody's business.
    """
    inside = roots(settings)
    if not inside:
        raise AccessError(
            "Photos can't be taken from folders of this server; its administrator can allow some in "
            "RANGIN_PHOTO_FOLDERS."
        )
    try:
        for root in inside:
            found = (root / Path(path).expanduser()).resolve()
            if found.exists() and is_below(found, inside):
                return found
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a home that nobody has
        pass
    names = ", ".join(str(root) for root in inside)
    raise AccessError(
        f"{shown(str(path))} is not in a folder that photos may be taken from; those are {names}."
    )


def trusted(path: Path | str) -> Path:
    """Any path of this machine, its links followed.

    Raises:
        LabelError: it isn't there.
    """
    found = Path(path).expanduser().resolve()
    if not found.exists():
        raise LabelError(f"There is no {path}; check how it is written.")
    return found


def is_below(path: Path, inside: Sequence[Path]) -> bool:
    """Whether a resolved path is one of these, or in one of them."""
    return any(path.is_relative_to(root) for root in inside)


def files(folder: Path, inside: Sequence[Path] | None) -> list[tuple[str, Path | str]]:
    """The ordinary files of a folder and all below, sorted, without what is hidden.

    Args:
        folder: resolved.
        inside: where links may lead; None allows them everywhere. Links to folders are never followed.

    Returns:
        (path below the folder, the file with its links followed, or why it is refused).

    Raises:
        LabelError: it is no folder, or can't be read.
    """
    if not folder.is_dir():
        raise LabelError(f"{folder.name} is no folder; choose the folder that the photos lie in.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise LabelError(f"The folder {folder.name} can't be read; let Rangin read it.")
    found: list[tuple[str, Path | str]] = []
    for here, below, names in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            file = Path(here) / name
            if name.startswith("."):
                continue
            real = file.resolve()
            if inside is not None and not is_below(real, inside):
                found.append((_below(file, folder), "This is a link that leads out of the allowed folders."))
            elif real.is_file():
                found.append((_below(file, folder), real))
    return sorted(found)


def _below(file: Path, folder: Path) -> str:
    # Names that are no UTF-8 come with surrogates, which no database takes.
    return file.relative_to(folder).as_posix().encode(errors="replace").decode()
