"""What the section "Runs" shows: the list of runs, and one of them with its curves, samples, log and report.

    desk = RunsDesk(shop)
    shown = desk.show(Asked(run="first-20261122-101500-1f2e"))

Knows no gradio. All of it is read from the runs' folders at each look, so that it outlives the page and the app. What
the buttons do stands in `desk_acts`.
"""

import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.errors import OptionError
from train import view_run, view_runs
from train.access import Person
from train.desk_acts import REPORT, RunActs, can
from train.jobs import looking, samples, series
from train.jobs.engine import EngineError
from train.jobs.job import Job
from train.jobs.looking import Standing
from train.jobs.recent import Recent
from train.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = 200
"""Of a log that are shown."""
COMPARED = 6
"""Runs whose curves are laid over the chosen one's at most: there are seven colours."""
STRIPS = 200
"""Steps whose samples can be looked at; of more, so many evenly chosen ones."""


@dataclass(frozen=True)
class Asked:
    """What a page wants to see."""

    run: str = ""
    """Id of the chosen run; empty, or one that is gone, for whichever is the most interesting."""
    compared: tuple[str, ...] = ()
    """Ids of runs whose curves are laid over the chosen one's."""
    sample: int | None = None
    """Which of the chosen run's strips, from 1 on; None for the latest."""
    turn: int = 0
    """Number of the request, which the list repeats."""


@dataclass(frozen=True)
class Shown:
    """What the page shows; HTML but for the numbers and names."""

    run: str
    """Id of the chosen run; empty where there is none."""
    listing: str
    head: str = ""
    curves: str = ""
    strip: str = ""
    strips: int = 0
    """How many there are."""
    strip_at: int = 0
    """Which one is shown, from 1 on."""
    log: str = ""
    errand: str = ""
    asks: str = ""
    """What promoting wants to be told before it goes on."""
    can: frozenset[str] = frozenset()
    """Of stop, resume, evaluate, report, promote, publish, delete: what makes sense now."""


class RunsDesk:
    """One for the whole page; visitors differ only in what they ask."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.acts = RunActs(shop)
        self._known = Recent(shop.runs)

    @property
    def runs(self) -> Path:
        """The folder of all runs."""
        return self.shop.runs

    def arrive(self, asked: Asked, newest_known: str = "") -> Asked:
        """For who has just come to the section: a run that was started since they were here is shown.

        Args:
            newest_known: id of the newest run that their page has listed; empty for a page that has listed none.
        """
        rows = self._rows()
        if not rows:
            return asked
        newest = rows[0]
        chosen = next((one for one in rows if one.job.id == asked.run), None)
        is_new = newest.job.id != newest_known and not newest.state.is_over
        if chosen is None or is_new:
            return Asked(newest.job.id, asked.compared, turn=asked.turn)
        return asked

    def show(self, asked: Asked) -> Shown:
        """The list, and the chosen run with all that belongs to it."""
        rows = self._rows()
        there = {one.job.id: one for one in rows}
        standing = there.get(asked.run) or next(iter(rows), None)
        if standing is None:
            return Shown("", view_runs.listing([], "", (), turn=asked.turn))
        job = standing.job
        compared = tuple(key for key in dict.fromkeys(asked.compared) if key in there)
        errand = self.acts.errands.at(job.id)
        found = samples.find(job.folder, STRIPS)
        count = len(found.steps)
        at = count if asked.sample is None else min(max(1, asked.sample), count)
        return Shown(
            run=job.id,
            listing=view_runs.listing(
                rows, job.id, compared, errand is not None and errand.is_working, asked.turn
            ),
            head=view_runs.head(standing),
            curves=self._curves(job, [there[key].job for key in compared]),
            strip=self._strip(found, at) if job.order.kind == "fit" else "",
            strips=count,
            strip_at=at,
            log=self._log(job, standing),
            errand=view_run.errand(errand),
            asks=errand.said.asks if errand is not None and errand.state == "asks" else "",
            can=can(standing),
        )

    def report(self, run: str) -> tuple[str, Path]:
        """A run's report: as HTML for the page, and as a file to download.

        The file is a copy in a folder whose name nobody guesses, from where the page may serve it; it goes when the
        server ends.

        Raises:
            OptionError: there is none.
        """
        job = self.acts.find(run)
        path = self._reported(job) / REPORT
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise OptionError(
                f"{job.order.name} has no report yet; Evaluate makes one from its weights."
            ) from error
        base = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
        folder = base / "runs" / secrets.token_hex(16)
        folder.mkdir(parents=True, mode=0o700)
        copy = folder / f"{job.order.name}-report.html"
        shutil.copyfile(path, copy)
        return view_run.report(text, job.order.name), copy

    # For programs.

    def listed(self, person: Person) -> dict[str, Any]:
        """All runs as JSON can hold them, the newest first."""
        return {"runs": [_as_dict(one) for one in self._rows()]}

    def told(self, person: Person, run: str, lines: int = 100) -> dict[str, Any]:
        """One run, with the end of its log and what can be done with it."""
        job = self.acts.find(run)
        standing = looking.stand(job)
        try:
            log = looking.logs(job, min(max(1, lines), 10_000))
        except EngineError as error:
            log = str(error)
        errand = self.acts.errands.at(job.id)
        return {
            **_as_dict(standing),
            "can": sorted(can(standing)),
            "log": log,
            "errand": errand
            and {"state": errand.state, "sentence": errand.said.sentence or errand.said.asks},
        }

    def _rows(self) -> "Sequence[Standing]":
        return self._known.rows()

    def _reported(self, job: Job) -> Path:
        """Whose folder holds the report: an evaluation's lies in the run's that it is of."""
        of = job.order.arguments.get("of") if job.order.kind == "evaluate" else None
        return self.acts.find(of).folder if isinstance(of, str) else job.folder

    def _curves(self, job: Job, others: "Sequence[Job]") -> str:
        several = [one for one in (job, *others) if one.order.kind == "fit"]
        several = list({one.id: one for one in several}.values())[: COMPARED + 1]
        if not several:
            return ""
        names = view_run.named([(one.id, one.order.name) for one in several])
        return view_run.drawn(series.read([one.folder for one in several]), names)

    def _log(self, job: Job, standing: Standing) -> str:
        try:
            return view_runs.log(looking.logs(job, LINES), standing.state.is_over)
        except EngineError as error:
            return view_runs.paragraph(str(error))

    def _strip(self, found: samples.Samples, at: int) -> str:
        if not found.steps:
            return view_run.samples("", "", "", 0)
        step = found.steps[at - 1]
        gray, painted, truth = (
            samples.as_uri(path) for path in (found.gray, found.picture(step), found.truth)
        )
        return view_run.samples(gray, painted, truth, step)


def _as_dict(standing: Standing) -> dict[str, Any]:
    job, order = standing.job, standing.job.order
    return {
        "id": job.id,
        "name": order.name,
        "kind": order.kind,
        "who": order.who,
        "engine": order.hardware.engine,
        "state": standing.state.value,
        "sentence": standing.sentence,
        "step": standing.step,
        "steps": standing.steps,
        "share": standing.share,
        "seconds_left": standing.seconds_left,
        "metric": standing.metric,
        "best": standing.best,
        "created": job.created,
    }
