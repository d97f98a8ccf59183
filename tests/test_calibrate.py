"""What calibration chooses, that it is told honestly, and that it changes two numbers of a file and nothing else."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from colorizer import checkpoint, lab, networks
from colorizer.errors import ModelError
from colorizer.ethnicity import GROUPS, EthnicityClassifier, calibrated
from colorizer.faces import Face
from train import calibrate as command
from train.__main__ import main
from train.calibration import (
    Estimates,
    calibrate,
    choose_threshold,
    figures,
    fit_temperature,
    halves,
    surprise,
    tables,
)
from train.pictures import Pictures
from train.summary import calibration_error


def drawn(temperature: float, n: int = 6000, seed: int = 0) -> Estimates:
    """Labels drawn from known probabilities, which are then told too surely (below 1) or too timidly (above 1)."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet(np.full(6, 0.5), n)
    labels = (true.cumsum(1) < rng.random((n, 1))).sum(1).clip(0, 5)
    return Estimates(calibrated(true, temperature), labels, {"no face": 3})


def small(path: Path, **config: float) -> Path:
    """A classifier that nobody trained."""
    torch.manual_seed(0)
    network = networks.build("ethnicity-classifier", encoder="test_resnet", size=32, **config)
    checkpoint.save(network, "ethnicity-classifier", path, {"steps": 7})
    return path


def bits(path: Path) -> dict[str, bytes]:
    """Each tensor of a file, byte by byte."""
    tensors = load_file(path)
    return {key: tensor.flatten().view(torch.uint8).numpy().tobytes() for key, tensor in tensors.items()}


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_undoes_what_made_estimates_too_sure_or_too_timid(temperature: float) -> None:
    known = drawn(temperature)
    # What was raised to the power 1/t is mended by 1/t.
    assert fit_temperature(known.probabilities, known.labels) == pytest.approx(1 / temperature, rel=0.06)


def test_scaling_keeps_sums_and_order_and_takes_zeros() -> None:
    estimates = np.array([[1.0, 0, 0, 0, 0, 0], [0.3, 0.25, 0.2, 0.15, 0.1, 0.0], [1 / 6] * 6])
    for temperature in (0.05, 0.5, 1.0, 3.0, 20.0):
        scaled = calibrated(estimates, temperature)
        assert scaled.sum(1) == pytest.approx(1, abs=1e-12)
        assert (scaled.argsort(1, kind="stable") == estimates.argsort(1, kind="stable")).all()
        assert scaled[2] == pytest.approx(1 / 6)
    assert calibrated(estimates, 1.0) == pytest.approx(estimates)
    assert calibrated(estimates, 2.0)[1].max() < 0.3 < calibrated(estimates, 0.5)[1].max()


def test_calibration_lowers_the_error_on_faces_it_was_not_fitted_to() -> None:
    known = drawn(0.5)
    found = calibrate(known)
    numbers = figures(known, found, "some/faces.csv")
    assert found.temperature == pytest.approx(2, rel=0.06)
    assert all(half[0] == pytest.approx(2, rel=0.1) for half in found.halves)
    assert numbers["ece_before"] > 0.08
    assert numbers["ece_after"] < 0.025
    assert numbers["log_loss_after"] < numbers["log_loss_before"] - 0.05
    assert numbers["log_loss_after"] == pytest.approx(
        surprise(calibrated(known.probabilities, 2), known.labels), abs=0.002
    )
    assert numbers["accuracy"] == (known.probabilities.argmax(1) == known.labels).mean()


def test_each_half_is_judged_by_the_other_half() -> None:
    """With a half that is too sure and one that is right, each is spoilt by the other's temperature."""
    known = drawn(1.0)
    first = halves(known.labels)
    told = known.probabilities.copy()
    told[first] = calibrated(told[first], 0.4)
    mixed = Estimates(told, known.labels, {})
    found = calibrate(mixed)
    (of_first, _), (of_second, _) = found.halves
    assert of_first == pytest.approx(2.5, rel=0.1)
    assert of_second == pytest.approx(1, rel=0.1)
    assert found.confidence[first] == pytest.approx(calibrated(told[first], of_second).max(1))
    is_right = told.argmax(1) == known.labels
    assert calibration_error(found.confidence[~first], is_right[~first]) > 0.1


def test_halves_share_out_each_label_and_never_change() -> None:
    labels = np.repeat(np.arange(6), [1, 2, 3, 100, 101, 400])
    first = halves(labels)
    for label in range(6):
        own = first[labels == label]
        assert own.sum() == (len(own) + 1) // 2
    assert np.array_equal(first, halves(labels))


def test_the_threshold_is_the_smallest_from_which_on_enough_are_right() -> None:
    confidence = np.linspace(0.2, 1, 4001)
    is_right = np.random.default_rng(0).random(4001) < confidence
    threshold = choose_threshold(confidence, is_right, 0.75)
    # Those above c are right in (c + 1) / 2 of all cases.
    assert threshold == pytest.approx(0.5, abs=0.03)
    assert is_right[confidence >= threshold].mean() >= 0.75
    assert is_right[confidence >= threshold - 0.01].mean() < 0.75
    assert choose_threshold(confidence, is_right, 0.5) == 0
    assert choose_threshold(confidence, np.zeros(4001, bool)) == 1


def test_tables_say_what_is_kept_and_right() -> None:
    known = drawn(0.6)
    found = calibrate(known)
    shown = tables(known, found)
    coverage = shown["coverage"].set_index("threshold")
    assert found.unsure_below in coverage.index
    assert coverage.loc[0.0, "kept"] == 1
    assert coverage["kept"].is_monotonic_decreasing
    assert coverage["accuracy"].dropna().is_monotonic_increasing
    assert coverage.loc[found.unsure_below, "accuracy"] == pytest.approx(0.75, abs=0.03)
    groups = shown["groups"]
    assert list(groups["label"]) == list(GROUPS)
    assert groups["n"].sum() == 6000
    kept = (groups["kept"] * groups["n"]).sum()
    assert kept == found.is_sure.sum()
    assert (groups["accuracy of the kept"] > groups["accuracy"]).all()
    assert set(shown["reliability"]["calibrated"]) == {"no", "yes"}
    named = shown["named"]
    assert named["n"].sum() == found.is_sure.sum()
    right = (known.probabilities.argmax(1) == known.labels)[found.is_sure]
    assert (named["n"] * named["right"]).sum() == pytest.approx(right.sum())


def test_only_the_two_numbers_of_a_file_change(tmp_path: Path) -> None:
    path = small(tmp_path / "mine.safetensors")
    path.chmod(0o644)
    before, about = bits(path), checkpoint.about(str(path))
    command.write(path, 1.7, 0.45, {"n": 3})
    assert bits(path) == before
    after = checkpoint.about(str(path))
    assert after["config"] == about["config"] | {"temperature": 1.7, "unsure_below": 0.45}
    assert after["training"] == {"steps": 7, "calibration": {"n": 3}}
    assert [file.name for file in tmp_path.iterdir()] == ["mine.safetensors"]
    assert path.stat().st_mode & 0o777 == 0o644, "who could read it still can"
    classifier = EthnicityClassifier.load(str(path))
    assert (classifier.temperature, classifier.unsure_below) == (1.7, 0.45)


def test_a_file_that_is_not_half_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    checkpoint.save(
        networks.build("ethnicity-classifier", encoder="test_resnet", size=32),
        "ethnicity-classifier",
        path,
        half=False,
    )
    before = bits(path)
    command.write(path, 1.2, 0.5, {})
    assert bits(path) == before


def test_estimates_are_scaled_and_the_unlikely_are_unsure(tmp_path: Path, astronaut: np.ndarray) -> None:
    lightness = lab.lightness(astronaut)
    face = Face((170.0, 60.0, 280.0, 190.0), (), 1.0)
    plain = EthnicityClassifier.load(str(small(tmp_path / "plain.safetensors")))
    (before,) = plain.classify(lightness, [face])
    assert (plain.temperature, plain.unsure_below, before.unsure) == (1.0, 0.0, False)
    values = np.array(list(before.probabilities.values()))
    limit = float(calibrated(values[None], 0.5).max())
    for bar, unsure in ((limit - 1e-6, False), (limit + 1e-6, True)):
        path = small(tmp_path / f"{unsure}.safetensors", temperature=0.5, unsure_below=bar)
        (after,) = EthnicityClassifier.load(str(path)).classify(lightness, [face])
        assert list(after.probabilities.values()) == pytest.approx(calibrated(values[None], 0.5)[0], abs=1e-6)
        assert after.unsure is unsure


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", 0),
        ("temperature", "1"),
        ("temperature", 1e9),
        ("unsure_below", -0.1),
        ("unsure_below", 2),
    ],
)
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, key: str, value: object) -> None:
    path = small(tmp_path / "x.safetensors")
    network = EthnicityClassifier.load(str(path)).network
    network.config |= {key: value}  # type: ignore[operator]
    checkpoint.save(network, "ethnicity-classifier", path)
    with pytest.raises(ModelError, match=f"{key} is a number from"):
        EthnicityClassifier.load(str(path))


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 40 labelled pictures and four that don't count; a stand-in finds each one's face."""
    from PIL import Image

    images = tmp_path / "faces" / "images"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["imageName,ethnicity"]
    for i in range(42):
        size = (20, 20) if i == 40 else (64, 64)
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(images / f"{i:02}.png")
        lines.append(f"{i:02}.png,{'Nepali' if i == 41 else GROUPS[i % 6]}")
    (images / "broken.png").write_bytes(b"no picture")
    lines += ["broken.png,Asian", "gone.png,Asian"]
    (images.parent / "val.csv").write_text("\n".join(lines) + "\n")

    class Finder:
        def __init__(self, device: object) -> None: ...

        def detect(self, lightness: np.ndarray) -> list[Face]:
            if lightness.shape == (20, 20):
                return []
            return [Face((0, 0, 8, 8), (), 1.0), Face((8.0, 8.0, 60.0, 60.0), (), 0.9)]

    monkeypatch.setattr(command, "FaceDetector", Finder)
    return images.parent


def test_the_command_reports_and_writes(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small(tmp_path / "mine.safetensors")
    about = checkpoint.about(str(path))
    asked = ["calibrate", "--model", str(path), "--data", str(faces), "--report", str(tmp_path / "report")]
    assert main(asked) == 0
    assert checkpoint.about(str(path)) == about, "nothing is written unless asked for"
    numbers = json.loads((tmp_path / "report/calibration.json").read_text())
    assert numbers["n"] == 40
    assert numbers["left_out"] == {"no face": 1, "no label": 1, "unreadable": 1, "missing": 1}
    printed = capsys.readouterr().out
    assert "40 faces of faces/val.csv (left out: 1 no face, 1 no label, 1 unreadable, 1 missing)" in printed
    assert (tmp_path / "report/summary.md").read_text() in printed
    assert {"coverage.csv", "groups.csv", "named.csv", "reliability.csv"} <= {
        file.name for file in (tmp_path / "report").iterdir()
    }
    estimates = pd.read_csv(tmp_path / "report/estimates.csv")
    assert list(estimates) == ["imageName", "ethnicity", *GROUPS]
    assert list(estimates["imageName"][:2]) == ["00.png", "01.png"]
    assert estimates[list(GROUPS)].sum(axis=1).to_numpy() == pytest.approx(1)
    assert main([*asked, "--write"]) == 0
    config = checkpoint.about(str(path))["config"]
    assert (config["temperature"], config["unsure_below"]) == (
        numbers["temperature"],
        numbers["unsure_below"],
    )
    # A file that is calibrated already gives the same: what it has is left aside.
    assert main([*asked, "--write"]) == 0
    assert checkpoint.about(str(path))["config"] == config


def test_the_largest_face_counts_and_is_seen_uncalibrated(faces: Path, tmp_path: Path) -> None:
    from train import pictures

    classifier = EthnicityClassifier.load(str(small(tmp_path / "x.safetensors", temperature=5.0)))
    seen: list[Face] = []
    original = classifier.classify
    classifier.classify = lambda lightness, some: seen.extend(some) or original(lightness, some)  # type: ignore[method-assign]
    known = command.estimate(classifier, pictures.find(faces))
    assert {face.box for face in seen} == {(8.0, 8.0, 60.0, 60.0)}
    plain = EthnicityClassifier.load(str(small(tmp_path / "y.safetensors")))
    photos: Pictures = pictures.find(faces)
    assert known.probabilities == pytest.approx(command.estimate(plain, photos).probabilities)
    assert list(known.labels[:7]) == [0, 1, 2, 3, 4, 5, 0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--limit", "0"], "--limit must be 1 or more"),
        (["--limit", "5"], "Only 5 faces with a label"),
        (["--model", "hf:someone/model", "--write"], "needs a file on this machine"),
        (["--model", "ethnicity-aware"], "no ethnicity classifier"),
        (["--model", "nobodys"], "no model 'nobodys'"),
        (["--data", "nowhere"], "nowhere is not there"),
    ],
)
def test_what_cannot_be_done_is_said(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    path = small(tmp_path / "x.safetensors")
    asked = [
        "calibrate",
        "--model",
        str(path),
        "--data",
        str(faces),
        "--report",
        str(tmp_path / "report"),
        *options,
    ]
    assert main(asked) == 1
    assert says in capsys.readouterr().err
