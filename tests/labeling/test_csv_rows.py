"""A CSV that somebody brings: what is read of it, and what is refused, with the line and a reason."""

import csv
from pathlib import Path

import pytest

from labeling import csv_rows
from labeling.errors import LabelError


def read(text: str) -> csv_rows.Sheet:
    return csv_rows.read(text.encode())


def test_the_columns_that_are_known_are_read_in_any_order_and_others_passed_over() -> None:
    sheet = read(
        "age,imageName,time,ethnicity,annotator,face\r\n"
        '33,"Kathmandu/रिता, 2.jpg",2026-11-21T20:45:00.250Z,Nepali,Maya; Asha,2\r\n'
    )
    assert not sheet.refused
    (row,) = sheet.rows
    assert (row.line, row.name, row.batch) == (2, "रिता, 2.jpg", "Kathmandu")
    assert (row.label, row.face, row.annotators) == ("Nepali", 2, ("Maya", "Asha"))
    assert row.at == pytest.approx(1795293900.25)
    assert csv_rows.written_time(row.at or 0) == "2026-11-21T20:45:00.250Z"


def test_a_byte_order_mark_line_ends_within_quotes_and_short_rows_are_no_trouble() -> None:
    sheet = csv_rows.read(b'\xef\xbb\xbfimageName,ethnicity,face\n"a\nb.jpg",White\n\n,,\nc.jpg,Black\n')
    assert [(row.line, row.name, row.label, row.face) for row in sheet.rows] == [
        (3, "a b.jpg", "White", 0),
        (6, "c.jpg", "Black", 0),
    ]


FORMULAS = ["=cmd()", "+1", "-1", "@sum", "\t=1", " =1", "＝cmd()", "＠x", "\r=1", "a;=1"]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("column", ["imageName", "ethnicity", "annotator"])
def test_nothing_that_starts_a_formula_gets_in(column: str, text: str) -> None:
    row = {"imageName": "a.jpg", "ethnicity": "White", "annotator": "Maya"} | {column: text}
    written = ",".join(f'"{cell}"' for cell in row.values())
    sheet = read(f"imageName,ethnicity,annotator\n{written}\nb.jpg,White,Maya\n")
    assert [row.name for row in sheet.rows] == ["b.jpg"]
    assert len(sheet.refused) == 1
    assert sheet.refused[0].why.endswith(".")


def test_a_path_that_starts_a_formula_is_refused_although_the_name_does_not() -> None:
    sheet = read("imageName,ethnicity\n=x/a.jpg,White\n")
    assert not sheet.rows
    assert "formula" in sheet.refused[0].why


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.jpg,,,,,", "no ethnicity"),
        ("a.jpg,White,x,,,", "write its number"),
        ("a.jpg,White,,,yesterday,", "2026-11-21T20:45:00Z"),
        ("a.jpg,White,,,,maybe", "label, unusable, skip"),
        ("a.jpg,,,,,unusable", "not a person, no consent, drawing"),
        ("../,White,,,,", "holds no name"),
        (f"{'x' * 400}.jpg,White,,,,", "bytes"),
        (f"a.jpg,{'x' * 100},,,,", "100 characters"),
        (f"a.jpg,{'x' * 200_000},,,,", "no CSV"),
        (f"{'x' * 20_000},White,,,,", "bytes"),
        ('a"b.jpg,"White"x,,,,', "mend its quotes"),
    ],
)
def test_a_row_that_can_not_be_taken_is_listed_with_its_line_and_the_others_go_in(
    row: str, says: str
) -> None:
    sheet = read(
        f"imageName,ethnicity,face,annotator,time,judgement\nb.jpg,Asian,,,,\n{row}\nc.jpg,Black,,,,\n"
    )
    assert [one.name for one in sheet.rows] == ["b.jpg", "c.jpg"]
    (refused,) = sheet.refused
    assert refused.line == 3
    assert says in refused.why


def test_a_quote_that_is_never_closed_costs_its_own_rows_only() -> None:
    lines = ["imageName,ethnicity", "a.jpg,Asian", '"b.jpg,White', "c.jpg,Black"]
    sheet = read("\n".join(lines))
    assert [row.name for row in sheet.rows] == ["a.jpg"]
    assert len(sheet.refused) == 1
    assert "quotes" in sheet.refused[0].why
    assert csv.field_size_limit() > 100_000  # of the whole process, and left as it was


def test_paths_are_cut_to_the_name_also_with_backslashes_and_dots() -> None:
    sheet = read("imageName,ethnicity\n..\\..\\etc\\a.jpg,White\n./photos/b.jpg,White\n/abs/c.jpg,White\n")
    assert [(row.name, row.batch) for row in sheet.rows] == [
        ("a.jpg", "../../etc"),
        ("b.jpg", "photos"),
        ("c.jpg", "abs"),
    ]


def test_the_boxes_that_training_keeps_under_face_are_no_face_numbers() -> None:
    sheet = read("imageName,ethnicity,face\na.jpg,White,0.12 0.3 0.9 1.02\n")
    assert sheet.rows[0].face == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no columns imageName and ethnicity"),
        (b"imageName;ethnicity\na.jpg;White\n", "with commas"),
        (b"name,label\na.jpg,White\n", "must be imageName,ethnicity"),
        (b"imageName,ethnicity,imageName\n", "twice"),
        ("imageName,ethnicity\n".encode("utf-16"), "UTF-8"),
        (b"imageName,ethnicity\n\xe9.jpg,White\n", "UTF-8"),
    ],
)
def test_a_file_that_is_no_labels_csv_says_so(content: bytes, says: str) -> None:
    with pytest.raises(LabelError, match=says):
        csv_rows.read(content)


def test_a_missing_or_too_large_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabelError, match="can't be read"):
        csv_rows.read(tmp_path / "none.csv")
    monkeypatch.setattr(csv_rows, "MAX_BYTES", 10)
    with pytest.raises(LabelError, match="in parts"):
        csv_rows.read(b"imageName,ethnicity\n")
