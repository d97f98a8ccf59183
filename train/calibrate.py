"""Calibrate an ethnicity classifier: what its probabilities are worth, and below which it says that it is unsure.

    python -m train calibrate --model ethnicity-classifier --data data/fairface --labels data/fairface/val.csv
    python -m train calibrate --model runs/mine/mine.safetensors --data ... --labels ... --write

Measured is what the app computes: faces are found, and each estimate is the mean of several crops and their mirror
images. Pictures without a face are left out. `--write` puts both numbers into the weights' file, whose weights stay as
they are. The report folder holds summary.md, calibration.json, the tables as CSV, and estimates.csv with what was
estimated for each picture, not calibrated.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open
from tqdm import tqdm

from colorizer import checkpoint, lab, photo
from colorizer.batch import make_folder
from colorizer.errors import OptionError, PhotoError, RanginError
from colorizer.ethnicity import DEFAULT, GROUPS, EthnicityClassifier
from colorizer.faces import FaceDetector
from train import atomic, pictures
from train.calibration import Estimates, calibrate, figures, tables

_LEAST = 20  # labelled faces; with fewer, both numbers would be noise


def estimate(classifier: EthnicityClassifier, photos: pictures.Pictures) -> Estimates:
    """Ask a classifier for the largest face of each picture that has a label of GROUPS.

    Raises:
        OptionError: there are too few such faces.
    """
    detector = FaceDetector(classifier.device)
    classifier.temperature, classifier.unsure_below = 1.0, 0.0
    rows, labels, names = [], [], []
    left_out = {"no face": 0, "no label": 0, "unreadable": 0, "missing": len(photos.missing)}
    for name, ethnicity, content in tqdm(
        photos.read(), total=len(photos.table), desc="calibrate", unit="photo", disable=None
    ):
        if ethnicity not in GROUPS:
            left_out["no label"] += 1
            continue
        try:
            lightness = lab.lightness(photo.read(content).rgb)
        except PhotoError:
            left_out["unreadable"] += 1
            continue
        faces = detector.detect(lightness)
        if not faces:
            left_out["no face"] += 1
            continue
        largest = max(faces, key=lambda face: (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))
        (face,) = classifier.classify(lightness, [largest])
        rows.append(list(face.probabilities.values()))
        labels.append(GROUPS.index(ethnicity))
        names.append(name)
    if len(rows) < _LEAST:
        raise OptionError(
            f"Only {len(rows)} faces with a label were found, and calibration takes {_LEAST} or more; name a CSV with "
            f"the columns imageName,ethnicity, the latter one of {', '.join(GROUPS)}."
        )
    return Estimates(np.array(rows), np.array(labels), left_out, tuple(names))


def summary(numbers: dict[str, Any], shown: dict[str, pd.DataFrame]) -> str:
    """All of it for people, as Markdown."""
    left_out = ", ".join(f"{count} {why}" for why, count in numbers["left_out"].items() if count)
    (t1, u1), (t2, u2) = numbers["halves"]
    right = numbers["accuracy_of_the_kept"]
    lines = [
        f"{numbers['n']} faces of {numbers['data']}" + (f" (left out: {left_out})" if left_out else ""),
        "",
        f"- accuracy {numbers['accuracy']:.1%}",
        f"- temperature {numbers['temperature']:g} (on the halves {t1:g} and {t2:g})",
        f"- calibration error {numbers['ece_before']:.3f}, calibrated {numbers['ece_after']:.3f}; log-loss "
        f"{numbers['log_loss_before']:.3f}, calibrated {numbers['log_loss_after']:.3f}",
        f"- unsure below {numbers['unsure_below']:g} (on the halves {u1:g} and {u2:g}), the smallest confidence from "
        f"which on {numbers['right_at_least']:.0%} are right",
        f"- held out, {numbers['kept']:.1%} of the faces are kept"
        + (f", of which {right:.1%} are right" if right is not None else ""),
        "",
        "Each half by the other half's temperature and threshold:",
        "",
        *_markdown(shown["coverage"]),
        "",
        *_markdown(shown["groups"]),
        "",
        *_markdown(shown["named"]),
    ]
    return "\n".join(lines) + "\n"


def _markdown(table: pd.DataFrame) -> list[str]:
    """Shares as percent, but for the first column, which is words or a threshold."""

    def cell(value: Any, is_first: bool) -> str:
        if value is None or value != value:
            return "–"
        if isinstance(value, float):
            return f"{value:.2f}" if is_first else f"{value:.1%}"
        return str(value)

    names = list(table.columns)
    rows = [[cell(row[name], name == names[0]) for name in names] for row in table.to_dict("records")]
    head = ["| " + " | ".join(names) + " |", "|---|" + "---:|" * (len(names) - 1)]
    return head + ["| " + " | ".join(row) + " |" for row in rows]


def write(path: Path, temperature: float, unsure_below: float, notes: dict[str, Any]) -> None:
    """Put both numbers into a file of weights, in one step; its weights stay the same to the bit.

    Raises:
        ModelError: the file can't be read or written.
    """
    loaded = checkpoint.load(str(path))
    with safe_open(path, framework="pt") as file:
        # The precision it is stored in; loading makes it float32.
        is_half = any(file.get_slice(key).get_dtype() == "F16" for key in file.keys())  # noqa: SIM118
    loaded.network.config |= {"temperature": temperature, "unsure_below": unsure_below}  # type: ignore[operator]
    training = loaded.about.get("training") or {}
    try:
        with atomic.replacing(path) as part:
            checkpoint.save(
                loaded.network, loaded.about["network"], part, training | {"calibration": notes}, half=is_half
            )
            shutil.copymode(path, part)
    except OSError as error:
        raise OptionError(
            f"{path} could not be written ({error.strerror}); make room, or copy it."
        ) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train calibrate`."""
    parser.add_argument(
        "--model", default=DEFAULT, help=f"a classifier: name or .safetensors file ({DEFAULT})"
    )
    parser.add_argument("--data", type=Path, required=True, help="a dataset, a folder or a tar of pictures")
    parser.add_argument(
        "--labels", type=Path, help="CSV with imageName,ethnicity (the dataset's own val.csv)"
    )
    parser.add_argument("--limit", type=int, help="only the first N rows")
    parser.add_argument(
        "--report", type=Path, default=Path("reports/calibration"), help="folder for the report"
    )
    parser.add_argument("--write", action="store_true", help="put what was found into the weights' file")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train calibrate`; 1 with a sentence when it can't be done."""
    try:
        if args.limit is not None and args.limit < 1:
            raise OptionError("--limit must be 1 or more.")
        if args.model.startswith("hf:") and args.write:
            raise OptionError("--write needs a file on this machine, not one of the Hugging Face Hub.")
        photos = pictures.find(args.data, args.labels, limit=args.limit)
        classifier = EthnicityClassifier.load(args.model)
        make_folder(args.report)  # first, since estimating takes long
        known = estimate(classifier, photos)
        found = calibrate(known)
        numbers, shown = figures(known, found, photos.source), tables(known, found)
        text = summary(numbers, shown)
        atomic.write(args.report / "calibration.json", json.dumps(numbers, indent=1))
        atomic.write(args.report / "summary.md", text)
        known_columns = {"imageName": known.names, "ethnicity": [GROUPS[label] for label in known.labels]}
        estimates = pd.DataFrame(known_columns | dict(zip(GROUPS, known.probabilities.T, strict=True)))
        for name, table in (shown | {"estimates": estimates}).items():
            atomic.write(args.report / f"{name}.csv", table.to_csv(index=False))
        print(text)
        if args.write:
            path = Path(args.model) if args.model.endswith(checkpoint.SUFFIX) else checkpoint.find(args.model)
            write(path, found.temperature, found.unsure_below, numbers)
            print(f"Written to {pictures.short_name(path)}.")
    except RanginError as error:
        print(f"train calibrate: {error}", file=sys.stderr)
        return 1
    return 0
