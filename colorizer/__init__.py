"""A gray portrait in, believable colour out.

from colorizer import Colorizer
result = Colorizer.load("default").colorize("grandmother.jpg")
"""

import importlib
from typing import TYPE_CHECKING, Any

from colorizer.errors import ModelError, OptionError, PhotoError, RanginError
from colorizer.groups import GROUPS

if TYPE_CHECKING:
    from colorizer.faces import Face
    from colorizer.pipeline import Colorizer, Portrait, Result

__all__ = [
    "GROUPS",
    "Colorizer",
    "Face",
    "ModelError",
    "OptionError",
    "PhotoError",
    "Portrait",
    "RanginError",
    "Result",
]

# PyTorch takes seconds to import: it comes with the first of these that is asked for, so that `--help` is quick.
_LATER = {
    "Colorizer": "colorizer.pipeline",
    "Face": "colorizer.faces",
    "Portrait": "colorizer.pipeline",
    "Result": "colorizer.pipeline",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
