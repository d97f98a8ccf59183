"""What is made smaller. Every loss takes what a network gives in any precision, and is calculated in float32.

Shapes: B pictures, s side of a batch's pictures, h x w size of what the network paints (a quarter of s, as a rule).
"""

import torch
from kornia.color import lab_to_rgb
from torch import Tensor
from torch.nn import functional as F

from colorizer import bins
from train.data import UNKNOWN

# Added to a picture's squared error before the logarithm, in 8-bit RGB units squared: below it (about 35 dB, where
# nobody sees a difference) there is nothing more to win.
VISIBLE = 20.0
# L1, L2 and smooth L1 count a* and b* in these units, about the chroma of skin: gray then has a loss of order 1.
AB_UNIT = 20.0
# Smooth L1 turns from square to straight here, in units of a* and b*: a difference just about seen.
NOTICEABLE = 2.0


def color_loss(kind: str, predicted: Tensor, lightness: Tensor, ab: Tensor) -> Tensor:
    """The error of ab by a recipe's `loss.kind`.

    Args:
        kind: "picture-psnr", or "l1", "l2", "smooth-l1" of a* and b* in units of 20.
        predicted: (B, 2, h, w) a* and b*.
        lightness: (B, 1, s, s) L* in [0, 100].
        ab: (B, 2, s, s) the truth.
    """
    if kind == "picture-psnr":
        return picture_psnr_loss(predicted, lightness, ab)
    off = (predicted.float() - shrink(ab, predicted)) / AB_UNIT
    if kind == "l1":
        return off.abs().mean()
    if kind == "l2":
        return off.square().mean()
    # With a slope of 1 far out, as L1 has.
    return F.smooth_l1_loss(off, torch.zeros_like(off), beta=NOTICEABLE / AB_UNIT)


def picture_psnr_loss(predicted: Tensor, lightness: Tensor, ab: Tensor) -> Tensor:
    """The measured quantity itself, up to constants: each picture's PSNR, averaged; plus a pull inside the gamut.

    A plain mean of squared errors is ruled by the few pictures with extreme light, and those are not the ones a
    model can get right. Shapes as in `color_loss`.
    """
    truth, dark = shrink(ab, predicted), shrink(lightness, predicted)
    by_picture = torch.log(rgb_error(dark, predicted, truth, clip=False) + VISIBLE).mean()
    return by_picture + 0.02 * F.smooth_l1_loss(predicted.float(), truth, beta=2.0)


def skin_loss(predicted: Tensor, ab: Tensor, face: Tensor) -> Tensor:
    """Mean colour difference within the faces, in the units of CIE94, whose weights of chroma and hue it takes.

    Args:
        predicted: (B, 2, h, w) a* and b*.
        ab: (B, 2, s, s) the truth.
        face: (B, 1, h, w) 1 within a face, 0 elsewhere; 0 everywhere gives a loss of 0.
    """
    truth, predicted = shrink(ab, predicted), predicted.float()
    chroma = torch.linalg.vector_norm(truth, dim=1, keepdim=True)
    off = predicted - truth
    # Along the truth's own direction lies the difference in chroma, across it that in hue.
    along = (off * truth).sum(1, keepdim=True) / chroma.clamp_min(1)
    across = (off.square().sum(1, keepdim=True) - along.square()).clamp_min(0)
    squared = (along / (1 + 0.045 * chroma)).square() + across / (1 + 0.015 * chroma).square()
    return ((squared + 0.1).sqrt() * face).sum() / mean_count(face.sum()).clamp_min(1)


def chances_loss(logits: Tensor, ab: Tensor) -> Tensor:
    """() mean cross-entropy of the bins' distribution with the truth's soft encoding.

    Args:
        logits: (B, 313, h, w).
        ab: (B, 2, s, s) the truth.
    """
    numbers, shares = bins.neighbors(shrink(ab, logits))
    return -(logits.float().log_softmax(1).gather(1, numbers) * shares).sum(1).mean()


def skin_map_loss(logits: Tensor, is_skin: Tensor) -> Tensor:
    """() binary cross-entropy over the pictures in which anybody's skin was found.

    Args:
        logits: (B, 1, h, w).
        is_skin: (B, 1, h, w) 1 on skin.
    """
    error = F.binary_cross_entropy_with_logits(logits.float(), is_skin, reduction="none").mean((1, 2, 3))
    has = (is_skin.amax((1, 2, 3)) > 0).float()
    return (error * has).sum() / mean_count(has.sum()).clamp_min(1)


def labels_loss(
    logits: Tensor, labels: Tensor, smoothing: float = 0.0, weights: Tensor | None = None
) -> Tensor:
    """Cross-entropy over the labelled rows; 0, with a gradient of 0, where there are none.

    Args:
        logits: (B, K).
        labels: (B,) int64, UNKNOWN where there is none.
        smoothing: share of the truth that is given to all K alike, in [0, 1).
        weights: (K,) how much a row of each label counts; with a mean of 1 over the training pictures.
    """
    logits, known = logits.float(), labels != UNKNOWN
    errors = F.cross_entropy(
        logits, labels, ignore_index=UNKNOWN, label_smoothing=smoothing, reduction="none"
    )
    if weights is not None:
        errors = errors * weights[labels.clamp_min(0)]
    return (errors * known).sum() / mean_count(known.sum()).clamp_min(1)


def mean_count(count: Tensor) -> Tensor:
    """() a process's count -> () its mean over all processes.

    Gradients are averaged over processes; with this as denominator the average is that of one process with all rows.
    Without gradients it stays the process's own: in validation, one may have a batch more than the others to wait for.
    """
    count = count.detach().float()
    is_shared = torch.distributed.is_available() and torch.distributed.is_initialized()
    if is_shared and torch.is_grad_enabled():
        count = count.clone()
        torch.distributed.all_reduce(count)
        count /= torch.distributed.get_world_size()
    return count


def shrink(planes: Tensor, like: Tensor) -> Tensor:
    """(B, C, s, s) -> (B, C, h, w) float32 at the size of `like`, each new pixel the mean of all it covers."""
    return F.interpolate(planes.float(), like.shape[-2:], mode="area")


def rgb_error(lightness: Tensor, predicted: Tensor, truth: Tensor, clip: bool) -> Tensor:
    """(B, 1, h, w) L*, two (B, 2, h, w) ab -> (B,) mean squared error in 8-bit sRGB units."""
    rgb = [
        lab_to_rgb(torch.cat([lightness.float(), ab.float()], 1), clip=True) * 255
        for ab in (predicted, truth)
    ]
    squared = (rgb[0] - rgb[1]).square().mean((1, 2, 3))
    if clip:
        return squared
    # Outside the gamut the clipped error has no slope; ab's own distance supplies it.
    return squared + 0.1 * (predicted.float() - truth).square().mean((1, 2, 3))


def psnr(lightness: Tensor, predicted: Tensor, truth: Tensor) -> Tensor:
    """(B, 1, h, w) L*, two (B, 2, h, w) ab -> () mean over the pictures of their PSNR, dB; at most 78."""
    error = rgb_error(lightness, predicted, truth, clip=True).clamp_min(1e-3)
    return (10 * torch.log10(255**2 / error)).mean()
