"""The list of the literature's models, against the recipes and networks that it names."""

import itertools
import subprocess
import sys

import pytest

from colorizer import hollow, literature, networks
from colorizer.literature import MODELS, Model
from train import recipe

NAMES = [model.name for model in MODELS]


def test_all_models_of_the_literature_in_the_table_s_order() -> None:
    assert NAMES == [
        "ethnicity-aware",
        "cnn",
        "resnet50-cnn",
        "resnet50-gan",
        "unet",
        "uvgg",
        "vgg16-autoencoder-people",
        "vgg16-autoencoder-animals",
        "vgg16-autoencoder-scenes",
        "vgg16-autoencoder-all",
        "fusion-vggface",
        "fusion-vgg19",
        "fusion-inception-resnet",
        "zhang-eccv16",
    ]
    assert [literature.find(name) for name in NAMES] == list(MODELS)
    assert literature.find("default") is None


def test_no_recipe_of_the_literature_is_missing() -> None:
    recipes = {f"literature/{path.stem}" for path in (recipe.FOLDER / "literature").glob("*.yaml")}
    assert recipes == {model.recipe for model in MODELS} - {"ethnicity-aware"}


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_each_is_what_its_recipe_trains(model: Model) -> None:
    trained = recipe.load(model.recipe)
    assert (trained.name, trained.network) == (model.name, model.network)
    config = {key: value for key, value in trained.config.items() if key != "pretrained"}
    assert model.config == config, "the parameters of an untrained one are counted by it"
    assert model.network in networks.names()
    assert model.about.endswith(".")
    assert len(model.source) < 60


def test_sources_stand_together_so_that_a_list_can_be_grouped() -> None:
    sources = [model.source for model in MODELS]
    changes = sum(before != after for before, after in itertools.pairwise(sources))
    assert changes == len(set(sources)) - 1


def test_what_makes_each() -> None:
    how = {model.name: model.how for model in MODELS}
    assert how["unet"] == "python -m train literature fit unet"
    assert how["zhang-eccv16"] == "python -m colorizer fetch zhang-eccv16", "its authors' weights are better"
    assert how["ethnicity-aware"] == "python -m train fit ethnicity-aware --install"


@pytest.mark.parametrize("name", ["cnn", "unet", "zhang-eccv16", "ethnicity-aware"])
def test_sizes_without_memory_are_those_of_the_network(name: str) -> None:
    model = literature.find(name)
    assert model is not None
    outline = hollow.outline(model.network, model.config)
    network = networks.build(model.network, **model.config)
    assert outline.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert outline.shapes == {key: tuple(value.shape) for key, value in network.state_dict().items()}


def test_the_list_needs_no_torch() -> None:
    code = "import sys, colorizer.literature; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=recipe.FOLDER.parents[1]).returncode == 0
