"""What was labelled, as the Train tab asks for it: how much there is, and a folder to prepare.

    labelled = TrainingSet(office)
    labelled.count()                                    # {"White": 40, "Nepali": 12}
    labelled.write(Path("data/labelled"), "cut")        # ["--vocabulary", "...", "--keep-gray"]

`app.py` makes one and hands it to the training room, which doesn't know this one.
"""

from collections.abc import Callable
from pathlib import Path

from colorizer.errors import OptionError
from labeling import dataset
from labeling.desk_csv import PICTURES
from labeling.office import Office


class TrainingSet:
    """All that is labelled in a project."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def count(self, by_face: str = "photo") -> dict[str, int]:
        """Label -> pictures that would go into a dataset now, the most frequent first; empty without any.

        Args:
            by_face: "photo", the photos whole; "face", each face with its own label; "cut", the one face of each
                labelled photo.

        Raises:
            OptionError: `by_face` is something else.
        """
        return dataset.count(self._office.store, _wanted(by_face))

    def write(
        self,
        folder: Path,
        by_face: str = "photo",
        advance: Callable[[int, int], None] = lambda done, total: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> list[str]:
        """Write a folder that `python -m train prepare` takes; an older one of labels is replaced.

        Args:
            folder: its place; what is above it must exist.
            by_face: as in `count`.
            advance: told how many pictures are written, of how many.
            is_cancelled: asked before each picture.

        Returns:
            Flags for `prepare`, as an argument list.

        Raises:
            LabelError: nothing is labelled, something else stands there, it was cancelled, or the disk is full.
            OptionError: `by_face` is something else.
        """
        wanted = _wanted(by_face)
        made = dataset.make(self._office.store, self._office.photos, folder, wanted, advance, is_cancelled)
        return dataset.flags(made.labels, wanted)


def _wanted(by_face: str) -> dataset.Wanted:
    if by_face not in PICTURES:
        raise OptionError(f"A dataset's pictures are one of {', '.join(PICTURES)}, not {by_face!r:.60}.")
    return dataset.Wanted(by_face=by_face == "face", cut_faces=by_face == "cut")
