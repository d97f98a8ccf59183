"""The portrait colorizers of the literature, in the order in which they are shown: what each is, and what makes it.

Needs no PyTorch. Whether there are weights of one, and what they say of themselves, `catalog` finds out.
"""

from dataclasses import dataclass, field
from typing import Any

_DIGIFACE = "Study of face colorization on DigiFace"
_PORTRAITS = "Study of portraits with U-Net and VGG-19"
_CATEGORIES = "Study of people, animals and scenes with VGG-16"
_DESCRIPTORS = "Study of face descriptors, after Baldassarre et al. 2017"
_ZHANG = "Zhang, Isola and Efros 2016"


@dataclass(frozen=True)
class Model:
    """One model, trained or not."""

    name: str
    """Of its weights."""
    network: str
    """Registered name of its architecture."""
    config: dict[str, Any] = field(hash=False)
    """The network's arguments as its recipe has them, by which the parameters of an untrained one are counted."""
    source: str
    """The study, in a few words."""
    recipe: str
    """What `python -m train fit` takes."""
    about: str
    """What it is, in a sentence."""
    command: str = ""
    """What gets its weights where there is better than training on a short budget."""

    @property
    def how(self) -> str:
        """The command that makes its weights."""
        return self.command or f"python -m train literature fit {self.name}"


MODELS: tuple[Model, ...] = (
    Model(
        "ethnicity-aware",
        "ethnicity-aware",
        {"encoder": "regnetx_008", "width": 96, "working_size": 160},
        "Rangin",
        "ethnicity-aware",
        "Told for every pixel who was estimated to be there; the default.",
        "python -m train fit ethnicity-aware --install",
    ),
    Model(
        "cnn",
        "cnn",
        {"working_size": 128},
        _DIGIFACE,
        "literature/cnn",
        "A plain encoder-decoder with batch normalisation and dense layers before the output, trained with L2.",
    ),
    Model(
        "resnet50-cnn",
        "resnet50-cnn",
        {"working_size": 128},
        _DIGIFACE,
        "literature/resnet50-cnn",
        "The plain encoder-decoder's decoder on a ResNet-50.",
    ),
    Model(
        "resnet50-gan",
        "resnet50-cnn",
        {"working_size": 128},
        _DIGIFACE,
        "literature/resnet50-gan",
        "The ResNet-50 model trained against a discriminator that sees L, a and b.",
    ),
    Model(
        "unet",
        "unet",
        {"working_size": 128},
        _PORTRAITS,
        "literature/unet",
        "A U-Net of double 3x3 convolutions, trained with L1.",
    ),
    Model(
        "uvgg",
        "uvgg",
        {"working_size": 128},
        _PORTRAITS,
        "literature/uvgg",
        "That U-Net with a VGG-19 in parallel, joined at the bottleneck.",
    ),
    *(
        Model(
            f"vgg16-autoencoder-{subject}",
            "vgg16-autoencoder",
            {"working_size": 224},
            _CATEGORIES,
            f"literature/vgg16-autoencoder-{subject}",
            f"VGG-16's features and a decoder, trained with L2 on {pictures}.",
        )
        for subject, pictures in (
            ("people", "people"),
            ("animals", "animals"),
            ("scenes", "scenes without people"),
            ("all", "people, animals and scenes"),
        )
    ),
    Model(
        "fusion-vggface",
        "fusion-vggface",
        {"working_size": 224},
        _DESCRIPTORS,
        "literature/fusion-vggface",
        "An encoder-decoder told what a network that tells faces apart sees in the whole picture.",
    ),
    Model(
        "fusion-vgg19",
        "fusion-vgg19",
        {"working_size": 224},
        _DESCRIPTORS,
        "literature/fusion-vgg19",
        "The same encoder-decoder told what VGG-19 sees.",
    ),
    Model(
        "fusion-inception-resnet",
        "fusion-inception-resnet",
        {"working_size": 224},
        _DESCRIPTORS,
        "literature/fusion-inception-resnet",
        "The same encoder-decoder told what Inception-ResNet-v2 sees, as in Deep Koalarization.",
    ),
    Model(
        "zhang-eccv16",
        "zhang-eccv16",
        {"working_size": 176},
        _ZHANG,
        "literature/zhang-eccv16",
        "Eight blocks of convolutions that choose among 313 colours, rare ones weighing more.",
        "python -m colorizer fetch zhang-eccv16",
    ),
)


def find(name: str) -> Model | None:
    """The model of that name, if the literature has one."""
    return next((model for model in MODELS if model.name == name), None)
