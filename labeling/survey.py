"""Looks for faces in new photos and estimates their groups, behind the page, with the page's own model.

    surveyor = Surveyor(store, photos, office.colorizer)
    surveyor.start()            # a thread; photos on somebody's desk come first, then in the order they came in
    surveyor.now(hash)          # the faces of one photo, at once
    surveyor.survey_all()       # without the thread: at the command line
    surveyor.stop()

Labelling never waits for it: a photo that nobody has looked through yet merely has no outlines and no estimate.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from colorizer.errors import RanginError
from labeling import batches, looks, schema
from labeling.looks import FaceRow
from labeling.photos import PhotoFolder
from labeling.store import Store

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often new photos are looked for; another process may have added them."""
AGAIN_SECONDS = 600.0
"""When a photo that went wrong is tried again: its file may be back."""
MODEL_AGAIN_SECONDS = 60.0
"""When a model that couldn't be loaded is tried again."""
NICENESS = 10
"""Of the thread, from 0 (as everybody) to 19."""
_AT_ONCE = 8  # photos of one query: who opens the desk meanwhile has theirs next
_ALL = 2**31 - 1
_BUSY_SECONDS = 0.2
_MOST_FAILED = 500  # of which the query is told to leave them out


def _never() -> bool:
    return False


def _step_back() -> None:
    """Let whoever waits for the page have the processor first. Linux alone lets a single thread do that."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


class Surveyor:
    """Finds the faces of photos that nobody has looked through."""

    def __init__(
        self,
        store: Store,
        photos: PhotoFolder,
        colorizer: "Callable[[], Colorizer]",
        is_busy: Callable[[], bool] = _never,
    ) -> None:
        """Args:
        colorizer: gives the model; asked when the first photo is looked at.
        is_busy: whether somebody waits for the model, so that the thread should rest.
        """
        self.store, self.photos = store, photos
        self.problem = ""
        """Why no photo can be looked through at all, one sentence; empty while all is well."""
        self._colorizer = colorizer
        self._is_busy = is_busy
        self._model_lock = threading.Lock()
        self._asked = 0
        """How many callers of `now` wait or work."""
        self._changed = threading.Condition()
        self._stopping = False
        self._failed: dict[str, float] = {}
        """Hash: when it may be tried again."""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look through what is new."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._work, name="survey", daemon=True)
            self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """End after the photo at work, waiting for it at most so long."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
            self._thread = None

    def wake(self) -> None:
        """Photos have come in: look now."""
        with self._changed:
            self._changed.notify_all()

    def now(self, hash: str) -> list[FaceRow]:
        """The faces of a photo, found now if nobody has looked yet; the thread rests meanwhile.

        Raises:
            LabelError: there is no such photo, or its file is missing or damaged.
            ModelError: the model can't be loaded.
        """
        with self._ahead(), self._model_lock:
            self._look(hash)
        return looks.faces(self.store, hash)

    def survey_all(
        self,
        batch: int | None = None,
        advance: Callable[[int, int], None] | None = None,
        is_cancelled: Callable[[], bool] = _never,
    ) -> list[tuple[str, str]]:
        """Look through all photos that are left, of one batch or of all, in this thread.

        Args:
            advance: told (photos done, of how many).

        Returns:
            (hash, why not) of those that couldn't be looked through.

        Raises:
            ModelError: the model can't be loaded.
        """
        self._colorizer()
        hashes = looks.unsurveyed(self.store, batch, limit=_ALL)
        refused = []
        for done, hash in enumerate(hashes, start=1):
            if is_cancelled():
                break
            try:
                self.now(hash)
            except RanginError as error:
                refused.append((hash, str(error)))
            if advance is not None:
                advance(done, len(hashes))
        return refused

    def _look(self, hash: str) -> None:
        """Find the faces of one photo and write them down, unless somebody was quicker."""
        if batches.photo(self.store, hash).surveyed_at is not None:
            return
        rgb = self.photos.pixels(hash)  # the whole photo: small faces need its pixels
        portrait = self._colorizer().analyze(rgb)
        self.photos.prepare(hash, rgb, (face.box for face in portrait.faces))
        looks.set_survey(self.store, hash, portrait.faces)

    @contextmanager
    def _ahead(self) -> Iterator[None]:
        """The thread takes no further photo while this is held."""
        with self._changed:
            self._asked += 1
        try:
            yield
        finally:
            with self._changed:
                self._asked -= 1
                self._changed.notify_all()

    def _work(self) -> None:
        _step_back()
        while not self._stopping:
            try:
                hashes = self._next()
                if hashes:
                    self._colorizer()
                self.problem = ""
            except RanginError as error:  # no model, or a busy database
                self._say(str(error))
                self._rest(MODEL_AGAIN_SECONDS)
                continue
            except (
                Exception
            ):  # a database that is restarted, say; without this thread no photo gets its faces
                log.exception("The survey of new photos could not go on; it tries again in a minute.")
                self._rest(MODEL_AGAIN_SECONDS)
                continue
            if not hashes:
                self._rest(LOOK_SECONDS)
            for hash in hashes:
                if not self._may_go_on():
                    return
                self._try(hash)

    def _try(self, hash: str) -> None:
        """One photo; whatever is wrong with it, the next ones have their turn."""
        try:
            with self._model_lock:
                self._look(hash)
            self._failed.pop(hash, None)
        except RanginError as error:
            log.warning("Photo %s could not be looked through for faces: %s", hash[:12], error)
            self._put_off(hash)
        except Exception:
            log.exception("Photo %s could not be looked through for faces.", hash[:12])
            self._put_off(hash)

    def _put_off(self, hash: str) -> None:
        if len(self._failed) >= _MOST_FAILED:
            self._failed.pop(next(iter(self._failed)))
        self._failed[hash] = time.monotonic() + AGAIN_SECONDS

    def _next(self) -> list[str]:
        """Photos to look through next: first those on somebody's desk, then as they came in."""
        photos, items, leases = schema.photos.c, schema.items.c, schema.leases.c
        self._failed = {hash: until for hash, until in self._failed.items() if until > time.monotonic()}
        left = [photos.surveyed_at.is_(None), photos.hash.not_in(list(self._failed))]
        on_desks = (
            sa.select(photos.hash)
            .select_from(schema.leases.join(schema.items).join(schema.photos))
            .where(leases.until > self.store.clock(), *left)
            .order_by(leases.until, items.position)
            .limit(_AT_ONCE)
        )
        oldest = sa.select(photos.hash).where(*left).order_by(photos.added_at).limit(_AT_ONCE)
        with self.store.reading() as connection:
            found = [*connection.scalars(on_desks), *connection.scalars(oldest)]
        return list(dict.fromkeys(found))[:_AT_ONCE]

    def _may_go_on(self) -> bool:
        """Wait while somebody asked for a photo at once, or needs the model; False when it is time to stop."""
        with self._changed:
            while not self._stopping and (self._asked or self._is_busy()):
                self._changed.wait(_BUSY_SECONDS)
            return not self._stopping

    def _rest(self, seconds: float) -> None:
        with self._changed:
            if not self._stopping:
                self._changed.wait(seconds)

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("New photos can't be looked through for faces: %s", problem)
        self.problem = problem
