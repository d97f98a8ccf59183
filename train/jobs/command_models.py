"""The part of `python -m train jobs` that is about what came out: evaluate, promote, publish."""

import argparse
import sys
from typing import Any

from colorizer.errors import OptionError
from train.settings import get_train_settings


def add_arguments(commands: Any) -> None:
    """The three commands.

    Args:
        commands: the subparsers of `python -m train jobs`.
    """
    one = _add(commands, "evaluate", "measure a run's model beside the default, as a job on this machine")
    one.add_argument("--limit", type=int, help="only the first so many validation pictures")
    one.add_argument("--device", default="cpu", help="cpu, or gpu:0 (default: cpu)")
    one.set_defaults(work=_evaluate)
    one = _add(commands, "promote", "let Colorize have a run's model")
    one.add_argument("--name", default="", help="what it will be called (default: the weights' name)")
    one.add_argument("--default", action="store_true", help="Colorize takes it where no model is named")
    one.add_argument("--yes", action="store_true", help="also if it is worse, or another has that name")
    one.set_defaults(work=_promote)
    one = _add(commands, "publish", "put a run's weights and card on the Hugging Face Hub")
    one.add_argument("repository", metavar="USER/NAME", help="model repository; made if need be")
    one.add_argument("--public", action="store_true", help="everybody may see it (default: private)")
    one.set_defaults(work=_publish)


def _add(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary)
    parser.add_argument("job", metavar="JOB", help="its id, or the beginning of it")
    return parser


def agrees(question: str) -> bool:
    """Ask at the terminal; no where there is nobody to ask."""
    if not sys.stdin.isatty():
        print("train jobs: nobody is here to ask; say --yes.", file=sys.stderr)
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _evaluate(args: argparse.Namespace) -> None:
    from train.jobs.command import find
    from train.promote import evaluate

    job = evaluate(find(args.job), limit=args.limit, device=args.device)
    print(f"{job.id}: the report comes to the run's folder, {find(args.job).folder / 'report'}")


def _promote(args: argparse.Namespace) -> int:
    from train.jobs.command import find
    from train.promote import NeedsConfirmation, promote

    folder = find(args.job).folder
    try:
        done = promote(folder, args.name, as_default=args.default, confirmed=args.yes)
    except NeedsConfirmation as error:
        print(error)
        if not agrees("Promote it all the same?"):
            return 1
        done = promote(folder, args.name, as_default=args.default, confirmed=True)
    print(done.sentence)
    return 0


def _publish(args: argparse.Namespace) -> None:
    from train.jobs.command import find
    from train.publish import publish

    token = get_train_settings().token
    if not token:
        raise OptionError("Publishing needs a token of the Hugging Face Hub; set HF_TOKEN.")
    done = publish(find(args.job).folder, args.repository, token, not args.public)
    print(f"published at {done.url}; exactly this one is the model {done.reference}")
