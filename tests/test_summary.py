"""Means, intervals, fairness and the classifier's scores against values computed by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from colorizer.ethnicity import GROUPS
from train import summary


def rows_of(**columns: list[object]) -> pd.DataFrame:
    """Results in which every metric that isn't given is 1."""
    count = len(next(iter(columns.values())))
    table = pd.DataFrame({metric: np.ones(count) for metric in summary.METRICS})
    return table.assign(**columns)


def test_metrics_are_the_protocols_numbers() -> None:
    assert "lpips_reason" not in summary.METRICS
    assert {"psnr", "ssim", "skin_delta_e", "aligned_psnr", "skin_bias_hue"} <= set(summary.METRICS)
    assert len(summary.METRICS) == 18


def test_intervals_bracket_the_mean_and_have_the_known_width() -> None:
    values = np.random.default_rng(5).normal(25, 3, 400)
    psnr = summary.means_of(rows_of(psnr=list(values)))["psnr"]
    assert psnr["mean"] == pytest.approx(values.mean())
    assert psnr["low"] < psnr["mean"] < psnr["high"]
    # For a mean of many values the bootstrap's interval is the normal one.
    assert psnr["high"] - psnr["low"] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)
    assert psnr["n"] == 400


def test_intervals_are_the_same_each_time() -> None:
    rows = rows_of(psnr=np.linspace(20, 30, 50).tolist())
    assert summary.means_of(rows) == summary.means_of(rows)
    assert summary.means_of(rows, seed=1)["psnr"] != summary.means_of(rows, seed=2)["psnr"]


def test_what_could_not_be_measured_does_not_count() -> None:
    rows = rows_of(skin_delta_e=[4.0, None, 8.0], lpips=[None, None, None], psnr=[20.0, float("inf"), 30.0])
    means = summary.means_of(rows)
    assert means["skin_delta_e"]["mean"] == 6
    assert means["skin_delta_e"]["n"] == 2
    assert means["lpips"] is None
    assert means["psnr"]["mean"] == 25


def test_fairness_is_the_worst_group_over_the_best() -> None:
    rows = rows_of(
        skin_delta_e=[4.0, 6.0, 9.0, 9.0, 6.0, None, 50.0],
        group=["Asian", "Asian", "Black", "Black", "White", "Indian", "other"],
        model=["m"] * 7,
    )
    result = summary.summarize(rows)["m"]
    # Asian 5, Black 9, White 6; nobody Indian has skin, and "other" is no group.
    assert result["fairness"] == {"ratio": pytest.approx(9 / 5), "worst": "Black", "best": "Asian"}
    assert list(result["groups"]) == ["Asian", "Black", "Indian", "White", "other"]
    assert result["groups"]["Asian"]["skin_delta_e"]["mean"] == 5
    assert result["all"]["skin_delta_e"]["n"] == 6


def test_one_group_has_no_fairness() -> None:
    rows = rows_of(skin_delta_e=[4.0, 6.0], group=["Asian", ""], model=["m", "m"])
    result = summary.summarize(rows)["m"]
    assert result["fairness"] is None
    assert list(result["groups"]) == ["Asian"]


def estimates(pairs: list[tuple[str, str]], confidence: float = 0.8) -> pd.DataFrame:
    """(label, estimate) pairs, the last one on a centre crop."""
    table = pd.DataFrame(pairs, columns=["ethnicity", "estimated"])
    table["crop"] = ["face"] * (len(pairs) - 1) + ["centre"]
    for group in GROUPS:
        table[group] = np.where(table["estimated"] == group, confidence, (1 - confidence) / 5)
    return table


def test_classifier_scores_by_hand() -> None:
    pairs = [
        ("Asian", "Asian"),
        ("Asian", "Asian"),
        ("Asian", "White"),
        ("White", "White"),
        ("Nepali", "Asian"),
    ]
    pairs.append(("White", "Black"))
    result = summary.classifier_summary(estimates(pairs))
    assert result is not None
    assert result["n"] == 5  # the label outside the six groups is no error
    assert result["accuracy"] == pytest.approx(3 / 5)
    assert result["low"] < 3 / 5 < result["high"]
    assert result["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    known = [pair for pair in pairs if pair[0] in GROUPS]
    with pytest.warns(UserWarning, match="y_pred"):  # Black is estimated and never true
        assert result["balanced_accuracy"] == pytest.approx(
            balanced_accuracy_score(*zip(*known, strict=True))
        )
    assert result["confusion"][0] == [2, 0, 0, 0, 0, 1]
    assert result["confusion"][5] == [0, 1, 0, 0, 0, 1]
    assert result["crops"] == {
        "face": {"n": 4, "accuracy": pytest.approx(3 / 4)},
        "centre": {"n": 1, "accuracy": pytest.approx(0)},
    }
    assert result["ece"] == pytest.approx(0.8 - 3 / 5)


def test_each_classifier_has_its_own_scores() -> None:
    right = estimates([("Asian", "Asian"), ("White", "White")]).assign(classifier="one")
    wrong = estimates([("Asian", "White"), ("White", "White")]).assign(classifier="two")
    found = summary.classifier_summaries(pd.concat([right, wrong]))
    assert {name: scores["accuracy"] for name, scores in found.items()} == {"one": 1.0, "two": 0.5}
    assert summary.classifier_summaries(right.assign(ethnicity="")) == {}
    assert summary.classifier_summaries(pd.DataFrame()) == {}


def test_calibration_error_by_hand() -> None:
    # Two bins: 0.95 twice, right once (gap 0.45); 0.3 twice, never right (gap 0.3); each holds half.
    error = summary.calibration_error(np.array([0.95, 0.95, 0.3, 0.3]), np.array([True, False, False, False]))
    assert error == pytest.approx((0.45 + 0.3) / 2)
    assert summary.calibration_error(np.array([1.0, 1.0]), np.array([True, True])) == 0


def test_without_labels_there_is_no_score() -> None:
    assert summary.classifier_summary(estimates([("", "Asian"), ("Nepali", "White")])) is None
