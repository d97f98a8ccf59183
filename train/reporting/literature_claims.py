"""What the literature claims, and what our figures say of it. A sentence's verdict is computed, never written by hand.

A claim is a list of parts, each "this model's metric is above that model's". A part holds on a set of photos when the
95 % interval of the paired difference lies wholly on its side, is contradicted when it lies wholly on the other, and is
open in between. The claim holds when all its parts do, does not when all are contradicted, and can't be told while one
is open, or while something that it speaks of is not here: a model, a borrowed encoder, people to ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from colorizer import literature
from colorizer.training_notes import UNKNOWN

OWN = "ethnicity-aware"
PEOPLE = ("fairface", "portraits")
LITTLE = 0.25  # dB either way that count as equal
LEADING = ("psnr", "skin_delta_e")
BUDGET = ("minutes", "pictures_seen")
UNEQUAL = 1.2  # budgets that differ by more than this factor are told
UNFAIR = 2.0  # pictures seen that differ by more than this: a difference may be that of the training's length
EXPERIMENTS = ("colors-200-a-class", "colors-400-a-class", "colors-1500-a-class")
UNITS = {
    "psnr": ("PSNR", 2, " dB"),
    "colorfulness": ("colorfulness", 1, ""),
    "skin_delta_e": ("skin ΔE", 2, ""),
}


@dataclass(frozen=True)
class Part:
    """First minus second, in one metric."""

    first: str
    second: str
    metric: str
    expected: str = "more"
    """"more": above 0; "equal": within LITTLE of 0."""
    sets: tuple[str, ...] = PEOPLE


@dataclass(frozen=True)
class Claim:
    """A sentence of the literature."""

    text: str
    parts: tuple[Part, ...]
    starts: dict[str, str] = field(default_factory=dict)
    """Model -> the borrowed encoder without which the claim speaks of something else."""
    wants_equal: bool = True
    """Whether it can only be told of models that saw about as many pictures."""
    unasked: str = ""
    """What would have to be known besides, and can't be here."""
    remark: str = ""
    """What a reader of the figures should have in mind."""


CATEGORIES = ("animals", "scenes")
CLAIMS = (
    Claim(
        "VGGFace's features beat Inception's and VGG-19's in error, but VGG-19's are more colourful",
        (
            Part("fusion-vggface", "fusion-inception-resnet", "psnr"),
            Part("fusion-vggface", "fusion-vgg19", "psnr"),
            Part("fusion-vgg19", "fusion-vggface", "colorfulness"),
        ),
        {
            "fusion-vggface": "VGGFace2",
            "fusion-inception-resnet": "ImageNet",
            "fusion-vgg19": "ImageNet",
        },
    ),
    Claim(
        "A VGG-19 in parallel is preferred to the plain U-Net at equal loss",
        (Part("uvgg", "unet", "psnr", "equal"),),
        {"uvgg": "ImageNet"},
        unasked="which of the two people prefer was not asked here",
    ),
    Claim(
        "The GAN is more vivid than L2, at little gain in error",
        (
            Part("resnet50-gan", "resnet50-cnn", "colorfulness"),
            Part("resnet50-gan", "resnet50-cnn", "psnr", "equal"),  # much worse is no "little" either
        ),
        wants_equal=False,  # the one goes on from the other
        remark="`resnet50-gan` goes on from `resnet50-cnn`, so its training comes on top of that one's",
    ),
    Claim(
        "Models trained on one category colour others wrongly",
        (
            *(Part("vgg16-autoencoder-people", f"vgg16-autoencoder-{other}", "psnr") for other in CATEGORIES),
            *(
                Part(f"vgg16-autoencoder-{own}", "vgg16-autoencoder-people", "psnr", sets=(own,))
                for own in CATEGORIES
            ),
        ),
    ),
)


@dataclass(frozen=True)
class Verdict:
    """What came out."""

    word: str
    """"holds", "does not hold", "holds in part" or "can't be told"."""
    reasons: tuple[str, ...]
    """Why it can't be told; empty where it can."""
    figures: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    """What a reader should have in mind: budgets that differ, photos that were trained on."""


def pair(first: str, second: str) -> str:
    """What a difference is called."""
    return f"{first} − {second}"


def pairs(key: str) -> list[tuple[str, str]]:
    """The pairs of models whose difference on a set of photos some sentence needs, each once."""
    wanted = [(part.first, part.second) for claim in CLAIMS for part in claim.parts if key in part.sets]
    if key in PEOPLE:
        wanted += [(OWN, model.name) for model in literature.MODELS if model.name != OWN]
    return list(dict.fromkeys(wanted))


def judge(claim: Claim, content: dict[str, Any]) -> Verdict:
    """A claim against the figures of `literature.collect`."""
    models = {model["name"]: model for model in content["models"]}
    named = list(dict.fromkeys(name for part in claim.parts for name in (part.first, part.second)))
    reasons, outcomes, figures, remarks = [], [], [], []
    for part in claim.parts:
        for key in part.sets:
            mean = _difference(content, part, key)
            if mean is None:
                continue
            figures.append(_figure(content, part, key, mean))
            if told := _trained_on(content, models, part, key):
                remarks.append(told)
            else:
                outcomes.append((part, outcome(mean, part.expected)))
    untrained = [name for name in named if not models[name]["is_trained"]]
    if untrained:
        reasons.append(f"{_listed(untrained)} {_is(untrained)} not trained")
    elif any(all(_difference(content, part, key) is None for key in part.sets) for part in claim.parts):
        reasons.append("not all of these models were measured yet")
    reasons += _other_starts(claim, models)
    seen = [models[name]["pictures_seen"] for name in named if models[name]["pictures_seen"]]
    if claim.wants_equal and seen and max(seen) > UNFAIR * min(seen):
        reasons.append(
            f"they saw {min(seen):,} to {max(seen):,} pictures, so a difference may be that of the training's length"
        )
    if claim.unasked:
        reasons.append(claim.unasked)
    found = {one for _, one in outcomes}
    if not reasons and "open" in found:
        reasons.append("an interval reaches over the limit")
    if reasons or not found:
        word = "can't be told"
    elif found == {"holds"}:
        word = "holds"
    else:
        word = "does not hold" if found == {"contradicted"} else "holds in part"
    remarks += [claim.remark] * bool(claim.remark) + _budgets([models[name] for name in named])
    return Verdict(word, tuple(reasons), tuple(figures), tuple(dict.fromkeys(remarks)))


def _other_starts(claim: Claim, models: dict[str, Any]) -> list[str]:
    """Which models did not start from the encoder that the claim speaks of, a sentence for each start they had."""
    found: dict[str, list[str]] = {}
    for name, wanted in claim.starts.items():
        if models[name]["is_trained"] and models[name]["start"] != wanted:
            found.setdefault(models[name]["start"], []).append(name)
    return [
        f"the encoder{'s' * (len(names) > 1)} of {_listed(names)} started from "
        f"{'what nobody noted' if start == UNKNOWN else start} here, not from "
        f"{_listed(list(dict.fromkeys(claim.starts[name] for name in names)))}"
        for start, names in found.items()
    ]


def outcome(mean: dict[str, float], expected: str) -> str:
    """ "holds", "contradicted" or "open", by where the interval of a difference lies."""
    low, high = mean["low"], mean["high"]
    if expected == "equal":
        if low >= -LITTLE and high <= LITTLE:
            return "holds"
        return "contradicted" if low > LITTLE or high < -LITTLE else "open"
    return "holds" if low > 0 else "contradicted" if high < 0 else "open"


def experiments(content: dict[str, Any]) -> list[tuple[str, Verdict]]:
    """The claims that docs/experiments.md has figures of, and what these say."""
    sizes, tuned = content["experiments"]["sizes"], content["experiments"]["finetuning"]
    few = Verdict("can't be told", ("docs/experiments.md has no figures of it",), ())
    more_data = tuning = few
    if len(sizes) == len(EXPERIMENTS):
        means = [size["mean"] for size in sizes]
        is_rising = means == sorted(means) and means[0] < means[-1]
        figure = ", ".join(
            f"{size['mean']:.2f} dB ({size['low']:.2f} to {size['high']:.2f}) with `{size['name']}`"
            for size in sizes
        )
        first, last = sizes[0], sizes[-1]
        if last["low"] > first["high"]:
            more_data = Verdict("holds", (), (figure,))
        elif last["high"] < first["low"]:
            more_data = Verdict("does not hold", (), (figure,))
        else:
            direction = "the means rise" if is_rising else "the means don't rise"
            more_data = Verdict("can't be told", (f"{direction}, but within the intervals",), (figure,))
    if tuned:
        gain = tuned["after"] - tuned["before"]
        figure = f"{tuned['before']:.2f} dB before, {tuned['after']:.2f} dB after ({gain:+.2f} dB)"
        tuning = Verdict("can't be told", ("it is one run, and no interval was kept",), (figure,))
    return [("More data raise PSNR", more_data), ("Fine-tuning raises PSNR", tuning)]


def leaders(content: dict[str, Any]) -> list[str]:
    """Who leads in what, and by how much, a sentence for each set and metric."""
    lines = []
    for key in PEOPLE:
        scores = content["sets"].get(key, {"models": {}})["models"]
        for metric in LEADING:
            known = {
                model["name"]: scores[model["name"]][metric]["mean"]
                for model in content["models"]
                if model["name"] in scores and scores[model["name"]][metric] is not None
            }
            if OWN in known and len(known) > 1:
                lines.append(_leader(content, key, metric, known))
    return lines


def _leader(content: dict[str, Any], key: str, metric: str, known: dict[str, float]) -> str:
    title, (label, digits, unit) = content["sets"][key]["title"], UNITS[metric]
    is_more = metric == "psnr"
    order = sorted(known, key=lambda name: known[name], reverse=is_more)
    other = next(name for name in order if name != OWN)
    mean = content["differences"][key][pair(OWN, other)][metric]
    ours = f"{label} {known[OWN]:.{digits}f}{unit}, {_interval(mean, digits, unit)} against `{other}`"
    side = outcome(mean, "more")
    is_clear = side == ("holds" if is_more else "contradicted")
    is_behind = side == ("contradicted" if is_more else "holds")
    word = "leads" if is_clear else "does not lead" if is_behind else "is level with the best"
    place = f" (place {order.index(OWN) + 1} of {len(order)})" if is_behind else ""
    return f"`{OWN}` {word} on {title}{place}: {ours}."


def _difference(content: dict[str, Any], part: Part, key: str) -> dict[str, float] | None:
    found = content["differences"].get(key, {}).get(pair(part.first, part.second))
    mean: dict[str, float] | None = found and found[part.metric]
    return mean


def _figure(content: dict[str, Any], part: Part, key: str, mean: dict[str, float]) -> str:
    label, digits, unit = UNITS[part.metric]
    return (
        f"{content['sets'][key]['title']}: {label} of `{part.first}` is {_interval(mean, digits, unit)} against "
        f"`{part.second}`"
    )


def _interval(mean: dict[str, float], digits: int, unit: str) -> str:
    low, high = f"{mean['low']:+.{digits}f}", f"{mean['high']:+.{digits}f}"
    return f"{mean['mean']:+.{digits}f}{unit} ({low} to {high})"


def _trained_on(content: dict[str, Any], models: dict[str, Any], part: Part, key: str) -> str:
    """Whether one of the two was trained on these very photos, in words; then the figure decides nothing."""
    data = content["sets"][key]["data"]
    seen = [name for name in (part.first, part.second) if data in models[name]["trained_on"]]
    return (
        f"`{_listed(seen)}` was trained on the {key} that it is measured on, so these decide nothing"
        if seen
        else ""
    )


def _budgets(models: Sequence[dict[str, Any]]) -> list[str]:
    """What each of these models had, where it was not the same for all."""
    known = [model for model in models if model["minutes"] and model["pictures_seen"]]
    if len(known) < 2 or not any(_are_unequal([model[key] for model in known]) for key in BUDGET):
        return []
    told = [
        f"`{model['name']}` {model['minutes']:.0f} min, {model['pictures_seen']:,} pictures"
        for model in known
    ]
    return [f"budgets differ: {'; '.join(told)}"]


def _are_unequal(values: Sequence[float]) -> bool:
    return max(values) > UNEQUAL * min(values)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
