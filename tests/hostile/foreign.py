"""Files of other kinds that people drop in by mistake, mostly under a photo's name."""

import gzip
import io
import random
import struct
import zipfile

from tests.hostile.build import gray_tiff_tags, picture, save, tiff
from tests.hostile.case import HostileFile, error

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><circle r="9"/></svg>'


def _zip(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"content")
    return buffer.getvalue()


def _dng() -> bytes:
    return tiff({**gray_tiff_tags(64, 48, tags_more=1), 50706: (1, 4, 0x00000401)}, bytes(64 * 48))


def _nef() -> bytes:
    """As most cameras' raw files: a small preview first, the rest in a sub-directory."""
    tags = {**gray_tiff_tags(64, 48, tags_more=2), 254: (4, 1, 1), 330: (4, 1, 8)}
    return tiff(tags, bytes(64 * 48))


files: list[HostileFile] = [
    error("empty", ".jpg", lambda: b"", "empty"),
    error("zeros", ".jpg", lambda: bytes(5000), "zeros"),
    error("text", ".png", lambda: b"Dear reader,\nthis is no picture.\n", "text file"),
    error("text-utf16", ".png", lambda: "Dear reader, no picture".encode("utf-16"), "text file"),
    error("text-begins-bm", ".bmp", lambda: b"BMW is a car maker from Munich, Bavaria.\n", "text file"),
    error("text-long-nepali", ".jpg", lambda: ("रङ्गीन " * 2000).encode(), "text file"),
    error("json", ".jpeg", lambda: b'{"image": null}', "text file"),
    error("svg", ".svg", lambda: SVG, "SVG"),
    error("svg-named-png", ".png", lambda: b"\xef\xbb\xbf" + SVG, "SVG"),
    error("svgz", ".png", lambda: gzip.compress(SVG), "packed archive"),
    error("html", ".jpg", lambda: b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "web page"),
    error("pdf", ".jpg", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n", "PDF"),
    error("postscript", ".jpg", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "PostScript"),
    error("eps-from-pillow", ".png", lambda: save(picture(), "EPS"), "PostScript"),
    error("zip", ".png", lambda: _zip("photo.jpg"), "ZIP"),
    error("docx", ".jpg", lambda: _zip("[Content_Types].xml"), "office document"),
    error("mp4", ".jpg", lambda: b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(99), "video"),
    error("quicktime", ".heic", lambda: b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  " + bytes(99), "video"),
    error("webm", ".webp", lambda: b"\x1aE\xdf\xa3\x9fB\x86\x81\x01" + bytes(99), "video"),
    error("avi", ".webp", lambda: b"RIFF\x99\x00\x00\x00AVI LIST" + bytes(99), "video"),
    error("wav", ".webp", lambda: b"RIFF\x99\x00\x00\x00WAVEfmt " + bytes(99), "sound"),
    error(
        "psd",
        ".png",
        lambda: b"8BPS\x00\x01" + bytes(6) + struct.pack(">HIIHH", 3, 64, 64, 8, 3),
        "Photoshop",
    ),
    error("ico", ".png", lambda: save(picture().resize((32, 32)), "ICO"), "icon"),
    error("jpeg2000", ".jpg", lambda: b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(99), "JPEG 2000"),
    error("jpeg-xl", ".jpg", lambda: b"\xff\x0a" + bytes(range(1, 99)), "JPEG XL"),
    error("portable-pixmap", ".png", lambda: save(picture(), "PPM"), "pixmap"),
    error("fits", ".tif", lambda: b"SIMPLE  =                    T" + b" " * 2850, "FITS"),
    error("wmf", ".png", lambda: b"\xd7\xcd\xc6\x9a" + bytes(range(1, 99)), "Windows drawing"),
    error("raw-canon", ".tif", lambda: b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(99), "raw file"),
    error("raw-canon-3", ".heic", lambda: b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", "raw file"),
    error("raw-dng", ".tif", _dng, "raw file"),
    error("raw-nikon", ".tif", _nef, "raw file"),
    error("program", ".jpg", lambda: b"\x7fELF\x02\x01\x01" + bytes(99), "program"),
    error("random", ".jpg", lambda: random.Random(1).randbytes(4000), "no photo we know"),
]
