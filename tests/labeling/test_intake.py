"""Photos coming into a batch: from files, ZIPs, folders, and a report's mistakes."""

import csv
import io
import json
import os
import sqlite3
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from colorizer.groups import GROUPS
from labeling import batches, intake, looks, schema
from labeling.errors import AccessError, LabelError
from labeling.intake import NewBatch
from labeling.photos import PhotoFolder
from labeling.settings import LabelSettings
from labeling.store import Store
from tests.hostile.build import picture, save
from tests.labeling.zips import LINK, Entry, write


@dataclass
class Project:
    """What an intake needs."""

    store: Store
    photos: PhotoFolder
    settings: LabelSettings


NEW = NewBatch("Dashain", source="our album", licence="CC BY 4.0", consent="asked in writing")


@pytest.fixture
def project(store: Store, tmp_path: Path) -> Project:
    return Project(store, PhotoFolder(tmp_path / "labels" / "photos"), LabelSettings())


def _photo(number: int) -> bytes:
    """Each number another photo."""
    return save(picture(32 + number, 24), "PNG")


def _names(project: Project, batch: int) -> list[str]:
    items = schema.items.c
    query = sa.select(items.name).where(items.batch == batch, items.face == 0).order_by(items.position)
    with project.store.reading() as connection:
        return list(connection.scalars(query))


def _report(folder: Path, rows: list[tuple[str, str, str, float]], data: Path | None = None) -> Path:
    """A report as `python -m train evaluate` writes it: (name, label, estimate, its probability)."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ethnicity.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["imageName", "ethnicity", "classifier", "crop", "estimated", *GROUPS])
        for name, label, estimate, share in rows:
            rest = (1 - share) / (len(GROUPS) - 1)
            shares = [share if group == estimate else rest for group in GROUPS]
            table.writerow([name, label, "ethnicity-classifier", "face", estimate, *shares])
    if data is not None:
        command = f"python -m train evaluate --models default --data '{data}' --report x"
        (folder / "summary.json").write_text(json.dumps({"command": command}))
    return folder


def test_several_zips_are_one_upload_and_share_its_limits(project: Project, tmp_path: Path):
    zips = [
        write(tmp_path / f"{n}.zip", *(Entry(f"{k}.png", _photo(k)) for k in (2 * n, 2 * n + 1)))
        for n in range(3)
    ]
    project.settings = LabelSettings(max_archive_files=5)
    with pytest.raises(LabelError, match="These are 6 files, and at most 5"):
        intake.take_files(project, "Asha", NEW, zips)
    largest = sum(len(_photo(number)) for number in range(5)) / 1e6
    project.settings = LabelSettings(max_unpacked_mb=largest)
    with pytest.raises(LabelError, match="are taken at once; choose fewer"):
        intake.take_files(project, "Asha", NEW, zips)
    assert batches.batches(project.store) == []
    assert intake.take_files(project, "Asha", NEW, zips[:2]).added == 4


def test_files_come_in_under_their_own_names(project: Project, tmp_path: Path):
    (tmp_path / "gradio-x1").write_bytes(_photo(1))
    (tmp_path / "b.png").write_bytes(_photo(2))
    done = intake.take_files(project, "Asha", NEW, [(tmp_path / "gradio-x1", "रिता.jpg"), tmp_path / "b.png"])
    assert (done.added, done.known, done.refused, done.renamed) == (2, 0, [], [])
    assert (done.batch.source, done.batch.licence, done.batch.consent) == (
        "our album",
        "CC BY 4.0",
        "asked in writing",
    )
    assert done.batch.created_by == "Asha"
    assert _names(project, done.batch.id) == ["रिता.jpg", "b.png"]
    for number in (1, 2):
        assert any(path.read_bytes() == _photo(number) for path in project.photos.originals.rglob("*.png"))


@pytest.mark.parametrize("missing", ["name", "source", "licence", "consent"])
def test_a_batch_says_where_its_photos_come_from(project: Project, tmp_path: Path, missing: str):
    (tmp_path / "a.png").write_bytes(_photo(1))
    notes = {"name": "n", "source": "s", "licence": "l", "consent": "c"} | {missing: " "}
    with pytest.raises(LabelError):
        intake.take_files(project, "Asha", NewBatch(**notes), [tmp_path / "a.png"])
    assert batches.batches(project.store) == []
    assert not project.photos.originals.exists()


def test_one_bad_file_never_stops_the_others(project: Project, tmp_path: Path):
    files = {"a.png": _photo(1), "bad.png": b"Dear reader", "cut.png": _photo(2)[:80], "c.png": _photo(3)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = [*(tmp_path / name for name in files), tmp_path / "gone.png", (tmp_path / "a.png", "=cmd().png")]
    done = intake.take_files(project, "Asha", NEW, paths)
    assert done.added == 2
    assert [name for name, _ in done.refused] == ["bad.png", "cut.png", "gone.png", "=cmd().png"]
    assert [why for _, why in done.refused if "text file" in why]
    assert "formula" in done.refused[-1][1]
    assert _names(project, done.batch.id) == ["a.png", "c.png"]


def test_the_same_photos_again_change_nothing(project: Project, tmp_path: Path):
    zipped = write(tmp_path / "a.zip", *[Entry(f"{n}.png", _photo(n)) for n in range(5)])
    first = intake.take_archive(project, "Asha", NEW, zipped)
    again = intake.take_archive(project, "Asha", first.batch.id, zipped)
    by_name = intake.take_archive(project, "Asha", "Dashain", zipped)
    assert (first.added, again.added, again.known, by_name.known) == (5, 0, 5, 5)
    assert again.refused == []
    assert len(_names(project, first.batch.id)) == 5


def test_zips_among_the_files_give_their_photos(project: Project, tmp_path: Path):
    (tmp_path / "a.png").write_bytes(_photo(1))
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04nonsense")
    one = write(tmp_path / "one", Entry("b.png", _photo(2)))
    two = write(tmp_path / "two.zip", Entry("c.png", _photo(3)), Entry("d.png", _photo(4)))
    done = intake.take_files(
        project, "Asha", NEW, [tmp_path / "a.png", (one, "one.zip"), tmp_path / "bad.zip", two]
    )
    assert done.added == 4
    [(name, why)] = done.refused
    assert name == "bad.zip"
    assert "damaged" in why


def test_one_zip_that_cannot_be_opened_makes_no_batch(project: Project, tmp_path: Path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04nonsense")
    (tmp_path / "empty.zip").write_bytes(write(tmp_path / "e", Entry("folder/")).read_bytes())
    for name in ("bad.zip", "empty.zip"):
        with pytest.raises(LabelError):
            intake.take_files(project, "Asha", NEW, [tmp_path / name])
    with pytest.raises(LabelError, match="no file"):
        intake.take_files(project, "Asha", NEW, [])
    assert batches.batches(project.store) == []


def test_a_hostile_zip_gives_its_good_photos_and_a_list(project: Project, tmp_path: Path):
    nested = write(tmp_path / "inner.zip", Entry("bomb.png", bytes(20_000_000))).read_bytes()
    before = sorted(tmp_path.rglob("*"))
    path = write(
        tmp_path / "hostile.zip",
        Entry("../evil.png", _photo(1)),
        Entry("/etc/evil.png", _photo(2)),
        Entry("link.png", b"/etc/passwd", mode=LINK),
        Entry("nested.zip", nested),
        Entry("bomb.png", bytes(20_000_000)),
        Entry("=cmd().png", _photo(3)),
        Entry("twice.png", _photo(4)),
        Entry("twice.png", _photo(5)),
        Entry("काठमाडौँ/रिता.png".encode(), _photo(6), flags=0),
        Entry("__MACOSX/._twice.png", b"x"),
        Entry("good.png", _photo(7)),
    )
    done = intake.take_archive(project, "Asha", NEW, path)
    assert _names(project, done.batch.id) == ["twice.png", "रिता.png", "good.png"]
    why = dict(done.refused)
    assert list(why) == [
        "../evil.png",
        "/etc/evil.png",
        "link.png",
        "nested.zip",
        "bomb.png",
        "=cmd().png",
        "twice.png",
    ]
    assert "leads out" in why["../evil.png"]
    assert "leads out" in why["/etc/evil.png"]
    assert "link" in why["link.png"]
    assert "ZIP archive" in why["nested.zip"]
    assert "far more" in why["bomb.png"]
    assert "formula" in why["=cmd().png"]
    assert "two different files" in why["twice.png"]
    new = {path for path in set(tmp_path.rglob("*")) - set(before) if path.is_file()}
    kept = {path for path in new if project.photos.originals in path.parents}
    views = {path for path in new if project.photos.views in path.parents}
    assert (len(kept), len(views)) == (3, 3)
    assert all(path.name.startswith(("labels.db", "hostile.zip")) for path in new - kept - views)


def test_photos_of_one_name_in_several_folders_are_told_apart(project: Project, tmp_path: Path):
    entries = [
        Entry("1.png", _photo(1)),
        Entry("asha/1.png", _photo(2)),
        Entry("rita/1.png", _photo(3)),
        Entry("x/rita/1.png", _photo(4)),
    ]
    zipped = write(tmp_path / "a.zip", *entries)
    done = intake.take_archive(project, "Asha", NEW, zipped)
    assert _names(project, done.batch.id) == ["1.png", "asha_1.png", "rita_1.png", "x_rita_1.png"]
    assert done.renamed == [
        ("asha/1.png", "asha_1.png"),
        ("rita/1.png", "rita_1.png"),
        ("x/rita/1.png", "x_rita_1.png"),
    ]
    again = intake.take_archive(project, "Asha", done.batch.id, zipped)
    assert (again.added, again.known, again.renamed, again.refused) == (0, 4, [], [])


def test_two_files_of_one_name_are_one_photo_too_many(project: Project, tmp_path: Path):
    for folder, number in (("x", 1), ("y", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(_photo(number))
    done = intake.take_files(project, "Asha", NEW, [tmp_path / "x" / "a.png", tmp_path / "y" / "a.png"])
    assert done.added == 1
    [(name, why)] = done.refused
    assert name == "a.png"
    assert "this name" in why


def test_limits_on_one_upload(project: Project, tmp_path: Path):
    files = []
    for n in range(4):
        files.append(tmp_path / f"{n}.png")
        files[-1].write_bytes(_photo(n))
    project.settings = LabelSettings(max_archive_files=3)
    with pytest.raises(LabelError, match="4 files, and at most 3"):
        intake.take_files(project, "Asha", NEW, files)
    project.settings = LabelSettings(max_unpacked_mb=1e-3)
    with pytest.raises(LabelError, match="MB, and at most"):
        intake.take_files(project, "Asha", NEW, files)


def test_progress_is_told_and_photos_are_on_the_desk_while_others_come(project: Project, tmp_path: Path):
    zipped = write(tmp_path / "a.zip", *[Entry(f"{n}.png", _photo(n)) for n in range(45)])
    told, on_desk = [], []

    def advance(done: int, total: int) -> None:
        told.append((done, total))
        on_desk.append(len(_names(project, 1)))

    intake.take_archive(project, "Asha", NEW, zipped, advance)
    assert told == [(n, 45) for n in range(46)]
    assert on_desk[20] == 20
    assert on_desk[40] == 40


def test_what_has_come_in_stays_when_the_rest_is_cancelled(project: Project, tmp_path: Path):
    zipped = write(tmp_path / "a.zip", *[Entry(f"{n}.png", _photo(n)) for n in range(45)])
    asked: list[int] = []
    done = intake.take_archive(
        project, "Asha", NEW, zipped, is_cancelled=lambda: (asked.append(1), len(asked) > 31)[1]
    )
    assert done.is_cancelled
    assert done.added == 31 == len(_names(project, done.batch.id))


def test_a_full_disk_ends_the_intake_with_one_sentence(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    zipped = write(tmp_path / "a.zip", *[Entry(f"{n}.png", _photo(n)) for n in range(9)])
    fsync, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 12:  # three of a photo
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LabelError, match="No space left on device"):
        intake.take_archive(project, "Asha", NEW, zipped)
    assert _names(project, 1) == [f"{n}.png" for n in range(4)]


@pytest.fixture
def server(tmp_path: Path, project: Project) -> Path:
    """A folder that is allowed, beside one that isn't."""
    allowed, secret = tmp_path / "allowed", tmp_path / "allowed-not"
    (allowed / "album").mkdir(parents=True)
    secret.mkdir()
    (allowed / "a.png").write_bytes(_photo(1))
    (allowed / "album" / "रिता.png").write_bytes(_photo(2))
    (allowed / "album" / ".hidden.png").write_bytes(_photo(3))
    (secret / "secret.png").write_bytes(_photo(4))
    project.settings = LabelSettings(photo_folders=os.pathsep.join([str(tmp_path / "gone"), str(allowed)]))
    return allowed


def test_a_folder_below_an_allowed_one_is_taken(project: Project, server: Path):
    for folder in (server / "album", "album"):
        done = intake.take_folder(project, "Asha", NewBatch(str(type(folder)), "s", "l", "c"), folder)
        assert _names(project, done.batch.id) == ["रिता.png"]
    done = intake.take_folder(project, "Asha", NEW, server)
    assert _names(project, done.batch.id) == ["a.png", "रिता.png"]


@pytest.mark.parametrize(
    "way", ["../allowed-not", "..", "/", "/etc", "~", "album/../..", "gone", "\x00", "a" * 5000, "link"]
)
def test_no_other_folder_is_taken(project: Project, server: Path, tmp_path: Path, way: str):
    (server / "link").symlink_to(tmp_path / "allowed-not")
    for folder in (way, server / way):
        if folder == server / "~":
            continue
        with pytest.raises(AccessError):
            intake.take_folder(project, "Asha", NEW, folder)
    assert batches.batches(project.store) == []


def test_links_in_a_folder_lead_nowhere_else(project: Project, server: Path, tmp_path: Path):
    (server / "file-out.png").symlink_to(tmp_path / "allowed-not" / "secret.png")
    (server / "folder-out").symlink_to(tmp_path / "allowed-not")
    (server / "inside.png").symlink_to(server / "album" / "रिता.png")
    (server / "round").symlink_to(server)
    done = intake.take_folder(project, "Asha", NEW, server)
    assert (done.added, done.known) == (2, 1)
    assert done.refused == [("file-out.png", "This is a link that leads out of the allowed folders.")]


def test_without_a_setting_no_folder_is_taken(project: Project, server: Path):
    project.settings = LabelSettings()
    with pytest.raises(AccessError, match="RANGIN_PHOTO_FOLDERS"):
        intake.take_folder(project, "Asha", NEW, server)
    done = intake.take_folder(project, "Asha", NEW, server, is_trusted=True)
    assert done.added == 2


def test_a_file_is_no_folder(project: Project, server: Path):
    with pytest.raises(LabelError, match="no folder"):
        intake.take_folder(project, "Asha", NEW, server / "a.png")
    (server / "empty").mkdir()
    with pytest.raises(LabelError, match="no photos"):
        intake.take_folder(project, "Asha", NEW, server / "empty")


ROWS = [
    ("right.png", "White", "White", 0.99),
    ("unsure.png", "Black", "White", 0.4),
    ("sure.png", "Indian", "Hispanic", 0.95),
    ("nepali.png", "Nepali", "Indian", 0.9),
    ("unlabelled.png", "", "Indian", 0.9),
    ("gone.png", "Asian", "Indian", 0.7),
]


def _fill(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number, (name, *_) in enumerate(ROWS[:-1]):
        (folder / name).write_bytes(_photo(number))
    return folder


def test_a_reports_mistakes_come_in_the_surest_first(project: Project, tmp_path: Path):
    pictures = _fill(tmp_path / "data" / "images")
    report = _report(tmp_path / "report", ROWS)
    done = intake.take_mistakes(project, "Asha", NEW, report, pictures.parent, is_trusted=True)
    assert _names(project, done.batch.id) == ["sure.png", "unsure.png"]
    assert [name for name, _ in done.refused] == ["gone.png"]
    assert "not among the pictures" in done.refused[0][1]


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_reports_photos_may_lie_in_a_tar(project: Project, tmp_path: Path, is_folder: bool):
    pictures = _fill(tmp_path / "images")
    (tmp_path / "data").mkdir()
    with tarfile.open(tmp_path / "data" / "val-0.tar", "w") as tar:
        tar.add(pictures, "./faces")
        link = tarfile.TarInfo("gone.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    place = tmp_path / "data" if is_folder else tmp_path / "data" / "val-0.tar"
    done = intake.take_mistakes(
        project, "Asha", NEW, _report(tmp_path / "report", ROWS), place, is_trusted=True
    )
    assert _names(project, done.batch.id) == ["sure.png", "unsure.png"]
    assert [name for name, _ in done.refused] == ["gone.png"]


def test_a_report_says_where_its_photos_are(project: Project, tmp_path: Path):
    pictures = _fill(tmp_path / "my photos")
    report = _report(tmp_path / "report", ROWS, data=pictures)
    assert intake.take_mistakes(project, "Asha", NEW, report, is_trusted=True).added == 2
    for summary in (
        '{"command": "python -m train evaluate --data /gone"}',
        "[]",
        "{",
        '{"command": "x --data"}',
    ):
        (report / "summary.json").write_text(summary)
        with pytest.raises(LabelError, match="say where its photos are"):
            intake.take_mistakes(project, "Asha", 1, report, is_trusted=True)


def test_a_report_and_its_photos_must_be_in_allowed_folders(project: Project, server: Path, tmp_path: Path):
    secret = tmp_path / "allowed-not"
    outside = _report(tmp_path / "report", [("secret.png", "Black", "White", 0.4)])
    inside = _report(server / "report", [("secret.png", "Black", "White", 0.4)], data=secret)
    for report, pictures in ((outside, server), (inside, secret), (inside, None)):
        with pytest.raises(AccessError):
            intake.take_mistakes(project, "Asha", NEW, report, pictures)
    (server / "secret.png").symlink_to(secret / "secret.png")
    done = intake.take_mistakes(project, "Asha", NEW, inside, server)
    assert (done.added, [why for _, why in done.refused]) == (
        0,
        ["This is a link that leads out of the allowed folders."],
    )


@pytest.mark.parametrize(
    "content",
    [None, b"", b"imageName,ethnicity\na,White\n", b"\xff\xfe\x00", b"\x00" * 99, "right".encode("utf-16")],
)
def test_what_is_no_report_is_said(project: Project, tmp_path: Path, content: bytes | None):
    report = tmp_path / "report"
    report.mkdir()
    if content is not None:
        (report / "ethnicity.csv").write_bytes(content)
    with pytest.raises(LabelError, match=r"\.$"):
        intake.take_mistakes(project, "Asha", NEW, report, tmp_path, is_trusted=True)
    assert batches.batches(project.store) == []


def test_a_report_without_mistakes_is_said(project: Project, tmp_path: Path):
    report = _report(tmp_path / "report", ROWS[:1])
    with pytest.raises(LabelError, match="no mistakes"):
        intake.take_mistakes(project, "Asha", NEW, report, tmp_path, is_trusted=True)


def test_a_name_that_is_no_utf8_on_the_disk_comes_in(project: Project, tmp_path: Path):
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(_photo(1))
    done = intake.take_folder(project, "Asha", NEW, folder, is_trusted=True)
    assert _names(project, done.batch.id) == ["caf?.png"]
    assert sqlite3.connect(tmp_path / "labels.db").execute("pragma integrity_check").fetchone() == ("ok",)
    assert io.BytesIO(project.photos.view(looks.unsurveyed(project.store)[0])).read(2) == b"\xff\xd8"
