"""One interface, three engines: this machine, Slurm, Hugging Face Jobs.

engine = engines.get("slurm")
if not (problems := engine.check(order, recipe)):
    number = engine.submit(job)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from colorizer.errors import OptionError, RanginError
from train.jobs.job import Job, Order, State

if TYPE_CHECKING:
    from train.recipe import Recipe


class Problem(NamedTuple):
    """Why an order can't be carried out, told before anything starts."""

    field: str
    """The form's: recipe, dataset, name, start, epochs, batch, rate, size, augment, stopping, overrides, engine,
    device, partition, account, gpus, nodes, tasks, cpus, memory_gb, minutes, flavor, token, disk, folder, out,
    shards."""
    sentence: str


class Refused(OptionError):  # noqa: N818  an answer, not a fault
    """An order that can't be carried out; all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(f"{problem.field}: {problem.sentence}" for problem in problems))
        self.problems = tuple(problems)


class EngineError(RanginError):
    """An engine that doesn't take a job, or can't be asked: a sentence with what it said."""


@dataclass(frozen=True)
class Seen:
    """What an engine knows of a job now."""

    state: State | None
    """None: it knows nothing of it, any more or yet."""
    sentence: str = ""


class Engine(Protocol):
    """Hands jobs over, and says how they are."""

    name: str
    """As in `Hardware.engine`."""
    title: str
    """For people."""

    def unavailable(self) -> str:
        """Why it can't be used here, in a sentence; empty when it can. Quick: asked for each page."""
        ...

    def check(self, order: Order, recipe: "Recipe | None") -> list[Problem]:
        """What of an order this engine can't do: hardware it doesn't have, limits, a missing token.

        Args:
            recipe: of fit, as resolved; None where that has problems of its own, or of other kinds.
        """
        ...

    def submit(self, job: Job) -> str:
        """Hand the job over (again: a job that was stopped or lost goes on from its checkpoint).

        Returns:
            The engine's own number for it.

        Raises:
            EngineError: it was not taken.
        """
        ...

    def look(self, job: Job) -> Seen:
        """How it is. May bring files of the job's folder up to date. Raises EngineError if it can't be asked."""
        ...

    def logs(self, job: Job, lines: int) -> str:
        """The end of what the job printed."""
        ...

    def cancel(self, job: Job) -> None:
        """Ask for the end, in which a checkpoint is written. Returns at once; `look` says when it has ended."""
        ...
