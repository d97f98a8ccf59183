"""Networks without numbers: how large one is, and a quick way to fill one with its weights.

On torch's meta device a tensor has a shape and no memory, so that a network of a hundred megabytes is built in
milliseconds, where drawing a VGG's first numbers takes two seconds.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from colorizer import networks


@dataclass(frozen=True)
class Outline:
    """A network's sizes."""

    parameters: int
    shapes: dict[str, tuple[int, ...]]
    """Of every tensor that its weights hold, by name."""


def outline(network: str, config: dict[str, Any]) -> Outline:
    """The sizes of a network, remembered.

    Args:
        network: registered name.
        config: its arguments, plain JSON.

    Raises:
        ModelError: there is no such network.
        TypeError, ValueError, RuntimeError, AttributeError, LookupError: it can't be built so; ours or timm's.
    """
    return _outline(network, json.dumps(config, sort_keys=True))


@lru_cache(maxsize=64)
def _outline(network: str, config: str) -> Outline:
    built = _build(network, json.loads(config))
    parameters = sum(parameter.numel() for parameter in built.parameters())
    return Outline(parameters, {key: tuple(value.shape) for key, value in built.state_dict().items()})


def filled(network: str, config: dict[str, Any], state: dict[str, Tensor]) -> nn.Module:
    """A network with its weights, on the CPU, in the types that it is built with.

    Args:
        network: registered name.
        config: its arguments.
        state: every tensor of its state_dict, of any type.

    Raises:
        RuntimeError: they don't fit.
    """
    built = _build(network, config)
    types = {key: value.dtype for key, value in built.state_dict().items()}
    state = {key: value.to(types.get(key, value.dtype)) for key, value in state.items()}
    built.load_state_dict(state, assign=True)
    if _is_hollow(built):  # it has tensors that its weights don't hold
        built = networks.build(network, **config)
        built.load_state_dict(state)
    return built


def _build(network: str, config: dict[str, Any]) -> nn.Module:
    """A hollow network; where numbers are needed to build it, one with its first ones."""
    try:
        with torch.device("meta"):
            return networks.build(network, **config)
    except RuntimeError:
        return networks.build(network, **config)


def _is_hollow(network: nn.Module) -> bool:
    """Whether any tensor still has no memory, registered or a plain attribute."""
    plain = (value for module in network.modules() for value in vars(module).values())
    tensors = (value for value in plain if isinstance(value, Tensor))
    return any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers(), *tensors))
