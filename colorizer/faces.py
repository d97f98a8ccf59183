"""Where the faces are: MTCNN (Zhang et al. 2016) with the weights that come inside facenet-pytorch.

    faces = FaceDetector().detect(rgb)                    # left to right

Only lightness is looked at, so that a gray, a sepia and a colour copy of one photo have the same faces.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from facenet_pytorch import MTCNN
from facenet_pytorch.models.utils.detect_face import detect_face

from colorizer import lab

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the full-size photo; x1 and y1 lie behind the last pixel."""
Point = tuple[float, float]
"""x, y in pixels of the full-size photo."""

# Detection looks at a copy no larger than this: its time grows with the pixels, and no face needs more.
COPY_SIDE = 1024
# The smallest face searched for, as a share of the copy's longer side, and in pixels of the copy. On 60 full-body
# photos, 175 portraits and 25 synthetic ones shares from 1/24 to 1/48 found a face in each; this one is of the
# quicker half and leaves room for people who stand further back. MTCNN cannot see less than 20 pixels.
SMALLEST_SHARE = 1 / 36
SMALLEST_PIXELS = 20
# Scores that the three networks ask for. With (0.7, 0.8, 0.8) 6 % fewer of FairFace's tight crops have a face; with
# (0.5, 0.6, 0.6) 2 % more have one, but so has one animal in sixty.
THRESHOLDS = [0.6, 0.7, 0.7]
# Ratio of one scale of the pyramid to the next.
SCALE_FACTOR = 0.709
# Two boxes of which the smaller lies in the other by this share are one face. Heads that touch share far less.
SAME_FACE = 0.6


@dataclass(frozen=True)
class Face:
    """One face, what is estimated about it, and what was chosen for it."""

    box: Box
    """Within the photo."""
    landmarks: tuple[Point, ...]
    """Left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them."""
    score: float
    """How sure the detector is, in [0, 1]."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """One for each of GROUPS, in that order, summing to 1; empty until classified."""
    chosen: str = "auto"
    """"auto" (the probabilities count), "none" (neutral), or the group or skin tone that replaces the estimate."""
    unsure: bool = False
    """Whether even the likeliest group is too unlikely to be named; False until classified."""


class FaceDetector:
    """Finds faces. Keeps no state between calls, so several threads may share one."""

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.networks = MTCNN(device=self.device).eval()

    def detect(self, photo: np.ndarray) -> list[Face]:
        """The faces of a photo, left to right; none is a normal answer.

        Args:
            photo: (H, W, 3) uint8 sRGB, or what is left of it anyway: (H, W) float32 L* in [0, 100].

        Raises:
            ValueError: `photo` has another shape or type.
        """
        lightness = photo if photo.dtype == np.float32 else lab.lightness(photo)
        height, width = lightness.shape
        scale = min(1.0, COPY_SIDE / max(height, width))
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        smallest = max(SMALLEST_PIXELS, max(rows, columns) * SMALLEST_SHARE)
        if min(rows, columns) <= smallest:
            return []  # MTCNN crashes where not even the smallest face fits
        copy = lab.resize_lightness(lightness, rows, columns)  # (rows, columns)
        candidates = self._run(np.rint(copy * 2.55), smallest)
        faces = [_face(*candidate, width / columns, height / rows, width, height) for candidate in candidates]
        faces = [face for face in faces if face.box[0] < face.box[2] and face.box[1] < face.box[3]]
        return sorted(_without_doubles(faces), key=lambda face: (face.box[0] + face.box[2], face.box[1]))

    @torch.inference_mode()
    def _run(self, gray: np.ndarray, smallest: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """(h, w) gray in [0, 255] -> [((5,) x0, y0, x1, y1, score; (5, 2) landmarks)] in pixels of the copy.

        `MTCNN.detect` is left aside: it keeps the smallest face as state, and hands back arrays of objects or None.
        """
        pixels = torch.from_numpy(gray).to(self.device)[None, :, :, None].expand(-1, -1, -1, 3)
        nets = self.networks.pnet, self.networks.rnet, self.networks.onet
        boxes, points = detect_face(pixels, smallest, *nets, THRESHOLDS, SCALE_FACTOR, self.device)
        return list(zip(np.asarray(boxes[0], np.float64), np.asarray(points[0], np.float64), strict=True))


def _face(
    row: np.ndarray, points: np.ndarray, scale_x: float, scale_y: float, width: int, height: int
) -> Face:
    """A row and landmarks in pixels of the copy -> a face in pixels of the photo, its box cut at the border."""
    x0, x1 = np.clip(row[[0, 2]] * scale_x, 0, width).tolist()
    y0, y1 = np.clip(row[[1, 3]] * scale_y, 0, height).tolist()
    landmarks = tuple((float(x * scale_x), float(y * scale_y)) for x, y in points)
    return Face((x0, y0, x1, y1), landmarks, float(row[4]))


def _without_doubles(faces: list[Face]) -> list[Face]:
    """Of boxes that lie on one face, the one with the best score."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: (-face.score, face.box)):
        if all(_shared(face.box, other.box) < SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _shared(one: Box, other: Box) -> float:
    """Share of the smaller box that lies in the other."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other))
    return max(width, 0) * max(height, 0) / smaller
