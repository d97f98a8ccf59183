"""The bins of ab: the published ones, and true to what encoding, decoding and rebalancing promise."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from colorizer import bins, lab


def test_there_are_313_on_a_grid_of_ten_in_the_published_order() -> None:
    assert bins.CENTERS.shape == (313, 2)
    assert (bins.CENTERS % 10 == 0).all()
    assert bins.CENTERS[0].tolist() == [-90, 50]
    assert bins.CENTERS[-1].tolist() == [100, 0]
    in_order = sorted(map(tuple, bins.CENTERS.tolist()))
    assert list(map(tuple, bins.CENTERS.tolist())) == in_order
    assert len(set(in_order)) == 313


def test_every_colour_of_the_gamut_has_a_bin_in_its_own_cell() -> None:
    levels = np.linspace(0, 255, 52).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(1, -1, 3)
    ab = torch.from_numpy(lab.rgb_to_lab(cube)[..., 1:]).permute(2, 0, 1)[None]
    numbers, _ = bins.neighbors(ab)
    off = bins.CENTERS[numbers[0, 0, 0]] - ab[0, :, 0].T
    assert off.abs().max() <= 5.001


def test_the_encoding_is_a_gaussian_over_the_five_nearest() -> None:
    torch.manual_seed(0)
    ab = 240 * torch.rand(2, 2, 30, 40) - 120  # also far out of the gamut
    encoded = bins.encode(ab)
    assert encoded.shape == (2, 313, 30, 40)
    torch.testing.assert_close(encoded.sum(1), torch.ones(2, 30, 40))
    assert ((encoded > 0).sum(1) <= 5).all()
    pixels = ab.double().permute(0, 2, 3, 1).reshape(-1, 2)
    distances, _ = torch.cdist(pixels, bins.CENTERS.double()).topk(5, largest=False)
    got = torch.cdist(pixels, bins.CENTERS.double()).gather(
        1, bins.neighbors(ab)[0].permute(0, 2, 3, 1).reshape(-1, 5)
    )
    torch.testing.assert_close(got, distances, atol=1e-4, rtol=0)
    gaussian = (-(distances**2) / 50).exp()
    wanted = (gaussian / gaussian.sum(1, keepdim=True))[:, 0].float()
    torch.testing.assert_close(encoded.max(1).values.flatten(), wanted, atol=1e-3, rtol=1e-3)


def test_encoding_a_bins_own_colour_by_hand() -> None:
    encoded = bins.encode(torch.tensor([10.0, 20.0]).view(1, 2, 1, 1)).flatten()
    at = {tuple(center): weight.item() for center, weight in zip(bins.CENTERS.tolist(), encoded, strict=True)}
    side = np.exp(-100 / 50)  # four bins at a distance of 10
    assert at[(10, 20)] == pytest.approx(1 / (1 + 4 * side), rel=1e-5)
    for neighbor in ((0, 20), (20, 20), (10, 10), (10, 30)):
        assert at[neighbor] == pytest.approx(side / (1 + 4 * side), rel=1e-5)


def test_what_was_encoded_decodes_to_itself() -> None:
    torch.manual_seed(0)
    ab = 60 * torch.rand(1, 2, 20, 20) - 30
    decoded = bins.decode(bins.encode(ab).clamp_min(1e-30).log(), temperature=1)
    assert (decoded - ab).abs().max() < 3  # a five-point Gaussian's centre of mass is not quite its middle


def test_the_annealed_mean_lies_between_mode_and_mean() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 313, 4, 5)
    mode = bins.CENTERS[logits.argmax(1)].permute(0, 3, 1, 2)
    torch.testing.assert_close(bins.decode(logits, 1e-4), mode, atol=1e-2, rtol=0)
    mean = torch.einsum("bqhw,qc->bchw", F.softmax(logits, 1), bins.CENTERS)
    torch.testing.assert_close(bins.decode(logits, 1.0), mean, atol=1e-4, rtol=1e-5)
    assert bins.decode(logits).shape == (2, 2, 4, 5)
    chroma = [bins.decode(logits, t).norm(dim=1).mean() for t in (1.0, bins.TEMPERATURE, 0.01)]
    assert chroma[0] < chroma[1] < chroma[2]


def test_counts_go_to_the_nearest_bin() -> None:
    histogram = torch.zeros(256, 256)
    histogram[128 + 12, 128 + 18] = 7  # nearest to 10, 20
    histogram[128 + 8, 128 + 22] = 1
    counts = bins.count(histogram)
    assert counts.sum() == 8
    assert counts[bins.CENTERS.tolist().index([10, 20])] == 8


@pytest.mark.parametrize("uniform", [0.1, 0.5, 1.0])
def test_rebalancing_weighs_rare_bins_more_with_an_expectation_of_one(uniform: float) -> None:
    torch.manual_seed(0)
    counts = torch.rand(313).double() ** 8
    shares, weights = bins.smooth(counts), bins.rebalancing(counts, uniform)
    assert shares.sum() == pytest.approx(1)
    assert (shares * weights).sum() == pytest.approx(1, abs=1e-5)
    mixed = (1 - uniform) * shares + uniform / 313
    torch.testing.assert_close(
        weights.double() * mixed, torch.full((313,), float(weights[0] * mixed[0])).double()
    )
    if uniform == 1:
        torch.testing.assert_close(weights, torch.ones(313))
    else:
        assert weights[shares.argmin()] > weights[shares.argmax()]


def test_smoothing_spreads_to_neighbours_only() -> None:
    counts = torch.zeros(313)
    here = bins.CENTERS.tolist().index([10, 20])
    counts[here] = 1
    shares = bins.smooth(counts)
    beside, far = bins.CENTERS.tolist().index([20, 20]), bins.CENTERS.tolist().index([80, -90])
    assert shares[beside] / shares[here] == pytest.approx(np.exp(-2), rel=1e-6)
    assert shares[far] < 1e-12


def test_what_inference_asked_for_first_still_trains() -> None:
    bins._candidates.cache_clear()
    bins._centers.cache_clear()
    with torch.inference_mode():
        bins.encode(bins.decode(torch.randn(1, 313, 2, 2)))
    logits = torch.randn(1, 313, 2, 2, requires_grad=True)
    (bins.decode(logits) - bins.CENTERS[0].view(1, 2, 1, 1)).square().sum().backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0
