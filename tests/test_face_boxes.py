"""Where faces lie, as a labels CSV says it and as training takes it."""

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from colorizer.errors import OptionError
from colorizer.faces import Face
from train import face_boxes, labels


def test_cells_become_boxes_and_empty_ones_nobody() -> None:
    boxes = face_boxes.parse(["0.1 0.2 0.5 0.6", " ", "", "-0.1 0 1.2 1"], "a.csv")
    assert boxes.dtype == np.float32
    np.testing.assert_allclose(boxes[0], [0.1, 0.2, 0.5, 0.6], rtol=1e-6)
    np.testing.assert_allclose(boxes[3], [-0.1, 0, 1.2, 1], rtol=1e-6)
    assert np.isnan(boxes[1:3]).all()


@pytest.mark.parametrize(
    "cell",
    ["0.5", "0.1 0.2 0.5", "0.1 0.2 0.5 0.6 0.7", "a b c d", "0.5 0 0.1 1", "0 0 inf 1", "nan nan nan nan"],
)
def test_what_is_no_box_is_refused_with_its_file(cell: str) -> None:
    with pytest.raises(OptionError, match=r"a\.csv: face is '.*must be x0 y0 x1 y1"):
        face_boxes.parse(["0.1 0.2 0.5 0.6", cell], "a.csv")


def test_a_box_is_said_in_shares_of_the_middle_square() -> None:
    face = Face((150.0, 10.0, 200.0, 60.0), (), 1.0)
    assert face_boxes.in_middle_square(face, 100, 300) == (0.5, 0.1, 1.0, 0.6)
    assert face_boxes.in_middle_square(face, 300, 100) == (1.5, -0.9, 2.0, -0.4)


def test_the_command_adds_the_column_and_keeps_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(data.astronaut()).save(tmp_path / "astronaut.png")
    Image.fromarray(data.coffee()).save(tmp_path / "coffee.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    table = tmp_path / "labels.csv"
    table.write_text("imageName,ethnicity,age\nastronaut.png,White,40-49\ncoffee.png,,\nbad.png,,\n")
    parser = argparse.ArgumentParser()
    face_boxes.add_arguments(parser)
    assert face_boxes.run(parser.parse_args([str(tmp_path), "--labels", str(table)])) == 0
    assert "1 of 3 pictures have a face" in capsys.readouterr().out
    written = labels.read(table)
    assert list(written["age"]) == ["40-49", "", ""]
    boxes = face_boxes.parse(list(written["face"]), "labels.csv")
    np.testing.assert_allclose(boxes[0], np.array([182, 60, 268, 174]) / 512, atol=0.02)
    assert np.isnan(boxes[1:]).all()
    assert face_boxes.run(parser.parse_args([str(tmp_path), "--labels", str(tmp_path / "none.csv")])) == 1
