"""Hand a job over to the Hugging Face Hub: pictures, orders and code into private repositories, then the job itself.

number = send(job, token)

A job's notes hold what was agreed: namespace, repository, pictures (place -> tar), attempt, and while it is being
handed over the process that does it.
"""

import contextlib
import json
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from train import hub
from train.jobs import hf_parcel, processes
from train.jobs import job as jobs
from train.jobs.engine import EngineError
from train.jobs.job import Job
from train.settings import get_train_settings

if TYPE_CHECKING:
    from huggingface_hub import HfApi, JobInfo

# Seconds between looks for a wish to stop, uploads of what is small, and uploads of checkpoints.
PACE = (10.0, 60.0, 600.0)
PICTURES = "rangin-pictures"
LABEL, ATTEMPT_LABEL = "rangin", "rangin-attempt"
_WORK = Path(__file__).with_name("hf_work.py")
_SPARE_BYTES = 500_000_000
# Handed over by no living process, and perhaps arrived.
_NOBODY = ["", 0, 0.0]
# What the container runs: it brings Python and pip, the rest is fetched.
_START = """\
import importlib.util, os, runpy, subprocess, sys
if importlib.util.find_spec("huggingface_hub") is None:
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", "huggingface_hub==" + sys.argv[1]])
from huggingface_hub import hf_hub_download
work = hf_hub_download(os.environ["RANGIN_REPOSITORY"], "job/hf_work.py", revision=os.environ["RANGIN_COMMIT"])
runpy.run_path(work, run_name="__main__")
"""
_CARD = """---
license: other
viewer: false
---
# {title}

Written by Rangin for its training jobs; keep it private. It may be deleted when no job needs it any more.
"""


def send(job: Job, token: str) -> str:
    """Do all of it; the Hub's id of the job, which job.json has by then. Empty: nobody knows whether it arrived.

    Raises:
        EngineError: something of it was refused, or the job was asked to stop meanwhile.
    """
    mark(job)
    attempt = int(job.notes.get("attempt", 0)) + 1
    note(job, attempt=attempt, stop_asked=None)
    try:
        return _send(job, token, attempt)
    except OSError as error:
        note(job, handed=None)
        raise EngineError(f"The pictures could not be packed ({error.strerror}); make room.") from error
    except Exception:  # whatever it is, this process no longer hands it over
        note(job, handed=None)
        raise


def mark(job: Job) -> Any:
    """Note that this process hands it over from now on; what was noted of that before."""
    before = (jobs.read(job.folder) or job).notes.get("handed")
    me = processes.Mark.of(os.getpid())
    note(job, handed=[processes.host(), me.pid, me.created])
    return before


def is_being_sent(job: Job) -> bool:
    """Whether a living process hands this job over right now."""
    handed = job.notes.get("handed")
    if not isinstance(handed, list) or len(handed) != 3:
        return False
    host, pid, created = handed
    return host == processes.host() and processes.Mark(int(pid), float(created)).is_alive()


def note(job: Job, **values: Any) -> Job:
    """Change some of the job's notes."""
    with jobs.held(job.folder):
        now = jobs.read(job.folder) or job
        return jobs.change(job.folder, notes={**now.notes, **values})


def _send(job: Job, token: str, attempt: int) -> str:
    client = hub.client(token)
    settings = get_train_settings()
    with hub.saying("asking whose token this is"):
        account = str(client.whoami()["name"])
    namespace = settings.jobs_namespace or account
    repository = str(job.notes.get("repository") or f"{namespace}/{hub.repository_name(f'rangin-{job.id}')}")
    owner = repository.partition("/")[0]
    if owner != namespace:
        raise EngineError(
            f"Its checkpoints belong to {owner} on the Hub, and the token to {namespace}; only {owner} can resume it."
        )
    note(job, account=account, namespace=namespace, repository=repository)
    _private(client, repository, "model", f"The job {job.id}")
    values = yaml.safe_load((job.folder / "recipe.yaml").read_text(encoding="utf-8"))
    parcel = hf_parcel.plan(values)
    pictures = f"{namespace}/{PICTURES}"
    sent = _send_pictures(job, client, pictures, parcel)
    _go_on(job, "Its orders are being sent to the Hub.")
    commit = _send_orders(client, repository, parcel, sent)
    _go_on(job, "It is being handed over to Hugging Face Jobs.")
    environment = {
        "RANGIN_REPOSITORY": repository,
        "RANGIN_COMMIT": commit,
        "RANGIN_PICTURES": pictures,
        "RANGIN_ATTEMPT": str(attempt),
        "RANGIN_SECONDS": str(60 * job.order.hardware.minutes),
        "RANGIN_PACE": ",".join(map(str, PACE)),
    }
    if address := os.environ.get("HF_ENDPOINT"):
        environment["HF_ENDPOINT"] = address
    try:
        with hub.saying("handing the job over"):
            info = client.run_job(
                image=settings.jobs_image,
                command=["python", "-c", _START, version("huggingface_hub")],
                env=environment,
                secrets={"HF_TOKEN": token},
                flavor=job.order.hardware.flavor,
                timeout=60 * job.order.hardware.minutes,
                labels={"name": hub.repository_name(job.id), LABEL: job.id, ATTEMPT_LABEL: str(attempt)},
                namespace=namespace,
            )
    except hub.HubError as error:
        if 0 < error.status < 500:
            raise
        note(job, handed=_NOBODY)  # it may have arrived, and only the answer not
        try:
            found = arrived(job, client)
        except hub.HubError:
            return ""
        if found is None:
            raise
        info = found
    except BaseException:  # Ctrl-C, or an answer that can't be read: nothing may go on there unseen
        _take_back(job, client)
        raise
    return adopt(job, info).number


def arrived(job: Job, client: "HfApi") -> "JobInfo | None":
    """This job's present start on the Hub, if it came to it.

    Raises:
        EngineError: the Hub can't be asked.
    """
    now = jobs.read(job.folder) or job
    if not now.notes.get("namespace"):
        return None
    labels = {LABEL: job.id, ATTEMPT_LABEL: str(now.notes.get("attempt"))}
    with hub.saying("looking for the job"):
        client.whoami()  # fails at once where the network is gone; a list is asked for again and again
        return next(iter(client.list_jobs(labels=labels, namespace=str(now.notes["namespace"]))), None)


def _take_back(job: Job, client: "HfApi") -> None:
    """End what may have arrived."""
    with contextlib.suppress(hub.HubError):
        info = arrived(job, client)
        with hub.saying("stopping the job"):
            if info is not None:
                client.cancel_job(job_id=info.id, namespace=str(info.owner.name))


def adopt(job: Job, info: "JobInfo") -> Job:
    """Note what the Hub calls it: it has been handed over."""
    notes = {**(jobs.read(job.folder) or job).notes, "handed": None, "url": info.url}
    return jobs.change(job.folder, number=info.id, notes=notes)


def _send_pictures(job: Job, client: "HfApi", repository: str, parcel: hf_parcel.Parcel) -> dict[str, str]:
    """Tars of pictures into the dataset repository, each once; name there -> place in the job's folder.

    A job that goes on takes those that it began with.
    """
    known = job.notes.get("pictures")
    if isinstance(known, dict) and set(known.values()) == set(parcel.folders):
        return {str(name): str(place) for name, place in known.items()}
    _private(client, repository, "dataset", "Pictures of training jobs")
    sent: dict[str, str] = {}
    for place, folder in parcel.folders.items():
        size = folder.size()
        free = shutil.disk_usage(job.folder).free
        if free < size + _SPARE_BYTES:
            raise EngineError(
                f"The disk is too full to pack {size / 1e6:.0f} MB of pictures for the Hub ({free / 1e6:.0f} MB free); "
                "make room."
            )
        _go_on(job, f"{len(folder.names)} pictures ({size / 1e6:.0f} MB) are being sent to the Hub.")
        with tempfile.TemporaryDirectory(prefix=".sending-", dir=job.folder) as made:
            tar = Path(made) / "pictures.tar"
            name = hf_parcel.pack(folder, tar, lambda count: None if count % 500 else _go_on(job))
            with hub.saying("sending pictures"):
                if not client.file_exists(repository, name, repo_type="dataset"):
                    client.upload_file(
                        path_or_fileobj=tar, path_in_repo=name, repo_id=repository, repo_type="dataset"
                    )
        sent[name] = place
    note(job, pictures=sent)
    return sent


def _send_orders(client: "HfApi", repository: str, parcel: hf_parcel.Parcel, pictures: dict[str, str]) -> str:
    """job/ of the model repository, in one commit; its id."""
    from huggingface_hub import CommitOperationAdd

    recipe = yaml.safe_dump(parcel.recipe, sort_keys=False, allow_unicode=True)
    orders: dict[str, bytes | Path] = {
        "job/recipe.yaml": recipe.encode(),
        "job/parcel.json": json.dumps({"pictures": pictures}).encode(),
        "job/hf_work.py": _WORK,
        "job/project.tar.gz": hf_parcel.code(),
    }
    operations = [CommitOperationAdd(name, content) for name, content in (orders | parcel.files).items()]
    with hub.saying("sending the job's orders"):
        return client.create_commit(repository, operations, commit_message="Orders of a training job").oid


def _private(client: "HfApi", repository: str, kind: str, title: str) -> None:
    """Make a repository, and see that nobody else may look into it.

    Raises:
        EngineError: it is public, or can't be made.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    with hub.saying(f"making the repository {repository}"):
        try:
            info = client.repo_info(repository, repo_type=kind)
        except RepositoryNotFoundError:
            client.create_repo(repository, repo_type=kind, private=True, exist_ok=True)
            info = client.repo_info(repository, repo_type=kind)
            client.upload_file(
                path_or_fileobj=_CARD.format(title=title).encode(),
                path_in_repo="README.md",
                repo_id=repository,
                repo_type=kind,
            )
    if not info.private:
        raise EngineError(
            f"The repository {repository} is public, and portraits only go to a private one; make it private in its "
            "settings on the Hub."
        )


def _go_on(job: Job, sentence: str = "") -> None:
    """Say what is being done, unless somebody wants it to end."""
    now = jobs.read(job.folder)
    if now is None or now.wants_stop:
        raise EngineError("It was stopped before it was handed over.")
    if sentence:
        jobs.change(job.folder, sentence=sentence)
