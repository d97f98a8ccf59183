"""From a raw batch to what a task learns from, on whatever device the batch lies.

augmentation = Augmentation(recipe)                # or Augmentation(recipe, sources), which holds the pictures there
batch = augmentation(raw)                          # under torch.no_grad(), with autocast off

Crops and mirroring are the feed's, since they decide what must be read at all; everything else happens here, drawn
from torch's own generators.
"""

import math
from collections.abc import Sequence
from typing import Any

import kornia.augmentation as K
import torch
from kornia.geometry.transform import get_affine_matrix2d
from torch import Tensor, nn

from train import damage, film
from train.data import Pictures
from train.feed import cut_out
from train.layout import Layout, areas, joined, opacities
from train.planes import People, decoded, people, warp
from train.recipe import Augment, Recipe
from train.telling import Telling

# Pictures copied to a device at a time.
_COPIED = 1024


class Augmentation(nn.Module):
    """Raw batch -> {"lab": (B, 3, s, s) float, the truth; "seen": (B, 1, s, s), the L* that the network is shown;
    "groups": (B, 6, s/4, s/4); "face": (B, 1, s/4, s/4), 1 within the ellipse in which `colorizer.skin` looks for
    skin; "ethnicity", "race7", "age", "gender": (B,)}, and where anything is told, what `train.telling.Lesson` has.

    Args:
        recipe: its `augment` and `told`.
        sources: the pictures, if this module is to hold them on the device of its batches (see `train.storage.place`).
    """

    def __init__(self, recipe: Recipe, sources: Sequence[Pictures] | None = None) -> None:
        super().__init__()
        self.augment: Augment = recipe.augment
        self.telling = Telling(recipe.told) if recipe.told.anything else None
        self.erase = K.RandomErasing((0.02, 0.15), value=0.5, p=recipe.augment.erase)
        self._sources = None if sources is None else list(sources)
        self._held: list[Tensor] | None = None  # no buffers: those would be saved, averaged and broadcast

    @torch.no_grad()
    def forward(self, raw: dict[str, Any]) -> dict[str, Tensor]:
        """Finish one batch."""
        plan: Layout = raw["layout"]
        tiles = [decoded(pixels) for pixels in (raw["pixels"] if "pixels" in raw else self._cut(raw))]
        lab = joined(tiles, plan)
        who = seated(raw["box"], plan)
        lab, who = self._move(lab, who)
        if self.augment.brightness:
            lab = brighten(lab, self.augment.brightness)
        condition = raw["condition"].transpose(0, 1)  # (B, n, 6)
        known = {key: raw[key] for key in ("ethnicity", "race7", "age", "gender")}
        known["face"] = who.face.amax(1, keepdim=True)
        if self.telling is None:
            groups = torch.einsum("bnc,bnhw->bchw", condition, who.shares)
            return {"lab": lab, "seen": self._film(lab), "groups": groups} | known
        seen = self._film(lab)  # before anything is dyed: what is told must not be seen
        lesson = self.telling(lab, who, condition, raw["who"].T)
        return {"seen": seen} | lesson._asdict() | known

    def _move(self, lab: Tensor, who: People) -> tuple[Tensor, People]:
        """Rotate, shear, shift and scale; beyond the border the picture is mirrored, so that no false colours come."""
        how = self.augment
        if not (how.rotation or how.shear or how.shift or how.scale):
            return lab, who
        theta = draw_affine(len(lab), how, lab.device)
        return warp(lab, theta), People(*(warp(part, theta) for part in who))

    def _film(self, lab: Tensor) -> Tensor:
        """(B, 3, s, s) the truth -> (B, 1, s, s) the lightness that is seen: recorded, printed, aged, torn."""
        how = self.augment
        seen = lab[:, :1]
        if how.orthochromatic:
            chosen = torch.rand(len(lab), device=lab.device) < how.orthochromatic
            seen = seen.clone()
            seen[chosen] = film.orthochromatic(lab[chosen])
        if how.old_film:
            rows = film.some(len(lab), how.old_film, lab.device)
            seen = seen.index_copy(0, rows, film.aged(lab.index_select(0, rows), seen.index_select(0, rows)))
        if how.vignetting:
            seen = damage.vignette(seen, how.vignetting)
        if how.tone:
            seen = film.shift_tone(seen, how.tone)
        if how.halftone:
            rows = film.some(len(lab), how.halftone, lab.device)
            seen = seen.index_copy(0, rows, damage.halftone(seen.index_select(0, rows)))
        if how.fading:
            seen = film.fade(seen, how.fading)
        if how.grain:
            seen = film.add_grain(seen, how.grain)
        if how.scratches:
            rows = film.some(len(lab), how.scratches, lab.device)
            seen = seen.index_copy(0, rows, damage.scratch(seen.index_select(0, rows)))
        if how.erase:
            seen = 100 * self.erase(seen / 100)
        return seen

    def _cut(self, raw: dict[str, Any]) -> list[Tensor]:
        """T tensors (B, t, t, 3) uint8 from the pictures that are held here."""
        if self._sources is None:
            raise ValueError("a batch of row numbers needs an Augmentation that was given the sources")
        device = raw["box"].device
        if self._held is None or self._held[0].device != device:
            self._held = [_copied(source, device) for source in self._sources]
        held = self._held
        return [
            torch.cat([cut_out(held[c.source], c, place.side) for c in tile])
            for tile, place in zip(raw["cuts"], raw["layout"].places, strict=True)
        ]


def draw_affine(count: int, how: Augment, device: torch.device) -> Tensor:
    """(count, 2, 3) for `warp`: from the new picture's coordinates to the old one's, both in [-1, 1]."""
    draws = 2 * torch.rand(6, count, device=device) - 1
    scale = (1 + how.scale * draws[0]).reciprocal()[:, None].expand(-1, 2)
    shear = math.radians(how.shear) * draws[2:4]
    # In [-1, 1] the centre is 0, and a shift by a share of the side is twice as large.
    return get_affine_matrix2d(
        2 * how.shift * draws[4:6].T,
        torch.zeros(count, 2, device=device),
        scale,
        how.rotation * draws[1],
        *shear,
    )[:, :2]


def brighten(lab: Tensor, amount: float) -> Tensor:
    """Other exposures of the same scene, up to `amount` brighter or darker in L*, truth and input alike.

    More light raises CIELAB's cube roots in proportion: L* + 16, a* and b* all by one factor, while black stays black.
    What comes near to white has no room for colour left: it fades over the second half of the way from where it was.

    Args:
        lab: (B, 3, s, s).
        amount: in [0, 1).
    """
    factor = 1 + amount * (2 * torch.rand(len(lab), 1, 1, 1, device=lab.device) - 1)
    before = lab[:, :1]
    lightness = film.lightness_of(film.light_of(before) * factor**3).clamp(0, 100)
    room = ((100 - lightness) / (100 - before).clamp_min(1e-3)).clamp_min(0)
    return torch.cat([lightness, lab[:, 1:] * factor * (2 * room).clamp_max(1)], 1)


def seated(box: Tensor, plan: Layout) -> People:
    """Maps of the people of a frame, at a quarter of its size.

    Args:
        box: (T, B, 4) in shares of each one's tile.
        plan: where the tiles lie; what another tile covers is no face any more.
    """
    places = box.new_tensor([[p.left, p.top, p.left, p.top] for p in plan.places])
    sides = box.new_tensor([p.side for p in plan.places])
    in_frame = (places[:, None] + box * sides[:, None, None]) / plan.side
    who = people(in_frame.transpose(0, 1), plan.side // 4)
    visible = torch.ones_like(who.face[0])
    spots = zip(areas(plan, 4), opacities(plan, 4, box), strict=True)
    for i, ((rows, columns), opacity) in enumerate(spots):
        visible[:i, rows, columns] *= opacity < 0.5
        outside = torch.zeros_like(visible[i])
        outside[rows, columns] = 1
        visible[i] *= outside
    return People(who.shares, who.face * visible, who.middle * visible)


def _copied(source: Pictures, device: torch.device) -> Tensor:
    """All pixels on the device, copied in pieces, so that the host needs no second copy of them."""
    held = torch.empty(source.lab.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(source), _COPIED):
        piece = slice(start, start + _COPIED)
        held[piece] = torch.from_numpy(source.lab[piece].copy())
    return held
