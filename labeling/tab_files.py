"""A widget that takes files as they came: under the names their owner gave them, decoded by nobody on the way."""

from abc import ABCMeta
from pathlib import Path
from typing import Any

import gradio as gr


def _given(files: gr.File, payload: Any) -> list[tuple[str, str]]:
    """Path and name of each uploaded file.

    Gradio's own `preprocess` leaves an empty temporary file behind for each, and of the name only what it thinks safe
    for a path; what a name may be is decided where it is stored.
    """
    if payload is None:
        return []
    given = payload.root if hasattr(payload, "root") else [payload]
    return [(str(file.path), str(file.orig_name or Path(file.path).name)) for file in given]


# A class, since Gradio makes components anew when they are updated; made without Gradio's metaclass at work, since that
# writes a .pyi beside the module. Browsers see it as gr.File.
FilesInput: type[gr.File] = ABCMeta.__new__(
    type(gr.File),
    "FilesInput",
    (gr.File,),
    {"preprocess": _given, "is_template": True, "__module__": __name__},
)


def files_input(**options: Any) -> gr.File:
    """A gr.File whose events get a list of (path on the server, name that the file came with); empty without files."""
    return FilesInput(type="filepath", **options)
