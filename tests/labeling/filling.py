"""Rows for label stores: batches, photos without files, faces, and keys that are never the same."""

import itertools
from collections.abc import Mapping, Sequence

from colorizer.faces import Face
from colorizer.groups import GROUPS
from labeling import batches, looks
from labeling.batches import Batch, NewPhoto
from labeling.store import Store

_numbers = itertools.count()


class Clock:
    """Says the same time until it is moved."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


def key() -> str:
    """A key that no other decision of this process has."""
    return f"test-key-{next(_numbers):08d}"


def new_photo(number: int, name: str | None = None) -> NewPhoto:
    """The row of a photo; the same number is the same content."""
    return NewPhoto(f"{number:064x}", name or f"photo {number}.jpg", ".jpg", 640, 480, 50_000)


def fill(store: Store, count: int, name: str = "Dashain 2026", judgements: int = 1, first: int = 0) -> Batch:
    """A batch of so many photos."""
    batch = batches.create(store, "Maya", name, "taken by us", "CC BY 4.0", "all signed", judgements)
    added = batches.add_photos(store, batch.id, [new_photo(first + number) for number in range(count)])
    assert added.added == count
    return batch


def probabilities(group: str, sure: float) -> dict[str, float]:
    """An estimate: so much for one group, the rest shared by the others."""
    rest = (1 - sure) / (len(GROUPS) - 1)
    return {name: sure if name == group else rest for name in GROUPS}


def face(left: float = 10.0, side: float = 100.0, estimate: Mapping[str, float] | None = None) -> Face:
    """A square face."""
    box = (left, 20.0, left + side, 20.0 + side)
    return Face(box=box, landmarks=(), score=0.99, probabilities=estimate or {})


def survey(store: Store, number: int, faces: Sequence[Face]) -> None:
    """Write down the faces of the photo with this number."""
    looks.set_survey(store, new_photo(number).hash, faces)
