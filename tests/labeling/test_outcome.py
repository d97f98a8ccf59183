"""What several judgements come to."""

from labeling.outcome import ItemVotes, Vote


def votes(*said: str, settled: str | None = None) -> ItemVotes:
    """Labels, or "!" for unusable and "-" for a skip."""
    kinds = {"!": "unusable", "-": "skip"}
    cast = tuple(
        Vote(
            f"person {number}",
            kinds.get(word, "label"),
            None if word in kinds else word,
            word,
            0.0,
            False,
            number,
        )
        for number, word in enumerate(said)
    )
    return ItemVotes(1, "a.jpg", 0, "", cast, settled)


def test_more_than_half_decides() -> None:
    assert votes("Nepali").outcome == "Nepali"
    assert votes("Nepali", "Nepali", "Indian").outcome == "Nepali"
    assert votes("Nepali", "Indian").outcome is None
    assert votes("Nepali", "Nepali", "Indian", "Asian").outcome is None, "half is not more than half"


def test_unusable_is_a_vote_against_every_label() -> None:
    assert votes("Nepali", "!").outcome is None
    assert votes("!", "!", "Nepali").is_unusable
    assert not votes("!", "Nepali").is_unusable
    assert votes("!", settled="Nepali").outcome == "Nepali"
    assert not votes("!", settled="Nepali").is_unusable


def test_a_skip_says_nothing() -> None:
    assert votes("-").outcome is None
    assert not votes("-").is_conflict
    assert votes("-", "Nepali").outcome == "Nepali"


def test_conflicts_are_what_nobody_has_decided() -> None:
    assert votes("Nepali", "Indian").is_conflict
    assert not votes("Nepali", "Indian", settled="Indian").is_conflict
    assert votes("Nepali", "Indian", settled="Indian").outcome == "Indian"
    assert not votes("Nepali", "Nepali", "Indian").is_conflict
    assert votes("Nepali", "Nepali", "Indian").is_divided
    assert not votes("Nepali", "Nepali").is_divided
