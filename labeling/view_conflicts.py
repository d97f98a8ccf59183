"""The desk where an owner settles conflicts, as HTML: the photo, all votes and notes, a button a label.

Whatever stands in it is escaped here. A button says what it does in `data-do`; `PRESSED` sends that to the page's event
"act" together with what was on screen. Gradio patches the HTML in place, so that the focus stays on its button.
"""

import base64
from collections.abc import Sequence
from html import escape

from labeling.batches import PhotoRow
from labeling.conflicts import Conflict, State, by_answer
from labeling.desk import labels_with_keys
from labeling.judgement import REASONS
from labeling.looks import FaceRow
from labeling.outcome import Vote
from labeling.view_parts import counted, said, when
from labeling.vocabulary import Label

PRESSED = """
const send = (button) => {
  const shown = element.querySelector('.conflict');
  trigger('act', {
    action: button.dataset.do,
    label: Number(button.dataset.label || 0),
    unusable: button.dataset.unusable || '',
    item: Number(button.dataset.item || shown.dataset.item),
    decision: Number(button.dataset.decision || shown.dataset.decision),
  });
};
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  if (button) send(button);
});
// Only while the focus is in this section, and never on the way to another desk's keys.
element.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key;
  const wanted = /^[0-9a-z]$/.test(key) ? `[data-key="${key}"]`
    : key === 'ArrowRight' ? '[data-do="next"]' : key === 'ArrowLeft' ? '[data-do="previous"]' : '';
  const button = wanted && element.querySelector('button' + wanted);
  if (!button || button.disabled) return;
  event.preventDefault();
  event.stopPropagation();
  if (!event.repeat) send(button);
});
"""
"""What the HTML component runs when it is there."""
KEYS = "Keys, while the focus is here: those of the labels, as at the desk; ← and → for the conflict before and after."
NONE: dict[State, str] = {
    "open": "No open conflicts: wherever people have judged, it comes to something.",
    "majority": "Nothing here: no majority has outvoted anybody.",
    "settled": "Nothing here: no owner has settled anything yet.",
}


def desk(
    conflict: Conflict | None,
    picture: str,
    labels: Sequence[Label],
    place: tuple[int, int],
    state: State,
    message: str = "",
    problem: str = "",
    undo: tuple[int, int] | None = None,
) -> str:
    """The whole desk.

    Args:
        conflict: the one shown; None where the queue is empty.
        picture: as `picture` makes it.
        labels: those that can be chosen.
        place: how many stand before it in its queue, and the queue's length.
        state: which queue.
        message: what has just been done.
        problem: what went wrong.
        undo: item and decision that can be taken back at once; None offers nothing.
    """
    before, length = place
    item, decision = (conflict.item.item, conflict.decision) if conflict else (0, 0)
    here = NONE[state] if conflict is None else f"{min(before + 1, length):,} of {length:,}."
    return (
        f'<div class="conflict" data-item="{item}" data-decision="{decision}">'
        f'<div class="said" role="status">{said(message)}<p>{escape(here)}</p></div>'
        f"{_undo(undo)}"
        f'<div class="wrong" role="alert">{said(problem)}</div>'
        f"{_sides(conflict, picture, labels, length) if conflict else ''}</div>"
    )


def picture(conflict: Conflict, jpeg: bytes, photo: PhotoRow, face: FaceRow | None) -> str:
    """The photo, large, with the face that is meant in a frame.

    Args:
        jpeg: of the whole photo, upright.
        photo: its size is the frame's scale.
        face: None for the whole photo.
    """
    name = conflict.item.name
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    about = f"Photo {name}" + (f", face {face.number} in the frame" if face else "")
    frame = (
        f'<svg viewBox="0 0 {photo.width} {photo.height}" aria-hidden="true">'
        + "".join(
            f'<rect class="{kind}" x="{face.left:.1f}" y="{face.top:.1f}" width="{face.right - face.left:.1f}" '
            f'height="{face.bottom - face.top:.1f}" rx="{(face.right - face.left) / 12:.1f}"/>'
            for kind in ("under", "over")
        )
        + "</svg>"
        if face
        else ""
    )
    return (
        f'<span class="framed"><img src="{source}" width="{photo.width}" height="{photo.height}" alt="{escape(about)}">'
        f"{frame}</span>"
    )


def without_picture(why: str) -> str:
    """What stands in the photo's place where it can't be shown."""
    return f'<span class="framed"><span class="absent">{escape(why)}</span></span>'


def _sides(conflict: Conflict, picture: str, labels: Sequence[Label], length: int) -> str:
    item = conflict.item
    name = f"{item.name}, face {item.face}" if item.face else item.name
    only = " disabled" if length < 2 else ""
    return (
        f"<div class=sides><figure>{picture}<figcaption><strong>{escape(name)}</strong> in "
        f"{escape(conflict.batch.name)}</figcaption></figure><div class=deciding>"
        f"<h3>What people said</h3><ul class=answers>{_answers(conflict)}</ul>{_standing(conflict)}{_notes(conflict)}"
        f"<h3>What counts</h3>{_choices(conflict, labels)}"
        f'<div class=steps><button type=button data-do="previous"{only}>← Before</button>'
        f'<button type=button data-do="next"{only}>Next →</button>'
        f'<button type=button data-do="reopen"{"" if conflict.decided else " hidden"}>Let the votes count again'
        f"</button></div><p class=keys>{KEYS}</p></div></div>"
    )


def _answers(conflict: Conflict) -> str:
    cast = {vote.who: vote for vote in conflict.item.votes}
    total = sum(vote.kind != "skip" for vote in cast.values())
    return "".join(
        f"<li><strong>{escape(answer)}</strong> <span>{len(people)} of {total}</span>"
        f"<ul>{''.join(f'<li>{_vote(cast[who])}</li>' for who in people)}</ul></li>"
        for answer, people in by_answer(conflict)
    )


def _vote(vote: Vote) -> str:
    then = f", as “{escape(vote.word)}”" if vote.label and vote.word and vote.word != vote.label else ""
    aided = " <span class=tag>saw the model’s suggestion</span>" if vote.suggestion_shown else ""
    return f"{escape(vote.who)}{then} <small>{when(vote.at)}</small>{aided}"


def _standing(conflict: Conflict) -> str:
    """What else there is to know before deciding; one element always, so that what follows keeps its place."""
    words = []
    cast = sum(vote.kind != "skip" for vote in conflict.item.votes)
    skipped = [vote.who for vote in conflict.item.votes if vote.kind == "skip"]
    if cast < conflict.batch.judgements:
        words.append(
            f"{cast} of the {counted(conflict.batch.judgements, 'judgement')} wanted; more may still come."
        )
    if skipped:
        words.append(f"Skipped by {', '.join(skipped)}.")
    if conflict.settled_at is not None:
        words.append(f"{conflict.settled_by} settled it as {conflict.decided}.")
    elif conflict.state == "majority":
        words.append(f"By majority this counts as {conflict.item.outcome or 'unusable'}.")
    return f"<p class=standing>{escape(' '.join(words))}</p>"


def _notes(conflict: Conflict) -> str:
    lines = "".join(
        f"<li><q>{escape(note.text)}</q> {escape(note.who)} <small>{when(note.at)}</small></li>"
        for note in conflict.notes
    )
    return f"<div class=notes{'' if lines else ' hidden'}><h3>Notes</h3><ul>{lines}</ul></div>"


def _choices(conflict: Conflict, labels: Sequence[Label]) -> str:
    named = conflict.item.counts
    buttons = "".join(
        f'<button type=button data-do="settle" data-label="{label["id"]}"'
        + (f' data-key="{label["key"]}"' if label["key"] else "")
        + f' class="{"named" if named[label["name"]] else ""}" '
        f'aria-pressed="{"true" if label["name"] == conflict.item.settled else "false"}">'
        + (f"<kbd>{label['key'].upper()}</kbd> " if label["key"] else "")
        + f"{escape(label['name'])}</button>"
        for label in labels_with_keys(list(labels))
    )
    unusable = "".join(
        f'<button type=button data-do="settle" data-unusable="{reason}" '
        f'aria-pressed="{"true" if reason == conflict.item.settled_unusable else "false"}">Unusable: {reason}</button>'
        for reason in REASONS
    )
    return (
        f'<div class=choices role=group aria-label="Settle it as">{buttons}</div>'
        f'<div class="steps" role=group aria-label="The picture can’t be used">{unusable}</div>'
    )


def _undo(undo: tuple[int, int] | None) -> str:
    item, decision = undo or (0, 0)
    return (
        f'<button type=button class=undo data-do="undo" data-item="{item}" data-decision="{decision}"'
        f"{'' if undo else ' hidden'}>Take that back</button>"
    )
