"""Jobs from the command line: the same that the Train tab does.

python -m train jobs submit ethnicity-aware --engine local --device gpu:0 --name first batch=32
python -m train jobs submit ethnicity-aware --engine slurm --partition gpu --gpus 1 --minutes 240
python -m train jobs list
python -m train jobs status|logs|cancel|resume|delete JOB           JOB: its id, or the beginning of it
python -m train jobs logs JOB --follow
python -m train jobs evaluate|promote|publish JOB
python -m train jobs colorize FOLDER --out DIR --engine slurm --shards 40

Exit code 0: done; 1: a sentence says why not; 130: Ctrl-C, which leaves the jobs alone.
"""

import argparse
import getpass
import sys
import time
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from colorizer.errors import OptionError, RanginError
from train.jobs import batch_command, command_models, engines, registry
from train.jobs import job as jobs
from train.jobs.engine import Refused
from train.jobs.job import Hardware, Job, Order
from train.jobs.looking import Standing
from train.settings import get_train_settings

# How long `cancel` waits for the end.
_PATIENCE = 20.0
_PAUSE = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train jobs`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = commands.add_parser("submit", help="start a training")
    add.add_argument("recipe", help="a YAML file, or the name of one in train/recipes")
    add.add_argument("overrides", nargs="*", metavar="key=value", help="replace a value of the recipe")
    add.add_argument("--name", default="", help="of the weights that come out (default: the recipe's)")
    for name, field in Hardware.model_fields.items():
        _add_hardware(add, name, field)
    add.set_defaults(work=_submit)
    commands.add_parser("list", help="all jobs, the newest first").set_defaults(work=_list)
    for name, (work, summary) in _ACTIONS.items():
        one = commands.add_parser(name, help=summary)
        one.add_argument("job", metavar="JOB", help="its id, or the beginning of it")
        one.set_defaults(work=work)
        if name == "logs":
            one.add_argument(
                "--lines", type=_count, default=100, help="how many of the last lines (default: 100)"
            )
            one.add_argument("--follow", action="store_true", help="go on until the job ends")
        if name == "delete":
            one.add_argument("--yes", action="store_true", help="don't ask")
    command_models.add_arguments(commands)
    colorize = commands.add_parser("colorize", help="colour a large archive in parts")
    batch_command.add_arguments(colorize)
    colorize.set_defaults(work=batch_command.run)


def _add_hardware(parser: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    option = f"--{name.replace('_', '-')}"
    if name == "engine":
        parser.add_argument(option, choices=tuple(engines.ENGINES), default="local", help="where it runs")
        return
    parser.add_argument(option, dest=name, metavar=name.upper(), help=field.description)


def _count(text: str) -> int:
    """At least 1; argparse tells a ValueError."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train jobs`; its exit code."""
    try:
        return int(args.work(args) or 0)
    except Refused as error:
        for problem in error.problems:
            print(f"train jobs {args.action}: {problem.field}: {problem.sentence}", file=sys.stderr)
        return 1
    except RanginError as error:
        print(f"train jobs {args.action}: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # somebody else's folder, a full disk
        where = f"{error.filename}: " if error.filename else ""
        print(f"train jobs {args.action}: {where}{error.strerror or error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def find(beginning: str) -> Job:
    """The job of that id, or the only one whose id begins so.

    Raises:
        OptionError: there is none, or there are several.
    """
    runs = get_train_settings().runs
    found = [job for job in jobs.everything(runs) if beginning and job.id.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    if len(found) > 1 and all(job.id != beginning for job in found):
        some = ", ".join(job.id for job in found[:5])
        raise OptionError(f"{len(found)} jobs begin with {beginning[:80]!r}: {some}; say more of it.")
    return jobs.find(beginning, runs)


def _submit(args: argparse.Namespace) -> None:
    given = {name: getattr(args, name) for name in Hardware.model_fields}
    try:
        hardware = Hardware(**{name: value for name, value in given.items() if value is not None})
        order = Order(
            name=args.name or _own_name(args),
            who=_me(),
            recipe=args.recipe,
            overrides=tuple(args.overrides),
            hardware=hardware,
        )
    except ValidationError as error:
        raise OptionError(_explain(error)) from error
    job = registry.submit(order, anywhere=True)
    print(f"{job.id}: {registry.stand(job).sentence}")
    print(f"follow it with: python -m train jobs logs {job.id} --follow")


def _own_name(args: argparse.Namespace) -> str:
    from train import recipe

    return recipe.load(args.recipe, list(args.overrides)).name[:40]


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "it"
    described = Hardware.model_fields.get(name)
    allowed = f" {described.description}" if described is not None else ""
    if name == "name":
        allowed = " Small letters, digits and . _ - are allowed, at most 40, the first a letter or digit."
    return f"--{name.replace('_', '-')}: {str(first['input'])[:80]!r} can't be taken.{allowed}"


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without names
        return ""


def _list(args: argparse.Namespace) -> None:
    registry.tick()
    rows: list[tuple[str, ...]] = [("JOB", "STATE", "DONE", "LEFT", "BEST", "ENGINE", "WHO")]
    rows += [_row(standing) for standing in registry.standings()]
    if len(rows) == 1:
        print(f"There are no jobs in {get_train_settings().runs}.")
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(standing: Standing) -> tuple[str, ...]:
    order = standing.job.order
    share = "" if standing.share is None else f"{standing.share:.0%}"
    best = "" if standing.best is None else f"{standing.best:.4g} {standing.metric}"
    left = "" if standing.seconds_left is None else _duration(standing.seconds_left)
    engine = f"{order.hardware.engine} {order.hardware.device if order.hardware.engine == 'local' else ''}"
    return standing.job.id, standing.state.value, share, left, best, engine.strip(), order.who


def _status(args: argparse.Namespace) -> None:
    standing = registry.stand(find(args.job))
    job = standing.job
    print(f"{job.id}: {standing.state.value}. {standing.sentence}".rstrip())
    if standing.step is not None:
        of = f" of {standing.steps}" if standing.steps else ""
        left = "" if standing.seconds_left is None else f", {_duration(standing.seconds_left)} left"
        print(f"step {standing.step}{of}{left}")
    if standing.best is not None:
        print(f"best {standing.metric} {standing.best:.5g}")
    times: dict[str, Any] = {
        "submitted": standing.submitted,
        "started": standing.started,
        "ended": standing.ended,
    }
    for word, moment in times.items():
        if moment is not None:
            print(f"{word} {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(moment))}")
    print(f"folder {job.folder}")


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"


def _logs(args: argparse.Namespace) -> int:
    job = find(args.job)
    if not args.follow:
        print(registry.logs(job, args.lines))
        return 0
    said: list[str] = []
    while True:
        standing = registry.stand(job)
        lines = registry.logs(standing.job, max(args.lines, 1000)).splitlines()
        fresh = _after(said, lines)
        for line in fresh if said else lines[-args.lines :]:
            print(line, flush=True)
        said = lines
        if standing.state.is_over:
            print(f"{job.id}: {standing.state.value}. {standing.sentence}")
            return int(standing.state != jobs.State.FINISHED)
        time.sleep(_PAUSE)


def _after(said: list[str], lines: list[str]) -> list[str]:
    """What of the last lines is new: all behind the longest end of what was said with which they begin or go on."""
    for start in range(len(said)):
        known = said[start:]
        if lines[: len(known)] == known:
            return lines[len(known) :]
    return lines


def _cancel(args: argparse.Namespace) -> None:
    job = find(args.job)
    registry.cancel(job)
    until = time.monotonic() + _PATIENCE
    while not (standing := registry.stand(job)).state.is_over and time.monotonic() < until:
        time.sleep(0.3)
    print(f"{job.id}: {standing.state.value}. {standing.sentence}".rstrip())


def _resume(args: argparse.Namespace) -> None:
    job = registry.resume(find(args.job))
    print(f"{job.id}: {registry.stand(job).sentence}")


def _delete(args: argparse.Namespace) -> int:
    job = find(args.job)
    print(registry.what_goes(job))
    if not args.yes and not command_models.agrees("Delete it?"):
        return 1
    registry.delete(job)
    return 0


_ACTIONS = {
    "status": (_status, "how a job is"),
    "logs": (_logs, "what a job printed"),
    "cancel": (_cancel, "have a job end, with a checkpoint"),
    "resume": (_resume, "have a job that ended go on from its checkpoint"),
    "delete": (_delete, "remove a job's folder"),
}
