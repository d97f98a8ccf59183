"""The CSV that comes out: which rows and columns, and that nobody ever sees half of one."""

import csv
import io
import random
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from labeling import export, schema, vocabulary
from labeling.batches import Batch, add_photos
from labeling.errors import LabelError
from labeling.export import What
from labeling.importing import import_csv
from labeling.judging import judge, settle, undo
from labeling.outcome import votes
from labeling.store import Store
from labeling.tally import tally
from tests.labeling.filling import Clock, face, fill, key, new_photo, survey

WORDS = ("Asian", "Black", "Nepali", "unsure")


@pytest.fixture
def items(store: Store, batch: Batch) -> list[int]:
    """The batch's photos, by their numbers as items."""
    columns = schema.items.c
    with store.reading() as connection:
        query = sa.select(columns.id).where(columns.batch == batch.id).order_by(columns.position)
        return list(connection.scalars(query))


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    return tmp_path / "locks"


def lines(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_one_row_a_labelled_photo_in_the_order_of_the_batch(store: Store, items: list[int]) -> None:
    judge(store, key(), "Maya", items[7], "label", "Nepali")
    judge(store, key(), "Maya", items[2], "label", "unsure")
    judge(store, key(), "Maya", items[3], "unusable", word="drawing")
    judge(store, key(), "Maya", items[4], "skip")
    judge(store, key(), "Maya", items[5], "note", word="who is this?")
    exported = export.rows(store)
    assert exported.text == "imageName,ethnicity\r\nphoto 2.jpg,unsure\r\nphoto 7.jpg,Nepali\r\n"
    undo(store, key(), "Maya", 1)
    undo(store, key(), "Maya", 1)
    undo(store, key(), "Maya", 1)
    undo(store, key(), "Maya", 1)
    assert export.rows(store).rows == [("photo 7.jpg", "Nepali")]


def test_the_majority_counts_a_tie_has_no_row_and_an_owner_settles_it(store: Store, items: list[int]) -> None:
    for who, labels in {"Maya": "Nepali Asian", "Asha": "Nepali Black", "Bir": "Indian Asian"}.items():
        for item, label in zip(items, labels.split(), strict=False):
            judge(store, key(), who, item, "label", label)
    judge(store, key(), "Dil", items[1], "label", "Black")
    exported = export.rows(store)
    assert exported.rows == [("photo 0.jpg", "Nepali")]
    assert exported.conflicts == 1
    settle(store, key(), "Owner", items[1], "White")
    assert export.rows(store).rows[1] == ("photo 1.jpg", "White")
    settle(store, key(), "Owner", items[1], None)
    assert len(export.rows(store).rows) == 1


def test_the_quick_way_comes_to_what_the_votes_say(store: Store, items: list[int]) -> None:
    draw = random.Random(3)
    for _ in range(400):
        who, item = draw.choice(("Maya", "Asha", "Bir", "Dil")), draw.choice(items)
        kind = draw.choice(("label", "label", "label", "unusable", "skip", "note", "settle", "undo"))
        if kind == "settle":
            word = draw.choice((None, *WORDS))
            unusable = "drawing" if word is None and draw.random() < 0.5 else ""
            settle(store, key(), "Owner", item, word, unusable=unusable)
        elif kind == "undo":
            undo(store, key(), who, 1)
        else:
            word = {"unusable": "drawing", "note": "hm"}.get(kind, "")
            label = draw.choice(WORDS) if kind == "label" else None
            shown = {"Asian": 0.5} if draw.random() < 0.5 else None
            judge(store, key(), who, item, kind, label, word, shown)
    vocabulary.merge(store, "Owner", 7, 1)  # Nepali into Asian
    slow = {one.item: one for one in votes(store, 1)}
    quick = {
        one.item: one
        for one in tally(store, 1)
        if any(vote.kind != "settle" or vote.label or vote.word for vote in one.cast)
    }
    assert quick.keys() == slow.keys()
    assert len(quick) > 20
    for item, entry in quick.items():
        one = slow[item]
        assert (entry.outcome, entry.is_conflict, entry.is_unusable) == (
            one.outcome,
            one.is_conflict,
            one.is_unusable,
        )
        assert (entry.name, entry.photo, entry.position) == (
            slow[item].name,
            slow[item].photo,
            slow[item].position,
        )
        cast = [
            (one.event, one.who, one.kind, one.label, one.word, one.was_shown)
            for one in entry.cast
            if one.kind != "settle"
        ]
        assert cast == [
            (vote.event, vote.who, vote.kind, vote.label, vote.word, vote.suggestion_shown)
            for vote in slow[item].votes
        ]
    some = sorted(quick)[5:12]
    assert [entry for entry in tally(store, 1) if entry.item in some] == tally(store, 1, items=some)


def test_columns_say_who_and_when(store: Store, items: list[int], clock: Clock) -> None:
    judge(store, key(), "Maya", items[0], "label", "Nepali")
    clock.pass_by(60.5)
    judge(store, key(), "Asha", items[0], "label", "Nepali")
    clock.pass_by(60)
    judge(store, key(), "Bir", items[0], "label", "Asian", suggestion={"Asian": 0.9})
    judge(store, key(), "Bir", items[1], "unusable", word="no consent")
    exported = export.rows(store, What(annotator=True, time=True))
    assert exported.header == ("imageName", "ethnicity", "annotator", "time")
    assert exported.rows == [("photo 0.jpg", "Nepali", "Maya; Asha", "2027-01-15T08:01:00.500Z")]
    every = export.rows(store, What(all_judgements=True))
    assert [",".join(row) for row in (every.header, *every.rows)] == [
        "imageName,ethnicity,annotator,time,judgement,reason,suggestionShown",
        "photo 0.jpg,Nepali,Maya,2027-01-15T08:00:00.000Z,label,,no",
        "photo 0.jpg,Nepali,Asha,2027-01-15T08:01:00.500Z,label,,no",
        "photo 0.jpg,Asian,Bir,2027-01-15T08:02:00.500Z,label,,yes",
        "photo 1.jpg,,Bir,2027-01-15T08:02:00.500Z,unusable,no consent,no",
    ]


def test_faces_are_told_apart_by_a_column(store: Store, batch: Batch) -> None:
    survey(store, 3, [face(10), face(200), face(400)])
    columns = schema.items.c
    with store.reading() as connection:
        faces = list(connection.scalars(sa.select(columns.id).where(columns.face > 0).order_by(columns.face)))
        photo = connection.scalar(
            sa.select(columns.id).where(columns.name == "photo 3.jpg", columns.face == 0)
        )
    judge(store, key(), "Maya", faces[2], "label", "Black")
    judge(store, key(), "Maya", faces[0], "label", "Nepali")
    assert photo is not None
    judge(store, key(), "Maya", photo, "label", "White")
    exported = export.rows(store, What(by_face=True))
    assert exported.text == "imageName,ethnicity,face\r\nphoto 3.jpg,Nepali,1\r\nphoto 3.jpg,Black,3\r\n"
    assert export.rows(store).rows == [("photo 3.jpg", "White")]
    placed = export.rows(store, What(by_face=True, box=True, annotator=True))
    assert placed.header == ("imageName", "ethnicity", "face", "annotator", "faceBox")
    assert placed.rows[1] == ("photo 3.jpg", "Black", "3", "Maya", "400 20 500 120")
    every = export.rows(store, What(by_face=True, box=True, all_judgements=True))
    assert [row[-1] for row in every.rows] == ["10 20 110 120", "400 20 500 120"]
    before = store.version()
    assert import_csv(store, every.text.encode(), "Bir").unchanged == 2
    assert store.version() == before


def test_names_with_commas_quotes_and_devanagari_are_read_back(store: Store) -> None:
    names = ['रिता, "२".jpg', "a;b.jpg", "’quoted’.jpg", "50% & <b>.jpg"]
    made = fill(store, 0, "Names")
    add_photos(store, made.id, [new_photo(100 + place, name) for place, name in enumerate(names)])
    for entry in range(1, 1 + len(names)):
        judge(store, key(), "Maya", entry, "label", "Nepali")
    assert [row[0] for row in lines(export.rows(store).text)[1:]] == names


def test_of_several_batches_a_name_says_which_batch_where_two_photos_have_it(
    store: Store, batch: Batch
) -> None:
    other = fill(store, 2, "Tihar", first=40)
    same = new_photo(0)
    add_photos(store, other.id, [same, new_photo(50, "photo 1.jpg"), new_photo(2)])
    columns = schema.items.c
    with store.reading() as connection:
        places = {
            (row.batch, row.name): row.id
            for row in connection.execute(sa.select(columns.id, columns.batch, columns.name))
        }

    def label(where: Batch, name: str, word: str) -> None:
        judge(store, key(), "Maya", places[where.id, name], "label", word)

    label(batch, "photo 0.jpg", "Asian")  # the same photo, which only one batch labels
    label(batch, "photo 1.jpg", "Black")  # two photos of a name
    label(other, "photo 1.jpg", "White")
    label(batch, "photo 2.jpg", "Asian")  # the same photo, of which they say different things
    label(other, "photo 2.jpg", "Black")
    label(batch, "photo 3.jpg", "Nepali")
    label(other, "photo 40.jpg", "Indian")
    assert sorted(export.rows(store).rows) == [
        ("Dashain 2026/photo 1.jpg", "Black"),
        ("Dashain 2026/photo 2.jpg", "Asian"),
        ("Tihar/photo 1.jpg", "White"),
        ("Tihar/photo 2.jpg", "Black"),
        ("photo 0.jpg", "Asian"),
        ("photo 3.jpg", "Nepali"),
        ("photo 40.jpg", "Indian"),
    ]
    label(other, "photo 0.jpg", "Asian")
    label(other, "photo 2.jpg", "Asian")
    agreed = export.rows(store).rows
    assert ("photo 0.jpg", "Asian") in agreed
    assert ("photo 2.jpg", "Asian") in agreed
    assert export.rows(store, What(batch="Tihar")).rows == [
        ("photo 40.jpg", "Indian"),
        ("photo 0.jpg", "Asian"),
        ("photo 1.jpg", "White"),
        ("photo 2.jpg", "Asian"),
    ]
    with pytest.raises(LabelError, match="no batch"):
        export.rows(store, What(batch="Holi"))


@pytest.mark.parametrize("name", ["=cmd().jpg", "  +1.jpg", "＝a.jpg", "x;=1.jpg"])
def test_a_formula_that_got_into_the_store_another_way_does_not_come_out(
    store: Store, name: str, batch: Batch
) -> None:
    with store.writing() as connection:
        connection.execute(schema.items.update().where(schema.items.c.id == 1).values(name=name))
    judge(store, key(), "Maya", 1, "label", "Nepali")
    judge(store, key(), "Maya", 2, "label", "Nepali")
    exported = export.rows(store)
    assert exported.rows == [("photo 1.jpg", "Nepali")]
    assert [left.name for left in exported.refused] == [name]
    assert "formula" in exported.refused[0].why


def test_a_rename_and_a_merge_show_at_once(store: Store, items: list[int]) -> None:
    judge(store, key(), "Maya", items[0], "label", "Nepali")
    judge(store, key(), "Maya", items[1], "label", "Asian")
    vocabulary.rename(store, "Owner", 7, "Newar")
    assert export.rows(store).rows == [("photo 0.jpg", "Newar"), ("photo 1.jpg", "Asian")]
    vocabulary.merge(store, "Owner", 7, 1)
    assert export.rows(store).rows == [("photo 0.jpg", "Asian"), ("photo 1.jpg", "Asian")]


def test_a_reader_in_a_loop_never_sees_a_half_written_file(
    store: Store, items: list[int], tmp_path: Path, locks: Path
) -> None:
    path = tmp_path / "labels.csv"
    export.write(store, path, locks=locks)
    seen: list[bytes] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            content = path.read_bytes()
            if not seen or content != seen[-1]:
                seen.append(content)

    def put() -> None:
        for _ in range(15):
            export.write(store, path, locks=locks)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        writers = [threading.Thread(target=put) for _ in range(3)]
        for writer in writers:
            writer.start()
        for item in items:
            judge(store, key(), "Maya", item, "label", "Nepali")
        for writer in writers:
            writer.join()
        export.write(store, path, locks=locks)
    finally:
        done.set()
        reader.join()
    seen.append(path.read_bytes())
    counts = []
    for content in seen:
        assert content.startswith(b"imageName,ethnicity\r\n")
        assert content.endswith(b"\r\n")
        assert all(len(row) == 2 for row in lines(content.decode()))
        counts.append(len(lines(content.decode())))
    assert counts == sorted(counts)  # nothing older was written over something newer
    assert counts[-1] == 31
    assert not list(tmp_path.glob(".*"))


def test_what_can_not_be_written_to_says_so_and_stays_as_it_is(
    store: Store, tmp_path: Path, locks: Path
) -> None:
    with pytest.raises(LabelError, match="is not a file"):
        export.write(store, tmp_path, locks=locks)
    assert store.file is not None
    with pytest.raises(LabelError, match="is not a file"):
        export.write(store, store.file, locks=locks)
    (tmp_path / "plain").write_text("")
    with pytest.raises(LabelError, match="could not be written"):
        export.write(store, tmp_path / "plain" / "labels.csv", locks=locks)
