"""Every event of the Train tab goes through here: who calls, and how, is checked in the event, not by hiding widgets.

What an event does is a function that knows no gradio and whose first parameter is the `Person` (`train.access`):

    def stop(desk: Desk, person: Person, run: str) -> str: ...

For a **widget**, `guarded` makes what Gradio calls. The inputs are the function's own; no name is sent, since who it is
says the account or the computer. Gradio's own parameters (`gr.Progress` as a default, `gr.SelectData`) work as usual,
and so do generators:

    button.click(guarded(shop.access, partial(stop, desk)), [run], [message], api_visibility="private")
    timer.tick(guarded(shop.access, desk.refresh), [chosen], [table], show_progress="hidden", api_visibility="private")
    start.click(guarded(shop.access, desk.start, with_token=True), [...], [...])     # person.token: theirs for the Hub

For **HTTP**, `publish` makes an endpoint `train_...` of a function with type hints, outside the queue:

    publish(shop.access, partial(stop, desk), "train_stop")

    POST gradio_api/run/train_stop   {"data": ["portraits-20260102-101010-ab12"]}
    200 {"data": ["..."]}            500 {"error": "a sentence, escaped for HTML"}    # 500 without: a bug, see the log

The parameters' names are the callers' names for them, so `act` has none called `request`, `oauth_profile` or
`oauth_token`. Nothing that is known of runs, datasets or folders may stand in a widget when the page is built, since
everybody gets that: it comes with the first event.
"""

from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from colorizer.errors import AccessError, OptionError
from colorizer.tab_events import (
    OTHER_SITE,
    PROFILE,
    REQUEST,
    TOKEN,
    Act,
    Checked,
    is_of_another_site,
    wrapped,
)
from train.access import Person, TrainAccess, Way

PREFIX = "train_"


def guarded(access: TrainAccess, act: Act, *, with_token: bool = False, for_all: bool = False) -> Act:
    """What Gradio calls for `act`: only who may train passes, errors are said as sentences.

    Args:
        access: who may.
        act: its first parameter is the `Person`, the others are the event's inputs. A function, a bound method, a
            partial of one, or a generator.
        with_token: whether `Person.token` is that of who is signed in; None where nobody signs in.
        for_all: whether everybody passes, as a `Person` whose `may_train` says how they stand. For what tells nothing.
    """
    return _wrapped(access, act, with_token, for_all, check=lambda given: given)


def publish(
    access: TrainAccess,
    act: Act,
    name: str,
    *,
    with_token: bool = False,
    for_all: bool = False,
    **options: Any,
) -> None:
    """Make `act` the endpoint `name` of the page being built, outside the queue; see this module's first lines.

    Args:
        name: as in the address, `train_...`.
        with_token: as in `guarded`, and so is `for_all`.
        options: for `gr.api`, where other than usual.

    Raises:
        TypeError: a parameter of `act` has no type hint.
        ValueError: the name begins otherwise.
    """
    if not name.startswith(PREFIX):
        raise ValueError(f"The endpoint {name} of the Train tab has to begin with {PREFIX}.")
    wiring = {"api_name": name, "queue": False, "concurrency_limit": None, **options}
    gr.api(_wrapped(access, act, with_token, for_all, Checked(act, OptionError)), **wiring)


def login_button(access: TrainAccess) -> gr.LoginButton | None:
    """Gradio's button where signing in works and serves for anything, and nothing elsewhere."""
    return gr.LoginButton(elem_id="train-login") if access.can_sign_in and not access.is_off else None


def _wrapped(access: TrainAccess, act: Act, with_token: bool, for_all: bool, check: Any) -> Act:
    def admit(profile: gr.OAuthProfile | None, request: gr.Request | None) -> Person:
        if is_of_another_site(request):
            raise AccessError(OTHER_SITE)
        person = access.person(None, profile.username if profile else None)
        try:
            access.check_way(way(request))
        except AccessError as error:
            if not for_all:
                raise
            return Person("", False, why_not=str(error))
        if not for_all:
            access.require(person)
        return person

    def admitted(profile: gr.OAuthProfile | None, request: gr.Request | None, *given: Any) -> list[Any]:
        return [admit(profile, request), *check(_text(list(given)))]

    def admitted_with_token(
        profile: gr.OAuthProfile | None, token: gr.OAuthToken | None, request: gr.Request | None, *given: Any
    ) -> list[Any]:
        person = admit(profile, request)
        # Where nobody signs in, Gradio's is a mock with the machine's own token, or one that a caller sent.
        own = token.token if token is not None and access.can_sign_in else None
        return [replace(person, token=own), *check(_text(list(given)))]

    if with_token:
        call = wrapped(act, (PROFILE, TOKEN, REQUEST), admitted_with_token)
    else:
        call = wrapped(act, (PROFILE, REQUEST), admitted)
    # Seen by the test that looks for events without a guard.
    call.takes = "nothing" if for_all else "training"  # type: ignore[attr-defined]
    return call


def _text(given: list[Any]) -> list[Any]:
    """What was sent, if all text in it is text: JSON can hold halves of characters, which no file or answer can.

    Raises:
        OptionError: there is such a half.
    """
    waiting: list[Any] = list(given)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise OptionError("This holds half a character, which can't be stored; type it anew.")
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value
    return given


def way(request: gr.Request | None) -> Way:
    """How a request came here, as the rules ask for it; of a call within this process, nothing."""
    if request is None:
        return Way()
    page = LocalContext.blocks.get(None)
    client = getattr(request, "client", None)
    return Way(
        headers={name.lower(): str(value) for name, value in dict(request.headers).items()},
        client=str(getattr(client, "host", "") or ""),
        listens_on=str(getattr(page, "server_name", "") or ""),
        is_shared=bool(getattr(page, "share", False)),
    )
