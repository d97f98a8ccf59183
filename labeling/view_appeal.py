"""What the section "Which looks more real?" shows: its words, a study's stand and its results. HTML, no widgets.

Whatever stands in HTML is escaped here.
"""

from collections.abc import Sequence
from html import escape

from labeling.appeal import PAINTING, READY, Progress, Study
from labeling.ranking import MISSES_FORGIVEN, TRUTH, Fooled, Pair, Rank, Results, Share, Voter
from labeling.view_parts import bar, counted, said, table

PLACE = '<div id="appeal"><p class="appeal-notice">Loading…</p></div>'
"""Where the page's script (assets/appeal.js) puts the two pictures."""

OWNERS = """
<p>A study paints photos by two or more models and shows people two at a time, on sides drawn by chance. The photo
itself may take part too. One pair in ten has a side whose colours are wrong on purpose: whoever misses more than a
quarter of these is left out of the results.</p>
"""
EMPTY = "<p>There is no study yet. Make one below; people vote as soon as it is painted.</p>"
NO_VOTES = "Nobody has voted yet."

STATES = {PAINTING: "painting", READY: "open", "stopped": "stopped", "failed": "failed"}


def label(study: Study) -> str:
    """A study among those to choose from."""
    state = "closed" if study.closed_at is not None else STATES[study.state]
    return f"{study.name} ({state})"


def name(contestant: str) -> str:
    """A contestant as people read it."""
    return "the photo itself" if contestant == TRUTH else contestant


def summary(study: Study, progress: Progress) -> str:
    """Who takes part, how far painting and voting are, and what was left out."""
    names = ", ".join(name(one) for one in study.contestants)
    shown = progress.photos - len(progress.left_out)
    lines = [said(f"{names}; {counted(shown, 'photo')} from {study.source}.")]
    if study.state == PAINTING:
        if progress.looked < progress.photos:
            lines.append(said(f"Looking at the photos: {progress.looked:,} of {progress.photos:,}."))
            lines.append(bar(progress.looked, progress.photos, "Photos looked at"))
        else:
            lines.append(said(f"Painting: {progress.painted:,} of {progress.to_paint:,} pictures."))
            lines.append(bar(progress.painted, progress.to_paint, "Pictures painted"))
    elif study.state == READY:
        people = counted(progress.voters, "person", "people")
        lines.append(
            said(
                f"{counted(progress.pairs, 'pair')}, {counted(progress.votes, 'vote')} by {people}."
                if progress.votes
                else f"{counted(progress.pairs, 'pair')}. {NO_VOTES}"
            )
        )
    elif study.state == "stopped":
        lines.append(said(f"Stopped: {progress.painted:,} of {progress.to_paint:,} pictures are painted."))
    if study.message:
        lines.append(f'<p class="problem">{escape(study.message)}</p>')
    if progress.left_out:
        rows = "".join(f"<li>{escape(photo)}: {escape(why)}</li>" for photo, why in progress.left_out)
        count = counted(len(progress.left_out), "photo")
        lines.append(f"<details><summary>{count} left out</summary><ul>{rows}</ul></details>")
    return f'<div class="study">{"".join(lines)}</div>'


def results(study: Study, found: Results, leave_out: bool) -> str:
    """All figures of a study with votes."""
    parts = [
        _ranking(found.ranking) if found.ranking else "",
        said(found.no_ranking) if len(study.contestants) > 2 and found.pairs else "",
        _pairs(found.pairs),
        _fooled(found.fooled),
        _voters(found.voters, leave_out),
        _left(found.left_chosen),
    ]
    return f'<div class="appeal-results">{"".join(part for part in parts if part)}</div>'


def _ranking(ranking: tuple[Rank, ...]) -> str:
    span = max(0.5, *(max(abs(one.low), abs(one.high)) for one in ranking))
    rows = [
        [
            escape(name(one.contestant)),
            f"{one.strength:+.2f}",
            f"{one.low:+.2f} to {one.high:+.2f}",
            _whiskers((one.low, one.strength, one.high), -span, span),
            f"{one.won:,}",
            f"{one.lost:,}",
            f"{one.ties:,}",
        ]
        for one in ranking
    ]
    return _titled(
        "Ranking",
        "Strength is Bradley-Terry’s: 0 is the mean, and who has 1.1 more than another wins three times of four. "
        "Intervals draw people and photos anew.",
        ["", "Strength", "95 %", "", "Won", "Lost", "Can’t tell"],
        rows,
    )


def _pairs(pairs: tuple[Pair, ...]) -> str:
    if not pairs:
        return said("No vote counts: who has voted so far is left out.")
    rows = []
    for pair in pairs:
        total = pair.first_won + pair.second_won + pair.ties
        rows.append(
            [
                f"{escape(name(pair.first))} over {escape(name(pair.second))}",
                _percent(pair.share),
                _interval(pair.share),
                _whiskers((pair.share.low, pair.share.value, pair.share.high), 0, 1) if pair.share else "",
                f"{pair.first_won:,}",
                f"{pair.second_won:,}",
                f"{pair.ties:,} of {total:,}",
            ]
        )
    return _titled(
        "Pairs",
        "How often the first looked more real than the second, of the votes that were no ties; Wilson’s intervals.",
        ["", "Share", "95 %", "", "For", "Against", "Can’t tell"],
        rows,
    )


def _fooled(found: tuple[Fooled, ...]) -> str:
    if not found:
        return ""
    rows = [
        [
            escape(name(one.contestant)),
            _percent(one.chosen),
            _interval(one.chosen),
            _whiskers((one.chosen.low, one.chosen.value, one.chosen.high), 0, 1),
            f"{one.chosen.k:,} of {one.chosen.n:,}",
            f"{one.people.k:,} of {one.people.n:,}" if one.people else "–",
            _interval(one.people),
        ]
        for one in found
    ]
    return _titled(
        "Fooled against the photo itself",
        "Votes that took a model’s colours for the photo’s own; 50 % is the best there is. Last: people who chose the "
        "model at least as often as the photo.",
        ["", "Votes fooled", "95 %", "", "Votes", "People fooled", "95 %"],
        rows,
    )


def _voters(voters: tuple[Voter, ...], leave_out: bool) -> str:
    rows = [
        [
            escape(one.who),
            f"{one.votes:,}",
            f"{one.missed:,} of {one.catches:,}" if one.catches else "none yet",
            ("left out" if leave_out else "counted all the same") if one.is_left_out else "counts",
        ]
        for one in voters
    ]
    return _titled(
        "People",
        f"Whoever misses more than {100 * MISSES_FORGIVEN:.0f} % of the pairs with one wrong side is left out.",
        ["", "Votes", "Missed", ""],
        rows,
    )


def _titled(title: str, explained: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table under a heading and a sentence; they don't scroll with it on a narrow screen."""
    return f"<section><h4>{escape(title)}</h4>{said(explained)}{table(title, head, rows)}</section>"


def _left(share: Share | None) -> str:
    if share is None:
        return ""
    is_habit = share.low > 0.5 or share.high < 0.5
    warning = " That is no chance: somebody presses one side by habit." if is_habit else ""
    return said(f"The left side was chosen in {_percent(share)} of the votes ({_interval(share)}).{warning}")


def _percent(share: Share | None) -> str:
    return "–" if share is None else f"{100 * share.value:.0f} %"


def _interval(share: Share | None) -> str:
    return "–" if share is None else f"{100 * share.low:.0f} to {100 * share.high:.0f} %"


def _whiskers(values: tuple[float, float, float], least: float, most: float) -> str:
    """An interval and its middle as a line with a dot, the middle of the range marked."""
    low, middle, high = (min(100.0, max(0.0, 100 * (value - least) / (most - least))) for value in values)
    return (
        '<svg class="whiskers" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        '<line class="zero" x1="50" x2="50" y1="0" y2="12"></line>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="6" y2="6"></line>'
        f'<line class="middle" x1="{middle:.1f}" x2="{middle:.1f}" y1="1" y2="11"></line></svg>'
    )
