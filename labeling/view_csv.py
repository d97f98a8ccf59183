"""What the page shows of CSVs and datasets. HTML, no widgets."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from labeling.view_parts import counted, refused, said, table, when

if TYPE_CHECKING:
    from labeling.dataset import Made
    from labeling.export import Exported, What
    from labeling.importing import Imported

PREVIEW_ROWS = 5


def kept(files: Sequence[tuple[str, float]], folder: Path) -> str:
    """The CSVs that the server keeps current.

    Args:
        files: name, and when it was written in seconds since 1970.
        folder: where they are.
    """
    if not files:
        return ""
    rows = [(f"<code>{escape(name)}</code>", when(at)) for name, at in files]
    return table(f"Kept on the server in {folder}", ("CSV", "Written"), rows, "CSVs on the server")


def exported(content: "Exported", what: "What") -> str:
    """A CSV that was made: how many rows, its first ones, and what is not in it."""
    unit = "judgement" if what.all_judgements else ("face" if what.by_face else "photo")
    sentences = [f"{counted(len(content.rows), 'row')}, one a labelled {unit}."]
    if what.all_judgements:
        sentences = [f"{counted(len(content.rows), 'judgement')}, one a row."]
    if content.conflicts and not what.all_judgements:
        sentences.append(
            f"{counted(content.conflicts, 'conflict')} left out: settle them under Agreement, and they come in."
        )
    if not content.rows:
        sentences.append("Nothing has been labelled that belongs in it.")
    shown = [tuple(escape(cell) for cell in row) for row in content.rows[:PREVIEW_ROWS]]
    head = table(f"The first {len(shown)}", content.header, shown, "First rows of the CSV") if shown else ""
    return said(" ".join(sentences)) + head + refused(content.refused, "row")


def imported(result: "Imported") -> str:
    """What came of an import, in a sentence."""
    parts = [f"{counted(result.added, 'judgement')} written"]
    parts += [f"{counted(result.unchanged, 'row')} known already"] if result.unchanged else []
    parts += [f"{counted(result.older, 'row')} older than what was said since"] if result.older else []
    parts += [f"{counted(len(result.refused), 'row')} refused"] if result.refused else []
    return f"Of {counted(result.rows, 'row')}: {', '.join(parts)}."


def refused_rows(result: "Imported") -> str:
    """The rows that did not go in, each with its line and why."""
    lines = []
    for row in result.refused:
        place = [f"Line {row.line}"] if row.line else []
        lines.append((": ".join([*place, row.name] if row.name else place), row.why))
    return refused(lines, "row")


def dataset(made: "Made") -> str:
    """A dataset that was made: what is in it, what is not, the command to run next."""
    labels = [(escape(label), f"{count:,}") for label, count in made.labels.items()]
    without = ", ".join(f"{count:,} {why}" for why, count in made.left_out.items())
    sentences = said(f"{counted(made.pictures, 'picture')} in {made.folder}.")
    sentences += said(f"Left out: {without}.") if without else ""
    return (
        sentences
        + table("Pictures of each label", ("Label", "Pictures"), labels)
        + "<p>To prepare it for training, run in Rangin's folder:</p>"
        + f'<code class="command" tabindex="0">{escape(made.command)}</code>'
        + "".join(said(note) for note in made.notes)
        + refused(made.refused, "picture")
    )
