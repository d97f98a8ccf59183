"""Small files that want much: memory, time, or more pixels than anybody has."""

import re
import struct
import zlib

from tests.hostile.build import (
    chunk,
    gray_tiff_tags,
    idat,
    ihdr,
    insert_jpeg,
    insert_png,
    picture,
    png,
    save,
    segment,
    tiff,
    valid,
)
from tests.hostile.case import HostileFile, error, photo


def _jpeg_header(width: int, height: int) -> bytes:
    """A JPEG whose header lies about its size."""
    data = bytearray(valid("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def _jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG that repeats its last scan: 64x48 here, hours of work at 50 megapixels."""
    data = save(picture(), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def _gif_header(width: int, height: int) -> bytes:
    data = bytearray(valid("GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def _gif_frame_beyond_screen() -> bytes:
    """A first frame of 65535x65535 on a screen of 64x48: the frame makes the picture grow."""
    data = bytearray(valid("GIF"))
    at = re.search(rb",\x00\x00\x00\x00" + re.escape(struct.pack("<HH", 64, 48)), data).start()  # type: ignore[union-attr]
    data[at + 5 : at + 9] = struct.pack("<HH", 65535, 65535)
    return bytes(data)


def _bmp_header(width: int, height: int) -> bytes:
    data = bytearray(valid("BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def _webp_canvas(width: int, height: int) -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4)
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body += valid("WEBP")[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _isobmff_size(format: str, width: int, height: int) -> bytes:
    """HEIC or AVIF that says another size ("ispe") than its picture has."""
    data = bytearray(valid(format))
    for found in re.finditer(b"ispe", bytes(data)):
        data[found.end() + 4 : found.end() + 12] = struct.pack(">II", width, height)
    return bytes(data)


def _tiff_tile(side: int) -> bytes:
    """A tile of side x side for a picture of 64x48, packed small."""
    tags = gray_tiff_tags(64, 48)
    packed = zlib.compress(bytes(10_000), 9)
    for tag in (273, 278, 279):
        del tags[tag]
    tags |= {
        259: (3, 1, 8),
        322: (4, 1, side),
        323: (4, 1, side),
        324: (4, 1, 8 + 2 + 9 * 12 + 4),
        325: (4, 1, len(packed)),
    }
    return tiff(tags, packed)


def _oversized() -> bytes:
    return valid("PNG") + bytes(25_000_001 - len(valid("PNG")))


BIG = "megapixels"
files: list[HostileFile] = [
    error("file-over-limit", ".png", _oversized, "25 MB"),
    error(
        "png-claims-billions",
        ".png",
        lambda: png(ihdr(2**31 - 1, 2**31 - 1), idat(rows=9, bytes_a_row=9)),
        BIG,
    ),
    error(
        "png-bomb", ".png", lambda: png(ihdr(20_000, 20_000, 1, 0), idat(rows=20_000, bytes_a_row=2500)), BIG
    ),
    error(
        "png-just-over",
        ".png",
        lambda: png(ihdr(10_000, 5_001, 1, 0), idat(rows=5_001, bytes_a_row=1250)),
        BIG,
    ),
    error("jpeg-claims-65535", ".jpg", lambda: _jpeg_header(65500, 65500), BIG),
    error("gif-claims-65535", ".gif", lambda: _gif_header(65535, 65535), BIG),
    error("gif-frame-beyond-screen", ".gif", _gif_frame_beyond_screen, "unpacks|megapixels"),
    error("bmp-claims-billions", ".bmp", lambda: _bmp_header(2**31 - 1, 2**31 - 1), BIG),
    error("webp-claims-16-million", ".webp", lambda: _webp_canvas(2**24, 200), BIG),
    error("webp-claims-all", ".webp", lambda: _webp_canvas(2**24, 2**24), BIG),
    error("heic-claims-30000", ".heic", lambda: _isobmff_size("HEIF", 30_000, 30_000), BIG + "|damaged"),
    error("avif-claims-16000", ".avif", lambda: _isobmff_size("AVIF", 16_000, 16_000), BIG + "|damaged"),
    error(
        "tiff-claims-billions",
        ".tif",
        lambda: tiff(gray_tiff_tags(2**31 - 1, 2**31 - 1) | {279: (4, 1, 99)}),
        BIG,
    ),
    error("tiff-giant-tile", ".tif", lambda: _tiff_tile(40_000), "tiles|unpacks"),
    # Its data end properly, only too early: libjpeg fills the rest with gray, as every viewer does.
    photo("jpeg-claims-too-much", ".jpg", lambda: _jpeg_header(2000, 1500)),
    error("jpeg-1000-scans", ".jpg", lambda: _jpeg_of_scans(1000), "too long to decode"),
    photo("jpeg-50-scans", ".jpg", lambda: _jpeg_of_scans(50)),
    error(
        "jpeg-million-comments",
        ".jpg",
        lambda: insert_jpeg(valid("JPEG"), segment(0xFE, b"") * 1_000_000),
        "too long to decode",
    ),
    error(
        "png-million-chunks",
        ".png",
        lambda: insert_png(valid("PNG"), chunk(b"teST") * 1_000_000),
        "too many pieces",
    ),
    error(
        "png-text-bomb",
        ".png",
        lambda: insert_png(valid("PNG"), chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(50_000_000), 9))),
        "metadata",
    ),
    error(
        "png-profile-bomb",
        ".png",
        lambda: insert_png(valid("PNG"), chunk(b"iCCP", b"a\x00\x00" + zlib.compress(bytes(50_000_000), 9))),
        "metadata",
    ),
    photo(
        "jpeg-exif-huge",
        ".jpg",
        lambda: insert_jpeg(valid("JPEG"), *[segment(0xE1, b"Exif\x00\x00" + bytes(65_000))] * 300),
    ),
    photo("tiff-pages-in-a-circle", ".tif", lambda: tiff(gray_tiff_tags(64, 48), bytes(64 * 48), next_at=8)),
    error("one-pixel-png", ".png", lambda: save(picture(1, 1), "PNG"), "only 1 x 1"),
    error("one-pixel-gif", ".gif", lambda: save(picture(1, 1), "GIF"), "only 1 x 1"),
    error("fifteen-rows", ".jpg", lambda: save(picture(400, 15), "JPEG"), "only 400 x 15"),
    error(
        "a-thread",
        ".png",
        lambda: png(ihdr(3_000_000, 16, 1, 0), idat(rows=16, bytes_a_row=375_000)),
        "long and thin",
    ),
]
