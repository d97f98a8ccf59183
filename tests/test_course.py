"""Where a run stands: lengths, rates, plateaus, early stopping and the second phase, without any network."""

import pytest

from train.course import Course
from train.recipe import Recipe


def course(epoch_steps: int = 10, mode: str = "max", **values: object) -> Course:
    fixed = {"task": "colorize", "name": "x", "network": "ethnicity-aware"}
    sources = {"data": [{"images": "faces"}], "validation": [{"images": "faces"}]}
    length = {} if "epochs" in values else {"steps": 100}
    return Course(Recipe.model_validate(fixed | sources | length | values), epoch_steps, mode)


def at(course: Course, step: int) -> float:
    course.step = step
    return course.rate()


def test_the_cosine_warms_up_and_falls_to_its_final_rate() -> None:
    it = course(schedule={"warmup": 10, "final": 0.1})
    assert at(it, 0) == pytest.approx(0.1)
    assert at(it, 50) == pytest.approx(0.55)
    assert at(it, 100) == pytest.approx(0.1)


def test_epochs_are_passes_over_the_pictures() -> None:
    it = course(epochs=2.5)
    assert it.last_step == 25
    it.step = 24
    assert (it.epoch, it.is_over()) == (2, False)
    it.step = 25
    assert it.is_over()


def test_a_plateau_halves_the_rate_after_its_patience() -> None:
    it = course(schedule={"kind": "plateau", "warmup": 0, "patience": 2, "factor": 0.5})
    rates = []
    for score in (20.0, 21.0, 20.5, 20.9, 20.8, 20.7, 22.0, 21.0):
        it.judge(score)
        rates.append(it.rate())
    assert rates == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_early_stopping_wants_more_than_the_least() -> None:
    it = course(mode="min", early_stopping={"patience": 2, "least": 0.1})
    overs = []
    for score in (1.0, 0.95, 0.85, 0.8, 0.79):
        it.judge(score)
        overs.append(it.is_over())
    assert overs == [False, False, False, False, True]
    assert (it.best, it.mark) == (0.79, 0.85)


def test_a_nan_is_never_the_best() -> None:
    it = course()
    assert not it.judge(float("nan"))
    assert it.judge(3.0)
    assert not it.judge(float("nan"))
    assert it.best == 3.0


def test_fine_tuning_follows_at_its_own_rate_with_patience_anew() -> None:
    it = course(
        optimizer={"lr": 1e-2},
        schedule={"kind": "constant", "warmup": 0},
        early_stopping={"patience": 1},
        finetune={"lr": 1e-4, "epochs": 2, "early_stopping": {"patience": 2}},
    )
    it.step = 30
    it.judge(5.0)
    it.judge(4.0)
    assert it.is_phase_over()
    assert not it.is_over()
    it.begin_finetuning()
    assert (it.last_step, it.waited, it.best) == (50, 0, 5.0)
    assert it.rate() == pytest.approx(1e-2)
    it.judge(4.0)
    assert not it.is_over()
    it.judge(4.5)
    assert it.is_over()


def test_minutes_are_shared_by_the_phases() -> None:
    it = course(minutes=10, finetune={"lr": 1e-4, "steps": 100})
    it.seconds = 300.0
    assert it.progress() == pytest.approx(1)
    it.begin_finetuning()
    assert it.progress() == pytest.approx(0)
    it.seconds = 600.0
    assert it.is_over()


def test_a_course_goes_on_from_its_state() -> None:
    it = course(schedule={"kind": "plateau", "patience": 1})
    it.step = 40
    it.judge(2.0)
    it.judge(1.0)
    again = course(schedule={"kind": "plateau", "patience": 1})
    again.load_state_dict(it.state_dict())
    assert again.state_dict() == it.state_dict()
    assert again.rate() == it.rate()
