"""A dataset's files: pictures, their labels, and what is to be known of them."""

import csv
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

import sqlalchemy as sa

from colorizer.errors import PhotoError
from labeling import schema
from labeling.batches import Batch
from labeling.csv_rows import LABEL, NAME
from labeling.errors import LabelError
from labeling.export import LeftOut
from labeling.face_pictures import FacePictures, as_png
from labeling.photos import PhotoFolder
from labeling.store import Store
from labeling.tally import Entry

PHOTO = "photo"
"""Column with the photo's hash: what comes from one photo has to stay on one side of a split."""
TRAINABLE = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic"))
"""How picture files may end for `python -m train prepare`."""
_OURS = {"images", "labels.csv", "dataset.json"}
_FORMAT = 1
_STEM_BYTES = 230  # of the 255 that file systems take; suffix and number need the rest

Advance = Callable[[int, int], None]
"""Told (pictures written, of how many)."""


@dataclass
class Picture:
    """One that goes into a dataset."""

    batch: Batch
    entry: Entry
    label: str
    face: int = 0
    """Which face is cut out; 0 is the whole photo."""
    file: str = ""
    """Its name in the dataset, once it is written."""


def write_pictures(
    store: Store,
    photos: PhotoFolder,
    images: Path,
    pictures: Sequence[Picture],
    copies: bool,
    refused: list[LeftOut],
    advance: Advance,
    is_cancelled: Callable[[], bool],
) -> list[Picture]:
    """Write the pictures; those that were, with the names of their files.

    Args:
        copies: photos are copied where links to them would do.
        refused: gets those that could not be written.

    Raises:
        LabelError: it was cancelled.
        OSError: the disk is full.
    """
    suffixes = _suffixes(store)
    faces = FacePictures(store, photos)
    taken: set[str] = set()
    # Written photo by photo, so that one with several faces is decoded once; named in the batches' order all the same.
    for picture in pictures:
        suffix = suffixes[picture.entry.photo]
        picture.file = _file_name(picture, suffix, taken)
    ordered = sorted(pictures, key=lambda picture: (picture.entry.photo, picture.face))
    for done, picture in enumerate(ordered, start=1):
        if is_cancelled():
            raise LabelError("Stopped; no dataset was made.")
        photo, place = picture.entry.photo, images / picture.file
        suffix = suffixes[photo]
        try:
            kept = photos.path(photo, suffix)
            if picture.face:
                place.write_bytes(faces.jpeg(photo, suffix, picture.face))
            elif suffix not in TRAINABLE:
                place.write_bytes(as_png(photos.pixels(photo, suffix)))
            else:
                _link(kept, place, copies)
        except (LabelError, PhotoError) as error:
            refused.append(LeftOut(picture.entry.name, str(error)))
            picture.file = ""
        advance(done, len(ordered))
    return [picture for picture in pictures if picture.file]


def write_labels(path: Path, written: Sequence[Picture]) -> None:
    """imageName,ethnicity,photo; one row a picture, in the batches' order."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([NAME, LABEL, PHOTO])
        writer.writerows([picture.file, picture.label, picture.entry.photo] for picture in written)


def write_about(path: Path, written: Sequence[Picture], now: float, facts: dict[str, Any]) -> None:
    """Where the pictures come from, under which licence, and who agreed.

    Args:
        now: seconds since 1970, UTC.
        facts: what else is to be known.
    """
    counts = Counter(picture.batch.id for picture in written)
    sources = {picture.batch.id: picture.batch for picture in written}
    about = {
        "format": _FORMAT,
        "made_at": datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds"),
        **facts,
        "batches": [
            {name: asdict(batch)[name] for name in ("name", "source", "licence", "consent")}
            | {"pictures": counts[number]}
            for number, batch in sorted(sources.items())
        ],
    }
    path.write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def check_place(folder: Path) -> None:
    """Refuse to write over anything but a dataset of ours.

    Raises:
        LabelError: something else stands there, or there is no folder to make it in.
    """
    if not folder.name or not folder.parent.is_dir():
        raise LabelError(f"There is no folder {folder.parent} to make a dataset in; choose another place.")
    if not folder.exists():
        return
    if not folder.is_dir() or folder.is_symlink():
        raise LabelError(f"{folder} is no folder; choose another place for the dataset.")
    held = {path.name for path in folder.iterdir()}
    if held and (not held <= _OURS or "dataset.json" not in held):
        raise LabelError(
            f"{folder} holds something else than a dataset of labels; choose another place, or delete it."
        )


def put_in_place(part: Path, folder: Path) -> None:
    """Let a finished folder take the place of the old one."""
    if folder.exists():
        old = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old")
        os.rename(folder, old)
        os.rename(part, folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.rename(part, folder)


def _suffixes(store: Store) -> dict[str, str]:
    columns = schema.photos.c
    with store.reading() as connection:
        return {row.hash: row.suffix for row in connection.execute(sa.select(columns.hash, columns.suffix))}


def _file_name(picture: Picture, kept: str, taken: set[str]) -> str:
    """A name of its own, also where upper and lower case are the same, that ends as `prepare` asks.

    Args:
        kept: how the photo's own file ends.
    """
    path = PurePosixPath(picture.entry.name)
    own = path.suffix if path.suffix.lower() in (*TRAINABLE, ".gif") else ""
    stem = path.stem if own else path.name
    end = ".jpg" if picture.face else ".png" if kept not in TRAINABLE else own or kept
    if end.lower() == ".gif":  # called so, and really something else
        end = kept
    stem = stem.encode()[:_STEM_BYTES].decode(errors="ignore")
    stem += f"-face-{picture.entry.face}" if picture.entry.face else ""
    name, count = f"{stem}{end}", 1
    while name.casefold() in taken:
        count += 1
        name = f"{stem}-{count}{end}"
    taken.add(name.casefold())
    return name


def _link(source: Path, place: Path, copies: bool) -> None:
    if not copies:
        try:
            os.link(source, place)
            return
        except OSError:  # another disk, or one without links
            pass
    shutil.copyfile(source, place)
