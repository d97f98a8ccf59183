"""The judge of adversarial training: is this colouring of this gray photo a real one? Needed in training only."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from train.tasks.losses import AB_UNIT


class Discriminator(nn.Module):
    """A small CNN over L, a and b that judges patch by patch (Isola et al. 2017), with spectral normalisation.

    It looks at the size that networks paint, since there is no chroma in finer detail. Each patch is about a quarter of
    the picture's side; spectral normalisation (Miyato et al. 2018) bounds its slope, so that its verdicts stay of use
    to a generator that is still bad.

    Args:
        width: channels after the first of three convolutions, each of which halves the size and doubles the channels.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        channels = (3, width, 2 * width, 4 * width)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(channels[-1], 1, 3, 1, 1)))

    def forward(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], (B, 2, h, w) a* and b*, sides of at least 8 -> (B, 1, h/8, w/8) float32 logits.

        Positive is real.
        """
        return self.layers(torch.cat([lightness / 50 - 1, ab / AB_UNIT], 1)).float()
