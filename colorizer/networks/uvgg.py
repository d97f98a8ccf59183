"""The U-Net of `unet` with a VGG-19 in parallel, joined at the bottleneck: the other model of that study of portraits.

Known of it: VGG-19 is frozen, sees the same picture, and meets the U-Net at the bottleneck. Ours: how. VGG-19's last
block of convolutions, before its fifth pooling, lies at a sixteenth of the size as the bottleneck does; the two are put
together and mixed by a 1x1 convolution to the bottleneck's width.
"""

import torch
from torch import Tensor, nn

from colorizer.networks import register
from colorizer.networks.borrowed import as_gray_rgb, trunk, vgg_features
from colorizer.networks.parts import centered
from colorizer.networks.unet import WIDTHS, Down, Up

VGG_WIDTH = 512


@register("uvgg")
class UVGG(nn.Module):
    """L -> ab at the same size.

    Args:
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
        pretrained: take VGG-19's ImageNet weights from torchvision (needs a network) and leave them as they are, as the
            study does; False starts from scratch and learns them with the rest.
    """

    def __init__(self, working_size: int = 128, pretrained: bool = False) -> None:
        super().__init__()
        self.config = {"working_size": working_size}
        without_last_pooling = vgg_features("vgg19", pretrained)[:-1]
        self.vgg = trunk(without_last_pooling, is_frozen=pretrained)
        self.down = Down()
        self.join = nn.Conv2d(WIDTHS[-1] + VGG_WIDTH, WIDTHS[-1], 1)
        self.up = Up()

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], sides multiples of 16 -> (B, 2, h, w) a* and b*. `groups` is ignored."""
        *seen, bottleneck = self.down(centered(lightness))  # (B, 512, h/16, w/16)
        beside = self.vgg(as_gray_rgb(lightness))  # (B, 512, h/16, w/16)
        return self.up([*seen, self.join(torch.cat([bottleneck, beside], 1))])
