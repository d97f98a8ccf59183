"""The models of the literature by the one protocol, a few at a time; what was measured before is not measured again.

    measure(Photos("fairface", "fairface/val", images, labels), ["cnn", "unet"], Path("reports/literature"))

REPORT/SET/MODEL/results.csv has a row a photo, measured.json beside it says of which weights and on what, and is
written last. Who is where on a photo is the same for all models and takes longer than any of them, so it is found out
once and kept in REPORT/SET/faces.json. Models are measured TOGETHER in one pass, which shares what is known of a photo.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from colorizer import checkpoint
from colorizer.errors import OptionError
from colorizer.ethnicity import DEFAULT as CLASSIFIER
from train import atomic, machine, pictures
from train import literature_station as station
from train.evaluate import FAIRFACE_TINT
from train.literature_station import NEAR_GRAY
from train.reporting.models import BASELINES

TOGETHER = 4  # models a pass; bounds memory, and what is lost when a pass is broken off
RESULTS, MEASURED, FACES = "results.csv", "measured.json", "faces.json"


@dataclass(frozen=True)
class Photos:
    """A set of photos to measure on."""

    key: str
    """Its folder in a report."""
    title: str
    """What tables call it."""
    images: Path
    labels: Path | None = None
    models: tuple[str, ...] = ()
    """The only models that are measured on it, the baselines aside; empty for all."""


def measure(
    photos: Photos, names: Sequence[str], report: Path, limit: int | None = None, jobs: int = 1
) -> list[str]:
    """Measure both baselines and these models on a set, unless the same weights were measured on the same photos.

    Args:
        photos: what to measure on.
        names: trained models.
        report: folder of all sets.
        limit: only the first so many rows; 0 or None for all.
        jobs: processes, each with one thread.

    Returns:
        "name: why" of photos that are missing or can't be read.

    Raises:
        OptionError: there are no such photos.
        ModelError: a model can't be loaded.
    """
    found = pictures.find(photos.images, photos.labels, limit=limit)
    if photos.models:
        names = [name for name in names if name in photos.models]
    folder = report / photos.key
    folder.mkdir(parents=True, exist_ok=True)
    stamp = _fingerprint(found)
    hashes = {name: hash_of(name) for name in (*BASELINES, *names)}
    todo = [name for name in hashes if not is_measured(folder / name, hashes[name], stamp)]
    if not todo:
        print(f"{photos.title}: nothing to do, all {len(hashes)} are measured")
        return problems(found, _known_faces(folder, stamp) or {})
    faces = faces_of(found, folder, photos.title, jobs)
    left_out = problems(found, faces)
    near_gray = sum(known == NEAR_GRAY for known in faces.values())
    for start in range(0, len(todo), TOGETHER):
        part = todo[start : start + TOGETHER]
        weights = {name: str(checkpoint.find(name)) for name in part if name not in BASELINES}
        before = time.monotonic()
        load = machine.load()
        rows: list[dict[str, Any]] = []
        arguments = (
            (*picture, faces[picture[0]]) for picture in found.read() if is_usable(faces, picture[0])
        )
        title = f"{photos.title}: {', '.join(part)}"
        total = sum(is_usable(faces, name) for name in found.table["imageName"])
        for one in station.each(station.measure, arguments, total, title, jobs, (weights, part)):
            rows += one
        if not rows:
            raise OptionError(f"{photos.title}: no photo could be measured; {near_gray} are near-gray.")
        seconds = time.monotonic() - before
        table = pd.DataFrame(rows)
        about = {
            "data": found.source,
            "title": photos.title,
            "photos": stamp,
            "measured": total,
            "near_gray": near_gray,
            "missing_or_unreadable": len(left_out),
            "limit": limit or None,
            "tint": list(FAIRFACE_TINT),
            "date": date.today().isoformat(),
            "machine": machine.describe(),
            "load": round(load, 2),
            "jobs": jobs,
            "milliseconds_a_photo": round(1000 * seconds * jobs / total / len(part), 1),
        }
        for name in part:
            _write(
                folder / name, table[table["model"] == name], about | {"model": name, "weights": hashes[name]}
            )
        print(
            f"{title}: {total} photos, {seconds:.0f} s, {about['milliseconds_a_photo']} ms a photo a model and core"
        )
    return left_out


def hash_of(name: str) -> str:
    """What tells one measurement of a model from another: SHA-256 of its weights, or the tint's colour."""
    if name in BASELINES:
        return str(list(FAIRFACE_TINT)) if name == "tint" else "no colour"
    return _sha256(checkpoint.find(name))


def is_measured(folder: Path, weights: str, photos: str | None = None) -> bool:
    """Whether a model's folder holds results of these weights, and of these photos if they are given."""
    about = read_about(folder)
    return about.get("weights") == weights and photos in (None, about.get("photos"))


def read_about(folder: Path) -> dict[str, Any]:
    """A model's measured.json; empty if it was not measured to its end."""
    try:
        about = json.loads((folder / MEASURED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) and (folder / RESULTS).is_file() else {}


def read_results(folder: Path) -> pd.DataFrame:
    """A model's results.csv: a row a photo, with the metrics as numbers or NaN."""
    return pd.read_csv(folder / RESULTS, keep_default_na=False, na_values=[""])


def _write(folder: Path, results: pd.DataFrame, about: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / MEASURED).unlink(missing_ok=True)
    reason = next(iter(results["lpips_reason"].dropna()), "")
    with atomic.replacing(folder / RESULTS) as part:
        results.drop(columns="lpips_reason").to_csv(part, index=False)
    text = json.dumps(about | {"lpips_missing": reason}, indent=2, ensure_ascii=False)
    atomic.write(folder / MEASURED, text + "\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return (
            hashlib.file_digest(file, "sha256").hexdigest()
            if hasattr(hashlib, "file_digest")
            else _digest(file)
        )


def _digest(file: Any) -> str:  # Python 3.10
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _fingerprint(found: pictures.Pictures) -> str:
    """Of the photos' names, labels and sizes: cheap, and no other set has it."""
    digest = hashlib.sha256()
    for name, ethnicity in zip(found.table["imageName"], found.table["ethnicity"], strict=True):
        file, member = found.places[name]
        size = 0 if member else file.stat().st_size
        digest.update(f"{name}\t{ethnicity}\t{size}\n".encode())
    return digest.hexdigest()


# ---- Who is where: found out once for all models.


def faces_of(found: pictures.Pictures, folder: Path, title: str, jobs: int) -> dict[str, station.Known]:
    """Who is where on each photo: read from `folder`'s faces.json, or found, in `jobs` processes, and kept there."""
    stamp = _fingerprint(found)
    return _known_faces(folder, stamp) or _find_faces(found, folder, stamp, title, jobs)


def _known_faces(folder: Path, photos: str) -> dict[str, station.Known] | None:
    """What faces.json holds, if it is of these photos and of the classifier that is there now."""
    try:
        content = json.loads((folder / FACES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = content.get("photos") == photos and content.get("classifier") == hash_of(CLASSIFIER)
    return dict(content["faces"]) if fits else None


def _find_faces(
    found: pictures.Pictures, folder: Path, photos: str, title: str, jobs: int
) -> dict[str, station.Known]:
    arguments = ((name, content) for name, _, content in found.read())
    total = len(found.table)
    faces = dict(station.each(station.look, arguments, total, f"{title}: faces", jobs, ({}, [])))
    content = {"photos": photos, "classifier": hash_of(CLASSIFIER), "faces": faces}
    atomic.write(folder / FACES, json.dumps(content, ensure_ascii=False) + "\n")
    return faces


def problems(found: pictures.Pictures, faces: Mapping[str, station.Known]) -> list[str]:
    """ "name: why" of photos that are missing or can't be read."""
    unreadable = [
        f"{name}: {why}" for name, why in faces.items() if isinstance(why, str) and why != NEAR_GRAY
    ]
    return unreadable + [f"{name}: there is no such picture" for name in found.missing]


def is_usable(faces: Mapping[str, station.Known], name: str) -> bool:
    """Whether a photo can be measured."""
    return not isinstance(faces[name], str)
