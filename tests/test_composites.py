"""`python -m train composites`: painters whose colours are known show whether the measuring is right."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from colorizer.faces import Face
from colorizer.groups import GROUPS
from colorizer.palette import NEUTRAL_SKIN, REFERENCE
from tests.painters import Painter, face, one_tint, portrait_of
from train import composites, crowd, frames, numbers, pictures

BOX = (0.25, 0.2, 0.75, 0.8)
LIGHTNESS = {"Asian": 66, "Black": 38, "Hispanic": 58, "Indian": 50, "Middle Eastern": 62, "White": 70}
FOUR = ("Asian", "Black", "Indian", "White")


def someone(group: str) -> frames.Person:
    """A face on a wall of its own colour."""
    a, b = np.array(NEUTRAL_SKIN[group]) * (LIGHTNESS[group] + 16) / REFERENCE
    wall = (45.0, 20.0 - 10 * GROUPS.index(group), 10.0)
    box = tuple(side * 256 for side in BOX)
    return frames.Person(f"{group}.png", group, portrait_of((LIGHTNESS[group], a, b), wall), box)


def frame(places: Sequence[frames.Place] | None = None) -> frames.Frame:
    return frames.compose([someone(group) for group in FOUR], places or frames.side_by_side())


def boxes(of: frames.Frame) -> list[tuple[float, ...]]:
    """Where the faces are, in shares of the frame."""
    return [tuple(np.array(of.box(who)) / 256) for who in range(4)]


class InFrames(Painter):
    """Knows where a frame's faces are; in any other picture it finds one in the middle."""

    def __init__(self, rule: Any, of: frames.Frame) -> None:
        super().__init__(rule, boxes(of))
        self.of = of

    def analyze(self, gray: np.ndarray) -> Any:
        if gray.shape[0] < 256:
            self.boxes = [BOX]
        else:
            self.boxes = boxes(self.of)
        return super().analyze(gray)


def told(lightness: np.ndarray, faces: Sequence[Face], spread: float = 0.0) -> np.ndarray:
    """Each chosen group's skin colour about its face, gray elsewhere; `spread` of it everywhere."""
    height, width = lightness.shape
    ab = np.zeros((height, width, 2))
    y, x = np.mgrid[0:height, 0:width] + 0.5
    factor = (lightness[..., None] + 16) / REFERENCE
    for one in faces:
        group = one.chosen if one.chosen in GROUPS else max(one.probabilities, key=one.probabilities.get)
        x0, y0, x1, y1 = one.box
        inside = (x > x0) & (x < x1) & (y > y0) & (y < y1)
        ab += np.where(inside, 1.0, spread)[..., None] * np.array(NEUTRAL_SKIN[group]) * factor
    return ab


def test_a_frame_knows_whose_each_pixel_is() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        made = frame(frames.overlapping(rng))
        sides = [side for _, _, side in made.places]
        assert all(frames.SIDES[0] <= side <= frames.SIDES[1] for side in sides)
        for who in range(4):
            top, left, side = made.places[who]
            seen = made.cut(made.owner == who, who)
            # The uncovered part of a picture is, pixel for pixel, the picture alone at that size.
            own = made.alone(who)
            assert own.shape == (side, side, 3)
            part = made.rgb[top : top + side, left : left + side]
            assert np.array_equal(part[seen], own[seen])
            inside = np.zeros((256, 256), bool)
            inside[top : top + side, left : left + side] = True
            assert not ((made.owner == who) & ~inside).any()
    assert len(set(sides)) > 1


def test_side_by_side_nobody_covers_anybody() -> None:
    made = frame()
    shares = [(made.owner == who).mean() for who in range(4)]
    assert len(set(shares)) == 1
    assert min(made.skin(who).sum() for who in range(4)) > 500
    assert (made.owner == frames.BACKGROUND).mean() > 0.2
    one = made.without_others(2)
    assert np.array_equal(one[made.owner == 2], made.rgb[made.owner == 2])
    assert not np.array_equal(one[made.owner == 1], made.rgb[made.owner == 1])


def test_a_model_that_paints_one_tint_has_a_ratio_of_one_and_changes_nothing() -> None:
    made = frame(frames.overlapping(np.random.default_rng(0)))
    people, changes = crowd.measure(InFrames(one_tint(11.74, 13.51), made), made)  # type: ignore[arg-type]
    table = pd.DataFrame(people).assign(frame=0, kind="overlapping")
    assert set(table["model"]) == {"gray", "tint", "model"}
    rows = table.groupby(["model", "condition"])[list(crowd.ERRORS)].mean()
    for condition in ("annotated", "predicted"):
        assert rows.loc[("model", condition)].to_numpy() == pytest.approx(rows.loc[("tint", "")], abs=0.05)
    for who in table.itertuples():
        assert who.together == pytest.approx(who.in_frame, abs=0.05)
        assert who.together == pytest.approx(who.own_picture, abs=0.05)
    moved = pd.DataFrame(changes)
    assert len(moved) == 4 * 5
    assert (moved[["own", "others", "background"]] == 0).to_numpy().all()
    assert moved["cosine"].isna().all(), "no move has no direction"
    assert (moved["gain"].dropna() == 0).all()
    summary = composites.summarize(table, moved.assign(frame=0))
    every = [row for row in summary["people"] if row["part"] == "all"]
    assert [row["to_own_picture"]["mean"] for row in every] == pytest.approx([1] * 4, abs=0.01)
    assert summary["changes"][0]["within"]["mean"] == 1
    assert {row["part"] for row in summary["people"]} == {"all", "overlapping", *FOUR}


def test_a_model_that_does_as_told_is_right_local_and_goes_all_the_way() -> None:
    made = frame()
    people, changes = crowd.measure(InFrames(told, made), made)  # type: ignore[arg-type]
    table = pd.DataFrame(people)
    annotated = table[table["condition"] == "annotated"]
    assert annotated["together"].max() < 1, "their skin has the colour that was painted"
    assert table["found"].all()
    moved = pd.DataFrame(changes)
    assert moved["own"].min() > 0
    assert moved["others"].max() == 0
    known = moved[moved["cosine"].notna()]
    assert len(known)
    assert known["cosine"].min() > 0.95
    assert known["gain"].to_numpy() == pytest.approx(np.ones(len(known)), abs=0.1)
    skipped = moved[moved["gain"].isna()]
    for row in skipped.itertuples():
        size = np.hypot(*np.subtract(NEUTRAL_SKIN[row.to], NEUTRAL_SKIN[row.group]))
        assert size < crowd.LEAST_DIFFERENCE


def test_colour_that_leaks_is_seen_on_the_others_and_in_the_background() -> None:
    made = frame()
    leaking = InFrames(lambda lightness, faces: told(lightness, faces, spread=0.5), made)
    _, changes = crowd.measure(leaking, made)  # type: ignore[arg-type]
    moved = pd.DataFrame(changes)
    to_white = moved[(moved["group"] == "Indian") & (moved["to"] == "White")].iloc[0]
    assert to_white["others"] > 1
    assert to_white["background"] > 1
    opposite = crowd.along((0.0, -1.0), "White", "Indian")
    assert opposite[0] is not None
    assert opposite[0] < -0.9


def test_faces_are_matched_with_people() -> None:
    made = frame()
    found = [face(made.box(2)), face((0, 0, 20, 20)), face(made.box(0))]
    assert crowd.whose(found, made) == [2, None, 0]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pictures a group, and labels."""
    folder = tmp_path / "faces" / "images"
    folder.mkdir(parents=True)
    rows = ["imageName,ethnicity"]
    for group in GROUPS:
        for copy in "ab":
            name = f"{group}-{copy}.png"
            Image.fromarray(someone(group).rgb).save(folder / name)
            rows.append(f"{name},{group}")
    (folder.parent / "val.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder.parent


def test_draws_are_of_four_groups_and_always_the_same(data: Path) -> None:
    painter: Any = Painter(one_tint(0, 0))
    found = pictures.find(data)
    drawn = [list(composites.draw(found, painter, 9)) for _ in range(2)]
    names = [[[person.name for person in one.people] for one in some] for some in drawn]
    assert names[0] == names[1]
    for one in drawn[0]:
        assert len({person.group for person in one.people}) == 4
        assert all(person.name.startswith(person.group) for person in one.people)
    assert [one.places == frames.side_by_side() for one in drawn[0]] == [True, False] * 4 + [True]
    assert {person.group for one in drawn[0] for person in one.people} == set(GROUPS)
    used = pd.Series([name for one in names[0] for name in one]).value_counts()
    assert used.max() - used.min() <= 3, "a picture comes again only after its group's others"


def test_too_few_groups_are_refused(data: Path) -> None:
    painter: Any = Painter(one_tint(0, 0), boxes=[])
    with pytest.raises(composites.OptionError, match="at least four groups"):
        next(composites.draw(pictures.find(data), painter, 1))


def test_the_report_says_all_of_it(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter(one_tint(11.74, 13.51))
    monkeypatch.setattr(numbers, "load", lambda args: ("mine", painter))
    from train.__main__ import main

    out = tmp_path / "report"
    assert main(["composites", "--data", str(data), "--report", str(out), "--frames", "2"]) == 0
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["not_found"] == 8, "this one finds a face only in the frame's middle"
    assert summary["changes"] == []
    text = (out / "summary.md").read_text(encoding="utf-8")
    assert "8 of 8 faces were not found again" in text
    assert "| mine | annotated | all | 8 |" in text
    assert len(pd.read_csv(out / "results.csv")) == 8 * 4
