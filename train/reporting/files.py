"""Everything that stands in a report's folder: the page, and the numbers behind each of its figures.

files.write(Path("reports/mine"), Found(...))
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from torch import nn

from colorizer.errors import OptionError
from colorizer.groups import GROUPS
from train import atomic, report, summary
from train.measure import OTHER, Bench, model_name
from train.reporting import cases, classifier, distribution, evaluation, page, versus
from train.reporting.models import BASELINES, Model, file_size

if TYPE_CHECKING:
    from train.evaluate import Measurements

PAGE = "report.html"


@dataclass(frozen=True)
class Found:
    """What a report is made of."""

    measured: "Measurements"
    about: dict[str, Any]
    """data, left_out, tint, command, machine, date, conditions, jobs."""
    costs: dict[str, dict[str, float | None]]
    """As `costs` returns them."""
    curves: Mapping[str, pd.DataFrame]
    """Training run -> as `history.read` returns it."""
    picked: pd.DataFrame
    """As `cases.pick` returns it."""
    urls: dict[tuple[str, str], tuple[str, str, str]] | None
    """As `cases.paint` returns them; None to show no pictures."""
    against: str
    runs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Training run -> as `runs.read` returns it."""


def run_folders(models: Sequence[Model], folders: Sequence[Path]) -> dict[str, Path]:
    """Folders whose metrics.csv is drawn, by what the page calls them.

    Raises:
        OptionError: one of `folders` has none; a model's run without one is left out.
    """
    found = {model.name: model.run for model in models if model.run and (model.run / "metrics.csv").is_file()}
    for folder in folders:
        if not (folder / "metrics.csv").is_file():
            raise OptionError(
                f"--runs: {folder} has no metrics.csv; give folders that `python -m train fit` wrote."
            )
        if folder.resolve() not in [known.resolve() for known in found.values()]:
            name = folder.resolve().name
            found["/".join(folder.resolve().parts[-2:]) if name in found else name] = folder
    return found


def costs(bench: Bench, models: Sequence[Model], seconds: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """What a model costs: {name in tables: {"parameters", "megabytes", "milliseconds"}}.

    Parameters and file are the model's own; the time is the median of a photo's whole way, faces and ethnicity
    included. Classifiers have no time of their own.
    """
    times = seconds.groupby("model")["seconds"].median() * 1000
    found: dict[str, dict[str, float | None]] = {}
    for model in models:
        network = (bench.classifiers if model.is_classifier else bench.colorizers)[model.name].network
        cost = {"parameters": float(_parameters(network)), "megabytes": file_size(model.weights)}
        if model.is_classifier:
            found[model.name] = cost | {"milliseconds": None}
            continue
        for condition in bench.conditions:
            name = model_name(model.name, condition, bench.conditions)
            found[name] = cost | {"milliseconds": float(times[name]) if name in times else None}
    return {name: dict.fromkeys(("parameters", "megabytes", "milliseconds")) for name in BASELINES} | found


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def write(folder: Path, found: Found) -> dict[str, Any]:
    """Write the report's files into `folder`, made if need be; files of an earlier report that no longer apply go.

    Returns:
        What summary.json holds.
    """
    measured, against = found.measured, found.against
    results, estimates = measured.results, measured.estimates
    is_other = (results["group"] == OTHER) & (results["model"] == results["model"].iloc[0])
    no_lpips = results.loc[results["lpips"].isna(), "lpips_reason"].head(1).tolist()
    results = results.drop(columns="lpips_reason")
    differences = versus.differences(results, against)
    curves, areas = classifier.curves(estimates)
    classifiers = {
        name: one | {"auc": areas[name]} for name, one in summary.classifier_summaries(estimates).items()
    }
    content: dict[str, Any] = found.about | {
        "measured": int(results["imageName"].nunique()),
        "bootstrap": {"resamples": summary.RESAMPLES, "seed": summary.SEED, "interval": "95 % percentile"},
        "other_labels": {
            str(k): int(n) for k, n in results.loc[is_other, "ethnicity"].value_counts().items()
        },
        "lpips_missing": no_lpips[0] if no_lpips else "",
        "models": summary.summarize(results),
        "classifier": next(iter(classifiers.values()), None),
        "classifiers": classifiers,
        "against": {"model": against, "models": versus.summarize(differences)},
        "distribution": distribution.summarize(measured.histograms),
        "cost": found.costs,
        "runs": dict(found.runs),
    }
    histories = [table.assign(run=name) for name, table in found.curves.items() if len(table)]
    tables = {
        "results": results,
        "ethnicity": estimates,
        "means": _means(content["models"]),
        "against": differences,
        "distribution": distribution.marginals(measured.histograms),
        "cases": found.picked,
        "confusion": _confusion(classifiers),
        **{key: curves.get(key) for key in ("roc", "reliability", "coverage")},
        "curves": pd.concat(histories, ignore_index=True) if histories else None,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").unlink(missing_ok=True)
    for name, table in tables.items():
        file = folder / f"{name}.csv"
        if table is None:
            file.unlink(missing_ok=True)
        else:
            table.to_csv(file, index=False)
    (folder / "summary.md").write_text(report.markdown(content), encoding="utf-8")
    shown = None if found.urls is None else cases.shown(found.picked, found.urls)
    html = page.render(evaluation.sections(content, tables, shown), "Evaluation", _subtitle(content))
    (folder / PAGE).write_text(html, encoding="utf-8")
    # The last one: where it is, the report is whole.
    atomic.write(folder / "summary.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return content


def _subtitle(content: dict[str, Any]) -> str:
    return f"{content['measured']:,} photos of {content['data']}, {content['date']}"


def _means(models: dict[str, Any]) -> pd.DataFrame:
    """Columns model, group ("all" or one of them), metric, mean, low, high, n."""
    rows = [
        {"model": model, "group": group, "metric": metric} | mean
        for model, scores in models.items()
        for group, means in {"all": scores["all"], **scores["groups"]}.items()
        for metric, mean in means.items()
        if mean is not None
    ]
    return pd.DataFrame(rows, columns=["model", "group", "metric", "mean", "low", "high", "n"])


def _confusion(classifiers: dict[str, Any]) -> pd.DataFrame | None:
    """Columns classifier, label and, counts, a column an estimate; None without labels."""
    parts = []
    for name, one in classifiers.items():
        table = pd.DataFrame(one["confusion"], columns=list(GROUPS))
        table.insert(0, "label", GROUPS)
        table.insert(0, "classifier", name)
        parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else None
