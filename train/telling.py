"""What a colorizer is told in training: the light, people's skin, colours pointed out; and what follows from it.

    told = Telling(recipe.told)(lab, who, condition, ethnicity)

Being told the truth alone would teach little: warm skin goes with warm light, so the network would paint the whole
photo warmer wherever a tone is asked for, and a group that says nothing new would be ignored. So what is told is often
not what was there, and the truth is changed alike: the skin of one person is moved to another colour, or by the
measured difference of two groups; a thing is dyed and a point on it told; the light is changed. The rest stays.

Shapes: B frames of side s, up to n people, maps of side q = s / 4. Colours of skin are a* and b* at L* 50.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorizer.groups import GROUPS
from colorizer.palette import REFERENCE, group_table
from train.data import UNKNOWN
from train.planes import People
from train.recipe_parts import Told

# Skin's tone (L* + 16) against its face's middle, and the farthest that its ab may lie from it, scaled by the tone; in
# the face as `colorizer.skin` has them, and for neck, arms and hands, where other things may have skin's colour.
_TONE, _FAR = (0.74, 1.35), 12.0
_TONE_BELOW, _FAR_BELOW = (0.6, 1.5), 7.0
_BURNT_OUT = 97.0
# Cells of the face's middle that must show skin, or its colour is not known.
_LEAST = 3.0
# Of people who may be told of, so many are.
_TOLD_OF = 0.7
# Asked for are one's own colour, so often, or any between these.
_OWN = 0.35
_ASKED = ((2.0, 3.0), (24.0, 34.0))
# Noise of what is told, a* and b*: nobody knows it exactly at use.
_NOISE = 1.0
# Points a frame are 1 to MOST_HINTS. Half the frames with hints have one on a thing that is dyed: by how much (standard
# deviation), how far its colour may spread, and over what share of the side.
MOST_HINTS = 6
_DYE, _SAME, _RANGE = 22.0, 9.0, 0.35


class Lesson(NamedTuple):
    """What is told, and the truth that goes with it."""

    lab: Tensor
    """(B, 3, s, s)"""
    groups: Tensor
    """(B, 6, q, q)"""
    skin: Tensor
    """(B, 3, q, q)"""
    light: Tensor
    """(B, 3)"""
    hints: Tensor
    """(B, 3, q, q)"""
    is_skin: Tensor
    """(B, 1, q, q) 1 on skin."""


class Telling(nn.Module):
    """Draws what is told, from torch's own generators, on the batch's device."""

    palette: Tensor

    def __init__(self, how: Told) -> None:
        super().__init__()
        self.how = how
        self.register_buffer("palette", torch.from_numpy(group_table()), persistent=False)

    @torch.no_grad()
    def forward(self, lab: Tensor, who: People, condition: Tensor, ethnicity: Tensor) -> Lesson:
        """Args:
        lab: (B, 3, s, s) the truth.
        who: maps of its people.
        condition: (B, n, 6) weights of the groups that would be told without this.
        ethnicity: (B, n) int64 labels, or UNKNOWN.
        """
        how, device = self.how, lab.device
        count, people = condition.shape[:2]
        palette = self.palette.to(device)
        is_lit = torch.rand(count, device=device) < how.light
        lab = self._relight(lab, is_lit)
        small = F.interpolate(lab, who.shares.shape[-2:], mode="area")
        light = small[:, 1:].mean((2, 3))
        mask, color, known = find_skin(small, who)

        draw = torch.rand(3, count, people, device=device)
        chosen = torch.rand(2, count, 1, device=device)
        may = known & (draw[0] < _TOLD_OF)
        is_toned = may & (chosen[0] < how.skin)
        is_swapped = may & ~is_toned & (chosen[1] < how.swap) & (ethnicity != UNKNOWN)
        is_swapped &= condition.sum(-1) > 0
        # Another group than the label's: 1 to 5 steps on in the list.
        own = ethnicity.clamp_min(0)
        other = (own + 1 + (draw[1] * (len(GROUPS) - 1)).long().clamp_max(len(GROUPS) - 2)) % len(GROUPS)
        low, high = (torch.tensor(values, device=device) for values in _ASKED)
        any_color = low + (high - low) * torch.rand(count, people, 2, device=device)
        asked = torch.where((draw[2] < _OWN)[..., None], color, any_color)
        shift = torch.where(is_toned[..., None], asked - color, torch.zeros_like(color))
        shift = torch.where(is_swapped[..., None], palette[other] - palette[own], shift)

        lab = _shift(lab, mask, shift)
        certainty = 0.7 + 0.3 * torch.rand(count, people, 1, device=device)
        swapped = certainty * F.one_hot(other, len(GROUPS)) + (1 - certainty) / len(GROUPS)
        condition = torch.where(is_swapped[..., None], swapped, condition)
        told_skin = torch.cat([_noisy(asked), torch.ones_like(asked[..., :1])], -1) * is_toned[..., None]
        is_skin = mask.amax(1, keepdim=True)
        lab, hints = self._point(lab, is_skin)
        return Lesson(
            lab,
            torch.einsum("bnc,bnhw->bchw", condition, who.shares),
            torch.einsum("bnc,bnhw->bchw", told_skin, who.shares),
            torch.cat([_noisy(light), torch.ones_like(light[:, :1])], 1) * is_lit[:, None],
            hints,
            is_skin,
        )

    def _relight(self, lab: Tensor, is_lit: Tensor) -> Tensor:
        """Another white balance for the chosen frames."""
        cast = self.how.white_balance * torch.randn(len(lab), 2, 1, 1, device=lab.device)
        cast = cast * is_lit[:, None, None, None]
        return torch.cat([lab[:, :1], lab[:, 1:] + cast * _scale(lab)], 1)

    def _point(self, lab: Tensor, is_skin: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, s, s) with some things dyed, and (B, 3, q, q) colours of points."""
        count, size, device = len(lab), is_skin.shape[-1], lab.device
        has = torch.rand(count, device=device) < self.how.hints
        # One point whose surroundings are dyed: all that has its colour, softly, as far as a thing may reach.
        small = F.interpolate(lab, (size, size), mode="area")
        at = (torch.rand(count, device=device) * size * size).long()
        spot = small.flatten(2).gather(2, at[:, None, None].expand(-1, 3, 1))[..., None]  # (B, 3, 1, 1)
        unlike = (small - spot).square() / small.new_tensor([25.0, _SAME, _SAME]).view(3, 1, 1).square()
        axis = torch.arange(size, device=device)
        y, x = (at // size)[:, None, None], (at % size)[:, None, None]
        away = ((axis[:, None] - y) ** 2 + (axis - x) ** 2) / (_RANGE * size) ** 2
        thing = (-unlike.sum(1) - away.square()).exp()[:, None] * (1 - is_skin)
        is_dyed = has & (torch.rand(count, device=device) < 0.5)
        dye = _DYE * torch.randn(count, 2, 1, 1, device=device) * is_dyed[:, None, None, None]
        lab = _add(lab, thing * dye)
        colors = F.interpolate(lab, (size, size), mode="area")[:, 1:]
        number = torch.randint(1, MOST_HINTS + 1, (count, 1), device=device)
        chosen = torch.rand(count, size * size, device=device)
        last = chosen.topk(MOST_HINTS, dim=1).values.gather(1, number - 1)
        points = (chosen >= last).float()
        points.scatter_(
            1, at[:, None], torch.maximum(points.gather(1, at[:, None]), is_dyed[:, None].float())
        )
        points = (points * has[:, None]).view(count, 1, size, size)
        hints = torch.cat([_noisy(colors), torch.ones_like(colors[:, :1])], 1)
        return lab, hints * points


def find_skin(lab: Tensor, who: People) -> tuple[Tensor, Tensor, Tensor]:
    """Skin of each person, by comparison with the middle of their own face, as `colorizer.skin` does it.

    Args:
        lab: (B, 3, q, q).
        who: maps of its people.

    Returns:
        (B, n, q, q) 1 on skin; (B, n, 2) its mean a* and b* at L* 50; (B, n) whether it could be found.
    """
    tone, ab = (lab[:, :1] + 16)[:, :, None], lab[:, 1:]  # (B, 1, 1, q, q), (B, 2, q, q)
    inside = who.middle * (lab[:, :1] < _BURNT_OUT)
    reference, off, ratio = inside, inside, inside
    for _ in range(2):
        weight = reference / reference.sum((2, 3), keepdim=True).clamp_min(1e-6)
        middle = torch.einsum("bnhw,bchw->bnc", weight, lab)  # (B, n, 3)
        ratio = tone[:, 0] / (middle[:, :, 0] + 16)[..., None, None].clamp_min(1)  # (B, n, q, q)
        wanted = middle[:, :, 1:, None, None] * ratio[:, :, None]  # (B, n, 2, q, q)
        off = torch.linalg.vector_norm(ab[:, None] - wanted, dim=2)
        reference = inside * (ratio > _TONE[0]) * (ratio < _TONE[1]) * (off < _FAR)
    in_face = who.face * (ratio > _TONE[0]) * (ratio < _TONE[1]) * (off < _FAR)
    size = lab.shape[-1]
    rows = torch.arange(size, device=lab.device, dtype=lab.dtype)[:, None]
    centre = (who.middle * rows).sum((2, 3)) / who.middle.sum((2, 3)).clamp_min(1e-6)
    below = (who.shares > 0.5) * (rows > centre[..., None, None])
    below = below * (ratio > _TONE_BELOW[0]) * (ratio < _TONE_BELOW[1]) * (off < _FAR_BELOW)
    known = reference.sum((2, 3)) >= _LEAST
    mask = torch.maximum(in_face, below) * known[..., None, None]
    at_reference = (ab / tone[:, 0] * REFERENCE)[:, None]  # (B, 1, 2, q, q)
    area = in_face.sum((2, 3))[..., None].clamp_min(1e-6)
    color = (at_reference * in_face[:, :, None]).sum((3, 4)) / area
    return mask, color, known


def _shift(lab: Tensor, mask: Tensor, shift: Tensor) -> Tensor:
    """The skin of each person moved by (B, n, 2) at L* 50."""
    soft = F.avg_pool2d(mask, 3, 1, 1, count_include_pad=False)
    return _add(lab, torch.einsum("bnc,bnhw->bchw", shift, soft), shaded=True)


def _add(lab: Tensor, ab: Tensor, shaded: bool = False) -> Tensor:
    """(B, 3, s, s) with (B, 2, q, q) added to its colours, where it is `shaded` in proportion to L* + 16."""
    wide = F.interpolate(ab, lab.shape[-2:], mode="bilinear")
    return torch.cat([lab[:, :1], lab[:, 1:] + (wide * _scale(lab) if shaded else wide)], 1)


def _scale(lab: Tensor) -> Tensor:
    return (lab[:, :1] + 16) / REFERENCE


def _noisy(color: Tensor) -> Tensor:
    return color + _NOISE * torch.randn_like(color)
