"""A CSV that goes in: what becomes a judgement, whose, and that what the store knows already changes nothing."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from labeling import export, importing, schema, vocabulary
from labeling.batches import Batch, add_photos
from labeling.errors import LabelError
from labeling.export import What
from labeling.importing import import_csv
from labeling.judging import history, judge, settle, undo
from labeling.outcome import votes
from labeling.store import Store
from tests.labeling.filling import Clock, face, fill, key, new_photo, survey

SHAPES = [
    What(),
    What(annotator=True),
    What(time=True),
    What(annotator=True, time=True),
    What(all_judgements=True),
    What(by_face=True),
    What(by_face=True, annotator=True),
    What(by_face=True, all_judgements=True),
]


def count(store: Store) -> int:
    with store.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(schema.events)) or 0


def item(store: Store, batch: Batch, name: str, number: int = 0) -> int:
    columns = schema.items.c
    query = sa.select(columns.id).where(
        columns.batch == batch.id, columns.name == name, columns.face == number
    )
    with store.reading() as connection:
        found = connection.scalar(query)
    assert found is not None
    return found


def play(store: Store, clock: Clock, judgements: int = 1) -> None:
    """Two batches that share photos and names, many judgements of four people, some settled, faces too."""
    batch, other = fill(store, 12, judgements=judgements), fill(store, 5, "Tihar", first=40)
    add_photos(store, other.id, [new_photo(0), new_photo(50, "photo 1.jpg"), new_photo(2), new_photo(3)])
    for number in (0, 1, 2, 50):
        survey(store, number, [face(10), face(200)])
    with store.reading() as connection:
        items = list(connection.scalars(sa.select(schema.items.c.id)))
    draw = random.Random(8)
    for _ in range(250):
        clock.pass_by(draw.uniform(0.0001, 50))
        who, one = draw.choice(("Maya", "Asha", "Bir", "Dil")), draw.choice(items)
        kind = draw.choice(("label",) * 6 + ("unusable", "skip", "settle", "undo"))
        label = draw.choice(("Asian", "Nepali", "Middle Eastern", "unsure"))
        if kind == "settle":
            settle(store, key(), "Owner", one, label)
        elif kind == "undo":
            undo(store, key(), who, batch.id)
        else:
            judge(store, key(), who, one, kind, label, "no consent" if kind == "unusable" else "")
    vocabulary.merge(store, "Owner", 7, 1)  # Nepali into Asian


@pytest.mark.parametrize("what", SHAPES, ids=str)
def test_importing_what_was_exported_changes_nothing(store: Store, clock: Clock, what: What) -> None:
    play(store, clock)
    exported = export.rows(store, what)
    assert len(exported.rows) > 5
    before = count(store)
    imported = import_csv(store, exported.text.encode(), "Somebody else")
    assert count(store) == before
    assert (imported.rows, imported.unchanged) == (len(exported.rows), len(exported.rows))
    assert (imported.added, imported.older, imported.refused) == (0, 0, [])
    assert export.rows(store, what) == exported


def test_all_judgements_make_an_empty_store_the_same(store: Store, clock: Clock, tmp_path: Path) -> None:
    play(store, clock)
    with store.writing() as connection:  # what an owner settled is no judgement, and stays behind
        connection.execute(schema.events.delete().where(schema.events.c.kind == "settle"))
    other = Store(f"sqlite:///{tmp_path / 'other.db'}", clock)
    batch, second = fill(other, 12), fill(other, 5, "Tihar", first=40)
    add_photos(other, second.id, [new_photo(0), new_photo(50, "photo 1.jpg"), new_photo(2), new_photo(3)])
    for number in (0, 1, 2, 50):
        survey(other, number, [face(10), face(200)])
    vocabulary.merge(other, "Owner", 7, 1)
    for by_face in (False, True):
        what = What(by_face=by_face, all_judgements=True)
        exported = export.rows(store, what)
        imported = import_csv(other, exported.text.encode(), "Somebody")
        assert not imported.refused
        assert imported.added == len(exported.rows) > 20
        again = export.rows(other, what)
        # Among the votes of one item the order is that of the lines; "unusable" by itself shows no suggestion either.
        assert sorted(again.rows) == sorted(exported.rows)
        for number in (batch.id, second.id):
            ends = [
                {one.name: (one.face, one.outcome) for one in votes(place, number, by_face)}
                for place in (store, other)
            ]
            assert ends[0] == ends[1]
    other.close()


def test_a_row_is_one_more_judgement_and_may_come_again(store: Store, batch: Batch) -> None:
    text = b"imageName,ethnicity\nphoto 3.jpg,Nepali\nphoto 4.jpg,middle_eastern\nphoto 3.jpg,Nepali\n"
    imported = import_csv(store, text, "Maya")
    assert (imported.rows, imported.added, imported.unchanged) == (3, 2, 1)
    assert export.rows(store).rows == [("photo 3.jpg", "Nepali"), ("photo 4.jpg", "Middle Eastern")]
    (event,) = history(store, 4)
    assert (event.who, event.via, event.kind) == ("Maya", "import", "label")
    again = import_csv(store, text, "Maya")
    assert (again.added, again.unchanged) == (0, 3)
    other = import_csv(store, b"imageName,ethnicity\nphoto 3.jpg,Asian\n", "Asha")
    assert other.added == 1
    assert export.rows(store).conflicts == 1
    assert import_csv(store, b"imageName,ethnicity\nphoto 3.jpg,Asian\n", "Asha").unchanged == 1


def test_annotator_time_and_face_are_taken_over(store: Store, batch: Batch, clock: Clock) -> None:
    survey(store, 3, [face(10), face(200)])
    text = (
        "imageName,ethnicity,face,annotator,time,judgement,reason\n"
        "photo 3.jpg,Nepali,2,Asha; Bir,2026-10-20T08:00:00Z,,\n"
        "photo 3.jpg,,1,Asha,2026-10-20T08:00:01.5+00:00,unusable,drawing\n"
        "photo 3.jpg,,1,Bir,2026-10-20T08:00:01.5+00:00,skip,\n"
        "photo 3.jpg,White,,,,,\n"
    )
    imported = import_csv(store, text.encode(), "Maya")
    assert (imported.added, imported.refused) == (5, [])
    every = export.rows(store, What(by_face=True, all_judgements=True))
    assert [",".join(row) for row in every.rows] == [
        "photo 3.jpg,,1,Asha,2026-10-20T08:00:01.500Z,unusable,drawing,no",
        "photo 3.jpg,,1,Bir,2026-10-20T08:00:01.500Z,skip,,no",
        "photo 3.jpg,Nepali,2,Asha,2026-10-20T08:00:00.000Z,label,,no",
        "photo 3.jpg,Nepali,2,Bir,2026-10-20T08:00:00.000Z,label,,no",
    ]
    assert export.rows(store, What(annotator=True)).rows == [("photo 3.jpg", "White", "Maya")]
    assert import_csv(store, text.encode(), "Maya").unchanged == 4


def test_a_name_with_a_semicolon_stays_one_person(store: Store, batch: Batch) -> None:
    for who in ("Maya; Asha", "Bir"):
        judge(store, key(), who, 1, "label", "Nepali")
    for what in (What(annotator=True), What(all_judgements=True)):
        exported = export.rows(store, what)
        assert import_csv(store, exported.text.encode(), "Dil").unchanged == len(exported.rows)
    assert count(store) == 2


def test_what_somebody_said_later_stays(store: Store, batch: Batch, clock: Clock) -> None:
    judge(store, key(), "Asha", 1, "label", "Asian")
    old = export.rows(store, What(annotator=True, time=True)).text.encode()
    clock.pass_by(60)
    judge(store, key(), "Asha", 1, "label", "Nepali")
    imported = import_csv(store, old, "Maya")
    assert (imported.added, imported.older) == (0, 1)
    assert export.rows(store).rows == [("photo 0.jpg", "Nepali")]


def test_what_can_not_go_in_is_listed_by_line_and_the_rest_goes_in(store: Store, batch: Batch) -> None:
    vocabulary.retire(store, "Owner", 4)  # Indian
    text = (
        "imageName,ethnicity,face,time\n"
        "photo 0.jpg,Nepali,,\n"
        "nobody.jpg,Nepali,,\n"
        "photo 1.jpg,Martian,,\n"
        "=cmd(),Nepali,,\n"
        "photo 2.jpg,=cmd(),,\n"
        "photo 3.jpg,Indian,,\n"
        "photo 4.jpg,White,2,\n"
        "photo 0.jpg,White,,\n"
        "photo 5.jpg,White,,2999-01-01\n"
        "photo 6.jpg,,,\n"
        "photo 7.jpg,Black,,\n"
    )
    imported = import_csv(store, text.encode(), "Maya")
    assert (imported.rows, imported.added) == (11, 2)
    assert [one.line for one in imported.refused] == [3, 4, 5, 6, 7, 8, 9, 10, 11]
    why = {one.line: one.why for one in imported.refused}
    assert "no photo of this name" in why[3]
    assert (
        'no label "Martian"; choose one of Asian, Black, Hispanic, Middle Eastern, White, Nepali, unsure'
        in why[4]
    )
    assert "formula" in why[5]
    assert "formula" in why[6]
    assert "no longer in use" in why[7]
    assert "No face is known in this photo" in why[8]
    assert "Line 2 says something else" in why[9]
    assert "has not come yet" in why[10]
    assert "no ethnicity" in why[11]
    assert all(one.endswith(".") for one in why.values())
    assert export.rows(store).rows == [("photo 0.jpg", "Nepali"), ("photo 7.jpg", "Black")]


def test_a_face_that_is_not_there_is_said(store: Store, batch: Batch) -> None:
    survey(store, 3, [face(10), face(200)])
    imported = import_csv(
        store, b"imageName,ethnicity,face\nphoto 3.jpg,White,3\nphoto 3.jpg,White,2\n", "Maya"
    )
    assert imported.added == 1
    assert imported.refused[0].why == "This photo has no face 3: 2 have been found in it."


def test_a_name_in_several_batches_is_told_apart_by_the_batch(store: Store, batch: Batch) -> None:
    other = fill(store, 2, "Tihar", first=40)
    add_photos(
        store, other.id, [new_photo(50, "photo 1.jpg"), new_photo(2), new_photo(51, "album_photo 1.jpg")]
    )
    rows = [
        "photo 1.jpg,Nepali",
        "Tihar/photo 1.jpg,White",
        "C:\\x\\photo 2.jpg,Black",
        "album/photo 1.jpg,Asian",
    ]
    text = "\n".join(["imageName,ethnicity", *rows]).encode()
    imported = import_csv(store, text, "Maya")
    assert [(one.line, "BATCH/NAME" in one.why) for one in imported.refused] == [(2, True)]
    assert imported.added == 4  # the same photo in two batches is labelled in both
    assert {one.name: one.outcome for one in votes(store, other.id)} == {
        "photo 1.jpg": "White",
        "photo 2.jpg": "Black",
        "album_photo 1.jpg": "Asian",
    }
    assert {one.name: one.outcome for one in votes(store, batch.id)} == {"photo 2.jpg": "Black"}
    imported = import_csv(store, b"imageName,ethnicity\nphoto 1.jpg,Nepali\n", "Maya", batch="Dashain 2026")
    assert (imported.added, imported.refused) == (1, [])


def test_names_are_matched_in_nfc(store: Store) -> None:
    batch = fill(store, 0)
    add_photos(store, batch.id, [new_photo(1, "é रिता.jpg")])
    imported = import_csv(store, "imageName,ethnicity\ne\u0301 रिता.jpg,Nepali\n".encode(), "Maya")
    assert imported.added == 1


def test_words_of_other_collections_are_mapped(store: Store, batch: Batch) -> None:
    text = b"imageName,ethnicity\nphoto 0.jpg,East Asian\nphoto 1.jpg,Latino_Hispanic\n"
    mapping = {"east-asian": "Asian", "Latino Hispanic": "hispanic"}
    assert import_csv(store, text, "Maya", mapping=mapping).added == 2
    assert [row[1] for row in export.rows(store).rows] == ["Asian", "Hispanic"]
    with pytest.raises(LabelError, match="no label; choose one of Asian"):
        import_csv(store, text, "Maya", mapping={"East Asian": "Martian"})


def test_a_renamed_label_is_understood_by_what_it_was_called(store: Store, batch: Batch) -> None:
    judge(store, key(), "Maya", 1, "label", "Nepali")
    judge(store, key(), "Maya", 2, "label", "Asian")
    first = export.rows(store).text.encode()
    vocabulary.rename(store, "Owner", 7, "Newar")
    second = export.rows(store).text.encode()
    vocabulary.rename(store, "Owner", 7, "Newari")
    for old in (first, second):
        imported = import_csv(store, old, "Asha")
        assert (imported.unchanged, imported.refused) == (2, [])
    vocabulary.add(store, "Owner", "Nepali")  # now it means another one
    assert import_csv(store, first, "Asha").added == 1
    assert export.rows(store, What(all_judgements=True)).rows[1][:3] == ("photo 0.jpg", "Nepali", "Asha")


def test_labels_that_differ_by_a_dash_are_told_apart(store: Store, batch: Batch) -> None:
    vocabulary.add(store, "Owner", "Middle-Eastern")
    text = b"imageName,ethnicity\nphoto 0.jpg,Middle-Eastern\nphoto 1.jpg,Middle Eastern\n"
    assert import_csv(store, text, "Maya").added == 2
    assert [row[1] for row in export.rows(store).rows] == ["Middle-Eastern", "Middle Eastern"]


def test_a_merged_label_is_understood_by_its_old_name(store: Store, batch: Batch) -> None:
    judge(store, key(), "Maya", 1, "label", "Nepali")
    old = export.rows(store).text.encode()
    vocabulary.merge(store, "Owner", 7, 1)
    assert import_csv(store, old, "Asha").unchanged == 1


def test_an_import_that_was_stopped_goes_on_when_it_is_given_again(
    store: Store, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 4)
    text = "imageName,ethnicity\n" + "".join(f"photo {i}.jpg,Nepali\n" for i in range(10))
    told = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_csv(store, text.encode(), "Maya", advance=stop)
    assert told == [(4, 10), (8, 10)]
    assert len(export.rows(store).rows) == 8
    imported = import_csv(store, text.encode(), "Maya")
    assert (imported.added, imported.unchanged) == (2, 8)
    assert count(store) == 10


def test_what_somebody_says_while_an_import_is_under_way_stays(
    store: Store, batch: Batch, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 4)
    judge(store, key(), "Asha", 7, "label", "White")
    clock.pass_by(60)
    text = "imageName,ethnicity,annotator\n" + "".join(f"photo {i}.jpg,Asian,Asha\n" for i in range(8))

    def meanwhile(done: int, total: int) -> None:
        if done == 4:
            judge(store, key(), "Asha", 6, "label", "Nepali")
            judge(store, key(), "Asha", 7, "label", "Nepali")

    imported = import_csv(store, text.encode(), "Maya", advance=meanwhile)
    assert (imported.added, imported.older) == (6, 2)
    assert [row[1] for row in export.rows(store).rows[4:]] == ["Asian", "Nepali", "Nepali", "Asian"]


@pytest.mark.slow
def test_others_go_on_labelling_while_much_is_imported(store: Store) -> None:
    fill(store, 1500)
    script = (
        "import sys, time\n"
        "from labeling.store import Store\n"
        "from labeling.judging import judge\n"
        f"store = Store('sqlite:///{store.file}')\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "for number in range(20):\n"
        "    start = time.monotonic()\n"
        "    judge(store, f'other-{number:04}', 'Asha', number + 1, 'label', 'Nepali')\n"
        "    print(time.monotonic() - start, time.time(), flush=True)\n"
        "    time.sleep(0.05)\n"
    )
    text = "imageName,ethnicity\n" + "".join(f"photo {i}.jpg,Asian\n" for i in range(1500))
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        other.stdin.write("\n")
        other.stdin.flush()
        assert import_csv(store, text.encode(), "Maya").added == 1500
        ended = time.time()
        waited = [tuple(map(float, line.split())) for line in other.stdout]
    meanwhile = [seconds for seconds, at in waited if at < ended]
    assert len(meanwhile) > 5
    assert sorted(meanwhile)[len(meanwhile) // 2] < 1  # without its rests, tens of seconds
    assert count(store) == 1520
