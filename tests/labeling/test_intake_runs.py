"""Photos that come in behind the page."""

import threading

import pytest

from labeling.errors import LabelError
from labeling.intake_runs import IntakeRun, IntakeRuns


def test_a_run_says_how_far_it_is_and_is_cancelled_between_photos() -> None:
    runs, has_begun, may_go_on = IntakeRuns(), threading.Event(), threading.Event()
    seen: list[bool] = []

    def act(run: IntakeRun) -> str:
        run.advance(3, 10)
        has_begun.set()
        may_go_on.wait(10)
        seen.append(run.is_cancelled())
        return "three photos"

    run = runs.start("Asha", "festival.zip", act)  # type: ignore[arg-type]
    assert has_begun.wait(10)
    state = run.state
    assert (state.what, state.done, state.total, state.is_over) == ("festival.zip", 3, 10, False)
    with pytest.raises(LabelError, match="still coming in"):
        runs.start("Asha", "more.zip", act)  # type: ignore[arg-type]
    assert runs.of("Bikash") is None, "everybody has their own"

    run.cancel()
    may_go_on.set()
    state = run.wait(10)
    assert state.is_over
    assert state.is_cancelled
    assert seen == [True]
    assert state.intake == "three photos", "what came in until then is told"


def test_a_problem_is_a_sentence_and_leaves_the_way_free() -> None:
    runs = IntakeRuns()

    def refuse(_: IntakeRun) -> str:
        raise LabelError("This ZIP is encrypted; unlock it first.")

    def break_down(_: IntakeRun) -> str:
        raise ZeroDivisionError

    state = runs.start("Asha", "a.zip", refuse).wait(10)  # type: ignore[arg-type]
    assert (state.problem, state.intake) == ("This ZIP is encrypted; unlock it first.", None)
    state = runs.start("Asha", "b.zip", break_down).wait(10)  # type: ignore[arg-type]
    assert "on the server" in state.problem
    assert "ZeroDivision" not in state.problem


def test_the_servers_end_cancels_what_is_under_way() -> None:
    runs = IntakeRuns()

    def until_cancelled(run: IntakeRun) -> str:
        while not run.is_cancelled():
            threading.Event().wait(0.01)
        return "some"

    run = runs.start("Asha", "a.zip", until_cancelled)  # type: ignore[arg-type]
    runs.stop()
    assert run.state.is_over
