"""Many photos, one after the other: which files, under which names, and a report with a row for each.

for row in colorize_files(colorizer, find_files(["album/"], out), out):
    print(row.file, row.output, row.error)
"""

import csv
import logging
import os
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from colorizer import photo
from colorizer.errors import OptionError, PhotoError, RanginError
from colorizer.steering import Steering

if TYPE_CHECKING:  # PyTorch comes with a model; names and rows need none
    from colorizer.pipeline import Colorizer, Result

# The folder of suggestions in the output folder.
SUGGESTIONS = "suggestions"
# Bytes of a name before what is added to it; file systems take 255.
LONGEST_STEM = 240

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """What became of one file: a line of the report."""

    file: str
    output: str = ""
    """The file written, empty where there is none."""
    width: int | None = None
    height: int | None = None
    faces: int | None = None
    """How many were found. What was estimated about them is not reported."""
    ethnicity: str = ""
    """What the user chose for them."""
    seconds: float | None = None
    notes: str = ""
    error: str = ""
    """A sentence; empty where all went well."""


def find_files(inputs: Sequence[str | Path], leave_out: Sequence[Path] = ()) -> list[Path]:
    """The files that are meant: those named, and every regular file in the folders named and below them.

    Each once, folders in order of their names; what is hidden (its name starts with a dot) is left alone. Whether a
    file is a photo is not asked here, nor whether a name exists: reading it says so.

    Args:
        inputs: files and folders.
        leave_out: folders and files that are no input even if they lie in an input folder, such as the output.

    Raises:
        OptionError: an input folder is itself to be left out, or there is no file at all.
    """
    barred = [path.resolve() for path in leave_out]
    found: dict[Path, Path] = {}  # resolved: as named
    for name in map(Path, inputs):
        if os.path.isdir(name):  # unlike Path.is_dir, no error where a name is too long
            if name.resolve() in barred:
                raise OptionError(f"{name} is both input and output; choose another folder to write to.")
            inside = [file for file in _walk(name) if not _is_below(file.resolve(), barred)]
        else:
            inside = [name]
        for file in inside:
            found.setdefault(file.resolve(), file)
    if not found:
        raise OptionError(
            f"There is no file in {', '.join(map(str, inputs))}; name photos, or folders with photos."
        )
    return list(found.values())


def colorize_files(
    colorizer: "Colorizer",
    files: Iterable[Path],
    out: Path,
    ethnicity: str = "auto",
    vividness: float = 1.0,
    steering: Steering | None = None,
    suggestions: int = 0,
) -> Iterator[Row]:
    """Write `out`/<stem>.png for each file; a file that fails gets a row with its error, and the rest goes on.

    Two files of one stem, or a file in `out` that Rangin did not make, never overwrite each other: the later one
    is written as <stem>-2.png, and so on, and its row says so. Suggestions lie in a folder of their own, where no
    file's output can be, as `out`/suggestions/<stem>-1.png, and so on, with the stem of the file's output.

    Args:
        colorizer: the model.
        files: from `find_files`.
        out: an existing folder.
        ethnicity: "auto", "none", a group or a skin tone, for all faces.
        vividness, steering: as for `Colorizer.paint`; hints are in pixels of each photo.
        suggestions: how many other palettes to write for each, if the model has as many.
    """
    files = list(files)
    inputs = {file.resolve() for file in files}
    names, others = Names(out, inputs), Names(out / SUGGESTIONS, inputs)
    for file in files:
        start = time.perf_counter()
        try:
            result, found = paint(colorizer, file, ethnicity, vividness, steering, suggestions)
            target, notes = names.claim(file)
            photo.write(result.image, target, model=result.model)
            if suggestions:
                notes += _write_suggestions(found, suggestions, target, others)
        except Exception as error:  # noqa: BLE001  one photo must not cost the user the others; `failed` logs it
            yield failed(file, ethnicity, start, error)
        else:
            yield painted(file, target, result, notes, ethnicity, start)


def paint(
    colorizer: "Colorizer",
    file: Path,
    ethnicity: str,
    vividness: float,
    steering: Steering | None,
    suggestions: int,
) -> tuple["Result", list["Result"]]:
    """One file's colours, and as many suggestions as the model has; arguments as for `colorize_files`.

    Raises:
        RanginError: the file is no photo, or what is asked can't be done with this one.
    """
    portrait = colorizer.analyze(file)
    result = colorizer.paint(portrait, ethnicity, vividness, steering=steering)
    if not suggestions:
        return result, []
    return result, colorizer.suggest(portrait, ethnicity, vividness, steering, suggestions)


def painted(
    file: Path, target: Path, result: "Result", notes: Sequence[str], ethnicity: str, start: float
) -> Row:
    """The row of a file whose colours are in `target`; `start` is of time.perf_counter."""
    width, height = result.image.size
    all_notes = " ".join([*result.notes, *notes])
    return Row(str(file), str(target), width, height, len(result.faces), ethnicity, _since(start), all_notes)


def failed(file: Path, ethnicity: str, start: float, error: Exception) -> Row:
    """The row of a file that has no colours; what is a mistake of ours goes into the log with its traceback."""
    reason = str(error)
    if not isinstance(error, RanginError):
        log.error("%s", file, exc_info=error)
        reason = f"Rangin failed on this photo, which is a mistake in Rangin: {type(error).__name__}: {error}"
    return Row(str(file), ethnicity=ethnicity, seconds=_since(start), error=reason)


def said_of_suggestions(count: int, wanted: int) -> str:
    """The note on how many of `wanted` there are, and where."""
    if not count:
        return "There are no suggestions: the model is sure of its colours."
    fewer = "" if count == wanted else f", where {wanted} were asked for"
    return f"{count} suggestions in {SUGGESTIONS}{fewer}."


def _write_suggestions(results: Sequence["Result"], wanted: int, target: Path, names: "Names") -> list[str]:
    """Write other colours of one photo, whose own are in `target`, and say how many and where."""
    if results:
        make_folder(names.out)
    for number, result in enumerate(results, 1):
        path, _ = names.claim(Path(f"{target.stem}-{number}.png"))
        photo.write(result.image, path, model=result.model)
    return [said_of_suggestions(len(results), wanted)]


class Report:
    """A CSV of rows, written line by line, so that it is true also when the work is interrupted."""

    def __init__(self, path: Path) -> None:
        try:
            # A name that is no UTF-8 must not end the batch.
            self._file = path.open("w", encoding="utf-8", newline="", errors="backslashreplace")
        except OSError as error:
            raise OptionError(
                f"The report {path} can't be written ({error.strerror}); choose another place."
            ) from error
        self._writer = csv.DictWriter(self._file, [field.name for field in fields(Row)])
        self._writer.writeheader()

    def add(self, row: Row) -> None:
        """Write one row."""
        self._writer.writerow(asdict(row))
        self._file.flush()

    def __enter__(self) -> "Report":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def make_folder(path: Path) -> Path:
    """The folder, made if it is missing; OptionError where that can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(
            f"{path} can't be a folder to write to ({error.strerror}); choose another."
        ) from error
    return path


class Names:
    """Names in the output folder, each given once; none is a file that somebody else put there."""

    def __init__(self, out: Path, inputs: Iterable[Path], given: Iterable[str] = ()) -> None:
        """Args:
        out: the output folder.
        inputs: resolved; never written to.
        given: names that were given before.
        """
        self.out, self.inputs = out, {key(path) for path in inputs}
        self.given = {key(name) for name in given}
        self._last: dict[str, int] = {}  # of a stem: an archive may hold it in each of its thousand folders

    def claim(self, file: Path) -> tuple[Path, list[str]]:
        """A path for this file's output, and a note where it is not <stem>.png."""
        number = self._last.get(key(file.stem), 1)
        while not self._is_free(target := self._target(file.stem, number)):
            number += 1
        self.given.add(key(target.name))
        self._last[key(file.stem)] = number
        return target, renamed(file, target.name)

    def _target(self, stem: str, number: int) -> Path:
        while len(os.fsencode(stem)) > LONGEST_STEM:
            stem = stem[:-1]
        return self.out / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")

    def _is_free(self, target: Path) -> bool:
        if key(target.name) in self.given or key(target.resolve()) in self.inputs:
            return False
        return not os.path.lexists(target) or is_ours(target)


def renamed(file: Path, name: str) -> list[str]:
    """A note where a file's output has another name than <stem>.png."""
    if name == f"{file.stem}.png":
        return []
    if len(os.fsencode(file.stem)) > LONGEST_STEM:
        return [f"Written as {name}, because its name is too long."]
    return [f"Written as {name}, because {file.stem}.png was taken."]


def key(name: str | Path) -> str:
    """What two names share that some file systems don't tell apart: a.png and A.png, é as one sign or as two."""
    return unicodedata.normalize("NFC", str(name)).casefold()


def is_ours(file: Path) -> bool:
    """Whether a file carries Rangin's mark, so that a second run may replace it."""
    try:
        return file.is_file() and photo.provenance(file)["model"] is not None
    except PhotoError:
        return False


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files below a folder that are not hidden, sorted; links to folders are not followed."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(root, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _is_below(path: Path, barred: Sequence[Path]) -> bool:
    return any(path == one or one in path.parents for one in barred)


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 3)
