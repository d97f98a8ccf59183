"""A colorized photo against the true one, by the one protocol that the page, the command line and reports share.

    from colorizer.metrics import compare
    compare(result.image, "truth.jpg", faces=result.faces).psnr

Both are brought to 256x256 (bicubic). Two baselines tell what the numbers mean: `gray` and `tint`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image
from skimage.color import deltaE_ciede2000
from skimage.metrics import structural_similarity

from colorizer import lab, photo
from colorizer.perceptual import lpips_distance
from colorizer.skin import skin_mask

PROTOCOL_SIZE = 256
NEAR_GRAY = 3.0  # mean chroma under which a photo says nothing about a colorizer: reports leave it out
WITHIN = 10.0  # the literature's threshold for a value of a or b that is accurate
# A colour of less chroma than this has no hue to speak of: rounding to 8 bits alone moves it by tens of degrees.
_LEAST_HUE_CHROMA = 1.0
# A model that paints gray gives a = b but for rounding of its arithmetic; Keras counts a tie as the first, a.
_TIE = 1e-3

Picture = Image.Image | np.ndarray | str | Path | bytes


class HasBox(Protocol):
    """What is asked of a face: `colorizer.faces.Face` has it."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 in pixels of the true photo."""


@dataclass(frozen=True)
class Metrics:
    """One prediction against its truth. Smaller is better for errors; a bias is prediction minus truth."""

    mse: float
    """Mean squared error over RGB in [0, 255]."""
    mae: float
    """Mean absolute error over RGB in [0, 255]."""
    psnr: float
    """dB, data range 255; infinite where the two are equal."""
    ssim: float
    """scikit-image's structural_similarity over RGB, data range 255."""
    lpips: float | None
    """LPIPS v0.1, AlexNet; None where not asked for, or where its weights are not on this machine."""
    lpips_reason: str | None
    """Why lpips is None and how to get it."""
    colorfulness: float
    """Of the prediction: Hasler and Süsstrunk 2003, signed opponents."""
    delta_colorfulness: float
    """Prediction minus truth."""
    within_10: float
    """Share of a and b values within 10 of the truth, in [0, 1]."""
    channel_accuracy: float
    """Share of pixels whose larger one of a and b is the larger one in the truth, in [0, 1]. It tells little."""
    delta_e: float
    """Mean CIEDE2000."""
    skin_delta_e: float | None
    """Mean CIEDE2000 on the skin of faces. This and all other skin fields: None where there is none."""
    skin_ita_error: float | None
    """Mean absolute difference of the individual typology angle, degrees."""
    skin_hue_error: float | None
    """Mean absolute difference of the hue angle, degrees in [0, 180], where both have a hue; None where none has."""
    skin_bias_a: float | None
    """Mean difference of a*: above 0 the skin is too red."""
    skin_bias_b: float | None
    """Mean difference of b*: above 0 the skin is too yellow."""
    skin_bias_hue: float | None
    """Mean signed difference of the hue angle, degrees, where both have a hue: above 0 is from red towards yellow."""
    aligned_psnr: float
    """psnr after one constant each on the prediction's a and b makes their means the truth's."""
    aligned_skin_delta_e: float | None
    """skin_delta_e after the same: what is left when the light's colour is forgiven."""

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, in the order above."""
        return asdict(self)


def compare(
    prediction: Picture, truth: Picture, *, faces: Sequence[HasBox] | None = None, lpips: bool = True
) -> Metrics:
    """Measure a colorized photo.

    Args:
        prediction: image, path, a file's bytes, or uint8 array (H, W, 3) or (H, W), of any size.
        truth: the same; the two show the same frame.
        faces: faces with boxes in pixels of `truth`; without them the skin fields are None.
        lpips: whether to calculate LPIPS too, which takes as long as all else together.

    Raises:
        PhotoError: one of the two can't be read as a photo.
    """
    return Truth(truth, faces).compare(prediction, lpips)


class Truth:
    """What a photo really looks like; what is needed of it again and again is computed once, for several predictions.

    Args:
        truth: as `compare` takes it.
        faces: as `compare` takes them.

    Raises:
        PhotoError: it can't be read as a photo.
    """

    def __init__(self, truth: Picture, faces: Sequence[HasBox] | None = None) -> None:
        full = photo.from_image(truth).rgb
        height, width = full.shape[:2]
        self.rgb = to_protocol(full)
        self.lab = lab.rgb_to_lab(self.rgb)
        scale = np.array([PROTOCOL_SIZE / width, PROTOCOL_SIZE / height] * 2)
        self.skin = skin_mask(
            self.rgb, [np.asarray(face.box) * scale for face in faces or ()]
        )  # (256, 256) bool
        self.colorfulness = colorfulness(self.rgb)

    def compare(self, prediction: Picture, lpips: bool = True) -> Metrics:
        """As the function `compare`."""
        true, true_lab, skin = self.rgb, self.lab, self.skin
        predicted = to_protocol(photo.from_image(prediction).rgb)
        predicted_lab = lab.rgb_to_lab(predicted)
        difference = predicted_lab - true_lab
        errors = delta_e(predicted_lab, true_lab)
        shift = np.append(np.float32(0), difference[..., 1:].mean(axis=(0, 1), dtype=np.float64))
        aligned_rgb = lab.lab_to_rgb(predicted_lab - shift)
        distance, reason = lpips_distance(predicted, true) if lpips else (None, "LPIPS was not asked for.")
        predicted_colorfulness = colorfulness(predicted)
        return Metrics(
            mse=_mse(predicted, true),
            mae=float(np.abs(predicted.astype(np.float32) - true).mean()),
            psnr=psnr(predicted, true),
            ssim=ssim(predicted, true),
            lpips=distance,
            lpips_reason=reason,
            colorfulness=predicted_colorfulness,
            delta_colorfulness=predicted_colorfulness - self.colorfulness,
            within_10=float((np.abs(difference[..., 1:]) <= WITHIN).mean()),
            channel_accuracy=float((_is_b_larger(predicted_lab) == _is_b_larger(true_lab)).mean()),
            delta_e=float(errors.mean()),
            **_skin_errors(predicted_lab[skin], true_lab[skin], errors[skin]),
            aligned_psnr=psnr(aligned_rgb, true),
            aligned_skin_delta_e=_mean(delta_e(lab.rgb_to_lab(aligned_rgb)[skin], true_lab[skin])),
        )

    def compare_skin(self, prediction: np.ndarray) -> dict[str, float | None]:
        """The skin fields of `Metrics` but the aligned one, alone: a tenth of `compare`'s time.

        Args:
            prediction: (256, 256, 3) uint8.
        """
        predicted = lab.rgb_to_lab(prediction[self.skin][None])[0]  # (n, 3)
        true = self.lab[self.skin]
        return _skin_errors(predicted, true, delta_e(predicted, true))


def to_protocol(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> (256, 256, 3) uint8, bicubic as Pillow does it; the aspect ratio is not kept."""
    size = (PROTOCOL_SIZE, PROTOCOL_SIZE)
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))


def gray(truth: np.ndarray) -> np.ndarray:
    """Baseline: the truth's lightness without colour. (H, W, 3) uint8 -> the same."""
    return tint(truth, (0.0, 0.0))


def tint(truth: np.ndarray, mean_ab: Sequence[float]) -> np.ndarray:
    """Baseline: each pixel the truth's lightness with the training set's mean ab. (H, W, 3) uint8 -> the same."""
    painted = lab.rgb_to_lab(truth)
    painted[..., 1:] = mean_ab
    return lab.lab_to_rgb(painted)


def psnr(predicted: np.ndarray, true: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two uint8 pictures of one shape, dB; infinite where they are equal."""
    error = _mse(predicted, true)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def ssim(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean structural similarity over the channels of two (H, W, 3) uint8 pictures, sides of at least 7."""
    # Single precision is a third quicker and agrees to 1e-5.
    planes = (predicted.astype(np.float32), true.astype(np.float32))
    return float(structural_similarity(*planes, channel_axis=-1, data_range=255))


def colorfulness(rgb: np.ndarray) -> float:
    """Colorfulness M3 of Hasler and Süsstrunk 2003 with signed opponents. (H, W, 3) uint8 -> about 0 to 180."""
    red, green, blue = np.moveaxis(rgb.astype(np.float32), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue]).reshape(2, -1)
    spread, mean = opponents.std(axis=1, dtype=np.float64), opponents.mean(axis=1, dtype=np.float64)
    return float(np.hypot(*spread) + 0.3 * np.hypot(*mean))


def delta_e(lab1: np.ndarray, lab2: np.ndarray) -> np.ndarray:
    """CIEDE2000 (Sharma, Wu and Dalal 2005) of each pixel. Two (..., 3) Lab -> (...) in their precision."""
    return deltaE_ciede2000(lab1, lab2)


def ita(in_lab: np.ndarray) -> np.ndarray:
    """Individual typology angle (Chardon 1991) of each pixel. (..., 3) Lab -> (...) degrees, about 90 palest."""
    return np.degrees(np.arctan2(in_lab[..., 0] - 50, in_lab[..., 2]))


def hue(in_lab: np.ndarray) -> np.ndarray:
    """Hue angle of each pixel. (..., 3) Lab -> (...) degrees in [-180, 180]: 0 red, 90 yellow."""
    return np.degrees(np.arctan2(in_lab[..., 2], in_lab[..., 1]))


def _skin_errors(predicted: np.ndarray, true: np.ndarray, errors: np.ndarray) -> dict[str, float | None]:
    """Skin fields from (n, 3) Lab of skin pixels and their (n,) CIEDE2000."""
    chroma = np.minimum(np.hypot(predicted[:, 1], predicted[:, 2]), np.hypot(true[:, 1], true[:, 2]))
    turned = _wrap(hue(predicted) - hue(true))[chroma >= _LEAST_HUE_CHROMA]
    return {
        "skin_delta_e": _mean(errors),
        "skin_ita_error": _mean(np.abs(_wrap(ita(predicted) - ita(true)))),
        "skin_hue_error": _mean(np.abs(turned)),
        "skin_bias_a": _mean(predicted[:, 1] - true[:, 1]),
        "skin_bias_b": _mean(predicted[:, 2] - true[:, 2]),
        "skin_bias_hue": _mean(turned),
    }


def _wrap(degrees: np.ndarray) -> np.ndarray:
    """A difference of two angles -> the same in [-180, 180)."""
    return (degrees + 180) % 360 - 180


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean(dtype=np.float64)) if values.size else None


def _mse(predicted: np.ndarray, true: np.ndarray) -> float:
    return float(np.square(predicted.astype(np.float32) - true).mean(dtype=np.float64))


def _is_b_larger(in_lab: np.ndarray) -> np.ndarray:
    return in_lab[..., 2] - in_lab[..., 1] > _TIE
