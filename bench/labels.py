"""A hundred thousand labelled photos, beside a thousand: what an annotator waits for must not grow with the store.

Rows only, without picture files: the store, the queue and the CSV never open one. Half of the photos are labelled where
the next ones are asked for, all of them where the CSV is written.
"""

import csv
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from bench.measure import Measurement, in_turns
from colorizer.groups import GROUPS
from labeling import batches, export, judging, looks, progress, queue, schema, status
from labeling.batches import NewPhoto
from labeling.judgement import Judgement
from labeling.store import Store

MANY, FEW = 100_000, 1_000
CHUNK = 5_000
# Milliseconds. A person who labels 25 photos a minute needs ten new ones every 24 seconds.
NEXT_LIMIT, SAVE_LIMIT, STATUS_LIMIT, EXPORT_LIMIT = 250.0, 50.0, 500.0, 5_000.0


def measure(repeats: int) -> list[Measurement]:
    """Time the store's calls on a full and on a nearly empty one, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        many, few = (_Project(Path(folder), count) for count in (MANY, FEW))
        rows = [
            _beside(
                f"next ten photos, {queue.ORDERS[order]}, of {MANY:,} half labelled",
                lambda project, order=order: project.take(order),  # type: ignore[misc]
                *(many, few, repeats, NEXT_LIMIT),
            )
            for order in queue.ORDERS
        ]
        rows.append(
            _beside(
                f"one label saved, in a store of {MANY:,}", _Project.judge, many, few, repeats, SAVE_LIMIT
            )
        )
        rows.append(
            _beside(f"progress of {MANY:,} photos", _Project.progress, many, few, repeats, STATUS_LIMIT)
        )
        rows.append(_beside(f"status of {MANY:,} photos", _Project.status, many, few, repeats, STATUS_LIMIT))
        many.label_rest()
        few.label_rest()
        path, plain = Path(folder) / "labels.csv", Path(folder) / "plain.csv"
        content = export.rows(many.store).rows
        rows.append(
            in_turns(
                f"CSV of {MANY:,} labels, from the database to the disk",
                lambda: export.write(many.store, path, locks=Path(folder) / "locks"),
                "writing the same rows from memory, no lock, no flush",
                lambda: _write_plainly(plain, content),
                repeats=repeats,
                limit=EXPORT_LIMIT,
            )
        )
    return rows


class _Project:
    """A store with so many photos of one batch, half of them labelled."""

    def __init__(self, folder: Path, count: int) -> None:
        chance = random.Random(count)
        self.store = Store(f"sqlite:///{folder / f'{count}.db'}")
        self.batch = batches.create(self.store, "bench", "bench", "rows", "none", "nobody is in them").id
        self.number = 0
        for start in range(0, count, CHUNK):
            photos = [
                NewPhoto(f"{number:064x}", f"photo {number:06}.jpg", ".jpg", 640, 480, 50_000)
                for number in range(start, min(start + CHUNK, count))
            ]
            batches.add_photos(self.store, self.batch, photos)
        self._estimate(chance)
        self.items = list(range(1, count + 1))
        chance.shuffle(self.items)
        self._label(self.items[: count // 2])

    def take(self, order: str) -> None:
        queue.take(self.store, "Maya", self.batch, order)
        queue.release(self.store, "Maya")

    def judge(self) -> None:
        self.number += 1
        item = self.items[self.number % len(self.items)]
        judging.judge(self.store, f"bench-{self.number:08}", "Ram", item, "label", "Nepali", seconds=2.0)

    def progress(self) -> None:
        progress.progress(self.store, self.batch, "Maya")

    def status(self) -> None:
        status.read(self.store)

    def label_rest(self) -> None:
        self._label(self.items[len(self.items) // 2 :])

    def _label(self, items: list[int]) -> None:
        words = (*GROUPS, "Nepali", "unsure")
        for start in range(0, len(items), CHUNK):
            judging.judge_all(
                self.store,
                [
                    Judgement(f"label-{item:08}", "Sita", item, "label", words[item % len(words)])
                    for item in items[start : start + CHUNK]
                ],
            )

    def _estimate(self, chance: random.Random) -> None:
        """What surveying the photos leaves: a face each; written in one go, since a model is not what is timed."""
        with self.store.writing() as connection:
            estimates = []
            for number in connection.scalars(sa.select(schema.items.c.id)).all():
                shares = [chance.random() ** 3 + 0.01 for _ in GROUPS]
                known = {group: share / sum(shares) for group, share in zip(GROUPS, shares, strict=True)}
                group = max(known, key=lambda name: known[name])
                estimates.append(
                    {
                        "number": number,
                        "estimate": group,
                        "confidence": known[group],
                        "uncertainty": looks.uncertainty(known),
                    }
                )
            connection.exec_driver_sql(
                "UPDATE items SET estimate = :estimate, confidence = :confidence, uncertainty = :uncertainty "
                "WHERE id = :number",
                estimates,
            )
            connection.execute(schema.photos.update().values(surveyed_at=self.store.clock()))


def _beside(
    what: str, act: Callable[[_Project], object], many: _Project, few: _Project, repeats: int, limit: float
) -> Measurement:
    return in_turns(
        what, lambda: act(many), f"the same of {FEW:,}", lambda: act(few), repeats=repeats, limit=limit
    )


def _write_plainly(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
