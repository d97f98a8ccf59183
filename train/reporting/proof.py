"""The Markdown of `python -m train proof`."""

from collections.abc import Mapping, Sequence
from typing import Any

from train import numbers
from train.report import cell, details, listed, table

ALL = (
    ("psnr", "PSNR, dB ↑", 2),
    ("skin_ita_error", "skin ITA error, ° ↓", 2),
    ("skin_hue_error", "skin hue error, ° ↓", 2),
    ("skin_bias_a", "bias a → 0", 2),
    ("skin_bias_b", "bias b → 0", 2),
    ("skin_bias_hue", "bias hue, ° → 0", 2),
)
GROUP = (
    ("psnr", "PSNR, dB ↑", 2),
    ("skin_delta_e", "skin ΔE ↓", 2),
    *ALL[1:],
    ("skin_bias_hue_of_mean", "bias hue of the mean colour, ° → 0", 2),
)
GAIN = (
    ("psnr", "PSNR, dB", 3),
    ("skin_delta_e", "skin ΔE", 3),
    ("skin_ita_error", "skin ITA error, °", 3),
    ("skin_hue_error", "skin hue error, °", 3),
)
FIRST = ("condition", "light")


def markdown(content: Mapping[str, Any]) -> str:
    """A report as GitHub Markdown.

    Args:
        content: what summary.json holds.
    """
    rows, without = content["rows"], content["without_face"]
    groups = list(rows[0]["groups"])
    parts = [
        f"`{content['model']}` on {content['measured']} photos of `{content['data']}` ({without} without a face found, "
        "where no condition says anything): mean and, small, its 95 % bootstrap interval. *Predicted*, *annotated* and "
        "*wrong* name whose word on the group the model was given; *true* light tells it the photo's mean a and b. "
        "Tint in true light is the photo's own mean, the best single tint.",
        _all(rows),
        "Skin ΔE by the label's group:",
        _by_group(rows, groups, "skin_delta_e"),
        "Signed bias of the skin's hue, ° (above 0 is too yellow, below too red; asked: within "
        f"{content['hue_limit']:g}):",
        _by_group(rows, groups, "skin_bias_hue"),
        _verdict(rows, content["hue_limit"]),
        "What each condition changes against none, photo by photo, in the same light (PSNR: above 0 is better; errors: "
        "below 0 is better):",
        _gains(content["against_none"], ["all"]),
        details("The same by group", _gains(content["against_none"], groups)),
        details("All measures by group", _everything(rows, groups)),
        f"Left out: {content['near_gray']} near-gray, {content['unlabelled']} without a label of the six groups, "
        f"{listed(content['unreadable'])} missing or unreadable. " + numbers.provenance(content),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _names(row: Mapping[str, Any]) -> list[str]:
    return [row["condition"], row["light"] or "–"]


def _all(rows: Sequence[Mapping[str, Any]]) -> str:
    """One row a condition and light, over all photos."""
    psnr, *others = ALL
    lines = [
        [
            *_names(row),
            cell(row["all"][psnr[0]], psnr[2]),
            cell(row["skin_delta_e"], 2),
            cell(row["fairness"], 2),
            *(cell(row["all"][key], digits) for key, _, digits in others),
        ]
        for row in rows
    ]
    head = [psnr[1], "skin ΔE, mean of groups ↓", "fairness ↓", *(heading for _, heading, _ in others)]
    return table([*FIRST, *head], lines, text_columns=2)


def _by_group(rows: Sequence[Mapping[str, Any]], groups: Sequence[str], metric: str) -> str:
    lines = [
        [*_names(row), *(cell(row["groups"][group][metric], 2) for group in groups)]
        for row in rows
        if row["all"][metric]
    ]
    counts = [f"{group} ({rows[0]['groups'][group]['psnr']['n']})" for group in groups]
    return table([*FIRST, *counts], lines, text_columns=2)


def _verdict(rows: Sequence[Mapping[str, Any]], limit: float) -> str:
    """Which groups' hue is off by more than asked, of the conditions that a user meets."""
    sentences = []
    for row in rows:
        if row["condition"] not in ("none", "predicted", "annotated") or not row["worst_hue"]:
            continue
        biases = {name: means["skin_bias_hue"] for name, means in row["groups"].items()}
        off = [
            f"{name} {bias['mean']:+.1f}°"
            for name, bias in biases.items()
            if bias and abs(bias["mean"]) > limit
        ]
        said = f"over {limit:g}°: {', '.join(off)}" if off else f"all within {limit:g}°"
        sentences.append(f"{row['condition']}, {row['light']} light: {said}")
    return "; ".join(sentences) + "." if sentences else ""


def _gains(rows: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> str:
    lines = []
    for row in rows:
        for group in groups:
            means = row["all"] if group == "all" else row["groups"][group]
            lines.append([*_names(row), group, *(_signed(means[key], digits) for key, _, digits in GAIN)])
    return table([*FIRST, "group", *(heading for _, heading, _ in GAIN)], lines, text_columns=3)


def _signed(mean: Mapping[str, Any] | None, digits: int) -> str:
    if mean is None:
        return "–"
    low, high = f"{mean['low']:+.{digits}f}", f"{mean['high']:+.{digits}f}"
    return f"{mean['mean']:+.{digits}f} <sub>{low} to {high}</sub>"


def _everything(rows: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> str:
    lines = [
        [*_names(row), group, *(cell(row["groups"][group][key], digits) for key, _, digits in GROUP)]
        for row in rows
        for group in groups
    ]
    return table([*FIRST, "group", *(heading for _, heading, _ in GROUP)], lines, text_columns=3)
