"""What is known of who comes to the page: whether this is a Space, whether one can sign in, who may reach the server.

    facts = SignIn.of(os.environ)
    facts.can_sign_in       # a login button means something here
    facts.is_reachable      # other machines than this one come to the page

Rules are made of it elsewhere: `labeling.access` for labels, `train.access` for training. Knows no gradio.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

LOOPBACK = ("", "127.0.0.1", "localhost", "::1")
"""What the page listens on where only this machine reaches it; empty is Gradio's default, which is 127.0.0.1."""

_NEEDED = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")


@dataclass(frozen=True)
class SignIn:
    """Facts, from the environment that a Space and Gradio read too."""

    is_space: bool
    """As Gradio asks; elsewhere its sign-in is a mock that lets everybody in under the machine's account."""
    may_be_space: bool
    """Whether anything says that this is a Space: enough to be careful, too little to sign in."""
    can_sign_in: bool
    """Whether there is anything behind a login button. Without the secret a session could be forged by anybody."""
    is_reachable: bool
    """Whether other machines than this one reach the page, as far as Gradio's own variables say."""
    owner: str
    """The account that the Space belongs to; empty elsewhere."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "SignIn":
        """The facts of an environment."""
        space_id = environment.get("SPACE_ID", "")
        is_space = environment.get("SYSTEM") == "spaces" and bool(space_id)
        owner = environment.get("SPACE_AUTHOR_NAME") or space_id.partition("/")[0]
        return cls(
            is_space=is_space,
            may_be_space=environment.get("SYSTEM") == "spaces" or bool(space_id),
            can_sign_in=is_space and all(environment.get(name) for name in _NEEDED),
            is_reachable=environment.get("GRADIO_SHARE", "").lower() == "true"
            or environment.get("GRADIO_SERVER_NAME", "") not in LOOPBACK,
            owner=owner if is_space else "",
        )


def listed(text: str) -> dict[str, str]:
    """Names separated by commas: how a name is compared -> how the list writes it."""
    names = (" ".join(name.strip().removeprefix("@").split()) for name in text.split(","))
    return {key(name): unicodedata.normalize("NFC", name) for name in names if name}


def key(name: str) -> str:
    """How names are compared: the Hub's accounts don't differ by case, and people type their name either way."""
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()
