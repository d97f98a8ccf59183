"""`python -m colorizer compare` as its user has it: a sheet, a page of a folder, truths by name, and what fails."""

import os
import re
import signal
import subprocess
import sys
import time
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer import photo, sheet
from colorizer.__main__ import main
from colorizer.batch import find_files
from colorizer.comparison_files import find_truths, short_names
from colorizer.errors import OptionError
from colorizer.pipeline import Colorizer

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path, astronaut: np.ndarray) -> Path:
    """`in` with three portraits and a letter; `true` with two of them in colour and one that can't be read."""
    inside, true = tmp_path / "in", tmp_path / "true"
    inside.mkdir()
    true.mkdir()
    face = Image.fromarray(astronaut[:300, 80:380].copy())
    for name in ("one.png", "two.png", "<b>&'three.png"):
        face.convert("L").resize((200, 200)).save(inside / name)
    (inside / "letter.png").write_text("Dear reader")
    face.save(true / "one.png")
    face.save(true / "TWO.jpg", quality=95)
    (true / "<b>&'three.png").write_text("Dear reader")
    return tmp_path


class Reader(HTMLParser):
    """What a page holds: its tags, pictures and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.links: list[str | None] = []
        self.ids: set[str | None] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        known = dict(attributes)
        self.ids.add(known.get("id"))
        if tag == "img":
            self.pictures.append(known)
        if tag == "a":
            self.links.append(known.get("href"))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_folder_becomes_one_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "new" / "page.html"
    arguments = ["--models", "all", "--truth", str(folder / "true"), "--device", "cpu"]
    assert main(["compare", str(folder / "in"), *arguments, "--out", str(out)]) == 1
    page = out.read_text(encoding="utf-8")
    assert not list(out.parent.glob(".*")), "nothing half written is left"
    read = Reader(page)
    assert "script" not in read.tags
    assert "b" in read.tags
    assert "<b>&'three" not in page, "names are escaped"
    assert "<b>&'three.png" in read.text
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)|url\(|@import""", page), "it needs no other file"
    assert {link.removeprefix("#") for link in read.links if link} <= read.ids
    assert [one["alt"].rpartition(", ")[2] for one in read.pictures if "one.png" in str(one["alt"])] == [
        "gray",
        "true photo",
        "ethnicity-aware",
    ]
    assert len(read.pictures) == 3 + 3 + 2
    painted = next(one for one in read.pictures if one["alt"] == "one.png, ethnicity-aware")
    data = b64decode(str(painted["src"]).removeprefix("data:image/jpeg;base64,"))
    assert photo.provenance(data)["model"] == "ethnicity-aware"
    assert photo.read(data).rgb.shape == (200, 200, 3)
    gray = next(one for one in read.pictures if one["alt"] == "one.png, gray")
    data = b64decode(str(gray["src"]).removeprefix("data:image/jpeg;base64,"))
    assert photo.provenance(data)["model"] is None
    assert "Figures over 2 photos with a true photo" in read.text
    assert "letter.png: This is a text file" in read.text
    said = capsys.readouterr()
    assert (
        f"three.png: The true photo {folder / 'true' / chr(60)}b>&'three.png is refused: This is" in said.err
    )
    assert str(folder) not in page, "a page that is passed on tells no folders"
    assert "letter.png: This is a text file" in said.err
    assert said.out.count(" dB") == 2
    assert "Traceback" not in said.err


def test_a_photo_becomes_a_sheet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, truth, out = folder / "in" / "one.png", folder / "true" / "one.png", folder / "sheet.png"
    arguments = ["--models", "default,ethnicity-aware", "--truth", str(truth), "--out", str(out)]
    assert main(["compare", str(source), *arguments]) == 0
    made = photo.read(out).rgb
    cell = sheet.PANEL + sheet.MARGIN
    assert made.shape[1] == 3 * cell + sheet.MARGIN, "gray, truth, and the one model once"
    assert photo.provenance(out)["model"] == "ethnicity-aware"
    assert re.search(
        r"^one.png\tethnicity-aware\tTime [\d.]+ s, PSNR [\d.]+ dB, ", capsys.readouterr().out, re.M
    )


def test_the_colour_originals_may_be_the_input_and_the_truth(folder: Path) -> None:
    out = folder / "sheet.jpg"
    (folder / "true" / "<b>&'three.png").unlink()
    command = ["compare", str(folder / "true"), "--truth", str(folder / "true"), "--models", "default"]
    assert main([*command, "--out", str(out)]) == 0
    assert photo.read(out).rgb.shape[1] == 3 * (sheet.PANEL + sheet.MARGIN) + sheet.MARGIN


def test_ethnicity_and_vividness_are_painted_with(folder: Path) -> None:
    out = folder / "sheet.png"
    source = folder / "in" / "one.png"
    command = ["compare", str(source), "--models", "default", "--vividness", "0", "--out", str(out)]
    assert main(command) == 0
    made = photo.read(out).rgb.astype(int)[60 : sheet.PANEL]
    assert np.ptp(made, axis=2).max() <= 2, "without vividness all is gray"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["IN", "--models", "uvgg", "--out", "O.html"], "not trained yet; this makes it: python -m train"),
        (["IN", "--models", "fusion-vg19", "--out", "O.html"], "did you mean 'fusion-vgg19'"),
        (["IN", "--models", "default", "--out", "O.gif"], "or .html for a page"),
        (["IN", "--models", "default", "--out", "O.html", "--vividness", "3"], "from 0 (gray) to 2"),
        (["IN/one.png", "--models", "default", "--out", "IN/one.png"], "is to be compared itself"),
        (["IN", "--models", "default", "--out", "O.jpg"], "o.jpg is a folder"),
        (["IN", "--models", "default", "--out", "O.html", "--truth", "EMPTY"], "There is no file in"),
        (["IN", "--models", "default", "--out", "O.html", "--truth", "OTHER"], "no true photo for any of"),
        (["IN", "--models", "default", "--out", "O.html", "--truth", "IN/one.png"], "is one photo's, and there"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_said_before_a_model_is_loaded(
    folder: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Colorizer, "load", lambda *given: pytest.fail("a model was loaded first"))
    (folder / "empty").mkdir()
    (folder / "o.jpg").mkdir()
    (folder / "other").mkdir()
    (folder / "other" / "somebody.png").touch()
    places = {"IN": "in", "EMPTY": "empty", "OTHER": "other", "O.": "o."}
    filled = [
        re.sub("^(IN|EMPTY|OTHER|O\\.)", lambda found: str(folder / places[found[0]]), one)
        for one in arguments
    ]
    before = sorted(folder.rglob("*"))
    assert main(["compare", *filled]) == 2
    assert message in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before, "nothing is written"


def test_too_many_photos_for_one_picture_are_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Colorizer, "load", lambda *given: pytest.fail("a model was loaded first"))
    for i in range(70):
        Image.new("L", (20, 20)).save(tmp_path / f"{i}.png")
    assert main(["compare", str(tmp_path), "--models", "default", "--out", str(tmp_path / "a.png")]) == 2
    assert "70 photos by 1 models are too many for one picture" in capsys.readouterr().err


def test_no_photo_at_all_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.png").write_text("Dear reader")
    out = tmp_path / "page.html"
    assert main(["compare", str(tmp_path / "letter.png"), "--models", "default", "--out", str(out)]) == 1
    assert "text file" in capsys.readouterr().err
    assert not out.exists()


def test_truths_are_found_by_name(tmp_path: Path) -> None:
    for name in ("a/x.jpg", "a/y.jpg", "b/x.jpg", "b/caf\u00e9.png"):
        (tmp_path / "true" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "true" / name).touch()
    files = [tmp_path / "in" / name for name in ("a/x.jpg", "b/x.jpg", "a/Y.png", "Cafe\u0301.tif", "z.jpg")]
    found = find_truths(files, tmp_path / "true")
    true = tmp_path / "true"
    assert found == {
        files[0]: true / "a/x.jpg",
        files[1]: true / "b/x.jpg",
        files[2]: true / "a/y.jpg",
        files[3]: true / "b/caf\u00e9.png",
    }
    with pytest.raises(OptionError, match="is one photo's, and there are 5"):
        find_truths(files, true / "a/x.jpg")


def test_names_longer_than_a_file_s_can_be_are_read_to_be_refused() -> None:
    long = Path("x" * 300)
    (found,) = find_files([long])
    assert find_truths([found], long) == {long: long}


def test_files_are_called_by_as_little_as_tells_them_apart() -> None:
    files = [Path("/p/a/x.jpg"), Path("/p/b/x.jpg"), Path("/q/b/x.jpg"), Path("/p/y.jpg")]
    assert short_names(files) == [str(Path(name)) for name in ("a/x.jpg", "p/b/x.jpg", "q/b/x.jpg", "y.jpg")]


@pytest.mark.slow
def test_ctrl_c_writes_nothing(folder: Path, astronaut: np.ndarray) -> None:
    large = Image.fromarray(astronaut).resize((1000, 1000))
    for i in range(12):
        large.save(folder / "in" / f"{i:02}.jpg")
    (folder / "in" / "letter.png").rename(folder / "in" / "00-letter.png")  # the first to be read
    # A shell that runs the tests in the background makes its children deaf to Ctrl-C; this one shall hear it.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from colorizer.__main__ import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code, "compare", "in", "--models", "default", "--out", "page.html"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "letter" in process.stderr.readline(), "it is at work"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped" in errors
    assert "Traceback" not in errors
    assert sorted(path.name for path in folder.iterdir()) == ["in", "true"]
