"""All jobs of a folder for who asks every two seconds: of those that are over nothing is read again.

rows = Recent(runs).rows()      # the newest first, as looking.standings gives them
"""

import threading
from pathlib import Path

from colorizer.errors import OptionError
from train.jobs import job as jobs
from train.jobs import looking
from train.jobs.looking import Standing

Stamp = tuple[int, int, int]
_FILES = (jobs.FILE, "run.json", "metrics.csv")


class Recent:
    """Remembers the jobs that are over, for as long as their files don't change. Threads may share it.

    Args:
        runs: the folder of all jobs.
    """

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._lock = threading.Lock()
        self._over: dict[str, tuple[Stamp, Standing]] = {}

    def rows(self) -> list[Standing]:
        """How all jobs are at this moment, the newest first."""
        with self._lock:
            known = dict(self._over)
        found, over = [], {}
        for folder in self._folders():
            stamp = _stamp(folder)
            before = known.get(folder.name)
            if before is not None and before[0] == stamp:
                standing = before[1]
            else:
                job = jobs.read(folder)
                if job is None:
                    continue
                try:
                    standing = looking.stand(job)
                except OptionError:  # deleted meanwhile
                    continue
            if standing.state.is_over:
                over[folder.name] = (stamp, standing)
            found.append(standing)
        with self._lock:
            self._over = over
        return sorted(found, key=lambda one: (one.job.created, one.job.id), reverse=True)

    def _folders(self) -> list[Path]:
        try:
            return [folder for folder in self.runs.iterdir() if (folder / jobs.FILE).is_file()]
        except OSError:
            return []


def _stamp(folder: Path) -> Stamp:
    """Changes with each of the files that tell how a job is."""
    times = []
    for name in _FILES:
        try:
            times.append((folder / name).stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return times[0], times[1], times[2]
