"""A report's Markdown, and a README that includes it.

python -m train readme reports/fairface-val --section results
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from colorizer.errors import OptionError, RanginError
from colorizer.ethnicity import GROUPS

# Columns of the first tables: name of the metric, heading, decimals. The arrow says which way is better.
HEADLINE = (
    ("psnr", "PSNR, dB ↑", 2),
    ("ssim", "SSIM ↑", 3),
    ("lpips", "LPIPS ↓", 3),
    ("delta_e", "ΔE ↓", 2),
    ("skin_delta_e", "skin ΔE ↓", 2),
    ("delta_colorfulness", "Δ colorfulness → 0", 1),
    ("aligned_psnr", "aligned PSNR, dB ↑", 2),
)
PER_GROUP = (
    ("psnr", "PSNR, dB ↑", 2),
    ("skin_delta_e", "skin ΔE ↓", 2),
    ("skin_ita_error", "skin ITA error, ° ↓", 1),
    ("skin_bias_a", "skin bias a → 0", 1),
    ("skin_bias_b", "skin bias b → 0", 1),
    ("skin_bias_hue", "skin bias hue, ° → 0", 1),
)
# What a model costs: key, heading, unit, decimals.
COSTS = (
    ("parameters", "parameters, M", 1e6, 1),
    ("megabytes", "MB", 1, 1),
    ("milliseconds", "ms a photo", 1, 0),
)
LISTED = 10  # names of left-out photos that a report spells out


def markdown(summary: dict[str, Any]) -> str:
    """A report as GitHub Markdown: models, groups, fairness, the ethnicity estimate, all metrics, provenance.

    Args:
        summary: what `python -m train evaluate` writes to summary.json.
    """
    models = summary["models"]
    parts = [
        f"{summary['measured']} photos of `{summary['data']}`: mean and, small, its 95 % bootstrap interval.",
        _headline(models, summary.get("cost", {})),
        *_lpips_note(summary),
        *_fairness_parts(models),
        *_classifier_parts(summary["classifier"]),
        *_classifiers_parts(summary.get("classifiers") or {}),
        *_group_parts(models),
        details("All metrics", _all_metrics(models)),
        _provenance(summary),
    ]
    return "\n\n".join(parts) + "\n"


def confusion_table(confusion: list[list[int]]) -> str:
    """(6, 6) counts, rows the label and columns the estimate -> Markdown with each row's recall."""
    rows = []
    for group, counts in zip(GROUPS, confusion, strict=True):
        recall = f"{counts[GROUPS.index(group)] / sum(counts):.0%}" if sum(counts) else "–"
        rows.append([group, *map(str, counts), recall])
    return table(["label \\ estimate", *GROUPS, "right"], rows)


def update_readme(name: str, markdown: str, path: Path) -> None:
    """Replace what stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`; all else stays byte for byte.

    Raises:
        OptionError: the file can't be read or has not exactly one such pair of markers.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} can't be read: {error}") from error
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise OptionError(
            f"{path} needs exactly one line {begin} and, below it, one line {end}; put them where the table belongs."
        )
    before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
    newline = "\r\n" if "\r\n" in text else "\n"
    content = newline.join(markdown.strip().splitlines())
    _replace(path, f"{before}{newline}{content}{newline}{after}".encode())


def _replace(path: Path, content: bytes) -> None:
    """Write a file all at once, so that a README is never half written."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(path.stat().st_mode)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def table(head: list[str], rows: list[list[str]], text_columns: int = 1) -> str:
    """Markdown with the first columns left-aligned and the others, numbers, right-aligned."""
    rule = "|" + "---|" * text_columns + "---:|" * (len(head) - text_columns)
    first, *others = (f"| {' | '.join(cells)} |" for cells in [head, *rows])
    return "\n".join([first, rule, *others])


def cell(mean: dict[str, Any] | None, decimals: int) -> str:
    if mean is None:
        return "–"
    low, high = f"{mean['low']:.{decimals}f}", f"{mean['high']:.{decimals}f}"
    return f"{mean['mean']:.{decimals}f} <sub>{low} to {high}</sub>"


def _headline(models: dict[str, Any], costs: dict[str, dict[str, float | None]]) -> str:
    """The models' table, quality and then cost; a metric that no model has gets no column."""
    columns = [column for column in HEADLINE if any(model["all"][column[0]] for model in models.values())]
    rows = []
    for name, model in models.items():
        cost = costs.get(name, {})
        means = [cell(model["all"][key], n) for key, _, n in columns]
        rows.append([name, *means, *(_cost(cost.get(key), unit, n) for key, _, unit, n in COSTS if costs)])
    head = [heading for _, heading, _ in columns] + [heading for _, heading, _, _ in COSTS if costs]
    return table(["model", *head], rows)


def _cost(value: float | None, unit: float, decimals: int) -> str:
    return "–" if value is None else f"{value / unit:,.{decimals}f}"


def _lpips_note(summary: dict[str, Any]) -> list[str]:
    return [f"LPIPS is missing: {summary['lpips_missing']}"] if summary.get("lpips_missing") else []


def _group_parts(models: dict[str, Any]) -> list[str]:
    """One row a model and group, folded away; nothing for unlabelled photos."""
    rows = []
    for name, model in models.items():
        for group, means in model["groups"].items():
            n = str(means["mse"]["n"])
            rows.append([name, group, n, *(cell(means[key], digits) for key, _, digits in PER_GROUP)])
    head = ["model", "group", "n", *(heading for _, heading, _ in PER_GROUP)]
    return [details("By the label's group", table(head, rows, text_columns=2))] if rows else []


def _fairness_parts(models: dict[str, Any]) -> list[str]:
    """Skin error of each group, and fairness; nothing for unlabelled photos."""
    groups = list(next(iter(models.values()))["groups"])
    if not groups:
        return []
    rows = []
    for name, model in models.items():
        fairness = f"{model['fairness']['ratio']:.2f}" if model["fairness"] else "–"
        cells = [cell(model["groups"][group]["skin_delta_e"], 2) for group in groups]
        rows.append([name, *cells, cell(model.get("skin_over_groups"), 2), fairness])
    text = (
        "Skin ΔE by the label's group; *fairness* is the worst of the six groups over the best (1 is equal):"
    )
    return [text, table(["model", *groups, "mean of groups", "fairness"], rows)]


def _classifier_parts(classifier: dict[str, Any] | None) -> list[str]:
    if classifier is None:
        return []
    where = {"face": "on the largest face found", "centre": "on the middle of pictures without a face found"}
    crops = "; ".join(
        f"{where[c]} {v['accuracy']:.1%} (n = {v['n']})" for c, v in classifier["crops"].items()
    )
    text = (
        f"Ethnicity estimate, six groups: accuracy {classifier['accuracy']:.1%} "
        f"({classifier['low']:.1%} to {classifier['high']:.1%}, n = {classifier['n']}), "
        f"balanced {classifier['balanced_accuracy']:.1%}, calibration error (ECE) {classifier['ece']:.3f}; {crops}."
    )
    return [text, confusion_table(classifier["confusion"])]


def _classifiers_parts(classifiers: dict[str, dict[str, Any]]) -> list[str]:
    """One row a classifier; nothing where there is none beside the colorizers' own."""
    if len(classifiers) < 2:
        return []
    rows = []
    for name, one in classifiers.items():
        interval = {"mean": one["accuracy"], "low": one["low"], "high": one["high"]}
        known = [area for area in one["auc"].values() if area is not None]
        area = f"{sum(known) / len(known):.3f}" if known else "–"
        rows.append([name, cell(interval, 3), f"{one['balanced_accuracy']:.3f}", area, f"{one['ece']:.3f}"])
    head = ["classifier", "accuracy ↑", "balanced accuracy ↑", "mean AUC ↑", "calibration error ↓"]
    return [f"All classifiers, on the same {one['n']} photos:", table(head, rows)]


def _all_metrics(models: dict[str, Any]) -> str:
    names = list(next(iter(models.values()))["all"])
    rows = []
    for metric in names:
        means = [model["all"][metric] for model in models.values()]
        n = next((mean["n"] for mean in means if mean is not None), 0)
        rows.append([f"`{metric}`", *(cell(mean, 3) for mean in means), str(n)])
    return table(["metric", *models, "n"], rows)


def details(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"


def exceptions(summary: dict[str, Any]) -> list[str]:
    """Sentences on what was left out, the labels outside the six groups if there are any, and the tint."""
    left_out = summary["left_out"]
    sentences = [
        f"Left out: {left_out['near_gray']} near-gray, {listed(left_out['missing'])} missing, "
        f"{listed(left_out['unreadable'])} unreadable."
    ]
    if other := summary["other_labels"]:
        sentences.append(
            "Labels outside the six groups: " + ", ".join(f"{k} ({n})" for k, n in other.items()) + "."
        )
    a, b = summary["tint"]
    return [*sentences, f"Tint is a {a:.2f}, b {b:.2f}."]


def _provenance(summary: dict[str, Any]) -> str:
    about = f"{summary['date']}, {summary['machine']}: `{summary['command']}`"
    return " ".join([*exceptions(summary), about])


def listed(names: list[str]) -> str:
    """How many, and the first of them by name."""
    if not names:
        return "0"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{len(names)} ({', '.join(names[:LISTED])}{more})"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train readme`."""
    parser.add_argument("report", type=Path, help="folder that `python -m train evaluate` wrote")
    parser.add_argument("--section", default="results", help="name in the markers (default: results)")
    parser.add_argument("--readme", type=Path, default=Path("README.md"), help="default: README.md")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train readme`; 1 with a sentence when the table could not be put in."""
    file = args.report / "summary.md"
    try:
        if not file.is_file():
            raise OptionError(
                f"There is no {file}; `python -m train evaluate --report {args.report} ...` writes it."
            )
        update_readme(args.section, file.read_text(encoding="utf-8"), args.readme)
    except RanginError as error:
        print(f"train readme: {error}", file=sys.stderr)
        return 1
    print(f"{args.readme}: {args.section} is what {file} says")
    return 0
