"""Several models on the same photos: what is measured, what is best, and that memory holds one model at a time."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import checkpoint, comparison, literature, metrics, networks, photo, sheet
from colorizer.comparison import COLUMNS, SECONDS, Comparison, Painting, best, compare, true_photo
from colorizer.comparison_models import choose_models, unusable
from colorizer.errors import ModelError, OptionError, PhotoError
from colorizer.pipeline import Colorizer, Portrait
from colorizer.wording import WORDS


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer.load("default", device="cpu")


@pytest.fixture
def models(models_folder: Path) -> Path:
    """A folder of further models with two that were never trained: `cnn`, and `mine` with other numbers."""
    for seed, name in enumerate(("cnn", "mine")):
        torch.manual_seed(seed)
        checkpoint.save(networks.build("cnn", working_size=64), "cnn", models_folder / f"{name}.safetensors")
    return models_folder


@pytest.fixture
def portrait(colorizer: Colorizer, astronaut: np.ndarray) -> Portrait:
    return colorizer.analyze(astronaut[:300, 80:380].copy())


@pytest.fixture
def truth(astronaut: np.ndarray) -> np.ndarray:
    return astronaut[:300, 80:380].copy()


def painting(
    model: str, true: np.ndarray, shift: tuple[float, float, float], seconds: float = 1.0
) -> Painting:
    predicted = np.clip(true.astype(int) + shift, 0, 255).astype(np.uint8)
    return Painting(model, Image.fromarray(predicted), seconds, metrics.compare(predicted, true), frozenset())


def test_each_model_paints_each_photo_as_it_would_alone(
    colorizer: Colorizer, models: Path, portrait: Portrait, truth: np.ndarray
) -> None:
    mirrored = replace(portrait, lightness=portrait.lightness[:, ::-1].copy(), faces=())
    told: list[tuple[str, float]] = []
    first, second = compare(
        colorizer,
        [("a", portrait), ("b", mirrored)],
        ["mine", "default", "cnn", "mine"],
        [truth, None],
        progress=lambda model, share: told.append((model, share)),
    )
    assert [one.model for one in first.paintings] == ["mine", "ethnicity-aware", "cnn"]
    for compared, source in ((first, portrait), (second, mirrored)):
        for one in compared.paintings:
            alone = Colorizer.load(one.model, device="cpu").paint(source)
            np.testing.assert_array_equal(np.asarray(one.image), np.asarray(alone.image))
            assert one.seconds > 0
    faces = portrait.faces
    assert len(faces) == 1
    assert first.paintings[1].metrics == metrics.compare(first.paintings[1].image, truth, faces=faces)
    assert first.paintings[1].metrics.skin_delta_e is not None
    assert [one.metrics for one in second.paintings] == [None] * 3
    assert first.notes == ()
    assert any("No face" in note for note in second.notes)
    assert np.ptp(np.asarray(first.gray).astype(int), axis=2).max() == 0
    assert first.truth is not None
    assert second.truth is None
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("done", 1.0)
    assert list(dict.fromkeys(model for model, _ in told)) == ["mine", "ethnicity-aware", "cnn", "done"]


def test_one_model_is_held_at_a_time_and_the_own_one_is_not_loaded_again(
    colorizer: Colorizer, models: Path, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[weakref.ref[torch.nn.Module]] = []
    most, load = 0, checkpoint.load

    def watched(name: str, device: torch.device) -> checkpoint.Loaded:
        nonlocal most
        gc.collect()
        most = max(most, sum(one() is not None for one in alive))
        loaded = load(name, device)
        alive.append(weakref.ref(loaded.network))
        return loaded

    monkeypatch.setattr(checkpoint, "load", watched)
    compare(colorizer, [("a", portrait)], ["default", "cnn", "mine"])
    assert len(alive) == 2
    assert most == 0, "the last model is let go before the next is loaded"


@pytest.mark.parametrize("size", [(512, 600), (600, 400), (500, 1700), (16, 512)])
def test_a_network_with_ab_as_fine_as_its_grid_paints_photos_of_any_shape(
    colorizer: Colorizer, models: Path, size: tuple[int, int]
) -> None:
    width, height = size
    ramp = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    portrait = colorizer.analyze(ramp)
    (compared,) = compare(colorizer, [("a", portrait)], ["cnn"])
    assert compared.paintings[0].image.size == size


def test_pictures_may_be_kept_small_and_are_measured_whole(
    colorizer: Colorizer, portrait: Portrait, truth: np.ndarray
) -> None:
    (whole,) = compare(colorizer, [("a", portrait)], ["default"], [truth])
    (small,) = compare(colorizer, [("a", portrait)], ["default"], [truth], longest=64)
    assert small.paintings[0].metrics == whole.paintings[0].metrics
    assert whole.gray.size == whole.paintings[0].image.size == (300, 300)
    assert small.gray.size == small.truth.size == small.paintings[0].image.size == (64, 64)


def test_a_truth_of_another_size_is_measured_at_its_own_faces(
    colorizer: Colorizer, portrait: Portrait, truth: np.ndarray
) -> None:
    large = np.asarray(Image.fromarray(truth).resize((700, 700), Image.Resampling.BICUBIC))
    (same,) = compare(colorizer, [("a", portrait)], ["default"], [truth])
    (other,) = compare(colorizer, [("a", portrait)], ["default"], [large])
    assert other.paintings[0].metrics.skin_delta_e == pytest.approx(
        same.paintings[0].metrics.skin_delta_e, rel=0.1
    )
    assert other.truth.size == (300, 300)


def test_a_true_photo_must_be_readable_and_show_the_same_frame(portrait: Portrait, tmp_path: Path) -> None:
    letter = tmp_path / "letter.png"
    letter.write_text("Dear reader")
    with pytest.raises(PhotoError, match=r"^The true photo is refused: This is a text file"):
        true_photo(letter, portrait)
    with pytest.raises(PhotoError, match=r"^Hers is refused: it is 400 × 300 pixels and the photo 300 × 300"):
        true_photo(np.zeros((300, 400, 3), np.uint8), portrait, "Hers")
    assert true_photo(np.zeros((151, 150, 3), np.uint8), portrait).shape == (151, 150, 3)


def test_a_gray_truth_is_said_to_say_little(colorizer: Colorizer, portrait: Portrait) -> None:
    (compared,) = compare(colorizer, [("a", portrait)], ["default"], [np.full((300, 300, 3), 99, np.uint8)])
    assert compared.is_nearly_gray
    assert "almost gray (mean chroma 0.0)" in compared.notes[0]


def test_a_damaged_model_is_left_out_and_the_others_go_on(
    colorizer: Colorizer, models: Path, portrait: Portrait
) -> None:
    network = networks.build("cnn", working_size=64)
    torch.nn.init.constant_(network.decoder.dense[0].bias, float("nan"))
    checkpoint.save(network, "cnn", models / "mine.safetensors")
    (compared,) = compare(colorizer, [("a", portrait)], ["mine", "default"])
    assert [one.model for one in compared.paintings] == ["ethnicity-aware"]
    (sentence,) = compared.left_out
    assert sentence.startswith("mine was left out. ")
    assert "damaged" in sentence
    assert sentence in compared.notes
    with pytest.raises(ModelError, match="mine was left out"):
        compare(colorizer, [("a", portrait)], ["mine"])


def test_the_best_of_each_column_is_marked(truth: np.ndarray) -> None:
    near, far = painting("near", truth, (4, 0, 0), 2.0), painting("far", truth, (60, 10, 0), 0.5)
    near_fields, far_fields = best([near, far])
    assert {"psnr", "ssim", "delta_e", "within_10", "delta_colorfulness"} <= near_fields
    assert far_fields == {"seconds"}
    assert "lpips" not in near_fields, "there is no value to be the best"
    twins = best([near, near, far])
    assert twins[0] == twins[1]
    assert "psnr" in twins[0]
    assert best([near]) == [frozenset()]
    assert best([]) == []


def test_what_is_written_alike_is_equally_good_and_near_zero_counts_both_ways() -> None:
    columns = {column.field: column for column in COLUMNS}
    colourful = columns["delta_colorfulness"]
    assert comparison.leaders(colourful, [3.0, -2.96, 9.0]) == [0, 1]
    assert [colourful.text(value) for value in (3.0, -2.96)] == ["+3.0", "-3.0"]
    assert comparison.leaders(columns["psnr"], [24.04, 23.98, 23.9]) == [0, 1]
    assert comparison.leaders(columns["within_10"], [0.651, None, 0.654]) == [0, 2]
    assert columns["psnr"].text(float("inf")) == "identical"
    assert columns["within_10"].text(0.654) == "65"
    assert columns["skin_delta_e"].text(None) == "–"
    assert comparison.leaders(columns["psnr"], [None, None]) == []


def test_the_columns_are_metrics_that_the_page_can_explain() -> None:
    assert {column.field for column in COLUMNS} <= set(WORDS)
    assert {column.better for column in (SECONDS, *COLUMNS)} == {"high", "low", "near zero"}


def test_names_are_checked_before_anything_is_loaded(models: Path) -> None:
    assert choose_models(["default", "cnn", "cnn"], "ethnicity-aware") == ("ethnicity-aware", "cnn")
    assert set(choose_models(["all"], "mine")) == {"ethnicity-aware", "cnn", "mine"}
    assert choose_models(["all"], "mine")[0] == "mine"
    untrained = literature.find("uvgg")
    assert untrained is not None
    with pytest.raises(ModelError, match=f"'uvgg' is not trained yet; this makes it: {untrained.how}"):
        choose_models(["default", "uvgg"], "ethnicity-aware")
    with pytest.raises(OptionError, match="no model 'fusion-vgface'; did you mean 'fusion-vggface'"):
        choose_models(["fusion-vgface"], "ethnicity-aware")
    with pytest.raises(OptionError, match=r"no model 'xyzzy'; there are ethnicity-aware, cnn, mine"):
        choose_models(["xyzzy"], "ethnicity-aware")
    with pytest.raises(ModelError, match="is no colorizer"):
        choose_models(["ethnicity-classifier"], "ethnicity-aware")
    with pytest.raises(OptionError, match="No model is named"):
        choose_models([], "ethnicity-aware")
    for file in ("hf:somebody/model", str(models / "cnn.safetensors")):
        assert choose_models([file], "mine", allow_files=True) == (file,)
        with pytest.raises(OptionError, match="There is no model"):
            choose_models([file], "mine")
    with pytest.raises(OptionError, match="Two of the models are called 'cnn'"):
        choose_models(["cnn", "elsewhere/cnn.safetensors"], "ethnicity-aware", allow_files=True)


def test_weights_cut_short_are_named(models: Path) -> None:
    whole = models / "cnn.safetensors"
    whole.write_bytes(whole.read_bytes()[:5000])
    assert "cnn" not in choose_models(["all"], "ethnicity-aware")
    (sentence,) = unusable()
    assert sentence.startswith("cnn is left out: ")
    with pytest.raises(ModelError, match=r"'cnn' can't be used: .*train literature fit cnn"):
        choose_models(["cnn"], "ethnicity-aware")


def test_a_sheet_shows_every_model_and_marks_the_best(truth: np.ndarray) -> None:
    plain = Image.fromarray(truth)
    near, far = painting("near", truth, (4, 0, 0), 2.0), painting("far", truth, (60, 10, 0), 0.5)
    marked = [replace(one, best=fields) for one, fields in zip((near, far), best([near, far]), strict=True)]
    compared = Comparison("a" * 300, plain.convert("L").convert("RGB"), plain, tuple(marked), ("A note.",))
    made = np.asarray(comparison.sheet(compared)).astype(int)
    cell = sheet.PANEL + sheet.MARGIN
    assert made.shape[1] == 4 * cell + sheet.MARGIN
    top = slice(60, sheet.PANEL)
    chroma = [np.ptp(made[top, i * cell : (i + 1) * cell], axis=2).mean() for i in range(4)]
    assert chroma[0] < 0.5 < min(chroma[1:]), "gray, truth, two models"
    green = [
        (made[:, i * cell + sheet.MARGIN : (i + 1) * cell] == sheet.BEST).all(axis=2).sum() for i in range(4)
    ]
    assert green[0] == green[1] == 0
    assert green[2] > 3 * green[3] > 0, "one is best in five figures, the other in its time"
    assert "PSNR ★ " in sheet.in_words(marked[0])
    assert "Time ★ 0.50 s" in sheet.in_words(marked[1])


def test_a_sheet_of_many_models_is_wrapped_and_has_a_limit(truth: np.ndarray) -> None:
    plain = Image.fromarray(truth)
    paintings = tuple(Painting(f"vgg16-autoencoder-{i}", plain, 1.0, None, frozenset()) for i in range(14))
    compared = Comparison("a", plain, None, paintings, ())
    made = sheet.draw([compared])
    assert made.width == 5 * (sheet.PANEL + sheet.MARGIN) + sheet.MARGIN
    assert len(sheet.signature([compared])) <= 200
    assert sheet.signature([compared]).endswith(" more")
    assert sheet.signature([replace(compared, paintings=paintings[:2])]) == (
        "vgg16-autoencoder-0, vgg16-autoencoder-1"
    )
    with pytest.raises(OptionError, match=r"20 photos by 14 models are too many .* --out comparison.html"):
        sheet.draw([compared] * 20)


def test_names_the_font_cannot_write_are_no_boxes() -> None:
    assert sheet._drawable("हजुर öß Ж.jpg", sheet._font(False)) == "? öß Ж.jpg"


def test_the_sheet_carries_the_mark(tmp_path: Path, truth: np.ndarray) -> None:
    plain = Image.fromarray(truth)
    compared = Comparison("a", plain, None, (Painting("cnn", plain, 1.0, None, frozenset()),), ())
    photo.write(sheet.draw([compared]), tmp_path / "a.png", model=sheet.signature([compared]))
    assert photo.provenance(tmp_path / "a.png")["model"] == "cnn"
