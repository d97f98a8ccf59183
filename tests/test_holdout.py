"""Near twins never stand on both sides of a split, and the same seed gives the same split."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage import data

from colorizer.errors import OptionError
from train import holdout
from train.__main__ import main

SOURCES = ("astronaut", "camera", "cat", "chelsea", "coffee", "rocket")


def save_twins(folder: Path, name: str, picture: Image.Image) -> None:
    """A picture with a mirrored, a smaller, a cropped and mirrored, a re-encoded and a gray copy."""
    width, height = picture.size
    picture.save(folder / f"{name}-a.png")
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / f"{name}-mirrored.png")
    picture.resize((90, 80)).save(folder / f"{name}-small.png")
    crop = picture.crop((int(0.05 * width), int(0.1 * height), int(0.85 * width), int(0.9 * height)))
    crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((128, 128)).save(folder / f"{name}-cropped.webp")
    picture.save(folder / f"{name}-encoded.jpg", quality=30)
    picture.convert("L").save(folder / f"{name}-gray.png")


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five unlike pictures, one of them under two names, each six times, and one file that is no picture."""
    folder = tmp_path_factory.mktemp("twins")
    for name in SOURCES:
        save_twins(folder, name, Image.fromarray(getattr(data, name)()).convert("RGB").resize((200, 200)))
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def split(twins: Path) -> holdout.Split:
    """Half of the twins held out."""
    return holdout.split(twins, share=0.5, seed=1)


def test_groups_are_exactly_the_twins(split: holdout.Split) -> None:
    source = split.table["imageName"].str.partition("-")[0]
    # "cat" and "chelsea" are one photo under two names in scikit-image.
    source = source.replace("chelsea", "cat")
    assert split.table.groupby(source)["group"].nunique().tolist() == [1] * 5
    assert split.table["group"].nunique() == 5


def test_no_group_crosses_and_the_share_is_kept(split: holdout.Split) -> None:
    assert split.table.groupby("group")["held_out"].nunique().max() == 1
    assert split.table["held_out"].mean() == pytest.approx(0.5, abs=0.17)


def test_near_gray_and_unreadable_files_are_told(split: holdout.Split) -> None:
    gray = split.table.loc[split.table["near_gray"], "imageName"]
    expected = {
        name for name in split.table["imageName"] if name.endswith("-gray.png") or name.startswith("camera")
    }
    assert set(gray) == expected
    assert split.unreadable == ("broken.png",)


def test_a_seed_decides() -> None:
    groups = np.arange(50) // 2
    first = holdout.hold_out(groups, 0.2, seed=3)
    assert (first == holdout.hold_out(groups, 0.2, seed=3)).all()
    assert (first != holdout.hold_out(groups, 0.2, seed=4)).any()
    assert first.sum() == 10
    assert (first[::2] == first[1::2]).all()


def test_command_writes_both_tables_twice_alike(
    twins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        assert main(["holdout", str(twins), "--out", str(tmp_path / name), "--share", "0.3"]) == 0
    out = capsys.readouterr().out
    assert "36 of 36 pictures have a near twin (5 groups)" in out
    assert "left out, can't be read: broken.png" in out
    train, val = (pd.read_csv(tmp_path / "one" / f"{side}.csv") for side in ("train", "val"))
    assert list(train.columns) == ["imageName", "ethnicity", "group"]
    assert len(train) + len(val) == 36
    assert not set(train["group"]) & set(val["group"])
    for side in ("train.csv", "val.csv"):
        assert (tmp_path / "one" / side).read_bytes() == (tmp_path / "two" / side).read_bytes()


@pytest.mark.parametrize(("share", "said"), [(0.0, "between 0 and 1"), (1.0, "between 0 and 1")])
def test_impossible_shares_are_refused(twins: Path, share: float, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        holdout.split(twins, share)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no picture that can be read"):
        holdout.split(tmp_path)
    assert main(["holdout", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 1


def test_a_file_in_the_place_of_the_tables_folder_is_told(
    twins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").touch()
    assert main(["holdout", str(twins), "--out", str(tmp_path / "taken")]) == 1
    assert "can't be a folder to write to" in capsys.readouterr().err
