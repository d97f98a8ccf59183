"""Every recipe that comes with the project trains: its own network and losses, an epoch of a few small pictures."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from colorizer import checkpoint
from tests import runs
from train import fit
from train.recipe import FOLDER, Recipe

RECIPES = sorted(FOLDER.rglob("*.yaml"))
# Of the literature's descriptors, the least side that they take.
DESCRIPTOR_SIZES = {"fusion-vggface": 75, "fusion-vgg19": 32, "fusion-inception-resnet": 75}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes")
    runs.make_pictures(folder / "pictures", count=24)
    return folder


def small(values: dict[str, Any], folder: Path, is_large: bool) -> dict[str, Any]:
    """The same recipe on generated pictures, for one epoch and, where it fine-tunes, a step more."""
    pictures = {"images": str(folder / "pictures"), "labels": str(folder / "pictures" / "labels.csv")}
    values["data"] = [source | pictures for source in values["data"]]
    values["validation"] = [source | pictures for source in values["validation"][:1]]
    for source in values["data"] + values["validation"]:
        if source.get("limit"):
            source["limit"] = 18
    if is_large:  # tens of millions of parameters: an epoch of two batches
        for source in values["data"] + values["validation"]:
            source["limit"] = 8
    values |= {"cache": str(folder / "cache"), "cache_size": 64, "sizes": [32], "validation_size": 64}
    values |= {"start_from": None, "steps": None, "epochs": 1, "minutes": None, "threads": 1}
    values |= {"batch": 4 if is_large else 8}
    values |= {"validate_every": None, "precision": "32-true", "workers": 0}
    if values.get("config", {}).get("pretrained"):
        values["config"]["pretrained"] = False  # tests stay on this machine
    if values["network"] in DESCRIPTOR_SIZES:
        values["config"]["descriptor_size"] = DESCRIPTOR_SIZES[values["network"]]
    if values.get("finetune"):
        values["finetune"] |= {"steps": 1, "epochs": None}
    if values.get("loss", {}).get("perceptual"):
        values["loss"]["perceptual"] = 0  # its trunk is a file that is not here
    return values


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_a_recipe_trains_for_an_epoch(path: Path, folder: Path, tmp_path: Path) -> None:
    recipe = Recipe.model_validate(
        small(yaml.safe_load(path.read_text()), folder, path.parent.name == "literature")
    )
    weights = fit.fit(recipe, tmp_path)
    rows = runs.rows(tmp_path)
    assert float(rows[-1]["epoch"]) >= 1
    score = "val/psnr" if recipe.task != "classify" else "val/accuracy"
    assert float(rows[-1][score]) > (10 if recipe.task != "classify" else -1)
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "finished"
    assert checkpoint.load(str(weights)).about["training"]["recipe"]["name"] == recipe.name
