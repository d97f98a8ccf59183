"""Throughput: what is counted, that a slow feed shows, and that the command says what it measured."""

import argparse
import time
from typing import Any

import pytest
import torch

from train import throughput
from train.feed import Feed
from train.recipe import Recipe


def recipe(**values: Any) -> Recipe:
    required = {
        "task": "colorize",
        "name": "x",
        "network": "ethnicity-aware",
        "config": {"encoder": "resnet10t", "width": 8},
        "steps": 1,
        "data": [{"images": "x"}],
        "validation": [{"images": "x"}],
        "cache_size": 48,
        "sizes": [32],
        "validation_size": 32,
        "batch": 4,
        "precision": "32-true",
    }
    return Recipe.model_validate(required | values)


def test_generated_pictures_are_as_large_as_the_recipes_and_labelled() -> None:
    (source,) = throughput.generated(10, recipe())
    assert source.lab.shape == (10, 48, 48, 3)
    assert set(source.labels) == {"ethnicity", "race7", "age", "gender"}
    assert 0 <= source.labels["age"].min() <= source.labels["age"].max() <= 8


def test_a_slow_feed_shows_in_the_share_of_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = recipe()
    sources = throughput.generated(32, wanted)
    batch = Feed.batch

    def slowly(self: Feed, number: int) -> dict[str, Any]:
        time.sleep(0.2)
        return batch(self, number)

    monkeypatch.setattr(Feed, "batch", slowly)
    found = throughput.measure(wanted, sources, steps=2, turns=1)
    for readings in (found.feed, found.prepared, found.step, found.whole):
        assert len(readings) == 1
    assert max(found.feed) <= 4 / 0.2  # four pictures every fifth of a second
    assert max(found.whole) <= 4 / 0.2
    assert min(found.step) > max(found.whole)
    assert found.share < 0.9
    assert (found.place, found.utilization) == ("memory", None)


def test_the_table_says_the_share_of_the_bound() -> None:
    found = throughput.Throughput((3000.0,), (2000.0,), (100.0, 50.0), (85.0, 40.0), "memory", None)
    assert found.share == pytest.approx((0.85 + 0.8) / 2)
    lines = throughput.table(found).splitlines()
    assert lines[2] == "| feed alone | 3,000 (3,000 to 3,000) | 40 times |"
    assert lines[-1].endswith("| 62 (40 to 85) | 82% |")


def test_a_synthetic_batch_is_one_that_a_task_learns_from() -> None:
    batch = throughput._synthetic(recipe(batch=3, sizes=[64], cache_size=64), torch.device("cpu"))
    assert batch["lab"].shape == (3, 3, 64, 64)
    assert batch["seen"].shape == (3, 1, 64, 64)
    assert batch["groups"].shape == (3, 6, 16, 16)
    assert batch["face"].shape == (3, 1, 16, 16)
    assert 0 <= batch["lab"][:, 0].min() <= batch["lab"][:, 0].max() <= 100


@pytest.mark.slow
def test_the_command_measures_and_prints(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["config={encoder: resnet10t, width: 8}", "sizes=[32]", "batch=4", "cache_size=128"]
    assert _command(["ethnicity-aware", *small, "--generated", "16", "--steps", "1", "--turns", "1"]) == 0
    said = capsys.readouterr().out
    assert "| training |" in said
    assert "batch 4, [32] pixels, pictures in memory" in said
    assert _command(["ethnicity-aware", "--steps", "0"]) == 1
    assert "--steps must be" in capsys.readouterr().err


def _command(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    throughput.add_arguments(parser)
    return throughput.run(parser.parse_args(arguments))
