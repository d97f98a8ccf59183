"""A job's work as one of the tasks that Slurm starts."""

import os
import sys
from pathlib import Path
from typing import Any

from train.jobs.job import read
from train.jobs.work import OUTPUT, Work

TOO_SHORT = (
    "Its time was up before it could save anything, so it would begin anew for ever; ask for more minutes."
)


class SlurmWork(Work):
    """`Work` whose exit code is the task's, so that Slurm knows of a failure and ends the tasks that wait for this one.

    Args:
        folder: the job's, absolute.
    """

    def __call__(self) -> int | None:
        """Run the command.

        Raises:
            SystemExit: it failed, or one of several tasks had nothing to do.
        """
        is_alone = int(os.environ.get("SLURM_NTASKS", "1") or 1) == 1
        code = super().__call__()
        if code or (code is None and not is_alone):
            sys.exit(128 - code if code is not None and code < 0 else code or 1)
        return code

    def checkpoint(self) -> Any:
        """Have the child save and end, because time is up; None where a training would get no further next time."""
        again = super().checkpoint()
        if self._has_saved():
            return again
        with (Path(self.folder) / OUTPUT).open("a", encoding="utf-8") as file:
            file.write(TOO_SHORT + "\n")
        return None

    def _has_saved(self) -> bool:
        """Whether there is a checkpoint of a training since it began this time; of other work nobody knows."""
        job, last = read(Path(self.folder)), Path(self.folder) / "last.ckpt"
        if job is None or job.order.kind != "fit" or self._note is None:
            return True
        return last.is_file() and last.stat().st_mtime >= self._note.began
