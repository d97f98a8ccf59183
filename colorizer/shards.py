"""A large archive in parts: which photos, under which names, in which part; written down once, in DIR/.rangin.

    planned = plan(["archive/"], Path("colour"), Wishes())       # finds the photos, gives each a name in colour/
    planned = read(Path("colour"))                               # what was planned, as each part of the work reads it
    Shard.parse("2/4").indices(len(planned.files))               # the second of four parts

    colour/.rangin/plan.jsonl           what is wanted, then a line for each photo, in order
    colour/.rangin/model.json           which weights painted the first of them
    colour/.rangin/rows/2-of-4.jsonl    what became of each photo so far (`colorizer.shard_rows`)
    colour/.rangin/part/2-of-4/         pictures being written
    colour/.rangin/report.csv           a row for each photo

Planning again with more photos adds them behind those that are there. Knows neither models nor PyTorch.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from colorizer.batch import Names, find_files, key, make_folder
from colorizer.errors import OptionError
from colorizer.groups import check_choice
from colorizer.provenance import write_whole
from colorizer.steering import HINTS_LIMIT, SUGGESTIONS_LIMIT, Steering
from colorizer.steering_text import TOO_MANY, parse_hint

FOLDER = ".rangin"
PLAN = "plan.jsonl"
SHARDS_LIMIT = 9999
VERSION = 1


@dataclass(frozen=True)
class Wishes:
    """How all photos of a batch are painted, as the command line says it."""

    model: str = "default"
    ethnicity: str = "auto"
    vividness: float = 1.0
    light: str = "predicted"
    warmth: float = 0.0
    tint: float = 0.0
    hints: tuple[str, ...] = ()
    """X,Y,#rrggbb each."""
    suggestions: int = 0

    @property
    def steering(self) -> Steering:
        """Light and hints."""
        return Steering(
            self.light, self.warmth, self.tint, hints=tuple(parse_hint(text) for text in self.hints)
        )

    def check(self) -> None:
        """Look whether this may be asked of a model, apart from what the photo says to it.

        Raises:
            OptionError: it may not.
        """
        from colorizer.options import check_vividness  # PyTorch

        check_choice(self.ethnicity)
        check_vividness(self.vividness)
        Steering(self.light, self.warmth, self.tint).check(1, 1)  # whether hints lie in a photo, its row says
        if len(self.steering.hints) > HINTS_LIMIT:
            raise OptionError(TOO_MANY)
        if not 0 <= self.suggestions <= SUGGESTIONS_LIMIT:
            raise OptionError(
                f"{self.suggestions} suggestions can't be made; choose 1 to {SUGGESTIONS_LIMIT}, or 0 for none."
            )


@dataclass(frozen=True)
class Shard:
    """One of several equal parts; neighbours lie in different ones, so that all take about as long."""

    number: int
    """From 1."""
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """ "2/4" -> the second of four; OptionError if it isn't so."""
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text.strip(), re.ASCII)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise OptionError(
                f"There is no part {text[:40]!r}; write which of how many, from 1/4 to 4/4 for example."
            )
        return cls(int(found[1]), int(found[2]))

    @property
    def name(self) -> str:
        """As its files are called."""
        return f"{self.number}-of-{self.of}"

    def indices(self, count: int) -> range:
        """Which of `count` photos are in it."""
        return range(self.number - 1, count, self.of)

    def __str__(self) -> str:
        return f"part {self.number} of {self.of}"


@dataclass(frozen=True)
class Plan:
    """What was planned for one output folder."""

    out: Path
    """Absolute."""
    wishes: Wishes
    files: tuple[Path, ...]
    """The photos, absolute."""
    names: tuple[str, ...] = field(repr=False)
    """Of each one's output in `out`; no two are the same."""

    @property
    def folder(self) -> Path:
        """Where the plan and what became of it lie."""
        return self.out / FOLDER

    def target(self, index: int) -> Path:
        """Where the colours of a photo go."""
        return self.out / self.names[index]


def plan(inputs: Sequence[str | Path], out: Path, wishes: Wishes, leave_out: Sequence[Path] = ()) -> Plan:
    """Find the photos and write down what becomes of each; photos that were planned before keep their places.

    Args:
        inputs: files, and folders that are searched for files.
        out: the output folder; made if missing.
        wishes: how they are painted.
        leave_out: files and folders that are no input even if they lie in one; `out` is one of them anyway.

    Raises:
        OptionError: there are no photos, the folder can't be written, an input is an output of the same batch, or
            `out` holds a batch that was planned with other wishes.
    """
    out = out.absolute()
    found = {file.resolve(): file.absolute() for file in find_files(inputs, [out, *leave_out])}
    make_folder(out / FOLDER)
    with locked(out / FOLDER / "plan.lock"):
        before = read(out) if (out / FOLDER / PLAN).exists() else Plan(out, wishes, (), ())
        same_wishes(before, wishes)
        known = {file.resolve() for file in before.files}
        new = [file for resolved, file in found.items() if resolved not in known]
        if not new:
            return before
        _no_outputs(new, before)
        names = Names(out, [*known, *found], before.names)
        claimed = [names.claim(file)[0].name for file in new]
        planned = Plan(out, wishes, (*before.files, *new), (*before.names, *claimed))
        _write(planned)
    return planned


def read(out: Path) -> Plan:
    """What was planned for an output folder.

    Raises:
        OptionError: nothing, or what stands there can't be read.
    """
    out = out.absolute()
    path = out / FOLDER / PLAN
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        head, *photos = (json.loads(line) for line in lines)
        if head["version"] != VERSION:
            raise ValueError("another version of Rangin wrote it")
        wishes = Wishes(**{**head["wishes"], "hints": tuple(head["wishes"]["hints"])})
        return Plan(
            out,
            wishes,
            tuple(Path(photo["file"]) for photo in photos),
            tuple(_plain_name(photo["output"]) for photo in photos),
        )
    except FileNotFoundError as error:
        raise OptionError(
            f"No batch was planned for {out}; `python -m colorizer colorize` plans one."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(f"{path} can't be used ({error}); delete it to begin anew.") from error


@contextmanager
def locked(path: Path, say_waiting: str = "") -> Iterator[None]:
    """Nobody else does this meanwhile; who comes second waits, after printing why.

    Raises:
        OptionError: no lock can be had there.
    """
    lock = FileLock(path, poll_interval=0.1)
    try:
        try:
            lock.acquire(timeout=1 if say_waiting else -1)
        except Timeout:
            print(say_waiting, flush=True)
            lock.acquire()
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"{path} can't be locked ({reason}); choose another folder to write to.") from error
    try:
        yield
    finally:
        lock.release()


def _write(planned: Plan) -> None:
    head = {"version": VERSION, "wishes": asdict(planned.wishes)}
    photos = (
        {"file": str(file), "output": name} for file, name in zip(planned.files, planned.names, strict=True)
    )
    # Names that are no UTF-8 go in and out as \udc.. escapes, which only ASCII can hold.
    text = "".join(json.dumps(line) + "\n" for line in (head, *photos))
    write_whole(planned.folder / PLAN, text.encode("ascii"))


def _plain_name(name: Any) -> str:
    """A name in the output folder itself, and nothing that leads elsewhere."""
    if not isinstance(name, str) or not name or name in (".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is no file's name")
    return name


def same_wishes(before: Plan, wishes: Wishes) -> None:
    """OptionError where a batch was planned to be painted otherwise."""
    for one in fields(Wishes):
        was, now = getattr(before.wishes, one.name), getattr(wishes, one.name)
        if was != now:
            raise OptionError(
                f"{before.out} holds a batch with another {one.name} ({_said(was)}, now {_said(now)}); choose another "
                f"folder to write to, or delete {before.folder} to begin anew."
            )


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    return str(value)


def _no_outputs(new: Sequence[Path], before: Plan) -> None:
    """An earlier photo's colours must not be both: the batch would never come to an end."""
    outputs = {key((before.out / name).resolve()) for name in before.names}
    for file in new:
        if key(file.resolve()) in outputs:
            raise OptionError(f"{file} is an output of this batch and can't be its input; name other photos.")
