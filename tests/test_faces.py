"""Faces are found where they are, left to right, by lightness alone, and nothing makes the detector fall over."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from colorizer import faces as faces_module
from colorizer import lab
from colorizer.faces import COPY_SIDE, Face, FaceDetector
from tests.toning import colour_gray_sepia


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture
def grace(grace_hopper: Path) -> np.ndarray:
    return np.array(Image.open(grace_hopper).convert("RGB"))


def beside(*pictures: np.ndarray) -> np.ndarray:
    """Pictures next to each other, black below the shorter ones."""
    height = max(len(picture) for picture in pictures)
    return np.hstack([np.pad(picture, ((0, height - len(picture)), (0, 0), (0, 0))) for picture in pictures])


def test_one_face_with_its_landmarks_inside_it(detector: FaceDetector, astronaut: np.ndarray) -> None:
    (face,) = detector.detect(astronaut)
    assert face.box == pytest.approx((182, 60, 268, 174), abs=6)
    assert face.score > 0.95
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye == pytest.approx((205, 100), abs=6)
    assert right_eye == pytest.approx((248, 103), abs=6)
    assert nose == pytest.approx((225, 129), abs=6)
    assert left_mouth == pytest.approx((203, 140), abs=6)
    assert right_mouth == pytest.approx((245, 143), abs=6)
    assert face.probabilities == {}
    assert face.chosen == "auto"


def test_gray_sepia_and_colour_copies_have_the_same_faces(
    detector: FaceDetector, astronaut: np.ndarray
) -> None:
    colour, gray, sepia = (detector.detect(copy) for copy in colour_gray_sepia(astronaut))
    assert len(colour) == len(gray) == len(sepia) == 1
    for other in (gray, sepia):
        assert other[0].box == pytest.approx(colour[0].box, abs=4), "of a face of 86 by 114 pixels"


def test_lightness_is_as_good_as_the_photo(detector: FaceDetector, astronaut: np.ndarray) -> None:
    assert detector.detect(lab.lightness(astronaut)) == detector.detect(astronaut)


def test_a_face_seen_from_the_side(detector: FaceDetector, camera: np.ndarray) -> None:
    (face,) = detector.detect(np.repeat(camera[..., None], 3, axis=2))
    assert face.box == pytest.approx((197, 117, 253, 194), abs=8)


def test_gray_codes_are_not_taken_for_lightness(detector: FaceDetector, camera: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        detector.detect(camera)


def test_left_to_right(detector: FaceDetector, astronaut: np.ndarray, grace: np.ndarray) -> None:
    middles = []
    for pictures in ((astronaut, grace), (grace, astronaut)):
        left, right = detector.detect(beside(*pictures))
        middles.append(((left.box[0] + left.box[2]) / 2, (right.box[0] + right.box[2]) / 2))
    assert middles[0] == pytest.approx((225, 512 + 264), abs=25)
    assert middles[1] == pytest.approx((264, 512 + 225), abs=25)


def test_no_face_is_an_empty_list(detector: FaceDetector) -> None:
    assert detector.detect(data.coffee()) == []
    assert detector.detect(np.full((300, 200, 3), 127, np.uint8)) == []


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 500), (500, 1), (11, 11), (16, 16), (20, 20), (21, 21), (21, 700), (40, 29)]
)
@pytest.mark.parametrize("kind", ["black", "noise", "face"])
def test_small_and_thin_pictures(
    detector: FaceDetector, astronaut: np.ndarray, size: tuple[int, int], kind: str
) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    if kind == "noise":
        picture = np.random.default_rng(0).integers(0, 256, picture.shape, np.uint8)
    if kind == "face":
        face = Image.fromarray(astronaut[50:180, 160:290])
        picture = np.array(face.resize(size[::-1], Image.Resampling.BICUBIC))
    for face in detector.detect(picture):
        x0, y0, x1, y1 = face.box
        assert 0 <= x0 < x1 <= size[1]
        assert 0 <= y0 < y1 <= size[0]


def test_a_tight_crop_has_a_face_and_its_box_ends_at_the_border(
    detector: FaceDetector, astronaut: np.ndarray
) -> None:
    crop = astronaut[72:166, 178:272]
    (face,) = detector.detect(crop)
    x0, y0, x1, y1 = face.box
    assert (min(x0, y0), max(x1, y1)) == (0, 94), "MTCNN's own box reaches beyond"


def test_the_copy_is_small_and_boxes_are_in_pixels_of_the_photo(
    detector: FaceDetector, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = faces_module.detect_face

    def spy(pixels: object, *rest: object) -> object:
        seen.append(tuple(pixels.shape))  # type: ignore[attr-defined]
        return original(pixels, *rest)

    monkeypatch.setattr(faces_module, "detect_face", spy)
    large = np.array(Image.fromarray(astronaut).resize((2048, 2048), Image.Resampling.BICUBIC))
    (face,) = detector.detect(large)
    assert seen == [(1, COPY_SIDE, COPY_SIDE, 3)]
    expected = np.array([182, 60, 268, 174]) * 4
    assert face.box == pytest.approx(expected.tolist(), abs=24)


def test_small_faces_in_a_large_photo(detector: FaceDetector, astronaut: np.ndarray) -> None:
    photo = np.full((1500, 2000, 3), 127, np.uint8)
    small = np.array(
        Image.fromarray(astronaut).resize((360, 360), Image.Resampling.LANCZOS)
    )  # a face of 80 pixels
    for left in (100, 900, 1600):
        photo[700:1060, left : left + 360] = small
    faces = detector.detect(photo)
    assert [round(face.box[0] / 100) for face in faces] == [2, 10, 17]


def test_the_same_photo_gives_the_same_faces_in_every_thread(
    detector: FaceDetector, astronaut: np.ndarray, grace: np.ndarray
) -> None:
    pictures = [astronaut, grace, beside(astronaut, grace)] * 4
    alone = [detector.detect(picture) for picture in pictures[:3]] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detector.detect, pictures)) == alone


def test_of_two_boxes_on_one_face_the_surer_one_stays() -> None:
    def face(x: float, size: float, score: float) -> Face:
        return Face((x, 0, x + size, size), (), score)

    sure, doubled, inside, neighbour = (
        face(0, 100, 0.9),
        face(20, 100, 0.8),
        face(30, 40, 0.7),
        face(70, 100, 0.95),
    )
    assert faces_module._without_doubles([doubled, inside, sure, neighbour]) == [neighbour, sure]


@pytest.mark.slow
def test_every_synthetic_portrait_has_one_face(detector: FaceDetector, shared_data: Path) -> None:
    portraits = sorted((shared_data / "synthetic").glob("*.jpg"))
    counts = [len(detector.detect(np.array(Image.open(file).convert("RGB")))) for file in portraits]
    assert counts == [1] * len(portraits)
