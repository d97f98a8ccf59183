"""The whole way of one photo, from a file to its colours.

colorizer = Colorizer.load("default", device="auto")
result = colorizer.colorize("grandmother.jpg", ethnicity="auto", vividness=1.0)
result.image.save("grandmother-colour.png")
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorizer import checkpoint, lab, painter, photo, suggestions
from colorizer.conditioning import group_weights, vector_for
from colorizer.errors import ModelError, OptionError
from colorizer.ethnicity import EthnicityClassifier
from colorizer.faces import Face, FaceDetector
from colorizer.groups import TONES
from colorizer.options import check_vividness, choose, choose_device
from colorizer.photo import Photo
from colorizer.stages import Progress, Stages
from colorizer.steering import SUGGESTIONS_LIMIT, Steering
from colorizer.working_size import enlarged, working_grid, working_size_of

Source = str | Path | bytes | Image.Image | np.ndarray

DEFAULT = "default"
NO_NEUTRAL = (
    "Neutral light is judged by the skin of people without a chosen tone; here is nobody, so the light is as the model "
    "thinks."
)
NO_FACE = "No face was found; the whole photo was painted with the neutral palette."


@dataclass(frozen=True)
class Portrait:
    """What is known of a photo before it is painted; paint it as often as you like."""

    photo: Photo
    lightness: np.ndarray
    """(H, W) float32 L* in [0, 100]."""
    faces: tuple[Face, ...]
    """Left to right, each with its probabilities."""
    seconds: dict[str, float]


@dataclass(frozen=True)
class Result:
    """A photo in colour."""

    image: Image.Image
    """RGB, of the input's size."""
    faces: tuple[Face, ...]
    """Left to right, each with what was chosen for it."""
    notes: tuple[str, ...]
    """Sentences for the user."""
    model: str
    seconds: dict[str, float]
    """How long each stage took, in order."""
    light: tuple[float, float] | None = None
    """The painting's mean a* and b*."""


class Colorizer:
    """A model, and the face detector and ethnicity classifier that tell it who is where. Threads may share one."""

    def __init__(
        self,
        loaded: checkpoint.Loaded,
        device: torch.device,
        detector: FaceDetector | None = None,
        classifier: EthnicityClassifier | None = None,
    ) -> None:
        """Args:
        loaded: weights that `load` accepts.
        device: where they are.
        detector, classifier: taken over; None loads them.

        Raises:
            ModelError: these weights are of no colorizer.
        """
        self.name = loaded.name
        self.network = loaded.network
        self.working_size = working_size_of(loaded.name, loaded.about["config"])
        self.device = device
        self.detector = detector or FaceDetector(device)
        self.classifier = classifier or EthnicityClassifier.load(device=device)
        self.painter = painter.Painter(loaded.network, device) if hasattr(loaded.network, "paint") else None

    @property
    def steerable(self) -> bool:
        """Whether it hears of light, skin tones and hints, and can make suggestions."""
        return self.painter is not None

    @classmethod
    def load(cls, name: str | os.PathLike[str] = "default", device: str = "auto") -> "Colorizer":
        """Load a model by name, path to *.safetensors, or "hf:user/name", to "cpu", "cuda", or "auto": CUDA if any.

        Raises:
            ModelError: there is no such model, it is no colorizer, or the device can't be had.
        """
        on = choose_device(device)
        return cls(checkpoint.load(name, on), on)

    def other(self, name: str | os.PathLike[str]) -> "Colorizer":
        """Another model, loaded now, on this one's device and with its face detector and classifier.

        Args:
            name: as for `load`. A file that has been replaced meanwhile is read anew.

        Raises:
            ModelError: as `load`.
        """
        return Colorizer(
            checkpoint.load(name, self.device),
            self.device,
            detector=self.detector,
            classifier=self.classifier,
        )

    def colorize(
        self,
        image: Source,
        ethnicity: str | Sequence[str] = "auto",
        vividness: float = 1.0,
        progress: Progress | None = None,
        steering: Steering | None = None,
    ) -> Result:
        """Paint a photo: `analyze`, then `paint`, which say what goes in and what can go wrong."""
        return self.paint(self.analyze(image, progress), ethnicity, vividness, progress, steering)

    def analyze(self, image: Source, progress: Progress | None = None, estimate: bool = True) -> Portrait:
        """Read a photo and find out who is in it.

        Args:
            image: path, file content, PIL image, or array: (H, W) gray or (H, W, 3) RGB.
            progress: told of each stage.
            estimate: whether to estimate ethnicity; without it "auto" means neutral.

        Raises:
            PhotoError: it is no photo that can be read, or is beyond the limits.
        """
        stages = Stages(progress)
        with stages("read", 0.0):
            picture = photo.from_image(image)
            # (H, W); from here on nothing sees the photo's own colours
            lightness = lab.lightness(picture.rgb)
        with stages("faces", 0.2):
            faces = self.detector.detect(lightness)
        with stages("ethnicity", 0.4):
            faces = self.classifier.classify(lightness, faces) if estimate else faces
        return Portrait(picture, lightness, tuple(faces), stages.seconds)

    def paint(
        self,
        portrait: Portrait,
        ethnicity: str | Sequence[str] = "auto",
        vividness: float = 1.0,
        progress: Progress | None = None,
        steering: Steering | None = None,
    ) -> Result:
        """Colour an analyzed photo; no face is looked for again.

        Args:
            portrait: from `analyze`, of this or another model's Colorizer.
            ethnicity: "auto", "none", a group or a skin tone for all faces, or a sequence with one of these a
                face, left to right.
            vividness: in [0, 2]: 0 is gray, 1 as predicted, 2 the likeliest colours (of a model without a
                distribution: twice the chroma). The gamut bounds it.
            progress: told of each stage.
            steering: light and hints; nothing by default.

        Raises:
            OptionError: `ethnicity`, `vividness` or `steering` is not one of these, or this model can't be steered.
            ModelError: the network's weights are damaged, so that it gives no numbers.
        """
        faces = choose(portrait.faces, ethnicity)
        check_vividness(vividness)
        steering = self._checked(steering, portrait)
        stages = Stages(progress, portrait.seconds)
        with stages("network", 0.5):
            ab = self.predict(portrait.lightness, faces, steering, vividness)  # (2, h/4, w/4)
        notes = list(portrait.photo.notes)
        if not faces:
            notes.append(NO_FACE)
        if steering.light == "neutral" and all(face.chosen in TONES for face in faces):
            notes.append(NO_NEUTRAL)
        return self._result(portrait, faces, ab, vividness, stages, notes, progress)

    def suggest(
        self,
        portrait: Portrait,
        ethnicity: str | Sequence[str] = "auto",
        vividness: float = 1.0,
        steering: Steering | None = None,
        count: int = 3,
    ) -> list[Result]:
        """Other palettes where the model is unsure, with the skin that `paint` gives.

        Args:
            portrait, ethnicity, vividness, steering: as for `paint`.
            count: at most so many, from 1 to 6; fewer where the model is sure.

        Raises:
            OptionError: as `paint`, or `count` is out of range.
            ModelError: as `paint`.
        """
        faces = choose(portrait.faces, ethnicity)
        check_vividness(vividness)
        if not isinstance(count, int) or not 1 <= count <= SUGGESTIONS_LIMIT:
            raise OptionError(f"{count!r} suggestions can't be made; choose 1 to {SUGGESTIONS_LIMIT}.")
        steering = self._checked(steering, portrait)
        if self.painter is None:
            raise OptionError(f"The model {self.name!r} can't make suggestions; choose {DEFAULT!r}.")
        with torch.inference_mode():
            scene = self._scene(portrait.lightness, faces, steering)
            paintings = suggestions.suggest(self.painter, scene, steering, count)
            abs_ = [painter.vivid(painting, vividness)[0].float().cpu().numpy() for painting in paintings]
        notes = list(portrait.photo.notes)
        return [
            self._result(portrait, faces, ab, vividness, Stages(None, portrait.seconds), notes, None)
            for ab in abs_
        ]

    @torch.inference_mode()
    def predict(
        self,
        lightness: np.ndarray,
        faces: Sequence[Face],
        steering: Steering | None = None,
        vividness: float = 1.0,
    ) -> np.ndarray:
        """(H, W) L*, faces in its pixels -> (2, h/4, w/4) float32 ab, h and w near the working size; or finer."""
        if self.painter is not None:
            steering = steering or Steering()
            painting = self.painter.paint(self._scene(lightness, faces, steering), steering)
            return painter.vivid(painting, vividness)[0].float().cpu().numpy()
        small, (x, y) = self._small(lightness, ())
        boxes = [(x0 * x, y0 * y, x1 * x, y1 * y) for x0, y0, x1, y1 in (face.box for face in faces)]
        vectors = [vector_for(face.chosen, face.probabilities) for face in faces]
        height, width = small.shape
        groups = torch.from_numpy(group_weights(boxes, vectors, height // 4, width // 4))[None]
        seen = torch.from_numpy(small)[None, None]  # (1, 1, h, w)
        ab = self.network(seen.to(self.device), groups.to(self.device)).float()
        return ab[0].cpu().numpy()

    def _small(self, lightness: np.ndarray, faces: Sequence[Face]) -> tuple[np.ndarray, tuple[float, float]]:
        """(h, w) L* at the working size, and cells of a quarter of it to a pixel of the photo, along x and y.

        Who is where changes slowly over a photo: a quarter of the size, the finest the decoder has, is enough.
        """
        full_height, full_width = lightness.shape
        height, width = working_grid(
            full_height, full_width, enlarged(self.working_size, faces, lightness.size)
        )
        small = lab.resize_lightness(lightness, height, width)
        return small, (width / 4 / full_width, height / 4 / full_height)

    def _scene(self, lightness: np.ndarray, faces: Sequence[Face], steering: Steering) -> painter.Scene:
        assert self.painter is not None
        return self.painter.scene(*self._small(lightness, faces), faces, steering.hints)

    def _checked(self, steering: Steering | None, portrait: Portrait) -> Steering:
        """What is asked, if this model can do it for this photo; OptionError if not."""
        steering = steering or Steering()
        height, width = portrait.lightness.shape
        steering.check(width, height)
        if not steering.is_default and not self.steerable:
            raise OptionError(
                f"The model {self.name!r} can't be told of light or colour hints; leave them out or choose {DEFAULT!r}."
            )
        return steering

    def _result(
        self,
        portrait: Portrait,
        faces: tuple[Face, ...],
        ab: np.ndarray,
        vividness: float,
        stages: Stages,
        notes: Sequence[str],
        progress: Progress | None,
    ) -> Result:
        """Colours under the photo's own lightness. Raises ModelError if they are no numbers."""
        if not np.isfinite(ab).all():
            raise ModelError(f"The model {self.name!r} is damaged: it gave no colours; get the file again.")
        with stages("merge", 0.7):
            height, width = portrait.lightness.shape
            rows, _ = working_grid(height, width, self.working_size)
            # 4 as a rule; networks of the literature have 1, 2 or 4.
            stride = 4 if self.steerable else max(1, rows // ab.shape[1])
            # What lies above 1 is in the ab of a model that can be steered already.
            factor = min(vividness, 1.0) if self.steerable else vividness
            image = Image.fromarray(lab.merge(portrait.lightness, ab, factor, stride))
        if progress is not None:
            progress("done", 1.0)
        light = (float(ab[0].mean()), float(ab[1].mean()))
        return Result(image, faces, tuple(notes), self.name, stages.seconds, light)
