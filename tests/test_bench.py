"""The benchmark's own arithmetic; the figures themselves come from `make bench`."""

from pathlib import Path

import pytest

from bench import compare, labels, memory, report, start
from bench.measure import Measurement, in_turns, spread


def test_readings_are_taken_in_turns_after_one_unmeasured_turn() -> None:
    calls: list[str] = []
    found = in_turns("x", lambda: calls.append("a"), "y", lambda: calls.append("b"), repeats=3)
    assert "".join(calls) == "ab" * 4
    assert len(found.readings) == len(found.compared) == 3


def test_a_spread_is_median_smallest_largest() -> None:
    assert spread((30.0, 10.0, 1200.0), "ms") == "30 ms (10 to 1,200)"
    assert spread((1.25, 1.0, 4.0), "s") == "1.2 s (1.0 to 4.0)"


def test_a_missed_limit_is_said() -> None:
    kept = Measurement("kept", "ms", (10.0, 900.0, 20.0), "plain", (5.0, 5.0, 5.0), limit=100)
    missed = Measurement("missed", "ms", (300.0, 200.0, 20.0), "plain", (5.0, 5.0, 5.0), limit=100)
    assert kept.is_within_limit
    assert not missed.is_within_limit
    lines = report.table([kept, missed]).splitlines()
    assert lines[-2].endswith("| 100 ms |")
    assert lines[-1].endswith("| 100 ms **missed** |")
    assert "3 readings" in report.page([kept, missed], load_before=0.0)


def test_a_server_that_ends_is_an_error_and_not_a_time() -> None:
    with pytest.raises(RuntimeError, match="ended with code 3"):
        start.seconds_to_page(["-c", "raise SystemExit(3)"])


def test_peak_memory_counts_what_was_held_and_given_back() -> None:
    before = memory.peak()
    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])
    del held
    assert memory.peak() >= max(before, 300)


def test_a_wrong_part_is_answered_with_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    from bench.__main__ import main

    with pytest.raises(SystemExit):
        main(["portrayt"])
    said = capsys.readouterr().err
    assert (
        "there is no part 'portrayt'; choose from portrait, start, memory, training, compare, labels." in said
    )
    assert "[]" not in said


def test_a_comparison_is_timed_with_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = compare.write_photos(tmp_path / "photos")
    assert compare._main("default", str(photos)) == 0
    *lines, held = capsys.readouterr().out.splitlines()
    assert sum("PSNR" in line for line in lines) == 3
    assert float(held) > 100
    assert "<img" in (tmp_path / "page.html").read_text()
    turns = iter([(5.0, 900.0), (1.0, 500.0), (7.0, 4200.0), (2.0, 600.0)])
    monkeypatch.setattr(compare, "_in_process", lambda models, photos: next(turns))
    seconds, memory_used = compare.measure(2)
    assert (seconds.readings, seconds.compared) == ((5.0, 7.0), (1.0, 2.0))
    assert (memory_used.readings, memory_used.compared) == ((900.0, 4200.0), (500.0, 600.0))
    assert seconds.is_within_limit
    assert memory_used.is_within_limit, "the median counts"


def test_what_an_annotator_waits_for_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MANY", 60)
    monkeypatch.setattr(labels, "FEW", 20)
    found = labels.measure(1)
    said = [one.what for one in found]
    for what in (
        "next ten photos, as uploaded",
        "one label saved",
        "progress of 60",
        "status of 60",
        "CSV of 60",
    ):
        assert sum(what in name for name in said) == 1, what
    assert all(reading > 0 for one in found for reading in (*one.readings, *one.compared))
