"""What a snapshot of the labels consists of, in the labels' folder and in a repository, which have the same layout."""

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from labeling import dump

SNAPSHOT = "snapshot.json"
"""In the repository: which snapshot it holds. In the labels' folder: which one this folder's store goes on from."""

TRIED = ".snapshot-tried.json"
"""In the labels' folder: which one was last sent, whether or not the Hub was heard to take it."""

# What is sent and brought back; a folder holds more that is made again. Photos' names are hashes.
LASTING = re.compile(
    r"photos/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{1,5}|studies(/[\w-][\w.-]*)+\.(jpe?g|png|webp)"
)
CHANGING = re.compile(r"csv/[^/.][^/]*\.csv")


@dataclass(frozen=True)
class Snapshot:
    """Which snapshot; as JSON in `snapshot.json`."""

    repo: str
    id: str
    at: float
    """When its store was copied, in seconds since 1970, UTC."""
    fingerprint: str
    """As `dump.fingerprint`, of the store it was made of."""
    database: str

    @staticmethod
    def read(file: Path) -> "Snapshot | None":
        """What `file` says; None where it is missing or isn't one."""
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            return Snapshot(**{name: said[name] for name in ("repo", "id", "at", "fingerprint", "database")})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, file: Path) -> None:
        """Replace `file` at once."""
        fresh = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
        fresh.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        fresh.replace(file)


def put_in_place(fetched: Path, folder: Path, snapshot: Snapshot, store_file: Path | None) -> None:
    """Move what was fetched into the labels' folder; an SQLite database comes last, since it says that all is there."""
    for name, path in files(fetched):
        if LASTING.fullmatch(name) or CHANGING.fullmatch(name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(folder / name)
    snapshot.write(folder / SNAPSHOT)
    if store_file and snapshot.database == dump.SQLITE:
        for beside in ("-wal", "-shm"):  # of an unused database
            store_file.with_name(store_file.name + beside).unlink(missing_ok=True)
        shutil.move(fetched / snapshot.database, store_file)


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file that may belong to a snapshot: its name in the repository, its path."""
    for top in ("photos", "studies", "csv"):
        for path in (folder / top).rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path
