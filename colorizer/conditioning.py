"""What the network is told about each pixel: a weight for each group, from the faces nearby."""

from collections.abc import Mapping, Sequence

import numpy as np

from colorizer.groups import GROUPS

# A person's weight falls to 1/e at this many face sizes from the face's centre. Sideways that covers hair and
# shoulders; downwards it is stretched, since neck, chest, arms and hands lie below a face and nothing lies above.
REACH = 1.6
REACH_DOWN = 4.0
# The neutral condition's constant share: far from every face no person decides.
NEUTRAL = 0.05


def vector_for(chosen: str, probabilities: Mapping[str, float]) -> np.ndarray:
    """The condition of one face.

    Args:
        chosen: "auto" (the estimated probabilities), "none" (neutral), or one of GROUPS.
        probabilities: a probability for each group; may be empty unless `chosen` is "auto".

    Returns:
        (6,) float32 in the order of GROUPS, summing to 1, or all zeros for the neutral condition.
    """
    if chosen == "none":
        return np.zeros(len(GROUPS), np.float32)
    if chosen == "auto":
        return np.array([probabilities.get(group, 0.0) for group in GROUPS], np.float32)
    return np.array([group == chosen for group in GROUPS], np.float32)


def group_weights(
    boxes: Sequence[tuple[float, float, float, float]],
    vectors: Sequence[np.ndarray],
    height: int,
    width: int,
) -> np.ndarray:
    """Spread each person's condition over the pixels that are likely theirs.

    Each face pulls with a bell-shaped weight, wide below the chin; where people overlap the nearer (relative to face
    size) wins smoothly, and far from everybody the weights fade to zero, the neutral condition.

    Args:
        boxes: one (x0, y0, x1, y1) a face, in pixels of the (height, width) grid; may be empty.
        vectors: one (6,) float32 a face, from `vector_for`.
        height: rows of the grid.
        width: columns of the grid.

    Returns:
        (6, height, width) float32, each pixel's sum in [0, 1].
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    total = np.full((height, width), NEUTRAL, np.float32)
    weights = np.zeros((len(GROUPS), height, width), np.float32)
    for (x0, y0, x1, y1), vector in zip(boxes, vectors, strict=True):
        size = max(x1 - x0, y1 - y0, 1e-3)
        dx = (x - (x0 + x1) / 2) / (REACH * size)
        dy = (y - (y0 + y1) / 2) / size
        dy = np.where(dy > 0, dy / REACH_DOWN, dy / REACH)
        pull = np.exp(-(dx**2 + dy**2))
        total += pull
        weights += pull * np.asarray(vector, np.float32)[:, None, None]
    return weights / total
