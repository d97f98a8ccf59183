"""The form for a new run: what it orders, and that mistakes are told before anything starts, each at its field."""

import shlex
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from colorizer.errors import OptionError
from tests.jobs import making
from train.__main__ import main
from train.jobs import checks, engines, form
from train.jobs.engine import EngineError, Problem
from train.jobs.fields import Form, hardware
from train.jobs.overrides import resolve
from train.settings import TrainSettings

HOSTILE = ["../x", "a;b", "$(id)", "a b", "a\nb", "'x'", '"', "x" * 41, "/etc", "-x", "", "ü"]


class Here:
    """An engine that takes everything, or says what it was told to say."""

    name, title = "local", "here"

    def __init__(self) -> None:
        self.why, self.problems, self.error = "", [], ""
        self.asked: list[Any] = []

    def unavailable(self) -> str:
        return self.why

    def check(self, order: Any, recipe: Any) -> list[Problem]:
        self.asked.append((order, recipe))
        if self.error:
            raise EngineError(self.error)
        return self.problems


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    engine = Here()
    monkeypatch.setattr(engines, "get", lambda name: engine)
    return engine


@pytest.fixture
def settings(tmp_path: Path) -> TrainSettings:
    """With a dataset "faces" of two groups, forty pictures to train on and eight to validate with."""
    chosen = making.settings(tmp_path)
    making.dataset(
        tmp_path / "datasets" / "faces", {"Asian": 20, "White": 20}, {"Asian": 4, "White": 4}, side=16
    )
    return chosen


def filled(**changes: Any) -> Form:
    """A form with nothing wrong."""
    return Form(**({"recipe": "ethnicity-aware", "dataset": "faces", "name": "first"} | changes))


def fields(problems: list[Problem]) -> set[str]:
    return {problem.field for problem in problems}


def test_every_choice_is_in_the_recipe_that_runs(settings: TrainSettings) -> None:
    chosen = filled(
        length="epochs",
        amount=20,
        batch=8,
        rate=0.001,
        size=64,
        augment="strong",
        stopping=4,
        overrides="seed=7\n# a remark\n\nloss.skin=0.2",
        start="scratch",
    )
    assert form.check(chosen, settings, "asha") == []
    recipe = resolve(chosen, settings).recipe
    assert recipe is not None
    faces = settings.dataset_folders[0] / "faces"
    assert [source.labels for source in recipe.data] == [faces / "train.csv"]
    assert [source.labels for source in recipe.validation] == [faces / "val.csv"]
    assert (recipe.name, recipe.epochs, recipe.steps, recipe.minutes) == ("first", 20, None, None)
    assert (recipe.batch, recipe.optimizer.lr, recipe.sizes, recipe.seed) == (8, 0.001, [64], 7)
    assert recipe.validation_size == 64
    assert recipe.augment.rotation > 0
    assert recipe.early_stopping is not None
    assert recipe.early_stopping.patience == 4
    assert recipe.loss.skin == 0.2
    # 100 steps in all: validated ten times, and the rate is up after a tenth of it.
    assert (recipe.validate_every, recipe.schedule.warmup) == (10, 10)
    ordered = form.order(chosen, settings, "asha")
    assert (ordered.name, ordered.who, ordered.dataset, ordered.kind) == ("first", "asha", "faces", "fit")


def test_what_is_left_alone_is_the_recipes_own(settings: TrainSettings) -> None:
    found = resolve(filled(batch=64, rate=0.002, stopping=0), settings)
    assert [part.field for part in found.parts] == ["dataset"]
    assert form.order(filled(), settings).overrides == found.overrides


def test_a_run_of_a_minute_is_validated_and_gets_its_rate_up(settings: TrainSettings) -> None:
    recipe = resolve(filled(length="minutes", amount=1, batch=8), settings).recipe
    assert recipe is not None
    assert (recipe.minutes, recipe.validate_every, recipe.schedule.warmup) == (1, 10, 6)


def test_all_mistakes_are_told_at_once_and_at_their_fields(settings: TrainSettings) -> None:
    chosen = filled(
        name="../x",
        start="nothing-like-it",
        length="steps",
        batch=0.5,
        size=70,
        rate=9,
        overrides="bogus=1\nema=2",
    )
    problems = form.check(chosen, settings)
    assert fields(problems) == {"name", "start", "epochs", "batch", "rate", "overrides"}
    said = " ".join(problem.sentence for problem in problems)
    assert "'bogus'" in said
    assert "ema must be" in said
    assert resolve(chosen, settings).recipe is None


def test_a_value_that_the_recipe_refuses_is_told_at_its_field(settings: TrainSettings) -> None:
    assert fields(form.check(filled(size=70), settings)) == {"size"}
    assert fields(form.check(filled(batch=7, engine="slurm", tasks=2), settings)) == {"tasks"}
    assert fields(form.check(filled(recipe="no-such"), settings)) == {"recipe"}
    assert fields(form.check(filled(recipe="/etc/passwd"), settings)) == {"recipe"}
    assert fields(form.check(filled(dataset="../faces"), settings)) == {"dataset"}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused(settings: TrainSettings, name: str) -> None:
    assert fields(form.check(filled(name=name), settings)) == {"name"}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("cache=/etc", "overrides"),
        ("cache=../../elsewhere", "overrides"),
        ("data=[{images: /etc}]", "dataset"),
        ("data.0.labels=/etc/passwd", "dataset"),
        ("validation.0.images=../..", "dataset"),
        ("start_from=/etc/shadow", "start"),
        ("name=other", "overrides"),
        ("steps", "overrides"),
        ("=5", "overrides"),
        ("steps=!!python/object/apply:os.system ['true']", "overrides"),
        ("steps=\x1b[2J", "overrides"),
        ("seed=" + "1" * 500, "overrides"),
    ],
)
def test_a_hostile_override_is_refused(settings: TrainSettings, line: str, field: str) -> None:
    assert fields(form.check(filled(overrides=line), settings)) == {field}


def test_links_out_of_the_allowed_folders_are_followed_before_they_are_compared(
    settings: TrainSettings, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = settings.dataset_folders[0] / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert fields(form.check(filled(overrides=f"cache={link}"), settings)) == {"overrides"}
    (tmp_path / "elsewhere").rmdir()
    link.unlink()
    link.mkdir()
    assert form.check(filled(overrides=f"cache={link}"), settings) == []


def test_the_command_orders_the_same(settings: TrainSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = settings.dataset_folders[0] / 'it\'s $(odd); "so"'
    shutil.copytree(settings.dataset_folders[0] / "faces", odd)
    chosen = filled(dataset=odd.name, engine="slurm", partition="gpu", memory_gb=1.5, minutes=30)
    line = form.command(chosen, settings)
    words = shlex.split(line)
    assert words[:5] == ["python", "-m", "train", "jobs", "submit"]
    taken: list[Any] = []
    from train.jobs import registry

    def take(order: Any, *given: Any, **named: Any) -> Any:
        taken.append(order)
        raise OptionError("enough")

    monkeypatch.setattr(registry, "submit", take)
    assert main(words[3:]) == 1
    (order,) = taken
    asked = form.order(chosen, settings, order.who)
    assert (order.name, order.recipe, order.overrides) == (asked.name, asked.recipe, asked.overrides)
    assert order.hardware == asked.hardware


def test_a_dataset_that_cant_be_trained_on_is_told(settings: TrainSettings, tmp_path: Path) -> None:
    folder = tmp_path / "datasets"
    cases = {
        "empty": ({}, {}, "ethnicity-aware", "empty"),
        "unvalidated": ({"Asian": 9}, {}, "ethnicity-aware", "validate with"),
        "unsplit": ({"Asian": 9}, None, "ethnicity-aware", "no val.csv"),
        "unlabelled": ({"": 9}, {"": 2}, "ethnicity-classifier", "label pictures first"),
        "lonely": ({"Asian": 9}, {"Asian": 2}, "ethnicity-classifier", "at least two"),
        "few": ({"Asian": 9, "White": 4}, {"Asian": 2}, "ethnicity-classifier", "White 4"),
        "foreign": ({"Nepali": 9}, {"Nepali": 2}, "ethnicity-classifier", "label pictures first"),
        "unjudged": ({"Asian": 9, "White": 9}, {"": 2}, "ethnicity-classifier", "which weights are best"),
        "unbalanced": ({"Asian": 9, "White": 9}, {"Asian": 2}, "experiments/ethnicity-balanced", None),
    }
    for name, (train, val, recipe, says) in cases.items():
        making.dataset(folder / name, train, val, side=16)
        problems = form.check(filled(dataset=name, recipe=recipe, start="scratch"), settings)
        if says is None:
            assert problems == [], name
            continue
        assert fields(problems) == {"dataset"}, name
        assert says in " ".join(problem.sentence for problem in problems), name
    # A colorizer learns from pictures without labels, too.
    assert form.check(filled(dataset="unlabelled"), settings) == []
    balanced = form.check(filled(dataset="few", overrides="data.0.balanced=true"), settings)
    assert "Black 0" in balanced[0].sentence


def test_pictures_that_are_gone_and_weights_that_are_missing(settings: TrainSettings) -> None:
    shutil.rmtree(settings.dataset_folders[0] / "faces" / "images")
    (settings.dataset_folders[0] / "faces" / "images").mkdir()
    assert "40 pictures" in form.check(filled(), settings)[0].sentence
    problems = form.check(filled(dataset="", recipe="ethnicity-classifier"), settings)
    assert {"dataset", "start"} >= fields(problems) >= {"start"}


def test_a_full_disk_is_told(settings: TrainSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda place: usage(10**9, 10**9 - 10**6, 10**6))
    (problem,) = form.check(filled(), settings)
    assert problem.field == "disk"
    assert "1 MB left" in problem.sentence


def test_what_an_engine_says_is_told_at_its_field(settings: TrainSettings, here: Here) -> None:
    here.problems = [Problem("token", "Sign in first.")]
    assert form.check(filled(engine="hf", flavor="t4-small"), settings, "asha") == here.problems
    order, recipe = here.asked[-1]
    assert (order.who, order.hardware.flavor, recipe.name) == ("asha", "t4-small", "first")
    here.error = "The controller doesn't answer."
    assert form.check(filled(), settings) == [Problem("engine", here.error)]
    here.why = "There is no Slurm on this machine."
    assert form.check(filled(engine="slurm"), settings) == [Problem("engine", here.why)]


def test_impossible_hardware_is_told_at_its_field(settings: TrainSettings) -> None:
    assert fields(form.check(filled(device="gpu:0; rm -rf /"), settings)) == {"device"}
    assert fields(form.check(filled(engine="slurm", partition="a b"), settings)) == {"partition"}
    assert fields(form.check(filled(engine="slurm", memory_gb=-1), settings)) == {"memory_gb"}
    assert fields(form.check(filled(engine="slurm", gpus=0.5), settings)) == {"gpus"}
    assert fields(form.check(filled(engine="hf", minutes=0), settings)) == {"minutes"}
    # What an engine doesn't heed isn't looked at.
    assert hardware(filled(engine="slurm", device="nonsense", nodes=2)).nodes == 2
    assert hardware(filled(engine="slurm", memory_gb=0)).memory_gb is None


def test_several_devices_share_a_batch(settings: TrainSettings) -> None:
    found = resolve(filled(device="gpu:0,1"), settings).recipe
    assert found is not None
    assert found.devices == 2
    found = resolve(filled(engine="slurm", nodes=2, tasks=4), settings).recipe
    assert found is not None
    assert (found.devices, found.num_nodes) == (4, 2)


def test_a_name_is_suggested_that_can_be_taken() -> None:
    assert form.suggested_name("literature/unet", "2026/Spring faces") == "unet-spring-faces"
    assert form.suggested_name("ethnicity-aware", "") == "ethnicity-aware"
    for dataset in ("नेपाल", "..", "x" * 200, "a;b$(c)"):
        assert resolve_name(form.suggested_name("unet", dataset))


def resolve_name(name: str) -> bool:
    return bool(form.NAME.fullmatch(name))
