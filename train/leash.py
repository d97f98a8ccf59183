"""Run a command that does not outlive whoever started it, however that ends.

    subprocess.Popen([*leashed(), sys.executable, "-m", "train", "prepare", ...])

    python -m train.leash PID COMMAND...        # what that does: asks Linux for SIGINT when PID ends, becomes COMMAND

Elsewhere the command goes on to its end by itself.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def leashed() -> list[str]:
    """The words before a command. It lives as long as the thread that starts it."""
    return [sys.executable, "-m", "train.leash", str(os.getpid())]


def main(parent: int, command: list[str]) -> None:
    """Become `command`; never returns."""
    if sys.platform == "linux":
        # What ctrl-C sends: commands end in good order on it, their worker processes too.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:  # it ended before that
            sys.exit(128 + signal.SIGINT)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
