"""The groups, the skin tones, and what may be chosen for a face. Imports nothing heavy, so that `--help` is quick."""

import difflib

from colorizer.errors import OptionError

GROUPS: tuple[str, ...] = ("Asian", "Black", "Hispanic", "Indian", "Middle Eastern", "White")
TONES: dict[str, str] = {
    "Monk 1": "#f6ede4",
    "Monk 2": "#f3e7db",
    "Monk 3": "#f7ead0",
    "Monk 4": "#eadaba",
    "Monk 5": "#d7bd96",
    "Monk 6": "#a07e56",
    "Monk 7": "#825c43",
    "Monk 8": "#604134",
    "Monk 9": "#3a312a",
    "Monk 10": "#292420",
}
"""The Monk skin tone scale (Ellis Monk, https://skintone.google), lightest first: name -> "#rrggbb"."""
CHOICES: tuple[str, ...] = ("auto", "none", *GROUPS, *TONES)
"""For a face: its estimated probabilities, the neutral condition, one group, or a skin tone."""
NAMED = f"{', '.join(GROUPS)}, Monk 1 to Monk {len(TONES)}"
"""The groups and tones as help and errors list them."""
VIVIDNESS_LIMIT = 2.0
"""The largest factor on the chroma; the smallest is 0."""

# Of a wrong choice an error repeats no more characters than these.
SAID_AT_MOST = 100


def check_choice(value: object) -> str:
    """`value` if it may be chosen for a face.

    Raises:
        OptionError: it is none of CHOICES; the message says what they are, and which is nearest.
    """
    if isinstance(value, str) and value in CHOICES:
        return value
    by_lower = {choice.lower(): choice for choice in CHOICES}
    near = difflib.get_close_matches(str(value)[:SAID_AT_MOST].lower(), by_lower, n=1)
    hint = f" Did you mean {by_lower[near[0]]!r}?" if near else ""
    raise OptionError(
        f"There is no ethnicity {repr(value)[:SAID_AT_MOST]}; choose one of auto, none, {NAMED}.{hint}"
    )
