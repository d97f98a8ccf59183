"""An encoder that has just seen a photo needn't see it again to be told something else of it.

    remember(colorizer)          # from now on, painting one photo under eight conditions runs the encoder once

The same colours come out; only measuring gets quicker, which paints each photo many times.
"""

from collections import deque
from typing import Any

import torch
from torch import Tensor, nn

from colorizer.pipeline import Colorizer

KEPT = 4  # inputs whose features are held


class Remembering(nn.Module):
    """A network of one input that keeps its last answers; its weights must stay as they are."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.known: deque[tuple[Tensor, Any]] = deque(maxlen=KEPT)

    def forward(self, seen: Tensor) -> Any:
        """As `inner`."""
        for before, answer in self.known:
            if before.shape == seen.shape and torch.equal(before, seen):
                return answer
        answer = self.inner(seen)
        self.known.append((seen.clone(), answer))
        return answer


def remember(colorizer: Colorizer) -> None:
    """Let the encoder of a colorizer remember; nothing happens to a network without one, or a second time."""
    encoder = getattr(colorizer.network, "encoder", None)
    if colorizer.steerable and isinstance(encoder, nn.Module) and not isinstance(encoder, Remembering):
        colorizer.network.encoder = Remembering(encoder)
