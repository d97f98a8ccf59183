"""Datasets, folders and tars of pictures, and labels that don't quite fit them."""

import tarfile
from pathlib import Path

import pytest

from colorizer.errors import OptionError
from train import pictures


def tar_of(path: Path, names: dict[str, bytes]) -> None:
    """A tar with these files."""
    source = path.parent / "packed"
    with tarfile.open(path, "w") as tar:
        for name, content in names.items():
            file = source / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            tar.add(file, name)


def test_dataset_with_images_and_a_split(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.png"):
        (tmp_path / "images" / name).write_bytes(name.encode())
    labels = "imageName,ethnicity,age\nb.png,Asian,30\ngone.jpg,White,\na.jpg, Nepali ,5\nb.png,White,1\n"
    (tmp_path / "val.csv").write_text(labels, encoding="utf-8-sig")
    found = pictures.find(tmp_path)
    assert list(found.read()) == [("b.png", "Asian", b"b.png"), ("a.jpg", "Nepali", b"a.jpg")]
    assert found.missing == ("gone.jpg",)
    assert found.source == f"{tmp_path.name}/val.csv"


def test_dataset_of_shards_reads_only_its_split(tmp_path: Path) -> None:
    tar_of(tmp_path / "val-0.tar", {"deep/a.jpg": b"1", "notes.txt": b"2"})
    tar_of(tmp_path / "val-1.tar", {"b.webp": b"3"})
    tar_of(tmp_path / "train.tar", {"c.jpg": b"4"})
    (tmp_path / "val.csv").write_text("imageName,ethnicity\nc.jpg,\nb.webp,\na.jpg,Black\n", encoding="utf-8")
    found = pictures.find(tmp_path)
    assert list(found.read()) == [("b.webp", "", b"3"), ("a.jpg", "Black", b"1")]
    assert found.missing == ("c.jpg",)


def test_plain_folder_and_single_tar_without_labels(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("b.jpg", "a.PNG", "notes.txt"):
        (folder / name).write_bytes(b"x")
    assert [name for name, *_ in pictures.find(folder).read()] == ["a.PNG", "b.jpg"]
    tar_of(tmp_path / "photos.tar", {"c.jpg": b"3", "d.jpg": b"4"})
    assert list(pictures.find(tmp_path / "photos.tar", limit=1).read()) == [("c.jpg", "", b"3")]


def test_folder_with_labels_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    labels = tmp_path / "mine.csv"
    labels.write_text("imageName\na.jpg\n", encoding="utf-8")
    assert list(pictures.find(tmp_path, labels).read()) == [("a.jpg", "", b"x")]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="nowhere is not there"):
        pictures.find(tmp_path / "nowhere")
    (tmp_path / "one.jpg").write_bytes(b"x")
    with pytest.raises(OptionError, match="is a file and no tar"):
        pictures.find(tmp_path / "one.jpg")
    (tmp_path / "one.jpg").unlink()
    with pytest.raises(OptionError, match="holds no pictures"):
        pictures.find(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(OptionError, match="can't be read"):
        pictures.find(tmp_path, tmp_path / "nowhere.csv")
    (tmp_path / "bad.csv").write_text("name,ethnicity\na.jpg,White\n", encoding="utf-8")
    with pytest.raises(OptionError, match="imageName,ethnicity"):
        pictures.find(tmp_path, tmp_path / "bad.csv")


def test_a_tar_of_the_folder_itself_and_one_that_was_cut(tmp_path: Path) -> None:
    tar_of(tmp_path / "dot.tar", {"./a.jpg": b"1" * 20_000, "./b.jpg": b"2"})
    assert [name for name, *_ in pictures.find(tmp_path / "dot.tar").read()] == ["a.jpg", "b.jpg"]
    (tmp_path / "cut.tar").write_bytes((tmp_path / "dot.tar").read_bytes()[:9000])
    with pytest.raises(OptionError, match="is damaged or can't be read"):
        pictures.find(tmp_path / "cut.tar")
