"""How far a run is: a bar on a terminal, a line in the log every half minute elsewhere."""

import logging
import sys
import time
from typing import Any

from tqdm import tqdm

from train.course import Course

log = logging.getLogger(__name__)

LINE_EVERY = 30.0


class Progress:
    """Shows the phase, the step, the losses, and the time left.

    Args:
        course: where the run stands.
        is_quiet: show nothing (the other processes of a run).
    """

    def __init__(self, course: Course, is_quiet: bool = False) -> None:
        self.course, self.is_quiet = course, is_quiet
        self.bar: Any = None
        self.said = time.monotonic()
        self.first = (course.step, time.monotonic())

    def step(self) -> None:
        """One more step is done."""
        if self.is_quiet or not sys.stderr.isatty():
            return
        if self.bar is None or self.bar.total != self.course.last_step:
            self.close()
            name = "fine-tune" if self.course.phase else "train"
            self.bar = tqdm(desc=name, total=self.course.last_step, initial=self.course.step, unit="step")
        self.bar.update(self.course.step - self.bar.n)

    def row(self, row: dict[str, float]) -> None:
        """A row of metrics.csv was written."""
        if self.is_quiet:
            return
        scores = " ".join(
            f"{name} {value:.4g}" for name, value in row.items() if name == "train/loss" or "val" in name
        )
        if self.bar is not None:
            self.bar.set_postfix_str(scores)
        is_due = time.monotonic() - self.said >= LINE_EVERY
        has_scores = any(name.startswith("val") for name in row)
        if (is_due or has_scores) and not sys.stderr.isatty():
            self.said = time.monotonic()
            log.info(
                "step %d of %d: %s, rate %.3g, %.0f images/s, %s left",
                row["step"],
                self.course.last_step,
                scores,
                row["lr"],
                row["images_per_second"],
                self.left(),
            )

    def left(self) -> str:
        """Time until the phase ends, by the speed since this process began."""
        step, began = self.first
        done = self.course.step - step
        if done <= 0:
            return "unknown"
        seconds = (time.monotonic() - began) / done * max(self.course.last_step - self.course.step, 0)
        if self.course.recipe.minutes is not None:
            seconds = min(seconds, max(self.course.recipe.minutes * 60 - self.course.seconds, 0))
        return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
