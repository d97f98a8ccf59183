"""The portrait colorizers of the literature: train them, measure them by one protocol, and put the tables together.

    python -m train literature fit                         all that have no weights yet, ten minutes of one core each
    python -m train literature fit unet uvgg --budget full                              as the studies, on a GPU
    python -m train literature fit cnn minutes=30
    python -m train literature measure                     all that have weights and were not measured with these yet
    python -m train literature measure cnn --limit 100     a quick look
    python -m train literature table                       README.md, docs/literature.md and docs/literature.json

A run's folder is runs/literature/NAME; weights go to the models folder (RANGIN_MODELS). Measurements lie in
reports/literature/SET/MODEL, and are made again only when a model's weights or the photos have changed, so measuring
may go on while other models are still trained.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from colorizer import catalog, literature
from colorizer.errors import OptionError, RanginError
from train import literature_budget, literature_costs, literature_fit
from train.literature_measure import Photos, measure
from train.recipe_text import nearest
from train.reporting import literature as reporting

SETS = reporting.SETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train literature`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    fit = actions.add_parser("fit", help="train models and install them")
    _add_names(
        fit, "models to train (default: all without weights); key=value replaces a value of their recipes"
    )
    fit.add_argument(
        "--budget",
        choices=literature_budget.BUDGETS,
        default="cpu",
        help="cpu: minutes on one core (default); full: as the recipes say",
    )
    fit.add_argument("--runs", type=Path, default=Path("runs/literature"), help="default: runs/literature")
    look = actions.add_parser("measure", help="measure models by the one protocol")
    _add_names(look, "models to measure (default: all that have weights)")
    _add_report(look)
    look.add_argument(
        "--limit", type=int, help="only the first N photos of a set, into another folder: a quick look"
    )
    look.add_argument("--jobs", type=int, help="processes (default: one a core)")
    look.add_argument(
        "--sets",
        default=",".join(SETS),
        help=f"which photos, separated by commas (default: {','.join(SETS)})",
    )
    look.add_argument("--costs", action="store_true", help="measure the seconds again")
    look.add_argument(
        "--no-costs", action="store_true", help="leave the seconds out: they want an idle machine"
    )
    for key, photos in SETS.items():
        look.add_argument(f"--{key}", type=Path, default=photos.images, help=f"default: {photos.images}")
        if photos.labels is not None:
            look.add_argument(
                f"--{key}-labels", type=Path, default=photos.labels, help=f"default: {photos.labels}"
            )
    table = actions.add_parser("table", help="write what was measured into README.md and docs/")
    _add_report(table)
    table.add_argument("--readme", type=Path, default=Path("README.md"), help="default: README.md")
    table.add_argument(
        "--page", type=Path, default=Path("docs/literature.md"), help="default: docs/literature.md"
    )


def _add_names(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help=text)
    # `python -m train` puts words here that stand behind an option.
    parser.set_defaults(overrides=[])


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report", type=Path, help="folder of the measurements (default: reports/literature)"
    )


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train literature`; 0 when all of it could be done."""
    try:
        return {"fit": _fit, "measure": _measure, "table": _table}[args.action](args)
    except RanginError as error:
        print(f"train literature: {error}", file=sys.stderr)
    except OSError as error:  # a folder that can't be made or written, a disk that is full
        where = f"{error.filename} " if error.filename else ""
        print(f"train literature: {where}can't be used ({error.strerror or error}).", file=sys.stderr)
    return 1


def _fit(args: argparse.Namespace) -> int:
    words = [*args.names, *args.overrides]
    overrides = [word for word in words if "=" in word]
    names = _known([word for word in words if "=" not in word])
    if not names:
        names = literature_fit.untrained()
    if not names:
        print(
            "All models of the literature have weights; name those that are to be trained again, and another --runs."
        )
        return 0
    return literature_fit.fit_all(names, args.budget, overrides, args.runs)


def _known(names: Sequence[str]) -> list[str]:
    """The names, each once, in the table's order.

    Raises:
        OptionError: one is none of the literature's.
    """
    order = [model.name for model in literature.MODELS]
    for name in names:
        if name not in order:
            hint = nearest(name, order)
            raise OptionError(f"The literature has no model {name!r}{hint}; it has {', '.join(order)}.")
    return [name for name in order if name in names]


def _measure(args: argparse.Namespace) -> int:
    if any(number is not None and number < 1 for number in (args.limit, args.jobs)):
        raise OptionError("--limit and --jobs must be 1 or more.")
    asked = _known([*args.names, *args.overrides])
    entries = {entry.name: entry for entry in catalog.entries()}
    if missing := [name for name in asked if not entries[name].is_trained]:
        why = [entries[name].problem for name in missing if entries[name].problem]
        raise OptionError(
            f"{', '.join(missing)}: not trained; `python -m train literature fit {' '.join(missing)}` does that."
            + "".join(f" {problem}" for problem in why)
        )
    known = [model.name for model in literature.MODELS]
    names = asked or [name for name in known if entries[name].is_trained]
    report = args.report or Path(f"reports/literature{f'-first-{args.limit}' if args.limit else ''}")
    jobs = args.jobs or (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    # A file that can't be used keeps no other model from being measured.
    problems = [f"{name}: {entries[name].problem}" for name in known if not asked and entries[name].problem]
    for photos in _sets(args):
        try:
            problems += measure(photos, names, report, args.limit, jobs)
        except OptionError as error:
            problems.append(f"{photos.title}: {error}")
    if not args.no_costs:
        _measure_costs(report, args.costs)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _sets(args: argparse.Namespace) -> list[Photos]:
    keys = [key.strip() for key in args.sets.split(",") if key.strip()]
    if unknown := [key for key in keys if key not in SETS]:
        raise OptionError(f"--sets has {unknown[0]!r}; choose from {', '.join(SETS)}, joined by commas.")
    chosen = []
    for key in keys:
        photos = replace(SETS[key], images=getattr(args, key))
        if photos.labels is not None:
            photos = replace(photos, labels=getattr(args, f"{key}_labels"))
        chosen.append(photos)
    return chosen


def _measure_costs(report: Path, is_asked: bool) -> None:
    """Seconds of all networks, if one of them has none or is another network now."""
    wanted = {model.name: literature_costs.architecture(model.name) for model in literature.MODELS}
    known = reporting.read_costs(report).get("models", {})
    if not is_asked and {name: cost["architecture"] for name, cost in known.items()} == wanted:
        print("seconds: nothing to do, all networks are measured")
        return
    found = literature_costs.costs(list(wanted))
    if found["cores"] < found["threads"]:
        print(f"seconds: this process may use {found['cores']} core, so they are too long", file=sys.stderr)
    reporting.write_costs(report, found)
    for name, cost in found["models"].items():
        print(f"{name:26} {cost['gflops']:7.2f} GFLOPs  {cost['seconds']:.3f} s")


def _table(args: argparse.Namespace) -> int:
    content = reporting.collect(args.report or Path("reports/literature"))
    reporting.write(content, args.readme, args.page)
    print(f"{args.readme}, {args.page} and {args.page.with_suffix('.json')} say what was measured")
    return 0
