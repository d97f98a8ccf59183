"""Batches hold photos once, with where they came from; faces become items."""

import pytest

from labeling import batches, looks, queue
from labeling.batches import Batch
from labeling.errors import LabelError
from labeling.progress import progress
from labeling.store import Store
from tests.labeling.filling import face, fill, key, new_photo, probabilities, survey


def test_a_batch_says_where_its_photos_come_from(store: Store) -> None:
    for missing in ("source", "licence", "consent"):
        given = {"source": "us", "licence": "CC0", "consent": "signed", missing: "  "}
        with pytest.raises(LabelError, match="Say "):
            batches.create(store, "Maya", "first", **given)
    assert batches.batches(store) == []
    made = batches.create(store, "Maya", "first", "us", "CC0", "signed")
    assert batches.find(store, "first") == batches.find(store, made.id) == made
    with pytest.raises(LabelError, match="already"):
        batches.create(store, "Maya", "first", "us", "CC0", "signed")
    with pytest.raises(LabelError, match="there are first"):
        batches.find(store, "second")


def test_the_same_photo_comes_in_once_and_one_name_means_one_photo(store: Store) -> None:
    batch = fill(store, 2)
    again = batches.add_photos(
        store,
        batch.id,
        [
            new_photo(0),
            new_photo(1, "another name.jpg"),
            new_photo(9, "photo 1.jpg"),
            new_photo(10, "=cmd().jpg"),
            new_photo(11, "नेपाली.jpg"),
        ],
    )
    assert (again.added, again.known) == (1, 2)
    assert [name for name, _ in again.refused] == ["photo 1.jpg", "=cmd().jpg"]
    assert [item.name for item in queue.take(store, "Maya", batch.id)] == [
        *("photo 0.jpg", "photo 1.jpg", "नेपाली.jpg")
    ]


def test_one_photo_may_be_in_several_batches(store: Store) -> None:
    first, second = fill(store, 3, "first"), fill(store, 3, "second")
    survey(store, 1, [face(), face(300)])
    for batch in (first, second):
        assert len(queue.take(store, "Maya", batch.id, by_face=True)) == 2
    third = fill(store, 3, "third")
    assert len(queue.take(store, "Maya", third.id, by_face=True)) == 2, "looked at already"


def test_the_largest_face_speaks_for_the_photo(store: Store, batch: Batch) -> None:
    small = face(0, 50, probabilities("White", 0.9))
    large = face(200, 200, probabilities("Indian", 0.6))
    survey(store, 0, [small, large])
    survey(store, 0, [])  # asked again, nothing changes
    photo = queue.take(store, "Maya", batch.id, count=1)[0]
    assert (photo.estimate, photo.confidence) == ("Indian", pytest.approx(0.6))
    assert 0 < (photo.uncertainty or 0) < 1
    assert [one.estimate for one in queue.take(store, "Maya", batch.id, by_face=True)] == ["White", "Indian"]
    assert looks.survey_progress(store, batch.id) == (1, 30)
    assert len(looks.unsurveyed(store, batch.id)) == 29


def test_uncertainty_goes_from_none_to_one() -> None:
    assert looks.uncertainty(probabilities("Asian", 1.0)) == 0
    assert looks.uncertainty(probabilities("Asian", 1 / 6)) == pytest.approx(1)


def test_what_an_owner_changes_of_a_batch_is_written_down(store: Store, batch: Batch) -> None:
    from labeling import vocabulary

    changed = batches.edit(store, "Sita", batch.id, judgements=3, licence="CC0")
    assert (changed.judgements, changed.licence) == (3, "CC0")
    change = vocabulary.changes(store)[0]
    assert (change.who, change.before) == ("Sita", {"judgements": 1, "licence": "CC BY 4.0"})
    for wrong in (0, 51, True, 1.5):
        with pytest.raises(LabelError, match="1 to 50"):
            batches.edit(store, "Sita", batch.id, judgements=wrong)  # type: ignore[arg-type]


def test_progress_counts_mine_and_everybodys(store: Store, batch: Batch, clock: object) -> None:
    from labeling.judging import judge

    items = queue.take(store, "Maya", batch.id, count=6)
    for item in items[:3]:
        judge(store, key(), "Maya", item.id, "label", "Nepali")
        clock.pass_by(3)  # type: ignore[attr-defined]
    judge(store, key(), "Maya", items[3].id, "unusable", word="drawing")
    judge(store, key(), "Maya", items[4].id, "skip")
    judge(store, key(), "Ram", items[0].id, "label", "Indian")
    found = progress(store, batch.id, "Maya")
    assert (found.total, found.judged, found.done, found.mine) == (30, 4, 4, 4)
    assert (found.skipped, found.unusable) == (1, 1)
    assert {label: count for label, count in found.by_label.items() if count} == {"Nepali": 3, "Indian": 1}
    assert found.per_minute == pytest.approx(
        3 / 15 * 60
    )  # four judgements in nine seconds, which count as fifteen
    clock.pass_by(400)  # type: ignore[attr-defined]
    assert progress(store, batch.id, "Maya").per_minute == 0
