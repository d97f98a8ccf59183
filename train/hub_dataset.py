"""A prepared dataset from a dataset repository on the Hugging Face Hub: train.csv, val.csv, test.csv and images/.

folder = fetch("user/portraits", "v1", token)       # datasets/hub/user--portraits--0123456789ab

Anybody may have filled such a repository: only pictures and CSVs come, each to its own place, up to a size.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from colorizer.errors import OptionError
from train import atomic, hub, labels
from train.pictures import SUFFIXES
from train.settings import get_train_settings

if TYPE_CHECKING:
    from huggingface_hub import HfApi, RepoFile

FOLDER = "hub"
MARK = "hub.json"
"""In a folder that has come whole: {"repository", "commit"}."""
MOST_BYTES, MOST_FILES = 20_000_000_000, 300_000
MOST_CSV_BYTES = 500_000_000
_SPARE_BYTES = 1_000_000_000
_AT_ONCE = 8
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TABLES = re.compile(r"(train|val|test)\.csv")
_PICTURE = re.compile(r"(images|train|val|test)/[^/\\:]+")


def fetch(
    repository: str,
    revision: str | None = None,
    token: str | None = None,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Bring a dataset here, once a commit; what an interrupted fetch has brought is not brought again.

    Args:
        repository: user/name of a dataset.
        revision: a commit, tag or branch; None is the newest.
        token: for private ones.
        stop: asked between files; True ends it.
        tell: hears how many files of how many are here.

    Returns:
        The dataset's folder, in `hub` of the first folder for datasets.

    Raises:
        OptionError: a name that can't be one, no dataset, no prepared one, too large, or stopped.
        HubError: the Hub can't be reached, or sends something else than it said.
    """
    hub.check_repository(repository, "dataset")
    if revision and not _REVISION.fullmatch(revision):
        raise OptionError(f"dataset: {revision[:100]!r} is no revision; give a commit, a tag or a branch.")
    client = hub.client(token or "")
    commit, files = _listed(client, repository, revision)
    root = _root()
    folder = root / f"{repository.replace('/', '--')}--{commit[:12]}"
    with FileLock(root / f".{folder.name}.lock"):
        if (folder / MARK).is_file():
            return folder
        total = sum(file.size for file in files)
        free = shutil.disk_usage(root).free
        if free < total + _SPARE_BYTES:
            raise OptionError(
                f"dataset: {repository} takes {total / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB free; make "
                "room."
            )
        part = root / f".{folder.name}.part"
        part.mkdir(exist_ok=True)
        _bring(client, repository, commit, files, part, stop, tell)
        try:
            _check_tables(part, repository)
        except OptionError:
            shutil.rmtree(part)
            raise
        shutil.rmtree(part / ".cache", ignore_errors=True)
        atomic.write(part / MARK, json.dumps({"repository": repository, "commit": commit}) + "\n")
        if folder.is_dir():  # somebody took the mark away
            shutil.rmtree(folder)
        os.replace(part, folder)
    return folder


def _root() -> Path:
    """Where datasets of the Hub lie; not somewhere else by a link.

    Raises:
        OptionError: it can't be made, or is a link out of the folder for datasets.
    """
    above = get_train_settings().dataset_folders[0]
    root = above / FOLDER
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(
            f"{root} can't be made ({error.strerror}); set RANGIN_DATASETS to a folder that can be written."
        ) from error
    if above.resolve() not in root.resolve().parents:
        raise OptionError(f"{root} leads out of the folder for datasets; remove that link.")
    return root


def _listed(client: "HfApi", repository: str, revision: str | None) -> tuple[str, list["RepoFile"]]:
    """The commit, and what is wanted of it."""
    from huggingface_hub import RepoFile

    try:
        with hub.saying(f"looking at the dataset {repository}"):
            info = client.dataset_info(repository, revision=revision)
            commit = info.sha or ""
            tree = client.list_repo_tree(repository, repo_type="dataset", revision=commit, recursive=True)
            files = [entry for entry in tree if isinstance(entry, RepoFile) and _is_wanted(entry.path)]
    except hub.HubError as error:
        if error.status not in (401, 404):
            raise
        at = f" at {revision}" if revision else ""
        raise OptionError(
            f"dataset: There is no dataset {repository}{at} on the Hub, or this token may not read it."
        ) from error
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise hub.HubError(f"The Hub doesn't say which commit {repository} is at; try again.")
    paths = {file.path for file in files}
    if "train.csv" not in paths or not any("/" in path for path in paths):
        raise OptionError(
            f"dataset: {repository} is no prepared dataset: it needs train.csv, val.csv and pictures in images/, as "
            "`python -m train prepare` makes them."
        )
    size = sum(file.size for file in files)
    if size > MOST_BYTES or len(files) > MOST_FILES:
        raise OptionError(
            f"dataset: {repository} has {len(files):,} files of {size / 1e9:.1f} GB; at most {MOST_FILES:,} of "
            f"{MOST_BYTES / 1e9:.0f} GB come here."
        )
    for file in files:
        if file.path.endswith(".csv") and file.size > MOST_CSV_BYTES:
            raise OptionError(f"dataset: {file.path} of {repository} is larger than a table of labels is.")
    return commit, files


def _is_wanted(path: str) -> bool:
    """Tables at the top, pictures a folder below; nothing hidden, nothing that leads elsewhere."""
    if not path.isprintable() or any(part.startswith(".") for part in path.split("/")):
        return False
    is_picture = _PICTURE.fullmatch(path) and Path(path).suffix.lower() in SUFFIXES
    return bool(_TABLES.fullmatch(path) or is_picture)


def _bring(
    client: "HfApi",
    repository: str,
    commit: str,
    files: list["RepoFile"],
    part: Path,
    stop: Callable[[], bool],
    tell: Callable[[int, int], None],
) -> None:
    def one(file: "RepoFile") -> None:
        if stop():
            raise OptionError("dataset: The fetching was stopped.")
        with hub.saying(f"fetching {file.path}"):
            came = Path(
                client.hf_hub_download(
                    repository, file.path, repo_type="dataset", revision=commit, local_dir=part
                )
            )
        if came.stat().st_size != file.size or (file.lfs and _sha256(came) != file.lfs.sha256):
            came.unlink()
            raise hub.HubError(f"{file.path} of {repository} came damaged; try again.")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(one, file) for file in files]
        try:
            for done, future in enumerate(futures, 1):
                future.result()
                tell(done, len(files))
        finally:
            for future in futures:
                future.cancel()


def _check_tables(folder: Path, repository: str) -> None:
    """Labels name pictures of the dataset, and nothing beyond it."""
    for table in sorted(folder.glob("*.csv")):
        for name in labels.read(table)["imageName"]:
            if Path(name).is_absolute() or ".." in Path(name).parts or "\\" in name:
                raise OptionError(
                    f"dataset: {table.name} of {repository} names {str(name)[:80]!r}, which lies outside of it."
                )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
