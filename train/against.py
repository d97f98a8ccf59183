"""A run's model beside the one in use: the same validation pictures, painted by both and measured by the protocol.

    comparison = compare(runs / "mine-20261122-...")
    comparison.is_worse, comparison.sentence

The pictures are those of the run's first validation source, evenly chosen; the measures those of `colorizer.metrics`,
of a classifier its accuracy. What came out is kept in the run's promotion.json for as long as neither model changes.
"""

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from colorizer.errors import OptionError
from colorizer.settings import ROOT
from train import atomic

if TYPE_CHECKING:
    import pandas as pd

    from train.pictures import Pictures

FILE = "promotion.json"
LIMIT = 60
"""Pictures: enough to tell models apart that people can tell apart, in well under a minute on two cores."""
MEASURES = ("psnr", "ssim", "delta_e", "skin_delta_e", "colorfulness")
"""Of a colorizer; the first decides."""
TITLES = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "delta_e": "ΔE",
    "skin_delta_e": "skin ΔE",
    "colorfulness": "colorfulness",
    "accuracy": "accuracy",
}
_RUN = "this run"


class Comparison(BaseModel):
    """What was measured. It is also what promotion.json holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str = Field(description="Stem of the run's weights.")
    against: str = Field(description="Name of the model that it is compared with.")
    kind: Literal["colorizer", "classifier"]
    pictures: int = Field(description="On so many both were measured.")
    source: str = Field(description="What they are of, without this machine's folders.")
    figures: dict[str, tuple[float | None, float | None]] = Field(
        description="Measure -> the run's mean and the other's; None where it could not be measured."
    )
    metric: str = Field(description="The measure that decides: psnr or accuracy.")
    difference: float = Field(description="Of that one, the run's minus the other's; above 0 is better.")
    low: float = Field(description="Its 95 % bootstrap interval, pictures resampled.")
    high: float
    key: str = Field("", description="Changes with either model, the pictures and their number.")
    made: float = Field(0.0, description="Seconds since 1970.")

    @property
    def is_worse(self) -> bool:
        """Whether the run's model is the worse one on these pictures, by however little."""
        return self.difference < 0

    @property
    def sentence(self) -> str:
        """All of it for people."""
        mine, other = (_in_words(self.metric, value) for value in self.figures[self.metric])
        by = _in_words(self.metric, abs(self.difference))
        how = f"{by} worse than" if self.is_worse else f"{by} better than" if self.difference else "like"
        low, high = (_in_words(self.metric, value, "+") for value in (self.low, self.high))
        return (
            f"On the same {self.pictures} validation pictures this run's model is {how} {self.against}: "
            f"{TITLES[self.metric].partition(',')[0]} {mine} against {other} (difference {low} to {high}, 95 % "
            "interval)."
        )


def read(folder: Path) -> Comparison | None:
    """What was measured last of a run, whether or not it still holds; None without."""
    try:
        return Comparison.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def compare(folder: Path, against: str = "default", limit: int = LIMIT) -> Comparison:
    """Measure a run's weights and another model on the run's validation pictures, unless that is known already.

    Args:
        folder: the run's.
        against: a model's name; "default" is the one that is in use: for a classifier the present classifier.
        limit: so many pictures, evenly chosen.

    Raises:
        OptionError: the run has no weights, or its validation pictures are not here, or tell nothing.
        ModelError: one of the models can't be used.
    """
    from colorizer import checkpoint
    from colorizer.ethnicity import DEFAULT as CLASSIFIER

    weights = weights_of(folder)
    is_classifier = "crop_scale" in checkpoint.about(weights)["config"]
    name = CLASSIFIER if is_classifier and against == "default" else against
    other = checkpoint.find(name)
    images, labels = validation_of(folder)
    key = _key(weights, other, f"{images} {labels} {limit}")
    if (known := read(folder)) is not None and known.key == key:
        return known
    pictures = _evenly(images, labels, limit)
    measure = _accuracies if is_classifier else _colors
    rows, columns = measure(weights, other, pictures)
    found = _means(rows, columns)
    metric, mean = columns[0], found["difference"]
    if mean is None:
        raise OptionError(
            f"None of the {len(pictures.table)} validation pictures of {folder.name} can be measured: "
            + ("they have no labels of the groups." if is_classifier else "they are gray, or can't be read.")
        )
    comparison = Comparison(
        run=weights.stem,
        against=other.stem,
        kind="classifier" if is_classifier else "colorizer",
        pictures=mean["n"],
        source=pictures.source,
        figures={column: (_value(found[f"{column} 0"]), _value(found[f"{column} 1"])) for column in columns},
        metric=metric,
        difference=mean["mean"],
        low=mean["low"],
        high=mean["high"],
        key=key,
        made=time.time(),
    )
    try:
        atomic.write(folder / FILE, comparison.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise OptionError(
            f"{folder} can't be written ({error.strerror}); what was measured is lost."
        ) from error
    return comparison


def weights_of(folder: Path) -> Path:
    """The weights that a run has brought.

    Raises:
        OptionError: there are none yet.
    """
    files = sorted(path for path in folder.glob("*.safetensors") if not path.name.startswith("."))
    if len(files) != 1:
        raise OptionError(
            f"{folder.name} has no weights yet; they are written when the run comes to its end."
            if not files
            else f"{folder.name} holds several weights ({', '.join(path.name for path in files)}); leave only one."
        )
    return files[0]


def validation_of(folder: Path) -> tuple[Path, Path | None]:
    """Folder and labels of a run's first validation source, absolute.

    Raises:
        OptionError: its recipe can't be read, or they are not on this machine.
    """
    images, labels = _validation(folder)
    for path in (images, labels):
        if path is not None and not path.exists():
            raise OptionError(
                f"The validation pictures of {folder.name} are not here: there is no {path}; put them back, or look at "
                "the run's own scores."
            )
    return images, labels


def _validation(folder: Path) -> tuple[Path, Path | None]:
    try:
        values: Any = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
        source = values["validation"][0]
        images, labels = str(source["images"]), source.get("labels")
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise OptionError(
            f"The recipe of {folder.name} can't be read any more, so nobody knows its validation pictures."
        ) from error
    # A relative path counts from where jobs run.
    return ROOT / Path(images).expanduser(), ROOT / Path(str(labels)).expanduser() if labels else None


def _evenly(images: Path, labels: Path | None, limit: int) -> "Pictures":
    import numpy as np

    from train import pictures

    found = pictures.find(images, labels)
    rows = np.unique(np.linspace(0, max(len(found.table) - 1, 0), max(limit, 1)).round().astype(int))
    return pictures.only(found, found.table.iloc[rows if len(found.table) else []])


def _colors(weights: Path, other: Path, pictures: "Pictures") -> "tuple[pd.DataFrame, tuple[str, ...]]":
    """A row a picture with every measure of both, "psnr 0" the run's, "psnr 1" the other's."""
    import pandas as pd

    from train.evaluate import FAIRFACE_TINT
    from train.measure import Bench

    bench = Bench({_RUN: str(weights), other.stem: str(other)}, ["auto"], FAIRFACE_TINT, lpips=False)
    rows = []
    for name, ethnicity, content in pictures.read():
        by_model = {row["model"]: row for row in bench.measure(name, ethnicity, content).rows}
        if by_model:
            rows.append(
                {
                    f"{measure} {i}": by_model[model][measure]
                    for i, model in enumerate((_RUN, other.stem))
                    for measure in MEASURES
                }
            )
    return pd.DataFrame(rows), MEASURES


def _accuracies(weights: Path, other: Path, pictures: "Pictures") -> "tuple[pd.DataFrame, tuple[str, ...]]":
    """A row a labelled picture, 1 where a classifier names its label."""
    import pandas as pd

    from colorizer.groups import GROUPS
    from train.evaluate import FAIRFACE_TINT
    from train.measure import Bench

    bench = Bench(
        {}, ["auto"], FAIRFACE_TINT, lpips=False, classifiers={_RUN: str(weights), other.stem: str(other)}
    )
    rows = []
    for name, ethnicity, content in pictures.read():
        if ethnicity in GROUPS and (estimates := bench.measure(name, ethnicity, content).estimates):
            named = {one["classifier"]: one["estimated"] for one in estimates}
            rows.append(
                {
                    f"accuracy {i}": float(named[model] == ethnicity)
                    for i, model in enumerate((_RUN, other.stem))
                }
            )
    return pd.DataFrame(rows), ("accuracy",)


def _means(rows: "pd.DataFrame", columns: tuple[str, ...]) -> dict[str, dict[str, Any] | None]:
    """Of each column, and of "difference", the paired one of the first measure."""
    from train import intervals

    if rows.empty:
        return {"difference": None}
    rows = rows.assign(difference=rows[f"{columns[0]} 0"] - rows[f"{columns[0]} 1"])
    return intervals.means(rows, list(rows.columns))


def _value(mean: dict[str, Any] | None) -> float | None:
    return None if mean is None else float(mean["mean"])


def _key(weights: Path, other: Path, rest: str) -> str:
    digest = hashlib.sha256(rest.encode())
    for path in (weights, other):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _in_words(metric: str, value: float | None, sign: str = "") -> str:
    if value is None:
        return "unknown"
    if metric == "accuracy":
        return f"{value:{sign}.1%}".replace("%", " %")
    return f"{value:{sign}.2f} dB" if metric == "psnr" else f"{value:{sign}.3f}"
