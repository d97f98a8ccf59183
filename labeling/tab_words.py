"""What the Label tab says to whoever comes."""

from html import escape

NAME = "It stands beside each of your labels; this browser remembers it."

INTRO = """
<h2>Label portraits, and decide which colours look real</h2>
<ul>
<li><strong>Photos and labels.</strong> People look at a portrait, or at each face of a group, and say which group they
see: the data that the model learns from. It lacks Nepali people most, and several groups in one frame.</li>
<li><strong>By keyboard.</strong> One key labels a photo and the next one is there; every step can be undone. A label
that the page calls saved is on the disk.</li>
<li><strong>Several judges.</strong> The tab measures how far people agree, and shows what they disagree on.</li>
<li><strong>Which looks more real?</strong> Two colorizations side by side, without saying whose they are.</li>
</ul>
<p>Perceived ethnicity is an impression from a picture and no fact about a person; labels serve to measure and mend how
differently the colorizer treats people, and never to sort them.</p>
"""


def paragraph(sentence: str, may_label: bool = False) -> str:
    """A sentence as HTML; of somebody who may label, the page then shows the sections (see label.css)."""
    return f"<p{' class=may-label' if may_label else ''}>{escape(sentence)}</p>"
