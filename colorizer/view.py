"""What the page shows of a portrait: numbered boxes, a card a face, sentences. Pictures and HTML, no widgets.

Whatever stands in HTML is escaped here, also sentences that seem to be ours alone.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colorizer.view_tones import tone

if TYPE_CHECKING:
    from colorizer.faces import Face
    from colorizer.pipeline import Portrait, Result

# Longer side of the picture with the numbered faces; pixels.
BOXES_SIDE = 900
# How many faces get a menu of their own: more would be a page nobody scrolls.
MENUS = 8
BOX_COLOUR, NUMBER_COLOUR, RIM_COLOUR = (255, 183, 77), (40, 24, 10), (40, 24, 10)
JPEG_QUALITY = 92
# Formats that browsers don't show: the page shows a copy of the photo instead.
NOT_FOR_BROWSERS = ("TIFF", "HEIF")
COPY_SIDE = 1200
UNSURE = (
    '<p class="unsure"><strong>Unsure.</strong> No group stands out from these gray pixels. Automatic mixes the '
    "palettes by the shares below; choose one if you know better.</p>"
)
# Mean difference of the largest and smallest channel (0 to 255) above which a photo counts as coloured or toned.
TONED = 2.0


def menu_faces(faces: "Sequence[Face]") -> tuple[int, ...]:
    """Which faces get a menu: the largest MENUS of them, as indices from left to right."""

    def area(index: int) -> float:
        x0, y0, x1, y1 = faces[index].box
        return (x1 - x0) * (y1 - y0)

    return tuple(sorted(sorted(range(len(faces)), key=area, reverse=True)[:MENUS]))


def numbered(gray: np.ndarray, faces: "Sequence[Face]") -> Image.Image:
    """The photo with a box on each face and its number, counted from the left.

    Args:
        gray: (H, W) or (H, W, 3) uint8.
        faces: boxes in its pixels, left to right.

    Returns:
        An RGB picture whose longer side is at most BOXES_SIDE.
    """
    picture = Image.fromarray(gray).convert("RGB")
    scale = min(1.0, BOXES_SIDE / max(picture.size))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    pen = ImageDraw.Draw(picture)
    line = max(3, round(max(size) / 150))
    font = ImageFont.load_default(max(16, round(max(size) / 20)))
    for number, face in enumerate(faces, 1):
        x0, y0, x1, y1 = (value * scale for value in face.box)
        pen.rectangle((x0 - 1, y0 - 1, x1 + 1, y1 + 1), outline=RIM_COLOUR, width=line + 2)
        pen.rectangle((x0, y0, x1, y1), outline=BOX_COLOUR, width=line)
        _label(pen, str(number), x0, y0, font)
    return picture


def _label(
    pen: ImageDraw.ImageDraw,
    text: str,
    x: float,
    y: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """A number on a tag at the upper left corner of a box, inside the picture."""
    left, top, right, bottom = font.getbbox(text)
    pad = max(3, round((bottom - top) / 3))
    x, y = max(0, x), max(0, y)
    pen.rectangle((x, y, x + right - left + 2 * pad, y + bottom - top + 2 * pad), fill=BOX_COLOUR)
    pen.text((x + pad - left, y + pad - top), text, NUMBER_COLOUR, font)


def card(number: int, face: "Face") -> str:
    """A face's estimate as a heading and a list with bars."""
    if not face.probabilities:
        body = "<p>Not estimated.</p>"
    else:
        likeliest = max(face.probabilities.values())
        rows = (
            f"<li{' class=likeliest' if share == likeliest else ''}><span>{escape(group)}</span>"
            f'<span class="bar" aria-hidden="true"><i style="width:{share:.1%}"></i></span>'
            f"<span>{share:.0%}</span></li>"
            for group, share in face.probabilities.items()
        )
        body = f"<ul>{''.join(rows)}</ul>"
    if face.unsure:
        body = UNSURE + body
    return f'<div class="face-card"><h3>Face {number}</h3>{body}{tone(face.chosen)}</div>'


def summary(portrait: "Portrait", result: "Result") -> str:
    """What was found and done, and whatever the visitor should know about it."""
    count = len(result.faces)
    size = f"{result.image.width:,} × {result.image.height:,} pixels"
    sentences = [f"Painted in {sum(result.seconds.values()):.1f} seconds, {size}, lightness unchanged."]
    if count:  # without a face, the result's own notes say so
        sentences[0] = f"{'One face' if count == 1 else f'{count} faces'} found. {sentences[0]}"
    if count > MENUS:
        sentences.append(
            f"The {MENUS} largest faces have a menu below; the others follow the switch for all."
        )
    if is_toned(portrait.photo.rgb):
        sentences.append(
            "The photo has colours or a tone of its own; they were set aside, only lightness was used."
        )
    return paragraphs([*sentences, *result.notes])


def is_toned(rgb: np.ndarray) -> bool:
    """Whether a photo, (H, W, 3) uint8, is more than gray: coloured, or sepia."""
    step = max(1, max(rgb.shape[:2]) // 256)
    few = rgb[::step, ::step].astype(np.int16)
    return float((few.max(axis=2) - few.min(axis=2)).mean()) > TONED


def paragraphs(sentences: Iterable[str]) -> str:
    """Each sentence a paragraph."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def gray(portrait: "Portrait") -> np.ndarray:
    """(H, W) uint8: the photo as the model sees it."""
    rgb = portrait.photo.rgb
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2]):
        return np.ascontiguousarray(rgb[..., 0])
    from colorizer import lab

    return lab.merge(portrait.lightness, np.zeros((2, 8, 8), np.float32))[..., 0].copy()


def copy_for_browsers(portrait: "Portrait", folder: Path) -> Path | None:
    """A small JPEG of a photo that browsers don't show."""
    if portrait.photo.format not in NOT_FOR_BROWSERS:
        return None
    picture = Image.fromarray(portrait.photo.rgb)
    picture.thumbnail((COPY_SIDE, COPY_SIDE))
    path = folder / "photo.jpg"
    picture.save(path, quality=JPEG_QUALITY)
    return path


def stem(source: str | Path | bytes) -> str:
    """A file name's harmless part, for the download's name."""
    if isinstance(source, bytes):
        return "photo"
    # Letters, digits and the marks on them: without its marks a Devanagari name loses its vowels.
    kept = [c if c.isalnum() or c in "_-" or category(c).startswith("M") else "-" for c in Path(source).stem]
    return re.sub("-+", "-", "".join(kept)).strip("-")[:80] or "photo"
