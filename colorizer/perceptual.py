"""LPIPS (Zhang et al. 2018, v0.1, AlexNet), if its weights are on this machine; nothing is downloaded here.

The package carries the calibration; the trunk is torchvision's AlexNet, which is too large for the repository. Where
it is missing, `lpips_distance` says the command that fetches it once.
"""

import threading
import warnings
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch import nn

TRUNK = "alexnet-owt-7be5be79.pth"
_FETCH = """python -c "import torchvision as t; t.models.alexnet(weights='IMAGENET1K_V1')\""""

_lock = threading.Lock()
_loaded: dict[Path, nn.Module] = {}


def lpips_distance(predicted: np.ndarray, true: np.ndarray) -> tuple[float | None, str | None]:
    """Perceptual distance of two pictures.

    Args:
        predicted: (H, W, 3) uint8 sRGB.
        true: the same.

    Returns:
        (distance, None), or (None, a sentence saying why there is none and how to get it).
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / TRUNK
    with _lock:
        if path not in _loaded:
            if not path.is_file():
                return (
                    None,
                    f"The AlexNet weights that LPIPS needs are not on this machine; get them once with: {_FETCH}",
                )
            try:
                _loaded[path] = _load(path)
            except (OSError, EOFError, RuntimeError, KeyError, ValueError, UnpicklingError) as error:
                kind = type(error).__name__
                return (
                    None,
                    # Without the folder, which visitors of the page need not know.
                    f"The AlexNet weights that LPIPS needs are damaged ({kind}); delete {TRUNK} from torch's cache, "
                    f"then: {_FETCH}",
                )
        network = _loaded[path]
    with torch.inference_mode():
        return float(network(_to_tensor(predicted), _to_tensor(true))), None


def _load(path: Path) -> nn.Module:
    """LPIPS with the trunk from torchvision's file, of which nothing but tensors is unpickled."""
    # Here and not above: its import takes a second, which nothing but this metric should cost.
    import lpips

    state = torch.load(path, map_location="cpu", weights_only=True)
    with warnings.catch_warnings():
        # lpips 0.1.4 asks torchvision for the random trunk by arguments that are deprecated there.
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        network = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    for (
        name,
        parameter,
    ) in network.net.named_parameters():  # "slice2.3.weight" is torchvision's "features.3.weight"
        parameter.data.copy_(state["features." + name.split(".", 1)[1]])
    return network.eval()


def _to_tensor(rgb: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(rgb.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
