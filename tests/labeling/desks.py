"""Offices with drawn photos on a desk."""

import io
import itertools
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from colorizer.faces import Face
from labeling import batches, looks
from labeling.access import Person, Role
from labeling.batches import Batch, NewPhoto
from labeling.office import Office
from labeling.settings import LabelSettings
from tests.labeling.filling import face, probabilities

SITA = Person("Sita", Role.ANNOTATOR)
RAM = Person("Ram", Role.ANNOTATOR)
NOBODY = Person("", Role.VISITOR)
_numbers = itertools.count()


def open_office(folder: Path) -> Office:
    """An office of its own, with nothing in it; on this machine, so that everybody may label."""
    return Office(LabelSettings(labels_folder=folder, owners="", annotators=""))


def drawn(number: int, width: int = 320, height: int = 240) -> bytes:
    """A JPEG that is unlike that of any other number, with a round face in it."""
    image = Image.new(
        "RGB", (width, height), (40 + number * 37 % 160, 60 + number * 91 % 140, 90 + number * 17 % 120)
    )
    pen = ImageDraw.Draw(image)
    pen.ellipse((10, 20, 110, 120), fill=(190, 140, 110))
    pen.text((130, 100), f"photo {number}", fill="white")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def put(
    office: Office,
    count: int,
    name: str = "Dashain 2026",
    judgements: int = 1,
    faces: Sequence[Face] | None = None,
) -> Batch:
    """A batch of drawn photos, looked through for faces: one face each, or those that are given.

    No other batch has the same photos, whose faces would be theirs too.
    """
    batch = batches.create(office.store, "Maya", name, "drawn here", "CC0", "nobody is in them", judgements)
    kept: list[NewPhoto] = [
        office.photos.keep(drawn(next(_numbers)), f"photo {number:03d}.jpg") for number in range(count)
    ]
    assert batches.add_photos(office.store, batch.id, kept).added == count
    for number, photo in enumerate(kept):
        estimate = probabilities("Indian" if number % 2 else "Asian", 0.7)
        looks.set_survey(office.store, photo.hash, [face(estimate=estimate)] if faces is None else faces)
    return batch
