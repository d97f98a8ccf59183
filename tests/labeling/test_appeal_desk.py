"""What the section "Which looks more real?" says to voters and owners, and the CSVs: no gradio, and over HTTP."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from colorizer import photo
from labeling import appeal, appeal_export, appeal_voting, view_appeal
from labeling.access import Person, Role
from labeling.appeal import Progress
from labeling.appeal_desk import SAMPLES, AppealDesk
from labeling.appeal_schema import pairs, studies, study_photos, votes
from labeling.errors import LabelError
from labeling.office import Office
from labeling.ranking import TRUTH, WRONG, judge_votes
from tests.labeling.atelier import LONG, OWN
from tests.labeling.filling import key
from tests.labeling.voting import Voting, office, paint, served
from tests.untrained import some_models

OWNER, BINA = Person("Maya", Role.OWNER), Person("Bina", Role.ANNOTATOR)
CONTESTANTS = [OWN, "cnn", TRUTH]
NEVER_CHOOSES = ("tie",)  # and so misses every catch trial, wherever the study's secret puts them


@pytest.fixture(scope="module", autouse=True)
def models() -> Iterator[tuple[str, ...]]:
    with some_models("cnn", "unet") as names:
        yield names


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Office]:
    made = office(tmp_path, owners="Maya", annotators="Bina, Chen")
    yield made
    made.store.close()


def answers(
    desk: AppealDesk,
    study: int,
    person: Person = BINA,
    choices: tuple[str, ...] = ("left", "right", "tie"),
) -> list[dict]:
    """Everything that the page is told while somebody votes on all of a study, taking each fifth vote back once."""
    told, place = [desk.open(person)], 0
    while True:
        coming = desk.next(person, study, 2)
        told.append(coming)
        if not coming["trials"]:
            return told
        its, place = key(), place + 1
        told.append(desk.vote(person, coming["trials"][0]["token"], choices[place % len(choices)], its))
        if place % 5 == 0:
            told.append(desk.undo(person, study, key()))
            token = told[-1]["undone"]["token"]
            assert token == coming["trials"][0]["token"]
            told.append(desk.vote(person, token, choices[0], key()))


def test_no_answer_tells_which_side_is_which(made: Office) -> None:
    study = paint(made, "Spring", CONTESTANTS)
    told = answers(AppealDesk(made), study.id)
    shown = [trial for answer in told for trial in answer.get("trials", [])]
    total = told[-1]["total"]
    assert total in (33, 34), "30 pairs, and one with a wrong side in each ten"
    assert len({trial["token"] for trial in shown}) == total
    for trial in shown:
        assert set(trial) == {"token", "left", "right"}
        assert trial["left"] != trial["right"]
        for side in ("left", "right"):
            content = base64.b64decode(trial[side].removeprefix("data:image/jpeg;base64,"))
            assert photo.read(content).rgb.shape == (120, 96, 3)
            assert photo.provenance(content)["model"] is None
            assert not any(name.encode() in content for name in (*CONTESTANTS, WRONG, "Rangin"))
    words = json.dumps([{**answer, "trials": [], "undone": None} for answer in told])
    with made.store.reading() as connection:
        secret = connection.scalar(sa.select(studies.c.secret))
        photos = [
            value
            for row in connection.execute(sa.select(study_photos.c.name, study_photos.c.origin))
            for value in row
        ]
        tokens = [row.token for row in connection.execute(sa.select(pairs.c.token).where(pairs.c.is_catch))]
    for hidden in (*CONTESTANTS, WRONG, "catch", secret, *photos):
        assert f'"{hidden}"' not in words
    assert set(tokens) & {trial["token"] for trial in shown}, "catch trials are among them"
    assert told[-1]["done"] == total


def test_a_caller_does_not_pass_for_the_command_line(made: Office) -> None:
    study = paint(made, "Spring", CONTESTANTS)
    desk = AppealDesk(made)
    for via in ("page", "http", "command"):
        trial = desk.next(BINA, study.id, 1)["trials"][0]
        desk.vote(BINA, trial["token"], "left", key(), via=via)
    with made.store.reading() as connection:
        assert list(connection.scalars(sa.select(votes.c.via).order_by(votes.c.id))) == [
            "page",
            "http",
            "http",
        ]


def test_how_far_one_is_does_not_tell_a_catch_trial(made: Office) -> None:
    study = paint(made, "Spring", CONTESTANTS)
    desk = AppealDesk(made)
    steps = []
    for _ in range(30):
        (trial, *_) = desk.next(BINA, study.id, 1)["trials"]
        answer = desk.vote(BINA, trial["token"], "left", key())
        steps.append((answer["done"], answer["total"], answer["saved"], answer["is_repeat"]))
    assert [done for done, *_ in steps] == list(range(1, 31))
    assert len({step[1:] for step in steps}) == 1, "nothing else changes"


def test_a_visitor_is_told_what_it_is_and_gets_no_picture(made: Office) -> None:
    paint(made, "Spring", CONTESTANTS)
    opened = AppealDesk(made).open(Person("", Role.VISITOR))
    assert not opened["may_vote"]
    assert opened["sentence"]
    assert "studies" not in opened


@pytest.mark.parametrize("study", [0, -1, 2**31, 10**20])
def test_a_study_that_is_not_there_is_a_sentence(made: Office, study: int) -> None:
    desk = AppealDesk(made)
    with pytest.raises(LabelError, match="There is no study"):
        desk.next(BINA, study)
    with pytest.raises(LabelError, match="There is no study"):
        desk.undo(BINA, study, key())


def test_only_studies_that_take_votes_are_offered(made: Office) -> None:
    desk = AppealDesk(made)
    closed, there = paint(made, "Closed", CONTESTANTS, 2), paint(made, "Open", CONTESTANTS, 3)
    desk.close(OWNER, closed.id, True)
    waiting = appeal.create(made.store, "Maya", "Waiting", CONTESTANTS, OWN)
    assert [study["name"] for study in desk.open(BINA)["studies"]] == ["Open"]
    assert [label for label, _ in desk.studies()] == ["Waiting (painting)", "Open (open)", "Closed (closed)"]
    assert desk.show(waiting.id).is_painting
    assert desk.show(there.id).can_close
    assert desk.show(closed.id).is_closed


def test_an_owner_makes_a_study_of_what_is_offered(made: Office) -> None:
    desk = AppealDesk(made)
    offer = desk.offer()
    assert ("Village", "Village") in offer.batches
    assert offer.batches[0][1] == SAMPLES
    assert [value for _, value in offer.contestants][:2] == [TRUTH, OWN]
    assert {"cnn", "unet"} < {value for _, value in offer.contestants}
    study = desk.create(OWNER, "Spring", "Village", 4.0, [TRUTH, "unet"])
    assert desk.studio.wait(LONG)
    assert "4 pairs" in desk.show(study.id).html
    for photos in (2.5, 0.0, None):
        with pytest.raises(LabelError, match="photos"):
            desk.create(OWNER, "Other", "Village", photos, [TRUTH, "unet"])  # type: ignore[arg-type]


def test_the_results_page_says_what_was_found_and_escapes_names(made: Office) -> None:
    study = paint(made, "Spring", CONTESTANTS)
    desk = AppealDesk(made)
    assert view_appeal.NO_VOTES in desk.show(study.id).html
    answers(desk, study.id, Person("<b>Bina</b>", Role.ANNOTATOR), NEVER_CHOOSES)
    html = desk.show(study.id).html
    assert "&lt;b&gt;Bina&lt;/b&gt;" in html
    assert "<b>Bina" not in html
    assert ">left out<" in html
    everybody = desk.show(study.id, leave_out=False).html
    assert "counted all the same" in everybody
    assert f"{OWN} over the photo itself" in everybody
    assert "Fooled against the photo itself" in everybody


def test_a_study_under_way_shows_how_far_it_is(made: Office) -> None:
    study = appeal.create(made.store, "Maya", "Spring", CONTESTANTS, OWN, "Village")
    looking = view_appeal.summary(study, Progress(10, 4, (), 0, 20, 0, 0, 0))
    assert 'value="4" max="10"' in looking
    painting = view_appeal.summary(study, Progress(10, 10, (("<i>", "gray"),), 7, 18, 0, 0, 0))
    assert 'value="7" max="18"' in painting
    assert "&lt;i&gt;: gray" in painting


def test_the_csvs_hold_every_vote_and_every_figure(made: Office, tmp_path: Path) -> None:
    study = paint(made, "Spring", CONTESTANTS)
    desk = AppealDesk(made)
    answers(desk, study.id, choices=NEVER_CHOOSES)
    everybody_left_out = desk.show(study.id).html
    assert "No vote counts" in everybody_left_out
    assert "<tbody></tbody>" not in everybody_left_out
    while coming := desk.next(Person("Chen", Role.ANNOTATOR), study.id, 1)["trials"]:
        token = coming[0]["token"]
        (trial,), _ = appeal_voting.trials(made.store, "Chen", study.id, 1)
        assert trial.token == token
        sides = {trial.left: "left", trial.right: "right"}
        choice = sides.get(TRUTH, "tie")
        desk.vote(Person("Chen", Role.ANNOTATOR), token, choice, key(), 1.5)
    votes, results = desk.download(study.id)
    rows = list(csv.DictReader(io.StringIO(votes.read_text(encoding="utf-8"))))
    assert len(rows) == len(appeal.votes_of(made.store, study.id))
    assert [row["isCatch"] for row in rows].count("no") == 60
    assert {row["voter"] for row in rows} == {"Bina", "Chen"}
    chens = [row for row in rows if row["voter"] == "Chen"]
    assert all((row["winner"] == TRUTH) == (TRUTH in (row["left"], row["right"])) for row in chens)
    assert {row["counts"] for row in chens if row["isCatch"] == "no"} == {"yes"}
    assert {row["counts"] for row in rows if row["voter"] == "Bina"} == {"no"}
    assert chens[0]["seconds"] == "1.50"
    assert chens[0]["time"].endswith("Z")
    careless, _ = desk.download(study.id, leave_out=False)
    everybody = list(csv.DictReader(io.StringIO(careless.read_text(encoding="utf-8"))))
    assert {row["counts"] for row in everybody if row["isCatch"] == "no"} == {"yes"}
    figures = list(csv.DictReader(io.StringIO(results.read_text(encoding="utf-8"))))
    found = appeal.results(made.store, study.id)
    strengths = {row["of"]: float(row["value"]) for row in figures if row["figure"] == "strength"}
    assert strengths == {one.contestant: pytest.approx(one.strength, abs=1e-4) for one in found.ranking}
    assert min(strengths.values()) < 0, "a number below zero starts no formula"
    (fooled,) = [row for row in figures if row["figure"] == "fooled votes" and row["of"] == "cnn"]
    assert (fooled["won"], fooled["lost"], fooled["n"]) == ("0", "10", "10")
    assert {row["of"] for row in figures if row["figure"] == "left out"} == {"Bina"}
    assert votes.name == "Spring-votes.csv"
    assert votes.read_bytes().startswith(
        b"study,photo,left,right,choice,winner,isCatch,voter,time,seconds,counts\r\n"
    )
    said = appeal_export.report(made.store, "Spring")
    assert "left out, since they missed catch trials: Bina" in said
    assert "truth" in said.splitlines()[3], "it leads the ranking"
    with pytest.raises(LabelError, match="no study"):
        appeal_export.report(made.store, "Nothing")


def test_a_row_that_would_start_a_formula_is_left_out(made: Office, tmp_path: Path) -> None:
    study = paint(made, "Spring", [OWN, TRUTH], 2)
    for who in ("=cmd()", "Bina"):  # no name like the first gets in by the page
        token = appeal_voting.trials(made.store, who, study.id, 1)[0][0].token
        appeal_voting.vote(made.store, key(), who, token, "left")
    written = appeal_export.write_votes(made.store, study.id, tmp_path / "votes.csv")
    assert written == (1, 1)
    assert "=cmd" not in (tmp_path / "votes.csv").read_text(encoding="utf-8")


def test_results_in_words_need_no_votes(made: Office) -> None:
    paint(made, "Spring", CONTESTANTS, 2)
    assert "0 votes by 0 people" in appeal_export.report(made.store, "Spring")
    assert judge_votes([], CONTESTANTS).ranking == ()


@pytest.fixture(scope="module")
def voting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voting]:
    made = office(tmp_path_factory.mktemp("labels"), owners="Maya", annotators="Bina")
    paint(made, "Spring", CONTESTANTS)
    with served(made) as voting:
        yield voting


def test_votes_come_over_http_and_only_from_who_may(voting: Voting) -> None:
    status, opened = voting.call("vote_open", "Bina")
    assert status == 200
    study = opened["studies"][0]["id"]
    for stranger in ("Hari", ""):
        for event in (("vote_next", stranger, study), ("vote_undo", stranger, study, key())):
            status, said = voting.call(*event)
            assert status == 500
            assert "pictures" not in said
    status, coming = voting.call("vote_next", "Bina", study, 1, [])
    token = coming["trials"][0]["token"]
    assert voting.call("vote_choose", "Hari", token, "left", "a-key-of-hari", 1.0)[0] == 500
    assert appeal.votes_of(voting.office.store, study) == []
    status, saved = voting.call("vote_choose", "Bina", token, "left", "a-key-of-bina", 1.0)
    assert (status, saved["done"], saved["is_repeat"]) == (200, 1, False)
    assert voting.call("vote_choose", "Bina", token, "left", "a-key-of-bina", 1.0)[1]["is_repeat"]
    for wrong in (
        (token, "left", "a-key-of-bina", "soon"),
        (token, "upwards", key(), 1.0),
        ("' OR 1=1 --", "left", key(), 1.0),
        ([token], "left", key(), 1.0),
    ):
        assert voting.call("vote_choose", "Bina", *wrong)[0] == 500
    assert voting.call("vote_undo", "Bina", study, key())[1]["undone"]["token"] == token
    assert appeal.votes_of(voting.office.store, study) == []


def test_an_owners_events_refuse_an_annotator(voting: Voting) -> None:
    """By their numbers, past the list of named events, as any script can."""
    before = voting.office.store.version()
    refused = 0
    for event in httpx.get(f"{voting.url}config").json()["dependencies"]:
        if event["api_visibility"] == "private" and len(event["inputs"]) >= 3 and event["queue"] is False:
            data = ["Bina", *[None] * (len(event["inputs"]) - 1)]
            body = {"fn_index": event["id"], "data": data, "session_hash": "annotator"}
            answer = httpx.post(f"{voting.url}gradio_api/run/predict", json=body, timeout=LONG).json()
            refused += "is not an owner" in str(answer.get("error"))
    assert refused == 6, "shown, watched, stopped, gone on with, closed, opened again"
    assert voting.office.store.version() == before
    assert [study.name for study in appeal.all_studies(voting.office.store)] == ["Spring"]
