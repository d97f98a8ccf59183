"""What a file is, told by its first bytes: one of the photo formats we read, or a sentence on what it is instead.

`recognise(data)` is asked before any decoder sees the file, so no decoder runs on a file of another kind. The name a
file carries is never looked at: a PNG called photo.jpg is a PNG.
"""

import re
import struct

from colorizer.errors import PhotoError

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF")
READABLE = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF"

# libjpeg spends time on the whole picture at every scan, so a small file of many empty scans keeps it busy for hours.
# Encoders write 1 (baseline) to about 12; a file has some dozen other markers, and a profile may take 255 more.
MAX_JPEG_SCANS = 100
MAX_JPEG_MARKERS = 10_000
# The same for PNG, whose chunks Pillow walks one by one: at libpng's 8 kB a chunk, 25 MB are 3,000.
MAX_PNG_CHUNKS = 50_000

_SAVE = "save it as JPEG or PNG and try again"
_RAW = "a camera's raw file, not a finished photo; develop it, save it as JPEG or PNG and try again"
_VIDEO = "a video, not a photo; take a still picture from it and try again"
_SOUND = "a sound recording, not a photo; choose a photo"
_ARCHIVE = "a packed archive, not a photo; unpack it and choose one photo from it"

# First bytes of what people drop in by mistake -> the end of "This is ...".
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"8BPS", f"a Photoshop document, not a photo; {_SAVE}"),
    (b"gimp xcf", f"a GIMP document, not a photo; {_SAVE}"),
    (b"%!PS", f"a PostScript file, not a photo; {_SAVE}"),
    (b"\xc5\xd0\xd3\xc6", f"a PostScript file, not a photo; {_SAVE}"),
    (
        b"PK\x03\x04",
        "a ZIP archive or an office document, not a photo; take the photo out of it and try again",
    ),
    (b"PK\x05\x06", _ARCHIVE),
    (b"Rar!", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"\x1f\x8b", _ARCHIVE),
    (b"BZh", _ARCHIVE),
    (b"\xfd7zXZ", _ARCHIVE),
    (b"\xd0\xcf\x11\xe0", f"an office document, not a photo; take the photo out of it, {_SAVE}"),
    (b"\x00\x00\x00\x0cjP  ", f"a JPEG 2000 picture, which can't be read here; {_SAVE}"),
    (b"\xff\x4f\xff\x51", f"a JPEG 2000 picture, which can't be read here; {_SAVE}"),
    (b"\x00\x00\x00\x0cJXL ", f"a JPEG XL picture, which can't be read here; {_SAVE}"),
    (b"\xff\x0a", f"a JPEG XL picture, which can't be read here; {_SAVE}"),
    (b"\x00\x00\x01\x00", "an icon, not a photo; choose a photo"),
    (b"\x00\x00\x02\x00", "a mouse cursor, not a photo; choose a photo"),
    (b"icns", "an icon, not a photo; choose a photo"),
    (b"\x8aMNG", f"an MNG animation, which can't be read here; {_SAVE}"),
    (b"DDS ", f"a game texture, not a photo; {_SAVE}"),
    (b"SIMPLE  =", f"a FITS file from astronomy, which can't be read here; {_SAVE}"),
    (b"\xd7\xcd\xc6\x9a", f"a Windows drawing, not a photo; {_SAVE}"),
    (b"v/1\x01", f"an OpenEXR picture, which can't be read here; {_SAVE}"),
    (b"#?RADIANCE", f"a Radiance picture, which can't be read here; {_SAVE}"),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"FLV\x01", _VIDEO),
    (b"\x00\x00\x01\xba", _VIDEO),
    (b"OggS", _SOUND),
    (b"ID3", _SOUND),
    (b"fLaC", _SOUND),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (b"MMOR", _RAW),
    (b"IIU\x00", _RAW),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"FOVb", _RAW),
    (b"\x00MRM", _RAW),
    (b"MZ", "a program, not a photo; choose a photo"),
    (b"\x7fELF", "a program, not a photo; choose a photo"),
    (b"SQLite format 3", "a database, not a photo; choose a photo"),
)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_HEIF_BRANDS = {
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"hevm",
    b"hevs",
    b"mif1",
    b"mif2",
    b"msf1",
}
_AVIF_BRANDS = {b"avif", b"avis"}
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_PORTABLE = re.compile(rb"P[1-7]\s")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def recognise(data: bytes) -> str:
    """The format of a file's bytes, one of `FORMATS`.

    Raises:
        PhotoError: the file is empty, is something else (named, where it is well known), or is built to keep a
            decoder busy.
    """
    if not data:
        raise PhotoError("This file is empty; choose a photo.")
    if not data.strip(b"\x00"):
        raise PhotoError(
            "This file holds nothing but zeros, so it was damaged when it was copied; copy it again."
        )
    kind = _format(data)
    if kind is None:
        raise PhotoError(f"This is {_other(data)}.")
    if kind == "JPEG":
        _check_jpeg(data)
    elif kind == "PNG":
        _check_png(data)
    return kind


def webp_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) of the canvas from a WebP's header; None where the header is cut short or unknown.

    libwebp sets two whole canvases aside before anybody could ask it for their size.
    """
    head = data[12:16]
    if len(data) < 30:
        return None
    if head == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if head == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if head == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def raw_photo() -> PhotoError:
    """What is said of raw files that are TIFF on the outside, which only their tags tell."""
    return PhotoError(f"This is {_RAW}.")


def _format(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(_TIFF) and data[8:10] != b"CR":  # "CR" at 8: Canon's raw files
        return "TIFF"
    # "BM" begins many texts; a bitmap's header is 12 to 124 bytes long and that number stands at 14.
    if data.startswith(b"BM") and 12 <= int.from_bytes(data[14:18], "little") <= 124:
        return "BMP"
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return "HEIF"
    return None


def _brands(data: bytes) -> set[bytes]:
    """The four-letter brands that an MP4-like file says it is of; none for other files."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), 1024, len(data))
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def _other(data: bytes) -> str:
    """The end of "This is ..." for a file that is no photo."""
    for prefix, what in _OTHERS:
        if data.startswith(prefix):
            return what
    brands = _brands(data)
    if b"crx " in brands or (data[:2] in (b"II", b"MM") and data[8:10] == b"CR"):
        return _RAW
    if brands or data[4:8] in (b"moov", b"mdat", b"wide", b"skip"):
        return _VIDEO
    if data.startswith(b"RIFF"):
        return _SOUND if data[8:12] == b"WAVE" else _VIDEO
    if data[128:132] == b"DICM":
        return f"a DICOM picture from medicine, which can't be read here; {_SAVE}"
    if b"%PDF-" in data[:1024]:
        return "a PDF, not a photo; save the page or picture you want as JPEG or PNG and try again"
    if _PORTABLE.match(data):
        return f"a portable pixmap (PNM), which can't be read here; {_SAVE}"
    return _text(data) or f"no photo we know; choose one saved as {READABLE}"


def _text(data: bytes) -> str | None:
    """What sort of text the file is; None where it isn't text."""
    head = data[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    else:
        text = head.decode("utf-8", errors="replace").lstrip("\ufeff")
        # Up to three bytes of a character may be missing where the head was cut off.
        text = text.rstrip("\ufffd") if len(data) > len(head) else text
    if "\ufffd" in text or _CONTROL.search(text):
        return None
    lower = text.lower()
    if "<svg" in lower:
        return "an SVG drawing, not a photo; save it as PNG and try again"
    if "<html" in lower or "<!doctype html" in lower:
        return "a web page, not a photo; save the picture itself and try again"
    return f"a text file, not a photo; choose a photo saved as {READABLE}"


def _check_jpeg(data: bytes) -> None:
    """Refuse JPEGs with so many scans or markers that walking them takes minutes."""
    at, scans = 2, 0
    for _ in range(MAX_JPEG_MARKERS):
        # Outside entropy-coded data this finds the next marker at once; inside, a marker is the only FF not
        # followed by 00, and restart markers (D0 to D7) belong to the data.
        found = _JPEG_MARKER.search(data, at)
        if found is None:
            return
        at, code = found.end(), found[1][0]
        if code == 0xD9:  # end of image; whatever follows is never decoded
            return
        if 0xD0 <= code <= 0xD8 or code == 0x01:  # markers without a length
            at = _skip_restarts(data, at)
            continue
        scans += code == 0xDA
        if scans > MAX_JPEG_SCANS:
            break
        at += int.from_bytes(data[at : at + 2], "big")
    raise PhotoError(
        f"This JPEG is built in an unusual way that takes too long to decode; open it and {_SAVE}."
    )


_NO_RESTART = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)


def _skip_restarts(data: bytes, at: int) -> int:
    """Where the next marker that is no restart begins; a long photo may hold a hundred thousand restarts."""
    found = _NO_RESTART.search(data, at)
    return len(data) if found is None else found.start()


def _check_png(data: bytes) -> None:
    """Refuse PNGs of so many chunks that walking them takes minutes."""
    at = 8
    for _ in range(MAX_PNG_CHUNKS):
        if at + 8 > len(data):
            return
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    raise PhotoError(f"This PNG is cut into far too many pieces; open it and {_SAVE}.")
