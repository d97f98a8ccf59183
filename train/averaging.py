"""Exponentially averaged weights: what is validated, and what comes out in the end."""

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import WeightAveraging

from train.tasks.base import Task

AVERAGE_EVERY = 10


class Averaging(WeightAveraging):
    """Averages after every tenth step and before each validation, buffers included.

    A checkpoint's `state_dict` holds the averages.
    The decay grows with the number of updates, else the random weights of the start would weigh for thousands of steps.

    Args:
        decay: of the old average at each update, in the long run.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=True, avg_fn=lambda old, new, count: _average(old, new, count, decay))
        self._updated = -1

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Copy the task, without its augmentation, which may hold all pictures."""
        augmentation, pl_module.augmentation = pl_module.augmentation, None  # type: ignore[assignment]
        super().setup(trainer, pl_module, stage)
        pl_module.augmentation = augmentation

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: object
    ) -> None:
        """Update by the run's own count of steps: Lightning's counts every optimizer of a step."""
        if isinstance(pl_module, Task) and pl_module.course.step % AVERAGE_EVERY == 0:
            self._updated = pl_module.course.step + 1  # this callback comes before the one that counts
            assert self._average_model is not None
            self._average_model.update_parameters(pl_module)

    def on_validation_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Else a run of nine steps would come out as its first one left it."""
        if isinstance(pl_module, Task) and pl_module.course.step != self._updated:
            assert self._average_model is not None
            self._average_model.update_parameters(pl_module)
        super().on_validation_epoch_start(trainer, pl_module)

    def restart(self, state: dict[str, Any]) -> None:
        """Begin anew from these weights."""
        assert self._average_model is not None
        self._average_model.module.load_state_dict(state)
        self._average_model.n_averaged.zero_()


def _average(old: torch.Tensor, new: torch.Tensor, count: torch.Tensor | int, decay: float) -> torch.Tensor:
    weight = min(decay, (1 + int(count)) / (10 + int(count)))
    return old * weight + new * (1 - weight)
