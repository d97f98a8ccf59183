"""Charts as inline SVG: text stays text, colours are the page's own and follow its light or dark theme.

    chart = lines([Series("tint", x, y)], x="coverage", y="accuracy")

matplotlib draws with stand-in colours, which are then replaced by CSS variables. Every chart is small enough to be read
on a phone without being shrunk; legends are the page's, so that long names don't eat into the drawing.
"""

import hashlib
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike

# Stand-ins of the page's colours: text and axes, grid, gray for the truth, and Okabe and Ito's palette, which people
# of any colour vision can tell apart.
INK, GRID, TRUTH = "#010203", "#040506", "#070809"
SERIES = tuple(f"#0a0b{number:02x}" for number in range(16, 23))
_VARIABLES = {INK: "ink", GRID: "grid", TRUTH: "truth"}
_VARIABLES |= {colour: f"c{number}" for number, colour in enumerate(SERIES, 1)}
DASHES: tuple[str, ...] = ("-", "--", "-.", ":")
ARRAYS = ("", "6 3", "6 2 1 2", "1.5 2")  # the same in SVG
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WIDTH, HEIGHT = 4.6, 2.9  # inches: 331x209 of the page's pixels, the width of a small phone

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rangin",
    "text.parse_math": False,
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
}


@dataclass(frozen=True)
class Series:
    """One curve, or one row of dots."""

    name: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    """Interval of each y (of `lines`) or x (of `dots`)."""
    look: tuple[int, int] | None = None
    """Numbers of its colour and dash; None takes the next one."""


def look_of(number: int) -> tuple[int, int]:
    """Colour and dash of the series with this number: none comes twice among the first 28."""
    return number % len(SERIES), number // len(SERIES) % len(DASHES)


def swatch(look: tuple[int, int]) -> tuple[int, str]:
    """The same for the page's legend: number of the CSS colour from 1 on, and an SVG stroke-dasharray."""
    return look[0] % len(SERIES) + 1, ARRAYS[look[1] % len(ARRAYS)]


def _style(series: Series, number: int) -> dict[str, Any]:
    colour, dash = look_of(number) if series.look is None else series.look
    return {"color": SERIES[colour % len(SERIES)], "linestyle": DASHES[dash % len(DASHES)]}


def lines(
    series: Sequence[Series],
    x: str,
    y: str,
    truth: Series | None = None,
    diagonal: bool = False,
    has_markers: bool = False,
    is_log_x: bool = False,
    is_log_y: bool = False,
    limits: tuple[float, float, float, float] | None = None,
    first: int = 0,
) -> str:
    """Curves.

    Args:
        series: in the legend's order.
        x: what the axis says.
        y: the same.
        truth: drawn as a gray area below all others.
        diagonal: whether to draw the line on which both are equal.
        has_markers: whether each point gets one.
        is_log_x: whether the axis is logarithmic; then its ticks are the points' own.
        is_log_y: whether the axis is logarithmic.
        limits: x from, x to, y from, y to.
        first: number of the first series' style, so that a model looks the same in every chart.

    Returns:
        `<svg>`, without a name; the page gives it one.
    """
    with rc_context(_STYLE):
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        if diagonal:
            axes.plot([0, 1], [0, 1], color=GRID, linestyle="--", linewidth=1)
        if truth is not None:
            axes.fill_between(truth.x, truth.y, step="mid", color=TRUTH, alpha=0.35, linewidth=0)
        for number, one in enumerate(series, first):
            look = _style(one, number)
            marker = MARKERS[number % len(MARKERS)] if has_markers else ""
            axes.plot(one.x, one.y, marker=marker, markersize=4, **look)
            if one.low is not None and one.high is not None:
                axes.fill_between(one.x, one.low, one.high, color=look["color"], alpha=0.18, linewidth=0)
        if is_log_y:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(numticks=6))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.minorticks_off()
        if is_log_x:
            axes.set_xscale("log")
            ticks = sorted({float(value) for one in series for value in np.asarray(one.x, float)})
            axes.xaxis.set_major_locator(FixedLocator(ticks))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axes.xaxis.set_minor_locator(FixedLocator([]))
        if limits is not None:
            axes.set_xlim(*limits[:2])
            axes.set_ylim(*limits[2:])
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        return _svg(figure)


def dots(series: Sequence[Series], rows: Sequence[str], x: str) -> str:
    """A dot and its interval for each row and series, rows from top to bottom.

    Args:
        series: `x` holds a value a row, NaN where there is none; `y` is not looked at.
        rows: their names.
        x: what the axis says.
    """
    with rc_context(_STYLE):
        height = 0.6 + len(rows) * max(0.24, 0.085 * len(series) + 0.06)
        figure = Figure((WIDTH, height), layout="constrained")
        axes = figure.subplots()
        for number, one in enumerate(series):
            colour, marker = _style(one, number)["color"], MARKERS[number % len(MARKERS)]
            offset = (number - (len(series) - 1) / 2) * min(0.16, 0.8 / max(len(series), 1))
            at = np.arange(len(rows)) + offset
            values = np.asarray(one.x, float)
            if one.low is not None and one.high is not None:
                axes.hlines(at, one.low, one.high, color=colour, linewidth=1.6)
            axes.plot(values, at, color=colour, linestyle="", marker=marker, markersize=4)
        _name_rows(axes, rows)
        axes.set_xlabel(x)
        return _svg(figure)


def _name_rows(axes: Axes, rows: Sequence[str]) -> None:
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _svg(figure: Figure) -> str:
    """A figure as an element for HTML: no metadata, no namespaces, ids of its own, the page's colours."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    prefix = f"c{hashlib.sha256(drawn.encode()).hexdigest()[:8]}-"  # ids of one page must differ
    root = ET.fromstring(drawn)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
        parent.tag = parent.tag.partition("}")[2]
        parent.attrib = {
            name.rpartition("}")[2]: _for_page(name, value, prefix) for name, value in parent.attrib.items()
        }
    for name in ("width", "height", "version", "id"):
        root.attrib.pop(name, None)
    return re.sub(r">\s+<", "><", ET.tostring(root, encoding="unicode"))


def _for_page(name: str, value: str, prefix: str) -> str:
    """One attribute's value."""
    if name == "id":
        return prefix + value
    if name == "d":
        return re.sub(r"\s+", " ", re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.1f}", value)).strip()
    if name.endswith("href"):
        return value.replace("#", f"#{prefix}")
    if name == "style":
        value = re.sub(r"font: ([\d.]+)px [^;]+", r"font-size: \1px", value)
        value = re.sub(r"font-family: [^;]+;? ?", "", value)
    value = value.replace("url(#", f"url(#{prefix}")
    for colour, variable in _VARIABLES.items():
        value = value.replace(colour, f"var(--{variable})")
    return value
