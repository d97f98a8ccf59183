"""What votes between pairs of pictures say: shares with their intervals, a ranking, who was fooled, who paid no heed.

    results = judge_votes(votes, ["default", "unet", "truth"])
    results.ranking[0].contestant, results.pairs[0].share.low

Pure: votes in, numbers out. An interval is 95 %. Wilson's intervals take every vote for an independent one, as the
literature does; those of the ranking don't: people and photos are both drawn anew.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from labeling import bradley_terry

TRUTH = "truth"
"""The contestant that is the photo itself."""
WRONG = "wrong"
"""The contestant that nobody who looks can take for real."""

# Of a person's catch trials: whoever misses more than this share is left out. One slip in four is forgiven.
MISSES_FORGIVEN = 0.25
POINTS = {"left": 1.0, "right": 0.0, "tie": 0.5}
"""What the left one gets for each answer."""


@dataclass(frozen=True)
class Vote:
    """One person's answer to one pair."""

    who: str
    photo: int | str
    left: str
    """Contestant on the left."""
    right: str
    choice: str
    """"left", "right" or "tie"."""

    @property
    def winner(self) -> str | None:
        """The contestant that was chosen; None for a tie."""
        return {"left": self.left, "right": self.right}.get(self.choice)

    @property
    def is_catch(self) -> bool:
        return WRONG in (self.left, self.right)

    @property
    def is_missed(self) -> bool:
        """Whether it is a catch trial that wasn't answered by the right side. "Can't tell" is a miss too."""
        return self.is_catch and self.winner in (None, WRONG)


@dataclass(frozen=True)
class Share:
    """k of n, with Wilson's interval."""

    k: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.k / self.n


@dataclass(frozen=True)
class Pair:
    """Two contestants, over all photos."""

    first: str
    second: str
    first_won: int
    second_won: int
    ties: int
    share: Share | None
    """In which the first one won, of the votes that were no ties; None where all were."""


@dataclass(frozen=True)
class Rank:
    """One contestant among all."""

    contestant: str
    strength: float
    """Bradley-Terry, natural logarithm, mean 0 over the contestants: of two the one wins with the chance
    1 / (1 + exp(its rival's - its own))."""
    low: float
    high: float
    won: int
    lost: int
    ties: int


@dataclass(frozen=True)
class Fooled:
    """How often a model's colours were taken for the photo's own."""

    contestant: str
    chosen: Share
    """Votes that chose the painting, of all against the truth; ties count as not fooled. Half is the best there is."""
    ties: int
    people: Share | None
    """People who chose the painting at least as often as the truth, of those who ever chose between them; None where
    nobody did."""


@dataclass(frozen=True)
class Voter:
    """One person."""

    who: str
    votes: int
    """Without catch trials."""
    catches: int
    missed: int
    is_left_out: bool


@dataclass(frozen=True)
class Results:
    """All that the votes say."""

    votes: int
    """That count, without catch trials."""
    pairs: tuple[Pair, ...]
    ranking: tuple[Rank, ...]
    """Strongest first; empty where there is none."""
    no_ranking: str
    """Why there is none, as a sentence; empty where there is one."""
    fooled: tuple[Fooled, ...]
    """Of each model that stood against the truth."""
    voters: tuple[Voter, ...]
    """All of them, also who is left out."""
    left_chosen: Share | None
    """How often the left side was chosen, of the votes that were no ties; far from half it tells of habit."""


def judge_votes(
    votes: Sequence[Vote],
    contestants: Sequence[str],
    leave_out: bool = True,
    resamples: int = bradley_terry.RESAMPLES,
    seed: int = 0,
) -> Results:
    """All numbers of a study.

    Args:
        votes: current ones, catch trials among them.
        contestants: in the order in which pairs name them.
        leave_out: whether the votes of people who miss too many catch trials are left out.
        resamples, seed: of the ranking's intervals.
    """
    people = voters(votes)
    heedless = {one.who for one in people if one.is_left_out} if leave_out else set()
    counted = [vote for vote in votes if not vote.is_catch and vote.who not in heedless]
    ranking, why = rank(counted, contestants, resamples, seed)
    decided = [vote for vote in counted if vote.winner is not None]
    return Results(
        votes=len(counted),
        pairs=tuple(pair_results(counted, contestants)),
        ranking=tuple(ranking),
        no_ranking=why,
        fooled=tuple(fooled(counted, contestants)),
        voters=tuple(people),
        left_chosen=wilson(sum(vote.choice == "left" for vote in decided), len(decided)),
    )


def wilson(k: int, n: int) -> Share | None:
    """k of n with Wilson's interval (1927); None of nothing."""
    if n == 0:
        return None
    from scipy.stats import binomtest

    interval = binomtest(k, n).proportion_ci(0.95, method="wilson")
    return Share(k, n, float(interval.low), float(interval.high))


def voters(votes: Iterable[Vote]) -> list[Voter]:
    """Everybody who voted, most votes first, and who missed too many catch trials."""
    total: Counter[str] = Counter()
    catches: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for vote in votes:
        total[vote.who] += not vote.is_catch
        catches[vote.who] += vote.is_catch
        missed[vote.who] += vote.is_missed
    return [
        Voter(who, n, catches[who], missed[who], missed[who] > MISSES_FORGIVEN * catches[who])
        for who, n in sorted(total.items(), key=lambda one: (-one[1], one[0]))
    ]


def pair_results(votes: Iterable[Vote], contestants: Sequence[str]) -> list[Pair]:
    """Each two contestants that were ever shown together, in the contestants' order."""
    won = _won(votes)
    pairs = []
    for first, second in combinations(contestants, 2):
        a, b, ties = won[first, second], won[second, first], won[_tie(first, second)]
        if a + b + ties:
            pairs.append(Pair(first, second, a, b, ties, wilson(a, a + b)))
    return pairs


def fooled(votes: Sequence[Vote], contestants: Sequence[str]) -> list[Fooled]:
    """How often each model was taken for the truth, the best first."""
    found = []
    for contestant in contestants:
        faced = [vote for vote in votes if {vote.left, vote.right} == {contestant, TRUTH}]
        of_person: dict[str, int] = defaultdict(int)
        for vote in faced:
            if vote.winner is not None:
                of_person[vote.who] += 1 if vote.winner == contestant else -1
        chosen = wilson(sum(vote.winner == contestant for vote in faced), len(faced))
        if chosen is None:
            continue
        people = wilson(sum(balance >= 0 for balance in of_person.values()), len(of_person))
        ties = sum(vote.winner is None for vote in faced)
        found.append(Fooled(contestant, chosen, ties, people))
    return sorted(found, key=lambda one: -one.chosen.value)


def rank(
    votes: Sequence[Vote], contestants: Sequence[str], resamples: int = bradley_terry.RESAMPLES, seed: int = 0
) -> tuple[list[Rank], str]:
    """The Bradley-Terry ranking, a tie counted as half a win for each; `bradley_terry` says where intervals come from.

    Returns:
        The contestants, strongest first, and ""; or nothing, and why.
    """
    if len(contestants) < 3:
        return [], "Two contestants need no ranking; their pair says it all."
    found = bradley_terry.fit(
        [
            bradley_terry.Meeting(vote.left, vote.right, POINTS[vote.choice], vote.who, vote.photo)
            for vote in votes
        ],
        contestants,
        resamples,
        seed,
    )
    if found is None:
        return (
            [],
            "There are too few votes for a ranking: not all contestants have been compared, even indirectly.",
        )
    won = _won(votes)
    ranks = []
    for one, (strength, low, high) in zip(contestants, found, strict=True):
        others = [other for other in contestants if other != one]
        ranks.append(
            Rank(
                one,
                strength,
                low,
                high,
                sum(won[one, other] for other in others),
                sum(won[other, one] for other in others),
                sum(won[_tie(one, other)] for other in others),
            )
        )
    return sorted(ranks, key=lambda one: -one.strength), ""


def _won(votes: Iterable[Vote]) -> Counter[tuple[str, str]]:
    """(winner, loser) -> votes; ties stand under `_tie`."""
    won: Counter[tuple[str, str]] = Counter()
    for vote in votes:
        winner = vote.winner
        if winner is None:
            won[_tie(vote.left, vote.right)] += 1
        else:
            won[winner, vote.right if winner == vote.left else vote.left] += 1
    return won


def _tie(one: str, other: str) -> tuple[str, str]:
    """Where ties of two contestants are counted: no contestant's name holds a line end."""
    first, second = sorted((one, other))
    return f"{first}\n{second}", ""
