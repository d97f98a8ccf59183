"""One reader of labels for training and for measuring."""

from pathlib import Path

import pytest

from colorizer.errors import OptionError
from train import labels


def test_all_columns_are_text_and_the_first_of_repeated_names_counts(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(
        'imageName,ethnicity,age\na.jpg, White ,0-2\n"b, c.jpg",,\na.jpg,Black,3-9\nNA,Indian,1\n',
        encoding="utf-8-sig",
    )
    table = labels.read(file)
    assert table.to_numpy().tolist() == [
        ["a.jpg", "White", "0-2"],
        ["b, c.jpg", "", ""],
        ["NA", "Indian", "1"],
    ]


def test_a_missing_ethnicity_is_empty(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("imageName\na.jpg\n", encoding="utf-8")
    assert labels.read(tmp_path / "names.csv")["ethnicity"].tolist() == [""]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name\na.jpg\n", "imageName,ethnicity"),
        (b"imageName\n\xff\xfe\n", "can't be read"),
        (None, "can't be read"),
    ],
)
def test_what_is_no_labels_file_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(OptionError, match=said):
        labels.read(tmp_path / "labels.csv")
