"""Split a folder of pictures in two so that near twins never stand on both sides.

    python -m train holdout faces/train --out faces/split --share 0.1 --seed 0

Twins are pictures of which one is the other mirrored, resized, cropped, re-encoded or turned gray. They are found in
two steps, both on lightness alone: each picture's thumbnail is correlated with thumbnails of many crops of every other
picture (quick, and too generous to portraits on a black ground), then each candidate's crop is moved until it fits best
and the two are compared by their detail. Near twins of one sitting are kept together too, which does no harm.
"""

import argparse
import itertools
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from colorizer import lab, photo
from colorizer.batch import make_folder
from colorizer.errors import OptionError, PhotoError
from colorizer.metrics import NEAR_GRAY
from train import twins
from train.pictures import SUFFIXES
from train.twins import Box

COARSE = 16  # side of the thumbnails of the first step
# Shares of the side that a crop may keep, and the largest step from one of its places to the next. With these all of
# 250 portraits were recognized in a random crop of 60 to 100 % of the side, mirrored or not, shrunk to 100 px and
# saved as JPEG of quality 50; with steps twice as long only seven in ten.
SCALES = (1.0, 0.94, 0.88, 0.82, 0.76, 0.7, 0.64, 0.6)
STEP = 0.06
# Chosen by eye on 3,284 portraits: all pairs that share a photo or a sitting were above it.
COARSE_LIMIT = 0.85
BLOCK = 1024  # pictures compared at once; bounds memory


@dataclass(frozen=True)
class Split:
    """A folder's pictures by group, and which of them are held out."""

    table: pd.DataFrame
    """Columns imageName, ethnicity (empty), group (number of the picture's twins' group), near_gray, held_out."""
    unreadable: tuple[str, ...]
    """Names of files that are no pictures; they are on neither side."""


def split(folder: Path, share: float = 0.1, seed: int = 0) -> Split:
    """Hold out about `share` of a folder's pictures, whole groups of twins at a time.

    The same pictures, share and seed give the same split, whatever order the folder lists them in.

    Raises:
        OptionError: the folder holds no picture that can be read, or the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise OptionError(f"--share is {share}; it must lie between 0 and 1, such as 0.1 for a tenth.")
    if not folder.is_dir():
        raise OptionError(f"There is no folder {folder}; give the folder that holds the pictures.")
    names = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    with ThreadPoolExecutor(2) as pool:
        read = pool.map(_read, [folder / name for name in names])
        copies = list(tqdm(read, total=len(names), desc="read", unit="picture", disable=None))
    unreadable = tuple(name for name, copy in zip(names, copies, strict=True) if copy is None)
    names = [name for name, copy in zip(names, copies, strict=True) if copy is not None]
    kept = [copy for copy in copies if copy is not None]
    if not kept:
        raise OptionError(f"{folder} holds no picture that can be read.")
    groups = group_twins([gray for gray, _ in kept])
    table = pd.DataFrame(
        {
            "imageName": names,
            "ethnicity": "",
            "group": groups,
            "near_gray": [chroma < NEAR_GRAY for _, chroma in kept],
            "held_out": hold_out(groups, share, seed),
        }
    )
    return Split(table, unreadable)


def hold_out(groups: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """(N,) group of each picture -> (N,) True where held out: random whole groups until the share is reached."""
    target = max(1, round(share * len(groups)))
    sizes = np.bincount(groups)
    taken = np.zeros(len(sizes), bool)
    count = 0
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        if count + sizes[group] <= target:
            taken[group] = True
            count += sizes[group]
    return taken[groups]


def group_twins(copies: list[Image.Image]) -> NDArray[np.int64]:
    """Number the groups of near twins, in the order of their first picture.

    Args:
        copies: N gray (mode L) pictures of twins.COPY on each side.

    Returns:
        (N,) group of each picture; a picture without a twin is a group of its own.
    """
    groups = twins.Groups(len(copies))
    fine = [twins.detail(copy) for copy in copies]
    for i, j, box, is_mirrored in tqdm(_candidates(copies), desc="compare", unit="pair", disable=None):
        if groups.root(i) == groups.root(j):
            continue
        whole = fine[i][:, ::-1] if is_mirrored else fine[i]
        if twins.best_fit(whole, copies[j], box)[0] >= twins.SAME_SITTING:
            groups.join(i, j)
    numbers = np.empty(len(copies), np.int64)
    for number, members in enumerate(groups.members()):
        numbers[members] = number
    return numbers


def _read(file: Path) -> tuple[Image.Image, float] | None:
    """A gray copy of COPYxCOPY, and the picture's mean chroma; None when it can't be read."""
    try:
        rgb = photo.read(file).rgb
    except PhotoError:
        return None
    small = Image.fromarray(rgb).resize((256, 256), Image.Resampling.BICUBIC)
    pixels = lab.rgb_to_lab(np.asarray(small))
    return twins.gray_copy(small), float(np.hypot(pixels[..., 1], pixels[..., 2]).mean())


def _crops() -> list[Box]:
    """The whole picture, and for each smaller scale a grid of places."""
    boxes = []
    for scale in SCALES:
        count = math.ceil(round((1 - scale) / STEP, 6)) + 1
        offsets = np.linspace(0, 1 - scale, count).tolist()
        boxes += [(x, y, x + scale, y + scale) for y in offsets for x in offsets]
    return boxes


def _candidates(copies: list[Image.Image]) -> list[tuple[int, int, Box, bool]]:
    """Pairs (i, j, crop of j, is i mirrored) in which i looks like a crop of j, once for each pair, best way round."""
    thumbnails = np.stack([twins.cut(copy, twins.WHOLE, COARSE) for copy in copies])  # (N, COARSE, COARSE)
    whole = {
        is_mirrored: twins.unit(
            (thumbnails[:, :, ::-1] if is_mirrored else thumbnails).reshape(len(copies), -1)
        )
        for is_mirrored in (False, True)
    }
    best: dict[tuple[int, int], tuple[float, int, int, Box, bool]] = {}
    for box in tqdm(_crops(), desc="correlate", unit="crop", disable=None):
        crops = twins.unit(np.stack([twins.cut(copy, box, COARSE).ravel() for copy in copies]))
        for start, is_mirrored in itertools.product(range(0, len(copies), BLOCK), whole):
            correlation = whole[is_mirrored][start : start + BLOCK] @ crops.T  # (BLOCK, N)
            rows, columns = np.nonzero(correlation > COARSE_LIMIT)
            values = correlation[rows, columns].tolist()
            for value, i, j in zip(values, (rows + start).tolist(), columns.tolist(), strict=True):
                key = (min(i, j), max(i, j))
                if i != j and (key not in best or value > best[key][0]):
                    best[key] = (value, i, j, box, is_mirrored)
    return [(i, j, box, is_mirrored) for _, (_, i, j, box, is_mirrored) in sorted(best.items())]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train holdout`."""
    parser.add_argument("images", type=Path, help="folder of pictures")
    parser.add_argument("--out", type=Path, required=True, help="folder for train.csv and val.csv")
    parser.add_argument(
        "--share", type=float, default=0.1, help="share of the pictures to hold out (default 0.1)"
    )
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train holdout`; 0 when both tables were written, 1 with a sentence when not."""
    try:
        make_folder(args.out)  # first, since comparing takes long
        result = split(args.images, args.share, args.seed)
    except OptionError as error:
        print(f"train holdout: {error}", file=sys.stderr)
        return 1
    table = result.table
    for name, rows in (("train", table[~table.held_out]), ("val", table[table.held_out])):
        rows[["imageName", "ethnicity", "group"]].to_csv(args.out / f"{name}.csv", index=False)
        print(f"{args.out / name}.csv: {len(rows)} pictures, {int(rows.near_gray.sum())} of them near-gray")
    sizes = table.groupby("group").size()
    print(
        f"{int(sizes[sizes > 1].sum())} of {len(table)} pictures have a near twin ({(sizes > 1).sum()} groups)"
    )
    for name in result.unreadable:
        print(f"left out, can't be read: {name}")
    return 0
