"""What a person who labels, or owns a labelling project, can cause; each carries one sentence for them."""

from colorizer.errors import RanginError


class LabelError(RanginError):
    """A label, name, batch or file that can't be taken as it is."""


class AccessError(RanginError):
    """Somebody asked for what this person may not do, or didn't say who they are."""
