"""Pictures of a study: which photos show their own colours, the wrong colours of catch trials, and what voters get.

Truth and paintings go through one encoder at one size, and leave without metadata: nothing but their colours differs.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer import photo
from colorizer.errors import PhotoError

SIDE = 1024
"""Longer side at which photos are painted and shown, pixels: two of them fill a wide window."""

# Mean distance of ab from their mean under which a photo has one tint only; `train.prepare` draws its line at the same
# place, where of 3,284 portraits all 14 below were such prints. A print whose tint is stronger where it is darker can
# pass: by their numbers such prints can't be told from pale people under one studio light.
TINT_SPREAD = 2.5
# What is added to the turned-around colours of a catch trial: skin becomes green-blue under any light, also where the
# sound picture is nearly gray. Under about 20 a hurried look at a small picture may miss it.
WRONG_SHIFT = (-32.0, -12.0)

QUALITY = 95  # as `photo.encode` writes JPEGs


def reduced(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> the same, no longer than SIDE."""
    image = Image.fromarray(rgb)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def why_no_truth(rgb: np.ndarray, source: bytes | Path | None = None) -> str:
    """Why a photo's own colours are not the true ones, as a sentence; empty where they are.

    Args:
        rgb: (H, W, 3) uint8 sRGB.
        source: its file, which may say that its colours are a model's.
    """
    from colorizer import lab
    from colorizer.metrics import NEAR_GRAY

    if source is not None and _is_painted(source):
        return "A model made its colours, as the file says itself."
    chroma = lab.rgb_to_lab(rgb)[..., 1:].reshape(-1, 2)  # (H * W, 2)
    if np.hypot(chroma[:, 0], chroma[:, 1]).mean() < NEAR_GRAY:
        return "The photo itself is gray."
    away = chroma - chroma.mean(axis=0)
    if np.hypot(away[:, 0], away[:, 1]).mean() < TINT_SPREAD:
        return "The photo itself is gray in one tint, such as sepia."
    return ""


def wrong_colours(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 with believable colours -> the same lightness in colours that nobody has: faces turn green."""
    from colorizer import lab

    values = lab.rgb_to_lab(rgb)
    ab = np.asarray(WRONG_SHIFT, np.float32) - values[..., 1:]
    return lab.merge(lab.lightness(rgb), np.ascontiguousarray(ab.transpose(2, 0, 1)))


def encoded(rgb: np.ndarray, model: str | None) -> bytes:
    """A picture as the JPEG that a study keeps.

    Args:
        rgb: (H, W, 3) uint8 sRGB.
        model: who made its colours, which the file then says; None for a photo's own.
    """
    if model is not None:
        return photo.encode(rgb, "JPEG", model=model)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=QUALITY, subsampling="4:4:4")
    return buffer.getvalue()


def bare(jpeg: bytes) -> bytes:
    """The same picture without what the file says of it: applications' segments but for JFIF's, and comments."""
    kept, place = [jpeg[:2]], 2
    while jpeg[place : place + 1] == b"\xff" and (marker := jpeg[place + 1]) != 0xDA:  # up to the scan
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if not (0xE1 <= marker <= 0xEF or marker == 0xFE):
            kept.append(jpeg[place:end])
        place = end
    return b"".join([*kept, jpeg[place:]])


def _is_painted(source: bytes | Path) -> bool:
    try:
        said = photo.provenance(source)["digital_source_type"]
    except PhotoError:
        return False
    return said is not None and "algorithmicmedia" in said.lower()
