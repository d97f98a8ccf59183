"""VGG-16's features and a decoder: the model of a study that trains it on people, animals, scenes and all of them.

Known of it: VGG-16 is frozen, the loss is L2, and the four training sets. Ours: the decoder, which is the one that goes
with this idea in most tutorials: 256, 128, 64, 32 and 16 channels, doublings between them, tanh at the end. Their last
doubling is left to whoever puts ab under L.
"""

import itertools

from torch import Tensor, nn
from torch.nn import functional as F

from colorizer.networks import register
from colorizer.networks.borrowed import as_gray_rgb, trunk, vgg_features
from colorizer.networks.parts import AB_RANGE, double, fit

DECODER = (512, 256, 128, 64, 32, 16)
"""Channels of the features, then of the decoder's 3x3 convolutions before the last, which has 2."""
SMALLEST = 32
"""A shorter side, in pixels, has nothing left after VGG's five poolings."""


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
        self.encoder = trunk(vgg_features("vgg16", pretrained), is_frozen=pretrained)
        self.decoder = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise(DECODER)
        )
        self.head = nn.Conv2d(DECODER[-1], 2, 3, padding=1)

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], sides multiples of 16 -> (B, 2, h/2, w/2) a* and b*. `groups` is ignored."""
        height, width = lightness.shape[-2:]
        seen = fit(lightness, max(height, SMALLEST), max(width, SMALLEST))
        y = F.relu(self.decoder[0](self.encoder(as_gray_rgb(seen))))  # (B, 256, h/32, w/32), rounded down
        for layer in self.decoder[1:]:
            y = double(F.relu(layer(y)))
        y = fit(
            y, height // 2, width // 2
        )  # sides that are no multiples of 32 lost a row of cells in the last pooling
        return self.head(y).float().tanh() * AB_RANGE
