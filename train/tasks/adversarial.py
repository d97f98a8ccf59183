"""A colorizer against a discriminator, the two taking turns (Goodfellow et al. 2014).

task = Adversarial(recipe)      # recipe.task: adversarial, with a part `adversary`
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorizer.errors import OptionError
from train.recipe import Recipe
from train.tasks.colorize import Colorize, Painted, Parts, total
from train.tasks.discriminator import Discriminator
from train.tasks.losses import shrink


class Adversarial(Colorize):
    """The generator makes smaller: `weight` x the cross-entropy of being found out + `content` x the ordinary loss.

    Alternating by step, both learn from each batch, the discriminator first. Alternating by epoch, as in the
    literature, whole epochs belong to one of them, the first to the generator. Only the generator is kept in the end.
    """

    # Either one's backward leaves the other's parameters without gradients, which DDP must expect.
    find_unused_parameters = True

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        if recipe.adversary is None:
            raise OptionError(
                "task adversarial needs a part `adversary`; `adversary: {}` takes its defaults."
            )
        self.adversary = recipe.adversary
        self.automatic_optimization = False
        self.discriminator = Discriminator()

    def generator_parameters(self) -> list[nn.Parameter]:
        """What the first optimizer changes: the network, and attribute heads if there are any."""
        return [*self.network.parameters(), *self.attributes.parameters()]

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """The generator's, then the discriminator's."""
        return [
            self.optimizer_for(self.generator_parameters()),
            self.optimizer_for(self.discriminator.parameters(), self.adversary.lr),
        ]

    def turns(self) -> tuple[bool, bool]:
        """Whether generator and discriminator learn from the coming batch."""
        if self.adversary.alternate == "step":
            return True, True
        is_generators = self.course.epoch % 2 == 0
        return is_generators, not is_generators

    def training_step(self, raw: dict[str, Any], index: int) -> Tensor:
        """Let those learn whose turn it is; the loss of the last one, detached."""
        batch = self.prepare(raw)
        of_generator, of_discriminator = cast(list[Any], self.optimizers())
        generates, discriminates = self.turns()
        with torch.set_grad_enabled(generates):
            painted = self.paint(batch)
        predicted = painted.predicted
        loss = torch.zeros(())
        if discriminates:
            loss = self.discriminator_loss(predicted, batch)
            self.step_with(of_discriminator, loss)
        if generates:
            # It judges, but doesn't learn: no gradient of its own is computed, or left behind for its next turn.
            self.discriminator.requires_grad_(False)
            parts = self.generator_parts(painted, batch)
            loss = total(parts)
            self.log_training("train/generator_loss", loss)
            self.note_training(parts, predicted, batch)
            self.step_with(of_generator, loss)
            self.discriminator.requires_grad_(True)
        return loss.detach()

    def discriminator_loss(self, predicted: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """() cross-entropy over both halves; its gradient ends at the painting.

        Args:
            predicted: what `paint` gave for this batch.
            batch: a finished batch.
        """
        painted = self.as_ab(predicted.detach())
        lightness, truth = self._at(painted, batch)
        # One pass for both halves.
        logits = self.discriminator(torch.cat([lightness, lightness]), torch.cat([truth, painted]))
        real, fake = logits.chunk(2)
        loss = 0.5 * (_cross_entropy(real, 1.0) + _cross_entropy(fake, 0.0))
        self.log_training("train/discriminator_loss", loss)
        self.log_training("train/fooled", (fake > 0).float().mean())
        return loss

    def generator_parts(self, painted: Painted, batch: dict[str, Tensor]) -> Parts:
        """Being found out, and the ordinary loss's parts."""
        ab = self.as_ab(painted.predicted)
        lightness, _ = self._at(ab, batch)
        verdict = self.discriminator(lightness, ab)
        ordinary = self.losses(painted, batch)
        parts = {name: (self.adversary.content * weight, value) for name, (weight, value) in ordinary.items()}
        return {"found_out": (self.adversary.weight, _cross_entropy(verdict, 1.0))} | parts

    def _at(self, painted: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """True lightness and ab at the painting's size."""
        lightness, truth = shrink(batch["lab"], painted).split([1, 2], dim=1)
        return lightness, truth


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    """() mean over patches; from logits, so that certainty of any degree stays finite."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
