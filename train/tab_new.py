"""The section "New run" of the Train tab: widgets and wiring only."""

from train.shop import Shop


def build(shop: Shop) -> None:
    """Put the section into the tab that is being built."""
