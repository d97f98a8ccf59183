"""A training run as one YAML file, checked before anything starts.

recipe = load("train/recipes/ethnicity-aware.yaml", ["batch=32", "optimizer.lr=0.001", "data.0.share=0.5"])
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from colorizer.errors import OptionError
from train import recipe_text
from train.recipe_parts import (
    Adversary,
    Augment,
    EarlyStopping,
    FineTune,
    Loss,
    Optimizer,
    Schedule,
    Source,
    Strict,
    Told,
)

__all__ = ["Augment", "FineTune", "Loss", "Recipe", "Source", "load", "names"]

# Every level of a network then has whole cells, and a mosaic's quarter a whole ab.
SIZE_STEP = 16

FOLDER = Path(__file__).parent / "recipes"

# The keys of `loss` that each task heeds.
USED_LOSSES: dict[str, tuple[str, ...]] = {
    "colorize": ("kind", "perceptual", "perceptual_trunk", "skin", "chances", "skin_map", "attributes"),
    "distribution": ("rebalance", "attributes"),
    "adversarial": ("kind", "perceptual", "perceptual_trunk", "skin", "chances", "skin_map", "attributes"),
    "classify": ("attributes", "label_smoothing", "class_balance"),
}


# What an argument of a network takes, in plain words.
_TAKES: dict[type, str] = {
    str: "text",
    int: "a whole number above 0",
    float: "a number above 0",
    bool: "true or false",
}
# The tasks whose networks hear what is told beside the gray. Others would learn from a truth that was changed for it.
TOLD_TASKS = ("colorize", "adversarial")


class Recipe(Strict):
    """Everything that decides a run."""

    task: Literal["colorize", "distribution", "adversarial", "classify"] = Field(
        description="What is learnt."
    )
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", description="Stem of the weights that come out.")
    network: str = Field(description="Registered name of the network.")
    config: dict[str, Any] = Field(default_factory=dict, description="Arguments of the network.")
    start_from: Path | None = Field(
        None, description="Weights (.safetensors) to start from: all, or the encoder's."
    )
    data: list[Source] = Field(min_length=1, description="What is trained on.")
    validation: list[Source] = Field(
        min_length=1,
        description="What is measured, with the keys of data; the first decides which weights are best.",
    )
    cache: Path = Field(
        Path("cache"), description="Folder for the decoded pictures; may be deleted at any time."
    )
    cache_size: int = Field(176, ge=32, description="Side at which pictures are decoded, in pixels.")
    sizes: list[int] = Field([112], min_length=1, description="Sides a batch may have; multiples of 16.")
    validation_size: int = Field(128, ge=32, description="Side of a validation picture; a multiple of 16.")
    augment: Augment = Field(default_factory=Augment, description="What is done to training pictures.")
    drop_condition: float = Field(
        0.3, ge=0, le=1, description="Share of pictures trained with the neutral condition."
    )
    told: Told = Field(
        default_factory=Told, description="What the network is told beside the gray, for steering."
    )
    loss: Loss = Field(default_factory=Loss, description="What a step makes smaller.")
    adversary: Adversary | None = Field(None, description="The discriminator of `task: adversarial`.")
    optimizer: Optimizer = Field(default_factory=Optimizer, description="How weights change.")
    schedule: Schedule = Field(default_factory=Schedule, description="How the learning rate changes.")
    batch: int = Field(64, ge=1, description="Pictures a step, over all devices together.")
    steps: int | None = Field(None, ge=1, description="Optimizer steps of the run; or `epochs`.")
    epochs: float | None = Field(None, gt=0, description="Length in passes over the pictures.")
    minutes: float | None = Field(
        None, gt=0, description="Ends the run, schedule included, after this time if sooner."
    )
    early_stopping: EarlyStopping | None = Field(
        None, description="Ends the first phase when validation gets no better."
    )
    finetune: FineTune | None = Field(None, description="A second phase, from the best weights of the first.")
    ema: float = Field(
        0.98, ge=0, lt=1, description="Decay of the averaged weights, applied every tenth step; 0 for none."
    )
    validate_every: int | None = Field(
        None, ge=1, description="Steps between validations and checkpoints; null for once an epoch."
    )
    samples: int = Field(
        4,
        ge=0,
        le=16,
        description="Validation photos painted at each validation, to be looked at; 0 for none.",
    )
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = Field(
        "auto", description="auto: bf16-mixed where the device computes in it, else 32-true."
    )
    devices: int = Field(1, ge=1, description="Processes (GPUs, or CPU processes) a node.")
    num_nodes: int = Field(1, ge=1, description="Machines.")
    workers: int = Field(0, ge=0, description="Processes that prepare batches; 0: the training process.")
    threads: int | None = Field(None, ge=1, description="CPU threads of PyTorch; null leaves its own choice.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Decides every draw: the same seed, the same run.")

    @field_validator("sizes", "validation_size")
    @classmethod
    def _whole_cells(cls, sizes: list[int] | int) -> list[int] | int:
        for size in sizes if isinstance(sizes, list) else [sizes]:
            if size % SIZE_STEP or size < 2 * SIZE_STEP:
                raise ValueError(f"{size} is not a multiple of {SIZE_STEP} from {2 * SIZE_STEP} on")
        return sizes

    @field_validator("data")
    @classmethod
    def _some_share(cls, data: list[Source]) -> list[Source]:
        if not any(source.share for source in data):
            raise ValueError("every share is 0; give at least one source a share")
        return data

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give `steps` or `epochs`, one of the two, and null for the other")
        if self.finetune and (self.finetune.steps is None) == (self.finetune.epochs is None):
            raise ValueError("give `finetune.steps` or `finetune.epochs`, one of the two")
        largest = max(*self.sizes, self.validation_size)
        if self.cache_size < largest:
            raise ValueError(
                f"cache_size: {self.cache_size} is smaller than the largest of `sizes` and `validation_size`, {largest}"
            )
        processes = self.devices * self.num_nodes
        if self.batch % processes:
            raise ValueError(f"batch: {self.batch} pictures can't be shared equally by {processes} devices")
        if self.task == "adversarial" and self.adversary is None:
            raise ValueError("task adversarial needs a section `adversary` ({} for its defaults)")
        if self.task != "adversarial" and self.adversary is not None:
            raise ValueError(f"adversary is of no use to task {self.task} (only to adversarial): remove it")
        if self.told.anything and self.task not in TOLD_TASKS:
            raise ValueError(
                f"told is of no use to task {self.task} (only to {', '.join(TOLD_TASKS)}): remove it"
            )
        for key, field in Loss.model_fields.items():
            if key not in USED_LOSSES[self.task] and getattr(self.loss, key) != field.default:
                users = ", ".join(task for task, keys in USED_LOSSES.items() if key in keys)
                raise ValueError(f"loss.{key} is of no use to task {self.task} (only to {users}): remove it")
        return self


def load(path: str | Path, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe and apply `key=value` overrides (values are YAML; dots reach into parts: data.0.share=0.5).

    Raises:
        OptionError: no such file, an unknown key (with the nearest one), or an impossible value.
    """
    path = _found(path)
    values = recipe_text.parse(path.read_text(encoding="utf-8-sig", errors="replace"), path.name)
    for override in overrides or []:
        recipe_text.override(values, override)
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{path.name}: {recipe_text.explain(Recipe, error)}") from error
    _check_network(recipe, path.name)
    return recipe


def names() -> list[str]:
    """The recipes that come with the project."""
    return sorted(file.relative_to(FOLDER).with_suffix("").as_posix() for file in FOLDER.rglob("*.yaml"))


def _found(path: str | Path) -> Path:
    path = Path(path)
    for place in (path, FOLDER / path, FOLDER / f"{path}.yaml"):
        if place.is_file():
            return place
    hint = recipe_text.nearest(str(path), names())
    raise OptionError(
        f"There is no recipe {str(path)!r}{hint}; give a YAML file or one of: {', '.join(names())}."
    )


def _check_network(recipe: Recipe, file: str) -> None:
    """Whether the network is there, and takes this `config`."""
    import timm  # takes seconds to import

    from colorizer import networks

    if recipe.network not in networks.names():
        hint = recipe_text.nearest(recipe.network, networks.names())
        raise OptionError(
            f"{file}: there is no network {recipe.network!r}{hint}; allowed: {', '.join(networks.names())}."
        )
    known = networks.arguments(recipe.network)
    for key, value in recipe.config.items():
        if key not in known:
            hint = recipe_text.nearest(f"config.{key}", [f"config.{name}" for name in known])
            raise OptionError(
                f"{file}: there is no key 'config.{key}'{hint}; network {recipe.network} takes {', '.join(known)}."
            )
        is_number = known[key] in (int, float)
        fits = type(value) is known[key] or (known[key] is float and type(value) is int)
        if not fits or (is_number and value <= 0):
            raise OptionError(
                f"{file}: config.{key} must be {_TAKES[known[key]]}, not {recipe_text.given(value)}."
            )
    encoder = recipe.config.get("encoder")
    if encoder is not None and not timm.is_model(encoder):
        hint = recipe_text.nearest(encoder, timm.list_models())
        raise OptionError(f"{file}: config.encoder: timm has no model {encoder!r}{hint or '.'}")
