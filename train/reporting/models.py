"""Which models to measure: names, files, the hub's, or the folders of training runs.

models.find(["default", "runs/mine", "runs/other/mine.safetensors", "ethnicity-classifier"])
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from colorizer import checkpoint
from colorizer.errors import ModelError, OptionError
from colorizer.ethnicity import DEFAULT as DEFAULT_CLASSIFIER

BASELINES = ("gray", "tint")


@dataclass(frozen=True)
class Model:
    """One model to measure."""

    name: str
    """What tables call it; no two of one report have the same."""
    weights: str
    """What `checkpoint.load` takes."""
    is_classifier: bool
    run: Path | None
    """The folder of its training run, if it has one."""
    is_folder: bool = False
    """Whether it was named by that folder."""


def find(texts: Sequence[str]) -> list[Model]:
    """Find each model, the same one only once.

    A run's folder is called by its name, a file by its stem; where two would be called the same, as many of the folders
    above are put before as it takes.

    Raises:
        ModelError: there is no such model, it is damaged, or a folder holds no or several *.safetensors.
        OptionError: the list is empty.
    """
    if not texts:
        raise OptionError("--models names no model; `python -m colorizer models` lists them.")
    found = list({model.weights: model for model in map(_find_one, dict.fromkeys(texts))}.values())
    parts = [model.name.split("/") if model.name == model.weights else _parts(model) for model in found]
    taken = list(BASELINES)
    if all(model.weights != DEFAULT_CLASSIFIER for model in found):
        taken.append(DEFAULT_CLASSIFIER)  # always measured
    lengths = [
        len(one) if model.name == model.weights else 1 for one, model in zip(parts, found, strict=True)
    ]
    for _ in range(max(map(len, parts))):
        names = ["/".join(one[-length:]) for one, length in zip(parts, lengths, strict=True)]
        clashing = [(names + taken).count(name) > 1 for name in names]
        lengths = [
            min(length + clashes, len(one))
            for one, length, clashes in zip(parts, lengths, clashing, strict=True)
        ]
    return [replace(model, name=name) for model, name in zip(found, names, strict=True)]


def _parts(model: Model) -> list[str]:
    """Folders and name of a file or of a run's folder."""
    path = model.run if model.run is not None and model.is_folder else Path(model.weights).with_suffix("")
    return list(path.resolve().parts[1:])


def _find_one(text: str) -> Model:
    path = Path(text)
    folder = path if path.is_dir() else None
    if folder is not None:
        path = weights_in(folder)
    is_file = path.suffix == ".safetensors"
    weights = str(path) if is_file else text
    run = folder or (path.parent if is_file and (path.parent / "metrics.csv").is_file() else None)
    about = checkpoint.about(weights)
    name = weights if not is_file else path.stem
    return Model(name, weights, "crop_scale" in about["config"], run, folder is not None)


def weights_in(folder: Path) -> Path:
    """The one *.safetensors of a training run.

    Raises:
        ModelError: there is none, or there are several.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(
            f"The folder {folder} holds no *.safetensors; `python -m train fit` writes one when its run is over."
        )
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise ModelError(
            f"The folder {folder} holds several weights ({names}); name one file, not the folder."
        )
    return files[0]


def file_size(weights: str) -> float | None:
    """Megabytes of a model's file; None for one of the hub."""
    if weights.startswith("hf:"):
        return None
    path = Path(weights) if weights.endswith(".safetensors") else checkpoint.find(weights)
    return path.stat().st_size / 1e6 if path.is_file() else None
