"""Old pictures: what film, printing and years do to the input, how often, and never to the truth."""

import numpy as np
import pytest
import torch
from kornia.color import rgb_to_lab
from skimage import data
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import avg_pool2d

from colorizer import Colorizer
from tests.toning import BATHS, toned
from train import damage, film
from train.augment import Augmentation
from train.film import CHANCES, aged, damaged
from train.recipe import Recipe


@pytest.fixture(scope="module")
def lab() -> Tensor:
    """(24, 3, 64, 64) cut-outs of a colour photo."""
    photo = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1) / 255
    cuts = [photo[:, 8 * i : 8 * i + 256, 60:316] for i in range(24)]
    return avg_pool2d(rgb_to_lab(torch.stack(cuts)), 4)


def flat(tone: float, count: int = 40, side: int = 64) -> Tensor:
    return torch.full((count, 1, side, side), tone)


def augmentation(**augment: float) -> Augmentation:
    recipe = {"task": "colorize", "name": "x", "network": "ethnicity-aware", "steps": 1}
    source = {"data": [{"images": "x"}], "validation": [{"images": "x"}]}
    return Augmentation(Recipe.model_validate(recipe | source | {"augment": augment}))


def test_dots_keep_a_tone_and_are_as_strong_as_said() -> None:
    torch.manual_seed(0)
    for tone in (25.0, 50.0, 75.0):
        printed = damage.halftone(flat(tone))
        assert printed.mean((1, 2, 3)) == pytest.approx(tone, abs=4)
        assert printed.std((1, 2, 3)).min() > 3
    spread = printed.std((1, 2, 3))
    assert spread.max() > 2 * spread.min(), "scans differ in how soft they are"
    for tone in (0.0, 100.0):  # ink alone, paper alone: some dots' soft edges are left
        assert (damage.halftone(flat(tone)) - tone).abs().mean() < 8


def test_dots_lie_at_the_pitch_and_angles_of_the_screen() -> None:
    torch.manual_seed(0)
    printed = damage.halftone(flat(50.0, 200, 96))[:, 0] - 50
    power = torch.fft.rfft2(printed).abs()
    strongest = power.flatten(1).argmax(1)
    row, column = strongest // power.shape[2], strongest % power.shape[2]
    row = torch.where(row > 48, row - 96, row)
    pitches = 96 / (row**2 + column**2).sqrt()
    low, high = damage.PITCHES
    # The first harmonic of the grid of dots, or the second along the diagonals.
    assert low / 1.5 < pitches.quantile(0.05)
    assert pitches.quantile(0.95) < high * 1.1
    angles = torch.rad2deg(torch.atan2(row.float(), column.float())) % 90
    assert torch.histc(angles, 6, 0, 90).min() > 8, "screens stand at every angle"


def test_corners_fall_off_and_the_middle_stays() -> None:
    torch.manual_seed(0)
    seen = damage.vignette(flat(50.0, 300, 33), 0.8)
    assert torch.equal(seen[..., 16, 16], flat(50.0, 300, 33)[..., 16, 16])
    corner = seen[:, 0, 0, 0] - 50
    assert corner.min() < -35, "into the dark"
    assert corner.max() > 30, "or into the paper"
    assert seen.min() >= 50 * 0.2 - 1e-3
    assert 0.3 < (corner > 0).float().mean() < 0.5
    for turned in (seen.flip(-1), seen.flip(-2), seen.transpose(-1, -2)):
        assert torch.allclose(turned, seen, atol=1e-3)


def test_a_soft_lens_takes_fine_detail_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    board = 50 + 40 * ((torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1).expand(50, 1, 32, 32)
    soft = damage.soften(board)
    assert soft.mean().item() == pytest.approx(50, abs=0.5)
    left = (soft[..., 1:-1, 1:-1] - 50).abs().mean((1, 2, 3)) / 40
    assert left.min() < 0.15
    assert left.max() > 0.8
    assert torch.allclose(damage.soften(flat(30.0)), flat(30.0), atol=1e-4)


def test_scratches_are_thin_pale_or_dark_and_leave_most_of_the_picture() -> None:
    torch.manual_seed(0)
    for tone in (30.0, 60.0):
        marked = damage.scratch(flat(tone, 200, 96)) - tone
        touched = (marked.abs() > 2).float().mean((1, 2, 3))
        assert 0.005 < touched.mean() < 0.06
        assert touched.max() < 0.2
        assert (marked.flatten(1).amax(1) > 20).float().mean() > 0.5, "pale marks on most"
        assert (marked.flatten(1).amin(1) < -10).float().mean() > 0.3, "dark ones on some"
        assert (marked + tone).min() >= damage.SOOT - 1e-3
        assert (marked + tone).max() <= damage.PAPER + 1e-3


def test_many_scratches_run_along_the_film() -> None:
    """On half of the pictures: neighbours above each other then share a mark more often than those side by side."""
    torch.manual_seed(0)
    marked = (damage.scratch(flat(40.0, 400, 96)) - 40).abs()
    upright = (marked[:, :, 4:] * marked[:, :, :-4]).mean((1, 2, 3))
    across = (marked[..., 4:] * marked[..., :-4]).mean((1, 2, 3))
    assert 0.25 < (upright > 2 * across).float().mean() < 0.85
    assert upright.mean() > 1.5 * across.mean()


@pytest.mark.parametrize("shape", [(0, 1, 32, 32), (3, 1, 17, 96), (2, 1, 1, 1)])
def test_every_effect_takes_any_number_of_pictures_of_any_shape(shape: tuple[int, ...]) -> None:
    for effect in film._EFFECTS.values():
        seen = effect(torch.full(shape, 50.0))
        assert seen.shape == shape
        assert torch.isfinite(seen).all()


def test_every_effect_happens_on_the_device_of_the_pictures() -> None:
    """Tensors that only pretend to lie on a GPU: to mix them with the CPU's is an error all the same."""
    with FakeTensorMode():
        lab = torch.zeros(5, 3, 32, 32, device="cuda")
        with pytest.raises(RuntimeError, match="device"):
            lab + torch.zeros(5, 3, 32, 32)
        for name in film._EFFECTS.keys() - {"grain"}:  # reads a few numbers off the CPU, which pretence can't
            assert film._EFFECTS[name](lab[:, :1]).device == lab.device
        assert film.orthochromatic(lab).device == lab.device


def test_an_old_picture_has_some_effects_and_seldom_none(lab: Tensor) -> None:
    torch.manual_seed(0)
    many = lab.repeat(20, 1, 1, 1)
    seen = aged(many)
    assert seen.shape == (480, 1, 64, 64)
    assert seen.min() >= 0
    assert seen.max() <= 100
    moved = (seen - many[:, :1]).abs().mean((1, 2, 3))
    untouched = np.prod([1 - chance for chance in CHANCES.values()])
    assert untouched < 0.012
    assert (moved < 0.05).float().mean() < 0.05
    assert 3 < moved.mean() < 15, "a face stays to be seen"
    structure = torch.stack(
        [
            torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]
            for a, b in zip(seen, many[:, :1], strict=True)
        ]
    )
    assert structure.median() > 0.9
    assert structure.quantile(0.02) > 0.5


def test_a_share_of_the_inputs_grows_old_and_the_others_stay_clean(lab: Tensor) -> None:
    torch.manual_seed(0)
    truth = lab.repeat(40, 1, 1, 1)
    before = truth.clone()
    seen = augmentation(old_film=0.15)._film(truth)
    assert torch.equal(truth, before)
    clean = (seen == truth[:, :1]).all(1).all(1).all(1)
    assert 0.82 < clean.float().mean() < 0.9


@pytest.mark.parametrize("name", ["halftone", "scratches"])
def test_single_effects_may_be_asked_for_by_share(lab: Tensor, name: str) -> None:
    torch.manual_seed(0)
    truth = lab.repeat(20, 1, 1, 1)
    seen = augmentation(**{name: 0.3})._film(truth)
    changed = ((seen - truth[:, :1]).abs() > 0.1).any(1).any(1).any(1)
    assert 0.2 < changed.float().mean() < 0.4
    assert torch.equal(seen[~changed], truth[~changed, :1])


def test_vignetting_may_be_asked_for_by_amount(lab: Tensor) -> None:
    torch.manual_seed(0)
    seen = augmentation(vignetting=0.5)._film(lab)
    assert (seen - lab[:, :1])[..., 0, 0].abs().mean() > 3
    assert torch.allclose(seen[..., 32, 32], lab[:, :1, 32, 32], atol=0.1)


def test_without_old_film_nothing_is_drawn(lab: Tensor) -> None:
    torch.manual_seed(5)
    assert torch.equal(augmentation()._film(lab), lab[:, :1])
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


def test_damage_is_one_mix_a_seed_and_disturbs_no_other_draw(lab: Tensor) -> None:
    lightness, ab = lab[0, 0].numpy(), lab[0, 1:].numpy()
    torch.manual_seed(1)
    first = damaged(lightness, 7, ab)
    drawn = torch.rand(2)
    torch.manual_seed(2)
    assert np.array_equal(damaged(lightness, 7, ab), first)
    assert first.shape == lightness.shape
    assert first.dtype == np.float32
    assert not np.array_equal(damaged(lightness, 8, ab), first)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(2), drawn)
    changed = [np.abs(damaged(lightness, seed) - lightness).mean() for seed in range(30)]
    assert np.median(changed) > 1
    orthochromatic = [
        np.abs(damaged(lightness, seed, ab) - damaged(lightness, seed)).max() > 0.5 for seed in range(30)
    ]
    assert 8 <= sum(orthochromatic) <= 22, "blind to red where the true colours are known"


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer.load()


@pytest.mark.parametrize("bath", BATHS)
def test_a_toned_print_gets_the_colours_of_its_gray_copy(colorizer: Colorizer, bath: str) -> None:
    photo = data.astronaut()
    copies = [colorizer.analyze(toned(photo, *tint)) for tint in ((0.0, 0.0), BATHS[bath])]
    assert np.ptp(copies[1].photo.rgb.astype(int), axis=-1).mean() > 10, "the copy is no gray one"
    gray, other = (colorizer.predict(copy.lightness, copy.faces) for copy in copies)
    # 8-bit copies of one photo differ in L by a quarter of a unit, and so a face's box by a pixel.
    assert np.abs(other - gray).max() < 1
    painted = [np.asarray(colorizer.paint(copy).image, np.float32) for copy in copies]
    assert np.abs(painted[1] - painted[0]).mean() < 0.5
