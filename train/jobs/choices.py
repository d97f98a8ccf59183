"""What the form for a new run offers: within which bounds, and what its words mean in a recipe's keys.

    bounds = of(recipe.load("ethnicity-aware"))
    bounds["batch"].check(64)       # "" or a sentence

Knows no gradio.
"""

from typing import Any, NamedTuple

from train.recipe import SIZE_STEP, Recipe

SIZES = (32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
"""Sides of a training picture that are offered; an override takes any multiple of 16."""
LENGTHS = {
    "recipe": "As the recipe says",
    "epochs": "Passes over the pictures",
    "steps": "Steps",
    "minutes": "Minutes",
}
AUGMENTS = {
    "": "As the recipe says",
    "none": "None",
    "usual": "Usual",
    "strong": "Strong",
}
_USUAL: dict[str, float] = {"flip": 0.5, "zoom_in": 0.85, "rotation": 5, "tone": 0.05}
_STRONG: dict[str, float] = {
    "flip": 0.5,
    "zoom_in": 0.7,
    "rotation": 12,
    "shear": 5,
    "shift": 0.08,
    "scale": 0.15,
    "brightness": 0.1,
    "tone": 0.15,
    "grain": 4,
}
# Old film is what colorizers meet; a classifier also meets faces behind hands and hats.
_STRONG_OF_TASK: dict[str, dict[str, float]] = {"classify": {"erase": 0.1}}


class Bounds(NamedTuple):
    """What a number of the form may be."""

    label: str
    """For sentences: "The batch"."""
    low: float
    high: float
    default: float | None
    """The recipe's own; None where it has none."""
    is_whole: bool = True

    def check(self, value: float) -> str:
        """Why a number can't be taken; empty if it can."""
        if not self.low <= value <= self.high:  # NaN neither
            return f"{self.label} must be from {_text(self.low)} to {_text(self.high)}, not {_text(value)}."
        if self.is_whole and value != int(value):
            return f"{self.label} must be a whole number, not {_text(value)}."
        return ""


def of(base: Recipe) -> dict[str, Bounds]:
    """The bounds of each number, about the recipe's own value.

    Args:
        base: the recipe as it stands, without anything chosen.
    """
    rate = base.optimizer.lr
    return {
        "epochs": Bounds("The passes over the pictures", 0.1, 10_000, base.epochs, is_whole=False),
        "steps": Bounds("The steps", 1, 10_000_000, base.steps),
        "minutes": Bounds("The minutes", 0.1, 43_200, base.minutes, is_whole=False),
        "batch": Bounds("The batch", 1, max(1024, 16 * base.batch), base.batch),
        "rate": Bounds("The learning rate", rate / 100, rate * 20, rate, is_whole=False),
        "size": Bounds("The image size", 2 * SIZE_STEP, 512, max(base.sizes)),
        "stopping": Bounds(
            "The patience of early stopping",
            0,
            1000,
            base.early_stopping.patience if base.early_stopping else 0,
        ),
    }


def augmentation(word: str, task: str) -> dict[str, Any]:
    """A recipe's section `augment` for one of AUGMENTS but the first.

    Raises:
        KeyError: it is none of them.
    """
    sections: dict[str, dict[str, Any]] = {
        "none": {"flip": 0},
        "usual": _USUAL,
        "strong": _STRONG | _STRONG_OF_TASK.get(task, {"old_film": 0.15}),
    }
    return sections[word]


def _text(value: float) -> str:
    return f"{int(value):,}" if abs(value) >= 1 and value == int(value) else f"{value:g}"
