"""What the page shows of a comparison of models: labels, captions, sentences, a table. HTML, no widgets.

Whatever stands in HTML is escaped here.
"""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from colorizer.view import paragraphs

if TYPE_CHECKING:
    from colorizer.catalog import Entry
    from colorizer.comparison import Column, Painting

DIRECTIONS = {
    "high": ("↑", "higher is better"),
    "low": ("↓", "lower is better"),
    "near zero": ("→ 0", "nearer to 0 is better"),
}
BEST = '<span aria-hidden="true">★ </span>'
NO_FIGURES = "Give the true photo above to see how far off each of them is."


def label(name: str, entry: "Entry | None", is_own: bool) -> str:
    """A model among those to choose from.

    Args:
        name: the model's.
        entry: what is known of it; None of a model that is not in the catalog, such as the operator's own.
        is_own: whether it is the one that the page paints with.
    """
    about = [f"{entry.parameters / 1e6:.1f} M"] if entry is not None else []
    about += ["this page's"] if is_own else []
    return f"{name} ({', '.join(about)})" if about else name


def untrained(entries: "Sequence[Entry]") -> str:
    """The models that have no weights, each with the command that makes them."""
    if not entries:
        return ""
    rows = "".join(
        f"<li><strong>{escape(entry.name)}</strong> <span class=tag>not trained</span> "
        f"<span class=source>{escape(entry.source)}</span>"
        + (f"<span class=problem>{escape(entry.problem)}</span>" if entry.problem else "")
        + (f"<code>{escape(entry.how)}</code>" if entry.how else "")
        + "</li>"
        for entry in entries
    )
    return (
        "<h3>Not trained here</h3>"
        "<p>These have no weights on this server. The command beside each makes them; it can be chosen above as soon "
        f"as its file is there.</p><ul>{rows}</ul>"
    )


def caption(painting: "Painting") -> str:
    """What stands under a picture in the grid."""
    from colorizer.comparison import SECONDS

    return f"{painting.model}, {SECONDS.text(painting.seconds)} s"


def under_way(model: str, done: int, total: int) -> str:
    """Which model is at work."""
    return (
        f"<p>Painting with {escape(model)}: {done + 1} of {total}.</p>"
        f'<progress value="{done}" max="{total}" aria-label="Models done"></progress>'
    )


def done(
    count: int, total: int, is_whole: bool, size: tuple[int, ...], has_truth: bool, notes: Sequence[str]
) -> str:
    """What a comparison that has ended shows.

    Args:
        count: paintings that it shows.
        total: models that were chosen.
        is_whole: whether all models had their turn.
        size: (width, height) in pixels at which the photo was painted.
        has_truth: whether there are figures.
        notes: whatever else the visitor should know.
    """
    models = "One model" if total == 1 else f"{total} models"
    sentences = [
        f"{models} compared, palettes and vividness as chosen, light and colour hints left out."
        if is_whole
        else f"Stopped: {count} of {total} models painted."
    ]
    if count:
        sentences += [
            f"Times are for this server at {size[0]:,} × {size[1]:,} pixels, "
            "without loading the model and finding the faces.",
            "Choose a picture to see it in the before/after slider.",
        ]
        sentences += [] if has_truth else [NO_FIGURES]
    text = paragraphs([" ".join(sentences), *notes])
    return f'<div class="compared-all">{text}</div>' if count else text


def table(paintings: "Sequence[Painting]") -> str:
    """The figures of each painting, the best of each column marked with a star; empty without paintings.

    A column without any value is left out, and said to be.
    """
    from colorizer.comparison import COLUMNS, SECONDS

    if not paintings:
        return ""
    columns = [
        column
        for column in (SECONDS, *COLUMNS)
        if any(painting.value(column) is not None for painting in paintings)
    ]
    head = "".join(_head(column) for column in columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(painting.model)}</th>'
        + "".join(_cell(painting, column) for column in columns)
        + "</tr>"
        for painting in paintings
    )
    legend = "Each against the true photo, both at 256 × 256 pixels."
    if len(paintings) > 1:
        legend += " ★ best of its column."
    missing = paragraphs(_missing(paintings, [column for column in COLUMNS if column not in columns]))
    return (
        '<div class="wide" role="region" tabindex="0" aria-label="Figures of each model">'
        f'<table class="compared"><caption>{legend}</caption><thead><tr><th scope="col">Model</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{missing}"
    )


def picked(model: str, own: str) -> str:
    """Which model's picture the slider shows, after one was chosen in the grid."""
    text = f"This is {model}'s picture, chosen in the comparison, without light and colour hints."
    if model != own:
        text += f" Another palette, light or vividness is painted by {own} again."
    return f'<p>{escape(text)} <a href="#compare-box">Back to the comparison</a></p>'


def _head(column: "Column") -> str:
    arrow, meaning = DIRECTIONS[column.better]
    unit = f", {column.unit}" if column.unit else ""
    return (
        f'<th scope="col">{escape(column.title + unit)} <span aria-hidden="true">{arrow}</span>'
        f'<span class="unseen"> ({meaning})</span></th>'
    )


def _cell(painting: "Painting", column: "Column") -> str:
    text = escape(column.text(painting.value(column)))
    if column.field in painting.best:
        return f'<td class="best">{BEST}{text}<span class="unseen"> (best)</span></td>'
    return f"<td>{text}</td>"


def _missing(paintings: "Sequence[Painting]", columns: "Sequence[Column]") -> list[str]:
    """Why columns are missing, one sentence each."""
    from colorizer.wording import NO_SKIN

    sentences = []
    for column in columns:
        reason = paintings[0].metrics.lpips_reason if paintings[0].metrics else None
        reason = reason if column.field == "lpips" else NO_SKIN
        sentences.append(f"{column.title} is left out. {reason or ''}".strip())
    return sentences
