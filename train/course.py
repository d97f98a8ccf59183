"""Where a run stands: its step and phase, the learning rate there, its best score, and when it is over.

course = Course(recipe, epoch_steps=100, mode="max")
course.step += 1
course.judge(26.3)      # True: the best score so far

Nothing here knows torch or Lightning; all of it is kept in checkpoints.
"""

import math
from typing import Any

from train.recipe import EarlyStopping, Recipe

# What a checkpoint keeps of a course.
KEPT = (
    *("step", "phase", "phase_start", "seconds", "best", "best_step", "scores"),
    *("mark", "waited", "stagnant", "reduction"),
)


class Course:
    """The length of the phases, the learning rate's rule, and the judgement of validation scores.

    Args:
        recipe: what the lengths and rules are taken from.
        epoch_steps: steps of one pass over the pictures.
        mode: "max" where a higher score is better, "min" where a lower one is.
    """

    def __init__(self, recipe: Recipe, epoch_steps: int, mode: str = "max") -> None:
        self.recipe, self.epoch_steps, self.sign = recipe, max(1, epoch_steps), 1 if mode == "max" else -1
        self.step = 0
        """Batches trained on so far."""
        self.phase = 0
        """0, or 1 while fine-tuning."""
        self.phase_start = 0
        """Step at which the phase began."""
        self.best: float | None = None
        """The best validation score so far, in either phase."""
        self.best_step = -1
        self.scores: dict[str, float] = {}
        """Everything that was measured in the best validation."""
        self.mark: float | None = None
        """The score that early stopping wants beaten by its `least`."""
        self.waited = 0
        """Validations since the mark was last beaten."""
        self.stagnant = 0
        """Validations since the best score, or since the rate was last reduced."""
        self.reduction = 1.0
        """What plateaus have made of the learning rate."""
        self.seconds = 0.0
        """Training time up to this step, that of earlier, interrupted parts of the run included."""

    # lengths

    def phase_steps(self, phase: int | None = None) -> int:
        """Steps that the recipe gives a phase (the present one if None); 0 for a fine-tuning it doesn't ask for."""
        phase = self.phase if phase is None else phase
        part = self.recipe if phase == 0 else self.recipe.finetune
        if part is None:
            return 0
        if part.steps is not None:
            return part.steps
        return math.ceil((part.epochs or 1) * self.epoch_steps)

    @property
    def last_step(self) -> int:
        """The step at which the present phase ends, if nothing ends it sooner."""
        return self.phase_start + self.phase_steps()

    @property
    def epoch(self) -> int:
        """Whole passes over the pictures so far."""
        return self.step // self.epoch_steps

    def progress(self) -> float:
        """Share of the phase that is over, in [0, 1]: by steps, or by minutes where that is further."""
        share = (self.step - self.phase_start) / self.phase_steps()
        if self.recipe.minutes is not None:
            total = self.phase_steps(0) + self.phase_steps(1)
            before = self.phase_steps(0) / total if self.phase else 0.0
            spent = self.seconds / 60 / self.recipe.minutes
            share = max(share, (spent - before) / (self.phase_steps() / total))
        return min(max(share, 0.0), 1.0)

    @property
    def early_stopping(self) -> EarlyStopping | None:
        """What the recipe says of the present phase."""
        part = self.recipe.finetune if self.phase else self.recipe
        return None if part is None else part.early_stopping

    def is_stagnant(self) -> bool:
        """Whether early stopping's patience with this phase is at its end."""
        rule = self.early_stopping
        return rule is not None and self.waited >= rule.patience

    def is_phase_over(self) -> bool:
        """Whether steps, minutes or patience of this phase are spent."""
        return self.progress() >= 1 or self.is_stagnant()

    def has_next_phase(self) -> bool:
        """Whether fine-tuning is still to come."""
        return self.phase == 0 and self.recipe.finetune is not None

    def is_over(self) -> bool:
        """Whether nothing is left to train."""
        return self.is_phase_over() and not self.has_next_phase()

    def begin_finetuning(self) -> None:
        """The second phase starts at this step; patience starts anew, the best score stays."""
        self.phase, self.phase_start = 1, self.step
        self.waited = self.stagnant = 0
        self.reduction = 1.0

    # rate

    def rate(self) -> float:
        """The learning rate of the next step, relative to `optimizer.lr`: warm-up, then the schedule of the phase."""
        schedule, since = self.recipe.schedule, self.step - self.phase_start
        warmup, base = schedule.warmup, 1.0
        if self.phase and self.recipe.finetune is not None:
            # The optimizer's averages are empty again, so this phase warms up too, but not for most of its length.
            warmup, base = (
                min(warmup, self.phase_steps() // 10),
                self.recipe.finetune.lr / self.recipe.optimizer.lr,
            )
        warm = min(1.0, (since + 1) / max(warmup, 1))
        if schedule.kind == "cosine":
            falling = 0.5 * (1 + math.cos(math.pi * self.progress()))
            return base * warm * (schedule.final + (1 - schedule.final) * falling)
        return base * warm * self.reduction

    # judgement

    def judge(self, score: float, scores: dict[str, float] | None = None) -> bool:
        """Take note of a validation's score: whether it is the best so far. A plateau reduces the rate here.

        Args:
            score: as monitored; a NaN is never the best.
            scores: all that was measured with it, kept if it is the best.
        """
        is_best = self.best is None or self.sign * (score - self.best) > 0
        if is_best and not math.isnan(score):
            self.best, self.best_step, self.stagnant = score, self.step, 0
            self.scores = dict(scores or {})
        else:
            is_best = False
            self.stagnant += 1
        rule = self.early_stopping
        if not math.isnan(score) and (
            self.mark is None or self.sign * (score - self.mark) > (rule.least if rule else 0.0)
        ):
            self.mark, self.waited = score, 0
        else:
            self.waited += 1
        schedule = self.recipe.schedule
        if schedule.kind == "plateau" and self.stagnant >= schedule.patience:
            self.reduction *= schedule.factor
            self.stagnant = 0
        return is_best

    # checkpoints

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, for a checkpoint."""
        return {name: getattr(self, name) for name in KEPT}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        for name in KEPT:
            setattr(self, name, state[name])
