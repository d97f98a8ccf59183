"""Pixels of any kind -> 8-bit sRGB: every Pillow mode, 16-bit and float data, colour profiles, transparency.

Nothing here opens files; `colorizer.photo` does, and hands over what it decoded.
"""

import io

import numpy as np
from PIL import Image, ImageChops, ImageCms

from colorizer.errors import OptionError, PhotoError

# Scanners and cameras deliver 10, 12 or 14 bits in 16-bit files without saying so, and by the container's range such a
# photo would be black. So the range is the smallest of these depths that holds the brightest pixel: a 16-bit photo with
# anything above a quarter of full brightness is scaled by 65535, as it should be.
DEPTHS = (8, 10, 12, 14, 16)
# Floats from 0 to 1 may over- and undershoot a little where a photo was sharpened; these are clipped.
FLOAT_OVERSHOOT = 0.5
# In arrays handed over from Python, more than this outside 0 to 1 is a mistake the caller wants to hear of.
ARRAY_OVERSHOOT = 1e-3

NOTE_ALPHA = "See-through parts of this picture were filled with white."
NOTE_PROFILE = "The colour profile in this file can't be used, so its colours were taken as plain sRGB."
NOTE_STRETCHED = (
    "This picture's brightness has no usual range; it was stretched from its darkest to its brightest pixel."
)

_WIDE = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
_PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 262, 258, 339  # TIFF tags


def to_rgb(image: Image.Image, *, stored_bits: int = 8) -> tuple[Image.Image, list[str]]:
    """Any decoded picture as 8-bit sRGB.

    Args:
        image: loaded, of any mode.
        stored_bits: bits a channel in the file. Pillow keeps only the upper 8 of 16-bit colour.

    Returns:
        An RGB image of the same size, not turned yet (the given one if nothing had to change), and what the visitor
        should know.

    Raises:
        PhotoError: the pixels are NaN, or too few bits are left of them.
    """
    notes: list[str] = []
    profile = image.info.get("icc_profile")
    alpha: Image.Image | None = None
    if image.mode in _WIDE:
        image, alpha, wide_notes = _narrow(image)
        notes += wide_notes
    elif image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG for Adobe's, which hold inverted ink; those without Adobe's marker don't.
        image = ImageChops.invert(image)
    elif image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("LA", "La") else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    if stored_bits == 16 and image.mode in ("L", "RGB"):
        image, high_notes = _stretch_high_bytes(image)
        notes += high_notes
    rgb, profile_is_used = _to_srgb(image, profile)
    if not profile_is_used:
        notes.append(NOTE_PROFILE)
    if alpha is not None and alpha.getextrema()[0] != 255:
        white = Image.new("RGB", rgb.size, "white")
        white.paste(rgb, mask=alpha)
        rgb = white
        notes.append(NOTE_ALPHA)
    return rgb, notes


def from_array(array: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """An array as people have it -> (H, W, 3) uint8 sRGB and notes.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4, the last one alpha), sRGB; uint8, uint16, bool, or floats
            in [0, 1].

    Raises:
        OptionError: another shape or dtype, floats outside [0, 1], NaN or infinity.
    """
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise OptionError(
            f"An array of shape {array.shape} is no photo; allowed are (height, width) for gray, "
            "(height, width, 3) for RGB and (height, width, 4) for RGB with alpha."
        )
    notes: list[str] = []
    if array.size == 0 or array.dtype == np.uint8:
        array = np.array(array, dtype=np.uint8)
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype == np.uint16:
        array, notes = _scale_integers(array)
    elif np.issubdtype(array.dtype, np.floating):
        array = _scale_unit_floats(array)
    else:
        raise OptionError(
            f"An array of {array.dtype} is no photo; allowed are uint8, uint16, and floats from 0 to 1."
        )
    colour = np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[:, :, :3]
    if array.shape[2] == 4 and array.size and array[:, :, 3].min() < 255:
        weight = array[:, :, 3:].astype(np.uint16)
        colour = ((colour * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)
        notes.append(NOTE_ALPHA)
    return np.ascontiguousarray(colour), notes


def _narrow(image: Image.Image) -> tuple[Image.Image, Image.Image | None, list[str]]:
    """A one-channel picture of 16 or 32 bits or floats -> an L one, its alpha where one value is see-through."""
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    if image.mode == "I" and tags.get(_SAMPLE_FORMAT, (1,)) == (1,) and tags.get(_BITS) == (32,):
        values = values.view(np.uint32)  # Pillow reads unsigned 32-bit samples as signed ones
    alpha = None
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        alpha = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    if image.mode == "F":
        if not np.isfinite(values).all():
            raise PhotoError(
                "Some pixels of this picture are not numbers (NaN or infinite); save it as PNG and try again."
            )
        gray, notes = _scale_floats(values)
    else:
        gray, notes = _scale_integers(values)
    if tags.get(_PHOTOMETRIC) == 0:  # "white is zero", which Pillow heeds for 8 bits only
        np.subtract(255, gray, out=gray)
    result = Image.fromarray(gray)
    return result, alpha, notes


def _scale_integers(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Integers of more than 8 bits -> uint8 by the range of the depth they seem to have (see DEPTHS)."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 0xFFFF:
        return _stretch(values, low, high), [NOTE_STRETCHED]
    depth = next(depth for depth in DEPTHS if high < 1 << depth)
    full = (1 << depth) - 1
    # round(v * 255 / full) by a table: one byte a pixel is all the memory this takes
    table = ((np.arange(full + 1, dtype=np.int64) * 510 + full) // (2 * full)).astype(np.uint8)
    return table[values], [] if depth == 16 or high == 0 else [_depth_note(depth)]


def _scale_floats(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Finite floats out of a file -> uint8: from 0 to 1 as they are, up to 65535 by depth, others stretched."""
    low, high = float(values.min()), float(values.max())
    if low >= -FLOAT_OVERSHOOT and high <= 1 + FLOAT_OVERSHOOT:
        return _to_uint8(np.clip(values, 0, 1)), []
    if low >= 0 and 16 < high <= 0xFFFF:
        gray, _ = _scale_integers(np.rint(values).astype(np.uint16))
        return gray, []
    return _stretch(values, low, high), [NOTE_STRETCHED]


def _scale_unit_floats(array: np.ndarray) -> np.ndarray:
    if not np.isfinite(array).all():
        raise OptionError(
            "This array holds NaN or infinity; allowed are uint8, uint16, and floats from 0 to 1."
        )
    low, high = float(array.min()), float(array.max())
    if low < -ARRAY_OVERSHOOT or high > 1 + ARRAY_OVERSHOOT:
        raise OptionError(
            f"This array's floats go from {low:g} to {high:g}; allowed is 0 to 1. Divide it by its full range first."
        )
    return _to_uint8(np.clip(array, 0, 1))


def _stretch(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """[low, high] -> [0, 255] uint8; a flat picture comes out black."""
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return _to_uint8((values.astype(np.float64) - low) / (float(high) - low))


def _to_uint8(unit: np.ndarray) -> np.ndarray:
    """[0, 1] floats -> uint8, rounded."""
    return np.rint(unit * np.float32(255)).astype(np.uint8)


def _stretch_high_bytes(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The same as DEPTHS for 16-bit colour, of which Pillow hands over the upper bytes only."""
    high = int(np.asarray(image).max())
    if high > 63:
        return image, []
    if high <= 3:
        raise PhotoError(
            "This 16-bit colour picture uses so few of its bits that it would come out black; "
            "save it with 8 bits a channel and try again."
        )
    depth = 14 if high > 15 else 12
    full = (1 << depth - 8) - 1
    table = [min(255, round(value * 255 / full)) for value in range(256)]
    stretched = image.point(table * len(image.getbands()))
    return stretched, [_depth_note(depth) + " Saved with 8 bits a channel it would keep more of its shades."]


def _depth_note(depth: int) -> str:
    return f"This 16-bit picture uses only {depth} of its bits; its brightness was scaled to these."


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """L, RGB, CMYK or LAB -> sRGB by the picture's profile; False where it has one that can't be used."""
    if image.mode == "LAB":
        return _transform(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))), True
    if not profile:
        return _as_rgb(image), True
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        if image.mode == "L" and space == "RGB":
            image = image.convert("RGB")  # common: a gray photo saved with the profile of the screen
        if {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}[image.mode] == space:
            return _transform(image, opened), True
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        pass  # a damaged profile is no reason to refuse the photo: the visitor is told
    return _as_rgb(image), False


def _as_rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")


def _transform(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        image.mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if image.mode == "RGB" and _changes_nothing(transform):
        return image  # most profiles are sRGB under some name, and 12 megapixels take a second to transform
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # only in-place transforms return nothing
    return converted


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether an RGB transform leaves a grid of 17x17x17 colours as they are, but for rounding."""
    grid = np.stack(np.meshgrid(*[np.linspace(0, 255, 17)] * 3), axis=-1).astype(np.uint8).reshape(17, -1, 3)
    moved = np.asarray(ImageCms.applyTransform(Image.fromarray(grid), transform))
    return bool(np.abs(moved.astype(np.int16) - grid).max() <= 1)
