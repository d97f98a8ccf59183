"""Perceived ethnicity of a face, estimated from gray pixels to choose a palette and for nothing else.

faces = EthnicityClassifier.load().classify(lightness, faces)     # each face with its probabilities

They are calibrated: of the faces whose likeliest group has a probability of 0.7, about 70 % are labelled with it. Where
that one is too unlikely to be named, `Face.unsure` says so.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from colorizer import checkpoint, lab
from colorizer.errors import ModelError
from colorizer.faces import Face
from colorizer.groups import GROUPS

__all__ = ["GROUPS", "EthnicityClassifier", "face_crop"]

DEFAULT = "ethnicity-classifier"
# Where a face's crop has its centre if there are no landmarks: this share of the box's longer side below the box's
# centre. Measured as the mean way from there to the middle of eyes and mouth on 240 portraits.
SHIFT_DOWN = 0.08
# Crops that one estimate is the mean of: each moved right and down by these shares of the box's longer side, and this
# much larger. A detector's box jumps by a pixel or so between copies of one photo; on 25 of FairFace's faces the
# estimates of a colour, a gray and a sepia copy then differed by up to 0.15 (95th percentile) from one crop, and by
# 0.035 from these.
VIEWS = ((0.0, 0.0, 1.0), (-0.03, -0.03, 0.96), (0.03, 0.03, 0.96), (-0.03, 0.03, 1.04), (0.03, -0.03, 1.04))
# Faces that are estimated in one batch: bounds the memory that a crowd takes.
FACES_AT_ONCE = 8


class EthnicityClassifier:
    """A checkpoint's network, and how it wants its crops."""

    def __init__(self, loaded: checkpoint.Loaded, device: str | torch.device = "cpu") -> None:
        self.name = loaded.name
        self.network = loaded.network
        self.device = torch.device(device)
        self.size: int = loaded.about["config"]["size"]
        self.crop_scale: float = loaded.about["config"]["crop_scale"]
        # Files from before calibration have neither.
        self.temperature: float = loaded.about["config"].get("temperature", 1.0)
        self.unsure_below: float = loaded.about["config"].get("unsure_below", 0.0)

    @classmethod
    def load(cls, name: str = DEFAULT, device: str | torch.device = "cpu") -> "EthnicityClassifier":
        """Load weights by name, path or "hf:user/name".

        Raises:
            ModelError: there are no such weights, they are damaged, or they are not of an ethnicity classifier.
        """
        loaded = checkpoint.load(name, device)
        if not hasattr(loaded.network, "probabilities"):
            raise ModelError(f"The model {loaded.name!r} is no ethnicity classifier; use {DEFAULT!r}.")
        if not {"size", "crop_scale"} <= loaded.about["config"].keys():
            raise ModelError(f"The weights {loaded.name!r} don't say how to crop a face; get the file again.")
        return cls(loaded, device)

    @torch.inference_mode()
    def classify(self, lightness: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        """The same faces with a calibrated probability for each group, and whether even the highest is too low.

        Args:
            lightness: (H, W) float32 L* in [0, 100], the photo in which the faces were found.
            faces: boxes and landmarks in its pixels; may be empty.
        """
        done: list[Face] = []
        for start in range(0, len(faces), FACES_AT_ONCE):
            some = faces[start : start + FACES_AT_ONCE]
            estimates = calibrated(self._estimate(lightness, some), self.temperature)
            done += [
                replace(
                    face,
                    probabilities=dict(zip(GROUPS, estimate.tolist(), strict=True)),
                    unsure=bool(estimate.max() < self.unsure_below),
                )
                for face, estimate in zip(some, estimates, strict=True)
            ]
        return done

    def _estimate(self, lightness: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
        """(H, W) L*, n faces -> (n, 6) float64 whose rows sum to 1, not calibrated."""
        views = [_moved(face, right, down) for face in faces for right, down, _ in VIEWS]
        scales = [self.crop_scale * larger for _, _, larger in VIEWS] * len(faces)
        crops = [
            face_crop(lightness, view, scale, self.size) for view, scale in zip(views, scales, strict=True)
        ]
        batch = torch.from_numpy(np.stack(crops))[:, None].to(self.device)  # (n * views, 1, s, s)
        estimates = self.network.probabilities(batch)  # type: ignore[operator]  # (n * views, 6)
        estimates = estimates.double().cpu().numpy().reshape(len(faces), len(VIEWS), -1).mean(axis=1)
        return estimates / estimates.sum(axis=1, keepdims=True)


def calibrated(estimates: np.ndarray, temperature: float) -> np.ndarray:
    """Temperature scaling (Guo et al. 2017) of what many crops gave on average.

    The mean is scaled, not each crop's estimate: averaging makes estimates less sure than they should be, and how much
    so depends on how far the crops disagree (Rahaman and Thiery 2021, who scale after averaging too).

    Args:
        estimates: (n, 6) probabilities, each row summing to 1.
        temperature: above 0; higher is less sure, 1 changes nothing. Which group is likeliest never changes.

    Returns:
        (n, 6) float64, each row summing to 1.
    """
    # Relative to the highest, so that a low temperature leaves no row without a number above 0.
    powers = (estimates / estimates.max(axis=1, keepdims=True)).astype(np.float64) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def face_crop(lightness: np.ndarray, face: Face, scale: float, size: int) -> np.ndarray:
    """A square around a face as FairFace frames them: the middle between eyes and mouth in the middle.

    Args:
        lightness: (H, W) float32 L* in [0, 100].
        face: box and landmarks in its pixels.
        scale: side of the square over the longer side of the face's box.
        size: side of the result.

    Returns:
        (size, size) float32 L*; what lies outside the photo repeats its border.
    """
    height, width = lightness.shape
    x0, y0, x1, y1 = face.box
    side = max(1, round(scale * max(x1 - x0, y1 - y0)))
    x, y = _centre(face)
    left, top = round(x - side / 2), round(y - side / 2)
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return lab.resize_lightness(lightness[rows[:, None], columns], size, size)


def _moved(face: Face, right: float, down: float) -> Face:
    """The face as if it were elsewhere, by shares of its box's longer side."""
    x0, y0, x1, y1 = face.box
    x, y = right * max(x1 - x0, y1 - y0), down * max(x1 - x0, y1 - y0)
    points = tuple((across + x, along + y) for across, along in face.landmarks)
    return replace(face, box=(x0 + x, y0 + y, x1 + x, y1 + y), landmarks=points)


def _centre(face: Face) -> tuple[float, float]:
    x0, y0, x1, y1 = face.box
    if len(face.landmarks) == 5:
        left_eye, right_eye, _, left_mouth, right_mouth = np.array(face.landmarks)
        middle = (left_eye + right_eye + left_mouth + right_mouth) / 4
        return float(np.clip(middle[0], x0, x1)), float(np.clip(middle[1], y0, y1))
    return (x0 + x1) / 2, (y0 + y1) / 2 + SHIFT_DOWN * max(x1 - x0, y1 - y0)
