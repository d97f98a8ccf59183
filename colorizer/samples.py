"""Example photos in gray, made from pictures that installed packages carry: nothing is downloaded.

for sample in samples.write(folder):
    print(sample.title, sample.path)
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Sample:
    """A gray photo that visitors may try."""

    title: str
    path: Path


def _astronaut() -> Image.Image:
    """Eileen Collins; NASA, public domain."""
    from skimage import data

    return Image.fromarray(data.astronaut())


def _camera() -> Image.Image:
    """A man seen from the side; CC0."""
    from skimage import data

    return Image.fromarray(data.camera())


def _grace_hopper() -> Image.Image:
    """Grace Hopper; US Navy, public domain."""
    from matplotlib import get_data_path  # not cbook, which brings the whole of matplotlib

    with Image.open(Path(get_data_path(), "sample_data", "grace_hopper.jpg")) as image:
        return image.copy()


_SOURCES: tuple[tuple[str, Callable[[], Image.Image]], ...] = (
    ("Astronaut", _astronaut),
    ("Admiral", _grace_hopper),
    ("Cameraman", _camera),
)


def write(folder: Path) -> list[Sample]:
    """Write each sample to `folder` as a gray PNG."""
    samples = []
    for title, make in _SOURCES:
        path = folder / f"{title.lower()}.png"
        make().convert("L").save(path)
        samples.append(Sample(title, path))
    return samples


def originals() -> dict[str, Image.Image]:
    """Title -> the picture as its package carries it: two in colour, the cameraman gray."""
    return {title: make() for title, make in _SOURCES}
