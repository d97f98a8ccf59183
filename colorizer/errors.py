"""The errors a user of Rangin can cause; each carries one sentence that says what was wrong and what to do."""


class RanginError(Exception):
    """Base of everything a user can cause. Whatever else is raised is a bug and keeps its traceback."""


class PhotoError(RanginError):
    """A file that is no photo we can read, or one beyond the limits."""


class ModelError(RanginError):
    """A model that is missing, damaged, or not what was asked for."""


class OptionError(RanginError, ValueError):
    """An option outside what is allowed; the message lists what is."""


class AccessError(RanginError):
    """Somebody asked for what this person may not do, or didn't say who they are."""
