"""The Markdown of `python -m train bodies`."""

from collections.abc import Mapping
from typing import Any

from train import numbers
from train.report import cell, listed, table

COLUMNS = (
    ("psnr", "PSNR, dB ↑", 2),
    ("skin_delta_e", "all skin ΔE ↓", 2),
    ("face_delta_e", "face skin ΔE ↓", 2),
    ("other_delta_e", "other skin ΔE ↓", 2),
    ("hair_delta_e", "hair ΔE ↓", 2),
)
STEPS = (
    ("hue_step_size", "size, °", 1),
    ("true_hue_step_size", "size in the truth, °", 1),
    ("hue_step", "signed, °", 1),
    ("true_hue_step", "signed in the truth, °", 1),
    ("hue_step_error", "difference from the truth's ↓, °", 1),
)


def markdown(content: Mapping[str, Any]) -> str:
    """A report as GitHub Markdown.

    Args:
        content: what summary.json holds.
    """
    rows, steps = [], []
    for row in content["rows"]:
        means, name = row["means"], row["model"]
        without = "–" if row["without_face"] is None else str(row["without_face"])
        limbs = means["gray_limbs"]
        share = "–" if limbs is None else f"{limbs['mean']:.0%}"
        rows.append([name, row["input"], *(cell(means[key], n) for key, _, n in COLUMNS), share, without])
        if means["hue_step"] is not None:
            n = str(means["hue_step"]["n"])
            steps.append([name, row["input"], n, *(cell(means[key], digits) for key, _, digits in STEPS)])
    head = ["model", "input", *(heading for _, heading, _ in COLUMNS), "gray limbs ↓", "no face found"]
    parts = [
        f"{content['measured']} photos of `{content['data']}`, measured at 256x256: mean "
        "and, small, its 95 % bootstrap interval. *Protocol* paints the 256x256 picture, *full size* the photo as it "
        "is. *Other skin* lies outside 1.5 times the face's box; limbs are *gray* where it has less than half of the "
        "truth's chroma.",
        table(head, rows, text_columns=2),
        "Hue angle of the other skin's mean colour minus that of the face's:",
        table(["model", "input", "n", *(heading for _, heading, _ in STEPS)], steps, text_columns=2),
        f"Left out: {content['near_gray']} near-gray, {listed(content['unreadable'])} unreadable. "
        + numbers.provenance(content),
    ]
    return "\n\n".join(parts) + "\n"
