"""What stands behind the section "Compare models" of the page, without a browser."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colorizer import comparison, photo, view_compare
from colorizer.catalog import Entry
from colorizer.comparison import Painting
from colorizer.desk import Desk
from colorizer.desk_compare import Comparing
from colorizer.desk_run import Stand, reduced
from colorizer.errors import ModelError, OptionError, PhotoError
from colorizer.faces import Face
from colorizer.files import work_folder
from tests.serving import WatchedDesk, serve
from tests.untrained import only_the_default, some_models

OWN = "ethnicity-aware"


@pytest.fixture(scope="module", autouse=True)
def models() -> Iterator[None]:
    """Two more models with weights of chance."""
    with only_the_default(), some_models("cnn", "unet"):
        yield


@pytest.fixture
def desk() -> WatchedDesk:
    """The served page's desk: one model for the whole run."""
    return serve().desk


@pytest.fixture
def comparing(desk: WatchedDesk) -> Comparing:
    """Its comparisons."""
    return Comparing(desk)


@pytest.fixture
def gray(astronaut: np.ndarray) -> bytes:
    """The astronaut as a gray PNG, 256x256, one face."""
    return encoded(np.asarray(Image.fromarray(astronaut).convert("L").resize((256, 256))))


def encoded(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()


def compared(comparing: Comparing, key: str, *given: Any, **options: Any) -> Stand:
    """A comparison from its beginning to its end."""
    assert all(stand.is_running and stand.sheet is None for stand in comparing.run(key, *given, **options))
    return comparing.finish(key)


def test_each_model_paints_in_its_turn_and_says_so(comparing: Comparing, desk: Desk, gray: bytes) -> None:
    key = desk.open(gray).key
    stands = [*comparing.run(key, ["default", "cnn", OWN, "unet"], vividness=0.5), comparing.finish(key)]
    assert [len(stand.pictures) for stand in stands] == [0, 1, 2, 3]
    assert [stand.is_running for stand in stands] == [True, True, True, False]
    assert "Painting with cnn: 2 of 3" in stands[1].status
    assert [stand.sheet for stand in stands[:3]] == [None] * 3
    pictures, captions = zip(*stands[-1].pictures, strict=True)
    assert [caption.split(",")[0] for caption in captions] == [OWN, "cnn", "unet"]
    assert [photo.provenance(picture)["model"] for picture in pictures] == [OWN, "cnn", "unet"]
    shown = desk.repaint(key, ["auto"], 0.5)
    expected = photo.read(shown.after).rgb.astype(int)
    assert np.abs(photo.read(pictures[0]).rgb - expected).mean() < 2, "as the page paints it, but for JPEG"
    assert np.abs(photo.read(pictures[1]).rgb - expected).mean() > 3


def test_palettes_count_as_they_are_chosen(comparing: Comparing, desk: WatchedDesk, gray: bytes) -> None:
    key = desk.open(gray).key
    work, seen = desk.work(key), []
    for menus in (["auto"], ["Black"]):
        compared(comparing, key, [OWN], menus)
        assert work.run is not None
        seen.append(np.asarray(work.run.kept[0].painting.image).astype(int))
    assert np.abs(seen[0] - seen[1]).mean() > 0.02, "on skin alone; equal paintings are equal to the bit"
    searches = desk.detections.calls
    compared(comparing, key, [OWN, "cnn"])
    assert desk.detections.calls == searches, "no face is looked for again"
    with pytest.raises(OptionError):
        compared(comparing, key, [OWN], ["martian"])


def test_a_large_photo_is_compared_smaller_and_picked_in_full(
    comparing: Comparing, desk: Desk, astronaut: np.ndarray
) -> None:
    large = np.asarray(Image.fromarray(astronaut).convert("L").resize((1200, 900)))
    key = desk.open(encoded(large)).key
    end = compared(comparing, key, ["cnn"])
    assert "1,024 × 768 pixels" in end.status
    assert Image.open(end.pictures[0][0]).size == (640, 480)
    picked = comparing.pick(key, end.token, 0)
    assert Image.open(picked.after).size == (1200, 900)
    assert photo.provenance(picked.after)["model"] == "cnn"
    assert "cnn" in picked.summary
    assert desk.work(key).run is not None, "the comparison stays"


def test_reducing_takes_the_faces_along(desk: Desk, astronaut: np.ndarray) -> None:
    portrait = desk.colorizer.analyze(astronaut)
    small = reduced(portrait, 256)
    assert small.lightness.shape == (256, 256)
    assert small.photo.rgb.shape == (256, 256, 3)
    assert small.faces[0].box == pytest.approx([value / 2 for value in portrait.faces[0].box])
    assert small.faces[0].probabilities == portrait.faces[0].probabilities
    assert reduced(portrait, 512) is portrait


def test_what_is_no_trained_model_is_not_loaded(comparing: Comparing, desk: Desk, gray: bytes) -> None:
    key = desk.open(gray).key
    for name in ("zhang-eccv16", "hf:user/name", "/etc/passwd.safetensors", "ethnicity-classifier"):
        with pytest.raises(OptionError, match="no weights"):
            compared(comparing, key, [OWN, name])
    with pytest.raises(OptionError, match="at least one"):
        compared(comparing, key, [])
    with pytest.raises(PhotoError, match="put away"):
        compared(comparing, "nobody's", [OWN])


def test_stopped_it_keeps_what_is_there(comparing: Comparing, desk: Desk, gray: bytes) -> None:
    key = desk.open(gray).key
    stands = comparing.run(key, [OWN, "cnn", "unet"])
    next(stands)
    next(stands)
    comparing.stop(key)
    assert list(stands) == []
    end = comparing.finish(key)
    assert len(end.pictures) == 1
    assert "Stopped: 1 of 3" in end.status
    assert end.sheet is not None
    assert not end.is_running
    comparing.stop(None)
    comparing.stop("nobody's")


@pytest.mark.parametrize("change", ["palette", "switch", "forgotten", "again"])
def test_another_choice_meanwhile_leaves_nothing_to_see(
    comparing: Comparing, desk: Desk, gray: bytes, change: str
) -> None:
    key = desk.open(gray).key
    stands = comparing.run(key, [OWN, "cnn", "unet"])
    next(stands)
    token = next(stands).token
    {
        "palette": lambda: desk.repaint(key, ["Indian"]),
        "switch": lambda: desk.switch(key, False),
        "forgotten": lambda: desk.forget(key),
        "again": lambda: list(comparing.run(key, ["cnn"])),
    }[change]()
    assert list(stands) == []
    pictures = comparing.finish(key).pictures
    assert [caption.split(",")[0] for _, caption in pictures] == (["cnn"] if change == "again" else [])
    with pytest.raises(PhotoError):
        comparing.pick(key, token, 0)


def test_a_photo_that_goes_while_its_sheet_is_drawn_leaves_nothing_to_tell(
    comparing: Comparing, desk: Desk, gray: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from colorizer import sheet

    key = desk.open(gray).key
    list(comparing.run(key, [OWN]))
    draw = sheet.draw

    def draw_late(*given: Any) -> Image.Image:
        desk.forget(key)
        return draw(*given)

    monkeypatch.setattr(sheet, "draw", draw_late)
    assert comparing.finish(key) == Stand()


def test_a_change_before_the_end_is_told_leaves_nothing_to_tell(
    comparing: Comparing, desk: Desk, gray: bytes
) -> None:
    key = desk.open(gray).key
    assert len(list(comparing.run(key, ["cnn"]))) == 1
    desk.repaint(key, ["Indian"])
    assert comparing.finish(key) == Stand()
    assert comparing.finish(None) == Stand()


def test_a_picture_is_picked_only_from_the_grid_that_was_seen(
    comparing: Comparing, desk: Desk, gray: bytes
) -> None:
    key = desk.open(gray).key
    first = compared(comparing, key, ["cnn"])
    second = compared(comparing, key, ["unet", "cnn"])
    with pytest.raises(PhotoError, match="Compare once more"):
        comparing.pick(key, first.token, 0)
    for nonsense in (2, -1, "0", None, [0], 0.5, {}):
        with pytest.raises(PhotoError, match="Compare once more"):
            comparing.pick(key, second.token, nonsense)
    assert photo.provenance(comparing.pick(key, second.token, 1).after)["model"] == "cnn"


def test_figures_follow_the_truth(
    comparing: Comparing, desk: Desk, gray: bytes, astronaut: np.ndarray
) -> None:
    key = desk.open(gray).key
    assert comparing.measure(key) is None
    end = compared(comparing, key, [OWN, "cnn", "unet"])
    assert end.table == ""
    assert "Give the true photo" in end.status
    desk.compare_with(key, encoded(astronaut))
    measured = comparing.measure(key)
    assert measured is not None
    assert measured.table.count("<tr>") == 4
    assert measured.table.count('class="best"') >= 6
    assert measured.table.count("★") == measured.table.count("(best)") + 1, (
        "each star in words, and the legend"
    )
    assert measured.sheet is not None
    assert measured.sheet != end.sheet
    assert Image.open(measured.sheet).width > Image.open(end.sheet).width, "the true photo is on it"  # type: ignore[arg-type]
    assert measured.pictures == end.pictures
    again = compared(comparing, key, [OWN, "cnn", "unet"])
    assert _figures(again.table) == _figures(measured.table), "measured at once or afterwards"
    own = desk.work(key).run.kept[0].painting.metrics  # type: ignore[union-attr]
    assert own is not None
    assert f"{own.psnr:.1f} dB" in comparing.pick(key, again.token, 0).metrics
    desk.compare_with(key, None)
    without = comparing.measure(key)
    assert without is not None
    assert without.table == ""


def _figures(table: str) -> list[str]:
    """A table's rows without their times."""
    return [row.split("</td>", 1)[1] for row in table.split("<tr>")[2:]]


def test_a_damaged_model_is_left_out_by_name(
    comparing: Comparing, desk: Desk, gray: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, painter = desk.open(gray).key, Comparing._painter

    def broken(self: Comparing, name: str) -> object:
        if name == "cnn":
            raise ModelError("Its weights are <damaged>.")
        return painter(self, name)

    monkeypatch.setattr(Comparing, "_painter", broken)
    end = compared(comparing, key, [OWN, "cnn"])
    assert len(end.pictures) == 1
    assert "cnn was left out. Its weights are &lt;damaged&gt;." in end.status
    alone = compared(comparing, key, ["cnn"])
    assert (alone.pictures, alone.sheet) == ((), None)
    assert "left out" in alone.status


def test_files_of_a_comparison_go_with_the_photo(comparing: Comparing, desk: Desk, gray: bytes) -> None:
    key = desk.open(gray).key
    ends = [compared(comparing, key, ["cnn"]) for _ in range(3)]
    assert [end.pictures[0][0].exists() for end in ends] == [False, True, True]
    files = [path for end in ends[1:] for path in (end.pictures[0][0], end.sheet)]
    assert all(work_folder(desk.folder, key) in Path(str(path)).parents for path in files)
    desk.forget(key)
    assert not any(Path(str(path)).exists() for path in files)


def test_the_offer_is_what_has_weights_at_this_moment(comparing: Comparing) -> None:
    offer = comparing.offer()
    names = [name for _, name in offer.choices]
    assert names[0] == OWN
    assert {"cnn", "unet"} <= set(names)
    assert "ethnicity-classifier" not in names
    assert re.fullmatch(rf"{OWN} \(\d+\.\d M, this page's\)", offer.choices[0][0])
    assert "<strong>uvgg</strong>" in offer.untrained
    assert "<strong>cnn</strong>" not in offer.untrained
    with some_models("vgg16-autoencoder-all"):
        assert "vgg16-autoencoder-all" in [name for _, name in comparing.offer().choices]
    assert "vgg16-autoencoder-all" not in [name for _, name in comparing.offer().choices]


def test_what_is_not_trained_is_listed_with_its_command() -> None:
    entry = Entry("unet", "unet", 17_000_000, None, "", "A & B", False, True, "–", "–", "python -m <x>")
    html = view_compare.untrained([entry, replace(entry, name="uvgg")])
    assert html.count("not trained") == 2
    assert "<code>python -m &lt;x&gt;</code>" in html
    assert "A &amp; B" in html
    assert view_compare.untrained([]) == ""


def test_a_column_without_values_is_left_out_with_its_reason(astronaut: np.ndarray) -> None:
    from colorizer import metrics

    measured = metrics.compare(astronaut, astronaut, lpips=False)
    painting = Painting("a<b", Image.fromarray(astronaut), 0.25, measured, frozenset({"seconds"}))
    table = view_compare.table([painting])
    assert "a&lt;b" in table
    assert "LPIPS is left out. LPIPS was not asked for." in table
    assert "Skin difference is left out." in table
    assert table.count("<td") == 1 + len(comparison.COLUMNS) - 2
    assert "identical" in table
    assert view_compare.table([]) == ""


def test_a_face_far_out_keeps_its_place() -> None:
    face = Face((10, 20, 30, 40), ((12, 24),), 1.0, {})
    from colorizer.photo import Photo
    from colorizer.pipeline import Portrait

    portrait = Portrait(Photo(np.zeros((50, 200, 3), np.uint8)), np.zeros((50, 200), np.float32), (face,), {})
    small = reduced(portrait, 100)
    assert small.lightness.shape == (25, 100)
    assert small.faces[0].box == (5, 10, 15, 20)
    assert small.faces[0].landmarks == ((6, 12),)
