"""Who may do what: visitors look at the explanation, annotators label and vote, owners change the project.

    access = Access(settings)
    person = access.person("Sita", None)        # on one's own machine: the name that was said
    person = access.person("", "sita-on-hub")   # where one signs in: only the account's name counts
    access.require(person, Role.OWNER)          # AccessError with a sentence, or nothing

On one's own machine a name is trusted; empty lists mean everybody. On a Space people sign in with Hugging Face, and
only who is on a list may write: there an empty list means nobody. Where signing in is asked for but can't work, nobody
gets in: a name that anybody can type is never taken instead.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from colorizer.sign_in import SignIn, key, listed
from labeling.errors import AccessError
from labeling.names import clean_person
from labeling.settings import LabelSettings

SIGN_IN = "Sign in with Hugging Face first, with the button at the top of the Label tab."
SAY_NAME = "Say who you are first: give your name at the top of the Label tab."


class Role(IntEnum):
    """What a person may do; each may do what the ones before it may."""

    VISITOR = 0
    """Read what the tab is for. No photo, no label, nothing to write."""
    ANNOTATOR = 1
    """See photos, label them, vote, see progress and agreement."""
    OWNER = 2
    """Add photos, change vocabulary and guidelines, settle conflicts, import and export."""


@dataclass(frozen=True)
class Person:
    """Somebody at the page or at the other end of a request."""

    name: str
    """As it is stored with what they do; empty for somebody who said no name and isn't signed in."""
    role: Role

    def can(self, role: Role) -> bool:
        """Whether this person may do what `role` may."""
        return self.role >= role


class Access:
    """The rules, from the settings and from whether this is a Space.

    Args:
        settings: `sign_in`, `owners` and `annotators` are read.
        environment: where a Space says that it is one, and what its sign-in needs; the process's own by default.
    """

    def __init__(self, settings: LabelSettings, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        facts = SignIn.of(environment)
        self.is_space = facts.is_space
        """As Gradio asks; elsewhere its sign-in is a mock that lets everybody in under the machine's account."""
        self.uses_sign_in = settings.sign_in == "huggingface" or (
            settings.sign_in == "auto" and self.is_space
        )
        self.can_sign_in = self.uses_sign_in and facts.can_sign_in
        """Whether there is anything behind a login button."""
        self._is_reachable = facts.is_reachable
        self._owners = listed(settings.owners)
        self._annotators = listed(settings.annotators)

    @property
    def is_open(self) -> bool:
        """Whether an empty list means everybody: only on one's own machine."""
        return not (self.is_space or self.uses_sign_in)

    def person(self, said_name: object, profile_username: str | None) -> Person:
        """Who this is.

        Args:
            said_name: what the page or the caller says; counts only where one doesn't sign in. May be anything that
                JSON can hold, since callers over HTTP write it.
            profile_username: the account's name of who is signed in, from the session; None for nobody.

        Raises:
            LabelError: a name that can't be stored.
        """
        account = (profile_username or "") if self.can_sign_in else ""
        name = account if self.uses_sign_in else self._spelt(_cleaned(said_name))
        return Person(name, self._role(name) if name else Role.VISITOR)

    def _spelt(self, name: str) -> str:
        """A name as the lists write it, so that "sita" and "Sita" are one annotator and not two."""
        return {**self._annotators, **self._owners}.get(key(name), name)

    def _role(self, name: str) -> Role:
        known = key(name)
        is_annotator = known in self._annotators or (self.is_open and not self._annotators)
        # Who limits annotators and names no owner doesn't mean that all others are owners.
        is_owner = known in self._owners or (self.is_open and not self._owners and is_annotator)
        if is_owner:
            return Role.OWNER
        return Role.ANNOTATOR if is_annotator else Role.VISITOR

    def require(self, person: Person, role: Role) -> None:
        """Let `person` pass, or say why not.

        Raises:
            AccessError: the person is nobody known, or isn't on the list it takes.
        """
        if person.can(role):
            return
        if not person.name:
            raise AccessError(self._how_to_be_known())
        if role == Role.OWNER:
            raise AccessError(
                f"{person.name} is not an owner of this labelling project, and only owners may do this."
            )
        raise AccessError(
            f"{person.name} is not on this project's list of annotators; ask an owner to be added to it."
        )

    def explain(self, person: Person) -> str:
        """One sentence for the top of the tab: what this person may do, or how to become an annotator."""
        if not person.name:
            return self._how_to_be_known()
        return {
            Role.OWNER: f"{person.name}: you own this project. You may label, and change everything about it.",
            Role.ANNOTATOR: f"{person.name}: you may label and vote.",
            Role.VISITOR: f"{person.name}: you may read this page; an owner of the project can let you label.",
        }[person.role]

    def _how_to_be_known(self) -> str:
        if not self.uses_sign_in:
            return SAY_NAME
        return SIGN_IN if self.can_sign_in else "Nobody can sign in here yet: " + self.trouble()

    def trouble(self) -> str:
        """What an operator should know at the start; empty when all is well."""
        if self.uses_sign_in and not self.is_space:
            return (
                "signing in with Hugging Face works on a Space only; leave RANGIN_SIGN_IN at auto elsewhere."
            )
        if self.uses_sign_in and not self.can_sign_in:
            return "this Space's README has no `hf_oauth: true` at its top, so that it offers no sign-in."
        if not self.is_open and not self._owners:
            return "RANGIN_OWNERS is empty, so nobody may add photos or change the vocabulary here."
        if self.is_open and not self._owners and not self._annotators and self._is_reachable:
            return "whoever reaches this server may label and own the project; RANGIN_OWNERS names who may."
        return ""


def _cleaned(said: object) -> str:
    if said is None or (isinstance(said, str) and not said.strip()):
        return ""
    if not isinstance(said, str):
        raise AccessError("A name is text; send the name of who labels as a string.")
    return clean_person(said)
