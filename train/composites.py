"""Is everyone in a picture painted as well as alone, and does what is said of one person stay with that person?

    python -m train composites --model default --data data/fairface --report reports/composites --frames 50
    python -m train readme reports/composites --section composites

Frames of four people of four groups, drawn from labelled pictures (`train.frames`): half of them side by side, half of
different sizes and partly overlapping. Each person's skin is compared with the same pixels of the same person alone, as
large: in the frame without the others, and as a picture of its own. Then one person's group is changed to each other
one: what changes on that person's skin, on the others, and in the background, and does the skin move in the direction
in which the groups' skin colours differ under neutral light?
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from colorizer import lab, metrics
from colorizer.errors import OptionError, PhotoError
from colorizer.groups import GROUPS
from colorizer.pipeline import Colorizer
from train import frames, intervals, numbers, pictures
from train.crowd import CHANGES, ERRORS, LEAST_DIFFERENCE, measure
from train.frames import Frame, Person
from train.measure import mean_chroma, protocol_truth
from train.remembering import remember
from train.reporting import composites as reporting

LIMIT = 1.0  # CIEDE2000: what may change on others and in the background
SEED = 0


def draw(found: pictures.Pictures, colorizer: Colorizer, count: int, seed: int = SEED) -> Iterator[Frame]:
    """Frames of people whose pictures show exactly one face; side by side and overlapping by turns.

    A picture comes again only when a group has no others left.

    Raises:
        OptionError: fewer than four groups have such a picture.
    """
    rng = np.random.default_rng(seed)
    contents = _Contents(found)
    queues = {
        group: _people(group, names.tolist(), contents, colorizer, rng.spawn(1)[0])
        for group in GROUPS
        if len(names := found.table.loc[found.table["ethnicity"] == group, "imageName"])
    }
    for k in range(count):
        people: list[Person] = []
        for group in rng.permutation(list(queues)).tolist():
            if len(people) < frames.PEOPLE and (person := next(queues[group], None)) is not None:
                people.append(person)
        if len(people) < frames.PEOPLE:
            raise OptionError("Composites need pictures of one person each, of at least four groups.")
        places = frames.overlapping(rng) if k % 2 else frames.side_by_side()
        yield frames.compose(people, places)


class _Contents:
    """Bytes of pictures by name."""

    def __init__(self, found: pictures.Pictures) -> None:
        self.found = found

    def __getitem__(self, name: str) -> bytes:
        table = self.found.table
        (picture,) = pictures.only(self.found, table[table["imageName"] == name]).read()
        return picture[2]


def _people(
    group: str, names: Sequence[str], contents: _Contents, colorizer: Colorizer, rng: np.random.Generator
) -> Iterator[Person]:
    """People of a group in random order, again and again; ends where no picture will do."""
    usable = True
    while usable:
        usable = False
        for name in rng.permutation(np.asarray(names, object)).tolist():
            try:
                truth = protocol_truth(contents[name])
            except PhotoError:
                continue
            if mean_chroma(lab.rgb_to_lab(truth)) < metrics.NEAR_GRAY:
                continue
            faces = colorizer.detector.detect(metrics.gray(truth))
            if len(faces) == 1:
                usable = True
                yield Person(name, group, truth, faces[0].box)


def summarize(people: pd.DataFrame, changes: pd.DataFrame) -> dict[str, Any]:
    """Means over all people and by group; people of one frame are resampled together.

    Args:
        people: as `measure` returns them, with the columns frame and kind.
        changes: likewise; may be empty.

    Returns:
        people: a list of {"model", "condition", "part" ("all", a kind of frame, or a group), "people", and ERRORS,
        "to_in_frame" and "to_own_picture": means as of `intervals`, the last two ratios of `together` to the others};
        changes: a list of {"part" ("all", a group before the change, or "before to after"), and CHANGES, "within":
        the share of changes with less than LIMIT on others and background, "along": the share of moves with a cosine
        above 0}.
    """
    rows = []
    for (model, condition), part in people.groupby(["model", "condition"], sort=False):
        parts = {"all": part} | dict(iter(part.groupby("kind", sort=False)))
        parts |= {group: part[part["group"] == group] for group in GROUPS if (part["group"] == group).any()}
        for name, some in parts.items():
            rows.append(
                {"model": model, "condition": condition, "part": name, "people": len(some)}
                | intervals.means(some, ERRORS, unit="frame")
                | {
                    f"to_{alone}": intervals.ratio(some, "together", alone, unit="frame")
                    for alone in ERRORS[1:]
                }
            )
    found = []
    if len(changes):
        is_kept = changes[["others", "background"]].max(axis=1) < LIMIT
        is_along = (changes["cosine"] > 0).where(changes["cosine"].notna()).astype(float)
        table = changes.assign(within=is_kept.astype(float), along=is_along)
        moves: dict[str, pd.DataFrame] = {"all": table}
        moves |= {group: table[table["group"] == group] for group in GROUPS}
        moves |= {f"{one} to {to}": some for (one, to), some in table.groupby(["group", "to"])}
        columns = [*CHANGES, "within", "along"]
        found = [
            {"part": name} | intervals.means(some, columns, unit="frame")
            for name, some in moves.items()
            if len(some)
        ]
    return {"people": rows, "changes": found}


def make(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, and write the report; what summary.json holds.

    Raises:
        OptionError: there are too few labelled pictures, or an argument is not allowed.
        ModelError: the model can't be loaded.
    """
    name, colorizer = numbers.load(args)
    remember(colorizer)
    found = pictures.find(args.data, args.labels, args.split, args.limit)
    people, changes = [], []
    not_found = 0
    drawn = draw(found, colorizer, args.frames)
    for k, frame in enumerate(tqdm(drawn, total=args.frames, desc="composites", unit="frame", disable=None)):
        kind = "overlapping" if k % 2 else "side by side"
        rows, moved = measure(colorizer, frame)
        people += [{"frame": k, "kind": kind} | row for row in rows]
        changes += [{"frame": k, "kind": kind} | row for row in moved]
        not_found += len({row["imageName"] for row in rows if not row["found"]})
    results, moves = pd.DataFrame(people), pd.DataFrame(changes)
    results["model"] = results["model"].replace("model", name)
    content = numbers.about(name, found.source) | {
        "frames": args.frames,
        "seed": SEED,
        "limit": LIMIT,
        "least_difference": LEAST_DIFFERENCE,
        "not_found": not_found,
        "unreadable": [],
        **summarize(results, moves),
    }
    numbers.write(args.report, content, {"results": results, "changes": moves}, reporting.markdown(content))
    return content


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train composites`."""
    numbers.add_arguments(parser, "a dataset, a folder or a tar of pictures of one person each")
    numbers.add_labels(parser)
    parser.add_argument("--frames", type=int, default=50, help="frames of four people (default: 50)")


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train composites`."""
    return numbers.run("composites", make, args)
