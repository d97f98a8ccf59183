"""Stores and votes for tests of agreement and conflicts: people who say what the test wants them to."""

from collections.abc import Mapping, Sequence
from itertools import count

from labeling import batches, judging
from labeling.store import Store
from labeling.tally import Cast, Entry

NOTES = {"source": "drawn for a test", "licence": "CC0", "consent": "nobody is in them"}
_keys = count()


def key() -> str:
    """One that was never used before."""
    return f"test-key-{next(_keys)}"


def judged(
    answers: Mapping[str, str | None], number: int = 0, photo: str = "", suggested: Sequence[str] = ()
) -> Entry:
    """An item and who gave which answer: a label, "unusable", or None for a skip.

    Args:
        suggested: who saw the model's suggestion.
    """
    cast = tuple(
        Cast(
            place,
            who,
            {None: "skip", "unusable": "unusable"}.get(answer, "label"),
            None if answer in (None, "unusable") else answer,
            answer or "",
            float(place),
            who in suggested,
        )
        for place, (who, answer) in enumerate(answers.items())
    )
    return Entry(number, 0, number, f"{number}.jpg", photo or f"{number:064x}", cast, None, is_conflict=False)


def add_batch(store: Store, name: str, count: int, judgements: int = 3, start: int = 0) -> list[int]:
    """A batch of so many photos, which are nowhere; the numbers of its items.

    Args:
        start: number of the first photo, so that batches don't share any.
    """
    batch = batches.create(store, "Asha", name, **NOTES, judgements=judgements)
    new = [
        batches.NewPhoto(f"{start + k:064x}", f"{name}-{k:03d}.jpg", ".jpg", 640, 480, 1000)
        for k in range(count)
    ]
    assert batches.add_photos(store, batch.id, new).added == count
    return items_of(store, batch.id)


def items_of(store: Store, batch: int, by_face: bool = False) -> list[int]:
    """The numbers of a batch's items, in its own order."""
    import sqlalchemy as sa

    from labeling.schema import items

    query = sa.select(items.c.id).where(items.c.batch == batch, items.c.by_face == by_face)
    with store.reading() as connection:
        return list(connection.scalars(query.order_by(items.c.position, items.c.face)))


def say(store: Store, item: int, answers: Mapping[str, str]) -> None:
    """Let people judge an item: a label's name, "unusable", "skip" or "note: text"."""
    for who, answer in answers.items():
        if answer == "unusable":
            judging.judge(store, key(), who, item, "unusable", word="drawing")
        elif answer == "skip":
            judging.judge(store, key(), who, item, "skip")
        elif answer.startswith("note: "):
            judging.judge(store, key(), who, item, "note", word=answer.removeprefix("note: "))
        else:
            judging.judge(store, key(), who, item, "label", answer)
