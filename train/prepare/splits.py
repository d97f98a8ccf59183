"""Which pictures train, which validate, which test: by group, seeded, whatever belongs together on one side."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

from train.prepare.options import SPLITS


def assign(
    units: Sequence[int],
    labels: Sequence[str],
    names: Sequence[str],
    shares: tuple[float, float, float],
    seed: int,
) -> list[str]:
    """A split for each picture, so that every label is divided by the shares as well as whole units allow.

    A unit is put where its label still lacks most. Large ones go first, since small ones can level out what those
    leave; within a size a hash of seed and name decides, so that the order of the pictures does not matter, and a
    picture that is added later moves few others.

    Args:
        units: the number of each picture's unit: copies of one photo, photos of one person.
        labels: the label of each picture; of a unit the most frequent one counts.
        names: a name of each picture that is its own.
        shares: of train, val and test; they add up to 1.
        seed: another seed, another split.

    Returns:
        One of SPLITS for each picture.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for i, unit in enumerate(units):
        members[unit].append(i)
    by_label: dict[str, list[list[int]]] = defaultdict(list)
    for unit_members in members.values():
        counts = Counter(labels[i] for i in unit_members)
        by_label[min(counts, key=lambda label: (-counts[label], label))].append(unit_members)

    def order(unit_members: list[int]) -> tuple[int, bytes]:
        name = min(names[i] for i in unit_members)
        return -len(unit_members), hashlib.sha256(f"{seed}\n{name}".encode()).digest()

    result = [""] * len(units)
    for _, label_units in sorted(by_label.items()):
        total = sum(map(len, label_units))
        lacking = [share * total for share in shares]
        for unit_members in sorted(label_units, key=order):
            side = max(range(len(SPLITS)), key=lambda k: (lacking[k], -k))
            lacking[side] -= len(unit_members)
            for i in unit_members:
                result[i] = SPLITS[side]
    return result
