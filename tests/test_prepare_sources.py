"""Folders, tars and zips that nobody vouches for: what is read of them, under which names, and with which labels."""

import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from colorizer.errors import OptionError
from colorizer.settings import get_settings
from tests.preparing import encoded, picture, snapshot
from train.prepare import labels, prepare, sources
from train.prepare.labels import Vocabulary
from train.prepare.options import Options

ONE = Options(jobs=1, min_side=16)


def add(
    tar: tarfile.TarFile, name: str, content: bytes, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(content)
    tar.addfile(member, io.BytesIO(content))


def photo(seed: int) -> bytes:
    return encoded(picture(seed, 64), "JPEG", quality=90)


def kept(dataset: Path) -> pd.DataFrame:
    rows = [
        pd.read_csv(dataset / f"{split}.csv", keep_default_na=False) for split in ("train", "val", "test")
    ]
    return pd.concat(rows).set_index("source")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
def test_archives_cannot_write_outside_or_smuggle_links(tmp_path: Path, suffix: str) -> None:
    box = tmp_path / "box"
    box.mkdir()
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(photo(99))
    names = ["../../up.jpg", "/absolute.jpg", "a/same.jpg", "b/same.jpg", "c\\..\\same.JPG", "bad\nname.jpg"]
    archive = box / f"shard{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
            for n, name in enumerate(names):
                opened.writestr(name, photo(n))
            link = zipfile.ZipInfo("link.jpg")
            link.external_attr = 0o120777 << 16
            opened.writestr(link, str(secret))
    else:
        with tarfile.open(archive, "w:gz" if suffix.endswith("gz") else "w") as opened:
            for n, name in enumerate(names):
                add(opened, name, photo(n))
            add(opened, "link.jpg", b"", tarfile.SYMTYPE, str(secret))
            add(opened, "hard.jpg", b"", tarfile.LNKTYPE, str(secret))
            add(opened, "pipe.jpg", b"", tarfile.FIFOTYPE)
            add(opened, "device.jpg", b"", tarfile.CHRTYPE)
    before = set(snapshot(tmp_path))
    prepare(box, tmp_path / "out", ONE)
    written = set(snapshot(tmp_path)) - before
    assert all(name.startswith("out/") for name in written)
    table = kept(tmp_path / "out")
    assert len(table) == len(names)
    assert sorted(table["imageName"]) == [
        "absolute.jpg",
        "bad_name.jpg",
        "same-2.jpg",
        "same-3.jpg",
        "same.jpg",
        "up.jpg",
    ]
    assert table.loc[f"shard{suffix}::a/same.jpg", "imageName"] == "same.jpg"


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
def test_a_cut_archive_gives_what_it_can_and_is_told(tmp_path: Path, suffix: str) -> None:
    box = tmp_path / "box"
    box.mkdir()
    archive = box / f"shard{suffix}"
    if suffix == ".zip":
        archive.write_bytes(b"PK\x03\x04 no zip")
    else:
        with tarfile.open(archive, "w:gz" if suffix.endswith("gz") else "w") as opened:
            for n in range(8):
                add(opened, f"{n}.jpg", photo(n))
        archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    (box / "good.jpg").write_bytes(photo(50))
    summary = prepare(box, tmp_path / "out", ONE)
    table = kept(tmp_path / "out")
    assert "good.jpg" in table.index
    assert [text.split(":")[0] for text in summary["damaged_archives"]] == [archive.name]
    assert len(table) >= (1 if suffix == ".zip" else 3)
    assert summary["kept"] + summary["reasons"].get("unreadable", 0) == summary["pictures"]


def test_no_more_is_unpacked_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANGIN_MAX_FILE_MB", "0.05")
    get_settings.cache_clear()
    try:
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr("bomb.jpg", photo(1) + bytes(5_000_000))
            opened.writestr("good.jpg", photo(2))
        (item, content), _ = sources.read(sources.find(tmp_path / "bomb.zip").items)
        assert item.member == "bomb.jpg"
        assert len(content) == 50_001
        summary = prepare(tmp_path / "bomb.zip", tmp_path / "out", ONE)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    assert summary["reasons"] == {"unreadable": 1}
    assert "larger than 0.05 MB" in (tmp_path / "out" / "dropped.csv").read_text()


def test_one_archive_takes_the_labels_beside_it_and_inside_it(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "faces.tar", "w") as opened:
        add(opened, "one.jpg", photo(1))
        add(opened, "two.jpg", photo(2))
        add(opened, "labels.csv", b"imageName,ethnicity\ntwo.jpg,Black\n")
    (tmp_path / "beside.csv").write_text(
        "\ufeffimageName,ethnicity\none.jpg,White\ntwo.jpg,Asian\n", encoding="utf-8"
    )
    (tmp_path / "prices.csv").write_text("fruit,price\napple,1\n")
    prepare(tmp_path / "faces.tar", tmp_path / "out", ONE)
    table = kept(tmp_path / "out")
    assert table.loc["faces.tar::one.jpg", "ethnicity"] == "White"
    assert table.loc["faces.tar::two.jpg", "ethnicity"] == "Black"  # what lies nearer counts


def test_a_named_csv_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "a.jpg").write_bytes(photo(1))
    (tmp_path / "bad.csv").write_text("name,label\na.jpg,White\n")
    with pytest.raises(OptionError, match="has no column imageName"):
        prepare(tmp_path / "box", tmp_path / "out", ONE, tmp_path / "bad.csv")


def item(archive: str, member: str) -> sources.Item:
    return sources.Item(archive, member, 1, 1, 0, Path("x"))


def test_a_label_that_could_be_several_pictures_is_no_ones() -> None:
    items = [item("", "a/1.jpg"), item("", "b/1.jpg"), item("", "b/2.jpg"), item("t.tar", "d/3.jpg")]
    text = b"imageName,ethnicity\n1.jpg,White\n2.jpg,Black\n3.jpg,Asian\nb/1.jpg,Indian\n"
    found = labels.match(items, [sources.LabelsFile("", "all.csv", text)])
    assert found.table["ethnicity"].tolist() == ["", "Indian", "Black", "Asian"]
    assert [bool(says) for says in found.ambiguous] == [True, False, False, False]


def test_one_row_is_not_two_archives_pictures() -> None:
    items = [item("x.tar", "1.jpg"), item("y.tar", "1.jpg"), item("y.tar", "2.jpg"), item("y.tar", "d/2.jpg")]
    text = b"imageName,ethnicity\n1.jpg,White\n2.jpg,Black\n"
    found = labels.match(items, [sources.LabelsFile("", "all.csv", text)])
    assert found.table["ethnicity"].tolist() == ["", "", "Black", ""]
    assert [bool(says) for says in found.ambiguous] == [True, True, False, True]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"imageName;ethnicity\na.jpg;White\n", "with commas between the columns"),
        ("imageName,ethnicity\na.jpg,Thakalí\n".encode("latin-1"), "save them as UTF-8"),
        (b"imageName,ethnicity\na.jpg," + b"x" * 200_000 + b"\n", "field larger than"),
    ],
)
def test_a_csv_that_gives_no_labels_is_told(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "a.jpg").write_bytes(photo(1))
    (tmp_path / "box" / "labels.csv").write_bytes(content)
    summary = prepare(tmp_path / "box", tmp_path / "out", ONE)
    (says,) = summary["unused_labels"]
    assert "labels.csv" in says
    assert why in says
    assert why in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are always Unicode")
def test_names_that_are_no_text_stop_nothing(tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    for name, content in (
        (b"p\xff.jpg", photo(1)),
        (b"l\xff.csv", b"imageName,ethnicity\n"),
        (b"t\xff.tar", b"no tar"),
    ):
        Path(os.fsdecode(bytes(box) + b"/" + name)).write_bytes(content)
    summary = prepare(box, tmp_path / "out", ONE)
    assert summary["kept"] == 1
    assert summary["labels"] == ["l?.csv"]
    assert summary["damaged_archives"][0].startswith("t?.tar: ")


def test_names_are_safe_and_stay_apart() -> None:
    members = ["A.png", "a.jpg", "a-2.jpg", ".x.jpg/..", "x" * 300 + ".jpg", "<b>.jpg", "CON\x00.jpg"]
    members += ["नमस्ते" * 40 + ".jpg", "नमस्ते" * 41 + ".jpg"]
    names = sources.unique_names([item("t.tar", member) for member in members], ".jpg")
    assert len({name.lower() for name in names}) == len(names)
    assert names[:3] == ["A.jpg", "a-2.jpg", "a-2-2.jpg"]
    assert (
        max(len(name.encode()) for name in names) < 200
    )  # file systems take 255, and unfinished ones are longer
    assert not any(set(name) & set('/\\<>:"|?*\0\n') or name.startswith(".") for name in names)


@pytest.mark.parametrize(
    ("label", "meaning", "nearest"),
    [
        ("Asian", "Asian", "Asian"),
        ("MIDDLE-EASTERN ", "Middle Eastern", "Middle Eastern"),
        ("", "", ""),
        ("Southeast Asian", None, "Asian"),
        ("Latino_Hispanic", None, "Hispanic"),
        ("west_asian", None, "Middle Eastern"),
        ("Hispnic", None, "Hispanic"),
        ("Klingon", None, ""),
        ("Thakali", "Indian", ""),
    ],
)
def test_words_and_their_nearest(label: str, meaning: str | None, nearest: str) -> None:
    vocabulary = Vocabulary(Options().vocabulary, {"thakali": "Indian"})
    assert vocabulary.meaning(label) == meaning
    if label:
        assert vocabulary.nearest(label) == nearest
