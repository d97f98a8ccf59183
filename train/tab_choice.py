"""A drop-down list whose choice is looked at by what it is for: what is on the list may change while a page is open."""

from abc import ABCMeta
from typing import Any

import gradio as gr


def _chosen(dropdown: gr.Dropdown, payload: Any) -> Any:
    """What was chosen. Gradio's own refuses what isn't on its list, which is empty in a server that began again, and
    tells whoever asks what is on it."""
    return payload if isinstance(payload, (str, int, float)) else None


# A class, since Gradio makes components anew when they are updated; made without Gradio's metaclass at work, since that
# writes a .pyi beside the module. Browsers see it as gr.Dropdown.
Choice: type[gr.Dropdown] = ABCMeta.__new__(
    type(gr.Dropdown),
    "Choice",
    (gr.Dropdown,),
    {
        "preprocess": _chosen,
        "_warn_if_invalid_choice": lambda dropdown, value: None,
        "is_template": True,
        "__module__": __name__,
    },
)
