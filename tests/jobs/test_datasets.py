"""Datasets on this machine: which are found, what is counted, and that nothing outside the allowed folders is seen."""

import base64
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from colorizer.errors import OptionError
from tests.jobs import making
from tests.preparing import picture
from train import datasets
from train.datasets import find, listing, look
from train.thumbnails import SIDE, thumbnails


def test_prepared_folders_are_found_under_their_paths(tmp_path: Path) -> None:
    root = tmp_path / "data"
    making.dataset(root / "faces", {"Asian": 2}, {"Asian": 1})
    making.dataset(root / "2026" / "spring", {"White": 1}, {"White": 1})
    (root / "inbox" / "images").mkdir(parents=True)
    (root / ".labelled" / "faces").mkdir(parents=True)
    (root / ".labelled" / "faces" / "train.csv").write_text("imageName,ethnicity\n")
    apart = root / "fairface"  # pictures beside their tables, as FairFace comes
    (apart / "train").mkdir(parents=True)
    (apart / "train.csv").write_text("imageName,ethnicity\n")
    assert [found.name for found in listing([root])] == ["2026/spring", "faces", "fairface"]
    assert find("2026/spring", [root]).folder == root / "2026" / "spring"
    assert find("fairface", [root]).images("train") == apart / "train"
    assert listing([tmp_path / "missing"]) == []


def test_two_folders_with_a_dataset_of_one_name(tmp_path: Path) -> None:
    making.dataset(tmp_path / "one" / "faces", {"Asian": 1})
    making.dataset(tmp_path / "two" / "faces", {"White": 1})
    roots = [tmp_path / "one", tmp_path / "two"]
    assert [found.name for found in listing(roots)] == ["faces", "two/faces"]
    assert look(find("two/faces", roots)).counts["train"] == {"White": 1}


@pytest.mark.parametrize("name", ["../faces", "/etc", "faces/", "faces;ls", "", "faces\n", "$(id)"])
def test_a_name_is_compared_and_never_made_a_path_of(tmp_path: Path, name: str) -> None:
    making.dataset(tmp_path / "data" / "faces", {"Asian": 1})
    making.dataset(tmp_path / "faces", {"Asian": 1})
    with pytest.raises(OptionError, match="no dataset"):
        find(name, [tmp_path / "data"])


def test_links_that_lead_out_are_no_datasets(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    outside = making.dataset(tmp_path / "secret", {"Asian": 1}, {"Asian": 1})
    (root / "linked").symlink_to(outside)
    (root / "half").mkdir()
    (root / "half" / "train.csv").write_text("imageName,ethnicity\n")
    (root / "half" / "images").symlink_to(outside / "images")
    inside = making.dataset(root / "real", {"Asian": 1})
    (root / "again").symlink_to(inside)
    assert {found.folder for found in listing([root])} == {inside}


def test_what_is_in_a_dataset_is_counted_by_split_and_group(tmp_path: Path) -> None:
    folder = making.dataset(tmp_path / "faces", {"Asian": 3, "Nepali": 2, "": 1}, {"Asian": 1})
    with (folder / "train.csv").open("a") as file:
        file.write("gone.png,White\n../../secret.png,White\n")
    about = {"pictures": 12, "reasons": {"near-gray": 4, "near duplicate": 1}}
    (folder / "prepare.json").write_text(json.dumps(about))
    facts = look(find("faces", [tmp_path]))
    assert facts.counts == {"train": {"": 1, "Asian": 3, "Nepali": 2}, "val": {"Asian": 1}}
    assert (facts.pictures("train"), facts.labelled("train"), facts.pictures("test")) == (6, 5, 0)
    assert facts.groups == ("Asian", "Nepali")
    assert (facts.missing, facts.outside) == (1, ("../../secret.png",))
    assert (facts.looked_at, facts.reasons) == (12, {"near-gray": 4, "near duplicate": 1})


def test_a_dataset_that_changes_is_counted_anew(tmp_path: Path) -> None:
    folder = making.dataset(tmp_path / "faces", {"Asian": 2})
    assert look(find("faces", [tmp_path])).pictures("train") == 2
    (folder / "train.csv").write_text("imageName,ethnicity\ntrain-0001.png,White\n")
    assert look(find("faces", [tmp_path])).counts["train"] == {"White": 1}


@pytest.mark.parametrize("text", ["", "picture,label\n1,2\n", "\0\0\0", "[1, 2]"])
def test_a_table_that_nobody_can_read_is_a_sentence(tmp_path: Path, text: str) -> None:
    folder = making.dataset(tmp_path / "faces", {"Asian": 1})
    (folder / "train.csv").write_text(text)
    (folder / "prepare.json").write_text("[not json")
    assert "train.csv" in look(find("faces", [tmp_path])).unreadable


def test_thumbnails_are_small_and_of_every_group(tmp_path: Path) -> None:
    making.dataset(tmp_path / "faces", {"Asian": 5, "White": 2, "": 1}, side=200)
    shown = thumbnails(find("faces", [tmp_path]), [tmp_path])
    assert [one.label for one in shown] == ["Asian"] * 3 + ["White"] * 2 + [""]
    for one in shown:
        kind, _, coded = one.uri.partition(",")
        assert kind == "data:image/webp;base64"
        assert Image.open(io.BytesIO(base64.b64decode(coded))).size == (SIDE, SIDE)
    assert len({one.uri for one in shown}) == 6


def test_thumbnails_show_nothing_from_elsewhere(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "secret.png")
    folder = making.dataset(tmp_path / "data" / "faces", {"Asian": 1})
    (folder / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "images" / "bad.png").write_bytes(b"no picture")
    names = ["link.png", "bad.png", "../../../secret.png", str(tmp_path / "secret.png"), ""]
    (folder / "train.csv").write_text("imageName,ethnicity\n" + "".join(f"{name},White\n" for name in names))
    assert thumbnails(find("faces", [tmp_path / "data"]), [tmp_path / "data"]) == []


def test_a_deep_or_large_tree_is_not_walked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "MOST_FOLDERS", 20)
    for place in range(50):
        (tmp_path / f"{place:02}").mkdir()
    making.dataset(tmp_path / "zz", {"Asian": 1})
    making.dataset(tmp_path / "00" / "1" / "2" / "3" / "4", {"Asian": 1})
    assert listing([tmp_path]) == []
