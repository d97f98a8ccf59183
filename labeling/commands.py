"""What `python -m labeling` does about labels; `labeling.__main__` reads what was asked. Each returns an exit code."""

import argparse
import json

from colorizer.errors import OptionError
from labeling import export, status
from labeling.command_parts import batch_number, listed, mapping, person, progress
from labeling.commands_photos import images_of, tell_intake
from labeling.importing import import_csv
from labeling.office import Office


def import_labels(options: argparse.Namespace) -> int:
    """Bring a labels CSV in. Each row is a judgement of its annotator, or yours; refused rows are listed, the rest goes
    in, and what the store says already changes nothing."""
    who = person(options.who)
    words = mapping(options.map)
    office = Office()
    failed = 0
    if options.images is None:
        batch = batch_number(office.store, options.batch)
    else:
        intake = images_of(office, who, options)
        batch = intake.batch.id
        failed = tell_intake(intake)
    with progress("judgement") as advance:
        imported = import_csv(office.store, options.labels, who, batch, words, advance)
    office.exporter.now()  # perhaps no page runs that would write the batches' CSVs anew
    print(
        f"{imported.rows:,} rows: {imported.added:,} new judgements, {imported.unchanged:,} rows known already, "
        f"{len(imported.refused):,} refused"
    )
    if imported.older:
        print(f"{imported.older:,} rows are older than what the same people have said since; that stays")
    listed(f"line {one.line}: {one.name}: {one.why}" for one in imported.refused)
    return 1 if imported.refused or failed else 0


def export_labels(options: argparse.Namespace) -> int:
    """Write the labels as CSV: what people's judgements come to, or all of them."""
    store = Office().store
    what = export.What(
        batch=batch_number(store, options.batch),
        by_face=options.faces,
        all_judgements=options.all_judgements,
        annotator=options.annotator,
        time=options.time,
        box=options.boxes,
    )
    exported = export.write(store, options.out, what)
    print(f"{len(exported.rows):,} rows written to {options.out}")
    if exported.conflicts and not options.all_judgements:
        print(f"{exported.conflicts:,} in conflict have no row; an owner can settle them in the Label tab")
    listed(f"left out: {one.name}: {one.why}" for one in exported.refused)
    return 1 if exported.refused else 0


def make_dataset(options: argparse.Namespace) -> int:
    """Make a folder that `python -m train prepare` takes, and say how."""
    from labeling import dataset

    office = Office()
    wanted = dataset.Wanted(
        batches=options.batch and [batch_number(office.store, one) for one in options.batch],
        by_face=options.faces,
        cut_faces=options.cut_faces,
        leave_out=options.leave_out,
        copies=options.copy,
    )
    with progress("picture") as advance:
        made = dataset.make(office.store, office.photos, options.out, wanted, advance)
    counts = ", ".join(f"{label} {number:,}" for label, number in made.labels.items())
    print(f"{made.pictures:,} pictures written to {made.folder}: {counts}")
    if made.left_out:
        print(f"left out: {', '.join(f'{number:,} {why}' for why, number in made.left_out.items())}")
    listed(f"left out: {one.name}: {one.why}" for one in made.refused)
    print("\n".join(["", "Next:", f"  {made.command}", *made.notes]))
    return 1 if made.refused else 0


def agreement(options: argparse.Namespace) -> int:
    """How far people agree: Cohen's kappa of each two, Krippendorff's alpha of all, and who uses which label."""
    from labeling import agreement_report

    store = Office().store
    asked = agreement_report.Asked(
        batch=batch_number(store, options.batch),
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

    store = Office().store
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
            written = appeal_export.write_votes(store, study.id, options.votes, not options.with_careless)
            print(f"{written.rows:,} votes written to {options.votes}")
            refused += written.refused
    return 1 if refused else 0


def show_status(options: argparse.Namespace) -> int:
    """Where the project stands: batches, how far each has come, labels, conflicts."""
    found = status.read(Office().store)
    print(
        json.dumps(status.as_dict(found), ensure_ascii=False, indent=2)
        if options.json
        else status.as_text(found)
    )
    return 0
