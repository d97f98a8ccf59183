"""What the commands that measure one model have in common: their arguments, their baselines and the files they write.

A report's folder holds results.csv (a row a photo, or a person, a picture of it), means.csv (each mean with its
interval), summary.json with all of it, and summary.md, which `python -m train readme DIR --section NAME` puts into a
README.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from colorizer.batch import make_folder
from colorizer.errors import OptionError, RanginError
from colorizer.pipeline import Colorizer
from train import atomic, machine
from train.evaluate import FAIRFACE_TINT, command_line
from train.intervals import INTERVAL, Mean
from train.reporting import models as named


def add_arguments(parser: argparse.ArgumentParser, data: str, device: bool = True) -> None:
    """--model, --data (`data` says what it takes), --report, --limit and, if asked for, --device."""
    parser.add_argument(
        "--model", default="default", help="a name, run folder, .safetensors file or hf:user/name"
    )
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument("--report", type=Path, required=True, help="folder for the report")
    parser.add_argument("--limit", type=int, help="only the first N photos")
    if device:
        parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))


def add_labels(parser: argparse.ArgumentParser) -> None:
    """--labels and --split."""
    parser.add_argument(
        "--labels", type=Path, help="CSV with imageName,ethnicity (default: the dataset's own)"
    )
    parser.add_argument("--split", default="val", help="which CSV of a dataset (default: val)")


def check(args: argparse.Namespace) -> None:
    """OptionError where a number is not 1 or more."""
    for name in ("limit", "jobs", "frames"):
        value = getattr(args, name, None)
        if value is not None and value < 1:
            raise OptionError(f"--{name} must be 1 or more.")


def load(args: argparse.Namespace) -> tuple[str, Colorizer]:
    """What tables call the model, and the model.

    Raises:
        ModelError: it can't be loaded, or is no colorizer.
        OptionError: a number is not 1 or more.
    """
    check(args)
    (model,) = named.find([args.model])
    return model.name, Colorizer.load(model.weights, device=args.device)


def run(command: str, make: Callable[[argparse.Namespace], dict[str, Any]], args: argparse.Namespace) -> int:
    """Carry out a command; 1 with a sentence when nothing could be measured, and when a photo could not be read."""
    try:
        content = make(args)
    except RanginError as error:
        print(f"train {command}: {error}", file=sys.stderr)
        return 1
    print((args.report / "summary.md").read_text(encoding="utf-8"))
    for line in content["unreadable"]:
        print(line, file=sys.stderr)
    return 1 if content["unreadable"] else 0


def about(name: str, data: str) -> dict[str, Any]:
    """Where a report's numbers come from."""
    return {
        "model": name,
        "data": data,
        "date": date.today().isoformat(),
        "machine": machine.describe(),
        "command": command_line(sys.argv[1:]),
        "tint": list(FAIRFACE_TINT),
        "bootstrap": INTERVAL,
    }


def write(
    folder: Path, content: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], markdown: str
) -> None:
    """Write NAME.csv of each table, summary.md and, last, summary.json, whose presence says that all is there."""
    make_folder(folder)
    (folder / "summary.json").unlink(missing_ok=True)
    for name, table in tables.items():
        with atomic.replacing(folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)
    atomic.write(folder / "summary.md", markdown)
    atomic.write(folder / "summary.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def means_table(rows: Mapping[Any, Mapping[str, Mean | None]], keys: tuple[str, ...]) -> pd.DataFrame:
    """{what a row is of: {metric: mean}} -> columns `keys`, metric, mean, low, high, n."""
    lines = [
        dict(zip(keys, key, strict=True)) | {"metric": metric} | mean
        for key, means in rows.items()
        for metric, mean in means.items()
        if mean is not None
    ]
    return pd.DataFrame(lines, columns=[*keys, "metric", "mean", "low", "high", "n"])


def provenance(content: Mapping[str, Any]) -> str:
    """The last sentence of a report."""
    a, b = content["tint"]
    return f"Tint is a {a:.2f}, b {b:.2f}. {content['date']}, {content['machine']}: `{content['command']}`"
