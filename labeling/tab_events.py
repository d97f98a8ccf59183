"""Every event of the Label tab goes through here: who calls is checked in the event, not by hiding widgets.

What an event does is a function that knows no gradio and whose first parameter is the `Person`:

    def judge(desk: Desk, person: Person, item: int, label: str, key: str) -> dict[str, Any]: ...

For a **widget**, `guarded` makes what Gradio calls. The first input is the textbox with the name said, the rest are
the function's own. Gradio's own parameters (`gr.Progress` as a default, `gr.SelectData`) work as usual, and so do
generators, for which the check comes before their first line:

    button.click(guarded(access, Role.OWNER, desk.rename), [who, label, name], [table], api_visibility="private")

For **HTTP and the page's own script**, `publish` makes an endpoint of a function with type hints, outside the queue:

    publish(access, Role.ANNOTATOR, partial(judge, desk), "label_judge")

    POST gradio_api/run/label_judge   {"data": ["Sita", 17, "Nepali", "0f8e..."]}      # the name, then the parameters
    200 {"data": [{...}]}             500 {"error": "a sentence, escaped for HTML"}    # 500 without: a bug, see the log

The first parameter is called `who` to callers, so `act` has none of that name; nor `oauth_profile` or `request`.
Trailing parameters with a default may be left out. What comes is checked against the type hints: str, int, float,
bool, list[...], dict[...], Literal[...], `X | None`. An answer is what JSON can hold; annotate it as dict[str, Any].

Where people sign in, the identity is the session's alone (send "" in the first place). What a page sends for another
account than the one that is signed in by now is refused, not saved under the wrong name: somebody else has signed in
with the same browser. A page of another site that sends a visitor's own cookies along is refused.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from colorizer.tab_events import (
    OTHER_SITE,
    PROFILE,
    REQUEST,
    WHO,
    Act,
    Checked,
    is_of_another_site,
    wrapped,
)
from labeling.access import Access, Person, Role
from labeling.errors import AccessError, LabelError

__all__ = ["OTHER_SITE", "guarded", "login_button", "publish"]


def guarded(access: Access, role: Role, act: Act) -> Act:
    """What Gradio calls for `act`: finds out who it is, lets only those with `role` pass, says errors as sentences.

    Args:
        access: who may do what.
        role: what it takes; Role.VISITOR lets everybody in, with a `Person` whose name may be empty.
        act: its first parameter is the `Person`, the others are the event's inputs after the name. A function, a bound
            method, a partial of one, or a generator.
    """
    return _wrapped(access, role, act, check=lambda name, person, given: given)


def publish(access: Access, role: Role, act: Act, name: str, **options: Any) -> None:
    """Make `act` the endpoint `name` of the page being built, outside the queue; see this module's first lines.

    Args:
        name: as in the address, `label_...` or `vote_...`.
        options: for `gr.api`, where other than usual.

    Raises:
        TypeError: a parameter of `act` has no type hint.
    """
    wiring = {"api_name": name, "queue": False, "concurrency_limit": None, **options}
    checked = Checked(act, LabelError)

    def check(name: object, person: Person, given: list[Any]) -> list[Any]:
        if access.uses_sign_in and role > Role.VISITOR:
            _same(name, person)
        return checked(given)

    gr.api(_wrapped(access, role, act, check), **wiring)


def login_button(access: Access) -> gr.LoginButton | None:
    """Gradio's button where signing in works, and nothing elsewhere: outside a Space it would let in everybody."""
    return gr.LoginButton(elem_id="label-login") if access.can_sign_in else None


def _same(name: object, person: Person) -> None:
    """Refuse what was decided by one account and comes with another's session.

    Raises:
        AccessError: a name was said, and it isn't the account's.
    """
    if isinstance(name, str) and name.strip() and name.strip().casefold() != person.name.casefold():
        raise AccessError(
            f"This is {name.strip():.60}'s, and {person.name} is signed in here now: sign in as {name.strip():.60} and "
            "send it again, or load the page again to go on."
        )


def _wrapped(
    access: Access, role: Role, act: Act, check: Callable[[object, Person, list[Any]], list[Any]]
) -> Act:
    def admitted(
        profile: gr.OAuthProfile | None, request: gr.Request | None, name: object, *given: Any
    ) -> list[Any]:
        """The arguments for `act`, the person first."""
        if is_of_another_site(request):
            raise AccessError(OTHER_SITE)
        person = access.person(name, profile.username if profile else None)
        access.require(person, role)
        return [person, *check(name, person, list(given))]

    call = wrapped(act, (PROFILE, REQUEST, WHO), admitted)
    call.takes = role  # type: ignore[attr-defined]  # seen by the test that looks for events without a guard
    return call
