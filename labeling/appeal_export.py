"""A study as CSV, and in words: its votes one a row, its results one figure a row.

    write_votes(store, study, Path("votes.csv"))
    write_results(store, study, Path("results.csv"))
    print(report(store, study))                       # for the command line

Files are written whole or not at all. A row that would start a formula in a spreadsheet is left out and counted.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from colorizer.provenance import write_whole
from labeling import appeal, ranking
from labeling.appeal_schema import pairs, study_photos, votes
from labeling.names import starts_formula
from labeling.ranking import Results, Share
from labeling.store import Store

VOTES = (
    "study",
    "photo",
    "left",
    "right",
    "choice",
    "winner",
    "isCatch",
    "voter",
    "time",
    "seconds",
    "counts",
)
RESULTS = ("study", "figure", "of", "against", "value", "low", "high", "won", "lost", "ties", "n")


class Written(NamedTuple):
    """What became of a CSV."""

    rows: int
    refused: int
    """Rows left out because a cell would start a formula. Nothing like that gets into the store by Rangin."""


def write_votes(store: Store, study: int | str, path: Path, leave_out: bool = True) -> Written:
    """Every current vote, oldest first; `counts` says whether it is in the results.

    Args:
        leave_out: whether the results are without people who miss catch trials.

    Raises:
        LabelError: there is no such study.
        OptionError: the file can't be written there.
    """
    return _write(path, VOTES, vote_rows(store, study, leave_out))


def write_results(store: Store, study: int | str, path: Path, leave_out: bool = True) -> Written:
    """All figures of the results, one a row.

    Args:
        leave_out: whether without people who miss catch trials.

    Raises:
        LabelError: there is no such study.
        OptionError: the file can't be written there.
    """
    found = appeal.find(store, study)
    return _write(path, RESULTS, result_rows(found.name, appeal.results(store, found.id, leave_out)))


def vote_rows(store: Store, study: int | str, leave_out: bool = True) -> Iterator[tuple[str, ...]]:
    """The rows under `VOTES`."""
    found = appeal.find(store, study)
    people = ranking.voters(appeal.votes_of(store, found.id)) if leave_out else []
    heedless = {one.who for one in people if one.is_left_out}
    query = (
        sa.select(votes, pairs.c.first, pairs.c.second, pairs.c.is_catch, study_photos.c.name)
        .select_from(votes.join(pairs, pairs.c.id == votes.c.pair).join(study_photos))
        .where(votes.c.study == found.id, votes.c.is_current)
        .order_by(votes.c.id)
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        right = row.second if row.left == row.first else row.first
        vote = ranking.Vote(row.who, row.pair, row.left, right, row.choice)
        counts = not row.is_catch and row.who not in heedless
        yield (
            found.name,
            row.name,
            row.left,
            right,
            row.choice,
            vote.winner or "",
            _yes(row.is_catch),
            row.who,
            f"{datetime.fromtimestamp(row.at, tz=timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            f"{row.seconds:.2f}",
            _yes(counts),
        )


def result_rows(study: str, results: Results) -> Iterator[tuple[str, ...]]:
    """The rows under `RESULTS`. Shares are in [0, 1]; strengths are natural logarithms."""

    def row(
        figure: str, of: str, against: str, share: Share | None, counts: Sequence[int]
    ) -> tuple[str, ...]:
        values = ("", "", "") if share is None else (share.value, share.low, share.high)
        return (study, figure, of, against, *map(_number, values), *map(str, counts))

    for pair in results.pairs:
        total = pair.first_won + pair.second_won + pair.ties
        yield row(
            "pair", pair.first, pair.second, pair.share, (pair.first_won, pair.second_won, pair.ties, total)
        )
    for rank in results.ranking:
        values = map(_number, (rank.strength, rank.low, rank.high))
        counts = (rank.won, rank.lost, rank.ties, rank.won + rank.lost + rank.ties)
        yield (study, "strength", rank.contestant, "", *values, *map(str, counts))
    for one in results.fooled:
        lost = one.chosen.n - one.chosen.k - one.ties
        counts = (one.chosen.k, lost, one.ties, one.chosen.n)
        yield row("fooled votes", one.contestant, ranking.TRUTH, one.chosen, counts)
        if one.people is not None:
            k, n = one.people.k, one.people.n
            yield row("fooled people", one.contestant, ranking.TRUTH, one.people, (k, n - k, 0, n))
    for voter in results.voters:
        passed = ranking.wilson(voter.catches - voter.missed, voter.catches)
        counts = (voter.catches - voter.missed, voter.missed, 0, voter.catches)
        yield row("left out" if voter.is_left_out else "counts", voter.who, ranking.WRONG, passed, counts)
    if results.left_chosen is not None:
        share = results.left_chosen
        yield row("left side", "", "", share, (share.k, share.n - share.k, 0, share.n))


def report(store: Store, study: int | str, leave_out: bool = True) -> str:
    """The results as lines of text.

    Raises:
        LabelError: there is no such study.
    """
    found = appeal.find(store, study)
    progress = appeal.progress(store, found.id)
    results = appeal.results(store, found.id, leave_out)
    lines = [
        f"{found.name}: {', '.join(found.contestants)}; {progress.photos - len(progress.left_out)} photos, "
        f"{progress.votes} votes by {progress.voters} people"
    ]
    if found.message:
        lines.append(f"  {found.message}")
    left_out = [one.who for one in results.voters if one.is_left_out]
    if left_out and leave_out:
        lines.append(f"  left out, since they missed catch trials: {', '.join(left_out)}")
    if results.ranking:
        lines.append("  ranking (Bradley-Terry, natural logarithm, mean 0)")
        lines += [
            f"    {rank.contestant:<28} {rank.strength:+.2f} [{rank.low:+.2f}, {rank.high:+.2f}]"
            for rank in results.ranking
        ]
    elif results.no_ranking and len(found.contestants) > 2:
        lines.append(f"  {results.no_ranking}")
    lines += [
        f"  {pair.first} more real than {pair.second}: {in_words(pair.share)}, {pair.ties} could not tell"
        for pair in results.pairs
    ]
    for one in results.fooled:
        people = f"; people fooled {in_words(one.people)}" if one.people else ""
        lines.append(f"  {one.contestant} taken for the truth: {in_words(one.chosen)}{people}")
    return "\n".join(lines)


def in_words(share: Share | None) -> str:
    """ "62 % [51, 72] of 84"."""
    if share is None:
        return "no votes"
    return f"{100 * share.value:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}] of {share.n:,}"


def _write(path: Path, header: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Written:
    text = io.StringIO()
    writer = csv.writer(text)  # RFC 4180: line ends as CR LF
    writer.writerow(header)
    written = refused = 0
    for row in rows:
        if any(starts_formula(cell) and not _is_number(cell) for cell in row):
            refused += 1
            continue
        writer.writerow(row)
        written += 1
    write_whole(path, text.getvalue().encode())
    return Written(written, refused)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4f}"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
