"""Training end to end, small: length, phases, averages, starting weights, and what a wrong one is told."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from colorizer import checkpoint, networks
from colorizer.errors import ModelError, OptionError
from tests import runs
from train import devices, fit
from train.__main__ import main
from train.callbacks import step_seed

TINY = {"encoder": "test_convnext", "width": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fit")


def column(run: Path, name: str) -> list[float]:
    return [float(row[name]) for row in runs.rows(run) if row[name]]


def test_minutes_end_a_run_before_its_steps(folder: Path, tmp_path: Path) -> None:
    fit.fit(runs.recipe(folder, steps=100_000, minutes=0.02, validate_every=1000), tmp_path)
    about = json.loads((tmp_path / "run.json").read_text())
    assert about["step"] < 1000
    assert about["seconds"] >= 1.2
    assert column(tmp_path, "lr")[-1] < 1e-3, "the schedule ends with the minutes"


def test_without_averages_validation_sees_the_weights_themselves(folder: Path, tmp_path: Path) -> None:
    path = fit.fit(runs.recipe(folder, ema=0, steps=4), tmp_path)
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert "averaging_state" not in state
    weights = checkpoint.load(str(path)).network.state_dict()
    for name, value in weights.items():
        assert torch.allclose(state["state_dict"][f"network.{name}"].float(), value.float(), atol=1e-3), name


def test_early_stopping_ends_the_first_phase_and_the_second_has_its_own_rate(
    folder: Path, tmp_path: Path
) -> None:
    constant = {"kind": "constant", "warmup": 0}
    early = {"patience": 1, "least": 1000.0}
    recipe = runs.recipe(
        folder,
        steps=100,
        validate_every=2,
        schedule=constant,
        early_stopping=early,
        finetune={"lr": 1e-4, "steps": 3},
    )
    fit.fit(recipe, tmp_path)
    assert column(tmp_path, "step") == [2, 4, 6, 7]
    assert column(tmp_path, "lr") == pytest.approx([2e-3, 2e-3, 1e-4, 1e-4])
    assert json.loads((tmp_path / "run.json").read_text())["phase"] == 1


def test_a_plateau_lowers_the_rate(folder: Path, tmp_path: Path) -> None:
    # At a rate of nearly nothing no score gets better.
    plateau = {"kind": "plateau", "warmup": 0, "patience": 2, "factor": 0.1}
    still = {"name": "sgd", "lr": 1e-12, "weight_decay": 0}
    fit.fit(
        runs.recipe(folder, steps=40, validate_every=1, schedule=plateau, optimizer=still, ema=0), tmp_path
    )
    rates = column(tmp_path, "lr")
    assert rates[0] == pytest.approx(1e-12)
    assert rates[-1] < 0.2e-12


def test_an_epoch_is_a_pass_over_the_pictures(folder: Path, tmp_path: Path) -> None:
    fit.fit(runs.recipe(folder, steps=None, epochs=2, validate_every=None), tmp_path)
    assert column(tmp_path, "epoch") == [1, 2]
    assert column(tmp_path, "step") == [3, 6]


def test_a_classifier_starts_from_a_colorizers_encoder(folder: Path, tmp_path: Path) -> None:
    colorizer = fit.fit(runs.recipe(folder, steps=2), tmp_path / "colors")
    changes = {"task": "classify", "network": "ethnicity-classifier", "name": "who"}
    config = {"encoder": "test_convnext", "size": 32}
    recipe = runs.recipe(folder, steps=2, start_from=colorizer, config=config, **changes)
    path = fit.fit(recipe, tmp_path / "who")
    assert checkpoint.load(str(path)).network(torch.full((1, 1, 32, 32), 50.0)).shape == (1, 6)
    assert "most frequent group" in path.with_suffix(".md").read_text()


def test_start_from_takes_the_encoder_and_refuses_another_one(tmp_path: Path) -> None:
    colorizer = networks.build("ethnicity-aware", **TINY)
    checkpoint.save(colorizer, "ethnicity-aware", tmp_path / "a.safetensors")
    classifier = networks.build("ethnicity-classifier", encoder="test_convnext", size=32)
    fit.start_from(classifier, tmp_path / "a.safetensors")
    taken = colorizer.encoder.state_dict()
    taken["stem_0.weight"] = taken["stem_0.weight"][:, :1]  # the classifier sees gray and no hints
    for key, value in classifier.encoder.state_dict().items():
        assert torch.allclose(value, taken[key], atol=1e-3), key
    checkpoint.save(classifier, "ethnicity-classifier", tmp_path / "b.safetensors")
    fit.start_from(colorizer, tmp_path / "b.safetensors")
    first = colorizer.encoder.state_dict()["stem_0.weight"]
    assert torch.allclose(first[:, :1], taken["stem_0.weight"], atol=1e-3)
    assert not first[:, 1:].any(), "what is new hears nothing yet"
    with pytest.raises(ModelError, match="does not fit"):
        fit.start_from(networks.build("ethnicity-classifier", encoder="resnet18"), tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="can't be read"):
        fit.start_from(classifier, tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("these are no weights")
    with pytest.raises(ModelError, match=r"text\.safetensors can't be read"):
        fit.start_from(classifier, tmp_path / "text.safetensors")


def test_averages_hold_the_last_step_when_they_are_validated(folder: Path, tmp_path: Path) -> None:
    """Nine steps are fewer than lie between two averages."""
    fit.fit(runs.recipe(folder, steps=9, validate_every=3), tmp_path)
    assert len(set(column(tmp_path, "val/loss"))) == 3
    # A first update copies: after a single step the average is the weights.
    fit.fit(runs.recipe(folder, steps=1, validate_every=1, schedule={"warmup": 0}), tmp_path / "one")
    state = torch.load(tmp_path / "one" / "last.ckpt", weights_only=True)
    for name, value in state["current_model_state"].items():
        if name in state["state_dict"]:
            assert torch.allclose(state["state_dict"][name].float(), value.float()), name


def test_a_classifier_without_labels_is_refused(folder: Path, tmp_path: Path) -> None:
    unlabelled = [{"images": str(runs.make_pictures(folder / "pictures"))}]
    config = {"encoder": "test_convnext", "size": 32}
    changes = {"task": "classify", "network": "ethnicity-classifier", "config": config}
    for part in ("data", "validation"):
        with pytest.raises(OptionError, match=f"no picture of `{part}"):
            fit.fit(runs.recipe(folder, steps=2, **changes, **{part: unlabelled}), tmp_path / part)


def test_no_path_travels_with_weights(folder: Path, tmp_path: Path) -> None:
    trunk = tmp_path / "secret" / "trunk.safetensors"
    path = fit.fit(runs.recipe(folder, steps=1, loss={"perceptual_trunk": trunk}), tmp_path)
    content = path.read_bytes()
    assert b"secret" not in content
    assert str(folder).encode() not in content


def test_overrides_may_stand_after_options(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(runs.values(folder)))
    assert main(["fit", str(file), "steps=4", "--out", str(tmp_path / "run"), "validate_every=1"]) == 0
    assert column(tmp_path / "run", "step") == [1, 2, 3, 4]


def test_steps_and_processes_have_seeds_of_their_own() -> None:
    seeds = {step_seed(seed, step, rank) for seed in range(3) for step in range(50) for rank in range(4)}
    assert len(seeds) == 600
    assert step_seed(1, 2, 3) == step_seed(1, 2, 3) < 2**63


def test_the_rank_is_known_before_the_others_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "SLURM_PROCID", "NODE_RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    recipe = runs.recipe(folder, devices=4, num_nodes=2, batch=8)
    assert devices.is_first_process(recipe)
    monkeypatch.setenv("NODE_RANK", "1")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert devices.process_rank(recipe) == 6
    assert not devices.is_first_process(recipe)
    monkeypatch.setenv("RANK", "0")
    assert devices.is_first_process(recipe)


def test_more_gpus_than_there_are_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(OptionError, match=r"devices: there are 1 GPUs here, not 3\."):
        devices.check(runs.recipe(folder, devices=3, batch=6))
    devices.check(runs.recipe(folder))


def test_auto_precision_is_bf16_only_where_the_device_computes_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "computes_bf16", lambda: True)
    assert devices.precision("auto") == "bf16-mixed"
    assert devices.precision("32-true") == "32-true"
    monkeypatch.setattr(devices, "computes_bf16", lambda: False)
    assert devices.precision("auto") == "32-true"
