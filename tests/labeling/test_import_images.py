"""The photos that a CSV names are found in a folder, also where names are alike or written otherwise."""

import unicodedata
from pathlib import Path

import pytest

from labeling import batches, import_images
from labeling.errors import LabelError
from labeling.import_images import UNSTATED, batch_for, take_named
from labeling.importing import import_csv
from labeling.intake import NewBatch
from labeling.office import Office
from labeling.outcome import votes
from labeling.settings import LabelSettings
from tests.preparing import picture

NEW = NewBatch("Found", "a folder", "CC BY 4.0", "all asked")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(LabelSettings(labels_folder=tmp_path / "labels"))


def draw(folder: Path, *names: str) -> Path:
    for place, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(place, 48).save(folder / name)
    return folder


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["imageName,ethnicity", *rows]) + "\n", encoding="utf-8")
    return path


def test_paths_names_and_both_ways_to_write_an_accent_are_found(office: Office, tmp_path: Path) -> None:
    accent = unicodedata.normalize("NFD", "é.png")
    folder = draw(tmp_path / "in", "train/1.png", "val/1.png", "2.png", "deep/3.png", accent, "unnamed.png")
    rows = [
        "train/1.png,Asian",
        "./val/1.png,Black",
        "D:\\old\\2.png,White",
        "3.png,Nepali",
        "é.png,Indian",
        "9.png,White",
    ]
    csv = table(tmp_path, *rows)
    intake = take_named(office, "Maya", NEW, csv, folder)
    assert (intake.added, intake.refused) == (5, [])
    imported = import_csv(office.store, csv, "Maya", intake.batch.id)
    assert [(one.line, one.name) for one in imported.refused] == [(7, "9.png")]
    found = {one.name: one.outcome for one in votes(office.store, intake.batch.id)}
    assert found == {
        "1.png": "Asian",
        "val_1.png": "Black",
        "2.png": "White",
        "3.png": "Nepali",
        "é.png": "Indian",
    }
    again = take_named(office, "Maya", intake.batch.id, csv, folder)
    assert (again.added, again.known) == (0, 5)
    assert import_csv(office.store, csv, "Maya", intake.batch.id).unchanged == 5


def test_a_name_that_several_files_have_is_not_guessed(office: Office, tmp_path: Path) -> None:
    folder = draw(tmp_path / "in", "a/1.png", "b/1.png", "2.png")
    intake = take_named(office, "Maya", NEW, table(tmp_path, "1.png,Asian", "2.png,Black"), folder)
    assert intake.added == 1


def test_more_than_one_upload_may_hold_goes_in_in_parts(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_images, "_AT_ONCE", 3)
    names = [f"{number}.png" for number in range(8)]
    told: list[tuple[int, int]] = []
    csv = table(tmp_path, *(f"{name},Asian" for name in names))
    folder = draw(tmp_path / "in", *names)
    (folder / "4.png").write_bytes(b"no photo")
    intake = take_named(office, "Maya", NEW, csv, folder, lambda done, total: told.append((done, total)))
    assert intake.added == 7
    assert [name for name, _ in intake.refused] == ["4.png"]
    assert told[-1] == (8, 8)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(batches.batches(office.store)) == 1


def test_nothing_is_made_where_nothing_is_found(office: Office, tmp_path: Path) -> None:
    folder = draw(tmp_path / "in", "2.png")
    with pytest.raises(LabelError, match="None of the photos"):
        take_named(office, "Maya", NEW, table(tmp_path, "1.png,Asian"), folder)
    with pytest.raises(LabelError, match="There is no"):
        take_named(office, "Maya", NEW, table(tmp_path, "1.png,Asian"), tmp_path / "nowhere")
    assert batches.batches(office.store) == []


def test_the_batch_is_called_as_the_folder_and_taken_again(office: Office, tmp_path: Path) -> None:
    folder = draw(tmp_path / "दशैं 2026", "1.png")
    into = batch_for(office, folder)
    assert into == NewBatch("दशैं 2026", "folder दशैं 2026", UNSTATED, UNSTATED)
    intake = take_named(office, "Maya", into, table(tmp_path, "1.png,Asian"), folder)
    assert batch_for(office, folder) == intake.batch.id
    assert batch_for(office, Path("/")) == NewBatch("Imported", "folder Imported", UNSTATED, UNSTATED)
