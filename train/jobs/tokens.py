"""Whose token a job on the Hugging Face Hub runs with: in this process's memory, and nowhere else.

    tokens.keep(token, account)          # somebody signed in, and asks for something
    tokens.of("asha")                    # their token, or the owner's (train.settings), or ""

A page that was started again has forgotten them: whoever signs in brings theirs back.
"""

import base64
import json
import threading
import time

_lock = threading.Lock()
_kept: dict[str, str] = {}


def keep(token: str | None, *keys: str) -> None:
    """Keep a token under accounts' names and jobs' ids; nothing happens without a token."""
    if token:
        with _lock:
            _kept.update({key: token for key in keys if key})


def forget(*keys: str) -> None:
    """Keep it no longer."""
    with _lock:
        for key in keys:
            _kept.pop(key, None)


def of(*keys: str) -> str:
    """The first token kept under one of these, else the owner's; empty if there is none, or all have run out."""
    from train.settings import get_train_settings

    with _lock:
        found = [_kept[key] for key in keys if key in _kept]
    for token in [*found, get_train_settings().token]:
        ends = expires(token)
        if token and (ends is None or ends > time.time()):
            return token
    return ""


def expires(token: str) -> float | None:
    """When a signed-in visitor's token runs out, in seconds since 1970; None where it doesn't say."""
    parts = token.removeprefix("hf_oauth_").split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None
