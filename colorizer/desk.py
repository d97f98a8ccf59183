"""What the Colorize page does between its widgets: open a photo, repaint it, measure it. Knows no gradio.

desk = Desk(folder)                                     # files for the browser are written below `folder`
shown = desk.open("grandmother.jpg")                    # before, after, boxes, a card a face
desk.repaint(shown.key, ["Indian"], vividness=1.2)      # no face is looked for again
desk.repaint(shown.key, ["Monk 4"], 1.0, steering=Steering(warmth=5))
"""

import logging
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from colorizer import view, view_steer
from colorizer.desk_model import PageModel
from colorizer.desk_work import Choice, Shown, Work
from colorizer.errors import ModelError, PhotoError
from colorizer.files import sweep_works, work_folder
from colorizer.settings import Settings, get_settings
from colorizer.shelf import Shelf

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer, Portrait, Result
    from colorizer.stages import Progress
    from colorizer.steering import Steering

# The longer side at which the true photo is kept to be looked at; pixels.
TRUTH_SIDE = 640
# A browser may still be loading the last result while the next one is written.
RESULTS_KEPT = 2


class Desk:
    """One model, loaded once, and the photos that visitors are working on."""

    def __init__(
        self, folder: Path, settings: Settings | None = None, model: PageModel | None = None
    ) -> None:
        """Args:
        folder: where files for the browser go.
        model: what paints; loaded when first needed if None.
        """
        self.folder = folder
        self.settings = settings or get_settings()
        self.shelf: Shelf[Work] = Shelf(int(self.settings.keep_mb * 1e6))
        self.model = model or PageModel(self.settings)

    @property
    def colorizer(self) -> "Colorizer":
        """The model, loaded and warmed at the first call; others wait for it meanwhile.

        Raises:
            ModelError: it is missing or damaged.
        """
        return self.model.colorizer

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
        """Read a photo, find its faces and paint it; by what is the default at this moment.

        Args:
            source: a file, or its content.
            vividness: as for `Colorizer.paint`.
            estimate: whether palettes follow estimated ethnicity; without it nothing is estimated.
            progress: told of each stage.

        Raises:
            PhotoError: it is no photo that can be read.
        """
        self.model.renew()
        portrait = self.colorizer.analyze(source, progress, estimate=estimate)
        key = secrets.token_urlsafe(16)
        folder = self.new_folder(key)
        gray = view.gray(portrait)
        work = Work(portrait, folder, view.stem(source), folder / "before.jpg", gray, estimate)
        work.save_gray()
        size = portrait.photo.rgb.nbytes + portrait.lightness.nbytes + gray.nbytes
        self.shelf.put(key, work, size)
        try:
            shown = self.paint(key, work, portrait, work.choice((), vividness, None), progress)
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
        steering: "Steering | None" = None,
    ) -> Shown:
        """Paint a photo again without looking for faces again.

        Args:
            key: from `Shown`.
            choices: what the menus say, as for `Work.choices`.
            vividness: as for `Colorizer.paint`.
            progress: told of each stage.
            steering: the light; hints are the photo's own, see `desk_steer`.

        Raises:
            PhotoError: the photo has been put away.
            OptionError: a choice, the vividness or the light is not allowed.
        """
        work = self.work(key)
        with work.lock:
            choice = work.choice(choices, vividness, steering)
            # A menu tells of one choice twice: when it is made, and when it is left.
            shown = work.still_shown(choice)
            if shown is None:
                shown = self.paint(str(key), work, work.portrait, choice, progress)
            work.run = None
            return shown

    def switch(
        self,
        key: str | None,
        estimate: bool,
        vividness: float = 1.0,
        progress: "Progress | None" = None,
        steering: "Steering | None" = None,
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
            palettes = ("auto" if estimate else "none",) * len(faces)
            choice = replace(work.choice((), vividness, steering), palettes=palettes)
            work.suggested = None
            shown = self.paint(str(key), work, portrait, choice, progress)
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
        choice: Choice,
        progress: "Progress | None" = None,
        painter: "Colorizer | None" = None,
    ) -> Shown:
        """Paint a photo by the page's model, or unsteered by `painter`, and write what the page shows of it.

        Whoever calls this holds the photo's lock, or is alone with it.
        """
        colorizer, steering = (painter, None) if painter else (self.colorizer, choice.steering)
        result = colorizer.paint(portrait, choice.palettes, choice.vividness, progress, steering)
        return self.show(key, work, portrait, choice, result, is_own=painter is None)

    def show(
        self,
        key: str,
        work: Work,
        portrait: "Portrait",
        choice: Choice,
        result: "Result",
        is_own: bool = True,
    ) -> Shown:
        """Write what the page shows of a painting; as `paint` without painting.

        Args:
            key, work, portrait: the photo.
            choice: what was painted.
            result: what came of it.
            is_own: whether the page's model painted it as chosen, so that the same choice needs no other painting.
        """
        from colorizer import metrics, photo

        if not work.before.is_file():  # the visitor works longer than the page keeps files
            work.save_gray()
        rgb = np.asarray(result.image)
        work.painted = metrics.to_protocol(rgb)
        work.paintings += 1
        folder = work.folder / str(work.paintings)
        folder.mkdir(parents=True, exist_ok=True)
        after, canvas = folder / f"{work.stem}-colour.png", folder / f"{work.stem}-hints.jpg"
        photo.write(rgb, after, model=result.model)
        photo.write(np.asarray(view_steer.canvas(rgb, work.hints)), canvas, model=result.model)
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
            canvas=canvas,
            hints=view_steer.hint_list(work.hints),
            light=view_steer.light(result.light),
            steerable=self.colorizer.steerable,
            suggestions=work.suggestions_for(choice) if is_own else work.suggested,
        )
        work.last = (portrait, choice, shown) if is_own else None
        return shown
