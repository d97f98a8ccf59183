"""What surrounds each step of a run: seed and rate before it; row, checkpoint, next phase and end after it.

Everything that a step depends on follows from the recipe, the step's number and the checkpoint, so that a run which was
killed and resumed gives what an unbroken one would have.
"""

import hashlib
import logging
import time
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from train import atomic, checkpoints
from train.averaging import Averaging
from train.course import Course
from train.devices import share_buffers
from train.failures import Diverged, Stopped
from train.history import History
from train.progress import Progress
from train.run import Run
from train.signals import Signals
from train.tasks.base import Task

log = logging.getLogger(__name__)

# Steps between two rows of metrics.csv, if validations are not more frequent.
ROW_EVERY = 20


class Conductor(Callback):
    """Carries a task through its run, on every process; only the first one writes.

    Args:
        run: the folder; None on the other processes.
        folder: the same folder's path, known to all.
        validate_every: steps between validations.
        signals: who might ask the run to end.
    """

    def __init__(self, run: Run | None, folder: Path, validate_every: int, signals: Signals) -> None:
        self.run, self.folder, self.signals = run, folder, signals
        self.validate_every, self.row_every = validate_every, min(ROW_EVERY, validate_every)
        self.history = History(folder / "metrics.csv") if run is not None else None
        self.rate = 0.0
        self.progress: Progress | None = None
        self._row_step, self._row_time, self._step_time = 0, 0.0, 0.0
        self._broken = torch.zeros(())

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Take up the run where its checkpoint says, or at its first step."""
        task = _task(pl_module)
        self.signals.install()
        self.signals.is_training = True
        if self.history is not None:
            self.history.forget_after(task.course.step)
        self.progress = Progress(task.course, is_quiet=self.run is None)
        self._broken = torch.full((), -1, dtype=torch.long, device=task.device)
        self._row_step, self._row_time = task.course.step, time.monotonic()
        self._step_time = time.monotonic()
        if task.course.is_phase_over() and task.course.has_next_phase():
            self._finetune(trainer, task)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: object
    ) -> None:
        """Seed torch for this step on this process, and set the rate."""
        task = _task(pl_module)
        torch.manual_seed(step_seed(task.recipe.seed, task.course.step, trainer.global_rank))
        self.rate = task.set_rates()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, *_: object
    ) -> None:
        """Count the step; look whether it was sound, whether anybody wants the end, whether a row is due."""
        task = _task(pl_module)
        course = task.course
        self._note_broken(task, outputs)
        course.step += 1
        now = time.monotonic()
        asked = self._agree(trainer, task, now - self._step_time)
        self._step_time = now
        if self.progress is not None:
            self.progress.step()
        if course.is_phase_over():
            trainer.should_stop = True  # which makes Lightning validate first
        if trainer.should_stop or course.step % self.validate_every == 0:
            return
        if course.step % self.row_every == 0:
            self._check_loss(task)
            self._row(task, {})
        if asked:
            self._check_loss(task)
            task.share_training_sums()
            self._save(trainer, task)
            raise Stopped(asked)

    def on_validation_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """After the averages have taken the weights' place (`Averaging` comes first)."""
        if trainer.world_size > 1:
            share_buffers(pl_module)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write the row, judge the score, save, and go over to the next phase or to the end."""
        task = _task(pl_module)
        course = task.course
        self._check_loss(task)
        scores = task.validation_means()
        self._row(task, scores)
        score = scores.get(task.monitor[0])
        is_best = score is not None and course.judge(score, scores)
        self._save(trainer, task)
        if is_best and self.run is not None:
            atomic.same_file(self.run.last, self.run.best)
        trainer.strategy.barrier("best")
        if course.is_phase_over() and course.has_next_phase():
            self._finetune(trainer, task)
        trainer.should_stop = course.is_over()
        now = time.monotonic()
        course.seconds += now - self._step_time
        self._step_time = self._row_time = now
        asked = self._agree(trainer, task, 0.0)
        if asked and not trainer.should_stop:
            raise Stopped(asked)

    def _finetune(self, trainer: lightning.Trainer, task: Task) -> None:
        """The second phase, from the best weights, with empty optimizers."""
        best = self.folder / "best.ckpt"
        if best.is_file():
            state = checkpoints.read(best)["state_dict"]
            task.load_state_dict(state)
            for callback in trainer.callbacks:  # type: ignore[attr-defined]
                if isinstance(callback, Averaging):
                    callback.restart(state)
        for optimizer in trainer.optimizers:
            optimizer.state.clear()
        task.course.begin_finetuning()
        log.info(
            "Fine-tuning from step %d, from the weights of step %d.", task.course.step, task.course.best_step
        )
        self._save(trainer, task)

    def _save(self, trainer: lightning.Trainer, task: Task) -> None:
        """Write last.ckpt, if the weights are worth it."""
        total = torch.stack([parameter.detach().float().sum() for parameter in task.parameters()]).sum()
        if not torch.isfinite(total):
            raise Diverged(task.course.step, "a weight of the network")
        if self.history is not None:
            self.history.sync()
        trainer.save_checkpoint(self.folder / "last.ckpt")
        if self.run is not None:
            course = task.course
            best = {"step": course.best_step, "name": task.monitor[0], "value": course.best}
            self.run.note(
                step=course.step,
                steps=course.last_step,
                phase=course.phase,
                seconds=round(course.seconds, 1),
                best=best,
                sentence=_whereabouts(course),
            )

    def _row(self, task: Task, scores: dict[str, float]) -> None:
        """One row, with the means over all processes since the last."""
        course, now = task.course, self._step_time  # not the time of the validation that comes before a row
        pictures = (course.step - self._row_step) * task.recipe.batch
        row = {
            "step": course.step,
            "epoch": round(course.step / course.epoch_steps, 4),
            "lr": self.rate,
            "seconds": round(course.seconds, 2),
            "images_per_second": round(pictures / max(now - self._row_time, 1e-9), 1),
        }
        row |= task.training_means() | scores
        self._row_step, self._row_time = course.step, now
        if self.history is not None:
            self.history.add(row)
        if self.progress is not None:
            self.progress.row(row)

    def _note_broken(self, task: Task, outputs: Any) -> None:
        """Remember on the device the first step whose loss was no number: asking for it would make a GPU wait."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        # A task that steps its optimizers itself returns no loss, but logs its losses.
        total = loss.detach() if isinstance(loss, torch.Tensor) else task.training_total()
        is_first = (self._broken < 0) & ~torch.isfinite(total.to(self._broken.device)).all()
        self._broken = torch.where(is_first, task.course.step + 1, self._broken)
        if self._broken.device.type == "cpu" and task.trainer.world_size == 1:
            self._check_loss(task)

    def _check_loss(self, task: Task) -> None:
        """Every process must call this at the same point."""
        broken = self._broken.clone()
        if task.trainer.world_size > 1:
            torch.distributed.all_reduce(broken, torch.distributed.ReduceOp.MAX)
        if int(broken) >= 0:
            raise Diverged(int(broken), "the loss")

    def _agree(self, trainer: lightning.Trainer, task: Task, seconds: float) -> int:
        """The signal that any process received, or 0; and one time for all, which the rate may depend on."""
        received = self.signals.received or 0
        if trainer.world_size > 1:
            both = torch.tensor([float(received), task.course.seconds + seconds], dtype=torch.float64)
            both = both.to(task.device)
            torch.distributed.all_reduce(both, torch.distributed.ReduceOp.MAX)
            received, task.course.seconds = int(both[0]), float(both[1])
        else:
            task.course.seconds += seconds
        return received


def step_seed(seed: int, step: int, rank: int) -> int:
    """A seed of 63 bits for one step of one process; neighbours have nothing in common."""
    digest = hashlib.blake2b(f"{seed} {step} {rank}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _task(module: lightning.LightningModule) -> Task:
    assert isinstance(module, Task)
    return module


def _whereabouts(course: Course) -> str:
    minutes = course.recipe.minutes
    if minutes is not None and course.seconds / 60 / minutes > course.step / course.last_step:
        return f"At step {course.step}, {course.seconds / 60:.1f} of {minutes:g} minutes."
    return f"At step {course.step} of {course.last_step}."
