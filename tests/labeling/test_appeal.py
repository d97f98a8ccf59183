"""Studies: which photos and contestants take part, painting that goes on where it was stopped, blind trials, votes."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from colorizer import lab, photo
from colorizer.errors import ModelError, OptionError
from labeling import appeal, appeal_voting, schema
from labeling.appeal_painting import Studio
from labeling.appeal_schema import paintings, pairs, study_photos, votes
from labeling.errors import LabelError
from labeling.judging import judge, undo
from labeling.ranking import TRUTH, WRONG
from labeling.store import Store
from labeling.vocabulary import changes
from tests.labeling import postgres
from tests.labeling.atelier import LONG, OWN, Atelier, Gate, Painter, atelier, drawn, png
from tests.labeling.filling import Clock, key
from tests.untrained import some_models

MODELS = (OWN, "cnn", "unet")


@pytest.fixture(autouse=True)
def models() -> Iterator[tuple[str, ...]]:
    """Two more models that have a file."""
    with some_models("cnn", "unet") as names:
        yield names


@pytest.fixture
def at(store: Store, tmp_path: Path) -> Atelier:
    return atelier(store, tmp_path)


def gray(seed: int) -> bytes:
    return png(np.repeat(drawn(seed)[..., :1], 3, axis=2))


def vote_on(at: Atelier, who: str, study: int, choose: str | None = None) -> list[appeal_voting.Trial]:
    """Go through a whole study: `choose` a contestant wherever it stands, else the left, and never the wrong one."""
    seen: list[appeal_voting.Trial] = []
    while True:
        coming, _ = appeal_voting.trials(at.store, who, study, 1)
        if not coming:
            return seen
        (trial,) = coming
        sides = {trial.left: "left", trial.right: "right"}
        seen.append(trial)
        choice = sides.get(choose or "", "right" if trial.left == WRONG else "left")
        if WRONG in sides:
            choice = "right" if trial.left == WRONG else "left"
        appeal_voting.vote(at.store, key(), who, trial.token, choice, 2.5)


def test_every_two_contestants_are_a_pair_on_every_photo(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(4)])
    study = at.study([*MODELS, TRUTH], batch="Village")
    assert (study.state, study.message, study.contestants) == ("ready", "", (*MODELS, TRUTH))
    with at.store.reading() as connection:
        rows = connection.execute(sa.select(pairs)).all()
    real = Counter((row.first, row.second) for row in rows if not row.is_catch)
    assert set(real.values()) == {4}
    assert len(real) == 6
    assert Counter((row.first, row.second) for row in rows if row.is_catch) == {(TRUTH, WRONG): 4}
    assert sorted(at.painter.painted) == sorted(MODELS * 4)
    assert at.painter.painted == sorted(at.painter.painted, key=MODELS.index), "one model at a time"
    assert len(at.painter.analyzed) == 4
    progress = appeal.progress(at.store, study.id)
    assert (progress.photos, progress.looked, progress.painted, progress.to_paint) == (4, 4, 12, 12)
    assert (progress.pairs, progress.votes, progress.voters, progress.left_out) == (24, 0, 0, ())
    assert changes(at.store)[0].what == "new study Spring"


def test_gray_photos_have_no_truth_and_are_only_compared_between_models(at: Atelier) -> None:
    own = photo.encode(drawn(9), "PNG", model="somebody's")
    at.batch(
        [
            png(drawn(1)),
            gray(2),
            own,
            png(np.tile(drawn(3)[..., :1], 3) // 2 + np.array([40, 20, 0], np.uint8)),
        ]
    )
    study = at.study([OWN, "unet", TRUTH], batch="Village")
    with at.store.reading() as connection:
        rows = connection.execute(sa.select(pairs).order_by(pairs.c.id)).all()
    of_photo = {
        number: {(row.first, row.second) for row in rows if row.photo == number}
        for number in {row.photo for row in rows}
    }
    with_truth, *others = [of_photo[number] for number in sorted(of_photo)]
    assert with_truth == {(OWN, "unet"), (OWN, TRUTH), ("unet", TRUTH), (TRUTH, WRONG)}
    assert others == [{(OWN, "unet"), (OWN, WRONG)}] * 3
    assert appeal.progress(at.store, study.id).left_out == ()


def test_against_the_truth_alone_gray_photos_are_left_out_and_say_why(at: Atelier) -> None:
    at.batch([png(drawn(1)), gray(2), b"".join([png(drawn(4))])])
    study = at.study([OWN, TRUTH], batch="Village")
    progress = appeal.progress(at.store, study.id)
    assert progress.left_out == (
        ("1.png", "The photo itself is gray. So there is no truth to compare with."),
    )
    assert (progress.pairs, progress.painted, progress.to_paint) == (2, 2, 2)
    at.batch([gray(5)], "Gray")
    failed = at.study([OWN, TRUTH], batch="Gray", name="Gray")
    assert failed.state == "failed"
    assert "None of the photos" in failed.message


def test_a_photo_whose_file_has_gone_is_left_out(at: Atelier) -> None:
    at.batch([png(drawn(1)), png(drawn(2))])
    next((at.photos.originals).rglob("*.png")).unlink()
    study = at.study([OWN, TRUTH], batch="Village")
    assert study.state == "ready"
    (left_out,) = appeal.progress(at.store, study.id).left_out
    assert "file is missing" in left_out[1]


def test_a_model_that_cannot_paint_is_left_out_of_the_study(store: Store, tmp_path: Path) -> None:
    at = atelier(store, tmp_path, Painter(broken=frozenset({"unet"})))
    at.batch([png(drawn(1))])
    study = at.study([*MODELS, TRUTH], batch="Village")
    assert study.contestants == (OWN, "cnn", TRUTH)
    assert study.message == "unet was left out. The model 'unet' is damaged."
    alone = at.study(["unet", "cnn"], batch="Village", name="Two")
    assert alone.state == "failed"
    assert "nothing to compare" in alone.message


def test_what_cannot_be_a_study_is_refused_with_a_sentence(at: Atelier) -> None:
    def create(contestants: list[str], name: str = "A", **options: object) -> None:
        appeal.create(at.store, "asha", name, contestants, OWN, **options)  # type: ignore[arg-type]

    for contestants in ([OWN], [TRUTH], [OWN, OWN], []):
        with pytest.raises(LabelError, match="2 to 8 contestants"):
            create(contestants)
    with pytest.raises(OptionError, match="no model 'nobody'"):
        create([OWN, "nobody"])
    with pytest.raises((ModelError, OptionError)):
        create([OWN, "ethnicity-classifier"])
    with pytest.raises(OptionError):
        create([OWN, "/etc/passwd.safetensors"])
    with pytest.raises(LabelError, match="no batch"):
        create([OWN, TRUTH], batch="Nowhere")
    with pytest.raises(LabelError, match="formula"):
        create([OWN, TRUTH], "=cmd()")
    with pytest.raises(LabelError, match="1 to 1,000 photos"):
        create([OWN, TRUTH], photos=0)
    create([OWN, TRUTH])
    with pytest.raises(LabelError, match="already"):
        create(["cnn", TRUTH])
    at.batch([], "Empty")
    with pytest.raises(LabelError, match="no photos yet"):
        create([OWN, TRUTH], "B", batch="Empty")
    assert [study.name for study in appeal.all_studies(at.store)] == ["A"]


def test_a_study_shows_no_more_photos_than_asked(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(12)])
    study = at.study([OWN, TRUTH], batch="Village", photos=5)
    assert appeal.progress(at.store, study.id).photos == 5


def test_painting_goes_on_where_it_was_stopped(store: Store, tmp_path: Path) -> None:
    gate = Gate(4)
    at = atelier(store, tmp_path, Painter(before=gate))
    at.batch([png(drawn(i)) for i in range(3)])
    study = appeal.create(store, "asha", "Long", [*MODELS, TRUTH], OWN, batch="Village")
    at.studio.paint(study.id)
    assert gate.is_reached.wait(LONG)
    stopping = threading.Thread(target=at.studio.stop, args=(LONG,))
    stopping.start()
    at.studio._is_stopping.wait(LONG)
    gate.open()
    stopping.join(LONG)
    assert appeal.find(store, study.id).state == "painting", "the next start goes on with it"
    with store.reading() as connection:
        before = connection.execute(sa.select(paintings.c.id, paintings.c.file)).all()
    assert len(at.painter.painted) == 5
    second = Painter()
    again = Studio(store, at.files, at.photos.path, lambda: second)  # type: ignore[arg-type,return-value]
    again.resume()
    assert again.wait(LONG)
    assert appeal.find(store, study.id).state == "ready"
    assert len(second.painted) == 9 - 5
    assert second.analyzed == [], "no face is looked for again"
    with store.reading() as connection:
        assert connection.execute(sa.select(paintings.c.id, paintings.c.file)).all()[: len(before)] == before


def test_an_owner_stops_a_study_and_lets_it_go_on(store: Store, tmp_path: Path) -> None:
    gate = Gate(1)
    at = atelier(store, tmp_path, Painter(before=gate))
    at.batch([png(drawn(i)) for i in range(2)])
    study = appeal.create(store, "asha", "Long", [OWN, TRUTH], OWN, batch="Village")
    at.studio.paint(study.id)
    assert gate.is_reached.wait(LONG)
    at.studio.halt(study.id)
    gate.open()
    assert at.studio.wait(LONG)
    assert appeal.find(store, study.id).state == "stopped"
    with pytest.raises(LabelError, match="no more votes"):
        appeal_voting.trials(store, "bina", study.id)
    gate.free = 9
    at.studio.paint(study.id)
    assert at.studio.wait(LONG)
    assert appeal.find(store, study.id).state == "ready"
    with pytest.raises(LabelError, match="painted already"):
        at.studio.paint(study.id)


def test_a_fault_of_ours_fails_the_study_and_not_the_next(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("a bug")

    at = atelier(store, tmp_path, Painter(before=fail))
    at.batch([png(drawn(1))])
    study = at.study([OWN, TRUTH], batch="Village")
    assert study.state == "failed"
    assert "log" in study.message
    assert "a bug" in caplog.text
    at.painter.before = lambda: None
    assert at.study(["unet", TRUTH], batch="Village", name="Next").state == "ready"
    at.studio.paint(study.id)
    assert at.studio.wait(LONG)
    assert appeal.find(store, study.id).state == "ready"


def test_two_servers_do_not_paint_one_study_at_once(store: Store, tmp_path: Path) -> None:
    gate = Gate(0)
    at = atelier(store, tmp_path, Painter(before=gate))
    at.batch([png(drawn(1))])
    study = appeal.create(store, "asha", "One", [OWN, TRUTH], OWN, batch="Village")
    at.studio.paint(study.id)
    assert gate.is_reached.wait(LONG)
    other = Painter()
    second = Studio(store, at.files, at.photos.path, lambda: other)  # type: ignore[arg-type,return-value]
    second.resume()
    assert second.wait(LONG)
    assert other.painted == []
    gate.free = 9
    gate.open()
    assert at.studio.wait(LONG)
    assert appeal.find(store, study.id).state == "ready"


@pytest.mark.slow
def test_the_example_photos_in_real_models_colours(store: Store, tmp_path: Path) -> None:
    from colorizer import Colorizer

    at = atelier(store, tmp_path)
    real = Colorizer.load("default", device="cpu")
    at.studio = Studio(store, at.files, at.photos.path, lambda: real)
    study = at.study(["default", "cnn", TRUTH])
    assert (study.state, study.source, study.contestants) == ("ready", "example photos", (OWN, "cnn", TRUTH))
    with store.reading() as connection:
        rows = connection.execute(sa.select(paintings)).all()
    assert Counter(row.contestant for row in rows) == {OWN: 3, "cnn": 3, WRONG: 3, TRUTH: 2}
    for row in rows:
        said = photo.provenance(at.files.path(study.id, row.file))
        assert said["model"] == (None if row.contestant == TRUTH else row.contestant)
    astronaut = {
        row.contestant: photo.read(at.files.shown(study.id, row.file)).rgb
        for row in rows
        if row.photo == rows[0].photo
    }
    alone = real.colorize(astronaut[TRUTH])
    assert np.abs(astronaut[OWN].astype(int) - np.asarray(alone.image)).mean() < 3
    for contestant, rgb in astronaut.items():
        gap = np.abs(lab.lightness(rgb) - lab.lightness(astronaut[TRUTH]))
        assert gap.mean() < 1.5, f"{contestant} must not be told from the truth by its lightness"
    skin = lab.rgb_to_lab(astronaut[WRONG])[100:160, 200:240, 1]
    assert skin.mean() < -15, "faces are green"


def test_a_voter_sees_each_pair_once_and_one_catch_trial_in_ten(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(12)])
    study = at.study([*MODELS, TRUTH], batch="Village")
    seen = vote_on(at, "bina", study.id)
    assert len({trial.token for trial in seen}) == len(seen)
    catches = [i for i, trial in enumerate(seen) if WRONG in (trial.left, trial.right)]
    assert len(seen) - len(catches) == 72
    assert [i // 10 for i in catches] == list(range(len(catches))), "one in each ten"
    assert len(catches) == 8
    assert len({i % 10 for i in catches}) > 2, "at no place that one could learn"
    turned = Counter(trial.left > trial.right for trial in seen)
    assert min(turned.values()) > 20, "sides are drawn"
    standing = appeal_voting.standing(at.store, "bina", study.id)
    assert standing.done == standing.total == 80


def test_small_studies_have_a_catch_trial_too(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(3)])
    study = at.study([OWN, TRUTH], batch="Village")
    for who in ("a", "b", "c", "d"):
        seen = vote_on(at, who, study.id)
        assert sum(WRONG in (trial.left, trial.right) for trial in seen) <= 1
        assert len(seen) in (3, 4)
    everybody = [one for one in appeal.results(at.store, study.id).voters if one.catches]
    assert everybody


def test_sides_orders_and_catch_trials_differ_between_voters_and_stay_after_a_reload(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(6)])
    study = at.study([*MODELS, TRUTH], batch="Village")

    def ten(who: str) -> list[appeal_voting.Trial]:
        return appeal_voting.trials(at.store, who, study.id, 10)[0]

    assert ten("bina") == ten("bina")
    tokens = [trial.token for trial in ten("bina")]
    assert tokens != [trial.token for trial in ten("chen")]
    shared = {trial.token: trial for trial in ten("bina")}
    others = [trial for who in "abcdefgh" for trial in ten(who) if trial.token in shared]
    assert {trial.left == shared[trial.token].left for trial in others} == {True, False}


def test_what_is_held_is_not_given_again_and_does_not_move_the_catch_trial(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(6)])
    study = at.study([*MODELS, TRUTH], batch="Village")
    ten = [trial.token for trial in appeal_voting.trials(at.store, "bina", study.id, 10)[0]]
    assert len(set(ten)) == 10
    step_by_step: list[str] = []
    for _ in range(10):
        (trial,), _ = appeal_voting.trials(at.store, "bina", study.id, 1, step_by_step)
        step_by_step.append(trial.token)
    assert step_by_step == ten
    photos = []
    with at.store.reading() as connection:
        for token in ten:
            photos.append(connection.scalar(sa.select(pairs.c.photo).where(pairs.c.token == token)))
    assert len(set(photos[:6])) >= 5, "a voter sees different photos first"
    for count, holding in ((0, []), (11, []), (1, ["x"] * 101)):
        with pytest.raises(LabelError):
            appeal_voting.trials(at.store, "bina", study.id, count, holding)


def test_pairs_with_fewest_votes_come_first(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(5)])
    study = at.study([OWN, TRUTH], batch="Village")
    first = [
        trial.token
        for trial in appeal_voting.trials(at.store, "bina", study.id, 4)[0]
        if WRONG not in (trial.left, trial.right)
    ]
    for token in first:
        appeal_voting.vote(at.store, key(), "bina", token, "left")
    rest = 5 - len(first)
    seen = [
        trial.token
        for trial in appeal_voting.trials(at.store, "chen", study.id, 6)[0]
        if WRONG not in (trial.left, trial.right)
    ]
    assert set(seen[:rest]).isdisjoint(first)
    assert set(seen[rest:]) == set(first)


def test_a_request_sent_twice_is_one_vote(at: Atelier, clock: Clock) -> None:
    at.batch([png(drawn(1))])
    study = at.study([OWN, TRUTH], batch="Village")
    trial = appeal_voting.trials(at.store, "bina", study.id, 1)[0][0]
    one = key()
    saved = appeal_voting.vote(at.store, one, "bina", trial.token, "left", 3.0)
    clock.pass_by(60)
    assert appeal_voting.vote(at.store, one, "bina", trial.token, "left", 9.0) == appeal_voting.Saved(
        study.id, saved.at, True
    )
    for who, choice in (("chen", "left"), ("bina", "right")):
        with pytest.raises(LabelError, match="its own"):
            appeal_voting.vote(at.store, one, who, trial.token, choice)
    assert len(appeal.votes_of(at.store, study.id)) == 1
    appeal_voting.vote(at.store, key(), "bina", trial.token, "tie")
    (vote,) = appeal.votes_of(at.store, study.id)
    assert vote.choice == "tie"
    with at.store.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(votes)) == 2, "nothing is deleted"


def test_many_send_the_same_vote_at_once_and_it_counts_once(at: Atelier) -> None:
    at.batch([png(drawn(1))])
    study = at.study([OWN, TRUTH], batch="Village")
    trial = appeal_voting.trials(at.store, "bina", study.id, 1)[0][0]
    one = key()
    saved: list[object] = []
    others: list[object] = []

    def send(kept: list[object], its: str) -> None:
        kept.append(appeal_voting.vote(at.store, its, "bina", trial.token, "left"))

    threads = [threading.Thread(target=send, args=(saved, one)) for _ in range(6)]
    threads += [threading.Thread(target=send, args=(others, key())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(saved) == len(others) == 6
    assert len(appeal.votes_of(at.store, study.id)) == 1


def test_undo_goes_back_any_number_of_steps(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(4)])
    study = at.study([OWN, "cnn", TRUTH], batch="Village")
    tokens = []
    for _ in range(5):
        (trial,), _ = appeal_voting.trials(at.store, "bina", study.id, 1)
        tokens.append((trial.token, trial.left))
        appeal_voting.vote(at.store, key(), "bina", trial.token, "left")
    appeal_voting.vote(at.store, key(), "chen", tokens[0][0], "right")
    again = key()
    back = appeal_voting.undo(at.store, again, "bina", study.id)
    assert back is not None
    assert (back.token, back.left) == tokens[-1], "the same trial with the same sides"
    assert appeal_voting.undo(at.store, again, "bina", study.id) == back, "a request sent twice is one undo"
    with pytest.raises(LabelError, match="its own"):
        appeal_voting.undo(at.store, again, "chen", study.id)
    for expected in reversed(tokens[:-1]):
        back = appeal_voting.undo(at.store, key(), "bina", study.id)
        assert back is not None
        assert (back.token, back.left) == expected
    assert appeal_voting.undo(at.store, key(), "bina", study.id) is None
    assert [vote.who for vote in appeal.votes_of(at.store, study.id)] == ["chen"]


def test_a_closed_study_takes_no_votes_until_it_is_opened_again(at: Atelier) -> None:
    at.batch([png(drawn(1))])
    study = at.study([OWN, TRUTH], batch="Village")
    trial = appeal_voting.trials(at.store, "bina", study.id, 1)[0][0]
    assert not appeal.set_closed(at.store, "asha", study.id, True).is_open
    for act in (
        lambda: appeal_voting.vote(at.store, key(), "bina", trial.token, "left"),
        lambda: appeal_voting.undo(at.store, key(), "bina", study.id),
        lambda: appeal_voting.trials(at.store, "bina", study.id),
    ):
        with pytest.raises(LabelError, match="no more votes"):
            act()
    assert appeal.set_closed(at.store, "asha", study.id, False).is_open
    appeal_voting.vote(at.store, key(), "bina", trial.token, "left")


@pytest.mark.parametrize(
    ("token", "choice", "its", "seconds"),
    [
        ("0" * 32, "left", "a-key-of-its-own", 1.0),
        ("", "middle", "a-key-of-its-own", 1.0),
        ("", "left", "short", 1.0),
        ("", "left", "x" * 65, 1.0),
        ("", "left", "a-key-of-its-own", float("nan")),
    ],
)
def test_a_vote_that_cannot_be_is_refused(
    at: Atelier, token: str, choice: str, its: str, seconds: float
) -> None:
    at.batch([png(drawn(1))])
    study = at.study([OWN, TRUTH], batch="Village")
    trial = appeal_voting.trials(at.store, "bina", study.id, 1)[0][0]
    with pytest.raises(LabelError):
        appeal_voting.vote(at.store, its, "bina", token or trial.token, choice, seconds)
    assert appeal.votes_of(at.store, study.id) == []


def test_results_know_who_was_chosen_whatever_side_it_stood_on(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(8)])
    study = at.study([*MODELS, TRUTH], batch="Village")
    for who in ("bina", "chen"):
        vote_on(at, who, study.id, choose=TRUTH)
    results = appeal.results(at.store, study.id)
    assert results.votes == 96
    assert all(one.chosen.k == 0 and one.chosen.n == 16 for one in results.fooled)
    assert results.ranking[0].contestant == TRUTH
    assert results.ranking[0].lost == 0
    assert all(one.missed == 0 and one.catches > 3 for one in results.voters)
    progress = appeal.progress(at.store, study.id)
    assert (progress.votes, progress.voters) == (96, 2)


def test_what_voters_get_says_nothing_of_what_it_is(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(2)])
    study = at.study([*MODELS, TRUTH], batch="Village")
    with at.store.reading() as connection:
        files = {row.contestant: row.file for row in connection.execute(sa.select(paintings))}
    heads = set()
    for contestant, name in files.items():
        shown = at.files.shown(study.id, name)
        kept = at.files.path(study.id, name).read_bytes()
        assert photo.provenance(kept)["model"] == (None if contestant == TRUTH else contestant)
        assert photo.provenance(shown)["model"] is None
        np.testing.assert_array_equal(photo.read(shown).rgb, photo.read(kept).rgb)
        heads.add(shown[: shown.index(b"\xff\xda")])
        assert contestant not in name
    assert len(heads) == 1, "same encoder, same tables, same size"


def test_pictures_that_were_lost_are_painted_again_and_votes_stay(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(3)])
    study = at.study([OWN, TRUTH], batch="Village")
    seen = vote_on(at, "bina", study.id)
    before = appeal.results(at.store, study.id)
    for file in at.files.folder.rglob("*.*"):
        if file.is_file():
            file.unlink()
    at.studio.resume()
    assert at.studio.wait(LONG)
    assert appeal.find(at.store, study.id).state == "ready"
    assert appeal.results(at.store, study.id) == before
    again = vote_on(at, "chen", study.id)
    real = [{trial.token for trial in one if WRONG not in (trial.left, trial.right)} for one in (seen, again)]
    assert real[0] == real[1]
    for trial in again:
        assert at.files.shown(study.id, trial.left_file) != at.files.shown(study.id, trial.right_file)
    painted = len(at.painter.painted)
    at.studio.resume()
    assert at.studio.wait(LONG)
    assert len(at.painter.painted) == painted, "nothing is missing any more"


def test_a_photo_marked_unusable_is_not_shown_from_then_on(at: Atelier) -> None:
    at.batch([png(drawn(i)) for i in range(4)])
    study = at.study([OWN, TRUTH], batch="Village")
    with at.store.reading() as connection:
        items = {row.name: row.id for row in connection.execute(sa.select(schema.items))}
    judge(at.store, key(), "bina", items["2.png"], "unusable", word="no consent")
    seen = {trial.token for trial in vote_on(at, "chen", study.id)}
    with at.store.reading() as connection:
        rows = connection.execute(sa.select(study_photos.c.name, pairs.c.token).join(pairs)).all()
    assert {row.name for row in rows if row.token in seen} == {"0.png", "1.png", "3.png"}
    later = at.study([OWN, TRUTH], name="Later", batch="Village")
    assert appeal.progress(at.store, later.id).photos == 3
    undo(at.store, key(), "bina", 1)
    assert vote_on(at, "chen", study.id), "a mark that was taken back counts no more"


@pytest.mark.slow
def test_the_same_in_postgresql(tmp_path: Path) -> None:
    with postgres.server() as url:
        store = Store(url)
        at = atelier(store, tmp_path)
        at.batch([png(drawn(i)) for i in range(4)])
        study = at.study([*MODELS, TRUTH], batch="Village")
        vote_on(at, "bina", study.id, choose=TRUTH)
        (trial, *_), _ = appeal_voting.trials(store, "chen", study.id, 3)
        one = key()
        with ThreadPoolExecutor(8) as pool:
            saved = list(
                pool.map(
                    lambda place: appeal_voting.vote(
                        store, one if place % 2 else key(), "chen", trial.token, "left"
                    ),
                    range(16),
                )
            )
        assert sum(one.is_repeat for one in saved) == 7
        assert sum(vote.who == "chen" for vote in appeal.votes_of(store, study.id)) == 1
        assert appeal_voting.undo(store, key(), "chen", study.id) is not None
        results = appeal.results(store, study.id)
        assert results.votes == 24
        assert results.ranking[0].contestant == TRUTH
        assert appeal.progress(store, study.id).votes == 24
        store.close()
