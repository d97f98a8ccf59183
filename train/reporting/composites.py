"""The Markdown of `python -m train composites`."""

from collections.abc import Mapping
from typing import Any

from colorizer.groups import GROUPS
from train import numbers
from train.report import cell, details, table

ERRORS = (
    ("together", "skin ΔE together ↓", 2),
    ("in_frame", "alone in the frame ↓", 2),
    ("to_in_frame", "ratio → 1", 2),
    ("own_picture", "own picture ↓", 2),
    ("to_own_picture", "ratio → 1", 2),
)
CHANGES = (
    ("own", "ΔE on own skin", 2),
    ("others", "on the others ↓", 2),
    ("background", "in the background ↓", 2),
    ("within", "share under the limit ↑", 2),
    ("cosine", "cosine ↑", 2),
    ("along", "share with cosine > 0 ↑", 2),
    ("gain", "gain → 1", 2),
)


def markdown(content: Mapping[str, Any]) -> str:
    """A report as GitHub Markdown.

    Args:
        content: what summary.json holds.
    """
    parts = [
        f"{content['frames']} frames of four people of four groups, of `{content['data']}`, half side by side, half of "
        "different sizes and partly overlapping: mean and, small, its 95 % bootstrap interval, frames resampled. Each "
        "one's skin among the others, the same pixels *alone in the frame* (as large, in the same place, before the "
        "same background) and as a picture of its own (as many pixels, but painted at the model's full working size). "
        f"Asked: ratios of at most 1.10. {_not_found(content)}",
        _people(content, ("all",)),
        details("By kind of frame and by the label's group", _people(content, None)),
    ]
    if content["changes"]:
        parts += [
            "One person's group changed to each other one: mean CIEDE2000 between the two paintings (asked: below "
            f"{content['limit']:g} on the others and in the background), and how the move of the skin's a and b lies "
            "to the difference of the two groups' skin under neutral light: cosine of the angle, and *gain*, the "
            "share of that difference gone (groups that differ by less than "
            f"{content['least_difference']:g} have no direction).",
            _changes(content, ("all", *GROUPS)),
            details("By group before and after", _changes(content, None)),
        ]
    parts.append(f"Seed {content['seed']}. " + numbers.provenance(content))
    return "\n\n".join(parts) + "\n"


def _not_found(content: Mapping[str, Any]) -> str:
    people = 4 * content["frames"]
    return f"In the frames {content['not_found']} of {people} faces were not found again."


def _people(content: Mapping[str, Any], only: tuple[str, ...] | None) -> str:
    lines = [
        [
            row["model"],
            row["condition"] or "–",
            row["part"],
            str(row["people"]),
            *(cell(row[key], digits) for key, _, digits in ERRORS),
        ]
        for row in content["people"]
        if (row["part"] in only if only else row["part"] != "all")
    ]
    head = ["model", "group told", "of", "people", *(heading for _, heading, _ in ERRORS)]
    return table(head, lines, text_columns=3)


def _changes(content: Mapping[str, Any], only: tuple[str, ...] | None) -> str:
    lines = [
        [row["part"], str(row["own"]["n"]), *(cell(row[key], digits) for key, _, digits in CHANGES)]
        for row in content["changes"]
        if (row["part"] in only if only else " to " in row["part"])
    ]
    return table(["group before", "changes", *(heading for _, heading, _ in CHANGES)], lines)
