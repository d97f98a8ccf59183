"""Studies of "Which looks more real?": two colorizations of one photo, blind, or one and the truth.

    study = create(store, "asha", "Spring", ["default", "unet", "truth"], own=colorizer.name, batch="Village")
    Studio(...).paint(study.id)                 # appeal_painting: in the background
    trials(store, "bina", study.id, 3)          # appeal_voting: what bina sees next
    results(store, study.id).ranking            # ranking: what the votes say

The study of the literature: photos are painted by each model, people see two at a time and say which looks more real.
"""

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from labeling import batches, ranking, schema
from labeling.appeal_schema import paintings, pairs, studies, study_photos, votes
from labeling.errors import LabelError
from labeling.names import clean_line
from labeling.ranking import TRUTH, WRONG
from labeling.store import Store
from labeling.vocabulary import note_change

MOST_CONTESTANTS = 8
"""Each two of them are a pair on each photo: 28."""
MOST_PHOTOS = 1000
NAME_LENGTH = 80
SAMPLE = "sample "
SAMPLES_SOURCE = "example photos"

PAINTING, STOPPED, FAILED, READY = "painting", "stopped", "failed", "ready"


@dataclass(frozen=True)
class Study:
    """One study."""

    id: int
    name: str
    source: str
    """The batch's name, or `SAMPLES_SOURCE`."""
    contestants: tuple[str, ...]
    """Models, and perhaps "truth"; those that turned out not to be able to paint are gone."""
    state: str
    """"painting", "stopped", "failed" or "ready"."""
    message: str
    """What went wrong or was left out, as sentences; empty where nothing."""
    created_by: str
    created_at: float
    closed_at: float | None
    """When it was closed to further votes; None while it is open."""
    secret: str = field(repr=False)

    @property
    def models(self) -> tuple[str, ...]:
        """The contestants that paint."""
        return tuple(name for name in self.contestants if name != TRUTH)

    @property
    def is_open(self) -> bool:
        """Whether it takes votes."""
        return self.state == READY and self.closed_at is None


@dataclass(frozen=True)
class Progress:
    """How far a study is."""

    photos: int
    looked: int
    """Photos that have been read and searched for faces, or left out."""
    left_out: tuple[tuple[str, str], ...]
    """Photos that are not shown: name, and why."""
    painted: int
    to_paint: int
    pairs: int
    """Without catch trials."""
    votes: int
    """Current ones, without those on catch trials."""
    voters: int


def create(
    store: Store,
    who: str,
    name: str,
    contestants: Sequence[str],
    own: str,
    batch: str | int | None = None,
    photos: int = 30,
) -> Study:
    """Set up a study; nothing is painted yet.

    Args:
        who: its owner.
        name: of the study.
        contestants: two or more of models' names and "truth"; "default" is `own`.
        own: name of the page's model.
        batch: whose photos are shown, drawn by chance from those that nobody marked unusable; the example photos when
            absent.
        photos: at most so many.

    Raises:
        LabelError: the name is taken or can't be used, the batch has no photos, or there are too few contestants or too
            many.
        ModelError, OptionError: one of them is no model that can paint.
    """
    called = clean_line(name, "The study's name", NAME_LENGTH)
    chosen = _contestants(contestants, own)
    if isinstance(photos, bool) or not isinstance(photos, int) or not 1 <= photos <= MOST_PHOTOS:
        raise LabelError(f"A study shows 1 to {MOST_PHOTOS:,} photos, not {photos!r}.")
    source = SAMPLES_SOURCE if batch is None else batches.find(store, batch).name
    values = {
        "name": called,
        "source": source,
        "contestants": chosen,
        "secret": secrets.token_hex(16),
        "state": PAINTING,
        "message": "",
        "created_by": who,
        "created_at": store.clock(),
    }
    try:
        with store.writing() as connection:
            number = connection.execute(studies.insert().values(values)).inserted_primary_key[0]  # type: ignore[index]
            shown = _samples() if batch is None else _of_batch(connection, source, photos)
            if not shown:
                raise LabelError(f"The batch {source!r} has no photos yet; add some first.")
            connection.execute(
                study_photos.insert(), [{"study": number, "origin": o, "name": n} for o, n in shown]
            )
            said = {"source": source, "contestants": chosen, "photos": len(shown)}
            note_change(store, connection, who, f"new study {called}", None, said)
            return find(connection, int(number))
    except IntegrityError as error:
        raise LabelError(f"There is a study {called!r} already; choose another name.") from error


def all_studies(store: Store) -> list[Study]:
    """All, newest first."""
    with store.reading() as connection:
        rows = connection.execute(sa.select(studies).order_by(studies.c.id.desc())).all()
    return [_study(row) for row in rows]


def find(store: Store | Connection, study: int | str) -> Study:
    """A study by its number or its name.

    Raises:
        LabelError: there is none.
    """
    if isinstance(store, Store):
        with store.reading() as connection:
            return find(connection, study)
    by = studies.c.id == study if isinstance(study, int) else studies.c.name == study.strip()
    row = store.execute(sa.select(studies).where(by)).one_or_none()
    if row is None:
        names = list(store.scalars(sa.select(studies.c.name).order_by(studies.c.id)))
        there = f"there are {', '.join(names)}." if names else "there is none yet."
        raise LabelError(f"There is no study {study!r}; {there}")
    return _study(row)


def set_closed(store: Store, who: str, study: int, is_closed: bool) -> Study:
    """Close a study to further votes, or open it again; what was voted stays.

    Raises:
        LabelError: there is no such study.
    """
    with store.writing() as connection:
        old = find(connection, study)
        if is_closed != (old.closed_at is not None):
            values = {"closed_at": store.clock() if is_closed else None}
            connection.execute(studies.update().where(studies.c.id == study).values(values))
            note_change(store, connection, who, f"study {old.name}", {"closed_at": old.closed_at}, values)
        return find(connection, study)


def set_state(store: Store, study: int, state: str, message: str | None = None) -> None:
    """Where the painting of a study stands; its message stays when absent."""
    said = {} if message is None else {"message": message}
    with store.writing() as connection:
        connection.execute(studies.update().where(studies.c.id == study).values(state=state, **said))


def progress(store: Store, study: int) -> Progress:
    """How far a study is.

    Raises:
        LabelError: there is no such study.
    """
    with store.reading() as connection:
        found = find(connection, study)
        photos = connection.execute(
            sa.select(study_photos).where(study_photos.c.study == study).order_by(study_photos.c.id)
        ).all()
        count = sa.select(sa.func.count())
        painted = connection.scalar(
            count.select_from(paintings).where(
                paintings.c.study == study, paintings.c.contestant.in_(found.models)
            )
        )
        there = connection.scalar(
            count.select_from(pairs).where(pairs.c.study == study, pairs.c.is_catch.is_(False))
        )
        voted, voters = connection.execute(
            sa.select(sa.func.count(), sa.func.count(sa.distinct(votes.c.who)))
            .select_from(votes.join(pairs, pairs.c.id == votes.c.pair))
            .where(votes.c.study == study, votes.c.is_current, pairs.c.is_catch.is_(False))
        ).one()
    return Progress(
        photos=len(photos),
        looked=sum(row.faces is not None or row.problem != "" for row in photos),
        left_out=tuple((row.name, row.problem) for row in photos if row.problem),
        painted=painted or 0,
        to_paint=sum(row.problem == "" for row in photos) * len(found.models),
        pairs=there or 0,
        votes=voted,
        voters=voters,
    )


def votes_of(store: Store, study: int) -> list[ranking.Vote]:
    """All current votes, those on catch trials among them, oldest first."""
    query = (
        sa.select(votes.c.who, votes.c.left, votes.c.choice, pairs.c.photo, pairs.c.first, pairs.c.second)
        .select_from(votes.join(pairs, pairs.c.id == votes.c.pair))
        .where(votes.c.study == study, votes.c.is_current)
        .order_by(votes.c.id)
    )
    with store.reading() as connection:
        return [
            ranking.Vote(
                row.who, row.photo, row.left, row.second if row.left == row.first else row.first, row.choice
            )
            for row in connection.execute(query)
        ]


def results(store: Store, study: int, leave_out: bool = True) -> ranking.Results:
    """What the votes of a study say.

    Args:
        study: its number.
        leave_out: whether without people who miss catch trials.

    Raises:
        LabelError: there is no such study.
    """
    return ranking.judge_votes(votes_of(store, study), find(store, study).contestants, leave_out)


def _contestants(names: Sequence[str], own: str) -> list[str]:
    from colorizer.comparison_models import choose_models

    models = [str(name) for name in names if name != TRUTH]
    chosen = list(choose_models(models, own)) if models else []
    if taken := {TRUTH, WRONG} & set(chosen):
        raise LabelError(
            f"A model called {taken.pop()!r} can't take part, since that word has a meaning here."
        )
    if TRUTH in names:
        chosen.append(TRUTH)
    if not 2 <= len(chosen) <= MOST_CONTESTANTS:
        raise LabelError(
            f"A study compares 2 to {MOST_CONTESTANTS} contestants, models or the truth; "
            f"{len(chosen)} {'was' if len(chosen) == 1 else 'were'} chosen."
        )
    return chosen


def _samples() -> list[tuple[str, str]]:
    from colorizer import samples

    return [(SAMPLE + title, title) for title in samples.originals()]


def _of_batch(connection: Connection, batch: str, limit: int) -> list[tuple[str, str]]:
    """(hash, name) of photos of a batch, drawn by chance, in the batch's order."""
    items = schema.items.c
    rows = connection.execute(
        sa.select(items.photo, items.name)
        .select_from(schema.items.join(schema.batches))
        .where(schema.batches.c.name == batch, items.face == 0, ~_is_unusable(items.photo))
        .order_by(items.position)
    ).all()
    drawn = sorted(random.SystemRandom().sample(range(len(rows)), min(limit, len(rows))))
    return [(rows[i].photo, rows[i].name) for i in drawn]


def hidden(study: int) -> sa.Select[tuple[int]]:
    """A study's photos that are not shown: left out, or marked unusable on the desk, perhaps since it was made.

    One person who marks is enough: nobody is shown without consent because others missed it.
    """
    is_hidden = (study_photos.c.problem != "") | _is_unusable(study_photos.c.origin)
    return sa.select(study_photos.c.id).where(study_photos.c.study == study, is_hidden)


def _is_unusable(photo: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    items, events = schema.items.alias(), schema.events.alias()
    current = (events.c.kind == "unusable") & (events.c.superseded_by == 0) & (events.c.slot != "")
    return sa.exists().where(items.c.photo == photo, events.c.item == items.c.id, current)


def _study(row: Row[Any]) -> Study:
    values = dict(row._mapping)
    return Study(**{**values, "contestants": tuple(values["contestants"])})
