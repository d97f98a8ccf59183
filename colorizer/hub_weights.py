"""Weights from the Hugging Face Hub, by a reference that may pin them.

    hf:user/name                     as it is there now
    hf:user/name@REVISION            as it was at a commit (40 hexadecimal digits) or tag
    hf:user/name@REVISION#SHA256     and only if the file is that one; #SHA256 may stand without @REVISION, too

path = download("hf:user/name@v1")

A file is used if its SHA-256 is what the Hub says of it, also years later from the cache on this machine.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

import httpx2
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from colorizer.errors import ModelError

PREFIX = "hf:"
FILE = "model.safetensors"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFERENCE = re.compile(
    r"hf:(?P<repository>[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96})"
    r"(?:@(?P<revision>[A-Za-z0-9][A-Za-z0-9._-]{0,99}))?"
    r"(?:#(?P<sha256>[0-9a-fA-F]{64}))?"
)


class Reference(NamedTuple):
    """A model on the Hub."""

    repository: str
    revision: str | None
    """A commit or tag; None is the newest commit."""
    sha256: str | None
    """64 hexadecimal digits in lower case."""

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{PREFIX}{self.repository}{revision}{f'#{self.sha256}' if self.sha256 else ''}"


def parse(text: str) -> Reference:
    """Read a reference.

    Raises:
        ModelError: it is none; says how they are written.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise ModelError(
            f"The model {text[:120]!r} could not be fetched: it is written hf:user/name, with @REVISION (a commit or "
            "tag) and #SHA256 (64 hexadecimal digits) behind it where it shall always be the same."
        )
    sha256 = found["sha256"]
    return Reference(found["repository"], found["revision"], sha256.lower() if sha256 else None)


def download(text: str) -> Path:
    """The file, fetched if it isn't here yet, and looked through.

    Raises:
        ModelError: it isn't there, can't be reached, is not what the Hub says it is, or not what was pinned.
    """
    asked = parse(text)
    path = _fetch(asked)
    if not _is_sound(asked, path):  # a cache that was damaged on the disk
        path = _fetch(asked, again=True)
        if not _is_sound(asked, path):
            raise ModelError(
                f"The model {asked} came damaged: its SHA-256 is not what the Hub says of it; try again later."
            )
    if asked.sha256 and (there := sha256_of(path)) != asked.sha256:
        raise ModelError(
            f"The model {asked} is not the one that was pinned: its SHA-256 is {there}. Somebody has replaced it; "
            "load it without # only if you trust that."
        )
    return path


def sha256_of(path: Path) -> str:
    """A file's SHA-256, as hexadecimal digits."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"The weights {path.name} can't be read: {error.strerror or error}.") from error
    return digest.hexdigest()


def _fetch(asked: Reference, again: bool = False) -> Path:
    try:
        return Path(
            hf_hub_download(
                asked.repository, FILE, revision=asked.revision, endpoint=_endpoint(), force_download=again
            )
        )
    except RevisionNotFoundError as error:
        raise ModelError(
            f"The model {PREFIX}{asked.repository} has no revision {asked.revision!r}; give a commit or tag of it."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"There is no model {PREFIX}{asked.repository} on the Hub, or it is private and HF_TOKEN may not read it."
        ) from error
    except LocalEntryNotFoundError as error:
        raise _unreachable(asked, error) from error
    except EntryNotFoundError as error:
        raise ModelError(
            f"{PREFIX}{asked.repository} holds no {FILE}, so it is no model of Rangin's."
        ) from error
    except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, OSError) as error:
        raise _unreachable(asked, error) from error


def _unreachable(asked: Reference, error: Exception) -> ModelError:
    return ModelError(
        f"The model {asked} could not be fetched; check its name and that huggingface.co can be reached. "
        f"({type(error).__name__})"
    )


def _is_sound(asked: Reference, path: Path) -> bool:
    """Whether a file's SHA-256 is the one by which the Hub, and so its cache here, knows it."""
    said = path.resolve().name
    if not _SHA256.fullmatch(said):  # a cache without links, as on Windows
        try:
            url = hf_hub_url(asked.repository, FILE, revision=asked.revision, endpoint=_endpoint())
            said = get_hf_file_metadata(url).etag or ""
        except (HfHubHTTPError, httpx2.HTTPError, OfflineModeIsEnabled):
            return True  # the cache was sound when it came
    return not _SHA256.fullmatch(said) or sha256_of(path) == said


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None
