"""A recipe is checked at the door: what is wrong, what is allowed, what comes nearest."""

import argparse
import re
from pathlib import Path

import pytest
import yaml

from colorizer.errors import OptionError
from train import recipe, recipe_command, recipe_text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "task: colorize\nname: mine\nnetwork: ethnicity-aware\nsteps: 10\n"
        "data: [{images: a, share: 1}]\nvalidation: [{images: b}]\n"
    )
    return path


@pytest.mark.parametrize("name", recipe.names())
def test_every_shipped_recipe_is_valid_and_named_as_its_file(name: str) -> None:
    assert recipe.load(name).name == Path(name).name


def test_overrides_reach_into_parts_and_are_typed(file: Path) -> None:
    overrides = [
        "optimizer.lr=1e-3",
        "data.0.share=0.25",
        "config.width=32",
        "sizes=[64, 96]",
        "finetune.lr=0.1",
        "finetune.steps=5",
    ]
    loaded = recipe.load(file, overrides)
    assert (loaded.optimizer.lr, loaded.data[0].share, loaded.config, loaded.sizes) == (
        0.001,
        0.25,
        {"width": 32},
        [64, 96],
    )
    assert loaded.finetune is not None
    assert (loaded.finetune.lr, loaded.finetune.steps) == (0.1, 5)


UNKNOWN_KEYS = {
    "stepps=1": "there is no key 'stepps', did you mean 'steps'?",
    "lr=1": "'lr', did you mean 'optimizer.lr'?",
    "zoom_in=0.5": "'zoom_in', did you mean 'augment.zoom_in'?",
    "mosaic=0.1": "'mosaic', did you mean 'augment.zoom_out'?",
    "attributes=1": "'attributes', did you mean 'loss.attributes'?",
    "final_lr=0": "'final_lr', did you mean 'schedule.final'?",
    "optimizer.nme=adam": "'optimizer.nme', did you mean 'optimizer.name'?",
    "data.0.shares=1": "'data.0.shares', did you mean 'data.0.share'?",
    "finetune={lr: 1, steps: 1, early_stopping: {pation: 1}}": "did you mean 'finetune.early_stopping.patience'?",
    "config.widht=3": "'config.widht', did you mean 'config.width'?; network ethnicity-aware takes encoder, width",
    "schedule.fianl_rate=1": "there is no key 'schedule.fianl_rate'; allowed: kind, warmup, final, factor, patience",
    "grian=1": "did you mean 'augment.grain'?",
    "optimizer.q=1": "there is no key 'optimizer.q'; allowed: name, lr, weight_decay, momentum, clip",
}
WRONG_VALUES = {
    "batch=zero": "batch must be a whole number from 1 on, not 'zero'",
    "batch=null": "batch must be a whole number from 1 on, not null",
    "batch=true": "batch must be a whole number from 1 on, not true",
    "optimizer.lr=-1": "optimizer.lr must be a number above 0, not -1",
    "optimizer.lr=.nan": "optimizer.lr must be a number above 0, not nan",
    "augment.flip=2": "augment.flip must be a number from 0 to 1, not 2",
    "augment.tone=1": "augment.tone must be a number from 0 to below 1, not 1",
    "task=colourize": "task must be one of colorize, distribution, adversarial, classify, not 'colourize', did",
    "optimizer=adam": "optimizer must be a section with the keys name, lr, weight_decay, momentum, clip, not 'adam'",
    "finetune={steps: 3}": "finetune.lr is missing: it must be a number above 0",
    "data.0.face_box=[0, 1]": "data.0.face_box must be a list of 4 numbers or null, not the list [0, 1]",
    "data.0.face_box=[1, 0, 0, 1]": "x0 < x1",
    "data.0.balanced=true": "`balanced` needs `labels`",
    "network=etnicity-aware": "there is no network 'etnicity-aware', did you mean 'ethnicity-aware'?; allowed: ",
    "config.width=wide": "config.width must be a whole number above 0, not 'wide'",
    "config.width=0": "config.width must be a whole number above 0, not 0",
    "config.bins=1": "config.bins must be true or false, not 1",
    "config.encoder=regnetx_80": "config.encoder: timm has no model 'regnetx_80', did you mean 'regnetx_",
    "seed=5000000000": "seed must be a whole number from 0 to 4294967295, not 5000000000",
    "sizes=[100]": "100 is not a multiple of 16",
    "sizes=[x]": "sizes.0 must be a whole number, not 'x'",
    "validation_size=16": "validation_size must be a whole number from 32 on, not 16",
    "cache_size=64": "cache_size: 64 is smaller than the largest of `sizes` and `validation_size`, 128",
    "data.0.share=0": "every share is 0",
    "epochs=3": "give `steps` or `epochs`",
    "finetune.lr=1": "`finetune.steps` or `finetune.epochs`",
    "devices=3": "64 pictures can't be shared equally by 3 devices",
    "loss.rebalance=0.3": "loss.rebalance is of no use to task colorize (only to distribution)",
    "adversary.lr=1": "adversary is of no use to task colorize",
    "task=adversarial": "task adversarial needs a section `adversary`",
}
WRONG_OVERRIDES = {
    "data.7.share=1": "data has 1 entries, numbered from 0 to 0, and none is '7'",
    "data.x.share=1": "none is 'x'",
    "batch.x=1": "batch is no section",
    "steps.x.y=1": "steps is no section but 10",
    "batch": "write key=value",
    "batch=": "write batch=null for none",
    "=1": "write key=value",
    "batch=[1": "not valid YAML",
    "optimizer={lr: 1, lr: 2}": "the key 'lr' stands there twice",
}


@pytest.mark.parametrize(("override", "message"), (UNKNOWN_KEYS | WRONG_VALUES | WRONG_OVERRIDES).items())
def test_what_is_wrong_is_named_with_what_is_allowed(file: Path, override: str, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        recipe.load(file, ["batch=64", override] if override.startswith("batch.x") else [override])


@pytest.mark.parametrize("task", ["distribution", "classify"])
def test_what_a_task_would_not_tell_its_network_is_refused(file: Path, task: str) -> None:
    with pytest.raises(OptionError, match=f"told is of no use to task {task} .only to colorize, adversarial"):
        recipe.load(file, [f"task={task}", "told.hints=0.1"])
    assert recipe.load(file, ["told.hints=0.1"]).told.anything
    assert not recipe.load(file, [f"task={task}"]).told.anything


def test_all_that_is_wrong_is_said_at_once(file: Path) -> None:
    with pytest.raises(OptionError, match=r"flip must be .*; .*batch must be .*; there is no key 'nonsense'"):
        recipe.load(file, ["augment.flip=2", "batch=0", "nonsense=1"])


def test_a_missing_recipe_lists_those_there_are_and_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"did you mean 'ethnicity-classifier'\?.*experiments/"):
        recipe.load("ethnicity-clasifier")


@pytest.mark.parametrize("text", ["just words", "a: [1", "- 1", "steps: 1\nbatch: 2\nsteps: 3\n", ""])
def test_a_file_that_is_no_recipe_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(OptionError, match=r"odd\.yaml is not"):
        recipe.load(path)


def test_the_command_prints_a_recipe_that_gives_the_same_run(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _command([str(file), "batch=32"]) == 0
    printed = tmp_path / "printed.yaml"
    printed.write_text(capsys.readouterr().out)
    assert recipe.load(printed) == recipe.load(file, ["batch=32"])
    assert yaml.safe_load(printed.read_text())["schedule"]["warmup"] == 200
    assert _command([str(file), "batch=0"]) == 1
    assert "batch must be" in capsys.readouterr().err
    assert _command([]) == 2


def test_the_table_names_every_key_once_with_its_meaning() -> None:
    rows = [line.split("|") for line in recipe_text.table(recipe.Recipe).splitlines()[2:]]
    keys = [row[1].strip(" `") for row in rows]
    assert len(keys) == len(set(keys)) > 60
    assert {"optimizer.lr", "data.N.limit", "finetune.early_stopping.patience", "augment.grain"} <= set(keys)
    assert all(row[4].strip() for row in rows)


def _command(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    recipe_command.add_arguments(parser)
    return recipe_command.run(parser.parse_args(arguments))
