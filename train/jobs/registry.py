"""All jobs of a folder, whichever engine they run on: order, look, stop, go on, delete.

    job = submit(Order(name="mine", recipe="ethnicity-aware"))      # Refused says all that is wrong with it
    standing = stand(job)                                           # standing.state, .sentence, .share, .best, ...
    cancel(job); resume(job); print(what_goes(job)); delete(job)

Everything is read from the jobs' folders, so every process that looks at them sees the same.
"""

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from colorizer.errors import OptionError, RanginError
from train.jobs import engines, fitting, kinds, tokens, trash
from train.jobs import job as jobs
from train.jobs.engine import EngineError, Problem, Refused
from train.jobs.job import Job, Order, State
from train.jobs.looking import Standing, logs, settle, stand, standings
from train.jobs.watch import Watch, tick
from train.settings import TrainSettings, get_train_settings

if TYPE_CHECKING:
    from train.recipe import Recipe

log = logging.getLogger(__name__)

__all__ = [
    "Standing",
    "Watch",
    "cancel",
    "check",
    "delete",
    "logs",
    "resume",
    "stand",
    "standings",
    "submit",
    "tick",
    "what_goes",
]


def check(
    order: Order, settings: TrainSettings | None = None, token: str | None = None, anywhere: bool = False
) -> "tuple[list[Problem], Recipe | None]":
    """All that is wrong with an order, and of training its recipe as resolved; nothing is started or written.

    Args:
        token: a visitor's for the Hugging Face Hub.
        anywhere: paths may lead out of the folders for jobs; for who could read there without us, too.
    """
    settings = settings or get_train_settings()
    tokens.keep(token, order.who)
    problems, recipe = kinds.check(order, settings, anywhere)
    if ".." in order.name:
        problems.append(Problem("name", "Two dots in a row lead out of a folder; choose another name."))
    engine = engines.get(order.hardware.engine)
    if reason := engine.unavailable():
        return [*problems, Problem("engine", reason)], recipe
    try:
        problems += engine.check(order, recipe)
    except EngineError as error:
        problems.append(Problem("engine", str(error)))
    return problems, recipe


def submit(
    order: Order, settings: TrainSettings | None = None, token: str | None = None, anywhere: bool = False
) -> Job:
    """Check an order, make its folder, hand it over.

    Args:
        token: a visitor's for the Hugging Face Hub; kept in memory only.
        anywhere: paths may lead out of the folders for jobs.

    Raises:
        Refused: with all that is wrong; nothing was made.
        EngineError: the engine didn't take it; nothing is left of it.
        OptionError: the runs folder can't be written.
    """
    settings = settings or get_train_settings()
    problems, recipe = check(order, settings, token, anywhere)
    if problems:
        raise Refused(problems)
    job = jobs.create(order, settings.runs)
    try:
        if recipe is not None:
            fitting.write(job, recipe)
        tokens.keep(token, job.id)
        return _hand_over(_ready(job))
    except BaseException as error:
        tokens.forget(job.id)
        with contextlib.suppress(OptionError):
            trash.put(job.folder)
        if isinstance(error, OSError):
            raise OptionError(
                f"{settings.runs} can't be written ({error.strerror}); make room there, or set RANGIN_RUNS."
            ) from error
        raise


def _ready(job: Job) -> Job:
    """job.json as it is when an engine gets the job."""
    values = {"state": State.WAITING, "wants_stop": False, "asked": None, "sentence": "", "number": ""}
    times = {"submitted": time.time(), "started": None, "ended": None, "attempts": job.attempts + 1}
    return jobs.change(job.folder, command=kinds.command(job), **values, **times)


def _hand_over(job: Job) -> Job:
    engine = engines.get(job.order.hardware.engine)
    number = engine.submit(job)
    if not number:
        return jobs.read(job.folder) or job
    try:
        return jobs.change(job.folder, number=number)
    except (OSError, OptionError):  # a full disk; it must not run, and cost, where nobody finds it
        with contextlib.suppress(OSError, RanginError):
            engine.cancel(job.model_copy(update={"number": number}))
        raise


def cancel(job: Job) -> None:
    """Have a job end, with a checkpoint; returns at once.

    Raises:
        OptionError: it is over, or was deleted.
        EngineError: its engine can't be asked; it goes on.
    """
    settle(job)  # one that failed while nobody looked has not stopped on request
    with jobs.held(job.folder):
        job = jobs.change(job.folder)
        if job.state.is_over:
            raise OptionError(f"{job.id} is over already ({job.state.value}).")
        job = jobs.change(job.folder, wants_stop=True, asked=job.asked or time.time())
    try:
        engines.get(job.order.hardware.engine).cancel(job)
    except EngineError:
        jobs.change(job.folder, wants_stop=False, asked=None)
        raise


def resume(job: Job, token: str | None = None, who: str = "") -> Job:
    """Have a job that was stopped, lost or failed go on from its last checkpoint, in the same folder.

    Args:
        token: a visitor's for the Hugging Face Hub; kept in memory only.
        who: whose token that is; whoever ordered the job if empty.

    Raises:
        OptionError: it is at work, has finished, or was deleted.
        Refused: its engine can't do it now.
        EngineError: its engine didn't take it; it stays as it was.
    """
    who = who or job.order.who
    tokens.keep(token, who)
    engine = engines.get(job.order.hardware.engine)
    if reason := engine.unavailable():
        raise Refused([Problem("engine", reason)])
    recipe = fitting.read(job.folder) if job.order.kind == "fit" else None
    if problems := engine.check(job.order.model_copy(update={"who": who}), recipe):
        raise Refused(problems)
    with jobs.held(job.folder):
        before = jobs.change(job.folder)
        if not before.state.is_over:
            raise OptionError(f"{job.id} is {before.state.value}; only what has ended can be resumed.")
        if before.state == State.FINISHED:
            raise OptionError(f"{job.id} has finished; start a new run to train for longer.")
        job = _ready(before)  # no longer over: whoever resumes it now, too, is refused
    tokens.keep(token, job.id)
    try:
        return _hand_over(job)
    except (EngineError, OptionError):
        tokens.forget(job.id)
        kept = ("state", "sentence", "number", "submitted", "started", "ended", "attempts", "wants_stop")
        jobs.change(job.folder, **{name: getattr(before, name) for name in kept})
        raise


def what_goes(job: Job) -> str:
    """What deleting a job takes with it, and what it leaves elsewhere, in a few sentences."""
    what_stays = getattr(engines.get(job.order.hardware.engine), "what_stays", None)
    stays = what_stays(job) if what_stays else ""
    return f"{trash.inventory(job)} {stays}".rstrip()


def delete(job: Job) -> None:
    """Remove a job's folder.

    Raises:
        OptionError: it is not over, something else uses it, or it was deleted already.
    """
    users = [
        other.id
        for other in jobs.everything(job.folder.parent)
        if other.order.arguments.get("of") == job.id and not other.state.is_over
    ]
    if users:
        raise OptionError(f"{job.id} is being measured by {users[0]}; stop that first.")
    with jobs.held(job.folder):
        job = jobs.change(job.folder)
        if not job.state.is_over:
            raise OptionError(f"{job.id} is {job.state.value}; stop it before it is deleted.")
        trash.put(job.folder)
    tokens.forget(job.id)
