"""What a colorizer makes of the same few validation photos after each validation, so that people see it learn.

    callbacks = [Averaging(0.98), Sampler(run.folder, held_out[0], recipe), ...]

Strips of photos side by side in the run's folder samples/: truth.webp, gray.webp and step-0000200.webp, which
`train.jobs.samples` finds. Nothing of the training depends on them: they draw no random numbers, and where they can't
be written the run goes on.
"""

import io
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from colorizer import lab
from train import atomic
from train.data import Pictures
from train.feed import validation_batches
from train.jobs import samples
from train.recipe import Recipe
from train.tasks.colorize import Colorize

log = logging.getLogger(__name__)

SIDE = 256
"""Pixels of a picture in a strip, at most: WebP takes 16,383 for all of them."""
MOST = 400
"""Strips of a run that are kept; of more, every second one between the first and the last goes."""
QUALITY = 88
"""Of WebP: no block is seen, and a strip of four at 128 pixels has some 15 kB."""


class Sampler(Callback):
    """Paints `recipe.samples` photos with the weights that are validated. For the first process alone.

    Args:
        run: the run's folder.
        held_out: the first validation source.
        recipe: says how many, and how large.
    """

    def __init__(self, run: Path, held_out: Pictures, recipe: Recipe) -> None:
        self.folder = run / samples.FOLDER
        self.pictures, self.size = _chosen(held_out, recipe.samples), recipe.validation_size

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Show the truth; what a killed run painted beyond its checkpoint goes, for those steps are done again."""
        if not isinstance(pl_module, Colorize):  # a classifier paints nothing
            return
        try:
            self.folder.mkdir(exist_ok=True)
            atomic.clean(self.folder)
            for step in samples.find(self.folder.parent).steps:
                if step > pl_module.course.step:
                    (self.folder / samples.file_name(step)).unlink(missing_ok=True)
            truth = self._batch()["lab"]
            gray = torch.cat([truth[:, :1], torch.zeros_like(truth[:, 1:])], 1)
            for name, planes in ((samples.TRUTH, truth), (samples.GRAY, gray)):
                atomic.write(self.folder / name, strip(planes))
        except OSError as error:
            log.warning("Samples can't be written to %s (%s).", self.folder, error.strerror)

    def on_validation_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Paint: at this moment the network has the averaged weights, if any, and doesn't learn."""
        if not isinstance(pl_module, Colorize):
            return
        path = self.folder / samples.file_name(pl_module.course.step)
        try:
            atomic.write(path, strip(paint(pl_module, self._batch())))
            thin(self.folder.parent)
        except OSError as error:
            log.warning("The samples %s can't be written (%s).", path.name, error.strerror)

    def _batch(self) -> dict[str, Tensor]:
        """Anew each time: a few milliseconds, and nothing is held meanwhile."""
        return next(validation_batches(self.pictures, self.size, len(self.pictures)))


def paint(task: Colorize, batch: dict[str, Tensor]) -> Tensor:
    """(N, 3, s, s) L*, a*, b* on the CPU: the batch's own lightness with what the task's network paints.

    Args:
        task: its network is in eval mode.
        batch: a finished one of N pictures, on the CPU.
    """
    there = {name: value.to(task.device) for name, value in batch.items()}
    with torch.no_grad(), torch.autocast(task.device.type, enabled=False):
        ab = task.as_ab(task.paint(there).predicted)
        ab = F.interpolate(ab, batch["lab"].shape[-2:], mode="bilinear")
    return torch.cat([batch["lab"][:, :1], ab.cpu()], 1)


def strip(planes: Tensor) -> bytes:
    """(N, 3, s, s) L*, a*, b* -> WebP of pictures side by side, each at most SIDE; a NaN becomes gray."""
    if planes.shape[-1] > SIDE:
        planes = F.interpolate(planes, (SIDE, SIDE), mode="area")
    rows: NDArray[np.float32] = torch.nan_to_num(planes).float().permute(2, 0, 3, 1).flatten(1, 2).numpy()
    content = io.BytesIO()
    Image.fromarray(lab.lab_to_rgb(rows)).save(content, "WEBP", quality=QUALITY, method=4)
    return content.getvalue()


def thin(run: Path) -> None:
    """Remove every second strip of a run that has too many, so that none grows without end.

    Raises:
        OSError: one can't be removed.
    """
    found = samples.find(run)
    if len(found.steps) > MOST:
        for step in found.steps[1:-1:2]:
            found.picture(step).unlink(missing_ok=True)


def _chosen(pictures: Pictures, count: int) -> Pictures:
    """The first so many, of as many groups as there are: always the same ones."""
    seen: Counter[int] = Counter()
    turns = []
    for row, label in enumerate(pictures.labels["ethnicity"].tolist()):
        turns.append((seen[label], row))
        seen[label] += 1
    rows = np.array([row for _, row in sorted(turns)[:count]], np.int64)
    boxes = None if pictures.boxes is None else pictures.boxes[rows]
    labels = {name: values[rows] for name, values in pictures.labels.items()}
    return replace(pictures, lab=np.array(pictures.lab[rows]), labels=labels, boxes=boxes)
