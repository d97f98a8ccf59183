"""Training as the page has it: who may, the settings, the folder of runs, and what watches over them.

    shop = Shop(settings, labels=training_set)
    shop.start()            # jobs are watched: the queue goes on, ends are noted
    shop.stop()             # jobs go on, they don't live in the page

Knows no gradio; the tab's sections get one of these each.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from colorizer.errors import OptionError
from train.access import TrainAccess
from train.settings import TrainSettings, get_train_settings

if TYPE_CHECKING:
    from train.jobs.watch import Watch

log = logging.getLogger(__name__)


class Labels(Protocol):
    """What people labelled, as `labeling.training_set` gives it: training knows nothing of that room."""

    def count(self, by_face: str = "photo") -> dict[str, int]:
        """Label -> how many pictures would go into a dataset now; empty when nothing is labelled.

        Args:
            by_face: "photo", the photos whole; "face", each face with its own label; "cut", the one face of each
                labelled photo.
        """
        ...

    def write(
        self,
        folder: Path,
        by_face: str = "photo",
        advance: Callable[[int, int], None] = lambda done, total: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> list[str]:
        """Write a folder that `python -m train prepare` takes; an older one of labels is replaced.

        Args:
            folder: its place; what is above it must exist.
            by_face: as in `count`.
            advance: told how many pictures are written, of how many.
            is_cancelled: asked before each picture.

        Returns:
            Flags for `prepare`, as an argument list: ["--vocabulary", "...", "--keep-gray"].

        Raises:
            RanginError: nothing is labelled, something else stands there, or the disk is full.
        """
        ...


class Shop:
    """One runs folder, and what goes with it.

    Args:
        labels: of the Label tab, where there is one.
        environment: see `TrainAccess`.
    """

    def __init__(
        self,
        settings: TrainSettings | None = None,
        labels: Labels | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Raises:
        OptionError: the runs folder can't be made, and somebody may train.
        """
        self.settings = settings or get_train_settings()
        self.access = TrainAccess(self.settings, environment)
        self.labels = labels
        self.runs: Path = self.settings.runs
        self.watch: Watch | None = None
        """From `start` to `stop`; None where nobody may train."""
        if not self.access.is_off:
            try:
                self.runs.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OptionError(
                    f"The folder of runs {self.runs} can't be made ({error.strerror}); set RANGIN_RUNS to one that can."
                ) from error

    def start(self) -> None:
        """Begin to watch the jobs."""
        if trouble := self.access.trouble():
            log.warning("Training: %s", trouble)
        if self.access.is_off or self.watch is not None:
            return
        from train.jobs.watch import Watch

        self.watch = Watch(self.runs)

    def stop(self) -> None:
        """Watch no longer. The jobs go on."""
        if self.watch is not None:
            self.watch.stop()
            self.watch = None
