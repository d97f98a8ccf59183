"""What the section "Runs" shows and does, without a page: the list, curves, what has changed, what is refused."""

import json
import math
import re
import threading
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from colorizer.errors import OptionError
from tests.jobs import shown
from train import desk_acts, promote, publish, seen, view_run, view_runs
from train.access import Person
from train.desk_runs import Asked, RunsDesk
from train.errands import BUG, Errands, Said
from train.jobs import curves, engines, looking, samples, series
from train.jobs import job as jobs
from train.jobs.curves import TRAINING, VALIDATION, Line
from train.jobs.job import Hardware, State
from train.settings import TrainSettings
from train.shop import Shop

ASHA = Person("asha", True)
NASTY = '"><script>alert(1)</script>'


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> shown.Still:
    """An engine that leaves jobs as their folders say."""
    engine = shown.Still()
    monkeypatch.setattr(engines, "get", lambda name: engine)
    return engine


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def desk(runs: Path, still: shown.Still) -> RunsDesk:
    return RunsDesk(Shop(TrainSettings(runs=runs), environment={}))


def drawing(html: str) -> ET.Element:
    """The only SVG of some HTML; it has to be well-formed but for attributes without quotes."""
    (svg,) = re.findall(r"<svg.*?</svg>", html)
    return ET.fromstring(re.sub(r"class=(\w+)", r'class="\1"', svg))


# curves


def test_a_curve_runs_from_left_to_right_and_a_higher_value_lies_higher() -> None:
    svg = drawing(curves.chart("PSNR, dB", [Line("mine", VALIDATION, [100, 200, 300], [20, 24, 22])]))
    dots = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in svg.iter("circle")]
    assert [x for x, _ in dots] == sorted(x for x, _ in dots)
    assert dots[1][1] < dots[2][1] < dots[0][1], "SVG counts downwards"
    assert all(0 <= x <= curves.WIDTH and 0 <= y <= curves.HEIGHT for x, y in dots)
    said = svg.attrib["aria-label"]
    assert "22 at step 300" in said
    assert "20 at step 100" in said


def test_numbers_beside_the_axes_are_round_and_few() -> None:
    svg = drawing(
        curves.chart(
            "SSIM", [Line("mine", TRAINING, range(0, 7301, 20), [0.7 + k / 2000 for k in range(366)])]
        )
    )
    left = [text.text for text in svg.iter("text") if text.attrib["class"] == "left"]
    below = [text.text for text in svg.iter("text") if text.attrib["class"] == "below"]
    assert left == ["0.7", "0.75", "0.8", "0.85"]
    assert below == ["0", "2,000", "4,000", "6,000", "step"]


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-9, 1e12])
def test_one_value_and_equal_values_are_drawn(value: float) -> None:
    for steps in ([5], [5, 6, 7]):
        svg = drawing(
            curves.chart("Loss", [Line("mine", VALIDATION, steps, [value] * len(steps))], may_be_log=True)
        )
        dots = list(svg.iter("circle"))
        assert len(dots) == len(steps)
        assert all(math.isfinite(float(dot.attrib["cy"])) for dot in dots)


def test_a_curve_has_a_gap_where_a_value_is_no_number() -> None:
    svg = drawing(
        curves.chart("Loss", [Line("mine", TRAINING, [1, 2, 3, 4, 5], [9, 8, math.nan, 7, math.inf])])
    )
    (path,) = [one for one in svg.iter("path") if one.attrib.get("class") != "grid"]
    assert path.attrib["d"].count("M") == 2
    assert path.attrib["d"].count("L") == 1


def test_a_loss_that_falls_far_is_drawn_on_a_log_scale_and_says_so() -> None:
    falling = Line("mine", TRAINING, range(1, 101), [1000 / k for k in range(1, 101)])
    html = curves.chart("Loss", [falling], may_be_log=True)
    assert "log scale" in html
    left = [text.text for text in drawing(html).iter("text") if text.attrib["class"] == "left"]
    assert {"10", "100", "1,000"} <= set(left)
    assert "log scale" not in curves.chart("Loss", [falling])


def test_a_chart_without_values_says_so() -> None:
    assert "No values yet" in curves.chart("Loss", [Line("mine", TRAINING, [], [])])
    assert "No values yet" in curves.chart("Loss", [Line("mine", TRAINING, [1], [math.nan])])


def test_several_runs_have_a_colour_each_and_one_run_a_colour_for_each_split(runs: Path, still: Any) -> None:
    one = shown.put(runs, "one", State.FINISHED, 600)
    two = shown.put(runs, "two", State.RUNNING, 300)
    both = view_run.drawn(series.read([one.folder, two.folder]), {one.id: "one", two.id: "two"})
    assert both.count("<figure") == 3, "loss, PSNR and SSIM"
    legend = both.split("</ul>")[0]
    assert re.findall(r'class="(c\d) (\w+)"', legend) == [
        *(("c1", "training"), ("c1", "validation"), ("c2", "training"), ("c2", "validation")),
    ]
    alone = view_run.drawn(series.read([one.folder]), {one.id: "one"})
    assert re.findall(r'class="(c\d) (\w+)"', alone.split("</ul>")[0]) == [
        ("c1", "training"),
        ("c2", "validation"),
    ]


def test_runs_of_one_name_are_told_apart() -> None:
    names = view_run.named(
        [("mine-20261122-1-ab", "mine"), ("mine-20261123-2-cd", "mine"), ("other-1", "other")]
    )
    assert list(names.values()) == ["mine (20261122-1-ab)", "mine (20261123-2-cd)", "other"]


# the list, and a run


def test_the_list_shows_the_newest_first_with_state_progress_time_left_best_who_and_engine(
    runs: Path, desk: RunsDesk
) -> None:
    old = shown.put(runs, "old", State.FINISHED, 1000, age=9000, who="bina", hardware=Hardware(device="cpu"))
    new = shown.put(runs, "new", State.RUNNING, 460, age=100)
    html = desk.show(Asked()).listing
    first, second = html.split("<li")[1:]
    assert new.id in first
    assert all(
        said in first
        for said in (
            "running",
            "step 460 of 1,000",
            "4 min left",
            "PSNR 24.38 dB",
            "asha",
            "GPU 0",
            "<progress",
        )
    )
    assert old.id in second
    assert all(said in second for said in ("finished", "bina", "this machine, CPU"))
    assert "<progress" not in second
    assert "data-moves" in html


def test_the_page_asks_again_only_while_something_moves(runs: Path, desk: RunsDesk) -> None:
    assert "data-moves" not in desk.show(Asked()).listing
    job = shown.put(runs, "mine", State.FAILED, 100)
    assert "data-moves" not in desk.show(Asked()).listing
    gate = threading.Event()
    desk.acts.errands.start(job.id, "Uploading.", lambda: Said("Done.") if gate.wait(30) else Said(""))
    assert "data-moves" in desk.show(Asked()).listing
    gate.set()
    assert desk.acts.errands.wait(job.id, 30)
    shown_now = desk.show(Asked())
    assert "data-moves" not in shown_now.listing
    assert "Done." in shown_now.errand


def test_who_comes_sees_a_run_that_was_started_since_they_were_here(runs: Path, desk: RunsDesk) -> None:
    assert desk.arrive(Asked()).run == ""
    over = shown.put(runs, "over", State.FINISHED, 100, age=900)
    assert desk.arrive(Asked()).run == over.id
    moving = shown.put(runs, "moving", State.RUNNING, 100, age=500)
    assert desk.arrive(Asked(over.id), over.id).run == moving.id
    assert desk.arrive(Asked(over.id), moving.id).run == over.id, "what one looked at stays"
    assert desk.arrive(Asked("gone-20260101-1"), over.id).run == moving.id
    shown.put(runs, "failed", State.FAILED, 100)
    assert desk.arrive(Asked(moving.id), moving.id).run == moving.id


def test_a_failure_shows_its_cause_and_the_log(runs: Path, desk: RunsDesk) -> None:
    shown.put(runs, "mine", State.FAILED, 100, sentence="The disk is full.", log="one\ntwo <b>\nthree")
    found = desk.show(Asked())
    assert '<p class="sentence trouble">The disk is full.</p>' in found.head
    assert "two &lt;b&gt;\nthree" in found.log
    assert found.can == {"resume", "delete"}


@pytest.mark.parametrize(
    ("state", "can"),
    [
        (State.WAITING, {"stop"}),
        (State.STARTING, {"stop"}),
        (State.RUNNING, {"stop"}),
        (State.STOPPING, set()),
        (State.STOPPED, {"resume", "delete"}),
        (State.LOST, {"resume", "delete"}),
        (State.FINISHED, {"evaluate", "report", "promote", "publish", "delete"}),
    ],
)
def test_a_run_offers_what_makes_sense(runs: Path, desk: RunsDesk, state: State, can: set[str]) -> None:
    job = shown.put(runs, "mine", state, 100)
    if state is State.FINISHED:
        shown.finish(job)
    assert desk.show(Asked()).can == can
    told = desk.told(ASHA, job.id)
    assert (told["state"], set(told["can"])) == (state.value, can)


def test_whatever_a_folder_says_is_escaped(runs: Path, desk: RunsDesk) -> None:
    job = shown.put(
        runs,
        "mine",
        State.FAILED,
        100,
        sentence=NASTY,
        log=NASTY,
        who=NASTY,
        dataset=NASTY,
        recipe=NASTY,
        overrides=(NASTY,),
    )
    jobs.change(job.folder, number=NASTY)
    found = desk.show(Asked())
    for html in (
        found.listing,
        found.head,
        found.log,
        view_run.going(NASTY, NASTY),
        view_run.report(NASTY, NASTY),
    ):
        assert "<script" not in html
    assert "&lt;script&gt;" in found.head
    assert "<script" not in curves.chart(NASTY, [Line(NASTY, NASTY, [1], [1])])
    assert "<script" not in curves.legend([Line(NASTY, NASTY, [1], [1])])


def test_samples_follow_the_slider_and_stand_beside_gray_and_truth(runs: Path, desk: RunsDesk) -> None:
    job = shown.put(runs, "mine", State.RUNNING, 300)
    assert desk.show(Asked(job.id)).strips == 0
    assert "No sample" in desk.show(Asked(job.id)).strip
    shown.paint(job, [100, 200, 300])
    latest = desk.show(Asked(job.id))
    assert (latest.strips, latest.strip_at) == (3, 3)
    assert latest.strip.count("data:image/webp;base64,") == 3
    first = desk.show(Asked(job.id, sample=1))
    assert "Painted at step 100" in first.strip
    assert samples.as_uri(job.folder / "samples" / "step-0000100.webp") in first.strip
    assert desk.show(Asked(job.id, sample=99)).strip_at == 3
    assert desk.show(Asked(job.id, sample=-5)).strip_at == 1


def test_a_hundred_runs_are_listed_and_the_rest_is_counted(runs: Path, desk: RunsDesk) -> None:
    rows = [looking.stand(shown.put(runs, f"run-{k}", State.FINISHED)) for k in range(3)] * 40
    html = view_runs.listing(rows, "", ())
    assert html.count("<li") == view_runs.LISTED
    assert "And 20 older ones" in html


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (40, "40 s"), (100, "2 min"), (5400, "1 h 30 min"), (7200, "2 h"), (200_000, "2 days 7 h")],
)
def test_durations_are_said_as_exactly_as_one_wants(seconds: float, said: str) -> None:
    assert view_runs.duration(seconds) == said


# what a page has seen


def test_a_page_is_sent_only_what_has_changed(runs: Path, desk: RunsDesk) -> None:
    job = shown.put(runs, "mine", State.RUNNING, 200)
    all_parts, after = seen.compare("", desk.show(Asked()))
    assert {"listing", "head", "curves", "log", "can"} <= set(all_parts)
    nothing, after = seen.compare(after, desk.show(Asked()))
    assert not set(nothing) - {"head"}, "but for how long it runs"
    shown.train_to(job, 300)
    some, after = seen.compare(after, desk.show(Asked()))
    assert {"listing", "head", "curves"} <= set(some)
    assert not {"log", "can", "strip"} & set(some)
    other = shown.put(runs, "other", State.FAILED, 100, age=900, log="words")
    changed, _ = seen.compare(after, desk.show(Asked(other.id)))
    assert {"listing", "head", "curves", "log", "can"} <= set(changed)


def test_the_slider_stays_where_it_was_put_and_follows_at_its_end(runs: Path, desk: RunsDesk) -> None:
    job = shown.put(runs, "mine", State.RUNNING, 300)
    shown.paint(job, [100, 200, 300])
    _, after = seen.compare("", desk.show(Asked(job.id)))
    assert seen.sample(after, job.id, 2) == 2
    assert seen.sample(after, job.id, 3) is None
    assert seen.sample(after, "another", 2) is None


@pytest.mark.parametrize("said", ["", "[]", "null", "{", '{"run": 3, "strips": "x"}', None, "[" * 5000])
def test_whatever_a_page_sends_back_is_no_error(runs: Path, desk: RunsDesk, said: Any) -> None:
    changed, _ = seen.compare(said, desk.show(Asked()))
    assert changed
    assert seen.sample(said, "mine", 2) is None
    assert seen.ids(said) == () or isinstance(said, str)
    assert seen.listed(said, "ids") == ()
    assert seen.text(said, "run") == ""


def test_ids_are_few_and_short() -> None:
    assert seen.listed({"ids": ["a", 3, None, "b" * 300, "c"]}, "ids") == ("a", "c")
    assert len(seen.listed({"ids": ["a"] * 100}, "ids")) == seen.MOST


# the buttons


@pytest.mark.parametrize(
    "run",
    ["", "..", "../other", "/etc", "a/b", "mine;rm -rf", "$(id)", 'q"uote', "line\nbreak", "é", "x" * 300],
)
def test_an_id_that_is_none_is_refused_by_every_button(runs: Path, desk: RunsDesk, run: str) -> None:
    shown.put(runs, "mine", State.FINISHED, 100)
    acts = desk.acts
    for act in (
        lambda: acts.stop(ASHA, run),
        lambda: acts.resume(ASHA, run),
        lambda: acts.evaluate(ASHA, run),
        lambda: acts.what_goes(run),
        lambda: acts.delete(ASHA, run),
        lambda: acts.promote(ASHA, run, "name", False),
        lambda: acts.promote_all_the_same(ASHA, run),
        lambda: acts.publish(ASHA, run, "user/name", True),
        lambda: desk.report(run),
        lambda: desk.told(ASHA, run),
    ):
        with pytest.raises(OptionError):
            act()
    assert acts.suggested(run) == ""
    assert len(jobs.everything(runs)) == 1


def test_a_button_of_a_page_that_shows_what_was_is_refused(runs: Path, desk: RunsDesk, still: Any) -> None:
    over, moving = shown.put(runs, "over", State.FINISHED, 100), shown.put(runs, "moving", State.RUNNING, 100)
    with pytest.raises(OptionError, match="nothing to stop"):
        desk.acts.stop(ASHA, over.id)
    with pytest.raises(OptionError, match="nothing to resume"):
        desk.acts.resume(ASHA, moving.id)
    with pytest.raises(OptionError, match="stop it first"):
        desk.acts.delete(ASHA, moving.id)
    with pytest.raises(OptionError, match="no weights"):
        desk.acts.promote(ASHA, moving.id, "name", False)
    assert still.asked == []
    assert moving.folder.is_dir()


def test_stop_reaches_the_engine_and_delete_takes_the_folder(runs: Path, desk: RunsDesk, still: Any) -> None:
    job = shown.put(runs, "mine", State.RUNNING, 100)
    assert "checkpoint" in desk.acts.stop(ASHA, job.id)
    assert still.asked == [("cancel", job.id)]
    assert desk.show(Asked()).can == frozenset()
    jobs.change(job.folder, state=State.STOPPED)
    assert job.id in desk.acts.what_goes(job.id)
    assert job.folder.is_dir()
    desk.acts.delete(ASHA, job.id)
    assert not job.folder.exists()
    assert "No runs yet" in desk.show(Asked(job.id)).listing


def test_a_worse_model_is_asked_about_again_and_promoted_only_then(
    runs: Path, desk: RunsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shown.put(runs, "mine", State.FINISHED, 100)
    shown.finish(job)
    calls: list[tuple[Any, ...]] = []

    def fake(folder: Path, name: str, as_default: bool, confirmed: bool) -> promote.Promoted:
        calls.append((folder, name, as_default, confirmed))
        if not confirmed:
            raise promote.NeedsConfirmation(["It is 2 dB worse than <default>."], None)
        return promote.Promoted(name, folder, as_default, None, "")

    monkeypatch.setattr(promote, "promote", fake)
    desk.acts.promote(ASHA, job.id, " portraits ", True)
    assert desk.acts.errands.wait(job.id, 30)
    assert desk.show(Asked()).asks == "It is 2 dB worse than <default>."
    desk.acts.leave(ASHA, job.id)
    assert desk.show(Asked()).asks == ""
    with pytest.raises(OptionError, match="press Promote again"):
        desk.acts.promote_all_the_same(ASHA, job.id)
    desk.acts.promote(ASHA, job.id, "portraits", True)
    assert desk.acts.errands.wait(job.id, 30)
    desk.acts.promote_all_the_same(ASHA, job.id)
    assert desk.acts.errands.wait(job.id, 30)
    assert [call[1:] for call in calls] == [("portraits", True, False)] * 2 + [("portraits", True, True)]
    assert "mine is in Colorize as portraits. It is the default" in desk.show(Asked()).errand


def test_a_name_that_is_none_is_refused_at_once(runs: Path, desk: RunsDesk) -> None:
    job = shown.put(runs, "mine", State.FINISHED, 100)
    shown.finish(job)
    with pytest.raises(OptionError):  # the weights are none, either
        desk.acts.promote(ASHA, job.id, "../../etc", True)
    assert desk.show(Asked()).errand == ""


def test_publishing_needs_a_token(runs: Path, desk: RunsDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    job = shown.put(runs, "mine", State.FINISHED, 100)
    shown.finish(job)
    with pytest.raises(OptionError, match="needs a token"):
        desk.acts.publish(ASHA, job.id, "user/name", True)


def test_a_run_is_published_with_the_visitors_token_and_says_how_it_is_loaded(
    runs: Path, desk: RunsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shown.put(runs, "mine", State.FINISHED, 100)
    shown.finish(job)
    given: list[Any] = []

    def fake(source: Path, repository: str, token: str, private: bool) -> publish.Published:
        given.extend([source, repository, token, private])
        return publish.Published(repository, "c" * 40, "d" * 64, f"https://hub/{repository}")

    monkeypatch.setattr(publish, "publish", fake)
    desk.acts.publish(Person("asha", True, "hf_secret"), job.id, " asha/mine ", True)
    assert desk.acts.errands.wait(job.id, 30)
    assert given == [job.folder, "asha/mine", "hf_secret", True]
    said = desk.show(Asked()).errand
    assert f"hf:asha/mine@{'c' * 40}#{'d' * 64}" in said
    assert "hf_secret" not in said + json.dumps(desk.told(ASHA, job.id))


def test_a_report_is_shown_where_nothing_of_it_can_act(runs: Path, desk: RunsDesk) -> None:
    job = shown.put(runs, "mine", State.FINISHED, 100)
    with pytest.raises(OptionError, match="no report yet"):
        desk.report(job.id)
    shown.finish(job)
    framed, file = desk.report(job.id)
    assert 'sandbox=""' in framed
    assert "<script" not in framed
    assert "&lt;script&gt;" in framed
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not file.is_relative_to(runs)
    evaluation = shown.put(runs, "report-mine", State.FINISHED, kind="evaluate", arguments={"of": job.id})
    assert "report" in desk_acts.can(looking.stand(evaluation))
    assert desk.report(evaluation.id)[0].count("Report of the run") == 1


# errands


def test_an_errand_has_an_end_of_each_kind() -> None:
    errands = Errands()
    assert errands.at("a") is None

    def fails() -> Said:
        raise OptionError("The name is taken.")

    def breaks() -> Said:
        raise KeyError("bug")

    for act, state, sentence in (
        (lambda: Said("Done."), "done", "Done."),
        (lambda: Said("", asks="Really?"), "asks", ""),
        (fails, "failed", "The name is taken."),
        (breaks, "failed", BUG),
    ):
        errands.start("a", "Working.", act)
        assert errands.wait("a", 30)
        found = errands.at("a")
        assert found is not None
        assert (found.state, found.said.sentence) == (state, sentence)


def test_a_key_has_one_errand_at_a_time() -> None:
    errands, gate = Errands(), threading.Event()
    errands.start("a", "Uploading.", lambda: Said("Done.") if gate.wait(30) else Said(""))
    with pytest.raises(OptionError, match="Uploading"):
        errands.start("a", "Again.", lambda: Said(""))
    errands.forget("a")
    assert errands.at("a") is not None, "one at work can't be forgotten"
    gate.set()
    assert errands.wait("a", 30)
    errands.forget("a")
    assert errands.at("a") is None
