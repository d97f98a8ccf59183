"""A large archive in colour, as a job: `python -m train jobs colorize`, which `python -m colorizer colorize` calls.

python -m train jobs colorize FOLDER --out DIR --engine slurm --shards 40 --wait

Exit code with --wait: 0: all photos are coloured; 1: some have an error row, or the job did not come to its end;
2: nothing was started; 130: it was stopped.
"""

import argparse
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from colorizer import shard_rows, shards
from colorizer.errors import OptionError, RanginError
from train.jobs import batch, gpus, registry
from train.jobs.engine import EngineError, Refused
from train.jobs.job import Hardware, Job, Order, State
from train.settings import get_train_settings

ENGINES = ("local", "slurm", "hf")
# What of a cluster can be chosen; the rest of `Hardware` is for training.
_SLURM = ("partition", "account", "gpus", "cpus", "memory_gb", "minutes")
_PAUSE = 1.0
# Failures that are told one by one; the report has all.
_TOLD = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train jobs colorize`."""
    wished = shards.Wishes()
    parser.add_argument(
        "input", nargs="+", metavar="INPUT", help="photos, and folders that are searched for photos"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write to; made if missing")
    parser.add_argument("--shards", required=True, type=int, metavar="N", help="in how many parts")
    parser.add_argument("--engine", choices=ENGINES, default="local", help="where it runs")
    parser.add_argument("--report", default="", metavar="FILE", help="a CSV with a row for each photo")
    parser.add_argument("--retry", action="store_true", help="try photos with an error again")
    parser.add_argument("--wait", action="store_true", help="wait for the end; Ctrl-C stops the job")
    parser.add_argument("--name", default="", help="of the job (default: the input's)")
    parser.add_argument(
        "--device", default="auto", metavar="auto|cpu|cuda|gpu:0,1", help="this machine's (default: auto)"
    )
    for name in _SLURM:
        described = Hardware.model_fields[name].description
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar=name.upper(), help=described)
    for name in ("model", "ethnicity", "light"):
        parser.add_argument(
            f"--{name}", default=getattr(wished, name), help="as for python -m colorizer colorize"
        )
    for name in ("vividness", "warmth", "tint"):
        parser.add_argument(f"--{name}", type=float, default=getattr(wished, name))
    parser.add_argument("--hint", action="append", default=[], metavar="X,Y,#rrggbb")
    parser.add_argument("--suggestions", type=int, default=0, metavar="N")


def run(args: argparse.Namespace) -> int:
    """Order the job, and with --wait see it through; the exit code."""
    try:
        job = registry.submit(order(args), anywhere=True)
    except Refused as error:
        for problem in error.problems:
            print(f"error: {problem.field}: {problem.sentence}", file=sys.stderr)
        return 2
    except RanginError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"job {job.id}: {registry.stand(job).sentence}", flush=True)
    if not args.wait:
        print(f"it goes on by itself: python -m train jobs status {job.id}")
        return 0
    return wait(job)


def order(args: argparse.Namespace) -> Order:
    """What the command line orders.

    Raises:
        OptionError: a part of it is impossible.
    """
    arguments = {
        "inputs": [os.path.abspath(path) for path in args.input],
        "out": os.path.abspath(args.out),
        "shards": args.shards,
        "report": os.path.abspath(args.report) if args.report else "",
        "retry": args.retry,
        "model": args.model,
        "ethnicity": args.ethnicity,
        "vividness": args.vividness,
        "light": args.light,
        "warmth": args.warmth,
        "tint": args.tint,
        "hints": args.hint,
        "suggestions": args.suggestions,
    }
    try:
        return Order(
            kind="colorize",
            name=args.name or _name(args.input[0]),
            who=_me(),
            arguments=arguments,
            hardware=_hardware(args),
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][-1]).replace("_", "-") if first["loc"] else "it"
        raise OptionError(f"--{name} {str(first['input'])[:80]!r} can't be taken: {first['msg']}.") from error


def wait(job: Job) -> int:
    """Show how far it is until it is over; Ctrl-C or SIGTERM stops it. The exit code."""
    from tqdm import tqdm

    bar: Any = tqdm(unit="photo", disable=None, file=sys.stderr)
    heard, was_stopped, said = 0, False, ""
    with _requests() as requests, bar:
        while True:
            if len(requests) > heard and not was_stopped:
                heard = len(requests)
                was_stopped = _stop(job)
            standing = registry.stand(job)
            bar.total, bar.n = standing.steps, standing.step or 0
            bar.refresh()
            now = f"{standing.state.value}: {standing.sentence}"
            if bar.disable and now != said and not standing.state.is_over:
                said = now
                print(now, flush=True)
            if standing.state.is_over:
                break
            time.sleep(_PAUSE)
    print(f"job {job.id}: {standing.state.value}. {standing.sentence}", flush=True)
    failed = _report(job)
    if was_stopped and standing.state != State.FINISHED:
        return 130
    if standing.state != State.FINISHED:
        print(f"python -m train jobs resume {job.id} goes on; so does the same command", flush=True)
        return 1
    return 1 if failed else 0


def _stop(job: Job) -> bool:
    """Have it end; False, with the reason, where its engine doesn't take that: then Ctrl-C tries again."""
    try:
        registry.cancel(job)
    except OptionError:  # it is over already
        return True
    except EngineError as error:
        print(f"it goes on: {error} Ctrl-C tries again to stop it.", file=sys.stderr, flush=True)
        return False
    return True


def _report(job: Job) -> int:
    """Write the report of what there is, and tell the photos that failed; how many there are."""
    wanted = batch.archive(job.order)
    planned = shards.read(Path(wanted.out))
    totals = shard_rows.merge(planned, Path(wanted.report) if wanted.report else None)
    for number, row in enumerate(shard_rows.failures(planned)):
        if number == _TOLD:
            print(f"  and {totals.failed - number} more")
            break
        print(f"  {row.file}: {row.error}")
    return totals.failed


def _hardware(args: argparse.Namespace) -> Hardware:
    given = {name: getattr(args, name) for name in _SLURM if getattr(args, name) is not None}
    device = _device(args.device) if args.engine == "local" else "cpu"
    return Hardware(engine=args.engine, device=device, **given)


def _device(text: str) -> str:
    """As `Hardware.device` names it."""
    if text not in ("auto", "cuda"):
        return text
    found = gpus.allowed(get_train_settings().gpus)
    if found:
        return found[0].device
    return "gpu:0" if text == "cuda" else "cpu"


def _name(path: str) -> str:
    """A job's name from what it colours."""
    plain = re.sub(r"[^a-z0-9]+", "-", os.path.basename(os.path.abspath(path)).lower()).strip("-")
    return f"colorize-{plain}"[:40].rstrip("-")


def _me() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without names
        return ""


@contextmanager
def _requests() -> Iterator[list[int]]:
    """The signals that ask for the end, as they come; a terminal and a calling process may send one each."""
    found: list[int] = []
    before = {
        number: signal.signal(number, lambda heard, _: found.append(heard))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
