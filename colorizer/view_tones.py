"""Palettes and skin tones as the page calls and shows them. HTML, no widgets; whatever stands in it is escaped here."""

from html import escape

from colorizer.groups import GROUPS, TONES

CHOICE_NAMES = {
    "auto": "Automatic: as estimated",
    "none": "None: neutral palette",
    **{group: group for group in GROUPS},
    **{tone: f"Skin tone {i} of {len(TONES)} (Monk scale)" for i, tone in enumerate(TONES, 1)},
}
"""What may be chosen for a face -> how menus call it."""


def tone_styles() -> str:
    """A style sheet that says the colour of each skin tone in a menu, as `--swatch`, for the page's own to show."""
    rules = "".join(
        f'[role="option"][aria-label="{escape(CHOICE_NAMES[tone])}"]{{--swatch:{color}}}'
        for tone, color in TONES.items()
    )
    return f"<style>{rules}</style>"


def swatch(color: str) -> str:
    """A small field of a colour, "#rrggbb", beside words that say the same."""
    return f'<i class="swatch" style="background:{escape(color)}" aria-hidden="true"></i>'


def tone(choice: str) -> str:
    """What a card says of a chosen skin tone; empty for any other choice."""
    if choice not in TONES:
        return ""
    return (
        f'<p class="tone">{swatch(TONES[choice])}{escape(CHOICE_NAMES[choice])}: its hue and strength of colour. '
        "How light or dark the skin is stays as in the photo.</p>"
    )
