"""Files and folders compared: which true photo belongs to which, and so few photos in memory at a time as will do.

for compared in compare_files(colorizer, files, ["default", "unet"], find_truths(files, Path("originals"))):
    print(compared.name, compared.error)
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colorizer.batch import find_files
from colorizer.comparison import Comparison, compare, true_photo
from colorizer.errors import OptionError, PhotoError

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer, Portrait

# Photos and truths that are held decoded at the same time; each model is loaded once for so many. 7 bytes a pixel.
GROUP_MEGAPIXELS = 60.0
# Without the file's path and what is wrong with it: who was asked to compare is told, who gets the sheet needn't know.
NOT_MEASURED = "The true photo could not be used, so this photo has no figures."


@dataclass(frozen=True)
class Compared:
    """What became of one file."""

    file: Path
    name: str
    """The file's name, with as many of its folders as tell it from the others."""
    comparison: Comparison | None
    """None where the photo could not be read."""
    error: str = ""
    """A sentence: the photo could not be read, or was painted but not measured since its truth could not be."""


def compare_files(
    colorizer: "Colorizer",
    files: Sequence[Path],
    models: Sequence[str],
    truths: Mapping[Path, Path] | None = None,
    ethnicity: str = "auto",
    vividness: float = 1.0,
    longest: int | None = None,
    progress: Callable[[str, float], object] | None = None,
) -> Iterator[Compared]:
    """Compare every file; one that can't be read says so, and the rest goes on.

    Args:
        colorizer: as for `comparison.compare`, as are `models`, `ethnicity`, `vividness` and `longest`.
        files: from `batch.find_files`.
        truths: the true photo's file of each that has one, from `find_truths`.
        progress: told of each file that is read and each model that paints, with the share that is done.

    Raises:
        ModelError: none of the models could paint.
    """
    names = dict(zip(files, short_names(files), strict=True))
    waiting: list[_Read] = []
    held = 0.0

    def paint_waiting(done: int) -> Iterator[Compared]:
        def tell(model: str, share: float) -> None:
            if progress is not None and model != "done":
                progress(model, (done - len(waiting) * (1 - share)) / len(files))

        portraits = [(names[one.file], one.portrait) for one in waiting]
        known = [one.truth for one in waiting]
        compared = compare(colorizer, portraits, models, known, ethnicity, vividness, tell, longest)
        for one, comparison in zip(waiting, compared, strict=True):
            notes = (*comparison.notes, NOT_MEASURED) if one.error else comparison.notes
            yield Compared(one.file, names[one.file], replace(comparison, notes=notes), one.error)

    for done, file in enumerate(files):
        if progress is not None:
            progress(names[file], (done - len(waiting)) / len(files))
        try:
            one = _read(colorizer, file, (truths or {}).get(file))
        except PhotoError as error:
            yield Compared(file, names[file], None, str(error))
            continue
        waiting.append(one)
        held += one.megapixels
        if held >= GROUP_MEGAPIXELS:
            yield from paint_waiting(done + 1)
            waiting, held = [], 0.0
    if waiting:
        yield from paint_waiting(len(files))


def find_truths(files: Sequence[Path], truth: Path) -> dict[Path, Path]:
    """Which true photo belongs to which file.

    Args:
        files: the photos to colour.
        truth: the one photo's truth; or a folder with a truth for each under the same file name, with whatever
            suffix. Where several have that name, the one in the folders most alike.

    Raises:
        OptionError: one truth for several photos, or a folder with none for any of them.
    """
    if not os.path.isdir(truth):
        if len(files) > 1:
            raise OptionError(
                f"--truth {truth} is one photo's, and there are {len(files)}; name a folder that has the true photos "
                "under the same file names, or compare that photo alone."
            )
        return {files[0]: truth}
    known: dict[str, list[Path]] = {}
    for candidate in find_files([truth]):
        known.setdefault(_key(candidate.stem), []).append(candidate)
    found = {
        file: max(known[_key(file.stem)], key=lambda one: _likeness(one, file))
        for file in files
        if _key(file.stem) in known
    }
    if not found:
        raise OptionError(
            f"The folder {truth} has no true photo for any of the {len(files)} photos; they must have the same names."
        )
    return found


def short_names(files: Sequence[Path]) -> list[str]:
    """Each file's name, and of those that share it as many folders as tell them apart."""
    names = [file.name for file in files]
    for parts in range(2, max((len(file.parts) for file in files), default=0) + 1):
        count = Counter(names)
        names = [
            name if count[name] == 1 else str(Path(*file.parts[-parts:]))
            for file, name in zip(files, names, strict=True)
        ]
    return names


@dataclass(frozen=True)
class _Read:
    """A photo that waits to be painted."""

    file: Path
    portrait: "Portrait"
    truth: np.ndarray | None
    error: str

    @property
    def megapixels(self) -> float:
        truth = 0 if self.truth is None else self.truth.size / 3
        return (self.portrait.lightness.size + truth) / 1e6


def _read(colorizer: "Colorizer", file: Path, truth: Path | None) -> _Read:
    portrait = colorizer.analyze(file)
    try:
        true = None if truth is None else true_photo(truth, portrait, f"The true photo {truth}")
    except PhotoError as error:
        return _Read(file, portrait, None, str(error))
    return _Read(file, portrait, true, "")


def _key(stem: str) -> str:
    """What two names share that some file systems don't tell apart."""
    return unicodedata.normalize("NFC", stem).casefold()


def _likeness(one: Path, other: Path) -> tuple[bool, int]:
    """Whether two paths have the very same name, then how many of their folders, counted from the end, are alike."""
    alike = 0
    for mine, theirs in zip(reversed(one.parent.parts), reversed(other.parent.parts), strict=False):
        if mine != theirs:
            break
        alike += 1
    return one.name == other.name, alike
