"""What other programs ask for over HTTP: one call, one answer, nothing remembered. Knows no gradio.

path, faces = service.colorize(desk, "grandmother.jpg", "Indian, Monk 4", 1.0)
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from colorizer.desk import Desk
from colorizer.errors import OptionError, PhotoError
from colorizer.groups import check_choice
from colorizer.steering import Steering
from colorizer.steering_text import parse_hints
from colorizer.view import stem

MISSING = "No photo came with this request; send one as a file."


def colorize(
    desk: Desk,
    photo: str | Path | None,
    ethnicity: str = "auto",
    vividness: float = 1.0,
    light: str = "predicted",
    warmth: float = 0.0,
    tint: float = 0.0,
    hints: str = "",
) -> tuple[Path, list[dict[str, Any]]]:
    """A photo in colour.

    Args:
        desk: the model, and where files go.
        photo: the file.
        ethnicity: one choice for all faces, or one for each face, left to right, separated by commas.
        vividness: as for `Colorizer.paint`.
        light, warmth, tint: as for `Steering`.
        hints: JSON as `steering_text.parse_hints` takes it, in pixels of the photo as it is seen.

    Returns:
        The PNG of full size; for each face its box, landmarks, score, probabilities and what was chosen.

    Raises:
        PhotoError: no photo, or none that can be read.
        OptionError: one of the others is not allowed, a hint lies outside the photo, or the model can't be steered.
    """
    from colorizer.options import check_vividness
    from colorizer.photo import write

    choices = parse_ethnicity(ethnicity)
    check_vividness(vividness)
    steering = Steering(light, warmth, tint, hints=parse_hints(hints))
    desk.model.renew()
    result = desk.colorizer.colorize(_given(photo), choices, vividness, steering=steering)
    path = _new_file(desk, f"{stem(_given(photo))}-colour.png")
    write(np.asarray(result.image), path, model=result.model)
    return path, [asdict(face) for face in result.faces]


def metrics(desk: Desk, prediction: str | Path | None, truth: str | Path | None) -> dict[str, Any]:
    """A colorized photo against the true one, by the one protocol; skin is looked for on the truth's faces.

    Raises:
        PhotoError: one of the two is missing or can't be read.
    """
    from colorizer.metrics import compare
    from colorizer.photo import read

    true, predicted = read(_given(truth)), read(_given(prediction))
    faces = desk.colorizer.detector.detect(true.rgb)
    return compare(predicted.rgb, true.rgb, faces=faces).as_dict()


def models() -> list[dict[str, Any]]:
    """Every model of the literature, trained or not, and all other weights: what `catalog.Entry` says of each."""
    from colorizer.catalog import entries

    return [asdict(entry) for entry in entries()]


def compare(
    desk: Desk, photo: str | Path | None, models: Sequence[str], truth: str | Path | None = None
) -> tuple[Path, list[dict[str, Any]]]:
    """One photo by several models, on one sheet.

    Args:
        desk: the page's model, and where files go.
        photo: the file.
        models: names of trained models; "default" is the page's, "all" is each one.
        truth: the photo as it really was.

    Returns:
        The sheet as PNG; for each model its name, its seconds, its figures in words, with a truth its metrics, and
        the fields in which no other is better.

    Raises:
        PhotoError: a photo is missing or can't be read.
        ModelError: a model is not trained yet, or colorizes nothing.
        OptionError: there is no such model, or none was named.
    """
    from colorizer import comparison, sheet
    from colorizer.comparison_models import choose_models
    from colorizer.photo import write

    if not isinstance(models, list | tuple) or not all(isinstance(name, str) for name in models):
        raise OptionError('Name models that colorize, as a list: ["default", "unet"], or ["all"].')
    desk.model.renew()
    names = choose_models(models, desk.colorizer.name)
    portrait = desk.colorizer.analyze(_given(photo))
    true = None if truth is None else comparison.true_photo(truth, portrait)
    (compared,) = comparison.compare(
        desk.colorizer, [("photo", portrait)], names, [true], longest=sheet.PANEL
    )
    path = _new_file(desk, "comparison.png")
    write(sheet.draw([compared]), path, model=sheet.signature([compared]))
    return path, [
        {
            "model": one.model,
            "seconds": round(one.seconds, 3),
            "figures": sheet.in_words(one),
            "metrics": one.metrics.as_dict() if one.metrics else None,
            "best": sorted(one.best),
        }
        for one in compared.paintings
    ]


def parse_ethnicity(text: str) -> str | list[str]:
    """One choice, or several separated by commas -> what `Colorizer.paint` takes.

    Raises:
        OptionError: one of them is no choice.
    """
    choices = [check_choice(part.strip()) for part in str(text).split(",")]
    return choices[0] if len(choices) == 1 else choices


def _given(source: str | Path | None) -> str | Path:
    if source is None:
        raise PhotoError(MISSING)
    return source


def _new_file(desk: Desk, name: str) -> Path:
    return desk.new_folder(secrets.token_urlsafe(16)) / name
