"""What is made of votes: intervals and strengths against published values, ties, catch trials, people fooled."""

import math

import numpy as np
import pytest

from labeling import bradley_terry, ranking
from labeling.bradley_terry import Meeting
from labeling.ranking import TRUTH, WRONG, Vote

# Agresti, Categorical Data Analysis (1990), table 10.10: wins of American League teams over each other in 1987, and
# the strengths that he gives for them, Baltimore's being 0.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)
STRENGTHS = (1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0)


def vote(left: str, right: str, choice: str, who: str = "asha", photo: int = 1) -> Vote:
    return Vote(who, photo, left, right, choice)


def test_wilson_is_the_published_interval() -> None:
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20 and 1 of 29.
    for k, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        share = ranking.wilson(k, n)
        assert share is not None
        assert (round(share.low, 4), round(share.high, 4)) == (low, high)
    assert ranking.wilson(0, 0) is None


def test_strengths_are_the_textbooks() -> None:
    meetings = [
        Meeting(TEAMS[i], TEAMS[j], 1.0, "umpire", f"{i}-{j}-{k}")
        for i in range(7)
        for j in range(7)
        for k in range(WINS[i, j])
    ]
    found = bradley_terry.fit(meetings, TEAMS, resamples=20)
    assert found is not None
    assert sum(one.value for one in found) == pytest.approx(0, abs=1e-9)
    for one, published in zip(found, STRENGTHS, strict=True):
        assert one.value - found[-1].value == pytest.approx(published, abs=0.03)
        assert one.low < one.value < one.high


def simulated(strengths: dict[str, float], people: int, photos: int, seed: int) -> list[Vote]:
    rng, votes = np.random.default_rng(seed), []
    names = list(strengths)
    for person in range(people):
        for photo in range(photos):
            i, j = rng.choice(len(names), 2, replace=False)
            chance = 1 / (1 + math.exp(strengths[names[j]] - strengths[names[i]]))
            choice = "left" if rng.random() < chance else "right"
            votes.append(vote(names[i], names[j], choice, f"p{person}", photo))
    return votes


def test_the_ranking_finds_the_strengths_that_made_the_votes() -> None:
    true = {"cnn": -1.2, "unet": -0.3, "default": 0.5, TRUTH: 1.0}
    held = 0
    for seed in range(8):
        ranks, why = ranking.rank(simulated(true, 12, 60, seed), list(true), resamples=120)
        assert why == ""
        assert [rank.contestant for rank in ranks] == [TRUTH, "default", "unet", "cnn"]
        held += sum(rank.low <= true[rank.contestant] <= rank.high for rank in ranks)
        assert all(rank.high - rank.low < 1.0 for rank in ranks)
    assert held >= 28, "of 32 intervals of 95 %"


def test_people_who_agree_with_themselves_widen_the_intervals() -> None:
    """Ten people who each say the same of every photo know no more than ten votes do."""
    votes = [
        vote(one, other, "left" if person < 7 else "right", f"p{person}", photo)
        for person in range(10)
        for photo in range(30)
        for one, other in (("a", "b"), ("b", "c"), ("a", "c"))
    ]
    ranks, _ = ranking.rank(votes, ("a", "b", "c"), resamples=200)
    alone, _ = ranking.rank(
        [Vote("one", i, v.left, v.right, v.choice) for i, v in enumerate(votes)], ("a", "b", "c"), 200
    )
    assert ranks[0].strength == pytest.approx(alone[0].strength)
    assert ranks[0].high - ranks[0].low > 3 * (alone[0].high - alone[0].low)


def test_a_contestant_that_never_lost_is_strong_but_not_infinitely() -> None:
    votes = [vote("a", other, "left", f"p{i}", i) for i in range(20) for other in ("b", "c")] + [
        vote("b", "c", "tie", f"p{i}", i) for i in range(20)
    ]
    ranks, _ = ranking.rank(votes, ("a", "b", "c"), resamples=50)
    assert ranks[0].contestant == "a"
    assert 3 < ranks[0].strength < 10
    assert ranks[1].strength == pytest.approx(ranks[2].strength, abs=1e-6), "they tied each time"
    assert (ranks[1].won, ranks[1].lost, ranks[1].ties) == (0, 20, 20)


def test_there_is_no_ranking_of_two_nor_of_who_never_met() -> None:
    assert "Two" in ranking.rank([vote("a", "b", "left")], ("a", "b"))[1]
    ranks, why = ranking.rank([vote("a", "b", "left"), vote("c", "d", "left")], ("a", "b", "c", "d"))
    assert ranks == []
    assert "too few" in why
    assert ranking.rank([], ("a", "b", "c"))[1] == why


def test_pairs_count_both_sides_and_leave_ties_out_of_the_share() -> None:
    votes = [
        vote("a", "b", "left", "p1"),
        vote("b", "a", "right", "p2"),
        vote("b", "a", "left", "p3"),
        vote("a", "b", "tie", "p4"),
    ]
    (pair,) = ranking.pair_results(votes, ("a", "b", "c"))
    assert (pair.first_won, pair.second_won, pair.ties) == (2, 1, 1)
    assert pair.share is not None
    assert (pair.share.k, pair.share.n) == (2, 3)
    (only_ties,) = ranking.pair_results([vote("a", "b", "tie")], ("a", "b"))
    assert only_ties.share is None


def test_the_fooled_are_counted_by_votes_and_by_people() -> None:
    votes = [
        *(vote("unet", TRUTH, "left", "asha", i) for i in range(3)),  # fooled three times
        vote(TRUTH, "unet", "left", "asha", 3),
        *(vote(TRUTH, "unet", "left", "bina", i) for i in range(4)),  # never fooled
        *(vote(TRUTH, "unet", "tie", "chen", i) for i in range(2)),  # never said
        vote("cnn", "unet", "left", "asha", 5),
    ]
    (one,) = ranking.fooled(votes, ("cnn", "unet", TRUTH))
    assert one.contestant == "unet"
    assert (one.chosen.k, one.chosen.n, one.ties) == (3, 10, 2)
    assert one.people is not None
    assert (one.people.k, one.people.n) == (1, 2), "of those who ever chose"


def test_whoever_misses_catch_trials_is_left_out_and_named() -> None:
    careful = [vote("a", TRUTH, "right", "asha", i) for i in range(6)]
    careful += [vote(WRONG, TRUTH, "right", "asha", i) for i in range(4)]
    slipped = [vote("a", TRUTH, "right", "bina", i) for i in range(3)]
    slipped += [vote(TRUTH, WRONG, "left" if i else "tie", "bina", i) for i in range(4)]
    careless = [vote("a", TRUTH, "left", "chen", i) for i in range(9)]
    careless += [vote(TRUTH, WRONG, "left", "chen", 1), vote(TRUTH, WRONG, "right", "chen", 2)]
    votes = careful + slipped + careless
    results = ranking.judge_votes(votes, ("a", TRUTH))
    assert {(one.who, one.votes, one.catches, one.missed, one.is_left_out) for one in results.voters} == {
        ("chen", 9, 2, 1, True),
        ("asha", 6, 4, 0, False),
        ("bina", 3, 4, 1, False),
    }
    assert results.votes == 9
    assert results.fooled[0].chosen.k == 0
    everybody = ranking.judge_votes(votes, ("a", TRUTH), leave_out=False)
    assert everybody.votes == 18
    assert everybody.fooled[0].chosen.value == 0.5


def test_choosing_one_side_by_habit_shows() -> None:
    results = ranking.judge_votes(
        [vote("a", "b", "left", "p", i) for i in range(30)] + [vote("a", "b", "tie")], ("a", "b")
    )
    assert results.left_chosen is not None
    assert (results.left_chosen.k, results.left_chosen.n) == (30, 30)
    assert results.left_chosen.low > 0.85


def test_no_votes_are_no_results() -> None:
    results = ranking.judge_votes([], ("a", "b", TRUTH))
    assert (results.votes, results.pairs, results.ranking, results.fooled, results.voters) == (
        0,
        (),
        (),
        (),
        (),
    )
    assert results.left_chosen is None
