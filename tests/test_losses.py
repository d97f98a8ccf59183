"""Losses against numbers worked out by hand."""

import math
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from skimage import color
from torch import Tensor
from torch.nn import functional as F

from colorizer.errors import ModelError
from tests.learning import eight_photos
from train.data import UNKNOWN
from train.tasks.classify import balancing
from train.tasks.distribution import bins_loss
from train.tasks.losses import color_loss, labels_loss, psnr, rgb_error, skin_loss
from train.tasks.perceptual import PerceptualLoss

KINDS = ("picture-psnr", "l1", "l2", "smooth-l1")


def plane(a: float, b: float, size: int = 4) -> Tensor:
    """(1, 2, size, size) of one colour."""
    return torch.tensor([a, b]).view(1, 2, 1, 1).expand(1, 2, size, size)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("l1", (10 + 1) / 2 / 20),
        ("l2", (100 + 1) / 2 / 400),
        # 10 is beyond the turning point at 2, 1 within it; in units of 20.
        ("smooth-l1", ((10 - 1) / 20 + 1 / (2 * 2) / 20) / 2),
    ],
)
def test_distances_count_in_units_of_20(kind: str, expected: float) -> None:
    loss = color_loss(kind, plane(10, 1), torch.full((1, 1, 16, 16), 60.0), plane(0, 0, 16))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_lowest_at_the_truth_and_grows_with_distance(kind: str) -> None:
    lightness, ab = torch.full((2, 1, 16, 16), 60.0), torch.full((2, 2, 16, 16), 12.0)
    losses = [
        color_loss(kind, torch.full((2, 2, 4, 4), value), lightness, ab) for value in (12.0, 17.0, 32.0)
    ]
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_in_bf16_is_judged_in_float32(kind: str) -> None:
    lightness, ab = torch.full((2, 1, 16, 16), 60.0), torch.full((2, 2, 16, 16), 12.3)
    predicted = torch.full((2, 2, 4, 4), 13.0).bfloat16()
    loss = color_loss(kind, predicted, lightness, ab)
    assert loss.dtype == torch.float32
    assert loss == color_loss(kind, predicted.float(), lightness, ab)


def test_the_psnr_loss_pulls_back_from_outside_the_gamut() -> None:
    far = torch.full((1, 2, 4, 4), 200.0, requires_grad=True)
    light, ab = torch.full((1, 1, 16, 16), 60.0), torch.full((1, 2, 16, 16), 10.0)
    color_loss("picture-psnr", far, light, ab).backward()
    assert far.grad is not None
    assert (far.grad > 0).all()


def test_rgb_error_is_the_mean_square_in_8_bit_units() -> None:
    rgb = np.array([[[200, 150, 120], [90, 80, 200]]], np.uint8)
    lab = torch.tensor(color.rgb2lab(rgb), dtype=torch.float32).permute(2, 0, 1)[None]
    gray = color.lab2rgb(np.stack([color.rgb2lab(rgb)[..., 0], *np.zeros((2, 1, 2))], -1)) * 255
    error = rgb_error(lab[:, :1], torch.zeros(1, 2, 1, 2), lab[:, 1:], clip=True)
    mean = ((gray - rgb) ** 2).mean()
    assert error.item() == pytest.approx(mean, rel=0.01)
    expected = 10 * math.log10(255**2 / mean)
    assert psnr(lab[:, :1], torch.zeros(1, 2, 1, 2), lab[:, 1:]).item() == pytest.approx(expected, abs=0.05)


def test_psnr_of_equal_pictures_is_finite() -> None:
    lightness = torch.full((1, 1, 4, 4), 50.0)
    assert psnr(lightness, plane(10, 10), plane(10, 10)).item() == pytest.approx(78.13, abs=0.01)


def test_skin_is_weighed_as_cie94_does() -> None:
    face = torch.zeros(1, 1, 4, 4)
    face[..., :2] = 1
    truth = plane(20, 0, 16)
    # 5 along the truth's direction: chroma. 5 across it: hue.
    chroma, hue = (skin_loss(predicted, truth, face) for predicted in (plane(25, 0), plane(20, 5)))
    assert chroma.item() == pytest.approx(math.sqrt((5 / 1.9) ** 2 + 0.1), rel=1e-5)
    assert hue.item() == pytest.approx(math.sqrt((5 / 1.3) ** 2 + 0.1), rel=1e-5)


def test_skin_counts_only_within_faces_and_no_face_is_no_error() -> None:
    face = torch.zeros(1, 1, 4, 4)
    face[..., :2] = 1
    predicted = plane(20, 0).clone()
    predicted[..., 2:] = 90
    same = skin_loss(plane(20, 0), plane(20, 0, 16), face)
    assert skin_loss(predicted, plane(20, 0, 16), face) == same
    assert skin_loss(plane(99, 0), plane(20, 0, 16), torch.zeros(1, 1, 4, 4)) == 0


def test_label_smoothing_and_weights_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0], [5.0, 5.0, 5.0]])
    labels = torch.tensor([0, 2, UNKNOWN])
    log = logits.log_softmax(1)
    rows = [-(0.9 * log[i, label] + 0.1 * log[i].mean()) for i, label in ((0, 0), (1, 2))]
    assert labels_loss(logits, labels, 0.1).item() == pytest.approx(float(sum(rows)) / 2, rel=1e-5)
    weights = torch.tensor([0.5, 1.0, 2.0])
    expected = float(0.5 * rows[0] + 2 * rows[1]) / 2
    assert labels_loss(logits, labels, 0.1, weights).item() == pytest.approx(expected, rel=1e-5)


def test_without_a_label_there_is_neither_loss_nor_gradient_nor_nan() -> None:
    logits = torch.randn(4, 6, requires_grad=True)
    loss = labels_loss(logits, torch.full((4,), UNKNOWN), 0.1, torch.rand(6))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_balancing_makes_groups_count_alike_and_pictures_one_on_average() -> None:
    counts = torch.tensor([100.0, 50.0, 10.0, 0.0]).double()
    weights = balancing(counts)
    torch.testing.assert_close(weights[:3] * counts[:3].float(), torch.full((3,), 160 / 3))
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1)
    assert weights[3] == 0


def test_the_loss_of_bins_is_the_rebalanced_cross_entropy() -> None:
    torch.manual_seed(0)
    from colorizer import bins

    logits, ab, rarity = torch.randn(2, 313, 4, 4), 30 * torch.randn(2, 2, 4, 4), torch.rand(313)
    encoded = bins.encode(ab)
    errors = F.cross_entropy(logits, encoded, reduction="none")  # with probabilities as target
    expected = (errors * rarity[encoded.argmax(1)]).mean()
    full = ab.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert bins_loss(logits, full, rarity).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.fixture(scope="module")
def squeezenet(shared_data: Path) -> PerceptualLoss:
    """With trained weights."""
    path = shared_data / "weights" / "squeezenet1_1_features.safetensors"
    if not path.is_file():
        pytest.skip(f"needs a trunk's weights, and there is no {path}")
    return PerceptualLoss(path)


def test_perception_is_zero_for_equal_colours_and_grows_with_their_distance(
    squeezenet: PerceptualLoss,
) -> None:
    lab = eight_photos(64)["lab"]
    lightness, ab = lab[:, :1], lab[:, 1:]
    truth = F.avg_pool2d(ab, 4)
    losses = [squeezenet(truth * share, lightness, ab).item() for share in (1.0, 0.7, 0.0)]
    assert losses[0] == pytest.approx(0, abs=1e-6)
    assert 1e-3 < losses[1] < losses[2] < 4


def test_perception_teaches_the_painting_and_not_the_trunk(squeezenet: PerceptualLoss) -> None:
    lab = eight_photos(64)["lab"]
    predicted = torch.zeros(8, 2, 16, 16, requires_grad=True)
    squeezenet(predicted, lab[:, :1], lab[:, 1:]).backward()
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()
    assert predicted.grad.abs().sum() > 0
    assert all(p.grad is None for p in squeezenet.trunk.parameters())


def test_a_trunk_that_cannot_be_had_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"loss\.perceptual_trunk"):
        PerceptualLoss(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("weights")
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="squeezenet1_1"):
        PerceptualLoss(tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="squeezenet1_1"):
        PerceptualLoss(tmp_path / "text.safetensors")

    def offline(**_: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision.models, "vgg16", offline)
    with pytest.raises(ModelError, match=r"downloaded.*no route to host.*loss.perceptual_trunk"):
        PerceptualLoss(None)
