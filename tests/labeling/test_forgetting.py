"""Who withdraws their consent is gone from the store, the folder and the CSV."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from labeling import batches, export, forgetting, judging, looks, queue, schema, vocabulary
from labeling.appeal_files import StudyFiles
from labeling.errors import LabelError
from labeling.exporter import Exporter
from labeling.photos import PhotoFolder
from labeling.store import Store
from tests.labeling.filling import face, key


@pytest.fixture
def photos(tmp_path: Path) -> PhotoFolder:
    return PhotoFolder(tmp_path / "photos")


def keep(store: Store, photos: PhotoFolder, tmp_path: Path, *batch_names: str) -> list[str]:
    """Two drawn photos in each of these batches, labelled; their hashes."""
    kept = []
    for shade in (60, 180):
        file = tmp_path / "drawn.png"
        Image.new("RGB", (200, 200), (shade, shade, shade)).save(file)
        kept.append(photos.keep(file.read_bytes(), f"shade {shade}.png"))
    for name in batch_names:
        batch = batches.create(store, "Maya", name, "drawn", "CC0", "nobody")
        batches.add_photos(store, batch.id, kept)
        for item in queue.take(store, "Maya", batch.id):
            judging.judge(store, key(), "Maya", item.id, "label", "Nepali")
            judging.judge(store, key(), "Maya", item.id, "note", word="smiles")
    return [one.hash for one in kept]


def test_nothing_is_left_of_a_forgotten_photo(store: Store, photos: PhotoFolder, tmp_path: Path) -> None:
    gone, stays = keep(store, photos, tmp_path, "first", "second")
    looks.set_survey(store, gone, [face()])
    photos.view(gone)
    before = store.version()
    assert forgetting.find(store, "shade 60.png") == gone == forgetting.find(store, gone[:10])
    studies = StudyFiles(tmp_path / "studies")
    done = forgetting.forget(store, photos, studies, "Sita", gone)
    assert (done.batches, done.events, done.files) == (2, 4, 2)
    with store.reading() as connection:
        for table in schema.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                assert gone not in map(str, row), table.name
                assert "shade 60.png" not in str(row), table.name
    assert [row[0] for row in export.rows(store, export.What(batch="first")).rows] == ["shade 180.png"]
    assert [path.name for path in tmp_path.rglob(f"{gone}*")] == []
    assert photos.path(stays).is_file()
    assert store.version() != before
    change = vocabulary.changes(store)[0]
    assert (change.who, change.what, change.after) == (
        *("Sita", "photo forgotten"),
        {"batches": 2, "events": 4, "votes": 0},
    )


def test_a_name_that_means_two_photos_is_asked_about(
    store: Store, photos: PhotoFolder, tmp_path: Path
) -> None:
    keep(store, photos, tmp_path, "first")
    other = batches.create(store, "Maya", "other", "drawn", "CC0", "nobody")
    file = tmp_path / "else.png"
    Image.new("RGB", (100, 100), "red").save(file)
    another = photos.keep(file.read_bytes(), "shade 60.png")
    batches.add_photos(store, other.id, [another])
    with pytest.raises(LabelError, match="2 different photos"):
        forgetting.find(store, "shade 60.png")
    assert forgetting.find(store, "shade 60.png", other.id) == another.hash
    with pytest.raises(LabelError, match="No photo"):
        forgetting.find(store, "nobody.png")


def test_the_command_line_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from labeling.__main__ import main
    from labeling.settings import get_label_settings
    from labeling.store import open_store

    monkeypatch.setenv("RANGIN_LABELS_FOLDER", str(tmp_path))
    get_label_settings.cache_clear()
    try:
        store = open_store()
        gone, _ = keep(store, PhotoFolder(tmp_path / "photos"), tmp_path, "first")
        csv = Exporter(store, tmp_path).now()[0]
        assert "shade 60.png" in csv.read_text()
        assert main(["forget", "shade 60.png", "nobody.png"]) == 1
        said = capsys.readouterr()
        assert "shade 60.png is forgotten: 2 events in 1 batches" in said.out
        assert "nobody.png: No photo" in said.err
        with pytest.raises(LabelError, match="missing"):
            PhotoFolder(tmp_path / "photos").path(gone)
        assert "shade 60.png" not in csv.read_text()
        assert "shade 180.png" in csv.read_text()
    finally:
        get_label_settings.cache_clear()
