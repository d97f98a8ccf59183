"""What the page shows of agreement: sentences, tables and heat maps as HTML. Whatever stands in it is escaped here.

A cell's heat is a custom property, `--heat` in [0, 1]; assets/agreement.css makes a colour of it, light and dark.
"""

from collections.abc import Sequence
from html import escape

from labeling.agreement import Agreement, Measure, Pair, Ratings
from labeling.agreement_report import NAMED, number, percent, sentences
from labeling.view_parts import counted, said, table

PAIRS = 100
"""So many pairs of people are listed; those with most in common come first."""
LOWEST, HIGHEST = -0.2, 1.0
"""Ends of the scale on which coefficients are drawn; what is below starts at its end."""
AXIS = 120
"""Its width in units of the drawing."""


def summary(agreement: Agreement, conflicts: int | None, unit: str) -> str:
    """The figures in front, and what to take from them.

    Args:
        conflicts: that are open; None where their desk says it.
        unit: what one item is called.
    """
    first, *rest = sentences(agreement, unit)
    if not agreement.ratings.people:
        return said(first)
    alpha = agreement.alpha
    interval = "" if alpha.low is None else f"{alpha.low:.2f} to {alpha.high:.2f}, 95 % interval"
    value = "–" if alpha.value is None else f"{alpha.value:.2f}"
    tiles = [
        _tile(value, "Krippendorff’s alpha", interval or alpha.why),
        _tile(percent(alpha.agreed), "of pairs of answers are the same", ""),
        _tile(f"{alpha.n:,}", f"{unit}{'' if alpha.n == 1 else 's'} answered by two or more", ""),
    ]
    if conflicts is not None:
        tiles.append(_tile(f"{conflicts:,}", f"open conflict{'' if conflicts == 1 else 's'}", ""))
    return f"<dl class=figures>{''.join(tiles)}</dl>" + said(first) + "".join(map(said, rest))


def pairs(agreement: Agreement, unit: str) -> str:
    """Cohen's kappa of every two people, drawn and written."""
    if not agreement.pairs:
        return said(f"No two people have answered the same {unit} yet.")
    rows = [
        (
            f"{escape(pair.one)}, {escape(pair.other)}",
            escape(number(pair.kappa))
            + (f"<small>{escape(pair.kappa.why)}</small>" if pair.kappa.why else ""),
            _drawn(pair.kappa),
            f"{pair.kappa.n:,}",
            percent(pair.kappa.agreed),
        )
        for pair in agreement.pairs[:PAIRS]
    ]
    more = len(agreement.pairs) - PAIRS
    return table(
        "Cohen’s kappa of two people: 1 is full agreement, 0 what chance gives",
        ["Two people", "Kappa (95 % interval)", f"−{-LOWEST} … 1", f"{unit.capitalize()}s", "Same"],
        rows,
        "Cohen’s kappa of two people",
    ) + (said(f"And {counted(more, 'pair')} with less in common.") if more > 0 else "")


def confusion(ratings: Ratings, pair: Pair | None, unit: str) -> str:
    """What one person answered where another answered something else; None shows nothing.

    Args:
        unit: what one item is called.
    """
    if pair is None:
        return ""
    counts = ratings.confusion(pair.one, pair.other)
    shown = [k for k in range(len(ratings.labels)) if counts[k].any() or counts[:, k].any()]
    most = int(counts.max())
    rows = [
        (
            escape(ratings.labels[row]),
            *(_cell(int(counts[row, k]), most, is_same=k == row) for k in shown),
            f"{int(counts[row].sum()):,}",
        )
        for row in shown
    ]
    sums = [f"{int(counts[:, k].sum()):,}" for k in shown]
    return table(
        f"{counted(pair.kappa.n, unit)} that both answered: {pair.one} in rows, {pair.other} in columns. On the framed "
        "diagonal they agree.",
        ["", *(ratings.labels[k] for k in shown), "all"],
        [*rows, ("all", *sums, f"{pair.kappa.n:,}")],
        f"Answers of {pair.one} and {pair.other}",
    ).replace("<table class=listed>", '<table class="listed heat">', 1)


def prevalence(agreement: Agreement) -> str:
    """How often everybody, and each person, gave each answer."""
    ratings = agreement.ratings
    if not ratings.people:
        return ""
    rows = [("all", agreement.counts.sum(0).tolist())]
    rows += list(zip(ratings.people, agreement.counts.tolist(), strict=True))
    return table(
        "Share of each answer among all that a person gave. People who saw different photos may differ for that alone.",
        ["", "Answers", *ratings.labels],
        [(escape(who), f"{sum(counts):,}", *_shares(counts)) for who, counts in rows],
        "Share of each answer",
    ).replace("<table class=listed>", '<table class="listed heat">', 1)


def mixed_up(agreement: Agreement, unit: str) -> str:
    """The answers that are taken for each other most often."""
    if not agreement.mixed_up:
        return ""
    lines = "".join(
        f"<li><strong>{escape(pair.one)}</strong> and <strong>{escape(pair.other)}</strong>: "
        f"{counted(pair.both, unit)}, of {pair.either:,} that got either</li>"
        for pair in agreement.mixed_up[:NAMED]
    )
    return f"<h3>Different answers to one {escape(unit)}</h3><ul class=mixed>{lines}</ul>"


def pair_choices(agreement: Agreement) -> list[tuple[str, str]]:
    """Pairs to choose from: what is shown of each, and its value."""
    return [
        (f"{pair.one}, {pair.other} ({pair.kappa.n:,})", pair_value(pair)) for pair in agreement.pairs[:PAIRS]
    ]


def pair_value(pair: Pair) -> str:
    """What stands for a pair in the page: its names, since its place in the list changes with every label."""
    return f"{pair.one}\n{pair.other}"  # no name holds a line break


def _tile(value: str, name: str, note: str) -> str:
    more = f"<dd class=more>{escape(note)}</dd>" if note else ""
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd>{more}</div>"


def _shares(counts: Sequence[int]) -> list[str]:
    total = sum(counts)
    return [
        f'<span class=hot style="--heat:{count / total:.3f}">{percent(count / total)}<small>{count:,}</small></span>'
        if count
        else '<span class="hot none">0</span>'
        for count in counts
    ]


def _cell(count: int, most: int, is_same: bool) -> str:
    kind = "hot same" if is_same else "hot"
    return (
        f'<span class="{kind}{"" if count else " none"}" style="--heat:{count / most:.3f}">{count:,}</span>'
    )


def _drawn(one: Measure) -> str:
    """A coefficient as a dot on its scale, with its interval; what it says stands in words beside it."""
    if one.value is None:
        return ""

    def place(value: float) -> float:
        return (max(value, LOWEST) - LOWEST) / (HIGHEST - LOWEST) * AXIS

    line = (
        ""
        if one.low is None or one.high is None
        else f'<line x1="{place(one.low):.1f}" x2="{place(one.high):.1f}" y1="8" y2="8" class="span"/>'
    )
    return (
        f'<svg viewBox="-5 0 {AXIS + 10} 16" class="scale" aria-hidden="true">'
        f'<line x1="0" x2="{AXIS}" y1="8" y2="8" class="axis"/>'
        f'<line x1="{place(0):.1f}" x2="{place(0):.1f}" y1="3" y2="13" class="axis"/>{line}'
        f'<circle cx="{place(one.value):.1f}" cy="8" r="4"/></svg>'
    )
