"""Other palettes for one painting: where the model is unsure of clothes and background, its next likely colours.

The photo's things are told apart roughly, by what was painted, how light it is and where; of each the colours that the
distribution holds likely, far enough from each other, are told as hints, and the network paints the rest to match. Skin
stays as it was.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor
from torch.nn import functional as F

from colorizer import bins
from colorizer.networks.ethnicity_aware import Painting
from colorizer.painter import Painter, Scene, asking
from colorizer.steering import Steering

# Things a photo is divided in, at most; those with fewer cells (of an eighth of the working size) are left as they are.
THINGS = 5
_LEAST_CELLS = 6
# Cells that are skin by more than this belong to nobody's clothes.
_SKIN = 0.35
# Colours that are to be told apart lie so far from each other and from what was painted, in units of a* and b*.
APART = 16.0
# A colour that holds less than this of a thing's distribution, as much as each of the bins by chance, isn't likely.
_LIKELY = 1 / bins.COUNT
# Cells of a thing that get a hint.
_POINTS = 3


class Thing(NamedTuple):
    """A part of the photo, and what else it could be painted."""

    cells: np.ndarray
    """Numbers of its cells in the grid of an eighth."""
    colors: np.ndarray
    """(k, 2) a* and b*, the likeliest first; none near what was painted."""


def suggest(painter: Painter, scene: Scene, steering: Steering, count: int) -> list[Painting]:
    """Other paintings of a scene, each with its skin as in the first; what somebody has pointed out stays too.

    Args:
        painter: paints.
        scene: the photo.
        steering: as the painting was made to which others are wanted.
        count: how many; fewer come if the model is sure of everything.
    """
    base = painter.paint(scene, steering)
    if not torch.isfinite(base.ab).all():
        return [base]  # of damaged weights; whoever merges it says so
    asked = _asked_cells(scene)
    found = [
        thing
        for thing in things(scene, base)
        if len(thing.colors) and not np.intersect1d(thing.cells, asked).size
    ]
    skin = base.skin.sigmoid()
    eighth = F.interpolate(skin, base.chances.shape[-2:], mode="area")
    paintings = []
    for number in range(count):
        hints = _hints(found, number, scene)
        if hints is None:
            break
        painted = painter.paint(asking(scene, hints), steering)
        ab = torch.lerp(painted.ab, base.ab, skin)
        # By these, vividness above 1 moves the skin as well.
        chances = torch.lerp(painted.chances, base.chances, eighth)
        paintings.append(painted._replace(ab=ab, chances=chances, skin=base.skin))
    return paintings


def things(scene: Scene, base: Painting) -> list[Thing]:
    """What is no skin, divided roughly, the part that is most unsure first."""
    h, w = base.chances.shape[-2:]
    shares = bins_shares(base.chances)  # (313, h*w)
    small = F.interpolate(torch.cat([scene.lightness, _wide(base.ab, scene)], 1), (h, w), mode="area")[0]
    skin = F.interpolate(base.skin.sigmoid(), (h, w), mode="area").flatten().cpu().numpy()
    place = np.stack(np.meshgrid(np.linspace(0, 40, w), np.linspace(0, 40, h)))  # x, y in units of L*
    features = np.concatenate([small.cpu().numpy(), place]).reshape(5, -1).T.astype(np.float32)  # (h*w, 5)
    rows = np.flatnonzero(skin < _SKIN)
    if len(rows) < _LEAST_CELLS:
        return []
    _, labels = kmeans2(features[rows], min(THINGS, len(rows)), minit="++", seed=0)
    found = []
    for label in np.unique(labels):
        cells = rows[labels == label]
        if len(cells) < _LEAST_CELLS:
            continue
        mean = shares[:, torch.from_numpy(cells)].mean(1)  # (313,)
        painted = features[cells, 1:3].mean(0)
        colors = _alternatives(mean, painted)
        chance_elsewhere = float(
            mean[torch.cdist(bins.CENTERS, torch.tensor(painted[None])).flatten() > APART].sum()
        )
        found.append((chance_elsewhere, Thing(cells, colors)))
    return [thing for _, thing in sorted(found, key=lambda pair: -pair[0])]


def _asked_cells(scene: Scene) -> np.ndarray:
    """Numbers of the cells, in the grid of an eighth, that have a hint already."""
    if scene.told.hints is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(F.max_pool2d(scene.told.hints[:, 2:], 2).flatten().cpu().numpy())


def bins_shares(logits: Tensor) -> Tensor:
    """(1, 313, h, w) logits -> (313, h*w) probabilities, on the CPU."""
    return logits[0].flatten(1).softmax(0).cpu()


def _alternatives(shares: Tensor, painted: np.ndarray) -> np.ndarray:
    """(k, 2) likely colours that are far from each other and from the painted one."""
    taken, colors = [painted], []
    likely = int((shares >= _LIKELY).sum())
    for number in shares.argsort(descending=True, stable=True)[:likely].tolist():
        color = bins.CENTERS[number].numpy()
        if min(np.hypot(*(color - other)) for other in taken) >= APART:
            taken.append(color)
            colors.append(color)
    return np.array(colors, np.float32).reshape(-1, 2)


def _hints(found: list[Thing], number: int, scene: Scene) -> Tensor | None:
    """(1, 3, h/4, w/4) hints of palette `number`: the most unsure thing's next colour; every other thing's in turn."""
    if not found or number >= len(found[0].colors):
        return None
    rows, columns = scene.size
    h, w = rows // 2, columns // 2
    maps = torch.zeros(1, 3, rows, columns)
    rng = np.random.default_rng(number)
    for order, thing in enumerate(found):
        # The second thing changes in the second and third palette, the third in the third: palettes that differ.
        if order > number:
            continue
        color = thing.colors[(number - order) % len(thing.colors)]
        for cell in rng.choice(thing.cells, min(_POINTS, len(thing.cells)), replace=False):
            row, column = divmod(int(cell), w)
            maps[0, :, min(2 * row, 2 * h - 1), min(2 * column, 2 * w - 1)] = torch.tensor([*color, 1.0])
    return maps.to(scene.lightness.device)


def _wide(ab: Tensor, scene: Scene) -> Tensor:
    return F.interpolate(ab, scene.lightness.shape[-2:], mode="bilinear")
