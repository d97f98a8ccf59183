"""Kappa and alpha against published values and other implementations; what is said with few data."""

import time

import numpy as np
import pytest

from labeling.agreement import ENOUGH, alpha, gather, kappa, measure, mixed_up
from labeling.tally import Entry
from tests.labeling.disagreeing import judged

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability": example C, four observers, twelve units.
FOUR_OBSERVERS = {
    "A": "123321412...",
    "B": "1233224125.3",
    "C": ".3332342251.",
    "D": "12332441251.",
}


def as_items(observers: dict[str, str]) -> list[Entry]:
    length = len(next(iter(observers.values())))
    return [
        judged({who: said[k] for who, said in observers.items() if said[k] != "."}, k) for k in range(length)
    ]


def test_kappa_of_a_textbook_table() -> None:
    # Fleiss, Levin and Paik (2003), table 18.1: 100 people, two raters; kappa 0.676, standard error 0.088.
    found = kappa(np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert found.n == 100
    assert found.agreed == pytest.approx(0.89)
    assert found.value == pytest.approx(0.6765, abs=1e-4)
    assert (found.low, found.high) == pytest.approx((0.676 - 1.96 * 0.0877, 0.676 + 1.96 * 0.0877), abs=1e-3)
    assert found.why == ""


@pytest.mark.parametrize(
    ("table", "value"),
    [([[20, 5], [10, 15]], 0.4), ([[45, 15], [25, 15]], 0.1304), ([[25, 35], [5, 35]], 0.2593)],
)
def test_kappa_of_the_usual_examples(table: list[list[int]], value: float) -> None:
    assert kappa(np.array(table)).value == pytest.approx(value, abs=1e-4)


def test_kappa_is_what_scikit_learn_says() -> None:
    from sklearn.metrics import cohen_kappa_score

    draw = np.random.default_rng(1)
    one, other = draw.integers(0, 5, 400), draw.integers(0, 5, 400)
    other[:250] = one[:250]
    items = [
        judged({"Asha": str(a), "Bina": str(b)}, k) for k, (a, b) in enumerate(zip(one, other, strict=True))
    ]
    pair = measure(gather(items)).pairs[0]
    assert (pair.one, pair.other, pair.kappa.n) == ("Asha", "Bina", 400)
    assert pair.kappa.value == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)


def test_interval_of_kappa_covers_the_truth_as_often_as_it_says() -> None:
    truth = np.array([[0.4, 0.05, 0.05], [0.05, 0.2, 0.05], [0.02, 0.03, 0.15]])
    chance = truth.sum(1) @ truth.sum(0)
    value = (truth.trace() - chance) / (1 - chance)
    draw = np.random.default_rng(2)
    found = [kappa(draw.multinomial(150, truth.ravel()).reshape(3, 3)) for _ in range(1000)]
    covered = np.mean([one.low <= value <= one.high for one in found])
    assert 0.93 < covered < 0.97


@pytest.mark.parametrize(
    ("observers", "value"),
    [
        # The same paper's examples A (two values), B (five values) and C.
        ({"Meg": "0100000010", "Owen": "1110010000"}, 0.095),
        ({"Meg": "aabbdcccedda", "Owen": "babbbccceddd"}, 0.692),
        (FOUR_OBSERVERS, 0.743),
    ],
)
def test_alpha_of_the_published_examples(observers: dict[str, str], value: float) -> None:
    assert measure(gather(as_items(observers))).alpha.value == pytest.approx(value, abs=5e-4)


def test_alpha_counts_only_items_with_two_answers() -> None:
    found = measure(gather(as_items(FOUR_OBSERVERS)))
    assert (len(found.ratings.codes), found.alpha.n) == (12, 11)


def test_interval_of_alpha_narrows_with_more_items_and_holds_the_value() -> None:
    table = np.array([[3, 0, 0], [0, 3, 0], [2, 1, 0], [0, 0, 3], [1, 1, 1], [0, 2, 1]])
    few, many = alpha(np.tile(table, (5, 1))), alpha(np.tile(table, (50, 1)))
    for found in (few, many):
        assert found.low is not None
        assert found.low < found.value < found.high
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(np.sqrt(10), rel=0.15)


def test_faces_of_one_photo_are_no_independent_looks() -> None:
    table = np.tile([[3, 0], [0, 3], [2, 1], [1, 2]], (40, 1))
    each = alpha(table)
    together = alpha(table, np.repeat(np.arange(40), 4))
    assert together.value == pytest.approx(each.value)
    assert together.high - together.low < each.high - each.low  # every photo has the same four faces
    copies = alpha(np.repeat(table, 4, 0), np.repeat(np.arange(160), 4))
    assert copies.high - copies.low == pytest.approx(each.high - each.low, rel=0.1)


def test_few_items_have_no_interval_and_say_so() -> None:
    items = [judged({"Asha": "x", "Bina": "x" if k % 3 else "y"}, k) for k in range(ENOUGH - 1)]
    items[0] = judged({"Asha": "y", "Bina": "y"})
    found = measure(gather(items))
    for one in (found.alpha, found.pairs[0].kappa):
        assert one.value is not None
        assert one.n == ENOUGH - 1
        assert (one.low, one.high) == (None, None)
        assert str(ENOUGH - 1) in one.why


def test_nothing_in_common_is_no_number() -> None:
    found = measure(gather([judged({"Asha": "x"}, 1), judged({"Bina": "y"}, 2)]))
    assert found.alpha.value is None
    assert "two people" in found.alpha.why
    assert found.pairs == ()
    assert kappa(np.zeros((2, 2), int)).why


def test_one_answer_to_everything_is_no_agreement_beyond_chance() -> None:
    found = measure(gather([judged({"Asha": "x", "Bina": "x"}, k) for k in range(50)]))
    for one in (found.alpha, found.pairs[0].kappa):
        assert one.value is None
        assert one.agreed == 1
        assert "chance" in one.why


def test_full_agreement_is_not_certain() -> None:
    items = [judged({"Asha": "xy"[k % 2], "Bina": "xy"[k % 2]}, k) for k in range(30)]
    found = measure(gather(items))
    for one in (found.alpha, found.pairs[0].kappa):
        assert (one.value, one.high) == (1, 1)
        assert 0.6 < one.low < 0.85  # of 30 of 30, the exact bound is 0.884 of items


def test_skips_are_no_answers_and_unusable_is_one() -> None:
    ratings = gather([judged({"Asha": "x", "Bina": None, "Chandra": "unusable"})])
    assert ratings.people == ("Asha", "Chandra")
    assert ratings.labels == ("x", "unusable")
    assert gather([judged({"Asha": "x", "Chandra": "unusable"})], leave_out=["unusable"]).people == ("Asha",)


def test_labels_keep_the_vocabularys_order() -> None:
    items = [judged({"Asha": "White", "Bina": "Black", "Chandra": "unusable", "Dil": "old"})]
    assert gather(items, ["White", "Indian", "Black"]).labels == ("White", "Black", "old", "unusable")


def test_answers_under_a_suggestion_are_counted_and_can_be_left_out() -> None:
    items = [judged({"Asha": "x", "Bina": "y"}, suggested=["Bina"])]
    assert gather(items).suggested == 1
    assert gather(items, with_suggested=False).people == ("Asha",)


def test_confusion_has_one_person_in_rows() -> None:
    items = [
        judged({"Asha": "x", "Bina": "y"}, 1),
        judged({"Asha": "x", "Bina": "y"}, 2),
        judged({"Asha": "y", "Bina": "y", "Chandra": "x"}, 3),
        judged({"Asha": "x"}, 4),
    ]
    ratings = gather(items)
    assert ratings.confusion("Asha", "Bina").tolist() == [[0, 2], [0, 1]]
    assert ratings.confusion("Bina", "Asha").tolist() == [[0, 0], [2, 1]]


def test_prevalence_counts_every_answer_also_where_nobody_else_gave_one() -> None:
    items = [judged({"Asha": "x", "Bina": "y"}, 1), judged({"Asha": "x"}, 2)]
    found = measure(gather(items))
    assert found.counts.tolist() == [[2, 0], [0, 1]]


def test_mixed_up_answers_come_most_frequent_first() -> None:
    items = [judged({"Asha": "x", "Bina": "y"}, k) for k in range(3)]
    items += [
        judged({"Asha": "x", "Bina": "x", "Chandra": "z"}, 4),
        judged({"Asha": "y", "Bina": "y"}, 5),
    ]
    first, second = mixed_up(gather(items))
    assert (first.one, first.other, first.both, first.either) == ("x", "y", 3, 5)
    assert (second.one, second.other, second.both, second.either) == ("x", "z", 1, 4)


def test_pairs_with_most_in_common_come_first() -> None:
    items = [judged({"Asha": "x", "Bina": "x"}, 1)]
    items += [judged({"Bina": "xy"[k % 2], "Chandra": "x"}, 2 + k) for k in range(5)]
    assert [(pair.one, pair.other, pair.kappa.n) for pair in measure(gather(items)).pairs] == [
        ("Bina", "Chandra", 5),
        ("Asha", "Bina", 1),
    ]


def test_nobody_said_anything() -> None:
    found = measure(gather([]))
    assert found.ratings.people == ()
    assert (found.alpha.value, found.pairs, found.mixed_up) == (None, (), ())


def test_a_hundred_thousand_items_take_seconds() -> None:
    draw = np.random.default_rng(3)
    labels = [f"label {k}" for k in range(8)]
    said = draw.integers(0, 8, (100_000, 3))
    said[:, 1] = np.where(draw.random(100_000) < 0.8, said[:, 0], said[:, 1])
    items = [
        judged({"Asha": labels[a], "Bina": labels[b], "Chandra": labels[c]}, k)
        for k, (a, b, c) in enumerate(said.tolist())
    ]
    start = time.process_time()
    found = measure(gather(items))
    assert time.process_time() - start < 10
    assert found.alpha.n == 100_000
    assert found.alpha.high - found.alpha.low < 0.01
