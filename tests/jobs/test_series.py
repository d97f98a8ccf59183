"""The curves of runs, also while they are being written."""

from pathlib import Path

import pytest

from train.history import History
from train.jobs import series
from train.jobs.series import TRAINING, VALIDATION, Curve


def run(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / series.FILE).write_text(text, encoding="utf-8")
    return folder


def test_measures_of_training_and_validation(tmp_path: Path) -> None:
    text = "step,epoch,lr,train/loss,train/skin,val/loss,val/psnr,val1/psnr,val/ssim\n"
    text += "20,1,0.1,3.5,1,,,,\n40,2,0.1,3.0,1,3.25,20.5,19.5,0.9\n"
    found = series.read([run(tmp_path / "a", text)])
    assert found == {
        "loss": [
            Curve("a", TRAINING, (20, 40), (3.5, 3.0)),
            Curve("a", VALIDATION, (40,), (3.25,)),
        ],
        "psnr": [
            Curve("a", VALIDATION, (40,), (20.5,)),
            Curve("a", f"{VALIDATION} 1", (40,), (19.5,)),
        ],
        "ssim": [Curve("a", VALIDATION, (40,), (0.9,))],
    }
    assert list(found) == ["loss", "psnr", "ssim"]
    assert series.last(tmp_path / "a")["val/psnr"] == 20.5


def test_several_runs_lie_over_one_another(tmp_path: Path) -> None:
    first = run(tmp_path / "first", "step,val/accuracy\n10,0.5\n")
    second = run(tmp_path / "second", "step,val/accuracy,val/loss\n10,0.25,1\n")
    found = series.read([first, second, tmp_path / "waiting"])
    assert [(curve.run, curve.values) for curve in found["accuracy"]] == [
        ("first", (0.5,)),
        ("second", (0.25,)),
    ]
    assert [curve.run for curve in found["loss"]] == ["second"]


@pytest.mark.parametrize("torn", ["4", "40,2.", '40,"2', "40,2.5,7,8\n", "forty,2\n", "\0\n"])
def test_a_torn_last_line_waits(tmp_path: Path, torn: str) -> None:
    folder = run(tmp_path / "a", "step,train/loss\n20,3.5\n" + torn)
    assert series.read([folder]) == {"loss": [Curve("a", TRAINING, (20,), (3.5,))]}


@pytest.mark.parametrize("text", ["", "step", "a\n1\n", "step,train/loss\n1,nan\n2,inf\n", "\xff\n"])
def test_a_file_without_numbers_has_no_curves(tmp_path: Path, text: str) -> None:
    assert series.read([run(tmp_path / "a", text)]) == {}


def test_bytes_that_are_no_text_have_no_curves(tmp_path: Path) -> None:
    (tmp_path / series.FILE).write_bytes(b"step,train/loss\n1,\xff\xfe\n")
    assert series.read([tmp_path]) == {}
    assert series.last(tmp_path) == {}


def test_what_is_added_is_seen_at_the_next_look(tmp_path: Path) -> None:
    history = History(tmp_path / series.FILE)
    history.add({"step": 1, "train/loss": 2.0})
    assert series.read([tmp_path])["loss"][0].steps == (1,)
    history.add({"step": 2, "train/loss": 1.5})
    assert series.read([tmp_path])["loss"][0].steps == (1, 2)
    history.add({"step": 3, "train/loss": 1.0, "val/psnr": 22.0})
    assert series.read([tmp_path])["psnr"][0].values == (22.0,)
    history.forget_after(1)
    assert series.read([tmp_path]) == {"loss": [Curve(tmp_path.name, TRAINING, (1,), (2.0,))]}


def test_long_curves_become_means_between_their_ends(tmp_path: Path) -> None:
    rows = "".join(f"{step},{step * 2}\n" for step in range(1, 10_001))
    (curve,) = series.read([run(tmp_path / "a", "step,val/loss\n" + rows)], points=50)["loss"]
    assert len(curve.steps) == len(curve.values) == 50
    assert (curve.steps[0], curve.steps[-1]) == (1, 10_000)
    assert list(curve.steps) == sorted(set(curve.steps))
    assert all(
        value == pytest.approx(2 * step) for step, value in zip(curve.steps, curve.values, strict=True)
    )
