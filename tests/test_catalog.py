"""The models as people are shown them: the literature's, what lies in the user's folder, and what is wrong there."""

import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from colorizer import catalog, checkpoint, literature, networks, service, training_notes
from colorizer.__main__ import main
from colorizer.catalog import Entry
from colorizer.errors import ModelError
from colorizer.settings import ROOT, get_settings

SMALL = {"encoder": "test_resnet", "width": 16, "working_size": 96}
NOTES = {
    "recipe": {"config": {"working_size": 64, "pretrained": False}, "sizes": [64], "batch": 16},
    "pictures": {"fairface/train": 38125},
    "steps": 510,
    "minutes": 10.3,
    "machine": "AMD EPYC, 2 cores, torch 2.11.0+cu130",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small colorizer."""
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    checkpoint.save(networks.build("ethnicity-aware", **SMALL), "ethnicity-aware", path, NOTES)
    return path


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of one of the literature."""
    path = tmp_path_factory.mktemp("cnn") / "cnn.safetensors"
    checkpoint.save(networks.build("cnn", working_size=64), "cnn", path, NOTES)
    return path


def by_name() -> dict[str, Entry]:
    return {entry.name: entry for entry in catalog.entries()}


def test_the_tests_do_not_see_the_user_s_own_weights() -> None:
    assert get_settings().models == Path(os.environ["HOME"]) / "models"
    assert ROOT not in get_settings().models.parents


def test_the_folder_is_named_by_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for given, expected in (
        ("~/w", Path.home() / "w"),
        (str(tmp_path), tmp_path),
        ("", ROOT / "models"),
    ):
        monkeypatch.setenv("RANGIN_MODELS", given)
        get_settings.cache_clear()
        assert get_settings().models == expected
        assert checkpoint.folders() == (expected, checkpoint.FOLDER)
    monkeypatch.undo()
    get_settings.cache_clear()


def test_every_model_of_the_literature_is_listed_trained_or_not(models_folder: Path) -> None:
    found = catalog.entries()
    names = [model.name for model in literature.MODELS]
    assert [entry.name for entry in found] == [*names, "ethnicity-classifier"]
    assert {entry.name for entry in found if entry.is_trained} == {"ethnicity-aware", "ethnicity-classifier"}
    assert [entry.name for entry in found if not entry.is_colorizer] == ["ethnicity-classifier"]
    for entry in found:
        assert entry.parameters > 1e6
        assert (entry.megabytes is None) == bool(entry.how) == (not entry.is_trained)
        assert not entry.problem
    unet = by_name()["unet"]
    assert unet.parameters == sum(parameter.numel() for parameter in networks.build("unet").parameters())
    assert unet == Entry(
        name="unet",
        network="unet",
        parameters=17_261_890,
        megabytes=None,
        card="A U-Net of double 3x3 convolutions, trained with L1.",
        source=unet.source,
        is_trained=False,
        is_colorizer=True,
        start="–",
        budget="–",
        how="python -m train literature fit unet",
    )


def test_weights_that_come_with_the_package_say_what_they_cost() -> None:
    ours, classifier = by_name()["ethnicity-aware"], by_name()["ethnicity-classifier"]
    assert (ours.source, ours.start) == ("Rangin", "scratch")
    assert ours.megabytes == pytest.approx(14.4, abs=0.1)
    assert " min" in ours.budget
    assert " px" in ours.budget
    assert classifier.start == "ethnicity-aware", "its encoder was taken from there"


def test_no_network_is_built_with_numbers_to_list_them(
    models_folder: Path, cnn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(cnn, models_folder)
    build, on = networks.build, set()

    def watched(name: str, **config: Any) -> torch.nn.Module:
        network = build(name, **config)
        on.update(parameter.device.type for parameter in network.parameters())
        return network

    monkeypatch.setattr(networks, "build", watched)
    catalog.hollow._outline.cache_clear()
    assert catalog.colorizers() == ("ethnicity-aware", "cnn")
    assert on == {"meta"}


def test_weights_are_known_as_soon_as_they_lie_in_the_folder(
    models_folder: Path, cnn: Path, small: Path
) -> None:
    assert "cnn" not in checkpoint.available()
    with pytest.raises(ModelError, match=r"'cnn' is not trained; `python -m train literature fit cnn` makes"):
        checkpoint.load("cnn")
    shutil.copy(cnn, models_folder)
    shutil.copy(small, models_folder / "Mine-2.0.safetensors")
    (models_folder / "cnn.md").write_text("---\nlicense: mit\n---\n# cnn: ten minutes\n", encoding="utf-8")
    assert {"cnn", "Mine-2.0"} <= set(checkpoint.available())
    assert checkpoint.find("cnn") == models_folder / "cnn.safetensors"
    assert checkpoint.load("Mine-2.0").name == "Mine-2.0"
    assert catalog.colorizers() == ("ethnicity-aware", "cnn", "Mine-2.0")
    entry, mine = by_name()["cnn"], by_name()["Mine-2.0"]
    assert entry.is_trained
    assert not entry.how
    assert entry.megabytes == pytest.approx(cnn.stat().st_size / 1e6)
    assert entry.card == "cnn: ten minutes"
    assert (entry.start, entry.budget) == ("scratch", "10 min, AMD EPYC CPU, 8,160 pictures of 64 px")
    assert (mine.source, mine.network, mine.card) == ("–", "ethnicity-aware", catalog.NO_CARD)
    (models_folder / "cnn.safetensors").unlink()
    assert not by_name()["cnn"].is_trained


def test_the_user_s_weights_come_before_the_package_s(models_folder: Path, small: Path) -> None:
    shutil.copy(small, models_folder / "ethnicity-aware.safetensors")
    assert checkpoint.find("default") == models_folder / "ethnicity-aware.safetensors"
    assert checkpoint.load("default").about["config"]["working_size"] == 96
    entry = by_name()["ethnicity-aware"]
    assert entry.megabytes == pytest.approx(small.stat().st_size / 1e6)
    assert entry.card == catalog.NO_CARD, "not the card of the package's"
    assert not entry.problem


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1000]),
        lambda path: path.write_bytes(b""),
        lambda path: save_file({"x": torch.zeros(3)}, path),
        lambda path: save_file({"x": torch.zeros(3)}, path, metadata=_about("cnn", {"working_size": 64})),
        lambda path: save_file({"x": torch.zeros(3)}, path, metadata=_about("nothing", {})),
        lambda path: save_file({"x": torch.zeros(3)}, path, metadata=_about("uvgg", {"pretrained": True})),
    ],
    ids=["cut", "empty", "foreign", "misfit", "unknown network", "greedy"],
)
def test_a_damaged_file_is_a_row_that_says_so(
    models_folder: Path, cnn: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("cnn", "mine", "ethnicity-aware"):
        shutil.copy(cnn, models_folder / f"{name}.safetensors")
        spoil(models_folder / f"{name}.safetensors")
    assert catalog.colorizers() == ("ethnicity-aware",)
    entry, mine, ours = by_name()["cnn"], by_name()["mine"], by_name()["ethnicity-aware"]
    assert not entry.is_trained
    assert "cnn.safetensors" in entry.problem
    assert entry.how == "python -m train literature fit cnn"
    assert (mine.is_trained, mine.is_colorizer, mine.parameters, mine.how) == (False, False, 0, "")
    assert "mine.safetensors" in mine.problem
    assert str(models_folder) not in mine.problem, "said over HTTP too"
    for name in ("cnn", "mine"):
        with pytest.raises(ModelError, match=rf"{name}\.safetensors"):
            checkpoint.load(name)

    assert ours.is_trained, "the page goes on with the package's"
    assert "ethnicity-aware.safetensors" in ours.problem
    assert checkpoint.find("default").parent == checkpoint.FOLDER
    assert checkpoint.load("default").about["config"]["working_size"] == 160
    assert main(["models"]) == 0
    assert "these are the package's, since: " in capsys.readouterr().out


def test_a_working_size_that_can_t_be_painted_is_said(models_folder: Path) -> None:
    for size in (8, 4096, "64", None):
        network = networks.build("cnn", working_size=64)
        network.config = {"working_size": size}
        checkpoint.save(network, "cnn", models_folder / "cnn.safetensors")
        assert f"working size of {size!r}" in by_name()["cnn"].problem
        assert not by_name()["cnn"].is_trained


def test_files_that_no_model_can_be_asked_for_by(models_folder: Path, cnn: Path) -> None:
    names = ("all", "default", "my model", "größe", "a,b", "hf:x", "-x", "x.safetensors", "tab\tor\nline")
    for name in names:
        shutil.copy(cnn, models_folder / f"{name}.safetensors")
    (models_folder / "folder.safetensors").mkdir()
    (models_folder / "gone.safetensors").symlink_to(models_folder / "nowhere")
    (models_folder / "linked.safetensors").symlink_to(cnn)
    for other in (".hidden.safetensors", ".cnn.safetensors.77.part", "notes.txt", "X.SAFETENSORS", "x.ckpt"):
        (models_folder / other).write_bytes(b"anything")
    assert set(checkpoint.available()) == {"ethnicity-aware", "ethnicity-classifier", "linked"}
    assert catalog.colorizers() == ("ethnicity-aware", "linked"), "a link to a file is as good as a file"
    problems = {entry.name: entry.problem for entry in catalog.entries() if entry.problem}
    assert len(problems) == len(names) + 2
    assert "'all' stands for other models; rename all.safetensors." in problems["all"]
    assert "letters, digits" in problems["my model"]
    assert "letters, digits" in problems["tab�or�line"]
    assert "no file" in problems["folder"]
    assert "a link to a file that isn't there" in problems["gone"]
    json.dumps(service.models(), allow_nan=False).encode("utf-8")
    with pytest.raises(ModelError, match="There is no model 'my model'; there are"):
        checkpoint.load("my model")


def test_a_name_never_leads_out_of_the_folders(models_folder: Path, cnn: Path) -> None:
    shutil.copy(cnn, models_folder.parent / "outside.safetensors")
    for name in ("../outside", str(models_folder.parent / "outside"), "..", "", "linked\0"):
        with pytest.raises(ModelError, match="There is no model"):
            checkpoint.find(name)


def test_a_folder_that_is_none(models_folder: Path, cnn: Path) -> None:
    models_folder.rmdir()
    assert catalog.colorizers() == ("ethnicity-aware",)
    models_folder.write_bytes(b"a file where the folder should be")
    assert catalog.colorizers() == ("ethnicity-aware",)


def test_a_card_of_any_kind(models_folder: Path, cnn: Path) -> None:
    weights = shutil.copy(cnn, models_folder)
    card = Path(weights).with_suffix(".md")
    for content, line in (
        (b"---\nlicense: apache-2.0\n---\n\n# A model that paints\n\nMore.\n", "A model that paints"),
        (b"---\r\nlicense: mit\r\n---\r\n# From Windows\r\n", "From Windows"),
        (b"Plain first line\nsecond", "Plain first line"),
        (b"", "(an empty model card)"),
        (b"\n\n#\n", "(an empty model card)"),
        (b"# caf\xe9", "caf�"),
        (b"# " + b"long " * 9999, "long " * 39 + "long…"),
    ):
        card.write_bytes(content)
        assert by_name()["cnn"].card == line
    card.unlink()
    card.mkdir()
    assert by_name()["cnn"].card == "(no model card)"


@pytest.mark.parametrize(
    ("network", "notes", "start"),
    [
        ("unet", NOTES, "scratch"),
        ("uvgg", {"recipe": {"config": {"pretrained": True}}}, "ImageNet"),
        ("fusion-vggface", {"recipe": {"config": {"pretrained": True}}}, "VGGFace2"),
        ("unet", NOTES | {"start_from": "ethnicity-aware"}, "ethnicity-aware"),
        (
            "unet",
            NOTES | {"started_from": "encoder of the ethnicity-aware run after 5000 steps"},
            "ethnicity-aware",
        ),
        ("unet", NOTES | {"start_from": "my-own"}, "my-own"),
        ("unet", NOTES | {"start_from": None}, "scratch"),
        ("zhang-eccv16", {"start": "authors' weights"}, "authors' weights"),
        ("unet", {}, "–"),
        ("unet", None, "–"),
        ("unet", [1], "–"),
        ("unet", {"recipe": "literature/unet"}, "–"),
    ],
)
def test_what_an_encoder_started_from(network: str, notes: Any, start: str) -> None:
    assert training_notes.start(network, notes) == start


@pytest.mark.parametrize(
    ("notes", "budget"),
    [
        (NOTES, "10 min, AMD EPYC CPU, 8,160 pictures of 64 px"),
        (
            NOTES | {"machine": "AMD EPYC 9555, 16 cores, NVIDIA H200, torch 2.11.0"},
            "10 min, NVIDIA H200, 8,160 pictures of 64 px",
        ),
        (
            NOTES | {"machine": "Intel(R) Xeon(R) CPU @ 2.20GHz, 8 cores, torch 2.11.0"},
            "10 min, Intel(R) Xeon(R) CPU @ 2.20GHz, 8,160 pictures of 64 px",
        ),
        (
            {"minutes": 0.4, "steps": 2, "recipe": {"batch": 64, "sizes": [96, 160, 112]}},
            "under a minute, 128 pictures of 96–160 px",
        ),
        ({"minutes": 15.1, "steps": 3}, "15 min"),
        ({"budget": "by its authors"} | NOTES, "by its authors"),
        ({"minutes": math.nan, "steps": -1, "machine": 3, "recipe": {"batch": "64", "sizes": None}}, "–"),
        ({"minutes": True, "steps": 1e300, "recipe": {"batch": 1e300}}, "–"),
        ({"budget": ["x"], "steps": 3, "recipe": {"batch": 4, "sizes": ["x"]}}, "12 pictures"),
        ({"budget": "a\nb\x1b[31m" + "c" * 500}, "a�b�[31m" + "c" * 81 + "…"),
        ({"minutes": 3, "machine": ", 1 cores, x" * 50_000}, "3 min"),
        (None, "–"),
        ("text", "–"),
    ],
)
def test_a_budget_in_a_few_words(notes: Any, budget: str) -> None:
    assert training_notes.budget(notes) == budget
    assert len(training_notes.budget(notes)) <= training_notes.LONGEST


def test_the_models_command(
    models_folder: Path, cnn: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(cnn, models_folder)
    shutil.copy(small, models_folder / "mine.safetensors")
    (models_folder / "broken.safetensors").write_bytes(b"hello")
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[0].split() == ["name", "parameters", "size", "training"]
    rows = {
        line.split()[0]: " ".join(line.split()) for line in lines if line.startswith("  ") and line[2] != " "
    }
    assert list(rows) == [entry.name for entry in catalog.entries()]
    assert rows["cnn"] == "cnn 1.38 M 2.8 MB from scratch, 10 min, AMD EPYC CPU, 8,160 pictures of 64 px"
    assert rows["unet"] == "unet 17.26 M – not trained: python -m train literature fit unet"
    assert "fit vgg16-autoencoder-animals" in rows["vgg16-autoencoder-animals"], "on one line, to be copied"
    assert "weights broken.safetensors are damaged" in rows["broken"]
    assert rows["mine"].startswith("mine 0.")
    for model in literature.MODELS:
        assert model.source in lines
    assert lines[-1] == f"4 of 17 can be used. Further weights go into {models_folder}"


def test_the_models_event_says_the_same(models_folder: Path, cnn: Path) -> None:
    shutil.copy(cnn, models_folder)
    (models_folder / "broken.safetensors").write_bytes(b"hello")
    answer = service.models()
    assert answer == [asdict(entry) for entry in catalog.entries()]
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert [row["name"] for row in answer if row["problem"]] == ["broken"]


def _about(network: str, config: dict[str, Any]) -> dict[str, str]:
    return {"rangin": json.dumps({"network": network, "config": config})}
