"""Which process of a run this is, on which devices it may run, and in what precision they compute."""

import os
from typing import Any

import torch
from lightning.pytorch.plugins.environments import SLURMEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch import nn

from colorizer.errors import OptionError
from train.recipe import Recipe


def check(recipe: Recipe) -> None:
    """See that there are as many GPUs as the recipe wants, if there are any; on CPUs devices are processes.

    Raises:
        OptionError: there are fewer.
    """
    if torch.cuda.is_available() and recipe.devices > torch.cuda.device_count():
        raise OptionError(f"devices: there are {torch.cuda.device_count()} GPUs here, not {recipe.devices}.")


def process_rank(recipe: Recipe) -> int:
    """This process among all of the run, before Lightning has started the others or after."""
    for name in ("RANK", "SLURM_PROCID"):
        if name in os.environ:
            return int(os.environ[name])
    return int(os.environ.get("NODE_RANK", 0)) * recipe.devices + int(os.environ.get("LOCAL_RANK", 0))


def is_first_process(recipe: Recipe) -> bool:
    """Whether this is the process that writes."""
    return recipe.devices * recipe.num_nodes == 1 or process_rank(recipe) == 0


def cluster() -> list[SLURMEnvironment]:
    """What tells Lightning that Slurm started the processes; empty where it did not."""
    if "SLURM_NTASKS" not in os.environ or not SLURMEnvironment.detect():
        return []
    # Without its own hold on signals: who keeps the job asks for the end, and has it go on.
    return [SLURMEnvironment(auto_requeue=False)]


class Together(DDPStrategy):
    """Processes that train as one. Each validates its own batches, of which it may have more or fewer than others."""

    def validation_step(self, *arguments: Any, **named: Any) -> Any:
        """Without DDP's forward, which shares buffers each time and so waits for processes that have no batch left."""
        assert self.lightning_module is not None
        with self.precision_plugin.val_step_context():
            return self.lightning_module.validation_step(*arguments, **named)


def together() -> Together:
    """The strategy for several processes."""
    # Which parameters a step uses depends on the labels of its pictures and on whose turn it is.
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    return Together(find_unused_parameters=True, process_group_backend=backend)


def share_buffers(module: nn.Module) -> None:
    """Give all processes the first one's buffers: without it, each would validate by the pictures that it has seen."""
    for buffer in module.buffers():
        torch.distributed.broadcast(buffer, src=0)


def precision(wanted: str) -> str:
    """The recipe's precision; "auto" is bf16-mixed where the device computes in it, else 32-true."""
    if wanted != "auto":
        return wanted
    return "bf16-mixed" if computes_bf16() else "32-true"


def computes_bf16() -> bool:
    """Whether the device on which Lightning will train has instructions for bfloat16."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if torch.backends.mps.is_available():
        return False
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
