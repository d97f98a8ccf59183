"""Items are handed out in an order, to one person at a time, and come back by themselves."""

import pytest

from colorizer.groups import GROUPS
from labeling import batches, judging, queue, vocabulary
from labeling.batches import Batch
from labeling.errors import LabelError
from labeling.store import Store
from tests.labeling.filling import Clock, face, fill, key, probabilities, survey


def positions(items: list[queue.Item]) -> list[int]:
    return [item.position for item in items]


def label_all(store: Store, items: list[queue.Item], who: str, label: str = "Nepali") -> None:
    for item in items:
        judging.judge(store, key(), who, item.id, "label", label)


def test_two_people_never_hold_the_same_item(store: Store, batch: Batch) -> None:
    mayas = queue.take(store, "Maya", batch.id)
    rams = queue.take(store, "Ram", batch.id)
    assert positions(mayas) == list(range(10))
    assert positions(rams) == list(range(10, 20))
    more = queue.take(store, "Maya", batch.id, count=3, holding=[item.id for item in mayas])
    assert positions(more) == [20, 21, 22]


def test_a_lease_ends_after_two_minutes_and_renewing_keeps_it(
    store: Store, batch: Batch, clock: Clock
) -> None:
    mayas = queue.take(store, "Maya", batch.id, count=4)
    clock.pass_by(100)
    queue.renew(store, "Maya", [item.id for item in mayas[:2]])
    clock.pass_by(21)
    assert positions(queue.take(store, "Ram", batch.id, count=3)) == [2, 3, 4]
    assert queue.held(store) == {"Maya": 2, "Ram": 3}


def test_a_label_ends_its_lease_and_giving_back_ends_all(store: Store, batch: Batch) -> None:
    mayas = queue.take(store, "Maya", batch.id, count=3)
    judging.judge(store, key(), "Maya", mayas[0].id, "label", "Nepali")
    assert queue.held(store) == {"Maya": 2}
    queue.release(store, "Maya")
    assert positions(queue.take(store, "Ram", batch.id, count=2)) == [1, 2]


def test_a_label_that_comes_after_the_lease_is_kept(store: Store, batch: Batch, clock: Clock) -> None:
    (item,) = queue.take(store, "Maya", batch.id, count=1)
    clock.pass_by(600)
    (again,) = queue.take(store, "Ram", batch.id, count=1)
    assert again.id == item.id
    judging.judge(store, key(), "Maya", item.id, "label", "Nepali")
    judging.judge(store, key(), "Ram", item.id, "label", "Nepali")
    assert len(judging.history(store, item.id)) == 2


def test_as_many_people_judge_an_item_as_are_wanted(store: Store) -> None:
    batch = fill(store, 3, judgements=2)
    label_all(store, queue.take(store, "Maya", batch.id), "Maya")
    assert queue.take(store, "Maya", batch.id) == [], "nobody judges twice"
    rams = queue.take(store, "Ram", batch.id)
    assert len(rams) == 3
    assert queue.take(store, "Sita", batch.id) == [], "Maya has judged and Ram is about to"
    label_all(store, rams[:2], "Ram")
    queue.release(store, "Ram")
    assert positions(queue.take(store, "Sita", batch.id)) == [2]
    batches.edit(store, "Maya", batch.id, judgements=3)
    queue.release(store, "Sita")
    assert positions(queue.take(store, "Sita", batch.id)) == [0, 1, 2], (
        "those with most judgements come first"
    )


def test_the_random_order_is_another_than_that_of_uploading_and_stays(store: Store) -> None:
    batch = fill(store, 60)
    drawn = positions(queue.take(store, "Maya", batch.id, "random", count=60))
    assert sorted(drawn) == list(range(60))
    assert drawn != sorted(drawn)
    assert positions(queue.take(store, "Maya", batch.id, "random", count=60)) == drawn


def test_the_most_uncertain_come_first_and_those_not_looked_at_last(store: Store, batch: Batch) -> None:
    for number, sure in ((3, 0.9), (5, 0.3), (7, 0.6)):
        survey(store, number, [face(estimate=probabilities("Indian", sure))])
    assert positions(queue.take(store, "Maya", batch.id, "uncertain", count=3)) == [5, 7, 3]


def test_balancing_asks_for_the_groups_that_have_fewest_labels(store: Store, batch: Batch) -> None:
    for number in range(18):
        survey(store, number, [face(estimate=probabilities(GROUPS[number // 3], 0.9))])
    first = queue.take(store, "Maya", batch.id, "balanced", count=6)
    assert sorted(item.estimate or "" for item in first) == sorted(GROUPS), (
        "one of each while nothing is labelled"
    )
    for item in first:
        if item.estimate != "Black":
            judging.judge(store, key(), "Maya", item.id, "label", item.estimate)
    queue.release(store, "Maya")
    (following,) = queue.take(store, "Maya", batch.id, "balanced", count=1)
    assert following.estimate == "Black"


def test_likely_mistakes_are_what_a_sure_model_sees_otherwise(store: Store, batch: Batch) -> None:
    for number, (group, sure) in enumerate(
        [("Black", 0.7), ("White", 0.95), ("Indian", 0.99), ("Asian", 0.8)]
    ):
        survey(store, number, [face(estimate=probabilities(group, sure))])
    items = queue.take(store, "Maya", batch.id, count=4)
    label_all(store, items[:3], "Maya", "Indian")
    label_all(
        store, items[3:], "Maya", "Nepali"
    )  # a label that the model does not know can't be its opposite
    found = queue.take(store, "Ram", batch.id, "mistakes")
    assert positions(found) == [1, 0]
    judging.judge(store, key(), "Ram", found[0].id, "label", "Indian")
    assert positions(queue.take(store, "Ram", batch.id, "mistakes")) == [0], "looked at again is looked at"
    judging.judge(store, key(), "Maya", found[0].id, "label", "White")  # a second thought of who labelled it
    assert positions(queue.take(store, "Maya", batch.id, "mistakes")) == [0]


def test_what_i_skipped_comes_only_when_i_ask_for_it(store: Store, batch: Batch) -> None:
    first, second = queue.take(store, "Maya", batch.id, count=2)
    judging.judge(store, key(), "Maya", first.id, "skip")
    judging.judge(store, key(), "Maya", second.id, "label", "Nepali")
    assert positions(queue.take(store, "Maya", batch.id, count=1)) == [2]
    assert positions(queue.take(store, "Maya", batch.id, "skipped")) == [0]
    queue.release(store, "Maya")
    assert positions(queue.take(store, "Ram", batch.id, count=1)) == [0]


def test_retired_and_merged_labels_still_count_where_groups_are_balanced(store: Store, batch: Batch) -> None:
    for number in range(4):
        survey(store, number, [face(estimate=probabilities("Black" if number % 2 else "Asian", 0.9))])
    (item,) = queue.take(store, "Maya", batch.id, count=1)
    new = vocabulary.add(store, "Maya", "East Asian")
    judging.judge(store, key(), "Maya", item.id, "label", "East Asian")
    vocabulary.merge(store, "Maya", new.id, 1)
    assert queue.take(store, "Maya", batch.id, "balanced", count=1)[0].estimate == "Black"


def test_wrong_orders_and_closed_batches_are_refused(store: Store, batch: Batch) -> None:
    with pytest.raises(LabelError, match="choose one of uploaded"):
        queue.take(store, "Maya", batch.id, "alphabetical")
    with pytest.raises(LabelError, match="not on the desk"):
        queue.take(store, "Maya", 77)
    batches.edit(store, "Maya", batch.id, is_closed=True)
    with pytest.raises(LabelError, match="not on the desk"):
        queue.take(store, "Maya", batch.id)


def test_unknown_numbers_that_a_page_holds_break_nothing(store: Store, batch: Batch) -> None:
    assert len(queue.take(store, "Maya", batch.id, count=2, holding=[10**9, 5])) == 2
    queue.renew(store, "Maya", [10**9, -1])
    assert queue.held(store) == {"Maya": 3}


def test_no_numbers_that_a_program_may_send_are_too_many_or_too_large(store: Store, batch: Batch) -> None:
    assert len(queue.take(store, "Maya", batch.id, count=2, holding=range(1, 300_000))) == 0
    with pytest.raises(LabelError, match="not on the desk"):
        queue.take(store, "Maya", 2**40)
    with pytest.raises(LabelError, match="There is no batch 1267650600228229401496703205376; there are"):
        batches.find(store, 2**100)
