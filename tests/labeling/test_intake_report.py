"""A report that the training room really writes can be taken in: this room only knows its files."""

from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from labeling import intake, looks
from labeling.errors import LabelError
from labeling.intake import NewBatch
from labeling.office import Office
from labeling.settings import LabelSettings
from train.__main__ import main


@pytest.mark.slow
def test_what_the_classifier_got_wrong_comes_from_a_real_report(
    tmp_path: Path, grace_hopper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, report = tmp_path / "photos of mine", tmp_path / "report"
    photos.mkdir()
    Image.fromarray(data.astronaut()).save(photos / "astronaut.png")
    (photos / "grace_hopper.jpg").write_bytes(grace_hopper.read_bytes())
    labels = tmp_path / "labels.csv"
    labels.write_text("imageName,ethnicity\nastronaut.png,Asian\ngrace_hopper.jpg,Black\n")
    command = ["evaluate", "--models", "ethnicity-aware", "--data", str(photos), "--labels", str(labels)]
    command += ["--report", str(report), "--no-lpips", "--no-pictures", "--jobs", "1", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["train", *command])  # the report says with which command it was written
    main(command)

    office = Office(LabelSettings(labels_folder=tmp_path / "labels"))
    into = NewBatch("mistakes", source="a report", licence="public domain", consent="official portraits")
    with pytest.raises(LabelError, match="say where its photos are"):  # a report names no folder of a machine
        intake.take_mistakes(office, "Asha", into, report, is_trusted=True)
    done = intake.take_mistakes(office, "Asha", into, report, photos, is_trusted=True)
    assert done.refused == []
    assert done.added >= 1, "neither label is what a portrait of her is taken for"
    assert len(looks.unsurveyed(office.store)) == done.added
