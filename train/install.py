"""Put a finished run's weights where the page, the command line and reports find them: in the models folder.

install(Path("runs/mine/mine.safetensors"))
"""

from pathlib import Path

from colorizer.errors import OptionError
from colorizer.settings import get_settings
from train import atomic


def install(weights: Path) -> Path:
    """Copy weights and the card beside them into the models folder (the setting RANGIN_MODELS), made if need be.

    An older model of the same name is replaced, each file in one step. The card goes first, so that a model is never
    there without one.

    Returns:
        Where the weights are now.

    Raises:
        OptionError: the folder can't be made or written.
    """
    folder = get_settings().models
    place = folder / weights.name
    card = weights.with_suffix(".md")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if card.is_file():
            atomic.write(place.with_suffix(".md"), card.read_bytes())
        atomic.write(place, weights.read_bytes())
    except OSError as error:
        raise OptionError(
            f"{weights.name} could not be put into the models folder {folder} ({error.strerror}); make room there, or "
            "set RANGIN_MODELS to a folder that can be written."
        ) from error
    return place
