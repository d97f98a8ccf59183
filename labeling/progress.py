"""How far a batch has come, and how fast somebody labels."""

from dataclasses import dataclass

import sqlalchemy as sa

from labeling import schema, vocabulary
from labeling.store import Store

RECENT_SECONDS = 300.0
"""Labels a minute are counted over this long; after a longer break they begin anew."""
SHORTEST_SECONDS = 15.0  # less would make the first label look like sixty a minute


@dataclass(frozen=True)
class Progress:
    """Of one batch and unit, as one person sees it."""

    total: int
    """Items."""
    judged: int
    """Items with a judgement."""
    done: int
    """Items with as many judgements as are wanted."""
    mine: int
    """My labels and unusable pictures that count."""
    skipped: int
    """What I skipped and have not judged since."""
    unusable: int
    """Judgements, of everybody, that a picture is unusable."""
    per_minute: float
    """My judgements a minute, lately."""
    by_label: dict[str, int]
    """Label -> judgements of everybody that count, in the vocabulary's order."""


def progress(store: Store, batch: int, who: str, by_face: bool = False) -> Progress:
    """How far a batch has come."""
    events, items = schema.events.c, schema.items.c
    here = [events.batch == batch, events.by_face == by_face, events.superseded_by == 0]
    with store.reading() as connection:
        wanted = connection.scalar(sa.select(schema.batches.c.judgements).where(schema.batches.c.id == batch))
        counts: dict[int, int] = {
            row.judged: row.number
            for row in connection.execute(
                sa.select(items.judged, sa.func.count().label("number"))
                .where(items.batch == batch, items.by_face == by_face)
                .group_by(items.judged)
            )
        }
        names = {number: label.name for number, label in vocabulary.resolve(connection).items()}
        by_label = dict.fromkeys(names.values(), 0)
        unusable = 0
        for label, kind, number in connection.execute(
            sa.select(events.label, events.kind, sa.func.count())
            .where(*here, events.kind.in_(("label", "unusable")))
            .group_by(events.label, events.kind)
        ):
            if kind == "unusable":
                unusable += number
            else:
                by_label[names[label]] += number
        mine = {
            row.kind: row.number
            for row in connection.execute(
                sa.select(events.kind, sa.func.count().label("number"))
                .where(*here, events.who == who)
                .group_by(events.kind)
            )
        }
        recent = list(
            connection.scalars(
                sa.select(events.at)
                .where(
                    *here,
                    events.who == who,
                    events.kind.in_(("label", "unusable")),
                    events.via != "import",
                    events.at > store.clock() - RECENT_SECONDS,
                )
                .order_by(events.id.desc())
                .limit(500)
            )
        )
    return Progress(
        total=sum(counts.values()),
        judged=sum(number for judged, number in counts.items() if judged > 0),
        done=sum(number for judged, number in counts.items() if judged >= (wanted or 1)),
        mine=mine.get("label", 0) + mine.get("unusable", 0),
        skipped=mine.get("skip", 0),
        unusable=unusable,
        per_minute=_per_minute(recent),
        by_label=by_label,
    )


def _per_minute(times: list[float]) -> float:
    """Judgements a minute between the first and the last of these."""
    if len(times) < 2:
        return 0.0
    return (len(times) - 1) / max(max(times) - min(times), SHORTEST_SECONDS) * 60
