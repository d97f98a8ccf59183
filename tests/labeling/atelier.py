"""A stand-in for a Colorizer that paints at once, a colour a model, and what tests of studies share."""

import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from colorizer import lab, photo
from colorizer.errors import ModelError
from colorizer.pipeline import Portrait
from labeling import appeal
from labeling.appeal import Study
from labeling.appeal_files import StudyFiles
from labeling.appeal_painting import Studio
from labeling.batches import NewPhoto, add_photos, create
from labeling.photos import PhotoFolder
from labeling.store import Store
from tests.painters import face

OWN = "ethnicity-aware"
COLOURS = {OWN: (14.0, 16.0), "cnn": (6.0, 30.0), "unet": (30.0, -6.0)}
LONG = 60.0  # seconds that a machine may be busy


@dataclass
class Painter:
    """Paints everything in one colour; models whose name is in `broken` can't be loaded."""

    name: str = OWN
    broken: frozenset[str] = frozenset()
    painted: list[str] = field(default_factory=list)
    analyzed: list[tuple[int, int]] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    """Called before each painting."""

    def analyze(self, rgb: np.ndarray) -> Portrait:
        """One face in the middle."""
        height, width = rgb.shape[:2]
        self.analyzed.append((height, width))
        found = face((0.25 * width, 0.2 * height, 0.75 * width, 0.8 * height))
        return Portrait(photo.Photo(rgb), lab.lightness(rgb), (found,), {})

    def other(self, name: str) -> "Painter":
        """Another model that tells of its paintings in the same list."""
        if name in self.broken:
            raise ModelError(f"The model {name!r} is damaged.")
        return Painter(name, self.broken, self.painted, self.analyzed, self.before)

    def paint(self, portrait: Portrait) -> SimpleNamespace:
        """The photo's lightness in the model's colour."""
        self.before()
        assert len(portrait.faces) == 1
        assert portrait.faces[0].probabilities["White"] == 1
        self.painted.append(self.name)
        ab = np.tile(np.array(COLOURS[self.name], np.float32)[:, None, None], (1, 8, 8))
        return SimpleNamespace(image=Image.fromarray(lab.merge(portrait.lightness, ab)), model=self.name)


@dataclass
class Atelier:
    """A store, photos, and a studio with such a painter."""

    store: Store
    photos: PhotoFolder
    files: StudyFiles
    painter: Painter
    studio: Studio

    def batch(self, contents: Sequence[bytes], name: str = "Village") -> None:
        """A batch of these photos, called 0.png and on."""
        batch = create(self.store, "asha", name, "drawn", "none needed", "nobody is in them")
        new: list[NewPhoto] = [self.photos.keep(content, f"{i}.png") for i, content in enumerate(contents)]
        add_photos(self.store, batch.id, new)

    def study(self, contestants: Sequence[str], **options: Any) -> Study:
        """A study that is painted."""
        made = appeal.create(self.store, "asha", options.pop("name", "Spring"), contestants, OWN, **options)
        self.studio.paint(made.id)
        assert self.studio.wait(LONG)
        return appeal.find(self.store, made.id)


def atelier(store: Store, folder: Path, painter: Painter | None = None) -> Atelier:
    """All of it below `folder`."""
    photos, files = PhotoFolder(folder), StudyFiles(folder / "studies")
    painter = painter or Painter()
    return Atelier(store, photos, files, painter, Studio(store, files, photos.path, lambda: painter))  # type: ignore[arg-type,return-value]


def drawn(seed: int, width: int = 96, height: int = 120) -> np.ndarray:
    """(height, width, 3) uint8: coloured patches, no two alike."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(40, 216, (6, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST))


def png(rgb: np.ndarray) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()


class Gate:
    """Lets so many paintings through, and holds the next until it is opened."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.is_reached, self._opened = threading.Event(), threading.Event()

    def __call__(self) -> None:
        if self.free == 0:
            self.is_reached.set()
            assert self._opened.wait(LONG)
            return
        self.free -= 1

    def open(self) -> None:
        self._opened.set()
