"""The whole way of one photo, from a file to its colours.

colorizer = Colorizer.load("default", device="auto")
result = colorizer.colorize("grandmother.jpg", ethnicity="auto", vividness=1.0)
result.image.save("grandmother-colour.png")
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from colorizer import checkpoint, lab, photo
from colorizer.conditioning import group_weights, vector_for
from colorizer.errors import ModelError
from colorizer.ethnicity import EthnicityClassifier
from colorizer.faces import Face, FaceDetector
from colorizer.options import check_vividness, choose, choose_device
from colorizer.photo import Photo
from colorizer.stages import Progress, Stages

Source = str | Path | bytes | Image.Image | np.ndarray

NO_FACE = "No face was found; the whole photo was painted with the neutral palette."
# Sides of the working size are multiples of this, as in training: every level down to 1/16 then has whole cells.
STRIDE = 16
# The longer side that a very long and narrow photo is brought to at most; bounds time and memory.
LONGEST = 2048


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
    ) -> Result:
        """Paint a photo: `analyze`, then `paint`, which say what goes in and what can go wrong."""
        return self.paint(self.analyze(image, progress), ethnicity, vividness, progress)

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
    ) -> Result:
        """Colour an analyzed photo; no face is looked for again.

        Args:
            portrait: from `analyze`, of this or another model's Colorizer.
            ethnicity: "auto", "none" or a group for all faces, or a sequence with one of these a face, left to right.
            vividness: factor on the chroma in [0, 2]; 0 is gray, 1 as predicted. The gamut bounds it.
            progress: told of each stage.

        Raises:
            OptionError: `ethnicity` or `vividness` is not one of these.
            ModelError: the network's weights are damaged, so that it gives no numbers.
        """
        faces = choose(portrait.faces, ethnicity)
        check_vividness(vividness)
        stages = Stages(progress, portrait.seconds)
        with stages("network", 0.5):
            ab = self.predict(portrait.lightness, faces)  # (2, h/4, w/4)
            if not np.isfinite(ab).all():
                raise ModelError(
                    f"The model {self.name!r} is damaged: it gave no colours; get the file again."
                )
        with stages("merge", 0.7):
            height, width = portrait.lightness.shape
            rows, _ = working_grid(height, width, self.working_size)
            stride = max(1, rows // ab.shape[1])  # 4 as a rule; networks of the literature have 1, 2 or 4
            image = Image.fromarray(lab.merge(portrait.lightness, ab, vividness, stride))
        if progress is not None:
            progress("done", 1.0)
        notes = portrait.photo.notes if faces else (*portrait.photo.notes, NO_FACE)
        return Result(image, faces, notes, self.name, stages.seconds)

    @torch.inference_mode()
    def predict(self, lightness: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
        """(H, W) L*, faces in its pixels -> (2, h/4, w/4) float32 ab, h and w near the working size; or finer."""
        full_height, full_width = lightness.shape
        height, width = working_grid(full_height, full_width, self.working_size)
        small = torch.from_numpy(lab.resize_lightness(lightness, height, width))[None, None]  # (1, 1, h, w)
        # Who is where changes slowly over a photo: a quarter of the size, the finest the decoder has, is enough.
        x, y = width / 4 / full_width, height / 4 / full_height
        boxes = [(x0 * x, y0 * y, x1 * x, y1 * y) for x0, y0, x1, y1 in (face.box for face in faces)]
        vectors = [vector_for(face.chosen, face.probabilities) for face in faces]
        groups = torch.from_numpy(group_weights(boxes, vectors, height // 4, width // 4))[None]
        ab = self.network(
            small.to(self.device), groups.to(self.device)
        ).float()  # (1, 1, h, w), (1, 6, h/4, w/4) ->
        return ab[0].cpu().numpy()


def working_size_of(name: str, config: dict[str, Any]) -> int:
    """Side of the square of about as many pixels as the model `name` works at, from its configuration.

    Raises:
        ModelError: it has none, and is no colorizer, or it is beyond what the pipeline can do.
    """
    if "working_size" not in config:
        raise ModelError(f"The model {name!r} is no colorizer; see `python -m colorizer models`.")
    size = config["working_size"]
    if not isinstance(size, int) or not STRIDE <= size <= LONGEST:
        raise ModelError(f"The model {name!r} has a working size of {size!r}; get the file again.")
    return size


def working_grid(height: int, width: int, working_size: int) -> tuple[int, int]:
    """Rows and columns for the network: about working_size^2 pixels in the photo's shape, multiples of STRIDE.

    Rounding each side for itself would stretch some shapes by a tenth. So of the grids nearby the one is taken
    that departs least, half from the shape and half from the size.
    """
    scale = working_size / math.sqrt(height * width)
    sides = []
    for side in (height * scale, width * scale):
        below = int(min(side, LONGEST) // STRIDE)
        sides.append([min(STRIDE * max(1, cells), LONGEST) for cells in (below, below + 1)])

    def departure(grid: tuple[int, int]) -> float:
        stretch = math.log(grid[0] * width / (grid[1] * height))
        size = math.log(grid[0] * grid[1] / working_size**2)
        return abs(stretch) + abs(size) / 2

    return min(((h, w) for h in sides[0] for w in sides[1]), key=departure)
