"""A dataset in one step: which pictures go in, under which names, and what stands beside them."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer import ethnicity
from labeling import batches, dataset, face_pictures, looks
from labeling.batches import Batch
from labeling.dataset import Wanted, make
from labeling.dataset_files import TRAINABLE
from labeling.errors import LabelError
from labeling.judging import judge, settle
from labeling.looks import FaceRow
from labeling.photos import PhotoFolder
from labeling.store import Store
from tests.labeling.filling import face, key
from tests.preparing import encoded, picture
from train import pictures

NAMES = ("a.JPG", "रिता.png", "A.jpg", "no suffix", "b.gif", "c.png", "d.png", "e.png")


@pytest.fixture
def photos(tmp_path: Path) -> PhotoFolder:
    return PhotoFolder(tmp_path / "labels")


@pytest.fixture
def album(store: Store, photos: PhotoFolder) -> Batch:
    """A batch of eight photos with files: items 1 to 8."""
    made = batches.create(store, "Maya", "Album", "taken by us", "CC BY 4.0", "=all signed")
    add(store, photos, made, NAMES)
    return made


def add(store: Store, photos: PhotoFolder, batch: Batch, names: tuple[str, ...], first: int = 0) -> None:
    forms = {".JPG": "JPEG", ".gif": "GIF", ".jpg": "JPEG"}
    content = [
        encoded(picture(first + place, 96), forms.get(Path(name).suffix, "PNG"))
        for place, name in enumerate(names)
    ]
    added = batches.add_photos(
        store, batch.id, [photos.keep(one, name) for one, name in zip(content, names, strict=True)]
    )
    assert added.added == len(names)


def label(store: Store, words: str, who: str = "Maya", first: int = 1) -> None:
    for item, word in enumerate(words.split(), start=first):
        if word != "-":
            judge(store, key(), who, item, "label", word)


def read(folder: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO((folder / "labels.csv").read_text())))


def test_labelled_photos_go_in_as_links_with_names_that_prepare_takes(
    store: Store, photos: PhotoFolder, album: Batch, tmp_path: Path
) -> None:
    label(store, "Asian Nepali White Black Indian")
    judge(store, key(), "Maya", 6, "label", "unsure")
    judge(store, key(), "Maya", 7, "unusable", word="no consent")
    judge(store, key(), "Maya", 8, "label", "Asian")
    judge(store, key(), "Asha", 8, "label", "White")
    made = make(store, photos, tmp_path / "set")
    assert (made.pictures, made.refused) == (5, ())
    assert made.left_out == {"conflict": 1, "labelled unsure": 1, "unusable": 1}
    rows = read(tmp_path / "set")
    assert rows[0] == ["imageName", "ethnicity", "photo"]
    assert [row[:2] for row in rows[1:]] == [
        ["a.JPG", "Asian"],
        ["रिता.png", "Nepali"],
        ["A-2.jpg", "White"],
        ["no suffix.png", "Black"],
        ["b.png", "Indian"],
    ]
    images = tmp_path / "set" / "images"
    assert {path.name for path in images.iterdir()} == {row[0] for row in rows[1:]}
    for name, _, photo in rows[1:]:
        kept = photos.path(photo)
        assert (images / name).samefile(kept) == (name != "b.png")
        with Image.open(images / name) as image, Image.open(kept) as original:
            assert (np.asarray(image.convert("RGB")) == np.asarray(original.convert("RGB"))).all()
    about = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert about["batches"] == [
        {
            "name": "Album",
            "source": "taken by us",
            "licence": "CC BY 4.0",
            "consent": "=all signed",
            "pictures": 5,
        }
    ]
    assert about["labels"] == made.labels


def test_what_train_takes_for_a_picture_is_known_here() -> None:
    assert TRAINABLE == pictures.SUFFIXES
    assert face_pictures.SHIFT_DOWN == ethnicity.SHIFT_DOWN


def test_labels_can_be_left_out_and_batches_chosen(
    store: Store, photos: PhotoFolder, album: Batch, tmp_path: Path
) -> None:
    other = batches.create(store, "Maya", "Other", "s", "l", "c")
    add(store, photos, other, ("x.png", "y.png"), first=50)
    label(store, "Asian Nepali White")
    label(store, "Black Nepali", first=9)
    made = make(store, photos, tmp_path / "set", Wanted(leave_out=["Nepali"]))
    assert made.labels == {"Asian": 1, "White": 1, "Black": 1}
    assert made.left_out == {"labelled Nepali": 2}
    assert make(store, photos, tmp_path / "set", Wanted(batches=["Other"])).labels == {
        "Black": 1,
        "Nepali": 1,
    }
    with pytest.raises(LabelError, match="no label 'Martian' to leave out"):
        make(store, photos, tmp_path / "set", Wanted(leave_out=["Martian"]))
    with pytest.raises(LabelError, match="no batch"):
        make(store, photos, tmp_path / "set", Wanted(batches=["Holi"]))


def test_a_photo_of_two_batches_goes_in_once_and_not_where_they_disagree(
    store: Store, photos: PhotoFolder, album: Batch, tmp_path: Path
) -> None:
    other = batches.create(store, "Maya", "Other", "s", "l", "c")
    add(store, photos, other, NAMES[:2])
    label(store, "Asian Nepali")
    label(store, "Asian Black", first=9)
    made = make(store, photos, tmp_path / "set")
    assert made.labels == {"Asian": 1}
    assert made.left_out == {"there already, from another batch": 1, "two batches disagree": 2}


def test_faces_are_cut_out_with_their_own_labels(
    store: Store, photos: PhotoFolder, album: Batch, tmp_path: Path
) -> None:
    with store.reading() as connection:
        hashes = list(connection.exec_driver_sql("SELECT photo FROM items ORDER BY id").scalars())
    looks.set_survey(store, hashes[0], [face(2, 40), face(50, 30)])
    looks.set_survey(store, hashes[1], [face(20, 50)])
    looks.set_survey(store, hashes[2], [])
    label(store, "Nepali White Black", first=9)
    made = make(store, photos, tmp_path / "faces", Wanted(by_face=True))
    rows = read(tmp_path / "faces")[1:]
    assert [row[:2] for row in rows] == [
        ["a-face-1.jpg", "Nepali"],
        ["a-face-2.jpg", "White"],
        ["रिता-face-1.jpg", "Black"],
    ]
    assert rows[0][2] == rows[1][2] == hashes[0]
    assert made.command.endswith(" --person photo --keep-gray")
    with Image.open(tmp_path / "faces" / "images" / "a-face-2.jpg") as image:
        assert image.size == (29, 29)  # 0.96 of the box

    label(store, "Asian Nepali White")
    made = make(store, photos, tmp_path / "cut", Wanted(cut_faces=True))
    assert [row[:2] for row in read(tmp_path / "cut")[1:]] == [["रिता.jpg", "Nepali"]]
    assert made.left_out == {"no face found in it": 1, "several faces in it": 1}


def test_a_face_is_framed_as_the_classifier_frames_it(grace_hopper: Path) -> None:
    from colorizer import lab, photo
    from colorizer.faces import Face

    rgb = photo.read(grace_hopper).rgb
    for box in ((150.0, 60.0, 330.0, 290.0), (-40.0, -10.0, 120.0, 200.0)):
        cut = face_pictures.cut(rgb, FaceRow(1, *box, 0.99, {}))
        seen = ethnicity.face_crop(lab.lightness(rgb), Face(box, (), 0.99), face_pictures.SCALE, len(cut))
        assert np.abs(lab.lightness(cut) - seen).max() < 0.01


def test_a_missing_file_is_listed_and_the_rest_goes_in(
    store: Store, photos: PhotoFolder, album: Batch, tmp_path: Path
) -> None:
    label(store, "Asian Nepali")
    with store.reading() as connection:
        lost = connection.exec_driver_sql("SELECT photo FROM items WHERE id = 1").scalar_one()
    photos.path(lost).unlink()
    made = make(store, photos, tmp_path / "set")
    assert made.labels == {"Nepali": 1}
    assert [left.name for left in made.refused] == ["a.JPG"]
    assert [row[0] for row in read(tmp_path / "set")[1:]] == ["रिता.png"]


def test_it_is_put_in_place_whole_and_replaces_only_its_own(
    store: Store, photos: PhotoFolder, album: Batch, tmp_path: Path
) -> None:
    place = tmp_path / "out" / "set"
    with pytest.raises(LabelError, match="Nothing is labelled"):
        make(store, photos, tmp_path / "set")
    with pytest.raises(LabelError, match="There is no folder"):
        make(store, photos, place)
    place.mkdir(parents=True)
    label(store, "Asian")
    make(store, photos, place)  # an empty folder will do
    label(store, "Nepali", first=2)
    asked = []

    def stop() -> bool:
        asked.append(sorted(path.name for path in place.parent.iterdir()))
        return len(asked) > 1

    with pytest.raises(LabelError, match="Stopped"):
        make(store, photos, place, is_cancelled=stop)
    assert len(asked[0]) == 2  # built beside its place
    assert [path.name for path in place.parent.iterdir()] == ["set"]
    assert len(read(place)) == 2
    assert make(store, photos, place).pictures == 2
    assert [path.name for path in place.parent.iterdir()] == ["set"]
    (place / "notes.txt").write_text("mine")
    with pytest.raises(LabelError, match="something else"):
        make(store, photos, place)
    os.symlink(photos.originals, tmp_path / "link")
    with pytest.raises(LabelError, match="is no folder"):
        make(store, photos, tmp_path / "link")
    assert (place / "notes.txt").exists()


def test_copies_are_files_of_their_own(
    store: Store, photos: PhotoFolder, album: Batch, tmp_path: Path
) -> None:
    label(store, "Asian")
    make(store, photos, tmp_path / "set", Wanted(copies=True))
    copy = tmp_path / "set" / "images" / "a.JPG"
    assert copy.stat().st_nlink == 1
    assert len(copy.read_bytes()) > 500


def test_a_settled_label_counts_and_progress_is_told(
    store: Store, photos: PhotoFolder, album: Batch, tmp_path: Path
) -> None:
    label(store, "Asian Nepali")
    label(store, "Black Nepali", who="Asha")
    settle(store, key(), "Owner", 1, "White")
    told: list[tuple[int, int]] = []
    made = make(store, photos, tmp_path / "set", advance=lambda done, total: told.append((done, total)))
    assert made.labels == {"White": 1, "Nepali": 1}
    assert told == [(1, 2), (2, 2)]


def test_the_command_says_what_to_do_about_labels_beyond_the_six() -> None:
    command, notes = dataset.instructions(Path("a b"), ["Asian", "Nepali"], Wanted())
    assert command == (
        "python -m train prepare 'a b' --out 'a b-prepared' --vocabulary "
        "'Asian,Black,Hispanic,Indian,Middle Eastern,White,Nepali'"
    )
    assert "Nepali is none of the six groups" in notes[0]
    assert '--map "Nepali=GROUP"' in notes[0]
    command, _ = dataset.instructions(Path("set"), ["Asian"], Wanted())
    assert command == "python -m train prepare set --out set-prepared"
    command, _ = dataset.instructions(Path("set"), ["Asian"], Wanted(cut_faces=True))
    assert command == "python -m train prepare set --out set-prepared --keep-gray"
