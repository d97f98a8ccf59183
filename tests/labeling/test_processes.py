"""Eight processes label at once into one database, one of them is killed and started again: nothing lost or doubled."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from labeling import looks, outcome, schema
from labeling.errors import LabelError
from labeling.store import Store
from tests.conftest import REPOSITORY
from tests.labeling import postgres
from tests.labeling.filling import fill
from tests.labeling.writer import read

PEOPLE = 8
LABELS = 500


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'labels.db'}"
    else:
        with postgres.server() as url:
            yield url


def start(url: str, who: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "tests.labeling.writer",
        url,
        who,
        str(LABELS),
        str(folder / f"{who}.log"),
    ]
    return subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_nothing_is_lost_or_doubled(url: str, tmp_path: Path) -> None:
    store = Store(url)
    batch = fill(store, PEOPLE * LABELS)
    people = [f"person {number}" for number in range(PEOPLE)]
    running = {who: start(url, who, tmp_path) for who in people}
    victim = people[3]
    try:
        while len(read(tmp_path / f"{victim}.log")[1]) < 150:
            assert running[victim].poll() is None
            time.sleep(0.02)
        running[victim].send_signal(signal.SIGKILL)
        running[victim].wait()
        was_saved = read(tmp_path / f"{victim}.log")[1]
        assert len(was_saved) < LABELS, "killed too late to mean anything"
        with store.reading() as connection:
            keys = set(
                connection.scalars(sa.select(schema.events.c.key).where(schema.events.c.who == victim))
            )
        assert {f"{victim}-{number:06d}" for number in was_saved} <= keys, "said to be saved, and lost"
        running[victim] = start(url, victim, tmp_path)
        for process in running.values():
            assert process.wait(timeout=300) == 0
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    with store.reading() as connection:
        rows = connection.execute(sa.select(schema.events)).all()
    assert len(rows) == PEOPLE * LABELS == 4000
    assert Counter(row.who for row in rows) == dict.fromkeys(people, LABELS)
    assert len({row.item for row in rows}) == 4000, "an item was handed to two people"
    assert all(row.superseded_by == 0 for row in rows)
    votes = outcome.votes(store, batch.id)
    assert len(votes) == 4000
    assert all(one.outcome in ("Nepali", "Asian") for one in votes)
    with store.reading() as connection:
        assert connection.scalar(sa.select(sa.func.sum(schema.items.c.judged))) == 4000
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.leases)) == 0
    store.close()


def test_tables_are_made_once_by_all_that_start_together(url: str) -> None:
    errors: list[BaseException] = []

    def open_one() -> None:
        try:
            Store(url).close()
        except BaseException as error:  # noqa: BLE001 (told to the test's own thread)
            errors.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Store(url).reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.labels)) == 8


def test_one_person_who_labels_and_undoes_in_several_windows_breaks_nothing(url: str) -> None:
    from labeling import judging
    from tests.labeling.filling import key

    store = Store(url)
    batch = fill(store, 2)
    errors: list[BaseException] = []

    def act(is_undo: bool) -> None:
        try:
            for number in range(60):
                if is_undo:
                    judging.undo(store, key(), "Maya", batch.id)
                else:
                    judging.judge(store, key(), "Maya", 1, "label", 1 + number % 5)
        except BaseException as error:  # noqa: BLE001 (told to the test's own thread)
            errors.append(error)

    threads = [threading.Thread(target=act, args=(bool(number % 2),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    columns, items = schema.events.c, schema.items.c
    with store.reading() as connection:
        current = connection.scalar(
            sa.select(sa.func.count()).where(
                columns.item == 1, columns.slot != "", columns.superseded_by == 0
            )
        )
        assert connection.scalar(sa.select(items.judged).where(items.id == 1)) == current
    store.close()


def test_what_is_judged_taken_and_undone_works_in_every_database(url: str) -> None:
    from labeling import judging, progress, queue, vocabulary
    from tests.labeling.filling import face, key, probabilities, survey

    store = Store(url)
    batch = fill(store, 20, judgements=2)
    for number in range(6):
        survey(store, number, [face(estimate=probabilities("Indian", 0.3 + number / 10)), face(300)])
    for order in queue.ORDERS:
        for by_face in (False, True):
            queue.take(store, "Maya", batch.id, order, by_face)
    with pytest.raises(LabelError, match="not on the desk"):
        queue.take(store, "Maya", 2**40)
    items = queue.take(store, "Maya", batch.id, "uncertain", count=3)
    assert [item.position for item in items] == [0, 1, 2]
    for item in items:
        judging.judge(store, key(), "Maya", item.id, "label", "Nepali", suggestion={"Asian": 1.0})
        judging.judge(store, key(), "Ram", item.id, "label", "White")
    assert {item.position for item in queue.take(store, "Sita", batch.id, "mistakes")} == {0, 1, 2}
    assert all(one.is_conflict for one in outcome.votes(store, batch.id))
    judging.settle(store, key(), "Sita", items[0].id, "Nepali")
    undone = judging.undo(store, key(), "Ram", batch.id)
    assert undone is not None
    assert undone.item == items[2].id
    vocabulary.rename(store, "Maya", 7, "Nepalese")
    vocabulary.set_guidelines(store, "Maya", "Look twice.")
    found = progress.progress(store, batch.id, "Maya")
    assert (found.total, found.judged, found.done, found.mine) == (20, 3, 2, 3)
    assert found.by_label["Nepalese"] == 3
    assert looks.survey_progress(store, batch.id) == (6, 20)
    assert [one.outcome for one in outcome.votes(store, batch.id)] == ["Nepalese", None, "Nepalese"]
    queue.release(store, "Maya")
    store.close()


def test_sqlite_flushes_each_commit_to_the_disk(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'labels.db'}")
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://host/labels", "SQLite or PostgreSQL"),
        ("not a url", "no database URL"),
        ("sqlite:////nowhere/at/all/labels.db", "can't be opened"),
        ("postgresql://rangin:secret@127.0.0.1:1/labels", "can't be opened"),
    ],
)
def test_a_database_that_can_not_be_used_is_said_without_its_password(url: str, said: str) -> None:
    with pytest.raises(LabelError, match=said) as caught:
        Store(url)
    assert "secret" not in str(caught.value)
