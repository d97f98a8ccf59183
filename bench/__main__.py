"""Measure what is asked for (all by default) and write docs/benchmarks.md and README's table; see bench/__init__.py."""

import argparse
import sys
from pathlib import Path

from bench import compare, labels, memory, portrait, report, start, training
from train import machine
from train.report import update_readme

REPOSITORY = Path(__file__).parents[1]
PARTS = {
    "portrait": (portrait.measure, 20),
    "start": (start.measure, 3),
    "memory": (memory.measure, 3),
    "training": (training.measure, 3),
    "compare": (compare.measure, 3),
    "labels": (labels.measure, 7),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the parts, print their table, write the pages if all parts ran; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", type=_part, help=f"{', '.join(PARTS)}; all by default"
    )
    parser.add_argument("--repeats", type=int, help="readings of each; by default 20 for portrait, else 3")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "benchmarks.md")
    options = parser.parse_args(arguments)
    load_before = machine.load()
    if load_before > 0.5:
        print(
            f"This machine is busy (load {load_before:.1f}): the figures will be of that too.",
            file=sys.stderr,
        )
    measurements = []
    for name in options.parts or PARTS:
        measure, repeats = PARTS[name]
        print(f"measuring {name}", file=sys.stderr)
        measurements += measure(options.repeats or repeats)
    print(report.table(measurements))
    if not options.parts:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(report.page(measurements, load_before), encoding="utf-8")
        promised = [row for row in measurements if row.limit is not None]
        update_readme("bench", report.table(promised), REPOSITORY / "README.md")
    return 0 if all(row.is_within_limit for row in measurements) else 1


def _part(name: str) -> str:
    # argparse's own `choices` would refuse that none is named, or offer an empty list among them.
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {name!r}; choose from {', '.join(PARTS)}.")
    return name


if __name__ == "__main__":
    sys.exit(main())
