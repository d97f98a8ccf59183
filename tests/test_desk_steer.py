"""What stands behind the page's light, colour hints and suggestions, without a browser."""

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from colorizer import lab, photo, tab, texts, view_steer
from colorizer.desk_compare import Comparing
from colorizer.desk_steer import Steer
from colorizer.desk_suggest import SUGGESTED_SIDE, Suggesting
from colorizer.desk_work import public_name
from colorizer.errors import OptionError, PhotoError
from colorizer.pipeline import Colorizer
from colorizer.steering import HINTS_LIMIT, Hint, Steering
from colorizer.view import MENUS
from tests.serving import WatchedDesk, serve
from tests.steered import PALETTES, Steered, steer

RED, BLUE = "#b5473c", "#3b5aa0"


@pytest.fixture
def desk() -> WatchedDesk:
    """The served page's desk: one model for the whole run."""
    return serve().desk


@pytest.fixture
def steered(desk: WatchedDesk, monkeypatch: pytest.MonkeyPatch) -> Steered:
    """The desk's model does at once what is asked of it."""
    return steer(desk.colorizer, monkeypatch)


@pytest.fixture
def gray(astronaut: np.ndarray) -> bytes:
    """The astronaut as a gray PNG, 256x256."""
    return encoded(Image.fromarray(astronaut).convert("L").resize((256, 256)))


@pytest.fixture
def large(astronaut: np.ndarray) -> bytes:
    """The same, 1500x1200, which is more than what suggestions are painted at."""
    return encoded(Image.fromarray(astronaut[:410]).convert("L").resize((1500, 1200)))


def encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def mean_ab(path: Path) -> tuple[float, float]:
    """Of a PNG, where it is neither very dark nor very light: there every colour is inside the gamut."""
    found = lab.rgb_to_lab(photo.read(path).rgb)
    a, b = found[(found[..., 0] > 40) & (found[..., 0] < 70)][:, 1:].mean(0)
    return float(a), float(b)


def test_the_light_is_part_of_the_choice_that_was_painted(
    desk: WatchedDesk, steered: Steered, gray: bytes
) -> None:
    key = desk.open(gray).key
    warm = desk.repaint(key, ["auto"], steering=Steering(warmth=12, tint=-3))
    assert mean_ab(warm.after) == pytest.approx((-3, 12), abs=1)
    assert "warm" in warm.light
    assert "greenish" in warm.light
    assert desk.repaint(key, ["auto"], steering=Steering(warmth=12, tint=-3)).after == warm.after, (
        "painted once"
    )
    for other in (Steering(warmth=11, tint=-3), Steering("neutral", 12, -3), Steering()):
        again = desk.repaint(key, ["auto"], steering=other)
        assert again.after != warm.after
        assert steered.paintings[-1] == (("auto",), 1.0, other)
    with pytest.raises(OptionError, match="20"):
        desk.repaint(key, ["auto"], steering=Steering(warmth=21))
    with pytest.raises(OptionError, match="neutral"):
        desk.repaint(key, ["auto"], steering=Steering("candle"))


def test_the_switch_for_all_keeps_light_and_hints(desk: WatchedDesk, steered: Steered, gray: bytes) -> None:
    key = desk.open(gray).key
    Steer(desk).add(key, (10, 10), RED)
    desk.switch(key, False, 0.5, steering=Steering(tint=4))
    palettes, vividness, steering = steered.paintings[-1]
    assert (palettes, vividness, steering.tint, len(steering.hints)) == (("none",), 0.5, 4, 1)


def test_a_tone_is_painted_and_named(desk: WatchedDesk, steered: Steered, gray: bytes) -> None:
    key = desk.open(gray).key
    shown = desk.repaint(key, ["Monk 5"])
    assert shown.chosen == ("Monk 5",)
    assert mean_ab(shown.after)[1] == pytest.approx(10, abs=1)
    assert "Skin tone 5 of 10" in shown.cards[0]


def test_hints_are_noted_drawn_and_painted_with_whatever_came(
    desk: WatchedDesk, steered: Steered, large: bytes
) -> None:
    opened = desk.open(large)
    assert "No hints" in opened.hints
    canvas = Image.open(opened.canvas)
    assert canvas.size == view_steer.canvas_size(1500, 1200) == (900, 720)
    assert photo.provenance(opened.canvas)["model"] == desk.colorizer.name, "it is in colour, and says whose"
    hints, count = Steer(desk), len(steered.paintings)
    hints.add(opened.key, [300, 60], RED)
    said = hints.add(opened.key, (899, 719), "rgb(59, 90, 160)")
    assert said.count("<li>") == 2
    assert len(steered.paintings) == count, "noting paints nothing"
    shown = desk.repaint(opened.key, ["auto"])
    assert len(steered.paintings) == count + 1
    assert steered.paintings[-1][2].hints == (Hint(500, 100, RED), Hint(1498.3, 1198.3, BLUE))
    assert shown.hints == said
    dot = np.asarray(Image.open(shown.canvas).convert("RGB"))[52:56, 288:292].reshape(-1, 3).mean(0)
    assert np.abs(dot - (181, 71, 60)).max() < 40, "a dot in the hint's colour"
    hints.remove(opened.key)
    assert desk.repaint(opened.key, ["auto"]).hints.count("<li>") == 1
    assert "No hints" in hints.remove(opened.key, HINTS_LIMIT)
    assert steered.paintings[-1][2].hints == (Hint(500, 100, RED),)
    assert "No hints" in desk.repaint(opened.key, ["auto"]).hints
    assert steered.paintings[-1][2].is_default


def test_a_click_that_is_told_twice_is_one_hint(desk: WatchedDesk, gray: bytes) -> None:
    key = desk.open(gray).key
    hints = Steer(desk)
    assert hints.add(key, (10, 10), RED) == hints.add(key, (10, 10), RED)
    assert hints.add(key, (10, 10), BLUE).count("<li>") == 2
    assert hints.add(key, (10, 10), RED).count("<li>") == 3, "the same as an earlier one is another wish"


@pytest.mark.parametrize(
    "point",
    [(256, 10), (10, 256), (-1, 0), None, "ab", [1], [1, 2, 3], [None, 1], [float("nan"), 1], [True, 1]],
)
def test_a_click_outside_is_answered_with_a_sentence(desk: WatchedDesk, gray: bytes, point: object) -> None:
    key = desk.open(gray).key
    with pytest.raises(OptionError, match="not on the picture"):
        Steer(desk).add(key, point, RED)
    assert desk.work(key).hints == ()


def test_too_many_hints_no_colour_and_no_photo_are_answered_with_sentences(
    desk: WatchedDesk, gray: bytes
) -> None:
    key = desk.open(gray).key
    hints = Steer(desk)
    for i in range(HINTS_LIMIT):
        hints.add(key, (i, i), RED)
    with pytest.raises(OptionError, match=f"{HINTS_LIMIT} hints already"):
        hints.add(key, (200, 3), RED)
    with pytest.raises(OptionError, match="#rrggbb"):
        hints.add(key, (200, 3), "red")
    desk.forget(key)
    for act in (lambda: hints.add(key, (1, 1), RED), lambda: hints.remove(None)):
        with pytest.raises(PhotoError, match="give it once more"):
            act()


def test_a_new_photo_has_no_hints(desk: WatchedDesk, gray: bytes) -> None:
    first = desk.open(gray).key
    Steer(desk).add(first, (1, 1), RED)
    assert "No hints" in desk.open(gray).hints


def test_suggestions_are_taken_in_full_size(desk: WatchedDesk, steered: Steered, large: bytes) -> None:
    key = desk.open(large).key
    Steer(desk).add(key, (450, 360), RED)
    plain = mean_ab(desk.repaint(key, ["Indian"], 0.9, steering=Steering(warmth=4)).after)
    suggesting = Suggesting(desk)
    suggested = suggesting.suggest(key, ["Indian"], 0.9, Steering(warmth=4))
    assert [caption for _, caption in suggested.pictures] == [
        "As painted first",
        "Suggestion 1",
        "Suggestion 2",
        "Suggestion 3",
    ]
    for path, _ in suggested.pictures:
        assert max(Image.open(path).size) == SUGGESTED_SIDE
        assert photo.provenance(path)["model"] == desk.colorizer.name
    for index, palette in enumerate(PALETTES, 1):
        shown = suggesting.take(key, suggested.token, index)
        assert photo.read(shown.after).rgb.shape == (1200, 1500, 3)
        assert mean_ab(shown.after) == pytest.approx([0.9 * value for value in palette], abs=1.5)
        assert photo.provenance(shown.after)["model"] == desk.colorizer.name
        assert f"suggestion {index}" in shown.summary
        assert shown.chosen == ("Indian",)
        assert shown.suggestions is suggested, "the others stay to be chosen"
        lightness = lab.lightness(photo.read(shown.after).rgb)
        assert np.abs(lightness - desk.work(key).portrait.lightness).max() < 1
    assert desk.repaint(key, ["Indian"], 0.9, steering=Steering(warmth=4)).after == shown.after, (
        "what is told twice doesn't take it back"
    )
    back = suggesting.take(key, suggested.token, 0)
    assert mean_ab(back.after) == pytest.approx(plain, abs=0.5)
    assert "suggestion" not in back.summary.lower()


def test_suggestions_for_another_choice_are_gone(desk: WatchedDesk, steered: Steered, gray: bytes) -> None:
    key = desk.open(gray).key
    suggesting = Suggesting(desk)
    suggested = suggesting.suggest(key, ["auto"])
    assert desk.repaint(key, ["auto"]).suggestions is suggested
    for index in (4, -1, None, "1"):
        with pytest.raises(PhotoError, match="ask for new ones"):
            suggesting.take(key, suggested.token, index)
    with pytest.raises(PhotoError, match="ask for new ones"):
        suggesting.take(key, "0" * 16, 1)
    assert desk.repaint(key, ["auto"], steering=Steering(warmth=1)).suggestions is None
    with pytest.raises(PhotoError, match="ask for new ones"):
        suggesting.take(key, suggested.token, 1)
    again = suggesting.suggest(key, ["auto"])
    desk.switch(key, False)
    with pytest.raises(PhotoError, match="ask for new ones"):
        suggesting.take(key, again.token, 1)
    last = suggesting.suggest(key, ["none"])
    last.pictures[1][0].unlink()
    with pytest.raises(PhotoError, match="ask for new ones"):
        suggesting.take(key, last.token, 1)


def test_a_model_that_is_sure_says_so(desk: WatchedDesk, steered: Steered, gray: bytes) -> None:
    key = desk.open(gray).key
    steered.palettes = ()
    suggested = Suggesting(desk).suggest(key, ["auto"])
    assert suggested.pictures == ()
    assert "sure" in suggested.status
    steered.palettes = PALETTES[:1]
    assert "1 of 3" in Suggesting(desk).suggest(key, ["auto"]).status


def test_only_the_last_two_rounds_of_suggestions_stay_on_disk(
    desk: WatchedDesk, steered: Steered, gray: bytes
) -> None:
    key = desk.open(gray).key
    rounds = [Suggesting(desk).suggest(key, ["auto"]) for _ in range(3)]
    assert [one.pictures[0][0].exists() for one in rounds] == [False, True, True]
    desk.forget(key)
    assert not rounds[-1].pictures[0][0].exists()


def test_a_comparison_is_of_palettes_and_vividness_only(
    desk: WatchedDesk, steered: Steered, gray: bytes
) -> None:
    key = desk.open(gray).key
    Steer(desk).add(key, (10, 10), RED)
    desk.repaint(key, ["Monk 3"], 0.8, steering=Steering(warmth=9))
    comparing = Comparing(desk)
    for _ in comparing.run(key, ["default"], ["Monk 3"], 0.8):
        pass
    stand = comparing.finish(key)
    assert steered.paintings[-1] == (("Monk 3",), 0.8, Steering())
    assert "light and colour hints left out" in stand.status
    shown = comparing.pick(key, stand.token, 0)
    assert steered.paintings[-1] == (("Monk 3",), 0.8, Steering())
    assert "without light and colour hints" in shown.summary
    assert shown.hints.count("<li>") == 1, "they are there for the next painting"
    assert "Light, colour hints and" in texts.COMPARE


def test_a_model_that_cannot_be_steered_breaks_nothing_and_says_so(
    desk: WatchedDesk, gray: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gradio as gr

    monkeypatch.setattr(Colorizer, "steerable", False)
    source = tmp_path / "gray.png"
    source.write_bytes(gray)
    with gr.Blocks():
        page = tab._Page(desk)
    answer = page._open(str(source), None, 1.0, True, progress=lambda *given, **options: None)
    section = page.steering
    assert answer[section.body]["visible"] is False
    assert "not made to be steered" in answer[section.none]
    key = answer[page.key]
    toned = desk.repaint(key, ["Monk 2"])
    assert toned.chosen == ("Monk 2",)
    assert not toned.steerable
    with pytest.raises(OptionError, match="no colour hints"):
        Steer(desk).add(key, (1, 1), RED)
    with pytest.raises(OptionError, match="can't suggest"):
        Suggesting(desk).suggest(key, ["auto"])


def test_events_of_the_page(desk: WatchedDesk, steered: Steered, gray: bytes) -> None:
    import gradio as gr

    with gr.Blocks():
        page = tab._Page(desk)
    section, key = page.steering, desk.open(gray).key
    seen, menus = public_name(key), ["auto"] * MENUS
    click = SimpleNamespace(index=[40, 50])
    assert "40, 50" in section._add(key, seen, RED, click)[section.hints]  # type: ignore[arg-type]
    stale = section._add(key, public_name("other"), RED, click)  # type: ignore[arg-type]
    assert "Another photo" in stale[section.hint_message]
    outside = section._add(key, seen, RED, SimpleNamespace(index=[400, 50]))  # type: ignore[arg-type]
    assert "not on the picture" in outside[section.hint_message]
    assert section.hints not in outside
    assert "No hints" in section._undo(key)[section.hints]
    assert "give it once more" in section._clear(None)[section.hint_message]
    offered = section._suggest(key, seen, 1.0, "predicted", 0, 0, *menus)
    assert len(offered[section.gallery]["value"]) == 4
    refused = section._suggest(key, seen, 1.0, "candle", 0, 0, *menus)
    assert "neutral" in refused[section.suggest_message]
    assert section.gallery not in refused
    silent = {"progress": lambda *given, **options: None}
    chosen = page._take(key, offered[section.token], SimpleNamespace(index=2), **silent)  # type: ignore[arg-type]
    assert "suggestion 2" in chosen[page.summary]
    assert len(chosen[section.gallery]["value"]) == 4
    repainted = page._repaint(key, seen, 1.0, "predicted", 3, 0, *menus, **silent)
    assert repainted[section.gallery]["visible"] == "hidden"


def test_the_light_in_words() -> None:
    assert "strongly warm" in view_steer.light((0, 30))
    assert "cool" in view_steer.light((0, -5))
    assert "neither warm nor cool" in view_steer.light((1, -1))
    assert view_steer.light(None) == ""


def test_dots_lie_where_the_hints_do_also_on_a_small_photo() -> None:
    picture = view_steer.canvas(
        np.full((100, 80, 3), 128, np.uint8), [Hint(20, 30, RED), Hint(60, 80, "#ffffff")]
    )
    assert picture.size == (80, 100)
    pixels = np.asarray(picture).astype(int)
    changed = np.abs(pixels - 128).max(axis=2) > 10
    rows, columns = np.nonzero(changed[:55])
    assert (columns.mean(), rows.mean()) == pytest.approx((20, 30), abs=1)
    rows, columns = np.nonzero(changed[55:])
    assert (columns.mean(), rows.mean() + 55) == pytest.approx((60, 80), abs=1)


def test_a_scaled_copy_has_its_hints_in_the_same_places() -> None:
    from colorizer.desk_steer import scaled

    steering = Steering("neutral", 3, hints=(Hint(100, 40, RED),))
    assert scaled(steering, 0.5, 0.25) == replace(steering, hints=(Hint(50, 10, RED),))
