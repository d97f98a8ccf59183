"""What a hostile file is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal


@dataclass(frozen=True)
class HostileFile:
    """A file and what must come of it. Its bytes are made when first asked for."""

    name: str
    filename: str
    make: Callable[[], bytes]
    verdict: Literal["photo", "error"]
    match: str | None = None
    """For an error, a regular expression its sentence holds; for a photo, one its notes hold, if any."""

    @cached_property
    def data(self) -> bytes:
        """The file's content."""
        return self.make()

    def __str__(self) -> str:
        return self.name


def error(name: str, suffix: str, make: Callable[[], bytes], match: str) -> HostileFile:
    """A file that must be refused with a sentence that matches."""
    return HostileFile(name, name + suffix, make, "error", match)


def photo(name: str, suffix: str, make: Callable[[], bytes], match: str | None = None) -> HostileFile:
    """A file that must come out as a photo, with a note that matches if one is expected."""
    return HostileFile(name, name + suffix, make, "photo", match)
