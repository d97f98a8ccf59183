"""What the commands of `python -m labeling` share."""

import argparse
import getpass
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from colorizer.errors import OptionError
from labeling import batches
from labeling.errors import LabelError
from labeling.names import clean_person
from labeling.store import Store

Command = Callable[[argparse.Namespace], int]
Advance = Callable[[int, int], None]
_LISTED = 1000  # refusals that are printed; a file of a million rows may have as many


def batch_number(store: Store, said: str | None) -> int | None:
    """A batch's number, by its name or that number; None where none was said.

    Raises:
        LabelError: there is no such batch; the message lists those there are.
    """
    if said is None:
        return None
    numbers = {batch.name: batch.id for batch in batches.batches(store)}
    if said not in numbers and said.isascii() and said.isdigit() and int(said) in numbers.values():
        return int(said)
    return batches.find(store, said).id


def person(said: str | None) -> str:
    """Who does this: the name that was said, or else the login name."""
    if said is not None:
        return clean_person(said)
    try:
        return clean_person(getpass.getuser())
    except (LabelError, KeyError, OSError):  # nobody is logged in, as in many containers
        return "command line"


def mapping(pairs: Iterable[str]) -> dict[str, str]:
    """["East Asian=Asian"] -> {"East Asian": "Asian"}.

    Raises:
        OptionError: one has no `=`, or nothing on one side of it.
    """
    found = {}
    for pair in pairs:
        word, _, label = (part.strip() for part in pair.partition("="))
        if not word or not label:
            raise OptionError(f'--map is {pair!r}; write WORD=LABEL, such as "East Asian=Asian".')
        found[word] = label
    return found


def listed(lines: Iterable[str]) -> None:
    """Print the lines, or the first thousand of them and how many there are besides."""
    number = 0
    for line in lines:
        number += 1
        if number <= _LISTED:
            print(f"  {line}")
    if number > _LISTED:
        print(f"  and {number - _LISTED:,} more")


@contextmanager
def progress(unit: str) -> Iterator[Advance]:
    """A bar on standard error where that is a terminal."""
    from tqdm import tqdm

    with tqdm(unit=unit, disable=None, file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance
