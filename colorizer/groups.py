"""The groups, and what may be chosen for a face or a photo. Imports nothing heavy, so that `--help` is quick."""

import difflib

from colorizer.errors import OptionError

GROUPS: tuple[str, ...] = ("Asian", "Black", "Hispanic", "Indian", "Middle Eastern", "White")
CHOICES: tuple[str, ...] = ("auto", "none", *GROUPS)
"""For a face: its estimated probabilities, the neutral condition, or one group."""
VIVIDNESS_LIMIT = 2.0
"""The largest factor on the chroma; the smallest is 0."""

# Of a wrong choice an error repeats no more characters than these.
SAID_AT_MOST = 100


def check_choice(value: object) -> str:
    """`value` if it may be chosen for a face.

    Raises:
        OptionError: it is none of CHOICES; the message names them, and the nearest one.
    """
    if isinstance(value, str) and value in CHOICES:
        return value
    by_lower = {choice.lower(): choice for choice in CHOICES}
    near = difflib.get_close_matches(str(value)[:SAID_AT_MOST].lower(), by_lower, n=1)
    hint = f" Did you mean {by_lower[near[0]]!r}?" if near else ""
    raise OptionError(
        f"There is no ethnicity {repr(value)[:SAID_AT_MOST]}; choose one of {', '.join(CHOICES)}.{hint}"
    )
