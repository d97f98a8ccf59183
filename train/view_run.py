"""What the page shows of one run's fruits: curves, painted samples, its report, what became of an errand. HTML, no
widgets; whatever stands in it is escaped here.
"""

from collections.abc import Mapping, Sequence
from html import escape

from train.errands import Errand
from train.jobs import curves
from train.jobs.curves import Line
from train.jobs.series import MEASURES, TRAINING, Curve
from train.view_runs import paragraph

NO_CURVES = "No curves yet: the first values come with the first validation."
NO_SAMPLES = "No sample colorizations yet: some validation photos are painted at each validation."
FRAMED = 12_000_000
"""Letters of a report that is shown in the page; a longer one is only for downloading."""


def drawn(found: Mapping[str, Sequence[Curve]], names: Mapping[str, str]) -> str:
    """A chart a measure, all runs over one another, and which curve is which.

    Args:
        found: as `series.read` returns it.
        names: what people call each run's folder, in the order of their colours.
    """
    if not any(found.values()):
        return paragraph(NO_CURVES)
    charts, every = [], []
    numbers = {folder: number for number, folder in enumerate(names)}
    for measure, several in found.items():
        lines = [
            Line(
                names[curve.run],
                curve.split,
                curve.steps,
                curve.values,
                # Of one run the splits have colours of their own; of several, each run has one.
                numbers[curve.run] if len(names) > 1 else _of_split(curve.split),
            )
            for curve in several
        ]
        every += lines
        charts.append(curves.chart(MEASURES[measure], lines, may_be_log=measure == "loss"))
    return f"{curves.legend(every)}<div class=charts>{''.join(charts)}</div>"


def named(jobs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Folder -> what the legend calls it: the run's name, with its beginning's hour where two have the same.

    Args:
        jobs: folder's name and run's name; the folder's ends with the time and some letters of chance.
    """
    taken = [name for _, name in jobs]
    return {
        folder: name if taken.count(name) == 1 else f"{name} ({folder.removeprefix(f'{name}-')})"
        for folder, name in jobs
    }


def samples(gray: str, painted: str, truth: str, step: int) -> str:
    """Strips of the same photos: what the network sees, what it made of them, and how they were.

    Args:
        gray: data: URI, as the others; an empty one is left out.
        step: at which they were painted.
    """
    if not painted:
        return paragraph(NO_SAMPLES)
    rows = [
        (gray, "Gray, as the network sees them"),
        (painted, f"Painted at step {step:,}"),
        (truth, "In their true colours"),
    ]
    return "".join(
        f'<figure class=strip><img src="{escape(uri)}" alt="{escape(said)}">'
        f"<figcaption>{escape(said)}</figcaption></figure>"
        for uri, said in rows
        if uri
    )


def report(html: str, name: str) -> str:
    """A report inside the page, where nothing of it can act: no scripts, no forms, no way out of its frame.

    Args:
        html: the whole document.
        name: the run's.
    """
    if not html:
        return ""
    if len(html) > FRAMED:
        return paragraph("This report is too large to be shown here; download it and open the file.")
    return (
        f'<iframe class=report sandbox="" referrerpolicy="no-referrer" title="Report of {escape(name)}" '
        f'srcdoc="{escape(html)}"></iframe>'
    )


def errand(one: Errand | None) -> str:
    """What is being done with a run behind the page, or how that ended."""
    if one is None:
        return ""
    if one.is_working:
        return f'{paragraph(one.title)}<progress aria-label="{escape(one.title)}"></progress>'
    kind = ' class="trouble"' if one.state == "failed" else ""
    return f"<p{kind}>{escape(one.said.sentence)}</p>" if one.said.sentence else ""


def going(name: str, said: str) -> str:
    """What goes with a run that is to be deleted."""
    return f"<h4>Delete {escape(name)} for good?</h4>{paragraph(said)}"


def _of_split(split: str) -> int:
    if split == TRAINING:
        return 0
    _, _, number = split.partition(" ")
    return 1 + int(number) if number.isdigit() else 1
