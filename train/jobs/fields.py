"""The fields of the form for a new run, and what they say of the hardware.

form = Form(recipe="ethnicity-aware", dataset="faces", name="first", length="minutes", amount=1)
hardware(form).device       # "cpu"
"""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from colorizer.errors import OptionError
from train.jobs.job import Hardware

SCRATCH = "scratch"
"""Of `Form.start`: from random weights."""


class Form(BaseModel):
    """What was chosen; None and "" stand for what the recipe says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    recipe: str = "ethnicity-aware"
    dataset: str = ""
    """A name of `datasets.listing`; empty is the recipe's own pictures."""
    name: str = ""
    start: str = ""
    """A model's name, SCRATCH, or empty."""
    length: Literal["recipe", "epochs", "steps", "minutes"] = "recipe"
    amount: float | None = None
    """Of what `length` says."""
    batch: float | None = None
    rate: float | None = None
    size: float | None = None
    """Side of the pictures, in pixels."""
    augment: Literal["", "none", "usual", "strong"] = ""
    stopping: float | None = None
    """Validations without a better score; 0 for no early stopping."""
    overrides: str = ""
    """Further ones, a line each."""
    engine: Literal["local", "slurm", "hf"] = "local"
    device: str = "cpu"
    partition: str = ""
    account: str = ""
    gpus: float | None = None
    nodes: float | None = None
    tasks: float | None = None
    cpus: float | None = None
    memory_gb: float | None = None
    """0 is none, too: the cluster's default."""
    minutes: float | None = None
    """The longest that the engine may take for it."""
    flavor: str = ""


def hardware(form: Form) -> Hardware:
    """Where it is to run; what an engine doesn't heed is left at its default.

    Raises:
        OptionError: a number or a name is impossible; the first words name the field.
    """
    given: dict[str, Any] = {"engine": form.engine}
    heeded = {
        "local": ("device",),
        "slurm": ("partition", "account", "gpus", "nodes", "tasks", "cpus", "memory_gb", "minutes"),
        "hf": ("flavor", "minutes"),
    }[form.engine]
    for key in heeded:
        value = getattr(form, key)
        if value is None or value == "" or (key == "memory_gb" and value == 0):
            continue
        is_whole = key != "memory_gb" and isinstance(value, float) and value == math.floor(value)
        given[key] = int(value) if is_whole else value
    try:
        return Hardware.model_validate(given)
    except ValidationError as error:
        field, text = error.errors()[0]["loc"][0], error.errors()[0]["msg"]
        says = Hardware.model_fields[str(field)].description or ""
        raise OptionError(f"{field}: {text} ({says})") from error
