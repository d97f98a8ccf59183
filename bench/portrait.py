"""The way of one portrait, warm: all of it, then stage by stage, each beside the plain way of doing the same."""

import io

import numpy as np
import torch
from facenet_pytorch import MTCNN
from PIL import Image
from skimage import color, data
from torch.nn import functional as F

from bench.measure import Measurement, in_turns
from colorizer import lab, photo
from colorizer.networks.ethnicity_aware import INPUTS
from colorizer.pipeline import Colorizer
from colorizer.working_size import working_grid

SIDE = 1024
THREADS = 2
WHOLE_LIMIT = 1500  # ms


def portrait_file() -> bytes:
    """A JPEG of 1024x1024 with one face: scikit-image's astronaut (public domain), resized."""
    file = io.BytesIO()
    picture = Image.fromarray(data.astronaut()).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    picture.save(file, "JPEG", quality=92)
    return file.getvalue()


def measure(repeats: int) -> list[Measurement]:
    """Whole way first, then its stages in order; `repeats` readings of each."""
    torch.set_num_threads(THREADS)
    file = portrait_file()
    colorizer = Colorizer.load("default", device="cpu")
    rgb = photo.read(file).rgb
    lightness = lab.lightness(rgb)

    def whole() -> None:
        result = colorizer.colorize(file)
        photo.encode(np.asarray(result.image), "PNG", model=result.model)

    def plain_whole() -> None:
        plain = _decode(file)
        ab = colorizer.predict(color.rgb2lab(plain)[..., 0].astype(np.float32), ())
        _encode(_plain_merge(plain, ab))

    faces = colorizer.detector.detect(lightness)
    if len(faces) != 1:
        raise RuntimeError(f"The benchmark is of a portrait with one face, and {len(faces)} were found.")
    ab = colorizer.predict(lightness, faces)  # (2, h/4, w/4)
    merged = lab.merge(lightness, ab)
    return [
        in_turns(
            "whole way, file to file",
            whole,
            "the same network without faces; scikit-image's Lab, bilinear upsampling",
            plain_whole,
            repeats=repeats,
            limit=WHOLE_LIMIT,
        ),
        in_turns(
            "decode",
            lambda: photo.read(file),
            "Pillow without checks",
            lambda: _decode(file),
            repeats=repeats,
        ),
        in_turns(
            "lightness",
            lambda: lab.lightness(rgb),
            "scikit-image rgb2lab",
            lambda: color.rgb2lab(rgb),
            repeats=repeats,
        ),
        _faces(colorizer, rgb, lightness, repeats),
        in_turns(
            "ethnicity",
            lambda: colorizer.classifier.classify(lightness, faces),
            "the colorizer's network on the same photo",
            lambda: colorizer.predict(lightness, faces),
            repeats=repeats,
        ),
        in_turns(
            "network",
            lambda: colorizer.predict(lightness, faces),
            "its encoder alone",
            lambda: _encoder_alone(colorizer, lightness),
            repeats=repeats,
        ),
        in_turns(
            "merge along the edges of L",
            lambda: lab.merge(lightness, ab),
            "bilinear upsampling, scikit-image lab2rgb, clipped",
            lambda: _plain_merge(rgb, ab),
            repeats=repeats,
        ),
        in_turns(
            "encode as PNG",
            lambda: photo.encode(merged, "PNG", model="bench"),
            "Pillow's default PNG",
            lambda: _encode(merged),
            repeats=repeats,
        ),
    ]


def _faces(colorizer: Colorizer, rgb: np.ndarray, lightness: np.ndarray, repeats: int) -> Measurement:
    plain = MTCNN(keep_all=True, device="cpu")
    return in_turns(
        "find faces",
        lambda: colorizer.detector.detect(lightness),
        "MTCNN as it comes: colour, faces from 20 px",
        lambda: plain.detect(rgb, landmarks=True),
        repeats=repeats,
    )


@torch.inference_mode()
def _encoder_alone(colorizer: Colorizer, lightness: np.ndarray) -> object:
    """The features that the decoder would get, from the same pixels."""
    height, width = lightness.shape
    grid = working_grid(height, width, colorizer.working_size)
    pixels = torch.from_numpy(lab.resize_lightness(lightness, *grid))[None, None]  # (1, 1, h, w)
    planes = torch.cat([(pixels - 50) / 25, pixels.new_zeros(1, INPUTS - 1, *pixels.shape[-2:])], 1)
    return colorizer.network.get_submodule("encoder")(planes)  # gray, and no hints


def _decode(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def _encode(rgb: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()


def _plain_merge(rgb: np.ndarray, ab: np.ndarray) -> np.ndarray:
    pixels = color.rgb2lab(rgb)
    full = F.interpolate(torch.from_numpy(ab)[None], rgb.shape[:2], mode="bilinear")[0]
    pixels[..., 1:] = full.permute(1, 2, 0).numpy()
    return (255 * color.lab2rgb(pixels)).round().astype(np.uint8)
