"""A run's sample colorizations: the same validation photos as they were painted after each validation.

    found = samples.find(runs / "mine-20261122-...")
    found.steps                                # (200, 400, 600)
    samples.as_uri(found.picture(400))         # for an <img>

`train.sampling` writes them: strips of several photos side by side. Light: no PyTorch.
"""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = "samples"
TRUTH, GRAY = "truth.webp", "gray.webp"
LARGEST = 4_000_000
"""Bytes of a strip that is shown; ours have some ten thousand."""
_STEP = re.compile(r"step-(\d{7,12})\.webp")


def file_name(step: int) -> str:
    """What the strip of a step is called."""
    return f"step-{step:07}.webp"


@dataclass(frozen=True)
class Samples:
    """What a run has painted so far."""

    folder: Path
    steps: tuple[int, ...] = ()
    """At which something was painted, ascending."""
    truth: Path | None = None
    """The photos as they are."""
    gray: Path | None = None
    """What the network sees of them."""

    def picture(self, step: int) -> Path:
        """The strip of a step, or of the nearest one that there is.

        Raises:
            ValueError: nothing has been painted.
        """
        return self.folder / file_name(min(self.steps, key=lambda known: abs(known - step)))


def find(run: Path, most: int | None = None) -> Samples:
    """The strips that are there at this moment.

    Args:
        run: a run's folder, which may hold none.
        most: so many steps at most, evenly chosen, the first and the last among them; 2 or more.
    """
    folder = run / FOLDER
    try:
        names = {path.name for path in folder.iterdir() if path.is_file() and not path.is_symlink()}
    except OSError:
        return Samples(folder)
    steps = sorted(int(found[1]) for name in names if (found := _STEP.fullmatch(name)))
    if most is not None and len(steps) > most:
        steps = [steps[i * (len(steps) - 1) // (most - 1)] for i in range(most)]
    truth, gray = (folder / name if name in names else None for name in (TRUTH, GRAY))
    return Samples(folder, tuple(steps), truth, gray)


def as_uri(path: Path | None) -> str:
    """A strip as a data: URI; empty where it is gone, or no WebP of a size that ours have."""
    if path is None:
        return ""
    try:
        if path.is_symlink() or path.stat().st_size > LARGEST:
            return ""
        content = path.read_bytes()
    except OSError:
        return ""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return ""
    return "data:image/webp;base64," + base64.b64encode(content).decode("ascii")
