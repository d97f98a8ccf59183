"""Train one network from one recipe.

python -m train fit ethnicity-aware 'data=[{images: faces/images, labels: faces/train.csv}]' \
    'validation=[{images: faces/images, labels: faces/val.csv}]'
python -m train fit ethnicity-aware --out runs/mine --resume
python -m train fit ethnicity-aware devices=2 batch=256
python -m train fit literature/unet --install

What the run's folder holds is said in `train.run`. Exit code 0: weights were written; 1: a sentence says why not; 130
or 143: SIGINT or SIGTERM ended it, and --resume goes on.
"""

import argparse
import logging
import shlex
import signal
import sys
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from colorizer.errors import ModelError
from colorizer.networks.ethnicity_aware import INPUTS
from train import checkpoints, failures
from train.augment import Augmentation
from train.averaging import Averaging
from train.callbacks import Conductor
from train.checkpoints import WholeCheckpoints
from train.data import Pictures, count_shared, decode
from train.devices import check, cluster, is_first_process, precision, process_rank, together
from train.export import export
from train.failures import Diverged, Stopped
from train.feed import Feed, Validation, epoch_steps
from train.install import install
from train.recipe import Recipe, load
from train.run import Run
from train.sampling import Sampler
from train.signals import Signals, leave_to_parent
from train.storage import place
from train.tasks import TASKS, Task

log = logging.getLogger(__name__)


class Part(IterableDataset[dict[str, Tensor]]):
    """Every `world`-th of a validation source's batches, beginning with the `rank`-th."""

    def __init__(self, whole: Validation, rank: int, world: int) -> None:
        self.whole, self.rank, self.world = whole, rank, world

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return islice(iter(self.whole), self.rank, None, self.world)


def fit(recipe: Recipe, out: Path, resume: bool = False) -> Path:
    """Train in the folder OUT, and write the best weights to OUT/<name>.safetensors.

    Args:
        recipe: what to train, on what, and how.
        out: folder of the run; made if need be.
        resume: go on from OUT/last.ckpt if it is there.

    Returns:
        The weights' path.

    Raises:
        OptionError: the recipe's pictures can't be used, or the folder holds another run.
        ModelError: `start_from` doesn't fit the network, or a checkpoint is damaged.
        Diverged: a loss is no number any more.
        Stopped: a signal asked for the end; the checkpoint is written.
    """
    check(recipe)
    with Signals() as signals:
        run = Run.begin(out, recipe, resume) if is_first_process(recipe) else None
        if run is not None:
            signals.last_word = partial(_end_badly, run, Stopped(signal.SIGTERM))
        try:
            task = _train(recipe, out, run, signals, resume)
        except BaseException as error:
            if run is not None:
                _end_badly(run, error)
            raise
        course = task.course
        if run is not None:
            why = " (no better for a while)" if course.is_stagnant() else ""
            run.end(
                "finished",
                f"{course.step} steps{why} in {course.seconds / 60:.1f} min; {task.monitor[0]} {course.best:.4g} at "
                f"step {course.best_step}.",
            )
    return out / f"{recipe.name}.safetensors"


def _train(recipe: Recipe, out: Path, run: Run | None, signals: Signals, resume: bool) -> Task:
    """Everything between the folder's beginning and its end; the task as exported."""
    lightning.seed_everything(recipe.seed, verbose=False)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    last = out / "last.ckpt"
    state = checkpoints.read(last)["course"] if resume and last.is_file() else None
    task = TASKS[recipe.task](
        recipe
    )  # first, since decoding takes minutes and this may need what isn't there
    sources = [decode(source, recipe.cache_size, recipe.cache, recipe.seed) for source in recipe.data]
    held_out = [decode(source, recipe.cache_size, recipe.cache, recipe.seed) for source in recipe.validation]
    if run is not None:
        run.check_data(sources, held_out)
        if shared := count_shared(sources, held_out):
            log.warning(
                "%d of the validation pictures are also trained on, so scores will flatter; `python -m train prepare` "
                "splits pictures so that copies stay on one side.",
                shared,
            )
        run.about["validation_pictures_trained_on"] = shared
    task.learn_from(sources)
    task.check_validation(held_out[0])
    if recipe.start_from is not None and state is None:
        start_from(task.network, recipe.start_from)
    task.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    course = task.course
    course.epoch_steps = epoch_steps(sources, recipe)
    if state is not None:
        course.load_state_dict(state)
        if run is not None:
            checkpoints.restore_best(out, state)
    conductor = Conductor(run, out, recipe.validate_every or course.epoch_steps, signals)
    looks = [Sampler(out, held_out[0], recipe)] if run is not None and recipe.samples else []
    trainer = _trainer(recipe, out, task, [*looks, conductor])
    if run is not None:
        run.note(
            device=str(trainer.strategy.root_device), precision=trainer.precision, sentence="It has begun."
        )
    if course.is_over():
        log.info(
            "This run is over at step %d; more steps, epochs or patience would make it go on.", course.step
        )
    else:
        loaders = _loaders(recipe, task, sources, held_out, trainer)
        try:
            trainer.fit(task, *loaders, ckpt_path=last if state is not None else None, weights_only=True)
        finally:
            signals.is_training = False
            if conductor.progress is not None:
                conductor.progress.close()
    if run is not None:
        export(run, task, sources, held_out)
    return task


def _trainer(recipe: Recipe, out: Path, task: Task, callbacks: list[Callback]) -> lightning.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # its hints are not for who trains here
    is_gpu = torch.cuda.is_available()
    is_shared = recipe.devices * recipe.num_nodes > 1
    return lightning.Trainer(
        accelerator="auto",
        devices=recipe.devices,
        num_nodes=recipe.num_nodes,
        strategy=together() if is_shared else "auto",
        sync_batchnorm=is_gpu and is_shared,
        precision=precision(recipe.precision),  # type: ignore[arg-type]
        max_steps=-1,
        max_epochs=-1,
        val_check_interval=recipe.validate_every or task.course.epoch_steps,
        check_val_every_n_epoch=None,
        gradient_clip_val=recipe.optimizer.clip if task.automatic_optimization else None,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=out,
        callbacks=[*([Averaging(recipe.ema)] if recipe.ema else []), *callbacks],
        plugins=[WholeCheckpoints(), *cluster()],
    )


def _loaders(
    recipe: Recipe,
    task: Task,
    sources: list[Pictures],
    held_out: list[Pictures],
    trainer: lightning.Trainer,
) -> tuple[Any, Any]:
    """Training and validation batches of this process, from the step on at which the run stands."""
    rank, world = process_rank(recipe), recipe.devices * recipe.num_nodes
    device = trainer.strategy.root_device
    is_held = place(sources, device) == "device"
    task.augmentation = Augmentation(recipe, sources if is_held else None)
    training = DataLoader(
        Feed(sources, recipe, task.course.step, rank, world, rows_only=is_held),
        batch_size=None,
        num_workers=0 if is_held else recipe.workers,
        worker_init_fn=leave_to_parent,
        pin_memory=device.type == "cuda" and not is_held,
    )
    validation = [
        DataLoader(Part(Validation(source, recipe.validation_size), rank, world), batch_size=None)
        for source in held_out
    ]
    return training, validation


def start_from(network: nn.Module, path: Path) -> None:
    """Take all weights from a file of the same network, or the encoder's from a file of another one.

    Raises:
        ModelError: the file is missing, damaged, or has another encoder.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118  not a dict
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(
            f"start_from: {path} can't be read ({error}); give weights as safetensors."
        ) from error
    target = network
    if state.keys() != network.state_dict().keys():
        target = network.encoder  # type: ignore[assignment]
        state = {
            key.removeprefix("encoder."): value for key, value in state.items() if key.startswith("encoder.")
        }
    wanted = target.state_dict()
    state = {key: _with_inputs(value, wanted.get(key)) for key, value in state.items()}
    try:
        target.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"start_from: {path} does not fit this recipe's encoder; set `config.encoder` to the one that these "
            "weights were trained with."
        ) from error


def _with_inputs(weight: Tensor, wanted: Tensor | None) -> Tensor:
    """A first layer's weights for more or fewer input planes, gray being the first: what is new hears nothing yet."""
    if wanted is None or weight.ndim != 4 or weight.shape[1] == wanted.shape[1]:
        return weight
    if (weight.shape[0], *weight.shape[2:]) != (wanted.shape[0], *wanted.shape[2:]):
        return weight
    if {weight.shape[1], wanted.shape[1]} != {1, INPUTS}:
        return weight
    kept = torch.zeros(wanted.shape)
    planes = min(weight.shape[1], wanted.shape[1])
    kept[:, :planes] = weight[:, :planes]
    return kept


def _end_badly(run: Run, error: BaseException) -> None:
    """The run's last word when it did not come to its end."""
    if isinstance(error, (Stopped, KeyboardInterrupt)):
        run.end(
            "stopped", f"Stopped on request at step {run.about.get('step', 0)}; --resume goes on from there."
        )
        return
    run.traceback(error)
    run.end("failed", failures.sentence(error) or f"A bug: {type(error).__name__}: {error}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train fit`."""
    parser.add_argument("recipe", help="a YAML file, or the name of one in train/recipes")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="replace a value of the recipe")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/<name>)")
    parser.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    parser.add_argument(
        "--install",
        action="store_true",
        help="copy what comes out into the models folder, where the page finds it",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out `python -m train fit`; its exit code, as the module's head says."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    is_first = True
    try:
        recipe = load(args.recipe, args.overrides)
        is_first = is_first_process(recipe)
        if not is_first:
            logging.getLogger().setLevel(logging.WARNING)
        path = fit(recipe, args.out or Path("runs") / recipe.name, args.resume)
        if args.install and is_first:
            path = install(path)
    except (Stopped, KeyboardInterrupt) as error:
        number = error.signal if isinstance(error, Stopped) else signal.SIGINT
        if is_first:
            again = [word for word in sys.argv[1:] if word != "--resume"]
            print(
                f"train fit: stopped; go on with: python -m train {shlex.join(again)} --resume",
                file=sys.stderr,
            )
        # The other processes stopped because the first one was told to; their code would count as a crash.
        return 128 + number if is_first else 0
    except Exception as error:
        said = failures.sentence(error)
        if said is None:
            raise
        if is_first or not isinstance(error, Diverged):
            print(f"train fit: {said}", file=sys.stderr)
        return 1 if is_first or not isinstance(error, Diverged) else 0
    if is_first:
        print(path)
    return 0
