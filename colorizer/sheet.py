"""Several colorings of one photo beside each other, labelled: what `python -m colorizer compare` writes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colorizer import lab, metrics, photo
from colorizer.errors import PhotoError
from colorizer.pipeline import Colorizer, Portrait

# Longer side of a picture on the sheet, and what stands around it; pixels.
PANEL = 384
MARGIN = 12
LINE = 20
PAPER, INK = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True)
class Panel:
    """One picture and the lines under it."""

    image: Image.Image
    title: str
    caption: str = ""


def panels(
    colorizers: Sequence[Colorizer], source: Path, truth: Path | photo.Photo | None = None
) -> list[Panel]:
    """The photo in gray, in each model's colours, and the true photo if there is one.

    A truth that has been read already is not read again. With one, each model's panel says its PSNR and the
    colour difference on skin, by the protocol of `metrics`.

    Raises:
        PhotoError: the photo or its truth can't be read.
    """
    true = _read_truth(truth) if isinstance(truth, Path) else truth
    portrait = colorizers[0].analyze(source)
    row = [Panel(Image.fromarray(_gray(portrait.lightness)), source.name, "gray")]
    for colorizer in colorizers:
        result = colorizer.paint(portrait)
        caption = "" if true is None else _measured(result.image, true, portrait)
        row.append(Panel(result.image, colorizer.name, caption))
    if true is not None:
        row.append(Panel(Image.fromarray(true.rgb), "true photo"))
    return row


def draw(rows: Sequence[Sequence[Panel]]) -> Image.Image:
    """Rows of panels -> one RGB picture."""
    cell = PANEL + MARGIN, PANEL + 2 * LINE + MARGIN
    columns = max(map(len, rows))
    sheet = Image.new("RGB", (columns * cell[0] + MARGIN, len(rows) * cell[1] + MARGIN), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for y, row in enumerate(rows):
        for x, panel in enumerate(row):
            left, top = x * cell[0] + MARGIN, y * cell[1] + MARGIN
            small = panel.image.copy()
            small.thumbnail((PANEL, PANEL), Image.Resampling.LANCZOS)
            sheet.paste(small, (left + (PANEL - small.width) // 2, top + (PANEL - small.height) // 2))
            pen.text((left, top + PANEL + 2), _fitted(panel.title, font), INK, font)
            pen.text((left, top + PANEL + 2 + LINE), panel.caption, INK, font)
    return sheet


def _read_truth(file: Path) -> photo.Photo:
    """The true photo; an error says that it is this one and not the photo to colour."""
    try:
        return photo.read(file)
    except PhotoError as error:
        raise PhotoError(f"The true photo {file} is refused: {error}") from error


def _measured(image: Image.Image, true: photo.Photo, portrait: Portrait) -> str:
    """PSNR and skin's colour difference in words; the faces are brought from the input's size to the truth's."""
    scale = np.array(true.rgb.shape[1::-1] * 2) / np.array(portrait.lightness.shape[::-1] * 2)
    faces = [replace(face, box=tuple(np.array(face.box) * scale)) for face in portrait.faces]
    measured = metrics.compare(image, true.rgb, faces=faces, lpips=False)
    skin = "no skin" if measured.skin_delta_e is None else f"skin delta E {measured.skin_delta_e:.1f}"
    return f"{measured.psnr:.1f} dB, {skin}"


def _gray(lightness: np.ndarray) -> np.ndarray:
    """(H, W) L* -> (H, W, 3) uint8."""
    return lab.merge(lightness, np.zeros((2, 8, 8), np.float32))


def _fitted(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    """The text, its end left out where it is wider than a panel."""
    if font.getlength(text) <= PANEL:
        return text
    while text and font.getlength(text + "...") > PANEL:
        text = text[:-1]
    return text + "..."
