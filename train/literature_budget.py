"""How long the models of the literature are trained: as their recipes say, or minutes on one core.

overrides("cnn", "cpu")  ->  ["minutes=10", "cache_size=176", "sizes=[96]", ...]
"""

from pathlib import Path

BUDGETS = ("cpu", "full")

# The short budget, one core of a CPU. What is not here is as the recipe says: network, loss, optimizer, pictures.
MINUTES = 10
SIDE = 64  # of training and validation pictures, and the size that the network works at, in pixels
COMMON = (
    "cache_size=176",
    "batch=16",
    "schedule.kind=cosine",
    "schedule.warmup=50",
    "schedule.final=0.0",
    "ema=0.98",
    "optimizer.clip=1.0",
    "threads=1",
    "validation.0.limit=600",
)
# What differs from these two.
MINUTES_OF = {
    "resnet50-gan": 14,
    "vgg16-autoencoder-animals": 6,
    "vgg16-autoencoder-scenes": 6,
    "fusion-vgg19": 14,
    "fusion-inception-resnet": 14,
}
SIDE_OF = {"cnn": 96}
# Networks without a borrowed encoder; those of the others start from scratch, since that needs no download.
WITHOUT_ENCODER = ("cnn", "unet", "zhang-eccv16")
# What these need to learn anything in so little time, or to fit into it.
EXTRA = {
    "vgg16-autoencoder-people": ("optimizer.lr=0.0003",),
    "vgg16-autoencoder-animals": ("optimizer.lr=0.0003",),
    "vgg16-autoencoder-scenes": ("optimizer.lr=0.0003",),
    "vgg16-autoencoder-all": ("optimizer.lr=0.0003",),
    "fusion-vggface": ("config.descriptor_size=96",),
    "fusion-vgg19": ("optimizer.lr=0.0003", "config.descriptor_size=64"),
    "fusion-inception-resnet": ("config.descriptor_size=96",),
    "zhang-eccv16": ("optimizer.lr=0.0003",),
}
# Models that go on from another one, whatever the budget.
START = {"resnet50-gan": "resnet50-cnn"}


def overrides(name: str, budget: str, start: Path | None = None) -> list[str]:
    """The `key=value` that make the recipe of model `name` a run of this budget.

    Args:
        name: of a model of the literature.
        budget: one of BUDGETS; "full" leaves the recipe as it is.
        start: weights of START[name].
    """
    given = [f"start_from={start}"] if start is not None else []
    if budget == "full":
        return given
    side = SIDE_OF.get(name, SIDE)
    sizes = [f"sizes=[{side}]", f"validation_size={side}", f"config.working_size={side}"]
    encoder = [] if name in WITHOUT_ENCODER else ["config.pretrained=false"]
    return [
        f"minutes={MINUTES_OF.get(name, MINUTES)}",
        *COMMON,
        *sizes,
        *encoder,
        *EXTRA.get(name, ()),
        *given,
    ]
