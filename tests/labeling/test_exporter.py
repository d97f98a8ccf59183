"""The CSVs that are kept current in the background."""

import csv
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from labeling import batches, export, exporter, forgetting, schema, tally, vocabulary
from labeling.appeal_files import StudyFiles
from labeling.batches import Batch
from labeling.exporter import Exporter
from labeling.judgement import Judgement
from labeling.judging import judge, judge_all, undo
from labeling.photos import PhotoFolder
from labeling.store import Store
from tests.labeling.filling import face, fill, key, new_photo, survey

PROMISED = 2.0  # seconds


@pytest.fixture
def running(store: Store, tmp_path: Path) -> Iterator[Exporter]:
    at_work = Exporter(store, tmp_path)
    at_work.start()
    yield at_work
    at_work.stop()


def wait_for(path: Path, rows: int) -> float:
    """Seconds until the CSV has so many rows below its header."""
    start = time.monotonic()
    while time.monotonic() - start < 10:
        if path.exists() and len(path.read_text().splitlines()) == rows + 1:
            return time.monotonic() - start
        time.sleep(0.01)
    raise AssertionError(f"{path} never had {rows} rows")


def test_a_label_of_another_process_is_in_the_csv_within_two_seconds(
    store: Store, batch: Batch, running: Exporter, tmp_path: Path
) -> None:
    path = tmp_path / "csv" / "Dashain-2026.csv"
    wait_for(path, 0)
    script = (
        "import sys\n"
        "from labeling.store import Store\n"
        "from labeling.judging import judge\n"
        f"store = Store('sqlite:///{store.file}')\n"
        "print('ready', flush=True)\n"
        "for item in range(1, 11):\n"
        "    sys.stdin.readline()\n"
        "    judge(store, f'other-{item:04}', 'Asha', item, 'label', 'Nepali')\n"
        "    print(item, flush=True)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for rows in range(1, 11):
            time.sleep(0.13)
            other.stdin.write("\n")
            other.stdin.flush()
            assert other.stdout.readline() == f"{rows}\n"
            if rows % 3 == 1:
                assert wait_for(path, rows) < PROMISED
    assert path.read_text() == export.rows(store).text.replace("\r\n", "\n")


def test_everything_that_can_change_a_row_reaches_the_file(
    store: Store, batch: Batch, tmp_path: Path
) -> None:
    at_work = Exporter(store, tmp_path)
    survey(store, 4, [face(10), face(200)])

    def current() -> tuple[str, str]:
        at_work.now()
        texts = []
        for by_face in (False, True):
            path = at_work.path(batch.id, by_face)
            text = path.read_bytes().decode() if path.exists() else ""
            assert not text or text == export.rows(store, export.What(batch=batch.id, by_face=by_face)).text
            texts.append(text)
        return texts[0], texts[1]

    assert current() == ("imageName,ethnicity\r\n", "")
    judge(store, key(), "Maya", 5, "label", "Nepali")
    judge(store, key(), "Maya", 2, "label", "Asian")
    assert current()[0].splitlines()[1:] == ["photo 1.jpg,Asian", "photo 4.jpg,Nepali"]
    judge(store, key(), "Maya", 2, "label", "Black")
    judge(store, key(), "Maya", 5, "unusable", word="drawing")
    assert current()[0].splitlines()[1:] == ["photo 1.jpg,Black"]
    undo(store, key(), "Maya", batch.id)
    assert current()[0].splitlines()[1:] == ["photo 1.jpg,Black", "photo 4.jpg,Nepali"]
    vocabulary.rename(store, "Owner", 7, "Newar")
    assert current()[0].splitlines()[1:] == ["photo 1.jpg,Black", "photo 4.jpg,Newar"]
    judge(store, key(), "Maya", 32, "label", "White")
    assert current()[1].splitlines()[1:] == ["photo 4.jpg,White,2"]
    judge(store, key(), "Maya", 31, "label", "Black")
    assert current()[1].splitlines()[1:] == ["photo 4.jpg,Black,1", "photo 4.jpg,White,2"]
    undo(store, key(), "Maya", batch.id, by_face=True)
    undo(store, key(), "Maya", batch.id, by_face=True)
    assert current()[1] == "imageName,ethnicity,face\r\n"
    at_work.path(batch.id).unlink()
    assert current()[0].splitlines()[1:] == ["photo 1.jpg,Black", "photo 4.jpg,Newar"]


def test_only_what_changed_is_read_again_and_only_what_reads_otherwise_is_written(
    store: Store, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 3, "Quiet", first=100)
    at_work = Exporter(store, tmp_path)
    judge_all(store, [Judgement(key(), "Maya", item, "label", "Nepali") for item in range(1, 20)])
    at_work.now()
    asked: list[object] = []
    quick = tally.tally

    def counted(
        store: Store, number: int, by_face: bool = False, items: set[int] | None = None
    ) -> list[tally.Entry]:
        asked.append((number, items))
        return quick(store, number, by_face, items)

    monkeypatch.setattr(exporter, "tally", counted)
    before = at_work.path(batch.id).stat()
    judge(store, key(), "Maya", 7, "note", word="a note changes no row")
    at_work.now()
    assert asked == [(batch.id, {7}), (batch.id, {7})]
    assert at_work.path(batch.id).stat().st_ino == before.st_ino
    judge(store, key(), "Maya", 7, "label", "Black")
    at_work.now()
    assert at_work.path(batch.id).stat().st_ino != before.st_ino
    assert asked[-1] == (batch.id, {7})
    assert (
        at_work.path(batch.id).read_bytes().decode() == export.rows(store, export.What(batch=batch.id)).text
    )


def test_an_event_that_was_committed_after_a_later_one_is_not_missed(
    store: Store, batch: Batch, tmp_path: Path
) -> None:
    """As PostgreSQL may do: numbers are given out before transactions end."""
    judge(store, key(), "Maya", 1, "label", "Nepali")
    judge(store, key(), "Maya", 2, "label", "Nepali")
    with store.writing() as connection:
        connection.execute(schema.events.update().where(schema.events.c.id == 2).values(id=9))
    at_work = Exporter(store, tmp_path)
    at_work.now()
    judged = {
        "at": 0.0,
        "who": "Asha",
        "batch": batch.id,
        "item": 3,
        "kind": "label",
        "label": 1,
        "via": "page",
    }
    with store.writing() as connection:
        connection.execute(schema.events.insert().values(id=5, key="late", slot="judgement Asha", **judged))
    at_work.now()
    assert "photo 2.jpg,Asian" in at_work.path(batch.id).read_text()


def test_two_processes_that_keep_one_folder_agree(store: Store, batch: Batch, tmp_path: Path) -> None:
    other = Store(f"sqlite:///{store.file}")
    several = [Exporter(one, tmp_path, poll=0.02, rest=0.05) for one in (store, other)]
    for one in several:
        one.start()
    path, done = several[0].path(batch.id), threading.Event()
    counts: list[int] = []
    widths: list[set[int]] = []

    def look() -> None:
        while not done.is_set():
            if path.exists():
                with path.open(newline="") as file:
                    rows = list(csv.reader(file))
                widths.append({len(row) for row in rows})
                counts.append(len(rows))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for item in range(1, 31):
            judge(store, key(), "Maya", item, "label", "Nepali")
            time.sleep(0.02)
    finally:
        for one in several:
            one.stop()
        done.set()
        reader.join()
        other.close()
    assert all(columns == {2} for columns in widths)
    assert counts == sorted(counts)
    assert len(path.read_text().splitlines()) == 31


def test_stopping_writes_what_was_saved_last_and_a_problem_is_told_and_passes(
    store: Store, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work = Exporter(store, tmp_path, poll=0.02, rest=0.02)
    (tmp_path / "csv").write_text("in the way")
    at_work.start()
    start = time.monotonic()
    while not at_work.problem and time.monotonic() - start < 5:
        time.sleep(0.01)
    assert "not current" in at_work.problem
    (tmp_path / "csv").unlink()
    wait_for(at_work.path(batch.id), 0)
    judge(store, key(), "Maya", 1, "label", "Nepali")
    at_work.stop()
    assert "photo 0.jpg,Nepali" in at_work.path(batch.id).read_text()
    assert not at_work.problem


def test_every_batch_has_a_file_name_of_its_own(store: Store) -> None:
    said = ["Kathmandu 2024", "kathmandu-2024", "x-faces", "x", "काठमाडौं", "a:b*c", "क" * 100, "क" * 99]
    made = [batches.create(store, "Maya", name, "s", "l", "c") for name in said]
    names = [file for pair in exporter.names(batches.batches(store)).values() for file in pair]
    assert len({name.casefold() for name in names}) == 2 * len(made)
    assert names[0] == "Kathmandu-2024.csv"
    assert "काठमाडौं.csv" in names
    assert all(len(name.encode()) < 200 and not set(name) & set('<>:"/\\|?* ') for name in names)


@pytest.mark.slow
def test_with_a_hundred_thousand_labels_the_csv_is_current_within_two_seconds(
    store: Store, tmp_path: Path
) -> None:
    made = batches.create(store, "Maya", "Large", "s", "l", "c")
    count = 100_000
    photo = {"suffix": ".jpg", "width": 9, "height": 9, "bytes": 1, "added_at": 0.0}
    event = {
        "at": 0.0,
        "who": "Asha",
        "batch": made.id,
        "kind": "label",
        "slot": "judgement Asha",
        "via": "page",
    }
    with store.writing() as connection:
        connection.execute(schema.photos.insert(), [{"hash": f"{i:064}", **photo} for i in range(count)])
        connection.execute(
            schema.items.insert(),
            [
                {
                    "batch": made.id,
                    "photo": f"{i:064}",
                    "name": f"{i}.jpg",
                    "position": i,
                    "shuffle": 0.5,
                    "judged": 1,
                }
                for i in range(count)
            ],
        )
        connection.execute(
            schema.events.insert(),
            [{"key": f"key {i}", "item": i + 1, "label": 1 + i % 7, **event} for i in range(count - 1)],
        )
    at_work = Exporter(store, tmp_path)
    path = at_work.path(made.id)
    at_work.now()
    assert len(path.read_text().splitlines()) == count
    at_work.start()
    time.sleep(1)
    judge(store, key(), "Maya", count, "label", "Nepali")
    start = time.monotonic()
    while "99999.jpg,Nepali" not in path.read_text() and time.monotonic() - start < 10:
        time.sleep(0.05)
    assert time.monotonic() - start < PROMISED
    at_work.stop()
    with store.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.events)) == count


def test_a_photo_that_is_forgotten_leaves_the_csv(store: Store, batch: Batch, tmp_path: Path) -> None:
    at_work = Exporter(store, tmp_path)
    judge_all(store, [Judgement(key(), "Maya", item, "label", "Nepali") for item in (1, 2, 3)])
    at_work.now()
    studies = StudyFiles(tmp_path / "studies")
    forgetting.forget(store, PhotoFolder(tmp_path / "photos"), studies, "Owner", new_photo(1).hash)
    judge(store, key(), "Maya", 5, "label", "Asian")
    at_work.now()
    rows = at_work.path(batch.id).read_text().splitlines()[1:]
    assert rows == ["photo 0.jpg,Nepali", "photo 2.jpg,Nepali", "photo 4.jpg,Asian"]
