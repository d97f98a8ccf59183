"""Colorful Image Colorization (Zhang, Isola and Efros 2016): eight blocks, dilated in the middle, 313 bins of ab.

The layers stand in the order of the authors' PyTorch release and carry its names, so that its weights fit
(`python -m colorizer fetch zhang-eccv16`). Only `model_out` is left out: it holds the bins' centres, `colorizer.bins`.
Their release paints the plain mean (T = 1); the annealed one of T = 0.38 is the paper's.
"""

from torch import Tensor, nn

from colorizer import bins as ab_bins
from colorizer.networks import register

# Channels, number of convolutions, stride of the last one, and dilation of each block but the eighth.
BLOCKS = (
    (64, 2, 2, 1),
    (128, 2, 2, 1),
    (256, 3, 2, 1),
    (512, 3, 1, 1),
    (512, 3, 1, 2),
    (512, 3, 1, 2),
    (512, 3, 1, 1),
)


@register("zhang-eccv16")
class ZhangECCV16(nn.Module):
    """L -> 313 bins, and their annealed mean as ab, at a quarter of the size.

    Args:
        working_size: the photo is brought to about working_size^2 pixels before it comes here; read by the pipeline.
        temperature: of the annealed mean, in (0, 1]; 1 is the plain mean.

    Raises:
        ValueError: `temperature` is none.
    """

    def __init__(self, working_size: int = 256, temperature: float = ab_bins.TEMPERATURE) -> None:
        super().__init__()
        if not (isinstance(temperature, (int, float)) and 0 < temperature <= 1):
            raise ValueError(f"temperature is a number above 0 and at most 1, not {temperature!r}")
        self.config = {"working_size": working_size, "temperature": temperature}
        self.bins = True  # as `ethnicity-aware` says it: tasks may ask for logits
        self.temperature = temperature
        channels = 1
        for number, (width, count, stride, dilation) in enumerate(BLOCKS, 1):
            layers: list[nn.Module] = []
            for i in range(count):
                is_last = i == count - 1
                step = stride if is_last else 1
                layers += [nn.Conv2d(channels, width, 3, step, dilation, dilation), nn.ReLU(inplace=True)]
                channels = width
            self.add_module(f"model{number}", nn.Sequential(*layers, nn.BatchNorm2d(width)))
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(channels, 256, 4, 2, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, ab_bins.COUNT, 1),
        )

    def forward(self, lightness: Tensor, groups: Tensor | None = None) -> Tensor:
        """(B, 1, h, w) L* in [0, 100], sides multiples of 16 -> (B, 2, h/4, w/4) a* and b*. `groups` is ignored."""
        return ab_bins.decode(self.predict_logits(lightness, groups)[0], self.temperature)

    def predict_logits(self, lightness: Tensor, groups: Tensor | None = None) -> tuple[Tensor, None]:
        """As `forward`, but the bins' (B, 313, h/4, w/4) unnormalised logits, float32, in place of ab."""
        y = (lightness - 50) / 100
        for number in range(1, len(BLOCKS) + 2):
            y = self.get_submodule(f"model{number}")(y)
        return y.float(), None
