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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from colorizer import view
from colorizer.errors import ModelError, PhotoError
from colorizer.files import sweep_works, work_folder
from colorizer.groups import check_choice
from colorizer.settings import Settings, get_settings
from colorizer.shelf import Shelf

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer, Portrait
    from colorizer.stages import Progress

# The true photo must have the shape of the painted one, but for cropping by a pixel or rounding.
SHAPE_TOLERANCE = 0.02
# A browser may still be loading the last result while the next one is written.
RESULTS_KEPT = 2


@dataclass
class Work:
    """A photo that a visitor is working on."""

    portrait: "Portrait"
    folder: Path
    stem: str
    before: Path
    gray: np.ndarray
    """(H, W) uint8: what the slider shows on its left."""
    is_estimated: bool
    truth: np.ndarray | None = None
    """(256, 256, 3) uint8: the true photo as the metrics' protocol wants it."""
    painted: np.ndarray | None = None
    """The same of the last painting."""
    paintings: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held while the photo is painted or measured: where several are worked on at once, each one still takes turns."""


@dataclass(frozen=True)
class Shown:
    """All that the page shows of a photo."""

    key: str
    """What to ask for when the photo is to be repainted or measured."""
    before: Path
    after: Path
    """PNG of full size with the AI mark: what the slider shows and the visitor downloads."""
    faces: Image.Image | None
    """The photo with numbered boxes; None without a face."""
    cards: tuple[str, ...]
    """HTML of each face with a menu."""
    numbers: tuple[int, ...]
    """Their numbers, counted from the left."""
    chosen: tuple[str, ...]
    """What is chosen for them."""
    summary: str
    metrics: str
    """HTML of the metrics table; empty without a true photo."""
    copy: Path | None = None
    """The photo as a browser can show it, where it can't show the file itself."""


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
        before = folder / "before.jpg"
        _save_gray(gray, before)
        work = Work(portrait, folder, view.stem(source), before, gray, estimate)
        size = portrait.photo.rgb.nbytes + portrait.lightness.nbytes + gray.nbytes
        self.shelf.put(key, work, size)
        try:
            choices = ["auto" if estimate else "none"] * len(portrait.faces)
            shown = self._paint(key, work, portrait, choices, vividness, progress)
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
            choices: what the menus say, in the order of `Shown.numbers`; further ones are left aside. Faces without
                a menu are painted as estimated if there is an estimate, and neutrally if not.
            vividness: as for `Colorizer.paint`.
            progress: told of each stage.

        Raises:
            PhotoError: the photo has been put away.
            OptionError: a choice or the vividness is not allowed.
        """
        work = self._work(key)
        with work.lock:
            faces = work.portrait.faces
            all_choices = ["auto" if work.is_estimated else "none"] * len(faces)
            for index, choice in zip(view.menu_faces(faces), choices, strict=False):
                all_choices[index] = check_choice(choice)
            return self._paint(str(key), work, work.portrait, all_choices, vividness, progress)

    def switch(
        self, key: str | None, estimate: bool, vividness: float = 1.0, progress: "Progress | None" = None
    ) -> Shown:
        """Paint every face as estimated, or every face neutrally. Estimates now if that was left out before.

        A painting that fails leaves the photo as it was.

        Raises:
            PhotoError: the photo has been put away.
        """
        work = self._work(key)
        with work.lock:
            faces = work.portrait.faces
            if not estimate:
                faces = tuple(replace(face, probabilities={}) for face in faces)
            elif not all(face.probabilities for face in faces):
                faces = tuple(self.colorizer.classifier.classify(work.portrait.lightness, faces))
            portrait = replace(work.portrait, faces=faces)
            choices = ["auto" if estimate else "none"] * len(faces)
            shown = self._paint(str(key), work, portrait, choices, vividness, progress)
            work.portrait, work.is_estimated = portrait, estimate
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
                work.truth = None
            return ""
        if not key:
            raise PhotoError("There is no result to compare yet; give a photo first, then the true one.")
        from colorizer import metrics, photo

        work = self._work(key)
        rgb = photo.read(truth).rgb
        height, width = work.gray.shape
        if abs(np.log(rgb.shape[0] / rgb.shape[1] / (height / width))) > SHAPE_TOLERANCE:
            raise PhotoError(
                f"The true photo is {rgb.shape[1]} × {rgb.shape[0]} pixels and the painted one {width} × {height}: "
                "they must show the same frame; cut one of them to the other's shape."
            )
        with work.lock:
            work.truth = metrics.to_protocol(rgb)
            return _measured(work)

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

    def _work(self, key: str | None) -> Work:
        work = self.shelf.get(key) if key else None
        if work is None:
            raise PhotoError("This photo has been put away in the meantime; give it once more.")
        return work

    def _paint(
        self,
        key: str,
        work: Work,
        portrait: "Portrait",
        choices: Sequence[str],
        vividness: float,
        progress: "Progress | None",
    ) -> Shown:
        from colorizer import metrics, photo

        if not work.before.is_file():  # the visitor works longer than the page keeps files
            _save_gray(work.gray, work.before)
        result = self.colorizer.paint(portrait, choices, vividness, progress)
        rgb = np.asarray(result.image)
        work.painted = metrics.to_protocol(rgb)
        work.paintings += 1
        after = work.folder / str(work.paintings) / f"{work.stem}-colour.png"
        after.parent.mkdir(parents=True, exist_ok=True)
        photo.write(rgb, after, model=result.model)
        shutil.rmtree(work.folder / str(work.paintings - RESULTS_KEPT), ignore_errors=True)
        indices = view.menu_faces(result.faces)
        return Shown(
            key=key,
            before=work.before,
            after=after,
            faces=view.numbered(work.gray, result.faces) if result.faces else None,
            cards=tuple(view.card(index + 1, result.faces[index]) for index in indices),
            numbers=tuple(index + 1 for index in indices),
            chosen=tuple(result.faces[index].chosen for index in indices),
            summary=view.summary(portrait, result),
            metrics=_measured(work),
        )


def _save_gray(gray: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(gray).save(path, quality=view.JPEG_QUALITY)


def _measured(work: Work) -> str:
    """The last painting against the truth as an HTML table; empty without a truth."""
    if work.truth is None or work.painted is None:
        return ""
    from colorizer import metrics, wording

    height, width = work.gray.shape
    scale = np.array([metrics.PROTOCOL_SIZE / width, metrics.PROTOCOL_SIZE / height] * 2)
    faces = [replace(face, box=tuple(np.array(face.box) * scale)) for face in work.portrait.faces]
    return wording.table(metrics.compare(work.painted, work.truth, faces=faces))
