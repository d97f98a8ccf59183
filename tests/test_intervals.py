"""Means, ratios and their intervals."""

import numpy as np
import pandas as pd
import pytest

from train import intervals


def test_a_mean_leaves_out_what_is_not_known() -> None:
    rows = pd.DataFrame({"x": [1.0, None, 3.0, np.inf], "y": [None] * 4})
    found = intervals.means(rows, ["x", "y"])
    assert found["x"] is not None
    assert (found["x"]["mean"], found["x"]["n"]) == (2.0, 2)
    assert 1 <= found["x"]["low"] <= 2 <= found["x"]["high"] <= 3
    assert found["y"] is None


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        mean = intervals.means(pd.DataFrame({"x": rng.normal(5, 2, 60)}), ["x"], resamples=400)["x"]
        assert mean is not None
        covered += mean["low"] <= 5 <= mean["high"]
    assert 180 <= covered <= 198


def test_rows_of_one_unit_are_no_independent_looks() -> None:
    values = np.random.default_rng(0).normal(0, 1, 25)
    rows = pd.DataFrame({"x": np.repeat(values, 4), "frame": np.repeat(np.arange(25), 4)})
    by_row, by_frame = (intervals.means(rows, ["x"], unit=unit)["x"] for unit in (None, "frame"))
    assert by_row is not None
    assert by_frame is not None
    assert by_row["mean"] == pytest.approx(by_frame["mean"])
    widths = [mean["high"] - mean["low"] for mean in (by_frame, by_row)]
    assert widths[0] / widths[1] == pytest.approx(2, abs=0.3), "four copies of a photo tell no more than one"


def test_a_ratio_is_of_means_where_both_are_known() -> None:
    rows = pd.DataFrame({"upper": [2.0, 4.0, 9.0], "lower": [1.0, 2.0, None]})
    found = intervals.ratio(rows, "upper", "lower")
    assert found == {"mean": 2.0, "low": 2.0, "high": 2.0, "n": 2}
    assert intervals.ratio(rows.iloc[2:], "upper", "lower") is None


def test_groups_count_alike_however_many_photos_they_have() -> None:
    rows = pd.DataFrame({"group": ["Asian"] * 30 + ["White"] * 10, "x": [2.0] * 30 + [3.0] * 10})
    groups = ("Asian", "Black", "White")
    mean = intervals.over_groups(rows, "x", groups, intervals.mean_over)
    assert mean == {"mean": 2.5, "low": 2.5, "high": 2.5, "n": 40}
    fairness = intervals.over_groups(rows, "x", groups, intervals.worst_over_best)
    assert fairness is not None
    assert fairness["mean"] == pytest.approx(1.5)
    assert intervals.over_groups(rows.iloc[:30], "x", groups, intervals.mean_over) is None
