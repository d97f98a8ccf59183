"""Whatever bytes come: a photo or a PhotoError, within seconds. Seeded, so that a failure can be repeated."""

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from colorizer import photo
from colorizer.errors import PhotoError
from colorizer.settings import Settings
from tests.hostile.build import exif, frames, picture, save, valid

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF")
TOTAL_BYTES = 6_000_000
# A mutated header may ask for up to the limit, and fifty megapixels take a second each: here a tenth of one will do.
SMALL = Settings(max_megapixels=0.1)
MAGIC = {
    "JPEG": b"\xff\xd8\xff\xe0", "PNG": b"\x89PNG\r\n\x1a\n", "GIF": b"GIF89a", "TIFF": b"II*\x00", "BMP": b"BM",
    "WEBP": b"RIFF\x00\x01\x00\x00WEBPVP8X", "HEIF": b"\x00\x00\x00\x18ftypheic", "AVIF": b"\x00\x00\x00\x18ftypavif",
}  # fmt: skip


def read(data: bytes) -> bool:
    """Whether it is a photo; anything but a photo or a PhotoError of one line ends the test."""
    try:
        decoded = photo.read(data, settings=SMALL)
    except PhotoError as error:
        says = str(error)
    else:
        says = ""
    if says:
        assert says.endswith(".")
        assert "\n" not in says
        assert len(says) < 300
        return False
    height, width, channels = decoded.rgb.shape
    assert channels == 3
    assert decoded.rgb.dtype == np.uint8
    assert min(height, width) >= 16
    assert height * width <= 100_000
    return True


def seeds() -> list[bytes]:
    """Valid files of every format, and of the kinds within a format that are read by other code."""
    small = picture(24, 20)
    gray16 = Image.fromarray(np.arange(480, dtype=np.uint16).reshape(20, 24) * 130)
    return [
        *map(valid, FORMATS),
        save(small, "JPEG", progressive=True, exif=exif(6)),
        save(small.convert("CMYK"), "JPEG"),
        save(small.convert("P"), "PNG", transparency=3),
        save(gray16, "PNG"),
        frames("PNG"),
        frames("GIF"),
        frames("WEBP"),
        save(small, "WEBP", lossless=True, exif=exif(3)),
        frames("TIFF"),
        *(
            save(small, "TIFF", compression=how)
            for how in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
        ),
        save(small.convert("1"), "TIFF", compression="group4"),
        save(gray16, "TIFF"),
        save(small.convert("P"), "BMP"),
    ]


def mutated(data: bytes, dice: random.Random) -> bytes:
    """The file with a few bytes changed, cut out, doubled, or its end lost."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        at = dice.randrange(len(changed))
        # Headers decide most, so every other change is near the start.
        at = at if dice.random() < 0.5 else min(at, dice.randrange(256))
        kind = dice.random()
        if kind < 0.55:
            changed[at] = dice.randrange(256)
        elif kind < 0.7:
            changed[at : at + 4] = dice.choice(
                (b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80")
            )
        elif kind < 0.8:
            del changed[at : at + dice.randrange(1, 64)]
        elif kind < 0.9:
            changed[at:at] = changed[at : at + dice.randrange(1, 64)]
        else:
            del changed[at:]
        if not changed:
            break
    return bytes(changed)


@pytest.mark.slow
def test_millions_of_mutated_bytes():
    dice = random.Random(20)
    files = seeds()
    photos = errors = fed = 0
    while fed < TOTAL_BYTES * 0.8:
        data = mutated(dice.choice(files), dice)
        fed += len(data)
        if read(data):
            photos += 1
        else:
            errors += 1
    assert photos > 50  # else the mutations only test the front door
    assert errors > 200


def test_random_bytes_behind_every_magic_number():
    dice = random.Random(21)
    fed = 0
    while fed < TOTAL_BYTES * 0.2:
        data = dice.choice([b"", *MAGIC.values()]) + dice.randbytes(
            dice.choice((0, 1, 3, 10, 100, 1000, 10_000, 60_000))
        )
        fed += len(data)
        assert not read(data)


@pytest.mark.parametrize("format", FORMATS)
def test_every_truncation(format):
    data = valid(format)
    for end in range(0, len(data), max(1, len(data) // 150)):
        read(data[:end])
    # A quarter is missing: that is no photo in any format.
    assert not read(data[: len(data) * 3 // 4])


@given(st.binary(max_size=300), st.sampled_from(sorted(MAGIC.values())))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_hypothesis_thinks_of(data, magic):
    read(data)
    read(magic + data)
