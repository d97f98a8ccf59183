"""What other programs ask for over HTTP: one call, one answer, nothing remembered. Knows no gradio.

path, faces = service.colorize(desk, "grandmother.jpg", "Indian, auto", 1.0)
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from colorizer.desk import Desk
from colorizer.errors import OptionError, PhotoError
from colorizer.groups import check_choice
from colorizer.view import stem

MISSING = "No photo came with this request; send one as a file."


def colorize(
    desk: Desk, photo: str | Path | None, ethnicity: str = "auto", vividness: float = 1.0
) -> tuple[Path, list[dict[str, Any]]]:
    """A photo in colour.

    Args:
        desk: the model, and where files go.
        photo: the file.
        ethnicity: one choice for all faces, or one for each face, left to right, separated by commas.
        vividness: as for `Colorizer.paint`.

    Returns:
        The PNG of full size; for each face its box, landmarks, score, probabilities and what was chosen.

    Raises:
        PhotoError: no photo, or none that can be read.
        OptionError: `ethnicity` or `vividness` is not allowed.
    """
    from colorizer.options import check_vividness
    from colorizer.photo import write

    choices = parse_ethnicity(ethnicity)
    check_vividness(vividness)
    result = desk.colorizer.colorize(_given(photo), choices, vividness)
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
) -> tuple[Path, list[dict[str, str]]]:
    """One photo by several models, on one sheet.

    Args:
        desk: the page's model, and where files go.
        photo: the file.
        models: names of models that colorize; "default" is the page's.
        truth: the photo as it really was.

    Returns:
        The sheet as PNG; for each model its name and, with a truth, its figures in words.

    Raises:
        PhotoError: a photo is missing or can't be read.
        OptionError: there is no such model, or none was named.
    """
    from colorizer import catalog, sheet
    from colorizer.photo import read

    available = catalog.colorizers()
    names = models if isinstance(models, list | tuple) else []
    # Each model once: every one named costs a painting and a picture in memory.
    chosen = list(dict.fromkeys(desk.colorizer.name if name == "default" else str(name) for name in names))
    if not chosen or not set(chosen) <= {*available, desk.colorizer.name}:
        raise OptionError(f"Name models that colorize, as a list: default, {', '.join(available)}.")
    true = None
    if truth is not None:
        try:
            true = read(truth)
        except PhotoError as error:  # said here, since the sheet would name the file's path on the server
            raise PhotoError(f"The true photo is refused: {error}") from error
    loaded = [desk.colorizer if name == desk.colorizer.name else _load(desk, name) for name in chosen]
    row = sheet.panels(loaded, Path(_given(photo)), true)
    row[0] = replace(row[0], title="photo")
    path = _new_file(desk, "comparison.png")
    sheet.draw([row]).save(path)
    painted = row[1 : 1 + len(loaded)]
    return path, [{"model": panel.title, "figures": panel.caption} for panel in painted]


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


def _load(desk: Desk, name: str) -> Any:
    from colorizer.pipeline import Colorizer

    return Colorizer.load(name, desk.settings.device)


def _new_file(desk: Desk, name: str) -> Path:
    return desk.new_folder(secrets.token_urlsafe(16)) / name
