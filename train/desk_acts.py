"""What the buttons of a run do: stop, resume, evaluate, promote, publish and delete it.

    acts = RunActs(shop)
    said = acts.stop(person, "first-20261122-101500-1f2e")

Knows no gradio. Each answers with a sentence; what takes long is an errand behind the page. Ids and names come from
browsers and may be anything, and a button may have been pressed on a page that shows what was: each method checks both.
"""

from collections.abc import Callable
from pathlib import Path

from colorizer.errors import OptionError
from train import view_run
from train.access import Person
from train.errands import Errands, Said
from train.jobs import job as jobs
from train.jobs import looking, registry
from train.jobs.job import Job, State
from train.jobs.looking import Standing
from train.shop import Shop

REPORT = Path("report") / "report.html"
AT_ONCE = 1.0
"""Seconds within which an errand's refusal counts as an answer to the button."""
CHOOSE = "Choose a run in the list first."


def can(standing: Standing) -> frozenset[str]:
    """What makes sense with a run as it stands."""
    job, over = standing.job, standing.state.is_over
    has_weights = job.order.kind == "fit" and over and any(job.folder.glob("*.safetensors"))
    has_report = (job.folder / REPORT).is_file()
    was_evaluated = job.order.kind == "evaluate" and standing.state is State.FINISHED
    wanted = {
        "stop": standing.state in (State.WAITING, State.STARTING, State.RUNNING),
        "resume": over and standing.state is not State.FINISHED,
        "evaluate": has_weights,
        "report": has_report or was_evaluated,
        "promote": has_weights,
        "publish": has_weights,
        "delete": over,
    }
    return frozenset(name for name, is_wanted in wanted.items() if is_wanted)


class RunActs:
    """One for the whole page.

    Args:
        shop: whose runs these are.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop, self.runs = shop, shop.runs
        self.errands = Errands()
        self._promoting: dict[str, tuple[str, bool]] = {}
        """Run -> the name and whether it was to be the default, of promotions that wait for an answer."""

    def find(self, run: str) -> Job:
        """A run by its id.

        Raises:
            OptionError: none is chosen, or there is no such run.
        """
        if not run:
            raise OptionError(CHOOSE)
        return jobs.find(run, self.runs)

    def stop(self, person: Person, run: str) -> str:
        """Ask a run to end, in which it writes its checkpoint.

        Raises:
            OptionError: it is over, or gone.
        """
        job = self.find(run)
        self._expect(job, "stop", "has nothing to stop: it is over, or about to be")
        registry.cancel(job)
        return f"{job.order.name} was asked to stop; it writes a checkpoint first, so that it can be resumed."

    def resume(self, person: Person, run: str) -> str:
        """Let a stopped, failed or lost run go on from its last checkpoint.

        Raises:
            OptionError: it isn't over, or nothing can be resumed; Refused among them.
            EngineError: its engine doesn't take it.
        """
        job = self.find(run)
        self._expect(job, "resume", "goes on, or is finished: there is nothing to resume")
        registry.resume(job, token=person.token, who=person.name)
        return f"{job.order.name} goes on from its last checkpoint."

    def evaluate(self, person: Person, run: str) -> str:
        """Start a job of its own that measures a run's weights and writes the report.

        Raises:
            OptionError: the run has no weights yet.
        """
        job = self.find(run)
        self._expect(job, "evaluate", "has no weights to evaluate yet, or is still at work")
        from train import promote

        promote.evaluate(job, who=person.name)
        return f"{job.order.name} is being evaluated; the evaluation stands in the list, and the report shows here."

    def what_goes(self, run: str) -> str:
        """What deleting a run would delete, as HTML; nothing is deleted.

        Raises:
            OptionError: it isn't over, or gone.
        """
        job = self.find(run)
        self._expect(job, "delete", "is still at work: stop it first")
        return view_run.going(job.order.name, registry.what_goes(job))

    def delete(self, person: Person, run: str) -> str:
        """Delete a run's folder with all that is in it.

        Raises:
            OptionError: it isn't over, or gone.
        """
        job = self.find(run)
        self._expect(job, "delete", "is still at work: stop it first")
        errand = self.errands.at(job.id)
        if errand is not None and errand.is_working:
            raise OptionError(f"Wait until this is done: {errand.title}")
        registry.delete(job)
        self._leave_off(job)
        return f"{job.order.name} was deleted."

    def suggested(self, run: str) -> str:
        """Under which name a run's model would go, unless one says otherwise; empty of a run that is gone."""
        job = jobs.read(self.runs / run) if jobs.ID.fullmatch(run) else None
        return job.order.name if job is not None else ""

    def promote(self, person: Person, run: str, name: str, as_default: bool, confirmed: bool = False) -> str:
        """Begin to make a run's weights a model that Colorize knows; `Shown.errand` tells how it ends.

        Args:
            name: the model's.
            as_default: whether it becomes the one that the page paints with.
            confirmed: whether it may be worse than the present one, or take the place of another.

        Raises:
            OptionError: the run has no weights, or the last errand with it is still at work.
        """
        job = self.find(run)
        self._expect(job, "promote", "has no weights yet, or is still at work")
        name = name.strip()

        def act() -> Said:
            from train import promote

            try:
                done = promote.promote(job.folder, name, as_default=as_default, confirmed=confirmed)
            except promote.NeedsConfirmation as error:
                self._promoting[job.id] = (name, as_default)
                return Said("", asks=str(error))
            parts = [f"{job.order.name} is in Colorize as {done.name}."]
            parts += ["It is the default from now on."] if done.is_default else []
            parts += [done.comparison.sentence] if done.comparison is not None else []
            return Said(" ".join(parts))

        title = f"Promoting {job.order.name}: the same validation photos go through it and through the present default."
        self._begin(job, title, act)
        return title

    def promote_all_the_same(self, person: Person, run: str) -> str:
        """Promote what was asked about, with the name and the wish it was asked with.

        Raises:
            OptionError: nothing was asked.
        """
        job = self.find(run)
        errand, wanted = self.errands.at(job.id), self._promoting.pop(job.id, None)
        if errand is None or errand.state != "asks" or wanted is None:
            raise OptionError("Nothing is asked about this run any more; press Promote again.")
        self.promote(person, run, *wanted, confirmed=True)
        return ""

    def leave(self, person: Person, run: str) -> str:
        """Don't do what was asked about.

        Raises:
            OptionError: the run is gone.
        """
        self._leave_off(self.find(run))
        return "Nothing was changed."

    def publish(self, person: Person, run: str, repository: str, private: bool) -> str:
        """Begin to upload a run's weights and card to a model repository; `Shown.errand` tells how it ends.

        Args:
            repository: user/name.
            private: whether only its owner sees it, if it is new.

        Raises:
            OptionError: the run has no weights, there is no token, or the last errand is still at work.
        """
        job = self.find(run)
        self._expect(job, "publish", "has no weights yet, or is still at work")
        repository = repository.strip()
        token = person.token or (self.shop.settings.token if self._is_own_machine else "")
        if not token:
            raise OptionError(
                "Publishing needs a token for the Hugging Face Hub: sign in, or set HF_TOKEN before the page starts."
            )

        def act() -> Said:
            from train.publish import publish

            done = publish(job.folder, repository, token, private)
            return Said(
                f"{job.order.name} is published at {done.url}; exactly this one is the model {done.reference}"
            )

        title = f"Uploading {job.order.name} to {repository:.100}."
        self._begin(job, title, act)
        return title

    def _leave_off(self, job: Job) -> None:
        """Forget what was said and asked about a run."""
        self._promoting.pop(job.id, None)
        self.errands.forget(job.id)

    def _begin(self, job: Job, title: str, act: Callable[[], Said]) -> None:
        """Start an errand; what is refused at once, such as a name, is raised, so that it is said at the fields."""
        self.errands.start(job.id, title, act)
        if self.errands.wait(job.id, AT_ONCE):
            errand = self.errands.at(job.id)
            if errand is not None and errand.state == "failed":
                self.errands.forget(job.id)
                raise OptionError(errand.said.sentence)

    def _expect(self, job: Job, what: str, else_: str) -> None:
        """Refuse what a job isn't ready for: a button may have been pressed on a page that shows what was."""
        if what not in can(looking.stand(job)):
            raise OptionError(f"{job.order.name} {else_}.")

    @property
    def _is_own_machine(self) -> bool:
        """Whether the page's token is its visitor's too."""
        return not self.shop.access.uses_sign_in
