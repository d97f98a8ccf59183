"""Training on Hugging Face Jobs: hardware by the minute, and repositories of one's own for what goes there and back.

    engine = HuggingFace()
    engine.submit(job)          # sends pictures, orders and code to private repositories, then the job
    engine.look(job)            # how it is; brings metrics, samples and weights into the job's folder

The job itself (`train.jobs.hf_work`) trains there and sends its run's folder to its repository now and then. A job that
goes on is a new one on the Hub, from the checkpoint in that repository.
"""

import threading
import time
from typing import TYPE_CHECKING

from colorizer.errors import OptionError
from train import atomic, hub, standing
from train.jobs import hf_outcome, hf_parcel, hf_prices, hf_send, hf_sync, tokens
from train.jobs import job as jobs
from train.jobs.asking import Asking
from train.jobs.engine import EngineError, Problem, Seen
from train.jobs.job import Job, Order, State

if TYPE_CHECKING:
    from huggingface_hub import HfApi, JobInfo

    from train.recipe import Recipe

# Files and the log are fetched at most so often, in seconds.
SYNC_EVERY = 20.0
# So long may a job that was asked to stop take for its checkpoint before the service ends it.
STOP_PATIENCE = 300.0
OUTPUT = "output.txt"
_LOG_LINES = 2000
_OVER = ("COMPLETED", "CANCELED", "ERROR", "DELETED")


class HuggingFace:
    """`train.jobs.engine.Engine` on Hugging Face Jobs."""

    name = "hf"
    title = "Hugging Face Jobs"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[str, Asking] = {}
        """By the job's id and number."""
        self._synced: dict[str, float] = {}

    def unavailable(self) -> str:
        """Why it can't be used here; asks nothing by itself."""
        from huggingface_hub import constants

        if constants.HF_HUB_OFFLINE:
            return "HF_HUB_OFFLINE is set, so the Hugging Face Hub is not asked."
        return hf_prices.last_failure()

    def check(self, order: Order, recipe: "Recipe | None") -> list[Problem]:
        """What of an order can't be done there: a missing token, hardware that isn't there, too short a sign-in."""
        if why := self.unavailable():
            return [Problem("engine", why)]
        if order.kind != "fit":
            return [
                Problem("engine", "Only trainings run on Hugging Face Jobs; photos stay on this machine.")
            ]
        hardware, problems = order.hardware, []
        token = tokens.of(order.who)
        if not token:
            problems.append(
                Problem(
                    "token",
                    "Hugging Face Jobs need a token: sign in with Hugging Face, or set RANGIN_JOBS_TOKEN.",
                )
            )
        elif (ends := tokens.expires(token)) is not None and ends < time.time() + 60 * hardware.minutes:
            left = max(0, int((ends - time.time()) / 60))
            problems.append(
                Problem(
                    "minutes",
                    f"Your sign-in lasts {left} more minutes, and the job needs it to the end; choose at most that, or "
                    "sign in again.",
                )
            )
        gpus = None
        try:
            gpus = hf_prices.find(hardware.flavor).gpus
        except OptionError as error:
            problems.append(Problem("flavor", str(error)))
        except EngineError as error:
            return [Problem("engine", str(error))]
        if recipe is not None:
            problems += hf_parcel.check(recipe, gpus)
        return problems

    def submit(self, job: Job) -> str:
        """Send it there. Takes as long as sending its pictures takes, and says in job.json how far that is.

        Returns:
            The Hub's id; of one that is still at work there, its own. Empty if the network went while it was sent, and
            nobody knows whether it arrived: `look` finds that out.

        Raises:
            EngineError: it was refused, or stopped meanwhile.
        """
        if hf_send.is_being_sent(job):
            raise EngineError("It is being handed over already.")
        before = hf_send.mark(job)
        try:
            alive = [info for info in self._found(job) if info.status.stage not in _OVER]
        except BaseException:
            hf_send.note(job, handed=before)
            raise
        if alive:  # it was lost sight of, and has gone on meanwhile
            return hf_send.adopt(job, alive[0]).number
        try:
            return hf_send.send(job, self._token(job))
        except OptionError as error:
            raise EngineError(str(error)) from error

    def look(self, job: Job) -> Seen:
        """How it is; brings what is new of its results. A state that is over comes only after the last of them.

        Raises:
            EngineError: the Hub can't be asked, or there is no token to ask with.
        """
        if hf_send.is_being_sent(job):
            return Seen(State.STARTING, job.sentence)
        if not job.number and not job.notes.get("handed"):
            return Seen(None)
        key = f"{job.id} {job.number}"
        with self._lock:
            asking = self._asking.get(key)
            if asking is None or asking.is_stale():
                asking = self._asking[key] = Asking(lambda: self._answer(job))
        seen = asking.answer()
        return seen or Seen(job.state, job.sentence or "The Hugging Face Hub is slow to answer.")

    def logs(self, job: Job, lines: int) -> str:
        """The end of what it printed, as last fetched."""
        path = job.folder / OUTPUT
        if job.number and not path.is_file():
            self._fetch_log(self._client(job), job)
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def cancel(self, job: Job) -> None:
        """Ask it for its end; one that hasn't begun is taken back.

        Raises:
            EngineError: the Hub can't be asked.
        """
        jobs.change(job.folder, wants_stop=True)
        if not job.number or hf_send.is_being_sent(job):
            return
        client = self._client(job)
        info = self._inspect(client, job)
        if info is None or info.status.stage in _OVER:
            return
        if info.status.stage == "RUNNING":
            try:
                with hub.saying("asking the job to stop"):
                    client.upload_file(
                        path_or_fileobj=b"stop\n",
                        path_in_repo=f"job/stop-{job.notes.get('attempt', 1)}",
                        repo_id=str(job.notes["repository"]),
                    )
                hf_send.note(job, stop_asked=time.time())
                return
            except hub.HubError as error:
                if not error.status:  # not reached: to be tried again
                    raise
        self._end(client, job)

    def what_stays(self, job: Job) -> str:
        """What remains on the Hub when the job's folder is deleted."""
        repository = job.notes.get("repository")
        if not repository:
            return ""
        return f"Its private repository {repository} stays on the Hugging Face Hub; delete it in its settings there."

    def everything(self, token: str) -> list[tuple[str, str, str]]:
        """(job's id here, number there, stage) of all that this project has started for a token's account.

        Raises:
            EngineError: the Hub can't be asked.
        """
        from train.settings import get_train_settings

        client = hub.client(token)
        with hub.saying("listing jobs"):
            namespace = get_train_settings().jobs_namespace or str(client.whoami()["name"])
            infos = list(client.list_jobs(namespace=namespace))
        return [
            (str(info.labels[hf_send.LABEL]), info.id, str(info.status.stage))
            for info in infos
            if info.labels and hf_send.LABEL in info.labels
        ]

    def _answer(self, job: Job) -> Seen:
        try:
            return self._ask(job)
        except OSError as error:  # a full disk must not hide the other jobs
            raise EngineError(
                f"What the job has sent can't be written to {job.folder} ({error.strerror or error}); make room there."
            ) from error

    def _ask(self, job: Job) -> Seen:
        if job.notes.get("handed"):
            return self._interrupted(job)
        client = self._client(job)
        info = self._inspect(client, job)
        stage = str(info.status.stage) if info is not None else "DELETED"
        is_over = stage in _OVER
        if stage == "SCHEDULING":
            if job.wants_stop:  # wished for while it was handed over
                self._end(client, job)
                return Seen(State.STOPPING, "It is taken back before it begins.")
            return Seen(State.WAITING, f"Waits for {job.order.hardware.flavor}.")
        ended = None
        if is_over or time.monotonic() - self._synced.get(job.id, float("-inf")) > SYNC_EVERY:
            attempt, repository = int(job.notes.get("attempt", 1)), str(job.notes["repository"])
            ended = hf_sync.bring(client, repository, job.folder, job.order.name, is_over, attempt)
            self._fetch_log(client, job)
            self._synced[job.id] = time.monotonic()
        if is_over:
            return hf_outcome.last_word(job, stage, (info.status.message if info else None) or "", ended)
        if not job.wants_stop:
            return Seen(State.RUNNING, str(standing.read(job.folder).get("sentence", "")))
        asked = job.notes.get("stop_asked")
        if asked is None or time.time() - float(asked) > STOP_PATIENCE:
            self._end(client, job)
        return Seen(State.STOPPING, "Asked to stop; it writes its checkpoint.")

    def _interrupted(self, job: Job) -> Seen:
        """Whoever handed it over was killed: it may have arrived all the same."""
        info = hf_send.arrived(job, self._client(job))
        if info is not None:
            return self._ask(hf_send.adopt(job, info))
        self._expect_account(self._client(job), job)
        state = State.STOPPED if job.wants_stop else State.LOST
        return Seen(state, "It was broken off while it was handed over; resuming does that again.")

    def _found(self, job: Job) -> "list[JobInfo]":
        """This job's starts on the Hub."""
        if not job.notes.get("namespace"):
            return []
        labels, namespace = {hf_send.LABEL: job.id}, str(job.notes["namespace"])
        with hub.saying("looking for the job"):
            return list(self._client(job).list_jobs(labels=labels, namespace=namespace))

    def _inspect(self, client: "HfApi", job: Job) -> "JobInfo | None":
        try:
            with hub.saying("asking for the job"):
                return client.inspect_job(job_id=job.number, namespace=str(job.notes["namespace"]))
        except hub.HubError as error:
            if error.status != 404:
                raise
        self._expect_account(client, job)
        return None

    def _expect_account(self, client: "HfApi", job: Job) -> None:
        """Somebody else's token is not shown this job, which doesn't mean that it is gone.

        Raises:
            EngineError: the token is of another account than the one that started it.
        """
        account = job.notes.get("account")
        with hub.saying("asking whose token this is"):
            if account and client.whoami()["name"] != account:
                raise EngineError(
                    f"Only {account} can ask the Hub for this job; sign in as {account} to see it."
                )

    def _end(self, client: "HfApi", job: Job) -> None:
        with hub.saying("stopping the job"):
            client.cancel_job(job_id=job.number, namespace=str(job.notes["namespace"]))

    def _fetch_log(self, client: "HfApi", job: Job) -> None:
        try:
            with hub.saying("fetching the log"):
                lines = client.fetch_job_logs(
                    job_id=job.number, namespace=str(job.notes["namespace"]), tail=_LOG_LINES
                )
                text = "\n".join(lines)
        except hub.HubError:  # a job that never began has none
            return
        if text:
            atomic.write(job.folder / OUTPUT, text + "\n")

    def _client(self, job: Job) -> "HfApi":
        return hub.client(self._token(job))

    def _token(self, job: Job) -> str:
        token = tokens.of(job.id, job.order.who)
        if not token:
            raise EngineError(
                "Hugging Face Jobs can't be asked without a token: sign in with Hugging Face, or set RANGIN_JOBS_TOKEN."
            )
        return token
