"""A U-Net (Ronneberger et al. 2015) of double 3x3 convolutions, as in a study of portraits that sets it beside `uvgg`.

Known of it: the double convolutions, and how it was trained. Ours: widths of 64 to 512, batch normalisation and
bilinear upsampling, as in the implementation most used in PyTorch; padded, so that ab has the size that L came in.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorizer.networks import register
from colorizer.networks.parts import AB_SCALE, centered, convolution

WIDTHS = (64, 128, 256, 512, 512)
"""Channels on the way down; the last is the bottleneck, at a sixteenth of the size."""
UP_WIDTHS = (256, 128, 64, 64)
"""Channels on the way up, at an eighth of the size and so on to the full one."""


def double_convolution(channels: int, width: int, middle: int | None = None) -> nn.Sequential:
    """Twice 3x3 convolution, batch normalisation, ReLU; `middle` channels between them, or as many as at the end."""
    middle = width if middle is None else middle
    return nn.Sequential(convolution(channels, middle), convolution(middle, width))


class Down(nn.Module):
    """The way down: features at every size, each half the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            double_convolution(before, after) for before, after in itertools.pairwise((1, *WIDTHS))
        )

    def forward(self, gray: Tensor) -> list[Tensor]:
        """(B, 1, h, w) -> (B, 64, h, w) to (B, 512, h/16, w/16)."""
        features = [self.levels[0](gray)]
        for level in self.levels[1:]:
            features.append(level(F.max_pool2d(features[-1], 2)))
        return features


class Up(nn.Module):
    """The way up: at every size, what comes from below is joined with what was seen there on the way down."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        below = WIDTHS[-1]
        for seen, after in zip(reversed(WIDTHS[:-1]), UP_WIDTHS, strict=True):
            self.levels.append(double_convolution(seen + below, after, (seen + below) // 2))
            below = after
        self.head = nn.Conv2d(below, 2, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        """What `Down` gives -> (B, 2, h, w) float32 a* and b*."""
        *seen, y = features
        for level, at_level in zip(self.levels, reversed(seen), strict=True):
            height, width = at_level.shape[-2:]
            y = level(torch.cat([at_level, F.interpolate(y, (height, width), mode="bilinear")], 1))
        return self.head(y).float() * AB_SCALE


@register("unet")
class UNet(nn.Module):
    """L -> ab at the same size.

    Args:
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
    """

    def __init__(self, working_size: int = 128) -> None:
        super().__init__()
        self.config = {"working_size": working_size}
        self.down = Down()
        self.up = Up()

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], sides multiples of 16 -> (B, 2, h, w) a* and b*. `groups` is ignored."""
        return self.up(self.down(centered(lightness)))
