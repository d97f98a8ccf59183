"""Where a server keeps the files of its visitors, so that none outlives its hour, also when the server is killed.

files = ServerFiles(base, keep_seconds=3600)            # a folder of this server's own, base/rangin-files/<token>
files.sweep()                                           # every few minutes: says it is alive, clears what is old

A server that stops in good order deletes its files. One that is killed leaves them: its folder carries the time at
which it last lived, and any later server deletes it once that is longer ago than files are kept, and than a living one
could be silent.
"""

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SHARED = "rangin-files"
ALIVE = "alive"
WORK = "rangin-"
SILENT_SECONDS = 900  # three sweeps of a server that keeps files longer than this one does


class ServerFiles:
    """One server's folder, and the folders of single photos in it."""

    def __init__(self, base: Path, keep_seconds: float) -> None:
        """Args:
        base: where temporary files go; a folder that another `ServerFiles` made stands for that one's base.
        keep_seconds: how long files of photos are kept.
        """
        if base.parent.name == SHARED:
            base = base.parent.parent
        self.shared = base / SHARED
        self.keep_seconds = keep_seconds
        self.folder = self.shared / secrets.token_hex(8)
        self.sweep()

    def sweep(self) -> None:
        """Say that this server lives; delete folders of dead servers, and this one's photos that are too old."""
        self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        # After a sleep of the machine or a leap of its clock every server looks dead: they get until the next sweep.
        has_slept = self._is_dead(_times(self.folder / ALIVE, self.folder))
        (self.folder / ALIVE).touch()
        if not has_slept and not self.shared.is_symlink():
            for other in self.shared.iterdir():
                if self._is_another(other) and self._is_dead(_times(other / ALIVE, other)):
                    shutil.rmtree(other, ignore_errors=True)
        sweep_works(self.folder, self.keep_seconds)

    def remove(self) -> None:
        """Delete everything: the server ends."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_another(self, folder: Path) -> bool:
        """Whether a server made it, and not somebody else."""
        is_token = re.fullmatch("[0-9a-f]{16}", folder.name) is not None
        return is_token and folder != self.folder and folder.is_dir() and not folder.is_symlink()

    def _is_dead(self, times: Iterator[float]) -> bool:
        return time.time() - next(times, 0.0) > max(self.keep_seconds, SILENT_SECONDS)


def work_folder(folder: Path, key: str) -> Path:
    """Where a photo's files lie below a server's folder."""
    return folder / f"{WORK}{key}"


def sweep_works(folder: Path, keep_seconds: float) -> None:
    """Delete the folders of photos in which nothing has been written for longer than files are kept.

    Gradio deletes the files that it was handed; those of a painting that nobody waited for it never sees.
    """
    for work in folder.glob(f"{WORK}*"):
        newest = max(_times(work, *work.rglob("*")), default=0.0)
        if work.is_dir() and time.time() - newest > keep_seconds:
            shutil.rmtree(work, ignore_errors=True)


def _times(*paths: Path) -> Iterator[float]:
    """When these were changed; those that are gone are left out."""
    for path in paths:
        with suppress(OSError):
            yield path.stat().st_mtime
