"""A database that can't be used is a sentence, whatever is wrong with it; nothing is half saved."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from labeling import batches, judging, schema
from labeling.batches import Batch
from labeling.desk import decide
from labeling.errors import LabelError
from labeling.judgement import Judgement
from labeling.office import Office
from labeling.settings import LabelSettings
from labeling.store import Store
from tests.labeling import postgres
from tests.labeling.filling import fill, key


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    damaged = tmp_path / "labels.db"
    damaged.write_bytes(b"no database at all" * 100)
    with pytest.raises(LabelError, match=r"labels.db can't be opened or written: .*whole"):
        Store(f"sqlite:///{damaged}")


@pytest.mark.parametrize("url", ["postgresql+psycopg2://maya@localhost/labels", "sqlite+nothing:///x.db"])
def test_a_driver_that_is_not_there_is_a_sentence(url: str) -> None:
    with pytest.raises(LabelError, match=r"no driver for this database.*write postgresql://"):
        Store(url)


def test_a_wrong_address_is_a_sentence_also_where_snapshots_come_back_first(tmp_path: Path) -> None:
    settings = LabelSettings(
        labels_folder=tmp_path, labels_database=SecretStr("not a url"), labels_repo="maya/labels"
    )
    with pytest.raises(LabelError, match="RANGIN_LABELS_DATABASE is no database URL"):
        Office(settings)


def test_a_disk_that_is_full_is_said_and_nothing_is_half_saved(store: Store, batch: Batch) -> None:
    fill_disk(store)
    notes = [Judgement(key(), "Maya", 1, "note", word="x" * 3000) for _ in range(400)]
    with pytest.raises(LabelError, match=r"database or disk is full\. Nothing was saved"):
        judging.judge_all(store, notes)
    with store.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.events)) == 0


def test_the_desk_is_told_to_send_again_where_the_disk_is_full(tmp_path: Path) -> None:
    office = Office(LabelSettings(labels_folder=tmp_path))
    fill(office.store, 3)
    fill_disk(office.store)
    maya = office.access.person("Maya", None)
    answers = [decide(office, maya, key(), 1, "note", word="x" * 3000) for _ in range(100)]
    assert "disk is full" in answers[-1]["later"]
    office.store.close()


def test_a_database_that_may_not_be_written_can_still_be_read(store: Store, batch: Batch) -> None:
    sa.event.listen(store.engine, "connect", lambda made, _: made.execute("PRAGMA query_only=1").close())
    store.engine.dispose()
    with pytest.raises(LabelError, match="readonly database"):
        judging.judge(store, key(), "Maya", 1, "label", "Nepali")
    assert batches.find(store, batch.id).name == batch.name


def test_a_mistake_in_our_own_sql_keeps_its_traceback(store: Store) -> None:
    with pytest.raises(sa.exc.OperationalError, match="no such table"), store.writing() as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")


@pytest.mark.slow
def test_a_server_that_goes_away_is_a_sentence_without_its_address() -> None:
    with postgres.server() as url:
        store = Store(url)
        batch = fill(store, 3)
    for act in (
        lambda: batches.find(store, batch.id),
        lambda: judging.judge(store, key(), "Maya", 1, "label", "Nepali"),
    ):
        with pytest.raises(LabelError, match=r"can't be used now: it can't be reached\. ") as caught:
            act()
        assert "127.0.0.1" not in str(caught.value)


def fill_disk(store: Store) -> None:
    """Let the database grow no further than it has."""
    sa.event.listen(store.engine, "connect", lambda made, _: made.execute("PRAGMA max_page_count=1").close())
    store.engine.dispose()
