"""The model that the page paints with: loaded once, and again when another one has become the default. Knows no gradio.

model = PageModel(settings)
model.colorizer         # loaded and warmed at the first call
model.renew()           # before a new photo: takes over what was promoted or replaced meanwhile
"""

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colorizer.errors import ModelError
from colorizer.settings import Settings

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer

log = logging.getLogger(__name__)

Stamp = tuple[str, int, int]
"""A file, its time of change and its size."""


class PageModel:
    """One colorizer with its classifier. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._colorizer: Colorizer | None = None
        self._stamps: tuple[Stamp | None, Stamp | None] = (None, None)
        self._lock = threading.Lock()

    @property
    def colorizer(self) -> "Colorizer":
        """As it was loaded last; at the first call others wait for it meanwhile.

        Raises:
            ModelError: it is missing or damaged.
        """
        with self._lock:
            if self._colorizer is None:
                from colorizer.pipeline import Colorizer

                stamps = self._present()
                colorizer = Colorizer.load(self.settings.model, self.settings.device)
                _warm(colorizer)
                self._colorizer, self._stamps = colorizer, stamps
            return self._colorizer

    def renew(self) -> None:
        """Load it anew if its file, the name that "default" stands for, or the classifier's file is another one now.

        What can't be loaded is said in the log, once, and the page goes on with what it has.
        """
        with self._lock:
            if self._colorizer is None or (stamps := self._present()) == self._stamps:
                return
            old, before = self._colorizer, self._stamps
            self._stamps = stamps
            try:
                from colorizer import checkpoint
                from colorizer.ethnicity import EthnicityClassifier
                from colorizer.pipeline import Colorizer

                classifier = old.classifier
                if stamps[1] != before[1]:
                    classifier = EthnicityClassifier.load(device=old.device)
                loaded = checkpoint.load(self.settings.model, old.device)
                colorizer = Colorizer(loaded, old.device, old.detector, classifier)
                _warm(colorizer)
            except ModelError as error:
                log.error("The page keeps the model %s. %s", old.name, error)
                return
            log.info("The page paints with the model %s from now on.", colorizer.name)
            self._colorizer = colorizer

    def _present(self) -> tuple[Stamp | None, Stamp | None]:
        """Of the colorizer's and the classifier's files, as they are at this moment."""
        from colorizer.ethnicity import DEFAULT

        return _stamp(self.settings.model), _stamp(DEFAULT)


def _stamp(name: str) -> Stamp | None:
    """Of the weights of a name or path; None of what is no file of ours, or can't be found."""
    from colorizer import checkpoint

    try:
        is_file = name.endswith(checkpoint.SUFFIX) and os.path.isfile(name)
        path = Path(name) if is_file else checkpoint.look_up(name)[0]
        about = path.stat()
    except (ModelError, OSError):
        return None
    return str(path), about.st_mtime_ns, about.st_size


def _warm(colorizer: "Colorizer") -> None:
    """Paint something once: the first painting of a model takes longer than the others."""
    colorizer.colorize(np.tile(np.arange(256, dtype=np.uint8), (256, 1)))
