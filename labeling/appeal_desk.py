"""What the section "Which looks more real?" asks for. Knows no gradio.

Of a trial a voter gets a token and two JPEGs, in that order on the page; nothing in the answer says what they show,
which side is which, or whether it is a catch trial. Owners set studies up, and see the results.
"""

import base64
import os
import re
import secrets
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labeling import appeal, appeal_export, appeal_voting, batches, view_appeal
from labeling.access import Person, Role
from labeling.appeal import FAILED, PAINTING, READY, STOPPED, Study
from labeling.appeal_files import StudyFiles
from labeling.appeal_painting import Studio
from labeling.appeal_voting import Standing, Trial
from labeling.desk import store_id
from labeling.errors import LabelError
from labeling.office import Office
from labeling.ranking import TRUTH

AHEAD = 3
"""Trials that the page has loaded before they are needed; two pictures each, some 300 kB."""
SAMPLES = ""
"""Stands for the example photos where a batch is chosen."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """What a new study may be made of."""

    batches: tuple[tuple[str, str], ...]
    """Label and value."""
    contestants: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shown:
    """One study as its owner sees it."""

    html: str
    is_painting: bool
    can_go_on: bool
    can_close: bool
    is_closed: bool
    has_votes: bool


class AppealDesk:
    """Requests of voters and owners."""

    def __init__(self, office: Office) -> None:
        self.office, self.store = office, office.store
        self.files = StudyFiles(office.settings.labels_folder / "studies")
        self.studio = Studio(office.store, self.files, office.photos.path, office.colorizer)
        # At the latest when the server ends: a thread that paints while Python ends may bring it down.
        weakref.finalize(self, self.studio.stop)

    # ---- voters

    def open(self, person: Person) -> Answer:
        """Who one is here, and the studies that take votes, each with how far one is."""
        answer: Answer = {
            "who": person.name,
            "sentence": self.office.access.explain(person),
            "may_vote": False,
        }
        if not person.can(Role.ANNOTATOR):
            return answer
        there = [study for study in appeal.all_studies(self.store) if study.is_open]
        return {
            **answer,
            "may_vote": True,
            "store": f"{store_id(self.office)}-votes",
            "ahead": AHEAD,
            "studies": [
                {
                    "id": study.id,
                    "name": study.name,
                    **_standing(appeal_voting.standing(self.store, person.name, study.id)),
                }
                for study in there
            ],
        }

    def next(
        self, person: Person, study: int, count: int = AHEAD, holding: list[str] | None = None
    ) -> Answer:
        """The next trials with their pictures."""
        study = _known(study)
        coming, standing = appeal_voting.trials(self.store, person.name, study, count, holding or [])
        return {"trials": [self._shown(study, trial) for trial in coming], **_standing(standing)}

    def vote(
        self, person: Person, token: str, choice: str, key: str, seconds: float = 0.0, via: str = "http"
    ) -> Answer:
        """Save what one chose."""
        # The command line's votes have a way of their own; a caller can't pass for it.
        way = "page" if via == "page" else "http"
        saved = appeal_voting.vote(self.store, key, person.name, token, choice, seconds, way)
        standing = appeal_voting.standing(self.store, person.name, saved.study)
        return {"saved": True, "is_repeat": saved.is_repeat, **_standing(standing)}

    def undo(self, person: Person, study: int, key: str, with_pictures: bool = True) -> Answer:
        """Take one's last vote back; the trial is open again."""
        study = _known(study)
        trial = appeal_voting.undo(self.store, key, person.name, study)
        standing = appeal_voting.standing(self.store, person.name, study)
        shown = None
        if trial is not None:
            shown = self._shown(study, trial) if with_pictures else {"token": trial.token}
        return {"undone": shown, **_standing(standing)}

    def _shown(self, study: int, trial: Trial) -> Answer:
        return {
            "token": trial.token,
            "left": _data(self.files.shown(study, trial.left_file)),
            "right": _data(self.files.shown(study, trial.right_file)),
        }

    # ---- owners

    def studies(self) -> list[tuple[str, int]]:
        """Label and number of each, newest first."""
        return [(view_appeal.label(study), study.id) for study in appeal.all_studies(self.store)]

    def offer(self) -> Offer:
        """What there is at this moment; waits for the page's model where it is still being loaded.

        Raises:
            ModelError: the page's model is missing or damaged.
        """
        from colorizer import catalog

        own = self.office.colorizer().name
        names = [own, *(name for name in catalog.colorizers() if name != own)]
        return Offer(
            (
                ("Example photos (two in colour)", SAMPLES),
                *((one.name, one.name) for one in batches.batches(self.store)),
            ),
            (("The photo itself, where it is in colour", TRUTH), *((name, name) for name in names)),
        )

    def create(
        self, person: Person, name: str, batch: str, photos: float, contestants: Sequence[str]
    ) -> Study:
        """Set up a study and begin to paint it.

        Raises:
            LabelError, ModelError, OptionError: as `appeal.create`.
        """
        whole = int(photos) if photos is not None and float(photos).is_integer() else 0
        study = appeal.create(
            self.store, person.name, name, contestants, self.office.colorizer().name, batch or None, whole
        )
        self.studio.paint(study.id)
        return study

    def close(self, person: Person, study: int, is_closed: bool) -> None:
        """Close a study to further votes, or open it again."""
        appeal.set_closed(self.store, person.name, study, is_closed)

    def show(self, study: int | None, leave_out: bool = True) -> Shown:
        """One study, or that there is none yet."""
        if study is None:
            return Shown(view_appeal.EMPTY, False, False, False, False, False)
        found, progress = appeal.find(self.store, study), appeal.progress(self.store, study)
        html = view_appeal.summary(found, progress)
        if progress.votes:
            html += view_appeal.results(found, appeal.results(self.store, study, leave_out), leave_out)
        return Shown(
            html,
            is_painting=found.state == PAINTING,
            can_go_on=found.state in (STOPPED, FAILED),
            can_close=found.state == READY,
            is_closed=found.closed_at is not None,
            has_votes=progress.votes > 0,
        )

    def download(self, study: int | None, leave_out: bool = True) -> tuple[Path, Path]:
        """The votes and the results as files.

        Raises:
            LabelError: no study is chosen.
        """
        if study is None:
            raise LabelError("Choose a study first.")
        found = appeal.find(self.store, study)
        # Where the page may serve from, in a folder whose name nobody guesses; it goes when the server ends.
        base = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
        folder = base / "labels" / secrets.token_hex(16)
        folder.mkdir(parents=True, mode=0o700)
        stem = re.sub(r"[^\w-]+", "-", found.name).strip("-") or "study"
        votes, results = folder / f"{stem}-votes.csv", folder / f"{stem}-results.csv"
        appeal_export.write_votes(self.store, study, votes, leave_out)
        appeal_export.write_results(self.store, study, results, leave_out)
        return votes, results


def _known(study: int) -> int:
    """A number that databases can hold; 0, which no study has, for any other."""
    return study if 0 < study < 2**31 else 0


def _data(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _standing(standing: Standing) -> Answer:
    return {"done": standing.done, "total": standing.total}
