"""Weights on disk: safetensors with the network's name and configuration inside, a model card beside.

network = checkpoint.load("ethnicity-aware").network

They lie in two folders: the package's own, and one that its user fills (the setting `models`), whose weights come first
where both have a name. Folders are looked through each time, so weights that are put there are known at once.
"""

import json
import logging
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as read_tensors
from safetensors.torch import save_file
from torch import nn

from colorizer import hollow, hub_weights, literature, pointer
from colorizer.errors import ModelError
from colorizer.settings import get_settings
from colorizer.training_notes import printable
from colorizer.working_size import working_size_of

FOLDER = Path(__file__).parent / "weights"
DEFAULT = "ethnicity-aware"
SUFFIX = ".safetensors"
# Words that stand for other models wherever a model is named.
RESERVED = ("default", "all")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_KEY = "rangin"
_LONGEST_REASON = 300


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
    """Names of the weights in both folders, sorted. Whether a file is sound shows when it is loaded, or `check`ed."""
    paths = (path for folder in folders() for path in files(folder))
    return tuple(sorted({path.stem for path in paths if is_name(path.stem) and path.is_file()}))


def folders() -> tuple[Path, Path]:
    """Where weights lie: the user's folder, which comes first and may be missing, and the package's."""
    return get_settings().models, FOLDER


def files(folder: Path) -> list[Path]:
    """All that calls itself safetensors in a folder, hidden files aside, sorted; nothing if it can't be read.

    Among them may be folders, links to nowhere, and files by whose names no model can be asked for.
    """
    try:
        return sorted(
            path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith(".")
        )
    except OSError:  # the folder need not exist
        return []


def is_name(name: str) -> bool:
    """Whether weights of this name can be asked for: letters, digits and . _ - without a word of another meaning."""
    return bool(_NAME.fullmatch(name)) and name not in RESERVED and not name.endswith(SUFFIX)


def find(name: str) -> Path:
    """Where the weights of a name lie: in the user's folder or else in the package.

    Raises:
        ModelError: there are none; says which there are, or what makes these.
    """
    return look_up(name)[0]


def look_up(name: str) -> tuple[Path, str]:
    """As `find`; and why a file of the user's is passed over for the package's of the same name, or "".

    That is one which can't be used: else a bad copy of the default model would stop the page. So it is with the name
    that was chosen for "default" (see `pointer`).
    """
    if name == "default":
        chosen, why = _chosen()
        if chosen is not None:
            return chosen, ""
        own_default, problem = look_up(DEFAULT)
        return own_default, " ".join(part for part in (why, problem) if part)
    own, ours = (_file(folder, name) for folder in folders())
    if own is not None and ours is not None:
        try:
            check(own)
        except ModelError as error:
            return ours, str(error)
    path = own or ours
    if path is None:
        model = literature.find(name)
        raise ModelError(
            f"The model {name!r} is not trained; `{model.how}` makes it."
            if model is not None
            else f"There is no model {name!r}; there are {', '.join(available()) or 'none yet'}, "
            f"a path to a {SUFFIX} file, or hf:user/name on the Hugging Face Hub."
        )
    return path, ""


def _chosen() -> tuple[Path | None, str]:
    """The weights that somebody has made the default, or why those can't be used; neither where nobody has."""
    name = pointer.read(folders()[0])
    if not name:
        return None, ""
    try:
        if not is_name(name):
            raise ModelError(f"{printable(name, 60)!r} is no model's name.")
        path, _ = look_up(name)
        working_size_of(name, check(path)[0]["config"])
    except ModelError as error:
        return None, f"{pointer.FILE} in the models folder names no default that can be used: {error}"
    return path, ""


def about(name: str | os.PathLike[str]) -> dict[str, Any]:
    """What the weights `name` say of themselves, without building the network.

    Raises:
        ModelError: as `load`.
    """
    return _read_about(_locate(os.fspath(name)))


def check(path: Path) -> tuple[dict[str, Any], hollow.Outline]:
    """What a file says of itself, and its network's sizes: everything but the numbers is as `load` wants it.

    Raises:
        ModelError: it could not be loaded.
    """
    about = _read_about(path)
    outline = _outline_of(path, about)
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    if shapes != outline.shapes:
        differing = sorted(key for key, _ in shapes.items() ^ outline.shapes.items())
        raise ModelError(
            f"The weights {path.name} don't fit their network {about['network']!r}: {differing[0]} and "
            f"{len(set(differing)) - 1} more differ; get the file again."
        )
    return about, outline


def load(name: str | os.PathLike[str] = "default", device: str | torch.device = "cpu") -> Loaded:
    """Load weights by name ("default", one of `available()`), path (*.safetensors) or hub name ("hf:user/name",
    or pinned: "hf:user/name@REVISION#SHA256", see `hub_weights`).

    Raises:
        ModelError: there are no such weights, they are damaged or not those pinned, or the hub can't be reached.
    """
    name = os.fspath(name)
    path = _locate(name)
    about, state = _read(path)
    _outline_of(path, about)
    try:
        network = hollow.filled(about["network"], about["config"], state)
    except RuntimeError as error:
        raise ModelError(
            f"The weights {path.name} don't fit their network {about['network']!r}: {_short(error)}"
        ) from error
    return Loaded(name if name.startswith("hf:") else path.stem, network.eval().to(device), about)


def save(
    network: nn.Module,
    registered: str,
    path: Path,
    training: dict[str, Any] | None = None,
    half: bool = True,
) -> None:
    """Write weights with the network's name, its `config` and notes on its training inside.

    As float16, or without `half`, where that doesn't reach to all numbers, as they are.
    """
    state = {
        key: value.half() if half and value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    state = {key: value.contiguous().cpu() for key, value in state.items()}
    about = {"network": registered, "config": network.config, "training": training or {}}
    save_file(state, path, metadata={_KEY: json.dumps(about)})


def _locate(name: str) -> Path:
    if name.startswith(hub_weights.PREFIX):
        return hub_weights.download(name)
    if name.endswith(SUFFIX) and os.path.isfile(name):
        return Path(name)
    path, problem = look_up(name)
    if problem:
        whose = "the package's " if path.parent == FOLDER else ""
        _warn_once(f"{problem} Until then {whose}{path.name} is used.")
    return path


def _file(folder: Path, name: str) -> Path | None:
    path = folder / f"{name}{SUFFIX}"
    return path if is_name(name) and os.path.isfile(path) else None


def _outline_of(path: Path, about: dict[str, Any]) -> hollow.Outline:
    _forbid_fetching(path, about["config"])
    try:
        return hollow.outline(about["network"], about["config"])
    except ModelError as error:
        raise ModelError(
            f"The weights {path.name} are of a network that isn't here. {_short(error)}"
        ) from error
    except (TypeError, ValueError, RuntimeError, AttributeError, LookupError) as error:  # ours or timm's
        raise ModelError(
            f"The weights {path.name} ask for a network that can't be built: {_short(error)}"
        ) from error


def _forbid_fetching(path: Path, config: dict[str, Any]) -> None:
    """Refuse a configuration by which timm would download weights, or read another file ("hf-hub:", "local-dir:")."""
    if config.get("pretrained") or ":" in str(config.get("encoder")):
        raise ModelError(f"The weights {path.name} ask for files beyond their own, which is not allowed.")


def _short(error: Exception) -> str:
    """What an error says, in one line of bounded length: it may repeat whatever stands in a file."""
    return printable(" ".join(str(error).split()), _LONGEST_REASON)


@lru_cache(maxsize=64)
def _warn_once(text: str) -> None:
    """To the log, where pages that are asked for again and again would fill it."""
    logging.getLogger(__name__).warning("%s", text)


def _unreadable(path: Path, error: Exception) -> ModelError:
    if isinstance(error, FileNotFoundError):
        return ModelError(f"The weights {path.name} have been taken away meanwhile; put the file back.")
    if isinstance(error, OSError):
        return ModelError(f"The weights {path.name} can't be read: {error.strerror or error}.")
    return ModelError(f"The weights {path.name} are damaged; get the file again. ({error})")


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """A whole file, of one moment: it may be replaced at any other. Mapped, its being overwritten ends the process."""
    try:
        content = path.read_bytes()
        state = read_tensors(content)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    header = json.loads(
        content[8 : 8 + int.from_bytes(content[:8], "little")]
    )  # sound, or it had not been read
    return _about(path, (header.get("__metadata__") or {}).get(_KEY)), state


def _read_about(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    return _about(path, text)


def _about(path: Path, text: str | None) -> dict[str, Any]:
    """What a file's metadata say; refused where they are none of ours."""
    if text is None:
        raise ModelError(
            f"{path.name} holds weights, but not of a Rangin model; `python -m train fit` writes those."
        )
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as error:  # no JSON, or a number or a depth beyond Python's limits
        raise ModelError(
            f"The weights {path.name} are damaged; get the file again. ({_short(error)})"
        ) from error
    known = (
        isinstance(about, dict)
        and isinstance(about.get("network"), str)
        and isinstance(about.get("config"), dict)
    )
    if not known:
        raise ModelError(f"The weights {path.name} don't say which network they are of; get the file again.")
    return about
