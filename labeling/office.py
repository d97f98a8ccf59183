"""The labelling project as the page has it: the store, the photos, who may what, and what works in the background.

    office = Office(settings, colorizer=lambda: desk.colorizer)
    office.start()          # survey of new photos, CSVs, snapshots
    office.stop()           # in good order: what is under way ends, the last CSVs and snapshot are written

Knows no gradio; the tab's sections get one of these each.
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from labeling import pusher
from labeling.access import Access
from labeling.exporter import Exporter
from labeling.photos import PhotoFolder
from labeling.pusher import Pusher
from labeling.settings import LabelSettings, get_label_settings
from labeling.store import Store, open_store
from labeling.survey import Surveyor

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer

log = logging.getLogger(__name__)


class Office:
    """One labelling project, open."""

    def __init__(
        self, settings: LabelSettings | None = None, colorizer: "Callable[[], Colorizer] | None" = None
    ) -> None:
        """Open the store and the folder of photos, which are made or brought back where they are missing.

        Args:
            colorizer: the page's model, which looks at new photos; by default loaded when needed.

        Raises:
            LabelError: the database or the folder can't be used, or there should be a snapshot and it can't be had.
        """
        self.settings = settings or get_label_settings()
        self.access = Access(self.settings)
        self._given = colorizer
        self._lock = threading.Lock()
        self._loaded: Colorizer | None = None
        if said := pusher.restore(self.settings):
            log.warning("%s", said)
        self.store: Store = open_store(self.settings)
        self.photos = PhotoFolder(self.settings.labels_folder / "photos")
        self.exporter = Exporter(self.store, self.settings.labels_folder)
        self.surveyor = Surveyor(self.store, self.photos, self.colorizer)
        self.pusher = Pusher(self.settings, self.store)

    def start(self) -> None:
        """Begin what works in the background."""
        if trouble := self.access.trouble():
            log.warning("Labelling: %s", trouble)
        self.photos.sweep()
        self.exporter.start()
        self.surveyor.start()
        self.pusher.start()

    def stop(self) -> None:
        """End it, the snapshot last, so that all the others wrote is in it."""
        self.surveyor.stop()
        self.exporter.stop()
        self.pusher.stop()
        self.store.close()

    def colorizer(self) -> "Colorizer":
        """The model, loaded at the first call.

        Raises:
            ModelError: it is missing or damaged.
        """
        if self._given is not None:
            return self._given()
        with self._lock:
            if self._loaded is None:
                from colorizer.pipeline import Colorizer

                self._loaded = Colorizer.load()
            return self._loaded
