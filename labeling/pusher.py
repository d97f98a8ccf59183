"""Snapshots by themselves: brought back at the start, pushed on a schedule and at the end. See `hub` for what is sent.

    restore(settings)                     # before the store is opened
    pusher = Pusher(settings, store)
    pusher.start()
    pusher.status().sentence(time.time())
    pusher.stop()                         # pushes what is left

Labelling never waits for any of it: a push reads one moment of the store, in a thread of its own, and what fails is
tried again.
"""

import importlib
import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from labeling import dump
from labeling.errors import LabelError
from labeling.hub import Hub
from labeling.settings import LabelSettings
from labeling.snapshot import SNAPSHOT, Snapshot, put_in_place
from labeling.store import Store, checked_url, open_store

log = logging.getLogger(__name__)

# After a failure: soon at first, since most are short, then twice as long each time, at most the schedule's own.
FIRST_RETRY_SECONDS = 20.0
# A host that stops a server gives it about half a minute.
STOP_SECONDS = 25.0
RESTORE_TRIES = 4

MakeHub = Callable[[LabelSettings], Hub]


def open_hub(settings: LabelSettings) -> Hub:
    """The repository that the settings name.

    Raises:
        LabelError: there is no token, or the name can't be a repository's.
    """
    from huggingface_hub import get_token

    token = settings.labels_token.get_secret_value() or get_token()
    if not token:
        raise LabelError(
            "RANGIN_LABELS_REPO is set, but there is no token to write there; set RANGIN_LABELS_TOKEN or HF_TOKEN."
        )
    return Hub(settings.labels_repo, token)


def restore(settings: LabelSettings, make_hub: MakeHub = open_hub, pause: float = 2.0) -> str:
    """Bring the last snapshot back where this machine has no labels; call it before the store is opened.

    Args:
        pause: seconds before the second try; twice as long before each further one.

    Returns:
        A sentence for the log, "" when there was nothing to do.

    Raises:
        LabelError: there should be a snapshot and it can't be had. Labelling had better stay closed then, or what is
            labelled meanwhile starts a second history. (Should it not, nothing is lost: the next push puts the other
            store into `earlier/`.)
    """
    folder = settings.labels_folder
    if not settings.labels_repo:
        return ""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder / ".restore.lock"):
        if not _has_nothing(settings):
            return ""
        for attempt in range(1, RESTORE_TRIES + 1):
            try:
                return _restore(settings, make_hub(settings))
            except LabelError as error:
                log.warning("No snapshot of the labels yet (try %d of %d): %s", attempt, RESTORE_TRIES, error)
                if attempt == RESTORE_TRIES:
                    raise LabelError(
                        f"The labels can't be brought back from {settings.labels_repo}: {error} Start Rangin again "
                        "when that is mended."
                    ) from error
                time.sleep(pause * 2 ** (attempt - 1))
    raise AssertionError("not reached")


def _restore(settings: LabelSettings, hub: Hub) -> str:
    fetched = settings.labels_folder / ".restoring"  # kept after an interruption, and gone on with
    fetched.mkdir(exist_ok=True, mode=0o700)
    snapshot = hub.fetch(fetched)
    if snapshot is None:
        fetched.rmdir()
        return f"{settings.labels_repo} holds no snapshot yet; labelling starts anew."
    file = _sqlite_file(settings)
    if not (file and snapshot.database == dump.SQLITE):
        store = open_store(settings)
        try:
            dump.load(fetched / snapshot.database, store)
        finally:
            store.close()
    put_in_place(fetched, settings.labels_folder, snapshot, file)
    shutil.rmtree(fetched)
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(snapshot.at))
    return f"The labels were brought back from {settings.labels_repo}, as they were at {when}."


def _has_nothing(settings: LabelSettings) -> bool:
    file = _sqlite_file(settings)
    if file and not file.exists():
        return True
    store = open_store(settings)
    try:
        with store.reading() as connection:
            return dump.is_unused(connection)
    finally:
        store.close()


def _sqlite_file(settings: LabelSettings) -> Path | None:
    url = checked_url(settings.database)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


@dataclass(frozen=True)
class Status:
    """How the snapshots stand."""

    repo: str
    """"" where none is set."""
    pushed_at: float | None
    """Of the last one that succeeded, also by an earlier process: when its store was copied."""
    is_due: bool
    """Whether something has changed since."""
    is_pushing: bool
    trouble: str
    """Why the last try failed; "" if it didn't."""

    def sentence(self, now: float) -> str:
        """For people."""
        if not self.repo:
            return "No snapshots: RANGIN_LABELS_REPO names no repository, so the labels are on this machine only."
        if self.pushed_at is None:
            last = f"No snapshot has been pushed to {self.repo} yet."
        else:
            last = f"The last snapshot was pushed to {self.repo} {_ago(now - self.pushed_at)}."
        if self.is_pushing:
            return f"{last} One is being pushed now."
        if self.trouble:
            return f"{last} The latest try failed and will be repeated: {self.trouble}"
        return f"{last} {'What has changed since is pushed soon.' if self.is_due else 'Nothing has changed since.'}"


class Pusher:
    """Pushes in the background while anything has changed. Does nothing where no repository is set."""

    def __init__(self, settings: LabelSettings, store: Store, make_hub: MakeHub = open_hub) -> None:
        self._settings = settings
        self._store = store
        self._make_hub = make_hub
        self._hub: Hub | None = None
        self._stopping = threading.Event()
        self._pushing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._trouble = ""

    def start(self) -> None:
        """Begin; the first look comes after one interval, the last one at the process's end if not before."""
        if self._settings.labels_repo and self._thread is None:
            # Not `atexit`, whose turn comes when the pools of threads that uploads take have been closed. Of functions
            # registered here the latest comes first, so these pools, which register at their import, come after this.
            importlib.import_module("concurrent.futures.thread")
            threading._register_atexit(self.stop)  # type: ignore[attr-defined]
            self._thread = threading.Thread(target=self._run, name="label-snapshots", daemon=True)
            self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Push what is left and end; what takes longer than `seconds` is given up, and said in the log."""
        if self._thread is None or not self._thread.is_alive():
            return
        self._stopping.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            log.error(
                "The last snapshot of the labels was not pushed in %.0f seconds; it is given up.", seconds
            )

    def push(self) -> None:
        """Push now, if anything has changed.

        Raises:
            LabelError: it failed, or another process of this folder is pushing.
        """
        with self._pushing:
            try:
                if not self._is_due():
                    return
                with FileLock(self._settings.labels_folder / ".snapshot.lock", timeout=0):
                    self._hub = self._hub or self._make_hub(self._settings)
                    self._hub.push(self._store, self._settings.labels_folder)
            except Timeout:
                raise LabelError("Another process is pushing this folder's snapshot.") from None
            except LabelError as error:
                self._failures += 1
                self._trouble = str(error)
                raise
            except Exception:
                self._failures += 1
                self._trouble = "an unforeseen error, which the server's log tells more about."
                raise
            self._failures, self._trouble = 0, ""

    def status(self) -> Status:
        """How it stands; asks only this machine."""
        known = self._known()
        return Status(
            self._settings.labels_repo,
            known.at if known else None,
            bool(self._settings.labels_repo) and self._is_due(),
            self._pushing.locked(),
            self._trouble,
        )

    def _known(self) -> Snapshot | None:
        known = Snapshot.read(self._settings.labels_folder / SNAPSHOT)
        return known if known and known.repo == self._settings.labels_repo else None

    def _is_due(self) -> bool:
        known = self._known()
        if known is None:
            with self._store.reading() as connection:
                return not dump.is_unused(connection)
        return known.fingerprint != dump.fingerprint(self._store)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stopping.wait(
                self._delay()
            )  # also while a push was under way: then one more follows
            try:
                self.push()
            except LabelError as error:
                log.warning("No snapshot of the labels: %s", error)
            except Exception:
                log.exception("No snapshot of the labels; it will be tried again.")

    def _delay(self) -> float:
        interval = self._settings.labels_push_minutes * 60
        if not self._failures:
            return interval
        return min(interval, FIRST_RETRY_SECONDS * 2.0 ** min(self._failures - 1, 20))


def _ago(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"
