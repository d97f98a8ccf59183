"""One photo as three files: the colour original, a neutral gray copy and a sepia one, all of the same L."""

import numpy as np

from colorizer import lab

# The brown of old prints: hue 70 degrees at a chroma of 18, less near black and white, where the gamut has no room.
SEPIA_A, SEPIA_B = 6.2, 16.9


# Toning baths beside sepia: a and b of a cyanotype's blue, a gold-toned print's purple, a uranium-toned one's orange.
BATHS = {
    "sepia": (SEPIA_A, SEPIA_B),
    "cyanotype": (-4.0, -20.0),
    "gold": (9.0, -7.0),
    "uranium": (18.0, 16.0),
}


def colour_gray_sepia(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 -> the same, and its gray and its sepia copy; their L differs only by 8-bit rounding."""
    return rgb, toned(rgb, 0, 0), toned(rgb, SEPIA_A, SEPIA_B)


def toned(rgb: np.ndarray, a: float, b: float) -> np.ndarray:
    """(H, W, 3) uint8 -> its lightness under one a and b, as far as the gamut has room."""
    L = lab.lightness(rgb)
    return lab.lab_to_rgb(np.stack([L, np.full_like(L, a), np.full_like(L, b)], axis=-1))
