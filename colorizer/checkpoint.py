"""Weights on disk: safetensors with the network's name and configuration inside, a model card beside.

network = checkpoint.load("ethnicity-aware").network
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from colorizer import networks
from colorizer.errors import ModelError

FOLDER = Path(__file__).parent / "weights"
DEFAULT = "ethnicity-aware"
HUB_FILE = "model.safetensors"
_KEY = "rangin"


@dataclass(frozen=True)
class Loaded:
    """A network ready to use, and what its file says of it."""

    name: str
    """Stem of the file: what the page and reports call this model."""
    network: nn.Module
    """In eval mode, float32, on the device asked for."""
    about: dict[str, Any]
    """{"network": registered name, "config": its arguments, "training": free notes for the model card}."""


def available() -> tuple[str, ...]:
    """Names of the weights that come with the package, sorted."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.safetensors")))


def about(name: str | os.PathLike[str]) -> dict[str, Any]:
    """What the weights `name` say of themselves, without building the network.

    Raises:
        ModelError: as `load`.
    """
    return _read_about(_locate(os.fspath(name)))


def load(name: str | os.PathLike[str] = "default", device: str | torch.device = "cpu") -> Loaded:
    """Load weights by name ("default", one of `available()`), path (*.safetensors) or hub name ("hf:user/name").

    Raises:
        ModelError: there are no such weights, they are damaged, or the hub can't be reached.
    """
    name = os.fspath(name)
    path = _locate(name)
    about = _read_about(path)
    _forbid_fetching(path, about["config"])
    try:
        network = networks.build(about["network"], **about["config"])
    except (TypeError, ValueError, RuntimeError, AttributeError, LookupError) as error:  # ours or timm's
        raise ModelError(f"The weights {path.name} ask for a network that can't be built: {error}") from error
    with safe_open(path, framework="pt") as file:
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  not a dict
    state = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"The weights {path.name} don't fit their network {about['network']!r}: {error}"
        ) from error
    return Loaded(name if name.startswith("hf:") else path.stem, network.eval().to(device), about)


def save(network: nn.Module, registered: str, path: Path, training: dict[str, Any] | None = None) -> None:
    """Write float16 weights with the network's name, its `config` and notes on its training inside."""
    half = {
        key: value.half() if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    half = {key: value.contiguous().cpu() for key, value in half.items()}
    about = {"network": registered, "config": network.config, "training": training or {}}
    save_file(half, path, metadata={_KEY: json.dumps(about)})


def _locate(name: str) -> Path:
    if name.startswith("hf:"):
        return _download(name.removeprefix("hf:"))
    if name.endswith(".safetensors"):
        path = Path(name)
    else:
        path = FOLDER / f"{DEFAULT if name == 'default' else name}.safetensors"
    if not path.is_file():
        raise ModelError(
            f"There is no model {name!r}; there are {', '.join(available()) or 'none yet'}, "
            "a path to a .safetensors file, or hf:user/name on the Hugging Face Hub."
        )
    return path


def _download(repository: str) -> Path:
    try:
        return Path(hf_hub_download(repository, HUB_FILE))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"The model hf:{repository} could not be fetched; check its name and that huggingface.co can be reached. "
            f"({type(error).__name__})"
        ) from error


def _forbid_fetching(path: Path, config: dict[str, Any]) -> None:
    """Refuse a configuration by which timm would download weights, or read another file ("hf-hub:", "local-dir:")."""
    if config.get("pretrained") or ":" in str(config.get("encoder")):
        raise ModelError(f"The weights {path.name} ask for files beyond their own, which is not allowed.")


def _read_about(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The weights {path.name} are damaged; get the file again. ({error})") from error
    if text is None:
        raise ModelError(
            f"{path.name} holds weights, but not of a Rangin model; `python -m train fit` writes those."
        )
    try:
        about = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelError(f"The weights {path.name} are damaged; get the file again. ({error})") from error
    known = (
        isinstance(about, dict)
        and isinstance(about.get("network"), str)
        and isinstance(about.get("config"), dict)
    )
    if not known:
        raise ModelError(f"The weights {path.name} don't say which network they are of; get the file again.")
    return about
