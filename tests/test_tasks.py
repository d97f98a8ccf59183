"""Every task learns eight photos by heart, says what it should, and teaches only what it should."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from colorizer import bins
from colorizer.errors import OptionError
from tests import learning
from tests.learning import BINS, CLASSIFIER, COLORIZER, build, eight_photos, learn, validate
from train.data import UNKNOWN
from train.tasks.colorize import Painted
from train.tasks.losses import psnr

BATCH = eight_photos()
GRAY = psnr(BATCH["lab"][:, :1], torch.zeros(8, 2, 48, 48), BATCH["lab"][:, 1:]).item()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["picture-psnr", "l1", "l2", "smooth-l1"])
def test_regression_learns_eight_photos_by_every_loss(kind: str) -> None:
    task = build("colorize", COLORIZER, loss={"kind": kind})
    learn(task, [BATCH], 45)
    scores = validate(task, [BATCH])
    assert scores.keys() == {"val/loss", "val/psnr", "val/ssim"}
    assert scores["val/psnr"] > GRAY + 5
    assert scores["val/ssim"] > 0.9


def test_the_distribution_learns_eight_photos() -> None:
    task = build("distribution", BINS)
    learn(task, [BATCH], 45)
    scores = validate(task, [BATCH])
    assert scores["val/psnr"] > GRAY + 5
    # `forward` is what the pipeline calls: it gives the annealed mean.
    task.eval()
    with torch.no_grad():
        ab = task.network(BATCH["seen"], BATCH["groups"])
        logits, _ = task.network.predict_logits(BATCH["seen"], BATCH["groups"])
    assert ab.shape == (8, 2, 12, 12)
    torch.testing.assert_close(ab, bins.decode(logits))


def test_the_classifier_learns_eight_photos_and_reports_balanced_accuracy() -> None:
    task = build("classify", CLASSIFIER, loss={"label_smoothing": 0.05})
    learn(task, [BATCH], 60)
    scores = validate(task, [BATCH])
    assert scores["val/accuracy"] >= 7 / 8  # the majority's share is 2 / 8
    assert scores["val/loss"] < 1
    recalls = [score for name, score in scores.items() if name.startswith("val/recall_")]
    assert len(recalls) == 6
    assert scores["val/balanced_accuracy"] == pytest.approx(np.mean(recalls))


def test_balanced_accuracy_is_the_mean_over_groups_of_all_batches() -> None:
    task = build("classify", CLASSIFIER)
    always_first = torch.tensor([1.0, 0, 0, 0, 0, 0])
    task.network.probabilities = lambda lightness: always_first.expand(len(lightness), 6)  # type: ignore[method-assign]
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 0, 1])
    scores = validate(task, [BATCH | {"ethnicity": labels}, BATCH | {"ethnicity": torch.full((8,), 2)}])
    assert scores["val/accuracy"] == pytest.approx(7 / 16)
    assert scores["val/balanced_accuracy"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("task", "network"), [("colorize", COLORIZER), ("distribution", BINS), ("classify", CLASSIFIER)]
)
def test_attributes_are_learnt_beside(task: str, network: dict[str, Any]) -> None:
    built = build(task, network, loss={"attributes": 0.5})
    first = learn(built, [BATCH], 1)
    learn(built, [BATCH], 30)
    last = learn(built, [BATCH], 1)
    for name in ("race7", "age", "gender"):
        assert last[f"train/{name}"] < first[f"train/{name}"]
    if task != "classify":
        assert validate(built, [BATCH])["val/race7_accuracy"] > 2 / 8


@pytest.mark.parametrize("task", ["colorize", "classify"])
def test_a_batch_without_labels_leaves_every_number_finite_and_every_parameter_used(task: str) -> None:
    names = ("ethnicity", "race7", "age", "gender")
    unlabelled = BATCH | {name: torch.full((8,), UNKNOWN) for name in names}
    unlabelled["face"] = unlabelled["is_skin"] = torch.zeros_like(BATCH["face"])
    loss = {"attributes": 0.5} | (
        {"skin": 0.1, "chances": 0.1, "skin_map": 0.1} if task == "colorize" else {"class_balance": "weights"}
    )
    built = build(task, COLORIZER if task == "colorize" else CLASSIFIER, loss=loss)
    built.training_step(unlabelled, 0).backward()
    for name, parameter in built.named_parameters():
        # Without a gradient at all, several processes would wait for each other for ever.
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert all(np.isfinite(value) for value in built.training_means().values())
    assert all(np.isfinite(value) for value in validate(built, [unlabelled]).values())


def test_parts_of_the_loss_add_up() -> None:
    task = build("colorize", COLORIZER, loss={"skin": 0.1, "attributes": 0.5}).eval()
    loss = task.training_step(BATCH, 0).item()
    means = task.training_means()
    parts = means["train/color"] + 0.1 * means["train/skin"]
    parts += 0.5 * (means["train/race7"] + 0.5 * means["train/age"] + 0.5 * means["train/gender"])
    assert loss == pytest.approx(parts, rel=1e-5)
    assert means["train/loss"] == pytest.approx(loss, rel=1e-6)
    assert means["train/psnr"] > 5


def test_the_input_is_what_is_seen_and_the_truth_stays_the_truth() -> None:
    task = build("colorize", COLORIZER).eval()
    plain = task.training_step(BATCH, 0).item()
    faded = task.training_step(BATCH | {"seen": 0.5 * BATCH["seen"]}, 0).item()
    assert plain != faded
    scores = validate(task, [BATCH | {"seen": 0.5 * BATCH["seen"]}])
    task.network.forward = task.network.predict = lambda *_: (torch.zeros(8, 2, 12, 12), None)  # type: ignore[method-assign]
    gray = validate(task, [BATCH | {"seen": 0.5 * BATCH["seen"]}])
    assert gray["val/psnr"] == pytest.approx(GRAY, abs=1e-3)
    assert scores["val/psnr"] != gray["val/psnr"]


def test_frozen_and_passing_things_are_no_part_of_what_is_saved() -> None:
    task = build("colorize", COLORIZER)
    names = {name.split(".")[0] for name in task.state_dict()}
    assert names == {"network"}
    with_heads = build("colorize", COLORIZER, loss={"attributes": 1})
    assert {name.split(".")[0] for name in with_heads.state_dict()} == {"network", "attributes"}


def test_a_network_that_does_not_fit_is_refused_with_the_mend() -> None:
    with pytest.raises(OptionError, match=r"config\.bins"):
        build("distribution", COLORIZER)


def pictures(ab: tuple[int, int], labels: list[int], share: float) -> Any:
    """Coded Lab pictures of one colour, as a decoded source."""
    lab = np.zeros((len(labels), 8, 8, 3), np.uint8)
    lab[..., 1:] = np.array(ab) + 128
    return SimpleNamespace(lab=lab, labels={"ethnicity": np.array(labels)}, share=share)


def test_bins_are_rebalanced_by_the_training_pictures_and_keep_that_with_the_run() -> None:
    task = build("distribution", BINS)
    assert (task.rarity == 1).all()
    task.learn_from([pictures((10, 20), [0] * 3, 0.75), pictures((-30, -40), [0] * 9, 0.25)])
    at = task.rarity[[bins.CENTERS.tolist().index(center) for center in ([10, 20], [-30, -40], [60, 60])]]
    assert at[0] < at[1] < at[2]
    counts = torch.zeros(313)
    counts[bins.CENTERS.tolist().index([10, 20])] = 0.75
    counts[bins.CENTERS.tolist().index([-30, -40])] = 0.25
    torch.testing.assert_close(task.rarity, bins.rebalancing(counts, 0.5))
    assert "rarity" in task.state_dict()


def test_groups_are_balanced_by_the_training_pictures_where_asked() -> None:
    sources = [pictures((0, 0), [0, 0, 0, 1, UNKNOWN], 1.0), pictures((0, 0), [2], 0.2)]
    task = build("classify", CLASSIFIER, loss={"class_balance": "weights"})
    task.learn_from(sources)
    # Per batch 0.6 of the first group and 0.2 of the others: 1 / 0.6, 1 / 0.2, 1 / 0.2, and 1 on average.
    torch.testing.assert_close(task.rarity[:3], torch.tensor([5 / 9, 5 / 3, 5 / 3]))
    assert (task.rarity[3:] == 0).all()
    plain = build("classify", CLASSIFIER)
    plain.learn_from(sources)
    assert (plain.rarity == 1).all()


@pytest.mark.slow
def test_bf16_training_stays_finite_and_learns() -> None:
    for name, network in (("colorize", COLORIZER), ("distribution", BINS), ("classify", CLASSIFIER)):
        task = build(name, network)
        first = learn(task, [BATCH], 1, precision="bf16-mixed")["train/loss"]
        learn(task, [BATCH], 12, precision="bf16-mixed")
        assert learn(task, [BATCH], 1, precision="bf16-mixed")["train/loss"] < first, name


@pytest.mark.parametrize(("task", "network"), [("colorize", COLORIZER), ("distribution", BINS)])
def test_scores_of_a_bf16_network_are_measured_in_float32(task: str, network: dict[str, Any]) -> None:
    built = build(task, network)
    learn(built, [BATCH], 20)
    plain = validate(built, [BATCH])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = validate(built, [BATCH])
        # The measure itself: a painting that is right has no error but the shrinking's, in whatever precision.
        ab = torch.nn.functional.avg_pool2d(BATCH["lab"][:, 1:], 4)
        built.paint = lambda *_: Painted(ab)  # type: ignore[method-assign]
        built.as_ab = lambda predicted: predicted  # type: ignore[method-assign]
        built.color_error = lambda *_: torch.zeros(())  # type: ignore[method-assign]
        best = validate(built, [BATCH])
    assert mixed["val/psnr"] == pytest.approx(plain["val/psnr"], abs=0.1)
    with torch.autocast("cpu", enabled=False):
        assert validate(built, [BATCH]) == best


def test_every_task_of_a_recipe_is_there() -> None:
    from train.recipe import Recipe

    assert set(learning.TASKS) == set(Recipe.model_fields["task"].annotation.__args__)  # type: ignore[union-attr]
