"""Regression of a* and b*: each pixel's two numbers, at the size that the network paints, a quarter as a rule.

task = Colorize(recipe)         # recipe.task: colorize
"""

from typing import Any, NamedTuple

import torch
from kornia.color import lab_to_rgb
from kornia.metrics import ssim
from torch import Tensor
from torch.nn import functional as F

from colorizer.errors import OptionError
from colorizer.networks.ethnicity_aware import Told
from train.recipe import Recipe
from train.tasks.attributes import AttributeHeads
from train.tasks.base import Task
from train.tasks.losses import chances_loss, color_loss, psnr, shrink, skin_loss, skin_map_loss
from train.tasks.perceptual import PerceptualLoss

# What only the curves need is measured at every tenth step: seldom enough to cost nothing. SSIM, which costs most, of
# so many pictures of the batch.
LOOK_EVERY = 10
LOOKED_AT = 4
_SSIM_WINDOW = 11

# name -> weight and value of a part of the loss
Parts = dict[str, tuple[float, Tensor]]


class Painted(NamedTuple):
    """What a network gives for B pictures."""

    predicted: Tensor
    """(B, ..., h, w) what the colours' loss is of."""
    features: Tensor | None = None
    """(B, C) pooled, for attributes."""
    chances: Tensor | None = None
    """(B, 313, h', w') logits learnt beside."""
    skin: Tensor | None = None
    """(B, 1, h', w') logits learnt beside."""


class Colorize(Task):
    """The recipe's error of ab, and beside it, weighted, perception, skin and face attributes."""

    network: Any

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.attributes = AttributeHeads(recipe, self.network, dropout=0.2)
        self.perceptual = PerceptualLoss(recipe.loss.perceptual_trunk) if recipe.loss.perceptual else None
        self.is_told = recipe.told.anything or recipe.loss.chances > 0 or recipe.loss.skin_map > 0
        if self.is_told and not hasattr(self.network, "paint"):
            raise OptionError(
                f"The network {recipe.network} can't be told anything beside the gray; remove `told`, `loss.chances` "
                "and `loss.skin_map`, or take the network ethnicity-aware."
            )

    def training_step(self, raw: dict[str, Any], index: int) -> Tensor:
        """Loss of one batch."""
        batch = self.prepare(raw)
        painted = self.paint(batch)
        parts = self.losses(painted, batch)
        self.note_training(parts, painted.predicted, batch)
        return total(parts)

    def validation_step(self, raw: dict[str, Any], index: int, dataloader_idx: int = 0) -> None:
        """Loss, PSNR and SSIM at the validation size, and accuracy of race7 where it is learnt."""
        batch = self.prepare(raw)
        painted = self.paint(batch)
        predicted, features = painted.predicted, painted.features
        count = len(batch["lab"])
        loss = total(self.losses(painted, batch))
        self.log_validation("loss", loss, count, dataloader_idx)
        with torch.autocast(predicted.device.type, enabled=False):
            self._measure(self.as_ab(predicted), batch["lab"], dataloader_idx)
        if features is not None and len(self.attributes):
            accuracy, known = self.attributes.accuracy(features, batch)
            self.log_validation("race7_accuracy", accuracy, known, dataloader_idx)

    def _measure(self, painted: Tensor, lab: Tensor, dataloader_idx: int) -> None:
        """Log PSNR and SSIM of (B, 2, h, w) ab under the truth's own (B, 3, s, s) lightness."""
        lightness, truth = lab[:, :1], lab[:, 1:]
        full = F.interpolate(painted, lightness.shape[-2:], mode="bilinear")
        self.log_validation("psnr", psnr(lightness, full, truth), len(lab), dataloader_idx)
        self.log_validation("ssim", _similarity(full, lab), len(lab), dataloader_idx)

    # What other kinds of painting replace

    def paint(self, batch: dict[str, Tensor]) -> Painted:
        """What the network gives for a finished batch."""
        seen, groups = batch["seen"], batch["groups"]
        if self.is_told:
            told = Told(groups, batch.get("skin"), batch.get("light"), batch.get("hints"))
            painting = self.network.paint(seen, told)
            return Painted(painting.ab, painting.features, painting.chances, painting.skin)
        if hasattr(self.network, "predict"):
            return Painted(*self.network.predict(seen, groups))
        return Painted(self.network(seen, groups))

    def as_ab(self, predicted: Tensor) -> Tensor:
        """What `paint` gives -> (B, 2, h, w) float32 a* and b*."""
        return predicted.float()

    def color_error(self, predicted: Tensor, lightness: Tensor, ab: Tensor) -> Tensor:
        """() error of what `paint` gives, for (B, 1, s, s) L* and the true (B, 2, s, s) ab."""
        return color_loss(self.recipe.loss.kind, predicted, lightness, ab)

    # Shared by all of them

    def losses(self, painted: Painted, batch: dict[str, Tensor]) -> Parts:
        """Every part of the loss that the recipe gives a weight."""
        lightness, ab = batch["lab"][:, :1], batch["lab"][:, 1:]
        how, predicted = self.recipe.loss, painted.predicted
        # Autocast would bring some of these sums to 8 bits of precision.
        with torch.autocast(lightness.device.type, enabled=False):
            parts = {"color": (1.0, self.color_error(predicted, lightness, ab))}
            if self.perceptual is not None:
                parts["perceptual"] = (how.perceptual, self.perceptual(self.as_ab(predicted), lightness, ab))
            if how.skin:
                parts["skin"] = (how.skin, skin_loss(self.as_ab(predicted), ab, batch["face"]))
            if how.chances and painted.chances is not None:
                parts["chances"] = (how.chances, chances_loss(painted.chances, ab))
            if how.skin_map and painted.skin is not None and "is_skin" in batch:
                parts["skin_map"] = (how.skin_map, skin_map_loss(painted.skin, batch["is_skin"]))
        return parts | self.attributes.losses(painted.features, batch)

    def note_training(self, parts: Parts, predicted: Tensor, batch: dict[str, Tensor]) -> None:
        """Log the loss, its parts, and now and then PSNR at the painted size and SSIM as in validation."""
        self.log_training("train/loss", total(parts))
        if len(parts) > 1:
            for name, (_, value) in parts.items():
                self.log_training(f"train/{name}", value)
        if self.course.step % LOOK_EVERY == 0:
            with torch.no_grad(), torch.autocast(predicted.device.type, enabled=False):
                ab = self.as_ab(predicted)
                lightness, truth = (shrink(part, ab) for part in batch["lab"].split([1, 2], dim=1))
                self.log_training("train/psnr", psnr(lightness, ab, truth))
                few = batch["lab"][:LOOKED_AT]
                full = F.interpolate(ab[:LOOKED_AT], few.shape[-2:], mode="bilinear")
                self.log_training("train/ssim", _similarity(full, few))


def _similarity(ab: Tensor, lab: Tensor) -> Tensor:
    """() mean SSIM of (B, 2, s, s) ab under the truth's lightness with the truth, (B, 3, s, s)."""
    painted, true = (lab_to_rgb(torch.cat([lab[:, :1], part], 1), clip=True) for part in (ab, lab[:, 1:]))
    return ssim(painted, true, _SSIM_WINDOW).mean()


def total(parts: Parts) -> Tensor:
    """() weighted sum."""
    return torch.stack([weight * value for weight, value in parts.values()]).sum()
