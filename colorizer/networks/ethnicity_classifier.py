"""The ethnicity classifier: a timm encoder on one gray face crop, and a linear layer to the six groups."""

import torch
from torch import Tensor, nn

from colorizer.groups import GROUPS
from colorizer.networks import register
from colorizer.networks.borrowed import timm_model

# What crops may be asked for, least and most; a file could ask for any, and each face is cut out several times.
SIZES = (16, 512)
CROP_SCALES = (0.25, 8.0)
# Temperatures that calibration may find; beyond them all estimates are equal, or all certain.
TEMPERATURES = (0.05, 20.0)


@register("ethnicity-classifier")
class EthnicityClassifier(nn.Module):
    """Gray face crop -> logits of the six groups.

    Args:
        encoder: name of a timm model.
        size: side of the square crops it was trained on, in pixels.
        crop_scale: side of the crop over the longer side of the face's box; read by whoever cuts the crops.
        pretrained: start the encoder from timm's weights (needs a network); False starts from scratch.
        temperature: what the estimates' logarithms are divided by to be calibrated, see `python -m train calibrate`;
            like `crop_scale` for others to read, since it holds for what is made of many crops.
        unsure_below: the calibrated probability that the likeliest group needs in order to be named.

    Raises:
        ValueError: `size`, `crop_scale`, `temperature` or `unsure_below` is out of range.
    """

    def __init__(
        self,
        encoder: str = "regnetx_008",
        size: int = 96,
        crop_scale: float = 1.6,
        pretrained: bool = False,
        temperature: float = 1.0,
        unsure_below: float = 0.0,
    ) -> None:
        super().__init__()
        if not (isinstance(size, int) and SIZES[0] <= size <= SIZES[1]):
            raise ValueError(f"size is a whole number from {SIZES[0]} to {SIZES[1]}, not {size!r}")
        _check("crop_scale", crop_scale, *CROP_SCALES)
        _check("temperature", temperature, *TEMPERATURES)
        _check("unsure_below", unsure_below, 0.0, 1.0)
        self.config = {
            "encoder": encoder,
            "size": size,
            "crop_scale": crop_scale,
            "temperature": temperature,
            "unsure_below": unsure_below,
        }
        self.encoder = timm_model(encoder, pretrained, in_chans=1, features_only=True)
        self.feature_width = self.encoder.feature_info.channels()[-1]
        self.head = nn.Linear(self.feature_width, len(GROUPS))

    def features(self, lightness: Tensor) -> Tensor:
        """(B, 1, s, s) L* in [0, 100] -> (B, C) pooled features."""
        return self.encoder((lightness - 50) / 25)[-1].mean((2, 3))

    def forward(self, lightness: Tensor) -> Tensor:
        """(B, 1, s, s) L* in [0, 100] -> (B, 6) logits, in the order of GROUPS."""
        return self.head(self.features(lightness))

    @torch.no_grad()
    def probabilities(self, lightness: Tensor) -> Tensor:
        """(B, 1, s, s) L* -> (B, 6), averaged over the crop and its mirror image, since a face has no side.

        As learned: not calibrated.
        """
        logits = self(torch.cat([lightness, lightness.flip(-1)]))  # (2B, 6)
        return logits.softmax(1).view(2, -1, len(GROUPS)).mean(0)


def _check(name: str, value: object, least: float, most: float) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and least <= value <= most):  # type: ignore[operator]
        raise ValueError(f"{name} is a number from {least:g} to {most:g}, not {value!r}")
