"""`python -m labeling`: what it does, prints and returns."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from labeling.__main__ import main
from labeling.batches import batches
from labeling.export import What, rows
from labeling.judging import judge
from labeling.looks import unsurveyed
from labeling.office import Office
from labeling.settings import get_label_settings
from labeling.store import Store, open_store
from tests.labeling.filling import face, fill, key
from tests.preparing import picture

NOTES = ["--source", "our album", "--licence", "CC BY 4.0", "--consent", "all asked"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The labels' folder, empty."""
    monkeypatch.setenv("RANGIN_LABELS_FOLDER", str(tmp_path / "labels"))
    get_label_settings.cache_clear()
    yield tmp_path / "labels"
    get_label_settings.cache_clear()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos, one in a folder below, one of them with a Devanagari name."""
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    for place, name in enumerate(("0.png", "1.png", "2.png", "रिता.png", "below/4.png", "below/0.png")):
        picture(place, 64).save(folder / name)
    return folder


@pytest.fixture
def project() -> Iterator[Store]:
    """The store that the commands open."""
    store = open_store()
    yield store
    store.close()


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_a_csv_with_its_photos_goes_in_out_and_in_again(
    home: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv = tmp_path / "labels.csv"
    csv.write_text(
        "imageName,ethnicity\n0.png,Nepali\nbelow/0.png,White\nरिता.png,Nepali\n4.png,Black\n"
        "nowhere.png,White\n=cmd(),White\n1.png,Martian\n"
    )
    assert run("import", csv, "--images", photos, "--as", "Maya") == 1
    said = capsys.readouterr()
    assert "5 photos added to 'photos'" in said.out
    assert "7 rows: 4 new judgements, 0 rows known already, 3 refused" in said.out
    assert "line 6: nowhere.png: There is no photo of this name" in said.out
    assert 'line 7: =cmd(): The cell "=cmd()" would start a formula' in said.out
    assert 'line 8: 1.png: There is no label "Martian"; choose one of Asian' in said.out
    assert "no licence or consent note" in said.err
    kept = (home / "csv" / "photos.csv").read_text()
    assert "4.png,Black" in kept, "the CSV that is always there is current also without a page"
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    assert run("export", "--out", first) == 0
    assert first.read_bytes().decode() == (
        "imageName,ethnicity\r\n0.png,Nepali\r\nरिता.png,Nepali\r\n4.png,Black\r\nbelow_0.png,White\r\n"
    )
    capsys.readouterr()
    for given in (first, csv):  # what came out changes nothing, nor does what went in
        assert run("import", given, "--images", photos, "--as", "Maya") == (given == csv)
        assert "0 new judgements, 4 rows known already" in capsys.readouterr().out
    assert run("export", "--out", second) == 0
    assert second.read_bytes() == first.read_bytes()
    assert run("export", "--out", second, "--all-judgements") == 0
    assert "0.png,Nepali,Maya,20" in second.read_text()
    assert run("import", second) == 0


def test_photos_are_added_with_their_source_licence_and_consent(
    photos: Path, project: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "broken.jpg").write_bytes(b"no photo")
    assert run("add", photos, "--batch", "Dashain") == 2
    assert "--source and --licence and --consent" in capsys.readouterr().err
    assert run("add", photos, "--batch", "Dashain", "--judgements", "2", *NOTES) == 1
    said = capsys.readouterr().out
    assert "6 photos added to 'Dashain', 0 known already, 1 refused" in said
    assert "broken.jpg" in said
    assert run("add", photos / "0.png", photos / "1.png", "--batch", "Dashain") == 0
    assert "0 photos added to 'Dashain', 2 known already" in capsys.readouterr().out
    (batch,) = batches(project)
    assert (batch.source, batch.licence, batch.consent, batch.judgements) == (
        "our album",
        "CC BY 4.0",
        "all asked",
        2,
    )
    assert len(unsurveyed(project)) == 6


def test_a_folder_without_photos_does_not_stop_the_others(
    photos: Path, project: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("add", empty, photos / "below", photos / "1.png", "--batch", "Dashain", *NOTES) == 1
    said = capsys.readouterr()
    assert f"error: {empty}: The folder empty holds no photos" in said.err
    assert said.out.count("photos added to 'Dashain'") == 2
    assert len(unsurveyed(project)) == 3
    assert run("add", empty, "--batch", "Dashain") == 2, "alone it is a wrong command"


def test_status_tells_how_far_each_batch_has_come(project: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status") == 0
    assert "No photos yet" in capsys.readouterr().out
    batch = fill(project, 8, judgements=2)
    for who, label in (("Maya", "Nepali"), ("Asha", "Indian")):
        judge(project, key(), who, 1, "label", label)
    judge(project, key(), "Maya", 2, "label", "Nepali")
    judge(project, key(), "Maya", 3, "unusable", word="drawing")
    judge(project, key(), "Maya", 4, "skip")
    assert run("status") == 0
    said = capsys.readouterr().out
    assert "3 of 8 photos judged (38%), 1 by as many as wanted, 1 in conflict" in said
    assert "Indian 1, Nepali 2, unusable 1, skipped 1" in said
    assert "by 2 people, last 20" in said
    assert "source: taken by us; licence: CC BY 4.0; consent: all signed" in said
    assert run("status", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["batches"]
    assert (found["batch"]["name"], found["photos"]["conflicts"], found["people"]) == (batch.name, 1, 2)


def test_agreement_and_vote_results_are_printed(
    project: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(project, 6, judgements=2)
    for item in range(1, 7):
        judge(project, key(), "Maya", item, "label", "Nepali" if item % 2 else "Asian")
        judge(project, key(), "Asha", item, "label", "Nepali" if item % 3 else "Asian")
    assert run("agreement", "--batch", "Dashain 2026", "--confusion") == 0
    assert "Maya" in capsys.readouterr().out
    assert run("agreement", "--json") == 0
    assert json.loads(capsys.readouterr().out)
    assert run("vote-results") == 0
    assert "No studies yet" in capsys.readouterr().out
    assert run("vote-results", "--out", tmp_path / "votes.csv") == 2
    assert run("vote-results", "Spring") == 2


def test_a_batch_is_known_by_its_name_first_and_by_its_number_else(
    project: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(project, 1, "2")
    fill(project, 1, "Tihar", first=5)
    judge(project, key(), "Maya", 1, "label", "Nepali")
    for name, expected in (("2", 1), ("1", 1), ("Tihar", 0)):
        assert run("export", "--out", tmp_path / "a.csv", "--batch", name) == 0
        assert f"{expected} rows written" in capsys.readouterr().out
    assert run("export", "--out", tmp_path / "a.csv", "--batch", "Holi") == 2
    assert "there are 2, Tihar" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["import", "nothing.csv"], "can't be read"),
        (["import", "nothing.csv", "--map", "Asian"], "write WORD=LABEL"),
        (["import", "nothing.csv", "--as", "=me"], "formula"),
        (["export", "--out", "/dev/null"], "is not a file"),
        (["dataset", "--out", "somewhere"], "Nothing is labelled"),
        (["survey", "--batch", "Holi"], "no batch"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_does_nothing(
    words: list[str],
    says: str,
    project: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = project.version()
    assert run(*words) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert says in said
    assert said.count("\n") == 1
    assert project.version() == before


def test_rows_without_an_annotator_are_the_login_names(
    project: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(project, 1)
    (tmp_path / "a.csv").write_text("imageName,ethnicity\nphoto 0.jpg,east asian\n")
    monkeypatch.setattr("getpass.getuser", lambda: "sita")
    assert run("import", tmp_path / "a.csv", "--map", "East Asian=Asian") == 0
    assert rows(project, What(annotator=True)).rows == [("photo 0.jpg", "Asian", "sita")]


def test_help_comes_without_loading_the_networks() -> None:
    told = "print('torch' in sys.modules)"
    script = f"import sys\nfrom labeling.__main__ import main\ntry: main(['--help'])\nfinally: {told}"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.rstrip().endswith("False"), "PyTorch was imported"
    assert "vote-results" in done.stdout
    assert time.monotonic() - start < 10


def test_a_survey_at_the_command_line_finds_faces_and_lists_what_failed(
    project: Store,
    photos: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Model:
        def analyze(self, rgb: object) -> SimpleNamespace:
            return SimpleNamespace(faces=(face(1, 20), face(30, 20)))

    assert run("add", photos, "--batch", "Dashain", *NOTES) == 0
    lost = next((home / "photos").rglob("*.png"))
    lost.unlink()
    monkeypatch.setattr(Office, "colorizer", lambda self: Model())
    capsys.readouterr()
    assert run("survey") == 1
    said = capsys.readouterr().out
    assert "5 photos looked through, 1 failed" in said
    assert lost.stem[:12] in said
    assert run("status") == 0
    assert "faces looked for in 5 of 6 photos" in capsys.readouterr().out
