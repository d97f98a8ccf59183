"""What is told in training goes with the truth that is to be painted, and nothing else of the truth changes."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from colorizer.groups import GROUPS
from colorizer.palette import NEUTRAL_SKIN, REFERENCE
from train.data import UNKNOWN
from train.planes import People, people
from train.recipe_parts import Told
from train.telling import Lesson, Telling, find_skin

SIDE, COUNT = 64, 24
SKIN, WALL = (62.0, 14.0, 18.0), (40.0, -6.0, -12.0)
BOXES = torch.tensor([[0.1, 0.2, 0.4, 0.6], [0.6, 0.2, 0.9, 0.6]])
ASIAN, WHITE = GROUPS.index("Asian"), GROUPS.index("White")


def two_people() -> tuple[Tensor, People]:
    """Frames with two faces of flat skin before a bluish wall, (COUNT, 3, SIDE, SIDE), and their maps."""
    box = BOXES.expand(COUNT, 2, 4)
    who = people(box, SIDE // 4)
    large = people(box, SIDE).face.amax(1, keepdim=True)
    skin, wall = (torch.tensor(color).view(3, 1, 1) for color in (SKIN, WALL))
    return torch.where(large > 0, skin, wall), who


def tell(seed: int = 0, ethnicity: Tensor | None = None, **how: Any) -> tuple[Tensor, Lesson, People]:
    """The truth as it was, the lesson and its people."""
    torch.manual_seed(seed)
    lab, who = two_people()
    labels = torch.tensor([ASIAN, WHITE]).expand(COUNT, 2) if ethnicity is None else ethnicity
    condition = one_hot(labels.clamp_min(0), len(GROUPS)).float()
    return lab, Telling(Told(**how))(lab, who, condition, labels), who


def test_told_nothing_the_truth_stays_and_only_groups_are_said() -> None:
    lab, lesson, _ = tell(light=1e-9)
    torch.testing.assert_close(lesson.lab, lab)
    assert not any(part.any() for part in (lesson.skin, lesson.light, lesson.hints))
    assert lesson.groups[0, ASIAN, 6, 4] > 0.8
    assert lesson.groups[0, WHITE, 6, 11] > 0.8


def test_skin_is_found_with_its_colour() -> None:
    lab, who = two_people()
    mask, color, known = find_skin(torch.nn.functional.interpolate(lab, (16, 16), mode="area"), who)
    assert known.all()
    wanted = torch.tensor(SKIN[1:]) * REFERENCE / (SKIN[0] + 16)
    torch.testing.assert_close(
        color, wanted.expand(COUNT, 2, 2), atol=2.5, rtol=0
    )  # cells at the edge are half wall
    assert mask[0, 0, 6, 4] == 1
    assert mask[0, 0, :, 8:].sum() == 0
    nobody = people(torch.full((COUNT, 2, 4), torch.nan), 16)
    assert not find_skin(torch.rand(COUNT, 3, 16, 16), nobody)[2].any()


def test_the_light_is_the_pictures_mean_and_another_white_balance_moves_both() -> None:
    lab, lesson, _ = tell(light=1.0, white_balance=8.0)
    assert (lesson.light[:, 2] == 1).all()
    moved = lesson.lab[:, 1:].mean((2, 3)) - lab[:, 1:].mean((2, 3))
    assert moved.std() > 3
    torch.testing.assert_close(lesson.light[:, :2], lesson.lab[:, 1:].mean((2, 3)), atol=4.5, rtol=0)
    torch.testing.assert_close(lesson.lab[:, 0], lab[:, 0])


def test_a_person_who_is_told_of_has_that_skin_and_nobody_else_changes() -> None:
    lab, lesson, _ = tell(skin=1.0)
    change = (lesson.lab - lab)[:, 1:].abs().amax(1)  # (COUNT, SIDE, SIDE)
    told = lesson.skin[:, 2, 6, (4, 11)] > 0.5  # (COUNT, 2)
    assert 0.5 < told.float().mean() < 0.9
    for person, column in enumerate((16, 48)):
        untold = change[:, 24, column][~told[:, person]]
        assert untold.max() < 0.01
        seen = lesson.lab[:, 1:, 24, column] * REFERENCE / (SKIN[0] + 16)  # at L* 50
        share = lesson.skin[:, 2:, 6, (4, 11)[person]]
        asked = lesson.skin[:, :2, 6, (4, 11)[person]] / share.clamp_min(0.1)
        off = (seen - asked)[told[:, person]].abs()
        assert off.max() < 5, "its noise is 1"
        assert off.mean() < 2.2
    assert change[:, 50:, 30:34].max() < 0.01, "the wall between them stays"


def test_told_another_group_skin_moves_by_the_measured_difference() -> None:
    lab, lesson, _ = tell(swap=1.0)
    group = lesson.groups[:, :, 6, 4].argmax(1)
    swapped = group != ASIAN
    assert 0.4 < swapped.float().mean() < 0.95
    change = (lesson.lab - lab)[:, 1:, 24, 16] * REFERENCE / (SKIN[0] + 16)
    for frame in range(COUNT):
        new, old = NEUTRAL_SKIN[GROUPS[int(group[frame])]], NEUTRAL_SKIN["Asian"]
        wanted = torch.tensor(new) - torch.tensor(old)
        torch.testing.assert_close(change[frame], wanted, atol=0.05, rtol=0)


def test_nobody_is_swapped_without_a_label() -> None:
    unlabelled = torch.full((COUNT, 2), UNKNOWN)
    lab, lesson, _ = tell(swap=1.0, ethnicity=unlabelled)
    torch.testing.assert_close(lesson.lab, lab)


def test_hints_say_the_colour_that_is_to_be_painted_there_also_of_dyed_things() -> None:
    lab, lesson, _ = tell(hints=1.0)
    points = lesson.hints[:, 2] > 0
    counts = points.sum((1, 2))
    assert counts.min() >= 1
    assert counts.max() <= 7
    true = torch.nn.functional.interpolate(lesson.lab, (16, 16), mode="area")[:, 1:]
    off = (lesson.hints[:, :2] - true).permute(0, 2, 3, 1)[points]
    assert off.abs().max() < 5
    dyed = (lesson.lab - lab).abs().amax((1, 2, 3)) > 4
    assert 0.2 < dyed.float().mean() < 0.8
    on_skin = ((lesson.lab - lab)[:, 1:].abs().amax(1)[:, 24, 16]).max()
    assert on_skin < 4, "people are not dyed"


@pytest.mark.parametrize("seed", range(3))
def test_all_at_once_stays_finite_and_in_shape(seed: int) -> None:
    lab, lesson, _ = tell(seed, light=0.5, white_balance=5, skin=0.5, swap=0.5, hints=0.5)
    assert lesson.lab.shape == lab.shape
    assert lesson.groups.shape == (COUNT, 6, 16, 16)
    assert lesson.skin.shape == lesson.hints.shape == (COUNT, 3, 16, 16)
    assert lesson.is_skin.shape == (COUNT, 1, 16, 16)
    assert all(torch.isfinite(part).all() for part in lesson)
