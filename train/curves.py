"""Quality against the number of training pictures: one run and one report a size.

    python -m train curves ethnicity-aware steps=2000 --subset 1200,2400,9000 --balanced --out reports/sizes

DIR/1200 is the run of 1,200 pictures and DIR/1200/report its evaluation, on the recipe's first validation set unless
--data says otherwise. DIR/report.html draws all sizes, with learning.csv beside. A second call goes on where the first
one ended: sizes that have a report are skipped, a run that was broken off is resumed.
"""

import argparse
import itertools
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from colorizer.errors import OptionError
from colorizer.ethnicity import DEFAULT as DEFAULT_CLASSIFIER
from train import atomic, evaluate, failures
from train.failures import Stopped
from train.recipe import Recipe, load
from train.reporting import learning, runs
from train.reporting.models import BASELINES

log = logging.getLogger(__name__)
ASKED = "curves.json"  # what the folder's runs were asked to be


def limits(recipe: Recipe, size: int, is_balanced: bool = False) -> list[str]:
    """Overrides that leave `size` pictures, divided among the recipe's sources by their shares.

    Raises:
        OptionError: so few that a source would get none, or balanced without any labels.
    """
    total = sum(source.share for source in recipe.data)
    edges = [0.0]
    for source in recipe.data:
        edges.append(edges[-1] + source.share / total)
    counts = [round(size * end) - round(size * start) for start, end in itertools.pairwise(edges)]
    if any(count < 1 and source.share for count, source in zip(counts, recipe.data, strict=True)):
        raise OptionError(
            f"--subset {size} leaves a source of the recipe without a picture; ask for more, or name fewer sources."
        )
    if is_balanced and all(source.labels is None for source in recipe.data):
        raise OptionError("--balanced needs labels, and no source of the recipe has any.")
    overrides = []
    for i, (source, count) in enumerate(zip(recipe.data, counts, strict=True)):
        overrides.append(f"data.{i}.limit={max(count, 1)}")
        if is_balanced and source.labels is not None:
            overrides.append(f"data.{i}.balanced=true")
    return overrides


def run_sizes(args: argparse.Namespace) -> pd.DataFrame:
    """Train and evaluate each size that has no report yet, and write the curves.

    Returns:
        As `learning.rows` returns them, of all sizes.

    Raises:
        RanginError: whatever the recipe, the training or the evaluation has to say.
    """
    sizes = _sizes(args.subset)
    recipe = load(args.recipe, args.overrides)
    per_size = {size: limits(recipe, size, args.balanced) for size in sizes}
    _check_folder(args, recipe)
    parts = []
    for size in sizes:
        folder = args.out / str(size)
        summary = folder / "report" / "summary.json"
        if not summary.is_file():
            log.info("%d pictures", size)
            weights = _fit(load(args.recipe, [*args.overrides, *per_size[size]]), folder)
            evaluate.make(_evaluation(args, recipe, weights, summary.parent))
        content = json.loads(summary.read_text(encoding="utf-8"))
        parts.append(learning.rows(size, content, _names(content)))
    table = pd.concat(parts, ignore_index=True)
    trained = {f"{size:,}": runs.read(args.out / str(size)) for size in sizes}
    command = evaluate.command_line(sys.argv[1:])
    learning.write(args.out, table, recipe.name, command, args.balanced, trained)
    return table


def _fit(recipe: Recipe, folder: Path) -> Path:
    from train.fit import fit  # seconds to import, for nothing where all sizes are done

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    return fit(recipe, folder, resume=True)


def _sizes(text: str) -> list[int]:
    try:
        sizes = sorted({int(word) for word in text.split(",")})
    except ValueError as error:
        raise OptionError(
            f"--subset is {text!r}; give numbers of pictures, such as 1200,2400,9000."
        ) from error
    if sizes[0] < 1:
        raise OptionError(f"--subset is {text!r}; every number must be 1 or more.")
    return sizes


def _check_folder(args: argparse.Namespace, recipe: Recipe) -> None:
    """Keep sizes of different recipes, whether by an override or by a changed file, out of one figure."""
    asked = {"recipe": json.loads(recipe.model_dump_json()), "balanced": args.balanced}
    asked |= {key: str(getattr(args, key)) for key in ("data", "labels", "limit", "no_lpips")}
    file = args.out / ASKED
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        changed = [key for key, value in asked.items() if before.get(key) != value]
        if changed:
            raise OptionError(
                f"{args.out} holds runs with another {', '.join(changed)}; choose another --out, or ask as before."
            )
        return
    args.out.mkdir(parents=True, exist_ok=True)
    atomic.write(file, json.dumps(asked, indent=2, ensure_ascii=False) + "\n")


def _evaluation(args: argparse.Namespace, recipe: Recipe, weights: Path, report: Path) -> argparse.Namespace:
    """Arguments of `python -m train evaluate` for one size."""
    held_out = recipe.validation[0]
    data, labels = (args.data, args.labels) if args.data else (held_out.images, held_out.labels)
    words = ["--models", str(weights), "--data", str(data), "--report", str(report), "--device", args.device]
    words += ["--labels", str(labels)] if labels else []
    words += [f"--{key}={value}" for key in ("limit", "jobs") if (value := getattr(args, key)) is not None]
    words += [f"--{key.replace('_', '-')}" for key in ("no_lpips", "no_pictures") if getattr(args, key)]
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return parser.parse_args(words)


def _names(content: dict[str, Any]) -> Sequence[str]:
    """What the trained model is called in its report: the one that is neither baseline nor the default classifier."""
    names = [*content["models"], *content["classifiers"]]
    return [name for name in names if name not in (*BASELINES, DEFAULT_CLASSIFIER)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train curves`."""
    parser.add_argument("recipe", help="a YAML file, or the name of one in train/recipes")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="replace a value of the recipe")
    parser.add_argument("--subset", required=True, help="numbers of pictures, such as 1200,2400,9000")
    parser.add_argument("--balanced", action="store_true", help="as many pictures of each group")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs and their reports")
    parser.add_argument(
        "--data", type=Path, help="measure on these pictures (default: the recipe's validation)"
    )
    parser.add_argument("--labels", type=Path, help="their labels")
    parser.add_argument("--limit", type=int, help="measure only on the first N")
    parser.add_argument("--jobs", type=int, help="processes that measure")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="that measures")
    parser.add_argument("--no-lpips", action="store_true", help="leave out the slowest metric")
    parser.add_argument("--no-pictures", action="store_true", help="no thumbnails in the reports")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train curves`; 1 with a sentence when it could not be finished."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run_sizes(args)
    except (Stopped, KeyboardInterrupt) as error:
        print("train curves: stopped; the same command goes on from here.", file=sys.stderr)
        return 128 + (error.signal if isinstance(error, Stopped) else signal.SIGINT)
    except Exception as error:
        said = failures.sentence(error)
        if said is None:
            raise
        print(f"train curves: {said}", file=sys.stderr)
        return 1
    print(args.out / learning.PAGE)
    return 0
