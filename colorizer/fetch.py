"""Weights that a model's own authors released, made into a file of ours in the models folder (setting RANGIN_MODELS).

python -m colorizer fetch zhang-eccv16

The release is a pickle. Its hash is checked, it is read by torch's reader that takes nothing but tensors, and it must
fit our network to the last number, before anything is written.
"""

import pickle
import tempfile
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor, nn

from colorizer import bins, checkpoint, networks
from colorizer.errors import ModelError, OptionError
from colorizer.networks.borrowed import impatient
from colorizer.networks.parts import AB_RANGE
from colorizer.provenance import write_whole
from colorizer.settings import get_settings
from colorizer.training_notes import AUTHORS

NAME = "zhang-eccv16"
URL = "https://colorizers.s3.us-east-2.amazonaws.com/colorization_release_v2-9b330a0b.pth"
"""As in the authors' code; the end of the name is the beginning of the file's SHA-256."""
# How far a bin's centre in the release may lie from ours, in a* and b*: rounding.
_ROUNDING = 0.01

CARD = f"""\
---
library_name: rangin
pipeline_tag: image-to-image
license: bsd-2-clause
tags: [rangin, {NAME}]
---
# {NAME}: {AUTHORS}, Zhang, Isola and Efros 2016

The weights of "Colorful Image Colorization" as its authors released them, in Rangin's format. They were trained on 1.3
million pictures of ImageNet, not on portraits, and are told nothing of who is in a photo. As in that release, ab is the
plain mean of the bins' distribution (T = 1), not the annealed one of the paper (T = 0.38).

From {URL}

Licence: BSD 2-Clause, whose text and copyright notice are at https://github.com/richzhang/colorization
"""


def fetch(name: str) -> Path:
    """Download a model's released weights and put them, with a card, into the models folder.

    Weights of that name that are there already are replaced.

    Args:
        name: "zhang-eccv16", the only one there is.

    Returns:
        Where they are now.

    Raises:
        OptionError: no authors' weights are known for this name, or the folder can't be written.
        ModelError: they can't be downloaded, or are not what was released.
    """
    if name != NAME:
        raise OptionError(
            f"Released weights are known of {NAME} only, not of {name!r}; `python -m colorizer models` says what makes "
            "the others."
        )
    folder = get_settings().models
    try:
        folder.mkdir(parents=True, exist_ok=True)  # first, since the download takes minutes
    except OSError as error:
        raise OptionError(
            f"The models folder {folder} can't be made ({error.strerror}); set RANGIN_MODELS to one that can be."
        ) from error
    with tempfile.TemporaryDirectory(prefix="rangin-") as scratch:
        network = _network(_download(Path(scratch) / "release.pth"))
        part = Path(scratch) / f"{NAME}{checkpoint.SUFFIX}"
        notes = {
            "start": AUTHORS,
            "budget": "by its authors, on 1.3 million pictures of ImageNet",
            "from": URL,
        }
        checkpoint.save(network, NAME, part, notes, half=_fits_half(network))
        # The card first, so that a model is never there without one.
        write_whole(folder / f"{NAME}.md", CARD.encode())
        return write_whole(folder / part.name, part.read_bytes())


def _download(place: Path) -> dict[str, Tensor]:
    """The release's tensors by name; nothing in it is executed."""
    expected = URL.rpartition("-")[2].partition(".")[0]
    try:
        with impatient():
            torch.hub.download_url_to_file(URL, str(place), hash_prefix=expected)
    except (OSError, HTTPException) as error:
        raise ModelError(
            f"The authors' weights could not be downloaded from {URL}; connect to the internet, or train your own with "
            f"`python -m train literature fit {NAME}`. ({type(error).__name__}: {error})"
        ) from error
    except RuntimeError as error:  # how torch.hub says that the hash differs
        raise ModelError(
            f"What came from {URL} is not what the authors released: its SHA-256 doesn't begin with {expected}. Try "
            "again, or from another network."
        ) from error
    try:
        state = torch.load(place, map_location="cpu", weights_only=True)
    except (
        RuntimeError,
        ValueError,
        LookupError,
        TypeError,
        EOFError,
        OSError,
        pickle.UnpicklingError,
    ) as error:
        raise _unlike(f"it can't be read as tensors ({type(error).__name__})") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _unlike("it holds something else than tensors by name")
    return state


def _network(state: dict[str, Tensor]) -> nn.Module:
    """Our network with the release's weights."""
    centers = state.pop("model_out.weight", torch.zeros(0))  # (2, 313, 1, 1), in units of 110
    if centers.shape != (2, bins.COUNT, 1, 1):
        raise _unlike("it has no centres of 313 bins")
    off = (AB_RANGE * centers[:, :, 0, 0].T.float() - bins.CENTERS).abs().max()
    if not off <= _ROUNDING:
        raise _unlike("its bins are not at the centres of ours")
    network = networks.build(NAME, working_size=256, temperature=1.0)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise _unlike("its layers are not those of our network") from error
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise _unlike("some of its numbers are none")
    return network


def _fits_half(network: nn.Module) -> bool:
    """Whether float16 reaches to all of its numbers; variances of normalisation layers can be beyond it."""
    return all(
        value.half().isfinite().all() for value in network.state_dict().values() if value.is_floating_point()
    )


def _unlike(why: str) -> ModelError:
    return ModelError(f"The file from {URL} is not of the model {NAME}: {why}. Nothing was written.")
