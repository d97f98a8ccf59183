"""What was measured of the models of the literature, put together: what README.md and docs/literature.md are made of.

    content = collect(Path("reports/literature"))
    write(content, Path("README.md"), Path("docs/literature.md"))

docs/literature.json keeps all that the two pages say, so that they can be written again, and checked, without the
measurements themselves.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from colorizer import catalog, checkpoint, literature
from colorizer.errors import ModelError, OptionError
from train import atomic, literature_measure, summary
from train.literature_measure import Photos
from train.reporting import literature_claims, literature_page, versus
from train.reporting.models import BASELINES

AUTOENCODERS = tuple(model.name for model in literature.MODELS if model.network == "vgg16-autoencoder")
SETS = {
    photos.key: photos
    for photos in (
        Photos("fairface", "fairface/val", Path("data/fairface/val"), Path("data/fairface/val.csv")),
        Photos(
            "portraits",
            "held-out portraits",
            Path("data/human_faces/train"),
            Path("train/splits/human_faces-val.csv"),
        ),
        Photos("animals", "animals", Path("data/animals/train"), None, AUTOENCODERS),
        Photos("scenes", "scenes", Path("data/scenes/train"), None, AUTOENCODERS),
    )
}
METRICS = (
    *("psnr", "ssim", "lpips", "colorfulness", "delta_colorfulness"),
    *("within_10", "delta_e", "skin_delta_e"),
)
COSTS = "costs.json"
# The photo-by-photo comparison.
IMAGES_OF, IMAGES, PER_IMAGE = "fairface", 12, ("psnr", "ssim", "lpips")
EXPERIMENTS = Path(__file__).parents[2] / "docs" / "experiments.md"
DIGITS = 6  # significant ones that are kept of a number


def read_costs(report: Path) -> dict[str, Any]:
    """What `literature_costs.costs` found; empty if it was not asked yet."""
    try:
        return dict(json.loads((report / COSTS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def write_costs(report: Path, found: Mapping[str, Any]) -> None:
    """Keep what `literature_costs.costs` found."""
    report.mkdir(parents=True, exist_ok=True)
    atomic.write(report / COSTS, json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def collect(report: Path) -> dict[str, Any]:
    """All that the pages say, out of the measurements and of what the weights say of themselves.

    Returns:
        models (as `_model` has them), costs, sets {key: as `_set`}, differences {key: {"a − b": {metric: mean}}},
        images and experiments.

    Raises:
        OptionError: nothing was measured yet.
    """
    entries = {entry.name: entry for entry in catalog.entries()}
    models = [_model(entries[model.name]) for model in literature.MODELS]
    results = {key: _results(report / key) for key in SETS}
    if all(table is None for table in results.values()):
        raise OptionError(f"{report} holds no measurements; `python -m train literature measure` makes them.")
    known = {key: table for key, table in results.items() if table is not None}
    content = {
        "models": models,
        "costs": read_costs(report),
        "sets": {key: _set(report / key, key, table) for key, table in known.items()},
        "differences": {key: _differences(key, table) for key, table in known.items()},
        "images": _images(known.get(IMAGES_OF)),
        "experiments": experiments(EXPERIMENTS),
    }
    rounded: dict[str, Any] = _rounded(content)
    return rounded


def write(content: dict[str, Any], readme: Path, page: Path) -> None:
    """Put the tables into both pages, between their markers, and keep what they are made of beside the second one.

    Raises:
        OptionError: one of the two has no such markers.
    """
    from train.report import update_readme

    if not page.is_file():
        atomic.write(page, literature_page.SKELETON)
    update_readme("literature", literature_page.short(content), readme)
    update_readme("literature", literature_page.long(content), page)
    atomic.write(page.with_suffix(".json"), json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _model(entry: catalog.Entry) -> dict[str, Any]:
    """What a row says of a model before anything is measured."""
    (model,) = (model for model in literature.MODELS if model.name == entry.name)
    about = {
        "name": entry.name,
        "source": model.source,
        "about": model.about,
        "parameters": entry.parameters,
        "start": entry.start,
        "budget": entry.budget,
        "is_trained": entry.is_trained,
        "how": model.how,
        "minutes": None,
        "pictures_seen": None,
        "trained_on": [],
    }
    if not entry.is_trained:
        return about
    notes = checkpoint.about(entry.name).get("training", {})
    batch, steps = notes.get("recipe", {}).get("batch"), notes.get("steps")
    is_counted = isinstance(batch, int) and isinstance(steps, int)
    return about | {
        "minutes": notes.get("minutes"),
        "pictures_seen": batch * steps if is_counted else None,
        "trained_on": sorted(notes.get("pictures", {})),
    }


def _results(folder: Path) -> pd.DataFrame | None:
    """Results of the baselines and of each model whose weights are still those that were measured, all of one set of
    photos; None without both baselines."""
    stamp = literature_measure.read_about(folder / BASELINES[0]).get("photos")
    tables = []
    for name in (*BASELINES, *(model.name for model in literature.MODELS)):
        try:
            weights = literature_measure.hash_of(name)
        except ModelError:
            continue
        if stamp is not None and literature_measure.is_measured(folder / name, weights, stamp):
            tables.append(literature_measure.read_results(folder / name))
        elif name in BASELINES:  # measuring was broken off; without both, nothing else can be judged
            return None
    table = pd.concat(tables, ignore_index=True)
    table["lpips"] = pd.to_numeric(table["lpips"])
    return table


def _set(folder: Path, key: str, results: pd.DataFrame) -> dict[str, Any]:
    about = [literature_measure.read_about(folder / str(name)) for name in results["model"].unique()]
    scores = {}
    for name, found in summary.summarize(results.fillna({"group": ""})).items():
        fairness = found["fairness"]
        scores[name] = {metric: found["all"][metric] for metric in METRICS}
        scores[name]["fairness"] = fairness and fairness["ratio"]
    return {
        "title": SETS[key].title,
        "data": about[0]["data"],
        "measured": about[0]["measured"],
        "near_gray": about[0]["near_gray"],
        "limit": about[0]["limit"],
        "tint": about[0]["tint"],
        "lpips_missing": next((one["lpips_missing"] for one in about if one["lpips_missing"]), ""),
        "date": max(one["date"] for one in about),
        "machine": about[0]["machine"],
        "models": scores,
    }


def _differences(key: str, results: pd.DataFrame) -> dict[str, Any]:
    """Paired differences, first minus second, of all pairs that a sentence speaks of and that were measured."""
    there = set(results["model"])
    found = {}
    for first, second in literature_claims.pairs(key):
        if first in there and second in there:
            two = results[results["model"].isin([first, second])]
            means = summary.means_of(versus.differences(two, second))
            found[literature_claims.pair(first, second)] = {metric: means[metric] for metric in METRICS}
    return found


def _images(results: pd.DataFrame | None) -> dict[str, Any]:
    """A dozen photos by name, spaced evenly, and each model's figures on them; empty without results."""
    if results is None:
        return {}
    names = sorted(results["imageName"].unique())
    count = min(IMAGES, len(names))
    chosen = [names[int((k + 0.5) * len(names) / count)] for k in range(count)]
    rows = results[results["imageName"].isin(chosen)]
    models = list(rows["model"].unique())
    table = rows.set_index(["model", "imageName"])[list(PER_IMAGE)]
    return {
        "set": IMAGES_OF,
        "of": len(names),
        "names": chosen,
        "models": {
            model: {metric: _known(table.loc[model].loc[chosen, metric]) for metric in PER_IMAGE}
            for model in models
        },
    }


def _known(values: Iterable[float]) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in values]


def experiments(page: Path) -> dict[str, Any]:
    """PSNR of the experiments on the number of pictures and on fine-tuning, as their page says it.

    Returns:
        sizes: [{"name", "mean", "low", "high"}], from few to many; finetuning: {"before", "after"} or {}.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except OSError:
        return {"sizes": [], "finetuning": {}}
    sizes = []
    for name in literature_claims.EXPERIMENTS:
        row = re.search(rf"^\| {name} \| ([\d.]+) <sub>([\d.]+) to ([\d.]+)</sub>", text, re.MULTILINE)
        if row:
            mean, low, high = map(float, row.groups())
            sizes.append({"name": name, "mean": mean, "low": low, "high": high})
    gain = re.search(r"fine-tuning[^()]*\(([\d.]+) to ([\d.]+) at 128 px\)", " ".join(text.split()))
    finetuning = {"before": float(gain.group(1)), "after": float(gain.group(2))} if gain else {}
    return {"sizes": sizes, "finetuning": finetuning}


def _rounded(value: Any) -> Any:
    """The same with fewer digits, so that the file stays readable."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_rounded(part) for part in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
