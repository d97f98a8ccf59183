"""Perceptual loss: how far apart two colourings are for a network that has learnt to see.

loss = PerceptualLoss("squeezenet1_1_features.safetensors")
loss(predicted, lightness, ab)

After Johnson, Alahi and Fei-Fei 2016, with the channel-wise normalisation of LPIPS (Zhang et al. 2018), so that no one
layer rules.
"""

from itertools import islice
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
import torchvision
from kornia.color import lab_to_rgb
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from colorizer.errors import ModelError
from train.tasks.losses import shrink

# Layers of torchvision's trunks after which features are compared: as in LPIPS, the last of each resolution at least.
_SQUEEZENET_TAPS = (1, 4, 7, 9, 10, 11, 12)
_VGG_TAPS = (3, 8, 15, 22, 29)
# What torchvision's trunks were trained on (ImageNet), RGB in [0, 1].
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class PerceptualLoss:
    """A frozen trunk, on the device of what it is given.

    No module, so that a task which holds it neither saves nor averages nor trains it.

    Args:
        path: safetensors of torchvision's squeezenet1_1, of which `features.*` is used; None takes VGG-16, downloaded
            once by torchvision (528 MB).

    Raises:
        ModelError: the file is missing or holds something else, or VGG-16 can't be downloaded.
    """

    def __init__(self, path: Path | None) -> None:
        self.trunk: nn.Sequential
        self.taps: tuple[int, ...]
        self.trunk, self.taps = (_vgg(), _VGG_TAPS) if path is None else (_squeezenet(path), _SQUEEZENET_TAPS)
        self.trunk.eval().requires_grad_(False)
        self._mean, self._std = (torch.tensor(values).view(3, 1, 1) for values in (_MEAN, _STD))

    def __call__(self, predicted: Tensor, lightness: Tensor, ab: Tensor) -> Tensor:
        """Mean squared difference of the normalised features, averaged over the layers.

        Args:
            predicted: (B, 2, h, w) a* and b*.
            lightness: (B, 1, s, s) L* in [0, 100].
            ab: (B, 2, s, s) the truth, which is compared at h x w too, both enlarged to s x s.

        Returns:
            () in [0, 4]; 0 for equal colours.
        """
        if self._mean.device != lightness.device:
            self.trunk.to(lightness.device)
            self._mean, self._std = self._mean.to(lightness.device), self._std.to(lightness.device)
        with torch.autocast(lightness.device.type, enabled=False):
            with torch.no_grad():
                wanted = self._features(shrink(ab, predicted), lightness)
            got = self._features(predicted.float(), lightness)
            # Sum over channels, mean over pictures and places: of order 1 whatever the number of channels.
            differences = [(g - w).square().sum(1).mean() for g, w in zip(got, wanted, strict=True)]
        return torch.stack(differences).mean()

    def __deepcopy__(self, memo: dict[int, Any]) -> "PerceptualLoss":
        return self  # it never changes, and averaged weights are a copy of the whole task

    def _features(self, ab: Tensor, lightness: Tensor) -> list[Tensor]:
        """(B, 2, h, w), (B, 1, s, s) -> (B, C, ...) of each tapped layer, C-vectors of length 1."""
        full = F.interpolate(ab, lightness.shape[-2:], mode="bilinear")
        x = (lab_to_rgb(torch.cat([lightness.float(), full], 1), clip=True) - self._mean) / self._std
        tapped = []
        for i, layer in enumerate(islice(self.trunk.children(), self.taps[-1] + 1)):
            x = layer(x)
            if i in self.taps:
                tapped.append(F.normalize(x, dim=1, eps=1e-6))
        return tapped


def _squeezenet(path: Path) -> nn.Sequential:
    network = torchvision.models.squeezenet1_1()
    try:
        state = {key: value.float() for key, value in load_file(path).items()}
        prefix = "features."
        network.features.load_state_dict(
            {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        )
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].rstrip(":.")
        raise ModelError(
            f"{path} can't be used as the trunk of the perceptual loss ({reason}); `loss.perceptual_trunk` must name "
            "the weights of torchvision's squeezenet1_1 (`features.*`) as safetensors, or be null for VGG-16."
        ) from error
    trunk: nn.Sequential = network.features
    return trunk


def _vgg() -> nn.Sequential:
    try:
        trunk: nn.Sequential = torchvision.models.vgg16(weights="IMAGENET1K_V1").features
    except (URLError, OSError, RuntimeError) as error:
        raise ModelError(
            f"VGG-16's weights for the perceptual loss can't be downloaded ({error}); set `loss.perceptual_trunk` to "
            "SqueezeNet 1.1's as safetensors, or `loss.perceptual` to 0."
        ) from error
    return trunk
