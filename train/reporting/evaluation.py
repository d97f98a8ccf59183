"""What stands on the page of an evaluation, from its headline to its provenance.

html = page.render(evaluation.sections(content, tables, cases), "Evaluation", "200 photos")
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from train import report
from train.reporting import cases, draw, runs
from train.reporting.blocks import (
    Block,
    Cell,
    Charts,
    Section,
    Table,
    Text,
    Thumbnails,
    mean_cell,
    number,
    percent,
)
from train.reporting.models import BASELINES
from train.reporting.versus import WON_BY

Shown = Mapping[str, Mapping[tuple[str, str], Sequence[cases.Case]]]
JUDGED = {"psnr": ("PSNR", "dB"), "skin_delta_e": ("skin ΔE", "")}
WON_NAMES = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "delta_e": "ΔE",
    "skin_delta_e": "skin ΔE",
    "within_10": "a and b within 10",
}


def sections(
    content: dict[str, Any], tables: Mapping[str, pd.DataFrame | None], shown: Shown | None
) -> list[Section]:
    """The sections of an evaluation.

    Args:
        content: what summary.json holds.
        tables: what the CSVs hold, by the files' stems.
        shown: as `cases.shown` returns them; None where no pictures may be shown.
    """
    parts = [
        Section("results", "Results", _results(content)),
        Section(
            "against", f"Photo by photo against {content['against']['model']}", _against(content["against"])
        ),
        Section("groups", "By group", _groups(content["models"])),
        Section("classifier", "Ethnicity estimate", _classifiers(content["classifiers"], tables)),
        Section(
            "colours", "Which colours are used", _colours(content["distribution"], tables["distribution"])
        ),
        Section("cases", "Best and worst", _cases(shown)),
        Section("curves", "Training", _curves(tables["curves"], content["runs"])),
        Section("metrics", "All metrics", [_all_metrics(content["models"])]),
        Section("about", "About these numbers", _about(content)),
    ]
    return [part for part in parts if part.blocks]


def verdicts(against: dict[str, Any]) -> list[Block]:
    """A sentence a model: how often, and by how much, it comes closer to the truth than the other."""
    found: list[Block] = []
    for model, scores in against["models"].items():
        wins, mean = scores["wins"]["psnr"], scores["differences"]["psnr"]
        if model in BASELINES or wins is None or wins["share"] is None or mean is None:
            continue
        found.append(
            Text(
                f"{model} is closer to the truth than {against['model']} on {wins['won']:,} of "
                f"{wins['won'] + wins['lost']:,} photos ({wins['share']:.0%}, interval {wins['low']:.0%} to "
                f"{wins['high']:.0%}); mean difference in PSNR {mean['mean']:+.2f} dB "
                f"({mean['low']:+.2f} to {mean['high']:+.2f})."
            )
        )
    return found


def _results(content: dict[str, Any]) -> list[Block]:
    models, costs = content["models"], content["cost"]
    columns = [
        column for column in report.HEADLINE if any(model["all"][column[0]] for model in models.values())
    ]
    has_skin = any(model["fairness"] for model in models.values())
    rows = []
    for name, model in models.items():
        cost = costs.get(name, {})
        fairness = [number(model["fairness"]["ratio"] if model["fairness"] else None, 2)] if has_skin else []
        paid = [(cost.get(key), unit, decimals) for key, _, unit, decimals in report.COSTS]
        rows.append(
            [
                Cell(name),
                *(mean_cell(model["all"][key], decimals) for key, _, decimals in columns),
                *fairness,
                *(number(None if value is None else value / unit, n) for value, unit, n in paid),
            ]
        )
    head = ["model", *(heading for _, heading, _ in columns), *(["fairness ↓"] if has_skin else [])]
    head += [heading for _, heading, _, _ in report.COSTS]
    note = (
        "Below each mean its 95% bootstrap interval. gray has no colour, tint gives every pixel the training pictures' "
        "mean colour; a model colorizes only above tint. Time: median of a photo's whole way at 256x256, faces and "
        f"ethnicity included, on {content['machine']}, {content.get('jobs', 1)} process(es) at once, other load when "
        f"it began {content.get('load', 0):.1f}; parameters and file are the colorizer's own."
    )
    if content.get("lpips_missing"):
        note += f" LPIPS is missing: {content['lpips_missing']}"
    return [*verdicts(content["against"]), Table("Quality and cost", head, rows, "means.csv"), Text(note)]


def _against(against: dict[str, Any]) -> list[Block]:
    models = against["models"]
    metrics = [m for m in WON_BY if any(scores["wins"][m] for scores in models.values())]
    if not metrics:
        return []
    wins, means = [], []
    for model, scores in models.items():
        cells = []
        for metric in metrics:
            won = scores["wins"][metric]
            if won is None or won["share"] is None:
                cells.append(Cell("–"))
                continue
            p = "p < 0.001" if won["p"] < 0.001 else f"p = {won['p']:.3f}"
            tied = f", {won['tied']:,} tied" if won["tied"] else ""
            text = f"{won['won']:,} : {won['lost']:,}"
            cells.append(
                Cell(
                    text,
                    f"{won['share']:.0%} ({won['low']:.0%} to {won['high']:.0%}), {p}{tied}",
                    won["share"] / 2,
                )
            )
        wins.append([Cell(model), *cells])
        means.append([Cell(model), *(mean_cell(scores["differences"][m], 3, True) for m in metrics)])
    head = ["model", *(WON_NAMES[metric] for metric in metrics)]
    other = against["model"]
    return [
        Table(f"Photos on which a model is better than {other} : worse", head, wins, "against.csv"),
        Table(f"Mean difference: model minus {other}", head, means, "against.csv"),
        Text("Shares are of the photos that are not tied, with Wilson's interval and the sign test's p."),
    ]


def _groups(models: dict[str, Any]) -> list[Block]:
    names = list(next(iter(models.values()))["groups"])
    if not names:
        return []
    fairness = [
        [
            Cell(name),
            *(mean_cell(model["groups"][group]["skin_delta_e"], 2) for group in names),
            Cell(
                f"{model['fairness']['ratio']:.2f}",
                f"{model['fairness']['worst']} over {model['fairness']['best']}",
            )
            if model["fairness"]
            else Cell("–"),
        ]
        for name, model in models.items()
    ]
    rows = [
        [
            Cell(f"{name}, {group}"),
            number(means["mse"]["n"]),
            *(mean_cell(means[k], n) for k, _, n in report.PER_GROUP),
        ]
        for name, model in models.items()
        for group, means in model["groups"].items()
        if means["mse"] is not None
    ]
    charts = [chart for metric in ("skin_delta_e", "psnr") if (chart := draw.groups(models, metric))]
    head = ["model and group", "n", *(heading for _, heading, _ in report.PER_GROUP)]
    return [
        Table("Skin ΔE by the label's group ↓", ["model", *names, "fairness"], fairness, "means.csv"),
        Text("Fairness is the worst of the six groups' skin ΔE over the best; 1 is equal."),
        Charts(charts, "means.csv"),
        Table("More by group", head, rows, "means.csv", is_folded=True),
    ]


def _classifiers(classifiers: dict[str, Any], tables: Mapping[str, pd.DataFrame | None]) -> list[Block]:
    if not classifiers:
        return []
    rows = [
        [
            Cell(name),
            Cell(f"{one['accuracy']:.1%}", f"{one['low']:.1%} to {one['high']:.1%}"),
            Cell(f"{one['balanced_accuracy']:.1%}"),
            Cell(f"{one['ece']:.3f}"),
            *(number(one["auc"].get(group), 3) for group in one["auc"]),
            number(one["n"]),
        ]
        for name, one in classifiers.items()
    ]
    groups = list(next(iter(classifiers.values()))["auc"])
    head = ["classifier", "accuracy", "balanced", "ECE ↓", *(f"AUC {group}" for group in groups), "n"]
    blocks: list[Block] = [Table("Six groups, from one gray face", head, rows, "summary.json")]
    for name, one in classifiers.items():
        blocks.append(_confusion(name, one["confusion"], groups))
    blocks.append(Charts(draw.classifiers(tables, classifiers), "roc.csv, reliability.csv, coverage.csv"))
    return blocks


def _confusion(name: str, confusion: list[list[int]], groups: list[str]) -> Table:
    rows = []
    for group, counts in zip(groups, confusion, strict=True):
        total = sum(counts)
        shares = [count / total if total else 0.0 for count in counts]
        cells = [
            Cell(f"{count:,}", percent(share) if total else "", share)
            for count, share in zip(counts, shares, strict=True)
        ]
        rows.append([Cell(group), *cells, number(total)])
    return Table(f"{name}: label (rows), estimate (columns)", ["label", *groups, "n"], rows, "confusion.csv")


def _colours(summary: dict[str, Any], marginals: pd.DataFrame | None) -> list[Block]:
    if not summary or marginals is None:
        return []
    rows = [
        [Cell(name), Cell(percent(one["share"], 1), f"{one['empty']} of {one['occupied']}")]
        for name, one in summary.items()
    ]
    return [
        Charts(draw.distribution(marginals), "distribution.csv"),
        Table(
            "Bins of the truth's colours that a model leaves empty ↓",
            ["model", "empty bins"],
            rows,
            "summary.json",
        ),
        Text(
            "Bins are squares of 10 in the ab plane; one counts as occupied from a hundred-thousandth of all pixels "
            "on. gray and tint are no curves: all their pixels are of one colour."
        ),
    ]


def _cases(shown: Shown | None) -> list[Block]:
    if shown is None:
        return [Text("Pictures are left out of this report (--no-pictures); cases.csv names them.")]
    blocks: list[Block] = []
    for model, by_metric in shown.items():
        for (metric, case), chosen in by_metric.items():
            if chosen:
                name, unit = JUDGED[metric]
                blocks.append(Thumbnails(f"{model}: {case} by {name}", f"{name} {{}} {unit}", chosen))
    return [Text("Each: what the model was given, the truth, what it made of it."), *blocks] if blocks else []


def _curves(curves: pd.DataFrame | None, about: Mapping[str, dict[str, Any]]) -> list[Block]:
    blocks: list[Block] = [] if curves is None else [Charts(draw.training(curves), "curves.csv")]
    table = runs.table(about)
    return [table, *blocks] if table is not None else blocks


def _all_metrics(models: dict[str, Any]) -> Table:
    rows = []
    for metric in next(iter(models.values()))["all"]:
        means = [model["all"][metric] for model in models.values()]
        n = next((mean["n"] for mean in means if mean is not None), 0)
        rows.append([Cell(metric), *(mean_cell(mean, 3) for mean in means), number(n)])
    return Table("Every metric of the protocol", ["metric", *models, "n"], rows, "means.csv", is_folded=True)


def _about(content: dict[str, Any]) -> list[Block]:
    left_out, *others = report.exceptions(content)
    texts = [
        f"Photos are compared at 256x256; a model sees their lightness only. {left_out}",
        *others,
        f"Computed on {content['machine']}, {content['date']}, by: {content['command']}",
    ]
    return [Text(text) for text in texts]
