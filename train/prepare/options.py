"""What may be chosen when a dataset is prepared."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from colorizer.errors import OptionError
from colorizer.groups import GROUPS

SPLITS = ("train", "val", "test")
# A face of fewer pixels, enlarged to 256, shows a network nothing but blur: 48 px fill an eye with four.
MIN_SIDE = 48
LEAST_SIDE, MOST_SIDE = 16, 4096  # what photo.read takes, and what fits into memory by the thousand


@dataclass(frozen=True)
class Options:
    """Everything that changes the result, and `jobs`, which does not."""

    size: int = 256
    """Shorter side of the dataset's pictures in pixels. The aspect ratio is kept; smaller pictures are enlarged."""
    min_side: int = MIN_SIDE
    """Pictures with a shorter side are dropped."""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of train, val and test."""
    seed: int = 0
    person: str | None = None
    """Column of the labels that says who is in the picture; no person crosses splits."""
    vocabulary: tuple[str, ...] = GROUPS
    mapping: dict[str, str] = field(default_factory=dict)
    """Label outside the vocabulary -> the allowed one that it stands for."""
    keeps_gray: bool = False
    """Keep near-gray and toned pictures: fine for telling groups apart, useless for learning colour."""
    limit: int | None = None
    """Only so many pictures, for trying."""
    jobs: int | None = None
    """Processes; None is one a core."""

    def __post_init__(self) -> None:
        if not LEAST_SIDE <= self.size <= MOST_SIDE:
            raise OptionError(f"--size is {self.size}; allowed are {LEAST_SIDE} to {MOST_SIDE} pixels.")
        if not LEAST_SIDE <= self.min_side <= MOST_SIDE:
            raise OptionError(
                f"--min-side is {self.min_side}; allowed are {LEAST_SIDE} to {MOST_SIDE} pixels."
            )
        if (
            len(self.split) != 3
            or min(self.split) < 0
            or not abs(sum(self.split) - 1) <= 1e-6  # which NaN is not either
            or not self.split[0]
        ):
            raise OptionError(
                f"--split is {','.join(f'{share:g}' for share in self.split)}; give three shares for "
                f"{', '.join(SPLITS)} that add up to 1, such as 0.8,0.1,0.1."
            )
        if not self.vocabulary or len({word.lower() for word in self.vocabulary}) < len(self.vocabulary):
            raise OptionError("--vocabulary needs at least one label, and each only once.")
        for name, value in (("--limit", self.limit), ("--jobs", self.jobs)):
            if value is not None and value < 1:
                raise OptionError(f"{name} is {value}; it must be at least 1.")

    @property
    def processes(self) -> int:
        """How many processes to use: `jobs`, or one for each core that this process may run on."""
        if self.jobs is not None:
            return self.jobs
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse_map(pairs: Sequence[str]) -> dict[str, str]:
    """["East Asian=Asian"] -> {"East Asian": "Asian"}.

    Raises:
        OptionError: one has no `=`, or nothing on one side of it.
    """
    mapping = {}
    for pair in pairs:
        label, _, meant = (part.strip() for part in pair.partition("="))
        if not label or not meant:
            raise OptionError(f'--map is {pair!r}; write LABEL=GROUP, such as "East Asian=Asian".')
        mapping[label] = meant
    return mapping


def parse_split(text: str) -> tuple[float, float, float]:
    """ "0.8,0.1,0.1" -> the three shares; whether they are possible is for Options to say.

    Raises:
        OptionError: it is not three numbers.
    """
    try:
        train, val, test = (float(part) for part in text.split(","))
    except ValueError as error:
        raise OptionError(f"--split is {text!r}; give three numbers, such as 0.8,0.1,0.1.") from error
    return train, val, test
