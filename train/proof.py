"""What telling a colorizer the people's groups is worth, by group, with the light guessed and with the light known.

    python -m train proof --model default --data data/fairface --report reports/proof
    python -m train readme reports/proof --section proof

Every photo is painted under four conditions: none; predicted (the classifier's estimate); annotated (the label's
group); wrong (another group, drawn for each photo). Each with two lights: predicted, as the model thinks; true, told
the photo's mean a* and b*. What the two lights differ by is what nobody can know of a gray photo. Faces are found once
and kept in REPORT/faces.json.
"""

import argparse
import hashlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from colorizer import lab, metrics
from colorizer.batch import make_folder
from colorizer.errors import OptionError
from colorizer.groups import GROUPS
from colorizer.pipeline import Colorizer
from colorizer.steering import Steering
from train import intervals, numbers, pictures
from train import literature_station as station
from train.evaluate import FAIRFACE_TINT
from train.intervals import Mean
from train.literature_measure import faces_of, is_usable, problems
from train.measure import protocol_truth
from train.remembering import remember
from train.reporting import proof as reporting
from train.reporting.models import find

CONDITIONS = ("none", "predicted", "annotated", "wrong")
LIGHTS = ("predicted", "true")
NONE = CONDITIONS[0]
BASELINES = (("gray", ""), ("tint", "predicted"), ("tint", "true"))
"""What is no model's: no colour, the training set's mean ab, and the photo's own, which is the best single tint."""
METRICS = (
    "psnr",
    "skin_delta_e",
    "skin_ita_error",
    "skin_hue_error",
    "skin_bias_a",
    "skin_bias_b",
    "skin_bias_hue",
    "skin_bias_hue_of_mean",
)
SEED = 0
HUE_LIMIT = 2.0  # degrees; a group whose signed hue bias is larger is named
LEAST_CHROMA = 1.0  # of a mean colour that has a hue to speak of


def wrong_group(name: str, label: str, seed: int = SEED) -> str:
    """One of GROUPS that is not `label`: each photo's own draw, which no other photo and no limit changes."""
    others = [group for group in GROUPS if group != label]
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return others[int.from_bytes(digest[:8], "big") % len(others)]


def choices(name: str, label: str) -> dict[str, str]:
    """Condition -> the choice that `Colorizer.paint` takes for it."""
    return {"none": "none", "predicted": "auto", "annotated": label, "wrong": wrong_group(name, label)}


def measure(name: str, label: str, content: bytes, known: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of one photo, in a process of `literature_station`: each baseline, and the model by condition and light."""
    truth = protocol_truth(content)
    colorizer = station.colorizer("model")
    remember(colorizer)
    portrait = station.portrait(metrics.gray(truth), known)
    reference = metrics.Truth(truth, portrait.faces)
    a, b = (float(mean) for mean in reference.lab[..., 1:].mean((0, 1), dtype=np.float64))
    told = choices(name, label)
    about = {"imageName": name, "group": label, "wrong": told["wrong"], "faces": len(portrait.faces)}
    rows = []

    def add(condition: str, light: str, painted: NDArray[np.uint8]) -> None:
        rows.append(about | {"condition": condition, "light": light} | compare(painted, reference))

    add("gray", "", metrics.gray(truth))
    add("tint", "predicted", metrics.tint(truth, FAIRFACE_TINT))
    add("tint", "true", metrics.tint(truth, (a, b)))
    for light in LIGHTS if colorizer.steerable else LIGHTS[:1]:
        steering = Steering(cast=(a, b)) if light == "true" else None
        for condition, choice in told.items():
            add(condition, light, _painted(colorizer, portrait, choice, steering))
    return rows


def _painted(
    colorizer: Colorizer, portrait: Any, choice: str, steering: Steering | None
) -> NDArray[np.uint8]:
    return np.asarray(colorizer.paint(portrait, ethnicity=choice, steering=steering).image)


def compare(painted: NDArray[np.uint8], reference: metrics.Truth) -> dict[str, float | None]:
    """METRICS of one picture, (256, 256, 3) uint8."""
    skin = reference.compare_skin(painted)
    found = {"psnr": metrics.psnr(painted, reference.rgb)} | skin
    return found | {"skin_bias_hue_of_mean": hue_of_mean(painted, reference)}


def hue_of_mean(painted: NDArray[np.uint8], reference: metrics.Truth) -> float | None:
    """Hue angle of the skin's mean colour minus that of the truth's, degrees; None where there is no skin or no hue.

    `skin_bias_hue` averages pixels, of which those with hardly any colour point anywhere; this one asks what colour the
    skin has as a whole.
    """
    if not reference.skin.any():
        return None
    pixels = lab.rgb_to_lab(painted[reference.skin][None])[0], reference.lab[reference.skin]  # (n, 3) each
    colours = [some[:, 1:].mean(0, dtype=np.float64) for some in pixels]
    if min(np.hypot(*colour) for colour in colours) < LEAST_CHROMA:
        return None
    predicted, true = (np.degrees(np.arctan2(b, a)) for a, b in colours)
    return float((predicted - true + 180) % 360 - 180)


def summarize(results: pd.DataFrame) -> dict[str, Any]:
    """Means by condition, light and group.

    Args:
        results: one row a photo, a condition and a light, as `measure` returns them.

    Returns:
        measured, without_face (photos); rows: a list of {"condition", "light", "all": as `intervals.means`, "groups":
        {group: likewise}, "skin_delta_e": its mean over the groups, "fairness": likewise, "worst_hue": the group with
        the largest signed hue bias}; and against_none: a list of {"condition", "light", "all", "groups"}, photo by
        photo the metrics minus those of the condition none in the same light, but for the biases.
    """
    rows = [
        {"condition": condition, "light": light} | _of_row(part)
        for (condition, light), part in results.groupby(["condition", "light"], sort=False)
    ]
    without = results.groupby("imageName")["faces"].first() == 0
    return {
        "measured": int(results["imageName"].nunique()),
        "without_face": int(without.sum()),
        "rows": rows,
        "against_none": [
            {"condition": condition, "light": light} | _means(part, ERRORS)
            for (condition, light), part in differences(results).groupby(["condition", "light"], sort=False)
        ],
    }


ERRORS = tuple(metric for metric in METRICS if "bias" not in metric)


def differences(results: pd.DataFrame) -> pd.DataFrame:
    """ERRORS of each condition minus those of none in the same light: imageName, group, condition, light and ERRORS."""
    is_other = results["condition"].isin(CONDITIONS) & (results["condition"] != NONE)
    others = results[is_other].reset_index(drop=True)
    base = results[results["condition"] == NONE].set_index(["imageName", "light"])[list(ERRORS)]
    theirs = base.loc[pd.MultiIndex.from_frame(others[["imageName", "light"]])].to_numpy(np.float64)
    values = others[list(ERRORS)].to_numpy(np.float64) - theirs
    about = others[["imageName", "group", "condition", "light"]]
    return pd.concat([about, pd.DataFrame(values, columns=list(ERRORS))], axis=1)


def _of_row(part: pd.DataFrame) -> dict[str, Any]:
    found = _means(part, METRICS)
    groups = found["groups"]
    turned = {name: means["skin_bias_hue"] for name, means in groups.items() if means["skin_bias_hue"]}
    worst = max(turned, key=lambda name: abs(turned[name]["mean"])) if turned else None
    return found | {
        "skin_delta_e": intervals.over_groups(part, "skin_delta_e", GROUPS, intervals.mean_over),
        "fairness": intervals.over_groups(part, "skin_delta_e", GROUPS, intervals.worst_over_best),
        "worst_hue": worst,
    }


def _means(part: pd.DataFrame, columns: Sequence[str]) -> dict[str, Any]:
    groups: dict[str, dict[str, Mean | None]] = {
        group: intervals.means(rows, columns) for group in GROUPS if len(rows := part[part["group"] == group])
    }
    return {"all": intervals.means(part, columns), "groups": groups}


def make(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, and write the report; what summary.json holds.

    Raises:
        OptionError: no photo has a label in GROUPS and can be measured, or an argument is not allowed.
        ModelError: the model can't be loaded.
    """
    numbers.check(args)
    (model,) = find([args.model])
    found = pictures.find(args.data, args.labels, args.split)
    labelled = found.table["ethnicity"].isin(GROUPS)
    found = pictures.only(found, found.table[labelled].head(args.limit or len(found.table)))
    jobs = min(args.jobs or os.cpu_count() or 1, max(1, len(found.table)))
    make_folder(args.report)
    faces = faces_of(found, args.report, f"{found.source}: faces", jobs)
    arguments = ((*picture, faces[picture[0]]) for picture in found.read() if is_usable(faces, picture[0]))
    total = sum(is_usable(faces, name) for name in found.table["imageName"])
    rows: list[dict[str, Any]] = []
    for one in station.each(measure, arguments, total, "proof", jobs, ({"model": model.weights}, [])):
        rows += one
    near_gray = sum(known == station.NEAR_GRAY for known in faces.values())
    if not rows:
        raise OptionError(f"No labelled photo could be measured; {near_gray} are near-gray.")
    results = pd.DataFrame(rows).round(4)
    content = numbers.about(model.name, found.source) | {
        "unlabelled": int((~labelled).sum()),
        "near_gray": near_gray,
        "unreadable": problems(found, faces),
        "hue_limit": HUE_LIMIT,
        **summarize(results),
    }
    numbers.write(args.report, content, _tables(results, content), reporting.markdown(content))
    return content


def _tables(results: pd.DataFrame, content: dict[str, Any]) -> dict[str, pd.DataFrame]:
    keys = ("condition", "light", "group")

    def flat(rows: list[dict[str, Any]]) -> pd.DataFrame:
        by_group = {
            (row["condition"], row["light"], group): means
            for row in rows
            for group, means in ({"all": row["all"]} | row["groups"]).items()
        }
        return numbers.means_table(by_group, keys)

    return {"results": results, "means": flat(content["rows"]), "against": flat(content["against_none"])}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train proof`."""
    numbers.add_arguments(parser, "a dataset, a folder or a tar of pictures", device=False)
    numbers.add_labels(parser)
    parser.add_argument("--jobs", type=int, help="processes, each on one core (default: one a core)")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train proof`."""
    return numbers.run("proof", make, args)
