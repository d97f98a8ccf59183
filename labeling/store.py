"""The label store: one database that any number of processes write, and that loses nothing it has confirmed.

    store = open_store()
    with store.writing() as connection: ...        # on disk when the block is left

SQLite runs in WAL mode with `synchronous=FULL`: each commit is flushed to the disk before it returns, so what was
confirmed outlives a killed process and a power cut (on disks that keep their own promise). PostgreSQL does the same
with its defaults (`fsync` and `synchronous_commit` on).
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from labeling import schema
from labeling.errors import LabelError
from labeling.settings import LabelSettings, get_label_settings

log = logging.getLogger(__name__)

# A writer that waits for others this long is told to try again; each of them is done in milliseconds.
WAIT_SECONDS = 30.0
# Any number of our own: what PostgreSQL locks while the tables are made, and (second one) for each batch.
MAKING_TABLES = 7_264_011
TAKING_ITEMS = 7_264_012

START_LABELS = ("Asian", "Black", "Hispanic", "Indian", "Middle Eastern", "White", "Nepali")
UNSURE = "unsure"
# What SQLite says where the disk is at fault and not our SQL, which it reports by the same error.
_DISK_AT_FAULT = ("full", "readonly", "disk i/o", "unable to open")


class Store:
    """A database of labels. Threads may share one."""

    def __init__(self, url: str | URL, clock: Callable[[], float] = time.time) -> None:
        """Open the database and make what tables it lacks.

        Args:
            url: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.
            clock: the time in seconds since 1970, UTC.

        Raises:
            LabelError: it can't be reached or written, or was made by a later version.
        """
        self.clock = clock
        self.url = checked_url(url)
        self.engine = _engine(self.url)
        try:
            self._make_tables()
        except (DatabaseError, OSError) as error:  # also a file that is none, and a user without rights
            place = self.url.render_as_string(hide_password=True)
            raise LabelError(
                f"The label database {place} can't be opened or written: {_reason(error)} Check that it is there, "
                "whole, and that Rangin may write it."
            ) from error

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for a server."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries that belong together.

        Raises:
            LabelError: the database is away, or its disk can't be read.
        """
        with self._as_sentences(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it is on disk when the block is left, nothing of it when the block raises.

        Raises:
            LabelError: others kept the database busy for WAIT_SECONDS, it is away, or its disk is full.
        """
        with self._as_sentences(), self._transaction() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with (
            self.engine.connect().execution_options(rangin_writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _as_sentences(self) -> Iterator[None]:
        """What keeps a database from its work for a while, as a LabelError; a mistake of ours keeps its traceback."""
        try:
            yield
        except OperationalError as error:
            said = _reason(error)
            if any(word in said for word in ("locked", "busy", "deadlock")):
                raise LabelError(
                    "The label database is busy; nothing was saved. Try again in a moment."
                ) from error
            if self.is_sqlite and not any(word in said.lower() for word in _DISK_AT_FAULT):
                raise
            log.error("The label database can't be used: %s", said)
            why = said if self.is_sqlite else "it can't be reached."  # where it runs is nobody's business
            raise LabelError(
                f"The label database can't be used now: {why} Nothing was saved; try again when that is mended."
            ) from error

    def version(self) -> int:
        """A number that is another one after whatever changes an export.

        Rows are counted, since of PostgreSQL's numbers a smaller one may be committed after a larger one. Where a photo
        is forgotten events become fewer, but owners' changes one more, which weighs as much as any number of events.
        """
        counts = [
            sa.select(sa.func.count()).select_from(table).scalar_subquery()
            for table in (schema.events, schema.changes, schema.items)
        ]
        with self.reading() as connection:
            events, changes, items = connection.execute(sa.select(*counts)).one()
        return int(events + items + changes * 10**12)

    def upsert(self, table: sa.Table, rows: list[dict[str, Any]], key: list[str], update: list[str]) -> Any:
        """An INSERT that, where `key` is there already, sets the columns `update`; without any it leaves the row."""
        from sqlalchemy.dialects import postgresql, sqlite

        insert = (sqlite.insert if self.is_sqlite else postgresql.insert)(table).values(rows)
        if not update:
            return insert.on_conflict_do_nothing(index_elements=key)
        return insert.on_conflict_do_update(
            index_elements=key, set_={name: insert.excluded[name] for name in update}
        )

    def lock(self, connection: Connection, first: int, second: int = 0) -> None:
        """Hold others off until the transaction ends; SQLite has one writer at a time anyway."""
        if not self.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(first, second)))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _make_tables(self) -> None:
        import labeling.appeal_schema  # noqa: F401 (its tables belong to the same metadata)

        with self._transaction() as connection:
            self.lock(connection, MAKING_TABLES)  # several processes may start at once
            schema.metadata.create_all(connection)
            found = connection.scalar(sa.select(schema.facts.c.value).where(schema.facts.c.name == "schema"))
            if found is None:
                connection.execute(schema.facts.insert().values(name="schema", value=schema.VERSION))
                connection.execute(
                    schema.labels.insert(),
                    [
                        {"id": place + 1, "name": name, "position": place, "is_unsure": name == UNSURE}
                        for place, name in enumerate((*START_LABELS, UNSURE))
                    ],
                )
            elif found != schema.VERSION:
                raise LabelError(
                    f"The label database has tables of version {found}, and this Rangin knows version "
                    f"{schema.VERSION}; use the Rangin that made it."
                )


def open_store(settings: LabelSettings | None = None) -> Store:
    """The store that the settings name; its folder is made where it is missing.

    Raises:
        LabelError: as `Store` does, or the folder can't be made.
    """
    settings = settings or get_label_settings()
    try:
        settings.labels_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise LabelError(
            f"The labels' folder {settings.labels_folder} can't be made ({error.strerror}); set "
            "RANGIN_LABELS_FOLDER to one that can be written."
        ) from error
    return Store(settings.database)


def checked_url(url: str | URL) -> URL:
    """A database's URL, of a kind that labels can be kept in.

    Raises:
        LabelError: it is none.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LabelError(
            "RANGIN_LABELS_DATABASE is no database URL; write postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE."
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise LabelError(
            f"Labels can be kept in SQLite or PostgreSQL, not in {parsed.get_backend_name()}; write "
            "postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE."
        )
    return parsed


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return sa.create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=32)
        engine = sa.create_engine(url, connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False})
    except (NoSuchModuleError, ImportError) as error:
        raise LabelError(
            f"There is no driver for this database ({error}); write postgresql://USER:PASSWORD@HOST/NAME or "
            "sqlite:///FILE."
        ) from error

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would be refused where another wrote in between.
        writes = connection.get_execution_options().get("rangin_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _reason(error: BaseException) -> str:
    said = str(getattr(error, "orig", error)).strip().splitlines()
    return f"{said[0].rstrip('.')}." if said else "no reason was given."
