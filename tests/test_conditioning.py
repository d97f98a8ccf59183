"""Each person's condition reaches their own pixels, and nobody else's."""

import numpy as np
import pytest
import torch

from colorizer.conditioning import group_weights, person_shares, skin_for, vector_for
from colorizer.groups import GROUPS

FIRST, SECOND = vector_for("Asian", {}), vector_for("Black", {})


def test_what_is_chosen_for_a_face() -> None:
    estimate = dict(zip(GROUPS, (0.5, 0.2, 0.1, 0.1, 0.06, 0.04), strict=True))
    np.testing.assert_allclose(vector_for("auto", estimate), list(estimate.values()), rtol=1e-6)
    np.testing.assert_array_equal(vector_for("none", estimate), np.zeros(6))
    for i, group in enumerate(GROUPS):
        np.testing.assert_array_equal(vector_for(group, estimate), np.eye(6)[i])


def test_without_faces_all_is_neutral() -> None:
    weights = group_weights([], [], 20, 30)
    assert weights.shape == (6, 20, 30)
    assert weights.dtype == np.float32
    assert not weights.any()


def test_no_pixel_gets_more_than_everything() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 40, (12, 2))
    boxes = [
        (x, y, x + side, y + side) for (x, y), side in zip(corners, rng.uniform(0.1, 40, 12), strict=True)
    ]
    weights = group_weights(boxes, list(rng.dirichlet(np.ones(6), 12)), 40, 40)
    assert weights.min() >= 0
    assert weights.sum(axis=0).max() <= 1 + 1e-6


def test_a_face_keeps_its_own_condition_and_so_do_neck_and_shoulders() -> None:
    weights = group_weights([(40, 10, 60, 34)], [FIRST], 100, 100)
    assert weights[0, 22, 50] > 0.94  # face
    assert weights[0, 50, 50] > 0.9  # neck
    assert weights[0, 65, 30] > 0.8  # shoulder
    assert weights[1:].max() == 0


def test_far_from_everybody_nothing_is_claimed() -> None:
    weights = group_weights([(5, 5, 15, 17)], [FIRST], 200, 200)
    assert weights[:, :, 100:].max() < 0.01
    assert weights[0, 11, 10] > 0.9


def test_of_two_people_side_by_side_each_keeps_their_own() -> None:
    weights = group_weights([(20, 20, 40, 44), (80, 20, 100, 44)], [FIRST, SECOND], 100, 120)
    assert weights[0, 32, 30] > 0.85
    assert weights[1, 32, 90] > 0.85
    assert weights[1, 32, 30] < 0.1
    assert weights[0, 32, 90] < 0.1
    assert weights[0, 32, 59] == pytest.approx(weights[1, 32, 60], rel=0.01), "and share what is between them"


def test_one_neutral_person_beside_another_is_left_neutral() -> None:
    weights = group_weights([(20, 20, 40, 44), (80, 20, 100, 44)], [vector_for("none", {}), SECOND], 100, 120)
    assert weights[:, 32, 30].sum() < 0.1
    assert weights[1, 32, 90] > 0.85


def test_the_same_people_at_another_size_get_the_same_weights() -> None:
    small = group_weights([(10, 5, 16, 12)], [FIRST], 40, 40)
    large = group_weights([(40, 20, 64, 48)], [FIRST], 160, 160)
    np.testing.assert_allclose(large.reshape(6, 40, 4, 40, 4).mean((2, 4)), small, atol=0.01)


def test_every_box_needs_its_vector() -> None:
    with pytest.raises(ValueError):
        group_weights([(0, 0, 1, 1)], [], 10, 10)


def test_of_two_faces_one_below_the_other_each_keeps_their_own() -> None:
    weights = group_weights([(40, 10, 60, 34), (42, 46, 62, 70)], [FIRST, SECOND], 120, 100)
    assert weights[0, 22, 50] > 0.9
    assert weights[1, 58, 52] > 0.9, "though the first one's body would be here"
    assert weights[0, 58, 52] < 0.06


def test_nobody_takes_part_where_a_box_is_unknown() -> None:
    boxes = torch.tensor([[40.0, 10, 60, 34], [torch.nan] * 4])
    both, alone = person_shares(boxes, 60, 60), person_shares(boxes[:1], 60, 60)
    assert not both[1].any()
    torch.testing.assert_close(both[:1], alone)


def test_a_tone_asks_for_a_colour_and_a_group_for_none() -> None:
    a, b, known = skin_for("Monk 6")
    assert known == 1
    assert 0 < a < b
    assert not skin_for("Indian").any()
    assert not vector_for("Monk 6", {}).any(), "a tone says nothing of a group"
