"""An archive in parts: every input ends in exactly one output or one error row, whatever happens on the way."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer import photo, shard_rows, shard_run, shards, shards_command
from colorizer.__main__ import main
from colorizer.batch import LONGEST_STEM, Row
from colorizer.errors import OptionError
from colorizer.shard_run import ShardRun
from colorizer.shards import Plan, Shard, Wishes
from tests.jobs.archives import Paints, check, draw, start
from tests.untrained import some_models


def save(path: Path, value: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (24, 20), value).save(path)
    return path


def run(planned: Plan, shard: str = "1/1", model: Paints | None = None, retry: bool = False) -> list[Row]:
    """Work through a part in this process."""
    with ShardRun(planned, Shard.parse(shard), retry) as work:
        return list(work.rows(lambda: model or Paints())) if work.left else []  # type: ignore[arg-type,return-value]


def test_each_photo_has_a_name_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.jpg", "b/a.png", "b/A.webp", "c/d.png"):
        save(archive / name)
    theirs = save(out / "d.png")
    first = shards.plan([archive], out, Wishes())
    assert dict(
        zip([file.relative_to(archive).as_posix() for file in first.files], first.names, strict=True)
    ) == {
        "a.jpg": "a.png",
        "b/A.webp": "A-2.png",
        "b/a.png": "a-3.png",
        "c/d.png": "d-2.png",
    }
    assert shards.plan([archive], out, Wishes()) == first == shards.read(out)
    save(archive / "a" / "a.jpg")
    more = shards.plan([archive / "a", archive], out, Wishes())
    assert more.files[:4] == first.files
    assert more.names == (*first.names, "a-4.png")
    assert not any(row.error for row in run(more))
    assert theirs.read_bytes() == save(tmp_path / "same.png").read_bytes(), (
        "somebody else's file is left alone"
    )
    assert {path.name for path in out.glob("*.png")} == {*more.names, "d.png"}


def test_names_that_are_long_strange_or_no_text(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    names = [
        "x" * 250 + ".jpg",
        "x" * 249 + "y.jpg",
        "é" * 124 + ".png",
        "two\nlines.png",
        "'; $(touch x) `.png",
        "-o.png",
    ]
    names += [os.fsdecode(b"caf\xe9.png")] if sys.platform == "linux" else []
    for name in names:
        save(tmp_path / "plain.png").rename(
            (archive / name) if archive.mkdir(exist_ok=True) is None else archive
        )
    planned = shards.plan([archive], out, Wishes())
    assert shards.read(out) == planned
    assert all(len(os.fsencode(name)) <= LONGEST_STEM + 15 for name in planned.names)
    rows = run(planned)
    assert not any(row.error for row in rows)
    assert sum("name is too long" in row.notes for row in rows) == 3
    assert len(list(out.glob("*.png"))) == len(names)
    assert shard_rows.merge(planned).done == len(names)


def test_what_was_planned_otherwise_is_not_mixed(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    save(archive / "a.jpg")
    planned = shards.plan([archive], out, Wishes(vividness=1.5, hints=("1,2,#aabbcc",)))
    with pytest.raises(OptionError, match=r"another vividness \(1.5, now 1.0\)"):
        shards.plan([archive], out, Wishes(hints=("1,2,#aabbcc",)))
    assert planned.wishes.steering.hints[0].color == "#aabbcc"
    run(planned)
    with pytest.raises(OptionError, match="output of this batch"):
        shards.plan([out / "a.png"], out, planned.wishes)
    with pytest.raises(OptionError, match="both input and output"):
        shards.plan([out], out, planned.wishes)
    (out / ".rangin" / "plan.jsonl").write_text('{"version": 1, "wishes": {}}')
    with pytest.raises(OptionError, match="delete it to begin anew"):
        shards.read(out)


def test_a_plan_leads_nowhere_else(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.jpg")
    planned = shards.plan([tmp_path / "in"], tmp_path / "out", Wishes())
    file = planned.folder / "plan.jsonl"
    for name in ("../a.png", "/etc/a.png", "..", ""):
        head, line = file.read_text().splitlines()
        file.write_text(f"{head}\n{json.dumps({**json.loads(line), 'output': name})}\n")
        with pytest.raises(OptionError, match="no file's name"):
            shards.read(tmp_path / "out")


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "4", "a/b", "1/10000", "", "-1/4", "1/4; rm", "²/4", "1/4\n2"]
)
def test_parts_that_there_are_not(text: str) -> None:
    with pytest.raises(OptionError, match="1/4 to 4/4"):
        Shard.parse(text)


def test_parts_are_equal_and_together_all() -> None:
    parts = [list(Shard(number, 4).indices(61)) for number in range(1, 5)]
    assert sorted(index for part in parts for index in part) == list(range(61))
    assert [len(part) for part in parts] == [16, 15, 15, 15]


def test_killed_at_any_moment_and_run_again(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    good, bad = draw(archive)
    planned = shards.plan([archive], out, Wishes())
    random = np.random.default_rng(1)
    for kill in range(6):
        worker = start("-m", "tests.jobs.archives", str(out), "1/2", "0.01")
        assert worker.stdout is not None
        assert worker.stdout.readline().startswith("begun")
        time.sleep(random.uniform(0, 0.15))
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        assert not list(out.glob("*.part")), "what is half written lies apart"
        if kill == 2:  # a disk may tear a line, which the next one must not be glued to
            with (planned.folder / "rows" / "1-of-2.jsonl").open("ab") as file:
                file.write(b'{"photo": 3, "at": 1')
    known = shard_rows.known(planned).entries
    assert 0 < len(known) < good + bad
    model = Paints()
    run(planned, "1/2", model)
    run(planned, "2/2", model)
    assert sum(model.painted.values()) <= good - sum(not entry.is_error for entry in known.values())
    check(out, good, bad)


def test_two_runs_of_one_part_meet(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    good, bad = draw(archive, 30)
    shards.plan([archive], out, Wishes())
    workers = [start("-m", "tests.jobs.archives", str(out), "1/1", "0.08") for _ in range(3)]
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sum(text.count("done") for text in said) == good + bad, "each photo once"
    assert any("Another process is at work" in text for text in said)
    shard_rows.merge(shards.read(out))
    check(out, good, bad)


def test_a_run_in_other_parts_meanwhile(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    good, bad = draw(archive, 30)
    shards.plan([archive], out, Wishes())
    workers = [start("-m", "tests.jobs.archives", str(out), part, "0.01") for part in ("1/1", "1/2", "2/2")]
    for worker in workers:
        worker.communicate(timeout=60)
        assert worker.returncode == 0
    shard_rows.merge(shards.read(out))
    check(out, good, bad)


def test_a_photo_over_which_processes_die_gets_an_error_row(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    for name in "abc":
        save(archive / f"{name}.png")
    planned = shards.plan([archive], out, Wishes())
    for left in (3, 2, 2):
        worker = start("-m", "tests.jobs.archives", str(out), "1/1", "0", "b")
        said, _ = worker.communicate(timeout=60)
        assert worker.returncode == -signal.SIGKILL
        assert said.startswith(f"begun {left}")
    rows = run(planned, model=Paints(deadly="b"))
    assert [Path(row.file).name for row in rows] == ["b.png", "c.png"]
    assert "3 times the process ended" in rows[0].error
    check(out, 2, 1)
    assert [row.error for row in run(planned, retry=True)] == [""], "on request it is tried again"
    check_all = shard_rows.merge(planned)
    assert check_all == (3, 3, 0)


def test_a_request_to_stop_is_no_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "in" / "a.png")
    planned = shards.plan([tmp_path / "in"], tmp_path / "out", Wishes())

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for _ in range(5):
        with monkeypatch.context() as patch:
            patch.setattr(Paints, "paint", stop)
            with pytest.raises(KeyboardInterrupt):
                run(planned)
    assert [row.error for row in run(planned)] == [""]


def test_a_second_request_does_not_interrupt_the_tidying_up() -> None:
    with shards_command._terminable(once=True):
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)


def test_a_full_disk_ends_the_run_and_blames_no_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        save(tmp_path / "in" / f"{name}.png")
    planned = shards.plan([tmp_path / "in"], tmp_path / "out", Wishes())
    write, written = photo.write, []

    def full(rgb: object, path: Path, *, model: str) -> Path:
        if len(written) == 1:
            raise OptionError(f"{path} could not be written (No space left on device); choose another place.")
        written.append(path)
        return write(rgb, path, model=model)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(photo, "write", full)
        for _ in range(4):
            with pytest.raises(OptionError, match="No space left"):
                run(planned)
    assert shard_rows.merge(planned) == (3, 1, 0)
    assert len(run(planned)) == 2
    check(planned.out, 3, 0)


def test_a_photo_that_cannot_be_encoded_gets_an_error_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        save(tmp_path / "in" / f"{name}.png")
    planned = shards.plan([tmp_path / "in"], tmp_path / "out", Wishes())
    write = photo.write

    def greedy(rgb: object, path: Path, *, model: str) -> Path:
        if path.stem == "b":
            raise MemoryError
        return write(rgb, path, model=model)  # type: ignore[arg-type]

    monkeypatch.setattr(photo, "write", greedy)
    assert [bool(row.error) for row in run(planned)] == [False, True, False]
    check(planned.out, 2, 1)


def test_rows_that_cannot_be_written_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "in" / "a.png")
    planned = shards.plan([tmp_path / "in"], tmp_path / "out", Wishes())
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(
            shard_rows.os, "write", lambda file, data: write(file, data[:20])
        )  # what a full disk takes
        with pytest.raises(OptionError, match="the disk is full"):
            run(planned)
    assert (planned.folder / "rows" / "1-of-1.jsonl").read_bytes() == b"", "no torn line stays"
    run(planned)
    check(planned.out, 1, 0)


def test_what_is_done_is_skipped_and_what_has_changed_is_not(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    for name in "abcd":
        save(archive / f"{name}.png")
    (archive / "d.png").write_text("broken")
    planned = shards.plan([archive], out, Wishes())
    assert len(run(planned)) == 4
    assert run(planned) == []
    (out / "a.png").unlink()
    save(archive / "b.png", 7).touch()
    save(archive / "d.png")
    assert {Path(row.file).name for row in run(planned)} == {"a.png", "b.png", "d.png"}
    check(out, 4, 0)
    (archive / "c.png").write_text("broken now")
    (archive / "a.png").unlink()  # its colours stay
    (row,) = run(planned)
    assert "text file" in row.error
    assert not (out / "c.png").exists(), "one output or one error row, not both"
    assert shard_rows.merge(planned) == (4, 3, 1)


def test_a_name_taken_after_planning_is_that_photo_s_error(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    save(archive / "a.png")
    planned = shards.plan([archive], out, Wishes())
    theirs = save(out / "a.png", 3).read_bytes()
    (row,) = run(planned)
    assert "after the batch had been planned" in row.error
    assert (out / "a.png").read_bytes() == theirs
    (out / "a.png").unlink()
    assert run(planned) == []
    assert len(run(planned, retry=True)) == 1


def test_suggestions_of_parts_clash_with_nobody_s(tmp_path: Path) -> None:
    archive, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "a.jpg", "a-1.png"):
        save(archive / name)
    theirs = save(out / "suggestions" / "a-1.png", 3).read_bytes()
    planned = shards.plan([archive], out, Wishes(suggestions=2))
    rows = [row for part in ("1/3", "2/3", "3/3") for row in run(planned, part)]
    made = {f"{Path(name).stem}-{number}.png" for name in planned.names for number in (1, 2)}
    assert {path.name for path in (out / "suggestions").iterdir()} == made
    assert (out / "suggestions" / "a-1.png").read_bytes() == theirs
    notes = {Path(row.output).name: row.notes for row in rows}
    assert "1 suggestions in suggestions, where 2 were asked for. a-1.png is not written" in notes["a.png"]


def test_a_batch_keeps_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        save(tmp_path / "in" / f"{name}.png")
    planned = shards.plan([tmp_path / "in"], tmp_path / "out", Wishes())
    run(planned, "1/2")
    monkeypatch.setattr(shard_run, "fingerprint", lambda colorizer: "another")
    with pytest.raises(OptionError, match="painted by 'brown', and 'default' is another model now"):
        run(planned, "2/2")


def test_how_far_a_batch_is_can_be_asked_quickly(tmp_path: Path) -> None:
    good, bad = draw(tmp_path / "in", 20)
    planned = shards.plan([tmp_path / "in"], tmp_path / "out", Wishes())
    assert shard_rows.so_far(planned.out, 2) == (0, 0, 0)
    run(planned, "1/2", Paints(0.01))
    half = shard_rows.so_far(planned.out, 2)
    assert (half.photos, half.left) == (10, 0)
    assert 1 < (shard_rows.pace(planned.out, 2) or 0) < 100
    run(planned, "2/2")
    assert shard_rows.so_far(planned.out, 2) == (20, good, bad)
    assert shard_rows.so_far(planned.out, 2, only=1) == half


def test_parts_by_hand_with_a_real_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.csv"
    good, bad = draw(archive, 8)
    command = ["colorize", str(archive), "--out", str(out), "--device", "cpu", "--report", str(report)]
    with some_models("cnn") as (name,):
        command += ["--model", name]
        assert {main([*command, "--shard", f"{number}/2"]) for number in (1, 2)} == {0, 1}
    assert f"all parts: {good} coloured, {bad} failed, 0 left" in capsys.readouterr().out
    check(out, good, bad, report)
    assert photo.provenance(out / shards.read(out).names[0])["model"] == name
    assert main(["shard", str(out), "2/2", "--device", "cpu"]) == 0, "each photo has its row"
    assert "4 of them done before" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shards", "4"], "--engine local --shards 4"),
        (["--retry"], "--shard 2/4"),
        (["--engine", "local"], "in how many parts"),
        (["--shard", "1/2", "--shards", "2"], "leave out --shards"),
        (["--shard", "1/2", "--minutes", "2"], "leave out --minutes"),
        (["--shard", "3/2"], "1/4 to 4/4"),
        (["--shard", "1/2", "--vividness", "3"], "from 0 (gray) to 2"),
        (["--shard", "1/2", "--suggestions", "9"], "choose 1 to 6"),
        (["--engine", "hf", "--shards", "2"], "invalid choice"),
    ],
)
def test_what_does_not_go_together_is_said(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "in" / "a.png")
    try:
        code = main(["colorize", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_part_of_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shard", str(tmp_path), "1/2"]) == 2
    assert "No batch was planned" in capsys.readouterr().err
