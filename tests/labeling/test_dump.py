"""Copies of the whole store, and the way back, for SQLite and a real PostgreSQL."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from labeling import batches, dump, judging, queue, schema, vocabulary
from labeling.errors import LabelError
from labeling.store import Store
from tests.labeling.filling import face, fill, key, probabilities, survey
from tests.labeling.postgres import server


def busy(store: Store) -> Store:
    """Something in every table of the desk."""
    batch = fill(store, 6)
    survey(store, 0, [face(estimate=probabilities("Asian", 0.9)), face(150.0, estimate={})])
    survey(store, 1, [])
    merged = vocabulary.labels(store)[0]
    later = next(label for label in vocabulary.labels(store) if label.name == "Nepali")
    vocabulary.merge(store, "Maya", merged.id, later.id)  # points to a row that comes after it
    vocabulary.set_guidelines(store, "Maya", "हेर्नुहोस्, then decide.\nTwice.")
    judging.judge(store, key(), "Sita", 1, "label", "Nepali", suggestion={"White": 0.5}, seconds=1.5)
    judging.judge(store, key(), "Sita", 1, "label", "Indian")
    judging.judge(store, key(), "Ram", 1, "note", word="a 'quote', and \\ more")
    judging.judge(store, key(), "Ram", 2, "unusable", word="drawing")
    judging.undo(store, key(), "Ram", batch.id)
    judging.settle(store, key(), "Maya", 1, "White")
    queue.take(store, "Sita", batch.id, count=2)
    return store


def rows(store: Store) -> dict[str, list[tuple]]:
    """All that a copy holds, with SQL's null apart from JSON's."""
    found = {}
    with store.reading() as connection:
        for table in schema.metadata.sorted_tables:
            if table is not schema.leases:
                columns = [
                    sa.cast(column, sa.Text) if isinstance(column.type, sa.JSON) else column
                    for column in table.columns
                ]
                query = sa.select(*columns).order_by(*table.primary_key)
                found[table.name] = [
                    tuple(None if value == "null" else _parsed(value) for value in row)
                    for row in connection.execute(query)
                ]
    return found


def _parsed(value: object) -> object:
    """JSON as values: the two databases write it with other blanks."""
    if isinstance(value, str) and value[:1] in '{["':
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    yield other
    other.close()


def lines_of(store: Store, folder: Path) -> Path:
    return dump.write_lines(store, folder / dump.LINES)


def test_lines_bring_every_row_back(store, other, tmp_path):
    busy(store)
    dump.load(lines_of(store, tmp_path), other)
    assert rows(other) == rows(store)
    assert all(
        rows(store)[table] for table in ("labels", "batches", "photos", "faces", "items", "events", "changes")
    )


def test_null_is_null_afterwards(store, other, tmp_path):
    busy(store)
    dump.load(lines_of(store, tmp_path), other)
    with other.reading() as connection:
        shown = sa.select(sa.func.count()).where(schema.events.c.suggestion.is_not(None))
        assert connection.scalar(shown) == 1


def test_a_file_of_sqlite_is_one_file_and_opens_as_a_store(store, tmp_path):
    busy(store)
    (tmp_path / "copy").mkdir()
    copied = dump.copy(store, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["labels.db"]
    dump.check(copied)
    again = Store(f"sqlite:///{copied}")
    assert rows(again) == rows(store)
    again.close()


def test_a_copy_made_while_others_write_is_of_one_moment(store, tmp_path):
    """Each photo's event and its item's count are one transaction; a copy never has one without the other."""
    import threading

    fill(store, 200)

    def label() -> None:
        for item in range(1, 201):
            judging.judge(store, key(), "Sita", item, "label", "Nepali")

    writing = threading.Thread(target=label)
    writing.start()
    seen = set()
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        copied = Store(f"sqlite:///{dump.copy(store, tmp_path / str(number))}")
        with copied.reading() as connection:
            events = connection.scalar(sa.select(sa.func.count()).select_from(schema.events))
            judged = connection.scalar(sa.select(sa.func.sum(schema.items.c.judged)))
        copied.close()
        assert events == judged
        seen.add(events)
    writing.join()
    assert len(seen) > 1


def test_a_store_in_use_is_not_written_over(store, other, tmp_path):
    fill(other, 1)
    before = rows(other)
    with pytest.raises(LabelError, match="in use already"):
        dump.load(lines_of(busy(store), tmp_path), other)
    assert rows(other) == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [*lines[:-1], lines[-1][:-9]],
        lambda lines: [*lines, '{"table": "nothing", "row": {}}'],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[0], '{"table": "events", "row": {"id": 1}}'],
        lambda lines: ['{"version": 99}', *lines[1:]],
        lambda lines: [],
    ],
    ids=["cut off", "unknown table", "twice", "half a row", "of another version", "empty"],
)
def test_of_a_damaged_copy_nothing_is_taken(store, other, tmp_path, spoil):
    file = lines_of(busy(store), tmp_path)
    file.write_text("\n".join(spoil(file.read_text().splitlines())))
    before = rows(other)
    with pytest.raises(LabelError):
        dump.load(file, other)
    assert rows(other) == before


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\0" * 5000])
def test_a_damaged_file_of_sqlite_is_seen(tmp_path, content):
    (tmp_path / "labels.db").write_bytes(content)
    with pytest.raises(LabelError, match="damaged"):
        dump.check(tmp_path / "labels.db")


def test_between_sqlite_and_postgresql_every_row_goes_both_ways(store, other, tmp_path):
    busy(store)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with server() as url:
        remote = Store(url)
        dump.load(dump.copy(store, tmp_path / "a"), remote)
        assert rows(remote) == rows(store)
        # The server numbers on from there.
        judging.judge(remote, key(), "Sita", 3, "label", "Nepali")
        batches.create(remote, "Maya", "more", "own", "CC0", "asked")
        vocabulary.add(remote, "Maya", "Newar")
        copied = dump.copy(remote, tmp_path / "b")
        assert copied.name == "labels.jsonl"
        dump.check(copied)
        dump.load(copied, other)
        assert rows(other) == rows(remote)
        remote.close()
