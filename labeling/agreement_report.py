"""Agreement of what is in the store, as sentences, text tables and JSON.

agreement = read(store, batch="Kathmandu 2024")
print(as_text(agreement))                          what `python -m labeling agreement` prints
as_dict(agreement)                                 what the event /label_agreement answers
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from labeling.agreement import UNUSABLE, Agreement, Measure, gather, measure
from labeling.batches import Batch, batches, find
from labeling.store import Store
from labeling.tally import tally
from labeling.view_parts import counted
from labeling.vocabulary import labels

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's own limits (Content Analysis, 2004): rely on the labels; draw tentative conclusions."""
NAMED = 5
"""So many mixed-up pairs of answers are named."""


@dataclass(frozen=True)
class Asked:
    """Which answers are looked at."""

    batch: str | int | None = None
    """Name or number of a batch; None for all of them together."""
    by_face: bool = False
    """Faces instead of whole photos."""
    only_groups: bool = False
    """Leave out "unsure" and "unusable", to see how far people agree once they name a group."""
    only_unaided: bool = False
    """Leave out answers that were given with the model's suggestion on screen."""

    @property
    def unit(self) -> str:
        """What one item is called."""
        return "face" if self.by_face else "photo"


def read(store: Store, asked: Asked = Asked()) -> Agreement:
    """Measure what the store holds.

    Raises:
        LabelError: there is no such batch.
    """
    vocabulary = labels(store, everything=True)
    leave_out = (
        {UNUSABLE, *(label.name for label in vocabulary if label.is_unsure)} if asked.only_groups else ()
    )
    return measure(
        gather(
            (item for batch in chosen(store, asked.batch) for item in tally(store, batch.id, asked.by_face)),
            [label.name for label in labels(store)],
            leave_out,
            with_suggested=not asked.only_unaided,
        )
    )


def chosen(store: Store, batch: str | int | None) -> Sequence[Batch]:
    """The batches meant: one by name or number, or all.

    Raises:
        LabelError: there is no such batch.
    """
    return batches(store) if batch is None else [find(store, batch)]


def sentences(agreement: Agreement, unit: str = "photo") -> list[str]:
    """What a reader should take from the figures, most important first.

    Args:
        unit: what one item is called.
    """
    ratings, alpha = agreement.ratings, agreement.alpha
    if not ratings.people:
        return ["Nobody has labelled anything here yet."]
    said = [
        f"{counted(len(ratings.people), 'person', 'people')} gave {counted(ratings.answers, 'answer')} to "
        f"{counted(len(ratings.codes), unit)}; {alpha.n:,} of these {'was' if alpha.n == 1 else 'were'} answered by "
        "two or more."
    ]
    if alpha.n == 0:
        said.append(
            "Agreement needs two answers to one item: give a batch two or more judgements each, and let different "
            "people label it."
        )
        return said
    if alpha.agreed is not None:
        said.append(
            f"{percent(alpha.agreed)} of pairs of answers are the same; alpha takes off what chance gives. "
            f"{verdict(alpha)}"
        )
    if ratings.suggested:
        said.append(
            f"{counted(ratings.suggested, 'answer was', 'answers were')} given with a suggestion of the model on "
            "screen, which can make people agree more than they would alone."
        )
    if agreement.mixed_up:
        first = agreement.mixed_up[0]
        said.append(
            f"Most often one person said {first.one} where another said {first.other}: {counted(first.both, unit)} of "
            f"the {first.either:,} that anybody called either. A line on this in the guidelines helps most."
        )
    return said


def verdict(alpha: Measure) -> str:
    """What Krippendorff's own limits say of an alpha; empty without one."""
    if alpha.value is None:
        return alpha.why
    if alpha.low is None:
        return f"Too early to judge by: {alpha.why}"
    if alpha.low >= RELIABLE:
        return f"Its whole interval lies at {RELIABLE} or above: to be relied on, by Krippendorff's limits."
    if alpha.low >= TENTATIVE:
        return f"Its whole interval lies at {TENTATIVE} or above: for tentative conclusions, by Krippendorff's limits."
    if alpha.value >= TENTATIVE:
        return f"Its interval reaches below {TENTATIVE}, Krippendorff's lowest limit: more judgements would tell."
    return f"It is below {TENTATIVE}, Krippendorff's lowest limit: settle conflicts, and say more in the guidelines."


def number(measure: Measure) -> str:
    """A coefficient with its interval: "0.74 (0.68 to 0.80)", or a dash."""
    if measure.value is None:
        return "–"
    if measure.low is None or measure.high is None:
        return f"{measure.value:.2f}"
    return f"{measure.value:.2f} ({measure.low:.2f} to {measure.high:.2f})"


def percent(share: float | None) -> str:
    """A share in [0, 1] as "81 %", or a dash."""
    return "–" if share is None else f"{share * 100:.0f} %"


def as_text(agreement: Agreement, unit: str = "photo", with_confusion: bool = False) -> str:
    """All figures for a terminal.

    Args:
        unit: what one item is called.
        with_confusion: also who said what where another said something else, pair by pair.
    """
    return "\n".join(_lines(agreement, unit, with_confusion))


def _lines(agreement: Agreement, unit: str, with_confusion: bool) -> Iterator[str]:
    ratings = agreement.ratings
    yield from sentences(agreement, unit)
    if not ratings.people:
        return
    yield ""
    yield f"Krippendorff's alpha, all together: {number(agreement.alpha)}"
    if agreement.pairs:
        yield ""
        rows = [
            [
                f"{pair.one}, {pair.other}",
                f"{pair.kappa.n:,}",
                percent(pair.kappa.agreed),
                number(pair.kappa),
                pair.kappa.why,
            ]
            for pair in agreement.pairs
        ]
        yield from _table(["Two people", f"{unit}s", "same", "Cohen's kappa (95 %)", ""], rows)
    yield ""
    totals = [["all", f"{ratings.answers:,}", *_shares(agreement.counts.sum(0).tolist())]]
    people = [
        [who, f"{sum(row):,}", *_shares(row)]
        for who, row in zip(ratings.people, agreement.counts.tolist(), strict=True)
    ]
    yield from _table(["Who", "answers", *ratings.labels], totals + people)
    if agreement.mixed_up:
        yield ""
        yield f"Different answers to one {unit}:"
        for pair in agreement.mixed_up[:NAMED]:
            yield f"  {pair.one} and {pair.other}: {pair.both:,} of {pair.either:,}"
    if with_confusion:
        for two in agreement.pairs:
            yield ""
            counts = ratings.confusion(two.one, two.other).tolist()
            rows = [
                [label, *(f"{n:,}" if n else "." for n in row)]
                for label, row in zip(ratings.labels, counts, strict=True)
            ]
            yield from _table([f"{two.one} below, {two.other} across", *ratings.labels], rows)


def _shares(counts: Sequence[int]) -> list[str]:
    total = sum(counts)
    return [percent(count / total) if count else "." for count in counts]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they need; the first to the left, numbers to the right."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    for row in (head, *rows):
        cells = [
            cell.ljust(width) if k == 0 or not head[k] else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def as_dict(agreement: Agreement) -> dict[str, Any]:
    """All figures as JSON holds them; see `Measure` for what null means."""
    ratings = agreement.ratings
    return {
        "items": len(ratings.codes),
        "answers": ratings.answers,
        "with_suggestion": ratings.suggested,
        "labels": list(ratings.labels),
        "alpha": _measure(agreement.alpha),
        "pairs": [
            {
                "people": [pair.one, pair.other],
                "kappa": _measure(pair.kappa),
                "confusion": ratings.confusion(pair.one, pair.other).tolist(),
            }
            for pair in agreement.pairs
        ],
        "counts": dict(zip(ratings.people, agreement.counts.tolist(), strict=True)) if ratings.people else {},
        "mixed_up": [
            {"labels": [pair.one, pair.other], "both": pair.both, "either": pair.either}
            for pair in agreement.mixed_up
        ],
    }


def _measure(one: Measure) -> dict[str, Any]:
    return {
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "n": one.n,
        "agreed": one.agreed,
        "why": one.why,
    }
