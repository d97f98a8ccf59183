"""Turn a folder or archive of photos, as found, into a dataset that can be trained on.

    python -m train prepare inbox --out faces
    python -m train prepare shards.tar --out faces --labels labels.csv --person subject --map "East Asian=Asian"

The source is only read. Unreadable, small, gray, toned and oddly coloured pictures and copies of others are left out,
labels that lie outside the vocabulary or contradict each other are taken away, and what is left is split so that
nothing belongs to two sides. faces/report.html shows what was dropped and why, faces/dropped.csv lists all of it. A run
that was killed goes on where it stopped when the same command is given again, and a second run writes the same bytes.
"""

import argparse
import hashlib
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from colorizer.errors import OptionError, RanginError
from colorizer.groups import GROUPS
from train.pictures import short_name
from train.prepare import choose, labels, page, sources, splits, work, write
from train.prepare.index import FILE, VERSION, Index
from train.prepare.look import Look
from train.prepare.options import MIN_SIDE, SPLITS, Options, parse_map, parse_split

SUFFIX = ".jpg"


def prepare(
    source: Path, dataset: Path, options: Options | None = None, labels_csv: Path | None = None
) -> dict[str, Any]:
    """Make or update a dataset.

    Args:
        source: a folder, searched with all below it, or one tar or zip; tars and zips in a folder count as folders.
        dataset: where to write images/, train.csv, val.csv, test.csv, dropped.csv, report.html and prepare.json.
        options: what to keep and how to split it.
        labels_csv: labels; without it every CSV in the source, or beside an archive, that has a column imageName.

    Returns:
        What prepare.json holds.

    Raises:
        OptionError: a source, dataset, label or option that can't be used.
        OSError: the disk is full, or the dataset's folder can't be written.
    """
    options = options or Options()
    _check_places(source, dataset)
    contents = sources.find(source)
    if not contents.items:
        raise OptionError(f"{source} holds no pictures, neither in folders nor in tars or zips.")
    files = contents.labels if labels_csv is None else (labels.explicit(labels_csv),)
    copies = sources.unique_names(contents.items, SUFFIX)
    keys = [
        f"{VERSION} {options.size} {copy}\n{item.key}"
        for item, copy in zip(contents.items, copies, strict=True)
    ]
    all_keys = set(keys)
    items = contents.items[: options.limit]
    copies, keys = copies[: options.limit], keys[: options.limit]
    known = labels.match(contents.items, files, must_read=labels_csv is not None).first(len(items))
    _check_columns(known, options)
    names = [item.source for item in items]
    images = dataset / "images"
    images.mkdir(parents=True, exist_ok=True)
    with Index(dataset) as index:
        mark = hashlib.sha256(str(source.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
        if index.fact("source", mark) != mark:
            raise OptionError(
                f"{dataset} was prepared from another source than {source}; choose another --out, or delete it first."
            )
        found = index.looks()
        index.forget(found.keys() - all_keys)
        todo = [
            (item, key, images / copy)
            for item, key, copy in zip(items, keys, copies, strict=True)
            if key not in found
        ]
        found |= work.look_at(todo, index, options)
        looks = [found[key] for key in keys]
        choice = _choose(looks, known, names, options)
        (dataset / "prepare.json").unlink(missing_ok=True)  # what it says will soon not be true
        again = [
            (items[i], keys[i], images / copies[i])
            for i in choice.kept
            if not _is_there(images / copies[i], looks[i])
        ]
        found |= work.look_at(again, index, options)
        looks = [found[key] for key in keys]
    _remove_others(images, {copies[i] for i in choice.kept})
    sides = splits.assign(
        [choice.units[i] for i in choice.kept],
        choice.table["ethnicity"].iloc[choice.kept].tolist(),
        [names[i] for i in choice.kept],
        options.split,
        options.seed,
    )
    counts = write.tables(dataset, choice, copies, names, sides)
    write.dropped(dataset, choice, names)
    extra = {
        "source": sources.told(short_name(source)),
        "labels": list(known.files),
        "unused_labels": list(known.unused),
        "labels_without_picture": len(known.missing),
        "damaged_archives": [f"{name}: {says}" for name, says in contents.damaged],
        "other_files": contents.ignored,
    }
    summary = write.summary(dataset, options, choice, copies, looks, extra, counts)
    page.write(dataset / "report.html", summary, choice, looks, names)
    return summary


def _choose(looks: list[Look], known: labels.Labels, names: list[str], options: Options) -> choose.Choice:
    _, others = choose.alone(looks, options)
    exact = choose.exact_links(looks, others)
    seconds = {link.second for link in exact}
    near = work.near_links(looks, [i for i in others if i not in seconds], options)
    return choose.choose(looks, known, names, exact, near, options)


def _check_places(source: Path, dataset: Path) -> None:
    """Refuse to write into the source, or into a folder that holds something else."""
    inside, outside = dataset.resolve(), source.resolve()
    if inside == outside or outside in inside.parents or inside in outside.parents:
        raise OptionError(
            f"--out {dataset} and the source {source} lie inside each other; choose a folder apart from it, "
            "since the source is never written to."
        )
    if dataset.exists() and not dataset.is_dir():
        raise OptionError(f"--out {dataset} is a file; choose a new folder.")
    if dataset.is_dir() and not (dataset / FILE).is_file():
        held = sorted(path.name for path in dataset.iterdir() if path.name != "images" or any(path.iterdir()))
        if held:
            raise OptionError(
                f"--out {dataset} holds {held[0]} and was not made by this command; choose a new or an empty folder."
            )


def _check_columns(known: labels.Labels, options: Options) -> None:
    if options.person is not None and options.person not in known.table:
        raise OptionError(
            f"The labels have no column {options.person!r} for --person; "
            f"they have {', '.join(map(str, known.table.columns))}."
        )


def _is_there(copy: Path, found: Look) -> bool:
    return bool(found.copy_hash) and copy.is_file() and copy.stat().st_size == found.copy_size


def _remove_others(images: Path, kept: set[str]) -> None:
    for file in images.iterdir():
        if file.name not in kept and file.is_file():
            file.unlink()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train prepare`."""
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder, tar or zip; it is only read")
    parser.add_argument("--out", type=Path, required=True, metavar="DATASET", help="folder to write")
    parser.add_argument(
        "--labels", type=Path, metavar="CSV", help="labels; otherwise CSVs in SOURCE that have an imageName"
    )
    parser.add_argument("--size", type=int, default=256, help="shorter side of the pictures (default 256)")
    parser.add_argument(
        "--min-side", type=int, default=MIN_SIDE, help=f"drop pictures that are smaller (default {MIN_SIDE})"
    )
    parser.add_argument(
        "--split",
        default="0.8,0.1,0.1",
        metavar="A,B,C",
        help="shares of train, val, test (default 0.8,0.1,0.1)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--person", metavar="COLUMN", help="column of the labels; no person crosses splits")
    parser.add_argument(
        "--vocabulary", metavar="A,B,...", help=f"allowed labels (default {','.join(GROUPS)})"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="LABEL=GROUP",
        help='what another label means, such as "East Asian=Asian"; may be repeated',
    )
    parser.add_argument(
        "--keep-gray",
        action="store_true",
        help="keep gray, toned and oddly coloured pictures, for classification",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pictures, for trying")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a core)")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train prepare`; 0 with a dataset that is complete and not empty, or 1 and a sentence."""
    started = time.monotonic()
    try:
        words = GROUPS if args.vocabulary is None else tuple(w.strip() for w in args.vocabulary.split(","))
        options = Options(
            size=args.size,
            min_side=args.min_side,
            split=parse_split(args.split),
            seed=args.seed,
            person=args.person,
            vocabulary=words,
            mapping=parse_map(args.map),
            keeps_gray=args.keep_gray,
            limit=args.limit,
            jobs=args.jobs,
        )
        summary = prepare(args.source, args.out, options, args.labels)
    except (RanginError, OSError) as error:
        hint = (
            " Run the same command again, and it goes on where it stopped."
            if isinstance(error, OSError)
            else ""
        )
        print(f"train prepare: {error}{hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train prepare: stopped; run the same command again, and it goes on here.", file=sys.stderr)
        return 130
    width = shutil.get_terminal_size().columns
    for reason, count in summary["reasons"].items():
        print(f"{count:>8,} {reason}"[:width])
    for split in SPLITS:
        print(f"{sum(summary['splits'][split].values()):>8,} in {args.out / split}.csv")
    for says in summary["damaged_archives"]:
        print(f"damaged: {says}", file=sys.stderr)
    for says in summary["unused_labels"]:
        print(f"no labels: {says}", file=sys.stderr)
    seconds = time.monotonic() - started
    print(
        f"{summary['pictures']:,} pictures in {seconds:.0f} s; what was dropped: {args.out / 'report.html'}"
    )
    if not summary["kept"]:
        print("train prepare: nothing is left to train on; the report says why.", file=sys.stderr)
    return 1 if summary["damaged_archives"] or not summary["kept"] else 0
