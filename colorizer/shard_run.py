"""One shard of a planned batch, worked through by this process.

    with ShardRun(planned, Shard(2, 4)) as run:             # waits for another process that has this shard
        for row in run.rows(Colorizer.load) if run.left else ():
            print(row.file, row.error)

Whatever happens, also kill -9 at any moment: each photo gets its one planned output or its one error row, now or when
the shard is run again. Pictures are written in a folder of the shard's own and put into their places whole.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from colorizer import batch, photo, shard_rows, shards
from colorizer.batch import Row
from colorizer.errors import OptionError, PhotoError
from colorizer.provenance import write_whole
from colorizer.shard_rows import Journal
from colorizer.shards import Plan, Shard

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer, Result

MODEL = "model.json"
PARTS = "part"
TRIES = 3
"""How often a process may die over one photo before that gets an error row: no photo may keep all others waiting."""


class ShardRun:
    """What is left of a shard. As a context it has the shard for itself."""

    def __init__(self, planned: Plan, shard: Shard, retry: bool = False) -> None:
        """Args:
        planned: the batch.
        shard: which part of it.
        retry: whether photos that have an error row are tried again.
        """
        self.planned, self.shard, self.retry = planned, shard, retry
        self.left: tuple[int, ...] = ()
        """Photos without an output or error row."""
        self.total = len(shard.indices(len(planned.files)))
        self._tries: dict[int, int] = {}
        self._part = planned.folder / PARTS / shard.name
        self._journal = Journal(planned, shard)

    def __enter__(self) -> "ShardRun":
        locks = batch.make_folder(self.planned.folder / shard_rows.ROWS)
        self._lock = shards.locked(
            locks / f"{self.shard.name}.lock",
            f"Another process is at work on {self.shard}; waiting for its end.",
        )
        self._lock.__enter__()
        try:
            shutil.rmtree(self._part, ignore_errors=True)  # of a killed process
            known = shard_rows.known(self.planned)
            indices = self.shard.indices(len(self.planned.files))
            states = shard_rows.done(self.planned, indices, known.entries)
            if self.retry:
                states = {index: is_error for index, is_error in states.items() if not is_error}
            self.left = tuple(index for index in indices if index not in states)
            self._tries = dict(known.tries)
            self._journal.__enter__().begin(states)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._part, ignore_errors=True)
        self._journal.__exit__(kind, error, trace)
        self._lock.__exit__(None, None, None)

    def rows(self, load: "Callable[[], Colorizer]") -> "Iterator[Row]":
        """Paint what is left; the row of each photo when it is on the disk.

        Args:
            load: gives the model of `planned.wishes`.

        Raises:
            OptionError: nothing more can be written there, or the model is not the one that painted the others.
            ModelError: as `load` raises it.
        """
        colorizer = load()
        wishes = self.planned.wishes
        if not colorizer.steerable and (not wishes.steering.is_default or wishes.suggestions):
            raise OptionError(
                f"The model {colorizer.name} can't be steered; leave out --light, --warmth, --tint, --hint and "
                "--suggestions, or take the default model."
            )
        _same_model(self.planned, colorizer)
        batch.make_folder(self._part)
        for index in self.left:
            stamp = shard_rows.stamp(self.planned.files[index])
            self._journal.trying(index)
            try:
                row = self._row(colorizer, index)
                self._journal.add(index, row, stamp)
            except BaseException:  # a request to stop, or a full disk: the photo bears no blame
                self._journal.stopped(index)
                raise
            yield row

    def _row(self, colorizer: "Colorizer", index: int) -> Row:
        """Paint and write one photo."""
        file, wishes, start = self.planned.files[index], self.planned.wishes, time.perf_counter()
        target = self.planned.target(index)
        try:
            if self._tries.get(index, 0) >= TRIES:
                raise PhotoError(
                    f"{self._tries[index]} times the process ended while it worked on this photo, perhaps because "
                    "memory ran out; make the photo smaller, and run again with --retry."
                )
            if os.path.lexists(target) and not batch.is_ours(target):
                raise OptionError(
                    f"{target.name} was put into the output folder after the batch had been planned; move it away, and "
                    "run again with --retry."
                )
            result, others = batch.paint(
                colorizer, file, wishes.ethnicity, wishes.vividness, wishes.steering, wishes.suggestions
            )
        except Exception as error:  # noqa: BLE001  one photo must not cost the user the others; `failed` logs it
            if batch.is_ours(target):  # of a run before, when the photo was another
                target.unlink(missing_ok=True)
            return batch.failed(file, wishes.ethnicity, start, error)
        notes = batch.renamed(file, target.name)
        try:
            if wishes.suggestions:
                notes += self._write_suggestions(others, target)
            self._put(result, target)
        except OptionError:  # the folder's fault, not the photo's
            raise
        except Exception as error:  # noqa: BLE001  no memory to encode it, for example
            return batch.failed(file, wishes.ethnicity, start, error)
        return batch.painted(file, target, result, notes, wishes.ethnicity, start)

    def _write_suggestions(self, results: "list[Result]", target: Path) -> list[str]:
        """Write other colours of one photo, and say how many and where; a name that is taken is passed over."""
        folder = batch.make_folder(target.parent / batch.SUGGESTIONS) if results else target.parent
        notes = []
        for number, result in enumerate(results, 1):
            path = folder / f"{target.stem}-{number}.png"
            if os.path.lexists(path) and not batch.is_ours(path):
                notes.append(f"{path.name} is not written, because that name was taken.")
            else:
                self._put(result, path)
        count = len(results) - len(notes)
        return [batch.said_of_suggestions(count, self.planned.wishes.suggestions), *notes]

    def _put(self, result: "Result", target: Path) -> None:
        """Write a picture whole. OptionError where that can't be: the folder is at fault, not the photo."""
        part = self._part / target.name
        photo.write(result.image, part, model=result.model)
        try:
            os.replace(part, target)
        except OSError as error:
            raise OptionError(
                f"{target} could not be written ({error.strerror}); choose another place."
            ) from error


def fingerprint(colorizer: "Colorizer") -> str:
    """SHA-256 of a model's numbers."""
    found = hashlib.sha256()
    for name, tensor in sorted(colorizer.network.state_dict().items()):
        found.update(f"{name} {tuple(tensor.shape)}".encode())
        found.update(tensor.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _same_model(planned: Plan, colorizer: "Colorizer") -> None:
    """A batch that takes days must not change its colours when another model becomes the default meanwhile."""
    path, now = planned.folder / MODEL, fingerprint(colorizer)
    with shards.locked(planned.folder / "plan.lock"):
        try:
            was = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            about = {"name": colorizer.name, "sha256": now}
            write_whole(path, (json.dumps(about, indent=2) + "\n").encode())
            return
    if was.get("sha256") != now:
        raise OptionError(
            f"The first photos of this batch were painted by {str(was.get('name'))[:80]!r}, and "
            f"{planned.wishes.model!r} is another model now; put those weights back, or choose another folder to "
            "write to."
        )
