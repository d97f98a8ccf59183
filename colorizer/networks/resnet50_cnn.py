"""The decoder of `cnn` on a ResNet-50 encoder: the second model of the study on DigiFace, and its GAN's generator.

As a GAN it is the recipe `resnet50-gan`; the discriminator lives in train/, since only training needs it.
"""

import timm
from torch import Tensor, nn

from colorizer.networks import register
from colorizer.networks.cnn import AB_SCALE, Decoder
from colorizer.networks.parts import borrowed, fit

HALVINGS = 5


@register("resnet50-cnn")
class ResNet50CNN(nn.Module):
    """L -> ab at the same size.

    Args:
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
        pretrained: start the encoder from timm's ImageNet weights (needs a network); False starts from scratch.
    """

    def __init__(self, working_size: int = 128, pretrained: bool = False) -> None:
        super().__init__()
        self.config = {"working_size": working_size}
        options = {"in_chans": 1, "features_only": True, "out_indices": (4,)}
        self.encoder = borrowed(lambda: timm.create_model("resnet50", pretrained=pretrained, **options))
        self.feature_width = 2048
        self.decoder = Decoder(self.feature_width, HALVINGS)

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100] -> (B, 2, h, w) a* and b*. It is not told who is where: `groups` is ignored."""
        return self.predict(lightness, groups)[0]

    def predict(self, lightness: Tensor, groups: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As `forward`, and beside it the encoder's pooled features, (B, 2048), for tasks that learn from both."""
        (features,) = self.encoder((lightness - 50) / 25)  # (B, 2048, h/32, w/32)
        return fit(self.decoder(features, AB_SCALE), lightness), features.mean((2, 3))
