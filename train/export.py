"""What comes out of a run: the best weights as safetensors, their notes inside, and their card beside them."""

import json

from colorizer import checkpoint
from train import atomic, checkpoints
from train.card import card, class_baselines, color_baselines, tint
from train.data import Pictures
from train.failures import Diverged
from train.feed import Validation
from train.machine import describe
from train.pictures import short_name
from train.run import Run, commit, versions
from train.tasks import Task


def export(run: Run, task: Task, sources: list[Pictures], held_out: list[Pictures]) -> None:
    """Write the best weights of a run and their card.

    Args:
        run: the folder.
        task: as it was trained; it has the best weights afterwards.
        sources: training pictures.
        held_out: validation pictures; the first of them measure the baselines.

    Raises:
        Diverged: no validation ever gave a number.
    """
    recipe, course = run.recipe, task.course
    if not run.best.is_file():
        raise Diverged(course.step, "the validation score")
    task.load_state_dict(checkpoints.read(run.best)["state_dict"])
    if task.network_kind == "colorizer":
        baselines = color_baselines(Validation(held_out[0], recipe.validation_size), tint(sources))
    else:
        baselines = class_baselines(held_out[0])
    # Paths must not travel with weights.
    private = {"loss": {"perceptual_trunk"}} | dict.fromkeys(
        ("data", "validation", "cache", "start_from"), True
    )
    training = {
        "recipe": json.loads(recipe.model_dump_json(exclude=private)),
        "pictures": {
            short_name(spec.images): len(source) for spec, source in zip(recipe.data, sources, strict=True)
        },
        "start_from": recipe.start_from.stem if recipe.start_from else None,
        "steps": course.step,
        "best_step": course.best_step,
        "minutes": round(course.seconds / 60, 1),
        "commit": commit(),
        "versions": versions(),
        "machine": describe(),
        "scores": {name: round(value, 4) for name, value in course.scores.items()},
        "baselines": baselines,
    }
    with atomic.replacing(run.weights) as part:
        checkpoint.save(task.network, recipe.network, part, training)
        part.chmod(0o644)  # as the rest of the folder usually is; safetensors hides its files from others
    parameters = sum(parameter.numel() for parameter in task.network.parameters())
    text = card(recipe, task.network_kind, training, parameters, run.weights.stat().st_size)
    atomic.write(run.weights.with_suffix(".md"), text)
    run.note(
        step=course.step, scores=training["scores"], baselines=baselines, seconds=round(course.seconds, 1)
    )
