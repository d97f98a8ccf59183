"""Who is it: the six groups from a gray crop.

task = Classify(recipe)         # recipe.task: classify
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from colorizer.errors import OptionError
from colorizer.groups import GROUPS
from train.data import UNKNOWN, Pictures
from train.recipe import Recipe
from train.tasks.attributes import AttributeHeads
from train.tasks.base import Task
from train.tasks.colorize import total
from train.tasks.losses import labels_loss

_RECALL = "recall_"


class Classify(Task):
    """Cross-entropy over the groups; race7, age and gender beside them keep the features general."""

    monitor = ("val/accuracy", "max")
    network_kind = "classifier"
    network: Any
    rarity: Tensor
    """(6,) how much a picture of each group counts; all 1 unless the recipe balances by weights."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.attributes = AttributeHeads(recipe, self.network)
        self.register_buffer("rarity", torch.ones(len(GROUPS)))

    def learn_from(self, sources: Sequence[Pictures]) -> None:
        """Count the groups, each source by its share, for `loss.class_balance: weights`.

        Raises:
            OptionError: no picture has a label.
        """
        if not count_groups(sources).any():
            raise OptionError(
                "task classify learns from labels, and no picture of `data` has one; give `labels`, a CSV with the "
                f"columns imageName,ethnicity, the latter one of {', '.join(GROUPS)}."
            )
        if self.recipe.loss.class_balance == "weights":
            self.rarity.copy_(balancing(count_groups(sources)))

    def check_validation(self, source: Pictures) -> None:
        """Labels are needed here too, else no weights would be the best.

        Raises:
            OptionError: no picture has a label.
        """
        if not count_groups([source]).any():
            raise OptionError(
                "task classify is measured by labels, and no picture of `validation.0` has one; give `labels`, a CSV "
                "with the columns imageName,ethnicity."
            )

    def training_step(self, raw: dict[str, Any], index: int) -> Tensor:
        """Cross-entropy with label smoothing over the groups and, weighted, the attributes."""
        batch = self.prepare(raw)
        features = F.dropout(self.network.features(batch["seen"]), 0.2, self.training)
        logits, labels = self.network.head(features), batch["ethnicity"]
        smoothing = self.recipe.loss.label_smoothing
        parts = {"groups": (1.0, labels_loss(logits, labels, smoothing, self.rarity))}
        parts |= self.attributes.losses(features, batch)
        loss = total(parts)
        self.log_training("train/loss", loss)
        if len(parts) > 1:
            for name, (_, value) in parts.items():
                self.log_training(f"train/{name}", value)
        known = labels != UNKNOWN
        hits = (logits.detach().argmax(1) == labels) & known
        self.log_training("train/accuracy", hits.sum() / known.sum().clamp_min(1))
        return loss

    def validation_step(self, raw: dict[str, Any], index: int, dataloader_idx: int = 0) -> None:
        """Accuracy over the six groups, each group's recall, and cross-entropy: of labelled pictures, unweighted."""
        batch = self.prepare(raw)
        probabilities, labels = self.network.probabilities(batch["seen"]).float(), batch["ethnicity"]
        known = labels != UNKNOWN
        hits, labels = probabilities.argmax(1)[known] == labels[known], labels[known]
        if not len(labels):
            return
        self.log_validation("accuracy", hits.float().mean(), len(labels), dataloader_idx)
        error = F.nll_loss(probabilities[known].clamp_min(1e-6).log(), labels)
        self.log_validation("loss", error, len(labels), dataloader_idx)
        for i, group in enumerate(GROUPS):
            own = hits[labels == i]
            self.log_validation(recall_of(group), own.float().mean(), len(own), dataloader_idx)

    def validation_means(self) -> dict[str, float]:
        """And balanced accuracy, which is no mean over pictures: the mean of the recalls of the groups that occur."""
        means = super().validation_means()
        recalls: dict[str, list[float]] = {}
        for name, value in means.items():
            source, score = name.split("/", 1)
            if score.startswith(_RECALL):
                recalls.setdefault(source, []).append(value)
        return means | {f"{source}/balanced_accuracy": float(np.mean(r)) for source, r in recalls.items()}


def recall_of(group: str) -> str:
    """A group's name -> the name its recall is logged by, without "val/"."""
    return _RECALL + group.lower().replace(" ", "_")


def count_groups(sources: Sequence[Pictures]) -> Tensor:
    """(6,) float64 pictures of each group, as often as training sees them beside the other sources'."""
    counts = torch.zeros(len(GROUPS), dtype=torch.float64)
    for source in sources:
        labels = source.labels["ethnicity"]
        of_groups = np.bincount(labels[labels != UNKNOWN], minlength=len(GROUPS))
        counts += source.share / len(labels) * torch.from_numpy(of_groups)
    return counts


def balancing(counts: Tensor) -> Tensor:
    """(K,) counts, not all zero -> (K,) float32 weights in inverse proportion, with mean 1 over the pictures.

    A label that no picture has gets 0; all others then count alike as groups.
    """
    present = counts > 0
    weights = torch.where(present, counts.sum() / (present.sum() * counts.clamp_min(1e-12)), 0)
    return weights.float()
