"""What a run is expected to take and cost: from earlier runs, by what was measured, or said to be unknown."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from colorizer.errors import OptionError
from tests import runs as tiny
from tests.jobs import making
from train import machine
from train.jobs import estimate, hf_prices, measuring, speeds
from train.jobs.job import Hardware
from train.recipe import Recipe
from train.settings import TrainSettings

CPU = Hardware()


@pytest.fixture
def settings(tmp_path: Path) -> TrainSettings:
    return making.settings(tmp_path)


def recipe(tmp_path: Path, **changes: Any) -> Recipe:
    """Twelve pictures of 32 px, batches of 4."""
    return tiny.recipe(tmp_path, **changes)


def run_before(
    settings: TrainSettings, done: Recipe, rates: list[float], name: str = "earlier", device: str = "cpu"
) -> Path:
    """A run's folder that says how fast it was."""
    folder = settings.runs / name
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(json.loads(done.model_dump_json())))
    about = {"device": device, "machine": f"{machine.processor()}, {os.cpu_count()} cores, torch 2"}
    (folder / "run.json").write_text(json.dumps(about))
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "images_per_second"])
        writer.writerows((20 * (place + 1), rate) for place, rate in enumerate(rates))
    return folder


def test_nothing_is_promised_where_nothing_is_known(tmp_path: Path, settings: TrainSettings) -> None:
    expected = estimate.of(recipe(tmp_path), CPU, settings)
    assert (expected.seconds, expected.dollars) == (None, None)
    assert "isn't known" in expected.words
    limited = estimate.of(recipe(tmp_path, minutes=10), CPU, settings)
    assert limited.seconds == pytest.approx(600, abs=60)
    assert "10 minutes" in limited.words


def test_an_earlier_run_of_the_network_says_how_long(tmp_path: Path, settings: TrainSettings) -> None:
    run_before(settings, recipe(tmp_path), [3.0, 20.0, 22.0, 21.0])
    # 1,000 steps of 4 pictures at 21 a second, and ten validations of twelve pictures, three times as fast.
    long = recipe(tmp_path, steps=1000, validate_every=100)
    expected = estimate.of(long, CPU, settings)
    assert expected.seconds is not None
    assert expected.seconds == pytest.approx(4000 / 21 + 120 / 63 + estimate.START_SECONDS, rel=0.01)
    assert "21 pictures a second" in expected.words
    assert "1 earlier run " in expected.words
    # By minutes where that is shorter; and of another size by the pictures' area.
    assert estimate.of(long.model_copy(update={"minutes": 1.0}), CPU, settings).seconds == pytest.approx(
        75, abs=5
    )
    larger = long.model_copy(update={"sizes": [64], "validation_size": 64})
    four_times = estimate.of(larger, CPU, settings)
    assert four_times.seconds is not None
    assert four_times.seconds == pytest.approx(4 * (4000 / 21 + 120 / 63) + 15, rel=0.02)
    assert "by area" in four_times.words


def test_other_networks_and_other_hardware_say_nothing(tmp_path: Path, settings: TrainSettings) -> None:
    run_before(settings, recipe(tmp_path), [20.0], "gpu", device="cuda:0")
    run_before(settings, recipe(tmp_path, config={"encoder": "test_convnext", "width": 32}), [20.0], "wide")
    assert estimate.of(recipe(tmp_path), CPU, settings).seconds is None
    assert estimate.of(recipe(tmp_path), Hardware(device="gpu:0"), settings).seconds is not None
    assert estimate.of(recipe(tmp_path), Hardware(engine="slurm"), settings).seconds is None


def test_runs_that_nobody_can_read_are_passed_over(tmp_path: Path, settings: TrainSettings) -> None:
    folder = run_before(settings, recipe(tmp_path), [20.0])
    (folder / "recipe.yaml").write_text("[1, 2")
    torn = run_before(settings, recipe(tmp_path), [20.0], "torn")
    (torn / "metrics.csv").write_text("step,images_per_second\n20,twelve\n")
    (settings.runs / speeds.FILE).write_text("{")
    assert speeds.of(recipe(tmp_path), CPU, settings) is None


def test_pictures_are_counted_by_passes_and_phases(tmp_path: Path) -> None:
    assert estimate.images(recipe(tmp_path)) == 12 * 4
    assert estimate.images(recipe(tmp_path, steps=None, epochs=5)) == 5 * 3 * 4
    phases = recipe(tmp_path, finetune={"lr": 0.001, "epochs": 2})
    assert estimate.images(phases) == (12 + 2 * 3) * 4
    gone = recipe(tmp_path, steps=None, epochs=5, data=[{"images": str(tmp_path / "gone")}])
    assert estimate.images(gone) is None


def test_the_hubs_price_follows_from_the_time(
    tmp_path: Path, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hf_prices, "price", lambda flavor, minutes: 0.01 * minutes)
    hub = Hardware(engine="hf", flavor="t4-small", minutes=120)
    unknown = estimate.of(recipe(tmp_path), hub, settings)
    assert unknown.dollars == pytest.approx(1.2)
    assert "at most $1.20" in unknown.words
    bounded = estimate.of(recipe(tmp_path, minutes=60), hub, settings)
    assert bounded.dollars == pytest.approx(0.6, abs=0.02)
    assert "about $0.6" in bounded.words
    late = estimate.of(recipe(tmp_path, minutes=600), hub, settings)
    assert late.dollars == pytest.approx(1.2)
    assert "before it is done" in late.words

    def no_answer(flavor: str, minutes: float) -> float:
        raise OptionError("The Hub doesn't answer.")

    monkeypatch.setattr(hf_prices, "price", no_answer)
    assert "doesn't answer" in estimate.of(recipe(tmp_path), hub, settings).words


def test_early_stopping_makes_it_a_limit(tmp_path: Path, settings: TrainSettings) -> None:
    run_before(settings, recipe(tmp_path), [20.0])
    assert estimate.of(recipe(tmp_path), CPU, settings).words.startswith("About")
    stopping = recipe(tmp_path, early_stopping={"patience": 3})
    assert estimate.of(stopping, CPU, settings).words.startswith("At most")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (89, "89 seconds"), (720, "12 minutes"), (5400, "1.5 hours"), (3 * 86400, "3 days")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert estimate.duration(seconds) == words


@pytest.mark.slow
def test_a_measurement_is_kept_for_the_next_estimate(tmp_path: Path, settings: TrainSettings) -> None:
    assert estimate.of(recipe(tmp_path), CPU, settings).seconds is None
    rate = measuring.measure(recipe(tmp_path), CPU, settings)
    assert rate > 1
    expected = estimate.of(recipe(tmp_path, steps=500), CPU, settings)
    assert expected.seconds is not None
    assert "as measured here" in expected.words
    assert speeds.kept(settings.runs)[0].images_per_second == pytest.approx(rate)


def test_what_cant_be_measured_is_said(
    tmp_path: Path, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OptionError, match="Only this machine"):
        measuring.measure(recipe(tmp_path), Hardware(engine="slurm"), settings)
    monkeypatch.setattr(measuring, "SECONDS", 0.01)
    with pytest.raises(OptionError, match="wants a GPU"):
        measuring.measure(recipe(tmp_path), CPU, settings)
    assert speeds.kept(settings.runs) == []
