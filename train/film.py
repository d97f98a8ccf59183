"""What old film and old prints do to a photo's lightness: for the network's input only, never the truth.

Shapes: B pictures, s their side. Lightness is L* in [0, 100].
"""

import torch
from kornia.color import xyz_to_rgb
from kornia.filters import get_gaussian_kernel1d
from torch import Tensor

# Equal parts of green and blue and no red stand for orthochromatic plates in Luo et al., Time-Travel Rephotography,
# ACM TOG 40 (6), 2021; taken here of light, where colours add up, not of its coded values.
ORTHOCHROMATIC = (0.0, 0.5, 0.5)
# Spread of one grain, pixels: a scan's neighbouring pixels share grains.
GRAIN_SIZE = 0.6
_WHITE = (0.95047, 1.0, 1.08883)  # D65, as sRGB has it


def orthochromatic(lab: Tensor) -> Tensor:
    """What film blind to red would have recorded: skin and lips darker, skies lighter; grays stay as they are.

    Args:
        lab: (B, 3, s, s) CIELAB, the true colours.

    Returns:
        (B, 1, s, s) L*.
    """
    middle = (lab[:, :1] + 16) / 116
    roots = torch.cat([middle + lab[:, 1:2] / 500, middle, middle - lab[:, 2:] / 200], 1)  # of X, Y, Z
    linear = xyz_to_rgb(light_of(116 * roots - 16) * lab.new_tensor(_WHITE).view(3, 1, 1)).clamp(0, 1)
    weights = lab.new_tensor(ORTHOCHROMATIC).view(3, 1, 1)
    return lightness_of((linear * weights).sum(1, keepdim=True))


def lightness_of(light: Tensor) -> Tensor:
    """CIELAB's L* of light relative to white; below (6/29)^3 a straight line."""
    root = 116 * light.clamp_min(1e-8) ** (1 / 3) - 16
    return torch.where(light > (6 / 29) ** 3, root, light * 24389 / 27)


def light_of(lightness: Tensor) -> Tensor:
    """Light relative to white, of L*."""
    return torch.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness * 27 / 24389)


def shift_tone(lightness: Tensor, amount: float) -> Tensor:
    """Contrast, brightness and gamma each off by up to `amount`, per picture: another camera, another print.

    Args:
        lightness: (B, 1, s, s) L*.
        amount: largest relative change, in [0, 1).
    """
    contrast, brightness, gamma = 1 + amount * _signed(3, lightness)
    share = (lightness / 100).clamp(0, 1) ** gamma
    return 100 * ((share - 0.5) * contrast + 0.5 * brightness).clamp(0, 1)


def fade(lightness: Tensor, amount: float) -> Tensor:
    """Lift the blacks and lower the whites, as decades of light do to a print; together they cost up to `amount`.

    Args:
        lightness: (B, 1, s, s) L*.
        amount: largest share of the contrast that is lost, in [0, 1).
    """
    lost, blacks = torch.rand(2, len(lightness), 1, 1, 1, device=lightness.device)
    lost = amount * lost
    return lightness * (1 - lost) + 100 * lost * blacks


def add_grain(lightness: Tensor, amount: float) -> Tensor:
    """Film grain: neighbouring pixels share some of it, and middle tones show the most.

    Args:
        lightness: (B, 1, s, s) L*.
        amount: largest standard deviation at middle gray, units of L*; each picture gets its own up to that.
    """
    count, _, height, width = lightness.shape
    noise = torch.randn(count, 1, height + 2, width + 2, device=lightness.device)
    kernel = get_gaussian_kernel1d(3, GRAIN_SIZE)[0]
    edge, centre, _ = (kernel / kernel.norm()).tolist()
    noise = centre * noise[:, :, 1:-1] + edge * (noise[:, :, :-2] + noise[:, :, 2:])
    noise = centre * noise[..., 1:-1] + edge * (noise[..., :-2] + noise[..., 2:])  # its variance is still 1
    share = (lightness / 100).clamp(0, 1)
    strength = amount * torch.rand(len(lightness), 1, 1, 1, device=lightness.device)
    return (lightness + strength * 4 * share * (1 - share) * noise).clamp(0, 100)


def _signed(count: int, like: Tensor) -> Tensor:
    """(count, B, 1, 1, 1) uniform in [-1, 1], on the same device."""
    return 2 * torch.rand(count, len(like), 1, 1, 1, device=like.device) - 1
