"""The command line: every file gets its picture or its row, and the exit code tells."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from colorizer import batch, lab, photo
from colorizer.__main__ import main
from colorizer.errors import OptionError
from colorizer.groups import GROUPS
from colorizer.pipeline import Colorizer
from colorizer.steering import Hint, Steering
from tests.steered import steer

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of 20 files: 17 photos, a text that is named as one, a JPEG cut short, an empty file."""
    folder = tmp_path / "album"
    (folder / "more" / "deeper").mkdir(parents=True)
    small = Image.fromarray(data.astronaut()).resize((160, 160))
    for i in range(17):
        place = (folder, folder / "more", folder / "more" / "deeper")[i % 3]
        small.rotate(i - 8).save(place / f"photo_{i:02}.{('jpg', 'png', 'webp')[i % 3]}")
    (folder / "text.png").write_text("not a photo")
    (folder / "more" / "cut.jpg").write_bytes((folder / "photo_00.jpg").read_bytes()[:2000])
    (folder / "empty.jpg").touch()
    return folder


def rows(report: Path) -> list[dict[str, str]]:
    with report.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def save(path: Path, value: int = 128, size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path)
    return path


def test_twenty_files_of_which_three_are_broken(
    album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "out", tmp_path / "report.csv"
    assert main(["colorize", str(album), "--out", str(out), "--report", str(report)]) == 1

    assert sorted(file.name for file in out.iterdir()) == [f"photo_{i:02}.png" for i in range(17)]
    table = rows(report)
    assert len(table) == 20
    good = [row for row in table if not row["error"]]
    bad = {Path(row["file"]).name: row for row in table if row["error"]}
    assert len(good) == 17
    assert all((row["width"], row["height"], row["ethnicity"]) == ("160", "160", "auto") for row in good)
    assert all(Path(row["output"]).is_file() and float(row["seconds"]) > 0 for row in good)
    assert sum(int(row["faces"]) for row in good) >= 15
    assert set(bad) == {"text.png", "cut.jpg", "empty.jpg"}
    assert "text" in bad["text.png"]["error"]
    assert "short" in bad["cut.jpg"]["error"]
    assert "empty" in bad["empty.jpg"]["error"]
    assert all(not row["output"] for row in bad.values())

    printed = capsys.readouterr().out
    assert "17 of 20 photos coloured" in printed
    for name, row in bad.items():
        assert f"{name}: {row['error']}" in printed
    assert "Traceback" not in printed


def test_the_report_holds_no_estimates(album: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    main(["colorize", str(album / "photo_00.jpg"), "--out", str(tmp_path / "out"), "--report", str(report)])
    assert (
        report.read_text().splitlines()[0] == "file,output,width,height,faces,ethnicity,seconds,notes,error"
    )
    assert not any(group in report.read_text() for group in GROUPS)


def test_what_is_written_is_what_python_gives_and_says_so(tmp_path: Path, grace_hopper: Path) -> None:
    arguments = ["--ethnicity", "Middle Eastern", "--vividness", "1.5", "--device", "cpu"]
    assert main(["colorize", str(grace_hopper), "--out", str(tmp_path), *arguments]) == 0
    result = Colorizer.load(device="cpu").colorize(grace_hopper, "Middle Eastern", 1.5)
    np.testing.assert_array_equal(photo.read(tmp_path / "grace_hopper.png").rgb, np.asarray(result.image))
    assert photo.provenance(tmp_path / "grace_hopper.png")["model"] == "ethnicity-aware"


def test_steering_is_what_python_does(
    tmp_path: Path, grace_hopper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorizer = Colorizer.load(device="cpu")
    steered = steer(colorizer, monkeypatch)
    monkeypatch.setattr(Colorizer, "load", lambda *given: colorizer)
    arguments = ["--ethnicity", "Monk 4", "--light", "neutral", "--warmth", "-6.5", "--tint", "3"]
    arguments += ["--hint", "10,20,#B5473C", "--hint", "30.5,40,#3b5aa0"]
    assert main(["colorize", str(grace_hopper), "--out", str(tmp_path), *arguments]) == 0
    hints = (Hint(10, 20, "#b5473c"), Hint(30.5, 40, "#3b5aa0"))
    assert steered.paintings == [(("Monk 4",), 1.0, Steering("neutral", -6.5, 3, hints=hints))]
    painted = lab.rgb_to_lab(photo.read(tmp_path / "grace_hopper.png").rgb)
    middle = painted[(painted[..., 0] > 40) & (painted[..., 0] < 70)]
    assert middle[:, 1:].mean(0) == pytest.approx((3 + 2 * 5, -6.5 + 10), abs=1)


def test_suggestions_clash_with_nobody_s_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colorizer = Colorizer.load(device="cpu")
    steered = steer(colorizer, monkeypatch)
    monkeypatch.setattr(Colorizer, "load", lambda *given: colorizer)
    files = [save(tmp_path / name) for name in ("a.jpg", "a.png", "a-1.jpg", "suggestions.png")]
    out, report = tmp_path / "out", tmp_path / "report.csv"
    theirs = save(out / "suggestions" / "a-1-2.png", 7)
    before = theirs.read_bytes()
    arguments = ["--out", str(out), "--report", str(report), "--suggestions", "2"]
    for _ in range(2):
        assert main(["colorize", *map(str, files), *arguments]) == 0
        assert sorted(file.name for file in out.glob("*.png")) == [
            "a-1.png",
            "a-2.png",
            "a.png",
            "suggestions.png",
        ]
        made = sorted(file.name for file in (out / "suggestions").iterdir() if file != theirs)
        stems = ["a", "a-2", "a-1", "suggestions"]
        assert len(made) == 2 * len(stems)
        assert {f"{stem}-1.png" for stem in stems} <= set(made)
        assert all("2 suggestions in suggestions" in row["notes"] for row in rows(report))
        assert theirs.read_bytes() == before
    steered.palettes = ()
    assert main(["colorize", str(files[0]), *arguments]) == 0
    assert "no suggestions" in rows(report)[0]["notes"]


def test_a_hint_outside_one_photo_is_that_photo_s_error(tmp_path: Path) -> None:
    files = [save(tmp_path / "small.png"), save(tmp_path / "wide.png", size=(80, 30))]
    out, report = tmp_path / "out", tmp_path / "report.csv"
    arguments = ["--out", str(out), "--report", str(report), "--hint", "60,10,#b5473c"]
    assert main(["colorize", *map(str, files), *arguments]) == 1
    small, wide = rows(report)
    assert "outside the photo, which is 40 x 30" in small["error"]
    assert Path(wide["output"]).is_file()


def test_a_model_that_cannot_be_steered_is_said_before_anything_is_painted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Colorizer, "steerable", False)
    source, out = save(tmp_path / "a.png"), tmp_path / "out"
    for option in (
        ["--warmth", "3"],
        ["--light", "neutral"],
        ["--hint", "1,1,#000000"],
        ["--suggestions", "1"],
    ):
        assert main(["colorize", str(source), "--out", str(out), *option]) == 2
        assert "can't be steered" in capsys.readouterr().err
    assert main(["colorize", str(source), "--out", str(out), "--warmth", "0"]) == 0


def test_the_same_stem_twice_never_overwrites(tmp_path: Path) -> None:
    files = [save(tmp_path / "a.jpg", 50), save(tmp_path / "a.png", 200), save(tmp_path / "b" / "A.png", 120)]
    out, report = tmp_path / "out", tmp_path / "report.csv"
    assert main(["colorize", *map(str, files), "--out", str(out), "--report", str(report)]) == 0
    table = rows(report)
    assert [Path(row["output"]).name for row in table] == ["a.png", "a-2.png", "A-3.png"]
    assert "a-2.png" in table[1]["notes"]
    assert "No face" in table[1]["notes"]
    lightness = [photo.read(row["output"]).rgb.mean() for row in table]
    assert lightness == pytest.approx([50, 200, 120], abs=40)


def test_a_second_run_replaces_its_own_pictures_and_nobody_else_s(tmp_path: Path) -> None:
    source, out = save(tmp_path / "a.jpg"), tmp_path / "out"
    theirs = save(out / "a.png", 7)
    before = theirs.read_bytes()
    for _ in range(2):
        assert main(["colorize", str(source), "--out", str(out)]) == 0
        assert sorted(file.name for file in out.iterdir()) == ["a-2.png", "a.png"]
    assert theirs.read_bytes() == before


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png", 9)
    before = source.read_bytes()
    assert main(["colorize", str(source), "--out", str(tmp_path)]) == 0
    assert source.read_bytes() == before
    assert (tmp_path / "a-2.png").is_file()


def test_an_input_of_another_case_is_never_overwritten(tmp_path: Path) -> None:
    # One file on a file system that takes no notice of case, also if Rangin made it and might replace it.
    made = tmp_path / "Old.PNG"
    photo.write(np.full((40, 40, 3), 90, np.uint8), made, model="ethnicity-aware")
    names = batch.Names(tmp_path, {made, tmp_path / "Amelie\u0301.png"})
    assert names.claim(Path("album/old.jpg"))[0].name == "old-2.png"
    assert names.claim(Path("album/Am\u00e9lie.jpg"))[0].name == "Am\u00e9lie.png"
    assert names.claim(Path("album/amelie\u0301.jpg"))[0].name != "amelie\u0301.png"


def test_an_output_folder_that_can_t_be_is_said_before_the_model_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = save(tmp_path / "a.jpg"), tmp_path / "file"
    out.write_text("taken")
    monkeypatch.setattr(Colorizer, "load", lambda *given: pytest.fail("the model was loaded first"))
    assert main(["colorize", str(source), "--out", str(out)]) == 2
    assert "can't be a folder" in capsys.readouterr().err
    assert main(["compare", str(source), "--models", "default", "--out", str(out / "sheet.png")]) == 2


def test_output_and_report_inside_the_input_folder_are_not_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "album"
    save(folder / "a.jpg")
    out, report = folder / "out", folder / "report.csv"
    for _ in range(2):
        assert main(["colorize", str(folder), "--out", str(out), "--report", str(report)]) == 0
        assert [Path(row["file"]).name for row in rows(report)] == ["a.jpg"]
    assert [file.name for file in out.iterdir()] == ["a.png"]


def test_the_input_folder_is_no_output_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "a.jpg")
    assert main(["colorize", str(tmp_path), "--out", str(tmp_path / ".")]) == 2
    assert "both input and output" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["a.jpg"]


def test_which_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.png", "z/c.jpg", ".hidden.jpg", ".git/d.jpg", "z/.e/f.jpg"):
        save(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = [str(file.relative_to(tmp_path)) for file in batch.find_files([tmp_path])]
    assert found == ["a.png", "b.jpg", "notes.txt", "z/c.jpg"]
    again = batch.find_files([tmp_path / "b.jpg", tmp_path, tmp_path / "z" / ".." / "b.jpg"])
    assert [file.name for file in again] == ["b.jpg", "a.png", "notes.txt", "c.jpg"], "each once"
    assert batch.find_files([tmp_path / ".hidden.jpg"]) == [tmp_path / ".hidden.jpg"], "who names it means it"


def test_a_file_that_is_not_there_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = save(tmp_path / "a.jpg")
    assert main(["colorize", str(tmp_path / "gone.jpg"), str(good), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "1 of 2 photos" in printed
    assert "There is no file" in printed


def test_a_mistake_of_ours_costs_one_photo_and_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = [save(tmp_path / f"{name}.png", i) for i, name in enumerate("abc")]
    colorizer = Colorizer.load(device="cpu")
    original = colorizer.detector.detect
    monkeypatch.setattr(
        colorizer.detector,
        "detect",
        lambda lightness: 1 / 0 if 0 < lightness.mean() < 0.4 else original(lightness),
    )
    table = list(batch.colorize_files(colorizer, files, batch.make_folder(tmp_path / "out")))
    assert [bool(row.error) for row in table] == [False, True, False]
    assert "mistake in Rangin" in table[1].error
    assert "ZeroDivisionError" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["colorize", "ALBUM", "--out", "OUT", "--ethnicity", "Asain"], "Did you mean 'Asian'?"),
        (["colorize", "ALBUM", "--out", "OUT", "--vividness", "3"], "from 0 (gray) to 2"),
        (["colorize", "ALBUM", "--out", "OUT", "--vividness", "much"], "invalid float value"),
        (["colorize", "ALBUM", "--out", "OUT", "--ethnicity", "Monk 11"], "Monk 1 to Monk 10"),
        (["colorize", "ALBUM", "--out", "OUT", "--light", "candle"], "neutral"),
        (["colorize", "ALBUM", "--out", "OUT", "--warmth", "20.5"], "from -20 to 20"),
        (["colorize", "ALBUM", "--out", "OUT", "--tint", "nan"], "from -20 to 20"),
        (["colorize", "ALBUM", "--out", "OUT", "--hint", "red"], "X,Y,#rrggbb"),
        (["colorize", "ALBUM", "--out", "OUT", "--hint", "1,2,red"], "There is no colour 'red'"),
        (["colorize", "ALBUM", "--out", "OUT", *["--hint", "1,2,#000000"] * 51], "at most 50"),
        (["colorize", "ALBUM", "--out", "OUT", "--suggestions", "7"], "choose 1 to 6"),
        (["colorize", "ALBUM", "--out", "OUT", "--suggestions", "-1"], "choose 1 to 6"),
        (["colorize", "ALBUM", "--out", "OUT", "--model", "none-such"], "ethnicity-aware"),
        (["colorize", "ALBUM", "--out", "OUT", "--device", "tpu"], "invalid choice"),
        (["colorize", "EMPTY", "--out", "OUT"], "There is no file in"),
        (["colorize", "ALBUM", "--out", "ALBUM/text.png"], "choose another"),
        (["colorize", "ALBUM", "--out", "OUT", "--report", "nowhere/report.csv"], "can't be written"),
        (["colorize", "ALBUM"], "required: --out"),
        (["colorize", "--out", "OUT"], "required: INPUT"),
        (["compare", "ALBUM", "--models", "default", "--out", "OUT.gif"], "must end in"),
        (["compare", "ALBUM", "--models", ",", "--out", "OUT.png"], "no model is named"),
        (["compare", "ALBUM", "--models", "default", "--truth", "x.png", "--out", "OUT.png"], "one photo's"),
        ([], "required"),
        (["paint"], "invalid choice"),
    ],
)
def test_a_wrong_command_is_answered_with_a_sentence(
    album: Path, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    names = {"ALBUM": str(album), "OUT": str(tmp_path / "out"), "EMPTY": str(tmp_path / "empty")}
    filled = []
    for argument in arguments:
        for name, value in names.items():
            argument = argument.replace(name, value)
        filled.append(argument)
    try:
        code = main(filled)
    except SystemExit as stop:  # argparse's own way out
        code = int(stop.code or 0)
    assert code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*.png"))


def test_help_is_quick_and_complete() -> None:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "colorizer", "colorize", "--help"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert time.perf_counter() - start < 5, "importing PyTorch would take longer on a busy machine"
    steering = ("--light", "--warmth", "--tint", "--hint", "--suggestions")
    for option in (
        "--out",
        "--model",
        "--ethnicity",
        "--vividness",
        "--device",
        "--report",
        *steering,
        *GROUPS,
    ):
        assert option in " ".join(done.stdout.split())


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_reports_what_was_done(tmp_path: Path) -> None:
    large = Image.fromarray(data.astronaut()).resize((1500, 1500))
    (tmp_path / "album").mkdir()
    for i in range(60):
        large.save(tmp_path / "album" / f"{i:02}.jpg")
    out, report = tmp_path / "out", tmp_path / "report.csv"
    # A shell that runs the tests in the background makes its children deaf to Ctrl-C; this one shall hear it.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from colorizer.__main__ import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "colorize", "album", "--out", "out", "--report", "report.csv"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (report.is_file() and len(rows(report)) >= 2):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    done = rows(report)
    assert 2 <= len(done) < 60
    assert f"{len(done)} of 60 photos coloured" in printed
    assert "stopped" in printed
    for file in out.iterdir():
        assert photo.read(file).rgb.shape == (1500, 1500, 3), "no half picture, no left-over"


def test_a_report_that_can_t_be_written(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="choose another place"):
        batch.Report(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    save(tmp_path / "plain.png").rename(strange)
    report = tmp_path / "report.csv"
    assert main(["colorize", str(strange), "--out", str(tmp_path / "out"), "--report", str(report)]) == 0
    assert "caf" in rows(report)[0]["file"]
