"""What the desk asks for, without a page: photos in the answers, decisions, undo, looking back, two people."""

import base64
import io
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from labeling import batches, desk, judging, looks, queue, vocabulary
from labeling.errors import LabelError
from labeling.office import Office
from tests.labeling.desks import NOBODY, RAM, SITA, drawn, open_office, put
from tests.labeling.filling import face, key, probabilities


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path)


def ids(answer: desk.Answer) -> list[int]:
    return [item["id"] for item in answer["items"]]


def picture(address: str) -> Image.Image:
    head, _, content = address.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_a_visitor_is_told_who_they_are_and_nothing_of_the_project(office: Office) -> None:
    put(office, 1)
    answer = desk.open_desk(office, NOBODY)
    assert answer == {"who": "", "role": "visitor", "sentence": office.access.explain(NOBODY)}


def test_an_annotator_gets_all_that_stands_around_the_photo(office: Office) -> None:
    batch = put(office, 3)
    closed = put(office, 0, "closed")
    batches.edit(office.store, "Maya", closed.id, is_closed=True)
    vocabulary.set_guidelines(office.store, "Maya", "Look **twice**.")
    answer = desk.open_desk(office, SITA, batch=closed.id)
    assert [one["name"] for one in answer["batches"]] == ["Dashain 2026"]
    assert answer["batch"] == batch.id, "a closed batch is not on the desk"
    assert answer["guidelines"].strip() == "Look **twice**."
    assert answer["reasons"] == ["not a person", "no consent", "drawing"]
    assert answer["ahead"] == 10
    assert answer["progress"]["total"] == 3
    assert list(answer["orders"])[:5] == ["uploaded", "random", "uncertain", "balanced", "mistakes"]
    json.dumps(answer, allow_nan=False)


def test_a_desk_without_photos_has_no_batch(office: Office) -> None:
    answer = desk.open_desk(office, SITA)
    assert (answer["batch"], answer["batches"], answer["progress"]) == (None, [], None)


def test_keys_are_one_to_nine_then_letters_that_mean_nothing_else_and_zero_for_unsure(office: Office) -> None:
    first = [one["key"] for one in desk.labels_with_keys(vocabulary.labels(office.store))]
    assert first == ["1", "2", "3", "4", "5", "6", "7", "0"]
    for number in range(20):
        vocabulary.add(office.store, "Maya", f"Group {number}")
    labels = desk.labels_with_keys(vocabulary.labels(office.store))
    keys = [one["key"] for one in labels]
    assert keys[:11] == [*"123456789", "q", "w"]
    assert labels[-1]["is_unsure"]
    assert keys[-1] == "0"
    given = [one for one in keys if one]
    assert len(given) == len(set(given))
    assert not set(given) & set("sdunmgf"), "the desk's own keys"


def test_items_come_with_photo_and_faces_and_are_nobody_elses(office: Office) -> None:
    batch = put(office, 12, faces=[face(10, 100, probabilities("Indian", 0.7))])
    mine = desk.next_items(office, SITA, batch.id, count=4)
    assert len(mine["items"]) == 4
    item = mine["items"][0]
    assert picture(item["picture"]).size == (320, 240)
    assert (item["width"], item["height"], item["name"], item["face"]) == (320, 240, "photo 000.jpg", 0)
    assert item["faces"][0]["box"] == pytest.approx([10 / 320, 20 / 240, 110 / 320, 120 / 240])
    assert item["faces"][0]["probabilities"]["Indian"] == pytest.approx(0.7)
    assert item["mine"] is None
    assert "closeup" not in item
    theirs = desk.next_items(office, RAM, batch.id, count=4)
    assert not set(ids(mine)) & set(ids(theirs))
    more = desk.next_items(office, SITA, batch.id, count=20, holding=ids(mine))
    assert not set(ids(mine)) & set(ids(more)), "what is held is not given again"
    assert len(more["items"]) == 4, "12 photos, of which 8 are on desks"
    json.dumps(more, allow_nan=False)


def test_a_face_comes_with_the_photo_and_from_nearby(office: Office) -> None:
    two = [face(10, 100, probabilities("Indian", 0.7)), face(150, 80, probabilities("White", 0.9))]
    batch = put(office, 1, faces=two)
    answer = desk.next_items(office, SITA, batch.id, by_face=True, count=5)
    assert [item["face"] for item in answer["items"]] == [1, 2]
    near = [picture(item["closeup"]).size for item in answer["items"]]
    assert near[0][0] == pytest.approx(100 * 0.5 + 100 * 0.4 + 60, abs=2), "cut at the photo's left edge"
    assert all(picture(item["picture"]).size == (320, 240) for item in answer["items"])
    assert answer["survey"] is None
    desk.decide(office, SITA, key(), ids(answer)[0], "label", "Nepali")
    desk.decide(office, SITA, key(), ids(answer)[1], "skip")
    assert desk.next_items(office, SITA, batch.id, by_face=True)["survey"] == (1, 1)


def test_a_photo_whose_file_is_gone_says_so_and_holds_up_no_other(office: Office) -> None:
    batch = put(office, 2)
    gone = next(item.photo for item in queue.take(office.store, "Ram", batch.id, count=1))
    queue.release(office.store, "Ram")
    for file in office.photos.originals.parent.rglob(f"{gone}*"):
        file.unlink()
    answer = desk.next_items(office, SITA, batch.id, count=2)
    assert answer["items"][0]["picture"] is None
    assert "missing" in answer["items"][0]["problem"]
    assert picture(answer["items"][1]["picture"]).size == (320, 240)


def test_a_decision_is_saved_once_however_often_it_is_sent(office: Office) -> None:
    batch = put(office, 1)
    (item,) = ids(desk.next_items(office, SITA, batch.id))
    help_shown = {"face": 1, "probabilities": {"Asian": 0.7}}
    same = key()
    first = desk.decide(
        office, SITA, same, item, "label", "Nepali", suggestion=help_shown, seconds=1.5, via="page"
    )
    again = desk.decide(
        office, SITA, same, item, "label", "Nepali", suggestion=help_shown, seconds=1.5, via="page"
    )
    assert (first["event"], first["is_repeat"]) == (again["event"], False)
    assert again["is_repeat"]
    (event,) = judging.history(office.store, item)
    assert (event.who, event.word, event.suggestion, event.seconds, event.via) == (
        "Sita",
        "Nepali",
        help_shown,
        1.5,
        "page",
    )


def test_a_program_can_not_pass_for_an_import(office: Office) -> None:
    batch = put(office, 1)
    (item,) = ids(desk.next_items(office, SITA, batch.id))
    desk.decide(office, SITA, key(), item, "label", "Nepali", via="import")
    assert judging.history(office.store, item)[0].via == "http"


def test_what_cant_be_saved_is_said_in_a_sentence(office: Office) -> None:
    batch = put(office, 1)
    (item,) = ids(desk.next_items(office, SITA, batch.id))
    for kind, label, word in (("label", "Martian", ""), ("unusable", None, "ugly"), ("guess", None, "")):
        with pytest.raises(LabelError):
            desk.decide(office, SITA, key(), item, kind, label, word)
    assert judging.history(office.store, item) == []


def test_a_busy_database_is_tried_again_and_no_refusal(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = put(office, 1)
    (item,) = ids(desk.next_items(office, SITA, batch.id))
    monkeypatch.setattr("labeling.store.WAIT_SECONDS", 0.1)
    blocker = sa.create_engine(office.store.url)
    with office.store.engine.connect() as mine:
        mine.exec_driver_sql("PRAGMA busy_timeout=50")
    office.store.engine.dispose()
    sa.event.listen(
        office.store.engine, "connect", lambda made, _: made.execute("PRAGMA busy_timeout=50").close()
    )
    raw = blocker.raw_connection()
    raw.driver_connection.isolation_level = None  # type: ignore[union-attr]
    raw.execute("BEGIN IMMEDIATE")  # type: ignore[attr-defined]
    answer = desk.decide(office, SITA, key(), item, "label", "Nepali")
    assert list(answer) == ["later"]
    assert desk.take_back(office, SITA, key(), batch.id).keys() == {"later"}
    raw.execute("ROLLBACK")  # type: ignore[attr-defined]
    raw.close()
    assert "event" in desk.decide(office, SITA, key(), item, "label", "Nepali")


def test_undo_goes_back_step_by_step_and_shows_what_stands_now(office: Office) -> None:
    batch = put(office, 2)
    first, second = ids(desk.next_items(office, SITA, batch.id, count=2))
    desk.decide(office, SITA, key(), first, "label", "Asian")
    desk.decide(office, SITA, key(), second, "unusable", word="drawing")
    desk.decide(office, SITA, key(), first, "label", "Nepali")
    desk.decide(office, SITA, key(), first, "note", word="blurred")
    steps = [desk.take_back(office, SITA, key(), batch.id) for _ in range(5)]
    assert [step["undone"] and (step["undone"]["item"], step["undone"]["word"]) for step in steps] == [
        (first, "blurred"),
        (first, "Nepali"),
        (second, "drawing"),
        (first, "Asian"),
        None,
    ]
    assert steps[0]["item"]["note"] == ""
    assert steps[0]["item"]["mine"]["word"] == "Nepali"
    assert steps[1]["item"]["mine"]["word"] == "Asian", "the earlier label counts again"
    assert steps[2]["item"]["mine"] is None
    assert picture(steps[2]["item"]["picture"]).size == (320, 240)
    assert steps[3]["progress"]["mine"] == 0


def test_an_undo_that_is_sent_twice_takes_back_one_decision(office: Office) -> None:
    batch = put(office, 2)
    for item in ids(desk.next_items(office, SITA, batch.id, count=2)):
        desk.decide(office, SITA, key(), item, "label", "Asian")
    same = key()
    answers = [desk.take_back(office, SITA, same, batch.id, with_photo=False) for _ in range(2)]
    assert answers[0]["undone"] == answers[1]["undone"]
    assert "picture" not in answers[0]["item"]
    assert answers[1]["progress"]["mine"] == 1


def test_looking_back_goes_from_the_latest_to_the_first(office: Office) -> None:
    batch = put(office, 5)
    items = ids(desk.next_items(office, SITA, batch.id, count=5))
    for number, item in enumerate(items):
        desk.decide(office, SITA, key(), item, "label", "Asian" if number % 2 else "Nepali")
    desk.decide(office, SITA, key(), items[4], "note", word="once more")
    latest = desk.look_back(office, SITA, batch.id, count=2)
    assert ids(latest) == [items[4], items[3]]
    assert latest["items"][0]["note"] == "once more"
    older = desk.look_back(office, SITA, batch.id, before=latest["items"][1]["mine"]["event"], count=20)
    assert ids(older) == [items[2], items[1], items[0]]
    assert [item["mine"]["word"] for item in older["items"]] == ["Nepali", "Asian", "Nepali"]
    assert desk.look_back(office, RAM, batch.id)["items"] == [], "others' decisions are not shown"


def test_items_are_kept_given_back_and_told_of_faces_found_meanwhile(office: Office) -> None:
    batch = batches.create(office.store, "Maya", "new", "drawn", "CC0", "none")
    kept = office.photos.keep(drawn(7), "seven.jpg")
    batches.add_photos(office.store, batch.id, [kept])
    answer = desk.next_items(office, SITA, batch.id)
    (item,) = ids(answer)
    assert not answer["items"][0]["is_surveyed"]
    assert desk.hold(office, SITA, [item], unknown=[item]) == {"items": []}
    assert ids(desk.next_items(office, RAM, batch.id)) == []
    looks.set_survey(office.store, kept.hash, [face()])
    (news,) = desk.hold(office, SITA, [item], unknown=[item])["items"]
    assert len(news["faces"]) == 1
    assert "picture" not in news
    desk.hold(office, SITA, [item], is_leaving=True)
    assert ids(desk.next_items(office, RAM, batch.id)) == [item]


def test_each_database_has_a_name_of_its_own(tmp_path: Path) -> None:
    one, other = open_office(tmp_path / "one"), open_office(tmp_path / "other")
    assert desk.store_id(one) == desk.store_id(open_office(tmp_path / "one"))
    assert desk.store_id(one) != desk.store_id(other)
