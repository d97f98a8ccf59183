"""Datasets from the Hugging Face Hub, against a small one on this machine."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from colorizer.errors import OptionError
from tests import runs
from tests.jobs.hub_server import JobsHub, serving
from tests.labeling.hub_server import Repository
from train import data, hub_dataset
from train.hub import HubError
from train.recipe import Source
from train.settings import get_train_settings

NAME = "bela/portraits"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[JobsHub]:
    monkeypatch.setenv("RANGIN_DATASETS", str(tmp_path / "datasets"))
    get_train_settings.cache_clear()
    with serving(monkeypatch, tmp_path / "service") as hub:
        hub.repos[NAME] = Repository(is_private=True)
        yield hub
    get_train_settings.cache_clear()


def put(hub: JobsHub, files: dict[str, bytes]) -> None:
    """A commit with these files more, pictures by LFS."""
    repo = hub.repos[NAME]
    held = dict(repo.commits[repo.head])
    for path, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        if path.endswith(".csv"):
            held[path] = {"content": content, "oid": digest[:40]}
        else:
            hub.objects[digest] = content
            held[path] = {"lfs": digest, "oid": digest[:40]}
    repo.head = hashlib.sha1(
        repr(sorted((path, file["oid"]) for path, file in held.items())).encode()
    ).hexdigest()
    repo.commits[repo.head] = held


def prepared(folder: Path) -> dict[str, bytes]:
    pictures = runs.make_pictures(folder / "drawn")
    table = (pictures / "labels.csv").read_bytes()
    files = {f"images/{path.name}": path.read_bytes() for path in pictures.glob("*.png")}
    return files | {"train.csv": table, "val.csv": table}


def test_a_dataset_comes_once_and_can_be_trained_on(hub: JobsHub, tmp_path: Path) -> None:
    files = prepared(tmp_path)
    put(hub, files)
    hub.repos[NAME].tags["v1"] = first = hub.repos[NAME].head
    told: list[tuple[int, int]] = []
    folder = hub_dataset.fetch(NAME, "v1", hub.token, tell=lambda *at: told.append(at))
    assert folder == tmp_path / "datasets" / "hub" / f"bela--portraits--{first[:12]}"
    came = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert came.pop("hub.json")
    assert came == files
    assert told[-1] == (len(files), len(files))
    source = Source(images=folder / "images", labels=folder / "train.csv")
    assert len(data.decode(source, 32, tmp_path / "cache")) == 12

    hub.calls.clear()
    assert hub_dataset.fetch(NAME, first, hub.token) == folder
    assert not [call for call in hub.calls if "/resolve/" in call]
    put(hub, {"images/more.png": files["images/000.png"]})
    newer = hub_dataset.fetch(NAME, None, hub.token)
    assert newer != folder
    assert (newer / "images" / "more.png").is_file()


def test_only_pictures_and_tables_come_and_only_into_their_folder(hub: JobsHub, tmp_path: Path) -> None:
    wanted = prepared(tmp_path)
    evil = [
        "../escaped.png",
        "images/../../escaped.png",
        "/etc/x.png",
        "images/run.py",
        "setup.py",
        ".hidden.csv",
    ]
    evil += ["images/.hidden.png", "images/a\\..\\b.png", "images/deep/a.png", "notes.csv", "images/a\nb.png"]
    put(hub, wanted | dict.fromkeys(evil, b"x"))
    before = set(tmp_path.rglob("*"))
    folder = hub_dataset.fetch(NAME, None, hub.token)
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path.relative_to(folder).as_posix() for path in new if folder in path.parents} == {
        *wanted,
        "hub.json",
    }
    assert not [path for path in new if path.name == "escaped.png"]


def test_labels_that_name_files_elsewhere(hub: JobsHub, tmp_path: Path) -> None:
    for name in ("../../secret.png", "/etc/passwd"):
        put(hub, prepared(tmp_path) | {"val.csv": f"imageName,ethnicity\n{name},Asian\n".encode()})
        with pytest.raises(OptionError, match=r"val.csv of bela/portraits names .* outside"):
            hub_dataset.fetch(NAME, None, hub.token)
    assert not list((tmp_path / "datasets" / "hub").glob("bela*"))


def test_what_is_no_dataset_is_said(hub: JobsHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("portraits", "a/b/c", "../../etc", "a/b;c", "a/$(id)", "a/b\n"):
        with pytest.raises(OptionError, match="is no name on the Hub"):
            hub_dataset.fetch(name, None, hub.token)
    for revision in ("../x", "a b", "-x", "v1;"):
        with pytest.raises(OptionError, match="is no revision"):
            hub_dataset.fetch(NAME, revision, hub.token)
    with pytest.raises(OptionError, match="There is no dataset bela/none"):
        hub_dataset.fetch("bela/none", None, hub.token)
    with pytest.raises(OptionError, match="There is no dataset bela/portraits at v9"):
        hub_dataset.fetch(NAME, "v9", hub.token)
    with pytest.raises(OptionError, match="may not read it"):
        hub_dataset.fetch(NAME, None, None)
    put(hub, {"images/a.png": b"x"})
    with pytest.raises(OptionError, match=r"needs train\.csv"):
        hub_dataset.fetch(NAME, None, hub.token)
    put(hub, {"train.csv": b"imageName\na.png\n"})
    monkeypatch.setattr(hub_dataset, "MOST_BYTES", 10)
    with pytest.raises(OptionError, match="at most 300,000 of 0 GB"):
        hub_dataset.fetch(NAME, None, hub.token)
    hub.fails = 418
    with pytest.raises(HubError, match="error 418"):
        hub_dataset.fetch(NAME, None, hub.token)


def test_a_fetch_that_was_broken_off_goes_on(hub: JobsHub, tmp_path: Path) -> None:
    put(hub, prepared(tmp_path))
    asked = iter([False] * 5 + [True] * 50)
    with pytest.raises(OptionError, match="was stopped"):
        hub_dataset.fetch(NAME, None, hub.token, stop=lambda: next(asked))
    assert not list((tmp_path / "datasets" / "hub").glob("bela*")), "there whole or not at all"
    hub.calls.clear()
    folder = hub_dataset.fetch(NAME, None, hub.token)
    assert len(list((folder / "images").iterdir())) == 12
    assert sum(call.startswith("GET") and "/resolve/" in call for call in hub.calls) <= 9


def test_a_damaged_file_is_refused(hub: JobsHub, tmp_path: Path) -> None:
    files = prepared(tmp_path)
    put(hub, files)
    digest = hashlib.sha256(files["images/003.png"]).hexdigest()
    hub.objects[digest] = bytes(reversed(files["images/003.png"]))
    with pytest.raises(HubError, match=r"images/003\.png of bela/portraits came damaged"):
        hub_dataset.fetch(NAME, None, hub.token)
    hub.objects[digest] = files["images/003.png"]
    assert hub_dataset.fetch(NAME, None, hub.token).is_dir()


def test_a_link_out_of_the_folder_for_datasets(hub: JobsHub, tmp_path: Path) -> None:
    put(hub, prepared(tmp_path))
    (tmp_path / "datasets").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "datasets" / "hub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OptionError, match="leads out of the folder for datasets"):
        hub_dataset.fetch(NAME, None, hub.token)
    assert not list((tmp_path / "elsewhere").iterdir())
