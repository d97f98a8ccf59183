"""Peak memory of a fresh process that colours one portrait, beside one that only imports.

python -m bench.memory colorize | import      one process, prints its peak in MB
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

from bench.measure import Measurement

REPOSITORY = Path(__file__).parents[1]
LIMIT = 2000.0  # MB
THREADS = "2"


def measure(repeats: int) -> list[Measurement]:
    """Resident high-water mark of each kind of process, in turns; MB (10^6 bytes)."""
    turns = [(_in_process("colorize"), _in_process("import")) for _ in range(repeats)]
    colorize, imports = zip(*turns, strict=True)
    return [
        Measurement("peak memory, one portrait", "MB", colorize, "after the imports alone", imports, LIMIT),
    ]


def _in_process(kind: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory", kind],
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": THREADS},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def peak() -> float:
    """The resident high-water mark of this process, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would count what the parent held when it started this process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _main(kind: str) -> None:
    import numpy as np

    from colorizer import photo
    from colorizer.pipeline import Colorizer

    if kind == "colorize":
        from bench.portrait import portrait_file

        file = portrait_file()
        result = Colorizer.load("default", device="cpu").colorize(file)
        photo.encode(np.asarray(result.image), "PNG", model=result.model)
    print(peak())


if __name__ == "__main__":
    _main(sys.argv[1])
