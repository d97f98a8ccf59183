"""Where the pictures of studies lie, and how they are read and written.

folder/3/photo-17.png                        a photo as it is shown, from which all is painted
folder/3/<chance>.jpg                        its truth, its paintings and its wrong one
"""

import io
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from colorizer.provenance import write_whole
from labeling.appeal_pictures import bare

if TYPE_CHECKING:
    from colorizer.pipeline import Portrait


class StudyFiles:
    """The folder of all studies. Processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, study: int) -> Path:
        """A study's own folder, there from now on."""
        place = self.folder / str(study)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        return place

    def keep(self, study: int, jpeg: bytes) -> str:
        """Put a picture on disk; the name that it gets says nothing of what it shows."""
        name = f"{secrets.token_hex(16)}.jpg"
        write_whole(self.path(study, name), jpeg)
        return name

    def path(self, study: int, name: str) -> Path:
        """Where a picture lies."""
        return self.folder / str(study) / name

    def has(self, study: int, name: str) -> bool:
        """Whether a picture is there: a restored database may know of files that were not restored."""
        return self.path(study, name).is_file()

    def has_original(self, study: int, photo: int) -> bool:
        """Whether a photo is there as it is painted from."""
        return self._original(study, photo).is_file()

    def shown(self, study: int, name: str) -> bytes:
        """A picture as voters get it: a JPEG that says nothing but its pixels."""
        return bare(self.path(study, name).read_bytes())

    def keep_original(self, study: int, photo: int, rgb: np.ndarray) -> None:
        """Put a photo, (H, W, 3) uint8, on disk as it is painted from."""
        buffer = io.BytesIO()
        Image.fromarray(rgb).save(buffer, "PNG", compress_level=1)
        write_whole(self._original(study, photo), buffer.getvalue())

    def portrait(self, study: int, photo: int, faces: Sequence[dict[str, Any]]) -> "Portrait":
        """The photo as `Colorizer.analyze` gave it.

        Args:
            faces: each as `dataclasses.asdict` of a Face.
        """
        from colorizer import lab
        from colorizer.faces import Face
        from colorizer.photo import Photo
        from colorizer.pipeline import Portrait

        with Image.open(self._original(study, photo)) as image:
            rgb = np.asarray(image.convert("RGB"))
        found = tuple(
            Face(**{**face, "box": tuple(face["box"]), "landmarks": tuple(map(tuple, face["landmarks"]))})
            for face in faces
        )
        return Portrait(Photo(rgb), lab.lightness(rgb), found, {})

    def _original(self, study: int, photo: int) -> Path:
        return self.path(study, f"photo-{photo}.png")
