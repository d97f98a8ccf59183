"""Faces cut out of kept photos, framed as the ethnicity classifier's training pictures are."""

import io

import numpy as np
from PIL import Image

from labeling import looks
from labeling.errors import LabelError
from labeling.looks import FaceRow
from labeling.photos import PhotoFolder
from labeling.store import Store

SCALE = 0.96
"""Side of the square over the longer side of the detector's box: FairFace's frame, as in the classifier's recipe."""
SHIFT_DOWN = 0.08
"""The square's centre below the box's, in shares of its longer side; as `colorizer.ethnicity`, which brings PyTorch."""
MOST_SIDE = 512  # twice what `train prepare` keeps
QUALITY = 95


class FacePictures:
    """Faces by photo; the photo asked for last is kept, so that its faces cost one decoding."""

    def __init__(self, store: Store, photos: PhotoFolder) -> None:
        self._store, self._photos = store, photos
        self._photo = ""
        self._pixels = np.zeros((1, 1, 3), np.uint8)
        self._faces: dict[int, FaceRow] = {}

    def jpeg(self, photo: str, suffix: str, number: int) -> bytes:
        """One face as a JPEG.

        Args:
            photo: its hash.
            suffix: of its kept file.
            number: of the face, from 1.

        Raises:
            LabelError: there is no such face, or the photo's file is missing or can't be read.
        """
        if photo != self._photo:
            self._pixels = self._photos.pixels(photo, suffix)
            self._faces = {face.number: face for face in looks.faces(self._store, photo)}
            self._photo = photo
        if number not in self._faces:
            raise LabelError(f"No face {number} is known of this photo.")
        image = Image.fromarray(cut(self._pixels, self._faces[number]))
        image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=QUALITY)
        return out.getvalue()


def cut(rgb: np.ndarray, face: FaceRow) -> np.ndarray:
    """The square around a face.

    Args:
        rgb: (H, W, 3) uint8, the photo held upright.
        face: its box in pixels of that.

    Returns:
        (S, S, 3) uint8; what lies outside the photo repeats its border, as the classifier sees it.
    """
    height, width = rgb.shape[:2]
    longer = max(face.right - face.left, face.bottom - face.top)
    side = max(1, round(SCALE * longer))
    x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2 + SHIFT_DOWN * longer
    left, top = round(x - side / 2), round(y - side / 2)
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return rgb[rows[:, None], columns]


def as_png(rgb: np.ndarray) -> bytes:
    """(H, W, 3) uint8 -> a PNG file's bytes."""
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")
    return out.getvalue()
