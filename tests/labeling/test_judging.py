"""Decisions are events: saved once, superseded and not changed, undone step by step."""

import pytest

from labeling import judging, looks, outcome, queue
from labeling.batches import Batch
from labeling.errors import LabelError
from labeling.judgement import Judgement
from labeling.judging import judge, undo
from labeling.store import Store
from tests.labeling.filling import Clock, fill, key


def items_of(store: Store, batch: Batch, count: int = 5) -> list[int]:
    found = [item.id for item in queue.take(store, "somebody", batch.id, count=count)]
    queue.release(store, "somebody")
    return found


def says(store: Store, batch: Batch, item: int) -> str | None:
    (found,) = outcome.votes(store, batch.id, items=[item])
    return found.outcome


def test_a_label_is_an_event_with_all_that_belongs_to_it(store: Store, batch: Batch, clock: Clock) -> None:
    (item,) = items_of(store, batch, 1)
    shown = {"Asian": 0.25, "Indian": 0.75}
    saved = judge(store, "a-key-of-mine", "Maya", item, "label", "Nepali", suggestion=shown, seconds=2.5)
    (event,) = judging.history(store, item)
    assert event.id == saved.event
    assert (event.who, event.kind, event.word, event.at) == ("Maya", "label", "Nepali", clock.now)
    assert (event.suggestion, event.seconds, event.via) == (shown, 2.5, "page")
    assert event.superseded_by == 0


def test_without_help_on_screen_nothing_is_said_of_it(store: Store, batch: Batch) -> None:
    (item,) = items_of(store, batch, 1)
    judge(store, key(), "Maya", item, "label", "Nepali")
    (found,) = outcome.votes(store, batch.id)
    assert [vote.suggestion_shown for vote in found.votes] == [False]
    assert judging.history(store, item)[0].suggestion is None


def test_a_request_sent_twice_is_one_event(store: Store, batch: Batch) -> None:
    (item,) = items_of(store, batch, 1)
    first = judge(store, "the-same-key", "Maya", item, "label", "Nepali")
    again = judge(store, "the-same-key", "Maya", item, "label", "Nepali")
    assert (again.event, again.is_repeat, first.is_repeat) == (first.event, True, False)
    assert len(judging.history(store, item)) == 1
    with pytest.raises(LabelError, match="somebody else's"):
        judge(store, "the-same-key", "Ram", item, "label", "Asian")


def test_a_second_thought_supersedes_the_first(store: Store, batch: Batch) -> None:
    (item,) = items_of(store, batch, 1)
    first = judge(store, key(), "Maya", item, "label", "Nepali")
    second = judge(store, key(), "Maya", item, "label", "Indian")
    events = judging.history(store, item)
    assert [event.superseded_by for event in events] == [second.event, 0]
    assert events[0].id == first.event
    assert events[0].word == "Nepali"
    assert says(store, batch, item) == "Indian"
    with store.reading() as connection:
        from labeling.schema import items

        assert (
            connection.scalar(items.select().with_only_columns(items.c.judged).where(items.c.id == item)) == 1
        )


def test_undo_goes_back_any_number_of_steps(store: Store, batch: Batch) -> None:
    numbers = items_of(store, batch, 3)
    for item in numbers:
        judge(store, key(), "Maya", item, "label", "Nepali")
    judge(store, key(), "Maya", numbers[0], "label", "Indian")
    judge(store, key(), "Ram", numbers[1], "label", "Asian")  # somebody else's, which stays
    undone = [undo(store, key(), "Maya", batch.id) for _ in range(5)]
    assert [None if one is None else (one.item, one.word) for one in undone] == [
        (numbers[0], "Indian"),
        (numbers[2], "Nepali"),
        (numbers[1], "Nepali"),
        (numbers[0], "Nepali"),
        None,
    ]
    assert [(vote.who, vote.label) for one in outcome.votes(store, batch.id) for vote in one.votes] == [
        ("Ram", "Asian")
    ]


def test_undoing_a_second_thought_brings_the_first_back(store: Store, batch: Batch) -> None:
    (item,) = items_of(store, batch, 1)
    judge(store, key(), "Maya", item, "label", "Nepali")
    judge(store, key(), "Maya", item, "unusable", word="drawing")
    assert outcome.votes(store, batch.id)[0].is_unusable
    undo(store, key(), "Maya", batch.id)
    assert says(store, batch, item) == "Nepali"
    judge(store, key(), "Maya", item, "skip")
    assert queue.take(store, "Ram", batch.id, count=1)[0].id == item, "a skip is no judgement"
    undo(store, key(), "Maya", batch.id)
    assert says(store, batch, item) == "Nepali"


def test_an_undo_sent_twice_takes_back_one_step(store: Store, batch: Batch) -> None:
    one, other = items_of(store, batch, 2)
    judge(store, key(), "Maya", one, "label", "Nepali")
    judge(store, key(), "Maya", other, "label", "Nepali")
    first = undo(store, "undo-key-1", "Maya", batch.id)
    assert undo(store, "undo-key-1", "Maya", batch.id) == first
    assert says(store, batch, one) == "Nepali"


def test_a_note_stays_beside_the_label(store: Store, batch: Batch) -> None:
    (item,) = items_of(store, batch, 1)
    judge(store, key(), "Maya", item, "label", "Nepali")
    judge(store, key(), "Maya", item, "note", word="two\r\nlines")
    judge(store, key(), "Maya", item, "note", word="hat hides the face")
    assert [(event.kind, event.word) for event in judging.current(store, "Maya", item)] == [
        ("label", "Nepali"),
        ("note", "hat hides the face"),
    ]
    undo(store, key(), "Maya", batch.id)
    assert judging.current(store, "Maya", item)[1].word == "two\nlines"
    assert says(store, batch, item) == "Nepali"


def test_an_owner_settles_and_reopens(store: Store) -> None:
    batch = fill(store, 1, judgements=2)
    (item,) = items_of(store, batch, 1)
    judge(store, key(), "Maya", item, "label", "Nepali")
    judge(store, key(), "Ram", item, "label", "Indian")
    (found,) = outcome.votes(store, batch.id)
    assert found.is_conflict
    assert found.outcome is None
    judging.settle(store, key(), "Sita", item, "Nepali")
    assert says(store, batch, item) == "Nepali"
    judging.settle(store, key(), "Sita", item, None)
    assert outcome.votes(store, batch.id)[0].is_conflict
    assert [event.kind for event in judging.history(store, item)] == ["label", "label", "settle", "settle"]


def test_looking_back_shows_the_latest_first(store: Store, batch: Batch) -> None:
    numbers = items_of(store, batch, 4)
    for item in numbers:
        judge(store, key(), "Maya", item, "label", "Nepali")
    latest = judging.mine(store, "Maya", batch.id, limit=2)
    assert [event.item for event in latest] == [numbers[3], numbers[2]]
    before = judging.mine(store, "Maya", batch.id, before=latest[-1].id)
    assert [event.item for event in before] == [numbers[1], numbers[0]]


def test_several_at_once_are_saved_together_or_not_at_all(store: Store, batch: Batch) -> None:
    one, other = items_of(store, batch, 2)
    with pytest.raises(LabelError, match="no label 'Martian'"):
        judging.judge_all(
            store,
            [
                Judgement(key(), "Maya", one, "label", "Nepali"),
                Judgement(key(), "Maya", other, "label", "Martian"),
            ],
        )
    assert judging.history(store, one) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "delete"}, "no judgement 'delete'"),
        ({"label": "Martian"}, "choose one of Asian"),
        ({"label": None}, "Say which label"),
        ({"label": 99}, "no label number 99"),
        ({"kind": "unusable", "word": "ugly"}, "not a person, no consent, drawing"),
        ({"item": 10**6}, "no such photo"),
        ({"item": "1"}, "by its number"),
        ({"item": 2**70}, "by its number"),
        ({"key": "short"}, "8 to 64"),
        ({"key": "k" * 65}, "8 to 64"),
        ({"seconds": float("nan")}, "seconds"),
        ({"suggestion": {"a": "x" * 5000}}, "small JSON object"),
        ({"suggestion": [1]}, "small JSON object"),
        ({"kind": "note", "word": "x" * 100_000}, "shorten"),
    ],
)
def test_what_can_not_be_used_is_refused_with_a_sentence(
    store: Store, batch: Batch, given: dict[str, object], said: str
) -> None:
    right: dict[str, object] = {
        "key": key(),
        "who": "Maya",
        "item": items_of(store, batch, 1)[0],
        "kind": "label",
        "label": "Nepali",
    }
    with pytest.raises(LabelError, match=said):
        judge(store, **{**right, **given})  # type: ignore[arg-type]
    assert outcome.votes(store, batch.id) == []


def test_a_face_and_its_photo_are_judged_apart(store: Store, batch: Batch) -> None:
    from tests.labeling.filling import face, survey

    survey(store, 0, [face(10), face(200)])
    (photo,) = queue.take(store, "Maya", batch.id, count=1)
    faces = queue.take(store, "Maya", batch.id, by_face=True)
    assert [(one.photo, one.face) for one in faces] == [(photo.photo, 1), (photo.photo, 2)]
    judge(store, key(), "Maya", faces[1].id, "label", "Nepali")
    judge(store, key(), "Maya", photo.id, "label", "Asian")
    assert [(one.face, one.outcome) for one in outcome.votes(store, batch.id, by_face=True)] == [
        (2, "Nepali")
    ]
    undone = undo(store, key(), "Maya", batch.id, by_face=True)
    assert undone is not None
    assert undone.item == faces[1].id
    assert [one.outcome for one in outcome.votes(store, batch.id)] == ["Asian"]
    assert looks.faces(store, photo.photo)[1].left == 200


def test_what_was_imported_in_my_name_is_no_step_of_mine_to_undo(store: Store, batch: Batch) -> None:
    first, second = items_of(store, batch, 2)
    judge(store, key(), "Maya", first, "label", "Nepali")
    judge(store, key(), "Maya", second, "label", "Asian", via="import")
    judge(store, key(), "Maya", second, "label", "Indian")
    taken = [undo(store, key(), "Maya", batch.id) for _ in range(3)]
    assert [step and (step.item, step.word) for step in taken] == [
        *((second, "Indian"), (first, "Nepali")),
        None,
    ]
    assert says(store, batch, second) == "Asian", "what was there before is back"


def test_what_an_import_took_the_place_of_is_no_step_either(store: Store, batch: Batch) -> None:
    first, second = items_of(store, batch, 2)
    judge(store, key(), "Maya", first, "label", "Nepali")
    judge(store, key(), "Maya", second, "label", "Asian")
    judge(store, key(), "Maya", second, "label", "Indian", via="import")
    step = undo(store, key(), "Maya", batch.id)
    assert step is not None
    assert step.item == first
    assert says(store, batch, second) == "Indian"


def test_a_decision_on_something_that_counts_no_longer_is_not_saved(store: Store, batch: Batch) -> None:
    (item,) = items_of(store, batch, 1)
    (first,) = judging.judge_all(store, [Judgement(key(), "Maya", item, "label", "Asian", instead_of=0)])
    assert first is not None
    judge(store, key(), "Maya", item, "label", "Nepali")
    late = [Judgement(key(), "Maya", item, "label", "Indian", instead_of=seen) for seen in (0, first.event)]
    assert judging.judge_all(store, late) == [None, None]
    assert says(store, batch, item) == "Nepali"
    assert len(judging.history(store, item)) == 2
