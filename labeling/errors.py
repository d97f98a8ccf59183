"""What a person who labels, or owns a labelling project, can cause; each carries one sentence for them."""

from colorizer.errors import AccessError, RanginError

__all__ = ["AccessError", "LabelError"]


class LabelError(RanginError):
    """A label, name, batch or file that can't be taken as it is."""
