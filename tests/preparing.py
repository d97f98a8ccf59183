"""Pictures for the tests of `train prepare`: cheap to make, unlike each other, in colour."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, side: int = 128, cells: int = 12) -> Image.Image:
    """Blobs of many colours, in so many cells a side; two seeds have nothing in common."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(30, 226, (cells, cells, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """A picture file's bytes."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def crop(image: Image.Image, x0: float, y0: float, x1: float, y1: float) -> Image.Image:
    """A crop in shares of the sides."""
    width, height = image.size
    return image.crop((int(x0 * width), int(y0 * height), int(x1 * width), int(y1 * height)))


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """All files below a folder: their bytes and modification times."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def result(dataset: Path) -> dict[str, bytes]:
    """All that a dataset consists of, but for the index."""
    files = sorted(path for path in dataset.rglob("*") if path.is_file() and "sqlite" not in path.name)
    return {str(path.relative_to(dataset)): path.read_bytes() for path in files}
