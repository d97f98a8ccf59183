"""Every group is divided 80/10/10, a seed decides, and whatever belongs together stays together."""

import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.preparing import encoded, picture
from train.prepare import page, prepare
from train.prepare.options import Options
from train.prepare.splits import assign

SHARES = (0.8, 0.1, 0.1)
GROUPS = ["Asian"] * 200 + ["Black"] * 100 + [""] * 50
NAMES = [f"{n:03}.jpg" for n in range(len(GROUPS))]


def test_every_group_is_divided_alike() -> None:
    counts = Counter(zip(GROUPS, assign(range(350), GROUPS, NAMES, SHARES, 0), strict=True))
    assert [counts["Asian", side] for side in ("train", "val", "test")] == [160, 20, 20]
    assert [counts["Black", side] for side in ("train", "val", "test")] == [80, 10, 10]
    assert [counts["", side] for side in ("train", "val", "test")] == [40, 5, 5]


def test_a_seed_decides_and_the_order_does_not() -> None:
    first = dict(zip(NAMES, assign(range(350), GROUPS, NAMES, SHARES, 1), strict=True))
    order = random.Random(0).sample(range(350), 350)
    again = assign(order, [GROUPS[i] for i in order], [NAMES[i] for i in order], SHARES, 1)
    assert dict(zip([NAMES[i] for i in order], again, strict=True)) == first
    assert dict(zip(NAMES, assign(range(350), GROUPS, NAMES, SHARES, 2), strict=True)) != first


def test_units_stay_whole_and_the_shares_are_still_kept() -> None:
    units = [n // 7 if n % 3 else 1000 + n for n in range(350)]
    sides = assign(units, GROUPS, NAMES, SHARES, 0)
    by_unit = defaultdict(set)
    for unit, side in zip(units, sides, strict=True):
        by_unit[unit].add(side)
    assert max(map(len, by_unit.values())) == 1
    counts = Counter(zip(GROUPS, sides, strict=True))
    assert counts["Asian", "val"] == pytest.approx(20, abs=2)
    assert counts["Black", "test"] == pytest.approx(10, abs=2)


def test_a_group_of_one_trains() -> None:
    assert assign([0], ["White"], ["a.jpg"], SHARES, 0) == ["train"]


def test_no_person_and_no_sitting_crosses(tmp_path: Path) -> None:
    """Forty people with two photos each; a copy under another person's name makes the two one."""
    box = tmp_path / "box"
    box.mkdir()
    rows = ["imageName,ethnicity,person"]
    for n in range(80):
        (box / f"{n:02}.png").write_bytes(encoded(picture(n, 64)))
        rows.append(f"{n:02}.png,{('Asian', 'White')[n % 4 // 2]},p{n // 2}")
    (box / "copy.png").write_bytes(encoded(picture(0, 64)))
    (box / "labels.csv").write_text("\n".join([*rows, "copy.png,Asian,p7"]))
    prepare(box, tmp_path / "out", Options(jobs=1, person="person"))
    side_of: dict[str, set[str]] = defaultdict(set)
    count = Counter()
    for side in ("train", "val", "test"):
        for line in (tmp_path / "out" / f"{side}.csv").read_text().splitlines()[1:]:
            person = line.split(",")[2]
            side_of["p0" if person == "p7" else person].add(side)
            count[side] += 1
    assert len(side_of) == 39
    assert max(map(len, side_of.values())) == 1
    assert [count[side] for side in ("train", "val", "test")] == [64, 8, 8]


def test_the_page_is_whole_and_believes_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "SHOWN", 3)
    box = tmp_path / "box"
    box.mkdir()
    evil = "<img src=x onerror=alert(1)>.png"
    (box / evil).write_bytes(b"no picture")
    (box / "good.png").write_bytes(encoded(picture(1)))
    for n in range(5):
        (box / f"gray-{n}.png").write_bytes(encoded(picture(10 + n).convert("L")))
    (box / "labels.csv").write_text('imageName,ethnicity\ngood.png,"<script>alert(2)</script>"\n')
    prepare(box, tmp_path / "out", Options(jobs=1))
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in html
    assert "<img src=x" not in html
    assert "<script" not in html
    assert "and 2 more in dropped.csv" in html
    assert html.count('<img loading="lazy" src="data:image/jpeg;base64,') == 3 + 1
    assert "http://" not in html
    assert "https://" not in html
    assert (tmp_path / "out" / "dropped.csv").read_text().count("near-gray") == 5
