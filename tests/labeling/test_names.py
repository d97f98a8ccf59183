"""Names on their way in: what is kept, what is cleaned, what is refused."""

import unicodedata

import pytest

from labeling import names
from labeling.errors import LabelError

CLEANERS = [names.clean_photo_name, names.clean_label, names.clean_person, names.clean_batch]
FORMULAS = [
    "=cmd()",
    "=cmd|'calc'!A0",
    "+977 photo.jpg",
    "-1+1",
    "@SUM(A1)",
    "  =cmd()",
    "\u00a0=cmd()",  # a no-break space
    "\u3000＝cmd()",  # full-width blank and sign
    "＝cmd()",
    "＋1",
    "－1",
    "＠SUM",
    "﹦1",
    "−1",
    "\u200b=cmd()",
    "\u202e=cmd()",
    "\u200d=cmd()",
    "\x00=cmd()",
    "\t=cmd()",
    "\tphoto",
    "\rphoto",
    "\r\n=cmd()",
    "\n=cmd()",
    "photo;=cmd()",
    "photo; ＝cmd()",
]


@pytest.mark.parametrize("clean", CLEANERS)
@pytest.mark.parametrize("text", FORMULAS)
def test_nothing_that_starts_a_formula_gets_in(clean, text: str):
    with pytest.raises(LabelError, match="formula"):
        clean(text)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_recognised_however_it_is_written(text: str):
    assert names.starts_formula(text)


@pytest.mark.parametrize("text", ["photo-1+1=2@home.jpg", "रिता.jpg", "a;b", "'=1", "(c) me", "1-2", ""])
def test_signs_elsewhere_are_no_formula(text: str):
    assert not names.starts_formula(text)


@pytest.mark.parametrize("clean", CLEANERS)
def test_devanagari_is_kept_in_nfc(clean):
    nukta = "सड़क"  # written with the letter and its dot apart
    for form in ("NFC", "NFD"):
        assert clean(unicodedata.normalize(form, "काठमाडौँ é " + nukta)) == unicodedata.normalize(
            "NFC", "काठमाडौँ é " + nukta
        )
    assert clean("क्‍ष") == "क्‍ष", "a joiner between letters shapes them"


@pytest.mark.parametrize("clean", CLEANERS)
def test_what_cannot_be_seen_is_left_out(clean):
    assert clean("  re\x00d\x1b fox\u202e\ufeff\u200b \n \u2028 runs\ud800 ") == "red fox runs"


@pytest.mark.parametrize("clean", CLEANERS)
@pytest.mark.parametrize("text", ["", "   ", "\x00\x01", "\u200d\u200c", "\u202e"])
def test_a_name_of_nothing_is_refused(clean, text: str):
    with pytest.raises(LabelError):
        clean(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("album/deep/रिता.jpg", "रिता.jpg"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\photos\\me.jpg", "me.jpg"),
        ("..\\..\\me.jpg", "me.jpg"),
        ("photos/", "photos"),
        ("no suffix", "no suffix"),
    ],
)
def test_folders_are_no_part_of_a_photos_name(text: str, name: str):
    assert names.clean_photo_name(text) == name


@pytest.mark.parametrize("text", [".", "..", "/", "a/..", "...", "a/.", ".hidden.jpg", "a/.DS_Store"])
def test_dots_are_no_name(text: str):
    with pytest.raises(LabelError):
        names.clean_photo_name(text)


def test_a_folder_with_a_formula_before_the_name_harms_nobody():
    assert names.clean_photo_name("=cmd()/me.jpg") == "me.jpg"


def test_a_long_name_is_refused_rather_than_cut():
    assert names.clean_photo_name("a" * 196 + ".jpg") == "a" * 196 + ".jpg"
    with pytest.raises(LabelError, match="201 characters"):
        names.clean_photo_name("a" * 197 + ".jpg")
    with pytest.raises(LabelError, match="244 bytes"):
        names.clean_photo_name("क" * 80 + ".jpg")
    with pytest.raises(LabelError, match="at most 60"):
        names.clean_label("a" * 61)
    with pytest.raises(LabelError, match="at most 60"):
        names.clean_person("a" * 61)


def test_a_batch_is_no_path():
    for text in ("a/b", "a\\b", "..", ".hidden"):
        with pytest.raises(LabelError):
            names.clean_batch(text)


def test_cleaning_twice_changes_nothing():
    for text in ("  a  b ", "e\u0301.jpg", "क्‍ष"):
        for clean in CLEANERS:
            assert clean(clean(text)) == clean(text)


def test_prose_keeps_its_lines_and_may_start_with_a_dash():
    assert (
        names.clean_prose("- one\r\n\x00- e\u0301\u202e\ttwo  \u2028end\n\n", "The note")
        == "- one\n- é two\nend"
    )
    assert names.clean_prose("", "The note") == ""
    with pytest.raises(LabelError, match=r"4,001 characters"):
        names.clean_prose("a" * 4001, "The note")


def test_an_error_shows_what_was_meant_and_no_control_character():
    with pytest.raises(LabelError) as error:
        names.clean_label("\t\u202e=cmd()" + "x" * 100)
    assert '"\\u0009\\u202e=cmd()xxx' in str(error.value)
    assert "\u202e" not in str(error.value)
    assert len(names.shown("x" * 5000)) < 70
