"""Which picture comes when: any place of an endless sequence can be asked for without walking through those before.

That is what lets a resumed run, a worker or a second GPU begin anywhere and see what a single unbroken run would have.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Shares are kept exactly over so many places; a share under 1/PERIOD gets one.
PERIOD = 1000


class Rota:
    """Endless places, each given to one of several kinds; every PERIOD of them holds each kind by its share.

    Args:
        shares: of each kind, relative to the others; one with share 0 never gets a place.
        seed: decides the order.
    """

    def __init__(self, shares: Sequence[float], seed: Sequence[int]) -> None:
        relative = np.asarray(shares, float) / np.sum(shares)
        self.counts = np.maximum(np.floor(relative * PERIOD), relative > 0).astype(np.int64)
        rest = np.argsort(self.counts - relative * PERIOD)
        while self.counts.sum() < PERIOD:
            self.counts[rest[: PERIOD - self.counts.sum()]] += 1
        self.period = int(self.counts.sum())  # slightly more than PERIOD where tiny shares got their one
        self.seed = list(seed)
        self._block = (-1, np.empty(0, np.int64))

    def kind(self, place: int) -> int:
        """Who has this place."""
        return int(self._order(place // self.period)[place % self.period])

    def before(self, place: int) -> NDArray[np.int64]:
        """(kinds,) how many of the places before this one each kind has."""
        blocks, within = divmod(place, self.period)
        begun = np.bincount(self._order(blocks)[:within], minlength=len(self.counts))
        return blocks * self.counts + begun

    def _order(self, block: int) -> NDArray[np.int64]:
        if self._block[0] != block:
            kinds = np.repeat(np.arange(len(self.counts)), self.counts)
            self._block = (block, np.random.default_rng([*self.seed, block]).permutation(kinds))
        return self._block[1]


class Endless(Protocol):
    """An endless sequence of rows."""

    def take(self, first: int, count: int) -> NDArray[np.int64]:
        """(count,) the rows from place `first` on."""
        ...


class Deck:
    """Rows without end, each once before any comes again."""

    def __init__(self, rows: NDArray[np.int64], seed: Sequence[int]) -> None:
        self.rows, self.seed = rows, list(seed)
        self._round = (-1, rows)

    def take(self, first: int, count: int) -> NDArray[np.int64]:
        """(count,) the rows from place `first` on."""
        parts = []
        while count:
            number, within = divmod(first, len(self.rows))
            part = self._shuffled(number)[within : within + count]
            parts.append(part)
            first, count = first + len(part), count - len(part)
        return np.concatenate(parts) if parts else self.rows[:0]

    def _shuffled(self, number: int) -> NDArray[np.int64]:
        if self._round[0] != number:
            self._round = (number, np.random.default_rng([*self.seed, number]).permutation(self.rows))
        return self._round[1]


class BalancedDeck:
    """Rows of several groups in turn, so that each is drawn as often as the others; a small group's repeat sooner."""

    def __init__(self, groups: Sequence[NDArray[np.int64]], seed: Sequence[int]) -> None:
        self.decks = [Deck(rows, [*seed, i]) for i, rows in enumerate(groups)]

    def take(self, first: int, count: int) -> NDArray[np.int64]:
        """(count,) the rows from place `first` on."""
        rows = np.empty(count, np.int64)
        for i, deck in enumerate(self.decks):
            places = np.arange(first, first + count)
            mine = places % len(self.decks) == i
            if mine.any():
                rows[mine] = deck.take(int(places[mine][0]) // len(self.decks), int(mine.sum()))
        return rows
