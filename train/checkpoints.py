"""last.ckpt and best.ckpt: written whole or not at all, and read without running anything that is in them."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from colorizer.errors import ModelError
from train import atomic


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints so that a kill or a full disk in the middle leaves the one before."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        """Serialize in memory, then write beside and replace."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        atomic.write(Path(path), content.getvalue())


def read(path: Path) -> dict[str, Any]:
    """A checkpoint, its tensors mapped from the file.

    Raises:
        ModelError: it is damaged.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise ModelError(
            f"The checkpoint {path} is damaged ({type(error).__name__}); copy best.ckpt over it to go on from the best "
            "validation, or start anew with another --out."
        ) from error


def restore_best(out: Path, course: dict[str, Any]) -> None:
    """Finish what a kill between the writing of last.ckpt and of best.ckpt has left."""
    is_new = course["phase"] == 0 or course["step"] > course["phase_start"]
    if course["step"] == course["best_step"] and is_new:
        atomic.same_file(out / "last.ckpt", out / "best.ckpt")
