"""A run's model is compared with the default, promoted, and measured."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from colorizer import checkpoint, metrics, networks, pointer
from colorizer.errors import ModelError, OptionError
from colorizer.settings import ROOT
from tests import runs
from train import against, evaluate, measure, promote
from train.jobs import evaluation, kinds, work
from train.jobs import job as jobs
from train.jobs.job import Hardware, Job, Order
from train.pictures import find
from train.settings import TrainSettings, get_train_settings

FEW = 2
GRAY, GREEN = (0.0, 0.0), (-3.0, -3.0)  # times 20: a* and b* that no skin has
CARD = """\
---
library_name: rangin
---
# tiny: gray portrait in, colours out

| file | `tiny.safetensors`, float16 |

tiny.safetensors is tinyer than other-tiny.safetensors.
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.make_pictures(tmp_path_factory.mktemp("pictures") / "held-out", count=12)


@pytest.fixture
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RANGIN_RUNS", str(tmp_path / "runs"))
    get_train_settings.cache_clear()
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def _fresh_settings() -> Any:
    yield
    get_train_settings.cache_clear()


@pytest.fixture
def bad_default(models_folder: Path) -> Path:
    """A present default that everything is better than; the folder of models."""
    tinted(models_folder / "bad.safetensors", GREEN)
    promote.make_default("bad")
    return models_folder


@pytest.fixture
def not_compared(models_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every model is as good as the present default; the folder of models."""
    equal = {"figures": {"psnr": (20.0, 20.0)}, "metric": "psnr", "difference": 0, "low": 0, "high": 0}
    about = {"run": "tiny", "against": "default", "kind": "colorizer", "pictures": 1, "source": "x"}
    found = promote.Comparison.model_validate(equal | about)
    monkeypatch.setattr(against, "compare", lambda folder, limit: found)
    return models_folder


def tinted(path: Path, shade: tuple[float, float]) -> None:
    """A model that paints all in one tint."""
    network = networks.build("cnn", working_size=64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        list(network.parameters())[-1].copy_(torch.tensor(shade))
    checkpoint.save(network, "cnn", path, {})


def finished(runs_folder: Path, pictures: Path, shade: tuple[float, float] = GRAY, name: str = "tiny") -> Job:
    """The folder of a run that has ended, whose model paints all in one tint."""
    job = jobs.create(Order(name=name, who="asha", recipe="ethnicity-aware"), runs_folder)
    tinted(job.folder / f"{name}.safetensors", shade)
    (job.folder / f"{name}.md").write_text(CARD, encoding="utf-8")
    source = {"images": str(pictures), "labels": str(pictures / "labels.csv")}
    (job.folder / "recipe.yaml").write_text(yaml.safe_dump({"validation": [source]}), encoding="utf-8")
    return job


def classifier(runs_folder: Path, pictures: Path) -> Job:
    job = finished(runs_folder, pictures, name="who")
    torch.manual_seed(0)
    network = networks.build("ethnicity-classifier", encoder="test_resnet")
    checkpoint.save(network, "ethnicity-classifier", job.folder / "who.safetensors", {})
    return job


def test_a_better_model_becomes_the_default_without_a_question(
    runs_folder: Path, pictures: Path, bad_default: Path
) -> None:
    models_folder = bad_default
    job = finished(runs_folder, pictures)
    promoted = promote.promote(job.folder, "mine", as_default=True, limit=FEW)
    assert promoted.weights == models_folder / "mine.safetensors"
    assert promoted.weights.read_bytes() == (job.folder / "tiny.safetensors").read_bytes()
    assert checkpoint.load("default").name == "mine"
    comparison = promoted.comparison
    assert comparison is not None
    assert (comparison.against, comparison.metric, comparison.pictures) == ("bad", "psnr", FEW)
    mine, other = comparison.figures["psnr"]
    assert mine is not None
    assert other is not None
    assert comparison.difference == pytest.approx(mine - other)
    assert comparison.low <= comparison.difference <= comparison.high
    card = (models_folder / "mine.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert "# mine: gray portrait in" in card
    assert "`mine.safetensors`, float16" in card
    assert "other-tiny.safetensors" in card, "only its own name is another one now"
    assert f"| PSNR, dB | {mine:.3f} | {other:.3f} |" in card
    assert str(pictures) not in card
    assert str(pictures) not in (job.folder / against.FILE).read_text(encoding="utf-8")


def test_figures_are_those_of_the_protocol(runs_folder: Path, pictures: Path, bad_default: Path) -> None:
    """A model that paints nothing is the baseline gray; the pictures are the first, a middle one and the last."""
    comparison = promote.compare(finished(runs_folder, pictures).folder, limit=3)
    truths = [
        metrics.to_protocol(np.asarray(Image.open(pictures / f"{number:03}.png"))) for number in (0, 6, 11)
    ]
    grays = [metrics.psnr(metrics.gray(truth), truth) for truth in truths]
    assert comparison.pictures == 3
    assert comparison.figures["psnr"][0] == pytest.approx(np.mean(grays), abs=0.05)


def test_what_was_measured_is_kept_until_a_model_changes(
    runs_folder: Path, pictures: Path, bad_default: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finished(runs_folder, pictures)
    first = promote.compare(job.folder, limit=1)
    assert against.read(job.folder) == first
    with monkeypatch.context() as patch:
        patch.setattr(measure, "Bench", None)  # nothing can be measured
        assert promote.compare(job.folder, limit=1) == first
    tinted(bad_default / "bad.safetensors", GRAY)
    second = promote.compare(job.folder, limit=1)
    assert (second.against, second.difference, second.is_worse) == ("bad", 0, False)
    (job.folder / against.FILE).write_text("{", encoding="utf-8")
    assert against.read(job.folder) is None


def test_a_worse_one_asks_with_its_figures(runs_folder: Path, pictures: Path, models_folder: Path) -> None:
    job = finished(runs_folder, pictures, GREEN)
    for as_default in (True, False):
        with pytest.raises(
            promote.NeedsConfirmation, match=r"dB worse than ethnicity-aware: PSNR .* dB"
        ) as asked:
            promote.promote(job.folder, "green", as_default=as_default, limit=FEW)
    assert asked.value.comparison is not None
    assert asked.value.comparison.is_worse
    assert list(models_folder.iterdir()) == []
    promoted = promote.promote(job.folder, "green", as_default=True, confirmed=True, limit=FEW)
    assert checkpoint.find("default") == promoted.weights


def test_anothers_name_is_asked_about_its_own_is_not(
    runs_folder: Path, pictures: Path, not_compared: Path
) -> None:
    one, other = finished(runs_folder, pictures), finished(runs_folder, pictures, (0.02, 0.02))
    promote.promote(one.folder)
    promote.promote(one.folder)
    with pytest.raises(promote.NeedsConfirmation, match="already") as asked:
        promote.promote(other.folder)
    assert len(asked.value.reasons) == 1
    kept = (not_compared / "tiny.safetensors").read_bytes()
    promote.promote(other.folder, confirmed=True)
    assert (not_compared / "tiny.safetensors").read_bytes() != kept
    with pytest.raises(promote.NeedsConfirmation, match="already"):
        promote.promote(one.folder, checkpoint.DEFAULT)  # the package's


@pytest.mark.parametrize(
    "name",
    [
        "default",
        "all",
        "../up",
        "a/b",
        "..",
        ".hidden",
        "a b",
        "$(touch x)",
        "a;b",
        "'",
        "a\nb",
        "x" * 61,
        "é",
    ],
)
def test_a_name_that_is_none_is_refused(
    runs_folder: Path, pictures: Path, models_folder: Path, name: str
) -> None:
    job = finished(runs_folder, pictures)
    with pytest.raises(OptionError, match="can't be a model's name") as refused:
        promote.promote(job.folder, name, as_default=True, confirmed=True)
    assert not isinstance(refused.value, promote.NeedsConfirmation)
    assert list(models_folder.iterdir()) == []


def test_no_model_takes_the_place_of_one_of_the_other_kind(
    runs_folder: Path, pictures: Path, models_folder: Path
) -> None:
    with pytest.raises(OptionError, match="is a classifier, and this is a colorizer"):
        promote.promote(finished(runs_folder, pictures).folder, "ethnicity-classifier", confirmed=True)
    with pytest.raises(OptionError, match="is a colorizer, and this is a classifier"):
        promote.promote(classifier(runs_folder, pictures).folder, checkpoint.DEFAULT, confirmed=True)
    with pytest.raises(ModelError, match="no colorizer"):
        promote.make_default("ethnicity-classifier")
    with pytest.raises(ModelError, match="There is no model"):
        promote.make_default("nobody")


def test_pictures_that_are_gone_are_asked_about(
    runs_folder: Path, pictures: Path, models_folder: Path
) -> None:
    job = finished(runs_folder, pictures.parent / "elsewhere")
    with pytest.raises(promote.NeedsConfirmation, match=r"could not be compared.* are not here") as asked:
        promote.promote(job.folder, limit=FEW)
    assert asked.value.comparison is None
    assert promote.promote(job.folder, confirmed=True, limit=FEW).comparison is None
    assert (models_folder / "tiny.safetensors").is_file()
    (job.folder / "recipe.yaml").write_text("- no recipe", encoding="utf-8")
    with pytest.raises(OptionError, match=r"recipe of .* can't be read"):
        promote.compare(job.folder)


def test_weights_that_give_no_numbers_are_never_promoted(
    runs_folder: Path, pictures: Path, models_folder: Path
) -> None:
    job = finished(runs_folder, pictures, (float("nan"), 0))
    with pytest.raises(ModelError):
        promote.promote(job.folder, confirmed=True)
    (job.folder / "tiny.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(ModelError, match="damaged"):
        promote.promote(job.folder, confirmed=True)
    (job.folder / "tiny.safetensors").unlink()
    with pytest.raises(OptionError, match="no weights yet"):
        promote.promote(job.folder, confirmed=True)
    assert list(models_folder.iterdir()) == []


def test_a_folder_that_cant_be_written_is_told(runs_folder: Path, pictures: Path, not_compared: Path) -> None:
    job = finished(runs_folder, pictures)
    not_compared.rmdir()
    not_compared.write_text("a file")
    with pytest.raises(OptionError, match="RANGIN_MODELS"):
        promote.promote(job.folder)


def test_a_classifier_takes_the_place_of_the_present_one(
    runs_folder: Path, pictures: Path, models_folder: Path
) -> None:
    job = classifier(runs_folder, pictures)
    comparison = promote.compare(job.folder, limit=3)
    assert (comparison.kind, comparison.metric, comparison.pictures) == ("classifier", "accuracy", 3)
    assert comparison.against == "ethnicity-classifier"
    assert all(value is not None and 0 <= value <= 1 for value in comparison.figures["accuracy"])
    assert " %" in comparison.sentence
    promoted = promote.promote(job.folder, "who", as_default=True, confirmed=True, limit=3)
    assert promoted.is_default
    assert checkpoint.find("ethnicity-classifier") == models_folder / "ethnicity-classifier.safetensors"
    assert (models_folder / "who.safetensors").is_file()
    assert pointer.read(models_folder) == "", "colorizers are left alone"


def test_an_evaluation_is_ordered_by_the_run(runs_folder: Path, pictures: Path) -> None:
    job = finished(runs_folder, pictures)
    order = evaluation.order(job, limit=7, device="gpu:0")
    assert (order.kind, order.who, order.arguments) == ("evaluate", "asha", {"of": job.id, "limit": 7})
    assert evaluation.check(order, TrainSettings()) == []
    command = evaluation.command(jobs.create(order, runs_folder))
    assert command[1:4] == ("-m", "train", "evaluate")
    words = dict(zip(command[4::2], command[5::2], strict=False))
    assert words["--models"] == f"{job.folder},default"
    assert words["--data"] == str(pictures)
    assert words["--labels"] == str(pictures / "labels.csv")
    assert words["--report"] == str(job.folder / "report")
    assert command[-4:] == ("--device", "cuda", "--limit", "7")
    on_two = Order(name="tiny", hardware=Hardware(device="gpu:1,2"))
    assert evaluation.order(job.model_copy(update={"order": on_two})).hardware.device == "gpu:1"
    elsewhere = Order(name="tiny", hardware=Hardware(engine="slurm", gpus=2))
    assert evaluation.order(job.model_copy(update={"order": elsewhere})).hardware == Hardware()


def test_an_evaluation_says_how_far_it_is(
    runs_folder: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = jobs.create(evaluation.order(finished(runs_folder, pictures)), runs_folder)
    assert evaluation.progress(job) == kinds.Progress()
    monkeypatch.setattr(evaluate, "SAID_EVERY", 0.0)
    monkeypatch.setattr(evaluate, "_measure_all", lambda *_: [measure.Measured("x", "near-gray")] * 12)
    evaluate.evaluate(find(pictures, pictures / "labels.csv"), {})
    said = capsys.readouterr().err
    (job.folder / work.OUTPUT).write_text(said.split("evaluate: 9 of")[0] + "A warning.\n", encoding="utf-8")
    told = evaluation.progress(job.model_copy(update={"started": time.time() - 80}))
    assert (told.step, told.steps) == (8, 12)
    assert told.seconds_left == pytest.approx(40, abs=5)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"of": "../elsewhere"}, "folder"),
        ({"of": "nobody"}, "folder"),
        ({}, "folder"),
        ({"limit": 0}, "overrides"),
        ({"limit": "1; rm"}, "overrides"),
        ({"limit": True}, "overrides"),
        ({"against": "a,b"}, "overrides"),
        ({"against": "--report"}, "overrides"),
        ({"against": "../x.safetensors"}, "overrides"),
        ({"against": "hf:a/b"}, "overrides"),
        ({"report": "/tmp"}, "overrides"),
    ],
)
def test_an_evaluation_that_cant_be_is_refused(
    runs_folder: Path, pictures: Path, arguments: dict[str, Any], field: str
) -> None:
    job = finished(runs_folder, pictures)
    known = {"of": job.id} if arguments and "of" not in arguments else {}
    order = Order(kind="evaluate", name="report", arguments=known | arguments)
    assert [problem.field for problem in evaluation.check(order, TrainSettings())] == [field]


def test_an_evaluation_needs_weights_pictures_and_this_machine(runs_folder: Path, pictures: Path) -> None:
    job = finished(runs_folder, pictures.parent / "gone")
    order = evaluation.order(job).model_copy(update={"hardware": Hardware(engine="slurm")})
    problems = evaluation.check(order, TrainSettings())
    assert [problem.field for problem in problems] == ["engine", "folder"]
    assert "not here" in problems[1].sentence
    (job.folder / "tiny.safetensors").unlink()
    assert "no weights yet" in evaluation.check(order, TrainSettings())[1].sentence


def test_the_command_of_an_evaluation_writes_the_report(
    runs_folder: Path, pictures: Path, models_folder: Path
) -> None:
    job = finished(runs_folder, pictures)
    (pictures / "gone.csv").write_text("imageName,ethnicity\n000.png,White\ngone.png,White\n")
    source = {"images": str(pictures), "labels": str(pictures / "gone.csv")}
    (job.folder / "recipe.yaml").write_text(yaml.safe_dump({"validation": [source]}), encoding="utf-8")
    command = evaluation.command(jobs.create(evaluation.order(job), runs_folder))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr  # though a picture is missing
    assert "gone.png" in done.stderr
    summary = json.loads((job.folder / "report" / "summary.json").read_text(encoding="utf-8"))
    assert list(summary["models"]) == ["gray", "tint", job.id, "default"]
    assert summary["models"][job.id]["all"]["psnr"]["n"] == 1
    assert "<html" in (job.folder / "report" / "report.html").read_text(encoding="utf-8")
