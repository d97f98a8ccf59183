"""Colours of skin: what was measured under neutral light, and the Monk scale's tones, in one form.

    a, b = NEUTRAL_SKIN["Indian"]                  # at L* 50
    skin_ab = at_lightness((a, b), lightness)      # what that is on a brighter or darker pixel

A shadow scales all light alike, and so L* + 16, a* and b*, which are made of its cube roots. So a skin's colour is said
as the a* and b* that it has, or would have, at L* 50: the same number for the lit and the shaded side of a face.
"""

import numpy as np

from colorizer import lab
from colorizer.groups import GROUPS, TONES

REFERENCE = 50.0 + 16.0
"""L* + 16 of the lightness that skin colours are said for."""

# Means of the Face Research Lab London Set, one studio light: White, Black, Asian (East Asian there) and Middle Eastern
# (West Asian there), of 138, 26, 18 and 20 photos; standard errors are 0.2 to 0.6. It holds nobody who is Hispanic or
# Indian: these two are placed by the straight lines that lead from the means of those four in FairFace, where the light
# is anything, to theirs here. `python -m train skin-colors` measures all of it again.
NEUTRAL_SKIN: dict[str, tuple[float, float]] = {
    "Asian": (10.2, 14.5),
    "Black": (10.7, 14.0),
    "Hispanic": (10.1, 15.2),
    "Indian": (10.1, 15.8),
    "Middle Eastern": (10.0, 13.6),
    "White": (9.1, 9.7),
}


def group_table() -> np.ndarray:
    """(6, 2) float32 a* and b* at L* 50, in the order of GROUPS."""
    return np.array([NEUTRAL_SKIN[group] for group in GROUPS], np.float32)


def at_lightness(color: tuple[float, float], lightness: np.ndarray | float) -> np.ndarray:
    """A skin's a* and b* on pixels of some lightness.

    Args:
        color: a* and b* at L* 50.
        lightness: any shape, L* in [0, 100].

    Returns:
        (2, ...) float32.
    """
    factor = (np.asarray(lightness, np.float32) + 16) / REFERENCE
    return np.stack([color[0] * factor, color[1] * factor])


def skin_color(ab: tuple[float, float], lightness: float) -> tuple[float, float]:
    """The a* and b* at L* 50 of skin that is seen with `ab` at some lightness."""
    factor = REFERENCE / (lightness + 16)
    return ab[0] * factor, ab[1] * factor


def tone(name: str) -> tuple[float, float]:
    """a* and b* at L* 50 of a tone of the Monk scale, one of TONES."""
    lightness, a, b = lab_of(TONES[name])
    return skin_color((a, b), lightness)


def lab_of(code: str) -> tuple[float, float, float]:
    """L*, a* and b* of "#rrggbb"."""
    rgb = np.array([[[int(code[i : i + 2], 16) for i in (1, 3, 5)]]], np.uint8)
    lightness, a, b = lab.rgb_to_lab(rgb)[0, 0].tolist()
    return lightness, a, b
