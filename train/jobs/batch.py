"""Colouring a large archive as a job: in parts (shards), each a process of its own that may be killed and run again.

    order = Order(kind="colorize", name="archive", arguments={"inputs": [...], "out": "...", "shards": 4})
    job = registry.submit(order, anywhere=True)

On this machine one job runs its parts one after the other, or one on each of its GPUs (`train.jobs.batch_work`). On
Slurm each part is a task of an array (`train.jobs.slurm_shards`). Photos are not sent to the Hugging Face Hub: they
show people who were not asked.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from colorizer import shard_rows, shards
from colorizer.errors import OptionError, RanginError
from colorizer.shards import Wishes
from train.jobs import job as jobs
from train.jobs import kinds
from train.jobs.engine import Problem
from train.jobs.job import Job, Order

if TYPE_CHECKING:
    from train.settings import TrainSettings

SHARDS_LIMIT = 1000
NOT_ON_THE_HUB = (
    "Photos are not sent to Hugging Face; colour an archive on this machine (local) or on Slurm (slurm)."
)
# pydantic's names of the fields below -> the form's.
_FIELDS = {"inputs": "folder", "out": "out", "shards": "shards", "report": "out"}
_LONGEST = 4000


class Archive(BaseModel):
    """`Order.arguments` of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[str, ...] = Field(min_length=1)
    """Photos, and folders that are searched for photos."""
    out: str = Field(min_length=1)
    shards: int = Field(ge=1, le=SHARDS_LIMIT)
    report: str = ""
    """A further place for the report; empty for none."""
    retry: bool = False
    """Whether photos with an error are tried again."""
    shard: int | None = None
    """Of a part of the job: which."""
    model: str = "default"
    ethnicity: str = "auto"
    vividness: float = Field(1.0, allow_inf_nan=False)
    light: str = "predicted"
    warmth: float = Field(0.0, allow_inf_nan=False)
    tint: float = Field(0.0, allow_inf_nan=False)
    hints: tuple[str, ...] = ()
    suggestions: int = 0

    @property
    def wishes(self) -> Wishes:
        """How all photos are painted."""
        steered = (self.light, self.warmth, self.tint, self.hints, self.suggestions)
        return Wishes(self.model, self.ethnicity, self.vividness, *steered)


def archive(order: Order) -> Archive:
    """What an order wants coloured.

    Raises:
        OptionError: its arguments are none of a batch; names the first wrong one.
    """
    try:
        return Archive.model_validate(order.arguments)
    except ValidationError as error:
        raise OptionError("; ".join(problem.sentence for problem in _misfits(error))) from error


def check(order: Order, settings: "TrainSettings", anywhere: bool = False) -> list[Problem]:
    """All that is wrong with an order for a batch; nothing is written.

    Args:
        anywhere: paths may lead out of the folders for jobs.
    """
    try:
        wanted = Archive.model_validate(order.arguments)
    except ValidationError as error:
        return _misfits(error)
    problems = [Problem("engine", NOT_ON_THE_HUB)] if order.hardware.engine == "hf" else []
    if order.hardware.gpus > 1:
        problems.append(Problem("gpus", "Each part uses one GPU; ask for 1, and for more parts."))
    if wanted.shard is not None:
        problems.append(Problem("shards", "A job has all parts; leave out which."))
    places = _places(wanted, settings, anywhere)
    problems += places
    if not places:
        problems += _photos(wanted)
        problems += _others(wanted, settings)
    try:
        wanted.wishes.check()
    except RanginError as error:
        problems.append(Problem("overrides", str(error)))
    return problems + _model(wanted, settings, anywhere)


def command(job: Job) -> tuple[str, ...]:
    """What a batch's job runs. Plans the batch first, since each part reads what is planned.

    Raises:
        OptionError: there are no photos, or the output folder holds another batch.
    """
    wanted = archive(job.order)
    if wanted.shard is None:
        shards.plan(wanted.inputs, Path(wanted.out), wanted.wishes, _leave_out(wanted))
    return *kinds.PYTHON, "train.jobs.batch_work", str(job.folder)


def progress(job: Job) -> kinds.Progress:
    """How many photos are done, from the last line of each part."""
    try:
        wanted = archive(job.order)
    except OptionError:
        return kinds.Progress()
    out = Path(wanted.out)
    totals = so_far(out, wanted.shards)
    photos, step = totals.photos, totals.done + totals.failed
    pace = shard_rows.pace(out, wanted.shards)
    return kinds.Progress(
        step=step,
        steps=photos or None,
        seconds_left=(photos - step) / pace if pace else None,
        images_per_second=pace,
        sentence=f"{step} of {photos} photos" + (f", {totals.failed} failed." if totals.failed else "."),
    )


def so_far(out: Path, of: int) -> shard_rows.Totals:
    """How far a whole batch in so many parts is: also of photos whose part has not begun."""
    totals = shard_rows.so_far(out, of)
    return totals._replace(photos=max(totals.photos, _planned(out)))


def summary(totals: shard_rows.Totals, out: Path) -> str:
    """What came of a batch, in a sentence or two."""
    text = f"{totals.done} of {totals.photos} photos coloured, written to {out}."
    if totals.failed:
        text += f" {totals.failed} failed; the report says why: {out / shards.FOLDER / shard_rows.REPORT}."
    if totals.left:
        text += f" {totals.left} are left."
    return text


def _places(wanted: Archive, settings: "TrainSettings", anywhere: bool) -> list[Problem]:
    """Paths that can't be paths, or lead where jobs may not."""
    from train import allowed

    named = [("folder", "The folder of photos", path) for path in wanted.inputs]
    named.append(("out", "The folder to write to", wanted.out))
    named += [("out", "The report", wanted.report)] if wanted.report else []
    problems = []
    for field, what, path in named:
        if "\0" in path or len(path) > _LONGEST:
            problems.append(Problem(field, f"{what} needs a path of at most {_LONGEST} letters."))
        elif not Path(path).is_absolute():
            problems.append(Problem(field, f"{what} needs a whole path, from / on."))
        elif not anywhere:
            try:
                allowed.within(path, settings.dataset_folders, what)
            except OptionError as error:
                problems.append(Problem(field, str(error)))
    return problems


def _photos(wanted: Archive) -> list[Problem]:
    out = Path(wanted.out)
    missing = [path for path in wanted.inputs if not Path(path).exists()]
    if missing:
        return [Problem("folder", f"There is no {_short(missing[0])}; name photos, or folders with photos.")]
    if any(Path(path).resolve() == out.resolve() for path in wanted.inputs):
        return [Problem("out", f"{_short(wanted.out)} is both input and output; choose another folder.")]
    if out.exists() and not out.is_dir():
        return [Problem("out", f"{_short(wanted.out)} is a file; choose a folder to write to.")]
    if wanted.report and not Path(wanted.report).parent.is_dir():
        return [
            Problem(
                "out", f"There is no folder for the report {_short(wanted.report)}; choose another place."
            )
        ]
    try:
        before = shards.read(out) if (out / shards.FOLDER / shards.PLAN).exists() else None
        if before is not None:
            shards.same_wishes(before, wanted.wishes)
    except OptionError as error:
        return [Problem("out", str(error))]
    return []


def _others(wanted: Archive, settings: "TrainSettings") -> list[Problem]:
    """Whether a job colours into the same folder already."""
    out = Path(wanted.out).resolve()
    for other in jobs.everything(settings.runs):
        if other.order.kind != "colorize" or other.state.is_over:
            continue
        if Path(str(other.order.arguments.get("out", ""))).resolve() == out:
            return [Problem("out", f"The job {other.id} writes there; wait for its end, or stop it.")]
    return []


def _model(wanted: Archive, settings: "TrainSettings", anywhere: bool) -> list[Problem]:
    """Whether there is such a model; one on the Hub is asked for by the job itself."""
    from colorizer import checkpoint  # PyTorch

    name = wanted.model
    if name.startswith("hf:"):
        return []
    if not anywhere and name != "default" and not checkpoint.is_name(name):
        return [Problem("overrides", f"A model is chosen by its name, and {name[:80]!r} is none.")]
    try:
        checkpoint.about(name)
    except RanginError as error:
        return [Problem("overrides", str(error))]
    return []


def _leave_out(wanted: Archive) -> list[Path]:
    return [Path(wanted.report)] if wanted.report else []


def _misfits(error: ValidationError) -> list[Problem]:
    problems = []
    for found in error.errors():
        name = str(found["loc"][0]) if found["loc"] else ""
        problems.append(Problem(_FIELDS.get(name, "overrides"), f"{name[:80]}: {found['msg']}."))
    return problems


def _planned(out: Path) -> int:
    """How many photos were planned; 0 where nothing is."""
    path = out / shards.FOLDER / shards.PLAN
    try:
        return _count(path, path.stat().st_mtime_ns)
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _count(path: Path, stamp: int) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1


def _short(path: str) -> str:
    return path if len(path) <= 120 else f"{path[:120]}…"
