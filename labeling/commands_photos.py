"""What `python -m labeling` does about photos: add, survey, forget. Each returns an exit code."""

import argparse
import sys

from labeling import batches, looks
from labeling.command_parts import batch_number, listed, person, progress
from labeling.errors import LabelError
from labeling.intake import Intake, Into, NewBatch, take_files, take_folder, take_mistakes
from labeling.office import Office
from labeling.store import Store


def add_photos(options: argparse.Namespace) -> int:
    """Take photos, ZIPs and folders into a batch; a new one says where they come from, under which licence, and how the
    people in them agreed."""
    who = person(options.who)
    office = Office()
    into = _batch(office.store, options)
    failed = 0
    files = [path for path in options.photos if not path.is_dir()]
    groups = [[path] for path in options.photos if path.is_dir()]
    groups += [[path] for path in files] if options.mistakes else [files] if files else []
    for group in groups:
        try:
            with progress("photo") as advance:
                if options.mistakes:
                    intake = take_mistakes(
                        office, who, into, group[0], options.pictures, advance, is_trusted=True
                    )
                elif group[0].is_dir():
                    intake = take_folder(office, who, into, group[0], advance, is_trusted=True)
                else:
                    intake = take_files(office, who, into, group, advance)
        except LabelError as error:
            if len(groups) == 1:
                raise
            print(f"error: {group[0]}: {error}", file=sys.stderr)
            failed += 1
        else:
            into = intake.batch.id
            failed += tell_intake(intake)
    return 1 if failed else 0


def survey(options: argparse.Namespace) -> int:
    """Look for faces in photos that nobody has looked through yet, and estimate their groups; the page does it too."""
    from labeling.survey import Surveyor

    office = Office()
    batch = batch_number(office.store, options.batch)
    surveyor = Surveyor(office.store, office.photos, office.colorizer)
    left = len(looks.unsurveyed(office.store, batch, limit=2**31 - 1))
    with progress("photo") as advance:
        refused = surveyor.survey_all(batch, advance)
    print(f"{left - len(refused):,} photos looked through, {len(refused):,} failed")
    listed(f"{hash[:12]}: {why}" for hash, why in refused)
    return 1 if refused else 0


def images_of(office: Office, who: str, options: argparse.Namespace) -> Intake:
    """The photos that a CSV names, taken from a folder."""
    from labeling.import_images import UNSTATED, batch_for, take_named

    into = batch_for(office, options.images) if options.batch is None else _batch(office.store, options)
    if isinstance(into, NewBatch) and options.batch is None:
        into = NewBatch(
            into.name,
            options.source or into.source,
            options.licence or into.licence,
            options.consent or into.consent,
        )
        if UNSTATED in (into.licence, into.consent):
            print(
                f"The new batch {into.name!r} has no licence or consent note; say them with --licence and --consent, "
                "or later in the Label tab.",
                file=sys.stderr,
            )
    with progress("photo") as advance:
        return take_named(office, who, into, options.labels, options.images, advance)


def _batch(store: Store, options: argparse.Namespace) -> Into:
    """The batch that was named, or what is to be made of it."""
    known = batches.batches(store)
    if any(options.batch in (one.name, str(one.id)) for one in known):
        return batch_number(store, options.batch) or 0
    notes = {name: getattr(options, name) for name in ("source", "licence", "consent")}
    missing = [f"--{name}" for name, note in notes.items() if not (note or "").strip()]
    if missing:
        raise LabelError(
            f"There is no batch {options.batch!r} yet; to make it, say {' and '.join(missing)}: whoever trains on "
            "these photos has to answer for it."
        )
    return NewBatch(options.batch, judgements=getattr(options, "judgements", 1), **notes)


def forget(options: argparse.Namespace) -> int:
    """Delete photos for good, from every batch, study and kept CSV, with every label, note and vote on them: somebody
    in them has withdrawn their consent. Snapshots and datasets made before have to be cleaned by hand."""
    from labeling import forgetting
    from labeling.appeal_files import StudyFiles

    who = person(options.who)
    office = Office()
    batch = batch_number(office.store, options.batch)
    studies = StudyFiles(office.settings.labels_folder / "studies")
    failed = 0
    for name in options.photos:
        try:
            photo = forgetting.find(office.store, name, batch)
            gone = forgetting.forget(office.store, office.photos, studies, who, photo)
        except LabelError as error:
            failed += 1
            print(f"error: {name}: {error}", file=sys.stderr)
        else:
            print(
                f"{name} is forgotten: {gone.events:,} events in {gone.batches:,} batches, {gone.votes:,} votes, "
                f"{gone.files:,} files"
            )
    if failed < len(options.photos):
        office.exporter.now()  # the batches' CSVs name them, and perhaps no page runs that would write them anew
    if office.settings.labels_repo:
        print(
            f"Earlier snapshots in {office.settings.labels_repo} still hold them: delete them there, and squash its "
            "history."
        )
    return 1 if failed else 0


def tell_intake(intake: Intake) -> int:
    """Say what became of photos; how many were refused."""
    print(
        f"{intake.added:,} photos added to {intake.batch.name!r}, {intake.known:,} known already, "
        f"{len(intake.refused):,} refused"
    )
    listed(f"renamed: {old} is {new}" for old, new in intake.renamed)
    listed(f"refused: {name}: {why}" for name, why in intake.refused)
    return len(intake.refused)
