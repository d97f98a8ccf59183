"""The tables of the models of the literature, as Markdown: what each is and costs, how well it does, photo by photo."""

from collections.abc import Sequence
from typing import Any

from train.report import cell, details, table
from train.reporting import literature_claims as claims
from train.reporting.models import BASELINES

UNTRAINED, UNMEASURED, NONE = "not trained", "not measured", "–"
# Columns of quality: metric, heading, decimals, which is best ("" where neither direction is).
QUALITY = (
    ("psnr", "PSNR, dB ↑", 2, "high"),
    ("ssim", "SSIM ↑", 3, "high"),
    ("lpips", "LPIPS ↓", 3, "low"),
    ("colorfulness", "colorfulness", 1, ""),
    ("delta_colorfulness", "Δ colorfulness → 0", 1, "near zero"),
    ("within_10", "within 10 ↑", 3, "high"),
    ("skin_delta_e", "skin ΔE ↓", 2, "low"),
    ("fairness", "fairness → 1", 2, "low"),
)
# The photo-by-photo comparison: metric, heading, decimals, which is best.
PER_IMAGE = (("psnr", "PSNR, dB", 2, "high"), ("ssim", "SSIM", 3, "high"), ("lpips", "LPIPS", 3, "low"))
TO, AGAINST = "ethnicity-aware", "zhang-eccv16"


# ---- What they are and what they cost.


def costs(content: dict[str, Any], is_long: bool) -> str:
    costs = content["costs"].get("models", {})
    columns = [
        [model["parameters"] / 1e6 for model in content["models"]],
        [costs.get(model["name"], {}).get("gflops") for model in content["models"]],
        [costs.get(model["name"], {}).get("seconds") for model in content["models"]],
    ]
    parameters, flops, seconds = (
        _marked(values, digits, "low") for values, digits in zip(columns, (1, 1, 3), strict=True)
    )
    rows = []
    for i, model in enumerate(content["models"]):
        cost = costs.get(model["name"])
        spread = (
            f" <sub>{cost['fastest']:.3f} to {cost['slowest']:.3f}</sub>"
            if is_long and cost is not None
            else ""
        )
        budget = model["budget"] if model["is_trained"] else f"{UNTRAINED}: `{model['how']}`"
        names = [f"`{model['name']}`", model["source"], model["start"], budget]
        rows.append([*names, parameters[i], flops[i], seconds[i] + spread])
    head = ["model", "source", "encoder start", "training budget", "parameters, M", "GFLOPs", "seconds"]
    return "\n\n".join([table(head, rows, text_columns=4), _cost_note(content["costs"])])


def _cost_note(costs: dict[str, Any]) -> str:
    if not costs:
        return "GFLOPs and seconds were not measured yet."
    return (
        "GFLOPs (multiplications and additions of convolutions and matrix products, each counted) and seconds are the "
        "network's alone, configured as its weights say (or its recipe, where it isn't trained), "
        f"at {costs['side']}x{costs['side']}: median of {costs['rounds']} rounds in which all networks "
        f"take turns, {costs['threads']} threads{_crowd(costs)}, {costs['machine']}, {costs['date']}"
        + (f", load {costs['load']:.1f} when it began." if costs["load"] > 0.5 else ".")
    )


def _crowd(costs: dict[str, Any]) -> str:
    """A warning where there were more threads than cores."""
    return (
        f" on only {costs['cores']} of its cores (so too long)" if costs["cores"] < costs["threads"] else ""
    )


def about(content: dict[str, Any]) -> str:
    return "\n".join(f"- `{model['name']}`: {model['about']}" for model in content["models"])


# ---- How well they do.


def quality(content: dict[str, Any], key: str, is_long: bool) -> list[str]:
    """Opening, table and remarks on one set; a sentence where it was not measured."""
    found = content["sets"].get(key)
    if found is None:
        return [f"The set {key} was not measured yet."]
    scores = found["models"]
    order = [model["name"] for model in content["models"]]
    columns = [column for column in QUALITY if any(one[column[0]] is not None for one in scores.values())]
    marked = {
        metric: dict(
            zip(
                order, _marked([_mean(scores.get(name), metric) for name in order], digits, best), strict=True
            )
        )
        for metric, _, digits, best in columns
    }
    rows = [_baseline(name, scores[name], columns, is_long) for name in BASELINES]
    for model in content["models"]:
        name = model["name"]
        if name not in scores:
            why = UNMEASURED if model["is_trained"] else UNTRAINED
            rows.append([f"`{name}`", why, *[NONE] * (len(columns) - 1)])
            continue
        cells = [marked[m][name] + _spread(scores[name][m], d, is_long) for m, _, d, _ in columns]
        rows.append([f"`{name}`", *cells])
    head = ["model", *(heading for _, heading, _, _ in columns)]
    title = (
        f"`{found['data']}` ({found['title']})"
        if found["title"] not in found["data"]
        else f"`{found['data']}`"
    )
    opening = f"**{found['measured']:,} photos of {title}**" + (
        ", mean and, small, its 95 % bootstrap interval:" if is_long else ":"
    )
    parts = [opening, table(head, rows)]
    if all(one["fairness"] is None for one in scores.values()):
        parts.append(f"These photos have no labels, so there is no *fairness* of {found['title']}.")
    return parts


def _baseline(
    name: str, scores: dict[str, Any], columns: Sequence[tuple[str, str, int, str]], is_long: bool
) -> list[str]:
    cells = []
    for metric, _, digits, _ in columns:
        value = _mean(scores, metric)
        text = NONE if value is None else _number(value, digits)
        cells.append(text + _spread(scores[metric], digits, is_long))
    return [f"*{name}*", *cells]


def _mean(scores: dict[str, Any] | None, metric: str) -> float | None:
    if scores is None or scores[metric] is None:
        return None
    value = scores[metric]["mean"] if isinstance(scores[metric], dict) else scores[metric]
    return float(value)


def _spread(mean: dict[str, Any] | float | None, digits: int, is_long: bool) -> str:
    if not is_long or not isinstance(mean, dict):
        return ""
    return cell(mean, digits).partition(" ")[1] + cell(mean, digits).partition(" ")[2]


def _marked(values: Sequence[float | None], digits: int, best: str) -> list[str]:
    """Numbers as text, the best of them bold; those that read the same are equally good."""
    texts = [NONE if value is None else _number(value, digits) for value in values]
    known = [value for value in values if value is not None]
    if not best or len(known) < 2:
        return texts
    target = {"high": max(known), "low": min(known), "near zero": min(known, key=abs)}[best]
    shown = _number(target, digits).lstrip("-") if best == "near zero" else _number(target, digits)
    return [
        f"**{text}**" if (text.lstrip("-") if best == "near zero" else text) == shown else text
        for text in texts
    ]


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def lpips(content: dict[str, Any]) -> list[str]:
    missing = {found["lpips_missing"] for found in content["sets"].values() if found["lpips_missing"]}
    return [f"LPIPS is missing: {why}" for why in sorted(missing)]


def categories(content: dict[str, Any]) -> list[str]:
    """PSNR of the four checkpoints on each kind of photo; nothing where the other kinds were not measured."""
    kinds = [key for key in ("fairface", "portraits", "animals", "scenes") if key in content["sets"]]
    names = [model for model in content["models"] if model["name"].startswith("vgg16-autoencoder-")]
    if not set(kinds) - set(claims.PEOPLE):
        return []
    rows = [["*tint*", *(cell(content["sets"][key]["models"]["tint"]["psnr"], 2) for key in kinds)]]
    for model in names:
        cells = []
        for key in kinds:
            found = content["sets"][key]
            scores = found["models"].get(model["name"])
            mark = " †" if scores and found["data"] in model["trained_on"] else ""
            absent = UNMEASURED if model["is_trained"] else UNTRAINED
            cells.append(cell(scores["psnr"], 2) + mark if scores else absent)
        rows.append([f"`{model['name']}`", *cells])
    head = ["PSNR, dB, by what a checkpoint is shown", *(content["sets"][key]["title"] for key in kinds)]
    return [table(head, rows), "† trained on these very photos, so the figure flatters."]


# ---- Photo by photo.


def images(content: dict[str, Any], is_long: bool) -> list[str]:
    """The literature's shape: image, model, PSNR, SSIM, LPIPS, and the average; two models, or in the page all."""
    found = content["images"]
    if not found:
        return []
    title = content["sets"][found["set"]]["title"]
    rule = (
        f"{len(found['names'])} photos of {title}, evenly spaced among the {found['of']:,} measured ones by file name "
        "(the middle of each of as many equal parts of the sorted list):"
    )
    if AGAINST not in found["models"]:
        missing = f"`{AGAINST}` is not trained or not measured yet, so there is no comparison against it."
        return [missing] + ([rule, _per_image(found, list(found["models"]))] if is_long else [])
    two = _per_image(found, [TO, AGAINST])
    if not is_long:
        return [details(f"Photo by photo against {AGAINST}", f"{rule}\n\n{two}")]
    all_models = _per_image(found, list(found["models"]))
    return [
        f"`{TO}` against `{AGAINST}`. {rule}",
        two,
        details("The same photos with every model", all_models),
    ]


def _per_image(found: dict[str, Any], names: Sequence[str]) -> str:
    names = [name for name in names if name in found["models"]]
    columns = [
        column
        for column in PER_IMAGE
        if any(value is not None for name in names for value in found["models"][name][column[0]])
    ]
    rows = []
    for i, image in enumerate([*found["names"], "**average**"]):
        values = {
            metric: [_value(found["models"][name][metric], i) for name in names] for metric, *_ in columns
        }
        marked = {metric: _marked(values[metric], digits, best) for metric, _, digits, best in columns}
        for k, name in enumerate(names):
            shown = (image if image.startswith("**") else f"`{image}`") if k == 0 else ""
            rows.append([shown, name, *(marked[metric][k] for metric, *_ in columns)])
    return table(["image", "model", *(heading for _, heading, _, _ in columns)], rows, text_columns=2)


def _value(values: Sequence[float | None], i: int) -> float | None:
    """One photo's, or after the last one the average."""
    if i < len(values):
        return values[i]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
