"""The way of one photo keeps its promises, from whatever goes in to what comes out."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import colorizer as package
from colorizer import checkpoint, lab, networks
from colorizer.errors import ModelError, OptionError, PhotoError
from colorizer.ethnicity import EthnicityClassifier
from colorizer.faces import Face, FaceDetector
from colorizer.groups import GROUPS
from colorizer.pipeline import NO_FACE, NO_NEUTRAL, Colorizer, Portrait
from colorizer.steering import Hint, Steering
from colorizer.working_size import LONGEST, enlarged, working_grid
from tests.toning import colour_gray_sepia
from tests.untrained import some_models


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer.load("default", device="cpu")


@pytest.fixture(scope="module")
def attentive(tmp_path_factory: pytest.TempPathFactory) -> Colorizer:
    """A tiny colorizer, from scratch, whose colours follow the condition strongly, however far training is."""
    torch.manual_seed(0)
    network = networks.build("ethnicity-aware", encoder="test_resnet", width=16, working_size=128).eval()
    for level in network.levels:
        torch.nn.init.normal_(level.hear[2].weight, std=0.5)
    torch.nn.init.constant_(network.skin.bias, 4.0)  # what is told of people counts on their skin
    path = tmp_path_factory.mktemp("weights") / "attentive.safetensors"
    checkpoint.save(network, "ethnicity-aware", path)
    return Colorizer.load(str(path), device="cpu")


@pytest.fixture(scope="module")
def couple() -> np.ndarray:
    """(512, 1024, 3): two faces, at (225, 117) and (737, 117)."""
    return np.hstack([data.astronaut(), data.astronaut()])


def pixels(result: package.Result) -> np.ndarray:
    return np.asarray(result.image).astype(np.int16)


def test_the_package_offers_its_names() -> None:
    assert package.Colorizer is Colorizer
    assert package.GROUPS == GROUPS
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="paint"):
        package.paint  # noqa: B018


def test_importing_the_package_leaves_torch_alone() -> None:
    code = "import colorizer, colorizer.__main__, sys; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode
        == 0
    )


def test_a_result_says_what_was_done(colorizer: Colorizer, grace_hopper: Path) -> None:
    result = colorizer.colorize(grace_hopper)
    assert result.image.mode == "RGB"
    assert result.image.size == Image.open(grace_hopper).size
    assert result.model == colorizer.name == "ethnicity-aware"
    assert result.notes == ()
    assert list(result.seconds) == ["read", "faces", "ethnicity", "network", "merge"]
    assert all(seconds >= 0 for seconds in result.seconds.values())
    (face,) = result.faces
    assert tuple(face.probabilities) == GROUPS
    assert face.chosen == "auto"


def test_a_photo_is_coloured(colorizer: Colorizer, camera: np.ndarray) -> None:
    chroma = np.hypot(
        *np.moveaxis(lab.rgb_to_lab(np.asarray(colorizer.colorize(camera).image))[..., 1:], -1, 0)
    )
    assert chroma.mean() > 1


def test_path_bytes_image_and_array_give_the_same(
    colorizer: Colorizer, tmp_path: Path, astronaut: np.ndarray
) -> None:
    file = tmp_path / "photo.png"
    Image.fromarray(astronaut).save(file)
    first, *others = (
        pixels(colorizer.colorize(source))
        for source in (file, str(file), file.read_bytes(), Image.fromarray(astronaut), astronaut)
    )
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("picture", ["astronaut", "coffee"])
def test_gray_sepia_and_colour_copies_get_the_same_colours(colorizer: Colorizer, picture: str) -> None:
    copies = colour_gray_sepia(getattr(data, picture)())
    portraits = [colorizer.analyze(copy) for copy in copies]
    ab = [colorizer.predict(portrait.lightness, portrait.faces) for portrait in portraits]
    painted = [pixels(colorizer.paint(portrait)) for portrait in portraits]
    for other in (1, 2):
        # 8-bit copies of one photo differ in L by up to 0.25, and a face's box by a pixel or two.
        assert np.abs(ab[other] - ab[0]).max() < 1
        assert np.abs(painted[other] - painted[0]).max() <= 5
        assert np.abs(painted[other] - painted[0]).mean() < 0.5


@pytest.mark.parametrize("vividness", [0.0, 1.0, 2.0])
def test_lightness_is_the_input_s(colorizer: Colorizer, astronaut: np.ndarray, vividness: float) -> None:
    result = colorizer.colorize(astronaut, vividness=vividness)
    difference = np.abs(lab.lightness(np.asarray(result.image)) - lab.lightness(astronaut))
    assert difference.max() < 0.5, "8-bit rounding alone makes 0.3"


def test_without_a_face_the_photo_is_coloured_neutrally_and_the_user_told(attentive: Colorizer) -> None:
    result = attentive.colorize(data.coffee())
    assert result.faces == ()
    assert result.notes == (NO_FACE,)
    chroma = lab.rgb_to_lab(np.asarray(result.image))[..., 1:].std()
    assert chroma > 0.1
    np.testing.assert_array_equal(pixels(attentive.colorize(data.coffee(), "White")), pixels(result))


def test_where_neutral_light_cannot_be_judged_the_user_is_told(
    attentive: Colorizer, astronaut: np.ndarray
) -> None:
    portrait, neutral = attentive.analyze(astronaut), Steering(light="neutral")
    assert attentive.paint(portrait, "Monk 5", steering=neutral).notes == (NO_NEUTRAL,)
    assert attentive.paint(portrait, "none", steering=neutral).notes == ()
    assert attentive.paint(portrait, "Monk 5").notes == ()
    assert attentive.colorize(data.coffee(), steering=neutral).notes == (NO_FACE, NO_NEUTRAL)


def test_a_damaged_model_suggests_nothing(
    attentive: Colorizer, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    portrait = attentive.analyze(astronaut)
    bias = attentive.network.head.bias
    monkeypatch.setattr(bias, "data", torch.full_like(bias, torch.nan))
    with pytest.raises(ModelError, match="damaged"):
        attentive.suggest(portrait)


@pytest.mark.parametrize("choice", ["Monk 2", "White"])
def test_a_model_of_the_literature_takes_a_tone_for_neutral_and_no_steering(
    astronaut: np.ndarray, choice: str
) -> None:
    with some_models("cnn"):
        plain = Colorizer.load("cnn", device="cpu")
    portrait = plain.analyze(astronaut)
    np.testing.assert_array_equal(
        pixels(plain.paint(portrait, choice)), pixels(plain.paint(portrait, "none"))
    )
    assert not plain.steerable
    for steering in (Steering(light="neutral"), Steering(hints=(Hint(1, 1, "#ff0000"),))):
        with pytest.raises(OptionError, match="can't be told of light or colour hints"):
            plain.paint(portrait, choice, steering=steering)
    with pytest.raises(OptionError, match="can't make suggestions"):
        plain.suggest(portrait, choice)


def test_a_network_that_chooses_among_bins_is_steered_like_any(tmp_path: Path, astronaut: np.ndarray) -> None:
    torch.manual_seed(0)
    network = networks.build("ethnicity-aware", encoder="test_resnet", width=16, working_size=64, bins=True)
    checkpoint.save(network.eval(), "ethnicity-aware", tmp_path / "bins.safetensors")
    chooser = Colorizer.load(tmp_path / "bins.safetensors", device="cpu")
    portrait = chooser.analyze(astronaut)
    asked = Steering("neutral", 5.0, -5.0, None, (Hint(5, 5, "#3b5aa0"),))
    for vividness in (0.0, 1.0, 2.0):
        result = chooser.paint(portrait, "Black", vividness, steering=asked)
        assert result.image.size == (512, 512)
        assert result.light is not None
        assert np.isfinite(result.light).all()


def test_a_choice_replaces_the_estimate(attentive: Colorizer, astronaut: np.ndarray) -> None:
    portrait = attentive.analyze(astronaut)
    painted = {choice: attentive.paint(portrait, choice) for choice in ("auto", "none", *GROUPS)}
    for choice, result in painted.items():
        assert [face.chosen for face in result.faces] == [choice]
        assert result.faces[0].probabilities == portrait.faces[0].probabilities, "the estimate stays visible"
    for one in painted:
        for other in painted:
            if one != other:
                assert np.abs(pixels(painted[one]) - pixels(painted[other])).mean() > 0.1


def test_the_shipped_model_listens_to_the_choice(colorizer: Colorizer, astronaut: np.ndarray) -> None:
    portrait = colorizer.analyze(astronaut)
    painted = [pixels(colorizer.paint(portrait, group)) for group in GROUPS]
    x0, y0, x1, y1 = (round(edge) for edge in portrait.faces[0].box)
    changes = [np.abs(one - painted[0]) for one in painted[1:]]
    # The groups' skin differs by a few units of a* and b*: a step of 8 bits or less of a channel, on the mean of a box.
    assert max(change[y0:y1, x0:x1].mean() for change in changes) > 0.2
    assert max(change[:, :40].mean() for change in changes) < 0.3, "what is far from the face hardly changes"


def test_auto_is_the_estimated_mixture(attentive: Colorizer, astronaut: np.ndarray) -> None:
    portrait = attentive.analyze(astronaut)
    certain = {group: float(group == "Indian") for group in GROUPS}
    faces = tuple(replace(face, probabilities=certain) for face in portrait.faces)
    estimated = attentive.paint(replace(portrait, faces=faces))
    np.testing.assert_array_equal(pixels(estimated), pixels(attentive.paint(portrait, "Indian")))


def test_analysis_without_an_estimate_paints_neutrally(attentive: Colorizer, astronaut: np.ndarray) -> None:
    portrait = attentive.analyze(astronaut, estimate=False)
    assert [face.probabilities for face in portrait.faces] == [{}]
    np.testing.assert_array_equal(
        pixels(attentive.paint(portrait)), pixels(attentive.paint(portrait, "none"))
    )


def test_one_choice_for_all_is_that_choice_for_each(attentive: Colorizer, couple: np.ndarray) -> None:
    portrait = attentive.analyze(couple)
    assert len(portrait.faces) == 2
    for choice in ("none", "Black"):
        np.testing.assert_array_equal(
            pixels(attentive.paint(portrait, choice)), pixels(attentive.paint(portrait, [choice, choice]))
        )


def test_choices_go_left_to_right(attentive: Colorizer, couple: np.ndarray) -> None:
    portrait = attentive.analyze(couple)
    plain = pixels(attentive.paint(portrait, ["none", "none"]))
    for choices, near, far in ((["White", "none"], 0, 1), (["none", "White"], 1, 0)):
        result = attentive.paint(portrait, choices)
        assert [face.chosen for face in result.faces] == choices
        change = np.abs(pixels(result) - plain).mean(axis=2)
        boxes = [[round(edge) for edge in face.box] for face in result.faces]
        changes = [change[y0:y1, x0:x1].mean() for x0, y0, x1, y1 in boxes]
        assert changes[near] > 3 * changes[far]


def test_painting_again_looks_for_no_face(
    colorizer: Colorizer, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for part, name in ((colorizer.detector, "detect"), (colorizer.classifier, "classify")):
        original = getattr(part, name)
        monkeypatch.setattr(part, name, lambda *a, n=name, o=original: calls.append(n) or o(*a))
    portrait = colorizer.analyze(astronaut)
    assert calls == ["detect", "classify"]
    for choice in ("none", "White", ["Asian"]):
        colorizer.paint(portrait, choice)
    assert calls == ["detect", "classify"]


def test_colorize_is_analyze_and_paint(colorizer: Colorizer, astronaut: np.ndarray) -> None:
    at_once = colorizer.colorize(astronaut, ["Hispanic"], 1.3)
    in_steps = colorizer.paint(colorizer.analyze(astronaut), ["Hispanic"], 1.3)
    np.testing.assert_array_equal(pixels(at_once), pixels(in_steps))
    assert at_once.faces == in_steps.faces


def test_threads_may_share_one(colorizer: Colorizer, astronaut: np.ndarray, camera: np.ndarray) -> None:
    expected = [pixels(colorizer.colorize(photo)) for photo in (astronaut, camera)]
    with ThreadPoolExecutor(4) as pool:
        for i, result in enumerate(pool.map(colorizer.colorize, [astronaut, camera] * 3)):
            np.testing.assert_array_equal(pixels(result), expected[i % 2])


def test_vividness(colorizer: Colorizer, astronaut: np.ndarray) -> None:
    portrait = colorizer.analyze(astronaut)
    chroma = []
    for vividness in (0, 0.5, 1, 2):
        painted = np.asarray(colorizer.paint(portrait, vividness=vividness).image)
        chroma.append(np.hypot(*np.moveaxis(lab.rgb_to_lab(painted)[..., 1:], -1, 0)).mean())
    assert chroma[0] < 0.1
    assert chroma[0] < chroma[1] < chroma[2] < chroma[3]


@pytest.mark.parametrize("vividness", [-0.1, 2.01, float("nan"), float("inf"), "1", None])
def test_vividness_out_of_range(colorizer: Colorizer, astronaut: np.ndarray, vividness: object) -> None:
    portrait = Portrait(package.pipeline.photo.Photo(astronaut), lab.lightness(astronaut), (), {})
    with pytest.raises(OptionError, match=r"from 0 \(gray\) to 2"):
        colorizer.paint(portrait, vividness=vividness)  # type: ignore[arg-type]


def test_choices_that_can_t_be(colorizer: Colorizer, astronaut: np.ndarray, couple: np.ndarray) -> None:
    one, two = colorizer.analyze(astronaut), colorizer.analyze(couple)
    with pytest.raises(
        OptionError, match=r"'Middle East'.*auto, none, Asian.*Did you mean 'Middle Eastern'\?"
    ):
        colorizer.paint(one, "Middle East")
    with pytest.raises(OptionError, match="'Klingon'"):
        colorizer.paint(two, ["auto", "Klingon"])
    with pytest.raises(OptionError, match="no ethnicity None"):
        colorizer.paint(one, None)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="1 face found in this photo, but 2 ethnicities given"):
        colorizer.paint(one, ["auto", "none"])
    with pytest.raises(OptionError, match="2 faces found in this photo, but 1 ethnicities given"):
        colorizer.paint(two, ["auto"])
    with pytest.raises(OptionError, match="No face found in this photo, but 1"):
        colorizer.paint(colorizer.analyze(data.coffee()), ["auto"])


def test_a_damaged_model_gives_no_black_photo(
    colorizer: Colorizer, camera: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colorizer, "predict", lambda *_: np.full((2, 40, 40), np.nan, np.float32))
    with pytest.raises(ModelError, match="damaged"):
        colorizer.colorize(camera)


@pytest.mark.parametrize("working_size", [0, 10**6, "large", None])
def test_a_working_size_that_can_t_be(tmp_path: Path, working_size: object) -> None:
    network = networks.build("ethnicity-aware", encoder="test_resnet", width=16)
    network.config = network.config | {"working_size": working_size}  # type: ignore[operator, assignment]
    checkpoint.save(network, "ethnicity-aware", tmp_path / "odd.safetensors")
    with pytest.raises(ModelError, match="working size"):
        Colorizer.load(tmp_path / "odd.safetensors", "cpu")


def test_what_is_no_photo(colorizer: Colorizer, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    for source in (tmp_path / "text.png", tmp_path / "missing.png", b"", tmp_path):
        with pytest.raises(PhotoError):
            colorizer.colorize(source)


def test_progress_is_told_in_order(colorizer: Colorizer, astronaut: np.ndarray) -> None:
    told: list[tuple[str, float]] = []
    colorizer.colorize(astronaut, progress=lambda stage, done: told.append((stage, done)))
    assert [stage for stage, _ in told] == ["read", "faces", "ethnicity", "network", "merge", "done"]
    shares = [done for _, done in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)


@pytest.mark.parametrize("size", [(16, 16), (17, 500), (600, 20), (33, 31), (301, 1999)])
def test_odd_sizes(colorizer: Colorizer, size: tuple[int, int]) -> None:
    gray = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    assert colorizer.colorize(gray).image.size == size[::-1]


@pytest.mark.parametrize("working_size", [160, 192, 256])
@pytest.mark.parametrize("shape", [(1, 1), (4, 5), (3, 4), (2, 3), (9, 16), (1, 2), (1, 4)])
def test_the_working_size_keeps_shape_and_area(shape: tuple[int, int], working_size: int) -> None:
    for height, width in (shape, shape[::-1]):
        rows, columns = working_grid(1000 * height, 1000 * width, working_size)
        assert rows % 16 == columns % 16 == 0
        assert rows / columns == pytest.approx(height / width, rel=0.08)
        assert rows * columns == pytest.approx(working_size**2, rel=0.22)


def test_the_working_size_does_not_depend_on_the_photo_s() -> None:
    assert working_grid(30, 40, 160) == working_grid(300, 400, 160) == working_grid(6000, 8000, 160)
    assert working_grid(1024, 1024, 160) == (160, 160)


def test_a_thread_of_a_photo_stays_small_inside(colorizer: Colorizer) -> None:
    for width in (50, 500, 100_000):
        rows, columns = working_grid(1, width, 256)
        assert max(rows, columns) <= LONGEST
        assert rows * columns <= 1.3 * 256**2
    strip = np.full((20, 1000), 60, np.float32)  # beyond what a photo may be
    assert np.isfinite(colorizer.predict(strip, ())).all()


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Colorizer.load(device="auto").device == torch.device("cpu")
    with pytest.raises(ModelError, match=r"no CUDA device.*auto or cpu"):
        Colorizer.load(device="cuda")
    with pytest.raises(ModelError, match=r"'gpu'.*auto, cpu or cuda"):
        Colorizer.load(device="gpu")


def test_models_that_can_t_be_loaded() -> None:
    with pytest.raises(ModelError, match="ethnicity-aware"):
        Colorizer.load("no-such-model")
    with pytest.raises(ModelError, match="is no colorizer"):
        Colorizer.load("ethnicity-classifier")


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_paints_as_the_cpu_does(colorizer: Colorizer, astronaut: np.ndarray) -> None:
    on_gpu = Colorizer.load("default", device="auto")
    assert on_gpu.device.type == "cuda"
    difference = np.abs(pixels(on_gpu.colorize(astronaut)) - pixels(colorizer.colorize(astronaut)))
    assert difference.max() <= 8
    assert difference.mean() < 0.5


def test_another_model_shares_all_but_the_network(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = networks.build("cnn", working_size=64)
    path = tmp_path / "mine.safetensors"
    checkpoint.save(network, "cnn", path)
    for needless in (FaceDetector, EthnicityClassifier):
        monkeypatch.setattr(needless, "__init__", _not_again)
    other = colorizer.other(path)
    assert (other.name, other.working_size, other.device) == ("mine", 64, colorizer.device)
    assert other.detector is colorizer.detector
    assert other.classifier is colorizer.classifier
    assert other.network is not colorizer.network
    with pytest.raises(ModelError, match="no colorizer"):
        colorizer.other("ethnicity-classifier")
    with pytest.raises(ModelError, match="There is no model"):
        colorizer.other("nobody")
    network.config = {"working_size": 128}
    checkpoint.save(network, "cnn", path)
    assert colorizer.other(path).working_size == 128, "a file that was replaced is read anew"


def _not_again(*_: object, **__: object) -> None:
    raise AssertionError("loaded twice")


def test_small_faces_are_worked_on_at_a_larger_size() -> None:
    def size(*sides: float) -> int:
        faces = [Face((0.0, 0.0, side, side / 2), (), 1.0) for side in sides]
        return enlarged(160, faces, 1600 * 1600)

    assert size() == size(300) == size(310, 20, 310) == 160
    assert size(250) == 240
    assert size(100) == size(100, 90, 600) == 320
    assert enlarged(LONGEST, [Face((0, 0, 1, 1), (), 1.0)], 1600 * 1600) == LONGEST
