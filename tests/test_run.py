"""The run's folder: what it keeps, and what it refuses to do with a folder that holds another run."""

import errno
import json
import os
from pathlib import Path

import pytest
import yaml

from colorizer import checkpoint
from colorizer.errors import ModelError, OptionError
from tests import runs
from train import fit
from train.card import card
from train.history import History
from train.recipe import EarlyStopping, Recipe
from train.run import Run, differences, status


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def done(folder: Path) -> Path:
    """A finished run of twelve steps."""
    fit.fit(runs.recipe(folder), folder / "done")
    return folder / "done"


def test_a_run_says_what_it_was(done: Path, folder: Path) -> None:
    about = json.loads((done / "run.json").read_text())
    assert about["status"] == status(done) == "finished"
    assert about["step"] == about["steps"] == 12
    assert about["best"]["step"] in (4, 8, 12)
    assert about["data"][0]["pictures"] == 12
    assert len(about["data"][0]["fingerprint"]) >= 16
    assert set(about["versions"]) >= {"python", "torch", "lightning", "kornia", "timm"}
    assert about["commit"]
    assert set(about["baselines"]) == {"gray", "tint"}
    assert about["baselines"]["tint"] > about["baselines"]["gray"]
    resolved = Recipe.model_validate(yaml.safe_load((done / "recipe.yaml").read_text()))
    assert resolved == runs.recipe(folder)
    assert about["sentence"] in (done / "log.txt").read_text()


def test_rows_have_a_stable_order_of_columns(done: Path) -> None:
    header = (done / "metrics.csv").read_text().splitlines()[0].split(",")
    assert header[:6] == ["step", "epoch", "lr", "seconds", "images_per_second", "train/loss"]
    assert header.index("val/loss") < header.index("val/psnr") < header.index("val/ssim")
    assert [row["step"] for row in runs.rows(done)] == ["4", "8", "12"]


def test_the_weights_load_and_their_card_names_no_path(done: Path, folder: Path) -> None:
    loaded = checkpoint.load(str(done / "tiny.safetensors"))
    training, card = loaded.about["training"], (done / "tiny.md").read_text()
    assert training["steps"] == 12
    assert training["scores"]["val/psnr"] > 10
    assert card.startswith("---\nlibrary_name: rangin\n")
    for words in ("perceived", "/pictures | 12 |", "tint |", "val/psnr |", "12 steps of 4 pictures"):
        assert words in card
    for text in (card, json.dumps(loaded.about)):
        assert str(folder) not in text, "paths of a machine must not travel with weights"


def test_the_card_of_a_network_that_never_hears_of_groups_says_so(tmp_path: Path) -> None:
    facts = {"pictures": {"faces": 12}, "scores": {"val/psnr": 25.0}, "baselines": {"gray": 21.0}}
    facts |= {
        "steps": 12,
        "best_step": 8,
        "minutes": 1.0,
        "commit": "abc",
        "versions": {},
        "machine": "a CPU",
    }
    for share, is_told in ((1.0, False), (0.3, True)):
        text = card(
            runs.recipe(tmp_path, drop_condition=share), "colorizer", facts, parameters=10**6, size=10**6
        )
        assert ("It is not told who is in the picture" in text) is not is_told
        assert ("It is told, for every pixel" in text) is is_told


def test_a_folder_with_a_run_is_not_overwritten(done: Path, folder: Path) -> None:
    before = (done / "last.ckpt").stat()
    with pytest.raises(OptionError, match=r"already holds a run \(finished at step 12\): --resume"):
        fit.fit(runs.recipe(folder), done)
    assert (done / "last.ckpt").stat() == before


def test_another_recipe_is_not_resumed_and_the_keys_are_named(done: Path, folder: Path) -> None:
    other = runs.recipe(folder, batch=6, optimizer={"lr": 0.1}, workers=1)
    with pytest.raises(OptionError, match=r"optimizer\.lr was 0\.002 and is 0\.1") as caught:
        fit.fit(other, done, resume=True)
    assert "batch was 4 and is 6" in str(caught.value)
    assert "workers was" not in str(caught.value)


def test_only_length_and_place_may_change(folder: Path) -> None:
    recipe = runs.recipe(folder)
    moved = recipe.data[0].model_copy(update={"images": Path("elsewhere")})
    free = {"steps": 99, "devices": 2, "data": [moved], "early_stopping": EarlyStopping(patience=3)}
    assert differences(recipe, recipe.model_copy(update=free)) == []
    halved = recipe.data[0].model_copy(update={"limit": 6})
    assert differences(recipe, recipe.model_copy(update={"data": [halved], "seed": 1})) == [
        "data.0.limit was None and is 6",
        "seed was 0 and is 1",
    ]


def test_changed_pictures_are_not_gone_on_with(folder: Path) -> None:
    fit.fit(runs.recipe(folder, steps=4), folder / "changed")
    picture = folder / "pictures" / "003.png"
    stat = picture.stat()
    os.utime(picture, (stat.st_atime, stat.st_mtime + 10))
    try:
        with pytest.raises(OptionError, match=r"data\.0: .*pictures or its labels have changed"):
            fit.fit(runs.recipe(folder), folder / "changed", resume=True)
        assert status(folder / "changed") == "failed"
    finally:
        os.utime(picture, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    fit.fit(runs.recipe(folder), folder / "changed", resume=True)
    assert status(folder / "changed") == "finished"


def test_two_processes_do_not_train_in_one_folder(folder: Path) -> None:
    first = Run.begin(folder / "shared", runs.recipe(folder), resume=False)
    assert status(folder / "shared") == "running"
    with pytest.raises(OptionError, match="being trained by another process"):
        Run.begin(folder / "shared", runs.recipe(folder), resume=False)
    first.end("stopped", "enough")
    assert status(folder / "shared") == "stopped"


def test_a_folder_that_takes_no_file_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("train.run.FileLock.acquire", refuse)
    with pytest.raises(OptionError, match=r"can't be written \(Permission denied\); choose another one"):
        Run.begin(tmp_path, runs.recipe(folder), resume=False)


def test_a_run_nobody_holds_was_killed(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"status": "running"}')
    assert status(tmp_path) == "killed"
    assert status(tmp_path / "nothing") == "none"


def test_a_damaged_checkpoint_is_said_to_be_damaged(done: Path, folder: Path, tmp_path: Path) -> None:
    for name in ("recipe.yaml", "run.json"):
        (tmp_path / name).write_bytes((done / name).read_bytes())
    (tmp_path / "last.ckpt").write_bytes((done / "last.ckpt").read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"last\.ckpt is damaged .* copy best\.ckpt over it"):
        fit.fit(runs.recipe(folder), tmp_path, resume=True)


def test_history_goes_back_to_a_step_and_drops_what_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    history = History(path)
    history.add({"step": 1, "train/loss": 0.5})
    history.add({"step": 2, "val/psnr": 20.0, "train/loss": 0.25, "train/a": 1.0})
    history.add({"step": 3, "train/loss": 0.125})
    with path.open("a") as file:
        file.write("4,0.5")
    again = History(path)
    again.forget_after(2)
    assert path.read_text() == "step,train/loss,train/a,val/psnr\n1,0.5,,\n2,0.25,1,20\n"
    again.add({"step": 3, "train/loss": 0.125})
    assert path.read_text().endswith("\n3,0.125,,\n")
