"""The decoder of `cnn` on a ResNet-50 encoder (He et al. 2016): the second model of the study on DigiFace.

It is also the generator of the study's third model, a GAN: the recipe `resnet50-gan`, whose discriminator lives in
train/, since only training needs it. Ours: that the encoder learns with the rest, and that it has one input channel,
which timm makes of the three that it was trained with by adding their weights.
"""

from torch import Tensor, nn

from colorizer.networks import register
from colorizer.networks.borrowed import timm_model
from colorizer.networks.cnn import Decoder
from colorizer.networks.parts import centered, fit

HALVINGS = 5
FEATURES = 2048


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
        self.encoder = timm_model("resnet50", pretrained, in_chans=1, features_only=True, out_indices=(4,))
        self.feature_width = FEATURES
        self.decoder = Decoder(FEATURES, HALVINGS)

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], sides multiples of 16 -> (B, 2, h, w) a* and b*. `groups` is ignored."""
        return self.predict(lightness, groups)[0]

    def predict(self, lightness: Tensor, groups: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As `forward`, and beside it the encoder's pooled features, (B, 2048), for tasks that learn from both."""
        (features,) = self.encoder(centered(lightness))  # (B, 2048, h/32, w/32), rounded up
        height, width = lightness.shape[-2:]
        return fit(self.decoder(features), height, width), features.mean((2, 3))
