"""What hardware Hugging Face Jobs has now and what it costs, from the service's own list.

flavors()                            # [Flavor("cpu-basic", ...), ...], the cheapest first
price("l4x1", minutes=90)            # 1.2 dollars
"""

import threading
import time
from typing import NamedTuple

from colorizer.errors import OptionError
from train import hub

# The list is asked for anew after so many seconds; after a failure sooner.
FRESH, FRESH_FAILURE = 600.0, 30.0
_MINUTES = {"second": 1 / 60, "minute": 1.0, "hour": 60.0, "day": 1440.0}

_lock = threading.Lock()
_known: dict[str, tuple[float, "list[Flavor] | hub.HubError"]] = {}


class Flavor(NamedTuple):
    """One kind of machine."""

    name: str
    """As an order gives it: l4x1."""
    title: str
    """For people: Nvidia L4."""
    detail: str
    """"8 vCPU, 30 GB, 1 L4 with 24 GB"."""
    gpus: int
    dollars_a_minute: float

    @property
    def dollars_an_hour(self) -> float:
        """As prices are usually said."""
        return 60 * self.dollars_a_minute


def flavors() -> list[Flavor]:
    """All kinds of machines, the cheapest first.

    Raises:
        HubError: the Hub can't be asked.
    """
    address = hub.endpoint()
    with _lock:  # whoever comes second waits for the first one's answer
        then, known = _known.get(address, (float("-inf"), []))
        fresh = FRESH_FAILURE if isinstance(known, hub.HubError) else FRESH
        if time.monotonic() - then > fresh:
            known = _ask()
            _known[address] = time.monotonic(), known
    if isinstance(known, hub.HubError):
        raise hub.HubError(str(known), known.status)
    return known


def last_failure() -> str:
    """Why the Hub could not be asked a moment ago; empty if it could, or nobody tried. Asks nothing by itself."""
    then, known = _known.get(hub.endpoint(), (float("-inf"), []))
    is_recent = time.monotonic() - then <= FRESH_FAILURE
    return str(known) if is_recent and isinstance(known, hub.HubError) else ""


def find(name: str) -> Flavor:
    """One kind by its name.

    Raises:
        OptionError: there is none; says which there are.
        HubError: the Hub can't be asked.
    """
    every = flavors()
    for flavor in every:
        if flavor.name == name:
            return flavor
    named = f"has no hardware {name[:64]!r}" if name else "wants to be told which hardware"
    raise OptionError(f"Hugging Face Jobs {named}; choose one of {', '.join(one.name for one in every)}.")


def price(flavor: str, minutes: float) -> float:
    """Dollars for so many minutes.

    Raises:
        OptionError: there is no such hardware.
        HubError: the Hub can't be asked.
    """
    return find(flavor).dollars_a_minute * minutes


def _ask() -> "list[Flavor] | hub.HubError":
    try:
        with hub.saying("listing hardware"):
            told = hub.client("").list_jobs_hardware()
    except hub.HubError as error:
        return error
    found = []
    for one in told:
        if one.unit_label not in _MINUTES:  # a price that nobody could reckon with
            continue
        gpu = one.accelerator if one.accelerator and one.accelerator.type == "gpu" else None
        has_gpu = f", {gpu.quantity} {gpu.model} with {gpu.vram}" if gpu else ""
        count = int(gpu.quantity) if gpu and gpu.quantity.isdecimal() else 0
        a_minute = one.unit_cost_usd / _MINUTES[one.unit_label]
        found.append(Flavor(one.name, one.pretty_name, f"{one.cpu}, {one.ram}{has_gpu}", count, a_minute))
    return sorted(found, key=lambda flavor: (flavor.dollars_a_minute, flavor.name))
