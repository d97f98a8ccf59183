"""What the tests of learning share: tiny recipes, eight photos as a batch, and a short training of any task."""

from typing import Any

import lightning
import numpy as np
import torch
from skimage import color, data, transform
from torch import Tensor
from torch.utils.data import DataLoader

from colorizer.groups import GROUPS
from train.recipe import Recipe
from train.tasks import TASKS, Task

COLORIZER: dict[str, Any] = {"network": "ethnicity-aware", "config": {"encoder": "test_resnet", "width": 16}}
BINS: dict[str, Any] = {
    "network": "ethnicity-aware",
    "config": {"encoder": "test_resnet", "width": 16, "bins": True},
}
CLASSIFIER: dict[str, Any] = {"network": "ethnicity-classifier", "config": {"encoder": "test_resnet"}}


def recipe(task: str, network: dict[str, Any], **values: Any) -> Recipe:
    """A recipe of a tiny network, which reads no pictures itself."""
    source = [{"images": "faces"}]
    small = {"sizes": [48], "validation_size": 48, "cache_size": 48, "batch": 8, "steps": 100}
    quick = {"optimizer": {"lr": 5e-3}, "schedule": {"kind": "constant", "warmup": 0}}
    named = {"task": task, "name": "tiny", "data": source, "validation": source}
    return Recipe.model_validate(named | small | quick | network | values)


def build(task: str, network: dict[str, Any], **values: Any) -> Task:
    """A task of a tiny recipe, always with the same random weights."""
    torch.manual_seed(0)
    return TASKS[task](recipe(task, network, **values))


def eight_photos(size: int = 48) -> dict[str, Tensor]:
    """A finished batch of eight different parts of one photo, labelled 0 to 5, 0, 1."""
    photo = data.astronaut()
    parts = [photo[y : y + 200, x : x + 200] for y in (0, 300) for x in range(0, 400, 100)]
    small = [transform.resize(part, (size, size), anti_aliasing=True) for part in parts]
    lab = torch.tensor(np.stack([color.rgb2lab(part) for part in small]), dtype=torch.float32).permute(
        0, 3, 1, 2
    )
    labels = torch.arange(8)
    return {
        "lab": lab,
        "seen": lab[:, :1],
        "groups": torch.zeros(8, len(GROUPS), size // 4, size // 4),
        "face": torch.ones(8, 1, size // 4, size // 4),
        "ethnicity": labels % 6,
        "race7": labels % 7,
        "age": labels,
        "gender": labels % 2,
    }


class _Steps(lightning.Callback):
    """Counts batches, as a run does."""

    def on_train_batch_end(self, trainer: Any, task: Any, *_: object) -> None:
        """After every batch."""
        task.course.step += 1


def learn(task: Task, batches: list[dict[str, Tensor]], steps: int, **options: Any) -> dict[str, float]:
    """Train on these batches, over and over, on the CPU; the training means of the whole time."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "num_sanity_val_steps": 0}
    epochs = {"max_steps": -1, "max_epochs": steps // len(batches), "limit_val_batches": 0}
    trainer = lightning.Trainer(**quiet | epochs | options, callbacks=[_Steps()])
    trainer.fit(task, DataLoader(batches, batch_size=None))
    return task.training_means()


def validate(task: Task, batches: list[dict[str, Tensor]]) -> dict[str, float]:
    """Scores of these batches, as a run's validation would give them."""
    task.eval()
    with torch.inference_mode():
        for i, batch in enumerate(batches):
            task.validation_step(batch, i)
    return task.validation_means()
