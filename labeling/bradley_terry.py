"""Bradley-Terry strengths (1952) of whatever met in pairs, by choix, with intervals that know of people and photos.

    fit([Meeting("unet", "truth", 0.0, "asha", 7), ...], ["unet", "cnn", "truth"])

An interval is 95 % and comes from drawing people and photos anew, both at once (Owen's pigeonhole bootstrap, 2007):
votes of one person, and votes on one photo, are alike. With one person or one photo only the others are drawn.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 500  # ends of intervals move by about 5 % of the interval between seeds
# Comparisons that are added between every two contestants, half won by each: without them whoever never lost would be
# infinitely strong. A tenth of a vote moves the strengths of some dozens of votes by less than 0.01.
PRIOR = 0.1


class Meeting(NamedTuple):
    """Two contestants, and how it went."""

    one: str
    other: str
    points: float
    """Of the one: 1 it won, 0 it lost, 0.5 neither."""
    who: str
    photo: int | str


class Strength(NamedTuple):
    """Natural logarithm, mean 0 over the contestants."""

    value: float
    low: float
    high: float


def fit(
    meetings: Sequence[Meeting], contestants: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> list[Strength] | None:
    """The strength of each contestant, in order; None unless all of them have met, if by way of others."""
    place = {contestant: i for i, contestant in enumerate(contestants)}
    ways = _ways(meetings, place)
    table = _table(ways, np.ones(len(ways)), len(place))
    if not _is_connected(table):
        return None
    people = _codes([meeting.who for meeting in meetings])
    photos = _codes([meeting.photo for meeting in meetings])
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [
            _strengths(_table(ways, np.tile(_draw(people, rng) * _draw(photos, rng), 2), len(place)))
            for _ in range(resamples)
        ]
    )  # (R, C)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return [
        Strength(float(value), float(low[i]), float(high[i])) for i, value in enumerate(_strengths(table))
    ]


def _ways(meetings: Sequence[Meeting], place: dict[str, int]) -> np.ndarray:
    """(2V, 3) one, other, points of the one: all meetings, and then all of them from the other side."""
    there = [(place[m.one], place[m.other], m.points) for m in meetings]
    back = [(place[m.other], place[m.one], 1 - m.points) for m in meetings]
    return np.array(there + back, dtype=float).reshape(-1, 3)


def _table(ways: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """(C, C) how often the row's contestant won against the column's."""
    table = np.zeros((size, size))
    np.add.at(table, (ways[:, 0].astype(int), ways[:, 1].astype(int)), ways[:, 2] * weights)
    return table


def _is_connected(table: np.ndarray) -> bool:
    met = (table + table.T > 0) | np.eye(len(table), dtype=bool)
    return bool(np.linalg.matrix_power(met.astype(float), len(table)).all())


def _strengths(table: np.ndarray) -> np.ndarray:
    """(C,) log strengths, mean 0."""
    import choix

    prior = PRIOR / 2 * (1 - np.eye(len(table)))
    return choix.ilsr_pairwise_dense(table + prior, max_iter=10_000)


def _codes(names: Sequence[object]) -> np.ndarray:
    """(V,) a number for each different name, from 0."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=int)


def _draw(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(V,) how often each vote's person or photo is drawn, of as many draws as there are; 1 where there is one only."""
    count = int(codes.max()) + 1
    return rng.multinomial(count, np.full(count, 1 / count))[codes] if count > 1 else np.ones(len(codes))
