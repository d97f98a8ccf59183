"""Photos that are cut short, or whose insides contradict each other."""

import struct
import zlib

import numpy as np
from PIL import Image

from tests.hostile.build import (
    chunk,
    gray_tiff_tags,
    idat,
    ihdr,
    insert_jpeg,
    picture,
    png,
    save,
    segment,
    tiff,
    valid,
)
from tests.hostile.case import HostileFile, error, photo

ANY = "damaged|cut short|missing"


def _half(format: str) -> bytes:
    return valid(format)[: len(valid(format)) // 2]


def _png_bad_crc() -> bytes:
    data = bytearray(valid("PNG"))
    data[data.index(b"IHDR") + 14 + 4] ^= 0xFF  # in the header's checksum
    return bytes(data)


def _gif_without_frames() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 64, 48, 0x80, 0, 0) + bytes(6) + b";"


def _bmp(width: int, height: int, bits: int = 24) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 999, 0, 0, 54) + info + bytes(999)


def _jpeg_garbage_inside() -> bytes:
    """libjpeg goes on after errors in the data, as browsers do: this must not crash, and comes out spoilt."""
    data = bytearray(valid("JPEG"))
    middle = len(data) * 3 // 4
    data[middle : middle + 20] = bytes(range(1, 21))
    return bytes(data)


def _nan_tiff() -> bytes:
    values = np.full((48, 64), 0.5, np.float32)
    values[5, 5] = np.nan
    return save(Image.fromarray(values), "TIFF")


def _tiff(**changes: tuple[int, int, int]) -> bytes:
    tags = gray_tiff_tags(64, 48) | {int(tag[1:]): value for tag, value in changes.items()}
    return tiff(tags, bytes(64 * 48))


files: list[HostileFile] = [
    *(
        error(f"{format.lower()}-half", suffix, lambda format=format: _half(format), ANY)
        for format, suffix in {
            "JPEG": ".jpg",
            "PNG": ".png",
            "WEBP": ".webp",
            "TIFF": ".tif",
            "BMP": ".bmp",
            "GIF": ".gif",
            "HEIF": ".heic",
            "AVIF": ".avif",
        }.items()
    ),
    error("jpeg-start-only", ".jpg", lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", ANY),
    error("jpeg-without-tables", ".jpg", lambda: b"\xff\xd8" + segment(0xDA, b"\x01\x01\x00\x00?\x00"), ANY),
    error("jpeg-segment-past-end", ".jpg", lambda: b"\xff\xd8\xff\xe1\xff\xffExif", ANY),
    error(
        "jpeg-zero-size",
        ".jpg",
        lambda: b"\xff\xd8" + segment(0xC0, b"\x08" + bytes(4) + b"\x01\x01\x11\x00") + b"\xff\xd9",
        ANY,
    ),
    photo("jpeg-garbage-inside", ".jpg", _jpeg_garbage_inside),
    error("png-signature-only", ".png", lambda: valid("PNG")[:8], ANY),
    error("png-header-only", ".png", lambda: png(ihdr(64, 48)), ANY),
    error("png-bad-checksum", ".png", _png_bad_crc, ANY),
    error("png-no-palette", ".png", lambda: png(ihdr(64, 48, 8, 3), chunk(b"IDAT", b"x")), ANY),
    error("png-garbage-pixels", ".png", lambda: png(ihdr(64, 48), chunk(b"IDAT", b"no zlib at all")), ANY),
    # Its pixels end properly, only too early: the rest is black, as in viewers. A file cut short is refused (above).
    photo("png-too-few-rows", ".png", lambda: png(ihdr(64, 48), idat(rows=10, bytes_a_row=192))),
    error(
        "png-impossible-mode", ".png", lambda: png(ihdr(64, 48, 3, 5), idat(rows=48, bytes_a_row=192)), ANY
    ),
    error("png-zero-size", ".png", lambda: png(ihdr(0, 0), idat(rows=0, bytes_a_row=0)), ANY),
    error(
        "png-bad-profile-length",
        ".png",
        lambda: png(ihdr(64, 48), struct.pack(">I", 2**31) + b"iCCP" + zlib.compress(b"x")),
        ANY,
    ),
    error("gif-no-frames", ".gif", _gif_without_frames, ANY),
    error("gif-header-only", ".gif", lambda: b"GIF89a", ANY),
    error(
        "gif-zero-size",
        ".gif",
        lambda: b"GIF89a" + bytes(7) + b",\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00;",
        ANY,
    ),
    error("bmp-impossible-depth", ".bmp", lambda: _bmp(64, 48, 77), ANY),
    error("bmp-zero-width", ".bmp", lambda: _bmp(0, 48), ANY),
    error("webp-header-only", ".webp", lambda: b"RIFF\x1e\x00\x00\x00WEBPVP8X", ANY),
    error("webp-unknown-chunk", ".webp", lambda: b"RIFF\x1e\x00\x00\x00WEBPNOPE" + bytes(40), ANY),
    error("heic-box-only", ".heic", lambda: b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", ANY),
    error("avif-box-only", ".avif", lambda: b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", ANY),
    error("tiff-no-tags", ".tif", lambda: tiff({}), ANY),
    error("tiff-directory-past-end", ".tif", lambda: b"II*\x00\xff\xff\xff\x7f", ANY),
    error("tiff-no-bits", ".tif", lambda: _tiff(t258=(3, 1, 0)), ANY),
    error("tiff-absurd-count", ".tif", lambda: _tiff(t258=(3, 0xFFFFFFFF, 8)), ANY),
    error("tiff-pixels-past-end", ".tif", lambda: _tiff(t273=(4, 1, 0x7FFFFFFF)), ANY),
    error("tiff-text-for-width", ".tif", lambda: _tiff(t256=(2, 4, 0x00333231)), ANY),
    error("tiff-unknown-compression", ".tif", lambda: _tiff(t259=(3, 1, 9999)), ANY),
    error("tiff-jpeg-inside-broken", ".tif", lambda: _tiff(t259=(3, 1, 7)), ANY),
    error("tiff-not-numbers", ".tif", _nan_tiff, "not numbers"),
    photo(
        "exif-garbage",
        ".jpg",
        lambda: insert_jpeg(valid("JPEG"), segment(0xE1, b"Exif\x00\x00II*\x00\xff\xff\xff\xff")),
    ),
    photo(
        "profile-garbage",
        ".jpg",
        lambda: save(picture(), "JPEG", icc_profile=b"no profile at all" * 20),
        "profile",
    ),
    photo(
        "xmp-garbage",
        ".jpg",
        lambda: insert_jpeg(valid("JPEG"), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<x")),
    ),
]
