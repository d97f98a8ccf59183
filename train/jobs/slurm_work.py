"""A job's work as one of the tasks that Slurm starts."""

import os
import sys

from train.jobs.work import Work


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
