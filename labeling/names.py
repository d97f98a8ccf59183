"""Names that people and archives bring along -> names that are safe in a file system, a page and a spreadsheet.

    clean_photo_name("album/रिता.jpg")      # "रिता.jpg", NFC
    clean_label("=cmd()")                    # LabelError: a spreadsheet would run it

Whatever goes into the store passes here first, so that nothing that comes out of it has to be mistrusted again.
"""

import re
import unicodedata

from labeling.errors import LabelError

# File systems take 255 bytes; dataset folders put something like "-face-12" behind a name.
PHOTO_NAME_BYTES = 240
PHOTO_NAME_LENGTH = 200
LABEL_LENGTH = 60
PERSON_LENGTH = 60
BATCH_LENGTH = 100
PROSE_LENGTH = 4000

_STARTERS = "=+-@−"  # the last one is the minus of typesetting, which LibreOffice reads as one
# Zero-width joiner and non-joiner shape Devanagari and emoji; all other invisible characters can only deceive.
_JOINERS = "\u200c\u200d"
_BLANKS = " \t\u00a0"
_SHOWN_AT_MOST = 60


def clean_photo_name(text: str) -> str:
    """What a photo is called, without the folders before it, in NFC and without control characters.

    Raises:
        LabelError: nothing is left of it, it is hidden (starts with a dot), is too long, or would start a formula in a
            spreadsheet.
    """
    _refuse_blank_starters(text, "The file name")
    name = _one_line(re.split(r"[/\\]", text.rstrip("/\\"))[-1])
    if not name.strip("."):
        raise LabelError(f"The file name {shown(text)} holds no name; give the photo one.")
    if name.startswith("."):
        raise LabelError(
            f"The file name {shown(name)} starts with a dot, which hides a file; rename the photo."
        )
    if len(name.encode()) > PHOTO_NAME_BYTES:
        raise LabelError(
            f"The file name {shown(name)} takes {len(name.encode())} bytes, and at most {PHOTO_NAME_BYTES} fit on "
            "every disk; shorten it."
        )
    return _checked(name, "The file name", PHOTO_NAME_LENGTH)


def clean_label(text: str) -> str:
    """A label of the vocabulary, as `clean_line` cleans it: at most 60 characters."""
    return clean_line(text, "The label", LABEL_LENGTH)


def clean_person(text: str) -> str:
    """Who somebody says they are, as `clean_line` cleans it: at most 60 characters."""
    return clean_line(text, "The name", PERSON_LENGTH)


def clean_batch(text: str) -> str:
    """A batch's name, as `clean_line` cleans it: at most 100 characters, and no slash, since a CSV may name a photo
    BATCH/NAME.

    Raises:
        LabelError: as `clean_line`; or it holds a slash or starts with a dot.
    """
    name = clean_line(text, "The batch's name", BATCH_LENGTH)
    if "/" in name or "\\" in name or name.startswith("."):
        raise LabelError(
            f"The batch's name {shown(name)} holds a slash or starts with a dot; choose another."
        )
    return name


def clean_line(text: str, what: str, longest: int) -> str:
    """One line of text in NFC, runs of blanks made one blank, without control and other invisible characters.

    Args:
        text: anything.
        what: what an error calls it, such as "The label".
        longest: characters it may have.

    Raises:
        LabelError: nothing is left of it, it is longer, or it would start a formula in a spreadsheet.
    """
    _refuse_blank_starters(text, what)
    return _checked(_one_line(text), what, longest)


def clean_prose(text: str, what: str, longest: int = PROSE_LENGTH) -> str:
    """Several lines of text (a note, guidelines): NFC, line ends as "\\n", no other control characters; may be empty.

    Formulas are let through: a note may well start with a dash. Who writes it to a CSV asks `starts_formula`.

    Raises:
        LabelError: it is longer than `longest` characters.
    """
    lines = re.split(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]", text)
    prose = "\n".join(_visible(line.replace("\t", " ")).rstrip() for line in lines).strip()
    if len(prose) > longest:
        raise LabelError(
            f"{what} has {len(prose):,} characters, and at most {longest:,} are kept; shorten it."
        )
    return prose


def starts_formula(text: str) -> bool:
    """Whether a spreadsheet would take a cell of this text for a formula, in whatever form its sign is written.

    A semicolon counts as the start of a cell: where a comma is the decimal sign, spreadsheets split cells there.
    """
    if text[:1] in ("\t", "\r"):
        return True
    # NFKD brings full-width, small and superscript forms to the plain sign.
    cells = unicodedata.normalize("NFKD", _visible(text)).split(";")
    return any(cell.lstrip(_JOINERS + _BLANKS).startswith(tuple(_STARTERS)) for cell in cells)


def shown(text: str) -> str:
    """The text in quotes, cut to what a sentence can hold, its invisible characters written out."""
    text = text if len(text) <= _SHOWN_AT_MOST else text[: _SHOWN_AT_MOST - 1] + "…"
    hidden = {
        character: f"\\u{ord(character):04x}" for character in text if not _visible(character).strip(_JOINERS)
    }
    return '"' + "".join(" " if c == " " else hidden.get(c, c) for c in text) + '"'


def _one_line(text: str) -> str:
    """In NFC, on one line, without what can't be seen; joiners stay where they can join."""
    return " ".join(_visible(re.sub(r"\s", " ", text)).split()).strip(_JOINERS + " ")


def _visible(text: str) -> str:
    """NFC of the text without control, format (but for joiners), surrogate and line-separating characters."""
    kept = (c for c in text if c in _JOINERS or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return unicodedata.normalize("NFC", "".join(kept))


def _refuse_blank_starters(text: str, what: str) -> None:
    if text[:1] in ("\t", "\r"):
        raise LabelError(
            f"{what} {shown(text)} starts with a tab or line end, which spreadsheets may take for a formula; remove it."
        )


def _checked(text: str, what: str, longest: int) -> str:
    if not text:
        raise LabelError(f"{what} is empty; write at least one letter.")
    if len(text) > longest:
        raise LabelError(
            f"{what} {shown(text)} has {len(text)} characters, and at most {longest} are allowed; shorten it."
        )
    if starts_formula(text):
        raise LabelError(
            f"{what} {shown(text)} would start a formula in a spreadsheet (=, +, - or @); change how it starts."
        )
    return text
