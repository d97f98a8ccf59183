"""A dataset made behind the page: out of what people labelled, or from the Hub. It goes on when the page is closed.

    work = DatasetWork(settings, labels)
    work.from_labels("portraits")           # returns at once
    work.state()                            # Making(phase="preparing", done=40, total=112, ...)
    work.stop()

One dataset is made at a time, whichever process on these folders makes it. What is under way stands in a small file
beside the datasets too, so that a page that was started again can say that it was interrupted; doing it again goes on
where `prepare` was.
"""

import importlib.util
import json
import logging
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from colorizer.errors import OptionError, RanginError
from train import atomic, child
from train.dataset_words import check_name, parse_meanings, split_for, with_meanings
from train.datasets import SPLITS, Dataset, is_inside, look
from train.jobs.processes import Mark
from train.labels import read as read_labels
from train.settings import TrainSettings

if TYPE_CHECKING:
    from train.shop import Labels

log = logging.getLogger(__name__)

RAW = ".labelled"
"""Folder of what was labelled, beside the datasets that are made of it; the listing passes it over."""
STATE = ".making.json"
_LOCK = ".making.lock"
_BUG = "This went wrong in a way that nobody foresaw; the server's log holds the traceback."

Phase = Literal["writing", "fetching", "preparing", "faces", "done", "failed", "stopped"]


@dataclass(frozen=True)
class Making:
    """How far a dataset is."""

    name: str
    """Of its folder."""
    phase: Phase
    done: int = 0
    """Pictures, of `total`; both 0 where the phase can't say."""
    total: int = 0
    sentence: str = ""
    """How it ended, or what there is to know."""
    dataset: str = ""
    """What the listing calls it, once it is there."""

    @property
    def is_working(self) -> bool:
        """Whether its end is still to come."""
        return self.phase not in ("done", "failed", "stopped")


class DatasetWork:
    """What makes datasets for a page.

    Args:
        labels: of the Label tab; None where there is none.
    """

    def __init__(self, settings: TrainSettings, labels: "Labels | None" = None) -> None:
        self.root = settings.dataset_folders[0]
        self._labels = labels
        self._guard = threading.Lock()
        self._making: Making | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    # asked for

    def from_labels(self, name: str, pictures: str = "photo", meanings: str = "") -> None:
        """Begin to make a dataset of all that is labelled; one of the same name is brought up to date.

        Args:
            name: of its folder.
            pictures: "photo", "face" or "cut", as `Labels.count` says.
            meanings: what labels that are none of the six groups count as, "Nepali=Indian", separated by commas or
                lines.

        Raises:
            OptionError: it can't begin; the sentence says why.
        """
        labels = self._labels
        if labels is None:
            raise OptionError(
                "There is no Label tab on this page; prepare a folder with `python -m train prepare`."
            )
        check_name(name)
        mapped = parse_meanings(meanings)
        if importlib.util.find_spec("imagehash") is None:
            raise OptionError(
                "Preparing needs what training needs: run `pip install -r requirements-train.txt` (`make app` does)."
            )
        counts = labels.count(pictures)
        if not counts:
            raise OptionError(
                "Nothing is labelled yet that could be trained on; label some photos in the Label tab."
            )
        self._begin(
            Making(name, "writing", 0, sum(counts.values())),
            lambda: self._make(labels, name, pictures, mapped, counts),
        )

    def from_hub(self, repository: str, revision: str = "", token: str = "") -> None:
        """Begin to fetch a prepared dataset from a dataset repository of the Hugging Face Hub.

        Args:
            repository: user/name.
            revision: commit, tag or branch; empty is the newest.
            token: of who may read it; it is not kept.

        Raises:
            OptionError: it can't begin.
        """
        repository, revision = repository.strip(), revision.strip()
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", repository, re.ASCII):
            raise OptionError("A dataset repository is named user/name, as its address on the Hub ends.")
        if revision and (not re.fullmatch(r"[\w./-]{1,100}", revision, re.ASCII) or ".." in revision):
            raise OptionError("A revision is a commit, a tag or a branch: letters, digits and . _ / -")
        self._begin(
            Making(repository.partition("/")[2], "fetching"), lambda: self._fetch(repository, revision, token)
        )

    def stop(self, patience: float = 0.0) -> None:
        """Ask for the end of what is under way here, and wait so many seconds for it."""
        self._stop.set()
        if (thread := self._thread) is not None and patience:
            thread.join(patience)

    def wait(self, seconds: float) -> bool:
        """Whether nothing is under way here any more, at the latest after so many seconds."""
        if (thread := self._thread) is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    def state(self) -> Making | None:
        """How the last one stands, also one of another or an earlier process; None where there was none."""
        with self._guard:
            if self._making is not None:
                return self._making
        try:
            said = json.loads((self.root / STATE).read_text(encoding="utf-8"))
            making = _MAKING.validate_python(said["making"])
            is_there = Mark(int(said["pid"]), float(said["created"])).is_alive()
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return None
        if making.is_working and not is_there:
            return replace(
                making,
                phase="stopped",
                sentence="It was interrupted when the page's server ended; make it again, and it goes on there.",
            )
        return making

    # done behind the page

    def _begin(self, making: Making, act: Callable[[], Making]) -> None:
        with self._guard:
            if self._making is not None and self._making.is_working:
                raise OptionError(
                    f"The dataset {self._making.name} is being made right now; wait for it, or stop it."
                )
            try:
                self.root.mkdir(parents=True, exist_ok=True)
                # Let go of by the thread that does the work.
                lock = FileLock(self.root / _LOCK, thread_local=False)
                lock.acquire(timeout=0)
            except Timeout as error:
                raise OptionError(
                    "Another process on these folders is making a dataset right now; wait for it."
                ) from error
            except OSError as error:
                raise OptionError(
                    f"The datasets' folder {self.root} can't be written ({error.strerror}); set RANGIN_DATASETS to one "
                    "that can."
                ) from error
            self._making = making
            self._stop.clear()
        self._write(making)
        self._thread = threading.Thread(target=self._carry_out, args=(act, lock), name="dataset", daemon=True)
        self._thread.start()

    def _carry_out(self, act: Callable[[], Making], lock: FileLock) -> None:
        try:
            self._say(act())
        except child.Stopped:
            self._say(self._now("stopped", "Stopped; make it again, and it goes on there."))
        except (RanginError, OSError) as error:
            # Stopping is an error to who writes the pictures.
            is_stopped = self._stop.is_set()
            self._say(
                self._now("stopped" if is_stopped else "failed", "Stopped." if is_stopped else str(error))
            )
        except Exception:
            log.exception("Making a dataset went wrong.")
            self._say(self._now("failed", _BUG))
        finally:
            lock.release()

    def _make(
        self, labels: "Labels", name: str, pictures: str, mapped: dict[str, str], counts: dict[str, int]
    ) -> Making:
        raw = self.root / RAW / name
        raw.parent.mkdir(parents=True, exist_ok=True)
        flags = labels.write(raw, pictures, self._advance, self._stop.is_set)
        total = sum(counts.values())
        dataset = self.root / name
        if not is_inside(dataset, [self.root]) or not is_inside(raw, [self.root]):
            raise OptionError(f"{name} leads out of the datasets' folder; choose another name.")
        self._say(Making(name, "preparing", 0, total))
        merged: dict[str, int] = {}
        for label, count in counts.items():
            label = mapped.get(label, label)
            merged[label] = merged.get(label, 0) + count
        words = ["prepare", str(raw), "--out", str(dataset), "--split", split_for(merged)]
        self._run([*words, *with_meanings(flags, mapped)], lambda: _count_files(dataset / "images"))
        if pictures == "photo":
            self._faces(name, dataset)
        return self._made(name, dataset)

    def _fetch(self, repository: str, revision: str, token: str) -> Making:
        from train.hub_dataset import fetch

        folder = fetch(repository, revision or None, token or None, self._stop.is_set, self._advance)
        if not (folder / "train.csv").is_file() or not is_inside(folder, [self.root]):
            raise OptionError(f"{repository} came as {folder.name}, which the datasets' folder doesn't show.")
        return self._made(folder.resolve().relative_to(self.root.resolve()).as_posix(), folder)

    def _faces(self, name: str, dataset: Path) -> None:
        """Note where the faces lie: a colorizer is told by them which pixels are whose."""
        tables = [dataset / f"{split}.csv" for split in SPLITS]
        rows = {table: len(read_labels(table)) for table in tables if table.is_file()}
        named = [str(table) for table, count in rows.items() if count]
        if named:
            self._say(Making(name, "faces", 0, 0, f"in {sum(rows.values()):,} pictures"))
            self._run(["faces", str(dataset / "images"), "--labels", *named])

    def _made(self, name: str, dataset: Path) -> Making:
        facts = look(Dataset(name, dataset))
        train, val = facts.pictures("train"), facts.pictures("val")
        return Making(name, "done", 0, 0, f"{train:,} pictures to train on, {val:,} to validate with.", name)

    def _run(self, words: list[str], count: Callable[[], int] | None = None) -> None:
        """`python -m train WORDS`, while `done` follows what `count` says."""

        def tell() -> None:
            if count is not None and (making := self._making) is not None:
                self._say(replace(making, done=min(count(), making.total)), also_on_disk=False)

        child.run(words, self._stop, tell)

    # said

    def _advance(self, done: int, total: int) -> None:
        if (making := self._making) is not None:
            self._say(replace(making, done=done, total=total), also_on_disk=False)

    def _now(self, phase: Phase, sentence: str) -> Making:
        return replace(self._making or Making("", phase), phase=phase, sentence=sentence)

    def _say(self, making: Making, also_on_disk: bool = True) -> None:
        # First on the disk: no other process may still see it at work when this one says that it is done.
        if also_on_disk:
            self._write(making)
        with self._guard:
            self._making = making

    def _write(self, making: Making) -> None:
        me = Mark.of(os.getpid())
        about = {"making": _MAKING.dump_python(making), "pid": me.pid, "created": me.created}
        try:
            atomic.write(self.root / STATE, json.dumps(about, ensure_ascii=False))
        except OSError:  # only another process's view of it is lost
            log.warning("%s can't be written.", self.root / STATE)


def _count_files(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(1 for _ in entries)
    except OSError:
        return 0


_MAKING = TypeAdapter(Making)
