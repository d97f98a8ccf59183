"""Widgets and a page that take what visitors send with care: files as they came, and nothing fetched for anybody."""

from abc import ABCMeta
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError
from pydantic import ValidationError

# What Gradio would fetch.
FETCHED = ("http://", "https://")
NO_INPUT = "An input of this request has a form that is not taken; send photos as files that were uploaded here before."
NO_ADDRESS = "An address instead of a photo is not fetched; send the photo itself as a file."


class Page(gr.Blocks):
    """Blocks that fetch nothing: a request may name files it has uploaded, and no address.

    Gradio would download an address that stands where a file should, in whichever input: without a limit on its size,
    from this server's place in the network.

    A request of a public event may leave out its last inputs: programs written before an event took more go on.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *given: Any, **options: Any) -> Any:
        """As Gradio's, after a look for addresses, and with the defaults of what is left out."""
        if block_fn.api_visibility == "public":
            inputs = [*inputs, *(widget.value for widget in block_fn.inputs[len(inputs) :])]
        if any(path.startswith(FETCHED) for path in _paths(inputs)):
            raise gr.Error(NO_ADDRESS, print_exception=False)
        try:
            return await super().preprocess_data(block_fn, inputs, *given, **options)
        except (ValidationError, InvalidPathError) as error:
            raise gr.Error(NO_INPUT, print_exception=False) from error


def _paths(value: Any) -> Iterator[str]:
    """Every path of a file anywhere in a request's inputs."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(path := value.get("path"), str):
                yield path.strip().lower()
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value


def _path(image: gr.Image, payload: Any) -> str | None:
    """The path of an uploaded file, whatever it holds: nothing but `colorizer.photo` decodes what visitors send.

    Gradio's own `preprocess` opens the file with Pillow and breaks off at what Pillow can't open.
    """
    if payload is not None and payload.path is None:
        raise gr.Error("Send the photo as a file.", print_exception=False)
    return None if payload is None else str(payload.path)


# An image input that hands on the file as it came. A class, since Gradio makes components anew when they are updated;
# made without Gradio's metaclass at work, since that writes a .pyi beside the module. Browsers see it as gr.Image.
PhotoInput: type[gr.Image] = ABCMeta.__new__(
    type(gr.Image),
    "PhotoInput",
    (gr.Image,),
    {"preprocess": _path, "is_template": True, "__module__": __name__},
)


def photo_input(**options: Any) -> gr.Image:
    return PhotoInput(type="filepath", image_mode=None, **options)
