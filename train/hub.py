"""Talking with the Hugging Face Hub: the client, names of repositories, and what it refuses in one sentence each.

with saying("sending the pictures"):
    client(token).create_commit(...)
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from colorizer.errors import OptionError
from train.jobs.engine import EngineError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
# How much of the Hub's own words is repeated.
_LONGEST = 200


class HubError(EngineError):
    """The Hub can't be reached, or refuses."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status
        """HTTP's; 0 where no answer came."""


def endpoint() -> str:
    """The Hub's address, without a slash at its end."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def client(token: str) -> "HfApi":
    """The Hub's client with this token, or with none at all: never with one that lies on this machine."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()  # a server's log has no use for them
    return HfApi(endpoint=endpoint(), token=token or False)


def check_repository(repository: str, field: str = "repository") -> str:
    """A repository's name, if it can be one.

    Raises:
        OptionError: it isn't user/name as the Hub allows it.
    """
    if not _REPOSITORY.fullmatch(repository) or ".." in repository or "--" in repository:
        raise OptionError(
            f"{field}: {repository[:100]!r} is no name on the Hub; give user/name of letters, digits and single . _ -"
        )
    return repository


def repository_name(text: str) -> str:
    """The nearest name that a repository may have."""
    return re.sub(r"[.-]*-[.-]*|\.{2,}", "-", re.sub(r"[^A-Za-z0-9._-]", "-", text)).strip("-._")[:96]


@contextmanager
def saying(doing: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into a sentence; a mistake of ours keeps its traceback.

    Args:
        doing: what was tried: "sending the pictures".

    Raises:
        HubError: the sentence.
    """
    import httpx2
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise HubError(f"The Hugging Face Hub {_refusal(status, error)} ({doing}).", status) from error
    except HFValidationError as error:
        raise HubError(f"The Hugging Face Hub has no such name ({doing}).") from error
    except OfflineModeIsEnabled as error:
        raise HubError("The Hugging Face Hub is not asked while HF_HUB_OFFLINE is set.") from error
    except (httpx2.HTTPError, LocalEntryNotFoundError) as error:
        raise HubError(f"The Hugging Face Hub can't be reached ({doing}); try again later.") from error
    except RuntimeError as error:  # of hf_xet, which has no class of its own
        raise HubError(f"The Hugging Face Hub broke off ({doing}): {_short(error)}.") from error


def _refusal(status: int, error: Exception) -> str:
    if status == 401:
        return "doesn't know this token; sign in again, or give another one"
    if status == 402:
        return "wants a payment method or credit for this; see the account's billing settings there"
    if status == 403:
        return "doesn't allow this to the token; its owner has to grant jobs and the writing of repositories"
    if status == 404:
        return "has no such thing, or doesn't show it to this token"
    if status in (409, 412):
        return "has changed at the same moment; try again"
    if status == 429:
        return "was asked too often; try again in a few minutes"
    said = getattr(error, "server_message", None)
    return f"answered with an error {status}" + (f": {_short(said)}" if said else "")


def _short(said: object) -> str:
    text = " ".join(str(said).split())
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST]
