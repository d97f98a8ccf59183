"""A network that can be steered, and how what is asked of a photo becomes what it is told.

Shapes: h x w the working size, at which the network sees the photo; its ab and all maps have h/4 x w/4 cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from colorizer import bins
from colorizer.conditioning import person_shares, skin_for, vector_for
from colorizer.faces import Face
from colorizer.groups import GROUPS, TONES
from colorizer.networks.ethnicity_aware import Painting, Told
from colorizer.palette import REFERENCE, group_table, lab_of
from colorizer.skin import HALF_HEIGHT, HALF_WIDTH
from colorizer.steering import Hint, Steering

# At vividness 2: between the distribution's mode (towards 0), where neighbours disagree, and its mean (1).
VIVID_TEMPERATURE = 0.15
# How much more chroma there is at vividness 2 at the least, as a share: where a network is unsure, gray is likeliest of
# all, and nobody asks for vividness to get gray.
VIVID_GAIN = 0.3
# Rounds in which the neutral light is found, each correcting what the last one left.
_ROUNDS = 3
# How far a hint reaches: at which mean squared difference of the standardised features, difference in L*, and distance
# (share of the longer side) its likeness falls to 1/e.
_LIKENESS, _GRAYS, _REACH = 1.0, 26.0, 0.6
# How far skin away from a face follows that face's; what is left of the colours far from everybody; and how many times
# a cell's shares must be taken to be 1, if it is not to count as far.
_AGREEMENT, _FAR_COLOR, _NEAR = 0.8, 0.3, 1.6
# From where to where a face's ellipse fades, in squares of its half axes: a box that moves by a pixel, as it does
# between copies of a photo, must not flip a cell.
_INNER, _OUTER = 0.8, 1.2
# What is painted under a light that is left open is a little paler than the truth, as means are. So many times its
# chroma gives skin a CIEDE2000 smaller by 0.02 to 0.05, and nothing in PSNR: +0.04, +0.03 and -0.05 dB on three draws
# of 300, 130 and 150 photos of fairface/val.
_STRENGTH = 1.05
# Skin that lies farther from a face than this many times its ellipse is away from it; what is nearer is seen with it,
# and made to agree it cost 0.14 dB on tight crops.
_AROUND = 1.8
# Cells of a face that must be skin, or its colour says nothing.
_LEAST_SKIN = 3.0


@dataclass(frozen=True)
class Scene:
    """One photo at the working size, and who is in it."""

    lightness: Tensor
    """(1, 1, h, w) L*."""
    told: Told
    """Groups, asked skin and hints; the light is still open."""
    shares: Tensor
    """(n, h/4, w/4) how much of each cell is whose."""
    faces: Tensor
    """(n, h/4, w/4) these within each face's ellipse, elsewhere 0, with a soft edge."""
    away: Tensor
    """(n, h/4, w/4) shares away from the face: 0 on it, on ears, forehead and most of the neck."""
    neutral: Tensor
    """(n, 2) a* and b* at L* 50 that each one's skin would have under neutral light; NaN where a tone is asked for."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the maps."""
        h, w = self.told.groups.shape[-2:]
        return int(h), int(w)


class Painter:
    """Paints scenes with a network that has `paint`; threads may share it."""

    def __init__(self, network: Any, device: torch.device) -> None:
        self.network, self.device = network, device

    def scene(
        self, lightness: np.ndarray, scale: tuple[float, float], faces: Sequence[Face], hints: Sequence[Hint]
    ) -> Scene:
        """Args:
        lightness: (h, w) float32 L*.
        scale: cells of the maps to a pixel of the photo, along x and y.
        faces: in pixels of the photo, each with what was chosen for it.
        hints: in pixels of the photo.
        """
        h, w = lightness.shape[0] // 4, lightness.shape[1] // 4
        x, y = scale
        boxes = [(x0 * x, y0 * y, x1 * x, y1 * y) for x0, y0, x1, y1 in (face.box for face in faces)]
        vectors = [
            np.concatenate([vector_for(face.chosen, face.probabilities), skin_for(face.chosen)])
            for face in faces
        ]
        shares = person_shares(torch.tensor(boxes).reshape(-1, 4), h, w)
        each = torch.from_numpy(np.array(vectors, np.float32).reshape(-1, len(GROUPS) + 3))
        groups, skin = torch.einsum("nc,nhw->chw", each, shares)[None].split([len(GROUPS), 3], dim=1)
        points = _points(hints, scale, h, w)
        points = None if points is None else points.to(self.device)
        told = Told(groups.to(self.device), skin.to(self.device), None, points)
        gray = torch.from_numpy(lightness)[None, None].to(self.device)
        shares = shares.to(self.device)
        faces_at, around = (_ellipses(boxes, h, w, size).to(self.device) for size in (1.0, _AROUND))
        neutral = _neutral(faces).to(self.device)
        return Scene(gray, told, shares, shares * faces_at, shares * (1 - around), neutral)

    def paint(self, scene: Scene, steering: Steering) -> Painting:
        """What the network says under the light that is asked for.

        Where a light is asked for, its effect is added to the painting with the light left open: so a slider that
        hardly moves hardly changes anything.
        """
        if steering.cast is not None:
            return self._spread(scene, self._under(scene, torch.tensor([steering.cast], device=self.device)))
        free = self._painted(scene)
        free = free._replace(ab=free.ab * _STRENGTH)
        shift = torch.tensor([[steering.tint, steering.warmth]], device=self.device)
        predicted = free.ab.mean((2, 3))  # (1, 2)
        wanted = predicted + shift
        if steering.light == "neutral":
            wanted = self._neutral_light(scene, free) + shift
        if not torch.equal(wanted, predicted):
            here, there = (self._under(scene, light) for light in (predicted, wanted))
            free = free._replace(ab=free.ab + there.ab - here.ab, chances=there.chances)
        return self._spread(scene, free)

    def _under(self, scene: Scene, light: Tensor) -> Painting:
        """Painted under a light, (1, 2) mean a* and b*."""
        told = torch.cat([light, torch.ones_like(light[:, :1])], 1)
        return self._painted(replace(scene, told=scene.told._replace(light=told)))

    def _painted(self, scene: Scene) -> Painting:
        """Painted once told of nobody, and once of everybody; what being told changes counts on people's skin alone.

        That is where a group or a tone is to be seen. Clothes, hair and what is behind a person would otherwise change
        a little with each palette.
        """
        told = scene.told
        if not len(scene.shares):
            return self.network.paint(scene.lightness, told)
        both = Told(
            torch.cat([torch.zeros_like(told.groups), told.groups]),
            None if told.skin is None else torch.cat([torch.zeros_like(told.skin), told.skin]),
            None if told.light is None else told.light.expand(2, -1),
            None if told.hints is None else told.hints.expand(2, -1, -1, -1),
        )
        pair = self.network.paint(scene.lightness, both)
        without, with_people = (Painting(*(part[i : i + 1] for part in pair)) for i in (0, 1))
        person = scene.shares.sum(0) * with_people.skin.sigmoid()  # (1, 1, h/4, w/4)
        ab = torch.lerp(without.ab, with_people.ab, person)
        eighth = F.interpolate(person, with_people.chances.shape[-2:], mode="area")
        chances = torch.lerp(without.chances, with_people.chances, eighth)
        return agreeing(scene, with_people._replace(ab=ab, chances=chances))

    def _spread(self, scene: Scene, painted: Painting) -> Painting:
        """The painting with hints carried on to what belongs to their cells: near, alike to the network and in L*.

        The network hears of hints and turns the right way, but not all of it; what is missing at a hint's own cell is
        added to its cell and, by likeness, to the others. Skin and what is none stay apart.
        """
        hints = scene.told.hints
        if hints is None:
            return painted
        # Without the hints, whose own cells would be unlike all others.
        plain = self.network.paint(scene.lightness, scene.told._replace(hints=None))
        h, w = scene.size
        at = (hints[0, 2] > 0).flatten().nonzero()[:, 0]  # (k,)
        cells = plain.cells[0].flatten(1).float()  # (C, h*w)
        cells = (cells - cells.mean(1, keepdim=True)) / cells.std(1, keepdim=True).clamp_min(1e-3)
        gray = F.interpolate(scene.lightness, (h, w), mode="area").flatten()
        skin = plain.skin.sigmoid().flatten()
        rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        place = torch.stack([rows, columns]).flatten(1).to(cells) / max(h, w)  # (2, h*w)
        unlike = torch.cdist(cells.T[at], cells.T).square() / (len(cells) * _LIKENESS)  # (k, h*w)
        unlike += ((gray[at, None] - gray) / _GRAYS).square()
        unlike += torch.cdist(place.T[at], place.T).square() / _REACH**2
        likeness = (-unlike).exp() * (1 - (skin[at, None] - skin).abs())
        missing = hints[0, :2].flatten(1)[:, at] - painted.ab[0].flatten(1)[:, at]  # (2, k)
        weights = likeness / likeness.sum(0).clamp_min(1.0)
        return painted._replace(ab=painted.ab + (missing @ weights).view(1, 2, h, w))

    def _neutral_light(self, scene: Scene, free: Painting) -> Tensor:
        """(1, 2) the light under which the skin comes nearest to what was measured; as predicted without a face."""
        light = free.ab.mean((2, 3))
        if not can_be_neutral(scene):
            return light
        painted = free
        for _ in range(_ROUNDS):
            colors = skin_colors(scene, painted)  # (n, 2)
            off = (scene.neutral - colors)[~torch.isnan(scene.neutral + colors).any(1)]
            if not len(off):
                return light
            light = light + off.mean(0, keepdim=True)
            painted = self._under(scene, light)
        return light


def agreeing(scene: Scene, painted: Painting) -> Painting:
    """The painting with skin away from faces nearer to each one's own face, and less colour far from everybody.

    Of limbs and of streets a network that learned from portraits knows little: it leaves arms gray and makes walls the
    colour of skin.
    """
    if not len(scene.shares):
        return painted
    colors = skin_colors(scene, painted)  # (n, 2)
    known = ~torch.isnan(colors).any(1)
    skin = painted.skin.sigmoid()  # (1, 1, h/4, w/4)
    dark = F.interpolate(scene.lightness, scene.size, mode="area")  # (1, 1, h/4, w/4)
    shares = scene.shares * known[:, None, None]
    of_face = torch.einsum("nc,nhw->chw", colors.nan_to_num(), shares) / shares.sum(0).clamp_min(1e-6)
    wanted = of_face[None] * (dark + 16) / REFERENCE
    weight = _AGREEMENT * skin * (scene.away * known[:, None, None]).sum(0)
    ab = torch.lerp(painted.ab, wanted, weight.clamp(0, 1))
    near = torch.maximum((_NEAR * scene.shares.sum(0)).clamp(0, 1), skin)
    return painted._replace(ab=ab * (_FAR_COLOR + (1 - _FAR_COLOR) * near))


def can_be_neutral(scene: Scene) -> bool:
    """Whether there is a face to judge the light by."""
    return bool((~torch.isnan(scene.neutral)).any())


def skin_colors(scene: Scene, painted: Painting) -> Tensor:
    """(n, 2) a* and b* at L* 50 of each face's skin as painted; NaN where hardly any is seen."""
    weight = scene.faces * painted.skin[0].sigmoid()  # (n, h/4, w/4)
    dark = F.interpolate(scene.lightness, scene.size, mode="area")[0]  # (1, h/4, w/4)
    at_reference = painted.ab[0] * REFERENCE / (dark + 16)  # (2, h/4, w/4)
    area = weight.sum((1, 2))
    colors = torch.einsum("nhw,chw->nc", weight, at_reference) / area.clamp_min(1e-6)[:, None]
    colors[area < _LEAST_SKIN] = torch.nan
    return colors


def vivid(painted: Painting, vividness: float) -> Tensor:
    """ab with all that vividness asks of the distribution: nothing up to 1, at 2 nearly the likeliest colours.

    Above 1 no cell loses chroma, wherever the likeliest colour lies.

    Args:
        painted: of one scene.
        vividness: in [0, 2].

    Returns:
        (1, 2, h/4, w/4).
    """
    if vividness <= 1:
        return painted.ab
    temperature = 1 - (1 - VIVID_TEMPERATURE) * (vividness - 1)
    further = bins.decode(painted.chances, temperature) - bins.decode(painted.chances, 1.0)
    further = F.interpolate(further, painted.ab.shape[-2:], mode="bilinear")
    chroma = painted.ab.norm(dim=1, keepdim=True)
    towards = painted.ab / chroma.clamp_min(1e-3)
    along = (further * towards).sum(1, keepdim=True)
    least = VIVID_GAIN * (vividness - 1) * chroma
    return painted.ab + further + towards * (least - along).clamp_min(0)


def asking(scene: Scene, hints: Tensor) -> Scene:
    """The scene with further hints, (1, 3, h/4, w/4); where a cell has two, the new one counts."""
    old = scene.told.hints
    if old is not None:
        hints = torch.where(hints[:, 2:] > 0, hints, old)
    return replace(scene, told=scene.told._replace(hints=hints))


def _points(hints: Sequence[Hint], scale: tuple[float, float], h: int, w: int) -> Tensor | None:
    """(1, 3, h, w) the hints' colours in their cells; of two in a cell the last counts."""
    if not hints:
        return None
    maps = torch.zeros(1, 3, h, w)
    for hint in hints:
        _, a, b = lab_of(hint.color)
        row, column = min(int(hint.y * scale[1]), h - 1), min(int(hint.x * scale[0]), w - 1)
        maps[0, :, row, column] = torch.tensor([a, b, 1.0])
    return maps


def _ellipses(boxes: Sequence[tuple[float, float, float, float]], h: int, w: int, size: float) -> Tensor:
    """(n, h, w) 1 within each face's ellipse, `size` times as large, fading at its edge."""
    if not boxes:
        return torch.zeros(0, h, w)
    corners = torch.tensor(boxes, dtype=torch.float32)
    x, y = torch.arange(w) + 0.5, (torch.arange(h) + 0.5)[:, None]
    x0, y0, x1, y1 = corners[..., None, None].unbind(1)  # (n, 1, 1)
    across = (x - (x0 + x1) / 2) / (x1 - x0).clamp_min(1e-3) / (HALF_WIDTH * size)
    along = (y - (y0 + y1) / 2) / (y1 - y0).clamp_min(1e-3) / (HALF_HEIGHT * size)
    return ((_OUTER - across**2 - along**2) / (_OUTER - _INNER)).clamp(0, 1)


def _neutral(faces: Sequence[Face]) -> Tensor:
    """(n, 2) by each face's group or its probabilities; the groups' mean for none."""
    table, rows = group_table(), []
    for face in faces:
        weights = vector_for(face.chosen, face.probabilities)
        if face.chosen in TONES:
            rows.append(np.full(2, np.nan, np.float32))
        else:
            rows.append(weights @ table / weights.sum() if weights.sum() > 0 else table.mean(0))
    return torch.from_numpy(np.stack(rows)) if rows else torch.zeros(0, 2)
