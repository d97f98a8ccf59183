"""What every test gets: pictures, the shared data where there are some, and a world that can't be harmed.

Tests never touch the user's home, never reach the network, and never see the user's RANGIN_ settings. That has to
stand before anything imports torch, gradio or huggingface_hub, which read the environment once.
"""

import atexit
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _isolate(home: Path) -> None:
    """Point everything that libraries keep in the user's home to `home`, and forbid downloads."""
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / caches)
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(Path(caches) / "ms-playwright"))
    for name in [name for name in os.environ if name.startswith("RANGIN_") and name != "RANGIN_TEST_DATA"]:
        del os.environ[name]
    for name, folder in {
        "HOME": ".",
        "XDG_CACHE_HOME": ".cache",
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "HF_HOME": ".cache/huggingface",
        "TORCH_HOME": ".cache/torch",
        "MPLCONFIGDIR": ".config/matplotlib",
        "GRADIO_TEMP_DIR": "gradio",
        "RANGIN_MODELS": "models",
        "RANGIN_LABELS_FOLDER": "labels",
        "RANGIN_RUNS": "runs",
        "RANGIN_DATASETS": "datasets",
    }.items():
        path = home / folder
        path.mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(path)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # More threads than a small machine has cores only cost time, and several tests run at a time.
    os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")


_home = Path(tempfile.mkdtemp(prefix="rangin-tests-"))
_isolate(_home)
# At the very end, behind everything that the page's parts do when the process ends: they still write there.
atexit.register(shutil.rmtree, _home, ignore_errors=True)


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """A connection that leaves this machine fails the test that opened it."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(host):
            raise RuntimeError(f"A test tried to reach {address!r}; tests stay on this machine.")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_only)
        yield


@pytest.fixture(autouse=True, scope="session")
def _two_models(_no_network: None) -> Iterator[None]:
    """The package's weights are the two that the page needs, whatever else it comes with."""
    from colorizer import checkpoint

    package = _home / "package"
    package.mkdir()
    for file in sorted(checkpoint.FOLDER.glob("ethnicity-*")):
        (package / file.name).symlink_to(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "FOLDER", package)
        yield


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1", "0.0.0.0") or host.startswith("127.")


@pytest.fixture
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's folder of weights, empty."""
    from colorizer.settings import get_settings

    path = tmp_path / "models"
    path.mkdir()
    monkeypatch.setenv("RANGIN_MODELS", str(path))
    get_settings.cache_clear()
    yield path
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of unpublished pictures (RANGIN_TEST_DATA, or shared/data beside the repository), or a skip."""
    folder = Path(os.environ.get("RANGIN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data, and there is no {folder}; set RANGIN_TEST_DATA to its folder")
    return folder


@pytest.fixture
def astronaut() -> np.ndarray:
    """(512, 512, 3) uint8 sRGB: Eileen Collins, one face, public domain (NASA)."""
    from skimage import data

    return data.astronaut()


@pytest.fixture
def camera() -> np.ndarray:
    """(512, 512) uint8 gray: a man behind a camera, his one face seen from the side."""
    from skimage import data

    return data.camera()


@pytest.fixture
def grace_hopper() -> Path:
    """A JPEG of 512x600: Grace Hopper, one face, public domain (US Navy)."""
    from matplotlib import cbook

    return Path(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))


@pytest.fixture(scope="session")
def chromium() -> str | None:
    """Path of the system's Chromium; None means Playwright's own."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)
