"""VGG-16's features and a decoder: the model of a study that trains it on people, animals, scenes and all of them.

The decoder is the one that goes with this idea in most tutorials: 256, 128, 64, 32, 16 channels, a doubling between
them, tanh at the end. Its last doubling is left to whoever puts ab under L.
"""

import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from colorizer.networks import register
from colorizer.networks.parts import AB_RANGE, as_gray_rgb, borrowed, double, trunk

DECODER = (512, 256, 128, 64, 32, 16)


@register("vgg16-autoencoder")
class VGG16Autoencoder(nn.Module):
    """L -> ab at half of the size.

    Args:
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
        pretrained: take VGG-16's ImageNet weights from torchvision (needs a network) and leave them as they are, as the
            study does; False starts from scratch and learns them with the rest.
    """

    def __init__(self, working_size: int = 224, pretrained: bool = False) -> None:
        super().__init__()
        self.config = {"working_size": working_size}
        weights = "IMAGENET1K_V1" if pretrained else None
        self.encoder = trunk(
            borrowed(lambda: torchvision.models.vgg16(weights=weights)).features, is_frozen=pretrained
        )
        self.decoder = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1)
            for before, after in zip(DECODER, DECODER[1:], strict=False)
        )
        self.head = nn.Conv2d(DECODER[-1], 2, 3, padding=1)

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100] -> (B, 2, h/2, w/2) a* and b*. `groups` is ignored: it isn't told who is where."""
        y = F.relu(self.decoder[0](self.encoder(as_gray_rgb(lightness))))  # (B, 256, h/32, w/32)
        for layer in self.decoder[1:]:
            y = double(F.relu(layer(y)))
        # Sides that are no multiples of 32 lost a row of cells in VGG's last pooling.
        half = (lightness.shape[-2] // 2, lightness.shape[-1] // 2)
        y = y if y.shape[-2:] == half else F.interpolate(y, half, mode="bilinear")
        return self.head(y).float().tanh() * AB_RANGE
