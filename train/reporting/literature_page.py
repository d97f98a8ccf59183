"""README's section on the models of the literature, and docs/literature.md, as Markdown, from what was collected.

short(content), long(content)           content as `train.reporting.literature.collect` returns it
"""

from typing import Any

from train.reporting import literature_claims as claims
from train.reporting import literature_tables as tables

SKELETON = """\
# The portrait colorizers of the literature, measured by one protocol

<!-- literature:begin -->
<!-- literature:end -->
"""
PAGE = "docs/literature.md"


def short(content: dict[str, Any]) -> str:
    """README's section: what each model is and costs, quality on people without intervals, the claims."""
    parts = [_opening(content), tables.costs(content, is_long=False)]
    for key in claims.PEOPLE:
        parts += tables.quality(content, key, is_long=False)
    parts += [
        *tables.lpips(content),
        *_leading(content),
        _claims(content),
        *tables.images(content, is_long=False),
    ]
    return "\n\n".join(parts) + "\n"


def long(content: dict[str, Any]) -> str:
    """The whole of docs/literature.md: intervals, what each model is, all photos' figures, and how it was measured."""
    parts = [
        _opening(content),
        "## Models and what they cost",
        tables.costs(content, is_long=True),
        tables.about(content),
    ]
    for key in claims.PEOPLE:
        parts += [f"## {_capital(_title(content, key))}", *tables.quality(content, key, is_long=True)]
    parts += [*tables.lpips(content), *_leading(content)]
    parts += [
        "## What the literature claims, checked here",
        *_claims_long(content),
        *tables.categories(content),
    ]
    parts += [
        "## Photo by photo",
        *tables.images(content, is_long=True),
        "## How this was measured",
        _method(content),
    ]
    return "\n\n".join(parts) + "\n"


def _opening(content: dict[str, Any]) -> str:
    models = content["models"]
    trained = sum(model["is_trained"] for model in models)
    return (
        f"{trained} of {len(models)} models are trained. The best of each column is **bold**, baselines aside; *gray* "
        "leaves the photo gray, *tint* gives every pixel the training set's mean colour. Each network was trained "
        "once, on the budget in its row: this compares what such budgets give, not what the studies' training gives."
    )


def _title(content: dict[str, Any], key: str) -> str:
    found = content["sets"].get(key)
    return str(found["title"]) if found else key


def _leading(content: dict[str, Any]) -> list[str]:
    lines = claims.leaders(content)
    return ["\n".join(f"- {line}" for line in lines)] if lines else []


# ---- What the literature claims.


def _judged(content: dict[str, Any]) -> list[tuple[str, claims.Verdict]]:
    return [
        *((claim.text, claims.judge(claim, content)) for claim in claims.CLAIMS),
        *claims.experiments(content),
    ]


def _claims(content: dict[str, Any]) -> str:
    lines = [f"What the literature claims, checked here (all figures: [{PAGE}]({PAGE})):", ""]
    for text, verdict in _judged(content):
        is_unequal = any(remark.startswith("budgets differ") for remark in verdict.remarks)
        lines.append(
            f"- *{text}*: {_verdict(verdict)}{_first(verdict)}{' (budgets differ)' if is_unequal else ''}."
        )
    return "\n".join(lines)


def _first(verdict: claims.Verdict) -> str:
    """The figures of one line: on a single set where there are several, since the page has them all."""
    title = verdict.figures[0].partition(":")[0] if verdict.figures else ""
    chosen = [figure for figure in verdict.figures if figure.startswith(f"{title}:")]
    shown = [chosen[0], *(figure.partition(": ")[2] for figure in chosen[1:])] if chosen else verdict.figures
    return f". {_capital('; '.join(shown))}" if shown else ""


def _claims_long(content: dict[str, Any]) -> list[str]:
    parts = [
        "A claim is taken apart into differences between two models, photo by photo. It holds when every 95 % interval "
        "lies on the claim's side, does not hold when every one lies on the other, holds in part when they disagree, "
        f"and can't be told while one reaches over the limit (0, or {claims.LITTLE} dB to either side for “equal” and "
        "“little”) or while something that it speaks of is missing. One training run was made of each model: the "
        "intervals know of the photos, not of another run's luck."
    ]
    for text, verdict in _judged(content):
        lines = [f"**{text}.** {_capital(_verdict(verdict))}."]
        lines += [f"- {_capital(figure)}" for figure in verdict.figures]
        lines += [f"- ({remark})" for remark in verdict.remarks]
        parts.append("\n".join([lines[0], "", *lines[1:]]) if lines[1:] else lines[0])
    return parts


def _verdict(verdict: claims.Verdict) -> str:
    why = f": {'; '.join(verdict.reasons)}" if verdict.reasons else ""
    return f"**{verdict.word}**{why}"


def _capital(text: str) -> str:
    """The same with a capital, but for names of files and models, and for what is bold."""
    bold = "**" if text.startswith("**") else ""
    rest = text.removeprefix(bold)
    return bold + (
        rest[0].upper() + rest[1:] if rest[:1].isalpha() and "/" not in rest.partition(" ")[0] else rest
    )


# ---- How.


def _method(content: dict[str, Any]) -> str:
    lines = [
        "By the protocol of [ARCHITECTURE.md](../ARCHITECTURE.md): 256x256; the input is the truth's L, nothing else; "
        "near-gray photos left out. *Within 10* is the share of a and b values within 10 of the truth, *fairness* the "
        "worst group's skin ΔE over the best group's. Models that aren't told who is where ignore the estimate; "
        "`ethnicity-aware` uses its own (`auto`).",
        "",
    ]
    for found in content["sets"].values():
        a, b = found["tint"]
        tint = f"tint a {a:.2f}, b {b:.2f}"
        lines.append(
            f"- {found['title']}: {found['measured']:,} photos of `{found['data']}`"
            + (f" (the first {found['limit']} rows only)" if found["limit"] else "")
            + f", {found['near_gray']} near-gray left out; {tint}; {found['date']}, {found['machine']}."
        )
    lines += [
        "",
        "```sh",
        "python -m train literature fit --budget cpu     # or --budget full: as the studies, on a GPU",
        "python -m train literature measure",
        "python -m train literature table                # writes this page, README.md's section and literature.json",
        "```",
    ]
    return "\n".join(lines)
