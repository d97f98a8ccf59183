"""One photo against its truth: every model under every condition, both baselines, and the ethnicity estimates.

    bench = Bench({"mine": "runs/mine/mine.safetensors"}, ["auto", "none"], tint=FAIRFACE_TINT)
    measured = bench.measure("photo.jpg", "Asian", Path("photo.jpg").read_bytes())

The protocol: truth at 256x256 (bicubic), the input is its L and nothing else, results are uint8 RGB, and photos with a
mean chroma under 3 are left out. A model sees a gray copy of the truth, so that no colour can reach it by any way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorizer import lab, metrics, photo
from colorizer.errors import PhotoError
from colorizer.ethnicity import DEFAULT, GROUPS, EthnicityClassifier
from colorizer.faces import Face
from colorizer.pipeline import Colorizer, Portrait
from train.reporting import distribution

CONDITIONS = ("auto", "none", "label")
OTHER = "other"  # where labels outside the six groups are counted


@dataclass(frozen=True)
class Measured:
    """What came out for one photo."""

    name: str
    problem: str = ""
    """"near-gray", or a sentence saying why the photo can't be read; then there are no rows."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """One a model: imageName, ethnicity, group, model, faces, and each field of `metrics.Metrics`."""
    estimates: list[dict[str, Any]] = field(default_factory=list)
    """One a classifier: imageName, ethnicity, classifier, crop ("face" or "centre"), estimated, and a probability for
    each group."""
    colours: dict[str, distribution.Sparse] = field(default_factory=dict)
    """Pixels by bin of ab, of "truth" and of each model."""
    seconds: dict[str, float] = field(default_factory=dict)
    """What the whole way of this photo took, by model; the baselines have none."""


def protocol_truth(content: bytes) -> NDArray[np.uint8]:
    """A photo as the protocol compares it: (256, 256, 3) uint8.

    Raises:
        PhotoError: the bytes are no photo.
    """
    return metrics.to_protocol(photo.read(content).rgb)


def mean_chroma(pixels: NDArray[np.float32]) -> float:
    """(H, W, 3) CIELAB -> mean distance from gray."""
    return float(np.hypot(pixels[..., 1], pixels[..., 2]).mean())


def group_of(ethnicity: str) -> str:
    """The row a label is counted in: one of GROUPS, OTHER, or "" for no label."""
    return ethnicity if ethnicity in GROUPS or not ethnicity else OTHER


def model_name(name: str, condition: str, conditions: Sequence[str]) -> str:
    """What a table calls a model: its name alone when nothing but "auto" is measured."""
    return name if tuple(conditions) == ("auto",) else f"{name} ({condition})"


class Bench:
    """Loaded models; one a process.

    Args:
        models: what tables call a colorizer -> what `Colorizer.load` takes; without any, only baselines are measured.
        conditions: some of CONDITIONS. "label" tells the model the true group; without one in GROUPS it is "auto".
        tint: a and b of the tint baseline.
        device: for all networks.
        lpips: whether to measure lpips too, which takes longer than all else together.
        classifiers: further ethnicity classifiers, measured beside the default one, which alone tells the colorizers.

    Raises:
        ModelError: a model can't be loaded.
    """

    def __init__(
        self,
        models: Mapping[str, str],
        conditions: Sequence[str],
        tint: tuple[float, float],
        device: str = "auto",
        lpips: bool = True,
        classifiers: Mapping[str, str] | None = None,
    ) -> None:
        self.colorizers = {name: Colorizer.load(weights, device=device) for name, weights in models.items()}
        # What is known of a photo before it is painted depends on no colorizer, so it is found out once.
        self.analyst = next(iter(self.colorizers.values()), None) or Colorizer.load(device=device)
        self.classifiers = {DEFAULT: self.analyst.classifier}
        self.classifiers |= {
            name: EthnicityClassifier.load(weights, self.analyst.device)
            for name, weights in (classifiers or {}).items()
            if name != DEFAULT
        }
        self.conditions = tuple(conditions)
        self.tint = tint
        self.lpips = lpips

    def measure(self, name: str, ethnicity: str, content: bytes) -> Measured:
        """Everything about one photo, given its bytes and its label ("" for none)."""
        try:
            truth = protocol_truth(content)
        except PhotoError as error:
            return Measured(name, str(error))
        true_lab = lab.rgb_to_lab(truth)
        if mean_chroma(true_lab) < metrics.NEAR_GRAY:
            return Measured(name, "near-gray")
        portrait, predictions, seconds = self.paint(truth, ethnicity)
        about = {"imageName": name, "ethnicity": ethnicity, "group": group_of(ethnicity)}
        rows = []
        reference = metrics.Truth(truth, portrait.faces)
        colours = {"truth": distribution.count(true_lab)}
        for model, prediction in predictions.items():
            measured = reference.compare(prediction, lpips=self.lpips)
            rows.append(about | {"model": model, "faces": len(portrait.faces)} | asdict(measured))
            colours[model] = distribution.count(lab.rgb_to_lab(prediction))
        estimates = [
            {"imageName": name, "ethnicity": ethnicity, "classifier": known}
            | self._estimate(classifier, portrait.lightness, portrait.faces)
            for known, classifier in self.classifiers.items()
        ]
        return Measured(name, rows=rows, estimates=estimates, colours=colours, seconds=seconds)

    def paint(
        self, truth: NDArray[np.uint8], ethnicity: str, only: Sequence[str] | None = None
    ) -> tuple[Portrait, dict[str, NDArray[np.uint8]], dict[str, float]]:
        """What each model makes of a photo's lightness.

        Args:
            truth: (256, 256, 3) uint8.
            ethnicity: its label, for the condition "label".
            only: names in tables to which this is confined, the baselines apart.

        Returns:
            Faces and lightness; pictures like `truth`, by the model's name in tables, baselines first; and the seconds
            of each model but the baselines.
        """
        gray = metrics.gray(truth)
        portrait = self.analyst.analyze(gray)
        predictions = {"gray": gray, "tint": metrics.tint(truth, self.tint)}
        seconds = {}
        for model, colorizer in self.colorizers.items():
            for condition in self.conditions:
                name = model_name(model, condition, self.conditions)
                if only is not None and name not in only:
                    continue
                chosen = condition
                if condition == "label":
                    chosen = ethnicity if ethnicity in GROUPS else "auto"
                result = colorizer.paint(portrait, ethnicity=chosen)
                predictions[name] = np.asarray(result.image)
                seconds[name] = sum(result.seconds.values())
        return portrait, predictions, seconds

    def _estimate(
        self, classifier: EthnicityClassifier, lightness: NDArray[np.float32], faces: Sequence[Face]
    ) -> dict[str, Any]:
        """A classifier's word on the largest face, or on the middle of a picture in which no face is found."""
        crop, seen = "face", max(faces, key=_area, default=None)
        if seen is None:
            crop = "centre"
            seen = whole_face(lightness.shape[0], lightness.shape[1], classifier.crop_scale)
        if (
            crop == "centre" or classifier is not self.analyst.classifier
        ):  # that one has already seen the faces
            (seen,) = classifier.classify(lightness, [seen])
        probabilities = dict(seen.probabilities)
        estimated = max(probabilities, key=lambda group: probabilities[group])
        return {"crop": crop, "estimated": estimated} | {group: probabilities[group] for group in GROUPS}


def _area(face: Face) -> float:
    x0, y0, x1, y1 = face.box
    return (x1 - x0) * (y1 - y0)


def whole_face(height: int, width: int, crop_scale: float) -> Face:
    """A face whose crop is the largest square in the middle of the picture."""
    x, y, half = width / 2, height / 2, min(height, width) / crop_scale / 2
    # With all landmarks in one point the crop's centre is that point.
    return Face((x - half, y - half, x + half, y + half), ((x, y),) * 5, 0.0)
