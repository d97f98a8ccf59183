"""A dataset's tables: train.csv, val.csv and test.csv, dropped.csv, and prepare.json, each complete or not at all."""

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from train.prepare.choose import Choice
from train.prepare.labels import NAMES
from train.prepare.look import Look
from train.prepare.options import SPLITS, Options

FORMAT = 1


def write(path: Path, content: str) -> None:
    """A text file, atomically: whoever reads it finds the old one or the new one, also after a power cut."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def tables(
    dataset: Path, choice: Choice, copies: Sequence[str], sources: Sequence[str], splits: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Write a CSV a split, imageName and ethnicity first, then the other labels and `source`.

    Args:
        dataset: its folder.
        choice: what was decided.
        copies: the file name of each picture's copy.
        sources: what people call each picture.
        splits: the split of each kept picture, in the order of `choice.kept`.

    Returns:
        split -> ethnicity ("" where unknown) -> how many.
    """
    kept = choice.table.iloc[choice.kept].copy()
    kept.insert(0, NAMES[0], [copies[i] for i in choice.kept])
    kept.insert(1, NAMES[1], kept.pop(NAMES[1]))
    if "source" not in kept:
        kept["source"] = [sources[i] for i in choice.kept]
    counts: dict[str, dict[str, int]] = {}
    side = pd.Series(list(splits), index=kept.index, dtype=str)
    for split in SPLITS:
        rows = kept[side == split].sort_values(NAMES[0], kind="stable")
        write(dataset / f"{split}.csv", rows.to_csv(index=False, lineterminator="\n"))
        counts[split] = dict(sorted(Counter(rows[NAMES[1]].tolist()).items()))
    return counts


def dropped(dataset: Path, choice: Choice, sources: Sequence[str]) -> None:
    """Write dropped.csv: imageName, reason, detail, twin, and whether the picture or only its label was dropped."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["imageName", "reason", "detail", "twin", "dropped"])
    kept = set(choice.kept)
    rows = [
        (
            sources[drop.item] if drop.item >= 0 else drop.name,
            drop.reason,
            drop.detail,
            sources[drop.twin] if drop.twin >= 0 else "",
            "label" if drop.item in kept or drop.item < 0 else "picture",
        )
        for drop in choice.drops
    ]
    writer.writerows(sorted(rows))
    write(dataset / "dropped.csv", out.getvalue())


def summary(
    dataset: Path,
    options: Options,
    choice: Choice,
    copies: Sequence[str],
    looks: Sequence[Look],
    extra: dict[str, Any],
    counts: dict[str, dict[str, int]],
) -> dict[str, Any]:
    """Write prepare.json and return it. Nothing in it depends on the machine or the time."""
    reasons = Counter(drop.reason for drop in choice.drops)
    chosen = {key: value for key, value in asdict(options).items() if key != "jobs"}
    result = {
        "format": FORMAT,
        **extra,
        "options": chosen,
        "pictures": len(looks),
        "kept": len(choice.kept),
        "reasons": dict(sorted(reasons.items())),
        "splits": counts,
        "fingerprint": fingerprint(dataset, [(copies[i], looks[i].copy_hash) for i in choice.kept]),
    }
    write(dataset / "prepare.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return result


def fingerprint(dataset: Path, pictures: Sequence[tuple[str, str]]) -> str:
    """A hash of all that a training sees: names and contents of the pictures, and the labels."""
    digest = hashlib.sha256()
    for split in SPLITS:
        digest.update((dataset / f"{split}.csv").read_bytes())
    for name, content in sorted(pictures):
        digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()[:16]
