"""Is skin away from the face coloured like the face? Full-body photos whose skin and hair are marked.

    python -m train bodies --model default --data data/bodies/val --report reports/bodies
    python -m train readme reports/bodies --section bodies

A photo NAME.jpg has NAME.mask.png beside it: 0 other, 1 skin, 2 hair. Measured is at 256x256. By the protocol the input
is L of the 256x256 truth, in which these people's faces are too small for a detector ("protocol"); what a user gets,
whose photo comes in its own size, is a second row ("full size").
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from colorizer import lab, metrics, photo
from colorizer.errors import OptionError, PhotoError
from colorizer.faces import Face
from colorizer.pipeline import Colorizer
from train import intervals, numbers, pictures
from train.evaluate import FAIRFACE_TINT
from train.measure import mean_chroma
from train.reporting import bodies as reporting

SKIN, HAIR = 1, 2  # values of a mask
PROTOCOL, FULL = "protocol", "full size"
"""What a model was given: L of the 256x256 truth, or of the photo in its own size."""
# Masked skin inside the face's box is of the face; other skin lies outside a box this many times as wide and high about
# the same centre, so that forehead and ears are neither.
AROUND = 1.5
# Fewer pixels of 256x256 than this are no region to take a mean colour of.
LEAST_PIXELS = 15
LEAST_CHROMA = 1.0  # of a mean colour that has a hue to speak of
GRAY_SHARE = 0.5  # skin whose mean chroma is under this share of the truth's counts as left gray


@dataclass(frozen=True)
class Regions:
    """Where what is, each (256, 256) bool."""

    skin: NDArray[np.bool_]
    face: NDArray[np.bool_]
    """Skin in the face's box; empty where no face was found on the photo in its own size."""
    other: NDArray[np.bool_]
    """Skin well outside that box; empty where no face was found."""
    hair: NDArray[np.bool_]


@dataclass(frozen=True)
class Body:
    """One picture of one photo against the truth; None where a region is too small, or has no hue."""

    psnr: float
    delta_e: float
    """Mean CIEDE2000 of the whole photo; likewise of parts of it:"""
    skin_delta_e: float | None
    face_delta_e: float | None
    other_delta_e: float | None
    hair_delta_e: float | None
    hue_step: float | None
    """Hue angle of the other skin's mean colour minus that of the face's, degrees."""
    true_hue_step: float | None
    """The same of the truth, where `hue_step` is known."""
    hue_step_size: float | None
    """Size of `hue_step`."""
    true_hue_step_size: float | None
    """Size of `true_hue_step`."""
    hue_step_error: float | None
    """Size of the difference of the two steps."""
    gray_limbs: float | None
    """1 where the other skin's mean colour has less than GRAY_SHARE of the truth's chroma, else 0."""


def regions(mask: NDArray[np.uint8], faces: Sequence[Face]) -> Regions:
    """Split a mask into a person's face and the rest.

    Args:
        mask: (H, W) uint8, 0 other, 1 skin, 2 hair.
        faces: with boxes in the mask's pixels; the one that holds the most skin is the person's.
    """
    size = metrics.PROTOCOL_SIZE
    skin, hair = (_shrunk(mask == value) for value in (SKIN, HAIR))
    nothing = np.zeros((size, size), bool)
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size  # in shares of the photo
    best, face, around = 0, nothing, nothing
    for one in faces:
        x0, y0, x1, y1 = np.asarray(one.box) / ([mask.shape[1], mask.shape[0]] * 2)
        across = np.abs(x - (x0 + x1) / 2) / max((x1 - x0) / 2, 1e-9)
        down = np.abs(y - (y0 + y1) / 2) / max((y1 - y0) / 2, 1e-9)
        inside = skin & (across <= 1) & (down <= 1)
        if inside.sum() > best:
            best, face, around = int(inside.sum()), inside, (across <= AROUND) & (down <= AROUND)
    return Regions(skin, face, skin & ~around if best else nothing, hair)


def compare(prediction: NDArray[np.uint8], truth: NDArray[np.uint8], where: Regions) -> Body:
    """Measure one picture.

    Args:
        prediction: (256, 256, 3) uint8.
        truth: likewise.
        where: of the truth.
    """
    predicted_lab, true_lab = lab.rgb_to_lab(prediction), lab.rgb_to_lab(truth)
    errors = metrics.delta_e(predicted_lab, true_lab)

    def error(region: NDArray[np.bool_]) -> float | None:
        return float(errors[region].mean(dtype=np.float64)) if region.sum() >= LEAST_PIXELS else None

    step, true_step = _hue_step(predicted_lab, where), _hue_step(true_lab, where)
    if step is None or true_step is None:
        step = true_step = None
    gray_limbs = None
    if where.other.sum() >= LEAST_PIXELS:
        chroma, true_chroma = (np.hypot(*_mean_ab(one, where.other)) for one in (predicted_lab, true_lab))
        gray_limbs = float(chroma < GRAY_SHARE * true_chroma)
    return Body(
        psnr=metrics.psnr(prediction, truth),
        delta_e=float(errors.mean(dtype=np.float64)),
        skin_delta_e=error(where.skin),
        face_delta_e=error(where.face),
        other_delta_e=error(where.other),
        hair_delta_e=error(where.hair),
        hue_step=step,
        true_hue_step=true_step,
        hue_step_size=None if step is None else abs(step),
        true_hue_step_size=None if true_step is None else abs(true_step),
        hue_step_error=None if step is None or true_step is None else abs(_wrap(step - true_step)),
        gray_limbs=gray_limbs,
    )


def measure(colorizer: Colorizer, name: str, content: bytes, mask: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Rows of one photo: gray, tint, and the model by both inputs; none for a photo that is near-gray.

    Raises:
        PhotoError: it can't be read, or its mask has another size.
    """
    full = photo.read(content).rgb
    if mask.shape != full.shape[:2]:
        raise PhotoError(f"its mask has {mask.shape[::-1]} pixels and the photo {full.shape[1::-1]}")
    truth = metrics.to_protocol(full)
    if mean_chroma(lab.rgb_to_lab(truth)) < metrics.NEAR_GRAY:
        return []
    portraits = {
        PROTOCOL: colorizer.analyze(metrics.gray(truth)),
        FULL: colorizer.analyze(metrics.gray(full)),
    }
    where = regions(mask, portraits[FULL].faces)
    rows = []

    def add(model: str, given: str, painted: NDArray[np.uint8], faces: int) -> None:
        about = {"imageName": name, "model": model, "input": given, "faces": faces}
        rows.append(about | asdict(compare(painted, truth, where)))

    add("gray", PROTOCOL, metrics.gray(truth), 0)
    add("tint", PROTOCOL, metrics.tint(truth, FAIRFACE_TINT), 0)
    for given, portrait in portraits.items():
        painted = np.asarray(colorizer.paint(portrait).image)
        add("model", given, metrics.to_protocol(painted), len(portrait.faces))
    return rows


def read_mask(path: Path) -> NDArray[np.uint8]:
    """(H, W) uint8.

    Raises:
        PhotoError: there is none, or it is no picture of the values 0 to 2.
    """
    try:
        with Image.open(path) as opened:
            mask = np.asarray(opened.convert("L") if opened.mode != "P" else opened)
    except (OSError, ValueError) as error:
        raise PhotoError(f"its mask {path.name} can't be read: {error}") from error
    if mask.max(initial=0) > HAIR:
        raise PhotoError(f"its mask {path.name} holds values over {HAIR}; 0 is other, 1 skin, 2 hair")
    return mask.astype(np.uint8)


def make(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, and write the report; what summary.json holds.

    Raises:
        OptionError: there are no such photos.
        ModelError: the model can't be loaded.
    """
    name, colorizer = numbers.load(args)
    files = _photos(args.data)[: args.limit]
    rows, near_gray, unreadable = [], 0, []
    for file in tqdm(files, desc="bodies", unit="photo", disable=None):
        try:
            mask = read_mask(file.with_name(f"{file.stem}.mask.png"))
            measured = measure(colorizer, file.name, file.read_bytes(), mask)
        except PhotoError as error:
            unreadable.append(f"{file.name}: {error}")
            continue
        near_gray += not measured
        rows += measured
    if not rows:
        raise OptionError(f"No photo could be measured: {near_gray} near-gray, {len(unreadable)} unreadable.")
    results = pd.DataFrame(rows)
    results["model"] = results["model"].replace("model", name)
    content = numbers.about(name, pictures.short_name(args.data)) | {
        "near_gray": near_gray,
        "unreadable": unreadable,
        **summarize(results),
    }
    means = {(row["model"], row["input"]): row["means"] for row in content["rows"]}
    tables = {"results": results, "means": numbers.means_table(means, ("model", "input"))}
    numbers.write(args.report, content, tables, reporting.markdown(content))
    return content


def summarize(results: pd.DataFrame) -> dict[str, Any]:
    """Means by model and input.

    Args:
        results: as `measure` returns them.

    Returns:
        measured, the photos; and rows, a list of {"model", "input", "without_face": photos in whose input no face was
        found, None for a baseline, "means": as `intervals.means`}.
    """
    columns = list(Body.__dataclass_fields__)
    rows = []
    for (model, given), part in results.groupby(["model", "input"], sort=False):
        without = None if model in ("gray", "tint") else int((part["faces"] == 0).sum())
        means = intervals.means(part, columns)
        rows.append({"model": model, "input": given, "without_face": without, "means": means})
    return {"measured": int(results["imageName"].nunique()), "rows": rows}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train bodies`."""
    numbers.add_arguments(parser, "folder of photos, each with NAME.mask.png beside it")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train bodies`."""
    return numbers.run("bodies", make, args)


def _photos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise OptionError(f"{folder} is no folder; --data takes one of photos, each with NAME.mask.png.")
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in pictures.SUFFIXES and not file.stem.endswith(".mask")
    )
    if not files:
        raise OptionError(f"{folder} holds no photos.")
    return files


def _shrunk(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) -> (256, 256) bool: pixels that lie in the region by more than half."""
    size = (metrics.PROTOCOL_SIZE, metrics.PROTOCOL_SIZE)
    covered = Image.fromarray(region.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)
    return np.asarray(covered) > 128  # 127.5, a half, is rounded up


def _mean_ab(in_lab: NDArray[np.float32], region: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(in_lab[region][:, 1:].mean(0, dtype=np.float64))


def _hue_step(in_lab: NDArray[np.float32], where: Regions) -> float | None:
    """Degrees from the hue of the face's mean colour to that of the other skin's."""
    if min(where.face.sum(), where.other.sum()) < LEAST_PIXELS:
        return None
    face, other = (_mean_ab(in_lab, region) for region in (where.face, where.other))
    if min(np.hypot(*face), np.hypot(*other)) < LEAST_CHROMA:
        return None
    return _wrap(float(np.degrees(np.arctan2(other[1], other[0]) - np.arctan2(face[1], face[0]))))


def _wrap(degrees: float) -> float:
    """An angle -> the same in [-180, 180)."""
    return (degrees + 180) % 360 - 180
