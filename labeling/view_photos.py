"""What the page's section "Photos" shows: an intake under way and what came of it, the batches. HTML, no widgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from labeling.view_parts import bar, counted, refused, renamed, said, tag, when

if TYPE_CHECKING:
    from labeling.batches import Batch
    from labeling.intake_runs import State
    from labeling.progress import Progress


@dataclass(frozen=True)
class Overview:
    """A batch, how far its labels have come, and its photos' survey."""

    batch: "Batch"
    photos: "Progress"
    faces: "Progress"
    surveyed: int
    """Photos in which faces have been looked for."""


INTRO = """
<h2>Photos</h2>
<p>Photos come in batches. Each batch says where its photos come from, under which licence, and how the people in them
agreed: whoever trains on them has to answer for that. A photo is kept once, whatever it is called; its name stays as it
was, without folders.</p>
"""

ABOUT_REPORTS = (
    "A folder that `python -m train evaluate` wrote. Its classifier's mistakes come in, the surest first, to be looked "
    "at once more."
)
ABOUT_PICTURES = "Only where the report's photos have moved since."

NO_BATCHES = """
<div class="empty"><h3>No photos yet</h3><p>Add some above. As soon as the first ones are in, they wait at the desk.</p>
</div>
"""


def limits(photo_mb: float, zip_mb: float, unpacked_mb: float, files: int, has_folders: bool) -> str:
    """What is taken."""
    folders = (
        ""
        if has_folders
        else said(
            "Photos can also come from folders of the server and from training reports, once its administrator names "
            "folders in RANGIN_PHOTO_FOLDERS."
        )
    )
    return (
        said(
            f"Photos of up to {photo_mb:g} MB, ZIPs of up to {zip_mb:,g} MB ({unpacked_mb:,g} MB unpacked), "
            f"{files:,} files at once. What can't be taken is listed, the rest goes in."
        )
        + folders
    )


def coming_in(state: "State") -> str:
    """An intake at work: how far it is."""
    so_far = f"{state.done:,} of {state.total:,} looked at" if state.total else f"{state.done:,} looked at"
    words = "Stopping after this photo" if state.is_cancelled else f"Taking {state.what}"
    return f"<p>{escape(words)}: {so_far}.</p>{bar(state.done, state.total, 'Photos looked at')}"


def came_in(state: "State") -> str:
    """An intake that is over: what came of it, in a sentence."""
    if state.intake is None:
        return said(state.problem)
    intake = state.intake
    parts = [counted(intake.added, "photo") + f" added to {escape(intake.batch.name)}"]
    if intake.known:
        parts.append(f"{intake.known:,} there already")
    if intake.renamed:
        parts.append(f"{len(intake.renamed):,} under a longer name")
    if intake.refused:
        parts.append(f"{len(intake.refused):,} refused")
    start = "Cancelled, and what came in stays: " if state.is_cancelled else ""
    return f'<p class="came-in">{start}{", ".join(parts)}.</p>'


def not_taken(state: "State") -> str:
    """What an intake refused, name by name."""
    if state.intake is None:
        return ""
    return refused(state.intake.refused) + renamed(state.intake.renamed)


def batches(overviews: Sequence[Overview], who: str) -> str:
    """All batches, the newest first.

    Args:
        overviews: oldest first.
        who: whose share is told; nobody's where it is empty.
    """
    if not overviews:
        return NO_BATCHES
    cards = "".join(_card(overview, who) for overview in reversed(overviews))
    return f'<h3>{counted(len(overviews), "batch", "batches")}</h3><div class="batches">{cards}</div>'


def notes(batch: "Batch") -> str:
    """Where a batch's photos come from, under which licence, and who agreed."""
    rows = "".join(
        f"<div><dt>{name}</dt><dd>{escape(note)}</dd></div>"
        for name, note in (("Source", batch.source), ("Licence", batch.licence), ("Consent", batch.consent))
    )
    return f'<dl class="notes">{rows}</dl>'


def _card(overview: Overview, who: str) -> str:
    batch, photos, faces = overview.batch, overview.photos, overview.faces
    closed = f" {tag('off the desk')}" if batch.closed_at is not None else ""
    wanted = "one judgement" if batch.judgements == 1 else f"{batch.judgements} people's judgements"
    return (
        f"<article class=batch><h4>{escape(batch.name)}{closed}</h4>"
        f'<p class="quiet">{counted(photos.total, "photo")}, {wanted} each. Added by {escape(batch.created_by)}, '
        f"{when(batch.created_at)}.</p>"
        f"{_labelled(batch, photos, 'photo', who)}"
        f"{_labelled(batch, faces, 'face', who) if faces.judged else ''}"
        f"{_survey(overview)}{notes(batch)}</article>"
    )


def _labelled(batch: "Batch", progress: "Progress", what: str, who: str) -> str:
    """How many photos (or faces) have their labels."""
    if not progress.total:
        return ""
    more = [f"{progress.judged - progress.done:,} begun"] if progress.judged > progress.done else []
    more += [f"{progress.mine:,} by you"] if who and progress.mine else []
    more += [f"{progress.unusable:,} called unusable"] if progress.unusable else []
    behind = f"; {', '.join(more)}" if more else ""
    text = f"<strong>{progress.done:,} of {progress.total:,}</strong> {what}s labelled{behind}"
    given = ", ".join(f"{escape(name)} {count:,}" for name, count in progress.by_label.items() if count)
    return (
        f"<div class=labelled><p>{text}</p>{bar(progress.done, progress.total, f'{what}s of {batch.name} labelled')}"
        + (f'<p class="quiet">{given}</p>' if given else "")
        + "</div>"
    )


def _survey(overview: Overview) -> str:
    """How far the search for faces has come; a sentence once it is over."""
    total, found = overview.photos.total, counted(overview.faces.total, "face")
    if not total:
        return ""
    if overview.surveyed >= total:
        return f'<p class="quiet">{found} found.</p>'
    name = f"photos of {overview.batch.name} looked through for faces"
    return (
        f'<div class=labelled><p class="quiet">Looking for faces: {overview.surveyed:,} of {total:,} photos, {found} '
        f"so far. Labelling needn't wait for it.</p>{bar(overview.surveyed, total, name)}</div>"
    )
