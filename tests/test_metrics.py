"""colorizer.metrics: each number against a published value, an independent formula, or one worked by hand."""

import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from colorizer import lab, metrics

# Table 1 of Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test
# data, and mathematical observations", Color Research and Application 30 (2005): L1 a1 b1, L2 a2 b2, difference.
SHARMA = np.loadtxt(
    """
    50.0000   2.6772 -79.7751  50.0000   0.0000 -82.7485   2.0425
    50.0000   3.1571 -77.2803  50.0000   0.0000 -82.7485   2.8615
    50.0000   2.8361 -74.0200  50.0000   0.0000 -82.7485   3.4412
    50.0000  -1.3802 -84.2814  50.0000   0.0000 -82.7485   1.0000
    50.0000  -1.1848 -84.8006  50.0000   0.0000 -82.7485   1.0000
    50.0000  -0.9009 -85.5211  50.0000   0.0000 -82.7485   1.0000
    50.0000   0.0000   0.0000  50.0000  -1.0000   2.0000   2.3669
    50.0000  -1.0000   2.0000  50.0000   0.0000   0.0000   2.3669
    50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0009   7.1792
    50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0010   7.1792
    50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0011   7.2195
    50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0012   7.2195
    50.0000  -0.0010   2.4900  50.0000   0.0009  -2.4900   4.8045
    50.0000  -0.0010   2.4900  50.0000   0.0010  -2.4900   4.8045
    50.0000  -0.0010   2.4900  50.0000   0.0011  -2.4900   4.7461
    50.0000   2.5000   0.0000  50.0000   0.0000  -2.5000   4.3065
    50.0000   2.5000   0.0000  73.0000  25.0000 -18.0000  27.1492
    50.0000   2.5000   0.0000  61.0000  -5.0000  29.0000  22.8977
    50.0000   2.5000   0.0000  56.0000 -27.0000  -3.0000  31.9030
    50.0000   2.5000   0.0000  58.0000  24.0000  15.0000  19.4535
    50.0000   2.5000   0.0000  50.0000   3.1736   0.5854   1.0000
    50.0000   2.5000   0.0000  50.0000   3.2972   0.0000   1.0000
    50.0000   2.5000   0.0000  50.0000   1.8634   0.5757   1.0000
    50.0000   2.5000   0.0000  50.0000   3.2592   0.3350   1.0000
    60.2574 -34.0099  36.2677  60.4626 -34.1751  39.4387   1.2644
    63.0109 -31.0961  -5.8663  62.8187 -29.7946  -4.0864   1.2630
    61.2901   3.7196  -5.3901  61.4292   2.2480  -4.9620   1.8731
    35.0831 -44.1164   3.7933  35.0232 -40.0716   1.5901   1.8645
    22.7233  20.0904 -46.6940  23.0331  14.9730 -42.5619   2.0373
    36.4612  47.8580  18.3852  36.2715  50.5065  21.2231   1.4146
    90.8027  -2.0831   1.4410  91.1528  -1.6435   0.0447   1.4441
    90.9257  -0.5406  -0.9208  88.6381  -0.8985  -0.7239   1.5381
     6.7747  -0.2908  -2.4247   5.8714  -0.0985  -2.2286   0.6377
     2.0776   0.0795  -1.1350   0.9033  -0.0636  -0.5514   0.9082
    """.strip().splitlines()
)

SKIN_FIELDS = [field.name for field in fields(metrics.Metrics) if "skin" in field.name]


@dataclass(frozen=True)
class Box:
    box: tuple[float, float, float, float]


def plain(*colour: int, height: int = 256, width: int = 256) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()


def moved(rgb: np.ndarray, a: float, b: float) -> np.ndarray:
    """The picture with another cast: a and b added."""
    return lab.lab_to_rgb(lab.rgb_to_lab(rgb) + np.array([0, a, b], np.float32))


@pytest.fixture
def truth(astronaut) -> np.ndarray:
    """(256, 256, 3) uint8: a portrait."""
    return metrics.to_protocol(astronaut)


FACE = Box((91.0, 26.0, 137.0, 88.0))  # the astronaut's, at 256 px


def measure(prediction, truth, **options) -> metrics.Metrics:
    return metrics.compare(prediction, truth, lpips=False, **options)


# Whole-picture numbers


def test_ciede2000_of_the_34_published_pairs():
    found = metrics.delta_e(SHARMA[:, :3], SHARMA[:, 3:6])
    np.testing.assert_allclose(found, SHARMA[:, 6], atol=1e-4)


def test_errors_worked_by_hand():
    found = measure(plain(110, 100, 96), plain(100, 100, 100))
    assert found.mse == pytest.approx((10**2 + 0 + 4**2) / 3)
    assert found.mae == pytest.approx((10 + 0 + 4) / 3)
    assert found.psnr == pytest.approx(10 * np.log10(65025 * 3 / 116))  # 32.26 dB


def test_psnr_by_the_formula(truth):
    prediction = moved(truth, 6, -9)
    error = np.mean((prediction.astype(np.float64) - truth.astype(np.float64)) ** 2)
    assert measure(prediction, truth).psnr == pytest.approx(
        20 * np.log10(255) - 10 * np.log10(error), abs=1e-4
    )


def test_ssim_of_flat_pictures_worked_by_hand():
    # Without structure only luminance counts: (2 m n + C1) / (m² + n² + C1), C1 = (0.01 * 255)².
    expected = (2 * 100 * 120 + 6.5025) / (100**2 + 120**2 + 6.5025)  # 0.98361
    assert measure(plain(100, 100, 100), plain(120, 120, 120)).ssim == pytest.approx(expected, abs=1e-5)


def test_ssim_of_one_window_by_the_formula():
    x, y = np.random.default_rng(0).integers(0, 256, (2, 7, 7))
    covariance = np.cov(x.ravel(), y.ravel())  # over n - 1, as Wang et al. 2004
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)
    expected /= (x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
    x, y = (np.repeat(plane[..., None], 3, axis=2).astype(np.uint8) for plane in (x, y))
    assert metrics.ssim(x, y) == pytest.approx(expected, abs=1e-5)


def test_ssim_in_single_precision_is_that_of_a_direct_calculation(truth):
    prediction = moved(truth, 12, 12)

    def over_windows(x, y):
        mean = lambda plane: ndimage.uniform_filter(plane, 7)[3:-3, 3:-3]
        mx, my, n = mean(x), mean(y), 49 / 48
        vx, vy, vxy = n * (mean(x * x) - mx**2), n * (mean(y * y) - my**2), n * (mean(x * y) - mx * my)
        c1, c2 = 6.5025, 58.5225
        return np.mean((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))

    planes = [
        over_windows(*(picture[..., c].astype(np.float64) for picture in (prediction, truth)))
        for c in range(3)
    ]
    assert measure(prediction, truth).ssim == pytest.approx(np.mean(planes), abs=2e-5)


def test_colorfulness_worked_by_hand():
    red_and_blue = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    # R - G is 255 and 0, (R + G) / 2 - B is 127.5 and -255; of the absolute values the means would be larger.
    expected = np.hypot(127.5, 191.25) + 0.3 * np.hypot(127.5, -63.75)  # 272.62
    assert metrics.colorfulness(red_and_blue) == pytest.approx(expected)
    assert metrics.colorfulness(plain(90, 90, 90)) == 0


def test_delta_colorfulness_has_a_sign(truth):
    paler = measure(metrics.gray(truth), truth)
    assert paler.colorfulness < 1
    assert paler.delta_colorfulness == pytest.approx(paler.colorfulness - metrics.colorfulness(truth))
    assert measure(truth, metrics.gray(truth)).delta_colorfulness > 10


def test_within_10_counts_a_and_b_apart():
    truth = lab.lab_to_rgb(np.full((256, 256, 3), [60, 10, 10], np.float32))
    assert measure(moved(truth, 12, 5), truth).within_10 == 0.5
    assert measure(moved(truth, 8, -8), truth).within_10 == 1
    assert measure(moved(truth, -12, 12), truth).within_10 == 0


def test_channel_accuracy_compares_which_is_larger():
    yellow = np.full((256, 256, 3), [60, 5, 20], np.float32)
    half_red = yellow.copy()
    half_red[:, :128] = [60, 20, 5]
    yellow, half_red = lab.lab_to_rgb(yellow), lab.lab_to_rgb(half_red)
    assert measure(yellow, half_red).channel_accuracy == 0.5
    # Without colour the two tie, and a tie counts as the first, a.
    assert measure(metrics.gray(half_red), half_red).channel_accuracy == 0.5
    assert measure(half_red, half_red).channel_accuracy == 1


def test_an_equal_picture_is_perfect(truth):
    found = measure(truth, truth, faces=[FACE])
    perfect = {"psnr": np.inf, "aligned_psnr": np.inf, "ssim": 1, "within_10": 1, "channel_accuracy": 1}
    colorfulness = metrics.colorfulness(truth)
    for name, value in found.as_dict().items():
        if name not in ("lpips", "lpips_reason"):
            expected = colorfulness if name == "colorfulness" else perfect.get(name, 0)
            assert value == pytest.approx(expected, abs=1e-5), name


def test_aligned_forgives_the_light_and_nothing_else(truth):
    cast = measure(moved(truth, 7, -5), truth, faces=[FACE])
    assert cast.psnr < 32
    assert cast.skin_delta_e > 4
    assert cast.aligned_psnr > 38
    assert cast.aligned_skin_delta_e < 1.2  # what the shift took from colours at the gamut's edge stays lost
    flat = measure(metrics.gray(truth), truth, faces=[FACE])
    mean_ab = lab.rgb_to_lab(truth)[..., 1:].mean((0, 1))
    assert flat.aligned_psnr == pytest.approx(measure(metrics.tint(truth, mean_ab), truth).psnr, abs=0.01)
    assert flat.aligned_psnr < 30


def test_baselines_keep_lightness_and_have_the_colour_they_say(truth):
    gray, tint = metrics.gray(truth), metrics.tint(truth, (11, 13))
    assert (gray[..., 0] == gray[..., 1]).all()
    assert (gray[..., 1] == gray[..., 2]).all()
    for baseline in (gray, tint):
        assert np.abs(lab.lightness(baseline) - lab.lightness(truth)).max() < 0.35
    middle = (lab.lightness(truth) > 35) & (lab.lightness(truth) < 85)  # where the tint is in gamut
    np.testing.assert_allclose(lab.rgb_to_lab(tint)[middle][:, 1:].mean(0), [11, 13], atol=0.05)


# What goes in


def test_pictures_come_as_arrays_images_and_files(truth, tmp_path):
    prediction = metrics.tint(truth, (11, 13))
    Image.fromarray(prediction).save(tmp_path / "prediction.png")
    Image.fromarray(truth).save(tmp_path / "truth.png")
    expected = measure(prediction, truth)
    assert measure(Image.fromarray(prediction), Image.fromarray(truth)) == expected
    assert measure(tmp_path / "prediction.png", str(tmp_path / "truth.png")) == expected


@pytest.mark.parametrize("size", [(512, 512), (300, 451), (64, 64), (256, 255)])
def test_any_size_is_brought_to_256_as_pillow_does_it(truth, size):
    other = Image.fromarray(truth).resize(size, Image.Resampling.BICUBIC)
    by_hand = np.asarray(other.resize((256, 256), Image.Resampling.BICUBIC))
    prediction = metrics.gray(truth)
    assert measure(prediction, other) == measure(prediction, by_hand)
    assert measure(other, truth) == measure(by_hand, truth)


def test_boxes_are_in_pixels_of_the_truth(truth):
    tall = Image.fromarray(truth).resize((512, 768), Image.Resampling.NEAREST)
    x0, y0, x1, y1 = FACE.box
    scaled = Box((2 * x0, 3 * y0, 2 * x1, 3 * y1))
    small = measure(
        metrics.gray(truth), np.asarray(tall.resize((256, 256), Image.Resampling.BICUBIC)), faces=[FACE]
    )
    assert small.skin_delta_e is not None
    assert measure(metrics.gray(truth), tall, faces=[scaled]) == small


# Skin


def skin_and_rest(complexion, hair, cast=(0.0, 0.0)) -> tuple[np.ndarray, np.ndarray, Box]:
    """A drawn face in Lab colours, shaded from one side, before a wall: picture, true skin, box."""
    y, x = np.mgrid[0:256, 0:256]
    within = lambda cx, cy, rx, ry: ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
    head, hairline = within(128, 128, 70, 92), within(128, 90, 85, 75)
    picture = np.full((256, 256, 3), [55, -3, -8], np.float32)
    picture[hairline] = hair
    picture[head & (y > 62)] = complexion
    lips, eyes = within(128, 178, 26, 8), within(98, 108, 15, 7) | within(158, 108, 15, 7)
    picture[lips] = np.add(complexion, [-12, 18, -2])
    picture[eyes] = [complexion[0] + 28, 0, 2]
    # Lambert's law: light, not L, falls off; the cube root of light is in proportion to L + 16, a and b.
    shade = np.where(head, 1.08 - 0.22 * (x - 58) / 140, 1)[..., None]
    picture = np.concatenate([(picture[..., :1] + 16) * shade - 16, picture[..., 1:] * shade], axis=2)
    picture[..., 1:] += cast
    noise = np.random.default_rng(0).normal(0, 1.0, picture.shape)
    skin = head & (y > 62) & ~lips & ~eyes
    return lab.lab_to_rgb((picture + noise).astype(np.float32)), skin, Box((58, 50, 198, 220))


COMPLEXIONS = {
    "pale": ((76, 8, 12), (55, 6, 22)),
    "olive": ((62, 11, 20), (18, 2, 3)),
    "brown": ((45, 14, 20), (12, 2, 2)),
    "dark": ((30, 11, 13), (9, 1, 1)),
}


@pytest.mark.parametrize("cast", [(0, 0), (14, 22), (-6, -24)], ids=["daylight", "lamp", "shade"])
@pytest.mark.parametrize("complexion", COMPLEXIONS)
def test_skin_is_found_in_every_complexion_under_every_light(complexion, cast):
    rgb, skin, face = skin_and_rest(*COMPLEXIONS[complexion], cast)
    mask = metrics.skin_mask(rgb, [face.box])
    assert (mask & skin).sum() > 0.95 * mask.sum()
    assert mask.sum() > 0.6 * skin.sum()


def test_skin_of_a_portrait_is_neither_hair_nor_suit(truth):
    mask = metrics.skin_mask(truth, [FACE.box])
    inside = np.zeros_like(mask)
    x0, y0, x1, y1 = (round(value) for value in FACE.box)
    inside[y0:y1, x0:x1] = True
    assert not (mask & ~inside).any()
    assert 0.35 < mask.sum() / inside.sum() < 0.75
    L = lab.lightness(truth)
    assert np.percentile(L[mask], 1) > 40  # hair and pupils are darker


def test_several_faces_add_up(truth):
    twice = np.concatenate([truth, truth[:, ::-1]], axis=1)
    x0, y0, x1, y1 = FACE.box
    other = (512 - x1, y0, 512 - x0, y1)
    both = metrics.skin_mask(twice, [FACE.box, other])
    np.testing.assert_array_equal(both[:, :256], metrics.skin_mask(truth, [FACE.box]))
    assert both[:, 256:].sum() == both[:, :256].sum()


@pytest.mark.parametrize(
    "faces", [None, [], [Box((400, 400, 500, 500))], [Box((10, 10, 10, 10))], [Box((60, 40, 63, 43))]]
)
def test_without_skin_its_numbers_are_none(truth, faces):
    found = measure(metrics.gray(truth), truth, faces=faces).as_dict()
    assert [found[name] for name in SKIN_FIELDS] == [None] * 7
    assert all(found[name] is not None for name in ("psnr", "delta_e", "aligned_psnr"))


def test_a_face_that_is_burnt_out_has_no_skin():
    assert not metrics.skin_mask(plain(255, 255, 255), [(50, 50, 200, 200)]).any()


def test_skin_numbers_of_a_known_shift():
    rgb, _, face = skin_and_rest(*COMPLEXIONS["olive"])
    redder = measure(moved(rgb, 5, -2), rgb, faces=[face])
    assert redder.skin_bias_a == pytest.approx(5, abs=0.1)
    assert redder.skin_bias_b == pytest.approx(-2, abs=0.1)
    turn = np.degrees(np.arctan2(18, 16) - np.arctan2(20, 11))  # -12.8 at the complexion itself
    assert redder.skin_bias_hue == pytest.approx(turn, abs=1)
    assert redder.skin_hue_error == pytest.approx(-turn, abs=1)
    one = metrics.delta_e(np.array([62.0, 16, 18]), np.array([62.0, 11, 20]))
    assert redder.skin_delta_e == pytest.approx(float(one), abs=0.2)
    assert redder.skin_ita_error == pytest.approx(
        abs(np.degrees(np.arctan2(12, 18) - np.arctan2(12, 20))), abs=1
    )


def test_biases_have_signs_and_errors_have_none():
    rgb, _, face = skin_and_rest(*COMPLEXIONS["brown"])
    one, other = (measure(moved(rgb, *shift), rgb, faces=[face]) for shift in ((4, 0), (-4, 0)))
    assert one.skin_bias_a > 3.5
    assert other.skin_bias_a < -3.5
    assert one.skin_bias_hue < -5
    assert other.skin_bias_hue > 5
    assert min(one.skin_hue_error, other.skin_hue_error) > 5


def test_hue_turns_the_short_way_round():
    left = np.full((256, 256, 3), [50, -20, 3], np.float32)
    rgb, other = lab.lab_to_rgb(left), lab.lab_to_rgb(left * [1, 1, -1])
    found = measure(other, rgb, faces=[Box((50, 50, 200, 200))])
    assert found.skin_hue_error == pytest.approx(2 * np.degrees(np.arctan2(3, 20)), abs=2)  # 17, not 343


def test_gray_skin_has_no_hue_to_be_wrong():
    rgb, _, face = skin_and_rest(*COMPLEXIONS["pale"])
    found = measure(metrics.gray(rgb), rgb, faces=[face])
    assert found.skin_hue_error is None
    assert found.skin_bias_hue is None
    assert found.skin_bias_b == pytest.approx(-12, abs=1)


@pytest.mark.parametrize(("L", "b", "degrees"), [(70, 20, 45), (50, 15, 0), (30, 20, -45), (80, 0, 90)])
def test_typology_angle(L, b, degrees):
    assert metrics.ita(np.array([L, 12, b], np.float32)) == pytest.approx(degrees, abs=1e-4)


# Speed


def test_fast_enough_for_thousands_of_photos(truth):
    prediction = metrics.tint(truth, (11, 13))
    measure(prediction, truth, faces=[FACE])
    start = time.process_time()
    for _ in range(3):
        measure(prediction, truth, faces=[FACE])
    assert (time.process_time() - start) / 3 < 0.3  # measured 0.04 on one core


def test_every_field_of_the_protocol_is_there():
    names = """mse mae psnr ssim lpips lpips_reason colorfulness delta_colorfulness within_10 channel_accuracy delta_e
        skin_delta_e skin_ita_error skin_hue_error skin_bias_a skin_bias_b skin_bias_hue aligned_psnr
        aligned_skin_delta_e"""
    assert [field.name for field in fields(metrics.Metrics)] == names.split()
    found = measure(plain(1, 2, 3), plain(3, 2, 1))
    assert list(found.as_dict()) == names.split()
    with pytest.raises(AttributeError):
        found.psnr = 0


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path):
    from colorizer.errors import PhotoError

    with pytest.raises(PhotoError):
        measure(tmp_path / "none.png", plain(0, 0, 0))
