"""The networks: found by name, and true to the shapes that the pipeline counts on."""

import pytest
import torch

from colorizer import bins, networks
from colorizer.errors import ModelError
from colorizer.groups import GROUPS
from colorizer.networks.ethnicity_aware import Told

TINY = {
    "ethnicity-aware": {"encoder": "test_resnet", "width": 16},
    "ethnicity-classifier": {"encoder": "test_resnet"},
}


@pytest.fixture
def colorizer() -> torch.nn.Module:
    """A tiny one, from scratch, that already listens to the condition."""
    torch.manual_seed(0)
    network = networks.build("ethnicity-aware", **TINY["ethnicity-aware"]).eval()
    for level in network.levels:
        torch.nn.init.normal_(level.hear[2].weight, std=0.5)
    return network


def test_every_name_is_registered_and_says_its_configuration() -> None:
    assert set(TINY) <= set(networks.names())
    for name, config in TINY.items():
        network = networks.build(name, **config)
        again = networks.build(name, **network.config)
        assert again.config == network.config
        assert again.state_dict().keys() == network.state_dict().keys()


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"there are .*ethnicity-aware.* Did you mean 'ethnicity-aware'\?"):
        networks.build("ethnicity-aver")


@pytest.mark.parametrize("size", [(160, 160), (144, 192), (16, 16), (48, 496)])
@torch.inference_mode()
def test_ab_at_a_quarter_of_the_size(colorizer: torch.nn.Module, size: tuple[int, int]) -> None:
    height, width = size
    groups = torch.rand(2, 6, height // 4, width // 4) / 6
    ab = colorizer(100 * torch.rand(2, 1, height, width), groups)
    assert ab.shape == (2, 2, height // 4, width // 4)
    assert ab.dtype == torch.float32
    assert torch.isfinite(ab).all()


@torch.inference_mode()
def test_the_condition_acts_where_it_is(colorizer: torch.nn.Module) -> None:
    lightness = 100 * torch.rand(1, 1, 128, 256)
    neutral = torch.zeros(1, 6, 32, 64)
    on_the_left = neutral.clone()
    on_the_left[:, 2, :, :16] = 1
    change = (colorizer(lightness, on_the_left) - colorizer(lightness, neutral)).abs().mean((0, 1, 2))
    assert change[:16].mean() > 10 * change[48:].mean()
    assert change[:16].min() > 0


@torch.inference_mode()
def test_the_condition_may_come_at_full_or_quarter_size(colorizer: torch.nn.Module) -> None:
    lightness = 100 * torch.rand(1, 1, 64, 64)
    quarter = torch.rand(1, 6, 16, 16) / 6
    full = quarter.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(
        colorizer(lightness, full), colorizer(lightness, quarter), atol=1e-3, rtol=1e-4
    )


def test_a_fresh_colorizer_is_neutral() -> None:
    network = networks.build("ethnicity-aware", **TINY["ethnicity-aware"]).eval()
    lightness = 100 * torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(
        network(lightness, torch.zeros(1, 6, 16, 16)), network(lightness, torch.rand(1, 6, 16, 16))
    )


def test_the_classifier_does_not_tell_left_from_right() -> None:
    network = networks.build("ethnicity-classifier", **TINY["ethnicity-classifier"]).eval()
    crops = 100 * torch.rand(3, 1, 96, 96)
    assert network(crops).shape == (3, len(GROUPS))
    probabilities = network.probabilities(crops)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(3))
    torch.testing.assert_close(network.probabilities(crops.flip(-1)), probabilities)


@torch.inference_mode()
def test_bins_are_an_option_and_ab_is_their_annealed_mean() -> None:
    torch.manual_seed(0)
    plain = networks.build("ethnicity-aware", **TINY["ethnicity-aware"])
    network = networks.build("ethnicity-aware", bins=True, **TINY["ethnicity-aware"]).eval()
    assert network.config["bins"]
    assert not plain.config["bins"]
    lightness, groups = 100 * torch.rand(2, 1, 64, 48), torch.zeros(2, 6, 16, 12)
    logits, _ = network.predict_logits(lightness, groups)
    assert logits.shape == (2, bins.COUNT, 16, 12)
    torch.testing.assert_close(network(lightness, groups), bins.decode(logits))
    with pytest.raises(ValueError, match="bins"):
        plain.predict_logits(lightness, groups)


def test_bins_change_nothing_but_the_head() -> None:
    states = [
        networks.build("ethnicity-aware", bins=on, **TINY["ethnicity-aware"]).state_dict()
        for on in (False, True)
    ]
    assert states[0].keys() == states[1].keys()
    differing = [key for key in states[0] if states[0][key].shape != states[1][key].shape]
    assert differing == ["head.weight", "head.bias"]


def test_one_photo_told_several_things_is_seen_once_and_painted_as_if_told_each_alone(
    colorizer: torch.nn.Module,
) -> None:
    network = colorizer
    lightness, groups = torch.rand(1, 1, 64, 64) * 100, torch.rand(2, 6, 16, 16) / 6
    seen = []
    network.encoder.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    with torch.inference_mode():
        both = network.paint(lightness, Told(groups))
        alone = [network.paint(lightness, Told(groups[i : i + 1])) for i in (0, 1)]
    assert seen == [1, 1, 1]
    torch.testing.assert_close(both.ab, torch.cat([one.ab for one in alone]), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(both.skin, torch.cat([one.skin for one in alone]), atol=1e-3, rtol=1e-4)
