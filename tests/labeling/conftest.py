"""A label store of each test's own, with a clock that stands still until it is moved."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from labeling.batches import Batch
from labeling.store import Store
from tests.labeling.filling import Clock, fill


@pytest.fixture
def clock() -> Clock:
    """Ten in the morning of some day."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """An empty store in SQLite."""
    store = Store(f"sqlite:///{tmp_path / 'labels.db'}", clock)
    yield store
    store.close()


@pytest.fixture
def batch(store: Store) -> Batch:
    """Thirty photos that are rows only: no files lie behind them."""
    return fill(store, 30)
