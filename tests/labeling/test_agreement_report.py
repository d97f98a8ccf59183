"""Agreement of what a store holds, in words and in JSON."""

import json

import pytest

from labeling import vocabulary
from labeling.agreement import Measure
from labeling.agreement_report import Asked, as_dict, as_text, read, sentences, verdict
from labeling.errors import LabelError
from labeling.store import Store
from tests.labeling.disagreeing import add_batch, say


@pytest.fixture
def items(store: Store) -> list[int]:
    """Thirty photos that two people judged: on every third Bina says Indian where Asha says Nepali."""
    items = add_batch(store, "hills", 30)
    for place, item in enumerate(items):
        say(
            store,
            item,
            {"Asha": "Nepali" if place % 3 else "White", "Bina": "Indian" if place % 3 == 1 else "Nepali"},
        )
    return items


def test_what_people_said_last_is_what_counts(store: Store, items: list[int]) -> None:
    for item in items:
        say(store, item, {"Asha": "White", "Bina": "White"})
    found = read(store, Asked())
    assert found.ratings.labels == ("White",)
    assert found.alpha.agreed == 1


def test_merged_labels_agree(store: Store, items: list[int]) -> None:
    before = read(store).alpha
    numbers = {label.name: label.id for label in vocabulary.labels(store)}
    vocabulary.merge(store, "Asha", numbers["Nepali"], numbers["Indian"])
    after = read(store)
    assert after.ratings.labels == ("Indian", "White")
    assert after.alpha.agreed is not None
    assert before.agreed is not None
    assert after.alpha.agreed > before.agreed


def test_batches_apart_and_together(store: Store, items: list[int]) -> None:
    (other,) = add_batch(store, "lake", 1, start=100)
    say(store, other, {"Asha": "Nepali", "Chandra": "Nepali"})
    assert read(store, Asked("hills")).ratings.people == ("Asha", "Bina")
    assert read(store, Asked("lake")).alpha.n == 1
    assert read(store).alpha.n == 31
    with pytest.raises(LabelError, match="sea"):
        read(store, Asked("sea"))


def test_only_groups_leaves_out_unsure_and_unusable(store: Store) -> None:
    items = add_batch(store, "hills", 2)
    say(store, items[0], {"Asha": "unsure", "Bina": "Nepali"})
    say(store, items[1], {"Asha": "unusable", "Bina": "Nepali"})
    assert read(store).ratings.labels == ("Nepali", "unsure", "unusable")
    assert read(store, Asked(only_groups=True)).ratings.people == ("Bina",)


def test_text_for_a_terminal_says_all_of_it(store: Store, items: list[int]) -> None:
    text = as_text(read(store), with_confusion=True)
    for part in (
        "2 people gave 60 answers to 30 photos; 30 of these were answered by two or more.",
        "Krippendorff's alpha, all together: ",
        "Asha, Bina",
        "Asha below, Bina across",
        "Different answers to one photo:",
    ):
        assert part in text
    rows = text.splitlines()
    bina = next(row for row in rows if row.startswith("Bina")).split()
    assert bina[1:] == ["30", "33", "%", ".", "67", "%"]  # Indian, White, Nepali: the vocabulary's order


def test_names_of_the_most_mixed_up_labels_are_said(store: Store, items: list[int]) -> None:
    said = " ".join(sentences(read(store)))
    assert "one person said Indian where another said Nepali: 10 photos of the 30" in said


def test_an_empty_store_says_so_and_a_single_person_is_told_what_to_do(store: Store) -> None:
    assert as_text(read(store)) == "Nobody has labelled anything here yet."
    (item,) = add_batch(store, "hills", 1)
    say(store, item, {"Asha": "Nepali"})
    assert "let different people label it" in as_text(read(store))


def test_json_holds_every_figure(store: Store, items: list[int]) -> None:
    found = json.loads(json.dumps(as_dict(read(store))))
    (pair,) = found["pairs"]
    assert pair["people"] == ["Asha", "Bina"]
    assert sum(map(sum, pair["confusion"])) == pair["kappa"]["n"] == 30
    assert dict(zip(found["labels"], found["counts"]["Asha"], strict=True)) == {
        "Indian": 0,
        "White": 10,
        "Nepali": 20,
    }
    assert found["alpha"]["low"] < found["alpha"]["value"] < found["alpha"]["high"]


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (Measure(100, 0.9, 0.85, 0.95), "relied on"),
        (Measure(100, 0.78, 0.70, 0.85), "tentative"),
        (Measure(100, 0.70, 0.60, 0.80), "more judgements"),
        (Measure(100, 0.40, 0.30, 0.50), "settle conflicts"),
        (Measure(5, 0.9, why="5 are too few."), "Too early"),
        (Measure(5, why="No item."), "No item."),
    ],
)
def test_verdicts_go_by_the_whole_interval(measure: Measure, words: str) -> None:
    assert words in verdict(measure)
