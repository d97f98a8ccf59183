"""What a user may choose: checked at the door, refused with a sentence that says what is allowed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch

from colorizer.errors import ModelError, OptionError
from colorizer.faces import Face
from colorizer.groups import VIVIDNESS_LIMIT, check_choice

# Of a wrong value an error repeats no more characters than these.
_SAID_AT_MOST = 40


def choose_device(name: str) -> torch.device:
    """The device "cpu", "cuda", or with "auto" the better of the two; ModelError where it can't be had."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise ModelError(f"There is no device {name!r}; choose auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("PyTorch finds no CUDA device here; choose the device auto or cpu.")
    return torch.device(name)


def choose(faces: Sequence[Face], ethnicity: str | Sequence[str]) -> tuple[Face, ...]:
    """The faces, each with what `ethnicity` (as for `Colorizer.paint`) chooses for it; OptionError if it can't be."""
    if isinstance(ethnicity, str) or not isinstance(ethnicity, Iterable):
        ethnicity = [check_choice(ethnicity)] * len(faces)
    choices = [check_choice(choice) for choice in ethnicity]
    if len(choices) != len(faces):
        found = {0: "no face", 1: "1 face"}.get(len(faces), f"{len(faces)} faces")
        raise OptionError(
            f"{found[0].upper()}{found[1:]} found in this photo, but {len(choices)} ethnicities given; "
            "give one for each face, left to right, or a single one for all."
        )
    return tuple(replace(face, chosen=choice) for face, choice in zip(faces, choices, strict=True))


def check_vividness(vividness: float) -> None:
    """OptionError unless it is a number from 0 to 2."""
    if not isinstance(vividness, int | float | np.number) or not 0 <= vividness <= VIVIDNESS_LIMIT:
        limit = f"{VIVIDNESS_LIMIT:g}"
        raise OptionError(
            f"Vividness {repr(vividness)[:_SAID_AT_MOST]} is not allowed; choose a number from 0 (gray) to {limit}."
        )
