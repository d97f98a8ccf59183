"""What people labelled -> a folder that `python -m train prepare` takes: pictures, and a CSV of their labels.

    made = make(store, photos, Path("data/datasets/labelled"))
    made.command            # what to run next

    labelled/images/        the photos as they came in, or faces cut out of them
    labelled/labels.csv     imageName,ethnicity,photo
    labelled/dataset.json   where the photos came from, under which licence, who agreed, what was left out

The folder is put in its place whole; an older one of ours is replaced, anything else is refused.
"""

import secrets
import shlex
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from colorizer.groups import GROUPS
from labeling import schema, vocabulary
from labeling.batches import batches, find
from labeling.dataset_files import (
    PHOTO,
    Advance,
    Picture,
    check_place,
    put_in_place,
    write_about,
    write_labels,
    write_pictures,
)
from labeling.errors import LabelError
from labeling.export import LeftOut, is_harmless
from labeling.photos import PhotoFolder
from labeling.store import Store
from labeling.tally import Entry, tally, unswept


@dataclass(frozen=True)
class Wanted:
    """What a dataset shall hold."""

    batches: Sequence[int | str] | None = None
    """Numbers or names; None is all."""
    by_face: bool = False
    """Each face cut out, with its own label, instead of photos with theirs."""
    cut_faces: bool = False
    """Of photos labelled as a whole, the one face in each, framed as the ethnicity classifier wants it."""
    leave_out: Sequence[str] = ()
    """Labels besides "unsure", which never goes in."""
    copies: bool = False
    """Copy the photos where links to them would do: for a folder whose pictures will be changed."""


@dataclass(frozen=True)
class Made:
    """A dataset that was made."""

    folder: Path
    labels: dict[str, int]
    """Label -> pictures."""
    left_out: dict[str, int]
    """Why judged items are not in it -> how many."""
    refused: tuple[LeftOut, ...]
    """Pictures that could not be written, each with a sentence."""
    command: str
    """What turns it into something to train on."""
    notes: tuple[str, ...]
    """Sentences for whoever runs that."""

    @property
    def pictures(self) -> int:
        """How many."""
        return sum(self.labels.values())


@dataclass
class _Choice:
    pictures: list[Picture] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    refused: list[LeftOut] = field(default_factory=list)


def make(
    store: Store,
    photos: PhotoFolder,
    folder: Path,
    wanted: Wanted | None = None,
    advance: Advance = lambda done, total: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Made:
    """Make a dataset, or make it anew.

    Args:
        photos: where the photos are kept.
        folder: its place; what is above it must exist.
        advance: told how many pictures are written.
        is_cancelled: asked before each picture; what stood at `folder` is then left as it was.

    Raises:
        LabelError: there is no such batch, label or place, nothing is labelled, something else stands there, it was
            cancelled, or the disk is full.
    """
    wanted = wanted or Wanted()
    folder = folder.absolute()
    check_place(folder)
    with unswept():
        choice = _choose(store, wanted)
    if not choice.pictures:
        raise LabelError(f"Nothing is labelled that could go into a dataset{_why(choice.left_out)}.")
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            (part / "images").mkdir(parents=True, mode=0o700)
            several = choice.pictures, wanted.copies, choice.refused
            written = write_pictures(store, photos, part / "images", *several, advance, is_cancelled)
            if not written:
                raise LabelError(f"No picture could be written: {choice.refused[0].why}")
            labels = dict(Counter(picture.label for picture in written).most_common())
            facts = {
                "unit": "face" if wanted.by_face or wanted.cut_faces else "photo",
                "labels": labels,
                "left_out": dict(sorted(choice.left_out.items())),
                "refused": [left._asdict() for left in choice.refused],
            }
            write_labels(part / "labels.csv", written)
            write_about(part / "dataset.json", written, store.clock(), facts)
            put_in_place(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise LabelError(
            f"The dataset {folder} could not be written ({error.strerror or error}); make room, or choose another "
            "place."
        ) from error
    command, notes = instructions(folder, labels, wanted)
    return Made(folder, labels, dict(sorted(choice.left_out.items())), tuple(choice.refused), command, notes)


def count(store: Store, wanted: Wanted | None = None) -> dict[str, int]:
    """Label -> how many pictures `make` would write now, the most frequent first; empty when nothing is labelled.

    Raises:
        LabelError: there is no such batch or label.
    """
    with unswept():
        choice = _choose(store, wanted or Wanted())
    return dict(Counter(picture.label for picture in choice.pictures).most_common())


def flags(labels: Iterable[str], wanted: Wanted) -> list[str]:
    """What `python -m train prepare` is told about a dataset, as an argument list.

    Args:
        labels: those that occur in it.
    """
    others = _others(labels)
    words = ["--vocabulary", ",".join([*GROUPS, *others])] if others else []
    words += ["--person", PHOTO] if wanted.by_face else []
    return words + (["--keep-gray"] if wanted.by_face or wanted.cut_faces else [])


def instructions(folder: Path, labels: Iterable[str], wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    """The command that prepares a dataset, and what to know about it.

    Args:
        labels: those that occur in it.
    """
    labels = tuple(labels)
    words = ["python", "-m", "train", "prepare", str(folder), "--out", f"{folder}-prepared"]
    words += flags(labels, wanted)
    notes = []
    if others := _others(labels):
        named = " and ".join([", ".join(others[:-1]), others[-1]]) if len(others) > 1 else others[0]
        notes.append(
            f"{named} {'are' if len(others) > 1 else 'is'} none of the six groups that the networks tell apart: such "
            "pictures teach colour, and no group. Where one of the six fits, write --map "
            f'"{others[0]}=GROUP" instead of --vocabulary, and they count as that group.'
        )
    if wanted.by_face:
        notes.append(f"With --person {PHOTO} all faces of one photo stay on one side of the split.")
    if wanted.by_face or wanted.cut_faces:
        notes.append(
            "Gray and toned pictures are kept, as the classifier sees gray; to train colour, leave --keep-gray out."
        )
    else:
        notes.append(
            "Gray and toned pictures will be left out, since they say nothing of colour; --keep-gray keeps them."
        )
        notes.append(
            "To train the ethnicity classifier, make it again with the faces cut out, as that sees them."
        )
    return shlex.join(words), tuple(notes)


def _others(labels: Iterable[str]) -> list[str]:
    """Labels that are none of the networks' groups, sorted."""
    return sorted(set(labels) - set(GROUPS))


def _choose(store: Store, wanted: Wanted) -> _Choice:
    """Which items go in: those with a label that counts, each photo or face once."""
    chosen = batches(store) if wanted.batches is None else [find(store, batch) for batch in wanted.batches]
    known = vocabulary.labels(store, everything=True)
    unknown = [label for label in wanted.leave_out if label not in {one.name for one in known}]
    if unknown:
        raise LabelError(
            f"There is no label {unknown[0]!r:.60} to leave out; choose of {', '.join(one.name for one in known)}."
        )
    without = {label.name for label in known if label.is_unsure} | set(wanted.leave_out)
    is_cut = wanted.cut_faces and not wanted.by_face
    faces = _face_counts(store) if is_cut else {}
    choice = _Choice()
    said: dict[tuple[str, int], list[Picture]] = defaultdict(list)
    for batch in chosen:
        for entry in tally(store, batch.id, wanted.by_face):
            why = _left_out(entry, without)
            if not why and is_cut and faces.get(entry.photo, 0) != 1:
                why = "several faces in it" if faces.get(entry.photo) else "no face found in it"
            if why:
                choice.left_out[why] += 1
            elif not is_harmless(entry.name):
                choice.refused.append(LeftOut(entry.name, "Its name would start a formula in a spreadsheet."))
            else:
                face = 1 if is_cut else entry.face
                said[entry.photo, face].append(Picture(batch, entry, entry.outcome or "", face))
    for same in said.values():
        if len({picture.label for picture in same}) > 1:
            choice.left_out["two batches disagree"] += len(same)
        else:
            choice.pictures.append(same[0])
            if len(same) > 1:
                choice.left_out["there already, from another batch"] += len(same) - 1
    return choice


def _left_out(entry: Entry, without: set[str]) -> str:
    """Why an item doesn't go in; empty where it does."""
    if entry.outcome is None:
        if entry.is_conflict:
            return "conflict"
        return "unusable" if entry.is_unusable else "skipped"
    return f"labelled {entry.outcome}" if entry.outcome in without else ""


def _face_counts(store: Store) -> dict[str, int]:
    columns = schema.faces.c
    query = sa.select(columns.photo, sa.func.count().label("number")).group_by(columns.photo)
    with store.reading() as connection:
        return {row.photo: row.number for row in connection.execute(query)}


def _why(left_out: Counter[str]) -> str:
    if not left_out:
        return "; label some photos first"
    return ": " + ", ".join(f"{count:,} {why}" for why, count in sorted(left_out.items()))
