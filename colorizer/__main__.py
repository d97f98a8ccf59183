"""The command line.

python -m colorizer colorize INPUT... --out DIR [--model NAME] [--ethnicity auto|none|GROUP|TONE] [--vividness X]
                                      [--light predicted|neutral] [--warmth X] [--tint X] [--hint X,Y,#rrggbb]...
                                      [--suggestions N] [--device auto|cpu|cuda] [--report report.csv]
                                      [--engine local|slurm --shards N [--no-wait] | --shard K/N] [--retry]
python -m colorizer shard DIR K/N
python -m colorizer compare INPUT... --models all|NAME,NAME [--truth FILE|DIR] --out sheet.png|page.html
                                      [--ethnicity auto|none|GROUP|TONE] [--vividness X] [--device auto|cpu|cuda]
python -m colorizer models
python -m colorizer fetch zhang-eccv16

INPUT is a photo or a folder. Exit code 0: all done; 1: at least one file failed, the others are done; 2: the command
itself was wrong, nothing was done; 130: stopped by Ctrl-C.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from colorizer import shards_command
from colorizer.errors import OptionError, RanginError
from colorizer.groups import NAMED, check_choice
from colorizer.steering import LIGHTS, SHIFT_LIMIT, Steering
from colorizer.steering_text import parse_hint

if TYPE_CHECKING:
    from colorizer.batch import Row

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a file's name may hold what the terminal can't show
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except RanginError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def colorize(options: argparse.Namespace) -> int:
    """Every photo to DIR/<stem>.png; suggestions to DIR/suggestions/<stem>-1.png and so on."""
    if shards_command.is_wanted(options):
        return shards_command.run(options)
    # Imported here, since PyTorch takes seconds and `--help` should not.
    from contextlib import nullcontext

    from colorizer.batch import Report, colorize_files, find_files, make_folder
    from colorizer.pipeline import Colorizer

    shards_command.wishes(options).check()
    steering = Steering(options.light, options.warmth, options.tint, hints=tuple(options.hint))
    leave_out = [options.out] if options.report is None else [options.out, options.report]
    files = find_files(options.input, leave_out)
    make_folder(options.out)  # first, since loading takes seconds
    colorizer = Colorizer.load(options.model, options.device)
    if not colorizer.steerable and (not steering.is_default or options.suggestions):
        raise OptionError(
            f"The model {colorizer.name} can't be steered; leave out --light, --warmth, --tint, --hint and "
            "--suggestions, or take the default model."
        )
    rows: list[Row] = []
    start = time.perf_counter()
    with nullcontext() if options.report is None else Report(options.report) as report:
        try:
            chosen = options.ethnicity, options.vividness, steering, options.suggestions
            work = colorize_files(colorizer, files, options.out, *chosen)
            for row in _with_progress(work, len(files)):
                rows.append(row)
                if report is not None:
                    report.add(row)
        except KeyboardInterrupt:
            _summarize(rows, len(files), options.out, time.perf_counter() - start)
            return 130
    _summarize(rows, len(files), options.out, time.perf_counter() - start)
    return 1 if any(row.error for row in rows) else 0


def compare(options: argparse.Namespace) -> int:
    """Each photo in several models' colours: one picture, or one HTML page for many photos."""
    from colorizer.comparison_command import run

    return run(options)


def models(options: argparse.Namespace) -> int:
    """Every model of the literature, trained or not, and all other weights, by the study that they are from."""
    from colorizer import catalog

    print(catalog.listing(catalog.entries()))
    return 0


def fetch(options: argparse.Namespace) -> int:
    """Download the weights that a model's authors released, into the folder of further models."""
    from colorizer import fetch as released

    print(f"written to {released.fetch(options.name)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    lines = (__doc__ or "").strip().split("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m colorizer",
        description="Colour gray portraits.",
        epilog=lines[-1],
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser(
        "colorize", help="colour photos and folders of photos", description=colorize.__doc__
    )
    one.add_argument(
        "input", nargs="+", metavar="INPUT", help="photos, and folders that are searched for files"
    )
    one.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; made if missing"
    )
    one.add_argument("--model", default="default", metavar="NAME", help="name, path, or hf:user/name")
    _add_steering(one)
    one.add_argument("--report", type=Path, metavar="FILE", help="a CSV with a row for each file")
    shards_command.add_arguments(one)
    shards_command.add_shard(commands)

    sheet = commands.add_parser(
        "compare", help="several models' colours beside each other", description=compare.__doc__
    )
    sheet.add_argument(
        "input", nargs="+", metavar="INPUT", help="photos, and folders that are searched for files"
    )
    sheet.add_argument(
        "--models",
        type=_names,
        required=True,
        metavar="all|NAME,NAME",
        help="names or paths; all is every trained model (`python -m colorizer models` lists them)",
    )
    sheet.add_argument(
        "--truth",
        type=Path,
        metavar="FILE|DIR",
        help="the photo's true colours, to measure against; or a folder with each photo's under the same name",
    )
    sheet.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="one picture (.png, .jpg), or for many photos a page that needs no other file (.html)",
    )
    for command in (one, sheet):
        command.add_argument(
            "--ethnicity",
            type=_sentence(check_choice),
            default="auto",
            metavar="auto|none|GROUP|TONE",
            help=f"for all faces: auto estimates each one's, none paints neutrally, or one of {NAMED} (skin tones)",
        )
        command.add_argument(
            "--vividness",
            type=float,
            default=1.0,
            metavar="X",
            help="0 is gray, 1 as painted, 2 as vivid as the model thinks likely",
        )
        command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    overview = commands.add_parser(
        "models", help="list the models, trained or not", description=models.__doc__
    )
    released = commands.add_parser(
        "fetch", help="download weights that a model's authors released", description=fetch.__doc__
    )
    released.add_argument("name", metavar="NAME", help="zhang-eccv16, the only one there is so far")
    for command, run in ((one, colorize), (sheet, compare), (overview, models), (released, fetch)):
        command.set_defaults(run=run)
    return parser


def _add_steering(command: argparse.ArgumentParser) -> None:
    """Options that a model has to be made for."""
    command.add_argument(
        "--light",
        choices=LIGHTS,
        default="predicted",
        help="predicted: as the model thinks; neutral: skin has the colours measured under neutral light",
    )
    limit = f"from {-SHIFT_LIMIT:g} to {SHIFT_LIMIT:g}, 0 is as the model thinks"
    for name, ways in (("--warmth", "cool to warm (b*)"), ("--tint", "green to pink (a*)")):
        command.add_argument(name, type=float, default=0.0, metavar="X", help=f"{ways}, {limit}")
    command.add_argument(
        "--hint",
        type=_sentence(parse_hint),
        action="append",
        default=[],
        metavar="X,Y,#rrggbb",
        help="this colour at this pixel, its region follows; may be given many times",
    )
    command.add_argument(
        "--suggestions",
        type=int,
        default=0,
        metavar="N",
        help="up to so many other palettes for each photo, into DIR/suggestions",
    )


def _sentence(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse` for argparse, which says the error's sentence."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except OptionError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parsed


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("no model is named; `python -m colorizer models` lists them.")
    return names


def _with_progress(items: Iterable[T], total: int) -> Iterator[T]:
    """The items, with a bar on standard error where that is a terminal."""
    from tqdm import tqdm

    yield from tqdm(items, total=total, unit="photo", disable=None, file=sys.stderr)


def _summarize(rows: Sequence["Row"], total: int, out: Path, seconds: float) -> None:
    """How many, how long, where to, and a line for each failure."""
    failures = [row for row in rows if row.error]
    done = len(rows) - len(failures)
    print(f"{done} of {total} photos coloured in {seconds:.0f} s, written to {out}")
    if len(rows) < total:
        print(f"stopped with {total - len(rows)} left")
    if failures:
        print(f"{len(failures)} failed:")
    for row in failures:
        print(f"  {row.file}: {row.error}")


if __name__ == "__main__":
    sys.exit(main())
