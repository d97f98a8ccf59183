"""The default colorizer: a timm encoder sees the gray photo, a light pyramid decoder paints ab at a quarter of it.

What is known beside the gray comes in as maps that shift and scale the decoder's features at every level, pixel by
pixel (FiLM, Perez et al. 2018, made spatial as in SPADE, Park et al. 2019): what group each person looks like, what
colour a person's skin is to have, the photo's light, and colours that somebody has pointed out. All-zero maps say
nothing, and the network then paints what is likely.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import Conv2dNormActivation

from colorizer import bins as ab_bins
from colorizer.groups import GROUPS
from colorizer.networks import register
from colorizer.networks.borrowed import timm_model
from colorizer.networks.parts import AB_SCALE, centered

WIDEST = 4096
"""Most channels of the decoder; a file could ask for any number."""
# Groups, and a*, b* and whether they are known, of skin, light and hints.
TOLD = len(GROUPS) + 3 * 3
INPUTS = 4
"""Planes that the encoder sees: gray, and the hints' three."""


class Told(NamedTuple):
    """What is known of B photos beside their gray; None says nothing. Colours are a*, b*, and 1 where they are known.

    Where a weight is between 0 and 1, a* and b* are multiplied with it.
    """

    groups: Tensor
    """(B, 6, h', w') weights with sums in [0, 1], as of `colorizer.conditioning`."""
    skin: Tensor | None = None
    """(B, 3, h', w') the colour that the skin of the person there has at L* 50 (see `colorizer.palette`)."""
    light: Tensor | None = None
    """(B, 3) the photo's mean a* and b*."""
    hints: Tensor | None = None
    """(B, 3, h', w') colours of single cells."""


class Painting(NamedTuple):
    """All that the network says of B photos of h x w."""

    ab: Tensor
    """(B, 2, h/4, w/4) float32 a* and b*."""
    features: Tensor
    """(B, C) the encoder's, pooled."""
    chances: Tensor
    """(B, 313, h/8, w/8) float32 unnormalised logits of the bins of `colorizer.bins`."""
    skin: Tensor
    """(B, 1, h/4, w/4) float32 logits of being the skin of somebody."""
    cells: Tensor
    """(B, width, h/4, w/4) the decoder's last features: what belongs together is alike in them."""


class Level(nn.Module):
    """One step of the pyramid: join the encoder's features, hear what is told, mix over 3x3."""

    def __init__(self, channels: int, width: int, hearing: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(channels, width, 1)
        last = nn.Conv2d(hearing, 2 * width, 1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)  # training starts from the network that is told nothing
        self.hear = nn.Sequential(nn.Conv2d(TOLD, hearing, 1), nn.ReLU(), last)
        self.mix = Conv2dNormActivation(width, width, 3)

    def forward(self, features: Tensor, above: Tensor, told: Tensor) -> Tensor:
        """(B, C, h, w), (B, width, h/2 or 1, ...), (B, TOLD, H, W) -> (B, width, h, w)."""
        h, w = features.shape[-2:]
        above = F.interpolate(above, (h, w), mode="bilinear") if above.shape[-2:] != (1, 1) else above
        scale, shift = self.hear(F.adaptive_avg_pool2d(told, (h, w))).chunk(2, dim=1)
        return self.mix((self.lateral(features) + above) * (1 + scale) + shift)


@register("ethnicity-aware")
class EthnicityAware(nn.Module):
    """L and what is told -> ab at a quarter of the size; beside it chances of colours, and where skin is.

    Args:
        encoder: name of a timm model that gives features at strides 4, 8, 16 and 32.
        width: channels of the decoder.
        hearing: channels between what is told and the shifts and scales that it causes.
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
        bins: paint by choosing among the bins of `colorizer.bins` instead of two numbers; the choices' annealed mean
            is what `forward` gives.
        pretrained: start the encoder from timm's weights (needs a network); False starts from scratch.

    Raises:
        ValueError: `width` or `hearing` is not from 1 to 4096.
    """

    def __init__(
        self,
        encoder: str = "regnetx_008",
        width: int = 96,
        hearing: int = 48,
        working_size: int = 160,
        bins: bool = False,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        for key, value in (("width", width), ("hearing", hearing)):
            if not (isinstance(value, int) and 1 <= value <= WIDEST):
                raise ValueError(f"{key} is a whole number from 1 to {WIDEST}, not {value!r}")
        self.config = {
            "encoder": encoder,
            "width": width,
            "hearing": hearing,
            "working_size": working_size,
            "bins": bins,
        }
        self.bins = bins
        # Gray, and the hints: only from the first layer on can a whole region follow a point.
        self.encoder = timm_model(encoder, pretrained, in_chans=INPUTS, features_only=True)
        info = self.encoder.feature_info
        self.used = [i for i, stride in enumerate(info.reduction()) if stride >= 4]
        channels = [info.channels()[i] for i in self.used]
        self.feature_width = channels[-1]
        self.overview = nn.Linear(channels[-1], width)  # the whole photo's mood: mostly its light
        self.levels = nn.ModuleList(Level(c, width, hearing) for c in channels)
        self.head = nn.Conv2d(width, ab_bins.COUNT if bins else 2, 1)
        self.chances = nn.Conv2d(width, ab_bins.COUNT, 1)
        self.skin = nn.Conv2d(width, 1, 1)

    def forward(self, lightness: Tensor, groups: Tensor) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], (B, 6, h', w') weights with sums in [0, 1] -> (B, 2, h/4, w/4) a* and b*.

        h and w are multiples of 16; the weights' grid may be coarser than the photo's, but not than h/4.
        """
        return self.paint(lightness, Told(groups)).ab

    def paint(self, lightness: Tensor, told: Told) -> Painting:
        """(B, 1, h, w) L* in [0, 100] and what is told of it -> what there is to say; sizes as for `forward`.

        One photo may be given for several tellings whose hints are the same: it is then seen once.
        """
        y, features, eighth, quarter = self._decode(lightness, told)
        ab = ab_bins.decode(y) if self.bins else y.float() * AB_SCALE
        return Painting(ab, features, self.chances(eighth).float(), self.skin(quarter).float(), quarter)

    def predict(self, lightness: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, and beside it the encoder's pooled features, (B, C), for tasks that learn from both."""
        y, features, *_ = self._decode(lightness, Told(groups))
        return (ab_bins.decode(y) if self.bins else y.float() * AB_SCALE), features

    def predict_logits(self, lightness: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """As `predict`, but the bins' (B, 313, h/4, w/4) unnormalised logits, float32, in place of ab.

        Raises:
            ValueError: this network was built without `bins`.
        """
        if not self.bins:
            raise ValueError("a network without `bins` has no logits")
        y, features, *_ = self._decode(lightness, Told(groups))
        return y.float(), features

    def _decode(self, lightness: Tensor, told: Told) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The head's output as it is, pooled features, and the decoder's at an eighth and at a quarter."""
        maps = as_maps(told)
        hints = F.interpolate(maps[: len(lightness), -3:], lightness.shape[-2:], mode="nearest")
        features = self.encoder(torch.cat([centered(lightness), hints], 1))
        features = [features[i].expand(len(maps), -1, -1, -1) for i in self.used]
        pooled = features[-1].mean((2, 3))
        y = self.overview(pooled)[:, :, None, None]  # (B, width, 1, 1)
        levels = []
        for level, at_level in zip(reversed(self.levels), reversed(features), strict=True):
            y = level(at_level, y, maps)
            levels.append(y)
        return self.head(y), pooled, levels[-2], y


def as_maps(told: Told) -> Tensor:
    """(B, TOLD, h', w') all that is told, colours in units of AB_SCALE."""
    groups = told.groups
    batch, _, h, w = groups.shape
    nothing = groups.new_zeros(batch, 3, h, w)
    unit = groups.new_tensor([1 / AB_SCALE, 1 / AB_SCALE, 1]).view(3, 1, 1)
    light = nothing if told.light is None else (told.light[:, :, None, None] * unit).expand(-1, -1, h, w)
    skin, hints = (nothing if colors is None else colors * unit for colors in (told.skin, told.hints))
    return torch.cat([groups, skin, light, hints], 1)
