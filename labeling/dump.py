"""A copy of the whole store as one file, consistent though others write meanwhile, and the way back.

    copy(store, folder)       # folder/labels.db of SQLite, folder/labels.jsonl of PostgreSQL
    load(file, store)         # either of them into a store that nobody has used yet
    fingerprint(store)        # changes with whatever such a copy would hold

Leases are left out: they last two minutes.
"""

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from labeling import appeal_schema, schema
from labeling.errors import LabelError
from labeling.store import Store

SQLITE = "labels.db"
LINES = "labels.jsonl"

# Rows of one INSERT.
ROWS_AT_ONCE = 1000


def copy(store: Store, folder: Path) -> Path:
    """Write the store as it is at one moment into `folder`; nobody has to stop for it.

    Returns:
        The file: `labels.db`, an SQLite database of one file, or `labels.jsonl`, a line a row.
    """
    if store.file:
        return _copy_sqlite(store.file, folder / SQLITE)
    return write_lines(store, folder / LINES)


def load(file: Path, store: Store) -> None:
    """Put a copy into a store that nobody has used yet. All of it gets in, or nothing.

    Raises:
        LabelError: the store is in use, or the file is damaged or of another version.
    """
    if file.name == SQLITE:
        with tempfile.TemporaryDirectory() as folder:
            between = Path(folder) / LINES
            source = Store(f"sqlite:///{file}")
            try:
                write_lines(source, between)
            finally:
                source.close()
            load(between, store)
        return
    with store.writing() as connection:
        if not is_unused(connection):
            raise LabelError("The label database is in use already; a copy can only go into a new one.")
        for table in reversed(_tables()):
            connection.execute(table.delete())
        try:
            with file.open(encoding="utf-8") as lines:
                _insert(connection, (json.loads(line) for line in lines))
        except (ValueError, KeyError, TypeError, sa.exc.StatementError) as error:
            raise LabelError(
                f"The copy {file.name} of the label database is damaged; nothing was taken."
            ) from error
        if not store.is_sqlite:
            _number_on(connection)


def check(file: Path) -> None:
    """See that a copy is whole.

    Raises:
        LabelError: it isn't.
    """
    try:
        if file.name == SQLITE:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                said = connection.execute("PRAGMA quick_check").fetchone()[0]
                connection.execute("SELECT count(*) FROM events")
            if said != "ok":
                raise ValueError(said)
        else:
            with file.open(encoding="utf-8") as lines:
                if json.loads(next(lines))["version"] != schema.VERSION:
                    raise ValueError("another version")
    except (sqlite3.Error, ValueError, KeyError, TypeError, StopIteration) as error:
        raise LabelError(f"The copy {file.name} of the label database is damaged: {error}.") from error


def is_unused(connection: sa.Connection) -> bool:
    """Whether a store holds no photo, no judgement and no change of the vocabulary."""
    return not any(
        connection.scalar(sa.select(sa.exists().select_from(table)))
        for table in (schema.batches, schema.photos, schema.events, schema.changes)
    )


def fingerprint(store: Store) -> str:
    """Text that differs from an earlier one when a copy would hold anything else.

    Most tables only grow. Of those whose rows change, small ones are read whole, and in large ones what changes is
    counted.
    """
    tables = _tables()
    small = [table for table in tables if table.name in ("facts", "labels", "batches", "studies")]
    counted = [sa.select(sa.func.count()).select_from(table) for table in tables if table not in small]
    counted += [
        sa.select(sa.func.count(table.c[name]))
        for table in tables
        for name in ("surveyed_at", "undone_at")
        if name in table.c
    ]
    digest = hashlib.sha256()
    with store.reading() as connection:
        for table in small:
            rows = connection.execute(sa.select(table).order_by(*table.primary_key)).all()
            digest.update(repr([tuple(row) for row in rows]).encode())
        row = connection.execute(sa.select(*(query.scalar_subquery() for query in counted))).one()
    digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def files_named(store: Store) -> set[str]:
    """The photos' and studies' files that the store knows of, as paths below the labels' folder."""
    photos, shown, paintings = schema.photos.c, appeal_schema.study_photos.c, appeal_schema.paintings.c
    with store.reading() as connection:
        named = {
            f"photos/{row.hash[:2]}/{row.hash}{row.suffix}"
            for row in connection.execute(sa.select(photos.hash, photos.suffix))
        }
        named |= {
            f"studies/{row.study}/photo-{row.id}.png"
            for row in connection.execute(sa.select(shown.id, shown.study))
        }
        named |= {
            f"studies/{row.study}/{row.file}"
            for row in connection.execute(sa.select(paintings.study, paintings.file))
        }
    return named


def _tables() -> list[sa.Table]:
    """All that are copied, each after those that it points to."""
    return [table for table in schema.metadata.sorted_tables if table is not schema.leases]


def _copy_sqlite(file: Path, target: Path) -> Path:
    """By SQLite's own backup, which waits for no one: in WAL mode a reader sees one moment."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copied:
        source.backup(copied)
        copied.execute("DELETE FROM leases")
        copied.commit()
        copied.execute("PRAGMA journal_mode=DELETE")  # one file, without the two beside it
    return target


def write_lines(store: Store, target: Path) -> Path:
    """Write the store as JSON, a row a line, in an order in which `load` can put them back."""
    with store.engine.connect() as connection, target.open("w", encoding="utf-8") as out:
        if not store.is_sqlite:
            connection.execution_options(isolation_level="REPEATABLE READ")  # one moment for all tables
        out.write(json.dumps({"version": schema.VERSION}) + "\n")
        for table in _tables():
            for row in connection.execute(sa.select(table)).mappings():
                line = {"table": table.name, "row": dict(row)}
                out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    return target


def _insert(connection: sa.Connection, lines: Iterator[dict[str, Any]]) -> None:
    if (version := next(lines, {}).get("version")) != schema.VERSION:
        raise LabelError(
            f"This copy has tables of version {version}, and this Rangin knows version {schema.VERSION}; use the "
            "Rangin that made it."
        )
    tables = {table.name: table for table in _tables()}
    while some := list(islice(lines, ROWS_AT_ONCE)):
        rows: dict[str, list[dict[str, Any]]] = {}
        for line in some:
            rows.setdefault(line["table"], []).append(line["row"])
        for name, of_table in rows.items():  # in the file's order, which is that of the tables
            connection.execute(tables[name].insert(), _without(of_table, _pointing_to_itself(tables[name])))
            _point(connection, tables[name], of_table)
    for table in tables.values():
        for column in table.columns:
            if (
                isinstance(column.type, sa.JSON) and column.nullable
            ):  # a None that is inserted becomes JSON's null
                connection.execute(
                    table.update().where(sa.cast(column, sa.Text) == "null").values({column.name: sa.null()})
                )


def _pointing_to_itself(table: sa.Table) -> list[str]:
    return [
        column.name
        for column in table.columns
        if any(key.column.table is table for key in column.foreign_keys)
    ]


def _without(rows: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    return [{name: None if name in names else value for name, value in row.items()} for row in rows]


def _point(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """What points to a row of its own table, set once all rows are there: a label merged into a later one."""
    for name in _pointing_to_itself(table):
        for row in rows:
            if row[name] is not None:
                where = [column == row[column.name] for column in table.primary_key]
                connection.execute(table.update().where(*where).values({name: row[name]}))


def _number_on(connection: sa.Connection) -> None:
    """PostgreSQL numbers rows by a counter that knows nothing of rows that brought their number along."""
    for table in _tables():
        column = table.autoincrement_column
        if column is None:
            continue
        connection.execute(
            sa.text(
                "SELECT setval(s, greatest((SELECT coalesce(max(id), 0) FROM "
                f'"{table.name}"), 1)) FROM pg_get_serial_sequence(:table, :column) AS s WHERE s IS NOT NULL'
            ),
            {"table": table.name, "column": column.name},
        )
