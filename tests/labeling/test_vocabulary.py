"""Labels are renamed, merged and retired without a single event being rewritten."""

import pytest

from labeling import judging, outcome, queue, vocabulary
from labeling.batches import Batch
from labeling.errors import LabelError
from labeling.store import Store
from tests.labeling.filling import key


def names(store: Store) -> list[str]:
    return [label.name for label in vocabulary.labels(store)]


def number(store: Store, name: str) -> int:
    return next(label.id for label in vocabulary.labels(store, everything=True) if label.name == name)


@pytest.fixture
def item(store: Store, batch: Batch) -> int:
    """A photo that Maya calls Nepali."""
    (item,) = queue.take(store, "Maya", batch.id, count=1)
    judging.judge(store, key(), "Maya", item.id, "label", "Nepali")
    return item.id


def says(store: Store, batch: Batch) -> str | None:
    return outcome.votes(store, batch.id)[0].outcome


def test_it_starts_with_the_six_groups_nepali_and_unsure_last(store: Store) -> None:
    assert names(store) == [
        *("Asian", "Black", "Hispanic", "Indian", "Middle Eastern", "White", "Nepali", "unsure")
    ]


def test_a_new_label_comes_before_unsure(store: Store) -> None:
    vocabulary.add(store, "Maya", "  Tibetan ")
    assert names(store)[-2:] == ["Tibetan", "unsure"]


def test_a_renamed_label_reads_so_everywhere_and_the_event_keeps_its_word(
    store: Store, batch: Batch, item: int
) -> None:
    vocabulary.rename(store, "Maya", number(store, "Nepali"), "Nepalese")
    assert says(store, batch) == "Nepalese"
    assert judging.history(store, item)[0].word == "Nepali"
    with pytest.raises(LabelError, match="no label 'Nepali'"):
        judging.judge(store, key(), "Ram", item, "label", "Nepali")
    (change,) = [one for one in vocabulary.changes(store) if one.what == "rename label"]
    assert (change.who, change.before, change.after) == ("Maya", "Nepali", "Nepalese")


def test_a_merge_counts_from_now_on_and_can_be_taken_back(store: Store, batch: Batch, item: int) -> None:
    nepali, indian, asian = (number(store, name) for name in ("Nepali", "Indian", "Asian"))
    assert vocabulary.uses(store, nepali) == 1
    vocabulary.merge(store, "Maya", nepali, indian)
    assert says(store, batch) == "Indian"
    assert "Nepali" not in names(store)
    vocabulary.merge(store, "Maya", indian, asian)
    assert says(store, batch) == "Asian", "a chain leads to its end"
    vocabulary.restore(store, "Maya", indian)
    vocabulary.restore(store, "Maya", nepali)
    assert says(store, batch) == "Nepali"
    assert judging.history(store, item)[0].label == nepali


def test_a_retired_label_is_offered_no_more_and_stays_where_it_was_given(
    store: Store, batch: Batch, item: int
) -> None:
    vocabulary.retire(store, "Maya", number(store, "Nepali"))
    assert "Nepali" not in names(store)
    assert says(store, batch) == "Nepali"
    vocabulary.add(store, "Maya", "Nepali")
    with pytest.raises(LabelError, match="already"):
        vocabulary.restore(store, "Maya", 7)


def test_a_label_that_was_retired_meanwhile_is_refused_by_its_name(store: Store, item: int) -> None:
    nepali = number(store, "Nepali")
    vocabulary.retire(store, "Maya", nepali)
    with pytest.raises(LabelError, match="'Nepali' is no longer offered; choose one of Asian, Black"):
        judging.judge(store, "a-late-key", "Ram", item, "label", nepali)


def test_labels_can_be_put_in_another_order(store: Store) -> None:
    vocabulary.move(store, "Maya", number(store, "Nepali"), 0)
    assert names(store)[:2] == ["Nepali", "Asian"]
    assert names(store)[-1] == "unsure"


@pytest.mark.parametrize("name", ["", "=cmd()", "asian", "-Nepali", "x" * 1000, "\x00"])
def test_names_that_can_not_be_used_are_refused(store: Store, name: str) -> None:
    before = names(store)
    with pytest.raises(LabelError):
        vocabulary.add(store, "Maya", name)
    assert names(store) == before


def test_unsure_is_always_there(store: Store) -> None:
    unsure = number(store, "unsure")
    for act in (
        lambda: vocabulary.retire(store, "Maya", unsure),
        lambda: vocabulary.rename(store, "Maya", unsure, "dunno"),
        lambda: vocabulary.merge(store, "Maya", unsure, 1),
        lambda: vocabulary.move(store, "Maya", unsure, 0),
    ):
        with pytest.raises(LabelError, match="always there"):
            act()
    for label in vocabulary.labels(store)[:-2]:
        vocabulary.retire(store, "Maya", label.id)
    with pytest.raises(LabelError, match="last label"):
        vocabulary.retire(store, "Maya", vocabulary.labels(store)[0].id)


def test_guidelines_are_written_anew_and_the_old_text_is_kept(store: Store) -> None:
    assert "unsure" in vocabulary.guidelines(store)
    vocabulary.set_guidelines(store, "Maya", "Look twice.\r\n")
    assert vocabulary.guidelines(store) == "Look twice.\n"
    assert vocabulary.changes(store)[0].before == vocabulary.GUIDELINES
    with pytest.raises(LabelError, match="shorten"):
        vocabulary.set_guidelines(store, "Maya", "x" * 30_000)


@pytest.mark.parametrize("word", ["unusable", "Skipped", "SKIP"])
def test_what_is_said_without_a_label_is_no_label(store: Store, word: str) -> None:
    with pytest.raises(LabelError, match="without a label"):
        vocabulary.add(store, "Maya", word)
    with pytest.raises(LabelError, match="without a label"):
        vocabulary.rename(store, "Maya", 7, word)
