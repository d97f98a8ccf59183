"""Bricks for bad files: a small photo in each format, and PNG, JPEG, GIF and TIFF files laid out by hand."""

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import AvifImagePlugin, GifImagePlugin, Image, PngImagePlugin, TiffImagePlugin  # noqa: F401
from pillow_heif import from_pillow

WIDTH, HEIGHT = 64, 48


@cache
def picture(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """RGB, no two rows or columns alike: red grows to the right, green downwards, blue has waves."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 128 + 100 * np.sin(x / 7) * np.cos(y / 5)
    return Image.fromarray(np.stack([255 * x / width, 255 * y / height, waves], axis=-1).astype(np.uint8))


def save(image: Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of `image` as a file; HEIF through pillow-heif, so that nothing is registered with Pillow."""
    buffer = io.BytesIO()
    if format == "HEIF":
        from_pillow(image).save(buffer, quality=90, **options)
    else:
        image.save(buffer, format, **options)
    return buffer.getvalue()


@cache
def valid(format: str) -> bytes:
    """A small photo in each format that is read."""
    return save(picture(), format)


def frames(format: str, count: int = 3, **options: Any) -> bytes:
    """An animation or a file of several pages; the first frame is `picture()`."""
    others = [picture().rotate(180).point(lambda v, k=k: v // (k + 1)) for k in range(1, count)]
    return save(picture(), format, save_all=True, append_images=others, **options)


def chunk(kind: bytes, data: bytes = b"", crc: int | None = None) -> bytes:
    """One chunk of a PNG."""
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png(*chunks: bytes) -> bytes:
    """A PNG of these chunks, IEND added."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND")


def ihdr(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    """PNG's header; colour: 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGB with alpha."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def idat(*, rows: int, bytes_a_row: int) -> bytes:
    """PNG's pixels, all zero."""
    return chunk(b"IDAT", zlib.compress(bytes((bytes_a_row + 1) * rows), 9))


def insert_png(data: bytes, *chunks: bytes) -> bytes:
    """The PNG with chunks added behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


def insert_jpeg(data: bytes, *segments: bytes) -> bytes:
    """The JPEG with segments added at its start."""
    return data[:2] + b"".join(segments) + data[2:]


def segment(code: int, data: bytes) -> bytes:
    """One JPEG segment, such as an APP1 (0xE1)."""
    return struct.pack(">BBH", 0xFF, code, len(data) + 2) + data


def tiff(tags: dict[int, tuple[int, int, int]], data: bytes = b"", next_at: int = 0) -> bytes:
    """A little-endian TIFF of one directory: tag -> (type, count, value or offset); `data` comes behind it."""
    entries = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    return (
        b"II*\x00\x08\x00\x00\x00"
        + struct.pack("<H", len(tags))
        + entries
        + struct.pack("<I", next_at)
        + data
    )


def gray_tiff_tags(
    width: int, height: int, bits: int = 8, tags_more: int = 0
) -> dict[int, tuple[int, int, int]]:
    """Tags of an uncompressed gray TIFF whose pixels come right behind its directory."""
    count = 8 + tags_more
    return {
        256: (4, 1, width),
        257: (4, 1, height),
        258: (3, 1, bits),
        259: (3, 1, 1),
        262: (3, 1, 1),
        273: (4, 1, 8 + 2 + 12 * count + 4),
        278: (4, 1, height),
        279: (4, 1, width * height * bits // 8),
    }


def exif(orientation: int) -> bytes:
    """EXIF that says how to turn the photo."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()
