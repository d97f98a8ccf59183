"""`python -m train proof`: conditions, lights and what is computed of them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from colorizer import checkpoint, lab, metrics
from colorizer.groups import GROUPS
from colorizer.pipeline import Colorizer
from colorizer.steering import Steering
from tests.painters import Painter, face, one_tint, portrait_of
from train import literature_station as station
from train import proof
from train.__main__ import main
from train.remembering import remember

TRUTH = portrait_of((60, 12, 16), (50, 4, -6))
FACE = {"box": (64, 51, 192, 205), "landmarks": (), "score": 1.0}


def content(tmp_path: Path) -> bytes:
    Image.fromarray(TRUTH).save(tmp_path / "truth.png")
    return (tmp_path / "truth.png").read_bytes()


def rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, painter: Painter) -> pd.DataFrame:
    """What `proof.measure` says of one photo."""
    monkeypatch.setattr(station, "colorizer", lambda name: painter)
    known = [FACE | {"probabilities": {group: float(group == "Black") for group in GROUPS}}]
    measured = proof.measure("truth.png", "Asian", content(tmp_path), known)
    return pd.DataFrame(measured).set_index(["condition", "light"])


def test_a_wrong_group_is_never_the_label_and_always_the_same() -> None:
    for label in GROUPS:
        drawn = [proof.wrong_group(f"{k}.jpg", label) for k in range(600)]
        assert label not in drawn
        assert drawn == [proof.wrong_group(f"{k}.jpg", label) for k in range(600)]
        counts = Counter(drawn)
        assert set(counts) == set(GROUPS) - {label}
        assert min(counts.values()) > 80
    seeds = [proof.wrong_group("a.jpg", "White", seed) for seed in range(30)]
    assert len(set(seeds)) > 2


def test_every_condition_tells_what_its_name_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    heard = []

    def listen(lightness: np.ndarray, faces: Any) -> np.ndarray:
        heard.append(faces[0].chosen)
        return one_tint(5, 5)(lightness, faces)

    table = rows(monkeypatch, tmp_path, Painter(listen, [(0.25, 0.2, 0.75, 0.8)]))
    wrong = proof.wrong_group("truth.png", "Asian")
    assert heard == ["none", "auto", "Asian", wrong] * 2
    assert list(table.index) == [
        *proof.BASELINES,
        *((condition, light) for light in proof.LIGHTS for condition in proof.CONDITIONS),
    ]
    assert set(table["wrong"]) == {wrong}


def test_true_light_is_the_photos_mean_and_the_own_tint_beats_the_common_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = rows(monkeypatch, tmp_path, Painter(one_tint(11.74, 13.51)))
    for light in proof.LIGHTS:  # a model of one tint is the tint, and told the light it is the photo's own
        assert table.loc[("none", light), "psnr"] == pytest.approx(
            table.loc[("tint", light), "psnr"], abs=0.05
        )
    psnr = table["psnr"]
    assert psnr[("tint", "true")] > psnr[("tint", "predicted")]


def test_a_model_that_cannot_be_steered_has_one_light(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = rows(monkeypatch, tmp_path, Painter(one_tint(0, 0), steerable=False))
    assert ("none", "true") not in table.index
    assert ("wrong", "predicted") in table.index


def test_a_perfect_prediction_has_no_error_and_no_bias() -> None:
    reference = metrics.Truth(TRUTH, [face((64, 51, 192, 205))])
    found = proof.compare(TRUTH, reference)
    assert found.pop("psnr") == float("inf")
    assert set(found.values()) == {0.0}
    full = reference.compare(TRUTH, lpips=False).as_dict()
    assert set(found) - set(full) == {"skin_bias_hue_of_mean"}


def test_skin_that_is_too_yellow_is_turned_towards_yellow() -> None:
    reference = metrics.Truth(TRUTH, [face((64, 51, 192, 205))])
    turned = lab.rgb_to_lab(TRUTH)
    angle = np.radians(6)
    a, b = turned[..., 1].copy(), turned[..., 2].copy()
    turned[..., 1], turned[..., 2] = (
        a * np.cos(angle) - b * np.sin(angle),
        a * np.sin(angle) + b * np.cos(angle),
    )
    painted = lab.lab_to_rgb(turned)
    found = proof.compare(painted, reference)
    assert found["skin_bias_hue"] == pytest.approx(6, abs=0.7)
    assert found["skin_bias_hue_of_mean"] == pytest.approx(6, abs=0.5)
    everything = reference.compare(painted, lpips=False).as_dict()
    assert {name: value for name, value in found.items() if name in everything} == {
        name: everything[name] for name in found if name in everything
    }, "the quick way measures what the protocol measures"
    assert proof.compare(metrics.gray(TRUTH), reference)["skin_bias_hue_of_mean"] is None
    nobody = metrics.Truth(TRUTH)
    assert proof.compare(TRUTH, nobody)["skin_delta_e"] is None


@pytest.mark.skipif(not checkpoint.available(), reason="needs the weights that come with Rangin")
def test_what_an_encoder_remembers_changes_no_colour() -> None:
    colorizer = Colorizer.load(device="cpu")
    portraits = [colorizer.analyze(metrics.gray(picture)) for picture in (TRUTH, TRUTH[:, ::-1])]
    asked = [(p, steering) for p in portraits for steering in (None, Steering(cast=(3.0, -8.0)))]
    before = [np.asarray(colorizer.paint(p, steering=steering).image) for p, steering in asked]
    remember(colorizer)
    remember(colorizer)
    runs = []
    colorizer.network.encoder.inner.register_forward_hook(lambda *_: runs.append(1))
    after = [np.asarray(colorizer.paint(p, steering=steering).image) for p, steering in asked]
    assert all(map(np.array_equal, before, after))
    assert len(runs) == 2, "once a photo"


def table_of(gain: float) -> pd.DataFrame:
    """Forty photos of two groups; the annotated condition is better by `gain` of skin error on each."""
    lines = []
    rng = np.random.default_rng(0)
    for k in range(40):
        hard = rng.normal(6, 2)
        for light in proof.LIGHTS:
            for condition in proof.CONDITIONS:
                values = dict.fromkeys(proof.METRICS, 1.0) | {"psnr": 25 - hard}
                values["skin_delta_e"] = hard - gain * (condition == "annotated")
                values["skin_bias_hue"] = 3.0 if k % 2 else -1.0
                about = {"imageName": str(k), "group": "White" if k % 2 else "Black", "faces": k % 4}
                lines.append(about | {"condition": condition, "light": light} | values)
    return pd.DataFrame(lines)


def test_differences_are_paired() -> None:
    summary = proof.summarize(table_of(0.1))
    assert summary["measured"] == 40
    assert summary["without_face"] == 10
    against = {(row["condition"], row["light"]): row for row in summary["against_none"]}
    assert len(against) == 6
    better = against["annotated", "true"]["all"]["skin_delta_e"]
    assert better["mean"] == pytest.approx(-0.1)
    assert better["high"] - better["low"] < 1e-9, "photos differ by far more, pairs by nothing"
    assert against["wrong", "predicted"]["groups"]["White"]["skin_delta_e"]["mean"] == 0
    row = summary["rows"][0]
    assert row["worst_hue"] == "White"
    means = [row["groups"][group]["skin_delta_e"]["mean"] for group in ("Black", "White")]
    assert row["skin_delta_e"]["mean"] == pytest.approx(np.mean(means))
    assert row["fairness"]["mean"] == pytest.approx(max(means) / min(means))


@pytest.mark.skipif(not checkpoint.available(), reason="needs the weights that come with Rangin")
def test_the_command_writes_a_report(tmp_path: Path) -> None:
    from skimage import data

    images = tmp_path / "faces" / "images"
    images.mkdir(parents=True)
    Image.fromarray(data.astronaut()[:300, 100:400]).save(images / "a.png")
    Image.fromarray(data.astronaut()[:300, 90:390]).save(images / "b.png")
    Image.fromarray(data.camera()).save(images / "gray.png")
    Image.fromarray(data.coffee()).save(images / "c.png")
    labels = "imageName,ethnicity\na.png,White\nb.png,Black\ngray.png,Indian\nc.png,Nepali\n"
    (images.parent / "val.csv").write_text(labels, encoding="utf-8")
    out = tmp_path / "report"
    arguments = ["proof", "--data", str(images.parent), "--report", str(out), "--jobs", "1"]
    assert main(arguments) == 0
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["measured"], summary["near_gray"], summary["unlabelled"]) == (2, 1, 1)
    text = (out / "summary.md").read_text(encoding="utf-8")
    assert "| wrong | true |" in text
    assert "Signed bias of the skin's hue" in text
    results = pd.read_csv(out / "results.csv")
    assert len(results) == 2 * 11
    psnr = results.groupby(["condition", "light"], dropna=False)["psnr"].mean()
    assert psnr[("none", "predicted")] > 15
    before = (out / "faces.json").read_bytes()
    assert main([*arguments, "--limit", "1"]) == 0
    assert (out / "faces.json").read_bytes() != before, "other photos, other faces"
