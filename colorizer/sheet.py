"""A comparison as one labelled picture: gray, truth, and each model's colours with its time and figures beneath.

photo.write(sheet.draw(compared), "sheet.png", model=sheet.signature(compared))
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from unicodedata import category

from PIL import Image, ImageDraw, ImageFont

from colorizer.comparison import COLUMNS, SECONDS, Comparison, Painting
from colorizer.errors import OptionError

# Longer side of a picture on the sheet, the least width of what stands under it, and what stands around; pixels.
PANEL = 384
LEAST_WIDTH = 270
MARGIN = 16
LINE = 21
COLUMNS_AT_MOST = 6
# About 50 megapixels: larger ones are slow to open, and readers with limits refuse them.
MAX_PANELS = 200
PAPER, INK, SOFT, BEST = (255, 255, 255), (31, 29, 26), (93, 88, 80), (222, 240, 226)
STAR = "★"
MADE_BY = "The colours are made by AI models; lightness is the photo's own."


@dataclass(frozen=True)
class _Panel:
    """One picture, its title, and the lines under it: title, value, whether it is the best."""

    image: Image.Image
    title: str
    lines: tuple[tuple[str, str, bool], ...] = ()


def draw(comparisons: Sequence[Comparison]) -> Image.Image:
    """One RGB picture, the photos one below the other.

    Raises:
        OptionError: there are so many that the picture would be too large.
    """
    check_count(len(comparisons), max(len(one.paintings) for one in comparisons))
    layouts = [_Layout(comparison) for comparison in comparisons]
    width, height = max(one.width for one in layouts), sum(one.height for one in layouts)
    paper = Image.new("RGB", (width, height), PAPER)
    top = 0
    for one in layouts:
        one.draw_on(paper, top)
        top += one.height
    return paper


def check_count(photos: int, models: int) -> None:
    """OptionError where one picture of so many would be too large."""
    if photos * (models + 2) > MAX_PANELS:
        raise OptionError(
            f"{photos} photos by {models} models are too many for one picture; write a page instead, as in "
            "--out comparison.html."
        )


def signature(comparisons: Sequence[Comparison], longest: int = 200) -> str:
    """The models' names for the mark in the file; where they are too many, how many more there are."""
    names = list(dict.fromkeys(painting.model for one in comparisons for painting in one.paintings))
    for left_out in range(len(names)):
        kept = names[: len(names) - left_out]
        text = ", ".join(kept) + (f" and {left_out} more" if left_out else "")
        if len(text) <= longest:
            return text
    return f"{len(names)} models"


def figures(painting: Painting) -> tuple[tuple[str, str, bool], ...]:
    """(title, value with unit, whether it is the best) of each figure that a painting has, time first."""
    return tuple(
        (column.title, _with_unit(column.text(value), column.unit), column.field in painting.best)
        for column in (SECONDS, *COLUMNS)
        if (value := painting.value(column)) is not None
    )


def in_words(painting: Painting) -> str:
    """A painting's figures in one line, the best ones with a star."""
    said = ((title, f"{STAR} {value}" if is_best else value) for title, value, is_best in figures(painting))
    return ", ".join(f"{title} {value}" for title, value in said)


class _Layout:
    """Where everything of one photo stands."""

    def __init__(self, comparison: Comparison) -> None:
        self.name = comparison.name
        gray = _small(comparison.gray)
        self.panels = [_Panel(gray, "gray")]
        if comparison.truth is not None:
            self.panels.append(_Panel(_small(comparison.truth), "true photo"))
        self.panels += [
            _Panel(_small(painting.image), painting.model, figures(painting))
            for painting in comparison.paintings
        ]
        self.rows = math.ceil(len(self.panels) / COLUMNS_AT_MOST)
        self.columns = math.ceil(len(self.panels) / self.rows)
        self.cell_width = max(gray.width, LEAST_WIDTH)
        self.picture_height = gray.height
        lines = max(len(panel.lines) for panel in self.panels)
        self.cell_height = gray.height + (lines + 1) * LINE + LINE // 2 + MARGIN
        self.width = self.columns * (self.cell_width + MARGIN) + MARGIN
        has_best = any(painting.best for painting in comparison.paintings)
        legend = f"{STAR} best of this photo. {MADE_BY}" if has_best else MADE_BY
        letters = int((self.width - 2 * MARGIN) / _font(False).getlength("n"))
        self.foot = [
            line for text in (legend, *comparison.notes) for line in textwrap.wrap(text, letters) or [""]
        ]
        self.head = LINE + MARGIN
        self.height = MARGIN + self.head + self.rows * self.cell_height + len(self.foot) * LINE + MARGIN

    def draw_on(self, paper: Image.Image, top: int) -> None:
        """Put it on the paper, its upper edge at `top`."""
        pen, left, y = ImageDraw.Draw(paper), MARGIN, top + MARGIN
        pen.text((left, y), _fitted(self.name, _font(True), self.width - 2 * MARGIN), INK, _font(True))
        y += self.head
        for index, panel in enumerate(self.panels):
            row, column = divmod(index, self.columns)
            x = left + column * (self.cell_width + MARGIN)
            self._draw_panel(paper, pen, panel, x, y + row * self.cell_height)
        y += self.rows * self.cell_height
        for i, line in enumerate(self.foot):
            pen.text((left, y + i * LINE), _drawable(line, _font(False)), SOFT, _font(False))

    def _draw_panel(
        self, paper: Image.Image, pen: ImageDraw.ImageDraw, panel: _Panel, x: int, y: int
    ) -> None:
        paper.paste(panel.image, (x, y))
        y += self.picture_height + LINE // 4
        pen.text((x, y), _fitted(panel.title, _font(True), self.cell_width), INK, _font(True))
        right = x + self.cell_width
        for title, value, is_best in panel.lines:
            y += LINE
            if is_best:
                pen.rectangle((x - 3, y - 1, right + 2, y + LINE - 2), BEST)
                value = f"{STAR} {value}"
            font = _font(is_best)
            pen.text((x, y), title, INK if is_best else SOFT, _font(False))
            pen.text((right - font.getlength(value), y), value, INK, font)


def _small(picture: Image.Image) -> Image.Image:
    """A copy that fits a panel; a smaller one is enlarged, so that all stand alike."""
    scale = PANEL / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _with_unit(text: str, unit: str) -> str:
    if not unit or text == "identical":
        return text
    return f"{text}%" if unit == "%" else f"{text} {unit}"


@lru_cache
def _font(is_bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib brings it: Pillow's own has no star and few scripts."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", name), 14)


def _drawable(text: str, font: ImageFont.FreeTypeFont) -> str:
    """The text with a question mark for each run of characters that the font doesn't have."""
    drawable: list[str] = []
    for letter in text:
        if category(letter).startswith("M") and drawable and drawable[-1] == "?":
            continue  # an accent whose letter is missing
        has = letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))
        if has or not drawable or drawable[-1] != "?":
            drawable.append(letter if has else "?")
    return "".join(drawable)


def _fitted(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text in one line, its end left out where it is wider than this."""
    text = _drawable(" ".join(text.split()), font)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
