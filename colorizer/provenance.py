"""Colour -> file, with a mark that machines can read: these colours were made by a model, and by which one.

The mark is the one that IPTC, Google and C2PA tools look for: XMP's `Iptc4xmpExt:DigitalSourceType` says "composite
with trained algorithmic media" (https://cv.iptc.org/newscodes/digitalsourcetype), since lightness is the camera's and
colour the model's. Nothing of the input's metadata is carried over: places, names and serial numbers stay out.
"""

import io
import os
import re
import uuid
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, PngImagePlugin

from colorizer.errors import OptionError

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

# 12 megapixels of a slightly noisy portrait on one core: level 1 takes 0.6 s for 12.4 MB, level 3 0.85 s for 11.1 MB,
# level 6 2.5 s for 10.9 MB.
PNG_COMPRESS_LEVEL = 1
JPEG_QUALITY = 95
JPEG_MAX_SIDE = 65_500  # libjpeg's own limit
MODEL_NAME_LENGTH = 200

_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_TOOL = "Rangin "
# Characters that XML 1.0 can't hold, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def packet(model: str) -> str:
    """The XMP packet of a picture coloured by `model`."""
    name = escape(_NOT_XML.sub("", model)[:MODEL_NAME_LENGTH])
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{_IPTC}" xmlns:xmp="{_XMP}">'
        f"<Iptc4xmpExt:DigitalSourceType>{DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>"
        f"<xmp:CreatorTool>{_TOOL}{name}</xmp:CreatorTool>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="r"?>'
    )


def parse(xmp: str | bytes | None) -> dict[str, str | None]:
    """What an XMP packet says: `digital_source_type` (a URL) and `model`; None where it doesn't say."""
    found: dict[str, str | None] = {"digital_source_type": None, "model": None}
    if isinstance(xmp, bytes):
        xmp = xmp.decode("utf-8", errors="replace")
    if not xmp or "<!" in xmp:  # XMP has no declarations; entities are how XML bombs are built
        return found
    start, end = xmp.find("<x:xmpmeta"), xmp.rfind("</x:xmpmeta>")
    try:
        root = ElementTree.fromstring(xmp[max(start, 0) : end + len("</x:xmpmeta>")])
    except (ElementTree.ParseError, ValueError, RecursionError):
        return found
    properties: dict[str, str] = {}
    for description in root.iter(f"{{{_RDF}}}Description"):
        properties |= description.attrib  # XMP may write simple properties either way
        properties |= {child.tag: child.text or "" for child in description}
    found["digital_source_type"] = properties.get(f"{{{_IPTC}}}DigitalSourceType")
    tool = properties.get(f"{{{_XMP}}}CreatorTool", "")
    if tool.startswith(_TOOL):
        found["model"] = tool[len(_TOOL) :]
    return found


def encode(rgb: np.ndarray | Image.Image, format: str = "PNG", *, model: str) -> bytes:
    """A picture as the bytes of a file that carries the mark.

    Args:
        rgb: (H, W, 3) uint8 sRGB, or an RGB image.
        format: "PNG" (lossless, tagged sRGB) or "JPEG" (quality 95, colour at full resolution).
        model: name of the model that made the colours.

    Raises:
        OptionError: another format, shape or dtype, or a JPEG longer than 65,500 pixels.
    """
    pixels = np.asarray(rgb)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise OptionError(
            f"A picture to save is (height, width, 3) of uint8; this is {pixels.shape} of {pixels.dtype}."
        )
    image = Image.fromarray(np.ascontiguousarray(pixels))  # a fresh image: no metadata to leak
    buffer = io.BytesIO()
    if format == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add(b"sRGB", b"\x00")  # perceptual intent, the usual one for photos
        chunks.add_itxt("XML:com.adobe.xmp", packet(model))
        image.save(buffer, "PNG", pnginfo=chunks, compress_level=PNG_COMPRESS_LEVEL)
    elif format == "JPEG":
        if max(image.size) > JPEG_MAX_SIDE:
            raise OptionError(
                f"A JPEG has at most {JPEG_MAX_SIDE:,} pixels a side and this picture has {max(image.size):,}; "
                "save it as PNG."
            )
        # 4:4:4: halving the colour's resolution would blur the very thing this program makes
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling="4:4:4", xmp=packet(model).encode())
    else:
        raise OptionError(f"Pictures are saved as PNG or JPEG, not as {format!r}.")
    return buffer.getvalue()


def write(rgb: np.ndarray | Image.Image, path: str | Path, *, model: str) -> Path:
    """Save a picture with the mark, whole or not at all; the suffix says whether as PNG or JPEG.

    Args:
        rgb: (H, W, 3) uint8 sRGB, or an RGB image.
        path: ends in .png, .jpg or .jpeg; its folder exists.
        model: name of the model that made the colours.

    Returns:
        The path.

    Raises:
        OptionError: another suffix, see `encode`, or the file can't be written there.
    """
    path = Path(path)
    format = SUFFIXES.get(path.suffix.lower())
    if format is None:
        raise OptionError(
            f"Pictures are saved as {', '.join(SUFFIXES)}; {path.name!r} ends in none of these."
        )
    return write_whole(path, encode(rgb, format, model=model))


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file whole or not at all: whoever looks, or stops the work, finds the old one or the new one.

    Raises:
        OptionError: it can't be written there.
    """
    # In the same folder, since a rename is atomic within one file system only; and not by tempfile, whose files
    # nobody but their owner could read afterwards.
    partial = path.with_name(f".rangin-{uuid.uuid4().hex}.part")
    try:
        try:
            with open(partial, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"{path} could not be written ({reason}); choose another place.") from error
    return path
