"""The stages of one photo's way, timed and announced."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Progress = Callable[[str, float], object]
"""Called with the name of the stage that begins and the share that is done, in [0, 1]."""


class Stages:
    """Times each stage and announces it."""

    def __init__(self, progress: Progress | None, earlier: Mapping[str, float] | None = None) -> None:
        self.progress = progress
        self.seconds = dict(earlier or {})

    @contextmanager
    def __call__(self, stage: str, done: float) -> Iterator[None]:
        """A stage that begins when this share of the whole is done."""
        if self.progress is not None:
            self.progress(stage, done)
        start = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - start
