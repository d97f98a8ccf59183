"""The default colorizer: a timm encoder sees the gray photo, a light pyramid decoder paints ab at a quarter of it.

What each person looks like comes in as a weight map for every group and shifts and scales the decoder's features at
each level, pixel by pixel (FiLM, Perez et al. 2018, made spatial). All-zero weights are the neutral condition.
"""

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import Conv2dNormActivation

from colorizer import bins as ab_bins
from colorizer.groups import GROUPS
from colorizer.networks import register
from colorizer.networks.borrowed import timm_model
from colorizer.networks.parts import AB_SCALE

WIDEST = 4096
"""Most channels of the decoder; a file could ask for any number."""


class Level(nn.Module):
    """One step of the pyramid: join the encoder's features, hear the condition, mix over 3x3."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(channels, width, 1)
        self.condition = nn.Conv2d(len(GROUPS), 2 * width, 1, bias=False)
        nn.init.zeros_(self.condition.weight)  # training starts from the neutral network
        self.mix = Conv2dNormActivation(width, width, 3)

    def forward(self, features: Tensor, above: Tensor, groups: Tensor) -> Tensor:
        """(B, C, h, w), (B, width, h/2 or 1, ...), (B, 6, H, W) -> (B, width, h, w)."""
        h, w = features.shape[-2:]
        above = F.interpolate(above, (h, w), mode="bilinear") if above.shape[-2:] != (1, 1) else above
        scale, shift = self.condition(F.adaptive_avg_pool2d(groups, (h, w))).chunk(2, dim=1)
        return self.mix((self.lateral(features) + above) * (1 + scale) + shift)


@register("ethnicity-aware")
class EthnicityAware(nn.Module):
    """L and group weights -> ab at a quarter of the size.

    Args:
        encoder: name of a timm model that gives features at strides 4, 8, 16 and 32.
        width: channels of the decoder.
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
        bins: paint by choosing among the bins of `colorizer.bins` instead of two numbers; the choices' annealed mean
            is what `forward` gives.
        pretrained: start the encoder from timm's weights (needs a network); False starts from scratch.

    Raises:
        ValueError: `width` is not from 1 to 4096.
    """

    def __init__(
        self,
        encoder: str = "regnetx_008",
        width: int = 96,
        working_size: int = 160,
        bins: bool = False,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        if not (isinstance(width, int) and 1 <= width <= WIDEST):
            raise ValueError(f"width is a whole number from 1 to {WIDEST}, not {width!r}")
        self.config = {"encoder": encoder, "width": width, "working_size": working_size, "bins": bins}
        self.bins = bins
        self.encoder = timm_model(encoder, pretrained, in_chans=1, features_only=True)
        info = self.encoder.feature_info
        self.used = [i for i, stride in enumerate(info.reduction()) if stride >= 4]
        channels = [info.channels()[i] for i in self.used]
        self.feature_width = channels[-1]
        self.overview = nn.Linear(channels[-1], width)  # the whole photo's mood: mostly its light
        self.levels = nn.ModuleList(Level(c, width) for c in channels)
        self.head = nn.Conv2d(width, ab_bins.COUNT if bins else 2, 1)

    def forward(self, lightness: Tensor, groups: Tensor) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], (B, 6, h', w') weights with sums in [0, 1] -> (B, 2, h/4, w/4) a* and b*.

        h and w are multiples of 16; the weights' grid may be coarser than the photo's, but not than h/4.
        """
        return self.predict(lightness, groups)[0]

    def predict(self, lightness: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, and beside it the encoder's pooled features, (B, C), for tasks that learn from both."""
        y, pooled = self._decode(lightness, groups)
        return (ab_bins.decode(y) if self.bins else y.float() * AB_SCALE), pooled

    def predict_logits(self, lightness: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """As `predict`, but the bins' (B, 313, h/4, w/4) unnormalised logits, float32, in place of ab.

        Raises:
            ValueError: this network was built without `bins`.
        """
        if not self.bins:
            raise ValueError("a network without `bins` has no logits")
        y, pooled = self._decode(lightness, groups)
        return y.float(), pooled

    def _decode(self, lightness: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """The head's output as it is, and the pooled features."""
        features = self.encoder((lightness - 50) / 25)
        features = [features[i] for i in self.used]
        pooled = features[-1].mean((2, 3))
        y = self.overview(pooled)[:, :, None, None]  # (B, width, 1, 1)
        for level, at_level in zip(reversed(self.levels), reversed(features), strict=True):
            y = level(at_level, y, groups)
        return self.head(y), pooled
