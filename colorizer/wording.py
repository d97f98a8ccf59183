"""Metrics in plain words, for the page's table."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colorizer.metrics import Metrics

Shown = Callable[[float], str]


def _decibel(value: float) -> str:
    return "identical" if value == float("inf") else f"{value:.1f} dB"


def _degrees(value: float) -> str:
    return f"{value:.1f}°"


def _signed_degrees(value: float) -> str:
    return f"{value:+.1f}°"


def _one(value: float) -> str:
    return f"{value:.1f}"


def _signed(value: float) -> str:
    return f"{value:+.1f}"


def _three(value: float) -> str:
    return f"{value:.3f}"


def _percent(value: float) -> str:
    return f"{value:.0%}"


NO_SKIN = "No skin was found on a face of this photo."

# Field of Metrics -> its name for people, how its number is written, and what it says. The ones to look at first
# stand first; a test holds this table complete.
WORDS: dict[str, tuple[str, Shown, str]] = {
    "psnr": (
        "PSNR",
        _decibel,
        "How close the pixels are; higher is closer. One sepia tint over all gets about 24.",
    ),
    "delta_e": (
        "Colour difference",
        _one,
        "CIEDE2000, mean of all pixels. 1 is just visible, 10 is plainly another.",
    ),
    "skin_delta_e": (
        "Skin colour difference",
        _one,
        "The same, on the skin of the faces only. Lower is better.",
    ),
    "ssim": (
        "SSIM",
        _three,
        "How alike structures are; 1 is identical. Lightness is kept, so it is always high.",
    ),
    "lpips": (
        "LPIPS",
        _three,
        "How different the two look to a network that saw many photos; 0 is identical.",
    ),
    "within_10": ("Within 10", _percent, "Share of colour values (a and b) that are less than 10 off."),
    "colorfulness": (
        "Colourfulness",
        _one,
        "How colourful the result is: 0 is gray, 50 is an ordinary photo.",
    ),
    "delta_colorfulness": (
        "Colourfulness, difference",
        _signed,
        "Below 0, the result is paler than the truth.",
    ),
    "skin_bias_a": ("Skin, green to red", _signed, "Above 0, the skin came out too red."),
    "skin_bias_b": ("Skin, blue to yellow", _signed, "Above 0, the skin came out too yellow."),
    "skin_bias_hue": ("Skin, hue", _signed_degrees, "Above 0, the hue is turned from red towards yellow."),
    "skin_hue_error": ("Skin, hue error", _degrees, "Mean turn of the skin's hue, whichever way."),
    "skin_ita_error": (
        "Skin, tone error",
        _degrees,
        "Error of the typology angle, which orders skin pale to dark.",
    ),
    "aligned_psnr": ("PSNR, light forgiven", _decibel, "As if the whole result had the truth's mean colour."),
    "aligned_skin_delta_e": (
        "Skin difference, light forgiven",
        _one,
        "The same for skin: what light can't explain.",
    ),
    "mse": ("Mean squared error", _one, "Over red, green and blue, 0 to 255."),
    "mae": ("Mean error", _one, "Over red, green and blue, 0 to 255: how far off a value is on average."),
    "channel_accuracy": (
        "Larger channel",
        _percent,
        "Share of pixels whose larger one of a and b is the right one.",
    ),
}


def table(metrics: "Metrics") -> str:
    """All metrics as an HTML table with a sentence each."""
    rows = "".join(_row(metrics, field, *words) for field, words in WORDS.items())
    return (
        '<table class="metrics"><caption>This result against the true photo, both at 256 × 256 pixels</caption>'
        '<thead><tr><th scope="col">Measure</th><th scope="col">Value</th>'
        '<th scope="col">What it says</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _row(metrics: "Metrics", field: str, name: str, shown: Shown, says: str) -> str:
    value = getattr(metrics, field)
    if value is None:
        says = (metrics.lpips_reason or "") if field == "lpips" else NO_SKIN
    text = "–" if value is None else shown(value)
    return f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td><td>{escape(says)}</td></tr>'
