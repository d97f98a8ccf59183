"""Where faces lie, written into a labels CSV: so that portraits, unlike FairFace's crops, needn't all be framed alike.

    python -m train faces IMAGES --labels CSV... [--out CSV]

Adds a column `face`: x0 y0 x1 y1 of the largest face, in shares of the side of the picture's middle square, which is
what training takes of it; empty where none is found.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from colorizer import lab, photo
from colorizer.errors import OptionError, PhotoError
from colorizer.faces import Face, FaceDetector
from train import atomic, labels

COLUMN = "face"


def parse(texts: Sequence[str], where: str) -> np.ndarray:
    """Cells of the column -> (N, 4) float32, NaN where a cell is empty.

    Raises:
        OptionError: a cell holds something else than four numbers with x0 < x1 and y0 < y1; the message names `where`.
    """
    boxes = np.full((len(texts), 4), np.nan, np.float32)
    for i, text in enumerate(texts):
        if not text.strip():
            continue
        try:
            x0, y0, x1, y1 = box = [float(part) for part in text.split()]
            is_box = x0 < x1 and y0 < y1 and np.isfinite(np.array(box, np.float32)).all()
        except ValueError:
            is_box = False
        if not is_box:
            raise OptionError(
                f"{where}: {COLUMN} is {text[:60]!r}; it must be x0 y0 x1 y1, shares of the side, or empty."
            )
        boxes[i] = box
    return boxes


def in_middle_square(face: Face, height: int, width: int) -> tuple[float, float, float, float]:
    """A face's box in shares of the side of the middle square of a (height, width) picture."""
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    x0, y0, x1, y1 = face.box
    return (x0 - left) / side, (y0 - top) / side, (x1 - left) / side, (y1 - top) / side


def find(path: Path, detector: FaceDetector) -> str:
    """The column's cell for one picture; empty where no face is found or it can't be read."""
    try:
        rgb = photo.read(path).rgb
    except PhotoError:
        return ""
    faces = detector.detect(lab.lightness(rgb))
    if not faces:
        return ""
    largest = max(faces, key=lambda face: (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))
    return " ".join(f"{value:.3f}" for value in in_middle_square(largest, *rgb.shape[:2]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train faces`."""
    parser.add_argument("images", type=Path, help="folder of pictures")
    parser.add_argument(
        "--labels", type=Path, nargs="+", required=True, metavar="CSV", help="CSVs that name them"
    )
    parser.add_argument("--out", type=Path, help="where to write, of one CSV (default: over it)")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train faces`; 0, or 1 with a sentence."""
    try:
        if args.out and len(args.labels) > 1:
            raise OptionError("--out takes the boxes of one CSV; give one, or leave --out away.")
        detector = FaceDetector(torch.device("cpu"))
        for path in args.labels:
            _mark(args.images, path, args.out or path, detector)
    except (OptionError, OSError) as error:
        print(f"train faces: {error}", file=sys.stderr)
        return 1
    return 0


def _mark(images: Path, path: Path, out: Path, detector: FaceDetector) -> None:
    table = labels.read(path)
    names = tqdm(table["imageName"], desc="faces", unit="picture", disable=None)
    table[COLUMN] = [find(images / name, detector) for name in names]
    with atomic.replacing(out) as part:
        table.to_csv(part, index=False)
    print(f"{out}: {int((table[COLUMN] != '').sum())} of {len(table)} pictures have a face.")
