"""What a voter sees next, and what they chose.

    for trial in trials(store, "bina", study, 3): trial.left, trial.right
    vote(store, key, "bina", trial.token, "left")
    undo(store, key, "bina", study)                 # the trial that is open again

Blind: on which side a contestant stands and where catch trials come follow from the study's secret, the voter and the
pair, so that they are the same after a reload and on every server, and nobody can tell them beforehand. Of every ten
trials one is a catch trial. Pairs with the fewest votes come first, then photos that the voter has seen least: who sees
three paintings of one photo in a row knows the truth as the one that comes again.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labeling import appeal
from labeling.appeal import Study
from labeling.appeal_schema import paintings, pairs, votes
from labeling.errors import LabelError
from labeling.store import Store

CHOICES = ("left", "right", "tie")
VIA = ("page", "http", "command")
# One trial of so many is a catch trial; studies with fewer pairs have one all the same.
BLOCK = 10
MOST_AT_ONCE = 10
MOST_HELD = 100
LONGEST_LOOK = 3600.0  # seconds; whoever took longer went away
VOTING = 7_264_015  # a number of our own, for PostgreSQL's locks

_FINISHED = "This study takes no more votes."


@dataclass(frozen=True)
class Trial:
    """A pair as one voter sees it."""

    token: str
    left: str
    """Contestant on the left: for whoever fetches the picture, never for the voter."""
    right: str
    left_file: str
    right_file: str


@dataclass(frozen=True)
class Standing:
    """How far a voter is."""

    done: int
    total: int
    """All they may vote on, catch trials among them."""


@dataclass(frozen=True)
class Saved:
    """A vote that is on disk."""

    study: int
    at: float
    is_repeat: bool
    """Whether it had been saved before."""


def trials(
    store: Store, who: str, study: int, count: int = 3, holding: Sequence[str] = ()
) -> tuple[list[Trial], Standing]:
    """What a voter sees next, fewer or nothing at the end.

    Args:
        who: the voter.
        study: its number.
        count: at most so many, up to 10.
        holding: tokens of trials that the voter has before them already, or whose votes are under way.

    Raises:
        LabelError: there is no such study, or it takes no votes.
    """
    if not 1 <= count <= MOST_AT_ONCE or len(holding) > MOST_HELD:
        raise LabelError(f"Ask for 1 to {MOST_AT_ONCE} pairs at a time, and hold no more than {MOST_HELD}.")
    with store.reading() as connection:
        found = _open(connection, study)
        voter = _Voter(found, who, _pairs(connection, study, who))
        chosen = voter.next(count, set(holding))
        files = _files(connection, [pair.photo for pair in chosen])
    return [voter.trial(pair, files) for pair in chosen], voter.standing()


def standing(store: Store, who: str, study: int) -> Standing:
    """How far a voter is in a study."""
    with store.reading() as connection:
        return _Voter(appeal.find(connection, study), who, _pairs(connection, study, who)).standing()


def vote(
    store: Store, key: str, who: str, token: str, choice: str, seconds: float = 0.0, via: str = "page"
) -> Saved:
    """Say which side of a trial looks more real; another vote on it by the same person takes the place of the first.

    Args:
        key: the caller's own for this vote: sent twice it counts once.
        who: the voter.
        token: of the trial.
        choice: "left", "right" or "tie".
        seconds: how long it was on screen.
        via: "page", "http" or "command".

    Raises:
        LabelError: there is no such trial, it takes no votes, or one of the others can't be taken.
    """
    _check_key(key)
    if choice not in CHOICES or via not in VIA:
        raise LabelError(f"A vote is {', '.join(CHOICES)}, not {choice!r:.40}.")
    if not math.isfinite(seconds):
        raise LabelError("The seconds that a pair was on screen are a number.")
    with store.writing() as connection:
        pair = connection.execute(sa.select(pairs).where(pairs.c.token == token)).one_or_none()
        if pair is None:
            raise LabelError("There is no such pair; load the page once more.")
        store.lock(connection, VOTING, pair.study)
        known = connection.execute(sa.select(votes).where(votes.c.key == key)).one_or_none()
        if known is not None:
            if (known.who, known.pair, known.choice) != (who, pair.id, choice):
                raise LabelError("Another vote has this key; each needs its own.")
            return Saved(pair.study, known.at, True)
        study = _open(connection, pair.study)
        mine = (votes.c.who == who) & (votes.c.pair == pair.id) & votes.c.is_current
        connection.execute(votes.update().where(mine).values(is_current=False))
        row = {
            "key": key,
            "at": store.clock(),
            "who": who,
            "study": study.id,
            "pair": pair.id,
            "left": _sides(study, who, _pair(pair))[0],
            "choice": choice,
            "seconds": min(max(0.0, float(seconds)), LONGEST_LOOK),
            "via": via,
        }
        connection.execute(votes.insert().values(row))
    return Saved(study.id, float(row["at"]), False)


def undo(store: Store, key: str, who: str, study: int) -> Trial | None:
    """Take a voter's last vote back, any number of times; None when there is none left.

    Args:
        key: the caller's own for this undo: sent twice it counts once.
        who: the voter.
        study: its number.

    Returns:
        The trial that is open again.

    Raises:
        LabelError: there is no such study, or it takes no votes.
    """
    _check_key(key)
    with store.writing() as connection:
        store.lock(connection, VOTING, study)
        found = _open(connection, study)
        known = connection.execute(sa.select(votes).where(votes.c.undo_key == key)).one_or_none()
        if known is not None and (known.who, known.study) != (who, study):
            raise LabelError("Another undo has this key; each needs its own.")
        if known is None:
            mine = (votes.c.who == who) & (votes.c.study == study) & votes.c.is_current
            known = connection.execute(
                sa.select(votes).where(mine).order_by(votes.c.id.desc()).limit(1)
            ).one_or_none()
            if known is None:
                return None
            undone = {"is_current": False, "undone_at": store.clock(), "undo_key": key}
            connection.execute(votes.update().where(votes.c.id == known.id).values(undone))
        pair = _pair(connection.execute(sa.select(pairs).where(pairs.c.id == known.pair)).one())
        return _Voter(found, who, []).trial(pair, _files(connection, [pair.photo]))


class _Pair(NamedTuple):
    """A pair, and the votes on it."""

    id: int
    token: str
    photo: int
    first: str
    second: str
    is_catch: bool
    total: int
    """Votes by everybody."""
    is_mine: bool
    """Whether one of them is this voter's."""


class _Voter:
    """One person in one study."""

    def __init__(self, study: Study, who: str, known: Sequence[_Pair]) -> None:
        self.study, self.who = study, who
        self.real = [pair for pair in known if not pair.is_catch]
        self.catches = [pair for pair in known if pair.is_catch]
        self.done = sum(pair.is_mine for pair in known)
        self.block = min(BLOCK, len(self.real) + 1)

    def next(self, count: int, holding: set[str]) -> list[_Pair]:
        """The pairs that come next."""
        held = [pair for pair in self.real + self.catches if pair.token in holding and not pair.is_mine]
        seen = Counter(pair.photo for pair in self.real if pair.is_mine) + Counter(
            pair.photo for pair in held
        )
        chosen: list[_Pair] = []
        for place in range(self.done + len(held), self.done + len(held) + count):
            taken = {pair.id for pair in held + chosen}
            pools = [
                [pair for pair in pool if not pair.is_mine and pair.id not in taken]
                for pool in (self.real, self.catches)
            ]
            if not pools[0]:
                break
            pool = pools[1] if self._is_catch(place) and pools[1] else pools[0]
            pair = min(pool, key=lambda pair: (pair.total, seen[pair.photo], self._chance("order", pair.id)))
            seen[pair.photo] += 1
            chosen.append(pair)
        return chosen

    def standing(self) -> Standing:
        """How far this voter is."""
        place = real = catches = 0
        while real < len(self.real):
            if self._is_catch(place) and catches < len(self.catches):
                catches += 1
            else:
                real += 1
            place += 1
        return Standing(self.done, max(place, self.done))

    def trial(self, pair: _Pair, files: dict[tuple[int, str], str]) -> Trial:
        """A pair with its sides."""
        left, right = _sides(self.study, self.who, pair)
        return Trial(pair.token, left, right, files[pair.photo, left], files[pair.photo, right])

    def _is_catch(self, place: int) -> bool:
        """Whether this voter's trial number `place`, from 0, is a catch trial: one in each block, anywhere."""
        return self._chance("catch", place // self.block) % self.block == place % self.block

    def _chance(self, what: str, number: int) -> int:
        return _chance(self.study, self.who, what, number)


def _sides(study: Study, who: str, pair: _Pair) -> tuple[str, str]:
    """(left, right)."""
    is_turned = _chance(study, who, "side", pair.id) % 2
    return (pair.second, pair.first) if is_turned else (pair.first, pair.second)


def _chance(study: Study, who: str, what: str, number: int) -> int:
    """A number as good as drawn by chance, the same each time for the same question."""
    return int.from_bytes(sha256(f"{study.secret}\n{who}\n{what}\n{number}".encode()).digest()[:8], "big")


def _open(connection: Connection, study: int) -> Study:
    found = appeal.find(connection, study)
    if not found.is_open:
        raise LabelError(_FINISHED)
    return found


def _pairs(connection: Connection, study: int, who: str) -> list[_Pair]:
    """A study's pairs that are shown."""
    mine = sa.func.max(sa.case((votes.c.who == who, 1), else_=0))
    counted = connection.execute(
        sa.select(votes.c.pair, sa.func.count(), mine)
        .where(votes.c.study == study, votes.c.is_current)
        .group_by(votes.c.pair)
    )
    known = {pair: (total, bool(is_mine)) for pair, total, is_mine in counted}
    hidden = set(connection.scalars(appeal.hidden(study)))
    rows = connection.execute(sa.select(pairs).where(pairs.c.study == study).order_by(pairs.c.id))
    return [_pair(row, *known.get(row.id, (0, False))) for row in rows if row.photo not in hidden]


def _pair(row: Row[Any], total: int = 0, is_mine: bool = False) -> _Pair:
    return _Pair(row.id, row.token, row.photo, row.first, row.second, row.is_catch, total, is_mine)


def _files(connection: Connection, photos: Sequence[int]) -> dict[tuple[int, str], str]:
    """(photo, contestant) -> file."""
    query = sa.select(paintings).where(paintings.c.photo.in_(photos))
    return {(row.photo, row.contestant): row.file for row in connection.execute(query)}


def _check_key(key: str) -> None:
    if not 8 <= len(key) <= 64 or not key.isascii() or not key.isprintable():
        raise LabelError("Each vote carries a key of its own: 8 to 64 letters, digits or dashes.")
