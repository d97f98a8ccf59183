"""One press of the page's Compare: what is kept of it, and what the page shows. Knows no gradio."""

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from colorizer import view_compare as view
from colorizer.desk_work import Work

if TYPE_CHECKING:
    from colorizer.comparison import Painting
    from colorizer.pipeline import Portrait

# The longer side of a picture in the grid: enough for a sharp screen.
GRID_SIDE = 640


@dataclass(frozen=True)
class Kept:
    """A painting as it is kept: small."""

    painting: "Painting"
    """Its picture is of the metrics' size, 256x256."""
    picture: Path
    """JPEG for the grid, with the AI mark."""


@dataclass(frozen=True)
class Stand:
    """All that the page shows of a comparison at one moment."""

    token: str = ""
    pictures: tuple[tuple[Path, str], ...] = ()
    """File and caption of each."""
    status: str = ""
    """HTML."""
    table: str = ""
    """HTML of the figures; empty without a true photo."""
    sheet: Path | None = None
    """All of it as one labelled PNG; None while it is being painted."""
    is_running: bool = False


@dataclass
class Run:
    """One press of Compare."""

    folder: Path
    portrait: "Portrait"
    """The photo as it is compared, at most COMPARED_SIDE."""
    models: tuple[str, ...]
    choices: list[str]
    vividness: float
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells the grid that a visitor sees from any other."""
    kept: list[Kept] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_stopped: bool = False
    sheets: int = 0

    def mark_best(self) -> None:
        """Find which painting is the best in what."""
        from colorizer import comparison

        marks = comparison.best([kept.painting for kept in self.kept])
        self.kept = [
            replace(kept, painting=replace(kept.painting, best=best))
            for kept, best in zip(self.kept, marks, strict=True)
        ]

    def stand(self, work: Work, painting: str | None = None) -> Stand:
        """What the page shows of it, with the model that is at work if there is one; the sheet is drawn by `draw`."""
        paintings = [kept.painting for kept in self.kept]
        if painting is not None:
            status = view.under_way(painting, len(paintings) + len(self.notes), len(self.models))
        else:
            size = self.portrait.lightness.shape[::-1]
            is_whole = len(paintings) + len(self.notes) == len(self.models)
            status = view.done(
                len(paintings), len(self.models), is_whole, size, work.truth is not None, self.notes
            )
        return Stand(
            token=self.token,
            pictures=tuple((kept.picture, view.caption(kept.painting)) for kept in self.kept),
            status=status,
            table=view.table(paintings) if work.truth is not None and painting is None else "",
            is_running=painting is not None,
        )

    def draw(self, work: Work) -> Path | None:
        """Everything on one sheet, as PNG; None without paintings, and once the server has put their files away."""
        if not self.kept or not all(kept.picture.is_file() for kept in self.kept):
            return None
        from colorizer import photo, sheet
        from colorizer.comparison import Comparison

        pictures = [Image.open(kept.picture).convert("RGB") for kept in self.kept]
        gray = Image.fromarray(work.gray).convert("RGB")
        gray.thumbnail((GRID_SIDE, GRID_SIDE), Image.Resampling.LANCZOS)
        compared = Comparison(
            name=work.stem,
            gray=gray,
            truth=work.truth_picture,
            paintings=tuple(
                replace(kept.painting, image=picture)
                for kept, picture in zip(self.kept, pictures, strict=True)
            ),
            notes=tuple(self.notes),
        )
        self.sheets += 1  # a new address each time, or a browser shows the last one
        path = self.folder / f"sheet-{self.sheets}" / f"{work.stem}-comparison.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.write(np.asarray(sheet.draw([compared])), path, model=sheet.signature([compared]))
        return path


def reduced(portrait: "Portrait", side: int) -> "Portrait":
    """A portrait whose longer side is at most `side` pixels, with the same faces; a smaller one is returned itself."""
    from colorizer import lab

    height, width = portrait.lightness.shape
    scale = side / max(height, width)
    if scale >= 1:
        return portrait
    size = max(1, round(width * scale)), max(1, round(height * scale))
    rgb = np.asarray(Image.fromarray(portrait.photo.rgb).resize(size, Image.Resampling.LANCZOS))
    x, y = size[0] / width, size[1] / height
    faces = tuple(
        replace(
            face,
            box=(face.box[0] * x, face.box[1] * y, face.box[2] * x, face.box[3] * y),
            landmarks=tuple((px * x, py * y) for px, py in face.landmarks),
        )
        for face in portrait.faces
    )
    return replace(
        portrait, photo=replace(portrait.photo, rgb=rgb), lightness=lab.lightness(rgb), faces=faces
    )
