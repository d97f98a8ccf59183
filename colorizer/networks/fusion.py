"""An encoder-decoder told what a big network sees in the whole picture: fusion by a global descriptor.

The shape is that of Iizuka et al. 2016 and of Deep Koalarization (Baldassarre et al. 2017); a study of face
colorization compares three descriptors in it. Each is the pooled features of its network, from the whole picture
squeezed to that network's own size, tiled over the encoder's grid and mixed in by a 1x1 convolution.

- `fusion-vggface`: facenet-pytorch's InceptionResnetV1, trained on VGGFace2, 512 numbers. The study took the original
  VGGFace's 2,622 class scores; no maintained package carries that network, and this one has its role.
- `fusion-vgg19`: torchvision's VGG-19, 512 numbers.
- `fusion-inception-resnet`: timm's Inception-ResNet-v2, 1,536 numbers.

Known of it: the widths, the three strides of 2, the fusion to 256 and tanh. Ours: which convolutions have the strides,
that only two doublings are made (whoever puts ab under L makes the third), and pooled features, not class scores.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorizer.networks import register
from colorizer.networks.borrowed import (
    FaceEmbedding,
    as_gray_rgb,
    take_gray_rgb,
    timm_model,
    trunk,
    vgg_features,
)
from colorizer.networks.parts import AB_RANGE, double

ENCODER = ((64, 2), (128, 2), (256, 2), (512, 1), (256, 1))
"""Channels and stride of each 3x3 convolution."""
FUSED = 256
DECODER = (128, 64, 32, 16)
"""Channels of the decoder's 3x3 convolutions before the last, which has 2; a doubling after each of the first two."""
DOUBLED = 2
LARGEST = 512
"""Largest side at which a descriptor may see the picture; a file could ask for any."""


class Fusion(nn.Module):
    """L -> ab at half of the size.

    Args:
        descriptor: gray RGB, (B, 3, s, s) -> (B, width).
        width: numbers that describe a picture.
        descriptor_size: s, the side at which it sees the picture, in pixels.
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
        smallest: the least s of which the descriptor's strides leave something.

    Raises:
        ValueError: `descriptor_size` is not from `smallest` to 512.
    """

    def __init__(
        self, descriptor: nn.Module, width: int, descriptor_size: int, working_size: int, smallest: int
    ) -> None:
        super().__init__()
        if not (isinstance(descriptor_size, int) and smallest <= descriptor_size <= LARGEST):
            raise ValueError(
                f"descriptor_size is a whole number from {smallest} to {LARGEST}, not {descriptor_size!r}"
            )
        self.config = {"working_size": working_size, "descriptor_size": descriptor_size}
        self.descriptor_size = descriptor_size
        self.descriptor = descriptor
        layers: list[nn.Module] = []
        channels = 1
        for after, stride in ENCODER:
            layers += [nn.Conv2d(channels, after, 3, stride, padding=1), nn.ReLU(inplace=True)]
            channels = after
        self.encoder = nn.Sequential(*layers)
        self.fuse = nn.Conv2d(channels + width, FUSED, 1)
        self.decoder = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise((FUSED, *DECODER))
        )
        self.head = nn.Conv2d(DECODER[-1], 2, 3, padding=1)

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], sides multiples of 16 -> (B, 2, h/2, w/2) a* and b*. `groups` is ignored."""
        y = self.encoder(lightness / 50 - 1)  # (B, 256, h/8, w/8)
        about = self.describe(lightness)[:, :, None, None].expand(-1, -1, *y.shape[-2:])
        y = F.relu(self.fuse(torch.cat([y, about], 1)))
        for i, layer in enumerate(self.decoder):
            y = F.relu(layer(y))
            y = double(y) if i < DOUBLED else y
        return self.head(y).float().tanh() * AB_RANGE

    def describe(self, lightness: Tensor) -> Tensor:
        """(B, 1, h, w) L* -> (B, width): what the descriptor sees in the whole picture."""
        size = (self.descriptor_size, self.descriptor_size)
        return self.descriptor(as_gray_rgb(F.interpolate(lightness, size, mode="bilinear", antialias=True)))


@register("fusion-vggface")
class FusionVGGFace(Fusion):
    """Described by InceptionResnetV1, a network that tells faces apart.

    Args:
        working_size: as for `Fusion`.
        descriptor_size: as for `Fusion`; it was trained at 160.
        pretrained: take its VGGFace2 weights (needs a network) and leave them; False starts from scratch and learns.
    """

    def __init__(self, working_size: int = 224, descriptor_size: int = 160, pretrained: bool = False) -> None:
        descriptor = trunk(FaceEmbedding(pretrained), is_frozen=pretrained)
        super().__init__(descriptor, 512, descriptor_size, working_size, smallest=75)


@register("fusion-vgg19")
class FusionVGG19(Fusion):
    """Described by VGG-19, a network that tells 1,000 kinds of things apart.

    Args:
        working_size: as for `Fusion`.
        descriptor_size: as for `Fusion`; it was trained at 224.
        pretrained: take its ImageNet weights (needs a network) and leave them; False starts from scratch and learns.
    """

    def __init__(self, working_size: int = 224, descriptor_size: int = 224, pretrained: bool = False) -> None:
        pooled = nn.Sequential(vgg_features("vgg19", pretrained), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        super().__init__(trunk(pooled, is_frozen=pretrained), 512, descriptor_size, working_size, smallest=32)


@register("fusion-inception-resnet")
class FusionInceptionResNet(Fusion):
    """Described by Inception-ResNet-v2, as in Deep Koalarization.

    Args:
        working_size: as for `Fusion`.
        descriptor_size: as for `Fusion`; it was trained at 299.
        pretrained: take its ImageNet weights (needs a network) and leave them; False starts from scratch and learns.
    """

    def __init__(self, working_size: int = 224, descriptor_size: int = 299, pretrained: bool = False) -> None:
        network = timm_model("inception_resnet_v2", pretrained, num_classes=0)
        if pretrained:
            take_gray_rgb(network.conv2d_1a, scale=2, offset=-1)
        super().__init__(
            trunk(network, is_frozen=pretrained), 1536, descriptor_size, working_size, smallest=75
        )
