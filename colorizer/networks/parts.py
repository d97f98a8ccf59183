"""Layers that several networks of the literature share. B pictures of h x w pixels."""

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import Conv2dNormActivation

# Puts a last layer's outputs, of order 1 at the start of training, on the scale of a* and b*.
AB_SCALE = 20.0
# What a tanh at the end is multiplied with: the largest a* or b* that such a network can paint.
AB_RANGE = 110.0


def centered(lightness: Tensor) -> Tensor:
    """L* in [0, 100] -> about mean 0 and deviation 1 over photos, as networks like their input."""
    return (lightness - 50) / 25


def convolution(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    return Conv2dNormActivation(channels, width, 3, stride)


def double(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, 2h, 2w), each value four times."""
    return F.interpolate(features, scale_factor=2, mode="nearest")


def fit(features: Tensor, height: int, width: int) -> Tensor:
    """Bring features to a height and width, where halving an odd side has made them differ from it."""
    if features.shape[-2:] == (height, width):
        return features
    return F.interpolate(features, (height, width), mode="bilinear")
