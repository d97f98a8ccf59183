"""README's tables are put between markers by command, and nothing else in the file changes."""

from pathlib import Path
from typing import Any

import pytest

from colorizer.errors import OptionError
from train import report
from train.__main__ import main

README = "# Title\r\n\r\n<!-- results:begin -->\r\nold\r\n<!-- results:end -->\r\n\r\nRest – kept\r\n"


def means(value: float) -> dict[str, object]:
    """One metric's entry."""
    return {"mean": value, "low": value - 1, "high": value + 1, "n": 7}


def summary() -> dict[str, Any]:
    """As `python -m train evaluate` writes it, with one model and one group."""
    every = {
        key: means(20.0) for key in ("mse", "psnr", "ssim", "delta_e", "skin_delta_e", "delta_colorfulness")
    }
    biases = ("skin_bias_a", "skin_bias_b", "skin_bias_hue")
    every |= {key: means(1.5) for key in ("aligned_psnr", "skin_ita_error", *biases)}
    every |= {"lpips": None}
    classifier = {
        "n": 10,
        "accuracy": 0.6,
        "low": 0.3,
        "high": 0.9,
        "balanced_accuracy": 0.55,
        "ece": 0.125,
        "crops": {"face": {"n": 8, "accuracy": 0.625}, "centre": {"n": 2, "accuracy": 0.5}},
        "confusion": [[3, 1, 0, 0, 0, 0], *[[0] * 6 for _ in range(4)], [2, 0, 0, 0, 1, 3]],
    }
    fairness = {"ratio": 1.25, "worst": "Asian", "best": "White"}
    return {
        "measured": 7,
        "data": "faces/val.csv",
        "models": {
            "tint": {
                "all": every,
                "groups": {"Asian": every, "other": every},
                "fairness": fairness,
                "skin_over_groups": means(6.5),
            }
        },
        "classifier": classifier,
        "lpips_missing": "no weights here",
        "left_out": {"near_gray": 2, "missing": ["gone.jpg"], "unreadable": []},
        "other_labels": {"Nepali": 4},
        "tint": [11.7, 13.5],
        "date": "2026-01-02",
        "machine": "a machine",
        "command": "python -m train evaluate",
    }


def test_what_stands_between_the_markers_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(README.encode())
    report.update_readme("results", "| a |\n|---|\n", path)
    assert path.read_bytes() == README.replace("old", "| a |\r\n|---|").encode()
    report.update_readme("results", "old", path)
    assert path.read_bytes() == README.encode()


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "<!-- results:begin -->",
        "<!-- results:end -->\n<!-- results:begin -->",
        README + README,
    ],
)
def test_missing_markers_are_told_and_the_file_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(text.encode())
    with pytest.raises(OptionError, match="<!-- results:begin -->"):
        report.update_readme("results", "new", path)
    assert path.read_bytes() == text.encode()


def test_command_puts_a_report_into_a_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    readme.write_bytes(README.encode())
    folder = tmp_path / "report"
    assert main(["readme", str(folder), "--readme", str(readme)]) == 1
    assert "python -m train evaluate" in capsys.readouterr().err
    folder.mkdir()
    (folder / "summary.md").write_text("the table\n", encoding="utf-8")
    assert main(["readme", str(folder), "--readme", str(readme)]) == 0
    assert b"<!-- results:begin -->\r\nthe table\r\n<!-- results:end -->" in readme.read_bytes()
    assert main(["readme", str(folder), "--readme", str(readme), "--section", "other"]) == 1


def test_a_report_says_everything_that_a_reader_needs() -> None:
    text = report.markdown(summary())
    assert "| model | PSNR, dB ↑ | SSIM ↑ | ΔE ↓ |" in text  # no column for the metric that nobody has
    assert "| tint | 20.00 <sub>19.00 to 21.00</sub> |" in text
    assert "LPIPS is missing: no weights here" in text
    assert "| model | Asian | other | mean of groups | fairness |" in text
    assert "| 1.25 |" in text
    assert "accuracy 60.0% (30.0% to 90.0%, n = 10), balanced 55.0%, calibration error (ECE) 0.125" in text
    assert "62.5% (n = 8)" in text
    assert "50.0% (n = 2)" in text
    assert "| Asian | 3 | 1 | 0 | 0 | 0 | 0 | 75% |" in text
    assert "| Black | 0 | 0 | 0 | 0 | 0 | 0 | – |" in text
    assert "2 near-gray, 1 (gone.jpg) missing, 0 unreadable" in text
    assert "Labels outside the six groups: Nepali (4)." in text
    assert "2026-01-02, a machine: `python -m train evaluate`" in text


def test_cost_stands_beside_quality() -> None:
    costs = {"tint": {"parameters": 7.14e6, "megabytes": 14.26, "milliseconds": None}}
    text = report.markdown(summary() | {"cost": costs})
    assert "| parameters, M | MB | ms a photo |" in text
    assert "| 7.1 | 14.3 | – |" in text
    assert "parameters" not in report.markdown(summary())


def test_unlabelled_photos_get_no_group_tables() -> None:
    content = summary() | {"classifier": None, "other_labels": {}}
    content["models"]["tint"] |= {"groups": {}, "fairness": None}  # type: ignore[index]
    text = report.markdown(content)
    assert "fairness" not in text
    assert "By the label" not in text
    assert "accuracy" not in text


def test_every_table_has_as_many_cells_in_each_row() -> None:
    rows: list[int] = []
    for line in [*report.markdown(summary()).splitlines(), ""]:
        if line.startswith("|"):
            rows.append(line.count("|"))
        else:
            assert len(set(rows)) <= 1
            rows = []


def test_several_classifiers_stand_side_by_side() -> None:
    content = summary()
    first = content["classifier"] | {"auc": {"Asian": 0.75, "White": 0.85, "Black": None}}
    second = first | {"accuracy": 0.5, "auc": {"Asian": None}}
    text = report.markdown(content | {"classifiers": {"first": first, "second": second}})
    assert "| first | 0.600 <sub>0.300 to 0.900</sub> | 0.550 | 0.800 | 0.125 |" in text
    assert "| second | 0.500 <sub>0.300 to 0.900</sub> | 0.550 | – | 0.125 |" in text
    assert "All classifiers" not in report.markdown(content | {"classifiers": {"first": first}})
