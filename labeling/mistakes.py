"""What a training report says that the ethnicity classifier got wrong, and where the report's photos are.

    python -m train evaluate --models default --data photos --labels labels.csv --report reports/mine

writes reports/mine/ethnicity.csv, a row a photo a classifier: imageName, ethnicity (the label), classifier, estimated,
and a probability for each group; and summary.json, whose command says where the photos were.
"""

import csv
import json
import shlex
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from colorizer.groups import GROUPS
from colorizer.settings import ROOT, get_settings
from labeling import folders
from labeling.errors import LabelError

ESTIMATES, SUMMARY = "ethnicity.csv", "summary.json"
_COLUMNS = {"imageName", "ethnicity", "classifier", "estimated", *GROUPS}
_MOST_BYTES = 200_000_000  # of the CSV; a million rows have about 150 MB


@dataclass(frozen=True)
class Mistake:
    """A photo whose estimate was not its label."""

    name: str
    label: str
    estimate: str
    confidence: float
    """The estimate's probability."""


def read(report: Path) -> list[Mistake]:
    """The mistakes of a report, the surest first; of several classifiers those of the first one.

    Photos labelled with none of the six groups are left out: no estimate could have been right.

    Raises:
        LabelError: this is no such report, or it has no mistakes.
    """
    file = report / ESTIMATES if report.is_dir() else report
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise LabelError(f"{file.name} is too large for a report's table; choose the report's folder.")
        with file.open(encoding="utf-8-sig", newline="") as opened:
            found = _mistakes(csv.DictReader(opened), file)
    except OSError as error:
        raise LabelError(
            f"There is no {ESTIMATES} in {report.name}; choose a folder that `python -m train evaluate` wrote, with a "
            "model that estimates ethnicity."
        ) from error
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise LabelError(f"{file.name} is damaged ({error}); write the report again.") from error
    if not found:
        raise LabelError(
            "This report's classifier made no mistakes on photos with a label; choose another report."
        )
    return sorted(found, key=lambda mistake: (-mistake.confidence, mistake.name))


def pictures_of(report: Path) -> Path:
    """Where the report's photos were when it was written: the --data of its command, which says of a path outside
    Rangin's folder only the end.

    Raises:
        LabelError: it doesn't say, or they are no longer there.
    """
    ask = "say where its photos are"
    try:
        folder = report if report.is_dir() else report.parent
        about = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        words = shlex.split(about["command"])
        place = ROOT / Path(words[words.index("--data") + 1]).expanduser()
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError) as error:
        raise LabelError(f"The report doesn't tell which photos it is about; {ask}.") from error
    if not place.exists():
        raise LabelError(f"The report's photos are no longer at {place.name}; {ask}.")
    return place


def entries(
    found: Sequence[Mistake], place: Path, inside: Sequence[Path] | None
) -> Iterator[tuple[str, Path | bytes | str]]:
    """The photos of mistakes, in the order of the mistakes.

    Args:
        found: from `read`.
        place: folder that holds the photos, at any depth, or tars of them; or one tar.
        inside: where links may lead; None allows them everywhere.

    Yields:
        (name; its file, its bytes, or why there are none).

    Raises:
        LabelError: the place can't be read.
    """
    wanted = {mistake.name for mistake in found}
    places: dict[str, Path | str | tuple[tarfile.TarFile, tarfile.TarInfo]] = {}
    with ExitStack() as stack:
        listed = folders.files(place, inside) if place.is_dir() else [(place.name, place)]
        for path, file in listed:
            name = PurePosixPath(path).name
            if name in wanted:
                places.setdefault(name, file)
        for _, file in listed:
            if wanted - places.keys() and isinstance(file, Path) and file.suffix == ".tar":
                tar = stack.enter_context(_opened(file))
                for name, member in _members(tar, file):
                    if name in wanted:
                        places.setdefault(name, (tar, member))
        for mistake in found:
            there = places.get(mistake.name, "The report names this photo, and it is not among the pictures.")
            yield mistake.name, _content(*there) if isinstance(there, tuple) else there


def _mistakes(rows: "csv.DictReader[str]", file: Path) -> list[Mistake]:
    missing = _COLUMNS - set(rows.fieldnames or ())
    if missing:
        raise LabelError(
            f"{file.name} has no column {', '.join(sorted(missing))}; choose a report of `python -m train evaluate`."
        )
    found: dict[str, Mistake] = {}
    first = None
    for row in rows:
        first = first or row["classifier"]
        label, estimate, name = row["ethnicity"], row["estimated"], row["imageName"]
        if (
            row["classifier"] == first
            and label in GROUPS
            and estimate in GROUPS
            and label != estimate
            and name
        ):
            found.setdefault(name, Mistake(name, label, estimate, float(row[estimate])))
    return list(found.values())


def _opened(file: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(file, "r:")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise LabelError(f"The tar {file.name} is damaged or can't be read; get it again.") from error


def _members(tar: tarfile.TarFile, file: Path) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Ordinary members, under their names without folders."""
    try:
        for member in tar:
            if member.isreg():
                yield PurePosixPath(member.name).name, member
    except (tarfile.TarError, EOFError, OSError) as error:
        raise LabelError(f"The tar {file.name} is damaged or can't be read; get it again.") from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | str:
    try:
        opened = tar.extractfile(member)
        # One byte over the limit, so that whoever decodes it sees that it is too large.
        return opened.read(int(get_settings().max_file_mb * 1e6) + 1) if opened else b""
    except (tarfile.TarError, EOFError, OSError):
        return "This entry of the tar is damaged; get the tar again."
