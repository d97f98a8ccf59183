"""`python -m train curves`: one run and report a size, none of them twice."""

import argparse
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from colorizer.errors import OptionError
from train import curves
from train.recipe import Recipe, load
from train.reporting import learning


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Two sources, the first with labels and three quarters of the pictures."""
    content = {
        "task": "colorize",
        "name": "small",
        "network": "ethnicity-aware",
        "data": [
            {"images": "faces", "labels": "faces.csv", "share": 0.75},
            {"images": "more", "share": 0.25},
        ],
        "validation": [{"images": "held-out", "labels": "held-out.csv"}],
        "steps": 10,
    }
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    curves.add_arguments(parser)
    return parser.parse_args(list(words))


def test_a_size_is_divided_by_the_sources_shares(recipe: Path) -> None:
    assert curves.limits(load(recipe), 1201) == ["data.0.limit=901", "data.1.limit=300"]
    balanced = curves.limits(load(recipe), 1200, True)
    assert balanced == ["data.0.limit=900", "data.0.balanced=true", "data.1.limit=300"]
    loaded = load(recipe, balanced)
    assert [(source.limit, source.balanced) for source in loaded.data] == [(900, True), (300, False)]
    with pytest.raises(OptionError, match="without a picture"):
        curves.limits(load(recipe), 1)
    with pytest.raises(OptionError, match="needs labels"):
        curves.limits(load(recipe, ["data.0.labels=null"]), 100, True)


def content(psnr: float, name: str = "1200") -> dict[str, object]:
    """Enough of a summary.json."""

    def scores(value: float) -> dict[str, object]:
        mean = {"mean": value, "low": value - 1, "high": value + 1, "n": 7}
        return {"all": {metric: None if metric == "ssim" else mean for metric, _, _ in learning.COLORIZER}}

    models = {"gray": scores(20), "tint": scores(24), name: scores(psnr)}
    return {"models": models, "classifiers": {"ethnicity-classifier": {}}}


def test_sizes_are_trained_once_and_drawn_together(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, evaluated = [], []

    def fit(recipe: Recipe, folder: Path) -> Path:
        trained.append(sum(source.limit or 0 for source in recipe.data))
        return folder / "small.safetensors"

    def make(args: argparse.Namespace) -> None:
        evaluated.append((args.models, str(args.data), str(args.labels), args.limit, args.no_lpips))
        args.report.mkdir(parents=True)
        size = args.report.parent.name
        (args.report / "summary.json").write_text(json.dumps(content(25 + int(size) / 1000, size)))

    monkeypatch.setattr(curves, "_fit", fit)
    monkeypatch.setattr(curves.evaluate, "make", make)
    out = tmp_path / "sizes"
    words = [str(recipe), "batch=8", "--out", str(out), "--limit", "5", "--no-lpips"]
    curves.run_sizes(arguments(*words, "--subset", "1000"))
    table = curves.run_sizes(arguments(*words, "--subset", "2000,1000"))
    assert trained == [1000, 2000]
    assert evaluated[0] == (str(out / "1000" / "small.safetensors"), "held-out", "held-out.csv", 5, True)
    found = table[(table["model"] == "trained") & (table["metric"] == "psnr")]
    assert found[["pictures", "mean", "low"]].to_numpy().tolist() == [[1000, 26, 25], [2000, 27, 26]]
    assert pd.read_csv(out / "learning.csv").equals(table)
    html = (out / learning.PAGE).read_text(encoding="utf-8")
    assert "27.00" in html
    assert "PSNR, dB ↑ by training pictures: 1,000: 26.00; 2,000: 27.00." in html
    with pytest.raises(OptionError, match="another recipe"):
        curves.run_sizes(arguments(str(recipe), "batch=16", *words[2:], "--subset", "1000"))
    recipe.write_text(f"{recipe.read_text(encoding='utf-8')}\nseed: 7\n", encoding="utf-8")
    with pytest.raises(OptionError, match="another recipe"):
        curves.run_sizes(arguments(*words, "--subset", "1000"))


def test_classifiers_are_drawn_by_accuracy(tmp_path: Path) -> None:
    scores = {"accuracy": 0.6, "low": 0.5, "high": 0.7, "balanced_accuracy": 0.55, "ece": 0.1, "n": 50}
    summary = content(0) | {"models": {"gray": {}, "tint": {}}}
    summary["classifiers"] = {"ethnicity-classifier": scores, "mine": scores | {"accuracy": 0.65}}
    table = learning.rows(1200, summary, ["mine"])
    assert dict(zip(table["metric"], table["mean"], strict=True)) == {
        "accuracy": 0.65,
        "balanced_accuracy": 0.55,
        "ece": 0.1,
    }
    learning.write(tmp_path, table, "mine", "python -m train curves", True)
    assert "balanced accuracy" in (tmp_path / learning.PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("subset", ["many", "0,10", "10,,20"])
def test_wrong_sizes_are_told(
    recipe: Path, tmp_path: Path, subset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curves.run(arguments(str(recipe), "--subset", subset, "--out", str(tmp_path / "out"))) == 1
    assert "--subset" in capsys.readouterr().err
