"""What the labelling desk asks for: photos with all that is shown of them, decisions to save, steps back.

Each function is one request of the page's script (or of a program) and knows neither gradio nor the browser. Photos
travel inside the answer, since a file that is served by its address could be fetched by anybody who has it.

The page keeps ten items ahead (`next_items`), sends each decision with a key that it made (`decide`), and may send it
again: a key is one event.
"""

import base64
import secrets
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from colorizer.errors import RanginError
from labeling import batches, judging, looks, queue, schema, vocabulary
from labeling.access import Person, Role
from labeling.errors import LabelError
from labeling.judgement import REASONS
from labeling.office import Office
from labeling.progress import progress

AHEAD = 10
"""Items that the page has loaded before they are needed."""
MOST_AT_ONCE = 20
"""Items of one answer, each with its photo of some 150 kB."""
KEYS = "123456789"
UNSURE_KEY = "0"
# For labels beyond the ninth; the other letters are the desk's own (see assets/label.js).
MORE_KEYS = "qwertyipjklzxcvb"

Answer = dict[str, Any]


def open_desk(office: Office, person: Person, batch: int | None = None, by_face: bool = False) -> Answer:
    """All that the desk shows around the photo.

    Args:
        batch: the one that was on the desk last; another is chosen where it is there no more.
        by_face: whether single faces are labelled.

    Returns:
        `role` and a sentence on it; for annotators also batches, the chosen one, labels with their keys, orders,
        reasons, guidelines and progress.
    """
    answer: Answer = {
        "who": person.name,
        "role": person.role.name.lower(),
        "sentence": office.access.explain(person),
    }
    if not person.can(Role.ANNOTATOR):
        return answer
    there = [one for one in batches.batches(office.store) if one.closed_at is None]
    chosen = next((one for one in there if one.id == batch), there[0] if there else None)
    return {
        **answer,
        "store": store_id(office),
        "batches": [{"id": one.id, "name": one.name, "judgements": one.judgements} for one in there],
        "batch": None if chosen is None else chosen.id,
        "labels": labels_with_keys(vocabulary.labels(office.store)),
        "orders": queue.ORDERS,
        "reasons": list(REASONS),
        "ahead": AHEAD,
        "guidelines": vocabulary.guidelines(office.store),
        "progress": None if chosen is None else _progress(office, person, chosen.id, by_face),
    }


def next_items(
    office: Office,
    person: Person,
    batch: int,
    order: str = "uploaded",
    by_face: bool = False,
    count: int = 1,
    holding: list[int] = [],  # noqa: B006 (never changed; HTTP callers see the default)
) -> Answer:
    """The next items for this person, theirs for two minutes, with their photos.

    Args:
        holding: items that are on their desk already; kept for another two minutes and not given again.

    Raises:
        LabelError: the batch is no longer there, or there is no such order.
    """
    count = max(0, min(count, MOST_AT_ONCE))
    batch, holding = _known(batch), [_known(item) for item in holding]
    taken = queue.take(office.store, person.name, batch, order, by_face, count, holding)
    return {
        "items": [_shown(office, person, item.id) for item in taken],
        "progress": _progress(office, person, batch, by_face),
        "labels": labels_with_keys(vocabulary.labels(office.store)),
        "survey": looks.survey_progress(office.store, batch) if by_face and not taken else None,
    }


def decide(
    office: Office,
    person: Person,
    key: str,
    item: int,
    kind: str,
    label: str | int | None = None,
    word: str = "",
    suggestion: dict[str, Any] | None = None,
    seconds: float | None = None,
    via: str = "http",
) -> Answer:
    """Save a decision; when this answers with `event`, it is on the disk.

    Args:
        key: of 8 to 64 letters, digits or dashes, another one for each decision. Sent twice it is one event.
        kind: "label", "unusable", "skip" or "note".
        label: its name or number.
        word: why a picture is unusable, or a note's text.
        suggestion: what the model's help showed beside the photo, null for nothing.
        seconds: how long the photo was on screen.
        via: "http" for programs; the page says "page".

    Returns:
        `event`, `item`, `at` (seconds since 1970, UTC), `is_repeat`, for the page also `progress`; or only `later`, a
        sentence, where the database is busy and the same should be sent again.

    Raises:
        LabelError: it can't be saved as it is.
    """
    item = _known(item)
    try:
        saved = judging.judge(
            office.store, key, person.name, item, kind, label, word, suggestion, seconds, via=_via(via)
        )
    except LabelError as error:
        return _later(error)
    if via != "page":
        return asdict(saved)
    row = _item(office, item)
    return {**asdict(saved), "progress": _progress(office, person, row.batch, row.by_face)}


def take_back(
    office: Office,
    person: Person,
    key: str,
    batch: int,
    by_face: bool = False,
    with_photo: bool = True,
    via: str = "http",
) -> Answer:
    """Undo the last decision of this person in a batch; again and again, as far back as they go.

    Args:
        key: as for `decide`: the same key undoes one decision, however often it is sent.
        with_photo: whether the photo comes along.

    Returns:
        `undone` (what it was; null where there was nothing to undo) and `item` as it stands now; or only `later`.
    """
    batch = _known(batch)
    try:
        undone = judging.undo(office.store, key, person.name, batch, by_face, via=_via(via))
    except LabelError as error:
        return _later(error)
    if undone is None:
        return {"undone": None, "item": None}
    return {
        "undone": asdict(undone),
        "item": _shown(office, person, undone.item, with_photo),
        "progress": _progress(office, person, batch, by_face),
    }


def look_back(
    office: Office,
    person: Person,
    batch: int,
    by_face: bool = False,
    before: int | None = None,
    count: int = AHEAD,
) -> Answer:
    """What this person decided, the latest first, with the photos.

    Args:
        before: only decisions older than this event.
    """
    before = None if before is None else _known(before)
    count = max(1, min(count, MOST_AT_ONCE))
    found = judging.mine(office.store, person.name, _known(batch), by_face, before, count)
    return {"items": [_shown(office, person, event.item) for event in found]}


def hold(
    office: Office,
    person: Person,
    items: list[int],
    is_leaving: bool = False,
    unknown: list[int] = [],  # noqa: B006
) -> Answer:
    """Keep the items of a desk that somebody still sits at, or give them back.

    Args:
        items: the desk's.
        is_leaving: give them back to the others.
        unknown: those of them in whose photos faces had not been looked for; where they have been now, they come back
            in `items`, without photo.
    """
    items, unknown = [_known(item) for item in items], [_known(item) for item in unknown]
    if is_leaving:
        queue.release(office.store, person.name, items)
        return {"items": []}
    queue.renew(office.store, person.name, items)
    news = [_shown(office, person, item, with_photo=False) for item in unknown[:MOST_AT_ONCE] if item]
    return {"items": [item for item in news if item["is_surveyed"]]}


def labels_with_keys(labels: list[vocabulary.Label]) -> list[Answer]:
    """The labels as buttons: 1 to 9, further ones letters, and "unsure" always 0, wherever the list ends.

    Beyond those a label has no key ("") and is clicked.
    """
    keys = iter(KEYS + MORE_KEYS)
    return [
        {
            "id": label.id,
            "name": label.name,
            "is_unsure": label.is_unsure,
            "key": UNSURE_KEY if label.is_unsure else next(keys, ""),
        }
        for label in labels
    ]


def store_id(office: Office) -> str:
    """A name of this database that no other has: a decision that waits in a browser is sent to no other."""
    store, name = office.store, "id"
    query = sa.select(schema.facts.c.value).where(schema.facts.c.name == name)
    with store.reading() as connection:
        found = connection.scalar(query)
    if found is None:
        with store.writing() as connection:
            row = {"name": name, "value": secrets.token_hex(8)}
            connection.execute(store.upsert(schema.facts, [row], ["name"], []))
            found = connection.scalar(query)
    return str(found)


def _shown(office: Office, person: Person, item: int, with_photo: bool = True) -> Answer:
    """An item with all that the desk shows of it.

    Boxes are shares of the photo's width and height; `mine` is what this person decided and counts now.
    """
    row = _item(office, item)
    photo = batches.photo(office.store, row.photo)
    faces = looks.faces(office.store, row.photo)
    mine: Answer = {}
    for event in judging.current(office.store, person.name, item):
        mine["note" if event.kind == "note" else "judgement"] = event
    judgement, note = mine.get("judgement"), mine.get("note")
    answer: Answer = {
        "id": item,
        "batch": row.batch,
        "name": row.name,
        "face": row.face,
        "position": row.position,
        "width": photo.width,
        "height": photo.height,
        "is_surveyed": photo.surveyed_at is not None,
        "faces": [_face(face, photo) for face in faces],
        "mine": None
        if judgement is None
        else {
            "event": judgement.id,
            "kind": judgement.kind,
            "label": judgement.label,
            "word": judgement.word,
        },
        "note": "" if note is None else note.word,
    }
    return {**answer, **_pictures(office, row.face, photo, faces)} if with_photo else answer


def _item(office: Office, item: int) -> sa.Row[Any]:
    with office.store.reading() as connection:
        row = connection.execute(sa.select(schema.items).where(schema.items.c.id == item)).one_or_none()
    if row is None:
        raise LabelError("There is no such photo in any batch; load the page again.")
    return row


def _face(face: looks.FaceRow, photo: batches.PhotoRow) -> Answer:
    return {
        "number": face.number,
        "box": [
            face.left / photo.width,
            face.top / photo.height,
            face.right / photo.width,
            face.bottom / photo.height,
        ],
        "probabilities": face.probabilities,
    }


def _pictures(office: Office, number: int, photo: batches.PhotoRow, faces: list[looks.FaceRow]) -> Answer:
    """The photo as a data: address, of a face also the face from nearby; or why there is none.

    A file that is damaged or gone must not hold up the others.
    """
    try:
        answer: Answer = {"picture": _address(office.photos.view(photo.hash, photo.suffix))}
        for face in faces:
            if face.number == number:
                box = (face.left, face.top, face.right, face.bottom)
                answer["closeup"] = _address(office.photos.crop(photo.hash, box, photo.suffix))
    except RanginError as error:
        return {"picture": None, "problem": str(error)}
    return answer


def _address(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _progress(office: Office, person: Person, batch: int, by_face: bool) -> Answer:
    return asdict(progress(office.store, batch, person.name, by_face))


def _known(number: int) -> int:
    """A number that databases can hold; 0, which nothing has, for any other."""
    return number if 0 < number < 2**53 else 0


def _via(via: str) -> str:
    # Imports and the command line have ways of their own; a caller can't pass for them.
    return "page" if via == "page" else "http"


def _later(error: LabelError) -> Answer:
    """`later` where the database was busy, which is nobody's mistake and worth another try; else the error itself."""
    if isinstance(error.__cause__, OperationalError):
        return {"later": str(error)}
    raise error
