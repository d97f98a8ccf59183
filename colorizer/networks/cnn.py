"""A plain encoder-decoder from L to ab, as in a study of face colorization on DigiFace: one of its three models.

What is known of it: convolutions with batch normalisation, dense layers before the output, L2. Its widths are not; these
are ours. "Dense" is a Keras layer, which acts on each pixel's channels: a 1x1 convolution here.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from colorizer.networks import register
from colorizer.networks.parts import convolution, double

WIDTHS = (32, 64, 128, 256, 256)
"""Channels of the encoder; each but the first halves the size."""
DECODER = (128, 64, 32, 32, 32)
"""Channels of the decoder after each doubling; as many of them as there were halvings."""
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
            convolution(before, after) for before, after in zip(widths, widths[1:], strict=False)
        )
        self.dense = nn.Sequential(*_dense((widths[-1], *DENSE)), nn.Conv2d(DENSE[-1], 2, 1))

    def forward(self, features: Tensor, scale: float) -> Tensor:
        """(B, C, h, w) -> (B, 2, 2^n h, 2^n w), outputs of order 1 times `scale`."""
        for level in self.levels:
            features = level(double(features))
        return self.dense(features).float() * scale


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
            *(
                convolution(before, after, stride=2)
                for before, after in zip(WIDTHS, WIDTHS[1:], strict=False)
            ),
        )
        self.decoder = Decoder(WIDTHS[-1], len(WIDTHS) - 1)

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100] -> (B, 2, h, w) a* and b*. It is not told who is where: `groups` is ignored."""
        return self.decoder(self.encoder((lightness - 50) / 25), AB_SCALE)


# Puts the last layer's outputs, of order 1 at the start of training, on the scale of a* and b*.
AB_SCALE = 20.0


def _dense(widths: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(before, after, 1), nn.ReLU(inplace=True)]
    return layers
