"""Bring a run's files from its repository on the Hub into the job's folder.

    ended = bring(client, repository, folder, name="mine", everything=False)

Only files that a run writes come, each to its own place and of a bounded size: the repository belongs to whoever
submitted the job, who may put anything there.
"""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train import atomic
from train.hub import HubError, saying

if TYPE_CHECKING:
    from huggingface_hub import HfApi, RepoFile

# What has come already: name -> its id on the Hub.
KNOWN = "hub.json"
_MB = 1_000_000
_SMALL = {"metrics.csv": 200 * _MB, "run.json": 5 * _MB, "log.txt": 200 * _MB, "ended.json": _MB}
_SAMPLE = re.compile(r"samples/[A-Za-z0-9][\w.-]{0,80}\.(webp|json)")
_SAMPLE_BYTES, _MOST_SAMPLES = 5 * _MB, 5000
_CHECKPOINTS = ("last.ckpt", "best.ckpt")
_LARGE_BYTES = 8_000 * _MB
_CARD_BYTES = 2 * _MB
# What the disk keeps free beside what comes.
_SPARE_BYTES = 500 * _MB


def bring(
    client: "HfApi", repository: str, folder: Path, name: str, everything: bool, attempt: int
) -> dict[str, Any] | None:
    """Fetch what is new.

    Args:
        client: the Hub's, with a token that may read the repository.
        repository: the job's.
        folder: the job's, here.
        name: stem of the weights that come out.
        everything: checkpoints too, which are large and of use only when the job is over.
        attempt: of which the last word is wanted.

    Returns:
        What the job said when it ended this attempt; None if it hasn't, or the repository is gone.

    Raises:
        HubError: the Hub can't be asked, or sends something else than it said.
    """
    known = _read(folder / KNOWN)
    try:
        head, there = _listed(client, repository)
    except HubError as error:
        if error.status == 404:  # somebody deleted it there
            return None
        raise
    wanted = [
        (path, file)
        for path, file in sorted(there.items())
        if known.get(path) != file.blob_id and file.size <= _limit(path, name, everything)
    ]
    samples = [path for path, _ in wanted if path.startswith("samples/")][_MOST_SAMPLES:]
    wanted = [(path, file) for path, file in wanted if path not in samples]
    needed = sum(file.size for _, file in wanted)
    if needed and shutil.disk_usage(folder).free < needed + _SPARE_BYTES:
        raise HubError("The disk is full, so the job's results can't be brought here; make room.")
    # The weights last: where they are, all that describes them is there too.
    for path, file in sorted(wanted, key=lambda one: one[0].endswith(".safetensors")):
        _fetch(client, repository, head, file, folder)
        known[path] = file.blob_id
        atomic.write(folder / KNOWN, json.dumps(known))
    ended = _read(folder / "ended.json")
    return ended if str(ended.get("attempt")) == str(attempt) else None


def _listed(client: "HfApi", repository: str) -> tuple[str, dict[str, "RepoFile"]]:
    """The newest commit, and the run's files in it."""
    from huggingface_hub import RepoFile
    from huggingface_hub.errors import EntryNotFoundError

    try:
        with saying("listing the job's results"):
            head = client.repo_info(repository).sha or "main"
            tree = list(client.list_repo_tree(repository, path_in_repo="run", revision=head, recursive=True))
    except HubError as error:
        if isinstance(error.__cause__, EntryNotFoundError):  # nothing was sent yet
            return "", {}
        raise
    return head, {
        entry.path.removeprefix("run/"): entry
        for entry in tree
        if isinstance(entry, RepoFile) and entry.path.startswith("run/")
    }


def _limit(path: str, name: str, everything: bool) -> int:
    """How many bytes a file may have; -1 if it isn't wanted."""
    if path in _SMALL:
        return _SMALL[path]
    if _SAMPLE.fullmatch(path) and ".." not in path:
        return _SAMPLE_BYTES
    if path == f"{name}.md":
        return _CARD_BYTES
    if path == f"{name}.safetensors" or (everything and path in _CHECKPOINTS):
        return _LARGE_BYTES
    return -1


def _fetch(client: "HfApi", repository: str, head: str, file: "RepoFile", folder: Path) -> None:
    path = file.path.removeprefix("run/")
    target = folder / path
    with tempfile.TemporaryDirectory(prefix=".hub-", dir=folder) as made:
        with saying(f"fetching {path}"):
            came = Path(client.hf_hub_download(repository, file.path, revision=head, local_dir=made))
        if came.stat().st_size != file.size:
            raise HubError(f"{path} came from the Hub in another size than it said; try again.")
        target.parent.mkdir(exist_ok=True)
        with atomic.replacing(target) as part:
            shutil.move(came, part)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
