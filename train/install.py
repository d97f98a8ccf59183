"""Put a finished run's weights where the page, the command line and reports find them: in the models folder.

install(Path("runs/mine/mine.safetensors"))
"""

from pathlib import Path

from colorizer.errors import OptionError
from colorizer.settings import get_settings
from train import atomic


def install(weights: Path, name: str = "", card: str | None = None) -> Path:
    """Copy weights and a card into the models folder (the setting RANGIN_MODELS), made if need be.

    An older model of the same name is replaced, each file in one step. The card goes first, so that a model is never
    there without one.

    Args:
        weights: the file.
        name: what the model will be called; the file's own name if empty.
        card: its text; that of the file beside the weights if None.

    Returns:
        Where the weights are now.

    Raises:
        OptionError: the folder can't be made or written.
    """
    folder = get_settings().models
    place = folder / f"{name or weights.stem}.safetensors"
    beside = weights.with_suffix(".md")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if card is not None:
            atomic.write(place.with_suffix(".md"), card)
        elif beside.is_file():
            atomic.write(place.with_suffix(".md"), beside.read_bytes())
        atomic.write(place, weights.read_bytes())
    except OSError as error:
        raise OptionError(
            f"{weights.name} could not be put into the models folder {folder} ({error.strerror}); make room there, or "
            "set RANGIN_MODELS to a folder that can be written."
        ) from error
    return place
