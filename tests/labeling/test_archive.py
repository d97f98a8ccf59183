"""ZIPs: what comes out of honest ones, and what of those that were built to harm."""

import struct
import time
import tracemalloc
import unicodedata
import zipfile
from pathlib import Path

import pytest

from colorizer.settings import Settings
from labeling import archive
from labeling.errors import LabelError
from labeling.settings import LabelSettings
from tests.hostile.build import valid
from tests.labeling.zips import LINK, LOCKED, Entry, deflated, unicode_name, write, zipped

JPEG = valid("JPEG")


def _read(path: Path, limits: Settings | None = None, **settings: float) -> list[tuple[str, bytes | str]]:
    with archive.opened(path, LabelSettings(**settings), limits) as photos:
        found = list(photos)
        assert len(photos) == len(found)
    return found


def _problem(path: Path, **settings: float) -> str:
    [(_, problem)] = _read(path, **settings)
    assert isinstance(problem, str), "it was unpacked"
    assert problem.endswith("."), problem
    return problem


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photos.zip"


def test_photos_come_out_in_their_order_with_their_folders(path: Path):
    write(path, Entry("b.jpg", JPEG), Entry("album/"), Entry("album/a.jpg", b"stored", method=0))
    assert _read(path) == [("b.jpg", JPEG), ("album/a.jpg", b"stored")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_pythons_own_writer_packs_is_read(path: Path, method: int):
    with zipfile.ZipFile(path, "w", method) as packed:
        packed.writestr("रिता.jpg", JPEG)
        packed.writestr(zipfile.ZipInfo("album/"), b"")
        with packed.open("album/streamed.jpg", "w", force_zip64=True) as entry:
            entry.write(JPEG)
    assert _read(path) == [("रिता.jpg", JPEG), ("album/streamed.jpg", JPEG)]


def test_a_zip_behind_a_program_is_read(path: Path):
    path.write_bytes(b"MZ" + bytes(500) + zipped(Entry("a.jpg", JPEG)))
    assert _read(path) == [("a.jpg", JPEG)]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "album/../../evil.jpg",
        "..",
        "/etc/evil.jpg",
        "//server/evil.jpg",
        "C:\\evil.jpg",
        "C:/evil.jpg",
        "..\\evil.jpg",
        "\\evil.jpg",
        b"a.jpg\x00.txt",
    ],
)
def test_a_path_that_leads_out_of_the_zip_is_refused(path: Path, tmp_path: Path, name: str | bytes):
    before = sorted(tmp_path.parent.rglob("*"))
    write(path, Entry(name, JPEG), Entry("good.jpg", JPEG))
    (_, problem), good = _read(path)
    assert "leads out of the ZIP" in str(problem)
    assert good == ("good.jpg", JPEG)
    assert sorted(tmp_path.parent.rglob("*")) == sorted([*before, path]), "something was written"


def test_a_folder_written_with_backslashes_is_a_folder(path: Path):
    write(path, Entry("album\\a.jpg", JPEG))
    assert _read(path) == [("album/a.jpg", JPEG)]


def test_links_and_devices_are_refused(path: Path):
    write(path, Entry("link.jpg", b"/etc/passwd", mode=LINK))
    assert "a link" in _problem(path)
    write(path, Entry("pipe.jpg", b"", mode=0o010644))
    assert "no ordinary file" in _problem(path)


def test_an_archive_in_an_archive_is_only_a_file_that_is_no_photo(path: Path):
    inner = zipped(Entry("bomb.jpg", bytes(20_000_000)))
    write(path, Entry("inner.zip", inner))
    assert _read(path) == [("inner.zip", inner)]


def test_an_entry_that_unpacks_to_far_more_is_not_unpacked(path: Path):
    write(path, Entry("bomb.jpg", bytes(20_000_000)))
    assert "far more than a photo" in _problem(path)


def test_an_entry_larger_than_a_photo_may_be_is_not_unpacked(path: Path):
    write(path, Entry("large.jpg", bytes(3_000_000), method=0))
    [(_, problem)] = _read(path, limits=Settings(max_file_mb=2))
    assert "unpacks to 3.0 MB, and at most 2" in str(problem)


def test_all_entries_together_have_a_limit(path: Path):
    write(path, *[Entry(f"{n}.jpg", bytes([n]) * 400_000, method=0) for n in range(5)])
    assert len(_read(path, max_unpacked_mb=2)) == 5
    with pytest.raises(LabelError, match=r"unpacks to 2 MB, and at most 1\.9"):
        _read(path, max_unpacked_mb=1.9)


def test_an_entry_larger_than_it_says_is_unpacked_no_further(path: Path):
    write(path, Entry("liar.jpg", bytes(200_000_000), said_size=1000))
    tracemalloc.start()
    problem = _problem(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "damaged" in problem
    assert peak < 20_000_000


def test_an_entry_smaller_than_it_says_is_refused(path: Path):
    write(path, Entry("liar.jpg", JPEG, said_size=len(JPEG) + 9))
    assert "not as large as the ZIP says" in _problem(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_end_are_refused(path: Path, method: int):
    with zipfile.ZipFile(path, "w", method) as packed:
        packed.writestr("bomb.jpg", bytes(10_000_000))
    assert "ordinary ZIP" in _problem(path)


def test_entries_over_one_another_are_refused(path: Path):
    """Fifield's bomb: each entry's packed bytes hold the next ones' too."""
    packed = deflated(JPEG)
    write(path, Entry("a.jpg", JPEG, packed=packed), Entry("b.jpg", JPEG, packed=packed, offset=0))
    with pytest.raises(LabelError, match="over one another"):
        _read(path)


def test_too_many_entries_are_refused_at_once(path: Path):
    write(path, *[Entry(f"{n}.jpg", method=0) for n in range(100_000)])
    start = time.monotonic()
    with pytest.raises(LabelError, match=r"100,000 files, and at most 20,000"):
        _read(path)
    assert time.monotonic() - start < 10


def test_a_list_of_contents_without_end_is_not_read(path: Path):
    write(path, *[Entry(f"{n}.jpg", method=0, comment=bytes(60_000)) for n in range(200)])
    tracemalloc.start()
    with pytest.raises(LabelError, match="far more files"):
        _read(path, max_archive_files=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


def test_a_zip_larger_than_the_limit_is_not_opened(path: Path):
    write(path, Entry("a.jpg", bytes(1_500_000), method=0))
    with pytest.raises(LabelError, match="2 MB, and at most 1 are"):
        _read(path, max_archive_mb=1)


def test_a_locked_zip_is_refused_and_one_locked_entry_too(path: Path):
    write(path, Entry("a.jpg", JPEG, flags=LOCKED), Entry("b.jpg", JPEG, flags=LOCKED))
    with pytest.raises(LabelError, match="locked with a password"):
        _read(path)
    write(path, Entry("a.jpg", JPEG), Entry("b.jpg", JPEG, flags=LOCKED))
    good, (_, problem) = _read(path)
    assert good == ("a.jpg", JPEG)
    assert "locked" in str(problem)


NEPALI = "काठमाडौँ/रिता श्रेष्ठ.jpg"


def test_devanagari_is_read_whether_or_not_the_zip_says_that_it_is_utf8(path: Path):
    write(path, Entry(NEPALI, JPEG))
    assert _read(path) == [(NEPALI, JPEG)]
    write(path, Entry(NEPALI.encode(), JPEG, flags=0))
    assert _read(path) == [(NEPALI, JPEG)]
    decomposed = unicodedata.normalize("NFD", "é/" + NEPALI)
    write(path, Entry(decomposed.encode(), JPEG, flags=0))
    assert _read(path) == [(decomposed, JPEG)]


def test_a_name_in_info_zips_own_field_is_read(path: Path):
    raw = b"\x8d\x95\xff.jpg"
    write(path, Entry(raw, JPEG, flags=0, extra=unicode_name(raw, NEPALI)))
    assert _read(path) == [(NEPALI, JPEG)]
    write(path, Entry(raw, JPEG, flags=0, extra=unicode_name(b"another", NEPALI)))
    assert _read(path) == [(raw.decode("cp437"), JPEG)], "a field of another name doesn't count"


def test_an_extra_field_may_not_smuggle_a_path(path: Path):
    raw = b"\xff.jpg"
    write(path, Entry(raw, JPEG, flags=0, extra=unicode_name(raw, "../evil.jpg")))
    assert "leads out" in _problem(path)


def test_two_different_entries_of_one_name_are_not_mixed_up(path: Path):
    write(path, Entry("a.jpg", JPEG), Entry("a.jpg", b"another"), Entry("a.jpg", JPEG))
    first, second, third = _read(path)
    assert first == third == ("a.jpg", JPEG)
    assert "two different files of this name" in str(second[1])


def test_what_is_hidden_and_what_machines_add_is_passed_over(path: Path):
    names = [
        "__MACOSX/._a.jpg",
        ".DS_Store",
        "album/.hidden.jpg",
        ".trash/a.jpg",
        "album/Thumbs.db",
        "desktop.ini",
    ]
    write(path, *[Entry(name, b"x") for name in names], Entry("a.jpg", JPEG))
    assert _read(path) == [("a.jpg", JPEG)]


def test_a_damaged_entry_spoils_no_other(path: Path):
    write(path, Entry("a.jpg", JPEG), Entry("bad.jpg", JPEG, packed=b"\xff" * 99), Entry("c.jpg", JPEG))
    assert [type(content) for _, content in _read(path)] == [bytes, str, bytes]


def _broken() -> dict[str, bytes]:
    good = zipped(Entry("a.jpg", JPEG))
    end = good.index(b"PK\x05\x06")
    return {
        "empty": b"",
        "a photo": JPEG,
        "cut short": good[: len(good) // 2],
        "no end": good[:end],
        "list elsewhere": good[: end + 16] + struct.pack("<L", 2**31) + good[end + 20 :],
        "list without end": good[: end + 12] + struct.pack("<L", 2**32 - 2) + good[end + 16 :],
        "name is no UTF-8": zipped(Entry(b"\xff\xfe.jpg", JPEG, flags=0x800)),
    }


@pytest.mark.parametrize("what", _broken())
def test_what_is_no_whole_zip_is_said_in_a_sentence(path: Path, what: str):
    path.write_bytes(_broken()[what])
    with pytest.raises(LabelError, match=r"; .*\.$"):
        _read(path)


@pytest.mark.parametrize("at", range(0, 200, 3))
def test_any_byte_may_be_wrong(path: Path, at: int):
    """Flips a byte of the last 200, where the list of contents is, and of the first, where an entry's head is."""
    good = zipped(Entry("a.jpg", JPEG), Entry("b/" + NEPALI, JPEG, method=0))
    for place in (at, len(good) - 1 - at):
        content = bytearray(good)
        content[place] ^= 0xFF
        path.write_bytes(content)
        try:
            found = _read(path)
        except LabelError:
            continue
        assert all(content == JPEG or isinstance(content, str) for _, content in found)


def test_a_file_that_is_gone_is_said(tmp_path: Path):
    with pytest.raises(LabelError, match="can't be read"):
        _read(tmp_path / "gone.zip")
    assert not archive.is_zip(tmp_path / "gone.zip")


def test_a_zip_is_told_by_its_first_bytes(path: Path):
    write(path, Entry("a.jpg", JPEG))
    assert archive.is_zip(path)
    path.write_bytes(zipped())
    assert archive.is_zip(path)
    assert _read(path) == []
    path.write_bytes(JPEG)
    assert not archive.is_zip(path)
