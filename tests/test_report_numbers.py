"""The numbers behind a report's figures against small cases computed by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from colorizer import checkpoint
from colorizer.errors import ModelError, OptionError
from colorizer.groups import GROUPS
from train.reporting import cases, classifier, distribution, history, models, versus
from train.summary import METRICS, calibration_error

needs_weights = pytest.mark.skipif(
    not checkpoint.available(), reason="needs the weights that come with Rangin"
)


def known(labels: list[str], asian: list[float]) -> pd.DataFrame:
    """Photos with a probability for Asian; the rest is White's."""
    table = pd.DataFrame({"ethnicity": labels} | dict.fromkeys(GROUPS, 0.0))
    table["Asian"], table["White"] = asian, 1 - np.array(asian)
    return table


def test_auc_is_the_share_of_pairs_in_right_order() -> None:
    table = known(["Asian", "Asian", "White", "White"], [0.9, 0.4, 0.6, 0.1])
    curve, areas = classifier.roc(table)
    # Of four pairs of an Asian and a White photo, one (0.4 against 0.6) is in the wrong order.
    assert areas["Asian"] == pytest.approx(3 / 4)
    assert areas["White"] == pytest.approx(3 / 4)
    assert areas["Black"] is None
    asian = curve[curve["group"] == "Asian"]
    points = asian[["false_positive_rate", "true_positive_rate"]].to_numpy().tolist()
    assert points == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    assert np.isfinite(asian["threshold"]).all()


def test_one_group_alone_has_no_curve() -> None:
    curve, areas = classifier.roc(known(["Asian", "Asian"], [0.9, 0.4]))
    assert curve.empty
    assert set(areas.values()) == {None}


def test_reliability_adds_up_to_the_calibration_error() -> None:
    confidence, is_right = np.array([0.95, 0.97, 0.3, 0.3]), np.array([True, False, False, True])
    table = classifier.reliability(confidence, is_right)
    assert table["n"].tolist() == [2, 2]
    assert table["confidence"].to_numpy() == pytest.approx([0.3, 0.96])
    assert table["accuracy"].tolist() == [0.5, 0.5]
    assert table["low"].to_numpy() == pytest.approx([4 / 15, 14 / 15])
    gaps = (table["n"] / 4 * (table["confidence"] - table["accuracy"]).abs()).sum()
    assert gaps == pytest.approx(calibration_error(confidence, is_right)) == pytest.approx((0.2 + 0.46) / 2)


def test_accuracy_by_confidence_keeps_ties_together() -> None:
    table = classifier.by_confidence(np.array([0.5, 0.9, 0.5, 0.7]), np.array([True, True, False, False]))
    assert table["coverage"].tolist() == [0.25, 0.5, 1]
    assert table["threshold"].tolist() == [0.9, 0.7, 0.5]
    assert table["accuracy"].tolist() == [1, 0.5, 0.5]


def flat(*colours: tuple[float, float, int]) -> np.ndarray:
    """(a, b, count) -> (1, N, 3) Lab pixels."""
    pixels = [[50, a, b] for a, b, count in colours for _ in range(count)]
    return np.array([pixels], np.float32)


def test_empty_bins_by_hand() -> None:
    histograms = distribution.Histograms()
    for _ in range(2):
        histograms.add(
            {
                "truth": distribution.count(flat((5, 5, 10), (15, 5, 10), (-25, 35, 10), (55, 55, 10))),
                "model": distribution.count(flat((6, 6, 20), (14, 4, 10), (-55, 0, 10))),
            }
        )
    found = distribution.summarize(histograms)["model"]
    # Of four squares of 10 the model has two; one that the truth doesn't have counts for nothing.
    assert found == {"occupied": 4, "empty": 2, "share": 0.5}
    assert histograms.counts["truth"].sum() == 80
    assert histograms.counts["model"][(-55 + 110) // 2, 110 // 2] == 20


def test_a_few_pixels_of_noise_occupy_no_bin() -> None:
    counts = np.zeros((distribution.SIDE, distribution.SIDE), np.int64)
    counts[55, 55], counts[0, 0] = 10**6, 9
    assert distribution.empty_bins(counts, counts * 0).occupied == 1
    counts[0, 0] = 20
    assert distribution.empty_bins(counts, counts * 0) == distribution.Empty(2, 2)


def test_marginals_are_shares() -> None:
    histograms = distribution.Histograms()
    histograms.add({"truth": distribution.count(flat((5, -20, 3), (7, -20, 1)))})
    table = distribution.marginals(histograms)
    assert table[["axis", "value", "truth"]].to_numpy().tolist() == [
        ["a", 5, 0.75],
        ["a", 7, 0.25],
        ["b", -19, 1.0],
    ]


def results(**models_psnr: list[float]) -> pd.DataFrame:
    """A row a photo a model; all metrics 1 but the PSNR."""
    rows = []
    for model, values in models_psnr.items():
        for i, psnr in enumerate(values):
            about = {"imageName": f"{i}.jpg", "ethnicity": "White", "group": "White", "model": model}
            rows.append(about | dict.fromkeys(METRICS, 1.0) | {"psnr": psnr, "lpips": None})
    return pd.DataFrame(rows)


def test_wins_and_mean_differences_by_hand() -> None:
    table = versus.differences(results(tint=[20, 20, 20, 20], mine=[22, 21, 19, 20]), "tint")
    assert table["psnr"].tolist() == [2, 1, -1, 0]
    scores = versus.summarize(table)["mine"]
    won = scores["wins"]["psnr"]
    assert (won["won"], won["lost"], won["tied"]) == (2, 1, 1)
    assert won["share"] == pytest.approx(2 / 3)
    assert won["p"] == pytest.approx(1)  # two of three or a count as extreme is certain
    assert won["low"] < 2 / 3 < won["high"]
    assert scores["differences"]["psnr"]["mean"] == pytest.approx(0.5)
    assert scores["wins"]["lpips"] is None
    assert scores["wins"]["delta_e"]["share"] is None


def test_ten_wins_of_ten_are_no_chance_and_smaller_errors_win() -> None:
    won = versus.wins([1.0] * 10)
    assert won is not None
    assert won["p"] == pytest.approx(2 / 2**10)
    # Wilson's lower bound for 10 of 10: n / (n + z^2).
    assert won["low"] == pytest.approx(10 / (10 + 1.959964**2), abs=1e-6)
    table = results(tint=[20.0], mine=[20.0])
    table.loc[table["model"] == "mine", "delta_e"] = 0.5
    scores = versus.summarize(versus.differences(table, "tint"))["mine"]
    assert scores["wins"]["delta_e"]["won"] == 1


def test_best_and_worst_share_no_photo() -> None:
    picked = cases.pick(results(gray=[1, 2, 3, 4, 5], mine=[30, 10, 20, 50, 40]), each=2)
    assert set(picked["model"]) == {"mine"}
    psnr = picked[picked["metric"] == "psnr"]
    assert psnr[psnr["case"] == "best"]["imageName"].tolist() == ["3.jpg", "4.jpg"]
    assert psnr[psnr["case"] == "worst"]["imageName"].tolist() == ["1.jpg", "2.jpg"]
    few = cases.pick(results(mine=[10, 20, 30]))
    assert not few[["metric", "imageName"]].duplicated().any()
    assert cases.pick(results(gray=[1.0])).empty


def test_many_models_get_fewer_cases_each() -> None:
    many = results(**{f"m{i}": list(range(20)) for i in range(30)})
    assert len(cases.pick(many)) <= cases.TRIPLES


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("train/loss", ("loss", "train")),
        ("val/psnr", ("psnr", "val")),
        ("val1/psnr", ("psnr", "val1")),
        ("train_loss", ("loss", "train")),
        ("psnr/dataloader_idx_0", ("psnr", "val")),
        ("psnr/dataloader_idx_1", ("psnr", "val1")),
        ("color_loss", ("color_loss", "logged")),
    ],
)
def test_a_columns_name_says_metric_and_set(column: str, expected: tuple[str, str]) -> None:
    assert history.split_name(column) == expected


def test_sparse_metrics_become_curves(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    file.write_text(
        "epoch,step,train/loss,val/loss,lr-AdamW/pg1,seconds,note\n"
        "0,10,3.5,,0.1,1,a\n0,20,,2.5,0.1,2,b\n1,30,nan,inf,0.1,3,c\n",
        encoding="utf-8",
    )
    table = history.read(file)
    assert table.to_numpy().tolist() == [["loss", "train", 10, 3.5], ["loss", "val", 20, 2.5]]
    assert history.order(["x", "accuracy", "loss"]) == ["loss", "accuracy", "x"]
    with pytest.raises(OptionError, match="can't be read"):
        history.read(tmp_path / "nowhere.csv")


def test_a_file_without_scores_has_no_curves(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,lr\n1,0.1\n", encoding="utf-8")
    assert history.read(tmp_path / "metrics.csv").empty


def test_long_curves_are_averaged_to_their_mean() -> None:
    curve = pd.DataFrame({"step": range(1000), "value": np.linspace(0, 1, 1000)})
    thin = history.thin(curve)
    assert len(thin) == history.POINTS
    assert thin["value"].mean() == pytest.approx(0.5, abs=0.01)
    assert thin["step"].is_monotonic_increasing


@needs_weights
def test_models_are_found_and_told_apart(tmp_path: Path) -> None:
    weights = checkpoint.FOLDER / "ethnicity-aware.safetensors"
    for place in ("a/run", "b/run"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "x.safetensors").symlink_to(weights)
    (tmp_path / "a/run/metrics.csv").write_text("step\n", encoding="utf-8")
    (tmp_path / "ethnicity-classifier.safetensors").symlink_to(
        checkpoint.FOLDER / "ethnicity-classifier.safetensors"
    )
    texts = ["default", str(tmp_path / "a/run"), str(tmp_path / "b/run"), "default"]
    found = models.find([*texts, str(tmp_path / "ethnicity-classifier.safetensors")])
    assert [model.name for model in found] == [
        "default",
        "a/run",
        "b/run",
        f"{tmp_path.name}/ethnicity-classifier",  # the default one is always measured under that name
    ]
    assert [model.is_classifier for model in found] == [False, False, False, True]
    assert found[1].run == tmp_path / "a/run"
    assert models.find([str(tmp_path / "a/run/x.safetensors")])[0].run == tmp_path / "a/run"
    assert models.find([str(tmp_path / "a/run")])[0].name == "run"
    assert models.file_size("default") == pytest.approx(weights.stat().st_size / 1e6)
    assert models.file_size("hf:some/one") is None


def test_a_folder_must_hold_one_file_of_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no \*.safetensors; `python -m train fit`"):
        models.find([str(tmp_path)])
    (tmp_path / "a.safetensors").touch()
    (tmp_path / "b.safetensors").touch()
    with pytest.raises(ModelError, match=r"a\.safetensors, b\.safetensors"):
        models.find([str(tmp_path)])
    with pytest.raises(OptionError, match="names no model"):
        models.find([])
