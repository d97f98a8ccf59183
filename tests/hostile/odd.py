"""Photos that look strange and are fine: these must come out, with a note where something was left out."""

import io

import numpy as np
from PIL import Image, ImageCms, MpoImagePlugin  # noqa: F401

from tests.hostile.build import exif, frames, insert_jpeg, picture, save, segment, valid
from tests.hostile.case import HostileFile, photo


def _deep(full: int, dtype: type = np.uint16) -> Image.Image:
    """A gray ramp from 0 to `full`."""
    ramp = np.linspace(0, full, 64 * 48).reshape(48, 64)
    return Image.fromarray(np.rint(ramp).astype(dtype) if dtype is not np.float32 else ramp.astype(dtype))


def _transparent(mode: str) -> Image.Image:
    rgba = picture().copy()
    rgba.putalpha(Image.linear_gradient("L").resize(rgba.size))
    return rgba.convert(mode)


def _palette_with_hole() -> bytes:
    palette = picture().convert("P")
    return save(palette, "PNG", transparency=palette.getpixel((32, 24)))


def _gif_with_hole() -> bytes:
    palette = picture().convert("P")
    return save(palette, "GIF", transparency=palette.getpixel((32, 24)))


def _without_adobe(data: bytes) -> bytes:
    """A CMYK JPEG without Adobe's marker: its ink is not inverted."""
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def _mpo() -> bytes:
    return save(picture(), "MPO", save_all=True, append_images=[picture().rotate(180)])


def _gray_profile_on_colour() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    return save(picture(), "PNG", icc_profile=profile)


def _jpeg_in_zip_tail() -> bytes:
    return valid("JPEG") + b"PK\x03\x04" + bytes(500)


def _restarts() -> bytes:
    buffer = io.BytesIO()
    picture(640, 480).save(buffer, "JPEG", restart_marker_blocks=1)
    return buffer.getvalue()


files: list[HostileFile] = [
    photo("jpeg-named-txt", ".txt", lambda: valid("JPEG")),
    photo("png-named-jpg", ".jpg", lambda: valid("PNG")),
    photo("heic-named-jpg", ".jpg", lambda: valid("HEIF")),
    photo("avif-no-suffix", "", lambda: valid("AVIF")),
    photo("name-with-spaces-और-ü", ".png", lambda: valid("PNG")),
    photo("gif-animated", ".gif", lambda: frames("GIF"), "animated"),
    photo("png-animated", ".png", lambda: frames("PNG"), "animated"),
    photo("webp-animated", ".webp", lambda: frames("WEBP"), "animated"),
    photo("avif-animated", ".avif", lambda: frames("AVIF"), "animated"),
    photo("tiff-pages", ".tif", lambda: frames("TIFF"), "several pages"),
    photo("mpo", ".jpg", _mpo),
    photo("jpeg-progressive", ".jpg", lambda: save(picture(), "JPEG", progressive=True)),
    photo("jpeg-restarts", ".jpg", _restarts),
    photo("jpeg-cmyk-adobe", ".jpg", lambda: save(picture().convert("CMYK"), "JPEG")),
    photo("jpeg-cmyk-plain", ".jpg", lambda: _without_adobe(save(picture().convert("CMYK"), "JPEG"))),
    photo("jpeg-with-tail", ".jpg", _jpeg_in_zip_tail),
    photo(
        "jpeg-fill-bytes",
        ".jpg",
        lambda: insert_jpeg(valid("JPEG"), b"\xff\xff\xff", segment(0xFE, b"hello")),
    ),
    photo("png-with-tail", ".png", lambda: valid("PNG") + b"<html>" * 99),
    photo("png-16-bit", ".png", lambda: save(_deep(65535), "PNG")),
    photo("png-12-in-16-bit", ".png", lambda: save(_deep(4095), "PNG"), "12 of its bits"),
    photo(
        "tiff-16-bit-big-endian",
        ".tif",
        lambda: save(Image.frombytes("I;16B", (64, 48), _deep(65535).tobytes()), "TIFF"),
    ),
    photo("tiff-32-bit", ".tif", lambda: save(_deep(2**31 - 1, np.int32), "TIFF"), "stretched"),
    photo("tiff-float", ".tif", lambda: save(_deep(1, np.float32), "TIFF")),
    photo("tiff-float-wild", ".tif", lambda: save(_deep(1e30, np.float32), "TIFF"), "stretched"),
    photo("tiff-lab", ".tif", lambda: save(ImageCms.applyTransform(picture(), _to_lab()), "TIFF")),
    photo("tiff-lzw", ".tif", lambda: save(picture(), "TIFF", compression="tiff_lzw")),
    photo("tiff-fax", ".tif", lambda: save(picture().convert("1"), "TIFF", compression="group4")),
    photo("png-1-bit", ".png", lambda: save(picture().convert("1"), "PNG")),
    photo("png-palette-hole", ".png", _palette_with_hole, "filled with white"),
    photo("png-gray-alpha", ".png", lambda: save(_transparent("LA"), "PNG"), "filled with white"),
    photo("webp-alpha", ".webp", lambda: save(_transparent("RGBA"), "WEBP"), "filled with white"),
    photo("gif-transparent", ".gif", _gif_with_hole, "filled with white"),
    photo("png-wrong-profile", ".png", _gray_profile_on_colour, "profile"),
    photo("exif-turned", ".jpg", lambda: save(picture(), "JPEG", exif=exif(6))),
    photo("exif-impossible-turn", ".jpg", lambda: save(picture(), "JPEG", exif=exif(77))),
]


def _to_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
