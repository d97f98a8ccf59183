"""What events of a page that asks who calls have in common: `labeling.tab_events` and `train.tab_events` make theirs.

An event's work is a function that knows no gradio and whose first parameter is the person. `wrapped` makes what Gradio
calls: a function with Gradio's own parameters before those of the work, which finds out who it is (`admitted`), and
says errors that people cause as sentences. Gradio's own parameters of the work (`gr.Progress` as a default,
`gr.SelectData`) go on working, and so do generators, for which the check comes before their first line.
"""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from pydantic import TypeAdapter, ValidationError

from colorizer.errors import RanginError

Act = Callable[..., Any]
Admitted = Callable[..., list[Any]]
"""Gradio's own values and what was sent -> the arguments for the work, the person first."""

OTHER_SITE = "This came from a page of another site; use Rangin's own page, or a program."

_KIND = inspect.Parameter.POSITIONAL_OR_KEYWORD
PROFILE = inspect.Parameter("oauth_profile", _KIND, annotation=gr.OAuthProfile | None)
TOKEN = inspect.Parameter("oauth_token", _KIND, annotation=gr.OAuthToken | None)
REQUEST = inspect.Parameter("request", _KIND, annotation=gr.Request)
WHO = inspect.Parameter("who", _KIND, annotation=str)
"""The name that a page or a caller says."""


def wrapped(act: Act, known: Sequence[inspect.Parameter], admitted: Admitted) -> Act:
    """What Gradio calls for `act`.

    Args:
        act: its first parameter is the person, the others are the event's inputs. A function, a bound method, a partial
            of one, or a generator.
        known: what `admitted` wants to know before the inputs: PROFILE, TOKEN, REQUEST, WHO.
        admitted: gets the values of `known` and then the inputs; raises for who may not pass.

    Raises:
        TypeError: a parameter of `act` has the name of one of `known`.
    """

    def answer(*given: Any) -> Any:
        try:
            return act(*admitted(*given))
        except RanginError as error:
            raise shown(error) from error

    def answers(*given: Any) -> Iterator[Any]:
        try:
            yield from act(*admitted(*given))
        except RanginError as error:
            raise shown(error) from error

    return _signed(answers if inspect.isgeneratorfunction(plain(act)) else answer, act, known)


def shown(error: RanginError) -> gr.Error:
    """An error's sentence as Gradio shows it, and no traceback in the log."""
    # Gradio shows the message as HTML; it is text there, never an attribute, so that quotes may stay readable.
    return gr.Error(escape(str(error), quote=False), print_exception=False)


def _signed(call: Callable[..., Any], act: Act, known: Sequence[inspect.Parameter]) -> Act:
    """`call` with the signature that Gradio looks for: its own, then the parameters of `act`.

    Gradio's come first, so that their places don't depend on how many inputs come.
    """
    parameters, answer = _parameters(act)
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
    function = plain(act)
    call.__name__ = getattr(function, "__name__", "answer")
    call.__doc__ = function.__doc__
    return call


def _parameters(act: Act) -> tuple[list[inspect.Parameter], Any]:
    """The parameters of `act` after the person with their hints resolved, and what it returns."""
    hints = typing.get_type_hints(plain(act))
    signature = inspect.signature(act)
    _, *parameters = (
        one.replace(annotation=hints.get(one.name, one.annotation)) for one in signature.parameters.values()
    )
    return parameters, hints.get("return", signature.return_annotation)


def plain(act: Act) -> Any:
    """The function itself, out of partials and bound methods; of a callable object, its `__call__`."""
    while isinstance(act, partial):
        act = act.func
    if not (inspect.isfunction(act) or inspect.ismethod(act)):
        act = act.__call__  # type: ignore[operator]
    return inspect.unwrap(getattr(act, "__func__", act))


class Checked:
    """What came over HTTP, compared with the type hints: Gradio hands on whatever JSON there was.

    Args:
        act: each of its parameters after the person has a hint.
        refusal: raised with a sentence for what doesn't fit.

    Raises:
        TypeError: a parameter has no hint.
    """

    def __init__(self, act: Act, refusal: type[RanginError]) -> None:
        parameters, _ = _parameters(act)
        self._refusal = refusal
        self._expected: list[tuple[str, TypeAdapter[Any]]] = []
        for one in parameters:
            if one.annotation is inspect.Parameter.empty:
                raise TypeError(f"The parameter {one.name} of {act} needs a type hint.")
            self._expected.append((one.name, TypeAdapter(one.annotation)))

    def __call__(self, given: list[Any]) -> list[Any]:
        """The values as they are hinted, or the refusal, which names the parameter."""
        checked = []
        for (name, expected), value in zip(self._expected, given, strict=True):
            try:
                checked.append(expected.validate_python(value, strict=True))
            except ValidationError as error:
                raise self._refusal(f"`{name}` can't be taken: {error.errors()[0]['msg']}.") from error
        return checked


def is_of_another_site(request: gr.Request | None) -> bool:
    """Whether a browser sent this for a page that isn't ours.

    On a Space Gradio lets every site call it with the visitor's cookies, and its session cookie is sent along, so that
    any page an owner opens could act in their name. Browsers say truthfully where a request comes from, and programs
    say nothing.
    """
    if request is None:
        return False
    headers: Mapping[str, str] = request.headers
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    # Browsers before 2023, which say the origin of every POST.
    if not (origin := headers.get("origin")):
        return False
    ours = {headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")}
    host = urlsplit(origin).netloc.lower()  # of the origin "null" there is none
    return not host or host not in {one.strip().lower() for one in ours}
