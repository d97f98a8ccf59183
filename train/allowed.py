"""Paths that people name, kept inside the folders that jobs may use.

within("~/portraits/prepared", settings.dataset_folders, "The dataset")     # a Path, resolved, or OptionError
"""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from colorizer.errors import OptionError

LONGEST = 1000
_SHOWN = 120
_REFUSED = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of characters, ends of lines


def within(given: str | Path, folders: Sequence[Path], what: str = "The folder") -> Path:
    """The place a path leads to, which lies in one of `folders` after all links are followed; it may be missing.

    Args:
        given: absolute, from the home folder (``~/``), or relative to the first of `folders`.
        folders: the allowed ones; each counts as inside itself.
        what: the sentence's first words.

    Raises:
        OptionError: it leads elsewhere, or is no path.
    """
    text = os.fspath(given).strip()
    if not text or len(text) > LONGEST or any(unicodedata.category(letter) in _REFUSED for letter in text):
        raise OptionError(f"{what} needs a path of at most {LONGEST} letters, without line breaks.")
    try:
        place = (folders[0] / Path(text).expanduser()).resolve()
        roots = [folder.resolve() for folder in folders]
    except (OSError, RuntimeError, ValueError) as error:  # a link to itself, a home of nobody
        raise OptionError(f"{what} {_short(text)} is no path that can be followed.") from error
    if not any(place.is_relative_to(root) for root in roots):
        allowed = " or ".join(str(folder) for folder in folders)
        raise OptionError(
            f"{what} {_short(text)} lies outside the folders for jobs: put it into {allowed}, or name its folder in "
            "RANGIN_DATASETS."
        )
    return place


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
