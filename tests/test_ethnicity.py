"""The estimate is a probability for each group, from a crop that looks like those the classifier was trained on."""

from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer import checkpoint, lab
from colorizer.errors import ModelError, OptionError
from colorizer.ethnicity import FACES_AT_ONCE, GROUPS, VIEWS, EthnicityClassifier, face_crop
from colorizer.faces import Face, FaceDetector
from colorizer.groups import CHOICES, TONES, check_choice
from tests.toning import colour_gray_sepia


@pytest.fixture(scope="module")
def classifier() -> EthnicityClassifier:
    return EthnicityClassifier.load()


def ramp(height: int, width: int) -> np.ndarray:
    """(H, W) float32 whose value at (y, x) is x / 10 + y / 100: a crop's values tell where it is."""
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    return x / 10 + y / 100


def face_at(x: float, y: float, side: float) -> Face:
    """A square box whose landmarks lie around its middle."""
    eye, mouth = side / 5, side / 6
    points = ((x - eye, y - eye), (x + eye, y - eye), (x, y), (x - mouth, y + eye), (x + mouth, y + eye))
    return Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), points, 1.0)


def test_the_groups_and_their_order() -> None:
    assert GROUPS == ("Asian", "Black", "Hispanic", "Indian", "Middle Eastern", "White")


def test_a_probability_for_each_group(classifier: EthnicityClassifier, astronaut: np.ndarray) -> None:
    found = FaceDetector().detect(astronaut)
    (face,) = classifier.classify(lab.lightness(astronaut), found)
    assert tuple(face.probabilities) == GROUPS
    assert sum(face.probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert min(face.probabilities.values()) >= 0
    assert (face.box, face.landmarks, face.score) == (found[0].box, found[0].landmarks, found[0].score)


def test_the_shipped_classifier_is_calibrated_and_knows_when_it_is_unsure(
    classifier: EthnicityClassifier, astronaut: np.ndarray
) -> None:
    """As `python -m train calibrate` found on FairFace's validation faces."""
    assert 0.6 < classifier.temperature < 0.9, "a mean of five crops is less sure than it should be"
    assert 0.4 < classifier.unsure_below < 0.6
    lightness = lab.lightness(astronaut)
    faces = classifier.classify(lightness, [face_at(225, 120, 110), face_at(60, 60, 100)])
    for face in faces:
        assert face.unsure is (max(face.probabilities.values()) < classifier.unsure_below)
    assert [face.unsure for face in faces] == [False, True], "a face, and a flag taken for one"


def test_no_faces_no_estimates(classifier: EthnicityClassifier, camera: np.ndarray) -> None:
    assert classifier.classify(camera.astype(np.float32) / 2.55, []) == []


def test_faces_in_one_batch_are_estimated_as_if_alone(
    classifier: EthnicityClassifier, astronaut: np.ndarray
) -> None:
    lightness = lab.lightness(astronaut)
    faces = [face_at(225, 120, 110), face_at(100, 300, 90), face_at(505, 505, 200)]
    together = classifier.classify(lightness, faces)
    for face, alone in zip(
        together, (classifier.classify(lightness, [face])[0] for face in faces), strict=True
    ):
        assert list(face.probabilities.values()) == pytest.approx(
            list(alone.probabilities.values()), abs=1e-5
        )


def test_colour_and_mirror_image_make_no_difference(
    classifier: EthnicityClassifier, astronaut: np.ndarray
) -> None:
    estimates = []
    for copy in (*colour_gray_sepia(astronaut), astronaut[:, ::-1]):
        faces = FaceDetector().detect(copy)
        estimates.append(list(classifier.classify(lab.lightness(copy), faces)[0].probabilities.values()))
    for other in estimates[1:3]:
        # Rounding to 8 bits moves the detector's box by a pixel or so; the estimate hardly follows.
        assert other == pytest.approx(estimates[0], abs=0.05)
    assert estimates[3] == pytest.approx(estimates[0], abs=0.15), (
        "the box of the mirror image differs a little"
    )


def test_a_crowd_is_estimated_in_batches_of_bounded_size(
    classifier: EthnicityClassifier, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def probabilities(batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        return torch.full((len(batch), len(GROUPS)), 1 / len(GROUPS))

    monkeypatch.setattr(classifier.network, "probabilities", probabilities)
    crowd = [face_at(20 * i, 100, 30) for i in range(2 * FACES_AT_ONCE + 1)]
    found = classifier.classify(lab.lightness(astronaut), crowd)
    assert [face.box for face in found] == [face.box for face in crowd]
    assert sizes == [FACES_AT_ONCE * len(VIEWS)] * 2 + [len(VIEWS)]


def test_the_crop_is_a_square_about_eyes_and_mouth() -> None:
    crop = face_crop(ramp(400, 600), face_at(300, 200, 100), scale=1.2, size=60)
    # 120 pixels from (240, 140): each of the 60 is the mean of 2x2.
    expected = ramp(400, 600)[140:260, 240:360].reshape(60, 2, 60, 2).mean((1, 3))
    assert crop.shape == (60, 60)
    assert crop.dtype == np.float32
    # The outermost pixels are left out: resizing with antialiasing weighs them otherwise.
    np.testing.assert_allclose(crop[2:-2, 2:-2], expected[2:-2, 2:-2], atol=0.02)


def test_without_landmarks_the_crop_sits_lower_than_the_box() -> None:
    face = face_at(300, 200, 100)
    crop = face_crop(ramp(400, 600), Face(face.box, (), 1.0), scale=1.0, size=100)
    assert crop[50, 50] == pytest.approx(ramp(400, 600)[208, 300], abs=0.02)


def test_beyond_the_photo_its_border_is_repeated() -> None:
    lightness = ramp(100, 100)
    crop = face_crop(lightness, face_at(0, 50, 80), scale=1.0, size=80)
    np.testing.assert_allclose(crop[:, :40], np.repeat(crop[:, :1], 40, axis=1), atol=1e-4)
    np.testing.assert_allclose(crop[2:-2, 41:], lightness[12:88, 1:40], atol=1e-3)


def test_a_face_of_a_pixel_and_one_larger_than_the_photo() -> None:
    for side in (0.2, 500.0):
        crop = face_crop(ramp(40, 30), face_at(15, 20, side), scale=0.96, size=96)
        assert crop.shape == (96, 96)
        assert np.isfinite(crop).all()


def test_the_network_is_asked_at_its_own_size_and_scale(tmp_path: Path, astronaut: np.ndarray) -> None:
    from colorizer import networks

    network = networks.build("ethnicity-classifier", encoder="test_resnet", size=48, crop_scale=1.5)
    checkpoint.save(network, "ethnicity-classifier", tmp_path / "small.safetensors")
    classifier = EthnicityClassifier.load(str(tmp_path / "small.safetensors"))
    assert (classifier.name, classifier.size, classifier.crop_scale) == ("small", 48, 1.5)
    seen = []
    original = classifier.network.probabilities
    classifier.network.probabilities = lambda batch: seen.append(tuple(batch.shape)) or original(batch)
    classifier.classify(lab.lightness(astronaut), [face_at(225, 120, 110)] * 3)
    assert seen == [(3 * len(VIEWS), 1, 48, 48)]


def test_a_colorizer_is_no_classifier() -> None:
    with pytest.raises(ModelError, match="no ethnicity classifier"):
        EthnicityClassifier.load("ethnicity-aware")


def test_estimating_keeps_no_gradients(classifier: EthnicityClassifier, astronaut: np.ndarray) -> None:
    assert not torch.is_inference_mode_enabled()
    classifier.classify(lab.lightness(astronaut), [face_at(225, 120, 110)])
    assert all(parameter.grad is None for parameter in classifier.network.parameters())


def test_a_wrong_choice_is_answered_with_the_right_ones() -> None:
    for choice in CHOICES:
        assert check_choice(choice) == choice
    with pytest.raises(OptionError) as caught:
        check_choice("indan")
    assert str(caught.value).endswith("Did you mean 'Indian'?")
    assert all(choice in str(caught.value) for choice in ("auto", "none", *GROUPS, "Monk 1 to Monk 10"))
    with pytest.raises(OptionError, match="choose one of"):
        check_choice(3)
    with pytest.raises(OptionError, match="Did you mean 'Monk 7'"):
        check_choice("monk7")


def test_the_skin_tones_run_from_light_to_dark() -> None:
    assert list(TONES) == [f"Monk {number}" for number in range(1, 11)]
    assert (TONES["Monk 1"], TONES["Monk 6"], TONES["Monk 10"]) == ("#f6ede4", "#a07e56", "#292420")
    pixels = np.array([[list(bytes.fromhex(value[1:])) for value in TONES.values()]], np.uint8)  # (1, 10, 3)
    lightness = lab.lightness(pixels)[0]
    assert (np.diff(lightness[2:]) < 0).all()
    assert lightness[:3].min() > 90, "the first three differ in colour more than in lightness"
