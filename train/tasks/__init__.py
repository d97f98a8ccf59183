"""What is learnt, one task a file, each a LightningModule that `train.fit` runs.

from train.tasks import TASKS
task = TASKS[recipe.task](recipe)
"""

from train.tasks.adversarial import Adversarial
from train.tasks.base import Task
from train.tasks.classify import Classify
from train.tasks.colorize import Colorize
from train.tasks.distribution import Distribution

TASKS: dict[str, type[Task]] = {
    "colorize": Colorize,
    "distribution": Distribution,
    "adversarial": Adversarial,
    "classify": Classify,
}

__all__ = ["TASKS", "Adversarial", "Classify", "Colorize", "Distribution", "Task"]
