"""Copies are found among many pictures, and what merely looks alike is not called a copy."""

import io
from collections.abc import Sequence
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from tests.preparing import crop, encoded, picture
from train import twins
from train.prepare import search
from train.prepare.choose import robust_z
from train.prepare.look import look


def hashes(copies: Sequence[Image.Image]) -> tuple[np.ndarray, np.ndarray]:
    """Perceptual hashes of gray copies and of their mirror images, as `look` keeps them."""
    mirrored = [copy.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for copy in copies]
    return tuple(
        np.array([np.packbits(imagehash.phash(copy).hash.ravel()).view(np.int64)[0] for copy in side])
        for side in (copies, mirrored)
    )


def copy_of(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random crop, mirrored or not, shrunk and saved badly."""
    scale = rng.uniform(0.65, 1)
    x, y = rng.uniform(0, 1 - scale, 2)
    cut = crop(image, x, y, x + scale, y + scale).resize((100, 100))
    cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else cut
    return Image.open(io.BytesIO(encoded(cut, "JPEG", quality=50)))


@pytest.mark.parametrize("count", [120, pytest.param(1200, marks=pytest.mark.slow)])
def test_copies_are_found_among_many(count: int) -> None:
    """1,200 are enough for neighbourhoods to be searched instead of all."""
    rng = np.random.default_rng(0)
    originals = [picture(n, 128, cells=8) for n in range(count)]
    copies = [copy_of(image, rng) for image in originals[:20]]
    grays = [twins.gray_copy(image) for image in (*originals, *copies)]
    seen: list[int] = []
    pairs = search.candidates(*hashes(grays), grays, seen.append)
    assert sum(seen) == count + 20
    assert len(pairs) <= 2 * search.MOST * len(grays)
    found, wrong = set(), 0
    for i, j, box, is_mirrored in pairs:
        first = grays[i].transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_mirrored else grays[i]
        if twins.likeness(first, grays[j], box).is_copy:
            found.add(max(i, j) - count)
            wrong += max(i, j) - count != min(i, j)
    assert len(found) >= 19
    assert wrong == 0


def test_a_retouched_face_is_of_the_sitting_but_no_copy(astronaut: np.ndarray) -> None:
    whole = Image.fromarray(astronaut)
    retouched = astronaut.copy()
    retouched[90:190, 170:280] = astronaut[90:190, 170:280][::-1]  # the face upside down
    found = twins.likeness(twins.gray_copy(whole), twins.gray_copy(Image.fromarray(retouched)), twins.WHOLE)
    assert found.is_sitting
    assert not found.is_copy
    toned = Image.fromarray((astronaut * (1.0, 0.8, 0.6)).astype(np.uint8))
    assert twins.likeness(twins.gray_copy(whole), twins.gray_copy(toned), twins.WHOLE).is_copy


def test_robust_z_is_not_moved_by_the_outlier() -> None:
    values = np.array([*np.linspace(-1, 1, 101), 1000.0])
    assert np.abs(robust_z(values)[:101]).max() < 1.5
    assert robust_z(values)[101] > 1000
    assert not robust_z(np.ones(5)).any()


def test_a_copy_keeps_its_shape_and_its_shorter_side_is_as_asked(tmp_path: Path) -> None:
    found = look(encoded(picture(1).resize((300, 120))), tmp_path / "x.jpg", 64, 48, False)
    with Image.open(tmp_path / "x.jpg") as image:
        assert image.size == (160, 64)
    assert (found.width, found.height) == (300, 120)
    assert found.copy_size == (tmp_path / "x.jpg").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["x.jpg"]
