"""How far people agree: Cohen's kappa of two, Krippendorff's alpha of all, who uses which label how often.

    ratings = gather(tally(store, batch.id))
    measured = measure(ratings)              measured.alpha, .pairs, .counts, .mixed_up

Everything here is arithmetic on what people said; `agreement_report` reads the store and writes sentences. An answer is
a label as it counts now, or "unusable"; who skipped a photo said nothing of it. With few data a number is None, or has
no interval, and says why: a kappa of five photos is no finding.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from labeling.tally import Entry

UNUSABLE = "unusable"
"""The answer of somebody who marked a photo as no use; a category beside the labels."""
ENOUGH = 20
"""Items that an interval needs; with fewer the large-sample formula and the bootstrap both say too little spread."""
RESAMPLES = 2000
SEED = 0
Z = 1.959964
"""Standard errors on either side of a 95 % interval."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Measure:
    """A coefficient of agreement: 1 where all agree, 0 where they agree as chance would, below 0 where less."""

    n: int
    """Items that it rests on: those that both, or at least two, answered."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % interval."""
    agreed: float | None = None
    """Share of pairs of answers that are the same, in [0, 1]: the plain percentage, which chance flatters."""
    why: str = ""
    """Why there is no value, or no interval, as a sentence; empty where there is both."""


@dataclass(frozen=True)
class Ratings:
    """Who gave which answer to which item."""

    people: tuple[str, ...]
    labels: tuple[str, ...]
    codes: NDArray[np.int16]
    """(N, P): number of the answer in `labels`; -1 where that person gave none."""
    photos: NDArray[np.int64]
    """(N,): number of the photo that an item lies in; faces of one photo have one."""
    suggested: int = 0
    """Answers that were given while the model's suggestion was on screen."""

    @property
    def answers(self) -> int:
        """How many there are."""
        return int((self.codes >= 0).sum())

    @cached_property
    def table(self) -> Counts:
        """(N, K): how many people gave each answer to each item."""
        table = np.zeros((len(self.codes), len(self.labels)), np.int64)
        for column in self.codes.T:
            rows = np.flatnonzero(column >= 0)
            table[rows, column[rows]] += 1  # one answer a person and item: no row comes twice
        return table

    def confusion(self, one: str, other: str) -> Counts:
        """(K, K): items that `one` gave the row's answer and `other` the column's.

        Raises:
            ValueError: one of them gave no answer.
        """
        first, second = (self.codes[:, self.people.index(name)].astype(np.int64) for name in (one, other))
        both = (first >= 0) & (second >= 0)
        size = len(self.labels)
        return np.bincount(first[both] * size + second[both], minlength=size * size).reshape(size, size)


@dataclass(frozen=True)
class Pair:
    """Two people."""

    one: str
    other: str
    kappa: Measure


@dataclass(frozen=True)
class MixedUp:
    """Two answers that different people gave to the same items."""

    one: str
    other: str
    both: int
    """Items that got both."""
    either: int
    """Items that got one of them or both, and at least two answers."""


@dataclass(frozen=True)
class Agreement:
    """All that is measured of some items."""

    ratings: Ratings
    alpha: Measure
    pairs: tuple[Pair, ...]
    """Those with most in common first; pairs with no item in common are left out."""
    mixed_up: tuple[MixedUp, ...]
    """Most frequent first."""
    counts: Counts = field(repr=False)
    """(P, K): how often each person gave each answer."""


def gather(
    items: "Iterable[Entry]",
    order: Sequence[str] = (),
    leave_out: Collection[str] = (),
    with_suggested: bool = True,
) -> Ratings:
    """People's answers as a table.

    Args:
        items: with what was cast about each; skips and decisions of owners are passed over.
        order: labels in the order wanted; further ones follow by name, "unusable" last.
        leave_out: answers that count as none, such as "unsure".
        with_suggested: False counts only what was answered without a suggestion of the model on screen.

    Returns:
        Items with at least one answer that counts, and the people and labels found in these.
    """
    found: list[tuple[int, str, str]] = []
    rows: list[str] = []
    suggested = 0
    for item in items:
        row = len(rows)
        before = len(found)
        for cast in item.cast:
            answer = cast.label if cast.kind == "label" else UNUSABLE if cast.kind == "unusable" else None
            if answer is None or answer in leave_out or (cast.was_shown and not with_suggested):
                continue
            suggested += cast.was_shown
            found.append((row, cast.who, answer))
        if len(found) > before:
            rows.append(item.photo)
    people = tuple(sorted({who for _, who, _ in found}, key=lambda name: (name.casefold(), name)))
    said = {answer for _, _, answer in found}
    ranks = {name: rank for rank, name in enumerate(order)}
    labels = sorted(said, key=lambda name: (name == UNUSABLE, ranks.get(name, len(ranks)), name))
    person_of = {name: k for k, name in enumerate(people)}
    label_of = {name: k for k, name in enumerate(labels)}
    codes = np.full((len(rows), len(people)), -1, np.int16)
    for row, who, answer in found:
        codes[row, person_of[who]] = label_of[answer]
    photo_of = {photo: k for k, photo in enumerate(dict.fromkeys(rows))}
    photos = np.array([photo_of[photo] for photo in rows], np.int64)
    return Ratings(people, tuple(labels), codes, photos, suggested)


def measure(ratings: Ratings) -> Agreement:
    """All figures of some answers."""
    counts = np.stack(
        [np.bincount(column[column >= 0], minlength=len(ratings.labels)) for column in ratings.codes.T]
        or [np.zeros(len(ratings.labels), np.int64)]
    )
    pairs = [
        Pair(one, other, kappa(confusion))
        for one, other in combinations(ratings.people, 2)
        if (confusion := ratings.confusion(one, other)).any()
    ]
    return Agreement(
        ratings,
        alpha(ratings.table, ratings.photos),
        tuple(sorted(pairs, key=lambda pair: -pair.kappa.n)),
        mixed_up(ratings),
        counts,
    )


def kappa(confusion: Counts) -> Measure:
    """Cohen's kappa of two people, with the large-sample interval of Fleiss, Cohen and Everitt (1969).

    Where the two never differ, that formula gives an interval of no width; then the lower end is the one that the exact
    binomial bound on their agreement gives (Clopper and Pearson). Items count as independent, also faces of one photo.

    Args:
        confusion: (K, K), as `Ratings.confusion`.
    """
    n = int(confusion.sum())
    if n == 0:
        return Measure(0, why="They have no item in common.")
    shares = confusion / n
    rows, columns = shares.sum(1), shares.sum(0)
    agreed, by_chance = float(shares.trace()), float(rows @ columns)
    if by_chance >= 1 - 1e-12:
        return Measure(
            n, agreed=agreed, why="Both gave one and the same answer to every item, as chance would too."
        )
    value = (agreed - by_chance) / (1 - by_chance)
    if n < ENOUGH:
        return Measure(n, value, agreed=agreed, why=_too_few(n))
    if np.count_nonzero(confusion) == np.count_nonzero(confusion.diagonal()):
        low = (_least_share(n) - by_chance) / (1 - by_chance)
        return Measure(n, value, max(low, -1.0), 1.0, agreed)
    rest = 1 - value
    # (K, K): a cell's row and column marginals, crossed over as in the formula
    crossed = columns[:, None] + rows[None, :]
    same = (shares.diagonal() * (1 - crossed.diagonal() * rest) ** 2).sum()
    other = rest**2 * ((shares * crossed**2).sum() - (shares.diagonal() * crossed.diagonal() ** 2).sum())
    variance = (same + other - (value - by_chance * rest) ** 2) / (n * (1 - by_chance) ** 2)
    reach = Z * float(np.sqrt(max(variance, 0)))
    return Measure(n, value, max(value - reach, -1.0), min(value + reach, 1.0), agreed)


def alpha(table: Counts, photos: NDArray[np.int64] | None = None) -> Measure:
    """Krippendorff's alpha for names without order, with a bootstrap interval over photos.

    Args:
        table: (N, K), as `Ratings.table`; items with fewer than two answers don't count.
        photos: (N,), items that are drawn together; None draws each by itself.
    """
    shared = table.sum(1) >= 2
    table = table[shared]
    n = len(table)
    if n == 0:
        return Measure(0, why="No item was judged by two people yet.")
    units = _by_photo(table, np.arange(n) if photos is None else photos[shared])
    agreed = 1 - float(units[:, 0].sum() / units[:, 1:].sum())
    if np.count_nonzero(table.sum(0)) < 2:
        return Measure(
            n, agreed=agreed, why="Everybody gave one and the same answer to every item, as chance would too."
        )
    import krippendorff

    value = float(krippendorff.alpha(value_counts=table, level_of_measurement="nominal"))
    if len(units) < ENOUGH:
        return Measure(n, value, agreed=agreed, why=_too_few(len(units)))
    if not units[:, 0].any():
        # All agree: with the most items differing that such a sample leaves possible, a pair of answers each.
        disagreed = (1 - _least_share(len(units))) / float(_expected(units.sum(0)))
        return Measure(n, value, max(1 - disagreed, -1.0), 1.0, agreed)
    patterns, times = np.unique(units, axis=0, return_counts=True)
    draws = np.random.default_rng(SEED).multinomial(len(units), times / len(units), RESAMPLES)  # (R, U)
    sums = draws @ patterns  # (R, 1 + K)
    expected = _expected(sums)
    known = expected > 0
    drawn = 1 - sums[known, 0] / sums[known, 1:].sum(1) / expected[known]
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return Measure(n, value, low, high, agreed)


def mixed_up(ratings: Ratings) -> tuple[MixedUp, ...]:
    """Which answers are given to the same items by different people, most frequent first."""
    table = ratings.table
    given = (table[table.sum(1) >= 2] > 0).astype(np.float64)  # floats multiply fast
    both = np.rint(given.T @ given).astype(np.int64)  # (K, K)
    found = [
        MixedUp(one, other, int(both[j, k]), int(both[j, j] + both[k, k] - both[j, k]))
        for (j, one), (k, other) in combinations(enumerate(ratings.labels), 2)
        if both[j, k]
    ]
    return tuple(sorted(found, key=lambda pair: (-pair.both, pair.either)))


def _by_photo(table: Counts, photos: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N, K) -> (U, 1 + K), sums over a photo's items: disagreement, and each answer's count.

    An item's disagreement is the sum, over its answers, of the share of the others that differ.
    """
    counts = table.astype(np.float64)
    totals = counts.sum(1, keepdims=True)
    disagreement = (counts * (totals - counts) / (totals - 1)).sum(1, keepdims=True)
    _, codes = np.unique(photos, return_inverse=True)
    sums = np.zeros((int(codes.max()) + 1, 1 + table.shape[1]))
    np.add.at(sums, codes, np.hstack([disagreement, counts]))
    return sums


def _expected(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 1 + K) -> (...): share of pairs, of all answers ever given, that differ."""
    counts = sums[..., 1:]
    totals = counts.sum(-1)
    return np.asarray((counts * (totals[..., None] - counts)).sum(-1) / (totals * (totals - 1)))


def _least_share(n: int) -> float:
    """Lower end of the exact 95 % interval of a share of which n of n were seen."""
    return float(0.025 ** (1 / n))


def _too_few(n: int) -> str:
    return f"{n} are too few for an interval, which needs {ENOUGH}."
