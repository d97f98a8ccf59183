"""What the Colorize page does between its widgets: open a photo, repaint it, measure it. Knows no gradio.

desk = Desk(folder)                                     # files for the browser are written below `folder`
shown = desk.open("grandmother.jpg")                    # before, after, boxes, a card a face
desk.repaint(shown.key, ["Indian"], vividness=1.2)      # no face is looked for again
"""

import logging
import secrets
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from colorizer import view
from colorizer.desk_work import Shown, Work
from colorizer.errors import ModelError, PhotoError
from colorizer.files import sweep_works, work_folder
from colorizer.settings import Settings, get_settings
from colorizer.shelf import Shelf

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer, Portrait
    from colorizer.stages import Progress

# The longer side at which the true photo is kept to be looked at; pixels.
TRUTH_SIDE = 640
# A browser may still be loading the last result while the next one is written.
RESULTS_KEPT = 2


class Desk:
    """One model, loaded once, and the photos that visitors are working on."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        """Args:
        folder: where files for the browser go.
        """
        self.folder = folder
        self.settings = settings or get_settings()
        self.shelf: Shelf[Work] = Shelf(int(self.settings.keep_mb * 1e6))
        self._colorizer: Colorizer | None = None
        self._lock = threading.Lock()

    @property
    def colorizer(self) -> "Colorizer":
        """The model, loaded and warmed at the first call; others wait for it meanwhile.

        Raises:
            ModelError: it is missing or damaged.
        """
        with self._lock:
            if self._colorizer is None:
                from colorizer.pipeline import Colorizer

                colorizer = Colorizer.load(self.settings.model, self.settings.device)
                colorizer.colorize(np.tile(np.arange(256, dtype=np.uint8), (256, 1)))
                self._colorizer = colorizer
            return self._colorizer

    def warm(self) -> None:
        """Load the model now, so that the first visitor needn't wait. An error is kept for whoever asks next."""
        try:
            _ = self.colorizer
        except ModelError as error:
            logging.getLogger(__name__).error("%s", error)

    def open(
        self,
        source: str | Path | bytes,
        vividness: float = 1.0,
        estimate: bool = True,
        progress: "Progress | None" = None,
    ) -> Shown:
        """Read a photo, find its faces and paint it.

        Args:
            source: a file, or its content.
            vividness: as for `Colorizer.paint`.
            estimate: whether palettes follow estimated ethnicity; without it nothing is estimated.
            progress: told of each stage.

        Raises:
            PhotoError: it is no photo that can be read.
        """
        portrait = self.colorizer.analyze(source, progress, estimate=estimate)
        key = secrets.token_urlsafe(16)
        folder = self.new_folder(key)
        gray = view.gray(portrait)
        work = Work(portrait, folder, view.stem(source), folder / "before.jpg", gray, estimate)
        work.save_gray()
        size = portrait.photo.rgb.nbytes + portrait.lightness.nbytes + gray.nbytes
        self.shelf.put(key, work, size)
        try:
            shown = self.paint(key, work, portrait, work.choices(()), vividness, progress)
            return replace(shown, copy=view.copy_for_browsers(portrait, folder))
        except BaseException:  # nobody will ever know the key
            self.forget(key)
            raise

    def repaint(
        self,
        key: str | None,
        choices: Sequence[str],
        vividness: float = 1.0,
        progress: "Progress | None" = None,
    ) -> Shown:
        """Paint a photo again without looking for faces again.

        Args:
            key: from `Shown`.
            choices: what the menus say, as for `Work.choices`.
            vividness: as for `Colorizer.paint`.
            progress: told of each stage.

        Raises:
            PhotoError: the photo has been put away.
            OptionError: a choice or the vividness is not allowed.
        """
        work = self.work(key)
        with work.lock:
            chosen = work.choices(choices)
            # A menu tells of one choice twice: when it is made, and when it is left.
            shown = work.still_shown(chosen, vividness)
            if shown is None:
                shown = self.paint(str(key), work, work.portrait, chosen, vividness, progress)
            work.run = None
            return shown

    def switch(
        self, key: str | None, estimate: bool, vividness: float = 1.0, progress: "Progress | None" = None
    ) -> Shown:
        """Paint every face as estimated, or every face neutrally. Estimates now if that was left out before.

        A painting that fails leaves the photo as it was.

        Raises:
            PhotoError: the photo has been put away.
        """
        work = self.work(key)
        with work.lock:
            faces = work.portrait.faces
            if not estimate:
                faces = tuple(replace(face, probabilities={}) for face in faces)
            elif not all(face.probabilities for face in faces):
                faces = tuple(self.colorizer.classifier.classify(work.portrait.lightness, faces))
            portrait = replace(work.portrait, faces=faces)
            choices = ["auto" if estimate else "none"] * len(faces)
            shown = self.paint(str(key), work, portrait, choices, vividness, progress)
            work.portrait, work.is_estimated, work.run = portrait, estimate, None
            return shown

    def compare_with(self, key: str | None, truth: str | Path | bytes | None) -> str:
        """Keep the true photo beside the painted one, or forget it (None).

        Args:
            key: from `Shown`.
            truth: the photo as it really was.

        Returns:
            HTML of the metrics table; empty without a truth.

        Raises:
            PhotoError: the truth can't be read, has another shape, or the photo has been put away.
        """
        if truth is None:
            if key and (work := self.shelf.get(key)):
                work.truth = work.truth_picture = None
            return ""
        if not key:
            raise PhotoError("There is no result to compare yet; give a photo first, then the true one.")
        from colorizer import comparison, metrics

        work = self.work(key)
        rgb = comparison.true_photo(truth, work.portrait)
        picture = Image.fromarray(rgb)
        picture.thumbnail((TRUTH_SIDE, TRUTH_SIDE), Image.Resampling.LANCZOS)
        with work.lock:
            work.truth, work.truth_picture = metrics.to_protocol(rgb), picture
            return work.table()

    def forget(self, key: str | None) -> None:
        """Put a photo away now, with all files made of it."""
        if key:
            self.shelf.drop(key)
            shutil.rmtree(work_folder(self.folder, key), ignore_errors=True)

    def new_folder(self, key: str) -> Path:
        """Make a place for files. Those that are too old go at this opportunity."""
        sweep_works(self.folder, self.settings.keep_minutes * 60)
        folder = work_folder(self.folder, key)
        folder.mkdir(parents=True)
        return folder

    def work(self, key: str | None) -> Work:
        """A visitor's photo.

        Raises:
            PhotoError: it has been put away.
        """
        work = self.shelf.get(key) if key else None
        if work is None:
            raise PhotoError("This photo has been put away in the meantime; give it once more.")
        return work

    def paint(
        self,
        key: str,
        work: Work,
        portrait: "Portrait",
        choices: Sequence[str],
        vividness: float,
        progress: "Progress | None" = None,
        painter: "Colorizer | None" = None,
    ) -> Shown:
        """Paint a photo by `painter`, by default the page's model, and write what the page shows of it.

        Whoever calls this holds the photo's lock, or is alone with it.
        """
        from colorizer import metrics, photo

        if not work.before.is_file():  # the visitor works longer than the page keeps files
            work.save_gray()
        result = (painter or self.colorizer).paint(portrait, choices, vividness, progress)
        rgb = np.asarray(result.image)
        work.painted = metrics.to_protocol(rgb)
        work.paintings += 1
        after = work.folder / str(work.paintings) / f"{work.stem}-colour.png"
        after.parent.mkdir(parents=True, exist_ok=True)
        photo.write(rgb, after, model=result.model)
        shutil.rmtree(work.folder / str(work.paintings - RESULTS_KEPT), ignore_errors=True)
        indices = view.menu_faces(result.faces)
        shown = Shown(
            key=key,
            before=work.before,
            after=after,
            faces=view.numbered(work.gray, result.faces) if result.faces else None,
            cards=tuple(view.card(index + 1, result.faces[index]) for index in indices),
            numbers=tuple(index + 1 for index in indices),
            chosen=tuple(result.faces[index].chosen for index in indices),
            summary=view.summary(portrait, result),
            metrics=work.table(),
        )
        work.last = None if painter else (portrait, tuple(choices), vividness, shown)
        return shown
