"""Which pixels of a face are skin, by comparison with that face itself: fair to any complexion under any light."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from colorizer import lab

# An upright ellipse about each face's box, its half axes in widths and heights of the box. MTCNN's boxes run from the
# middle of the forehead to the chin and end before the ears.
HALF_WIDTH, HALF_HEIGHT = 0.46, 0.50
# The middle of the face, from under the eyes to over the mouth, where most of what there is, is skin.
_MIDDLE = (0.22, 0.42, 0.78, 0.72)  # x0, y0, x1, y1 in shares of the box
# Skin's tone against the middle's median, where tone is L* + 16, proportional to the cube root of light: in light that
# is 0.4 to 2.5 times as much. In L* itself the same shading would be far less on dark skin than on pale.
# Below lie brows, beard, hair, nostrils and deep shadow, above eye whites, teeth and reflections of the lamp.
_DARKEST, _LIGHTEST = 0.74, 1.35
# Here the camera's sensor was full, and its colour is none.
_BURNT_OUT = 97.0
# Farthest that skin's ab may lie from the middle's median: this many times the middle's own median distance (a mottled
# or noisy face spreads more), but within these bounds. The lower one keeps rosy cheeks in; the upper one lips out.
_SPREAD, _NEAR_AB, _FAR_AB = 2.5, 8.0, 12.0
# A face whose middle shows fewer pixels of skin is too small, or too much covered, to tell skin from the rest.
_LEAST_PIXELS = 20


def skin_mask(rgb: np.ndarray, boxes: Sequence[Sequence[float]]) -> np.ndarray:
    """Find the skin of faces.

    No fixed colour counts as skin: each pixel is compared with the median of its own face's middle, in tone and, scaled
    by the tone as shading scales it, in ab. A cast of the light shifts both, so it changes little. On 250 pictures of
    fairface/val it holds 63 (Black) to 70 % (White) of the ellipse, in no group less.

    Args:
        rgb: (H, W, 3) uint8 sRGB, a true photo; thresholds in pixels are meant for about 256x256.
        boxes: x0, y0, x1, y1 of each face in pixels of `rgb`.

    Returns:
        (H, W) bool.
    """
    mask = np.zeros(rgb.shape[:2], bool)
    if not len(boxes):
        return mask
    # Noise and JPEG's blocks are no complexion; a median leaves the edges of eyes and lips where they are.
    in_lab = lab.rgb_to_lab(np.asarray(Image.fromarray(rgb).filter(ImageFilter.MedianFilter(3))))
    for box in boxes:
        mask |= _skin_of_face(in_lab, box)
    return mask


def _skin_of_face(in_lab: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """(H, W, 3) Lab and one box -> (H, W) bool."""
    x0, y0, x1, y1 = box
    x, y = np.arange(in_lab.shape[1]) + 0.5, (np.arange(in_lab.shape[0]) + 0.5)[:, None]
    across, down = (x - x0) / max(x1 - x0, 1e-6), (y - y0) / max(y1 - y0, 1e-6)  # [0, 1] in the box
    face = ((across - 0.5) / HALF_WIDTH) ** 2 + ((down - 0.5) / HALF_HEIGHT) ** 2 < 1
    face &= in_lab[..., 0] < _BURNT_OUT
    middle = face & (across > _MIDDLE[0]) & (across < _MIDDLE[2]) & (down > _MIDDLE[1]) & (down < _MIDDLE[3])

    skin, reference = np.zeros_like(face), middle
    for _ in range(
        2
    ):  # the second time the median is that of the skin in the middle, without a moustache or glasses
        if np.count_nonzero(reference) < _LEAST_PIXELS:
            return np.zeros_like(face)
        L, a, b = np.median(in_lab[reference], axis=0)
        tone = (in_lab[..., 0] + 16) / (L + 16)
        distance = np.hypot(in_lab[..., 1] - a * tone, in_lab[..., 2] - b * tone)
        farthest = np.clip(_SPREAD * np.median(distance[reference]), _NEAR_AB, _FAR_AB)
        skin = face & (tone > _DARKEST) & (tone < _LIGHTEST) & (distance < farthest)
        reference = skin & middle
    return ndimage.binary_opening(skin)
