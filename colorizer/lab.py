"""RGB <-> CIELAB, and predicted colour put under the original lightness of a photo of any size.

    lightness = lab.lightness(rgb)                        # (H, W): all the network ever sees of a photo
    rgb = lab.merge(lightness, ab, vividness=1.0)         # (H, W, 3): ab may be far smaller than the photo

CIELAB is that of scikit-image (D65, 2 degrees) to 0.01. Everything is float32 and works through bands of rows, so that
a 50-megapixel photo needs little more memory than its own lightness and the result.
"""

import numpy as np
import torch.nn.functional as F

from colorizer.groups import VIVIDNESS_LIMIT
from colorizer.upsampling import as_plane, bands, upsampled_bands

# Linear sRGB -> XYZ (IEC 61966-2-1, the digits scikit-image uses), each row divided by its own sum. So the white
# point is exactly R = G = B: a gray pixel has ab = 0 and comes back as the same gray, not one code value off.
_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
_FROM_RGB = (_XYZ / _XYZ.sum(axis=1, keepdims=True)).astype(np.float32)
_TO_RGB = np.linalg.inv(_FROM_RGB.astype(np.float64)).astype(np.float32)
# Where CIELAB's cube root gives way to a straight line (CIE 15), in t and in f(t).
_DELTA = 6 / 29
_SLOPE = 1 / (3 * _DELTA**2)

# Linear light of each 8-bit code value.
_codes = np.arange(256) / 255
_LINEAR = np.where(_codes <= 0.04045, _codes / 12.92, ((_codes + 0.055) / 1.055) ** 2.4).astype(np.float32)

# Linear light this far outside [0, 1] is rounding, not a colour out of gamut: less than a sixth of a code value.
_GAMUT_SLACK = 5e-5
# Halvings of the chroma's scale: the last step is 1/4096 of the chroma, far below one code value.
_GAMUT_STEPS = 12


def lightness(rgb: np.ndarray) -> np.ndarray:
    """CIELAB lightness of each pixel; for a gray, toned or colour copy of one photo the same.

    Args:
        rgb: (H, W, 3) uint8 sRGB.

    Returns:
        (H, W) float32 L* in [0, 100].

    Raises:
        ValueError: `rgb` has another shape or type.
    """
    _check_rgb(rgb)
    out = np.empty(rgb.shape[:2], np.float32)
    red, green, blue = (_LINEAR * weight for weight in _FROM_RGB[1])
    for rows in bands(*rgb.shape[:2]):
        band = rgb[rows]
        out[rows] = 116 * _f(red[band[..., 0]] + green[band[..., 1]] + blue[band[..., 2]]) - 16
    return np.clip(out, 0, 100, out=out)


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of each pixel.

    Args:
        rgb: (H, W, 3) uint8 sRGB.

    Returns:
        (H, W, 3) float32 L* in [0, 100], a*, b*.

    Raises:
        ValueError: `rgb` has another shape or type.
    """
    _check_rgb(rgb)
    out = np.empty(rgb.shape, np.float32)
    for rows in bands(*rgb.shape[:2]):
        f = _f(_LINEAR[rgb[rows]] @ _FROM_RGB.T)
        np.clip(116 * f[..., 1] - 16, 0, 100, out=out[rows, :, 0])
        np.multiply(f[..., 0] - f[..., 1], 500, out=out[rows, :, 1])
        np.multiply(f[..., 1] - f[..., 2], 200, out=out[rows, :, 2])
    return out


def lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """sRGB of each pixel; what lies outside the gamut loses chroma, never lightness or hue.

    Args:
        lab: (H, W, 3) L* in [0, 100], a*, b*.

    Returns:
        (H, W, 3) uint8 sRGB.
    """
    out = np.empty(lab.shape, np.uint8)
    for rows in bands(*lab.shape[:2]):
        out[rows] = _round(lab_to_srgb(lab[rows]))
    return out


def lab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """`lab_to_rgb` before it is rounded to 8 bits, all at once.

    Args:
        lab: (..., 3) L* in [0, 100], a*, b*.

    Returns:
        (..., 3) float32 sRGB in [0, 255], with exactly the L* that came in.
    """
    lab = np.asarray(lab, np.float32)
    fy = (np.clip(lab[..., 0], 0, 100) + 16) / 116
    dx, dz = lab[..., 1] / 500, lab[..., 2] / -200
    linear = _linear_rgb(fy, dx, dz)
    outside = ~_in_gamut(linear)
    if outside.any():
        linear[outside] = _reduce_chroma(fy[outside], dx[outside], dz[outside])
    return 255 * _encode(np.clip(linear, 0, 1, out=linear))


def resize_lightness(lightness: np.ndarray, height: int, width: int) -> np.ndarray:
    """Lightness at the network's working size: each new pixel averages all it covers, so nothing aliases.

    Args:
        lightness: (H, W) float32 L* in [0, 100].
        height: rows wanted.
        width: columns wanted.

    Returns:
        (height, width) float32 L* in [0, 100]; enlarged bilinearly where the photo is the smaller one.
    """
    plane = F.interpolate(as_plane(lightness), (height, width), mode="bilinear", antialias=True)
    return plane[0, 0].numpy()


def upsample_ab(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Bring ab to the size of L, along the edges of L.

    Args:
        lightness: (H, W) float32 L*, full size.
        ab: (2, h, w) float32 a*, b*.

    Returns:
        (2, H, W) float32. Where ab is flat it stays exactly flat.

    Raises:
        ValueError: the two have different aspect ratios; see `merge`.
    """
    out = np.empty((2, *lightness.shape), np.float32)
    for rows, band in upsampled_bands(lightness, ab):
        out[:, rows] = band
    return out


def merge(lightness: np.ndarray, ab: np.ndarray, vividness: float = 1.0, stride: int = 4) -> np.ndarray:
    """Put predicted colour under the original lightness.

    Args:
        lightness: (H, W) float32, CIELAB L* in [0, 100], full size.
        ab: (2, h, w) float32, CIELAB a*, b* at the network's output size.
        vividness: factor on the chroma in [0, 2]: 0 is gray, 1 as predicted. The gamut bounds what it can do.
        stride: pixels that the network saw to a cell of ab, along a side.

    Returns:
        (H, W, 3) uint8 sRGB. Out-of-gamut colours lose chroma, never lightness: before the rounding to 8 bits L* is
        the one that came in; the rounding moves it by less than 0.3.

    Raises:
        ValueError: `vividness` is out of range, or the two have different aspect ratios. Each side of ab may be up to
            16 of the network's pixels from the exact ratio (a side of up to 32 any number too long), because that is
            how far the working size, a multiple of 16, may be from the photo's own ratio.
    """
    if not 0 <= vividness <= VIVIDNESS_LIMIT:
        raise ValueError(f"vividness is {vividness}; choose a number from 0 (gray) to {VIVIDNESS_LIMIT:g}.")
    out = np.empty((*lightness.shape, 3), np.uint8)
    for rows, band in upsampled_bands(lightness, ab, stride):
        out[rows] = _round(lab_to_srgb(np.stack([lightness[rows], *(band * np.float32(vividness))], axis=-1)))
    return out


def _check_rgb(rgb: np.ndarray) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"rgb is {rgb.dtype} {rgb.shape}; pass uint8 (H, W, 3).")


def _f(t: np.ndarray) -> np.ndarray:
    """CIELAB's compression of relative light: cube root, a straight line near black."""
    root = np.cbrt(t)
    dark = root < _DELTA
    if dark.any():
        root[dark] = t[dark] * np.float32(_SLOPE) + np.float32(4 / 29)
    return root


def _f_inverse(f: np.ndarray) -> np.ndarray:
    """The light that `_f` compressed to `f`."""
    cube = f * f * f
    dark = f < _DELTA
    if dark.any():
        cube[dark] = (f[dark] - np.float32(4 / 29)) / np.float32(_SLOPE)
    return cube


def _linear_rgb(fy: np.ndarray, dx: np.ndarray, dz: np.ndarray) -> np.ndarray:
    """(...,) f(Y), f(X) - f(Y), f(Z) - f(Y) -> (..., 3) linear sRGB, also outside [0, 1]."""
    y = _f_inverse(fy)
    x_minus_y, z_minus_y = _f_inverse(fy + dx) - y, _f_inverse(fy + dz) - y
    linear = np.empty((*fy.shape, 3), np.float32)
    # The rows of the matrix sum to 1; written as a difference from gray, gray stays so to the last bit.
    for channel, (from_x, _, from_z) in enumerate(_TO_RGB):
        linear[..., channel] = y + from_x * x_minus_y + from_z * z_minus_y
    return linear


def _in_gamut(linear: np.ndarray) -> np.ndarray:
    """(..., 3) linear sRGB -> (...) bool."""
    low = np.minimum(np.minimum(linear[..., 0], linear[..., 1]), linear[..., 2])
    high = np.maximum(np.maximum(linear[..., 0], linear[..., 1]), linear[..., 2])
    return (low >= -_GAMUT_SLACK) & (high <= 1 + _GAMUT_SLACK)


def _reduce_chroma(fy: np.ndarray, dx: np.ndarray, dz: np.ndarray) -> np.ndarray:
    """(n,) colours out of gamut -> (n, 3) linear sRGB of the same lightness and hue with the most chroma it holds."""
    inside, step = np.zeros_like(fy), np.float32(1)
    for _ in range(_GAMUT_STEPS):
        step /= 2
        tried = inside + step
        inside = np.where(_in_gamut(_linear_rgb(fy, dx * tried, dz * tried)), tried, inside)
    return _linear_rgb(fy, dx * inside, dz * inside)


def _encode(linear: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] -> sRGB in [0, 1]."""
    encoded = np.float32(1.055) * linear ** np.float32(1 / 2.4) - np.float32(0.055)
    dark = linear <= 0.0031308
    if dark.any():
        encoded[dark] = linear[dark] * np.float32(12.92)
    return encoded


def _round(srgb: np.ndarray) -> np.ndarray:
    """[0, 255] float -> uint8, to the nearest."""
    return (srgb + np.float32(0.5)).astype(np.uint8)
