"""report.html: what was dropped and why, with thumbnails, in one file that needs nothing else."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from train.prepare import choose
from train.prepare.choose import Choice, Drop
from train.prepare.look import Look
from train.prepare.options import SPLITS
from train.prepare.write import write as write_file

SHOWN = 120  # pictures a reason; with two thumbnails of 4 KB each the page stays under 10 MB
HEIGHT = 96  # of a thumbnail on the page

EXPLAINED = {
    choose.UNREADABLE: "Files that are no pictures, are damaged, or are beyond the limits on size.",
    choose.TOO_SMALL: "Their shorter side has fewer pixels than --min-side.",
    choose.NEAR_GRAY_REASON: "They have hardly any chroma, so that no colour can be learned. --keep-gray keeps them.",
    choose.TONED: "Black-and-white photos in one tint, such as sepia. --keep-gray keeps them.",
    choose.EXACT: "The same file or the same pixels as the picture beside it, which is kept.",
    choose.NEAR: "The picture beside it, which is kept, resized, re-encoded, mirrored, cropped or retouched. "
    "Other shots of one sitting are kept, on one side of the split.",
    choose.OUTLIER: "Colours far from those of all other pictures: stage light, colour casts, drawings.",
    choose.CONFLICT: "Copies of one picture, or rows of one name, with different labels. None is believed; "
    "the picture is kept without a label.",
    choose.OUTSIDE: "Labels that the vocabulary lacks. The picture is kept without one; --map says what a label means.",
    choose.AMBIGUOUS: "A row whose file name several pictures have. They are kept without a label.",
    choose.MISSING: "Rows of the labels whose picture is not in the source.",
}
_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write(
    path: Path, summary: dict[str, Any], choice: Choice, looks: Sequence[Look], names: Sequence[str]
) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        summary: what prepare.json holds.
        choice: what was decided.
        looks: what was measured, for the thumbnails.
        names: what people call each picture.
    """
    kept = set(choice.kept)
    sections = []
    for reason, text in EXPLAINED.items():
        drops = sorted(
            (drop for drop in choice.drops if drop.reason == reason),
            key=lambda drop: (names[drop.item] if drop.item >= 0 else drop.name, drop.detail),
        )
        if drops:
            shown = [_entry(drop, looks, names) for drop in _spread(drops)]
            sections.append(
                {
                    "reason": reason,
                    "id": reason.replace(" ", "-"),
                    "text": text,
                    "count": len(drops),
                    "entries": shown,
                    "more": len(drops) - len(shown),
                    "is_picture": reason in choose.PICTURE_REASONS,
                }
            )
    groups = sorted(
        {label for split in SPLITS for label in summary["splits"][split]}, key=lambda w: (not w, w)
    )
    page = _environment.get_template("report.html.jinja").render(
        summary=summary,
        sections=sections,
        groups=groups,
        splits=SPLITS,
        dropped=summary["pictures"] - len(kept),
    )
    write_file(path, page)


def _spread(drops: list[Drop]) -> list[Drop]:
    """At most SHOWN, evenly from all."""
    if len(drops) <= SHOWN:
        return drops
    return [drops[k * len(drops) // SHOWN] for k in range(SHOWN)]


def _entry(drop: Drop, looks: Sequence[Look], names: Sequence[str]) -> dict[str, Any]:
    pictures = [
        {
            "name": names[i],
            "url": _url(looks[i]),
            "width": max(24, min(3 * HEIGHT, round(HEIGHT * looks[i].width / looks[i].height))),
        }
        for i in (drop.item, drop.twin)
        if i >= 0 and looks[i].thumbnail
    ]
    name = names[drop.item] if drop.item >= 0 else drop.name
    twin = names[drop.twin] if drop.twin >= 0 else ""
    return {"name": name, "detail": drop.detail, "twin": twin, "pictures": pictures}


def _url(found: Look) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(found.thumbnail).decode("ascii")
