"""Several models on the same photos: each one's colours, the time they took, and how far they are from the truth.

portrait = colorizer.analyze("grandmother.jpg")
compared = compare(colorizer, [("grandmother.jpg", portrait)], ["default", "unet"], [truth])
compared[0].paintings[1].metrics.psnr, compared[0].paintings[1].best

Models are loaded one at a time, paint every photo, and are let go, so that many need no more memory than the largest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from colorizer import lab, metrics, photo
from colorizer.errors import ModelError, PhotoError
from colorizer.metrics import Metrics
from colorizer.stages import Progress

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer, Portrait, Source

# The true photo must have the shape of the painted one, but for cropping by a pixel or rounding.
SHAPE_TOLERANCE = 0.02


class Column(NamedTuple):
    """A figure that is shown of every painting."""

    field: str
    """Of Metrics, or "seconds"."""
    title: str
    unit: str
    """As a table's head says it: "dB", "%", or "" for a plain number."""
    better: str
    """"high", "low" or "near zero"."""
    digits: int
    """After the point."""

    def text(self, value: float | None) -> str:
        """The number without its unit; a dash where there is none."""
        if value is None:
            return "–"
        if value == float("inf"):  # a PSNR
            return "identical"
        sign = "+" if self.better == "near zero" else ""
        return f"{self._shown(value):{sign}.{self.digits}f}"

    def rank(self, value: float) -> float:
        """Smaller is better; values that are written alike are equally good."""
        shown = self._shown(value)
        return {"high": -shown, "low": shown, "near zero": abs(shown)}[self.better]

    def _shown(self, value: float) -> float:
        return round(100 * value if self.unit == "%" else value, self.digits)


SECONDS = Column("seconds", "Time", "s", "low", 2)
COLUMNS = (
    Column("psnr", "PSNR", "dB", "high", 1),
    Column("ssim", "SSIM", "", "high", 3),
    Column("lpips", "LPIPS", "", "low", 3),
    Column("delta_e", "Colour difference", "ΔE", "low", 1),
    Column("skin_delta_e", "Skin difference", "ΔE", "low", 1),
    Column("within_10", "Within 10", "%", "high", 0),
    Column("delta_colorfulness", "Colourfulness, difference", "", "near zero", 1),
)
"""The metrics shown, in this order. The time stands before them, in `SECONDS`."""


@dataclass(frozen=True)
class Painting:
    """One photo in one model's colours."""

    model: str
    image: Image.Image
    """RGB, of the photo's size or as large as was asked for."""
    seconds: float
    """Network and merge, without what all models share (reading, faces, ethnicity)."""
    metrics: Metrics | None
    """None without a truth."""
    best: frozenset[str]
    """Fields, of `COLUMNS` or "seconds", in which no other painting of this photo is better."""

    def value(self, column: Column) -> float | None:
        """What stands in a column; None where there is nothing."""
        return getattr(self if column is SECONDS else self.metrics, column.field, None)


@dataclass(frozen=True)
class Comparison:
    """One photo in every model's colours."""

    name: str
    gray: Image.Image
    """RGB, as each model saw it."""
    truth: Image.Image | None
    """RGB, in the photo's shape."""
    paintings: tuple[Painting, ...]
    """In the order of the models."""
    notes: tuple[str, ...]
    """Sentences for the user."""
    is_nearly_gray: bool = False
    """Whether the truth has so little colour that means of figures leave this photo out."""
    left_out: tuple[str, ...] = ()
    """Sentences on models that could not paint; they stand among the notes too."""


def compare(
    colorizer: "Colorizer",
    portraits: Sequence[tuple[str, "Portrait"]],
    models: Sequence[str],
    truths: Sequence[np.ndarray | None] | None = None,
    ethnicity: str | Sequence[str] = "auto",
    vividness: float = 1.0,
    progress: Progress | None = None,
    longest: int | None = None,
) -> list[Comparison]:
    """Paint photos by several models, and measure them where the truth is known.

    Args:
        colorizer: a model that is loaded already; its face detector and classifier serve all.
        portraits: (name, from `Colorizer.analyze`) of each photo.
        models: names, each painted with once; "default" is the model of `colorizer`.
        truths: for each photo (H, W, 3) uint8 sRGB of the same frame and any size, or None.
        ethnicity: as for `Colorizer.paint`.
        vividness: as for `Colorizer.paint`.
        progress: told of each model before it paints a photo, with the share that is done; at last of "done".
        longest: pictures are kept no longer than this, in pixels; whole by default. Measured are whole ones.

    Returns:
        One for each photo, in order. A model that turns out to be damaged is left out, and every photo's notes say so.

    Raises:
        ModelError: none of the models could paint.
        OptionError: `ethnicity` or `vividness` is not allowed.
    """
    names = list(dict.fromkeys(colorizer.name if name == "default" else name for name in models))
    truths = truths or [None] * len(portraits)
    photos = [
        _Photo(name, portrait, truth, longest)
        for (name, portrait), truth in zip(portraits, truths, strict=True)
    ]
    failures: list[str] = []
    for i, name in enumerate(names):

        def tell(done: float, name: str = name, i: int = i) -> None:
            if progress is not None:
                progress(name, (i + done) / len(names))

        try:
            painted = _paint_all(colorizer, name, photos, ethnicity, vividness, tell)
        except ModelError as error:
            failures.append(f"{name} was left out. {error}")
            continue
        for one, painting in zip(photos, painted, strict=True):
            one.paintings.append(painting)
    if len(failures) == len(names):
        raise ModelError(" ".join(failures) or "No model was named to compare.")
    if progress is not None:
        progress("done", 1.0)
    return [one.comparison(failures) for one in photos]


def true_photo(source: "Source", portrait: "Portrait", called: str = "The true photo") -> np.ndarray:
    """Read a photo as it really was.

    Args:
        source: as for `photo.from_image`.
        portrait: the photo that is coloured, in whose frame the other must be.
        called: how errors begin.

    Returns:
        (H, W, 3) uint8 sRGB of its own size.

    Raises:
        PhotoError: it can't be read, or has another shape.
    """
    try:
        rgb = photo.from_image(source).rgb
    except PhotoError as error:
        raise PhotoError(f"{called} is refused: {error}") from error
    height, width = portrait.lightness.shape
    if abs(np.log(rgb.shape[0] / rgb.shape[1] / (height / width))) > SHAPE_TOLERANCE:
        raise PhotoError(
            f"{called} is refused: it is {rgb.shape[1]} × {rgb.shape[0]} pixels and the photo "
            f"{width} × {height}; they must show the same frame, so cut one of them to the other's shape."
        )
    return rgb


def best(paintings: Sequence[Painting]) -> list[frozenset[str]]:
    """For each painting the fields in which no other is better; none where there is nothing to compare with."""
    fields: list[set[str]] = [set() for _ in paintings]
    for column in (SECONDS, *COLUMNS):
        for i in leaders(column, [painting.value(column) for painting in paintings]):
            fields[i].add(column.field)
    return [frozenset(one) for one in fields]


def leaders(column: Column, values: Sequence[float | None]) -> list[int]:
    """Where the best of several values stand: all that are written alike; none of a single one."""
    ranks = {i: column.rank(value) for i, value in enumerate(values) if value is not None}
    return [i for i, rank in ranks.items() if rank == min(ranks.values())] if len(values) > 1 else []


class _Photo:
    """A photo that is being compared."""

    def __init__(
        self, name: str, portrait: "Portrait", truth: np.ndarray | None, longest: int | None
    ) -> None:
        self.name, self.portrait, self.longest = name, portrait, longest
        self.paintings: list[Painting] = []
        self.notes: dict[str, None] = {}
        no_colour = np.zeros((2, 8, 8), np.float32)
        self.gray = self._kept(Image.fromarray(lab.merge(portrait.lightness, no_colour)))
        self.measured: metrics.Truth | None = None
        self.truth: Image.Image | None = None
        self.is_nearly_gray = False
        if truth is not None:
            height, width = portrait.lightness.shape
            scale = np.array([truth.shape[1] / width, truth.shape[0] / height] * 2)
            faces = [replace(face, box=tuple(np.array(face.box) * scale)) for face in portrait.faces]
            self.measured = metrics.Truth(truth, faces)
            self.truth = Image.fromarray(truth).resize(self.gray.size, Image.Resampling.LANCZOS)
            chroma = float(np.hypot(self.measured.lab[..., 1], self.measured.lab[..., 2]).mean())
            self.is_nearly_gray = chroma < metrics.NEAR_GRAY
        if self.is_nearly_gray:
            note = f"The true photo is almost gray (mean chroma {chroma:.1f}), so its figures say little."
            self.notes[note] = None

    def paint(self, painter: "Colorizer", ethnicity: str | Sequence[str], vividness: float) -> Painting:
        """One model's painting, of which it is not known yet where it is best."""
        result = painter.paint(self.portrait, ethnicity, vividness)
        self.notes |= dict.fromkeys(result.notes)
        measured = None if self.measured is None else self.measured.compare(result.image)
        seconds = result.seconds["network"] + result.seconds["merge"]
        return Painting(result.model, self._kept(result.image), seconds, measured, frozenset())

    def comparison(self, failures: Sequence[str]) -> Comparison:
        """The photo with all its paintings, the best ones marked."""
        marked = tuple(
            replace(painting, best=fields)
            for painting, fields in zip(self.paintings, best(self.paintings), strict=True)
        )
        notes = (*self.notes, *failures)
        return Comparison(
            self.name, self.gray, self.truth, marked, notes, self.is_nearly_gray, tuple(failures)
        )

    def _kept(self, picture: Image.Image) -> Image.Image:
        if self.longest is not None:
            picture.thumbnail((self.longest, self.longest), Image.Resampling.LANCZOS)
        return picture


def _paint_all(
    colorizer: "Colorizer",
    name: str,
    photos: Sequence[_Photo],
    ethnicity: str | Sequence[str],
    vividness: float,
    tell: Callable[[float], None],
) -> list[Painting]:
    """Every photo by one model, which is let go when this returns."""
    tell(0.0)
    painter = colorizer if name == colorizer.name else colorizer.other(name)
    painted = []
    for j, one in enumerate(photos):
        tell(j / len(photos))
        painted.append(one.paint(painter, ethnicity, vividness))
    return painted


def sheet(comparison: Comparison) -> Image.Image:
    """One photo's comparison as a labelled RGB picture; `colorizer.sheet` draws it."""
    from colorizer.sheet import draw  # which needs what stands above

    return draw([comparison])
