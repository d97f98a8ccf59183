"""Two networks that take turns: who learns when, from what, and that colours come of it."""

from typing import Any

import pytest
import torch

from tests.learning import BINS, COLORIZER, build, eight_photos, learn, validate
from train.tasks import Adversarial
from train.tasks.discriminator import Discriminator
from train.tasks.losses import psnr

BATCH = eight_photos()
GRAY = psnr(BATCH["lab"][:, :1], torch.zeros(8, 2, 48, 48), BATCH["lab"][:, 1:]).item()


def adversarial(network: dict[str, Any] = COLORIZER, **adversary: Any) -> Adversarial:
    task = build("adversarial", network, adversary=adversary, loss={"kind": "l2"})
    assert isinstance(task, Adversarial)
    return task


def weights(module: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def has_changed(module: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    return any(not torch.equal(old, new) for old, new in zip(before, module.parameters(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("network", [COLORIZER, BINS], ids=["numbers", "bins"])
def test_it_learns_eight_photos(network: dict[str, Any]) -> None:
    task = adversarial(network, content=10.0)
    means = learn(task, [BATCH], 30)
    assert validate(task, [BATCH])["val/psnr"] > GRAY + 5
    for name in (
        "train/generator_loss",
        "train/discriminator_loss",
        "train/fooled",
        "train/loss",
        "train/color",
    ):
        assert name in means
    assert 0 < means["train/fooled"] < 1


def test_by_step_both_learn_from_each_batch() -> None:
    task = adversarial(alternate="step")
    generator, discriminator = weights(task.network), weights(task.discriminator)
    learn(task, [BATCH], 1)
    assert has_changed(task.network, generator)
    assert has_changed(task.discriminator, discriminator)


def test_by_epoch_one_learns_and_the_other_stands_still() -> None:
    task = adversarial(alternate="epoch")
    for epoch, (generates, discriminates) in enumerate([(True, False), (False, True), (True, False)]):
        task.course.step = epoch * task.course.epoch_steps
        assert task.turns() == (generates, discriminates)
        generator, discriminator = weights(task.network), weights(task.discriminator)
        learn(task, [BATCH], 1)
        assert has_changed(task.network, generator) == generates
        assert has_changed(task.discriminator, discriminator) == discriminates


def test_gradients_reach_only_the_side_whose_loss_it_is() -> None:
    task = adversarial()
    painted = task.paint(BATCH)
    task.discriminator_loss(painted.predicted, BATCH).backward()
    assert all(p.grad is None for p in task.network.parameters())
    assert all(p.grad is not None for p in task.discriminator.parameters())
    parts = task.generator_parts(painted, BATCH)
    task.discriminator.zero_grad()
    task.discriminator.requires_grad_(False)
    parts["found_out"][1].backward()
    assert all(p.grad is None for p in task.discriminator.parameters())
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in task.network.parameters())


def test_the_generators_loss_is_weighed_as_the_recipe_says() -> None:
    task = adversarial(weight=2.0, content=0.1).eval()
    painted = task.paint(BATCH)
    parts = task.generator_parts(painted, BATCH)
    assert {name: weight for name, (weight, _) in parts.items()} == {"found_out": 2.0, "color": 0.1}
    ab = BATCH["lab"][:, 1:]
    content = (painted.predicted - torch.nn.functional.avg_pool2d(ab, 4)).square().mean() / 400
    assert parts["color"][1].item() == pytest.approx(content.item(), rel=1e-5)


def test_each_optimizer_has_its_own_side_and_rate() -> None:
    task = adversarial(lr=1e-4)
    first, second = task.configure_optimizers()
    sides = [{p for group in o.param_groups for p in group["params"]} for o in (first, second)]
    assert sides[0] == set(task.network.parameters())
    assert sides[1] == set(task.discriminator.parameters())
    assert [o.param_groups[0]["lr"] for o in (first, second)] == [5e-3, 1e-4]


def test_certainty_stays_finite_and_bf16_learns() -> None:
    task = adversarial()
    with torch.no_grad():
        task.discriminator.layers[-1].bias.fill_(1e4)
    means = learn(task, [BATCH], 5, precision="bf16-mixed")
    assert all(torch.isfinite(torch.tensor(value)) for value in means.values())
    assert all(torch.isfinite(p).all() for p in task.parameters())


@pytest.mark.parametrize("side", [8, 24, 40])
def test_the_discriminator_judges_patches_of_lightness_and_colour(side: int) -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(width=8)
    lightness, ab = 100 * torch.rand(2, 1, side, side), 40 * torch.randn(2, 2, side, side)
    verdict = discriminator(lightness, ab)
    assert verdict.shape == (2, 1, side // 8, side // 8)
    assert not torch.allclose(verdict, discriminator(lightness, -ab))
    assert not torch.allclose(verdict, discriminator(100 - lightness, ab))
