"""Runs paint the same validation photos at each validation, and what they painted can be found."""

import io
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import checkpoint, lab
from tests import runs
from train import fit, sampling
from train.data import decode
from train.feed import validation_batches
from train.jobs import samples, series
from train.recipe import Recipe
from train.sampling import SIDE, _chosen, strip
from train.tasks.colorize import Colorize

Finished = tuple[Path, Recipe]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of twelve steps that has validated three times."""
    folder = tmp_path_factory.mktemp("samples")
    recipe = runs.recipe(folder)
    fit.fit(recipe, folder / "run")
    return folder / "run", recipe


def rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_each_validation_leaves_a_strip_of_four_photos(finished: Finished) -> None:
    found = samples.find(finished[0])
    assert found.steps == (4, 8, 12)
    assert found.truth is not None
    assert found.gray is not None
    for path in (found.truth, found.gray, *map(found.picture, found.steps)):
        assert rgb(path).shape == (32, 4 * 32, 3)
    assert found.picture(9).name == "step-0000008.webp", "the nearest one"
    assert rgb(found.picture(4)).tolist() != rgb(found.picture(12)).tolist(), "the network has learnt"


def test_a_painting_keeps_the_lightness_of_the_photos(finished: Finished) -> None:
    found = samples.find(finished[0])
    assert found.truth is not None
    assert found.gray is not None
    truth, gray = lab.rgb_to_lab(rgb(found.truth)), lab.rgb_to_lab(rgb(found.gray))
    painted = lab.rgb_to_lab(rgb(found.picture(12)))
    assert np.abs(gray[..., 1:]).max() < 3
    assert np.hypot(truth[..., 1], truth[..., 2]).mean() > 10
    for one in (truth, painted):
        assert np.abs(one[..., 0] - gray[..., 0]).mean() < 2.5  # WebP's


def test_the_last_strip_is_what_the_averaged_weights_paint(finished: Finished) -> None:
    run, recipe = finished
    pictures = _chosen(decode(recipe.validation[0], recipe.cache_size, recipe.cache), 4)
    batch = next(validation_batches(pictures, recipe.validation_size, 4))
    task = Colorize(recipe)
    loaded = checkpoint.load(str(run / "tiny.safetensors"))
    assert loaded.about["training"]["best_step"] == 12, "else another step's weights came out"
    task.network.load_state_dict(loaded.network.state_dict())
    task.eval()
    with torch.no_grad():
        ab = task.paint(batch).predicted
    ab = torch.nn.functional.interpolate(ab, batch["lab"].shape[-2:], mode="bilinear")
    wanted = np.asarray(Image.open(io.BytesIO(strip(torch.cat([batch["lab"][:, :1], ab], 1)))))
    shown = rgb(samples.find(run).picture(12))
    assert np.abs(shown.astype(int) - wanted).mean() < 0.3  # float16


def test_the_photos_are_of_different_groups(finished: Finished) -> None:
    recipe = finished[1]
    pictures = decode(recipe.validation[0], recipe.cache_size, recipe.cache)
    labels = pictures.labels["ethnicity"]
    labels[:] = [0] * 6 + [1, 0, 2, 2, 1, 3]
    chosen = _chosen(pictures, 4)
    assert sorted(chosen.labels["ethnicity"].tolist()) == [0, 1, 2, 3]
    assert (chosen.lab == _chosen(pictures, 4).lab).all()
    assert len(_chosen(pictures, 16)) == 12


def test_similarity_is_there_for_training_and_validation(finished: Finished) -> None:
    curves = series.read([finished[0]])
    for measure in ("loss", "psnr", "ssim"):
        assert [curve.split for curve in curves[measure]] == [series.TRAINING, series.VALIDATION]
    assert all(0 < value <= 1 for curve in curves["ssim"] for value in curve.values)


def test_resuming_forgets_what_was_painted_beyond_the_checkpoint(tmp_path: Path) -> None:
    fit.fit(runs.recipe(tmp_path, steps=4), tmp_path / "run")
    beyond = tmp_path / "run" / "samples" / samples.file_name(8)
    beyond.write_bytes(b"of a process that was killed")
    fit.fit(runs.recipe(tmp_path, steps=6), tmp_path / "run", resume=True)
    assert samples.find(tmp_path / "run").steps == (4, 6)
    fit.fit(runs.recipe(tmp_path, steps=8, samples=0), tmp_path / "run", resume=True)
    assert samples.find(tmp_path / "run").steps == (4, 6), "how many are painted may change on resuming"


def test_of_very_many_every_second_one_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST", 6)
    (tmp_path / samples.FOLDER).mkdir()
    for step in range(1, 8):
        (tmp_path / samples.FOLDER / samples.file_name(step)).write_bytes(strip(torch.zeros(1, 3, 32, 32)))
        sampling.thin(tmp_path)
        assert len(samples.find(tmp_path).steps) <= 6
    assert samples.find(tmp_path).steps == (1, 3, 5, 7)


def test_none_are_painted_by_a_classifier(tmp_path: Path) -> None:
    network = {"network": "ethnicity-classifier", "config": {"encoder": "test_resnet"}}
    fit.fit(runs.recipe(tmp_path, task="classify", steps=2, **network), tmp_path / "classifier")
    assert not (tmp_path / "classifier" / "samples").exists()
    assert samples.find(tmp_path / "classifier") == samples.Samples(tmp_path / "classifier" / "samples")


def test_a_run_goes_on_where_samples_cant_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "samples").write_text("a file in the folder's place")
    with caplog.at_level(logging.WARNING):
        weights = fit.fit(runs.recipe(tmp_path, steps=2), tmp_path / "run")
    assert weights.is_file()
    assert "Samples can't be written" in caplog.text


def test_large_pictures_are_shrunk_and_what_is_no_number_is_gray() -> None:
    planes = torch.full((16, 3, 1040, 1040), torch.nan)
    planes[:, 0] = 50
    shown = np.asarray(Image.open(io.BytesIO(strip(planes))))
    assert shown.shape == (SIDE, 16 * SIDE, 3)
    assert np.ptp(shown, axis=2).max() <= 2


def test_only_our_own_strips_are_found_and_shown(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    for name in ("step-12.webp", "step-0000007.png", "step-000001x.webp", ".step-0000005.webp.9.part"):
        (folder / name).write_bytes(b"")
    secret = tmp_path / "secret.webp"
    secret.write_bytes(strip(torch.zeros(1, 3, 32, 32)))
    (folder / "step-0000003.webp").symlink_to(secret)
    assert samples.find(tmp_path).steps == ()
    assert samples.as_uri(folder / "step-0000003.webp") == ""
    for step in range(0, 1000, 10):
        (folder / samples.file_name(step)).write_bytes(b"")
    thinned = samples.find(tmp_path, most=5)
    assert thinned.steps == (0, 240, 490, 740, 990)
    assert samples.as_uri(secret).startswith("data:image/webp;base64,UklGR")
    (folder / "step-0000000.webp").write_bytes(b"<script>")
    for path in (folder / "step-0000000.webp", folder / "gone.webp", None):
        assert samples.as_uri(path) == ""
