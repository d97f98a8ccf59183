"""What `python -m labeling` does; `labeling.__main__` reads what was asked. Each returns an exit code."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from colorizer.errors import OptionError
from labeling import batches, export, status
from labeling.errors import LabelError
from labeling.importing import import_csv
from labeling.intake import Intake, Into, NewBatch, take_files, take_folder, take_mistakes
from labeling.names import clean_person
from labeling.office import Office
from labeling.store import Store, open_store

Command = Callable[[argparse.Namespace], int]
Advance = Callable[[int, int], None]
_LISTED = 1000  # refusals that are printed; a file of a million rows may have as many


def import_labels(options: argparse.Namespace) -> int:
    """Bring a labels CSV in. Each row is a judgement of its annotator, or yours; refused rows are listed, the rest goes
    in, and what the store says already changes nothing."""
    who = _person(options.who)
    mapping = _mapping(options.map)
    office = Office()
    failed = 0
    if options.images is None:
        batch = _number(office.store, options.batch)
    else:
        intake = _images(office, who, options)
        batch = intake.batch.id
        failed = _tell_intake(intake)
    with _progress("judgement") as advance:
        imported = import_csv(office.store, options.labels, who, batch, mapping, advance)
    print(
        f"{imported.rows:,} rows: {imported.added:,} new judgements, {imported.unchanged:,} rows known already, "
        f"{len(imported.refused):,} refused"
    )
    if imported.older:
        print(f"{imported.older:,} rows are older than what the same people have said since; that stays")
    _list(f"line {one.line}: {one.name}: {one.why}" for one in imported.refused)
    return 1 if imported.refused or failed else 0


def export_labels(options: argparse.Namespace) -> int:
    """Write the labels as CSV: what people's judgements come to, or all of them."""
    store = open_store()
    what = export.What(
        batch=_number(store, options.batch),
        by_face=options.faces,
        all_judgements=options.all_judgements,
        annotator=options.annotator,
        time=options.time,
    )
    exported = export.write(store, options.out, what)
    print(f"{len(exported.rows):,} rows written to {options.out}")
    if exported.conflicts and not options.all_judgements:
        print(f"{exported.conflicts:,} in conflict have no row; an owner can settle them in the Label tab")
    _list(f"left out: {one.name}: {one.why}" for one in exported.refused)
    return 1 if exported.refused else 0


def make_dataset(options: argparse.Namespace) -> int:
    """Make a folder that `python -m train prepare` takes, and say how."""
    from labeling import dataset

    office = Office()
    wanted = dataset.Wanted(
        batches=options.batch and [_number(office.store, one) for one in options.batch],
        by_face=options.faces,
        cut_faces=options.cut_faces,
        leave_out=options.leave_out,
        copies=options.copy,
    )
    with _progress("picture") as advance:
        made = dataset.make(office.store, office.photos, options.out, wanted, advance)
    counts = ", ".join(f"{label} {number:,}" for label, number in made.labels.items())
    print(f"{made.pictures:,} pictures written to {made.folder}: {counts}")
    if made.left_out:
        print(f"left out: {', '.join(f'{number:,} {why}' for why, number in made.left_out.items())}")
    _list(f"left out: {one.name}: {one.why}" for one in made.refused)
    print("\n".join(["", "Next:", f"  {made.command}", *made.notes]))
    return 1 if made.refused else 0


def add_photos(options: argparse.Namespace) -> int:
    """Take photos, ZIPs and folders into a batch; a new one says where they come from, under which licence, and how the
    people in them agreed."""
    who = _person(options.who)
    office = Office()
    into = _batch(office.store, options)
    failed = 0
    files = [path for path in options.photos if not path.is_dir()]
    groups: list[list[Path]] = [[path] for path in options.photos if path.is_dir()] + (
        [files] if files else []
    )
    for group in groups:
        with _progress("photo") as advance:
            if options.mistakes:
                for report in group:
                    intake = take_mistakes(
                        office, who, into, report, options.pictures, advance, is_trusted=True
                    )
            elif group[0].is_dir():
                intake = take_folder(office, who, into, group[0], advance, is_trusted=True)
            else:
                intake = take_files(office, who, into, group, advance)
        into = intake.batch.id
        failed += _tell_intake(intake)
    return 1 if failed else 0


def survey(options: argparse.Namespace) -> int:
    """Look for faces in photos that nobody has looked through yet, and estimate their groups; the page does it too."""
    from labeling.survey import Surveyor

    office = Office()
    batch = _number(office.store, options.batch)
    surveyor = Surveyor(office.store, office.photos, office.colorizer)
    left = len(batches.unsurveyed(office.store, batch, limit=2**31 - 1))
    with _progress("photo") as advance:
        refused = surveyor.survey_all(batch, advance)
    print(f"{left - len(refused):,} photos looked through, {len(refused):,} failed")
    _list(f"{hash[:12]}: {why}" for hash, why in refused)
    return 1 if refused else 0


def agreement(options: argparse.Namespace) -> int:
    """How far people agree: Cohen's kappa of each two, Krippendorff's alpha of all, and who uses which label."""
    from labeling import agreement_report

    store = open_store()
    asked = agreement_report.Asked(
        batch=_number(store, options.batch),
        by_face=options.faces,
        only_groups=options.only_groups,
        only_unaided=options.only_unaided,
    )
    found = agreement_report.read(store, asked)
    if options.json:
        print(json.dumps(agreement_report.as_dict(found), ensure_ascii=False, indent=2))
    else:
        print(agreement_report.as_text(found, asked.unit, options.confusion))
    return 0


def vote_results(options: argparse.Namespace) -> int:
    """Which colours look more real: shares with their intervals, the ranking, and how many people are fooled."""
    from labeling import appeal, appeal_export

    store = open_store()
    chosen = appeal.all_studies(store)
    if options.study is not None:
        meant = [study for study in chosen if options.study in (study.name, str(study.id))]
        chosen = meant[:1] or [appeal.find(store, options.study)]
    if (options.out or options.votes) and len(chosen) != 1:
        names = ", ".join(study.name for study in chosen) or "none yet"
        raise OptionError(f"Say which study a CSV shall be of; there are: {names}.")
    if not chosen:
        print("No studies yet: an owner can make one in the Label tab.")
    refused = 0
    for study in chosen:
        print(appeal_export.report(store, study.id, not options.with_careless))
        if options.out:
            written = appeal_export.write_results(store, study.id, options.out, not options.with_careless)
            print(f"{written.rows:,} figures written to {options.out}")
            refused += written.refused
        if options.votes:
            written = appeal_export.write_votes(store, study.id, options.votes)
            print(f"{written.rows:,} votes written to {options.votes}")
            refused += written.refused
    return 1 if refused else 0


def show_status(options: argparse.Namespace) -> int:
    """Where the project stands: batches, how far each has come, labels, conflicts."""
    found = status.read(open_store())
    print(
        json.dumps(status.as_dict(found), ensure_ascii=False, indent=2)
        if options.json
        else status.as_text(found)
    )
    return 0


def _images(office: Office, who: str, options: argparse.Namespace) -> Intake:
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
    with _progress("photo") as advance:
        return take_named(office, who, into, options.labels, options.images, advance)


def _batch(store: Store, options: argparse.Namespace) -> Into:
    """The batch that was named, or what is to be made of it."""
    known = batches.batches(store)
    if any(options.batch in (one.name, str(one.id)) for one in known):
        return _number(store, options.batch) or 0
    notes = {name: getattr(options, name) for name in ("source", "licence", "consent")}
    missing = [f"--{name}" for name, note in notes.items() if not (note or "").strip()]
    if missing:
        raise LabelError(
            f"There is no batch {options.batch!r} yet; to make it, say {' and '.join(missing)}: whoever trains on "
            "these photos has to answer for it."
        )
    return NewBatch(options.batch, judgements=getattr(options, "judgements", 1), **notes)


def forget(options: argparse.Namespace) -> int:
    """Delete photos for good, from every batch and study, with every label, note and vote on them: somebody in them
    has withdrawn their consent. Snapshots and datasets made before have to be cleaned by hand."""
    from labeling import forgetting
    from labeling.appeal_files import StudyFiles

    who = _person(options.who)
    office = Office()
    batch = _number(office.store, options.batch)
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
    if office.settings.labels_repo:
        print(
            f"Earlier snapshots in {office.settings.labels_repo} still hold them: delete them there, and squash its "
            "history."
        )
    return 1 if failed else 0


def _number(store: Store, said: str | None) -> int | None:
    """A batch's number, by its name or that number; None where none was said.

    Raises:
        LabelError: there is no such batch; the message lists those there are.
    """
    if said is None:
        return None
    numbers = {batch.name: batch.id for batch in batches.batches(store)}
    if said not in numbers and said.isascii() and said.isdigit() and int(said) in numbers.values():
        return int(said)
    return batches.find(store, said).id


def _person(said: str | None) -> str:
    if said is not None:
        return clean_person(said)
    try:
        return clean_person(getpass.getuser())
    except (LabelError, KeyError, OSError):  # nobody is logged in, as in many containers
        return "command line"


def _mapping(pairs: Iterable[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        word, _, label = (part.strip() for part in pair.partition("="))
        if not word or not label:
            raise OptionError(f'--map is {pair!r}; write WORD=LABEL, such as "East Asian=Asian".')
        mapping[word] = label
    return mapping


def _tell_intake(intake: Intake) -> int:
    """Say what became of photos; how many were refused."""
    print(
        f"{intake.added:,} photos added to {intake.batch.name!r}, {intake.known:,} known already, "
        f"{len(intake.refused):,} refused"
    )
    _list(f"renamed: {old} is {new}" for old, new in intake.renamed)
    _list(f"refused: {name}: {why}" for name, why in intake.refused)
    return len(intake.refused)


def _list(lines: Iterable[str]) -> None:
    number = 0
    for line in lines:
        number += 1
        if number <= _LISTED:
            print(f"  {line}")
    if number > _LISTED:
        print(f"  and {number - _LISTED:,} more")


@contextmanager
def _progress(unit: str) -> Iterator[Advance]:
    """A bar on standard error where that is a terminal."""
    from tqdm import tqdm

    with tqdm(unit=unit, disable=None, file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance
