"""What a report's page is made of, and how its numbers are written; the template turns each block into HTML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from train.reporting import cases, charts


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    small: str = ""
    """Below it: an interval, or a remark."""
    shade: float | None = None
    """In [0, 1], how strongly the cell is coloured; None leaves it as it is."""


@dataclass(frozen=True)
class Table:
    """A table; each row's first cell is its header."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    source: str = ""
    """File with the numbers."""
    is_folded: bool = False
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Chart:
    """A drawing with a title, which also says to those who can't see it what it shows."""

    title: str
    svg: str
    alt: str
    legend: Sequence[str] = ()
    """Names of the series in order; a single one needs no legend."""
    has_truth: bool = False
    first: int = 0
    """Number of the first series' look."""
    looks: Sequence[tuple[int, int]] = ()
    """Each series' own, where they have any."""

    @property
    def swatches(self) -> list[tuple[str, int, str]]:
        """Name, number of the colour, dashes."""
        looks = self.looks or [charts.look_of(self.first + i) for i in range(len(self.legend))]
        return [(name, *charts.swatch(look)) for name, look in zip(self.legend, looks, strict=True)]


@dataclass(frozen=True)
class Charts:
    """Drawings side by side where there is room."""

    charts: Sequence[Chart]
    source: str = ""
    kind: str = field(default="charts", init=False)


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class Thumbnails:
    """Cases in a row."""

    title: str
    unit: str
    cases: Sequence[cases.Case]
    kind: str = field(default="thumbnails", init=False)


Block = Table | Charts | Text | Thumbnails


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading."""

    key: str
    """Its anchor."""
    title: str
    blocks: Sequence[Block]


def mean_cell(mean: dict[str, Any] | None, decimals: int, is_signed: bool = False) -> Cell:
    """A mean with its interval; a dash where there is none."""
    if mean is None:
        return Cell("–")
    mean_text, low, high = (_signed(mean[key], decimals, is_signed) for key in ("mean", "low", "high"))
    return Cell(mean_text, f"{low} to {high}")


def _signed(value: float, decimals: int, is_signed: bool) -> str:
    text = f"{value:+.{decimals}f}" if is_signed else f"{value:.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def number(value: float | None, decimals: int = 0) -> Cell:
    """A number with thousands apart; a dash where there is none."""
    return Cell("–" if value is None else f"{value:,.{decimals}f}")


def percent(share: float | None, decimals: int = 0) -> str:
    """A share as per cent; a dash where there is none."""
    return "–" if share is None else f"{share:.{decimals}%}"
