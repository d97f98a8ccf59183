"""Whatever a CSV holds, it is read or refused with a sentence; and what is written is read back as it was."""

from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from labeling import csv_rows
from labeling.errors import LabelError
from labeling.export import as_lines, is_harmless
from labeling.names import clean_label, clean_photo_name, starts_formula

HEADER = "imageName,ethnicity,face,annotator,time,judgement,reason"
NASTY = st.sampled_from('=+-@＝＋－＠\t\r\n",;/\\.\0\ufeff\u200b\u202e\u0930\u093f 1aé')
cells = st.text(st.one_of(st.characters(), NASTY), max_size=20)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
@example(b"imageName,ethnicity\n\x00,\x00\n")
@example(b'imageName,ethnicity\n"a.jpg')
def test_bytes_are_read_or_refused(content: bytes) -> None:
    for given_ in (content, f"{HEADER}\n".encode() + content):
        with suppress(LabelError):  # anything else fails the test
            assert all(refused.why.endswith(".") for refused in csv_rows.read(given_).refused)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(cells, min_size=7, max_size=7), max_size=5))
def test_what_goes_in_starts_no_formula(table: list[list[str]]) -> None:
    text = "".join(as_lines([HEADER.split(","), *table]))
    sheet = csv_rows.read(text.encode("utf-8", "replace"))
    for row in sheet.rows:
        for cell in (row.name, row.label, *row.annotators):
            assert not starts_formula(cell)
            assert is_harmless(cell)
            assert "\n" not in cell
        assert "/" not in row.name
        assert not row.name.startswith(".")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(cells, cells), max_size=8))
def test_what_is_written_is_read_back(pairs: list[tuple[str, str]]) -> None:
    clean = []
    for name, label in pairs:
        try:
            clean.append((clean_photo_name(name), clean_label(label)))
        except LabelError:
            continue
    text = "".join(as_lines([("imageName", "ethnicity"), *clean]))
    assert text.endswith("\r\n")
    sheet = csv_rows.read(text.encode())
    assert [(row.name, row.label) for row in sheet.rows] == clean
    assert not sheet.refused


@settings(max_examples=500, deadline=None)
@given(cells)
@example("a；=1")
@example("²=")
def test_the_quick_look_at_a_cell_lets_no_formula_through(cell: str) -> None:
    assert is_harmless(cell) == (not starts_formula(cell))
