"""What was already looked at, kept beside the dataset, so that a run that was killed goes on where it stopped.

One SQLite file: a row is there as a whole or not at all, whenever the process dies, and two runs at once on one dataset
are told apart. Nothing in it says where on the machine the pictures lie.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, fields
from pathlib import Path
from types import TracebackType

from colorizer.errors import OptionError
from train.prepare.look import Look

FILE = "prepare.sqlite"
# Another number makes every picture be looked at again: raise it when `look` measures something else.
VERSION = 1

_COLUMNS = tuple(field.name for field in fields(Look))


class Index:
    """Key of a picture -> what was found in it, on disk."""

    def __init__(self, dataset: Path) -> None:
        """Open or create a dataset's index; no one else can until it is closed.

        Raises:
            OptionError: another run has it, or the file is no index.
        """
        self._database = sqlite3.connect(dataset / FILE, timeout=1)
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("BEGIN EXCLUSIVE")
            self._database.execute("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT)")
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS looks (key TEXT PRIMARY KEY, {', '.join(_COLUMNS)})"
            )
            self._database.commit()
        except sqlite3.DatabaseError as error:
            self._database.close()
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise OptionError(
                    f"Another run is preparing {dataset}; wait for it, or choose another --out."
                ) from error
            raise OptionError(
                f"{dataset / FILE} is damaged ({error}); delete {dataset} and prepare it anew."
            ) from error

    def __enter__(self) -> "Index":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.commit()
        self._database.close()

    def fact(self, name: str, value: str) -> str:
        """The value that is kept under a name; `value` is kept where none was."""
        self._database.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))
        self._database.commit()
        with closing(self._database.execute("SELECT value FROM facts WHERE name = ?", (name,))) as rows:
            return str(rows.fetchone()[0])

    def add(self, looks: Iterable[tuple[str, Look]]) -> None:
        """Keep what was found; all of it or, if the process dies meanwhile, none."""
        marks = ", ".join("?" * (len(_COLUMNS) + 1))
        rows = [(key, *astuple(found)) for key, found in looks]
        with self._database:
            self._database.executemany(f"INSERT OR REPLACE INTO looks VALUES ({marks})", rows)

    def looks(self) -> dict[str, Look]:
        """All that is kept."""
        with closing(self._database.execute("SELECT * FROM looks")) as rows:
            return {key: Look(*values) for key, *values in rows}

    def forget(self, keys: Iterable[str]) -> None:
        """Remove pictures that the source no longer has."""
        with self._database:
            self._database.executemany("DELETE FROM looks WHERE key = ?", [(key,) for key in keys])
