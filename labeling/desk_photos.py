"""What the page's section "Photos" does: photos in, batches out. Knows no gradio."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from colorizer.settings import get_settings
from labeling import batches, folders, intake, looks, view_photos
from labeling.access import Person, Role
from labeling.batches import Batch
from labeling.errors import LabelError
from labeling.intake import Intake, Into, NewBatch
from labeling.intake_runs import IntakeRun, IntakeRuns
from labeling.names import clean_batch
from labeling.office import Office
from labeling.progress import progress
from labeling.view_parts import counted, said
from labeling.view_photos import Overview

NEW = "new"
"""Stands for a batch that is made with the photos."""
KINDS = {
    "files": "Files or a ZIP",
    "folder": "A folder on the server",
    "mistakes": "What the model got wrong",
}
QUICK_SECONDS = 0.4
"""So long the page waits for an intake before it shows a progress bar; few photos and most errors need no longer."""


@dataclass(frozen=True)
class Notes:
    """What a form says of a batch."""

    name: str
    source: str
    licence: str
    consent: str
    judgements: float | None = 1

    @property
    def wanted(self) -> int:
        """Judgements of each photo.

        Raises:
            LabelError: it is no whole number.
        """
        if self.judgements is None or self.judgements != int(self.judgements):
            raise LabelError("Say by how many people each photo is to be labelled, as a whole number from 1.")
        return int(self.judgements)


@dataclass(frozen=True)
class Listing:
    """The section as one person sees it."""

    batches: tuple[Batch, ...]
    """Empty for who may not see them."""
    html: str
    explained: str
    may_change: bool
    is_surveying: bool
    """Whether faces are still being looked for."""


@dataclass(frozen=True)
class Standing:
    """A person's intake, as HTML."""

    progress: str = ""
    status: str = ""
    refused: str = ""
    problem: str = ""
    is_working: bool = False
    is_stopping: bool = False
    batch: Batch | None = None
    """Into which photos came, once it is over."""


class PhotosDesk:
    """The section's work for everybody at the page."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.runs = IntakeRuns()

    def listing(self, person: Person) -> Listing:
        """Explanation, batches, and what this person may do about them."""
        if not person.can(Role.ANNOTATOR):
            return Listing((), "", said(self.office.access.explain(person)), False, False)
        overviews = self.overviews(person)
        may_change = person.can(Role.OWNER)
        return Listing(
            tuple(overview.batch for overview in overviews),
            view_photos.batches(overviews, person.name),
            "" if may_change else said("Only owners of the project add photos or change batches."),
            may_change,
            any(overview.surveyed < overview.photos.total for overview in overviews),
        )

    def overviews(self, person: Person) -> list[Overview]:
        """Every batch with its progress, oldest first."""
        store = self.office.store
        return [
            Overview(
                batch,
                progress(store, batch.id, person.name),
                progress(store, batch.id, person.name, by_face=True),
                looks.survey_progress(store, batch.id)[0],
            )
            for batch in batches.batches(store)
        ]

    def kinds(self) -> tuple[str, ...]:
        """Which of KINDS this server offers: without folders that its administrator allowed, files alone."""
        return tuple(KINDS) if self.folders() else ("files",)

    def folders(self) -> list[str]:
        """The folders of the server that photos may come from."""
        return [str(folder) for folder in folders.roots(self.office.settings)]

    def limits(self) -> str:
        """What is taken, as HTML."""
        settings = self.office.settings
        return view_photos.limits(
            get_settings().max_file_mb,
            settings.max_archive_mb,
            settings.max_unpacked_mb,
            settings.max_archive_files,
            has_folders=bool(self.folders()),
        )

    def start(
        self,
        person: Person,
        kind: str,
        files: Sequence[tuple[str, str]],
        folder: str,
        report: str,
        pictures: str,
        batch: str,
        notes: Notes,
    ) -> None:
        """Begin to take photos, in the background; `standing` says how far that is.

        Args:
            kind: of KINDS.
            files: path on the server and original name of each uploaded file, for "files".
            folder: on the server, for "folder".
            report, pictures: folders on the server, for "mistakes"; `pictures` may be empty.
            batch: a number, as the page's menu sends it, or NEW.
            notes: of a new batch.

        Raises:
            LabelError: something is missing, or this person's last photos are still coming in.
        """
        office, into = self.office, self._into(batch, notes)
        takes: dict[str, tuple[str, Callable[[IntakeRun], Intake]]] = {
            "files": (
                files[0][1] if len(files) == 1 else counted(len(files), "file"),
                lambda run: intake.take_files(
                    office, person.name, into, list(files), run.advance, run.is_cancelled
                ),
            ),
            "folder": (
                folder,
                lambda run: intake.take_folder(
                    office, person.name, into, folder.strip(), run.advance, run.is_cancelled
                ),
            ),
            "mistakes": (
                report,
                lambda run: intake.take_mistakes(
                    office,
                    person.name,
                    into,
                    report.strip(),
                    pictures.strip() or None,
                    run.advance,
                    run.is_cancelled,
                ),
            ),
        }
        missing = {
            "files": ("Choose photos or a ZIP of photos first.", files),
            "folder": ("Choose the folder that the photos lie in.", folder.strip()),
            "mistakes": ("Say in which folder the report lies.", report.strip()),
        }
        if kind not in takes:
            raise LabelError(f"Photos come from {', '.join(takes)}; choose one.")
        sentence, given = missing[kind]
        if not given:
            raise LabelError(sentence)
        what, act = takes[kind]
        self.runs.start(person.name, what, act).wait(QUICK_SECONDS)

    def standing(self, person: Person) -> Standing:
        """How far this person's intake is, or what came of it."""
        run = self.runs.of(person.name) if person.name else None
        if run is None:
            return Standing()
        state = run.state
        if not state.is_over:
            return Standing(
                progress=view_photos.coming_in(state), is_working=True, is_stopping=state.is_cancelled
            )
        return Standing(
            status=view_photos.came_in(state) if state.intake else "",
            refused=view_photos.not_taken(state),
            problem=said(state.problem),
            batch=state.intake.batch if state.intake else None,
        )

    def cancel(self, person: Person) -> None:
        """Take no further photo of this person's intake; those that are in stay."""
        run = self.runs.of(person.name)
        if run is not None:
            run.cancel()
            run.wait(QUICK_SECONDS)

    def find(self, batch: str | None) -> Batch:
        """A batch as the page's menu sends it.

        Raises:
            LabelError: none was chosen, or it isn't there.
        """
        if batch is None or not str(batch).isdecimal():
            raise LabelError("Choose a batch.")
        return batches.find(self.office.store, int(batch))

    def edit(self, person: Person, batch: str | None, notes: Notes, is_closed: bool) -> str:
        """Change a batch; a sentence that says so.

        Raises:
            LabelError: there is no such batch, or a note is missing.
        """
        old = self.find(batch)
        new = batches.edit(
            self.office.store,
            person.name,
            old.id,
            judgements=notes.wanted,
            is_closed=is_closed,
            source=notes.source,
            licence=notes.licence,
            consent=notes.consent,
        )
        return (
            f"{new.name} was not changed." if new == old else f"{new.name} is changed; the history says how."
        )

    def _into(self, batch: str, notes: Notes) -> Into:
        """Where photos go. What a new batch lacks is said before any file is opened.

        Raises:
            LabelError: there is no such batch, or a new one can't be made of these notes.
        """
        if batch != NEW:
            return self.find(batch).id
        name = clean_batch(notes.name)
        if any(one.name == name for one in batches.batches(self.office.store)):
            raise LabelError(f"There is a batch {name} already; choose it above, or another name.")
        for note, what in (
            (notes.source, "where the photos come from"),
            (notes.licence, "under which licence they may be used"),
            (notes.consent, "how the people in them agreed, or why that is not needed"),
        ):
            if not note.strip():
                raise LabelError(f"Say {what}: whoever trains on these photos has to answer for it.")
        return NewBatch(name, notes.source, notes.licence, notes.consent, notes.wanted)
