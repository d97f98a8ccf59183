"""Labels made by people train the classifier: photos, labels, CSV, prepare, fit, and the weights have learnt them."""

import csv
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from colorizer import checkpoint, lab
from colorizer.groups import GROUPS
from labeling import batches, looks, queue
from labeling.__main__ import main as labeling
from labeling.exporter import Exporter
from labeling.judging import judge
from labeling.settings import get_label_settings
from labeling.store import Store, open_store
from tests.labeling.filling import face, key
from tests.preparing import picture
from train.__main__ import main as train

SIDE = 96
EACH = 16
WAYS = {"Asian": 0, "White": 2, "Nepali": 3}
"""Label -> towards which side a drawn portrait is bright: what there is to learn."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a project in a folder of its own."""
    monkeypatch.setenv("RANGIN_LABELS_FOLDER", str(tmp_path / "labels"))
    get_label_settings.cache_clear()
    opened = open_store()
    yield opened
    opened.close()
    get_label_settings.cache_clear()


@pytest.fixture
def truth(tmp_path: Path) -> dict[str, str]:
    """Photos in the folder `found`, and what their annotator will see in each."""
    (tmp_path / "found").mkdir()
    labels = {}
    for place in range(EACH * len(WAYS)):
        label = list(WAYS)[place % len(WAYS)]
        name = f"{place:02}-{'रिता' if place % 2 else 'portrait'}.png"
        portrait(place, WAYS[label]).save(tmp_path / "found" / name)
        labels[name] = label
    return labels


def portrait(seed: int, way: int) -> Image.Image:
    """Blobs of colour that no two share, brighter to one side."""
    slope = np.rot90(np.tile(np.linspace(90, -90, SIDE)[:, None, None], (1, SIDE, 1)), way)
    rgb = np.asarray(picture(seed, SIDE), float) * 0.5 + 64 + slope
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def label_all(store: Store, truth: dict[str, str], by_face: bool) -> None:
    """As at the desk: take what is next, judge it, until nothing is left; two people, who agree."""
    (batch,) = batches.batches(store)
    for who in ("Maya", "Asha"):
        while items := queue.take(store, who, batch.id, order="random", by_face=by_face, count=10):
            for item in items:
                judge(store, key(), who, item.id, "label", truth[item.name])


def run_recipe(dataset: Path, folder: Path) -> Path:
    """A tiny classifier from the prepared dataset; its weights."""
    source = {"images": str(dataset / "images"), "labels": str(dataset / "train.csv")}
    values = {
        "task": "classify",
        "name": "from-labels",
        "network": "ethnicity-classifier",
        "config": {"encoder": "test_convnext", "size": 32},
        "data": [source],
        "validation": [source | {"labels": str(dataset / "val.csv")}],
        "cache": str(folder / "cache"),
        "cache_size": 40,
        "sizes": [32],
        "validation_size": 32,
        "augment": {"flip": 0.0},
        "optimizer": {"lr": 0.004},
        "batch": 16,
        "steps": 90,
        "validate_every": 30,
        "schedule": {"warmup": 3},
        "threads": 1,
        "workers": 0,
        "precision": "32-true",
    }
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(values))
    assert train(["fit", str(recipe), "--out", str(folder / "run")]) == 0
    assert json.loads((folder / "run" / "run.json").read_text())["status"] == "finished"
    (weights,) = (folder / "run").glob("*.safetensors")
    return weights


def accuracy(weights: Path, meanings: dict[str, str]) -> float:
    """Share of portraits that were never trained on which the network tells apart."""
    network = checkpoint.load(str(weights)).network.eval()
    hits = []
    for label, way in WAYS.items():
        for seed in range(500, 512):
            rgb = np.asarray(portrait(seed, way).resize((32, 32), Image.Resampling.BICUBIC))
            with torch.inference_mode():
                logits = network(torch.from_numpy(lab.lightness(rgb))[None, None])
            hits.append(GROUPS[int(logits.argmax())] == meanings.get(label, label))
    return float(np.mean(hits))


@pytest.mark.slow
def test_labels_of_photos_train_the_classifier(
    store: Store, truth: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = ["--source", "drawn", "--licence", "CC0", "--consent", "nobody is in them"]
    found = str(tmp_path / "found")
    assert labeling(["add", found, "--batch", "Drawn", "--judgements", "2", *notes]) == 0
    label_all(store, truth, by_face=False)

    # The CSV that is always there is the one the command writes, and says what was seen.
    exporter = Exporter(store, tmp_path / "labels")
    exporter.now()
    assert labeling(["export", "--out", str(tmp_path / "labels.csv")]) == 0
    assert exporter.path(1).read_bytes() == (tmp_path / "labels.csv").read_bytes()
    with (tmp_path / "labels.csv").open(newline="") as file:
        assert {row["imageName"]: row["ethnicity"] for row in csv.DictReader(file)} == truth

    # `prepare` takes it beside the photos as they were found ...
    beside = ["--labels", str(tmp_path / "labels.csv"), "--map", "Nepali=Indian", "--jobs", "1"]
    assert train(["prepare", found, "--out", str(tmp_path / "by-csv"), *beside]) == 0
    # ... and the dataset of one command, by the command that that one prints.
    capsys.readouterr()
    assert labeling(["dataset", "--out", str(tmp_path / "set")]) == 0
    printed = next(line for line in capsys.readouterr().out.splitlines() if "train prepare" in line)
    words = shlex.split(printed)[3:]
    assert words[-2] == "--vocabulary"
    assert train([*words, "--jobs", "1"]) == 0
    kept = read(tmp_path / "set-prepared")
    assert sorted(kept.values()) == sorted(truth.values())
    assert (
        train([*words[:2], "--out", str(tmp_path / "mapped"), "--map", "Nepali=Indian", "--jobs", "1"]) == 0
    )
    mapped = read(tmp_path / "mapped")
    assert mapped == read(tmp_path / "by-csv")
    assert mapped == {name: "Indian" if label == "Nepali" else label for name, label in kept.items()}

    weights = run_recipe(tmp_path / "mapped", tmp_path)
    assert accuracy(weights, {"Nepali": "Indian"}) > 0.9  # a guess is right in a sixth, or a third at best


@pytest.mark.slow
def test_labels_of_faces_train_the_classifier(store: Store, tmp_path: Path) -> None:
    """Two people in each photo, cut apart; what one learns is each one's own label."""
    made = batches.create(store, "Maya", "Pairs", "drawn", "CC0", "nobody is in them")
    from labeling.office import Office

    office = Office()
    truth = {}
    for place in range(24):
        pair = [list(WAYS)[place % 3], list(WAYS)[(place // 3 + place) % 3]]
        wide = Image.new("RGB", (2 * SIDE, SIDE))
        for side, label in enumerate(pair):
            wide.paste(portrait(2 * place + side, WAYS[label]), (side * SIDE, 0))
        wide.save(tmp_path / "pair.png")
        kept = office.photos.keep((tmp_path / "pair.png").read_bytes(), f"pair {place}.png")
        batches.add_photos(store, made.id, [kept])
        box = SIDE / 0.96  # so that the cut is the drawn portrait
        low = -0.08 * box + (SIDE - box) / 2
        found = [face(), face()]
        for side in range(2):
            left = side * SIDE + (SIDE - box) / 2
            found[side] = type(found[side])((left, low, left + box, low + box), (), 0.99)
            truth[place, side + 1] = pair[side]
        looks.set_survey(store, kept.hash, found)
    while items := queue.take(store, "Maya", made.id, by_face=True, count=10):
        for item in items:
            judge(store, key(), "Maya", item.id, "label", truth[int(item.name[5:-4]), item.face])
    assert labeling(["dataset", "--out", str(tmp_path / "set"), "--faces"]) == 0
    options = ["--map", "Nepali=Indian", "--person", "photo", "--jobs", "1"]
    assert train(["prepare", str(tmp_path / "set"), "--out", str(tmp_path / "prepared"), *options]) == 0
    sides: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        with (tmp_path / "prepared" / f"{split}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                sides.setdefault(row["photo"], set()).add(split)
    assert len(sides) == 24
    assert all(len(splits) == 1 for splits in sides.values())  # two people of one photo share its light
    assert accuracy(run_recipe(tmp_path / "prepared", tmp_path), {"Nepali": "Indian"}) > 0.9


def read(dataset: Path) -> dict[str, str]:
    """The labels of all three splits, by the pictures' names."""
    labels = {}
    for split in ("train", "val", "test"):
        with (dataset / f"{split}.csv").open(newline="") as file:
            labels |= {row["imageName"]: row["ethnicity"] for row in csv.DictReader(file)}
    return labels
