"""A plain encoder-decoder from L to ab, the first of three models in a study of face colorization on DigiFace.

Known of it: convolutions with batch normalisation, dense layers before the output, L2. Ours: the widths, five sizes
between full and a sixteenth, and ReLU. A dense layer, as Keras has it, acts on the channels of each pixel: it is a 1x1
convolution here.
"""

import itertools

from torch import Tensor, nn

from colorizer.networks import register
from colorizer.networks.parts import AB_SCALE, centered, convolution, double

WIDTHS = (32, 64, 128, 256, 256)
"""Channels of the encoder; each but the first halves the size."""
DECODER = (128, 64, 32, 32, 32)
"""Channels of the decoder after each doubling; as many of them are used as there were halvings."""
DENSE = (32, 16)
"""Channels of the dense layers."""


class Decoder(nn.Module):
    """Features at 1/2^n of the size -> a* and b* at the full size: doublings, convolutions, then dense layers.

    Args:
        channels: of the features.
        doublings: n, at most 5.
    """

    def __init__(self, channels: int, doublings: int) -> None:
        super().__init__()
        widths = (channels, *DECODER[:doublings])
        self.levels = nn.ModuleList(
            convolution(before, after) for before, after in itertools.pairwise(widths)
        )
        dense: list[nn.Module] = []
        for before, after in itertools.pairwise((widths[-1], *DENSE)):
            dense += [nn.Conv2d(before, after, 1), nn.ReLU(inplace=True)]
        self.dense = nn.Sequential(*dense, nn.Conv2d(DENSE[-1], 2, 1))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 2, 2^n h, 2^n w) float32 a* and b*."""
        for level in self.levels:
            features = level(double(features))
        return self.dense(features).float() * AB_SCALE


@register("cnn")
class CNN(nn.Module):
    """L -> ab at the same size.

    Args:
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
    """

    def __init__(self, working_size: int = 128) -> None:
        super().__init__()
        self.config = {"working_size": working_size}
        self.encoder = nn.Sequential(
            convolution(1, WIDTHS[0]),
            *(convolution(before, after, stride=2) for before, after in itertools.pairwise(WIDTHS)),
        )
        self.decoder = Decoder(WIDTHS[-1], len(WIDTHS) - 1)

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], sides multiples of 16 -> (B, 2, h, w) a* and b*. `groups` is ignored."""
        return self.decoder(self.encoder(centered(lightness)))
