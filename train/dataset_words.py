"""What is said of a dataset that is made of labels: its name, its shares, what labels count as."""

import re

from colorizer.errors import OptionError
from colorizer.groups import GROUPS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
# Folders that the listing of datasets doesn't look into.
_TAKEN = ("train", "val", "test", "images", "photos", "cache")


def split_for(counts: dict[str, int]) -> str:
    """Shares of training, validation and test for so many pictures a label: of few ones, each label still needs one
    that is validated with, and none is left to test on."""
    least = min(counts.values(), default=0)
    if least >= 10:
        return "0.8,0.1,0.1"
    return "0.8,0.2,0" if least >= 5 else "0.6,0.4,0"


def parse_meanings(text: str) -> dict[str, str]:
    """ "Nepali=Indian, Tamang=Asian" -> what each label counts as.

    Raises:
        OptionError: a part is no LABEL=GROUP, or the group is none of the six.
    """
    found: dict[str, str] = {}
    for part in re.split(r"[,\n]", text):
        if not part.strip():
            continue
        label, equals, group = (word.strip() for word in part.partition("="))
        if not equals or not label or group not in GROUPS or not part.strip().isprintable():
            raise OptionError(
                f"{part.strip()[:60]!r} isn't LABEL=GROUP; write for example Nepali=Indian, with a group of "
                f"{', '.join(GROUPS)}."
            )
        found[label] = group
    return found


def with_meanings(flags: list[str], mapped: dict[str, str]) -> list[str]:
    """Flags for `prepare` in which the mapped labels are no words of the vocabulary any more."""
    made: list[str] = []
    rest = iter(flags)
    for flag in rest:
        if flag == "--vocabulary":
            words = [word for word in next(rest, "").split(",") if word not in mapped]
            made += [flag, ",".join(dict.fromkeys([*words, *mapped.values()]))]
        else:
            made.append(flag)
    return [*made, *(word for label, group in mapped.items() for word in ("--map", f"{label}={group}"))]


def check_name(name: str) -> None:
    if not NAME.fullmatch(name) or name in _TAKEN:
        raise OptionError(
            "Give the dataset's folder a name of at most 60 letters, digits and . _ - that begins with a letter or "
            "digit, and isn't images, photos, cache, train, val or test."
        )
