"""Where the groups' skin colours under neutral light come from: `colorizer.palette.NEUTRAL_SKIN`, measured again.

    python -m train skin-colors --neutral data/london/train --neutral-labels data/london/train.csv \\
                                --any data/fairface/train --any-labels data/fairface/train.csv [--limit N]

Of every photo the largest face's skin is found as `colorizer.skin` finds it, and its mean a* and b* brought to L* 50.
Groups of which the neutral set has nobody are placed by the straight lines (least squares, a* and b* each for itself)
that lead from the others' means in the second set, where the light is anything, to theirs in the first.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from tqdm import tqdm

from colorizer import lab, palette, photo
from colorizer.errors import OptionError, PhotoError
from colorizer.faces import FaceDetector
from colorizer.groups import GROUPS
from colorizer.skin import skin_mask
from train import labels

# Labels that mean one of the six groups; those of the London set's own wording.
SAME = {"west_asian": "Middle Eastern", "east_asian": "Asian"}
# Photos are looked at with a shorter side of this; the skin's thresholds are meant for about as much.
_SIDE = 256
_LEAST_PIXELS = 50
# A straight line through fewer groups than this says nothing.
_LEAST_GROUPS = 3


def skin_of(rgb: np.ndarray, detector: FaceDetector) -> tuple[float, float] | None:
    """Mean a* and b*, at L* 50, of the skin of the largest face in (H, W, 3) uint8; None where none is found."""
    faces = detector.detect(lab.lightness(rgb))
    if not faces:
        return None
    box = max((face.box for face in faces), key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    mask = skin_mask(rgb, [box])
    if np.count_nonzero(mask) < _LEAST_PIXELS:
        return None
    pixels = lab.rgb_to_lab(rgb)[mask]  # (n, 3)
    a, b = (pixels[:, 1:] * (palette.REFERENCE / (pixels[:, :1] + 16))).mean(0).tolist()
    return a, b


def measure(images: Path, table: pd.DataFrame, detector: FaceDetector) -> pd.DataFrame:
    """Group, a and b of every photo whose label is one of the six groups and whose skin can be found.

    Args:
        images: folder.
        table: with imageName and ethnicity.
        detector: finds the faces.
    """
    rows = []
    for name, label in tqdm(
        list(zip(table["imageName"], table["ethnicity"], strict=True)), unit="photo", disable=None
    ):
        group = SAME.get(label, label)
        if group not in GROUPS:
            continue
        try:
            picture = Image.fromarray(photo.read(images / name).rgb)
        except PhotoError:
            continue
        scale = _SIDE / min(picture.size)
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
        color = skin_of(np.asarray(picture), detector)
        if color is not None:
            rows.append((group, *color))
    return pd.DataFrame(rows, columns=["group", "a", "b"])


def placed(neutral: pd.DataFrame, anywhere: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Each group's a* and b* under neutral light: its own mean, or its place on the others' lines.

    Args:
        neutral, anywhere: columns group, a and b, one row a photo.

    Raises:
        OptionError: too few groups are in both for a line, or a group is in neither.
    """
    known, seen = neutral.groupby("group")[["a", "b"]].mean(), anywhere.groupby("group")[["a", "b"]].mean()
    colors = {group: (float(known.loc[group, "a"]), float(known.loc[group, "b"])) for group in known.index}
    missing = [group for group in GROUPS if group not in colors]
    both = known.index.intersection(seen.index)
    if missing and len(both) < _LEAST_GROUPS:
        raise OptionError(f"{len(both)} groups are in both sets; a straight line needs {_LEAST_GROUPS}.")
    for group in missing:
        if group not in seen.index:
            raise OptionError(f"Neither set has photos of {group}; give more photos.")
        lines = [np.polyfit(seen.loc[both, axis], known.loc[both, axis], 1) for axis in ("a", "b")]
        a, b = (
            float(slope * float(seen[axis][group]) + start)
            for (slope, start), axis in zip(lines, "ab", strict=True)
        )
        colors[group] = (a, b)
    return {group: colors[group] for group in GROUPS}


def report(neutral: pd.DataFrame, anywhere: pd.DataFrame) -> str:
    """Markdown: each group's colour with its standard error and number, and what the code has."""
    colors = placed(neutral, anywhere)
    lines = [
        "| group | photos, neutral light | a*, b* at L* 50 | hue | photos, any light | a*, b* there | in the code |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for group, (a, b) in colors.items():
        own, other = (table[table["group"] == group] for table in (neutral, anywhere))
        error = own[["a", "b"]].sem() if len(own) > 1 else None
        said = f"{a:.1f}, {b:.1f}" + ("" if error is None else f" ± {error['a']:.1f}, {error['b']:.1f}")
        there = f"{other['a'].mean():.1f}, {other['b'].mean():.1f}" if len(other) else "–"
        code = palette.NEUTRAL_SKIN[group]
        lines.append(
            f"| {group} | {len(own) or 'placed'} | {said} | {np.degrees(np.arctan2(b, a)):.0f}° "
            f"| {len(other)} | {there} | {code[0]}, {code[1]} |"
        )
    return "\n".join(lines) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train skin-colors`."""
    parser.add_argument("--neutral", type=Path, required=True, help="folder of photos under neutral light")
    parser.add_argument("--neutral-labels", type=Path, required=True, help="their labels CSV")
    parser.add_argument("--any", type=Path, required=True, help="folder of photos under any light")
    parser.add_argument("--any-labels", type=Path, required=True, help="their labels CSV")
    parser.add_argument("--limit", type=int, default=3000, help="of the second set, so many (default 3000)")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train skin-colors`; 0, or 1 with a sentence."""
    try:
        detector = FaceDetector(torch.device("cpu"))
        neutral = measure(args.neutral, labels.read(args.neutral_labels), detector)
        anywhere = measure(args.any, labels.read(args.any_labels).head(args.limit), detector)
        print(report(neutral, anywhere))
    except OptionError as error:
        print(f"train skin-colors: {error}", file=sys.stderr)
        return 1
    return 0
