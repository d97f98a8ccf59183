"""The networks, one architecture a file, each a plain nn.Module registered under one name.

from colorizer import networks
network = networks.build("ethnicity-aware", encoder="convnext_atto")
"""

import difflib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from colorizer.errors import ModelError

_BUILDERS: dict[str, type[nn.Module]] = {}
_Network = TypeVar("_Network", bound=type[nn.Module])


def register(name: str) -> Callable[[_Network], _Network]:
    """Class decorator: make a network known under `name`, the name that weights and recipes use."""

    def add(network: _Network) -> _Network:
        _BUILDERS[name] = network
        return network

    return add


def names() -> tuple[str, ...]:
    """The registered names, sorted."""
    return tuple(sorted(_BUILDERS))


def arguments(name: str) -> dict[str, type]:
    """The keyword arguments that `build` takes for the network `name`, in their order, and each one's type."""
    return {
        key: argument.annotation for key, argument in inspect.signature(_BUILDERS[name]).parameters.items()
    }


def build(name: str, **config: Any) -> nn.Module:
    """Build the network `name` with its own keyword arguments, on the CPU, freshly initialised.

    Raises:
        ModelError: no network has that name.
    """
    if name not in _BUILDERS:
        near = difflib.get_close_matches(name, _BUILDERS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ModelError(f"There is no network {name!r}; there are {', '.join(names())}.{hint}")
    return _BUILDERS[name](**config)


from colorizer.networks import (  # noqa: E402, F401  they register themselves
    cnn,
    ethnicity_aware,
    ethnicity_classifier,
    fusion,
    resnet50_cnn,
    unet,
    uvgg,
    vgg16_autoencoder,
    zhang_eccv16,
)
