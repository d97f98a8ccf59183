"""`python -m train literature`: budgets, many runs in a row, measurements, costs, verdicts, and the written tables."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from skimage import data
from torch import nn

from colorizer import checkpoint, literature, networks, settings
from colorizer.errors import OptionError
from tests import runs
from tests.test_readme import README, REPOSITORY, section
from train import install, literature_budget, literature_costs, literature_fit, literature_measure, recipe
from train import literature as command
from train.__main__ import main
from train.literature_measure import Photos
from train.measure import Bench
from train.reporting import literature as collected
from train.reporting import literature_claims as claims
from train.reporting import literature_page as page
from train.reporting import literature_tables as tables

OTHERS = [model.name for model in literature.MODELS if model.name != "ethnicity-aware"]


@pytest.fixture
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty models folder."""
    monkeypatch.setenv("RANGIN_MODELS", str(tmp_path / "models"))
    settings.get_settings.cache_clear()
    yield tmp_path / "models"
    settings.get_settings.cache_clear()


@pytest.fixture
def runs_started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of runs, none of which is started; those of `cnn` fail."""
    started: list[list[str]] = []

    def note(words: list[str]) -> tuple[int, int | None]:
        started.append(words)
        return (1 if words[1] == "literature/cnn" else 0), None

    monkeypatch.setattr(literature_fit, "_run", note)
    return started


@pytest.mark.parametrize("name", OTHERS)
def test_the_short_budget_fits_its_recipe(name: str) -> None:
    (model,) = (model for model in literature.MODELS if model.name == name)
    found = recipe.load(model.recipe, literature_budget.overrides(name, "cpu"))
    side = 96 if name == "cnn" else 64
    assert (found.sizes, found.validation_size, found.config["working_size"]) == ([side], side, side)
    assert (found.batch, found.threads, found.validation[0].limit, found.ema) == (16, 1, 600, 0.98)
    assert found.minutes in (6, 10, 14)
    assert not found.config.get("pretrained"), "an encoder must not be downloaded"
    assert found.schedule.kind == "cosine"
    assert literature_budget.overrides(name, "full") == []


def test_a_failed_model_does_not_keep_others_from_being_trained(
    runs_started: list[list[str]], models_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["literature", "fit", "unet", "cnn", "minutes=3", "--runs", "somewhere"]) == 1
    assert [words[1] for words in runs_started] == ["literature/cnn", "literature/unet"]
    words = runs_started[1]
    assert words[-5:] == ["minutes=3", "--out", "somewhere/unet", "--resume", "--install"]
    assert "minutes=10" in words[: words.index("minutes=3")], "what is asked for here comes last and wins"
    said = capsys.readouterr()
    assert "cnn failed" in said.err
    assert "unet failed" not in said.err
    assert "1 of 2 trained" in said.out


def test_all_untrained_models_are_trained_by_default(
    runs_started: list[list[str]], models_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models_folder.mkdir()
    untrained = [name for name in OTHERS if name not in checkpoint.available()]
    main(["literature", "fit", "--budget", "full", "--runs", str(models_folder / "runs")])
    started = [words[1].removeprefix("literature/") for words in runs_started]
    assert started == [
        name for name in untrained if name != "resnet50-gan" or "resnet50-cnn" in checkpoint.available()
    ]
    assert not any("minutes" in word for words in runs_started for word in words)
    if "resnet50-gan" in untrained and "resnet50-gan" not in started:
        assert "goes on from resnet50-cnn" in capsys.readouterr().err


def test_the_gan_starts_from_the_finished_generator(runs_started: list[list[str]], tmp_path: Path) -> None:
    weights = tmp_path / "resnet50-cnn" / "resnet50-cnn.safetensors"
    weights.parent.mkdir()
    weights.touch()
    assert main(["literature", "fit", "resnet50-gan", "--runs", str(tmp_path)]) == 0
    assert f"start_from={weights}" in runs_started[0]
    assert "minutes=14" in runs_started[0]


def test_a_finished_run_is_not_said_to_be_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "unet" / "run.json"
    state.parent.mkdir()
    state.write_text('{"status": "finished", "step": 8}')
    after = 8

    def go_on(_: list[str]) -> tuple[int, int | None]:
        state.write_text(json.dumps({"status": "finished", "step": after}))
        return 0, None

    monkeypatch.setattr(literature_fit, "_run", go_on)
    assert literature_fit.fit_all(["unet"], "cpu", [], tmp_path) == 0
    said = capsys.readouterr().out
    assert "not trained again" in said
    assert "is trained" not in said
    after = 12
    assert literature_fit.fit_all(["unet"], "cpu", ["minutes=20"], tmp_path) == 0
    assert "unet is trained and installed" in capsys.readouterr().out


def test_a_damaged_file_is_untrained_and_keeps_no_other_from_being_measured(
    models_folder: Path,
    measured: tuple[Photos, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models_folder.mkdir()
    name = next(name for name in reversed(OTHERS) if name not in checkpoint.available())
    (models_folder / f"{name}.safetensors").write_bytes(b"half of it")
    assert name in literature_fit.untrained()
    asked = []
    monkeypatch.setattr(command, "measure", lambda photos, names, *_: asked.extend(names) or [])
    options = ["--sets", "fairface", "--no-costs"]
    assert main(["literature", "measure", *options]) == 1
    assert name not in asked
    assert "ethnicity-aware" in asked
    said = capsys.readouterr().err
    assert f"{name}: The weights {name}.safetensors" in said
    assert main(["literature", "measure", name, *options]) == 1
    assert f"`python -m train literature fit {name}` does that" in capsys.readouterr().err


def test_a_folder_that_cannot_be_used_is_said(
    tmp_path: Path, measured: tuple[Photos, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report").write_text("no folder")
    given = ["--fairface", str(measured[0].images), "--fairface-labels", str(measured[0].labels)]
    words = ["measure", "ethnicity-aware", "--sets", "fairface", *given, "--no-costs"]
    assert main(["literature", *words, "--report", str(tmp_path / "report")]) == 1
    said = capsys.readouterr().err
    assert f"train literature: {tmp_path / 'report' / 'fairface'} can't be used (Not a directory)." in said


def test_a_signal_ends_the_row_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def stop(words: list[str]) -> tuple[int, int | None]:
        started.append(words)
        return 143, signal.SIGTERM

    monkeypatch.setattr(literature_fit, "_run", stop)
    assert literature_fit.fit_all(["cnn", "unet"], "cpu", [], Path("runs")) == 143
    assert len(started) == 1


def test_wrong_names_are_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["literature", "fit", "unett"]) == 1
    assert "did you mean 'unet'" in capsys.readouterr().err
    assert main(["literature", "fit", "ethnicity-aware"]) == 1
    assert "python -m train fit ethnicity-aware --install" in capsys.readouterr().err


def test_fit_install_puts_weights_and_card_into_the_models_folder(
    models_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(runs.values(tmp_path, steps=2, validate_every=2)))
    assert main(["fit", str(file), "--out", str(tmp_path / "run"), "--install"]) == 0
    assert "tiny" in checkpoint.available()
    made, put = tmp_path / "run" / "tiny.safetensors", models_folder / "tiny.safetensors"
    assert put.read_bytes() == made.read_bytes()
    assert (models_folder / "tiny.md").read_text() == made.with_suffix(".md").read_text()


def test_a_models_folder_that_is_a_file_is_said(models_folder: Path, tmp_path: Path) -> None:
    models_folder.write_text("no folder")
    weights = tmp_path / "a.safetensors"
    weights.write_bytes(b"weights")
    with pytest.raises(OptionError, match="RANGIN_MODELS"):
        install.install(weights)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Photos, Path]:
    """Two photos in colour, a gray one and one that is no photo, measured with the default."""
    folder = tmp_path_factory.mktemp("literature")
    (folder / "images").mkdir()
    Image.fromarray(data.astronaut()).save(folder / "images" / "astronaut.png")
    Image.fromarray(data.coffee()).save(folder / "images" / "coffee.png")
    Image.fromarray(data.camera()).save(folder / "images" / "camera.png")
    (folder / "images" / "broken.png").write_bytes(b"no photo")
    labels = folder / "val.csv"
    labels.write_text(
        "imageName,ethnicity\nastronaut.png,White\ncoffee.png,Asian\ncamera.png,\nbroken.png,\n"
    )
    photos = Photos("fairface", "two photos", folder / "images", labels)
    threads = torch.get_num_threads()
    problems = literature_measure.measure(photos, ["ethnicity-aware"], folder / "report")
    assert torch.get_num_threads() == threads
    assert len(problems) == 1
    assert problems[0].startswith("broken.png: ")
    return photos, folder / "report"


def test_measurements_are_those_of_evaluate(measured: tuple[Photos, Path]) -> None:
    photos, report = measured
    bench = Bench(
        {"ethnicity-aware": "ethnicity-aware"}, ["auto"], literature_measure.FAIRFACE_TINT, "cpu", lpips=False
    )
    content = (photos.images / "astronaut.png").read_bytes()
    for row in bench.measure("astronaut.png", "White", content).rows:
        table = literature_measure.read_results(report / "fairface" / row["model"]).set_index("imageName")
        assert list(table.index) == ["astronaut.png", "coffee.png"]
        for metric in ("psnr", "ssim", "skin_delta_e", "delta_colorfulness", "within_10", "aligned_psnr"):
            assert table.loc["astronaut.png", metric] == pytest.approx(row[metric], abs=1e-6), metric
    about = literature_measure.read_about(report / "fairface" / "gray")
    assert (about["measured"], about["near_gray"], about["missing_or_unreadable"]) == (2, 1, 1)


def test_the_same_weights_are_measured_once(
    measured: tuple[Photos, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, report = measured
    monkeypatch.setattr(literature_measure.station, "each", lambda *_: pytest.fail("measured again"))
    problems = literature_measure.measure(photos, ["ethnicity-aware"], report)
    assert "nothing to do, all 3 are measured" in capsys.readouterr().out
    assert len(problems) == 1, "what can't be read is said again"
    folder = report / "fairface" / "ethnicity-aware"
    known = literature_measure.hash_of("ethnicity-aware")
    assert literature_measure.is_measured(folder, known)
    assert not literature_measure.is_measured(folder, "0" * 64), "other weights"
    assert not literature_measure.is_measured(folder, known, "other photos")


def test_results_of_other_photos_never_share_a_table(measured: tuple[Photos, Path], tmp_path: Path) -> None:
    report = tmp_path / "report"
    shutil.copytree(measured[1], report)
    assert collected.collect(report)["sets"]["fairface"]["models"].keys() == {
        "gray",
        "tint",
        "ethnicity-aware",
    }
    for name in ("ethnicity-aware", "tint"):
        file = report / "fairface" / name / "measured.json"
        about = json.loads(file.read_text())
        file.write_text(json.dumps(about | {"photos": "others"}))
        if name != "tint":
            assert collected.collect(report)["sets"]["fairface"]["models"].keys() == {"gray", "tint"}
    with pytest.raises(OptionError, match="holds no measurements"):  # broken off between the two baselines
        collected.collect(report)
    shutil.rmtree(report / "fairface" / "tint")
    with pytest.raises(OptionError, match="holds no measurements"):
        collected.collect(report)


def test_what_was_measured_becomes_tables(measured: tuple[Photos, Path], tmp_path: Path) -> None:
    content = collected.collect(measured[1])
    for name in ("README.md", "page.md"):
        (tmp_path / name).write_text(f"above\n{page.SKELETON}below\n")
    collected.write(content, tmp_path / "README.md", tmp_path / "page.md")
    readme = (tmp_path / "README.md").read_text()
    again = json.loads((tmp_path / "page.json").read_text())
    assert section("literature", readme) == page.short(again).strip()
    assert section("literature", (tmp_path / "page.md").read_text()) == page.long(again).strip()
    scores = again["sets"]["fairface"]["models"]
    assert f"| *gray* | {scores['gray']['psnr']['mean']:.2f} |" in readme
    assert f"| `ethnicity-aware` | {scores['ethnicity-aware']['psnr']['mean']:.2f} |" in readme
    untrained = [name for name in OTHERS if name not in checkpoint.available()]
    for name in untrained:
        assert f"| `{name}` | not trained | –" in readme, "no row is left out, and none is made up"
    assert again["images"]["names"] == ["astronaut.png", "coffee.png"]
    assert str(tmp_path) not in readme


def test_flops_are_those_of_the_layers() -> None:
    key = json.dumps(["unet", {}])
    counted = 0.0

    def count(layer: Any, _: object, output: torch.Tensor) -> None:
        nonlocal counted
        kernel = np.prod(layer.weight.shape[2:])
        if isinstance(layer, nn.Conv2d):
            counted += 2 * output.numel() * layer.in_channels * kernel
        else:  # transposed: each input pixel is spread over a kernel
            counted += 2 * output.numel() / (layer.stride[0] * layer.stride[1]) * layer.in_channels * kernel

    with torch.device("meta"):
        network = networks.build("unet").eval()
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layer.register_forward_hook(count)
        network(torch.zeros(1, 1, 256, 256))
    assert literature_costs.gflops(key) == pytest.approx(counted / 1e9, rel=1e-3)


def test_models_of_one_architecture_cost_the_same() -> None:
    found = literature_costs.costs(["resnet50-cnn", "resnet50-gan", "cnn"], rounds=1, threads=1)
    costs = found["models"]
    assert costs["resnet50-cnn"] == costs["resnet50-gan"]
    assert costs["cnn"]["gflops"] < costs["resnet50-cnn"]["gflops"]
    assert 0 < costs["cnn"]["fastest"] <= costs["cnn"]["seconds"] <= costs["cnn"]["slowest"]


def content(difference: tuple[float, float], start: str = "", is_trained: bool = True) -> dict[str, Any]:
    """What `collect` returns, with every paired difference in this interval, and starts as the claims want them."""
    starts = {name: encoder for claim in claims.CLAIMS for name, encoder in claim.starts.items()}
    mean = {"mean": sum(difference) / 2, "low": difference[0], "high": difference[1], "n": 100}
    metrics = dict.fromkeys(claims.UNITS, mean)
    models = [
        {"name": model.name, "is_trained": is_trained, "start": start or starts.get(model.name, "scratch")}
        | {"minutes": 10.0, "pictures_seen": 1000}
        | {"trained_on": ["animals/train"] if model.name.endswith("animals") else ["faces/train"]}
        for model in literature.MODELS
    ]
    keys = {
        "fairface": "fairface/val.csv",
        "portraits": "x/val.csv",
        "animals": "animals/train",
        "scenes": "s/train",
    }
    return {
        "models": models,
        "sets": {key: {"title": key, "data": name, "models": {}} for key, name in keys.items()},
        "differences": {key: {claims.pair(*two): metrics for two in claims.pairs(key)} for key in keys},
        "experiments": {"sizes": [], "finetuning": {}},
    }


VGGFACE, UVGG, GAN, CATEGORIES = claims.CLAIMS


def test_verdicts_follow_the_figures() -> None:
    assert claims.judge(VGGFACE, content((0.1, 0.3))).word == "holds"
    assert claims.judge(VGGFACE, content((-0.3, -0.1))).word == "does not hold"
    undecided = claims.judge(VGGFACE, content((-0.1, 0.3)))
    assert (undecided.word, undecided.reasons) == ("can't be told", ("an interval reaches over the limit",))
    assert "+0.10 dB (-0.10 to +0.30)" in undecided.figures[0]
    # More vivid, at a gain that is not little any more.
    assert claims.judge(GAN, content((0.3, 0.6))).word == "holds in part"
    assert claims.judge(GAN, content((0.1, 0.2))).word == "holds"
    assert claims.judge(GAN, content((-0.6, -0.3))).word == "does not hold", (
        "a large loss is not little either"
    )


def test_what_is_missing_is_the_verdicts_reason() -> None:
    scratch = claims.judge(VGGFACE, content((0.1, 0.3), start="scratch"))
    assert scratch.word == "can't be told"
    assert "started from scratch here, not from VGGFace2 and ImageNet" in scratch.reasons[0]
    assert scratch.figures, "figures are shown all the same"
    unknown = claims.judge(VGGFACE, content((0.1, 0.3), start="–"))
    assert unknown.word == "can't be told"
    assert "started from what nobody noted here, not from VGGFace2" in unknown.reasons[0]
    nobody = claims.judge(UVGG, content((0.0, 0.1)))
    assert nobody.reasons == ("which of the two people prefer was not asked here",)
    untrained = claims.judge(GAN, content((0.1, 0.2), is_trained=False))
    assert untrained.reasons[0] == "resnet50-gan and resnet50-cnn are not trained"


def test_photos_that_were_trained_on_decide_nothing() -> None:
    found = content((0.1, 0.3))
    against = {"mean": -1.0, "low": -1.1, "high": -0.9, "n": 9}
    found["differences"]["animals"] = {
        two: dict.fromkeys(claims.UNITS, against) for two in found["differences"]["animals"]
    }
    verdict = claims.judge(CATEGORIES, found)
    assert verdict.word == "holds"
    assert any("was trained on the animals that it is measured on" in remark for remark in verdict.remarks)


def test_unequal_budgets_are_told() -> None:
    found = content((0.1, 0.2))
    assert len(claims.judge(GAN, found).remarks) == 1, "only that the one goes on from the other"
    next(model for model in found["models"] if model["name"] == "resnet50-gan")["pictures_seen"] = 1500
    assert "`resnet50-gan` 10 min, 1,500 pictures" in claims.judge(GAN, found).remarks[1]
    next(model for model in found["models"] if model["name"] == "vgg16-autoencoder-people")[
        "pictures_seen"
    ] = 2100
    verdict = claims.judge(CATEGORIES, found)
    assert verdict.word == "can't be told", "a longer training is another reason for a difference"
    assert "they saw 1,000 to 2,100 pictures" in verdict.reasons[0]


def test_the_experiments_figures_are_read_from_their_page(tmp_path: Path) -> None:
    found = collected.experiments(REPOSITORY / "docs" / "experiments.md")
    assert [size["mean"] for size in found["sizes"]] == [25.78, 25.97, 26.04]
    assert found["finetuning"] == {"before": 26.01, "after": 26.11}
    (_, data_verdict), (_, tuning) = claims.experiments({"experiments": found})
    assert data_verdict.reasons == ("the means rise, but within the intervals",)
    assert tuning.figures == ("26.01 dB before, 26.11 dB after (+0.10 dB)",)
    assert collected.experiments(tmp_path / "none.md") == {"sizes": [], "finetuning": {}}


def test_seconds_of_too_few_cores_are_said_to_be_so() -> None:
    costs = {
        "side": 256,
        "rounds": 9,
        "threads": 2,
        "cores": 2,
        "machine": "a CPU, 2 cores",
        "date": "2026-01-01",
    }
    note = tables._cost_note(costs | {"load": 0.1})
    assert "2 threads, a CPU" in note
    note = tables._cost_note(costs | {"load": 0.1, "cores": 1})
    assert "2 threads on only 1 of its cores (so too long), a CPU" in note


def test_the_best_of_a_column_is_bold() -> None:
    assert tables._marked([1.0, None, 2.0, 1.999], 2, "high") == ["1.00", "–", "**2.00**", "**2.00**"]
    assert tables._marked([-3.0, 0.5, -0.5], 1, "near zero") == ["-3.0", "**0.5**", "**-0.5**"]
    assert tables._marked([3.0, 1.0], 0, "") == ["3", "1"]


def test_photos_are_chosen_evenly_by_name() -> None:
    names = [f"{i:03}.png" for i in range(120)]
    rows = [
        {"imageName": name, "model": model, "psnr": 20.0, "ssim": 0.9, "lpips": np.nan}
        for model in ("gray", "cnn")
        for name in names
    ]
    found = collected._images(pd.DataFrame(rows))
    assert found["names"] == [f"{i:03}.png" for i in range(5, 120, 10)]
    assert found["models"]["cnn"]["lpips"] == [None] * 12


def test_the_written_tables_are_the_codes() -> None:
    file = REPOSITORY / "docs" / "literature.json"
    assert file.is_file() == ("<!-- literature:begin -->" in README), "run `python -m train literature table`"
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        written = file.with_suffix(".md").read_text(encoding="utf-8")
        assert section("literature") == page.short(found).strip(), "run `python -m train literature table`"
        assert section("literature", written) == page.long(found).strip()
