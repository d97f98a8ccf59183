"""What the network is told about each pixel: a weight for each group, from the faces nearby, and steering beside it.

Shapes: n people, G = 6 groups, h x w the maps' grid.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from colorizer.groups import GROUPS, TONES
from colorizer.palette import tone

# A person's pull falls to 1/e at this many face sizes from the face's centre. Sideways that covers hair and
# shoulders; downwards it is stretched, since neck, chest, arms and hands lie below a face and nothing lies above.
REACH = 1.6
REACH_DOWN = 4.0
# Within about this many half diagonals of a face its own person pulls so many times as much: of two faces one below the
# other, the lower one lies where the upper one's body would be.
FACE_REACH = 0.75
FACE_PULL = 2.0
# How sharply the pixels between people are shared: shares go with this power of the pulls, so that the nearer one has
# nearly all, and the border is still soft.
SHARPNESS = 6.0
# The neutral condition's constant share: far from every face no person decides.
NEUTRAL = 0.05


def vector_for(chosen: str, probabilities: Mapping[str, float]) -> np.ndarray:
    """The condition of one face.

    Args:
        chosen: "auto" (the estimated probabilities), "none" (neutral), one of GROUPS, or one of TONES, which says
            nothing of a group.
        probabilities: a probability for each group; may be empty unless `chosen` is "auto".

    Returns:
        (6,) float32 in the order of GROUPS, summing to 1, or all zeros for the neutral condition.
    """
    if chosen == "none":
        return np.zeros(len(GROUPS), np.float32)
    if chosen == "auto":
        return np.array([probabilities.get(group, 0.0) for group in GROUPS], np.float32)
    return np.array([group == chosen for group in GROUPS], np.float32)


def skin_for(chosen: str) -> np.ndarray:
    """The skin colour that is asked for: (3,) float32 a* and b* at L* 50 of a tone, and 1; zeros for anything else."""
    return np.array([*tone(chosen), 1.0] if chosen in TONES else [0.0] * 3, np.float32)


def person_shares(boxes: Tensor, height: int, width: int) -> Tensor:
    """How much of each pixel is whose: face, neck, shoulders and down the body, soft at the borders.

    Each face pulls with a bell-shaped weight, wide below the chin; where people overlap the nearer (relative to face
    size) wins, and far from everybody the shares fade to zero.

    Args:
        boxes: (..., n, 4) x0, y0, x1, y1 in pixels of the grid; NaN where there is nobody.
        height: rows of the grid.
        width: columns of the grid.

    Returns:
        (..., n, height, width) float32 in [0, 1], the sum over people at most 1.
    """
    x = torch.arange(width, device=boxes.device) + 0.5
    y = torch.arange(height, device=boxes.device)[:, None] + 0.5
    x0, y0, x1, y1 = boxes.float()[..., None, None].unbind(-3)  # (..., n, 1, 1)
    size = torch.maximum(x1 - x0, y1 - y0).clamp_min(1e-3)
    dx, dy = (x - (x0 + x1) / 2) / size, (y - (y0 + y1) / 2) / size  # (..., n, 1, w), (..., n, h, 1)
    squared = (dx / REACH) ** 2 + (dy / torch.where(dy > 0, REACH_DOWN, REACH)) ** 2
    in_face = torch.exp(-(((dx**2 + dy**2) / FACE_REACH**2) ** 2))
    pull = torch.exp(-squared) * (1 + (FACE_PULL - 1) * in_face)
    pull = torch.nan_to_num(pull)  # (..., n, h, w)
    if not pull.shape[-3]:
        return pull
    strongest = pull.amax(-3, keepdim=True)
    sharp = (pull / strongest.clamp_min(1e-20)) ** SHARPNESS
    return sharp / sharp.sum(-3, keepdim=True).clamp_min(1e-20) * (strongest / (NEUTRAL + strongest))


def group_weights(
    boxes: Sequence[tuple[float, float, float, float]],
    vectors: Sequence[np.ndarray],
    height: int,
    width: int,
) -> np.ndarray:
    """Spread what is told of each person over the pixels that are likely theirs.

    Args:
        boxes: one (x0, y0, x1, y1) a face, in pixels of the (height, width) grid; may be empty.
        vectors: one (C,) float32 a face: a condition of `vector_for`, or any other numbers.
        height: rows of the grid.
        width: columns of the grid.

    Returns:
        (C, height, width) float32, weighted by `person_shares`; (6, height, width) zeros without a face.

    Raises:
        ValueError: there is not one vector for each box.
    """
    if len(boxes) != len(vectors):
        raise ValueError(f"{len(boxes)} boxes need as many vectors, not {len(vectors)}")
    if not len(boxes):
        return np.zeros((len(GROUPS), height, width), np.float32)
    shares = person_shares(torch.tensor(np.asarray(boxes, np.float32)), height, width)  # (n, h, w)
    stacked = torch.from_numpy(np.stack([np.asarray(vector, np.float32) for vector in vectors]))  # (n, C)
    return torch.einsum("nc,nhw->chw", stacked, shares).numpy()
