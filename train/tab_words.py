"""What the Train tab says to whoever comes."""

from html import escape

INTRO = """
<h2>Train a model on your own pictures</h2>
<ul>
<li><strong>A run.</strong> A recipe, a dataset, a few numbers: what the page starts is a command that you see, and
could have typed.</li>
<li><strong>On this machine, on Slurm, or on Hugging Face Jobs.</strong> With an estimate of time and cost before it
starts.</li>
<li><strong>Close the laptop.</strong> A run is a folder on the disk and doesn't live in this page; come back tomorrow
for curves, samples and a report.</li>
<li><strong>Make it the model that Colorize uses.</strong> Compared with the present one first, on the same
pictures.</li>
</ul>
"""


def paragraph(sentence: str, may_train: bool = False) -> str:
    """A sentence as HTML; of somebody who may train, the page then shows the sections (see train_frame.css)."""
    return f"<p{' class=may-train' if may_train else ''}>{escape(sentence)}</p>"
