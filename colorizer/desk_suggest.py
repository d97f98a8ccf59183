"""Other colours that the page suggests for a photo, and taking one of them. Knows no gradio.

suggesting = Suggesting(desk)
suggested = suggesting.suggest(key, menus=["auto"])     # the model's own painting, and three others, small
suggesting.take(key, suggested.token, 2)                # the second of the others, in full size
"""

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from colorizer import view_steer
from colorizer.desk import Desk
from colorizer.desk_run import reduced
from colorizer.desk_steer import scaled
from colorizer.desk_work import Choice, Shown, Work
from colorizer.errors import OptionError, PhotoError

if TYPE_CHECKING:
    from colorizer.pipeline import Portrait, Result
    from colorizer.stages import Progress
    from colorizer.steering import Steering

COUNT = 3
# The longer side at which suggestions are painted, pixels. What is taken is brought to full size along the edges of the
# photo's own lightness, as the network's colours are, of which this size holds more than there are.
SUGGESTED_SIDE = 1024
# A browser may still be loading the last suggestions while the next ones are painted.
SUGGESTIONS_KEPT = 2

OUTDATED = "These suggestions are for an earlier photo or choice; ask for new ones."
NOT_STEERABLE = "This page's model can't suggest other colours."


@dataclass(frozen=True)
class Suggested:
    """What was suggested for one choice."""

    choice: Choice
    pictures: tuple[tuple[Path, str], ...]
    """File and caption: the model's own painting first, then the suggestions; none without suggestions."""
    results: "tuple[Result, ...]"
    """What came of each suggestion; their pictures lie in `pictures`, and these are empty."""
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells the pictures that a visitor sees from any others."""

    @property
    def status(self) -> str:
        """HTML."""
        return view_steer.suggested(len(self.results), COUNT)


class Suggesting:
    """Suggestions for the photos on a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def suggest(
        self,
        key: str | None,
        menus: Sequence[str] = (),
        vividness: float = 1.0,
        steering: "Steering | None" = None,
        progress: "Progress | None" = None,
    ) -> Suggested:
        """Up to COUNT other palettes for a photo, where the model is unsure; skin is kept.

        Args:
            key: from `Shown`.
            menus, vividness, steering: what is chosen, as for `Desk.repaint`.
            progress: told of each stage.

        Raises:
            PhotoError: the photo has been put away.
            OptionError: a choice is not allowed, or the model can't do this.
        """
        work, colorizer = self.desk.work(key), self.desk.colorizer
        if not colorizer.steerable:
            raise OptionError(NOT_STEERABLE)
        with work.lock:
            choice = work.choice(menus, vividness, steering)
            portrait = reduced(work.portrait, SUGGESTED_SIDE)
            (height, width), (h, w) = work.gray.shape, portrait.lightness.shape
            told = portrait, choice.palettes, vividness
            small = scaled(choice.steering, w / width, h / height)
            results = colorizer.suggest(*told, small, COUNT)
            pictures: tuple[tuple[Path, str], ...] = ()
            if results:
                pictures = self._write(work, [colorizer.paint(*told, progress, small), *results])
            work.suggested = Suggested(choice, pictures, tuple(map(_without_picture, results)))
            return work.suggested

    def take(self, key: str | None, token: str, index: object, progress: "Progress | None" = None) -> Shown:
        """Make one of the pictures the photo's result.

        Args:
            key: from `Shown`.
            token: of the `Suggested` that was seen.
            index: which of its pictures.
            progress: told of each stage.

        Raises:
            PhotoError: what was seen is for another photo or choice, has no such picture, or its files have gone.
        """
        work = self.desk.work(key)
        with work.lock:
            suggested = work.suggested
            if (
                suggested is None
                or suggested.token != token
                or not isinstance(index, int)
                or index not in range(len(suggested.pictures))
                or not suggested.pictures[index][0].is_file()
            ):
                raise PhotoError(OUTDATED)
            from colorizer.options import choose

            work.run = None
            if index == 0:
                return self.desk.paint(str(key), work, work.portrait, suggested.choice, progress)
            picture, result = suggested.pictures[index][0], suggested.results[index - 1]
            faces = choose(work.portrait.faces, suggested.choice.palettes)
            result = replace(result, image=_full_size(work.portrait, picture), faces=faces)
            shown = self.desk.show(str(key), work, work.portrait, suggested.choice, result)
            return replace(shown, summary=shown.summary + view_steer.taken(index))

    def _write(self, work: Work, results: "Sequence[Result]") -> tuple[tuple[Path, str], ...]:
        from colorizer import photo

        work.suggestions += 1
        folder = work.folder / f"suggested-{work.suggestions}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(work.folder / f"suggested-{work.suggestions - SUGGESTIONS_KEPT}", ignore_errors=True)
        pictures = []
        for index, result in enumerate(results):
            path = folder / f"{work.stem}-{index}.png"
            photo.write(np.asarray(result.image), path, model=result.model)
            pictures.append((path, view_steer.suggestion_caption(index)))
        return tuple(pictures)


def _without_picture(result: "Result") -> "Result":
    return replace(result, image=Image.new("RGB", (1, 1)))


def _full_size(portrait: "Portrait", picture: Path) -> Image.Image:
    """A painting of the reduced portrait -> of the portrait itself."""
    from colorizer import lab

    with Image.open(picture) as opened:
        rgb = np.asarray(opened.convert("RGB"))
    if rgb.shape[:2] == portrait.lightness.shape:
        return Image.fromarray(rgb)
    ab = np.ascontiguousarray(lab.rgb_to_lab(rgb)[..., 1:].transpose(2, 0, 1))  # (2, h, w)
    return Image.fromarray(lab.merge(portrait.lightness, ab, stride=1))
