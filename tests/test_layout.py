"""Frames of several people: who lies where, and how they are laid over each other."""

import numpy as np
import pytest
import torch

from train.layout import PEOPLE, Layout, Place, draw, joined, single


@pytest.mark.parametrize("people", sorted(PEOPLE))
@pytest.mark.parametrize("side", [96, 112, 160])
def test_every_tile_lies_in_its_frame_on_whole_cells(people: int, side: int) -> None:
    rng = np.random.default_rng(people)
    for _ in range(50):
        plan = draw(side, people, rng)
        assert len(plan.places) == people
        for place in plan.places:
            assert place.side >= 16
            assert all(value % 4 == 0 for value in place)
            assert min(place.top, place.left) >= 0
            assert max(place.top, place.left) + place.side <= side


def test_people_come_at_different_sizes_and_sometimes_cover_each_other() -> None:
    rng = np.random.default_rng(0)
    plans = [draw(128, 5, rng) for _ in range(100)]
    sides = {place.side for plan in plans for place in plan.places}
    assert {20, 32, 48, 68, 128} <= sides
    assert any(plan.blurred for plan in plans)
    assert any(plan.plain for plan in plans)

    def covers(one: Place, other: Place) -> bool:
        return (
            abs(one.top + one.side / 2 - other.top - other.side / 2) < (one.side + other.side) / 2
            and abs(one.left + one.side / 2 - other.left - other.side / 2) < (one.side + other.side) / 2
        )

    overlapping = sum(
        covers(p, q)
        for plan in plans
        for i, p in enumerate(plan.places)
        for q in plan.places[:i]
        if q.side < 128
    )
    assert overlapping > 10


def test_the_shares_of_frames_are_all_of_them() -> None:
    assert sum(PEOPLE.values()) == pytest.approx(1)


def test_one_picture_fills_its_frame_untouched() -> None:
    tile = torch.rand(2, 3, 32, 32)
    assert joined([tile], single(32)) is tile


def test_a_small_tile_shows_in_its_middle_and_fades_at_its_edge() -> None:
    behind, before = torch.zeros(1, 3, 64, 64), torch.full((1, 3, 32, 32), 10.0)
    frame = joined([behind, before], Layout(64, (Place(0, 0, 64), Place(16, 8, 32))))
    assert frame[0, 0, 32, 24] == 10
    assert 0 < frame[0, 0, 16, 24] < 5
    assert frame[0, 0, 60, 60] == 0
    assert behind.abs().max() == 0, "and the tile behind is left as it was"


def test_a_plain_background_is_the_blurred_first_tile_with_hardly_any_colour() -> None:
    tile = torch.full((1, 3, 16, 16), 20.0)
    frame = joined([tile], Layout(64, (Place(0, 0, 16),), blurred=True, plain=True))
    assert frame[0, 0, 50, 50] == pytest.approx(20, abs=0.1)
    assert frame[0, 1, 50, 50] == pytest.approx(3, abs=0.1)
    assert frame[0, 1, 8, 8] == pytest.approx(20)
