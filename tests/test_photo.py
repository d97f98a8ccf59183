"""Any photo comes in upright and in sRGB, limits hold before decoding, and what goes out says who made its colours."""

import io
import os
import stat
import struct
import sys
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from pillow_heif import from_pillow

from colorizer import photo, provenance
from colorizer.errors import OptionError, PhotoError
from colorizer.settings import Settings
from tests.hostile.build import exif, frames, gray_tiff_tags, picture, save, tiff, valid
from tests.hostile.odd import _without_adobe

LOSSLESS = {"PNG": {}, "TIFF": {}, "BMP": {}, "WEBP": {"lossless": True}}
LOSSY = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "HEIF": {},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}


def pixels_of(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference in levels."""
    assert a.shape == b.shape
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


@pytest.mark.parametrize("format", LOSSLESS)
def test_lossless_formats_come_in_exactly(format):
    decoded = photo.read(save(picture(), format, **LOSSLESS[format]))
    assert decoded.format == format
    assert decoded.notes == ()
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.flags.writeable
    assert np.array_equal(decoded.rgb, pixels_of(picture()))


@pytest.mark.parametrize("format", LOSSY)
def test_lossy_formats_come_in_nearly(format):
    decoded = photo.read(save(picture(), format, **LOSSY[format]))
    assert decoded.format == format
    assert difference(decoded.rgb, pixels_of(picture())) < 4


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(format, orientation):
    # What a viewer shows is upright: the file holds the picture turned the other way.
    inverse = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    stored = picture() if inverse is None else picture().transpose(inverse)
    decoded = photo.read(save(stored, format, exif=exif(orientation)))
    assert difference(decoded.rgb, pixels_of(picture())) < 8


def test_heic_orientation_is_applied_once():
    turned = picture().transpose(Image.Transpose.ROTATE_90)
    assert difference(photo.read(save(turned, "HEIF", exif=exif(6))).rgb, pixels_of(picture())) < 4


def test_compressed_tiff_is_turned_once():
    stored = picture().transpose(Image.Transpose.ROTATE_90)
    decoded = photo.read(save(stored, "TIFF", compression="tiff_lzw", exif=exif(6)))
    assert np.array_equal(decoded.rgb, pixels_of(picture()))


@pytest.mark.parametrize(
    "mode", ["L", "1", "P", "LA", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "RGBX", "RGBa", "La", "PA"]
)
def test_every_mode_in_memory(mode):
    source = picture().convert("L") if mode in ("La", "PA") else picture()
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        image = ImageCms.applyTransform(source, to_lab)
    else:
        image = source.convert({"La": "LA", "RGBa": "RGBA"}.get(mode, mode)).convert(mode)
    expected = (
        source.convert("RGB")
        if mode in ("LAB", "La", "RGBa")
        else image.convert("RGBA").convert("RGB")
        if mode == "PA"
        else image.convert("RGB")
    )
    decoded = photo.from_image(image)
    assert decoded.rgb.shape == (48, 64, 3)
    assert difference(decoded.rgb, pixels_of(expected)) < 1.5


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "array", "image"])
def test_deep_gray_is_scaled_by_the_depth_it_uses(bits, format):
    full = (1 << bits) - 1
    ramp = np.linspace(0, full, 64 * 48).reshape(48, 64).round().astype(np.uint16)
    source = {
        "array": lambda: ramp,
        "image": lambda: Image.fromarray(ramp),
        "PNG": lambda: save(Image.fromarray(ramp), "PNG"),
        "TIFF": lambda: save(Image.fromarray(ramp), "TIFF"),
    }[format]()
    decoded = photo.from_image(source)
    assert np.array_equal(decoded.rgb[:, :, 0], np.rint(ramp * (255.0 / full)))
    assert np.array_equal(decoded.rgb[:, :, 0], decoded.rgb[:, :, 2])
    assert any(f"only {bits} of its bits" in note for note in decoded.notes) == (bits < 16)


def test_dark_16_bit_photo_stays_dark():
    ramp = np.linspace(0, 20_000, 64 * 48).reshape(48, 64).astype(np.uint16)
    decoded = photo.read(save(Image.fromarray(ramp), "PNG"))
    assert decoded.rgb.max() == round(20_000 / 65535 * 255)
    assert decoded.notes == ()


def _colour_png_16(full: int) -> tuple[bytes, np.ndarray]:
    values = np.asarray(picture()).astype(np.uint32) * full // 255
    rows = b"".join(b"\x00" + row.tobytes() for row in values.astype(">u2"))
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", 64, 48, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    data = b"\x89PNG\r\n\x1a\n"
    for kind, part in parts.items():
        data += struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
    return data, np.asarray(picture())


@pytest.mark.parametrize(("full", "tolerance"), [(65535, 1), (16383, 3), (4095, 10)])
def test_deep_colour_never_comes_out_black(full, tolerance):
    data, expected = _colour_png_16(full)
    decoded = photo.read(data)
    assert difference(decoded.rgb, expected) < tolerance
    assert bool(decoded.notes) == (full < 65535)


def test_deep_colour_of_few_bits_is_refused():
    with pytest.raises(PhotoError, match="8 bits a channel"):
        photo.read(_colour_png_16(1023)[0])


def test_white_is_zero_in_deep_tiff():
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype("<u2")
    data = tiff(gray_tiff_tags(64, 48, 16) | {262: (3, 1, 0)}, ramp.tobytes())
    decoded = photo.read(data).rgb[:, :, 0]
    assert np.array_equal(decoded, 255 - np.rint(ramp / 257).astype(np.uint8))


def test_unsigned_32_bit_tiff_keeps_its_order():
    ramp = np.linspace(0, 2**32 - 1, 64 * 48).reshape(48, 64).astype("<u4")
    decoded = photo.read(tiff(gray_tiff_tags(64, 48, 32), ramp.tobytes()))
    assert np.all(np.diff(decoded.rgb[:, :, 0].ravel().astype(int)) >= 0)
    assert decoded.rgb.max() == 255
    assert "stretched" in decoded.notes[0]


@pytest.mark.parametrize("full", [1.0, 255.0, 65535.0])
def test_float_tiff(full):
    ramp = (np.linspace(0, full, 64 * 48).reshape(48, 64)).astype(np.float32)
    decoded = photo.read(save(Image.fromarray(ramp), "TIFF"))
    assert difference(decoded.rgb[:, :, 0], np.rint(ramp / full * 255)) < 0.6


def test_float_overshoot_is_clipped_not_stretched():
    values = np.full((48, 64), 0.5, np.float32)
    values[0, 0], values[0, 1] = 1.2, -0.1
    decoded = photo.read(save(Image.fromarray(values), "TIFF"))
    assert decoded.rgb[9, 9, 0] == 128
    assert (decoded.rgb[0, 0, 0], decoded.rgb[0, 1, 0]) == (255, 0)


def test_transparency_is_put_on_white():
    rgba = np.zeros((48, 64, 4), np.uint8)
    rgba[:, :, 0] = 200
    rgba[:, :32, 3] = 255
    rgba[:24, 32:, 3] = 51  # a fifth
    expected = [(200, 0, 0), (244, 204, 204), (255, 255, 255)]
    for source in (
        rgba,
        Image.fromarray(rgba),
        save(Image.fromarray(rgba), "PNG"),
        save(Image.fromarray(rgba), "TIFF"),
    ):
        decoded = photo.from_image(source)
        found = [decoded.rgb[5, 5], decoded.rgb[5, 50], decoded.rgb[40, 50]]
        assert difference(np.array(found), np.array(expected)) <= 1
        assert any("white" in note for note in decoded.notes)


def test_palette_and_16_bit_transparency_is_put_on_white():
    palette = Image.new("P", (64, 48), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(1, (32, 0, 64, 48))
    decoded = photo.read(save(palette, "PNG", transparency=1))
    assert decoded.rgb[0, 0].tolist() == [255, 0, 0]
    assert decoded.rgb[0, 63].tolist() == [255, 255, 255]
    deep = np.full((48, 64), 65535, np.uint16)
    deep[:, :32] = 1000
    decoded = photo.read(save(Image.fromarray(deep), "PNG", transparency=1000))
    assert decoded.rgb.min() == 255


def test_opaque_alpha_says_nothing():
    assert photo.read(save(picture().convert("RGBA"), "PNG")).notes == ()


def _swapped_profile() -> bytes:
    """sRGB's profile with its red and blue primaries exchanged: what is stored as red is meant as blue."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    for at in range(132, 132 + 12 * count, 12):
        if data[at : at + 4] in (b"rXYZ", b"bXYZ"):
            data[at : at + 1] = b"b" if data[at : at + 1] == b"r" else b"r"
    return bytes(data)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_profile_is_converted(format):
    decoded = photo.read(save(picture(), format, icc_profile=_swapped_profile(), **LOSSLESS[format]))
    assert decoded.notes == ()
    assert difference(decoded.rgb, pixels_of(picture())[:, :, ::-1]) < 2


def test_srgb_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = photo.read(save(picture(), "PNG", icc_profile=profile))
    assert np.array_equal(decoded.rgb, pixels_of(picture()))
    gray = photo.read(save(picture().convert("L"), "PNG", icc_profile=profile))
    assert difference(gray.rgb, pixels_of(picture().convert("L"))) <= 1
    assert gray.notes == ()


def _linear_gray_profile() -> bytes:
    """A scanner's gray profile whose values are proportional to light (a curve of gamma 1)."""
    text = b"desc" + bytes(4) + struct.pack(">I", 2) + b"g\x00" + bytes(79)
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    curve = b"curv" + bytes(4) + struct.pack(">I", 0)
    parts, table, at = b"", b"", 128 + 4 + 4 * 12
    for tag, part in (
        (b"desc", text),
        (b"cprt", b"text" + bytes(4) + b"x\x00\x00\x00"),
        (b"wtpt", white),
        (b"kTRC", curve),
    ):
        part += bytes(-len(part) % 4)
        table += tag + struct.pack(">II", at + len(parts), len(part))
        parts += part
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\x02\x40\x00\x00", b"scnrGRAYXYZ ", b"acsp"
    head[68:80] = struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    head[:4] = struct.pack(">I", at + len(parts))
    return bytes(head) + struct.pack(">I", 4) + table + parts


def test_gray_profile_is_converted():
    gray = Image.new("L", (64, 48), 55)  # 21.6 % of the light, which sRGB writes as 128
    decoded = photo.read(save(gray, "PNG", icc_profile=_linear_gray_profile()))
    assert decoded.notes == ()
    assert np.abs(decoded.rgb.astype(int) - 128).max() <= 1
    deep = Image.fromarray(np.full((48, 64), 55 * 257, np.uint16))
    deep.putpixel((0, 0), 65535)
    assert abs(int(photo.read(save(deep, "PNG", icc_profile=_linear_gray_profile())).rgb[9, 9, 0]) - 128) <= 1


def test_heic_of_several_pictures():
    several = from_pillow(picture())
    several.add_from_pillow(picture().rotate(180))
    buffer = io.BytesIO()
    several.save(buffer, quality=90)
    decoded = photo.read(buffer.getvalue())
    assert difference(decoded.rgb, pixels_of(picture())) < 4
    assert "several pictures" in decoded.notes[0]


def test_deep_heic():
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)
    decoded = photo.read(save(Image.fromarray(ramp), "HEIF"))
    assert difference(decoded.rgb[:, :, 0], np.rint(ramp / 257)) < 4
    assert decoded.notes == ()


@pytest.mark.parametrize("profile", [b"junk" * 99, _swapped_profile()[:200], b"\x00" * 128])
def test_broken_profile_is_ignored_and_said(profile):
    decoded = photo.read(save(picture(), "PNG", icc_profile=profile))
    assert np.array_equal(decoded.rgb, pixels_of(picture()))
    assert "profile" in decoded.notes[0]


def test_cmyk_jpeg_with_and_without_adobes_marker():
    adobe = save(picture().convert("CMYK"), "JPEG", quality=95)
    assert difference(photo.read(adobe).rgb, pixels_of(picture())) < 3
    # The same ink values without the marker that says they are inverted: the photo's negative, in ink.
    inverted = save(Image.eval(picture().convert("CMYK"), lambda v: 255 - v), "JPEG", quality=95)
    assert difference(photo.read(_without_adobe(inverted)).rgb, pixels_of(picture())) < 3


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_first_of_several_frames_and_a_note(format):
    decoded = photo.read(frames(format))
    assert difference(decoded.rgb, pixels_of(picture())) < 8
    assert len(decoded.notes) == 1
    assert ("pages" if format == "TIFF" else "animated") in decoded.notes[0]


def test_limit_on_bytes(tmp_path):
    data = valid("PNG")
    exact = Settings(max_file_mb=len(data) / 1e6)
    below = Settings(max_file_mb=(len(data) - 1) / 1e6)
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    for source in (data, path, str(path), io.BytesIO(data)):
        assert photo.read(source, settings=exact).rgb.shape == (48, 64, 3)
        with pytest.raises(PhotoError, match="larger than"):
            photo.read(source, settings=below)


def test_no_more_is_read_than_the_limit():
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            assert 0 < size <= 1_000_001
            piece = bytes(min(size, 100_000))
            self.given += len(piece)
            return piece

    stream = Endless()
    with pytest.raises(PhotoError, match="1 MB"):
        photo.read(stream, settings=Settings(max_file_mb=1))
    assert stream.given == 1_000_001


def test_limit_on_pixels_is_checked_before_decoding(monkeypatch):
    decoded = []
    monkeypatch.setattr(
        Image.core, "new", lambda *a, **k: decoded.append(a)
    )  # where Pillow allots a picture's memory
    for format in ("JPEG", "PNG", "TIFF", "BMP", "WEBP"):
        with pytest.raises(PhotoError, match="megapixels"):
            photo.read(valid(format), settings=Settings(max_megapixels=0.001))
    assert not decoded


def test_limit_on_pixels_is_exact_and_pillows_own_stays_out_of_it(monkeypatch):
    exact = Settings(max_megapixels=64 * 48 / 1e6)
    below = Settings(max_megapixels=(64 * 48 - 1) / 1e6)
    monkeypatch.setattr(
        Image, "MAX_IMAGE_PIXELS", 100
    )  # what is more than twice that, Pillow refuses to open
    for format in ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "HEIF", "AVIF"):
        data = valid(format)
        assert photo.read(data, settings=exact).rgb.shape == (48, 64, 3)
        with pytest.raises(PhotoError, match=r"megapixels \(64 x 48\)"):
            photo.read(data, settings=below)


def test_limits_hold_for_pictures_in_memory():
    settings = Settings(max_megapixels=0.001)
    for source in (picture(), np.asarray(picture())):
        with pytest.raises(PhotoError, match="megapixels"):
            photo.from_image(source, settings=settings)
        with pytest.raises(PhotoError, match="at least 16"):
            photo.from_image(source[:10] if isinstance(source, np.ndarray) else source.crop((0, 0, 64, 10)))


def test_sixteen_pixels_are_enough_and_fifteen_are_not():
    assert photo.read(save(picture(16, 16), "PNG")).rgb.shape == (16, 16, 3)
    with pytest.raises(PhotoError, match="15 x 16"):
        photo.read(save(picture(15, 16), "PNG"))


def test_only_listed_decoders_can_be_reached(monkeypatch):
    def reached(*_):
        raise RuntimeError("a decoder registered with Pillow saw the file")

    monkeypatch.setattr(Image, "open", reached)
    for format in Image.OPEN:
        monkeypatch.setitem(Image.OPEN, format, (reached, None))
    assert photo.read(valid("PNG")).rgb.shape == (48, 64, 3)
    for data in (
        save(picture(), "PPM"),
        save(picture(), "TGA"),
        save(picture(), "EPS"),
        save(picture(), "PCX"),
    ):
        with pytest.raises(PhotoError):
            photo.read(data)


def test_sources_that_are_no_files(tmp_path):
    for source, words in (
        (tmp_path, "folder"),
        (tmp_path / "absent.png", "no file"),
        ("a\x00b", "no file|could not be read"),
        (io.StringIO("text"), "binary"),
    ):
        with pytest.raises(PhotoError, match=words):
            photo.read(source)
    with pytest.raises(OptionError, match="path, bytes"):
        photo.read(7)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with a name are POSIX's")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PhotoError, match="ordinary file"):
        photo.read(tmp_path / "pipe.png")


def test_a_stream_is_read_from_its_start():
    stream = io.BytesIO(valid("PNG"))
    stream.seek(0, io.SEEK_END)
    assert photo.read(stream).rgb.shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 48, 64), np.uint8), r"\(height, width, 3\)"),
        (np.zeros((48, 64, 2), np.uint8), r"\(height, width\)"),
        (np.zeros(48, np.uint8), "shape"),
        (np.zeros((48, 64), np.int64), "uint8"),
        (np.zeros((48, 64), complex), "uint8"),
        (np.zeros((48, 64), object), "uint8"),
        (np.full((48, 64), np.nan), "NaN"),
        (np.full((48, 64), np.inf), "infinity"),
        (np.full((48, 64, 3), 200.0), "0 to 1"),
        (np.full((48, 64, 3), -0.5), "0 to 1"),
    ],
)
def test_arrays_that_are_no_photos(array, words):
    with pytest.raises(OptionError, match=words):
        photo.from_image(array)


def test_empty_arrays_are_too_small():
    with pytest.raises(PhotoError, match="only 0 x 0"):
        photo.from_image(np.zeros((0, 0, 3), np.uint8))


@pytest.mark.parametrize("other", [None, 7, [[1, 2]], object()])
def test_what_is_no_picture_at_all(other):
    with pytest.raises(OptionError, match="allowed are"):
        photo.from_image(other)


def test_arrays_of_every_allowed_kind_agree():
    rgb = np.asarray(picture())
    for array in (
        rgb,
        rgb.astype(np.uint16) * 257,
        rgb / 255,
        (rgb / 255).astype(np.float32),
        rgb[:, ::-1][:, ::-1],
    ):
        decoded = photo.from_image(array)
        assert np.array_equal(decoded.rgb, rgb)
        assert decoded.rgb.flags.c_contiguous
    gray = rgb[:, :, 1]
    for array in (gray, gray[:, :, None], np.dstack([gray] * 3)):
        assert np.array_equal(photo.from_image(array).rgb, np.dstack([gray] * 3))
    assert photo.from_image(gray > 100).rgb.max() == 255


def test_the_callers_array_is_not_shared():
    rgb = np.asarray(picture()).copy()
    photo.from_image(rgb).rgb[:] = 0
    assert rgb.any()


def test_a_lazily_opened_truncated_image_is_a_photo_error():
    data = save(picture(640, 480), "JPEG")
    image = Image.open(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(PhotoError, match="cut short"):
        photo.from_image(image)


def test_a_photo_passes_through():
    decoded = photo.read(valid("PNG"))
    assert photo.from_image(decoded) is decoded


# Writing


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG"])
def test_what_is_written_carries_the_mark_and_the_picture(tmp_path, suffix):
    path = photo.write(np.asarray(picture()), tmp_path / f"out{suffix}", model="ethnicity-aware")
    assert photo.provenance(path) == {
        "digital_source_type": "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia",
        "model": "ethnicity-aware",
    }
    assert difference(photo.read(path).rgb, np.asarray(picture())) < (0.001 if suffix == ".png" else 2)
    assert os.listdir(tmp_path) == [path.name]  # nothing half-written is left


def test_the_mark_is_where_other_programs_look():
    png = Image.open(io.BytesIO(photo.encode(np.asarray(picture()), "PNG", model="m")))
    assert "compositeWithTrainedAlgorithmicMedia" in png.text["XML:com.adobe.xmp"]
    assert "srgb" in png.info
    jpeg = photo.encode(np.asarray(picture()), "JPEG", model="m")
    assert b"\xff\xe1" in jpeg[:30]
    assert b"http://ns.adobe.com/xap/1.0/\x00<?xpacket" in jpeg
    assert b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' in jpeg


def test_nothing_of_the_inputs_metadata_is_written():
    image = picture().copy()
    tags = Image.Exif()
    tags[0x010F] = "SECRET CAMERA"
    for format in ("PNG", "JPEG"):
        secret = save(image, format, exif=tags.tobytes(), icc_profile=_swapped_profile(), comment=b"SECRET")
        opened = Image.open(io.BytesIO(secret))
        for source in (photo.read(secret).rgb, opened.convert("RGB")):
            written = photo.encode(source, format, model="m")
            assert b"SECRET" not in written
            assert b"Exif" not in written
            assert Image.open(io.BytesIO(written)).info.get("icc_profile") is None


@given(st.text(max_size=300))
@settings(deadline=None)
def test_any_model_name_can_be_written(name):
    written = photo.encode(np.zeros((16, 16, 3), np.uint8), "JPEG", model=name)
    start, end = written.index(b"<x:xmpmeta"), written.index(b"</x:xmpmeta>") + 12
    ElementTree.fromstring(written[start:end])
    found = photo.provenance(written)
    assert found["digital_source_type"] == provenance.DIGITAL_SOURCE_TYPE
    kept = provenance._NOT_XML.sub("", name)[: provenance.MODEL_NAME_LENGTH]
    assert found["model"] == kept.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize(
    "xmp",
    [
        None,
        b"",
        b"\xff\xfe<",
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'>",
        "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x:xmpmeta>&a;</x:xmpmeta>",
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        "<a>" * 100_000,
    ],
)
def test_packets_that_say_nothing(xmp):
    assert provenance.parse(xmp) == {"digital_source_type": None, "model": None}


def test_the_mark_is_also_read_from_attributes():
    written = (
        provenance.packet("m")
        .replace(
            f"<Iptc4xmpExt:DigitalSourceType>{provenance.DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>",
            "",
        )
        .replace(
            'rdf:about=""', f'rdf:about="" Iptc4xmpExt:DigitalSourceType="{provenance.DIGITAL_SOURCE_TYPE}"'
        )
    )
    written = written.replace("Description rdf:about", "Description rdf:about", 1)
    assert provenance.parse(written)["model"] == "m"
    assert provenance.parse(written)["digital_source_type"] == provenance.DIGITAL_SOURCE_TYPE


def test_files_without_the_mark(tmp_path):
    for format in ("PNG", "JPEG", "GIF", "AVIF"):
        assert photo.provenance(valid(format)) == {"digital_source_type": None, "model": None}
    with pytest.raises(PhotoError):
        photo.provenance(b"no photo")


def test_the_mark_of_a_large_result_can_be_read(monkeypatch):
    monkeypatch.setattr(photo, "get_settings", lambda: Settings(max_file_mb=1e-5, max_megapixels=1e-5))
    assert photo.provenance(photo.encode(np.asarray(picture()), model="m"))["model"] == "m"


@pytest.mark.parametrize(
    ("pixels", "name", "words"),
    [
        (np.zeros((16, 16, 3), np.uint8), "out.gif", "ends in none"),
        (np.zeros((16, 16, 3), np.uint8), "out", "ends in none"),
        (np.zeros((16, 16), np.uint8), "out.png", "height, width, 3"),
        (np.zeros((16, 16, 3), np.float32), "out.png", "uint8"),
        (np.zeros((1, 70_000, 3), np.uint8), "out.jpg", "save it as PNG"),
        (np.zeros((16, 16, 3), np.uint8), "missing/out.png", "could not be written"),
        (np.zeros((16, 16, 3), np.uint8), "a" * 300 + ".png", "could not be written"),
    ],
)
def test_what_cannot_be_written(tmp_path, pixels, name, words):
    with pytest.raises(OptionError, match=words):
        photo.write(pixels, tmp_path / name, model="m")
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = photo.write(np.zeros((16, 16, 3), np.uint8), tmp_path / "out.png", model="old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OptionError, match="No space left"):
        photo.write(np.ones((16, 16, 3), np.uint8), path, model="new")
    assert photo.provenance(path)["model"] == "old"
    assert os.listdir(tmp_path) == ["out.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as POSIX has them")
def test_others_may_read_the_result_as_the_user_allows(tmp_path):
    umask = os.umask(0o022)
    try:
        path = photo.write(np.zeros((16, 16, 3), np.uint8), tmp_path / "out.png", model="m")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_real_photos(grace_hopper, shared_data):
    assert photo.read(grace_hopper).rgb.shape == (600, 512, 3)
    portraits = sorted(Path(shared_data, "synthetic").glob("*.jpg"))
    assert portraits
    for path in portraits[:3]:
        assert np.array_equal(photo.read(path).rgb, pixels_of(Image.open(path)))
