"""What Slurm says: its partitions, and how its jobs are; by squeue, sinfo and, where there is one, the accounting.

partitions()                    what `sinfo` says
found = state("4711", "faces-20260101-120000-ab12")

Each answer is kept for a moment, since pages ask every other second for each job that they show.
"""

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from train.jobs.engine import EngineError

PROGRAMS = ("sbatch", "srun", "scancel", "squeue", "sinfo")
# Seconds after which a controller that says nothing is taken for absent, and for how long answers are kept.
PATIENCE = 8.0
FRESH = {"partitions": 10.0, "queue": 1.0, "accounting": 60.0}
# Slurm's words for what has ended for good.
OVER = (
    *("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL"),
    *("DEADLINE", "PREEMPTED", "REVOKED"),
)
_SEPARATOR = "|"
T = TypeVar("T")


@dataclass(frozen=True)
class Nodes:
    """A partition's nodes of one kind."""

    count: int
    cpus: int
    memory_mb: int
    gpus: int


@dataclass(frozen=True)
class Partition:
    """One queue of the cluster."""

    name: str
    is_default: bool
    is_up: bool
    minutes: int | None
    """The longest a job may take; None: as long as it likes."""
    nodes: tuple[Nodes, ...]

    @property
    def count(self) -> int:
        """Nodes of all kinds."""
        return sum(kind.count for kind in self.nodes)

    def most(self, what: str) -> int:
        """The most cpus, memory_mb or gpus that one node has."""
        return max((getattr(kind, what) for kind in self.nodes), default=0)


@dataclass(frozen=True)
class Told:
    """One job, as Slurm knows it."""

    state: str
    """Slurm's own long word: PENDING, RUNNING, COMPLETING, CANCELLED, ..."""
    reason: str = ""
    """Why it waits, or how it ended."""

    @property
    def is_over(self) -> bool:
        """Whether nothing of it waits or runs."""
        return self.state in OVER


_lock = threading.Lock()
_answers: dict[Any, tuple[float, Any]] = {}


def forget() -> None:
    """Ask anew for everything: another cluster, or one that has changed."""
    with _lock:
        _answers.clear()


def say(*command: str) -> str:
    """What one of Slurm's programs prints.

    Raises:
        EngineError: it is missing, fails, or takes longer than PATIENCE seconds; with what it said.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise EngineError(f"{command[0]} can't be run on this machine ({error.strerror}).") from error
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"Slurm's controller did not answer {command[0]} within {PATIENCE:.0f} s."
        ) from error
    if done.returncode:
        raise EngineError(f"Slurm: {_errors(done.stderr) or f'{command[0]} failed'}")
    return done.stdout


def unavailable() -> str:
    """Why Slurm can't be used here, in a sentence; empty when it can."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        return f"There is no Slurm on this machine ({', '.join(missing)} missing)."
    try:
        found = partitions()
    except EngineError as error:
        return f"Slurm is installed here but can't be asked: {str(error).removeprefix('Slurm: ')}"
    return "" if found else "Slurm answers, but has no partition that you may use."


def partitions() -> list[Partition]:
    """All that this user may see, the default first.

    Raises:
        EngineError: the controller can't be asked.
    """
    return _kept("partitions", "partitions", _read_partitions)


def state(number: str, name: str) -> Told | None:
    """How the job of this number is; None where Slurm doesn't know it (any more), or knows it by another name.

    Args:
        number: "4711", or "4711_2" of an array.
        name: what it was submitted as: a controller that starts anew gives numbers again.

    Raises:
        EngineError: the controller can't be asked.
    """
    told = _kept("queue", "queue", _read_queue).get(number)
    if told is not None:
        return told[1] if told[0] == name else None
    return _kept("accounting", ("accounting", number), lambda: _read_accounting(number, name))


def at_work(name: str) -> list[str]:
    """The numbers of all jobs of this name that have not ended, oldest first.

    Raises:
        EngineError: the controller can't be asked.
    """
    queue = _kept("queue", "queue", _read_queue)
    found = [number for number, (its_name, told) in queue.items() if its_name == name and not told.is_over]
    return sorted(found, key=lambda number: [int(part) for part in number.split("_")])


def states(number: str, name: str) -> dict[int, Told]:
    """How each shard of an array of jobs is, by its index; shards that Slurm doesn't know (any more) are left out.

    Raises:
        EngineError: the controller can't be asked.
    """
    found = {}
    for known, (its_name, told) in _kept("queue", "queue", _read_queue).items():
        first, _, index = known.partition("_")
        if first == number and index.isdecimal() and its_name == name:
            found[int(index)] = told
    return found


def _kept(kind: str, key: Any, ask: Callable[[], T]) -> T:
    """An answer, at most as old as its kind may be. A failure is kept too: a dead controller answers slowly."""
    key = (os.environ.get("SLURM_CONF", ""), key)
    with _lock:
        when, answer = _answers.get(key, (0.0, None))
        if when and time.monotonic() - when < FRESH[kind]:
            if isinstance(answer, EngineError):
                raise answer
            return answer  # type: ignore[no-any-return]
        try:
            answer = ask()
        except EngineError as error:
            answer = error
        _answers[key] = (time.monotonic(), answer)
    if isinstance(answer, EngineError):
        raise answer
    return answer


def _read_partitions() -> list[Partition]:
    said = say("sinfo", "--noheader", "--exact", "--format=%P|%a|%l|%D|%c|%m|%G")
    found: dict[str, Partition] = {}
    for line in said.splitlines():
        fields = [field.strip() for field in line.split(_SEPARATOR)]
        if len(fields) != 7 or not fields[0]:
            continue
        name, is_default = fields[0].rstrip("*"), fields[0].endswith("*")
        kind = Nodes(_number(fields[3]), _number(fields[4]), _number(fields[5]), count_gpus(fields[6]))
        before = found[name].nodes if name in found else ()
        found[name] = Partition(name, is_default, fields[1] == "up", read_minutes(fields[2]), (*before, kind))
    return sorted(found.values(), key=lambda partition: (not partition.is_default, partition.name))


def _read_queue() -> dict[str, tuple[str, Told]]:
    """All jobs of this user that the controller remembers: number -> name and how it is."""
    mine = f"--user={os.getuid()}"
    said = say("squeue", "--noheader", "--array", "--states=all", mine, "--format=%i|%T|%r|%j")
    found = {}
    for line in said.splitlines():
        number, _, rest = line.partition(_SEPARATOR)
        word, _, rest = rest.partition(_SEPARATOR)
        reason, _, name = rest.partition(_SEPARATOR)
        found[number.strip()] = (name.strip(), Told(word.strip(), reason.strip()))
    return found


def _read_accounting(number: str, name: str) -> Told | None:
    """What the accounting remembers, which many small clusters don't have."""
    if shutil.which("sacct") is None:
        return None
    form = "--format=State%40,ExitCode,JobName%100"
    try:
        said = say("sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={number}", form)
    except EngineError:
        return None
    for line in said.splitlines():
        word, _, rest = line.partition(_SEPARATOR)
        code, _, its_name = rest.partition(_SEPARATOR)
        if its_name.strip() == name and word.strip():
            # "CANCELLED by 1000"
            return Told(word.split()[0], "" if code in ("", "0:0") else f"exit code {code}")
    return None


def read_minutes(text: str) -> int | None:
    """Slurm's "infinite", "30:00", "2:00:00" or "1-12:00:00" in minutes; None for no limit."""
    matched = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text.strip())
    if matched is None:
        return None
    days, hours, minutes, _ = (int(part or 0) for part in matched.groups())
    return (days * 24 + hours) * 60 + minutes


def count_gpus(gres: str) -> int:
    """GPUs in what sinfo says of a node: "gpu:a100:4(S:0-1),gpu:2,shard:8" has six."""
    plain = re.sub(r"\([^)]*\)", "", gres)
    return sum(int(count) for count in re.findall(r"(?:^|,)gpu(?::[^:,]+)??:(\d+)(?=,|$)", plain))


def _number(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits.group()) if digits else 0


def _errors(text: str) -> str:
    """What a program complained of, without its name."""
    lines = [re.sub(r"^\w+: (?:error: )?", "", line.strip()) for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-2:])
