"""What every task shares: its network, how a raw batch becomes a finished one, optimizers, and what it logs.

A task says what the loss is; `train.fit` carries it through a run:

    class Gray(Task):
        def training_step(self, raw, index):
            batch = self.prepare(raw)
            loss = self.network(batch["seen"], batch["groups"]).square().mean()
            self.log_training("train/loss", loss)
            return loss
"""

from collections.abc import Iterable
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from colorizer import networks
from train.course import Course
from train.recipe import Recipe

# name -> sum of its values weighted by count, and the counts' sum
Sums = dict[str, tuple[Tensor, int]]


class Task(lightning.LightningModule):
    """Base of all tasks.

    A task returns its loss from `training_step`, or sets `automatic_optimization = False`, returns a list of optimizers
    from `configure_optimizers` and calls `step_with` for each. Learning rates are set by the run, from `course`.
    """

    monitor = ("val/psnr", "max")
    """The score by which the best weights are chosen, and whether it is to be large or small."""
    network_kind = "colorizer"
    """What the network must be able to do: "colorizer" or "classifier"."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = networks.build(recipe.network, **recipe.config)
        self.course = Course(recipe, epoch_steps=1, mode=self.monitor[1])
        """Step, phase, rate and best score; `train.fit` tells it the length of an epoch."""
        self.augmentation: nn.Module | None = None
        """Makes finished batches of raw ones; set by `train.fit`. No part of what is saved or averaged."""
        self._training: Sums = {}
        self._validation: Sums = {}

    def __setattr__(self, name: str, value: Any) -> None:
        # As a submodule the augmentation, which may hold all pictures, would be copied with every copy of the weights.
        if name == "augmentation":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def learn_from(self, sources: list[Any]) -> None:
        """Look at the decoded training sources once, before training (class counts and the like)."""

    def check_validation(self, source: Any) -> None:
        """Look whether the first validation source can tell which weights are best; raises OptionError if not."""

    def prepare(self, raw: dict[str, Tensor]) -> dict[str, Tensor]:
        """A raw batch -> a finished one; one that is finished already stays as it is."""
        if self.augmentation is None or "seen" in raw:
            return raw
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return self.augmentation(raw)

    # logging

    def log_training(self, name: str, value: Tensor) -> None:
        """Note a loss of this step, for example "train/loss"; metrics.csv gets the mean since its last row."""
        _add(self._training, name, value.detach().float(), 1)

    def log_validation(self, name: str, value: Tensor, batch_size: int, dataloader_idx: int = 0) -> None:
        """Note a batch's mean as val/<name>; of a further validation source as val1/<name>, val2/<name>.

        Args:
            name: without "val/".
            value: () mean over the batch.
            batch_size: pictures that the mean is over; 0 is ignored.
            dataloader_idx: which validation source.
        """
        if batch_size:
            _add(self._validation, f"val{dataloader_idx or ''}/{name}", value.detach().float(), batch_size)

    def training_total(self) -> Tensor:
        """() a number that is finite if and only if all training losses since the last row were."""
        return torch.stack([total for total, _ in self._training.values()] or [torch.zeros(())]).sum()

    def training_means(self) -> dict[str, float]:
        """Means since the last call, over all processes."""
        sums, self._training = self._training, {}
        return _means(sums)

    def validation_means(self) -> dict[str, float]:
        """Means over the pictures of the validation that has just ended, over all processes."""
        sums, self._validation = self._validation, {}
        return _means(sums)

    # optimization

    def optimizer_for(
        self, parameters: Iterable[nn.Parameter], lr: float | None = None
    ) -> torch.optim.Optimizer:
        """The recipe's kind of optimizer; no weight decay on biases and normalisation, as is usual.

        Args:
            parameters: what it changes.
            lr: its learning rate, which the schedule scales; `optimizer.lr` of the recipe if None.
        """
        how, parameters = self.recipe.optimizer, [p for p in parameters if p.requires_grad]
        rate = how.lr if lr is None else lr
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": how.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group | {"initial_lr": rate} for group in groups if group["params"]]
        if how.name == "sgd":
            return torch.optim.SGD(groups, rate, momentum=how.momentum)
        kind = torch.optim.AdamW if how.name == "adamw" else torch.optim.Adam
        return kind(groups, rate, betas=(how.momentum, 0.999))

    def configure_optimizers(self) -> Any:
        """One optimizer for everything that learns; a task with several overrides this."""
        return self.optimizer_for(self.parameters())

    def step_with(self, optimizer: Any, loss: Tensor) -> None:
        """Manual optimization: backward, clip, step, zero.

        Args:
            optimizer: one of `self.optimizers()`.
            loss: () of the parameters that this optimizer changes.
        """
        self.manual_backward(loss)
        if self.recipe.optimizer.clip is not None:
            self.clip_gradients(optimizer, self.recipe.optimizer.clip, "norm")
        optimizer.step()
        optimizer.zero_grad()

    def set_rates(self) -> float:
        """Give every optimizer its learning rate of the coming step; the first one's."""
        share = self.course.rate()
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * share
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    # hooks

    def on_fit_start(self) -> None:
        """The augmentation follows the network to its device, though it is no part of it."""
        if self.augmentation is not None:
            self.augmentation.to(self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep where the run stands, and the losses of the row that is not written yet."""
        checkpoint["course"] = self.course.state_dict()
        checkpoint["training"] = {
            name: [value.cpu(), count] for name, (value, count) in self._training.items()
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on where the checkpoint was written."""
        self.course.load_state_dict(checkpoint["course"])
        self._training = {name: (value, count) for name, (value, count) in checkpoint["training"].items()}

    def share_training_sums(self) -> None:
        """Give each process the mean of all, so that one process's checkpoint holds what all have logged."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            self._training = {
                name: (torch.tensor(value), 1) for name, value in _means(self._training).items()
            }


def _add(sums: Sums, name: str, value: Tensor, count: int) -> None:
    total, number = sums.get(name, (torch.zeros((), device=value.device), 0))
    sums[name] = (total.to(value.device) + value * count, number + count)


def _means(sums: Sums) -> dict[str, float]:
    """Weighted means, in a fixed order; every process must call this at the same point."""
    plain = {name: (float(total), count) for name, (total, count) in sums.items()}
    every: list[Any] = [plain]
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        every = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(every, plain)
    names = sorted({name for part in every for name in part})
    means = {}
    for name in names:
        parts = [part[name] for part in every if name in part]
        means[name] = sum(total for total, _ in parts) / sum(count for _, count in parts)
    return means
