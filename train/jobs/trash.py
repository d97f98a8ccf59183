"""Deleting a job's folder: gone from the list in one step, then from the disk, also where that is interrupted."""

import secrets
import shutil
from pathlib import Path

from colorizer.errors import OptionError
from train.jobs.job import FILE, LOCK, Job

FOLDER = ".deleted"


def put(folder: Path) -> None:
    """Move a job's folder out of the list, and remove it.

    Raises:
        OptionError: it is not ours to remove.
    """
    bin_ = folder.parent / FOLDER
    try:
        bin_.mkdir(exist_ok=True)
        gone = bin_ / f"{folder.name}-{secrets.token_hex(4)}"
        folder.rename(gone)
    except OSError:  # a disk too full for a folder: then the slow way
        gone = folder
    shutil.rmtree(gone, ignore_errors=True)
    if (folder / FILE).exists():
        raise OptionError(f"{folder} can't be removed; see who may write there.")


def empty(runs: Path) -> None:
    """Remove what a killed process has left of that."""
    bin_ = runs / FOLDER
    if bin_.is_dir():
        for folder in bin_.iterdir():
            shutil.rmtree(folder, ignore_errors=True)
    for folder in runs.iterdir() if runs.is_dir() else ():
        # Whoever waited for a job's lock while it was deleted has made its folder anew, with the lock alone.
        if (folder / LOCK).exists() and not (folder / FILE).exists() and len(list(folder.iterdir())) == 1:
            shutil.rmtree(folder, ignore_errors=True)


def inventory(job: Job) -> str:
    """What a job's folder holds, for who is about to delete it."""
    sizes = {path: _bytes(path) for path in job.folder.rglob("*") if path.is_file()}
    parts = []
    for words, pattern in (("checkpoint", "*.ckpt"), ("weights file", "*.safetensors")):
        found = [path for path in sizes if path.match(pattern)]
        if found:
            parts.append(f"{len(found)} {words}{'s' if len(found) > 1 else ''}")
    if (job.folder / "report").is_dir():
        parts.append("the report")
    parts.append("curves, samples and log" if (job.folder / "metrics.csv").is_file() else "the log")
    return (
        f"{job.id} goes with {', '.join(parts[:-1])}{' and ' if len(parts) > 1 else ''}{parts[-1]}: "
        f"{_size(sum(sizes.values()))} that can't be brought back. Models that were promoted or published stay."
    )


def _bytes(path: Path) -> int:
    """How large a file is; 0 of one that went meanwhile, as the last word of a keeper on its way does."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
