"""A photo that a visitor of the page is working on, and what the page shows of it. Knows no gradio."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from colorizer import view
from colorizer.groups import check_choice
from colorizer.steering import Steering

if TYPE_CHECKING:
    from colorizer.desk_run import Run
    from colorizer.desk_suggest import Suggested
    from colorizer.faces import Face
    from colorizer.metrics import Metrics
    from colorizer.pipeline import Portrait
    from colorizer.steering import Hint


@dataclass(frozen=True)
class Choice:
    """All that is chosen for a painting."""

    palettes: tuple[str, ...] = ()
    """One for each face, left to right."""
    vividness: float = 1.0
    steering: Steering = field(default_factory=Steering)


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
    truth_picture: Image.Image | None = None
    """The same to look at, RGB, small, in its own shape."""
    painted: np.ndarray | None = None
    """The last painting as the protocol wants it."""
    last: "tuple[Portrait, Choice, Shown] | None" = None
    """Of what and with which choice the page's own model painted last, and what came of it."""
    paintings: int = 0
    hints: "tuple[Hint, ...]" = ()
    """In pixels of the photo, in the order in which they were given."""
    suggested: "Suggested | None" = None
    """Other colours for the choice that is shown; None when another choice has been painted since."""
    suggestions: int = 0
    run: "Run | None" = None
    """The comparison of models that belongs to what is shown; None when another choice has been painted since."""
    runs: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held while the photo is painted or measured: where several are worked on at once, each one still takes turns."""
    hints_lock: threading.Lock = field(default_factory=threading.Lock)
    """Held for the moment in which hints change, also while the photo is painted."""

    def save_gray(self) -> None:
        """Write the slider's left side."""
        self.before.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.gray).save(self.before, quality=view.JPEG_QUALITY)

    def choices(self, menus: Sequence[str]) -> list[str]:
        """What is chosen for each face, left to right.

        Args:
            menus: what the menus say, in the order of `Shown.numbers`; further ones are left aside. Faces without
                a menu are painted as estimated if there is an estimate, and neutrally if not.

        Raises:
            OptionError: a menu says what is no choice.
        """
        faces = self.portrait.faces
        all_choices = ["auto" if self.is_estimated else "none"] * len(faces)
        for index, choice in zip(view.menu_faces(faces), menus, strict=False):
            all_choices[index] = check_choice(choice)
        return all_choices

    def choice(self, menus: Sequence[str], vividness: float, steering: Steering | None) -> Choice:
        """What is chosen now: the menus, the vividness, the light that `steering` says, and the photo's hints.

        Raises:
            OptionError: one of these is not allowed.
        """
        steering = replace(steering or Steering(), hints=self.hints)
        height, width = self.gray.shape
        steering.check(width, height)
        return Choice(tuple(self.choices(menus)), vividness, steering)

    def still_shown(self, choice: Choice) -> "Shown | None":
        """The last painting, if it is of this choice, by the page's own model, and its files are still there."""
        if self.last is None:
            return None
        portrait, last_choice, shown = self.last
        is_same = portrait is self.portrait and last_choice == choice
        if not is_same or not self.before.is_file() or not shown.after.is_file():
            return None
        return replace(shown, metrics=self.table(), suggestions=self.suggestions_for(choice))

    def suggestions_for(self, choice: Choice) -> "Suggested | None":
        """The suggestions, if they are for this choice; those for another one are let go."""
        if self.suggested is not None and self.suggested.choice != choice:
            self.suggested = None
        return self.suggested

    def measure(self, painted: np.ndarray) -> "Metrics | None":
        """(256, 256, 3) uint8 against the true photo; None without one."""
        if self.truth is None:
            return None
        from colorizer import metrics

        return metrics.compare(painted, self.truth, faces=self._faces_in_protocol())

    def table(self) -> str:
        """The last painting against the truth as an HTML table; empty without a truth."""
        measured = None if self.painted is None else self.measure(self.painted)
        if measured is None:
            return ""
        from colorizer import wording

        return wording.table(measured)

    def _faces_in_protocol(self) -> "list[Face]":
        from colorizer import metrics

        height, width = self.gray.shape
        scale = np.array([metrics.PROTOCOL_SIZE / width, metrics.PROTOCOL_SIZE / height] * 2)
        return [replace(face, box=tuple(np.array(face.box) * scale)) for face in self.portrait.faces]


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
    canvas: Path
    """JPEG of at most CANVAS_SIDE with the AI mark: the painting with its hints, to place more of them on."""
    hints: str
    """HTML of the hints."""
    light: str
    """HTML: the painting's light in words."""
    steerable: bool
    """Whether the page's model follows light, hints and so on."""
    suggestions: "Suggested | None" = None
    """Other colours that were suggested for this choice."""
    copy: Path | None = None
    """The photo as a browser can show it, where it can't show the file itself."""


def public_name(key: str) -> str:
    """What the page may know of a photo's key: enough to tell it from another, too little to ask for it."""
    return sha256(key.encode()).hexdigest()[:16]
