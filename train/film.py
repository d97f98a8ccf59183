"""What old film and old prints do to a photo's lightness: for the network's input only, never the truth.

    seen = aged(lab)                                # a random mix of all effects, another for each picture
    seen = damaged(lightness, seed=7)               # the same mix whenever it is asked for: for measuring

What handling and printing add is in `train.damage`. Shapes: B pictures, s their side. Lightness is L* in [0, 100].
"""

from collections.abc import Callable

import numpy as np
import torch
from kornia.filters import get_gaussian_kernel1d
from torch import Tensor

from train import damage

# Equal parts of green and blue and no red stand for orthochromatic plates in Luo et al., Time-Travel Rephotography,
# ACM TOG 40 (6), 2021; taken here of light, where colours add up, not of its coded values.
ORTHOCHROMATIC = (0.0, 0.5, 0.5)
# Spread of one grain, pixels: a scan's neighbouring pixels share grains.
GRAIN_SIZE = 0.6
# What an old picture has, each with this chance, in the order in which it befalls a picture: by film and lens, in the
# darkroom, at the printer's, over the years. One in a hundred comes out as it was.
CHANCES = {
    "orthochromatic": 0.5,
    "vignette": 0.35,
    "soften": 0.35,
    "grain": 0.6,
    "tone": 0.5,
    "halftone": 0.2,
    "fade": 0.7,
    "scratch": 0.55,
}
# The most of each, on an old picture.
VIGNETTE, GRAIN, TONE, FADING = 0.8, 6.0, 0.15, 0.5
_WHITE = (0.95047, 1.0, 1.08883)  # D65, as sRGB has it
_RGB_OF_XYZ = (  # linear sRGB, IEC 61966-2-1
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)


def orthochromatic(lab: Tensor) -> Tensor:
    """What film blind to red would have recorded: skin and lips darker, skies lighter; grays stay as they are.

    Args:
        lab: (B, 3, s, s) CIELAB, the true colours.

    Returns:
        (B, 1, s, s) L*.
    """
    middle = (lab[:, :1] + 16) / 116
    roots = torch.cat([middle + lab[:, 1:2] / 500, middle, middle - lab[:, 2:] / 200], 1)  # of X, Y, Z
    # All light as cubes, also below L* 8, where CIELAB has a straight line, and no limits in between: a third of the
    # time. Grays come back as they were; of sRGB's colours the worst is off by 2.4, the mean one by 0.01.
    weights = lab.new_tensor(ORTHOCHROMATIC) @ (lab.new_tensor(_RGB_OF_XYZ) * lab.new_tensor(_WHITE))
    light = weights @ roots.clamp_min_(0).pow_(3).flatten(2)  # (B, s * s)
    return (116 * light.clamp_(0, 1).view_as(middle) ** (1 / 3) - 16).clamp_min_(0)


def aged(lab: Tensor, seen: Tensor | None = None) -> Tensor:
    """Old pictures: each gets some of the effects, drawn by CHANCES, and some amount of each.

    Args:
        lab: (B, 3, s, s) CIELAB, the true colours, of which orthochromatic film saw other shades.
        seen: (B, 1, s, s) L* to start from; the truth's if left out.

    Returns:
        (B, 1, s, s) L* in [0, 100].
    """
    seen = lab[:, :1].clone() if seen is None else seen.clone()
    for effect, chance in CHANCES.items():
        rows = some(len(lab), chance, lab.device)
        if not len(rows):
            continue
        if effect == "orthochromatic":
            changed = orthochromatic(lab.index_select(0, rows))
        else:
            changed = _EFFECTS[effect](seen.index_select(0, rows))
        seen.index_copy_(0, rows, changed)
    return seen.clamp_(0, 100)


def some(count: int, share: float, device: torch.device) -> Tensor:
    """(n,) int64 row numbers below `count`, each there with chance `share`.

    Drawn on the CPU: how many there are is known without waiting for a device.
    """
    return (torch.rand(count) < share).nonzero()[:, 0].to(device, non_blocking=True)


def damaged(lightness: np.ndarray, seed: int, ab: np.ndarray | None = None) -> np.ndarray:
    """One picture with one fixed mix of the effects: the same for a seed in every run, other ones' draws untouched.

    To measure what old film costs: paint `damaged(lightness, i)` for photo i, and compare with its true colours.
    Pixels are meant to be the network's, so bring the picture to about 256 x 256 before.

    Args:
        lightness: (H, W) float32 L* in [0, 100].
        seed: decides which effects the picture gets, and how much of each.
        ab: (2, H, W) float32 the true a* and b*, if known. Without them orthochromatic film sees no difference.

    Returns:
        (H, W) float32 L* in [0, 100].
    """
    known = np.zeros((2, *lightness.shape), np.float32) if ab is None else ab
    lab = torch.from_numpy(np.concatenate([lightness[None], known]).astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return aged(lab[None])[0, 0].numpy()


def lightness_of(light: Tensor) -> Tensor:
    """CIELAB's L* of light relative to white; below (6/29)^3 a straight line."""
    root = 116 * light.clamp_min(1e-8) ** (1 / 3) - 16
    return torch.where(light > (6 / 29) ** 3, root, light * 24389 / 27)


def light_of(lightness: Tensor) -> Tensor:
    """Light relative to white, of L*."""
    cube = (lightness + 16).div_(116).pow_(3)
    return torch.where(lightness > 8, cube, lightness * (27 / 24389))


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


_EFFECTS: dict[str, Callable[[Tensor], Tensor]] = {
    "vignette": lambda seen: damage.vignette(seen, VIGNETTE),
    "soften": damage.soften,
    "grain": lambda seen: add_grain(seen, GRAIN),
    "tone": lambda seen: shift_tone(seen, TONE),
    "halftone": damage.halftone,
    "fade": lambda seen: fade(seen, FADING),
    "scratch": damage.scratch,
}
