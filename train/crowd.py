"""One frame of several people: each one's skin beside the same person alone, and what a change of one group changes.

people, changes = measure(colorizer, frame)
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorizer import lab, metrics
from colorizer.faces import Box, Face
from colorizer.groups import GROUPS
from colorizer.palette import NEUTRAL_SKIN, REFERENCE
from colorizer.pipeline import Colorizer, Portrait
from train.evaluate import FAIRFACE_TINT
from train.frames import Frame

ERRORS = ("together", "in_frame", "own_picture")
"""Skin error of a person: among the others; alone in the same place of the frame; as a picture of its own."""
CHANGES = ("own", "others", "background", "cosine", "gain")
"""Mean CIEDE2000 on the person's own skin, the others and the background; as `along`."""
LEAST_PIXELS = 20  # of a face's skin that is seen
LEAST_DIFFERENCE = 2.0  # of two groups' skin colours in a and b: less is no direction
LEAST_MOVE = 0.1  # in a and b: a smaller move has no direction, but still a gain
SAME_FACE = 0.3  # intersection over union with where the face must be


def whose(faces: Sequence[Face], frame: Frame) -> list[int | None]:
    """Of each face found in a frame, whose it is."""
    found: list[int | None] = []
    for face in faces:
        shared = [_shared(face.box, frame.box(who)) for who in range(len(frame.people))]
        best = int(np.argmax(shared))
        found.append(best if shared[best] >= SAME_FACE else None)
    return found


def _shared(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    inside = max(width, 0) * max(height, 0)
    return inside / (sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other)) - inside)


def measure(colorizer: Colorizer, frame: Frame) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of one frame.

    Returns:
        One row a person a model a condition, with ERRORS; and one row a person and changed group, with CHANGES.
    """
    together = colorizer.analyze(metrics.gray(frame.rgb))
    owners = whose(together.faces, frame)
    groups = [person.group for person in frame.people]
    chosen = {
        "annotated": [("auto" if who is None else groups[who]) for who in owners],
        "predicted": ["auto"] * len(owners),
    }
    painted = {condition: _paint(colorizer, together, told) for condition, told in chosen.items()}
    skins = [frame.skin(who) for who in range(len(frame.people))]
    people = []
    for who, skin in enumerate(skins):
        if skin.sum() < LEAST_PIXELS:
            continue
        about = {
            "imageName": frame.people[who].name,
            "group": groups[who],
            "side": frame.places[who][2],
            "found": who in owners,
        }
        people += [about | row for row in _of_person(colorizer, frame, who, skin, painted)]
    changes = _changes(colorizer, frame, together, owners, chosen["annotated"], painted["annotated"], skins)
    return people, changes


def _of_person(
    colorizer: Colorizer,
    frame: Frame,
    who: int,
    skin: NDArray[np.bool_],
    painted: Mapping[str, NDArray[np.uint8]],
) -> Iterator[dict[str, Any]]:
    """A person's skin among the others and alone: both baselines, and the model by condition."""
    own_truth, own_skin = frame.alone(who), frame.cut(skin, who)
    one_truth = frame.without_others(who)
    for name, mean_ab in (("gray", (0.0, 0.0)), ("tint", FAIRFACE_TINT)):
        yield {"model": name, "condition": ""} | {
            "together": _error(metrics.tint(frame.rgb, mean_ab), frame.rgb, skin),
            "in_frame": _error(metrics.tint(one_truth, mean_ab), one_truth, skin),
            "own_picture": _error(metrics.tint(own_truth, mean_ab), own_truth, own_skin),
        }
    one = colorizer.analyze(metrics.gray(one_truth))
    own = colorizer.analyze(metrics.gray(own_truth))
    for condition, picture in painted.items():
        told = frame.people[who].group if condition == "annotated" else "auto"
        yield {"model": "model", "condition": condition} | {
            "together": _error(picture, frame.rgb, skin),
            "in_frame": _error(_paint(colorizer, one, told), one_truth, skin),
            "own_picture": _error(_paint(colorizer, own, told), own_truth, own_skin),
        }


def _changes(
    colorizer: Colorizer,
    frame: Frame,
    portrait: Portrait,
    owners: Sequence[int | None],
    chosen: Sequence[str],
    base: NDArray[np.uint8],
    skins: Sequence[NDArray[np.bool_]],
) -> list[dict[str, Any]]:
    """What changes when one person's group does, for each person whose face was found and each other group."""
    bodies = [frame.body(who) for who in range(len(frame.people))]
    background = ~np.any(bodies, 0)
    rows = []
    for who, person in enumerate(frame.people):
        if who not in owners or skins[who].sum() < LEAST_PIXELS:
            continue
        others = np.any([body for k, body in enumerate(bodies) if k != who], 0)
        for group in GROUPS:
            if group == person.group:
                continue
            told = [group if owner == who else choice for owner, choice in zip(owners, chosen, strict=True)]
            changed = _paint(colorizer, portrait, told)
            errors = metrics.delta_e(lab.rgb_to_lab(changed), lab.rgb_to_lab(base))
            own, other, behind = (
                float(errors[part].mean(dtype=np.float64)) if part.any() else None
                for part in (skins[who], others, background)
            )
            about = {"imageName": person.name, "group": person.group, "to": group}
            moved = move(base, changed, skins[who])
            cosine, gain = along(moved, person.group, group)
            rows.append(
                about
                | {"own": own, "others": other, "background": behind}
                | {"move_a": moved[0], "move_b": moved[1], "cosine": cosine, "gain": gain}
            )
    return rows


def move(base: NDArray[np.uint8], changed: NDArray[np.uint8], skin: NDArray[np.bool_]) -> tuple[float, float]:
    """By how much skin's mean a* and b*, as they are at L* 50, differ between two paintings, (256, 256, 3) each."""
    colours = []
    for picture in (base, changed):
        pixels = lab.rgb_to_lab(picture)[skin].astype(np.float64)  # (n, 3)
        colours.append((pixels[:, 1:] * (REFERENCE / (pixels[:, :1] + 16))).mean(0))
    a, b = (colours[1] - colours[0]).tolist()
    return a, b


def along(moved: tuple[float, float], group: str, to: str) -> tuple[float | None, float | None]:
    """How a move lies to the difference of two groups' skin colours under neutral light.

    Returns:
        The cosine of the angle between them, None where the skin hardly moved; and how much of the difference was gone,
        1 for all of it. None both where the colours hardly differ.
    """
    asked = np.subtract(NEUTRAL_SKIN[to], NEUTRAL_SKIN[group])
    size, way = float(np.hypot(*asked)), float(np.hypot(*moved))
    if size < LEAST_DIFFERENCE:
        return None, None
    inner = float(np.dot(asked, moved))
    return (inner / size / way if way >= LEAST_MOVE else None), inner / size**2


def _paint(colorizer: Colorizer, portrait: Portrait, ethnicity: str | Sequence[str]) -> NDArray[np.uint8]:
    return np.asarray(colorizer.paint(portrait, ethnicity).image)


def _error(painted: NDArray[np.uint8], truth: NDArray[np.uint8], skin: NDArray[np.bool_]) -> float:
    """Mean CIEDE2000 on some pixels."""
    errors = metrics.delta_e(lab.rgb_to_lab(painted)[skin], lab.rgb_to_lab(truth)[skin])
    return float(errors.mean(dtype=np.float64))
