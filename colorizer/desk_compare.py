"""What the page does between the widgets of its comparison: one photo by several models. Knows no gradio.

comparing = Comparing(desk)
for stand in comparing.run(key, ["default", "unet"], menus=["auto"], vividness=1.0):
    stand.pictures, stand.status                        # one picture more each time
stand = comparing.finish(key)                           # all of them, the figures, and the sheet
comparing.pick(key, stand.token, 1)                     # the second one, in full size, as `desk.repaint` shows it
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from colorizer import view_compare as view
from colorizer.desk import Desk
from colorizer.desk_run import GRID_SIDE, Kept, Run, Stand, reduced
from colorizer.desk_work import Choice, Shown, Work
from colorizer.errors import ModelError, OptionError, PhotoError
from colorizer.view import stem

if TYPE_CHECKING:
    from colorizer.pipeline import Colorizer
    from colorizer.stages import Progress

# The longer side at which photos are compared, pixels: more than the grid, the sheet and the metrics can show. The
# time of a model is for this size. What is chosen in the grid is then painted in full size.
COMPARED_SIDE = 1024
# A browser may still be loading the last comparison while the next one is painted.
RUNS_KEPT = 2

OUTDATED = "This comparison is of an earlier photo or choice; press Compare once more."


@dataclass(frozen=True)
class Offer:
    """The models that there are."""

    choices: tuple[tuple[str, str], ...]
    """Label and name of those that are trained, the page's own first."""
    untrained: str
    """HTML that lists the others with the commands that make them; empty where there are none."""


class Comparing:
    """Comparisons of the photos on a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def offer(self) -> Offer:
        """Which models can be chosen at this moment: weights may come at any time.

        Raises:
            ModelError: the page's own model is missing or damaged.
        """
        from colorizer import catalog

        own, entries = self.desk.colorizer.name, catalog.entries()
        trained = {entry.name: entry for entry in entries if entry.is_trained and entry.is_colorizer}
        names = [own, *(name for name in trained if name != own)]
        return Offer(
            tuple((view.label(name, trained.get(name), is_own=name == own), name) for name in names),
            view.untrained([entry for entry in entries if not entry.is_trained and entry.is_colorizer]),
        )

    def run(
        self, key: str | None, models: Sequence[str], menus: Sequence[str] = (), vividness: float = 1.0
    ) -> Iterator[Stand]:
        """Paint a photo by one model after the other, with the palettes and the vividness that are chosen for it.

        Each model is loaded when its turn comes and let go behind it. The run ends early once it is stopped, and once
        the photo has been put away or painted with another choice. What came of it says `finish`.

        Args:
            key: from `Shown`.
            models: names; "default" is the page's model.
            menus: what the menus of the faces say, as for `Desk.repaint`.
            vividness: as for `Colorizer.paint`.

        Yields:
            How it stands, before each model.

        Raises:
            PhotoError: the photo has been put away.
            OptionError: no model was named or there is none of that name; a choice or the vividness is not allowed.
        """
        from colorizer.options import check_vividness

        work = self.desk.work(key)
        names = self._checked(models)
        check_vividness(vividness)
        with work.lock:
            run = self._begin(work, names, work.choices(menus), vividness)
        for name in names:
            yield run.stand(work, name)
            if run.is_stopped or not self._is_current(key, work, run):
                break
            try:
                with work.lock:
                    run.kept.append(self._paint(work, run, name))
            except ModelError as error:
                run.notes.append(f"{name} was left out. {error}")
            except FileNotFoundError:  # its folder went with the photo, meanwhile
                if self._is_current(key, work, run):
                    raise

    def finish(self, key: str | None) -> Stand:
        """All of a comparison once it has ended, with its sheet; nothing where another choice came meanwhile."""
        work = self.desk.shelf.get(key) if key else None
        if key is None or work is None:
            return Stand()
        with work.lock:
            run = work.run
            if run is None:
                return Stand()
            run.mark_best()
            try:
                sheet = run.draw(work)
            except (OSError, OptionError):
                if self.desk.shelf.get(key) is work:
                    raise
                return Stand()  # its folder went with the photo, meanwhile
            return replace(run.stand(work), sheet=sheet)

    def stop(self, key: str | None) -> None:
        """End a photo's comparison behind the model that is at work; what has been painted stays."""
        work = self.desk.shelf.get(key) if key else None
        run = (
            None if work is None else work.run
        )  # read once: outside the photo's lock it may go at any moment
        if run is not None:
            run.is_stopped = True

    def measure(self, key: str | None) -> Stand | None:
        """A comparison anew, after the true photo has come, changed or gone; None where there is none."""
        work = self.desk.shelf.get(key) if key else None
        if work is None:
            return None
        with work.lock:
            run = work.run
            if run is None or not run.kept:
                return None
            run.kept = [
                replace(
                    kept,
                    painting=replace(kept.painting, metrics=work.measure(np.asarray(kept.painting.image))),
                )
                for kept in run.kept
            ]
            return self.finish(key)

    def pick(self, key: str | None, token: str, index: object, progress: "Progress | None" = None) -> Shown:
        """Show one picture of the grid in full size, as the photo's result. The comparison stays.

        Args:
            key: from `Shown`.
            token: of the `Stand` that was seen.
            index: which of its pictures.
            progress: told of each stage.

        Raises:
            PhotoError: the comparison that was seen is another photo's or choice's, or has no such picture.
            ModelError: the model's weights have gone meanwhile.
        """
        work = self.desk.work(key)
        with work.lock:
            run = work.run
            if run is None or run.token != token or index not in range(len(run.kept)):
                raise PhotoError(OUTDATED)
            name = run.kept[int(str(index))].painting.model
            painter = self._painter(name)
            choice = Choice(tuple(run.choices), run.vividness)
            shown = self.desk.paint(str(key), work, work.portrait, choice, progress, painter)
        return replace(shown, summary=shown.summary + view.picked(name, self.desk.colorizer.name))

    def _checked(self, models: Sequence[str]) -> tuple[str, ...]:
        """The names, each once. Nothing else is loaded: a visitor's word is no path and no address."""
        from colorizer import catalog

        own = self.desk.colorizer.name
        offered = {own, *catalog.colorizers()}
        names = tuple(dict.fromkeys(own if name == "default" else str(name) for name in models))
        if not names:
            raise OptionError("Choose at least one model to compare.")
        if missing := [name for name in names if name not in offered]:
            raise OptionError(
                f"There are no weights of {', '.join(missing)} any more; close and open this section for a new list."
            )
        return names

    def _begin(self, work: Work, names: tuple[str, ...], choices: list[str], vividness: float) -> Run:
        if work.run is not None:
            work.run.is_stopped = True
        work.runs += 1
        folder = work.folder / f"compared-{work.runs}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(work.folder / f"compared-{work.runs - RUNS_KEPT}", ignore_errors=True)
        work.run = Run(folder, reduced(work.portrait, COMPARED_SIDE), names, choices, vividness)
        return work.run

    def _is_current(self, key: str | None, work: Work, run: Run) -> bool:
        """Whether what is compared is what the visitor sees."""
        return work.run is run and self.desk.shelf.get(str(key)) is work

    def _painter(self, name: str) -> "Colorizer":
        own = self.desk.colorizer
        return own if name == own.name else own.other(name)

    def _paint(self, work: Work, run: Run, name: str) -> Kept:
        from colorizer import metrics, photo
        from colorizer.comparison import Painting

        result = self._painter(name).paint(run.portrait, run.choices, run.vividness)
        image = Image.fromarray(metrics.to_protocol(np.asarray(result.image)))
        measured = work.measure(np.asarray(image))
        seconds = result.seconds["network"] + result.seconds["merge"]
        result.image.thumbnail((GRID_SIDE, GRID_SIDE), Image.Resampling.LANCZOS)
        picture = run.folder / f"{len(run.kept) + 1}-{work.stem}-{stem(name)}.jpg"
        photo.write(np.asarray(result.image), picture, model=name)
        return Kept(Painting(name, image, seconds, measured, frozenset()), picture)
