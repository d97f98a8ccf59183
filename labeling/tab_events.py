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

import inspect
import typing
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from pydantic import TypeAdapter, ValidationError

from colorizer.errors import RanginError
from labeling.access import Access, Person, Role
from labeling.errors import AccessError, LabelError

Act = Callable[..., Any]

OTHER_SITE = "This came from a page of another site; use Rangin's own page, or a program."


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
    checked = _Checked(act)

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
        profile: gr.OAuthProfile | None, request: gr.Request | None, name: object, given: tuple[Any, ...]
    ) -> list[Any]:
        """The arguments for `act`, the person first."""
        if _is_of_another_site(request):
            raise AccessError(OTHER_SITE)
        person = access.person(name, profile.username if profile else None)
        access.require(person, role)
        return [person, *check(name, person, list(given))]

    def answer(profile: Any, request: Any, name: object, *given: Any) -> Any:
        try:
            return act(*admitted(profile, request, name, given))
        except RanginError as error:
            raise _shown(error) from error

    def answers(profile: Any, request: Any, name: object, *given: Any) -> Iterator[Any]:
        try:
            yield from act(*admitted(profile, request, name, given))
        except RanginError as error:
            raise _shown(error) from error

    call = _signed(answers if inspect.isgeneratorfunction(_plain(act)) else answer, act)
    call.takes = role  # type: ignore[attr-defined]  # seen by the test that looks for events without a guard
    return call


def _shown(error: RanginError) -> gr.Error:
    # Gradio shows the message as HTML; it is text there, never an attribute, so that quotes may stay readable.
    return gr.Error(escape(str(error), quote=False), print_exception=False)


def _signed(call: Callable[..., Any], act: Act) -> Act:
    """`call` with the signature that Gradio looks for: its own two, who it is, then the parameters of `act`."""
    parameters, answer = _parameters(act)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    known = [
        # First, so that their places don't depend on how many inputs come.
        inspect.Parameter("oauth_profile", kind, annotation=gr.OAuthProfile | None),
        inspect.Parameter("request", kind, annotation=gr.Request),
        inspect.Parameter("who", kind, annotation=str),
    ]
    if taken := {one.name for one in known} & {one.name for one in parameters}:
        raise TypeError(
            f"{act} has a parameter called {', '.join(sorted(taken))}, which an event has itself."
        )
    signature = inspect.Signature([*known, *parameters], return_annotation=answer)
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__annotations__ = {
        one.name: one.annotation
        for one in signature.parameters.values()
        if one.annotation is not inspect.Parameter.empty
    }
    plain = _plain(act)
    call.__name__ = getattr(plain, "__name__", "answer")
    call.__doc__ = plain.__doc__
    return call


def _parameters(act: Act) -> tuple[list[inspect.Parameter], Any]:
    """The parameters of `act` after the person with their hints resolved, and what it returns."""
    hints = typing.get_type_hints(_plain(act))
    signature = inspect.signature(act)
    _, *parameters = (
        one.replace(annotation=hints.get(one.name, one.annotation)) for one in signature.parameters.values()
    )
    return parameters, hints.get("return", signature.return_annotation)


def _plain(act: Act) -> Any:
    """The function itself, out of partials and bound methods; of a callable object, its `__call__`."""
    while isinstance(act, partial):
        act = act.func
    if not (inspect.isfunction(act) or inspect.ismethod(act)):
        act = act.__call__  # type: ignore[operator]
    return inspect.unwrap(getattr(act, "__func__", act))


class _Checked:
    """What came over HTTP, compared with the type hints: Gradio hands on whatever JSON there was."""

    def __init__(self, act: Act) -> None:
        parameters, _ = _parameters(act)
        self._expected: list[tuple[str, TypeAdapter[Any]]] = []
        for one in parameters:
            if one.annotation is inspect.Parameter.empty:
                raise TypeError(f"The parameter {one.name} of {act} needs a type hint.")
            self._expected.append((one.name, TypeAdapter(one.annotation)))

    def __call__(self, given: list[Any]) -> list[Any]:
        checked = []
        for (name, expected), value in zip(self._expected, given, strict=True):
            try:
                checked.append(expected.validate_python(value, strict=True))
            except ValidationError as error:
                raise LabelError(f"`{name}` can't be taken: {error.errors()[0]['msg']}.") from error
        return checked


def _is_of_another_site(request: gr.Request | None) -> bool:
    """Whether a browser sent this for a page that isn't ours.

    On a Space Gradio lets every site call it with the visitor's cookies, and its session cookie is sent along, so that
    any page an owner opens could label in their name. Browsers say truthfully where a request comes from, and programs
    say nothing.
    """
    if request is None:
        return False
    headers = request.headers
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    # Browsers before 2023, which say the origin of every POST.
    if not (origin := headers.get("origin")):
        return False
    ours = {headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")}
    host = urlsplit(origin).netloc.lower()  # of the origin "null" there is none
    return not host or host not in {one.strip().lower() for one in ours}
