"""A measurement and its comparison, timed in turns so that a slow moment of the machine hits both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One quantity, what it was compared with, and every reading of both."""

    what: str
    unit: str
    """"ms", "s" or "MB"."""
    readings: tuple[float, ...]
    comparison: str
    """What the second readings are of, in words."""
    compared: tuple[float, ...]
    limit: float | None = None
    """What the median must stay under, in the same unit; None where nothing is promised."""

    @property
    def is_within_limit(self) -> bool:
        """Whether the promise holds; True where there is none."""
        return self.limit is None or statistics.median(self.readings) < self.limit


def in_turns(
    what: str,
    run: Callable[[], object],
    comparison: str,
    compare: Callable[[], object],
    *,
    repeats: int,
    limit: float | None = None,
) -> Measurement:
    """Time two calls alternately, in milliseconds, after one unmeasured turn of each."""
    run()
    compare()
    turns = [(_milliseconds(run), _milliseconds(compare)) for _ in range(repeats)]
    mine, theirs = zip(*turns, strict=True)
    return Measurement(what, "ms", mine, comparison, theirs, limit)


def spread(values: tuple[float, ...], unit: str) -> str:
    """Median, smallest and largest as text: "812 ms (790 to 850)"."""
    digits = 0 if statistics.median(values) >= 20 else 1
    middle, low, high = (
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return f"{middle} {unit} ({low} to {high})"


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)
