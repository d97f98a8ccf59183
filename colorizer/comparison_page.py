"""Comparisons of a folder as one HTML file that needs no other, no network and no script.

page = Page()
page.add(comparison)                                    # keeps the pictures small, and lets the large ones go
page.refuse("letter.png", "This is a text file.")
provenance.write_whole(Path("comparison.html"), page.html().encode())

Whatever text it shows is escaped; its own policy forbids it to load or run anything.
"""

import base64
import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from colorizer import provenance
from colorizer.comparison import COLUMNS, SECONDS, Column, Comparison, Painting, leaders
from colorizer.wording import WORDS

# Longer side of the embedded pictures, pixels, and their JPEG quality: about 40 kB each.
SIDE = 512
QUALITY = 85
_TABLE = (SECONDS, *COLUMNS)
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_BEST = '<span class="star" aria-hidden="true">★</span> '
_TIME = "The network and the laying of its colours under the photo's lightness, on the machine that compared."


class Page:
    """A page that grows photo by photo."""

    def __init__(self) -> None:
        self._sections: list[str] = []
        self._links: list[str] = []
        self._refused: list[str] = []
        self._reasons: dict[str, None] = {}
        self._values: dict[str, list[dict[str, float | None]]] = {}
        self._measured = self._nearly_gray = 0

    @property
    def is_empty(self) -> bool:
        """Whether no photo is on it."""
        return not self._sections

    def add(self, comparison: Comparison) -> None:
        """Show one more photo."""
        key, number = f"photo-{len(self._sections) + 1}", 0
        figures = [_figure(f"{key}-gray", key, comparison.gray, "gray", comparison.name)]
        if comparison.truth is not None:
            figures.append(_figure(f"{key}-truth", key, comparison.truth, "true photo", comparison.name))
        for number, painting in enumerate(comparison.paintings, 1):
            figures.append(
                _figure(f"{key}-{number}", key, painting.image, painting.model, comparison.name, painting)
            )
            values = {column.field: painting.value(column) for column in _TABLE}
            if comparison.is_nearly_gray:  # its figures say nothing about a colorizer
                values = dict.fromkeys(values) | {SECONDS.field: painting.seconds}
            self._values.setdefault(painting.model, []).append(values)
            if painting.metrics is not None and painting.metrics.lpips_reason:
                self._reasons[painting.metrics.lpips_reason] = None
        self._measured += comparison.truth is not None and not comparison.is_nearly_gray
        self._nearly_gray += comparison.is_nearly_gray
        name = escape(comparison.name)
        notes = "".join(f"<li>{escape(note)}</li>" for note in comparison.notes)
        rows = [
            (one.model, {column.field: one.value(column) for column in _TABLE})
            for one in comparison.paintings
        ]
        self._links.append(f'<li><a href="#{key}">{name}</a></li>')
        self._sections.append(
            f'<section id="{key}" aria-labelledby="{key}-title"><h2 id="{key}-title">{name}</h2>'
            + (f'<ul class="notes">{notes}</ul>' if notes else "")
            + f'<div class="grid">{"".join(figures)}</div>'
            + (_table(rows, f"{comparison.name}: time and figures") if comparison.truth is not None else "")
            + "</section>"
        )

    def refuse(self, name: str, reason: str) -> None:
        """Say of a file why it is not shown."""
        self._refused.append(f"<li><b>{escape(name)}</b>: {escape(reason)}</li>")

    def html(self) -> str:
        """The whole document."""
        photos, models = len(self._sections), len(self._values)
        what = f"{_count(photos, 'photo')} by {_count(models, 'model')}"
        links = f'<nav aria-label="Photos"><ul>{"".join(self._links)}</ul></nav>' if photos > 1 else ""
        refused = (
            f'<section aria-labelledby="refused"><h2 id="refused">Not shown</h2>'
            f"<ul>{''.join(self._refused)}</ul></section>"
            if self._refused
            else ""
        )
        css = Path(__file__).with_name("comparison_page.css").read_text(encoding="utf-8")
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f'<title>Colours compared: {what}</title><link rel="icon" href="data:,">\n'
            f"<style>\n{css}</style></head>\n<body><header><h1>Colours compared</h1>"
            f"<p>{what}. All colours are made by AI models: plausible, not the truth. "
            "The lightness is each photo's own. Choose a picture to see it large.</p></header>\n"
            + links
            + self._averages()
            + "<main>\n"
            + "\n".join(self._sections)
            + f"\n{refused}</main>\n{self._explanations()}</body></html>\n"
        )

    def _averages(self) -> str:
        """Means over all photos, where there are several; photos without figures don't count."""
        if len(self._sections) < 2:
            return ""
        rows = [
            (model, {column.field: _mean([one[column.field] for one in values]) for column in _TABLE})
            for model, values in self._values.items()
        ]
        over = f"Figures over {_count(self._measured, 'photo')} with a true photo" if self._measured else ""
        if over and self._nearly_gray:
            over += f"; {self._nearly_gray} left out whose true photo is almost gray"
        return (
            '<section aria-labelledby="means"><h2 id="means">All photos together</h2>'
            + _table(rows, f"Means. {over}" if over else "Mean time", has_figures=bool(over))
            + "</section>\n"
        )

    def _explanations(self) -> str:
        shown = COLUMNS if self._measured + self._nearly_gray else ()
        words = [(SECONDS.title, _TIME)] + [(column.title, WORDS[column.field][2]) for column in shown]
        items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(says)}</dd>" for name, says in words)
        reasons = "".join(f"<p>{escape(reason)}</p>" for reason in self._reasons)
        star = f"<p>{_BEST}the best of its column; figures that are written alike are equally good.</p>"
        return (
            f"<footer><details><summary>What the figures say</summary>{star}<dl>{items}</dl>{reasons}"
            "</details></footer>"
        )


def _figure(
    anchor: str, back: str, picture: Image.Image, title: str, of: str, painting: Painting | None = None
) -> str:
    """One picture and what stands under it; when it is chosen it fills the window, without a script."""
    name, alt = escape(title), escape(f"{of}, {title}", quote=True)
    source = _data_uri(picture, None if painting is None else painting.model)
    caption = f"<b>{name}</b>"
    if painting is not None:
        time = f"{SECONDS.text(painting.seconds)} s"
        star = _BEST if SECONDS.field in painting.best else ""
        caption += f" <span>{star}{time}</span>"
        psnr = painting.value(COLUMNS[0])
        if psnr is not None:
            star = _BEST if COLUMNS[0].field in painting.best else ""
            caption += f" <span>{star}{COLUMNS[0].text(psnr)} {COLUMNS[0].unit}</span>"
    return (
        f'<figure id="{anchor}"><a class="open" href="#{anchor}" aria-label="{alt}, large">'
        f'<img src="{source}" alt="{alt}" width="{picture.width}" height="{picture.height}"></a>'
        f'<figcaption>{caption}</figcaption><a class="close" href="#{back}">Close</a></figure>'
    )


def _table(
    rows: Sequence[tuple[str, dict[str, float | None]]], caption: str, has_figures: bool = True
) -> str:
    """(model, values) -> an HTML table, the best of each column marked; columns without any value are left out."""
    columns = [
        column
        for column in (_TABLE if has_figures else (SECONDS,))
        if any(values[column.field] is not None for _, values in rows)
    ]
    best = {column: leaders(column, [values[column.field] for _, values in rows]) for column in columns}
    head = "".join(f'<th scope="col">{_head(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(model)}</th>'
        + "".join(_cell(column, values[column.field], i in best[column]) for column in columns)
        + "</tr>"
        for i, (model, values) in enumerate(rows)
    )
    text = escape(caption, quote=True)
    return (
        f'<p class="caption" aria-hidden="true">{text}</p>'  # outside, where it wraps on a phone
        f'<div class="scroll" role="region" aria-label="{text}" tabindex="0"><table aria-label="{text}">'
        f'<thead><tr><th scope="col">Model</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _head(column: Column) -> str:
    unit = f", {escape(column.unit)}" if column.unit else ""
    way = {"high": "higher is better", "low": "lower is better", "near zero": "best near 0"}[column.better]
    return f"{escape(column.title)}{unit} <small>{way}</small>"


def _cell(column: Column, value: float | None, is_best: bool) -> str:
    text = escape(column.text(value))
    if not is_best:
        return f"<td>{text}</td>"
    return f'<td class="best">{_BEST}<b>{text}</b><span class="spoken"> best</span></td>'


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _data_uri(picture: Image.Image, model: str | None) -> str:
    """A JPEG inside the address, no longer than SIDE; with the mark of AI-made colours where a model made them."""
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    mark = {} if model is None else {"xmp": provenance.packet(model).encode()}
    small.save(file, "JPEG", quality=QUALITY, subsampling="4:4:4", optimize=True, **mark)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
