"""The engines by name. A module is imported when its engine is first asked for.

engine = engines.get("local")
"""

import importlib
from functools import lru_cache

from colorizer.errors import OptionError
from train.jobs.engine import Engine

ENGINES = {
    "local": ("train.jobs.local", "Local"),
    "slurm": ("train.jobs.slurm", "Slurm"),
    "hf": ("train.jobs.hf", "HuggingFace"),
}


@lru_cache
def get(name: str) -> Engine:
    """The one engine of that name in this process.

    Raises:
        OptionError: there is none.
    """
    if name not in ENGINES:
        raise OptionError(f"There is no engine {name[:80]!r}; choose one of {', '.join(ENGINES)}.")
    module, title = ENGINES[name]
    engine: Engine = getattr(importlib.import_module(module), title)()
    return engine


def all() -> list[Engine]:
    """All engines, this machine first."""
    return [get(name) for name in ENGINES]
