"""What the page's section "Project" shows: the vocabulary, a change before it is made, the history. HTML only."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from labeling.desk import labels_with_keys
from labeling.view_parts import counted, said, table, when

if TYPE_CHECKING:
    from labeling.proposals import Proposal
    from labeling.vocabulary import Change, Label

INTRO = """
<h2>Project</h2>
<p>What annotators are asked, and what comes out of it. Everything that is changed here stands in the history below,
with who changed it and when.</p>
"""
LABELS = """
<p>The labels that annotators choose from, in the order of their keys. Renaming or merging one rewrites no judgement:
each keeps the word that was on the button, and counts as what the label is called now.</p>
"""
GUIDELINES = """
<p>Annotators read this beside the photo. Say which label to take in doubtful cases, and when a picture is unusable.</p>
"""
CSV = """
<p>One row a labelled photo, or a labelled face: the label of the majority, or the one that was settled on. The CSV of
each batch is also kept on the server and is never more than two seconds old.</p>
"""
DATASET = """
<p>A folder of photos and their labels that training takes. Pictures called unusable and photos labelled "unsure"
never go in.</p>
"""
IMPORT = """
<p>Judgements from a labels CSV, for photos that are in a batch already. Rows that can't be taken are listed, the rest
goes in. Importing what was exported here changes nothing.</p>
"""


def vocabulary(labels: "Sequence[Label]", counts: Mapping[int, int]) -> str:
    """The labels in use with their keys, and below them those that no longer are.

    Args:
        labels: all that ever were, in their order.
        counts: judgements that count now, by the number of the label they were given with; a label in use is shown with
            those of the labels that were merged into it.
    """
    names = {label.id: label.name for label in labels}
    active = [label for label in labels if label.is_active]
    parents = {label.id: label.merged_into for label in labels}
    totals: dict[int, int] = {}
    for number, count in counts.items():
        while (parent := parents.get(number)) is not None:
            number = parent
        totals[number] = totals.get(number, 0) + count
    rows = [
        (
            escape(one["name"]),
            f"<kbd>{one['key'].upper()}</kbd>" if one["key"] else "",
            _number(totals.get(one["id"], 0)),
        )
        for one in labels_with_keys(active)
    ]
    shown = table("Labels in use", ("Label", "Key", "Judgements"), rows)
    gone = [
        (
            escape(label.name),
            f"counts as {escape(names[label.merged_into])}" if label.merged_into is not None else "retired",
            _number(counts.get(label.id, 0)),
        )
        for label in labels
        if not label.is_active
    ]
    return shown + (table("No longer offered", ("Label", "Now", "Judgements"), gone) if gone else "")


def proposal(change: "Proposal | None", csv_name: Callable[[str, bool], str]) -> str:
    """A change that waits to be confirmed: what it would do, how many judgements it touches, in which CSVs.

    Args:
        change: None shows nothing.
        csv_name: the name of a CSV from a batch's name and whether it is that of its faces.
    """
    if change is None:
        return ""
    count = counted(change.count, "judgement counts", "judgements count")
    if change.act == "retire":
        effect = f"{counted(change.count, 'judgement stays', 'judgements stay')} as they are."
    else:
        effect = f"{count} differently from then on." if change.count else "No judgement is touched."
    files = "".join(
        f"<li><code>{escape(csv_name(use.batch, use.by_face))}</code> {counted(use.count, 'judgement')}</li>"
        for use in change.uses
    )
    where = f"<p>In these CSVs:</p><ul>{files}</ul>" if files and change.act != "retire" else ""
    sentences = "".join(said(sentence) for sentence in change.sentences)
    return f'<div class="proposal"><h4>Before you decide</h4>{sentences}<p><strong>{effect}</strong></p>{where}</div>'


def history(changes: "Sequence[Change]") -> str:
    """What owners changed, newest first."""
    if not changes:
        return '<p class="quiet">Nothing has been changed yet.</p>'
    rows = [(when(change.at), escape(change.who), sentence(change)) for change in changes]
    return table("What was changed, newest first", ("When", "Who", "What"), rows)


def sentence(change: "Change") -> str:
    """A change in words, as HTML."""
    before, after = change.before, change.after
    words = {
        "add label": f"Added the label {_quoted(after)}",
        "rename label": f"Renamed {_quoted(before)} to {_quoted(after)}",
        "merge label": f"Merged {_quoted(before)} into {_quoted(after)}",
        "retire label": f"Retired {_quoted(before)}",
        "restore label": f"Restored {_quoted(after)}",
    }
    if change.what in words:
        return words[change.what]
    if change.what == "order of labels":
        return f"Put the labels in this order: {escape(', '.join(map(str, after or [])))}"
    if change.what == "guidelines":
        return _rewritten(str(before or ""), str(after or ""))
    if change.what == "new batch" and isinstance(after, dict):
        return f"New batch {_quoted(after.get('name', ''))}"
    if isinstance(before, dict) and isinstance(after, dict):
        return f"{escape(change.what[:1].upper() + change.what[1:])}: {_edited(before, after)}"
    return escape(change.what[:1].upper() + change.what[1:])


def _rewritten(before: str, after: str) -> str:
    """The guidelines' old and new text, line by line, folded."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]
    shown = "\n".join(escape(line) for line in lines if not line.startswith("@@"))
    return f"<details><summary>Rewrote the guidelines</summary><pre>{shown}</pre></details>"


def _edited(before: dict[str, Any], after: dict[str, Any]) -> str:
    words = []
    for name, value in after.items():
        if name == "closed_at":
            words.append("put back on the desk" if value is None else "taken off the desk")
        else:
            words.append(f"{escape(name)} {_quoted(before.get(name, ''))} → {_quoted(value)}")
    return ", ".join(words)


def _quoted(value: object) -> str:
    return f"“{escape(str(value))}”"


def _number(count: int) -> str:
    return f"{count:,}"
