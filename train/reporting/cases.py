"""The photos that each model paints best and worst, as thumbnails."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from colorizer import photo
from train.measure import Bench, protocol_truth
from train.pictures import Pictures
from train.reporting.models import BASELINES

# What decides, and whether more is better.
JUDGED_BY = {"psnr": True, "skin_delta_e": False}
EACH = 6  # best and worst cases a model and metric
TRIPLES = 240  # of thumbnails in one report at most: its file stays under about 4 MB
SIDE = 112  # height of a thumbnail, pixels


@dataclass(frozen=True)
class Case:
    """One photo as one model painted it."""

    name: str
    ethnicity: str
    value: float
    gray: str
    truth: str
    prediction: str
    """data: URLs of JPEGs."""


def pick(results: pd.DataFrame, each: int = EACH) -> pd.DataFrame:
    """Columns model, metric, case ("best" or "worst"), rank, imageName, ethnicity, value.

    Baselines have no cases. Where there are too few photos, none is among the best and the worst; a lone one is a best.

    Args:
        results: one row a photo a model.
        each: how many of either.
    """
    models = [name for name in results["model"].unique() if name not in BASELINES]
    each = min(each, max(1, TRIPLES // max(1, 2 * len(JUDGED_BY) * len(models))))
    parts = []
    for model in models:
        rows = results[results["model"] == model]
        for metric, is_more in JUDGED_BY.items():
            known = rows[np.isfinite(rows[metric].astype(np.float64))]
            ranked = known.sort_values([metric, "imageName"], ascending=[not is_more, True])
            best = ranked.head(min(each, (len(ranked) + 1) // 2))
            worst = ranked.tail(min(each, len(ranked) // 2)).iloc[::-1]
            for case, chosen in (("best", best), ("worst", worst)):
                columns = {
                    "model": model,
                    "metric": metric,
                    "case": case,
                    "rank": range(1, len(chosen) + 1),
                    "imageName": chosen["imageName"].to_numpy(),
                    "ethnicity": chosen["ethnicity"].to_numpy(),
                    "value": chosen[metric].to_numpy(np.float64),
                }
                parts.append(pd.DataFrame(columns))
    names = ["model", "metric", "case", "rank", "imageName", "ethnicity", "value"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def paint(
    picked: pd.DataFrame, photos: Pictures, bench: Bench
) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Read and paint the picked photos once more: (model, imageName) -> data: URLs of gray, truth and prediction."""
    table = photos.table[photos.table["imageName"].isin(picked["imageName"])]
    wanted = picked.groupby("imageName")["model"].unique()
    urls = {}
    for name, ethnicity, content in replace(photos, table=table).read():
        truth = protocol_truth(content)
        _, predictions, _ = bench.paint(truth, ethnicity, only=list(wanted[name]))
        height, width = photo.read(content).rgb.shape[:2]
        size = (int(np.clip(SIDE * width / height, SIDE / 2, SIDE * 2)), SIDE)
        gray, true = thumbnail(predictions["gray"], size), thumbnail(truth, size)
        for model in wanted[name]:
            urls[model, name] = gray, true, thumbnail(predictions[model], size)
    return urls


def thumbnail(rgb: NDArray[np.uint8], size: tuple[int, int]) -> str:
    """(H, W, 3) uint8 -> a JPEG of this width and height as a data: URL."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def shown(
    picked: pd.DataFrame, urls: dict[tuple[str, str], tuple[str, str, str]]
) -> dict[str, dict[tuple[str, str], Sequence[Case]]]:
    """{model: {(metric, "best" or "worst"): cases}} of what was painted."""
    found: dict[str, dict[tuple[str, str], list[Case]]] = {}
    columns = ("model", "metric", "case", "imageName", "ethnicity", "value")
    for model, metric, case, name, ethnicity, value in zip(*(picked[key] for key in columns), strict=True):
        cases = found.setdefault(model, {}).setdefault((metric, case), [])
        cases.append(Case(name, ethnicity, value, *urls[model, name]))
    return found  # type: ignore[return-value]  # a list is a sequence
