"""What a Slurm cluster can't do of an order, found before it is submitted."""

from typing import TYPE_CHECKING

from train.jobs import slurm_ask
from train.jobs.engine import EngineError, Problem
from train.jobs.job import Order
from train.jobs.slurm_ask import Partition

if TYPE_CHECKING:
    from train.recipe import Recipe


def check(order: Order, recipe: "Recipe | None", found: list[Partition]) -> list[Problem]:
    """All that is wrong, each at its field.

    Args:
        recipe: of fit, as resolved; None where it has problems of its own, or for other kinds of work.
        found: what the cluster has.
    """
    hardware, problems = order.hardware, []
    if hardware.device != "cpu":
        problems.append(
            Problem("device", "On Slurm, GPUs are asked for by their number; leave device at cpu.")
        )
    if hardware.flavor:
        problems.append(Problem("flavor", "Slurm knows no flavours; leave it empty."))
    problems += _processes(order, recipe)
    partition = _chosen(found, hardware.partition)
    if partition is None:
        names = ", ".join(known.name for known in found)
        what = (
            f"There is no partition {hardware.partition!r}" if hardware.partition else "None is the default"
        )
        return [*problems, Problem("partition", f"{what}; choose one of: {names}.")]
    problems += _limits(order, partition)
    if not problems and (said := _refusal(order)):
        problems.append(Problem("engine", f"Slurm refuses this: {said}"))
    return problems


def megabytes(memory_gb: float | None) -> str:
    """As sbatch takes it; empty for its default."""
    return f"{round(memory_gb * 1024)}M" if memory_gb else ""


def _chosen(found: list[Partition], name: str) -> Partition | None:
    if name:
        return next((partition for partition in found if partition.name == name), None)
    return next((partition for partition in found if partition.is_default), None)


def _processes(order: Order, recipe: "Recipe | None") -> list[Problem]:
    """Whether as many processes start as the work is for."""
    hardware, problems = order.hardware, []
    if order.kind != "fit":
        if hardware.tasks * hardware.nodes > 1:
            problems.append(
                Problem("tasks", "Only training is shared by several processes; use 1 task and 1 node.")
            )
        return problems
    if recipe is not None and recipe.devices != hardware.tasks:
        problems.append(
            Problem("tasks", f"Slurm would start {hardware.tasks} a node, the recipe is for {recipe.devices}: "
                    f"add devices={hardware.tasks} to the overrides, or choose {recipe.devices} here.")
        )  # fmt: skip
    if recipe is not None and recipe.num_nodes != hardware.nodes:
        problems.append(
            Problem("nodes", f"Slurm would use {hardware.nodes}, the recipe is for {recipe.num_nodes}: "
                    f"add num_nodes={hardware.nodes} to the overrides, or choose {recipe.num_nodes} here.")
        )  # fmt: skip
    if hardware.gpus and hardware.gpus != hardware.tasks:
        problems.append(
            Problem("gpus", f"Each process uses one GPU: for {hardware.gpus} a node, start as many tasks.")
        )
    return problems


def _limits(order: Order, partition: Partition) -> list[Problem]:
    hardware, name, problems = order.hardware, partition.name, []
    if not partition.is_up:
        problems.append(Problem("partition", f"Partition {name} takes no jobs at the moment."))
    if hardware.nodes > partition.count:
        problems.append(Problem("nodes", f"Partition {name} has {partition.count}, not {hardware.nodes}."))
    if hardware.gpus > partition.most("gpus"):
        has = partition.most("gpus") or "no"
        problems.append(Problem("gpus", f"A node of partition {name} has {has} GPUs, not {hardware.gpus}."))
    if hardware.cpus * hardware.tasks > partition.most("cpus"):
        wanted = (
            f"{hardware.cpus} for each of {hardware.tasks} processes" if hardware.tasks > 1 else hardware.cpus
        )
        problems.append(
            Problem("cpus", f"A node of partition {name} has {partition.most('cpus')} cores, not {wanted}.")
        )
    memory = partition.most("memory_mb") / 1024
    if hardware.memory_gb and hardware.memory_gb > memory:
        problems.append(
            Problem(
                "memory_gb", f"A node of partition {name} has {memory:.1f} GB, not {hardware.memory_gb:g}."
            )
        )
    if partition.minutes is not None and hardware.minutes > partition.minutes:
        problems.append(
            Problem("minutes", f"Partition {name} allows {partition.minutes} minutes; a job that needs longer is "
                    "continued from its checkpoint.")
        )  # fmt: skip
    return problems


def _refusal(order: Order) -> str:
    """What Slurm itself says against it: combinations, accounts, quotas. Nothing is submitted."""
    hardware = order.hardware
    command = [
        "sbatch",
        "--test-only",
        "--job-name=check",
        f"--time={hardware.minutes}",
        f"--nodes={hardware.nodes}",
    ]
    command += [f"--ntasks-per-node={hardware.tasks}", f"--cpus-per-task={hardware.cpus}", "--wrap=true"]
    for option, value in (
        ("partition", hardware.partition),
        ("account", hardware.account),
        ("gpus-per-node", hardware.gpus),
        ("mem", megabytes(hardware.memory_gb)),
    ):
        if value:
            command.append(f"--{option}={value}")
    try:
        slurm_ask.say(*command)
    except EngineError as error:
        return str(error).removeprefix("Slurm: ")
    return ""
