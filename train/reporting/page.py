"""A report's page: one HTML file that needs no other, no network and no script.

html = page.render([Section("results", "Results", [Text("Good.")])], "Evaluation", "200 photos")
"""

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from train.reporting.blocks import Section


def render(sections: Sequence[Section], title: str, subtitle: str) -> str:
    """Sections -> a whole HTML document; whatever text they hold is escaped."""
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # An arrow stays on the line of what it says.
    environment.filters["no_orphan"] = lambda text: re.sub(r" (?=[↑↓→])|(?<=→) ", "\u00a0", text)
    css = (folder / "style.css").read_text(encoding="utf-8")
    return environment.get_template("page.html.jinja").render(
        sections=sections, title=title, subtitle=subtitle, css=css
    )
