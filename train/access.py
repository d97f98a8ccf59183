"""Who may train from the page: it costs hours of a machine, or money, and reads folders.

    access = TrainAccess(settings)
    person = access.person("", "sita-on-hub")       # who this is; on one's own machine, the computer's user
    access.require(person)                          # AccessError with a sentence, or nothing
    access.check_way(Way(headers, "127.0.0.1"))     # the same about how a request came here

    RANGIN_TRAINING     this machine alone      a server that others reach      a Space
    auto                whoever sits at it      nobody                          its owner, signed in
    off                 nobody                  nobody                          nobody
    everybody           everybody               everybody                       its owner, signed in
    names               the user, if named      nobody: nobody can sign in      its owner and they, signed in

A page that listens on this machine alone can still be reached by a page of another site in the browser of who sits
here, whose name leads to 127.0.0.1 for a moment (DNS rebinding), or through a tunnel or proxy that somebody put before
it. So each request is looked at: whose name it was sent to, from where it came, and whether anything passed it on.
"""

import getpass
import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from colorizer.errors import AccessError
from colorizer.sign_in import LOOPBACK, SignIn, key, listed
from train.settings import TrainSettings

SIGN_IN = "Sign in with Hugging Face first, with the button at the top of the Train tab."
OFF = "Training from this page is switched off (RANGIN_TRAINING=off)."
REACHABLE = (
    "Training is off because others reach this server and nobody can sign in here. Let the page listen on this machine "
    "only (without GRADIO_SERVER_NAME and GRADIO_SHARE), or set RANGIN_TRAINING=everybody to let all of them train."
)
FOREIGN_HOST = (
    "Training is refused under the address {host}; open the page as http://localhost, or name that address in "
    "RANGIN_TRAINING_HOSTS if this server is meant to be reached by it."
)
PASSED_ON = (
    "Training is off for requests that a proxy or tunnel passes on; set RANGIN_TRAINING=everybody if all who reach "
    "this server may train."
)

# What proxies add; a browser that sits at this machine sends none of them.
_PROXIES = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "via", "cf-connecting-ip")


@dataclass(frozen=True)
class Person:
    """Somebody at the page or at the other end of a request."""

    name: str
    """As it stands beside the runs they start; empty for somebody who isn't signed in where one does."""
    may_train: bool
    token: str | None = field(default=None, repr=False)
    """Their own for the Hub, of who is signed in and only where an event asked for it. Never written anywhere."""
    why_not: str = ""
    """Why a request of theirs is refused whoever they are; see `TrainAccess.check_way`."""


@dataclass(frozen=True)
class Way:
    """How a request came here."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """With names in lower case."""
    client: str = ""
    """Address of the other end of the connection; empty if unknown."""
    listens_on: str = ""
    """What the page that took it listens on; empty if unknown."""
    is_shared: bool = False
    """Whether that page has a public link."""


class TrainAccess:
    """The rules, from the settings and from where this runs.

    Args:
        settings: `training` and `training_hosts` are read, and whether there is a token.
        environment: where a Space says that it is one, and Gradio where it listens; the process's own by default.
    """

    def __init__(self, settings: TrainSettings, environment: Mapping[str, str] | None = None) -> None:
        self.facts = SignIn.of(os.environ if environment is None else environment)
        self.can_sign_in = self.facts.can_sign_in
        """Whether there is anything behind a login button."""
        said = settings.training.strip()
        self._mode = said.casefold() if said.casefold() in ("auto", "off", "everybody") else "names"
        self._named = listed(said) if self._mode == "names" else {}
        self._has_token = bool(settings.token)
        self._hosts = {host.casefold() for host in listed(settings.training_hosts).values()}

    @property
    def uses_sign_in(self) -> bool:
        """Whether an account is what counts: on a Space, and wherever anything says that this is one."""
        return self.facts.may_be_space

    @property
    def is_off(self) -> bool:
        """Whether nobody at all may train here; `explain` says why."""
        if self._mode == "off":
            return True
        if self.uses_sign_in:
            return not self.can_sign_in
        return self.facts.is_reachable and self._mode != "everybody"

    def person(self, said: object = None, account: str | None = None) -> Person:
        """Who this is.

        Args:
            said: a name that the page or the caller says. It counts for nothing: it would stand beside a run as if it
                were known.
            account: the account's name of who is signed in, from the session; None for nobody.
        """
        if self.uses_sign_in:
            name = (account or "") if self.can_sign_in else ""
            allowed = {key(self.facts.owner), *self._named} - {""}
            return Person(name, bool(name) and not self.is_off and key(name) in allowed)
        name = computer_user()
        is_named = self._mode != "names" or key(name) in self._named
        return Person(name, not self.is_off and is_named)

    def require(self, person: Person) -> None:
        """Let `person` pass, or say why not.

        Raises:
            AccessError: the person may not train.
        """
        if not person.may_train or self.is_off:
            raise AccessError(self.explain(person))

    def check_way(self, way: Way) -> None:
        """Refuse what didn't come the way it should where no account says who it is.

        Raises:
            AccessError: it was sent to another name than this server's, or others reach this page and only who sits
                at it may train.
        """
        if self.uses_sign_in:
            return
        if self._mode != "everybody":
            if way.is_shared or way.listens_on not in LOOPBACK or not _is_loopback(way.client):
                raise AccessError(REACHABLE)
            if any(way.headers.get(name) for name in _PROXIES):
                raise AccessError(PASSED_ON)
        for name in ("host", "x-forwarded-host"):
            if said := way.headers.get(name):
                self._check_host(said)

    def explain(self, person: Person) -> str:
        """One sentence for the top of the tab: that this person may train, or why not and what to do."""
        if person.why_not:
            return person.why_not
        if self._mode == "off":
            return OFF
        if self.is_off:
            return "Nobody can train here yet: " + self.trouble() if self.uses_sign_in else REACHABLE
        if person.may_train:
            return f"{person.name}: you may train, stop and delete runs, and publish models."
        if not person.name:
            return SIGN_IN
        return f"{person.name} may not train here; who runs this page can add that name to RANGIN_TRAINING."

    def trouble(self) -> str:
        """What an operator should know at the start; empty when all is well."""
        if self._mode == "off":
            return ""
        if self.uses_sign_in:
            if not self.can_sign_in:
                return "this Space's README has no `hf_oauth: true` at its top, so that it offers no sign-in."
            if self._mode == "everybody":
                return "RANGIN_TRAINING=everybody counts on one's own server; here only the Space's owner may train."
            return ""
        if self._mode == "everybody" and self.facts.is_reachable:
            pays = (
                ", and start paid jobs and publish models with this server's token for the Hugging Face Hub"
            )
            return (
                f"whoever reaches this server may train on it, and delete runs{pays if self._has_token else ''}; "
                "RANGIN_TRAINING=off ends that."
            )
        return ""

    def _check_host(self, said: str) -> None:
        """Refuse names that anybody could let lead here; numbers can't be made to, and one's own name isn't theirs."""
        for host in said.split(","):
            name = _host_name(host)
            if name is None:
                raise AccessError(FOREIGN_HOST.format(host=repr(host.strip()[:80])))
            own = {"localhost"} if self._mode != "everybody" else {"localhost", *self._hosts, *_own_names()}
            is_ours = name in own or (
                _is_loopback(name) if self._mode != "everybody" else _address(name) is not None
            )
            if not is_ours:
                raise AccessError(FOREIGN_HOST.format(host=name))


def computer_user() -> str:
    """The name of the account that the page runs under; "user" where it has none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "user"


def _host_name(text: str) -> str | None:
    """Of a Host header, without the port and in lower case; None if it is no host."""
    text = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]{1,255}", text):
        return None
    try:
        name = urlsplit(f"//{text}").hostname
    except ValueError:
        return None
    return name.rstrip(".").casefold() if name else None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_loopback(name: str) -> bool:
    """Whether an address is this machine's own; an unknown one is, since nothing came over a network."""
    if name in LOOPBACK:
        return True
    address = _address(name)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped is not None and mapped.is_loopback


def _own_names() -> set[str]:
    name = socket.gethostname().casefold()
    return {name, f"{name.partition('.')[0]}.local"}
