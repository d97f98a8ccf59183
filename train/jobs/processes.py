"""Processes of this machine, told apart from later ones that got the same number.

    me = Mark.of(os.getpid())
    me.is_alive()
    end_all(token)          # every process whose environment says RANGIN_JOB=token

A number alone says little: numbers are given again. With it goes when the process began. A process that has ended, but
whose parent hasn't asked how (a zombie), is dead here.
"""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

VARIABLE = "RANGIN_JOB"
"""Its value, the job's token, stands in the environment of all processes of a job."""
SECRETS = ("RANGIN_JOBS_TOKEN", "RANGIN_LABELS_TOKEN", "RANGIN_LABELS_DATABASE", "OAUTH_CLIENT_SECRET")
"""What the page knows and a job has no use for: a cluster stores its jobs' environments, and others may read those of
processes. HF_TOKEN stays, since a recipe may fetch an encoder with it."""
# When a process began is computed from when the machine did, which shifts when the clock is set.
_TOLERANCE = 2.0


def host() -> str:
    """This machine's name."""
    return socket.gethostname()


@dataclass(frozen=True)
class Mark:
    """One process."""

    pid: int
    created: float
    """Seconds since 1970."""

    @classmethod
    def of(cls, pid: int) -> "Mark":
        """A living process's; of one that is gone, a mark that nobody has."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except (psutil.Error, ValueError):
            return cls(pid, -1.0)

    def is_alive(self, token: str = "") -> bool:
        """Whether that process still runs.

        Args:
            token: of its job; a process that has it is the same also where the clock has been set since.
        """
        try:
            process = psutil.Process(self.pid)
            if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return False
            if abs(process.create_time() - self.created) < _TOLERANCE:
                return True
        except (psutil.Error, ValueError):
            return False
        return bool(token) and _has(process, token)

    def tell(self, number: int, token: str = "") -> None:
        """Send a signal, if it is still that process."""
        if self.is_alive(token):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)


def with_token(token: str) -> list[psutil.Process]:
    """The living processes of a job on this machine, whoever their parents are; never the one that asks."""
    return [process for process in _others() if _has(process, token)]


def end_all(token: str, number: int = signal.SIGTERM) -> int:
    """Send a signal to all processes of a job; how many there were."""
    found = with_token(token)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
    return len(found)


def _others() -> Iterator[psutil.Process]:
    me = os.getpid()
    for process in psutil.process_iter():
        if process.pid != me:
            yield process


def _has(process: psutil.Process, token: str) -> bool:
    if not token:
        return False
    try:
        # Cheaper than the environment, and a zombie has none.
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return False
        return process.environ().get(VARIABLE) == token
    except (psutil.Error, OSError, ValueError):  # another user's, or gone meanwhile
        return False
