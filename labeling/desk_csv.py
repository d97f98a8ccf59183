"""What the page does about CSVs and datasets of a project. Knows no gradio."""

import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from colorizer.files import work_folder
from labeling import batches, dataset, export, exporter, importing, view_csv, vocabulary
from labeling.access import Person
from labeling.errors import LabelError
from labeling.names import clean_line
from labeling.office import Office

ALL = "all"
"""Stands for every batch."""
NAME_LENGTH = 60
UNITS = {"photo": "a photo", "face": "a face"}
PICTURES = {
    "photo": "photos, whole",
    "face": "faces, each with its own label",
    "cut": "the one face of each labelled photo",
}
"""What a dataset's pictures may be; the last two are framed as the ethnicity classifier sees faces."""
COLUMNS = {
    "annotator": "who said so",
    "time": "when",
    "judgements": "every judgement, not what they come to",
}
"""What a CSV may hold besides."""


@dataclass(frozen=True)
class Offer:
    """What there is to choose from: (words, value)."""

    batches: tuple[tuple[str, str], ...]
    """ALL comes first."""
    labels: tuple[tuple[str, str], ...]
    """Without "unsure", which never goes into a dataset."""
    files: str
    """The CSVs that are kept on the server, as HTML."""


@dataclass(frozen=True)
class Made:
    """A CSV to download."""

    path: Path
    html: str
    """What is in it, and what is not."""


@dataclass(frozen=True)
class Taken:
    """What came of an import."""

    sentence: str
    refused: str
    """Rows that did not go in, as HTML."""


class CsvDesk:
    """The work for everybody at the page."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def offer(self) -> Offer:
        """Batches and labels as they are now."""
        store = self.office.store
        labels = [label for label in vocabulary.labels(store) if not label.is_unsure]
        return Offer(
            (("All batches", ALL), *((batch.name, str(batch.id)) for batch in batches.batches(store))),
            tuple((label.name, label.name) for label in labels),
            view_csv.kept(self.kept(), self.office.exporter.folder),
        )

    def kept(self) -> list[tuple[str, float]]:
        """Names of the CSVs on the server, and when each was written; seconds since 1970, UTC."""
        folder, found = self.office.exporter.folder, []
        for batch_files in exporter.names(batches.batches(self.office.store)).values():
            found += [
                (name, (folder / name).stat().st_mtime) for name in batch_files if (folder / name).is_file()
            ]
        return found

    def csv_name(self, batch: str, by_face: bool) -> str:
        """The name of a batch's CSV on the server."""
        every = batches.batches(self.office.store)
        number = next(one.id for one in every if one.name == batch)
        return exporter.names(every)[number][by_face]

    def export(self, batch: str, unit: str, columns: Sequence[str]) -> Made:
        """Write a CSV to download.

        Args:
            batch: a number, as the page's menu sends it, or ALL.
            unit: of UNITS.
            columns: of COLUMNS.

        Raises:
            LabelError: there is no such batch, or the file can't be written.
        """
        chosen = None if batch == ALL else batches.find(self.office.store, batch_number(batch))
        what = export.What(
            batch=chosen.id if chosen else None,
            by_face=unit == "face",
            all_judgements="judgements" in columns,
            annotator="annotator" in columns,
            time="time" in columns,
        )
        stem = exporter.slug(chosen.name) if chosen else "labels"
        # In a folder of its own, whose name nobody guesses, among the page's files, which are cleared after a while.
        base = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
        path = work_folder(base, secrets.token_hex(16)) / f"{stem}{'-faces' if what.by_face else ''}.csv"
        exported = export.write(
            self.office.store, path, what, locks=self.office.settings.labels_folder / "locks"
        )
        return Made(path, view_csv.exported(exported, what))

    def take(self, person: Person, files: Sequence[tuple[str, str]], batch: str) -> Taken:
        """Import a labels CSV.

        Args:
            person: whose judgements rows without an annotator are.
            files: path on the server and original name of the CSV.
            batch: in which its names are looked for; a number, as the page's menu sends it, or ALL.

        Raises:
            LabelError: there is none, or it can't be read.
        """
        if not files:
            raise LabelError("Choose a labels CSV first.")
        chosen = None if batch == ALL else batch_number(batch)
        imported = importing.import_csv(self.office.store, Path(files[0][0]), person.name, chosen)
        return Taken(view_csv.imported(imported), view_csv.refused_rows(imported))

    def make_dataset(
        self,
        name: str,
        pictures: str,
        chosen: Sequence[str],
        left_out: Sequence[str],
        advance: Callable[[int, int], None] = lambda done, total: None,
    ) -> str:
        """Make a dataset on the server; what is in it and what to run next, as HTML.

        Args:
            name: of its folder, below `datasets` in the labels' folder; an older one of that name is replaced.
            pictures: of PICTURES.
            chosen: numbers of batches, as the page's list sends them.
            left_out: labels besides "unsure" that don't go in.
            advance: told how many pictures are written, of how many.

        Raises:
            LabelError: no batch was chosen, nothing is labelled in them, or the folder can't be made.
        """
        if not chosen:
            raise LabelError("Choose at least one batch.")
        folder = self.office.settings.labels_folder / "datasets"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise LabelError(f"The folder {folder} can't be made ({error.strerror}).") from error
        wanted = dataset.Wanted(
            batches=[batch_number(number) for number in chosen],
            by_face=pictures == "face",
            cut_faces=pictures == "cut",
            leave_out=tuple(left_out),
        )
        place = folder / exporter.slug(clean_line(name, "The folder's name", NAME_LENGTH))
        return view_csv.dataset(
            dataset.make(self.office.store, self.office.photos, place, wanted, advance=advance)
        )


def batch_number(text: str | None) -> int:
    """A batch as menus send it.

    Raises:
        LabelError: none was chosen.
    """
    if text is None or not str(text).isdecimal():
        raise LabelError("Choose a batch.")
    return int(text)
