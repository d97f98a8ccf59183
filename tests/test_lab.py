"""colorizer.lab: CIELAB as scikit-image has it, and colour that follows edges and never moves lightness."""

import itertools
import time

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from skimage.color import lab2rgb, rgb2lab

from colorizer import lab, upsampling, working_size
from tests.toning import colour_gray_sepia


@pytest.fixture(scope="module")
def every_colour() -> np.ndarray:
    """(4096, 52, 3) uint8: a grid over all of sRGB in steps of 5, and every gray."""
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 52, 3)
    grays = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(-1, 3)
    grays = np.concatenate([grays, grays[:4]]).reshape(-1, 52, 3)
    return np.concatenate([grid, grays])


def bilinear(ab: np.ndarray, height: int, width: int) -> np.ndarray:
    planes = torch.from_numpy(ab)[None]
    return torch.nn.functional.interpolate(planes, (height, width), mode="bilinear")[0].numpy()


def edge_picture(size: int = 256, cells: int = 32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A face before a wall: L and true ab change at one sharp oblique edge; the predicted ab is small and soft."""
    y, x = np.mgrid[0:size, 0:size]
    inside = x + 0.3 * y < 0.6 * size
    L = np.where(inside, 70, 35).astype(np.float32)
    truth = np.stack([np.where(inside, 18, -4), np.where(inside, 22, -12)]).astype(np.float32)
    small = truth.reshape(2, cells, size // cells, cells, size // cells).mean((2, 4))
    return L, truth, uniform_filter(small, (0, 3, 3), mode="nearest")


# CIELAB


def test_lab_agrees_with_scikit_image(every_colour):
    expected = rgb2lab(every_colour)
    assert np.abs(lab.rgb_to_lab(every_colour) - expected).max() < 0.01
    assert np.abs(lab.lightness(every_colour) - expected[..., 0]).max() < 0.01


def test_back_to_rgb_agrees_with_scikit_image(every_colour):
    in_lab = rgb2lab(every_colour)
    assert np.abs(lab.lab_to_srgb(in_lab) - 255 * lab2rgb(in_lab)).max() < 0.1


def test_round_trip_gives_every_colour_back(every_colour):
    np.testing.assert_array_equal(lab.lab_to_rgb(lab.rgb_to_lab(every_colour)), every_colour)


def test_gray_is_exactly_neutral():
    grays = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)
    assert np.abs(lab.rgb_to_lab(grays)[..., 1:]).max() < 1e-4
    L = lab.lightness(grays)
    assert (L[0, 0], L[-1, -1]) == pytest.approx((0, 100), abs=1e-4)
    np.testing.assert_array_equal(lab.merge(L, np.zeros((2, 8, 8), np.float32)), grays)


def test_types_stay_small(astronaut):
    L = lab.lightness(astronaut)
    ab = np.zeros((2, 16, 16), np.float32)
    in_lab = lab.rgb_to_lab(astronaut)
    for out in (L, in_lab, lab.upsample_ab(L, ab), lab.resize_lightness(L, 64, 64), lab.lab_to_srgb(in_lab)):
        assert out.dtype == np.float32
    assert lab.merge(L, ab).dtype == np.uint8


@pytest.mark.parametrize(
    ("shape", "dtype"), [((8, 8), np.uint8), ((8, 8, 4), np.uint8), ((8, 8, 3), np.float32)]
)
def test_other_than_8_bit_rgb_is_refused(shape, dtype):
    with pytest.raises(ValueError, match="uint8"):
        lab.lightness(np.zeros(shape, dtype))


def test_colour_gray_and_sepia_copies_have_one_lightness(astronaut):
    colour, gray, sepia = (lab.lightness(copy) for copy in colour_gray_sepia(astronaut))
    # Half a code value is at most 0.26 L* in a gray.
    assert np.abs(colour - gray).max() < 0.3
    assert np.abs(colour - sepia).max() < 0.3
    small = [lab.resize_lightness(L, 256, 256) for L in (colour, gray, sepia)]
    assert max(np.abs(small[0] - other).mean() for other in small[1:]) < 0.05


# Sizes


def test_reduced_lightness_is_an_average_not_a_sample():
    stripes = np.zeros((1024, 768), np.float32)
    stripes[:, ::2] = 100
    small = lab.resize_lightness(stripes, 64, 96)
    assert small.shape == (64, 96)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small[:, 1:-1], 50, atol=0.01)


def test_reduced_lightness_stays_in_place(astronaut):
    L = lab.lightness(astronaut)
    blocks = L.reshape(64, 8, 64, 8).mean((1, 3))
    small = lab.resize_lightness(L, 64, 64)
    assert np.corrcoef(small.ravel(), blocks.ravel())[0, 1] > 0.995
    assert abs(small.mean() - L.mean()) < 0.1


def test_tiny_photo_is_enlarged_within_its_range():
    small = np.array([[0, 100], [100, 0]], np.float32)
    large = lab.resize_lightness(small, 32, 64)
    assert large.shape == (32, 64)
    assert (large.min(), large.max()) == (0, 100)


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (1024, 1024, 64, 64),
        (1, 1, 64, 64),
        (3, 5, 40, 64),
        (1080, 1920, 64, 112),
        (1000, 663, 64, 40),  # 42.4 cells: rounded down
        (4000, 30, 64, 8),  # the least size
        (10, 5000, 8, 256),
        (333, 500, 48, 72),
    ],
)
def test_every_photo_gets_its_colours_at_its_own_size(height, width, rows, columns):
    L = np.random.default_rng(0).uniform(0, 100, (height, width)).astype(np.float32)
    ab = np.random.default_rng(1).uniform(-20, 20, (2, rows, columns)).astype(np.float32)
    assert lab.upsample_ab(L, ab).shape == (2, height, width)
    assert lab.merge(L, ab).shape == (height, width, 3)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_rounding_to_the_working_size_never_refuses_a_photo(stride):
    sides = (16, 20, 64, 160, 700, 3000)
    for height, width, size in itertools.product(sides, sides, (64, 128)):
        rows, columns = working_size.working_grid(height, width, size)
        upsampling._check_aspect(height, width, rows // stride, columns // stride, stride)
    L, ab = np.full((16, 512), 50, np.float32), np.zeros((2, 16 // stride, 368 // stride), np.float32)
    assert lab.merge(L, ab, stride=stride).shape == (16, 512, 3)


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (48, 72), (72, 56)])
def test_another_aspect_ratio_is_refused(rows, columns):
    with pytest.raises(ValueError, match="aspect"):
        lab.merge(np.zeros((600, 300), np.float32), np.zeros((2, rows, columns), np.float32))


# Upsampling


def test_colour_bleeds_less_than_with_bilinear():
    L, truth, ab = edge_picture()
    ours = np.abs(lab.upsample_ab(L, ab) - truth).mean()
    plain = np.abs(bilinear(ab, 256, 256) - truth).mean()
    assert ours < 0.5 * plain


def test_edge_lies_where_it_is_in_lightness():
    L, truth, ab = edge_picture()
    out = lab.upsample_ab(L, ab)[1]
    middle = (truth[1].min() + truth[1].max()) / 2
    assert np.mean((out > middle) == (truth[1] > middle)) > 0.995


def test_no_worse_than_the_plain_guided_filter():
    guided_blur = pytest.importorskip("kornia.filters").guided_blur
    L, truth, ab = edge_picture()
    guide, colour = torch.from_numpy(L)[None, None], torch.from_numpy(bilinear(ab, 256, 256))[None]
    plain = guided_blur(guide, colour, kernel_size=25, eps=50.0)[0].numpy()
    assert np.abs(lab.upsample_ab(L, ab) - truth).mean() <= np.abs(plain - truth).mean()


def test_real_colours_come_back_better_than_with_bilinear(astronaut):
    in_lab = lab.rgb_to_lab(astronaut)
    truth = in_lab[..., 1:].transpose(2, 0, 1)
    ab = np.ascontiguousarray(truth.reshape(2, 64, 8, 64, 8).mean((2, 4)))
    ours = np.square(lab.upsample_ab(in_lab[..., 0], ab) - truth).mean()
    assert ours < 0.9 * np.square(bilinear(ab, 512, 512) - truth).mean()


def test_flat_colour_stays_exactly_flat(astronaut):
    ab = np.full((2, 64, 64), 0, np.float32) + np.array([12.34, -5.67], np.float32)[:, None, None]
    out = lab.upsample_ab(lab.lightness(astronaut), ab)
    assert (out == ab[:, :1, :1]).all()


def test_bands_leave_no_seam(monkeypatch, astronaut):
    L = lab.lightness(astronaut)
    ab = np.random.default_rng(0).uniform(-30, 30, (2, 64, 64)).astype(np.float32)
    in_bands = lab.merge(L, ab)
    monkeypatch.setattr(upsampling, "_BAND_PIXELS", 1 << 30)
    np.testing.assert_array_equal(in_bands, lab.merge(L, ab))


def test_the_arguments_are_left_alone(astronaut):
    L, ab = lab.lightness(astronaut), np.ones((2, 64, 64), np.float32)
    kept_L, kept_ab = L.copy(), ab.copy()
    L.flags.writeable = ab.flags.writeable = False
    lab.merge(L, ab, vividness=2)
    np.testing.assert_array_equal(L, kept_L)
    np.testing.assert_array_equal(ab, kept_ab)


# Gamut and vividness


@pytest.fixture(scope="module")
def impossible() -> np.ndarray:
    """(101, 360, 3) Lab: every lightness and hue at a chroma of 150, nearly all out of gamut."""
    L, hue = np.mgrid[0:101, 0:360].astype(np.float32)
    hue = np.radians(hue)
    return np.stack([L, 150 * np.cos(hue), 150 * np.sin(hue)], axis=-1)


def lab_of_float(srgb: np.ndarray) -> np.ndarray:
    """scikit-image's Lab, in double precision, of unrounded sRGB in [0, 255]."""
    return rgb2lab(srgb.astype(np.float64) / 255)


def test_out_of_gamut_colours_keep_lightness_before_rounding(impossible):
    srgb = lab.lab_to_srgb(impossible)
    assert srgb.min() >= 0
    assert srgb.max() <= 255
    assert np.abs(lab_of_float(srgb)[..., 0] - impossible[..., 0]).max() < 0.05


def test_out_of_gamut_colours_keep_lightness_after_rounding(impossible):
    change = np.abs(lab.lightness(lab.lab_to_rgb(impossible)) - impossible[..., 0])
    # Worst in the dark, where one code value of green is the largest step in L*.
    assert change.mean() < 0.1
    assert change.max() < 0.3


def test_out_of_gamut_colours_keep_hue_and_as_much_chroma_as_fits(impossible):
    srgb = lab.lab_to_srgb(impossible)
    out = lab_of_float(srgb)
    chroma = np.hypot(out[..., 1], out[..., 2])
    cross = out[..., 1] * impossible[..., 2] - out[..., 2] * impossible[..., 1]
    assert np.abs(cross / 150).max() < 0.1  # distance from the line of constant hue, in Lab units
    reduced = (chroma < 149) & (impossible[..., 0] > 0) & (impossible[..., 0] < 100)
    # At the gamut's surface some channel is at its end; in linear light, since the dark end is steep.
    linear = np.where(srgb <= 10.3, srgb / 255 / 12.92, ((srgb / 255 + 0.055) / 1.055) ** 2.4)
    to_surface = np.minimum(linear.min(-1), 1 - linear.max(-1))
    assert reduced.mean() > 0.9
    assert to_surface[reduced].max() < 1e-3


def test_colours_in_gamut_are_not_touched(every_colour):
    in_lab = lab.rgb_to_lab(every_colour)
    assert np.abs(lab.lab_to_srgb(in_lab) - every_colour).max() < 0.1


@pytest.mark.parametrize("vividness", [0, 0.5, 1, 2])
def test_merge_never_moves_lightness(astronaut, vividness):
    L = lab.lightness(astronaut)
    ab = np.random.default_rng(0).normal(0, 40, (2, 64, 64)).astype(np.float32)
    change = np.abs(lab.lightness(lab.merge(L, ab, vividness)) - L)
    assert change.mean() < 0.15
    assert change.max() < 0.3


def test_vividness_scales_chroma():
    L = np.full((64, 64), 60, np.float32)
    ab = np.broadcast_to(np.array([9, 12], np.float32)[:, None, None], (2, 16, 16))
    chroma = {}
    for vividness in (0, 0.5, 1, 2):
        out = lab.rgb_to_lab(lab.merge(L, ab, vividness))
        chroma[vividness] = float(np.hypot(out[..., 1], out[..., 2]).mean())
    assert chroma == pytest.approx({0: 0, 0.5: 7.5, 1: 15, 2: 30}, abs=0.5)


@pytest.mark.parametrize("vividness", [-0.1, 2.1, float("nan")])
def test_vividness_out_of_range_is_refused(vividness):
    with pytest.raises(ValueError, match="from 0"):
        lab.merge(np.zeros((64, 64), np.float32), np.zeros((2, 16, 16), np.float32), vividness)


# Speed


def test_fast_enough_for_a_page(astronaut):
    rgb = astronaut.repeat(2, 0).repeat(2, 1)
    ab = np.random.default_rng(0).normal(0, 20, (2, 64, 64)).astype(np.float32)

    def seconds(function, *arguments):
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            function(*arguments)
            best = min(best, time.process_time() - start)
        return best

    L = lab.lightness(rgb)
    # Measured 5 and 55 ms on one core; the margin is for slow and busy machines.
    assert seconds(lab.lightness, rgb) < 0.15
    assert seconds(lab.merge, L, ab) < 1.0
