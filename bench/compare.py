"""Comparing three photos by every model that is here, beside the default alone: seconds and peak memory.

python -m bench.compare MODELS FOLDER      one process as `python -m colorizer compare` runs it; prints its peak in MB
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Measurement
from bench.memory import REPOSITORY, THREADS, peak

TIME_LIMIT = 60.0  # seconds
MEMORY_LIMIT = 4000.0  # MB
ALONE = "by the default alone"


def measure(repeats: int) -> list[Measurement]:
    """From the start of a fresh process to its page, with figures, and its resident high-water mark; in turns."""
    from colorizer.catalog import colorizers

    with TemporaryDirectory() as folder:
        photos = write_photos(Path(folder, "photos"))
        turns = [(_in_process("all", photos), _in_process("default", photos)) for _ in range(repeats)]
    every, alone = zip(*turns, strict=True)
    what = f"three photos by {len(colorizers())} models"
    return [
        Measurement(what, "s", _column(every, 0), ALONE, _column(alone, 0), TIME_LIMIT),
        Measurement(f"peak memory, {what}", "MB", _column(every, 1), ALONE, _column(alone, 1), MEMORY_LIMIT),
    ]


def write_photos(folder: Path) -> Path:
    """Three portraits with their true colours, free to use: Eileen Collins, Grace Hopper, a man with a camera."""
    from matplotlib import cbook
    from PIL import Image
    from skimage import data

    from bench.portrait import portrait_file

    folder.mkdir()
    (folder / "collins.jpg").write_bytes(portrait_file())
    hopper = Path(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    (folder / "hopper.jpg").write_bytes(hopper.read_bytes())
    Image.fromarray(data.camera()).save(folder / "camera.png")
    return folder


def _in_process(models: str, photos: Path) -> tuple[float, float]:
    """Seconds and peak MB of one comparison."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.compare", models, str(photos)],
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": THREADS},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return time.perf_counter() - start, float(done.stdout.split()[-1])


def _column(turns: tuple[tuple[float, float], ...], index: int) -> tuple[float, ...]:
    return tuple(turn[index] for turn in turns)


def _main(models: str, photos: str) -> int:
    from colorizer.__main__ import main

    out = str(Path(photos).with_name("page.html"))
    code = main(["compare", photos, "--models", models, "--truth", photos, "--out", out, "--device", "cpu"])
    print(peak())
    return code


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], sys.argv[2]))
