"""What the page shows of steering: the light in words, hints on a picture, suggestions. HTML, no widgets.

Whatever stands in HTML is escaped here.
"""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colorizer.view import paragraphs
from colorizer.view_tones import swatch

if TYPE_CHECKING:
    from colorizer.steering import Hint

# Longer side of the picture on which hints are placed; pixels.
CANVAS_SIDE = 900
# Means nearer to gray than this are called neutral, and those beyond it strong; units of a* and b*.
SLIGHT, STRONG = 2.0, 12.0


def light(mean: tuple[float, float] | None) -> str:
    """A painting's mean a* and b* in words and numbers; empty where they are not known."""
    if mean is None:
        return ""
    a, b = mean
    words = [_word(b, "cool (blue)", "warm (yellow)"), _word(a, "greenish", "pinkish")]
    said = " and ".join(word for word in words if word) or "neither warm nor cool"
    return paragraphs(
        [
            f"As painted, the picture is on the whole {said}: {b:+.1f} from cool to warm, {a:+.1f} from green to pink."
        ]
    )


def _word(value: float, below: str, above: str) -> str:
    if abs(value) < SLIGHT:
        return ""
    return ("strongly " if abs(value) > STRONG else "") + (above if value > 0 else below)


def canvas_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the picture on which hints are placed, for a photo of this size; pixels."""
    scale = min(1.0, CANVAS_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def canvas(rgb: np.ndarray, hints: "Sequence[Hint]") -> Image.Image:
    """The painting with a numbered dot on each hint, in the hint's colour.

    Args:
        rgb: (H, W, 3) uint8.
        hints: in its pixels.

    Returns:
        An RGB picture of `canvas_size`.
    """
    height, width = rgb.shape[:2]
    size = canvas_size(width, height)
    picture = Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    pen = ImageDraw.Draw(picture)
    radius = max(6, round(max(size) / 42))  # to be read on a phone, too
    font = ImageFont.load_default(max(9, round(1.3 * radius)))
    for number, hint in enumerate(hints, 1):
        x, y = hint.x * size[0] / width, hint.y * size[1] / height
        is_dark = _luma(hint.color) < 128
        ink, rim = ("white", "black") if is_dark else ("black", "white")
        for grown, colour in ((2, rim), (1, ink), (0, hint.color)):
            r = radius + grown
            pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        pen.text((x, y), str(number), ink, font, anchor="mm")
    return picture


def _luma(color: str) -> float:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def hint_list(hints: "Sequence[Hint]") -> str:
    """The hints as a numbered list with swatches."""
    if not hints:
        return "<p>No hints yet.</p>"
    rows = "".join(
        f"<li>{swatch(hint.color)}<code>{escape(hint.color)}</code> at {hint.x:.0f}, {hint.y:.0f}</li>"
        for hint in hints
    )
    return f"<ol>{rows}</ol>"


def suggestion_caption(number: int) -> str:
    """What stands under a suggestion, counted from 1; 0 is the model's own painting."""
    return f"Suggestion {number}" if number else "As painted first"


def suggested(count: int, wanted: int) -> str:
    """What is said beneath the button, once there are `count` suggestions where `wanted` were asked for."""
    if not count:
        return paragraphs(["The model is sure of these colours; it has nothing else to suggest."])
    said = (
        f"{count} suggestions." if count == wanted else f"{count} of {wanted}: the model is sure of the rest."
    )
    return paragraphs([f"{said} Choose a picture to take it as the result; skin stays as it was."])


def taken(number: int) -> str:
    """Which suggestion the slider shows; empty for the model's own painting."""
    if not number:
        return ""
    text = "This is suggestion {}. Another palette, light or vividness is painted from the model's first thought again."
    return f'<p>{escape(text.format(number))} <a href="#suggest-box">Back to the suggestions</a></p>'


def no_steering(model: str) -> str:
    """Why there is nothing to steer."""
    return paragraphs(
        [
            f"The model {model}, which paints on this page, was not made to be steered: it has palettes and vividness, "
            "and paints whoever gets a skin tone with the neutral palette. Light, colour hints and suggestions need "
            "Rangin's own model."
        ]
    )
