"""What printing, handling and time leave on a picture's lightness: vignettes, dots, softness, scratches, dust.

    lightness = scratch(halftone(lightness))        # every picture, each with draws of its own

For the network's input only, never the truth; all draws are torch's own, on the device of the pictures. Shapes: B
pictures of h x w, L* in [0, 100]. Pixels are those the network sees (some 96 to 256 a side), not a scan's: that was
made smaller before, and what is finer than a pixel is gone.
"""

import math

import torch
from torch import Tensor

# Screens of newspapers and magazines have 65 to 150 lines an inch: a face cut out of such a picture and brought to the
# network's size has a dot every few pixels. Finer dots melt into tones, coarser ones hide the face.
PITCHES = (2.2, 4.5)
# How much of the dots' contrast is left after scanner and resizing.
DOTS_LEFT = (0.15, 0.7)
# How far one dot's edge reaches, pixels.
DOT_EDGE = 1.0
# Scratches, folds and hairs a picture has at most, and specks of dust.
LINES, SPECKS = 7, 24
# Points that one speck is made of, and how far they lie about its centre at most, pixels.
SPECK_POINTS, SPECK_SIZE = 6, 1.4
# L* of bare paper and of what was lost on the negative, which prints black.
PAPER, SOOT = 96.0, 6.0


def vignette(lightness: Tensor, amount: float) -> Tensor:
    """Corners that fall off into the dark, as simple lenses make them, or into the paper, as studios printed them.

    Args:
        lightness: (B, 1, h, w) L*.
        amount: the most that a corner goes of the way to black or white, in [0, 1]; each picture gets its own.
    """
    height, width = lightness.shape[2:]
    start, steepness, strength, pale = torch.rand(4, len(lightness), 1, 1, 1, device=lightness.device)
    y, x = (torch.linspace(-1, 1, n, device=lightness.device) for n in (height, width))
    radius = ((y[:, None] ** 2 + x**2) / 2).sqrt()  # (h, w), 1 in the corners
    start = 0.7 * start
    share = ((radius - start) / (1 - start)).clamp_min(0) ** (1.5 + 1.5 * steepness)
    share = amount * strength * share
    return lightness + share * (PAPER * (pale < 0.4) - lightness)


def soften(lightness: Tensor, amount: float = 1.0) -> Tensor:
    """A soft lens or scanner: each pixel takes from its eight neighbours, in each picture more or less.

    Args:
        lightness: (B, 1, h, w) L*.
        amount: 1 for at most a box of three by three pixels.
    """
    edge = amount / 3 * torch.rand(len(lightness), 1, 1, 1, device=lightness.device)
    padded = torch.nn.functional.pad(lightness, (1, 1, 1, 1), mode="replicate")
    rows = (1 - 2 * edge) * padded[:, :, 1:-1] + edge * (padded[:, :, :-2] + padded[:, :, 2:])
    return (1 - 2 * edge) * rows[..., 1:-1] + edge * (rows[..., :-2] + rows[..., 2:])


def halftone(lightness: Tensor) -> Tensor:
    """Printed in dots of ink, at any pitch and angle, and softened as a scan is; a place's mean hardly changes.

    The screen is the sum of two triangular waves at right angles, equalised to be evenly spread over [0, 1]: so the
    part of a cell that lies under a tone is that tone.
    """
    count, _, height, width = lightness.shape
    pitch, angle, left, shift_u, shift_v = torch.rand(5, count, 1, 1, 1, device=lightness.device)
    pitch = PITCHES[0] + (PITCHES[1] - PITCHES[0]) * pitch
    angle = math.pi / 2 * angle
    left = DOTS_LEFT[0] + (DOTS_LEFT[1] - DOTS_LEFT[0]) * left
    y = torch.arange(height, device=lightness.device)[:, None]
    x = torch.arange(width, device=lightness.device)
    across, along = angle.cos() / pitch, angle.sin() / pitch
    u, v = across * x + along * y + shift_u, across * y - along * x + shift_v  # (B, 1, h, w), 1 a cell
    # The mean of both waves, from -0.5 to 0.5, has a triangular density, whose integral evens it out.
    mean = u.sub_(u.floor()).sub_(0.5).abs_().add_(v.sub_(v.floor()).sub_(0.5).abs_()).sub_(0.5)
    screen = mean.mul_(1 - mean.abs()).mul_(2).add_(0.5)
    tone = lightness / 100
    # The even screen changes by at most about 2.6 a pitch.
    white = (tone - screen).mul_(pitch / (2.6 * DOT_EDGE)).add_(0.5).clamp_(0, 1)
    return lightness + 100 * left * white.sub_(tone)


def scratch(lightness: Tensor) -> Tensor:
    """Scratches, folds, hairs and dust: pale where a print has lost its surface, dark where the negative has.

    On one picture in two the scratches run along the film, on the others anywhere.
    """
    count, _, height, width = lightness.shape
    points, weights = _lines(count, height, width, lightness.device)
    specks, of_specks = _specks(count, height, width, lightness.device)
    marks = _drawn(torch.cat([points, specks], 2), torch.cat([weights, of_specks], 1), height, width)
    marks = marks.clamp_(-1, 1)
    return torch.lerp(lightness, torch.where(marks > 0, PAPER, SOOT), marks.abs_())


def _lines(count: int, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(2, B, n) x, y of points along lines, about a pixel apart, and (B, n) how they mark, in [-1, 1]."""
    side = max(height, width)
    draw = torch.rand(10, count, LINES, 1, device=device)
    upright, polarity, worn = torch.rand(3, count, 1, 1, device=device)
    way = torch.arange(side, device=device) + 0.5  # pixels along a line
    # A third of the lines are hairs: short, and bent. Of the others some cross the picture.
    is_hair = draw[0] < 0.33
    length = side * torch.where(is_hair, 0.04 + 0.14 * draw[1], 0.1 + 1.2 * draw[1] ** 2)
    bend = torch.where(is_hair, 4.0 * (2 * draw[2] - 1), 0.4 * (2 * draw[2] - 1) * draw[3]) / length
    heading = math.pi * torch.where((upright < 0.5) & ~is_hair, 0.5 + 0.03 * (2 * draw[4] - 1), 2 * draw[4])
    turned = (
        heading + bend * way + 0.15 * torch.sin(way / (6 + 20 * draw[5]) + 6.3 * draw[6])
    )  # (B, LINES, side)
    ahead_x, ahead_y = turned.cos(), turned.sin()
    x = width * (1.2 * draw[7] - 0.1) + ahead_x.cumsum(2)
    y = height * (1.2 * draw[8] - 0.1 - 0.2 * (upright < 0.5)) + ahead_y.cumsum(2)
    # Lines are broken, and few pictures have all of them.
    number = torch.arange(LINES, device=device)[:, None]
    there = (way < length) & (number < LINES * worn)
    solid = (0.8 + torch.sin(way / (3 + 25 * draw[3]) + 6.3 * draw[5])).clamp(0, 1)
    sign = torch.where((polarity < 0.75) != (draw[6] < 0.1), 1.0, -1.0)
    weight = there * solid * sign * (0.25 + 0.75 * draw[9])
    # Two strands side by side, up to a pixel and a half apart, make folds and broad scratches; mostly they are one.
    apart = 1.5 * draw[1] * (draw[2] < 0.35)
    strands = torch.tensor([-0.5, 0.5], device=device).view(2, 1, 1, 1) * apart
    x, y = x - strands * ahead_y, y + strands * ahead_x  # (2, B, LINES, side)
    weight = weight * torch.where(apart > 0, 0.8, 0.5)
    points = torch.stack([x, y]).permute(0, 2, 1, 3, 4).flatten(2)
    return points, weight.expand(2, -1, -1, -1).permute(1, 0, 2, 3).flatten(1)


def _specks(count: int, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(2, B, n) x, y of the points of which specks of dust are made, and (B, n) how they mark."""
    x, y, size, sign, strength = torch.rand(5, count, SPECKS, 1, device=device)
    dirty = torch.rand(count, 1, 1, device=device)
    about = SPECK_SIZE * size * torch.randn(2, count, SPECKS, SPECK_POINTS, device=device)
    points = torch.stack([width * x, height * y]) + about
    there = torch.arange(SPECKS, device=device)[:, None] < SPECKS * dirty**2
    weight = there * torch.where(sign < 0.6, 1.0, -1.0) * (0.2 + 0.5 * strength)
    return points.flatten(2), weight.expand(-1, -1, SPECK_POINTS).flatten(1)


def _drawn(points: Tensor, weights: Tensor, height: int, width: int) -> Tensor:
    """(2, B, n) points and (B, n) weights -> (B, 1, h, w): each weight shared by the four pixels around its point."""
    # On a canvas with a border of one pixel before and two behind, where all lands that lies outside.
    count, across = weights.shape[0], width + 3
    canvas = torch.zeros(count, (height + 3) * across, device=weights.device)
    x, y = points[0].add(0.5).clamp_(0, width + 1), points[1].add(0.5).clamp_(0, height + 1)
    column, row = x.floor(), y.floor()
    right, down = x.sub_(column), y.sub_(row)
    at = row.mul_(across).add_(column).long()
    lower, upper = weights * down, weights * (1 - down)
    for corner, share in (
        (0, upper * (1 - right)),
        (1, upper * right),
        (across, lower * (1 - right)),
        (across + 1, lower * right),
    ):
        canvas.scatter_add_(1, at + corner, share)
    return canvas.view(count, 1, height + 3, across)[:, :, 1:-2, 1:-2]
