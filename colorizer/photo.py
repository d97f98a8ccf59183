"""Untrusted bytes -> an upright RGB photo, and back: the only place that decodes pictures.

    from colorizer import photo
    picture = photo.read("scan.tif")            # Photo: rgb (H, W, 3) uint8, notes for the visitor, format
    photo.write(coloured, "scan.png", model="ethnicity-aware")
    photo.provenance("scan.png")                # {"digital_source_type": ..., "model": "ethnicity-aware"}

The format is decided by content (`colorizer.filekind`), the limits on bytes and pixels are checked before anything is
decoded, and only the eight decoders below can be reached: the classes are called directly, so none that another
library registered with Pillow, and none of Pillow's own for PostScript and the like, ever sees a file. Everything that
goes wrong is a `PhotoError` with one sentence for the visitor.
"""

import io
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from pillow_heif import HeifImageFile

from colorizer import filekind, pixels
from colorizer.errors import OptionError, PhotoError
from colorizer.provenance import encode, parse, write
from colorizer.settings import Settings, get_settings
from colorizer.source import contents

__all__ = ["Photo", "encode", "from_image", "provenance", "read", "write"]

# Under this no face can be told from noise, and the face detector needs about as much to run at all.
MIN_SIDE = 16
# A photo is no thread: the networks work on a copy of fixed area whose shorter side must stay usable.
MAX_ASPECT = 32

# A coloured photo is a PNG and may well be larger than the file it came from, and than the limit on that.
PROVENANCE_MAX_MB = 1000

_DECODERS: dict[str, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,  # also for MPO, whose first picture is the photo
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "HEIF": HeifImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
assert tuple(_DECODERS) == filekind.FORMATS

# What Pillow's decoders raise on damaged data. They are parsers in Python that index, unpack and divide by what the
# file says and check little of it, so nearly every built-in error can come out; each of these was seen, or stands in
# Pillow's own list of what to expect. Only calls into a decoder are guarded by it: our own mistakes stay visible.
_DAMAGE = (
    ArithmeticError,  # ZeroDivisionError, OverflowError
    AssertionError,
    AttributeError,
    EOFError,
    Image.DecompressionBombError,  # inside a file, where a tile or frame is larger than the picture
    LookupError,  # IndexError, KeyError
    MemoryError,
    NotImplementedError,
    OSError,  # also PIL.UnidentifiedImageError and "image file is truncated"
    RuntimeError,
    SyntaxError,  # Pillow's word for "not such a file"
    TypeError,
    ValueError,
    Warning,  # where the user asked Python to turn warnings into errors
    struct.error,
    zlib.error,
)

_RAW_16_BIT = re.compile("(?:RGB[AaX]?|LA|CMYK);16")  # Pillow's names for what it cuts down to 8 bits
_ORIENTATION = 0x0112  # EXIF; TIFF has the same number
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Photo:
    """A decoded photo."""

    rgb: np.ndarray
    """(H, W, 3) uint8 sRGB, upright."""
    notes: tuple[str, ...] = ()
    """Sentences for the visitor on what was changed or left out, such as all frames but the first."""
    format: str = ""
    """One of `filekind.FORMATS`; "array" or "image" for what came from memory."""


def read(source: str | os.PathLike[str] | bytes | BinaryIO, *, settings: Settings | None = None) -> Photo:
    """Decode a photo that nobody vouches for.

    Args:
        source: a path, a file's bytes, or a binary file (read from its start, and no further than the limit).
        settings: the limits, `max_file_mb` and `max_megapixels`; the process's own when absent.

    Raises:
        PhotoError: no photo, a damaged one, one beyond the limits or under 16 pixels a side; one sentence.
    """
    settings = settings or get_settings()
    data = contents(source, settings.max_file_mb)
    kind = filekind.recognise(data)
    return _photo(_open(data, kind, settings), kind, settings)


def from_image(
    image: Photo | Image.Image | np.ndarray | str | os.PathLike[str] | bytes | BinaryIO,
    *,
    settings: Settings | None = None,
) -> Photo:
    """A photo from whatever a Python user has at hand, by the rules of `read`.

    Args:
        image: a Pillow image of any mode, an array (see `pixels.from_array`), or what `read` takes.
        settings: the limits; on pixels they hold for pictures in memory too.

    Raises:
        PhotoError: see `read`.
        OptionError: an array of another shape, dtype or range; something that is no picture at all.
    """
    settings = settings or get_settings()
    if isinstance(image, Photo):
        return image
    if isinstance(image, Image.Image):
        kind = image.format or "image"
        _check_size(image.size, settings)
        return _photo(image, kind, settings)
    if isinstance(image, np.ndarray):
        rgb, notes = pixels.from_array(image)
        _check_size((rgb.shape[1], rgb.shape[0]), settings)
        return Photo(rgb=rgb, notes=tuple(notes), format="array")
    if isinstance(image, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(image, "read"):
        return read(image, settings=settings)  # type: ignore[arg-type]
    raise OptionError(
        f"A {type(image).__name__} is no photo; allowed are a path, the bytes of a file, a PIL image and an array."
    )


def provenance(source: str | os.PathLike[str] | bytes | BinaryIO) -> dict[str, str | None]:
    """The mark that `write` left in a file: `digital_source_type` (a URL) and `model`, each None where there is none.

    Raises:
        PhotoError: no photo, see `read`. No pixel is decoded, so that only a limit on bytes holds: 1 GB.
    """
    data = contents(source, PROVENANCE_MAX_MB)
    kind = filekind.recognise(data)
    if kind not in ("PNG", "JPEG"):  # what `write` writes
        return parse(None)
    with _damage_means_error(kind):
        image = _DECODERS[kind](io.BytesIO(data))
    return parse(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp"))


def _open(data: bytes, kind: str, settings: Settings) -> ImageFile.ImageFile:
    """The file's header, read, and found to be within the limits; no pixel is decoded yet."""
    _let_pillow_follow(settings)
    if kind == "WEBP" and (size := filekind.webp_size(data)) is not None:
        _check_size(size, settings)
    with _damage_means_error(kind):
        image = _DECODERS[kind](io.BytesIO(data))
    _check_size(image.size, settings)
    if kind == "TIFF":
        with _damage_means_error(kind):
            _check_tiff(image, settings)
    return image


def _let_pillow_follow(settings: Settings) -> None:
    """Where the operator allows more than Pillow's own limit, raise that: it applies inside some decoders.

    It is Pillow's only one, for the whole process, and therefore never lowered.
    """
    allowed = int(settings.max_megapixels * 1e6)
    if Image.MAX_IMAGE_PIXELS is not None and allowed > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = allowed


def _check_size(size: tuple[int, int], settings: Settings) -> None:
    width, height = size
    megapixels = width * height / 1e6
    if min(size) < MIN_SIDE:
        raise PhotoError(
            f"This picture is only {width} x {height} pixels; a photo needs at least {MIN_SIDE} on each side."
        )
    if megapixels > settings.max_megapixels:
        raise PhotoError(
            f"This picture has {megapixels:,.2f} megapixels ({width} x {height}), and at most "
            f"{settings.max_megapixels:g} are read; make it smaller and try again."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise PhotoError(
            f"This picture is {width} x {height} pixels, far too long and thin for a photo; cut out the part you want."
        )


def _check_tiff(image: ImageFile.ImageFile, settings: Settings) -> None:
    """Refuse what only a TIFF's tags tell: raw camera files, and tiles far larger than the picture they cover."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    is_thumbnail = bool(tags.get(254, 0) & 1)
    if 50706 in tags or (
        is_thumbnail and 330 in tags
    ):  # DNG's version; a preview first, the rest in sub-directories
        raise filekind.raw_photo()
    if tags.get(322, 0) * tags.get(323, 0) > settings.max_megapixels * 1e6:  # a tile's width and length
        raise PhotoError(
            "This TIFF is damaged: its tiles are larger than any photo; save it again as PNG or JPEG."
        )


def _photo(image: Image.Image, kind: str, settings: Settings) -> Photo:
    """An opened image, decoded, brought to sRGB, and turned as its EXIF says."""
    is_animated, stored_bits = _is_animated(image), _stored_bits(image)
    with _damage_means_error(kind):
        image.load()
    _check_size(image.size, settings)  # once more: a HEIC's size may change while it is decoded
    with _damage_means_error(kind):
        rgb, notes = pixels.to_rgb(image, stored_bits=stored_bits)
    turn = _TURNS.get(_orientation(image))
    if turn is not None:
        rgb = rgb.transpose(turn)
    if is_animated:
        notes.insert(0, _frames_note(kind))
    return Photo(rgb=np.array(rgb, dtype=np.uint8), notes=tuple(notes), format=kind)


def _stored_bits(image: Image.Image) -> int:
    """Bits a channel in the file, as far as it matters for colour: 16, or else 8. Only known before decoding."""
    raw_modes = str([tile[3] for tile in getattr(image, "tile", [])])
    return 16 if _RAW_16_BIT.search(raw_modes) else 8


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 (upright) to 8; metadata too damaged to read count as upright."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _DAMAGE:
        return 1


def _is_animated(image: Image.Image) -> bool:
    """Whether more pictures follow the first; what is damaged behind it doesn't matter."""
    try:
        return bool(getattr(image, "is_animated", False))
    except _DAMAGE:
        return False


def _frames_note(kind: str) -> str:
    if kind == "TIFF":
        return "This TIFF has several pages; only the first one was used."
    if kind == "HEIF":
        return "This file holds several pictures; only the main one was used."
    return "This picture is animated; only its first frame was used."


@contextmanager
def _damage_means_error(kind: str) -> Iterator[None]:
    """Whatever a decoder raises inside becomes a sentence; PhotoErrors pass."""
    name = {"HEIF": "HEIC", "WEBP": "WebP", "image": "picture"}.get(kind, kind)
    try:
        yield
    except _DAMAGE as error:
        text = str(error)
        if isinstance(error, Image.DecompressionBombError):
            says = f"This {name} unpacks to far more than a photo; make it smaller and try again."
        elif isinstance(error, MemoryError):
            says = f"This {name} needs more memory than there is; make it smaller and try again."
        elif "MAX_TEXT" in text:
            says = f"This {name} carries far more metadata than a photo needs; save it again without."
        elif isinstance(error, EOFError) or "truncated" in text.lower():
            says = f"This {name} is cut short: part of the file is missing; copy or download it again."
        else:
            says = (
                f"This {name} is damaged or of a kind that can't be read; "
                "open it in another program, save it as JPEG or PNG and try again."
            )
        raise PhotoError(says) from error
