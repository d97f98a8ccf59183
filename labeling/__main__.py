"""The command line.

python -m labeling import LABELS.csv [--images DIR] [--batch NAME] [--as NAME] [--map WORD=LABEL]...
python -m labeling export --out LABELS.csv [--all-judgements] [--batch NAME] [--faces] [--boxes] [--annotator] [--time]
python -m labeling dataset --out DIR [--batch NAME]... [--faces | --cut-faces] [--leave-out LABEL]... [--copy]
python -m labeling add PHOTOS... --batch NAME [--source TEXT --licence TEXT --consent TEXT] [--judgements N]
python -m labeling survey [--batch NAME]
python -m labeling agreement [--batch NAME] [--faces] [--only-groups] [--only-unaided] [--confusion] [--json]
python -m labeling vote-results [STUDY] [--out RESULTS.csv] [--votes VOTES.csv]
python -m labeling status [--json]
python -m labeling forget PHOTO... [--batch NAME]

The store is the page's: RANGIN_LABELS_FOLDER and RANGIN_LABELS_DATABASE say where. Exit code 0: all done; 1: something
was refused or failed, which is listed, and the rest is done; 2: the command itself was wrong, nothing was done; 130:
stopped by Ctrl-C.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from colorizer.errors import RanginError
from labeling import commands, commands_photos
from labeling.command_parts import Command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name may hold what the terminal can't show
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except RanginError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was done until then stays", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    lines = (__doc__ or "").strip().split("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m labeling",
        description="Labels of portraits, and votes between colours.",
        epilog=lines[-1],
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, summary: str, run: Command) -> argparse.ArgumentParser:
        made = subparsers.add_parser(name, help=summary, description=run.__doc__)
        made.set_defaults(run=run)
        return made

    one = command("import", "bring a labels CSV in", commands.import_labels)
    one.add_argument("labels", type=Path, metavar="LABELS.csv", help="its first line is imageName,ethnicity")
    one.add_argument(
        "--images", type=Path, metavar="DIR", help="add the photos it names from this folder first"
    )
    _add_batch(one, "where the photos are, or go")
    one.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="WORD=LABEL",
        help='such as "East Asian=Asian"; may be repeated',
    )
    _add_notes(one)
    _add_person(one, "whose judgements rows without an annotator are")

    one = command("export", "write the labels as CSV", commands.export_labels)
    one.add_argument("--out", type=Path, required=True, metavar="LABELS.csv", help="replaced in one step")
    _add_batch(one, "only this one")
    _add_faces(one)
    one.add_argument(
        "--all-judgements",
        action="store_true",
        help="a row for each person's judgement, not for what they come to",
    )
    one.add_argument("--annotator", action="store_true", help="a column with who said so")
    one.add_argument("--time", action="store_true", help="a column with when")
    one.add_argument("--boxes", action="store_true", help="with --faces, a column with where each face is")

    one = command("dataset", "make a folder that `python -m train prepare` takes", commands.make_dataset)
    one.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="new, or an older dataset of this command"
    )
    one.add_argument("--batch", action="append", metavar="NAME", help="only this one; may be repeated")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--faces", action="store_true", help="each labelled face, cut out, instead of photos")
    which.add_argument(
        "--cut-faces",
        action="store_true",
        help="labelled photos with one face, cut out, as the classifier sees it",
    )
    one.add_argument(
        "--leave-out", action="append", default=[], metavar="LABEL", help='besides "unsure"; may be repeated'
    )
    one.add_argument("--copy", action="store_true", help="copy the photos instead of linking to them")

    one = command("add", "take photos, ZIPs and folders into a batch", commands_photos.add_photos)
    one.add_argument("photos", nargs="+", type=Path, metavar="PHOTOS", help="files, ZIPs or folders")
    one.add_argument("--batch", required=True, metavar="NAME", help="one that is there, or a new one")
    _add_notes(one)
    one.add_argument(
        "--judgements", type=int, default=1, metavar="N", help="people that each photo of it wants"
    )
    one.add_argument(
        "--mistakes",
        action="store_true",
        help="PHOTOS is a report of `python -m train evaluate`: take what it got wrong",
    )
    one.add_argument(
        "--pictures", type=Path, metavar="DIR", help="where the report's photos are, if elsewhere"
    )
    _add_person(one, "who adds them")

    one = command("survey", "look for faces in photos that nobody has looked through", commands_photos.survey)
    _add_batch(one, "only this one")

    one = command("agreement", "how far people agree", commands.agreement)
    _add_batch(one, "only this one")
    _add_faces(one)
    one.add_argument("--only-groups", action="store_true", help='without "unsure" and unusable pictures')
    one.add_argument(
        "--only-unaided", action="store_true", help="without labels given with a suggestion on screen"
    )
    one.add_argument("--confusion", action="store_true", help="also who said what where, for each two people")
    one.add_argument("--json", action="store_true", help="for programs")

    one = command("vote-results", "which colours look more real", commands.vote_results)
    one.add_argument("study", nargs="?", metavar="STUDY", help="its name or number; without it, all")
    one.add_argument("--out", type=Path, metavar="RESULTS.csv", help="the figures of one study")
    one.add_argument("--votes", type=Path, metavar="VOTES.csv", help="the votes of one study")
    one.add_argument("--with-careless", action="store_true", help="also people who fail catch trials")

    one = command("forget", "delete photos and all that was said about them", commands_photos.forget)
    one.add_argument(
        "photos", nargs="+", metavar="PHOTO", help="its name, or its hash or the beginning of it"
    )
    _add_batch(one, "where the name is looked for; the photo goes from all")
    _add_person(one, "who deletes them")

    one = command("status", "where the project stands", commands.show_status)
    one.add_argument("--json", action="store_true", help="for programs")
    return parser


def _add_batch(command: argparse.ArgumentParser, purpose: str) -> None:
    command.add_argument("--batch", metavar="NAME", help=f"a batch: {purpose}")


def _add_faces(command: argparse.ArgumentParser) -> None:
    command.add_argument("--faces", action="store_true", help="faces instead of whole photos")


def _add_notes(command: argparse.ArgumentParser) -> None:
    command.add_argument("--source", metavar="TEXT", help="of a new batch: where the photos come from")
    command.add_argument("--licence", metavar="TEXT", help="of a new batch: under which they may be used")
    command.add_argument("--consent", metavar="TEXT", help="of a new batch: how the people in them agreed")


def _add_person(command: argparse.ArgumentParser, purpose: str) -> None:
    command.add_argument("--as", dest="who", metavar="NAME", help=f"{purpose} (default: your login name)")


if __name__ == "__main__":
    sys.exit(main())
