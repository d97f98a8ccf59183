"""The queue of conflicts, and what an owner's decision does."""

from typing import Any

import pytest
import sqlalchemy as sa

from labeling import conflicts, judging, schema, vocabulary
from labeling.conflicts import Waiting, conflict, queue, reopen, settle
from labeling.errors import LabelError
from labeling.looks import set_survey
from labeling.outcome import votes
from labeling.store import Store
from labeling.tally import tally
from tests.labeling.disagreeing import add_batch, items_of, key, say


@pytest.fixture
def items(store: Store) -> list[int]:
    """Five photos: one to one, two to one, all the same, label against unusable, one person only."""
    items = add_batch(store, "hills", 5)
    say(store, items[0], {"Asha": "Nepali", "Bina": "Indian"})
    say(store, items[1], {"Asha": "Nepali", "Bina": "Indian", "Chandra": "Nepali"})
    say(store, items[2], {"Asha": "White", "Bina": "White"})
    say(store, items[3], {"Asha": "unusable", "Bina": "Nepali"})
    say(store, items[4], {"Asha": "Black", "Bina": "skip"})
    return items


def outcome(store: Store, item: int) -> str | None:
    batch = store_batch(store, item)
    (found,) = votes(store, batch, items=[item])
    return found.outcome


def store_batch(store: Store, item: int) -> int:
    with store.reading() as connection:
        return int(connection.scalar(sa.select(schema.items.c.batch).where(schema.items.c.id == item)))


def numbers(waiting: list[Waiting]) -> list[int]:
    return [one.item for one in waiting]


def test_only_what_comes_to_nothing_is_open(store: Store, items: list[int]) -> None:
    assert numbers(queue(store)) == [items[0], items[3]]
    assert numbers(queue(store, state="majority")) == [items[1]]
    assert queue(store, state="settled") == []


def test_batches_follow_each_other_in_their_own_order(store: Store, items: list[int]) -> None:
    other = add_batch(store, "lake", 3, start=50)
    for item in reversed(other):
        say(store, item, {"Asha": "Nepali", "Bina": "Indian"})
    assert numbers(queue(store)) == [items[0], items[3], *other]
    assert numbers(queue(store, batch=store_batch(store, other[0]))) == other


def test_a_decision_counts_whatever_the_votes_say_and_changes_none(store: Store, items: list[int]) -> None:
    before = conflict(store, items[0]).item.votes
    settle(store, key(), "Olga", items[0], "Nepali", decision=0)
    assert outcome(store, items[0]) == "Nepali"
    assert numbers(queue(store)) == [items[3]]
    assert numbers(queue(store, state="settled")) == [items[0]]
    shown = conflict(store, items[0])
    assert (shown.settled_by, shown.item.settled, shown.state) == ("Olga", "Nepali", "settled")
    assert shown.item.votes == before


def test_a_majority_can_be_overruled(store: Store, items: list[int]) -> None:
    assert outcome(store, items[1]) == "Nepali"
    settle(store, key(), "Olga", items[1], "Indian")
    assert outcome(store, items[1]) == "Indian"
    assert queue(store, state="majority") == []


def test_a_decision_can_be_taken_back_and_made_again(store: Store, items: list[int]) -> None:
    settle(store, key(), "Olga", items[1], "Indian")
    reopen(store, key(), "Olga", items[1], decision=conflict(store, items[1]).decision)
    assert outcome(store, items[1]) == "Nepali"
    assert conflict(store, items[1]).state == "majority"
    settle(store, key(), "Olga", items[1], "White", decision=conflict(store, items[1]).decision)
    assert outcome(store, items[1]) == "White"
    kinds = [event.kind for event in judging.history(store, items[1])]
    assert kinds.count("settle") == 3  # all of it stays in the history


def test_what_was_never_settled_cannot_be_opened_again(store: Store, items: list[int]) -> None:
    with pytest.raises(LabelError, match="nothing to take back"):
        reopen(store, key(), "Olga", items[0])
    assert judging.history(store, items[0])[-1].kind == "label"


def test_two_owners_at_once_do_not_overrule_each_other_unseen(store: Store, items: list[int]) -> None:
    seen = conflict(store, items[0]).decision
    settle(store, key(), "Olga", items[0], "Nepali", seen)
    with pytest.raises(LabelError, match=r"Olga has just settled hills-000\.jpg as Nepali"):
        settle(store, key(), "Pema", items[0], "Indian", seen)
    assert outcome(store, items[0]) == "Nepali"
    seen = conflict(store, items[0]).decision
    reopen(store, key(), "Olga", items[0], seen)
    with pytest.raises(LabelError, match="votes count again"):
        reopen(store, key(), "Pema", items[0], seen)


def test_an_owner_who_decides_at_the_very_same_moment_comes_too_late(
    store: Store, items: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, is_first, plain = conflict(store, items[0]).decision, True, judging.settle

    def after_pema(*given: Any, **named: Any) -> Any:
        nonlocal is_first
        if is_first:
            is_first = False
            settle(store, key(), "Pema", items[0], "Indian", seen)
        return plain(*given, **named)

    monkeypatch.setattr(judging, "settle", after_pema)
    with pytest.raises(LabelError, match=r"Pema has just settled hills-000\.jpg as Indian"):
        settle(store, key(), "Olga", items[0], "Nepali", seen)
    assert outcome(store, items[0]) == "Indian"


def test_a_request_sent_twice_is_one_decision(store: Store, items: list[int]) -> None:
    seen, sent = conflict(store, items[0]).decision, key()
    first = settle(store, sent, "Olga", items[0], "Nepali", seen)
    again = settle(store, sent, "Olga", items[0], "Nepali", seen)
    assert (again.event, again.is_repeat) == (first.event, True)
    back, seen = key(), conflict(store, items[0]).decision
    first = reopen(store, back, "Olga", items[0], seen)
    assert reopen(store, back, "Olga", items[0], seen).event == first.event


def test_every_vote_and_note_is_shown_with_its_person(store: Store, items: list[int]) -> None:
    say(store, items[0], {"Bina": "note: the cap hides the hair"})
    say(store, items[0], {"Chandra": "Indian"})
    say(store, items[0], {"Chandra": "skip"})  # thought again
    shown = conflict(store, items[0])
    assert [(vote.who, vote.label) for vote in shown.item.votes if vote.kind == "label"] == [
        ("Asha", "Nepali"),
        ("Bina", "Indian"),
    ]
    assert [(note.who, note.text) for note in shown.notes] == [("Bina", "the cap hides the hair")]
    assert list(conflicts.by_answer(shown)) == [("Nepali", ["Asha"]), ("Indian", ["Bina"])]
    assert shown.batch.name == "hills"


def test_an_unusable_vote_against_a_label_shows_its_reason(store: Store, items: list[int]) -> None:
    assert list(conflicts.by_answer(conflict(store, items[3]))) == [
        ("unusable: drawing", ["Asha"]),
        ("Nepali", ["Bina"]),
    ]


def test_a_merge_ends_the_conflicts_between_its_labels(store: Store, items: list[int]) -> None:
    labels = {label.name: label.id for label in vocabulary.labels(store)}
    vocabulary.merge(store, "Olga", labels["Indian"], labels["Nepali"])
    assert numbers(queue(store)) == [items[3]]
    assert queue(store, state="majority") == []


def test_a_further_vote_can_end_a_conflict(store: Store, items: list[int]) -> None:
    say(store, items[3], {"Chandra": "Nepali"})
    assert numbers(queue(store)) == [items[0]]


def test_faces_have_conflicts_of_their_own(store: Store, items: list[int]) -> None:
    from colorizer.faces import Face

    landmarks = ((0.0, 0.0),) * 5
    shown = votes(store, 1, items=[items[2]])[0].photo
    set_survey(
        store, shown, [Face((10, 10, 60, 70), landmarks, 0.99), Face((80, 10, 130, 70), landmarks, 0.98)]
    )
    first, second = items_of(store, 1, by_face=True)
    say(store, first, {"Asha": "Nepali", "Bina": "Nepali"})
    say(store, second, {"Asha": "Nepali", "Bina": "White"})
    assert numbers(queue(store, by_face=True)) == [second]
    assert conflict(store, second).item.face == 2
    assert numbers(queue(store)) == [items[0], items[3]]


def test_items_that_nobody_judged_are_refused(store: Store, items: list[int]) -> None:
    (untouched,) = add_batch(store, "lake", 1, start=90)
    for item in (untouched, 10_000):
        with pytest.raises(LabelError):
            conflict(store, item)


def test_an_owner_can_take_a_picture_out_whatever_the_votes_say(store: Store, items: list[int]) -> None:
    batch = store_batch(store, items[2])
    saved = settle(store, key(), "Olga", items[2], None, unusable="no consent")
    (found,) = votes(store, batch, items=[items[2]])
    assert (found.outcome, found.is_unusable, found.is_conflict) == (None, True, False)
    (entry,) = tally(store, batch, items=[items[2]])
    assert (entry.outcome, entry.is_conflict) == (None, False)
    assert numbers(queue(store, state="settled")) == [items[2]]
    assert conflict(store, items[2]).decided == "unusable: no consent"
    reopen(store, key(), "Olga", items[2], saved.event)
    assert outcome(store, items[2]) == "White"
    assert queue(store, state="settled") == []


def test_a_decision_says_a_label_or_a_known_reason(store: Store, items: list[int]) -> None:
    for label, unusable in ((None, ""), (None, "ugly"), ("Nepali", "drawing")):
        with pytest.raises(LabelError):
            settle(store, key(), "Olga", items[0], label, unusable=unusable)
    assert judging.history(store, items[0])[-1].kind == "label"
