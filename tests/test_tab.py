"""What stands behind the Colorize tab, without a browser."""

import io
import os
import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer import photo, samples, service, tab, tab_inputs, view, view_tones, wording
from colorizer.desk import Desk
from colorizer.desk_work import public_name
from colorizer.errors import ModelError, OptionError, PhotoError
from colorizer.faces import Face
from colorizer.files import ServerFiles, work_folder
from colorizer.groups import CHOICES, GROUPS, TONES
from colorizer.metrics import Metrics
from colorizer.settings import Settings
from colorizer.shelf import Shelf
from colorizer.steering import Steering
from tests.serving import WatchedDesk, serve

LIGHT = ("predicted", 0, 0)


@pytest.fixture
def desk() -> WatchedDesk:
    """The served page's desk: one model for the whole run."""
    return serve().desk


@pytest.fixture
def gray(astronaut: np.ndarray) -> bytes:
    """The astronaut as a gray PNG, 512x512."""
    buffer = io.BytesIO()
    Image.fromarray(astronaut).convert("L").save(buffer, "PNG")
    return buffer.getvalue()


def face(x: float, size: float = 100, probabilities: dict[str, float] | None = None) -> Face:
    return Face((x, 10, x + size, 10 + size), (), 1.0, probabilities or {})


def test_opening_shows_before_after_faces_and_keeps_the_photo(desk: WatchedDesk, gray: bytes) -> None:
    shown = desk.open(gray)
    assert photo.read(shown.after).rgb.shape == (512, 512, 3)
    assert photo.provenance(shown.after)["model"] == desk.colorizer.name
    before = np.asarray(Image.open(shown.before))
    assert before.shape == (512, 512), "the left side of the slider is gray and of full size"
    assert np.abs(before.astype(int) - photo.read(gray).rgb[..., 0]).mean() < 2  # JPEG
    assert (shown.numbers, shown.chosen, len(shown.cards)) == ((1,), ("auto",), 1)
    assert all(group in shown.cards[0] for group in GROUPS)
    assert shown.copy is None


def test_repainting_looks_for_no_face_and_reads_nothing(desk: WatchedDesk, gray: bytes) -> None:
    shown = desk.open(gray)
    searches, estimates = desk.detections.calls, desk.estimates.calls
    again = desk.repaint(shown.key, ["Indian", "White", "auto"], 1.5)  # menus that are hidden don't count
    assert again.chosen == ("Indian",)
    assert (desk.detections.calls, desk.estimates.calls) == (searches, estimates)
    assert again.after != shown.after
    assert again.after.read_bytes() != shown.after.read_bytes()
    assert again.before == shown.before


def test_only_the_last_two_results_stay_on_disk(desk: WatchedDesk, gray: bytes) -> None:
    paths = [desk.open(gray)]
    for vividness in (0.5, 1.5, 1.8):
        paths.append(desk.repaint(paths[0].key, ["auto"], vividness))
    assert [shown.after.exists() for shown in paths] == [False, False, True, True]
    desk.forget(paths[0].key)
    assert not paths[-1].after.exists()
    assert not paths[0].before.parent.exists()
    with pytest.raises(PhotoError, match="give it once more"):
        desk.repaint(paths[0].key, ["auto"])


def test_switched_off_nothing_is_estimated(desk: WatchedDesk, gray: bytes) -> None:
    estimates = desk.estimates.calls
    shown = desk.open(gray, estimate=False)
    assert shown.chosen == ("none",)
    assert "Not estimated" in shown.cards[0]
    assert desk.estimates.calls == estimates
    on = desk.switch(shown.key, True)
    assert on.chosen == ("auto",)
    assert "%" in on.cards[0]
    off = desk.switch(shown.key, False)
    assert "%" not in off.cards[0]
    assert off.after.read_bytes() == photo_bytes(desk, gray, "none")


def photo_bytes(desk: Desk, source: bytes, ethnicity: str) -> bytes:
    result = desk.colorizer.colorize(source, ethnicity)
    return photo.encode(np.asarray(result.image), "PNG", model=result.model)


def test_memory_is_bounded_and_the_photo_used_last_stays(
    gray: bytes, tmp_path: Path, desk: WatchedDesk
) -> None:
    small = Desk(tmp_path, Settings(keep_mb=5), desk.model)  # a 512x512 portrait is 2.1 MB
    first, second = small.open(gray), small.open(gray)
    small.repaint(first.key, ["auto"])
    third = small.open(gray)
    assert len(small.shelf) == 2
    small.repaint(first.key, ["auto"])
    small.repaint(third.key, ["auto"])
    with pytest.raises(PhotoError, match="put away"):
        small.repaint(second.key, ["auto"])


def test_shelf_keeps_one_item_that_is_too_large() -> None:
    shelf: Shelf[str] = Shelf(10)
    shelf.put("a", "small", 4)
    shelf.put("b", "huge", 100)
    assert (shelf.get("a"), shelf.get("b"), len(shelf)) == (None, "huge", 1)


def test_truth_gives_metrics_also_after_a_repaint(
    desk: WatchedDesk, gray: bytes, astronaut: np.ndarray
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(astronaut).resize((1000, 1000)).save(buffer, "JPEG", quality=95)
    shown = desk.open(gray)
    assert shown.metrics == ""
    table = desk.compare_with(shown.key, buffer.getvalue())
    assert table.count("<tr>") == 1 + len(wording.WORDS)
    assert "dB" in table
    grayed = desk.repaint(shown.key, ["auto"], 0).metrics
    assert grayed
    assert grayed != table
    assert desk.compare_with(shown.key, None) == ""
    assert desk.repaint(shown.key, ["auto"]).metrics == ""
    with pytest.raises(PhotoError, match="same frame"):
        desk.compare_with(shown.key, photo.encode(astronaut[:300], model="x"))
    with pytest.raises(PhotoError, match="give a photo first"):
        desk.compare_with(None, gray)


def test_every_metric_has_words_and_every_number_is_shown() -> None:
    told = {field.name for field in fields(Metrics)} - {"lpips_reason"}
    assert set(wording.WORDS) == told
    metrics = Metrics(**dict.fromkeys(told, 1.25), lpips_reason=None)
    assert wording.table(metrics).count("–") == 0
    missing = Metrics(
        **{**dict.fromkeys(told, 1.25), "lpips": None, "skin_delta_e": None}, lpips_reason="a < b"
    )
    assert "a &lt; b" in wording.table(missing)
    assert wording.NO_SKIN in wording.table(missing)


def test_boxes_are_drawn_where_the_faces_are() -> None:
    picture = view.numbered(np.full((600, 1200), 90, np.uint8), [face(120, 240), face(800, 160)])
    assert picture.size == (900, 450)
    pixels = np.asarray(picture)
    assert tuple(pixels[100, round(120 * 0.75) + 1]) == view.BOX_COLOUR  # left edge of the first box
    assert tuple(pixels[100, 450]) == (90, 90, 90)
    assert tuple(pixels[60, round(800 * 0.75) + 1]) == view.BOX_COLOUR
    assert view.numbered(np.zeros((40, 30), np.uint8), []).size == (30, 40), "small photos are not enlarged"


def test_menus_are_for_the_largest_faces_left_to_right() -> None:
    crowd = [face(50 * i, 10 + (i * 7) % 11) for i in range(12)]
    chosen = view.menu_faces(crowd)
    assert len(chosen) == view.MENUS
    assert list(chosen) == sorted(chosen)
    sizes = [one.box[2] - one.box[0] for one in crowd]
    assert min(sizes[i] for i in chosen) >= max(sizes[i] for i in range(12) if i not in chosen)


def test_a_card_lists_all_groups_and_marks_the_likeliest() -> None:
    shares = dict(zip(GROUPS, (0.5, 0.1, 0.1, 0.1, 0.1, 0.1), strict=True))
    html = view.card(3, face(0, probabilities=shares))
    assert "Face 3" in html
    assert html.count("<li") == 6
    assert html.count("class=likeliest") == 1
    assert "50%" in html


def test_sentences_are_escaped() -> None:
    assert view.paragraphs(["<img src=x onerror=alert(1)>"]) == "<p>&lt;img src=x onerror=alert(1)&gt;</p>"


def test_toned_photos_are_told_apart_from_gray_ones(astronaut: np.ndarray) -> None:
    gray = np.dstack([astronaut[..., 0]] * 3)
    assert not view.is_toned(gray)
    assert view.is_toned(astronaut)
    assert view.is_toned(np.clip(gray * [1.0, 0.9, 0.75], 0, 255).astype(np.uint8)), "sepia"


def test_samples_are_gray_photos_from_installed_packages(tmp_path: Path) -> None:
    made = samples.write(tmp_path)
    assert len(made) == 3
    for sample in made:
        assert Image.open(sample.path).mode == "L"
        assert not view.is_toned(photo.read(sample.path).rgb)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("grandma.png", "grandma"),
        ("../../etc/passwd", "passwd"),
        ("a b<c>.jpg", "a-b-c"),
        ("...", "photo"),
        ("हजुरआमा.jpg", "हजुरआमा"),
        ("x" * 300 + ".png", "x" * 80),
    ],
)
def test_downloads_have_harmless_names(name: str, stem: str) -> None:
    made = view.stem(name)
    assert "/" not in made
    if name.isascii():
        assert made == stem
    else:
        assert made


def test_inputs_hand_on_the_file_untouched() -> None:
    import gradio as gr
    from gradio.data_classes import ImageData

    with gr.Blocks():
        image = tab_inputs.photo_input()
    assert image.get_block_name() == "image", "browsers know no other"
    assert image.get_config()["sources"] == ["upload", "webcam", "clipboard"]
    assert not Path(tab_inputs.__file__).with_suffix(".pyi").exists(), "Gradio writes these beside subclasses"
    assert (
        image.preprocess(ImageData(path="/nowhere/letter.png", orig_name="letter.png"))
        == "/nowhere/letter.png"
    )
    assert image.preprocess(None) is None
    with pytest.raises(gr.Error, match="as a file"):
        image.preprocess(ImageData(url="data:image/png;base64,AAAA"))


def test_choices_of_an_api_caller() -> None:
    assert service.parse_ethnicity("auto") == "auto"
    assert service.parse_ethnicity("Indian, none ,Middle Eastern") == ["Indian", "none", "Middle Eastern"]
    assert service.parse_ethnicity("Monk 10,auto") == ["Monk 10", "auto"]
    with pytest.raises(OptionError, match="choose one of"):
        service.parse_ethnicity("martian")


def test_a_painting_that_fails_leaves_no_photo_and_no_file(desk: WatchedDesk, gray: bytes) -> None:
    before = set(desk.folder.glob("rangin-*"))
    with pytest.raises(OptionError):
        desk.open(gray, vividness=9)
    assert set(desk.folder.glob("rangin-*")) == before


def test_a_visitor_who_works_longer_than_files_are_kept_goes_on(desk: WatchedDesk, gray: bytes) -> None:
    shown = desk.open(gray)
    shown.before.unlink()
    assert desk.repaint(shown.key, ["none"]).before.is_file()


def test_comparing_paints_each_model_once_and_takes_a_list_of_names(
    desk: WatchedDesk, gray: bytes, tmp_path: Path
) -> None:
    source = tmp_path / "gray.png"
    source.write_bytes(gray)
    _, answers = service.compare(desk, source, ["default"] * 50 + ["ethnicity-aware"])
    assert len(answers) == 1
    for nonsense in (7, None, "default", [["default"]], {}):
        with pytest.raises(OptionError, match="Name models"):
            service.compare(desk, source, nonsense)  # type: ignore[arg-type]


def test_a_download_keeps_its_devanagari_name() -> None:
    assert view.stem("हजुरआमाको तस्बिर.png") == "हजुरआमाको-तस्बिर"


def test_a_switch_whose_painting_fails_leaves_the_photo_as_it_was(
    desk: WatchedDesk, gray: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = desk.open(gray)

    def fail(*given: object) -> None:
        raise ModelError("The model is damaged.")

    with monkeypatch.context() as broken:
        broken.setattr(desk.colorizer, "paint", fail)
        with pytest.raises(ModelError):
            desk.switch(shown.key, False)
        page = _page(desk)
        answer = page._switch(shown.key, 1.0, False, *LIGHT, progress=_silent)
    assert answer[page.estimate] is True, "the tick goes back to what is shown"
    again = desk.repaint(shown.key, ["auto"])
    assert again.chosen == ("auto",)
    assert again.cards == shown.cards


def _page(desk: Desk) -> tab._Page:
    import gradio as gr

    with gr.Blocks():
        return tab._Page(desk)


def _silent(*given: object, **options: object) -> None:
    """No progress bar."""


def test_events_of_one_photo_take_turns(
    desk: WatchedDesk, gray: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = desk.open(gray)
    paint, at_once, most = desk.colorizer.paint, 0, 0

    def slow(*given: object) -> object:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.1)
        try:
            return paint(*given)  # type: ignore[arg-type]
        finally:
            at_once -= 1

    monkeypatch.setattr(desk.colorizer, "paint", slow)
    acts = [
        lambda: desk.repaint(shown.key, ["Indian"]),
        lambda: desk.switch(shown.key, False),
        lambda: desk.repaint(shown.key, ["White"], 0.5),
    ]
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert desk.shelf.get(shown.key).paintings == 4  # type: ignore[union-attr]


def test_a_menu_of_the_last_photo_does_not_paint_the_next(desk: WatchedDesk, gray: bytes) -> None:
    page = _page(desk)
    first = page._open_file("", None, 1.0, True, progress=_silent)  # no photo: nothing is shown
    assert page.seen not in first
    key = desk.open(gray).key
    seen = public_name(key)
    assert key not in seen
    painted = page._repaint(
        key, seen, 1.0, "neutral", 4, -2, "Indian", *["auto"] * (view.MENUS - 1), progress=_silent
    )
    assert painted[page.menus[0]]["value"] == "Indian"
    assert painted[page.seen] == seen
    assert desk.shelf.get(key).last[1].steering == Steering("neutral", 4, -2)  # type: ignore[union-attr,index]
    stale = page._repaint(
        key,
        public_name("other"),
        0.5,
        "neutral",
        4,
        -2,
        "Indian",
        *["auto"] * (view.MENUS - 1),
        progress=_silent,
    )
    assert stale[page.menus[0]]["value"] == "auto"
    assert desk.shelf.get(key).last[1].steering == Steering()  # type: ignore[union-attr,index]


def test_a_new_photo_has_the_light_that_the_model_thinks(
    desk: WatchedDesk, gray: bytes, tmp_path: Path
) -> None:
    source = tmp_path / "gray.png"
    source.write_bytes(gray)
    page = _page(desk)
    answer = page._open(str(source), None, 1.0, True, progress=_silent)
    section = page.steering
    assert [answer[widget] for widget in section.inputs] == ["predicted", 0, 0]
    assert "No hints" in answer[section.hints]
    refused = page._open(str(tmp_path / "none.png"), answer[page.key], 1.0, True, progress=_silent)
    assert section.light not in refused, "the photo that is shown keeps its light"


def test_every_choice_has_a_name_and_every_tone_a_swatch() -> None:
    assert tuple(view_tones.CHOICE_NAMES) == CHOICES
    styles = view_tones.tone_styles()
    for number, (tone, color) in enumerate(TONES.items(), 1):
        name = f"Skin tone {number} of 10 (Monk scale)"
        assert view_tones.CHOICE_NAMES[tone] == name
        assert f'[aria-label="{name}"]{{--swatch:{color}}}' in styles


def test_a_card_says_unsure_and_which_tone_was_chosen() -> None:
    shares = dict.fromkeys(GROUPS, 1 / 6)
    sure, unsure = (replace(face(0, probabilities=shares), unsure=is_unsure) for is_unsure in (False, True))
    assert "Unsure" not in view.card(1, sure)
    assert "Unsure" in view.card(1, unsure)
    toned = view.card(1, replace(sure, chosen="Monk 7"))
    assert TONES["Monk 7"] in toned
    assert "Skin tone 7 of 10" in toned
    assert "Skin tone" not in view.card(1, sure)


def test_an_error_about_the_truth_stands_beside_the_truth(
    desk: WatchedDesk, gray: bytes, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.png"
    letter.write_text("Dear reader")
    page = _page(desk)
    answer = page._measure(desk.open(gray).key, str(letter))
    assert "text file" in answer[page.truth_message]
    assert page.message not in answer


def test_a_truth_is_decoded_once(
    desk: WatchedDesk, gray: bytes, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, truth = tmp_path / "gray.png", tmp_path / "truth.png"
    source.write_bytes(gray)
    Image.fromarray(astronaut).save(truth)
    read, seen = photo.read, []
    monkeypatch.setattr(
        photo, "read", lambda file, **options: seen.append(str(file)) or read(file, **options)
    )
    _, answers = service.compare(desk, source, ["default"], truth)
    assert seen.count(str(truth)) == 1
    assert "dB" in answers[0]["figures"]
    source.write_text("Dear reader")
    with pytest.raises(PhotoError, match="The true photo is refused"):
        service.compare(desk, truth, ["default"], source)


def _old(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (time.time() - 1000, time.time() - 1000))


def test_files_of_a_killed_server_go_when_their_time_is_over(tmp_path: Path) -> None:
    killed, other = ServerFiles(tmp_path, keep_seconds=60), ServerFiles(tmp_path, keep_seconds=60)
    upload = killed.folder / "hash" / "private.png"
    upload.parent.mkdir()
    upload.write_bytes(b"photo")
    ServerFiles(tmp_path, keep_seconds=60)
    assert upload.exists(), "its server may still be alive"
    _old(killed.folder / "alive", killed.folder)
    assert ServerFiles(killed.folder, keep_seconds=60).shared == killed.shared, "no folder within a folder"
    assert not killed.folder.exists()
    assert other.folder.exists()
    other.remove()
    assert not other.folder.exists()


def test_sweeping_spares_what_lives_and_what_is_not_a_servers(tmp_path: Path) -> None:
    short, long = ServerFiles(tmp_path, keep_seconds=60), ServerFiles(tmp_path, keep_seconds=3600)
    a_while_ago = time.time() - 400  # a server that keeps files for an hour speaks every five minutes
    os.utime(long.folder / "alive", (a_while_ago, a_while_ago))
    elsewhere, notes = tmp_path / "elsewhere", short.shared / "notes"
    elsewhere.mkdir()
    notes.mkdir()
    (elsewhere / "letter.txt").write_text("dear")
    (short.shared / ("0" * 16)).symlink_to(elsewhere)
    _old(notes, elsewhere)
    short.sweep()
    assert long.folder.exists()
    assert notes.exists()
    assert (elsewhere / "letter.txt").exists()


def test_after_a_sleep_of_the_machine_the_others_may_speak_first(tmp_path: Path) -> None:
    first, second = (ServerFiles(tmp_path, keep_seconds=60) for _ in range(2))
    _old(first.folder / "alive", first.folder, second.folder / "alive", second.folder)
    first.sweep()
    assert second.folder.exists()
    first.sweep()
    assert not second.folder.exists(), "it has had its time"


def test_files_that_nobody_waited_for_go_when_their_time_is_over(tmp_path: Path) -> None:
    files = ServerFiles(tmp_path, keep_seconds=60)
    orphan, fresh, worked_on = (work_folder(files.folder, key) for key in "abc")
    for folder in (orphan, fresh, worked_on):
        folder.mkdir()
        (folder / "before.jpg").write_bytes(b"photo")
    _old(*orphan.iterdir(), orphan, *worked_on.iterdir(), worked_on)
    (worked_on / "1").mkdir()
    files.sweep()
    assert [folder.exists() for folder in (orphan, fresh, worked_on)] == [False, True, True]


def test_a_new_server_has_its_uploads_below_its_own_folder() -> None:
    from gradio.utils import get_upload_folder

    folder = serve().desk.folder
    assert Path(get_upload_folder()) == folder
    assert (folder / "alive").exists()


def test_a_choice_that_is_told_twice_is_painted_once(desk: Desk, gray: bytes) -> None:
    key = desk.open(gray).key
    first = desk.repaint(key, ["Black"])
    again = desk.repaint(key, ["Black"])
    assert again.after == first.after
    assert again.chosen == ("Black",)
    other = desk.repaint(key, ["Black"], 0.5)
    assert other.after != first.after
    other.after.unlink()
    assert desk.repaint(key, ["Black"], 0.5).after.is_file(), "a painting that was swept is made again"
