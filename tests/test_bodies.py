"""`python -m train bodies`: the arithmetic on made-up bodies, and the whole way on a folder of two."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from colorizer import checkpoint, lab, metrics
from colorizer.errors import PhotoError
from tests.painters import Painter, face, one_tint
from train import bodies, report
from train.__main__ import main

BOX = (0.4, 0.1, 0.6, 0.3)
"""Of the face, in shares of the photo."""


def person(
    face_ab: tuple[float, float] = (12, 16), arm_ab: tuple[float, float] = (12, 16), side: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """A photo and its mask: a face, an arm far below, hair, and a blue wall."""
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = (60, -5, -20)
    mask = np.zeros((side, side), np.uint8)

    def paint(x0: float, y0: float, x1: float, y1: float, color: tuple[float, ...], value: int) -> None:
        part = slice(round(y0 * side), round(y1 * side)), slice(round(x0 * side), round(x1 * side))
        picture[part], mask[part] = color, value

    paint(*BOX, (65, *face_ab), bodies.SKIN)
    paint(0.4, 0.05, 0.6, 0.1, (25, 4, 6), bodies.HAIR)
    paint(0.2, 0.6, 0.3, 0.9, (60, *arm_ab), bodies.SKIN)
    return lab.lab_to_rgb(picture), mask


def where(mask: np.ndarray) -> bodies.Regions:
    height, width = mask.shape
    box = (BOX[0] * width, BOX[1] * height, BOX[2] * width, BOX[3] * height)
    return bodies.regions(mask, [face((0.0, 0.0, width / 20, height / 20)), face(box)])


def test_regions_part_the_face_from_the_rest() -> None:
    _, mask = person(side=512)
    found = where(mask)
    assert found.skin.shape == (256, 256)
    assert abs(found.face.sum() - 51 * 51) < 200
    assert abs(found.other.sum() - 26 * 77) < 200
    assert not (found.face & found.other).any()
    assert (found.skin & ~found.face & ~found.other).sum() < 300
    assert not (found.hair & found.skin).any()


def test_without_a_face_there_is_skin_but_no_face_and_no_rest() -> None:
    photo, mask = person()
    found = bodies.regions(mask, [])
    assert found.skin.any()
    assert not found.face.any()
    assert not found.other.any()
    body = bodies.compare(photo, photo, found)
    assert body.skin_delta_e == 0
    assert body.face_delta_e is None
    assert body.hue_step is None


def test_a_perfect_prediction_has_no_error() -> None:
    photo, mask = person(arm_ab=(10, 20))
    body = bodies.compare(photo, photo, where(mask))
    assert body.psnr == float("inf")
    errors = (body.skin_delta_e, body.face_delta_e, body.other_delta_e, body.hair_delta_e)
    assert errors == (0, 0, 0, 0)
    assert body.hue_step == body.true_hue_step
    assert body.hue_step == pytest.approx(np.degrees(np.arctan2(20, 10) - np.arctan2(16, 12)), abs=1)
    assert body.hue_step_error == 0
    assert body.gray_limbs == 0


def test_an_arm_of_another_hue_and_a_gray_one_are_seen() -> None:
    truth, mask = person()
    yellow, _ = person(arm_ab=(2, 19.9))
    body = bodies.compare(yellow, truth, where(mask))
    assert body.face_delta_e == 0
    assert body.other_delta_e is not None
    assert body.other_delta_e > 8
    assert body.true_hue_step == pytest.approx(0, abs=1)
    assert body.hue_step == pytest.approx(84.3 - 53.1, abs=2)
    assert body.hue_step_error == pytest.approx(abs((body.hue_step or 0) - (body.true_hue_step or 0)))
    pale, _ = person(arm_ab=(3, 4))
    assert bodies.compare(pale, truth, where(mask)).gray_limbs == 1


def test_a_tint_has_no_step_and_gray_no_hue() -> None:
    truth, mask = person()
    tinted = bodies.compare(metrics.tint(truth, (11.7, 13.5)), truth, where(mask))
    assert tinted.hue_step == pytest.approx(0, abs=1), "rounding to 8 bits aside"
    assert bodies.compare(metrics.gray(truth), truth, where(mask)).hue_step is None


def test_one_photo_gives_a_row_for_each_baseline_and_input(tmp_path: Path) -> None:
    photo, mask = person(side=512)
    Image.fromarray(photo).save(tmp_path / "body.png")
    painter: Any = Painter(one_tint(11.74, 13.51), [BOX])
    rows = bodies.measure(painter, "body.png", (tmp_path / "body.png").read_bytes(), mask)
    table = pd.DataFrame(rows).set_index(["model", "input"])
    assert list(table.index) == [
        ("gray", "protocol"),
        ("tint", "protocol"),
        ("model", "protocol"),
        ("model", "full size"),
    ]
    for given in ("protocol", "full size"):  # a model that paints the tint is the tint
        assert table.loc[("model", given), "skin_delta_e"] == pytest.approx(
            table.loc[("tint", "protocol"), "skin_delta_e"], abs=0.2
        )
    summary = bodies.summarize(table.reset_index())
    assert [row["without_face"] for row in summary["rows"]] == [None, None, 0, 0]
    with pytest.raises(PhotoError, match="512, 512"):
        bodies.measure(painter, "body.png", (tmp_path / "body.png").read_bytes(), mask[:100])


@pytest.mark.skipif(not checkpoint.available(), reason="needs the weights that come with Rangin")
def test_the_command_writes_a_report_that_a_readme_can_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "bodies"
    data.mkdir()
    for name in ("a", "b"):
        photo, mask = person()
        Image.fromarray(photo).save(data / f"{name}.png")
        if name == "a":
            Image.fromarray(mask).save(data / f"{name}.mask.png")
    out = tmp_path / "report"
    arguments = ["--data", str(data), "--report", str(out), "--device", "cpu"]
    assert main(["bodies", *arguments]) == 1, "one has no mask"
    assert "b.png: its mask b.mask.png can't be read" in capsys.readouterr().err
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["measured"] == 1
    assert summary["rows"][0]["means"]["skin_delta_e"]["n"] == 1
    results = pd.read_csv(out / "results.csv")
    assert len(results) == 4
    readme = tmp_path / "README.md"
    readme.write_text("<!-- bodies:begin -->\n<!-- bodies:end -->\n", encoding="utf-8")
    report.update_readme("bodies", (out / "summary.md").read_text(encoding="utf-8"), readme)
    assert "| default | full size |" in readme.read_text(encoding="utf-8")
    assert main(["bodies", *arguments, "--limit", "0"]) == 1
    assert "--limit must be 1 or more" in capsys.readouterr().err
