"""What a change of the vocabulary would mean is said before it is made, and each can be taken back."""

from pathlib import Path

import pytest

from labeling import batches, judging, proposals, vocabulary
from labeling.batches import NewPhoto
from labeling.errors import LabelError
from labeling.store import Store

PEOPLE = ("Asha", "Bikash")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two batches of four photos; two people called all but one of them Indian, the last one Asian."""
    store = Store(f"sqlite:///{tmp_path / 'labels.db'}")
    for place, name in enumerate(("Festival", "Archive")):
        batch = batches.create(store, "Asha", name, "our own", "CC0", "signed forms")
        photos = [
            NewPhoto(f"{place}{number}".rjust(64, "0"), f"{number}.jpg", ".jpg", 40, 50, 999)
            for number in range(4)
        ]
        batches.add_photos(store, batch.id, photos)
    for item in range(1, 9):
        for who in PEOPLE:
            word = "Asian" if item in (4, 8) else "Indian"
            judging.judge(store, f"first-{who}-{item}", who, item, "label", word)
    return store


def number(store: Store, name: str) -> int:
    return next(label.id for label in vocabulary.labels(store, everything=True) if label.name == name)


def names(store: Store) -> list[str]:
    return [label.name for label in vocabulary.labels(store)]


def test_a_rename_is_seen_before_it_happens_and_taken_back_after(store: Store) -> None:
    before = names(store)
    proposal = proposals.rename(store, number(store, "Indian"), " South  Asian ")
    assert names(store) == before, "looking changes nothing"
    assert [(use.batch, use.by_face, use.count) for use in proposal.uses] == [
        ("Festival", False, 6),
        ("Archive", False, 6),
    ]
    assert proposal.count == 12
    assert '"Indian" will read "South Asian"' in proposal.sentences[0]

    assert proposals.apply(store, "Asha", proposal) == "Indian is now called South Asian."
    assert "South Asian" in names(store)
    back = proposals.take_back(store, vocabulary.changes(store))
    assert back is not None
    assert back.count == 12
    proposals.apply(store, "Asha", back)
    assert names(store) == before


def test_a_merge_is_seen_before_it_happens_and_taken_back_after(store: Store) -> None:
    before = names(store)
    indian, asian = number(store, "Indian"), number(store, "Asian")
    proposal = proposals.merge(store, indian, asian)
    assert proposal.count == 12
    proposals.apply(store, "Asha", proposal)
    assert "Indian" not in names(store)
    assert proposals.rename(store, asian, "Everybody").count == 16, "what was merged counts with it"

    back = proposals.take_back(store, vocabulary.changes(store))
    assert back is not None
    assert back.act == "restore"
    assert 'not as "Asian"' in back.sentences[1]
    proposals.apply(store, "Asha", back)
    assert names(store) == before
    assert proposals.rename(store, asian, "Everybody").count == 4


def test_retiring_keeps_the_labels_and_is_taken_back(store: Store) -> None:
    proposals.apply(store, "Asha", proposals.retire(store, number(store, "Indian")))
    assert "Indian" not in names(store)
    assert vocabulary.uses(store, number(store, "Indian")) == 12
    back = proposals.take_back(store, vocabulary.changes(store))
    assert back is not None
    proposals.apply(store, "Asha", back)
    assert "Indian" in names(store)
    assert proposals.take_back(store, vocabulary.changes(store)) is None, "nobody knows what it had been"


def test_an_added_label_is_taken_back_by_retiring_it(store: Store) -> None:
    vocabulary.add(store, "Asha", "Newari")
    back = proposals.take_back(store, vocabulary.changes(store))
    assert back is not None
    assert (back.act, back.label.name, back.count) == ("retire", "Newari", 0)


def test_only_current_judgements_are_counted(store: Store) -> None:
    judging.judge(store, "another-key", "Asha", 1, "label", "Nepali")
    judging.undo(store, "undo-of-key", "Bikash", 2)
    assert proposals.retire(store, number(store, "Indian")).count == 11
    assert proposals.retire(store, number(store, "Asian")).count == 3
    assert proposals.retire(store, number(store, "Nepali")).count == 1


def test_decisions_without_a_label_are_nobodys_count(store: Store) -> None:
    """An owner settled that a picture can't be used, and took another decision back."""
    before = proposals.counts(store)
    judging.settle(store, "settle-1", "Asha", 1, None, unusable="drawing")
    judging.settle(store, "settle-2", "Asha", 2, "Indian")
    assert proposals.counts(store) == {**before, number(store, "Indian"): before[number(store, "Indian")] + 1}
    judging.settle(store, "settle-3", "Asha", 2, None)
    assert proposals.counts(store) == before


def test_a_proposal_does_not_outlive_what_it_was_about(store: Store) -> None:
    indian = number(store, "Indian")
    proposal = proposals.merge(store, indian, number(store, "Asian"))
    vocabulary.rename(store, "Bikash", indian, "Indian subcontinent")
    with pytest.raises(LabelError, match="Somebody changed the vocabulary meanwhile"):
        proposals.apply(store, "Asha", proposal)
    assert "Indian subcontinent" in names(store)


def test_another_order_of_the_buttons_leaves_a_proposal_valid(store: Store) -> None:
    proposal = proposals.retire(store, number(store, "Indian"))
    vocabulary.move(store, "Bikash", number(store, "White"), 0)
    proposals.apply(store, "Asha", proposal)
    assert "Indian" not in names(store)


def test_what_cannot_be_changed_is_said(store: Store) -> None:
    unsure = number(store, "unsure")
    with pytest.raises(LabelError, match="always there"):
        proposals.rename(store, unsure, "no idea")
    with pytest.raises(LabelError, match="Merge Indian into it instead"):
        proposals.rename(store, number(store, "Indian"), "asian")
    with pytest.raises(LabelError, match="Choose another label"):
        proposals.merge(store, number(store, "Indian"), number(store, "Indian"))
    with pytest.raises(LabelError, match="formula"):
        proposals.rename(store, number(store, "Indian"), "=cmd()")
    with pytest.raises(LabelError, match="retired or merged"):
        proposals.restore(store, number(store, "Indian"))


def test_a_name_that_was_given_away_is_not_restored_over(store: Store) -> None:
    indian = number(store, "Indian")
    proposals.apply(store, "Asha", proposals.retire(store, indian))
    vocabulary.add(store, "Asha", "Indian")
    with pytest.raises(LabelError, match="Another label is called Indian now"):
        proposals.restore(store, indian)
