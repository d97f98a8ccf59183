"""The folder of kept photos."""

import io
import os
import stat
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.errors import PhotoError
from colorizer.settings import Settings
from labeling.errors import LabelError
from labeling.photos import PhotoFolder
from tests.hostile import files as hostile_files
from tests.hostile.build import exif, picture, save, valid


@pytest.fixture
def folder(tmp_path: Path) -> PhotoFolder:
    return PhotoFolder(tmp_path / "labels" / "photos")


def _files(folder: PhotoFolder) -> list[str]:
    return sorted(
        p.relative_to(folder.originals).as_posix() for p in folder.originals.rglob("*") if p.is_file()
    )


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp"), ("HEIF", ".heic"), ("AVIF", ".avif")],
)
def test_a_photo_is_kept_byte_for_byte_under_its_hash(folder: PhotoFolder, kind: str, suffix: str):
    content = valid(kind)
    kept = folder.keep(content, "album/रिता.xyz")
    hash = sha256(content).hexdigest()
    assert (kept.hash, kept.name, kept.suffix, kept.bytes) == (hash, "रिता.xyz", suffix, len(content))
    assert _files(folder) == [f"{hash[:2]}/{hash}{suffix}"]
    assert folder.path(hash).read_bytes() == folder.path(hash, suffix).read_bytes() == content


def test_only_the_owner_may_read_what_is_kept(folder: PhotoFolder):
    kept = folder.keep(valid("JPEG"), "a.jpg")
    for path in (folder.path(kept.hash), *folder.views.rglob("*.jpg")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_same_photo_again_is_not_written_again(folder: PhotoFolder):
    kept = folder.keep(valid("JPEG"), "a.jpg")
    before = folder.path(kept.hash).stat()
    again = folder.keep(valid("JPEG"), "b.jpg")
    after = folder.path(kept.hash).stat()
    assert (again.hash, again.name) == (kept.hash, "b.jpg")
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_file_cut_short_is_mended_by_the_photo_coming_again(folder: PhotoFolder):
    kept = folder.keep(valid("JPEG"), "a.jpg")
    folder.path(kept.hash).write_bytes(b"cut")
    folder.keep(valid("JPEG"), "a.jpg")
    assert folder.path(kept.hash).read_bytes() == valid("JPEG")


@pytest.mark.parametrize("file", [file for file in hostile_files if file.verdict == "error"], ids=str)
def test_what_is_no_photo_leaves_nothing_behind(folder: PhotoFolder, file):
    with pytest.raises(PhotoError):
        folder.keep(file.data, "a.jpg")
    assert not folder.originals.exists()
    assert not folder.views.exists()


def test_limits_of_the_settings_hold(tmp_path: Path):
    small = PhotoFolder(tmp_path / "photos", Settings(max_megapixels=0.001))
    with pytest.raises(PhotoError, match="megapixels"):
        small.keep(valid("PNG"), "a.png")


def test_a_name_that_cannot_be_used_keeps_no_photo(folder: PhotoFolder):
    with pytest.raises(LabelError, match="formula"):
        folder.keep(valid("PNG"), "=cmd().png")
    assert not folder.originals.exists()


def test_a_view_is_upright_small_and_without_metadata(folder: PhotoFolder):
    kept = folder.keep(save(picture(3000, 2000), "JPEG", exif=exif(6)), "turned.jpg")
    assert (kept.width, kept.height) == (2000, 3000)
    view = _opened(folder.view(kept.hash, kept.suffix))
    assert (view.format, view.size) == ("JPEG", (853, 1280))
    assert not view.getexif()
    assert _opened(folder.view(kept.hash, kept.suffix, side=300)).size == (200, 300)


def test_a_small_photo_is_not_enlarged(folder: PhotoFolder):
    kept = folder.keep(valid("PNG"), "a.png")
    assert _opened(folder.view(kept.hash)).size == (kept.width, kept.height)


def test_a_view_is_made_with_the_photo_and_read_from_then_on(folder: PhotoFolder):
    kept = folder.keep(valid("JPEG"), "a.jpg")
    folder.path(kept.hash).unlink()
    assert folder.view(kept.hash, kept.suffix).startswith(b"\xff\xd8")


def test_a_view_that_was_deleted_is_made_again(folder: PhotoFolder):
    kept = folder.keep(valid("JPEG"), "a.jpg")
    first = folder.view(kept.hash)
    for file in folder.views.rglob("*.jpg"):
        file.unlink()
    assert folder.view(kept.hash) == first
    assert len(list(folder.views.rglob("*.jpg"))) == 1


def test_a_crop_is_the_face_and_some_of_what_is_around(folder: PhotoFolder):
    rgb = np.full((400, 600, 3), 40, np.uint8)
    rgb[100:200, 300:400] = (200, 60, 60)
    kept = folder.keep(save(Image.fromarray(rgb), "PNG"), "a.png")
    crop = np.asarray(_opened(folder.crop(kept.hash, (300, 100, 400, 200), kept.suffix, margin=0.5)))
    assert crop.shape == (200, 200, 3)
    assert abs(int(crop[100, 100, 0]) - 200) < 12
    assert abs(int(crop[20, 20, 0]) - 40) < 12


@pytest.mark.parametrize(
    "box", [(-50, -50, 20, 20), (590, 390, 700, 500), (600, 400, 600, 400), (10, 10, 10, 10)]
)
def test_a_crop_at_the_border_is_cut_there(folder: PhotoFolder, box):
    kept = folder.keep(save(picture(600, 400), "PNG"), "a.png")
    width, height = _opened(folder.crop(kept.hash, box)).size
    assert 1 <= width <= 130
    assert 1 <= height <= 130


def test_what_was_prepared_is_what_would_be_made(folder: PhotoFolder):
    kept = folder.keep(save(picture(900, 600), "PNG"), "a.png")
    boxes = [(10.4, 20.6, 200, 300), (500, 100, 620, 260)]
    made = [folder.view(kept.hash), *(folder.crop(kept.hash, box) for box in boxes)]
    for file in folder.views.rglob("*.jpg"):
        file.unlink()
    folder.prepare(kept.hash, folder.pixels(kept.hash), boxes)
    folder.path(kept.hash).unlink()
    assert [folder.view(kept.hash), *(folder.crop(kept.hash, box) for box in boxes)] == made


@pytest.mark.parametrize("hash", ["../../etc/passwd", "", "a" * 63, "A" * 64, "a" * 64 + "/..", "a" * 64])
def test_no_other_file_can_be_asked_for(folder: PhotoFolder, hash: str):
    for ask in (folder.path, folder.view, lambda hash: folder.crop(hash, (0, 0, 9, 9))):
        with pytest.raises(LabelError):
            ask(hash)
    with pytest.raises(LabelError):
        folder.path("a" * 64, "/../../x")


def test_a_photo_that_was_damaged_on_the_disk_is_said_to_be(folder: PhotoFolder):
    kept = folder.keep(valid("JPEG"), "a.jpg")
    folder.path(kept.hash).write_bytes(b"nonsense")
    with pytest.raises(LabelError, match="can no longer be read"):
        folder.view(kept.hash, kept.suffix, side=99)


def test_a_disk_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path):
    (tmp_path / "photos").write_text("in the way")
    with pytest.raises(LabelError, match="could not be written"):
        PhotoFolder(tmp_path / "photos").keep(valid("JPEG"), "a.jpg")


def test_a_photo_is_on_the_disk_before_it_has_its_name(folder: PhotoFolder, monkeypatch: pytest.MonkeyPatch):
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("replace"), replace(a, b))[1])
    folder.keep(valid("JPEG"), "a.jpg")
    assert done[:3] == ["fsync", "replace", "fsync"]


def test_what_a_killed_process_left_is_swept(folder: PhotoFolder):
    kept = folder.keep(valid("JPEG"), "a.jpg")
    near = folder.path(kept.hash).parent
    old, new = near / ".x.jpg.1234.part", near / ".y.jpg.1234.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    folder.sweep()
    assert not old.exists()
    assert new.exists(), "another process may be at it"
    assert folder.path(kept.hash).is_file()
