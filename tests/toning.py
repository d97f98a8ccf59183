"""One photo as three files: the colour original, a neutral gray copy and a sepia one, all of the same L."""

import numpy as np

from colorizer import lab

# The brown of old prints: hue 70 degrees at a chroma of 18, less near black and white, where the gamut has no room.
SEPIA_A, SEPIA_B = 6.2, 16.9


def colour_gray_sepia(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 -> the same, and its gray and its sepia copy; their L differs only by 8-bit rounding."""
    L = lab.lightness(rgb)
    gray = lab.lab_to_rgb(np.stack([L, np.zeros_like(L), np.zeros_like(L)], axis=-1))
    sepia = lab.lab_to_rgb(np.stack([L, np.full_like(L, SEPIA_A), np.full_like(L, SEPIA_B)], axis=-1))
    return rgb, gray, sepia
