"""Models with weights of chance, put where the page looks for an operator's own: quick to make, and no two alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from colorizer import checkpoint, networks
from colorizer.settings import get_settings

# Small enough to be made in a moment; the networks as such are their authors'.
NETWORKS = {
    "cnn": ("cnn", {"working_size": 64}),
    "unet": ("cnn", {"working_size": 96}),
    "vgg16-autoencoder-all": ("cnn", {"working_size": 80}),
}


@contextmanager
def some_models(*names: str) -> Iterator[tuple[str, ...]]:
    """Weights of these names while the block runs."""
    folder = get_settings().models
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.safetensors" for name in names]
    for seed, (name, file) in enumerate(zip(names, files, strict=True)):
        registered, config = NETWORKS[name]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = networks.build(registered, **config)
        with torch.no_grad():  # colours that nobody takes for gray
            list(network.parameters())[-1].copy_(torch.tensor([0.3, -0.2 + 0.5 * seed]))
        checkpoint.save(network, registered, file, {"seed": seed})
    try:
        yield names
    finally:
        for file in files:
            file.unlink(missing_ok=True)


@contextmanager
def only_the_default() -> Iterator[None]:
    """The package as if it came with its default model and the classifier alone, while the block runs."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for file in checkpoint.FOLDER.glob("ethnicity-*"):
            (Path(folder) / file.name).symlink_to(file)
        patch.setattr(checkpoint, "FOLDER", Path(folder))
        yield
