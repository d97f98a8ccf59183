"""Which pictures to measure, and their bytes: a dataset, a folder or a tar of pictures, and a labels CSV.

pictures = pictures.find(Path("faces"), split="val")        # faces/val.csv with faces/images/ or faces/*.tar
pictures = pictures.find(Path("photos.tar"), Path("labels.csv"))
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pandas as pd

from colorizer.errors import OptionError
from train.labels import read as read_labels

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic"}


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures whose bytes can be had."""

    table: pd.DataFrame
    """Columns imageName and ethnicity ("" where unknown), one row a picture that is there, in the labels' order."""
    missing: tuple[str, ...]
    """Names that the labels have and the pictures don't."""
    places: dict[str, tuple[Path, str]]
    """imageName -> (file, "") or (tar, its member's name)."""
    source: str
    """What a report calls them."""

    def read(self) -> Iterator[tuple[str, str, bytes]]:
        """Each picture's name, ethnicity and bytes; each tar is opened once."""
        tars: dict[Path, tarfile.TarFile] = {}
        try:
            for name, ethnicity in zip(self.table["imageName"], self.table["ethnicity"], strict=True):
                file, member = self.places[name]
                if not member:
                    yield name, ethnicity, file.read_bytes()
                    continue
                if file not in tars:
                    tars[file] = tarfile.open(file)  # noqa: SIM115  closed below, with all others
                content = tars[file].extractfile(member)
                yield name, ethnicity, content.read() if content else b""
        finally:
            for tar in tars.values():
                tar.close()


def find(data: Path, labels: Path | None = None, split: str = "val", limit: int | None = None) -> Pictures:
    """Match labels with pictures.

    Args:
        data: a dataset (images/ or <split>/ or *.tar, beside <split>.csv), a folder of pictures, or one tar.
        labels: CSV with columns imageName and, if known, ethnicity; without it a dataset's <split>.csv, and for a
            plain folder or tar all its pictures, unlabelled.
        split: which of a dataset's CSVs.
        limit: only the first so many rows.

    Raises:
        OptionError: nothing is there, or the labels can't be read.
    """
    places = _places(data, split)
    if labels is None and (data / f"{split}.csv").is_file():
        labels = data / f"{split}.csv"
    unlabelled = pd.DataFrame({"imageName": sorted(places), "ethnicity": ""})
    table = unlabelled if labels is None else read_labels(labels)[["imageName", "ethnicity"]]
    table = table.head(limit) if limit is not None else table
    has_picture = table["imageName"].isin(list(places))
    missing = tuple(table.loc[~has_picture, "imageName"])
    source = short_name(data if labels is None else labels)
    return Pictures(table[has_picture].reset_index(drop=True), missing, places, source)


def only(pictures: Pictures, table: pd.DataFrame) -> Pictures:
    """The pictures of some rows of their table."""
    return replace(pictures, table=table.reset_index(drop=True))


def short_name(path: Path) -> str:
    """The last folder and the name: enough to know which pictures, and nothing about the machine."""
    return "/".join(path.resolve().parts[-2:])


def _places(data: Path, split: str) -> dict[str, tuple[Path, str]]:
    if data.is_file() and tarfile.is_tarfile(data):
        return _members(data)
    if not data.is_dir():
        says = "is a file and no tar" if data.is_file() else "is not there"
        raise OptionError(
            f"{data} {says}; --data takes a dataset, a folder of pictures, or a tar of pictures."
        )
    folders = [folder for folder in (data / "images", data / split, data) if folder.is_dir()]
    for folder in folders:
        files = {
            file.name: (file, "") for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES
        }
        if files:
            return files
    # A dataset's shards carry their split's name, or hold all splits.
    tars = sorted(data.glob(f"{split}*.tar")) or sorted(data.glob("*.tar"))
    found = {name: place for tar in tars for name, place in _members(tar).items()}
    if not found:
        raise OptionError(
            f"{data} holds no pictures: neither in images/ or {split}/, nor itself, nor in *.tar."
        )
    return found


def _members(tar: Path) -> dict[str, tuple[Path, str]]:
    """Pictures of a tar, under their names without folders."""
    try:
        with tarfile.open(tar) as opened:
            members = [member.name for member in opened if member.isfile()]
    except (tarfile.TarError, EOFError, OSError) as error:
        raise OptionError(f"The tar {tar} is damaged or can't be read ({error}); get it again.") from error
    # A member is asked for by its own name, which for `tar -c .` begins with "./".
    return {
        PurePosixPath(member).name: (tar, member)
        for member in members
        if PurePosixPath(member).suffix.lower() in SUFFIXES
    }
