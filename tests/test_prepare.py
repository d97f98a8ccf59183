"""A dirty folder becomes a dataset: what is dropped and why, what labels are believed, and twice the same."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from colorizer.errors import OptionError
from tests.preparing import crop, encoded, picture, result, snapshot
from train.__main__ import main
from train.prepare import prepare, work
from train.prepare.index import Index
from train.prepare.look import Look
from train.prepare.options import Options

PLAIN = 48
ONE = Options(jobs=1)

# File -> why it is dropped.
PLANTED = {
    "twins/mirrored.jpg": "near duplicate",
    "twins/small.webp": "near duplicate",
    "twins/crop.jpg": "near duplicate",
    "same/first.png": "exact duplicate",
    "same/second.png": "exact duplicate",
    "agree/second.png": "exact duplicate",
    "adopt/second.png": "exact duplicate",
    "bad/broken.jpg": "unreadable",
    "bad/empty.png": "unreadable",
    "bad/tiny.png": "too small",
    "bad/gray.png": "near-gray",
    "bad/sepia.png": "one tint",
    "bad/neon.png": "chroma outlier",
}
LABELS = """imageName,ethnicity,age
twins/whole.png,White,20-29
twins/mirrored.jpg,White,30-39
same/first.png,Black,20-29
same/second.png,Indian,20-29
agree/first.png,Hispanic,20-29
agree/second.png,Hispanic,
adopt/first.png,,
adopt/second.png,Indian,40-49
plain-00.jpg,East Asian,20-29
plain-01.jpg,middle_eastern,20-29
plain-02.jpg,Martian,20-29
plain-03.jpg,Asian,20-29
plain-03.jpg,White,20-29
nowhere.jpg,Asian,20-29
"""


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one finds: good pictures, copies, damaged, gray and toned ones, labels of all kinds."""
    folder = tmp_path_factory.mktemp("found") / "inbox"
    for name in ("twins", "same", "agree", "adopt", "bad"):
        (folder / name).mkdir(parents=True)
    for n in range(PLAIN):
        (folder / f"plain-{n:02}.jpg").write_bytes(encoded(picture(n), "JPEG", quality=95))
    whole = picture(1000, 200)
    (folder / "twins/whole.png").write_bytes(encoded(whole))
    mirrored = whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    (folder / "twins/mirrored.jpg").write_bytes(encoded(mirrored, "JPEG", quality=70))
    (folder / "twins/small.webp").write_bytes(encoded(whole.resize((90, 90)), "WEBP", quality=60))
    (folder / "twins/crop.jpg").write_bytes(encoded(crop(whole, 0.1, 0.15, 0.85, 0.9), "JPEG", quality=80))
    for name, seed in (("same", 1001), ("agree", 1002), ("adopt", 1003)):
        (folder / name / "first.png").write_bytes(encoded(picture(seed)))
        (folder / name / "second.png").write_bytes(encoded(picture(seed)))
    (folder / "same/saved-again.bmp").write_bytes(encoded(picture(1001), "BMP"))
    (folder / "bad/broken.jpg").write_bytes(encoded(picture(1004), "JPEG")[:900])
    (folder / "bad/empty.png").write_bytes(b"")
    (folder / "bad/tiny.png").write_bytes(encoded(picture(1005, 40)))
    gray = picture(1006).convert("L")
    (folder / "bad/gray.png").write_bytes(encoded(gray))
    sepia = np.stack([np.asarray(gray) * share for share in (1.0, 0.93, 0.85)], -1).astype(np.uint8)
    (folder / "bad/sepia.png").write_bytes(encoded(Image.fromarray(sepia)))
    rng = np.random.default_rng(7)
    neon = np.zeros((128, 128, 3), np.uint8)
    neon[..., 2] = np.asarray(Image.fromarray(rng.integers(120, 256, (8, 8), np.uint8)).resize((128, 128)))
    (folder / "bad/neon.png").write_bytes(encoded(Image.fromarray(neon)))
    (folder / "notes.txt").write_text("not a picture")
    (folder / "labels.csv").write_text(LABELS)
    return folder


@pytest.fixture(scope="module")
def dataset(inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inbox, prepared."""
    out = tmp_path_factory.mktemp("prepared") / "dataset"
    prepare(inbox, out, ONE)
    return out


@pytest.fixture
def table(dataset: Path) -> pd.DataFrame:
    """All kept pictures, with the split each is in, by their source."""
    return read(dataset)


def read(dataset: Path) -> pd.DataFrame:
    rows = [
        pd.read_csv(dataset / f"{split}.csv", keep_default_na=False, dtype=str).assign(split=split)
        for split in ("train", "val", "test")
    ]
    return pd.concat(rows).set_index("source")


def dropped(dataset: Path) -> pd.DataFrame:
    return pd.read_csv(dataset / "dropped.csv", keep_default_na=False, dtype=str)


def test_what_was_planted_is_found_and_nothing_else(dataset: Path) -> None:
    rows = dropped(dataset)
    pictures = rows[rows["dropped"] == "picture"]
    assert dict(zip(pictures["imageName"], pictures["reason"], strict=True)) == PLANTED


def test_every_other_picture_is_kept_once_at_256(dataset: Path, inbox: Path, table: pd.DataFrame) -> None:
    assert len(table) == PLAIN + 4
    assert set(table["imageName"]) == {path.name for path in (dataset / "images").iterdir()}
    for name in table["imageName"]:
        with Image.open(dataset / "images" / name) as image:
            assert image.size == (256, 256)
    first = np.asarray(Image.open(dataset / "images" / table.loc["plain-05.jpg", "imageName"]), float)
    truth = Image.open(inbox / "plain-05.jpg").resize((256, 256), Image.Resampling.BICUBIC)
    assert np.abs(first - np.asarray(truth, float)).mean() < 1


def test_csvs_begin_as_every_reader_expects(dataset: Path) -> None:
    for split in ("train", "val", "test"):
        header = (dataset / f"{split}.csv").read_text().splitlines()[0]
        assert header == "imageName,ethnicity,age,source"


def test_the_largest_of_copies_stays_and_is_named(dataset: Path) -> None:
    rows = dropped(dataset).set_index("imageName")
    assert set(rows.loc[[name for name in PLANTED if name.startswith("twins/")], "twin"]) == {
        "twins/whole.png"
    }
    assert "mirrored" in rows.loc["twins/mirrored.jpg", "detail"]
    assert set(rows.loc[["same/first.png", "same/second.png"], "twin"]) == {"same/saved-again.bmp"}


def test_labels_that_disagree_are_believed_by_no_one(dataset: Path, table: pd.DataFrame) -> None:
    rows = dropped(dataset)
    conflicts = rows[rows["reason"] == "conflicting labels"].set_index("imageName")
    assert len(conflicts) == 2
    same = next(name for name in table.index if name.startswith("same/"))
    assert {same, "plain-03.jpg"} == set(conflicts.index)
    assert table.loc[same, "ethnicity"] == ""
    assert table.loc["plain-03.jpg", "ethnicity"] == ""
    assert "Black" in conflicts.loc[same, "detail"]
    assert "Indian" in conflicts.loc[same, "detail"]
    assert table.loc["twins/whole.png", ["ethnicity", "age"]].tolist() == ["White", ""]


def test_copies_that_agree_keep_their_label_and_lend_it(table: pd.DataFrame) -> None:
    agree = table[table.index.str.startswith("agree/")].iloc[0]
    adopt = table[table.index.str.startswith("adopt/")].iloc[0]
    assert agree[["ethnicity", "age"]].tolist() == ["Hispanic", "20-29"]
    assert adopt[["ethnicity", "age"]].tolist() == ["Indian", "40-49"]


def test_labels_outside_the_vocabulary_are_told_with_the_nearest(dataset: Path, table: pd.DataFrame) -> None:
    rows = dropped(dataset)
    outside = rows[rows["reason"] == "label outside the vocabulary"].set_index("imageName")
    assert set(outside.index) == {"plain-00.jpg", "plain-02.jpg"}
    assert '--map "East Asian=Asian"' in outside.loc["plain-00.jpg", "detail"]
    assert "no allowed one is near" in outside.loc["plain-02.jpg", "detail"]
    assert set(outside["dropped"]) == {"label"}
    assert table.loc[["plain-00.jpg", "plain-02.jpg"], "ethnicity"].tolist() == ["", ""]
    assert table.loc["plain-01.jpg", "ethnicity"] == "Middle Eastern"  # only spelled otherwise
    missing = rows[rows["reason"] == "label without a picture"]
    assert missing["imageName"].tolist() == ["nowhere.jpg"]


def test_map_says_what_a_label_means_without_looking_again(
    dataset: Path, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(dataset, tmp_path / "out")
    monkeypatch.setattr(work, "look", None)
    prepare(inbox, tmp_path / "out", Options(jobs=1, mapping={"east-asian": "Asian"}))
    assert read(tmp_path / "out").loc["plain-00.jpg", "ethnicity"] == "Asian"
    with pytest.raises(OptionError, match=r"'Asiann', which is not in the vocabulary; choose one of Asian"):
        prepare(inbox, tmp_path / "out", Options(jobs=1, mapping={"east-asian": "Asiann"}))


def test_gray_pictures_are_kept_for_classification(dataset: Path, inbox: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "out")
    summary = prepare(inbox, tmp_path / "out", Options(jobs=1, keeps_gray=True))
    kept = read(tmp_path / "out")
    assert {"bad/gray.png", "bad/sepia.png", "bad/neon.png"} - set(kept.index) <= {
        "bad/gray.png",
        "bad/sepia.png",
    }
    assert ("bad/gray.png" in kept.index) != ("bad/sepia.png" in kept.index)  # of one photo, so one stays
    assert "near-gray" not in summary["reasons"]
    assert all((tmp_path / "out" / "images" / name).is_file() for name in kept["imageName"])


def test_jobs_make_no_difference_and_the_source_is_only_read(
    dataset: Path, inbox: Path, tmp_path: Path
) -> None:
    before = snapshot(inbox)
    prepare(inbox, tmp_path / "two", Options(jobs=2))
    assert result(tmp_path / "two") == result(dataset)
    assert snapshot(inbox) == before


def test_a_second_run_changes_nothing(dataset: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = result(dataset)
    monkeypatch.setattr(work, "look", None)
    prepare(inbox, dataset, ONE)
    assert result(dataset) == before


def test_a_killed_run_goes_on_where_it_stopped(
    dataset: Path, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = work.look

    def dying(content: bytes | str, copy: Path, side: int, least: int, keeps_gray: bool) -> Look:
        looked.append(copy.name)
        if len(looked) > 2 * work.CHUNK:
            os.kill(os.getpid(), signal.SIGKILL)
        return look(content, copy, side, least, keeps_gray)

    monkeypatch.setattr(work, "SAVE_SECONDS", 0)
    monkeypatch.setattr(work, "look", dying)
    child = multiprocessing.get_context("fork").Process(target=prepare, args=(inbox, tmp_path / "out", ONE))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert not (tmp_path / "out" / "prepare.json").exists()

    def counting(content: bytes | str, copy: Path, side: int, least: int, keeps_gray: bool) -> Look:
        looked.append(copy.name)
        return look(content, copy, side, least, keeps_gray)

    monkeypatch.setattr(work, "look", counting)
    summary = prepare(inbox, tmp_path / "out", ONE)
    assert len(looked) == summary["pictures"] - 2 * work.CHUNK
    assert result(tmp_path / "out") == result(dataset)


def test_only_what_changed_is_looked_at_again(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    shutil.copytree(inbox, source)
    prepare(source, tmp_path / "out", ONE)
    looked: list[str] = []
    look = work.look

    def counting(content: bytes | str, copy: Path, side: int, least: int, keeps_gray: bool) -> Look:
        looked.append(copy.name)
        return look(content, copy, side, least, keeps_gray)

    monkeypatch.setattr(work, "look", counting)
    (source / "plain-04.jpg").write_bytes(encoded(picture(77), "JPEG", quality=95))
    (source / "plain-05.jpg").unlink()
    prepare(source, tmp_path / "out", ONE)
    assert looked == ["plain-04.jpg"]
    assert "plain-05.jpg" not in read(tmp_path / "out").index
    assert not (tmp_path / "out" / "images" / "plain-05.jpg").exists()
    prepare(source, tmp_path / "fresh", ONE)
    assert result(tmp_path / "out") == result(tmp_path / "fresh")


def test_a_full_disk_is_a_sentence_and_nothing_is_lost(
    inbox: Path,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    arguments = ["prepare", str(inbox), "--out", str(tmp_path / "out"), "--jobs", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert main(arguments) == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "goes on where it stopped" in said
    assert main(arguments) == 0
    assert result(tmp_path / "out") == result(dataset)
    assert "11 " not in capsys.readouterr().err


@pytest.mark.parametrize("where", ["inbox", "inbox/sub", "."])
def test_the_source_is_never_written_to(inbox: Path, where: str) -> None:
    before = snapshot(inbox.parent)
    with pytest.raises(OptionError, match="never written to"):
        prepare(inbox, inbox.parent / where, ONE)
    assert snapshot(inbox.parent) == before


def test_folders_of_others_are_left_alone(inbox: Path, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(OptionError, match=r"holds thesis\.doc and was not made by this command"):
        prepare(inbox, tmp_path, ONE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]
    with pytest.raises(OptionError, match="prepared from another source"):
        prepare(inbox / "twins", dataset, ONE)


def test_two_runs_at_once_are_told_apart(inbox: Path, dataset: Path) -> None:
    with Index(dataset), pytest.raises(OptionError, match="Another run is preparing"):
        prepare(inbox, dataset, ONE)


def test_prepare_json_says_what_was_done(dataset: Path) -> None:
    summary = json.loads((dataset / "prepare.json").read_text())
    assert summary["pictures"] == PLAIN + 4 + len(PLANTED)
    assert summary["kept"] == PLAIN + 4
    assert summary["reasons"]["near duplicate"] == 3
    assert summary["other_files"] == 1
    assert summary["labels"] == ["labels.csv"]
    assert summary["options"]["seed"] == 0
    assert len(summary["fingerprint"]) == 16
    assert str(dataset.parent) not in (dataset / "prepare.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "8"], "--size is 8; allowed are 16 to 4096"),
        (["--min-side", "1"], "--min-side is 1"),
        (["--split", "0.5,0.5"], "give three numbers"),
        (["--split", "0.5,0.5,0.5"], "add up to 1"),
        (["--split", "nan,0.1,0.1"], "add up to 1"),
        (["--map", "East Asian"], "write LABEL=GROUP"),
        (["--map", "East Asian=Asien"], "choose one of Asian"),
        (["--vocabulary", "A,a"], "each only once"),
        (["--limit", "0"], "--limit is 0"),
        (["--jobs", "0"], "--jobs is 0"),
        (["--person", "who"], "they have ethnicity, age"),
        (["--labels", "nowhere.csv"], "nowhere.csv can't be read"),
    ],
)
def test_impossible_options_are_refused(
    inbox: Path, tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", str(inbox), "--out", str(tmp_path / "out"), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_dataset_without_pictures_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gray").mkdir()
    picture(1).convert("L").save(tmp_path / "gray" / "one.png")
    assert main(["prepare", str(tmp_path / "gray"), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 1
    assert "nothing is left" in capsys.readouterr().err


def test_a_source_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="holds no pictures"):
        prepare(tmp_path / "empty", tmp_path / "out", ONE)
    with pytest.raises(OptionError, match="no folder and no archive"):
        prepare(tmp_path / "nowhere", tmp_path / "out", ONE)
