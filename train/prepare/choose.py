"""What is kept and what is dropped, and why. Nothing here reads a picture: it judges what `look` measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from colorizer.errors import OptionError
from colorizer.metrics import NEAR_GRAY
from train.prepare.labels import Labels, Vocabulary
from train.prepare.look import Look
from train.prepare.options import Options
from train.twins import Groups, Likeness

UNREADABLE = "unreadable"
TOO_SMALL = "too small"
NEAR_GRAY_REASON = "near-gray"
TONED = "one tint"
EXACT = "exact duplicate"
NEAR = "near duplicate"
OUTLIER = "chroma outlier"
CONFLICT = "conflicting labels"
OUTSIDE = "label outside the vocabulary"
AMBIGUOUS = "label fits several pictures"
MISSING = "label without a picture"
PICTURE_REASONS = (UNREADABLE, TOO_SMALL, NEAR_GRAY_REASON, TONED, EXACT, NEAR, OUTLIER)
LABEL_REASONS = (CONFLICT, OUTSIDE, AMBIGUOUS, MISSING)

# A print of one tint (sepia, blue) has chroma, and still says nothing about colour: its ab hardly leave their mean.
# Of 3,284 portraits all 14 under this were such prints; from 2.5 on muted colour photos begin.
TONED_SPREAD = 2.5
# Robust z-score (0.6745 times the distance from the median, in median absolute deviations) from which a picture's
# colour is no portrait's: stage light, colour casts, posters.
OUTLIER_Z = 6.0
SAME = Likeness(1.0, 1.0)
LEAST_FOR_OUTLIERS = 50  # of fewer pictures no one can say what is usual


@dataclass(frozen=True)
class Link:
    """Two pictures that share a photo or a sitting."""

    first: int
    second: int
    likeness: Likeness = SAME
    is_mirrored: bool = False


@dataclass
class Drop:
    """A picture, or only its label, that is not in the dataset."""

    item: int
    """Number of the picture; -1 where there is none."""
    reason: str
    detail: str
    twin: int = -1
    """Number of the picture that is there instead, or with which it disagrees."""
    name: str = ""
    """Of a label without a picture."""


@dataclass
class Choice:
    """What becomes of every picture."""

    drops: list[Drop] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Columns of the labels, one row a picture that was looked at; ethnicity holds allowed labels only."""
    units: list[int] = field(default_factory=list)
    """What belongs together, one number a picture."""


def alone(looks: Sequence[Look], options: Options) -> tuple[list[Drop], list[int]]:
    """What is dropped for what it is itself, and the numbers of the others."""
    drops, others = [], []
    for i, found in enumerate(looks):
        if found.error:
            drops.append(Drop(i, UNREADABLE, found.error))
        elif min(found.width, found.height) < options.min_side:
            drops.append(
                Drop(i, TOO_SMALL, f"{found.width}x{found.height}, at least {options.min_side} are asked for")
            )
        elif not options.keeps_gray and found.chroma < NEAR_GRAY:
            drops.append(Drop(i, NEAR_GRAY_REASON, f"mean chroma {found.chroma:.2f}, under {NEAR_GRAY:g}"))
        elif not options.keeps_gray and found.spread < TONED_SPREAD:
            says = (
                f"mean chroma {found.chroma:.1f}, but ab spread by {found.spread:.2f}, under {TONED_SPREAD:g}"
            )
            drops.append(Drop(i, TONED, says))
        else:
            others.append(i)
    return drops, others


def exact_links(looks: Sequence[Look], numbers: Sequence[int]) -> list[Link]:
    """Pictures of the same bytes or the same pixels, each with the best of them."""
    links = []
    best: dict[str, int] = {}  # hash -> the picture that is kept for all that have it
    for i in sorted(numbers, key=lambda i: _preference(looks[i], i)):
        hashes = (looks[i].bytes_hash, looks[i].pixels_hash)
        first = min((best[name] for name in hashes if name in best), default=i)
        for name in hashes:
            best.setdefault(name, first)
        if first != i:
            links.append(Link(first, i))
    return links


def choose(
    looks: Sequence[Look],
    labels: Labels,
    names: Sequence[str],
    exact: Sequence[Link],
    near: Sequence[Link],
    options: Options,
) -> Choice:
    """Decide on every picture.

    Of copies the one with the most pixels stays: the others are it, made smaller. Where copies have different labels
    none is believed; the picture stays, unlabelled, since its colours are as good as any.

    Args:
        looks: what was measured, one a picture.
        labels: their labels.
        names: what people call each picture.
        exact: pairs from `exact_links`.
        near: pairs of other pictures that share a photo or a sitting.
        options: the user's choices.
    """
    drops, others = alone(looks, options)
    left = set(others)
    groups = Groups(len(looks))
    copies: dict[int, list[Link]] = {}  # of a kept picture: what was dropped for it
    for link in exact:
        drops.append(Drop(link.second, EXACT, _exact_says(looks, link), link.first))
        copies.setdefault(link.first, []).append(link)
        left.discard(link.second)
    by_picture: dict[int, list[Link]] = {}
    for link in near:
        by_picture.setdefault(link.first, []).append(link)
        by_picture.setdefault(link.second, []).append(link)
    for link in (*exact, *near):
        groups.join(link.first, link.second)
    settled: set[int] = (
        set()
    )  # kept; only these can stand for others, so that no chain of likenesses drops a stranger
    for i in sorted(left, key=lambda i: _preference(looks[i], i)):
        best: Link | None = None
        for link in by_picture.get(i, ()):
            other = link.first + link.second - i
            if other in settled and link.likeness.is_copy and (best is None or _rank(link) > _rank(best)):
                best = link
        if best is None:
            settled.add(i)
            continue
        other = best.first + best.second - i
        says = f"detail agrees to {best.likeness.detail:.3f}, at worst to {best.likeness.worst:.3f}"
        says += ", mirrored" if best.is_mirrored else ""
        drops.append(Drop(i, NEAR, says, other))
        copies.setdefault(other, []).append(Link(other, i))
        copies[other] += copies.pop(i, [])
    stand_ins = {drop.item: drop.twin for drop in drops if drop.twin >= 0}
    for drop in drops:
        while drop.twin in stand_ins:
            drop.twin = stand_ins[drop.twin]
    if not options.keeps_gray:
        outliers = _outliers(looks, sorted(settled))
        drops += outliers
        settled -= {drop.item for drop in outliers}
    table = labels.table.copy()
    drops += _label(table, labels, copies, settled, others, names, options)
    drops += [Drop(-1, MISSING, f"row of {file}", name=name) for name, file in labels.missing]
    if options.person is not None:
        if options.person not in table:
            raise OptionError(
                f"The labels have no column {options.person!r} for --person; "
                f"they have {', '.join(map(str, table.columns))}."
            )
        _join_persons(groups, table[options.person].tolist())
    return Choice(drops, sorted(settled), table, [groups.root(i) for i in range(len(looks))])


def _rank(link: Link) -> tuple[float, int]:
    """The best likeness, and of equal ones the first picture."""
    return link.likeness.worst, -min(link.first, link.second)


def _preference(found: Look, number: int) -> tuple[bool, int, int, int]:
    """Of copies the one that sorts first is kept."""
    return found.chroma < NEAR_GRAY, -found.width * found.height, -found.size, number


def _exact_says(looks: Sequence[Look], link: Link) -> str:
    is_same_file = looks[link.first].bytes_hash == looks[link.second].bytes_hash
    return "the same file" if is_same_file else "the same pixels in another file"


def robust_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) -> 0.6745 times the distance from the median in median absolute deviations (Iglewicz and Hoaglin 1993)."""
    distance = values - np.median(values)
    deviation = np.median(np.abs(distance))
    return np.zeros_like(values) if deviation == 0 else 0.6745 * distance / deviation


def _outliers(looks: Sequence[Look], kept: Sequence[int]) -> list[Drop]:
    """Pictures whose colour is far from all others'. Chroma is compared by its logarithm, which is about normal."""
    if len(kept) < LEAST_FOR_OUTLIERS:
        return []
    measures = {
        "mean chroma": [looks[i].chroma for i in kept],
        "95th percentile of chroma": [looks[i].chroma_95 for i in kept],
        "mean a": [looks[i].mean_a for i in kept],
        "mean b": [looks[i].mean_b for i in kept],
    }
    scores = np.stack(
        [
            robust_z(np.log(np.maximum(values, 0.1)) if "chroma" in name else np.array(values))
            for name, values in measures.items()
        ]
    )  # (measures, N)
    worst = np.abs(scores).argmax(0)
    drops = []
    for n, i in enumerate(kept):
        z = scores[worst[n], n]
        if abs(z) >= OUTLIER_Z:
            name = list(measures)[worst[n]]
            says = (
                f"{name} {measures[name][n]:.1f}, where {np.median(measures[name]):.1f} is usual (z {z:+.1f})"
            )
            drops.append(Drop(i, OUTLIER, says))
    return drops


def _label(
    table: pd.DataFrame,
    labels: Labels,
    copies: dict[int, list[Link]],
    kept: set[int],
    readable: Sequence[int],
    names: Sequence[str],
    options: Options,
) -> list[Drop]:
    """Bring the table's ethnicities to the vocabulary, settle what copies say, and report what was taken away."""
    vocabulary = Vocabulary(options.vocabulary, options.mapping)
    drops = []
    texts = table["ethnicity"].tolist()
    meanings = [vocabulary.meaning(text) for text in texts]
    for i in readable:
        if labels.ambiguous[i]:
            drops.append(Drop(i, AMBIGUOUS, labels.ambiguous[i]))
        if meanings[i] is None:
            nearest = vocabulary.nearest(texts[i])
            hint = (
                f'; --map "{texts[i]}={nearest}" would make it {nearest}'
                if nearest
                else "; no allowed one is near"
            )
            drops.append(Drop(i, OUTSIDE, f"{texts[i]}{hint}"))
        if labels.disputed[i]:
            drops.append(Drop(i, CONFLICT, f"its CSV says {labels.disputed[i]}"))
    said = ["" if labels.disputed[i] or meaning is None else meaning for i, meaning in enumerate(meanings)]
    columns = {name: table[name].tolist() for name in table.columns if name != options.person}
    columns["ethnicity"] = said
    for i in sorted(kept & copies.keys()):
        alike = [i, *sorted(link.second for link in copies[i])]
        for name, values in columns.items():
            found = {values[k]: k for k in reversed(alike) if values[k]}
            if name == "ethnicity" and len(found) > 1:
                says = "; ".join(f"{names[k]} is {values[k]}" for k in alike if values[k])
                drops.append(
                    Drop(i, CONFLICT, says, next(k for k in alike if values[k] not in ("", values[i])))
                )
            values[i] = next(iter(found)) if len(found) == 1 else ""
        if any(labels.disputed[k] for k in alike):
            columns["ethnicity"][i] = ""
    for name, values in columns.items():
        table[name] = values
    return drops


def _join_persons(groups: Groups, persons: Sequence[str]) -> None:
    firsts: dict[str, int] = {}
    for i, person in enumerate(persons):
        if person:
            groups.join(firsts.setdefault(person, i), i)
