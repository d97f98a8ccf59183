"""The command line of large archives.

python -m colorizer colorize FOLDER --out DIR --shard 2/4                   this part, here and now
python -m colorizer colorize FOLDER --out DIR --engine slurm --shards 40    all parts, as one job; waits for its end
python -m colorizer shard DIR 2/4                                           a part of what is planned, as jobs run it

Each may be run again at any time: what is done is skipped.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.errors import OptionError
from colorizer.settings import ROOT

if TYPE_CHECKING:
    from colorizer.batch import Row
    from colorizer.shards import Plan, Shard, Wishes

ENGINES = ("local", "slurm")
# What a cluster is asked for; `python -m train jobs colorize` takes the same.
HARDWARE = {
    "--partition": "Slurm's; its default without",
    "--account": "Slurm's, where it wants one",
    "--gpus": "1: each part gets a GPU of the cluster",
    "--cpus": "cores a part, on Slurm",
    "--memory-gb": "memory a part, on Slurm",
    "--minutes": "the longest a part may take, on Slurm",
}
# Seconds between lines on how far a part is, where there is no terminal for a bar.
_EVERY = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `colorize` takes for archives."""
    group = parser.add_argument_group("large archives")
    group.add_argument(
        "--engine", choices=ENGINES, help="as a job: on this machine, or on a Slurm cluster; needs --shards"
    )
    group.add_argument("--shards", type=int, metavar="N", help="how many parts the job has")
    group.add_argument("--no-wait", action="store_true", help="don't wait for the job's end")
    group.add_argument("--shard", metavar="K/N", help="only this part of N, here and now")
    group.add_argument(
        "--retry",
        action="store_true",
        help="in parts: try photos with an error again, instead of skipping them",
    )
    for option, meaning in HARDWARE.items():
        group.add_argument(
            option, metavar="NAME" if option in ("--partition", "--account") else "N", help=meaning
        )


def add_shard(commands: Any) -> argparse.ArgumentParser:
    """The command `shard`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "shard", help="one part of a planned archive, as jobs run it", description=shard.__doc__
    )
    parser.add_argument("out", type=Path, metavar="DIR", help="folder that was planned to be written to")
    parser.add_argument("shard", metavar="K/N", help="which part of how many")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--retry", action="store_true", help="try photos with an error again")
    parser.set_defaults(run=shard)
    return parser


def is_wanted(options: argparse.Namespace) -> bool:
    """Whether `colorize` is to work in parts."""
    given = (options.engine, options.shards, options.shard, options.no_wait, options.retry)
    return any(given) or any(getattr(options, _key(name)) for name in HARDWARE)


def run(options: argparse.Namespace) -> int:
    """`colorize` in parts: one of them here, or all as a job.

    Raises:
        OptionError: what was given doesn't go together, or the batch can't be planned.
    """
    if options.shard is None and options.engine is None:
        raise OptionError(
            "Say which part (--shard 2/4), or have all parts done as a job (--engine local --shards 4)."
        )
    if options.shard is not None:
        jobs_only = ["--engine", "--shards", "--no-wait", *HARDWARE]
        if given := [name for name in jobs_only if getattr(options, _key(name))]:
            raise OptionError(f"One part is run here and now: leave out {', '.join(given)}, or --shard.")
        return _one(options)
    if options.shards is None:
        raise OptionError("Say in how many parts: --shards 4, for example.")
    return _as_job(options)


def shard(options: argparse.Namespace) -> int:
    """Work through one part of a planned archive. Exit code 0: each of its photos has its output or its error row."""
    from colorizer import shards

    planned, part = shards.read(options.out), shards.Shard.parse(options.shard)
    done = _work(planned, part, options.device, options.retry)
    return 130 if done is None else 0


def wishes(options: argparse.Namespace) -> "Wishes":
    """How photos are to be painted, as the command line says it."""
    from colorizer.shards import Wishes

    model = os.path.abspath(options.model) if os.path.isfile(options.model) else options.model
    hints = tuple(f"{hint.x!r},{hint.y!r},{hint.color}" for hint in options.hint)
    steered = (options.light, options.warmth, options.tint, hints, options.suggestions)
    return Wishes(model, options.ethnicity, options.vividness, *steered)


def _one(options: argparse.Namespace) -> int:
    """Plan, if that isn't done, and work through one part."""
    from colorizer import shard_rows, shards

    part, wanted = shards.Shard.parse(options.shard), wishes(options)
    wanted.check()
    leave_out = [] if options.report is None else [options.report]
    planned = shards.plan(options.input, options.out, wanted, leave_out)
    done = _work(planned, part, options.device, options.retry)
    if options.report is not None:
        shard_rows.merge(planned, options.report)
    if done is None:
        return 130
    for row in done:
        print(f"  {row.file}: {row.error}")
    return 1 if done else 0


def _work(planned: "Plan", part: "Shard", device: str, retry: bool) -> "list[Row] | None":
    """Paint what is left of a part, telling how far it is; its error rows, or None if it was stopped."""
    from tqdm import tqdm

    from colorizer import shard_rows
    from colorizer.shard_run import ShardRun

    def load() -> Any:
        from colorizer.pipeline import Colorizer  # PyTorch, which a part that is done needs not

        return Colorizer.load(planned.wishes.model, device)

    start = told = time.perf_counter()
    count = 0
    try:
        with _terminable(once=True), ShardRun(planned, part, retry) as work:
            before = work.total - len(work.left)
            print(f"{part}: {work.total} photos, {before} of them done before", flush=True)
            rows = work.rows(load) if work.left else iter(())
            for _ in tqdm(rows, total=len(work.left), unit="photo", disable=None, file=sys.stderr):
                count += 1
                if time.perf_counter() - told > _EVERY:
                    told = time.perf_counter()
                    print(f"{part}: {before + count} of {work.total}", flush=True)
    except KeyboardInterrupt:
        print(f"{part}: stopped after {count} photos; run again, it goes on", flush=True)
        return None
    mine = part.indices(len(planned.files))
    known = shard_rows.known(planned).entries
    failed = [
        shard_rows.row(planned, index, known[index])
        for index, is_error in shard_rows.done(planned, mine, known).items()
        if is_error
    ]
    seconds = time.perf_counter() - start
    print(
        f"{part}: {len(mine) - len(failed)} of {len(mine)} photos are coloured, {len(failed)} failed ({seconds:.0f} s)"
    )
    so_far = shard_rows.so_far(planned.out, part.of)
    if so_far.photos == len(planned.files) and not so_far.left:
        totals = shard_rows.merge(planned)
        print(f"all parts: {totals.done} coloured, {totals.failed} failed, {totals.left} left", flush=True)
    return failed


def _as_job(options: argparse.Namespace) -> int:
    """Hand the archive to `python -m train jobs colorize`, which waits for it; that one's exit code."""
    if not (ROOT / "train" / "__main__.py").is_file():
        raise OptionError("Jobs need Rangin's folder train beside this one; run parts by hand with --shard.")
    command = [*map(os.path.abspath, options.input), "--out", os.path.abspath(options.out)]
    command += ["--engine", options.engine, f"--shards={options.shards}", f"--device={options.device}"]
    wanted = wishes(options)
    for name in ("model", "ethnicity", "vividness", "light", "warmth", "tint", "suggestions"):
        command.append(f"--{name}={getattr(wanted, name)}")
    command += [f"--hint={hint}" for hint in wanted.hints]
    for name in HARDWARE:
        if (value := getattr(options, _key(name))) is not None:
            command.append(f"{name}={value}")
    if options.report is not None:
        command.append(f"--report={os.path.abspath(options.report)}")
    command += ["--retry"] if options.retry else []
    command += [] if options.no_wait else ["--wait"]
    return _follow([sys.executable, "-m", "train", "jobs", "colorize", *command])


def _follow(command: Sequence[str]) -> int:
    """Run a command that uses this terminal, and pass on to it what this process is told."""
    with _terminable(), subprocess.Popen(command, cwd=ROOT) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                # The terminal may have told it too; it takes several requests for one.
                child.send_signal(signal.SIGTERM)


@contextmanager
def _terminable(once: bool = False) -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does.

    Args:
        once: further requests don't interrupt what the first one has to tidy up; Slurm and a keeper send one each.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    was_asked = False

    def stop(number: int, _: object) -> None:
        nonlocal was_asked
        if not (once and was_asked):
            was_asked = True
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _key(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")
