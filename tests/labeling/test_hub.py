"""Snapshots in a dataset repository, against a small Hub on this machine: what one server pushed, the next one has."""

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from labeling import batches, judging, looks, outcome, vocabulary
from labeling.errors import LabelError
from labeling.hub import Hub
from labeling.pusher import Pusher, Status, open_hub, restore
from labeling.settings import LabelSettings
from labeling.snapshot import Snapshot
from labeling.store import Store, open_store
from tests.labeling.hub_server import LocalHub

REPO = "sita/labels"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # the local Hub knows uploads by LFS only
    monkeypatch.setattr("labeling.pusher.FIRST_RETRY_SECONDS", 0.05)
    with LocalHub() as server:
        yield server


class Machine:
    """One server with a disk of its own."""

    def __init__(self, folder: Path, server: LocalHub, minutes: float = 0.002) -> None:
        self.settings = LabelSettings(
            labels_folder=folder,
            labels_repo=REPO,
            labels_token=server.token,
            labels_push_minutes=minutes,
        )
        self.folder = folder
        self.server = server
        self.said = restore(self.settings, self.hub, pause=0.01)
        self.store = open_store(self.settings)
        self.pusher = Pusher(self.settings, self.store, self.hub)

    def hub(self, settings: LabelSettings) -> Hub:
        return Hub(settings.labels_repo, settings.labels_token.get_secret_value(), self.server.url)

    def add_photos(self, count: int, batch: str = "studio") -> None:
        """Files and rows, as an upload leaves them."""
        made = batches.create(self.store, "Sita", batch, "own", "CC0", "asked")
        photos = []
        for number in range(count):
            content = f"{batch} {number}".encode()
            digest = hashlib.sha256(content).hexdigest()
            path = self.folder / "photos" / digest[:2] / f"{digest}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            photos.append(batches.NewPhoto(digest, f"रिता {number}.jpg", ".jpg", 64, 64, len(content)))
        batches.add_photos(self.store, made.id, photos)

    def label(self, item: int, label: str, who: str = "Sita") -> None:
        judging.judge(self.store, f"{who}-{label}-{item}", who, item, "label", label)

    def labels(self) -> dict[str, str | None]:
        return {
            votes.name: votes.outcome
            for batch in batches.batches(self.store)
            for votes in outcome.votes(self.store, batch.id)
        }


def until(condition, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_space_that_lost_its_disk_has_every_label_and_photo_again(tmp_path, server):
    first = Machine(tmp_path / "first", server)
    assert "no snapshot yet" in first.said
    first.add_photos(5)
    first.label(1, "Nepali")
    first.label(2, "Indian")
    (first.folder / "csv").mkdir()
    (first.folder / "csv" / "studio.csv").write_text("imageName,ethnicity\n")
    (first.folder / "studies" / "1").mkdir(parents=True)
    (first.folder / "studies" / "1" / "f00.jpg").write_bytes(b"painting")
    (first.folder / "views" / "ab").mkdir(parents=True)
    (first.folder / "views" / "ab" / "made-again.jpg").write_bytes(b"view")
    first.pusher.push()

    second = Machine(tmp_path / "second", server)
    assert "brought back" in second.said
    assert second.labels() == first.labels()
    assert second.labels()["रिता 0.jpg"] == "Nepali"
    ours = {
        path.relative_to(first.folder): path.read_bytes()
        for top in ("photos", "csv", "studies")
        for path in (first.folder / top).rglob("*")
        if path.is_file()
    }
    assert len(ours) == 7
    assert {path: (second.folder / path).read_bytes() for path in ours} == ours
    assert not (second.folder / "views").exists()
    assert not (second.folder / ".restoring").exists()
    # It goes on from there, and what it pushes takes the place of the first one's.
    second.label(3, "White")
    second.pusher.push()
    assert Machine(tmp_path / "third", server).labels()["रिता 2.jpg"] == "White"
    assert not [path for path in server.files(REPO) if path.startswith("earlier/")]


def test_the_repository_is_private_and_a_public_one_gets_nothing(tmp_path, server):
    machine = Machine(tmp_path, server)
    machine.add_photos(1)
    machine.pusher.push()
    assert server.repos[REPO].is_private
    machine.label(1, "Nepali")
    before = server.files(REPO)
    server.repos[REPO].is_private = False
    with pytest.raises(LabelError, match="is public"):
        machine.pusher.push()
    assert server.files(REPO) == before


def test_photos_are_sent_once_and_before_the_database_that_names_them(tmp_path, server, monkeypatch):
    monkeypatch.setattr("labeling.hub.FILES_A_COMMIT", 2)
    machine = Machine(tmp_path, server)
    machine.add_photos(5)
    machine.pusher.push()
    assert server.repos[REPO].messages == ["2 files", "2 files", "1 files", "Labels"]
    machine.label(1, "Nepali")
    server.calls.clear()
    machine.pusher.push()
    assert server.repos[REPO].messages[4:] == ["Labels"]
    assert sum(call.startswith("PUT /lfs/") for call in server.calls) == 1  # the database


def test_nothing_is_pushed_when_nothing_has_changed(tmp_path, server):
    machine = Machine(tmp_path, server)
    machine.pusher.push()
    assert REPO not in server.repos  # nothing there to keep
    machine.add_photos(1)
    machine.pusher.push()
    server.calls.clear()
    machine.pusher.push()
    assert server.calls == []
    for change in (
        lambda: machine.label(1, "Nepali"),
        lambda: judging.undo(machine.store, "undo-key-1", "Sita", 1),
        lambda: vocabulary.add(machine.store, "Sita", "Newar"),
        lambda: vocabulary.rename(machine.store, "Sita", 1, "East Asian"),
        lambda: vocabulary.set_guidelines(machine.store, "Sita", "Look twice."),
        lambda: batches.edit(machine.store, "Sita", 1, judgements=2),
        lambda: machine.add_photos(1, "second"),
        lambda: looks.set_survey(machine.store, looks.unsurveyed(machine.store)[0], []),
    ):
        change()
        assert machine.pusher.status().is_due
        machine.pusher.push()
        assert not machine.pusher.status().is_due


def test_leases_are_no_change_and_not_in_the_snapshot(tmp_path, server):
    from labeling import queue

    machine = Machine(tmp_path, server)
    machine.add_photos(3)
    machine.pusher.push()
    queue.take(machine.store, "Sita", 1, count=2)
    assert not machine.pusher.status().is_due
    machine.label(1, "Nepali")
    machine.pusher.push()
    (tmp_path / "sent.db").write_bytes(server.files(REPO)["labels.db"])
    with sqlite3.connect(tmp_path / "sent.db") as sent:
        assert sent.execute("SELECT count(*) FROM leases").fetchone() == (0,)
        assert sent.execute("SELECT count(*) FROM events").fetchone() == (1,)
        assert sent.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_the_schedule_pushes_by_itself_and_stopping_pushes_what_is_left(tmp_path, server):
    machine = Machine(tmp_path / "a", server)
    machine.add_photos(2)
    machine.pusher.start()
    until(lambda: machine.pusher.status().pushed_at is not None)
    machine.pusher.stop()
    slow = Machine(tmp_path / "b", server, minutes=60)
    slow.pusher.start()
    slow.label(1, "Nepali")
    slow.pusher.stop()
    assert Machine(tmp_path / "c", server).labels()["रिता 0.jpg"] == "Nepali"


def test_what_is_labelled_during_the_last_push_is_pushed_too(tmp_path, server):
    machine = Machine(tmp_path / "a", server)
    machine.add_photos(2)
    begun, go_on = threading.Event(), threading.Event()
    server.on_commit = lambda: (begun.set(), go_on.wait(10))
    machine.pusher.start()
    assert begun.wait(10)
    machine.label(1, "Nepali")
    stopping = threading.Thread(target=machine.pusher.stop)
    stopping.start()
    go_on.set()
    stopping.join(10)
    assert Machine(tmp_path / "b", server).labels()["रिता 0.jpg"] == "Nepali"


def test_a_lost_network_disturbs_nobody_and_is_tried_again(tmp_path, server, caplog):
    machine = Machine(tmp_path / "a", server)
    machine.add_photos(40)
    machine.pusher.push()
    server.close()
    machine.pusher.start()
    seconds = []
    for item in range(1, 41):
        begun = time.perf_counter()
        machine.label(item, "Nepali")
        seconds.append(time.perf_counter() - begun)
        time.sleep(0.005)
    until(lambda: machine.pusher.status().trouble)
    assert "can't be reached" in machine.pusher.status().trouble
    assert sorted(seconds)[-2] < 0.5
    server.open()
    until(lambda: not (machine.pusher.status().is_due or machine.pusher.status().trouble))
    machine.pusher.stop()
    assert set(Machine(tmp_path / "b", server).labels().values()) == {"Nepali"}
    assert "Traceback" not in caplog.text


def test_stopping_takes_no_longer_than_it_may(tmp_path, server, caplog):
    machine = Machine(tmp_path, server, minutes=60)
    machine.add_photos(1)
    go_on = threading.Event()
    server.on_commit = lambda: go_on.wait(10)
    machine.pusher.start()
    begun = time.monotonic()
    machine.pusher.stop(0.3)
    assert time.monotonic() - begun < 2
    assert "given up" in caplog.text
    go_on.set()
    until(lambda: machine.pusher.status().pushed_at)  # its thread ends before the next test begins


def test_no_snapshot_of_another_server_is_overwritten(tmp_path, server):
    first = Machine(tmp_path / "first", server)
    first.add_photos(3)
    first.pusher.push()
    second = Machine(tmp_path / "second", server)
    first.label(1, "Nepali")
    first.pusher.push()
    second.label(2, "White")
    second.pusher.push()
    earlier = {name: content for name, content in server.files(REPO).items() if name.startswith("earlier/")}
    assert len(earlier) == 1
    ((name, content),) = earlier.items()
    assert name.endswith("-labels.db")
    (tmp_path / "earlier.db").write_bytes(content)
    put_aside = Store(f"sqlite:///{tmp_path / 'earlier.db'}")
    assert [votes.outcome for votes in outcome.votes(put_aside, 1)].count("Nepali") == 1
    put_aside.close()
    assert Machine(tmp_path / "third", server).labels()["रिता 1.jpg"] == "White"


def test_two_that_push_at_the_same_moment_lose_nothing(tmp_path, server):
    first = Machine(tmp_path / "first", server)
    first.add_photos(3)
    first.pusher.push()
    second = Machine(tmp_path / "second", server)
    first.label(1, "Nepali")
    second.label(2, "White")
    server.on_commit = lambda: (setattr(server, "on_commit", None), first.pusher.push())
    with pytest.raises(LabelError, match="at the same moment"):
        second.pusher.push()
    second.pusher.push()
    assert [name for name in server.files(REPO) if name.startswith("earlier/")]


def forget(machine: Machine, photo: str) -> None:
    from labeling.appeal_files import StudyFiles
    from labeling.forgetting import forget
    from labeling.photos import PhotoFolder

    folder = machine.folder
    forget(machine.store, PhotoFolder(folder / "photos"), StudyFiles(folder / "studies"), "Maya", photo)


def test_a_forgotten_photo_goes_from_the_repository_and_a_lost_file_does_not(tmp_path, server, caplog):
    machine = Machine(tmp_path / "first", server)
    machine.add_photos(3)
    machine.pusher.push()
    gone, lost, _ = sorted(name for name in server.files(REPO) if name.startswith("photos/"))
    (machine.folder / lost).unlink()
    forget(machine, Path(gone).stem)
    machine.pusher.push()
    there = server.files(REPO)
    assert gone not in there
    assert lost in there
    assert "its history holds them" in caplog.text
    assert not list(Machine(tmp_path / "second", server).folder.rglob(Path(gone).name))


def test_where_another_servers_store_is_kept_its_photos_are_too(tmp_path, server, caplog):
    first = Machine(tmp_path / "first", server)
    first.add_photos(3)
    first.pusher.push()
    second = Machine(tmp_path / "second", server)
    first.label(1, "Nepali")
    first.pusher.push()
    photo = next(name for name in server.files(REPO) if name.startswith("photos/"))
    forget(second, Path(photo).stem)
    for item in (2, 3):
        second.label(item, "White")
        second.pusher.push()
        assert photo in server.files(REPO)
    assert "by hand" in caplog.text


def test_an_answer_that_was_lost_makes_no_second_history(tmp_path, server):
    machine = Machine(tmp_path, server)
    machine.add_photos(3)
    for item in (1, 2, 3):
        machine.label(item, "Nepali")
        server.loses_answer = True
        with pytest.raises(LabelError):
            machine.pusher.push()
    machine.pusher.push()
    assert not [name for name in server.files(REPO) if name.startswith("earlier/")]
    assert set(Machine(tmp_path / "next", server).labels().values()) == {"Nepali"}


def test_a_csv_that_is_gone_goes_there_too(tmp_path, server):
    machine = Machine(tmp_path, server)
    machine.add_photos(1)
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "old.csv").write_text("imageName,ethnicity\n")
    machine.pusher.push()
    assert "csv/old.csv" in server.files(REPO)
    (tmp_path / "csv" / "old.csv").rename(tmp_path / "csv" / "new.csv")
    machine.label(1, "Nepali")
    machine.pusher.push()
    assert {name for name in server.files(REPO) if name.startswith("csv/")} == {"csv/new.csv"}


def test_a_folder_with_labels_of_its_own_is_not_written_over(tmp_path, server):
    first = Machine(tmp_path / "first", server)
    first.add_photos(1)
    first.pusher.push()
    before = (first.folder / "labels.db").read_bytes()
    server.calls.clear()
    assert restore(first.settings, first.hub) == ""
    assert server.calls == []
    assert (first.folder / "labels.db").read_bytes() == before


def test_a_start_without_the_hub_says_so_and_a_database_that_nobody_used_gives_way_later(tmp_path, server):
    first = Machine(tmp_path / "first", server)
    first.add_photos(1)
    first.label(1, "Nepali")
    first.pusher.push()
    server.fails = 503
    with pytest.raises(LabelError, match="503"):
        Machine(tmp_path / "second", server)
    settings = LabelSettings(labels_folder=tmp_path / "second")
    open_store(settings).close()  # somebody started it without
    server.fails = 0
    assert Machine(tmp_path / "second", server).labels() == {"रिता 0.jpg": "Nepali"}


def test_an_interrupted_way_back_is_gone_on_with(tmp_path, server, monkeypatch):
    first = Machine(tmp_path / "first", server)
    first.add_photos(6)
    first.pusher.push()
    half = tmp_path / "second" / ".restoring"
    half.mkdir(parents=True)
    first.hub(first.settings).fetch(half)
    next((half / "photos").rglob("*.jpg")).unlink()
    server.calls.clear()
    second = Machine(tmp_path / "second", server)
    assert len(list((second.folder / "photos").rglob("*.jpg"))) == 6
    assert sum(call.startswith("GET /datasets") and call.endswith(".jpg") for call in server.calls) == 1


def test_a_damaged_snapshot_is_refused(tmp_path, server):
    first = Machine(tmp_path / "first", server)
    first.add_photos(1)
    first.pusher.push()
    files = server.repos[REPO].commits[server.repos[REPO].head]
    server.objects[files["labels.db"]["lfs"]] = b"no database at all" * 100
    with pytest.raises(LabelError, match="damaged"):
        Machine(tmp_path / "second", server)
    assert not (tmp_path / "second" / "labels.db").exists()


def test_only_files_of_a_snapshot_come_back(tmp_path, server):
    first = Machine(tmp_path / "first", server)
    first.add_photos(1)
    first.pusher.push()
    files = server.repos[REPO].commits[server.repos[REPO].head]
    for name in ("photos/x.sh", "csv/.hidden.csv", "studies/1/run.py", "app.py"):
        files[name] = {"content": b"x", "oid": "1" * 40}
    second = Machine(tmp_path / "second", server)
    came = {path.name for path in tmp_path.joinpath("second").rglob("*") if path.is_file()}
    assert not came & {"x.sh", ".hidden.csv", "run.py", "app.py"}
    assert [batch.name for batch in batches.batches(second.store)] == ["studio"]


@pytest.mark.parametrize("repo", ["labels", "a/b/c", "../up", "sita/la bels", "https://huggingface.co/x"])
def test_what_cannot_be_a_repository_is_said_at_the_start(tmp_path, repo):
    settings = LabelSettings(labels_folder=tmp_path, labels_repo=repo, labels_token="hf_x")
    with pytest.raises(LabelError, match="user/name"):
        restore(settings, pause=0)


def test_without_a_token_one_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    settings = LabelSettings(labels_folder=tmp_path, labels_repo=REPO)
    with pytest.raises(LabelError, match="RANGIN_LABELS_TOKEN"):
        open_hub(settings)
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
    assert open_hub(settings).repo == REPO


def test_a_refused_token_is_said_and_never_shown(tmp_path, server, caplog):
    caplog.set_level(logging.DEBUG)
    machine = Machine(tmp_path, server)
    machine.add_photos(1)
    server.token = "hf_another"
    with pytest.raises(LabelError, match="refused the token"):
        machine.pusher.push()
    assert "hf_of_the_tests" not in machine.pusher.status().trouble + caplog.text + repr(machine.settings)


def test_without_a_repository_nothing_happens(tmp_path):
    settings = LabelSettings(labels_folder=tmp_path)
    assert restore(settings) == ""
    pusher = Pusher(settings, open_store(settings))
    pusher.start()
    assert not pusher.status().is_due
    assert "on this machine only" in pusher.status().sentence(0)
    pusher.stop()


def test_how_it_stands_is_one_sentence():
    def said(**changed) -> str:
        known = {"repo": REPO, "pushed_at": 1000.0, "is_due": False, "is_pushing": False, "trouble": ""}
        return Status(**(known | changed)).sentence(1000.0 + 7300)

    assert said() == "The last snapshot was pushed to sita/labels 2 hours ago. Nothing has changed since."
    assert said(is_due=True).endswith("What has changed since is pushed soon.")
    assert said(pushed_at=None, is_due=True).startswith("No snapshot has been pushed to sita/labels yet.")
    assert said(trouble="The Hub is away.").endswith("failed and will be repeated: The Hub is away.")


def test_a_note_of_another_repository_or_of_none_counts_as_no_push(tmp_path, server):
    machine = Machine(tmp_path, server)
    machine.add_photos(1)
    for text in (
        "",
        "[]",
        '{"repo": "other/labels", "id": "x", "at": 1, "fingerprint": "f", "database": "labels.db"}',
    ):
        (tmp_path / "snapshot.json").write_text(text)
        assert machine.pusher.status().pushed_at is None
        assert machine.pusher.status().is_due
    assert Snapshot.read(tmp_path / "missing.json") is None
