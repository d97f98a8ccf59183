"""Snapshots of the labels in a private dataset repository on the Hugging Face Hub, and the way back from there.

    hub = Hub("user/rangin-labels", token)
    hub.push(store, folder)         # what has changed
    hub.fetch(empty_folder)         # everything

The repository holds:

    labels.db (or labels.jsonl of PostgreSQL)    the whole store at one moment
    csv/                                         as exported
    photos/, studies/                            files that never change, sent once
    snapshot.json                                which snapshot this is
    earlier/                                     the stores of other servers, where two pushed to one repository

Photos come before the database that names them, so that every database in the repository has its photos there.
"""

import logging
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from labeling import dump
from labeling.errors import LabelError
from labeling.snapshot import CHANGING, LASTING, SNAPSHOT, TRIED, Snapshot, files
from labeling.store import Store

log = logging.getLogger(__name__)

NOT_ALONE = "the stores in earlier/ may know them; delete both there by hand."
HISTORY = "its history holds them until it is squashed and the files are deleted in its settings on the Hub."

# The Hub recommends at most some hundred files a commit.
FILES_A_COMMIT = 200

CARD = """---
license: other
viewer: false
---
# Labels of a Rangin project

Written by Rangin; don't edit. `csv/` is for people, `labels.db` (or `labels.jsonl`) holds everything, and `photos/` the
portraits, which were given under their batch's licence and consent. Keep this repository private.
"""


class Hub:
    """One dataset repository. Made where it is missing, as a private one."""

    def __init__(self, repo: str, token: str, endpoint: str | None = None) -> None:
        """
        Args:
            repo: user/name.
            token: may write to it.
            endpoint: another Hub than the environment's (HF_ENDPOINT).

        Raises:
            LabelError: `repo` can't be a repository's name.
        """
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import disable_progress_bars, validate_repo_id

        try:
            validate_repo_id(repo)
        except HFValidationError as error:
            raise LabelError(f"RANGIN_LABELS_REPO is {repo!r}; it has to be user/name.") from error
        if repo.count("/") != 1:
            raise LabelError(f"RANGIN_LABELS_REPO is {repo!r}; it has to be user/name.")
        self.repo = repo
        self._api = HfApi(endpoint=endpoint, token=token)
        disable_progress_bars()  # a server's log has no use for them
        self._sent: set[str] = set()
        """Lasting files that the repository is known to have."""
        self._listed_at = ""
        """The commit after which `_sent` was complete."""

    def push(self, store: Store, folder: Path) -> Snapshot:
        """Send what the repository lacks, and note in `folder` that this was done.

        Raises:
            LabelError: the Hub can't be reached, refuses, or somebody pushed at the same moment. Whatever was sent is
                used by the next push.
        """
        with _as_sentences(self.repo), tempfile.TemporaryDirectory(prefix=".snapshot-", dir=folder) as made:
            head = self._open()
            there = self._snapshot(head, Path(made))
            # Taken before the copy, so that what comes between the two is pushed once more rather than not at all.
            at, fingerprint = store.clock(), dump.fingerprint(store)
            database = dump.copy(store, Path(made))
            snapshot = Snapshot(self.repo, uuid.uuid4().hex, at, fingerprint, database.name)
            ours = [Snapshot.read(folder / name) for name in (SNAPSHOT, TRIED)]
            head = self._send_lasting(folder, head)
            changed = {name: path for name, path in files(folder) if CHANGING.fullmatch(name)}
            snapshot.write(Path(made) / SNAPSHOT)
            changed |= {database.name: database, SNAPSHOT: Path(made) / SNAPSHOT}
            is_ours = there is None or any(
                one and (one.repo, one.id) == (self.repo, there.id) for one in ours
            )
            snapshot.write(folder / TRIED)  # the answer to what comes now may be lost though the Hub took it
            gone = self._sent - {name for name, _ in files(folder)} - dump.files_named(store)
            head = self._send(changed, gone, head, keep=None if is_ours else there)
            self._listed_at = head
            snapshot.write(folder / SNAPSHOT)
        return snapshot

    def fetch(self, folder: Path) -> Snapshot | None:
        """Bring the whole snapshot into `folder`, which is empty or holds what an interrupted fetch had brought.

        Returns:
            The snapshot; None where the repository is missing or has none.

        Raises:
            LabelError: the Hub can't be reached or refuses, or what came is incomplete or damaged.
        """
        from huggingface_hub import RepoFile, snapshot_download
        from huggingface_hub.errors import RepositoryNotFoundError

        with _as_sentences(self.repo):
            try:
                head = self._api.repo_info(self.repo, repo_type="dataset").sha or ""
            except RepositoryNotFoundError:
                return None
            with tempfile.TemporaryDirectory() as made:
                snapshot = self._snapshot(head, Path(made))
            if snapshot is None:
                return None
            tree = self._api.list_repo_tree(self.repo, repo_type="dataset", revision=head, recursive=True)
            wanted = {
                entry.path: entry.size
                for entry in tree
                if isinstance(entry, RepoFile)
                and (
                    entry.path == snapshot.database
                    or LASTING.fullmatch(entry.path)
                    or CHANGING.fullmatch(entry.path)
                )
            }
            snapshot_download(
                self.repo,
                repo_type="dataset",
                revision=head,
                local_dir=folder,
                allow_patterns=[snapshot.database, "csv/*", "photos/*", "studies/*"],
                token=self._api.token,
                endpoint=self._api.endpoint,
            )
        # After a lost connection the download may end without an error and without all files.
        missing = [name for name, size in wanted.items() if not _has_size(folder / name, size)]
        if missing or snapshot.database not in wanted:
            raise LabelError(
                f"{len(missing) or 1} of {len(wanted)} files of the snapshot at {self.repo} didn't come whole; try "
                "again."
            )
        dump.check(folder / snapshot.database)
        return snapshot

    def _open(self) -> str:
        """The repository's newest commit, after seeing that nobody else may look."""
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            info = self._api.repo_info(self.repo, repo_type="dataset")
        except RepositoryNotFoundError:
            self._api.create_repo(self.repo, repo_type="dataset", private=True, exist_ok=True)
            info = self._api.repo_info(self.repo, repo_type="dataset")
        if not info.private:
            raise LabelError(
                f"The repository {self.repo} is public, and portraits and labels only go to a private one; make it "
                "private in its settings on the Hub."
            )
        return info.sha or ""

    def _snapshot(self, head: str, folder: Path) -> Snapshot | None:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import RemoteEntryNotFoundError

        try:
            file = hf_hub_download(
                self.repo,
                SNAPSHOT,
                repo_type="dataset",
                revision=head,
                local_dir=folder / "there",
                token=self._api.token,
                endpoint=self._api.endpoint,
            )
        except RemoteEntryNotFoundError:
            return None
        return Snapshot.read(Path(file))

    def _send_lasting(self, folder: Path, head: str) -> str:
        """Photos and paintings that the repository lacks, some hundred a commit; returns the newest commit."""
        from huggingface_hub import CommitOperationAdd

        if head != self._listed_at:
            self._sent = {name for name in self._names(head) if LASTING.fullmatch(name)}
        new = {
            name: path for name, path in files(folder) if LASTING.fullmatch(name) and name not in self._sent
        }
        for names in _parts(sorted(new), FILES_A_COMMIT):
            added = [CommitOperationAdd(name, new[name]) for name in names]
            head = self._commit(added, f"{len(names)} files", head)
            self._sent.update(names)
            self._listed_at = head
        return head

    def _send(self, changed: Mapping[str, Path], gone: set[str], head: str, keep: Snapshot | None) -> str:
        """The database, CSVs and what names them, in one commit.

        Args:
            gone: lasting files that neither the store nor the folder has any more: photos that were forgotten.
            keep: another server's snapshot, whose store is put aside.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

        there = self._names(head)
        if gone and (keep or any(name.startswith("earlier/") for name in there)):
            log.warning(
                "%d files stay in %s though this store has forgotten them: %s",
                len(gone),
                self.repo,
                NOT_ALONE,
            )
            gone = set()
        elif gone:
            log.warning("%d files go from %s with their photos; %s", len(gone), self.repo, HISTORY)
        operations: list[Any] = [CommitOperationAdd(name, path) for name, path in changed.items()]
        operations += [
            CommitOperationDelete(name, is_folder=False)
            for name in there
            if name in gone or (CHANGING.fullmatch(name) and name not in changed)
        ]
        if "README.md" not in there:
            operations.append(CommitOperationAdd("README.md", CARD.encode()))
        if keep and keep.database in there:
            when = datetime.fromtimestamp(keep.at, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
            aside = f"earlier/{when}-{keep.id[:8]}-{keep.database}"
            operations.append(CommitOperationCopy(keep.database, aside, src_revision=head))
        head = self._commit(operations, "Labels", head)
        self._sent -= gone
        return head

    def _names(self, head: str) -> set[str]:
        tree = self._api.list_repo_tree(self.repo, repo_type="dataset", revision=head, recursive=True)
        return {entry.path for entry in tree}

    def _commit(self, operations: list[Any], message: str, head: str) -> str:
        """Only on top of `head`: the Hub refuses when somebody pushed in between, and the next push looks again."""
        done = self._api.create_commit(
            self.repo,
            operations,
            commit_message=message,
            repo_type="dataset",
            parent_commit=head or None,
        )
        return done.oid


def _has_size(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


def _parts(names: list[str], size: int) -> Iterable[list[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


@contextmanager
def _as_sentences(repo: str) -> Iterator[None]:
    """What huggingface_hub raises, as one sentence; a mistake of ours keeps its traceback."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403, 404):
            why = f"refused the token for {repo}; use one that may write there."
        elif status in (409, 412):
            why = f"has a newer snapshot in {repo}, pushed at the same moment by another server."
        else:
            why = f"answered with an error {status} for {repo}."
        raise LabelError(f"The Hugging Face Hub {why}") from error
    except (httpx2.HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise LabelError("The Hugging Face Hub can't be reached.") from error
    except (RuntimeError, OSError) as error:  # hf_xet's errors, and those of uploads to where the Hub points
        raise LabelError(
            f"The snapshot couldn't be exchanged with the Hugging Face Hub ({error})."
        ) from error
