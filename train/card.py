"""The model card beside a run's weights: what it is, what of, and how it does beside doing nothing.

atomic.write(folder / "mine.md", card(recipe, training, parameters=7_100_000, size=14_300_000))
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from kornia.color import lab_to_rgb
from torch import Tensor

from colorizer.groups import GROUPS
from train.data import UNKNOWN, Pictures
from train.recipe import Recipe

# Pictures whose mean colour is taken for that of all.
SAMPLE = 2000

USES = {
    "colorizer": """\
Believable colours for gray portraits of people. It is told, for every pixel, which group the person there was estimated
to look like (or what the user chose, or nothing). It is not for finding out what colours a scene had: a gray photo does
not say.""",
    "neutral colorizer": """\
Colours for gray portraits of people, to set beside other colorizers. It is not told who is in the picture. It is not
for finding out what colours a scene had: a gray photo does not say.""",
    "classifier": """\
Telling Rangin's colorizer what palette is likely for a face. **Do not use it to identify, sort, count or judge
people**: what it estimates is how a face looks to strangers, not who somebody is, and it is often wrong, for some
groups much more often than for others.""",
}
PLEASE_MIND = """\
Groups are *perceived* appearance, as the annotators of the pictures saw it. They are a few coarse words for a palette,
not facts about people. Show the estimate, let people change it or switch it off, and store nothing."""


def tint(sources: Iterable[Pictures]) -> tuple[float, float]:
    """Mean a* and b* of the training pictures (of a sample of each source, weighted by its share)."""
    total, weight = np.zeros(2), 0.0
    for source in sources:
        every = max(1, len(source) // SAMPLE)
        total += source.share * (source.lab[::every, ::8, ::8, 1:].mean((0, 1, 2)) - 128)
        weight += source.share
    a, b = total / max(weight, 1e-9)
    return float(a), float(b)


def color_baselines(batches: Iterable[Mapping[str, Tensor]], shade: tuple[float, float]) -> dict[str, float]:
    """Mean PSNR, dB over 8-bit RGB, of painting nothing, and of painting all in one tint.

    Args:
        batches: finished ones with "lab" (B, 3, s, s).
        shade: the tint's a* and b*.
    """
    scores: dict[str, list[Tensor]] = {"gray": [], "tint": []}
    for batch in batches:
        truth = lab_to_rgb(batch["lab"])
        for name, ab in (("gray", (0.0, 0.0)), ("tint", shade)):
            flat = batch["lab"].clone()
            flat[:, 1:] = torch.tensor(ab).view(2, 1, 1)
            error = (lab_to_rgb(flat) - truth).square().mean((1, 2, 3))
            scores[name].append(-10 * torch.log10(error))
    return {name: round(float(torch.cat(parts).mean()), 4) for name, parts in scores.items()}


def class_baselines(pictures: Pictures) -> dict[str, float]:
    """Accuracy of always naming the most frequent group, and of guessing."""
    labels = pictures.labels["ethnicity"]
    counts = np.bincount(labels[labels != UNKNOWN], minlength=len(GROUPS))
    most = counts.max() / max(counts.sum(), 1)
    return {"most frequent group": round(float(most), 4), "guessing": round(1 / len(GROUPS), 4)}


def card(recipe: Recipe, kind: str, training: Mapping[str, Any], parameters: int, size: int) -> str:
    """The card as Markdown, with the front matter that the Hugging Face Hub reads.

    Args:
        recipe: what was run.
        kind: "colorizer" or "classifier".
        training: what the weights' file says of its training (see `train.fit`).
        parameters: how many the network has.
        size: bytes of the weights' file.
    """
    pipeline = "image-to-image" if kind == "colorizer" else "image-classification"
    what = "gray portrait in, colours out" if kind == "colorizer" else "perceived group of a gray face"
    pictures = "\n".join(f"| {name} | {count:,} |" for name, count in training["pictures"].items())
    scores = "\n".join(f"| {name} | {value:.4f} |" for name, value in training["scores"].items())
    baselines = "\n".join(f"| {name} | {value:.4f} |" for name, value in training["baselines"].items())
    versions = ", ".join(f"{name} {number}" for name, number in training["versions"].items())
    # With the condition always dropped, a network has never heard of groups.
    use = "neutral colorizer" if kind == "colorizer" and recipe.drop_condition == 1 else kind
    measured = "PSNR in dB, beside val/psnr" if kind == "colorizer" else "accuracy, beside val/accuracy"
    return f"""\
---
library_name: rangin
pipeline_tag: {pipeline}
license: unknown
tags: [rangin, {recipe.task}, {recipe.network}]
---
# {recipe.name}: {what}

| | |
|---|---|
| file | `{recipe.name}.safetensors`, float16, {size / 1e6:.1f} MB, {parameters / 1e6:.1f} million parameters |
| network | `{recipe.network}` {dict(recipe.config) or ""} |
| task | {recipe.task} |
| training | {training["steps"]:,} steps of {recipe.batch} pictures in {training["minutes"]} minutes |
| weights | those of step {training["best_step"]:,}, which validated best |
| on | {training["machine"]} |
| with | {versions}; Rangin {training["commit"]} |
| licence | not said yet: that of the pictures decides, and whoever publishes these weights |

## What it is for

{USES[use]}

## Trained on

| source | pictures |
|---|---:|
{pictures}

The whole recipe is inside the weights' file, and in `recipe.yaml` of the run.

## How it does

On the held-out pictures of the recipe at {recipe.validation_size} px, best of all validations, so a little flattering:

| score | value |
|---|---:|
{scores}

Doing nothing ({measured}):

| baseline | value |
|---|---:|
{baselines}

`python -m train evaluate --models {recipe.name}.safetensors ...` measures by the protocol, with intervals and groups.

## Please mind

{PLEASE_MIND}
"""
