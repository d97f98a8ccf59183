"""One picture's bytes -> what is measured on it, and the copy that goes into the dataset."""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colorizer import lab, photo
from colorizer.errors import PhotoError
from colorizer.metrics import NEAR_GRAY, to_protocol
from train import twins

# Of a copy: 4:4:4, because chroma is what a colorizer learns; at 95 the error of ab is below one unit.
QUALITY = 95
THUMBNAIL = twins.COPY


@dataclass(frozen=True)
class Look:
    """What one picture is like. All chroma fields are of CIELAB at 256x256, as the near-gray limit is defined."""

    error: str = ""
    """Why it can't be read; all other fields are then empty."""
    width: int = 0
    height: int = 0
    size: int = 0
    """Bytes of the file."""
    bytes_hash: str = ""
    pixels_hash: str = ""
    chroma: float = 0.0
    """Mean chroma."""
    chroma_95: float = 0.0
    """95th percentile of chroma."""
    mean_a: float = 0.0
    mean_b: float = 0.0
    spread: float = 0.0
    """Mean distance of a pixel's ab from the picture's mean ab: near 0 for a print of one tint."""
    phash: int = 0
    """imagehash's perceptual hash, 64 bits."""
    phash_mirrored: int = 0
    thumbnail: bytes = b""
    """JPEG, THUMBNAIL on each side; the aspect ratio is not kept."""
    copy_hash: str = ""
    """Of the copy's bytes; "" where none was written."""
    copy_size: int = 0


def look(content: bytes | str, copy: Path, side: int, least: int, keeps_gray: bool) -> Look:
    """Decode a picture, measure it, and write its copy unless it will be dropped for what it is alone.

    Args:
        content: the file's bytes, or why there are none.
        copy: where the copy goes, complete or not at all.
        side: the copy's shorter side in pixels; the aspect ratio is kept.
        least: the shortest side a picture may have.
        keeps_gray: whether a near-gray picture is wanted.
    """
    if isinstance(content, str):
        return Look(error=content)
    try:
        rgb = photo.read(content).rgb
    except PhotoError as error:
        return Look(error=str(error), size=len(content))
    height, width = rgb.shape[:2]
    picture = Image.fromarray(rgb)
    protocol = to_protocol(rgb)
    in_lab = lab.rgb_to_lab(protocol)
    a, b = in_lab[..., 1].ravel(), in_lab[..., 2].ravel()  # in one piece each: four times as quick
    chroma = _length(a, b)
    mean_a, mean_b = float(a.mean(dtype=np.float64)), float(b.mean(dtype=np.float64))
    gray = twins.gray_copy(picture)
    copy_hash, copy_size = "", 0
    if min(width, height) >= least and (keeps_gray or float(chroma.mean()) >= NEAR_GRAY):
        is_protocol = width == height and side == len(protocol)
        encoded = _encode(Image.fromarray(protocol) if is_protocol else _resized(picture, side), QUALITY)
        _write(copy, encoded)
        copy_hash, copy_size = _hash(encoded), len(encoded)
    return Look(
        width=width,
        height=height,
        size=len(content),
        bytes_hash=_hash(content),
        pixels_hash=_hash(rgb.tobytes() + f"{width}x{height}".encode()),
        chroma=float(chroma.mean()),
        chroma_95=float(np.percentile(chroma, 95)),
        mean_a=mean_a,
        mean_b=mean_b,
        spread=float(_length(a - np.float32(mean_a), b - np.float32(mean_b)).mean()),
        phash=_bits(imagehash.phash(gray)),
        phash_mirrored=_bits(imagehash.phash(gray.transpose(Image.Transpose.FLIP_LEFT_RIGHT))),
        thumbnail=_encode(picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC), 90),
        copy_hash=copy_hash,
        copy_size=copy_size,
    )


def _resized(picture: Image.Image, side: int) -> Image.Image:
    scale = side / min(picture.size)
    size = (max(side, round(picture.width * scale)), max(side, round(picture.height * scale)))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BICUBIC)


def _length(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Like np.hypot, which takes ten times as long to guard against numbers that colours never have."""
    return np.sqrt(a * a + b * b)


def _encode(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _bits(found: imagehash.ImageHash) -> int:
    """64 bits as a signed number, which is what a database has room for."""
    return int(np.packbits(found.hash.ravel()).view(np.int64)[0])
