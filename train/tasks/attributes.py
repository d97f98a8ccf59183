"""Face attributes learnt beside the task itself, from the same features: they teach an encoder what faces are."""

from typing import cast

import torch
from torch import Tensor, nn

from colorizer.errors import OptionError
from train.data import ATTRIBUTES, UNKNOWN
from train.recipe import Recipe
from train.tasks.losses import labels_loss

# How much each attribute counts beside the others; race is what the encoder is to learn for later.
WEIGHTS = {"race7": 1.0, "age": 0.5, "gender": 0.5}


class AttributeHeads(nn.ModuleDict):
    """One linear layer an attribute; none at all where the recipe's `loss.attributes` is 0.

    Args:
        recipe: its `loss.attributes` and `loss.label_smoothing`.
        network: the network whose pooled features they read.
        dropout: share of the features dropped in training.

    Raises:
        OptionError: the recipe asks for attributes, and the network gives no features.
    """

    def __init__(self, recipe: Recipe, network: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.weight = recipe.loss.attributes
        self.smoothing = recipe.loss.label_smoothing
        if not self.weight:
            return
        if not hasattr(network, "feature_width"):
            raise OptionError(
                f"The network {recipe.network} gives no features to learn attributes from; set `loss.attributes` to 0, "
                "or take another network, such as ethnicity-aware."
            )
        width = cast(int, network.feature_width)
        for name in WEIGHTS:
            self[name] = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, len(ATTRIBUTES[name])))

    def losses(self, features: Tensor | None, batch: dict[str, Tensor]) -> dict[str, tuple[float, Tensor]]:
        """Weight and cross-entropy of each attribute over the rows that have it.

        Args:
            features: (B, C) pooled features; None only where there are no heads.
            batch: each attribute's (B,) labels, UNKNOWN where there is none.
        """
        return {
            name: (self.weight * WEIGHTS[name], labels_loss(head(features), batch[name], self.smoothing))
            for name, head in self.items()
        }

    @torch.no_grad()
    def accuracy(self, features: Tensor, batch: dict[str, Tensor], name: str = "race7") -> tuple[Tensor, int]:
        """() share of the labelled rows that are right, and how many are labelled."""
        known = batch[name] != UNKNOWN
        hits = (self[name](features).argmax(1) == batch[name]) & known
        count = int(known.sum())
        return hits.sum() / max(count, 1), count
