"""Pieces of HTML that the pages of a labelling project are made of. Whatever stands in them is escaped here."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape

LISTED = 200
"""So many refused names are listed; how many more there are is said. A page of thousands is read by nobody."""


def said(sentence: str) -> str:
    """One paragraph, or nothing of an empty sentence."""
    return f"<p>{escape(sentence)}</p>" if sentence else ""


def bar(done: int, total: int, label: str) -> str:
    """A progress bar.

    Args:
        done: of `total`.
        total: 0 where it is not known yet; the bar then only says that something is going on.
        label: what a screen reader says that it shows.
    """
    values = f'value="{min(done, total)}" max="{total}" ' if total else ""
    return f'<progress {values}aria-label="{escape(label)}"></progress>'


def when(at: float | None) -> str:
    """A moment as an element for browsers and people, in UTC.

    Args:
        at: UTC epoch seconds; None for never, which is nothing.
    """
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at, tz=timezone.utc)
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%d %b %Y, %H:%M} UTC</time>'


def counted(count: int, one: str, many: str = "") -> str:
    """ "1 photo", "1,200 photos"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def tag(word: str) -> str:
    """A word in a frame, as "closed" behind a batch's name."""
    return f'<span class="tag">{escape(word)}</span>'


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], label: str = "") -> str:
    """A table that is scrolled where it is wider than its place.

    Args:
        caption: text above it.
        head: of its columns, text.
        rows: cells, which are HTML already; the first of each heads its row.
        label: the name of the scrolled region; the caption where it is empty.
    """
    heads = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(label or caption)}">'
        f"<table class=listed><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def refused(rows: Sequence[tuple[str, str]], what: str = "file") -> str:
    """What could not be taken, each with the reason; empty where all was.

    Args:
        rows: (name or place, reason).
        what: one of them is called.
    """
    if not rows:
        return ""
    lines = "".join(
        f"<li><strong>{escape(name) or '(no name)'}</strong><span>{escape(why)}</span></li>"
        for name, why in rows[:LISTED]
    )
    more = said(f"And {len(rows) - LISTED:,} more.") if len(rows) > LISTED else ""
    return (
        f'<details class="refused"{" open" if len(rows) <= 20 else ""}>'
        f"<summary>{counted(len(rows), what)} refused</summary><ul>{lines}</ul>{more}</details>"
    )


def renamed(rows: Sequence[tuple[str, str]]) -> str:
    """Photos that are in under another name than their own; empty where none are.

    Args:
        rows: (path as it came, name now).
    """
    if not rows:
        return ""
    lines = "".join(
        f"<li><strong>{escape(path)}</strong><span>is now {escape(name)}</span></li>"
        for path, name in rows[:LISTED]
    )
    more = said(f"And {len(rows) - LISTED:,} more.") if len(rows) > LISTED else ""
    summary = f"{counted(len(rows), 'photo')} under a longer name, since others of the batch have theirs"
    return f'<details class="refused told"><summary>{summary}</summary><ul>{lines}</ul>{more}</details>'
