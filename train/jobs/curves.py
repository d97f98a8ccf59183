"""Curves of runs as small SVG drawings, light enough to be drawn anew every two seconds.

    svg = chart("PSNR, dB", [Line("first", VALIDATION, steps, values)])

Colours are classes (`c1` to `c7`) that assets/train.css fills, so that light and dark follow the page. What is drawn
is also said in words, in the drawing's label. Whatever stands in it is escaped here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

TRAINING, VALIDATION = "training", "validation"

WIDTH, HEIGHT = 400, 236
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 8, 36
"""Room around the curves, for the numbers of the axes."""
COLOURS = 7
TICKS = 5
DOTS = 30
"""Up to so many values of a validation are marked one by one."""
LOGARITHMIC = 20.0
"""Of a loss whose first values are so many times its last ones, powers of ten are drawn at equal distances."""


@dataclass(frozen=True)
class Line:
    """One curve."""

    run: str
    """Whose, as people call it."""
    split: str
    """TRAINING, or VALIDATION, of which there may be further ones with a number behind."""
    steps: Sequence[float]
    values: Sequence[float]
    """Not all need be finite: a curve has gaps there."""
    colour: int = 0
    """Number of its colour, from 0 on; they begin anew after the seventh."""

    @property
    def is_training(self) -> bool:
        """Whether it is drawn thin, behind the others."""
        return self.split == TRAINING

    @property
    def style(self) -> str:
        """Its classes."""
        return f"c{self.colour % COLOURS + 1} {'training' if self.is_training else 'validation'}"


def chart(title: str, lines: Sequence[Line], may_be_log: bool = False) -> str:
    """A drawing of several curves over the same steps, with its title.

    Args:
        title: what the values are, with their unit.
        lines: empty ones are left out; without any left the drawing says that there is nothing yet.
        may_be_log: whether the values are drawn on a logarithmic axis where they differ much.

    Returns:
        `<figure>`.
    """
    shown = [line for line in lines if _points(line)]
    if not shown:
        return f"<figure class=curve><figcaption>{escape(title)}</figcaption><p>No values yet.</p></figure>"
    xs = [x for line in shown for x, _ in _points(line)]
    ys = [y for line in shown for _, y in _points(line)]
    is_log = may_be_log and min(ys) > 0 and max(ys) / min(ys) > LOGARITHMIC
    across = _Axis(0, max(xs), LEFT, WIDTH - RIGHT, is_step=True)
    up = _Axis(min(ys), max(ys), HEIGHT - BOTTOM, TOP, is_log=is_log)
    drawn = "".join(_curve(line, across, up) for line in sorted(shown, key=lambda line: not line.is_training))
    return (
        f"<figure class=curve><figcaption>{escape(title)}{', log scale' if is_log else ''}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(described(title, shown))}">'
        f"{_grid(across, up)}{drawn}</svg></figure>"
    )


def described(title: str, lines: Sequence[Line]) -> str:
    """What a drawing shows, for who can't see it: where each curve is now, and over which steps."""
    parts = []
    for line in lines:
        points = _points(line)
        (first, start), (last, value) = points[0], points[-1]
        parts.append(
            f"{line.run}, {line.split}: {number(value)} at step {last:,.0f}"
            + (f", from {number(start)} at step {first:,.0f}" if len(points) > 1 else "")
        )
    return f"{title}. {'; '.join(parts)}."


def legend(lines: Sequence[Line]) -> str:
    """Which curve is which: a list with a piece of each; several charts share one."""
    seen: dict[tuple[str, str], Line] = {}
    for line in lines:
        seen.setdefault((line.run, line.split), line)
    is_one = len({run for run, _ in seen}) == 1
    items = "".join(
        f'<li><svg viewBox="0 0 26 8" aria-hidden="true"><path class="{line.style}" d="M0 4H26"/></svg>'
        f"{escape(split if is_one else f'{run}, {split}')}</li>"
        for (run, split), line in seen.items()
    )
    return f"<ul class=curve-legend>{items}</ul>" if items else ""


def number(value: float) -> str:
    """A value as people read it: four digits, no exponent where it can be helped."""
    if not math.isfinite(value):
        return "–"
    if value and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


class _Axis:
    """Where a value lies, and which ones are written beside it."""

    def __init__(
        self, low: float, high: float, start: float, end: float, is_log: bool = False, is_step: bool = False
    ) -> None:
        self.is_log = is_log
        low, high = (math.log10(low), math.log10(high)) if is_log else (low, high)
        if high - low <= max(abs(high), 1e-12) * 1e-9:  # one value lies in the middle
            margin = 0.5 if is_step or is_log else max(abs(high) * 0.05, 1e-6)
            low, high = low - margin, high + margin
        elif not is_step:
            margin = 0.04 * (high - low)
            low, high = low - margin, high + margin
        self.low, self.high, self.start, self.end = low, high, start, end

    def place(self, value: float) -> float:
        """In the drawing's units."""
        value = math.log10(value) if self.is_log else value
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values between the ends."""
        if self.is_log:
            return self._powers()
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]

    def _powers(self) -> list[float]:
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        steps = (1,) if self.high - self.low > 3 else (1, 2, 5)
        values = [step * 10.0**power for power in decades for step in steps]
        found = [value for value in values if self.low <= math.log10(value) <= self.high]
        return found[:: -(-len(found) // 7)] if found else []


def _points(line: Line) -> list[tuple[float, float]]:
    return [(x, y) for x, y in zip(line.steps, line.values, strict=True) if math.isfinite(y)]


def _curve(line: Line, across: _Axis, up: _Axis) -> str:
    path, is_broken = [], True
    dots = []
    for step, value in zip(line.steps, line.values, strict=True):
        if not math.isfinite(value) or (up.is_log and value <= 0):
            is_broken = True
            continue
        x, y = across.place(step), up.place(value)
        path.append(f"{'M' if is_broken else 'L'}{x:.1f} {y:.1f}")
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>')
        is_broken = False
    marked = len(dots) == 1 or (not line.is_training and len(dots) <= DOTS)
    return f'<g class="{line.style}"><path d="{"".join(path)}"/>{"".join(dots) if marked else ""}</g>'


def _grid(across: _Axis, up: _Axis) -> str:
    drawn = []
    for value in up.ticks():
        y = up.place(value)
        drawn.append(f'<path class=grid d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class=left>{number(value)}</text>')
    for value in across.ticks():
        if value < 0 or value != round(value):
            continue
        x = across.place(value)
        drawn.append(f'<path class=grid d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        drawn.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" class=below>{_short(value)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    drawn.append(f'<text x="{middle}" y="{HEIGHT - 4}" class=below>step</text>')
    return f'<g aria-hidden="true">{"".join(drawn)}</g>'


def _short(step: float) -> str:
    """ "20,000" is too wide where several stand side by side."""
    return f"{step / 1000:g}k" if step >= 10_000 else f"{step:,.0f}"
