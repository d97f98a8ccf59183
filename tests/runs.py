"""For tests of whole runs: a few generated pictures, a recipe that trains on them in a second, and its rows."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorizer.groups import GROUPS
from train.recipe import Recipe

# Of a row, what depends on the machine's speed.
SPEED = ("seconds", "images_per_second")


def make_pictures(folder: Path, count: int = 12, side: int = 48) -> Path:
    """Coloured blobs on coloured ground, and labels.csv; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    rows, at = ["imageName,ethnicity"], np.linspace(-1, 1, side)
    for i in range(count):
        blob = np.exp(-((at - rng.uniform(-0.4, 0.4)) ** 2 + (at[:, None] - rng.uniform(-0.4, 0.4)) ** 2) * 4)
        ground, skin = rng.uniform(30, 150, 3), rng.uniform((150, 90, 60), (250, 190, 150))
        rgb = ground + blob[..., None] * (skin - ground)
        Image.fromarray(rgb.astype(np.uint8)).save(folder / f"{i:03}.png")
        rows.append(f"{i:03}.png,{GROUPS[i % len(GROUPS)]}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def values(folder: Path, **changes: Any) -> dict[str, Any]:
    """A recipe of twelve steps on `folder/pictures`, decoded to `folder/cache`."""
    pictures = (
        make_pictures(folder / "pictures") if not (folder / "pictures").is_dir() else folder / "pictures"
    )
    source = {
        "images": str(pictures),
        "labels": str(pictures / "labels.csv"),
        "face_box": [0.1, 0.1, 0.9, 0.9],
    }
    small = {
        "cache": str(folder / "cache"),
        "cache_size": 40,
        "sizes": [32],
        "validation_size": 32,
        "batch": 4,
    }
    run = {"task": "colorize", "name": "tiny", "network": "ethnicity-aware", "steps": 12, "validate_every": 4}
    quick = {"config": {"encoder": "test_convnext", "width": 16}, "threads": 1, "precision": "32-true"}
    return (
        {"data": [source], "validation": [source]}
        | small
        | run
        | quick
        | {"schedule": {"warmup": 1}}
        | changes
    )


def recipe(folder: Path, **changes: Any) -> Recipe:
    """The same, checked."""
    return Recipe.model_validate(values(folder, **changes))


def rows(run: Path) -> list[dict[str, str]]:
    """metrics.csv without what depends on the machine's speed."""
    with (run / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in SPEED} for row in csv.DictReader(file)]
