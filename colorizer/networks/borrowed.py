"""Trunks that networks borrow from other libraries: how their weights are had, held still, and fed.

    vgg = trunk(vgg_features("vgg19", pretrained=True), is_frozen=True)
    vgg(as_gray_rgb(lightness))                     # (B, 512, h/32, w/32)

Weights are downloaded once, by the library that knows them, into its own cache: torchvision's and facenet-pytorch's
into `TORCH_HOME`, timm's into `HF_HOME`. B pictures of h x w pixels.
"""

import pickle
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import timm
import torch
import torchvision
from facenet_pytorch import InceptionResnetV1
from huggingface_hub import constants, is_offline_mode, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError
from torch import Tensor, nn

from colorizer.errors import ModelError

# ImageNet's means and deviations of R, G and B in [0, 1], which trunks trained there expect to be taken off.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
# A server that sends nothing for so long, in seconds, counts as out of reach.
_STALLED = 10.0
# Convolutions of each of VGG's five blocks, and their channels (Simonyan and Zisserman 2015).
_VGG_BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_VGG_WIDTHS = (64, 128, 256, 512, 512)


class Frozen(nn.Module):
    """A trunk whose weights, and whose normalisation's statistics, stay as they were borrowed."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.trunk = network.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Frozen":
        """Stays in eval mode: a frozen trunk's batch normalisation must not drift with the batches."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, rgb: Tensor) -> Tensor:
        """The trunk's features, without a gradient."""
        with torch.no_grad():
            return self.trunk(rgb)


class Learned(nn.Module):
    """A trunk that learns with the rest; under the same names as a frozen one, so that their weights fit each other."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.trunk = network

    def forward(self, rgb: Tensor) -> Tensor:
        """The trunk's features."""
        return self.trunk(rgb)


def trunk(network: nn.Module, is_frozen: bool) -> nn.Module:
    """The network as part of a larger one, with its weights at `trunk.*` there."""
    return Frozen(network) if is_frozen else Learned(network)


def as_gray_rgb(lightness: Tensor) -> Tensor:
    """(B, 1, h, w) L* in [0, 100] -> (B, 3, h, w): L*/100 as R, G and B, normalised as ImageNet's trunks expect."""
    mean, deviation = (
        torch.tensor(values, device=lightness.device, dtype=lightness.dtype)[:, None, None]
        for values in (_MEAN, _DEVIATION)
    )
    return (lightness / 100 - mean) / deviation


def vgg_features(name: str, pretrained: bool) -> nn.Sequential:
    """VGG's convolutions without its classifier, which would be four fifths of the weights.

    Args:
        name: "vgg16" or "vgg19".
        pretrained: with torchvision's ImageNet weights.

    Returns:
        (B, 3, h, w) -> (B, 512, h/32, w/32); layers numbered as torchvision's `features`.

    Raises:
        ModelError: the weights can't be downloaded.
    """
    layers: list[nn.Module] = []
    channels = 3
    for count, width in zip(_VGG_BLOCKS[name], _VGG_WIDTHS, strict=True):
        for _ in range(count):
            convolution = nn.Conv2d(channels, width, 3, padding=1)
            # As torchvision starts it: so deep a network without normalisation learns nothing from PyTorch's default.
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            layers += [convolution, nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    features = nn.Sequential(*layers)
    if pretrained:
        with _downloading(name):
            state = torchvision.models.get_model_weights(name).IMAGENET1K_V1.get_state_dict(check_hash=True)
            features.load_state_dict(
                {
                    key.removeprefix("features."): value
                    for key, value in state.items()
                    if key.startswith("features.")
                }
            )
    return features


def timm_model(name: str, pretrained: bool, **options: Any) -> Any:
    """timm's model `name`, from scratch or with the weights that timm has for it.

    Args:
        name: as timm knows it.
        pretrained: with its weights.
        options: of `timm.create_model`.

    Raises:
        ModelError: the weights can't be downloaded.
    """
    if not pretrained:
        return timm.create_model(name, **options)
    with _downloading(name):
        _check_hub(name)
        return timm.create_model(name, pretrained=True, **options)


class FaceEmbedding(nn.Module):
    """InceptionResnetV1, a network that tells faces apart: (B, 3, s, s) -> (B, 512) of length 1.

    Args:
        pretrained: with facenet-pytorch's weights, trained on VGGFace2.

    Raises:
        ModelError: the weights can't be downloaded.
    """

    def __init__(self, pretrained: bool) -> None:
        super().__init__()
        if pretrained:
            with _downloading("InceptionResnetV1"):
                self.network = InceptionResnetV1(pretrained="vggface2")
            del self.network.logits  # of the 8,631 people it was trained on; nothing here asks for them
            # Its input was (x - 127.5) / 128 of 8-bit values.
            take_gray_rgb(self.network.conv2d_1a, scale=255 / 128, offset=-127.5 / 128)
        else:
            self.network = InceptionResnetV1()

    def forward(self, rgb: Tensor) -> Tensor:
        """(B, 3, s, s) as `as_gray_rgb` gives it -> (B, 512)."""
        return self.network(rgb)


@torch.no_grad()
def take_gray_rgb(first: nn.Module, scale: float, offset: float) -> None:
    """Let a trunk that was trained on `scale` x RGB + `offset` take what `as_gray_rgb` gives, with the same result.

    The difference goes into its first convolution and the batch normalisation behind it; exactly, since that
    convolution pads nothing. So trunks borrowed and trunks from scratch take the same input.

    Args:
        first: its first layers, changed in place: `conv` without bias and padding, and `bn`.
        scale: of RGB in [0, 1].
        offset: added after it.
    """
    convolution: Any = first.conv
    normalization: Any = first.bn
    mean, deviation = (torch.tensor(values)[None, :, None, None] for values in (_MEAN, _DEVIATION))
    normalization.running_mean -= (convolution.weight * (scale * mean + offset)).sum((1, 2, 3))
    convolution.weight *= scale * deviation


@contextmanager
def impatient() -> Iterator[None]:
    """Within it a download that stalls for ten seconds fails, with an OSError, where urllib would wait for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALLED)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _downloading(name: str) -> Iterator[None]:
    """A library's download within it ends soon where there is no network, and in a sentence.

    Raises:
        ModelError: the download failed, or what lies in the library's cache is damaged.
    """
    try:
        with impatient():
            yield
    except (OSError, HTTPException, HfHubHTTPError) as error:
        raise ModelError(
            f"The pretrained weights of {name} could not be downloaded; connect to the internet, or start from scratch "
            f"with config.pretrained=false. ({_first_line(error)})"
        ) from error
    except (RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise ModelError(
            f"The pretrained weights of {name} are damaged; delete them in {torch.hub.get_dir()}, "
            f"{torch.hub.get_dir().removesuffix('hub')}checkpoints or {constants.HF_HUB_CACHE} and try again, or start "
            f"from scratch with config.pretrained=false. ({_first_line(error)})"
        ) from error


def _check_hub(name: str) -> None:
    """Raise URLError where timm would ask the Hugging Face Hub for `name` again and again, for most of a minute."""
    about = timm.get_pretrained_cfg(name)
    repository = about.hf_hub_id if about is not None else None
    if repository is None or is_offline_mode() or try_to_load_from_cache(repository, "model.safetensors"):
        return
    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=_STALLED).close()
    except HTTPError:
        return  # it answered
    except URLError as error:
        # timm's own client may have other certificates than urllib.
        if not isinstance(error.reason, ssl.SSLError):
            raise


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
