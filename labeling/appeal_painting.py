"""The studies' pictures, painted in a background thread: resumable at any moment, one model in memory at a time.

    studio = Studio(store, StudyFiles(folder), photos.path, lambda: desk.colorizer)
    studio.paint(study.id)
    studio.resume()                              # at the start: goes on with what a stopped server left
    studio.stop()

First every photo is read and searched for faces, then each model paints them all. What is in the table `paintings` is
on disk; whatever is not is painted when somebody asks again.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.engine import Row

from colorizer.errors import ModelError, PhotoError
from labeling import appeal
from labeling.appeal import FAILED, PAINTING, READY, SAMPLE, STOPPED, Study
from labeling.appeal_files import StudyFiles
from labeling.appeal_schema import paintings, pairs, studies, study_photos
from labeling.errors import LabelError
from labeling.ranking import TRUTH, WRONG
from labeling.store import Store

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer

log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """Somebody said stop."""


class Studio:
    """Paints studies, one after the other."""

    def __init__(
        self,
        store: Store,
        files: StudyFiles,
        find_photo: Callable[[str], Path],
        colorizer: Callable[[], "Colorizer"],
    ) -> None:
        """Args:
        files: where pictures go.
        find_photo: hash -> the photo's file.
        colorizer: gives the page's model.
        """
        self.store, self.files = store, files
        self.find_photo, self.colorizer = find_photo, colorizer
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()

    def paint(self, study: int) -> None:
        """Begin a study, or go on with one that was stopped or failed.

        Raises:
            LabelError: there is no such study, or it is painted already.
        """
        found = appeal.find(self.store, study)
        if found.state == READY:
            raise LabelError(f"The study {found.name!r} is painted already.")
        appeal.set_state(self.store, study, PAINTING, "")
        self.resume()

    def halt(self, study: int) -> None:
        """Stop painting a study behind the picture that is being painted; `paint` goes on with it."""
        with self.store.writing() as connection:
            is_painting = (studies.c.id == study) & (studies.c.state == PAINTING)
            connection.execute(studies.update().where(is_painting).values(state=STOPPED))

    def resume(self) -> None:
        """Paint whatever waits to be painted, in the background."""
        with self._lock:
            self._mend()
            if self._waiting() and (self._thread is None or not self._thread.is_alive()):
                self._is_stopping.clear()
                self._thread = threading.Thread(target=self._run, name="studies", daemon=True)
                self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End behind the picture that is being painted; studies stay waiting for the next start."""
        self._is_stopping.set()
        self.wait(timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Whether all is done, after so many seconds at most."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _waiting(self) -> list[int]:
        query = sa.select(studies.c.id).where(studies.c.state == PAINTING).order_by(studies.c.id)
        with self.store.reading() as connection:
            return list(connection.scalars(query))

    def _mend(self) -> None:
        """Let studies be painted again whose pictures are missing, as after a move to another disk."""
        query = (
            sa.select(studies.c.id, studies.c.contestants, paintings.c.contestant, paintings.c.file)
            .select_from(studies.join(paintings).join(study_photos, study_photos.c.id == paintings.c.photo))
            .where(studies.c.state == READY, study_photos.c.problem == "")
        )
        with self.store.reading() as connection:
            rows = connection.execute(query).all()
        missing = {
            row.id
            for row in rows
            if row.contestant in (*row.contestants, TRUTH, WRONG) and not self.files.has(row.id, row.file)
        }
        for study in missing:
            appeal.set_state(self.store, study, PAINTING)

    def _run(self) -> None:
        elsewhere: set[int] = set()  # another process paints these
        while True:
            with self._lock:
                waiting = [study for study in self._waiting() if study not in elsewhere]
                if not waiting or self._is_stopping.is_set():
                    self._thread = None
                    return
            study = waiting[0]
            try:
                with FileLock(self.files.make(study) / ".lock", timeout=0):
                    self._paint(appeal.find(self.store, study))
            except Timeout:
                elsewhere.add(study)
            except _StoppedError:
                continue
            except (LabelError, ModelError, PhotoError) as error:
                appeal.set_state(self.store, study, FAILED, str(error))
            except Exception:  # a study that breaks must not end all others
                log.exception("Study %s could not be painted.", study)
                appeal.set_state(
                    self.store,
                    study,
                    FAILED,
                    "It broke off by a fault of Rangin's; the server's log says more.",
                )

    def _paint(self, study: Study) -> None:
        colorizer = self.colorizer()
        self._look(study, colorizer)
        photos = [photo for photo in self._photos(study) if not photo.problem]
        if not photos:
            raise LabelError("None of the photos can be shown; each says why.")
        left_out = []
        for model in study.models:
            try:
                self._paint_by(study, model, photos, colorizer)
            except ModelError as error:
                left_out.append(f"{model} was left out. {error}")
        self._finish(study, photos, left_out)

    def _look(self, study: Study, colorizer: "Colorizer") -> None:
        """Read each photo, search it for faces, and decide whether its own colours are the true ones."""
        from labeling import appeal_pictures

        painted = self._painted(study)
        for photo in self._photos(study):
            has_truth = not photo.has_truth or (photo.id, TRUTH) in painted
            is_known = photo.faces is not None and self.files.has_original(study.id, photo.id) and has_truth
            if photo.problem or is_known:
                continue
            self._go_on(study)
            try:
                rgb, source = self._read(photo.origin)
            except (LabelError, PhotoError) as error:
                self._note(photo.id, problem=str(error))
                continue
            rgb = appeal_pictures.reduced(rgb)
            no_truth = appeal_pictures.why_no_truth(rgb, source)
            if no_truth and len(study.models) == 1:
                self._note(photo.id, problem=f"{no_truth} So there is no truth to compare with.")
                continue
            self.files.keep_original(study.id, photo.id, rgb)
            if not no_truth:
                self._add(study, photo, TRUTH, appeal_pictures.encoded(rgb, None))
            faces = colorizer.analyze(rgb).faces
            self._note(photo.id, faces=[asdict(face) for face in faces], has_truth=not no_truth)

    def _paint_by(self, study: Study, model: str, photos: Sequence[Row[Any]], colorizer: "Colorizer") -> None:
        """All photos by one model, which is let go when this returns."""
        from labeling import appeal_pictures

        done = {photo for photo, contestant in self._painted(study) if contestant == model}
        waiting = [photo for photo in photos if photo.id not in done]
        if not waiting:
            return
        self._go_on(study)
        painter = colorizer if model == colorizer.name else colorizer.other(model)
        for photo in waiting:
            self._go_on(study)
            image = painter.paint(self.files.portrait(study.id, photo.id, photo.faces)).image
            self._add(study, photo, model, appeal_pictures.encoded(np.asarray(image), model))

    def _finish(self, study: Study, photos: Sequence[Row[Any]], left_out: Sequence[str]) -> None:
        """Make the wrong ones and the pairs; from now on there is something to vote on."""
        from colorizer.photo import read
        from labeling import appeal_pictures

        files = self._painted(study)
        shown = [name for name in study.contestants if any((photo.id, name) in files for photo in photos)]
        if len(shown) < 2:
            raise LabelError(" ".join(["There is nothing to compare.", *left_out]))
        rows = []
        for photo in photos:
            there = [name for name in shown if (photo.id, name) in files]
            if len(there) < 2:
                self._note(photo.id, problem="Only one of the contestants could paint it.")
                continue
            sound = TRUTH if TRUTH in there or (photo.id, TRUTH) in files else there[0]
            if (photo.id, WRONG) not in files:
                self._go_on(study)
                rgb = read(self.files.path(study.id, files[photo.id, sound])).rgb
                self._add(
                    study, photo, WRONG, appeal_pictures.encoded(appeal_pictures.wrong_colours(rgb), WRONG)
                )
            for first, second in [*combinations(there, 2), (sound, WRONG)]:
                rows.append(
                    {
                        "token": secrets.token_hex(16),
                        "study": study.id,
                        "photo": photo.id,
                        "first": first,
                        "second": second,
                        "is_catch": second == WRONG,
                    }
                )
        if not rows:
            raise LabelError("None of the photos has two contestants to compare; each says why.")
        ready = {"state": READY, "message": " ".join(left_out), "contestants": shown}
        with self.store.writing() as connection:
            for row in rows:  # a study that is painted once more keeps its pairs, and the votes on them
                connection.execute(self.store.upsert(pairs, [row], ["photo", "first", "second"], []))
            # Whoever stopped it meanwhile is late: all is painted.
            connection.execute(studies.update().where(studies.c.id == study.id).values(ready))

    def _read(self, origin: str) -> tuple[np.ndarray, Path | None]:
        """(H, W, 3) uint8, and the file that may tell who made its colours."""
        from colorizer import photo, samples

        if origin.startswith(SAMPLE):
            return photo.from_image(samples.originals()[origin.removeprefix(SAMPLE)]).rgb, None
        path = self.find_photo(origin)
        return photo.read(path).rgb, path

    def _photos(self, study: Study) -> Sequence[Row[Any]]:
        query = sa.select(study_photos).where(study_photos.c.study == study.id).order_by(study_photos.c.id)
        with self.store.reading() as connection:
            return connection.execute(query).all()

    def _painted(self, study: Study) -> dict[tuple[int, str], str]:
        """(photo, contestant) -> file, of those that are there."""
        query = sa.select(paintings).where(paintings.c.study == study.id)
        with self.store.reading() as connection:
            rows = connection.execute(query).all()
        return {(row.photo, row.contestant): row.file for row in rows if self.files.has(study.id, row.file)}

    def _add(self, study: Study, photo: Row[Any], contestant: str, jpeg: bytes) -> None:
        """Keep a picture: first the file, then the word that it is there."""
        row = {
            "study": study.id,
            "photo": photo.id,
            "contestant": contestant,
            "file": self.files.keep(study.id, jpeg),
            "at": self.store.clock(),
        }
        with self.store.writing() as connection:
            connection.execute(self.store.upsert(paintings, [row], ["photo", "contestant"], ["file", "at"]))

    def _note(self, photo: int, **values: Any) -> None:
        with self.store.writing() as connection:
            connection.execute(study_photos.update().where(study_photos.c.id == photo).values(values))

    def _go_on(self, study: Study) -> None:
        """Raises _StoppedError where the server ends, or an owner stopped the study."""
        if self._is_stopping.is_set() or appeal.find(self.store, study.id).state != PAINTING:
            raise _StoppedError
