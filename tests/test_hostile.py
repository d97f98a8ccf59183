"""Every hostile file is answered as it must be: through Python, and through one run of the command line over all."""

import csv
import re
import warnings
from pathlib import Path

import pytest

from colorizer import photo
from colorizer.errors import PhotoError
from tests.hostile import HostileFile, files


def test_there_are_enough_and_each_has_its_own_name() -> None:
    assert len(files) >= 40
    assert len({file.name for file in files}) == len(files)
    assert len({file.filename.lower() for file in files}) == len(files)
    assert all(file.match for file in files if file.verdict == "error")


@pytest.mark.parametrize("file", files, ids=str)
def test_through_python(file: HostileFile, tmp_path: Path) -> None:
    path = tmp_path / file.filename
    path.write_bytes(file.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Pillow's own on damaged metadata
        if file.verdict == "photo":
            decoded = photo.read(path)
            assert min(decoded.rgb.shape[:2]) >= photo.MIN_SIDE
            assert re.search(file.match, " ".join(decoded.notes)) if file.match else not decoded.notes
            return
        with pytest.raises(PhotoError) as raised:
            photo.read(path)
    says = str(raised.value)
    assert re.search(file.match or "", says)
    # One sentence for people: a capital letter, a full stop, no line break, nothing of Python's or Pillow's.
    assert re.fullmatch(r"[A-Z][^\n]*\.", says)
    assert not re.search(r"Traceback|Error|0x|<|PIL|libtiff", says)


@pytest.mark.slow
def test_through_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from colorizer.__main__ import main

    folder, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.csv"
    folder.mkdir()
    for file in files:
        (folder / file.filename).write_bytes(file.data)
    code = main(["colorize", str(folder), "--out", str(out), "--device", "cpu", "--report", str(report)])
    said = capsys.readouterr()
    assert code == 1
    assert "Traceback" not in said.out + said.err
    with report.open(encoding="utf-8", newline="") as opened:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(opened)}
    assert len(rows) == len(files)
    for file in files:
        row = rows[file.filename]
        if file.verdict == "photo":
            assert row["error"] == "", file.name
            assert photo.read(row["output"]).rgb.shape[:2] == (int(row["height"]), int(row["width"]))
            assert re.search(file.match or "", row["notes"]), file.name
        else:
            assert row["output"] == "", file.name
            assert re.search(file.match or "", row["error"]), file.name
    photos = [file for file in files if file.verdict == "photo"]
    assert len(list(out.iterdir())) == len(photos)
