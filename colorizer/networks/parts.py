"""What several networks of the literature share: layers, the trunks they borrow, and how a borrowed trunk is fed.

    features = borrowed(lambda: torchvision.models.vgg16(weights="DEFAULT").features)

B pictures of h x w pixels, sides multiples of 16.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import Conv2dNormActivation

from colorizer.errors import ModelError

# What a tanh at the end is multiplied with: the largest a* or b* that such a network can paint.
AB_RANGE = 110.0
# ImageNet's means and deviations of R, G and B in [0, 1], which trunks trained there expect to be taken off.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)

_Trunk = TypeVar("_Trunk", bound=nn.Module)


def borrowed(download: Callable[[], _Trunk]) -> _Trunk:
    """A trunk with the weights that its own library downloads, once, into that library's cache.

    Raises:
        ModelError: it can't be downloaded; says what to do instead.
    """
    try:
        return download()
    except (OSError, RuntimeError) as error:  # no network, a broken proxy, a damaged file (torch.hub's hash check)
        raise ModelError(
            "The pretrained encoder could not be downloaded; connect to the internet, or start it from scratch with "
            f"config.pretrained=false. ({type(error).__name__}: {error})"
        ) from error


class Frozen(nn.Module):
    """A trunk whose weights, and whose normalisation's statistics, stay as they were borrowed."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Frozen":
        """Stays in eval mode: a frozen trunk's batch normalisation must not drift with the batches."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, rgb: Tensor) -> Tensor:
        """The trunk's features, without a gradient."""
        with torch.no_grad():
            return self.trunk(rgb)


class Learned(nn.Module):
    """A trunk that learns with the rest; under the same names as a frozen one, so that their weights fit each other."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, rgb: Tensor) -> Tensor:
        """The trunk's features."""
        return self.trunk(rgb)


def trunk(network: nn.Module, is_frozen: bool) -> nn.Module:
    """A trunk as it is or frozen."""
    return Frozen(network) if is_frozen else Learned(network)


def as_gray_rgb(lightness: Tensor) -> Tensor:
    """(B, 1, h, w) L* in [0, 100] -> (B, 3, h, w) three equal channels, normalised as ImageNet's trunks expect.

    L* over 100 stands for the gray value, as in the studies that feed L* to such trunks.
    """
    mean, deviation = (
        torch.tensor(values, device=lightness.device, dtype=lightness.dtype)[:, None, None]
        for values in (_MEAN, _DEVIATION)
    )
    return (lightness / 100 - mean) / deviation


def convolution(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    return Conv2dNormActivation(channels, width, 3, stride)


def double(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, 2h, 2w), each value four times."""
    return F.interpolate(features, scale_factor=2, mode="nearest")


def fit(features: Tensor, like: Tensor) -> Tensor:
    """Bring features to the height and width of others, where halving an odd side has made them differ."""
    size = like.shape[-2:]
    return features if features.shape[-2:] == size else F.interpolate(features, size, mode="bilinear")
