"""What the section "New run" shows: what is in a dataset, what is expected or wrong. HTML; all is escaped here."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from colorizer.groups import GROUPS
from train.dataset_work import Making
from train.datasets import SPLITS, Facts
from train.jobs import choices
from train.jobs.engine import Problem
from train.jobs.estimate import Estimate, duration
from train.pictures import short_name
from train.recipe import Recipe
from train.thumbnails import SIDE, Thumbnail

INTRO = "<p>What it learns, from which pictures, for how long, and where. What you leave alone is the recipe’s own.</p>"
TITLES = {"train": "train", "val": "validate", "test": "test"}
PHASES = {
    "writing": "Writing the labelled pictures",
    "fetching": "Fetching from the Hub",
    "preparing": "Looking at the pictures, leaving out copies and what can’t be used",
    "faces": "Looking for faces",
}
FEW_TO_VALIDATE = 20
# So many of the reasons and labels are listed one by one.
_LISTED = 12
NO_LABEL = "no label"


def said(sentence: str, kind: str = "") -> str:
    """One paragraph, or nothing of an empty sentence."""
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{escape(sentence)}</p>" if sentence else ""


def facts(found: Facts, shown: Sequence[Thumbnail], task: str) -> str:
    """A dataset: a table of pictures a group and split, thumbnails, what was dropped, what to know of it.

    Args:
        task: of the chosen recipe; a classifier wants other things of a dataset than a colorizer.
    """
    if found.unreadable:
        return said(found.unreadable, "wrong")
    return (
        '<div class="dataset-facts">'
        + _table(found)
        + _pictures(shown)
        + _dropped(found)
        + "".join(said(sentence, "caution") for sentence in cautions(found, task))
        + "</div>"
    )


def _table(found: Facts) -> str:
    splits = [split for split in SPLITS if split in found.counts]
    labels = [*found.groups, *([""] if any("" in counts for counts in found.counts.values()) else [])]
    head = "".join(f'<th scope="col">{TITLES[split]}</th>' for split in splits)
    rows = [
        f'<tr><th scope="row">{escape(label) or NO_LABEL}</th>'
        + "".join(f"<td>{found.counts[split].get(label, 0):,}</td>" for split in splits)
        + "</tr>"
        for label in labels
    ]
    total = "".join(f"<td>{found.pictures(split):,}</td>" for split in splits)
    return (
        '<table class="counts"><caption>Pictures a group</caption>'
        f'<thead><tr><th scope="col">group</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody>'
        f'<tfoot><tr><th scope="row">all</th>{total}</tr></tfoot></table>'
    )


def _pictures(shown: Sequence[Thumbnail]) -> str:
    if not shown:
        return ""
    groups: dict[str, list[Thumbnail]] = defaultdict(list)
    for one in shown:
        groups[one.label].append(one)
    figures = "".join(
        "<figure>"
        + "".join(f'<img src="{escape(one.uri)}" alt="" width={SIDE} height={SIDE}>' for one in few)
        + f"<figcaption>{escape(label) or NO_LABEL}</figcaption></figure>"
        for label, few in groups.items()
    )
    return f'<div class="thumbnails" role="group" aria-label="Some training pictures of each group">{figures}</div>'


def _dropped(found: Facts) -> str:
    if found.looked_at is None:
        return ""
    kept = sum(found.pictures(split) for split in SPLITS) + found.missing
    many = sorted(found.reasons.items(), key=lambda pair: -pair[1])
    if not many:
        return said(f"Prepared from {found.looked_at:,} pictures; nothing was dropped.", "quiet")
    lines = "".join(f"<li>{count:,} {escape(reason)}</li>" for reason, count in many[:_LISTED])
    return (
        f"<details class=dropped><summary>Prepared from {found.looked_at:,} pictures, {kept:,} kept; what was dropped"
        f"</summary><ul>{lines}</ul></details>"
    )


def cautions(found: Facts, task: str) -> list[str]:
    """What had better be known of a dataset, though it can be trained on."""
    sentences = []
    if found.missing:
        sentences.append(f"{found.missing:,} pictures that its tables name are not there.")
    if found.outside:
        sentences.append(f"Its tables name pictures outside its folder, such as {found.outside[0][:60]!r}.")
    strange = [label for label in found.groups if label not in GROUPS]
    if strange:
        named = ", ".join(strange[:_LISTED])
        sentences.append(
            f"{named}: none of the six groups that networks tell apart; these pictures teach colour, and no group."
        )
    if task != "classify" and found.pictures("train") and not found.labelled("train"):
        sentences.append(
            "No picture has a label: a model learns colours from it, and nothing of people’s groups."
        )
    if 0 < found.pictures("val") < FEW_TO_VALIDATE:
        sentences.append(
            f"Validated with {found.pictures('val'):,} pictures only: scores will say little; label more when you can."
        )
    return sentences


def own_pictures(own: Recipe) -> str:
    """Which pictures a recipe takes by itself."""
    names = dict.fromkeys(short_name(source.images) for source in own.data)
    return said(f"The recipe’s own pictures: {', '.join(names)}.", "quiet")


def labelled(counts: Mapping[str, int]) -> str:
    """What the Label tab has."""
    if not counts:
        return said("Nothing is labelled yet. Label some photos in the Label tab, and come back.", "quiet")
    total = sum(counts.values())
    many = ", ".join(f"{label} {count:,}" for label, count in list(counts.items())[:_LISTED])
    return said(f"{total:,} labelled pictures: {many}.")


def making(now: Making | None) -> str:
    """How a dataset that is made stands."""
    if now is None:
        return ""
    if now.is_working:
        title = f"{PHASES[now.phase]}: {now.name}"
        values = f'value="{now.done}" max="{now.total}" ' if now.total else ""
        count = (
            f" ({now.done:,} of {now.total:,})" if now.total else f" ({now.sentence})" if now.sentence else ""
        )
        return f'<p>{escape(title + count)}…</p><progress {values}aria-label="{escape(title)}"></progress>'
    if now.phase == "done":
        return said(f"The dataset {now.dataset} is there: {now.sentence}", "good")
    return said(f"{now.name}: {now.sentence}", "wrong" if now.phase == "failed" else "caution")


def hints(own: Recipe) -> dict[str, str]:
    """Field -> what it means when it is left empty."""
    length = [f"{own.steps:,} steps"] if own.steps else [f"{own.epochs:g} passes over the pictures"]
    length += [f"at most {duration(60 * own.minutes)}"] if own.minutes else []
    sizes = sorted(set(own.sizes))
    size = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
    stopping = own.early_stopping
    start = f"the weights {own.start_from.stem}" if own.start_from else "random numbers"
    bounds = choices.of(own)
    return {
        "length": f"The recipe’s: {', '.join(length)}.",
        "batch": f"Pictures a step. The recipe’s: {own.batch}.",
        "rate": f"The recipe’s: {own.optimizer.lr:g}; from {bounds['rate'].low:g} to {bounds['rate'].high:g}.",
        "size": f"Side in pixels. The recipe’s: {size}.",
        "augment": "What is done to pictures at random, so that few teach more.",
        "stopping": "Validations without a better score until it ends by itself; 0 for never. The recipe’s: "
        + (f"{stopping.patience}." if stopping else "0."),
        "start": f"The recipe’s: {start}.",
        "name": "Small letters, digits and . _ - ; empty for one that says what it is.",
        "overrides": "Whatever else a recipe holds: key=value, a line each.",
        "memory_gb": "In GB; 0 for the cluster’s default.",
        "minutes": "In minutes. After that Slurm goes on from the checkpoint, and the Hub ends it.",
    }


def card(expected: Estimate, wrong: Sequence[Problem]) -> str:
    """What is expected of a run, or what keeps it from starting."""
    if wrong:
        return problems(wrong)
    return said(expected.words, "estimate") + said("Nothing keeps it from starting.", "good")


def problems(wrong: Iterable[Problem]) -> str:
    """All that is wrong, each with its field."""
    lines = "".join(
        f"<li><strong>{escape(FIELDS.get(one.field, one.field))}</strong><span>{escape(one.sentence)}</span></li>"
        for one in wrong
    )
    return (
        f'<div class="problems" role="alert"><p>Before it can start:</p><ul>{lines}</ul></div>'
        if lines
        else ""
    )


def started(run: str) -> str:
    """That it has begun."""
    return f'<p class="good">The run <strong>{escape(run)}</strong> is ordered; see it under “Runs”.</p>'


FIELDS = {
    "recipe": "Recipe",
    "dataset": "Dataset",
    "name": "Name",
    "start": "Start from",
    "epochs": "How long",
    "batch": "Batch",
    "rate": "Learning rate",
    "size": "Image size",
    "augment": "Augmentation",
    "stopping": "Early stopping",
    "overrides": "Further overrides",
    "engine": "Engine",
    "device": "Device",
    "partition": "Partition",
    "account": "Account",
    "gpus": "GPUs a node",
    "nodes": "Nodes",
    "tasks": "Processes a node",
    "cpus": "Cores a process",
    "memory_gb": "Memory a node",
    "minutes": "Time limit",
    "flavor": "Hardware",
    "token": "Token",
    "disk": "Disk",
}
"""Field -> what it is called on the page."""
