"""Which model is the default, and a page that takes over another one while it runs."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer import checkpoint, networks, photo, pointer, service
from colorizer.desk import Desk
from colorizer.errors import ModelError
from colorizer.settings import get_settings


def save(folder: Path, name: str, shade: float = 0.3) -> Path:
    """A tiny model that tints everything."""
    network = networks.build("cnn", working_size=64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        list(network.parameters())[-1].copy_(torch.tensor([shade, -shade]))
    path = folder / f"{name}.safetensors"
    checkpoint.save(network, "cnn", path, {})
    return path


@pytest.fixture
def desk(models_folder: Path, tmp_path: Path) -> Desk:
    """Of a page that has loaded its model already."""
    desk = Desk(tmp_path / "files", get_settings())
    desk.warm()
    return desk


def painted_by(desk: Desk, picture: bytes) -> str:
    return str(photo.provenance(desk.open(picture).after)["model"])


@pytest.fixture
def picture(camera: np.ndarray) -> bytes:
    return photo.encode(np.repeat(camera[::4, ::4, None], 3, axis=2), "PNG", model="x")


def test_the_default_is_what_the_pointer_names(models_folder: Path) -> None:
    assert checkpoint.find("default").stem == checkpoint.DEFAULT
    path = save(models_folder, "mine")
    pointer.write(models_folder, "mine")
    assert checkpoint.look_up("default") == (path, "")
    assert checkpoint.load("default").name == "mine"
    assert checkpoint.find(checkpoint.DEFAULT).stem == checkpoint.DEFAULT, (
        "by its own name it stays what it is"
    )
    pointer.write(models_folder, "")
    assert pointer.read(models_folder) == ""
    assert checkpoint.find("default").stem == checkpoint.DEFAULT


def test_a_package_model_may_be_named_too(models_folder: Path) -> None:
    pointer.write(models_folder, checkpoint.DEFAULT)
    assert checkpoint.look_up("default") == (checkpoint.FOLDER / f"{checkpoint.DEFAULT}.safetensors", "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nobody", "no model 'nobody'"),
        (b"ethnicity-classifier", "no colorizer"),
        (b"broken", "damaged"),
        (b"default", "no model's name"),
        (b"../../../etc/passwd", "no model's name"),
        (b"hf:somebody/model", "no model's name"),
        (b"mine\nyours", "no model's name"),
        (b"\xff\xfe\x00", "no model's name"),
        (b"x" * 10_000, "no model's name|no model 'x"),
    ],
)
def test_an_unusable_pointer_is_passed_over_and_said(
    models_folder: Path, content: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    save(models_folder, "mine")
    (models_folder / "broken.safetensors").write_bytes(b"\0" * 100)
    (models_folder / pointer.FILE).write_bytes(content)
    path, problem = checkpoint.look_up("default")
    assert path == checkpoint.FOLDER / f"{checkpoint.DEFAULT}.safetensors"
    with pytest.raises(ModelError, match=reason):
        raise ModelError(problem)
    checkpoint._warn_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load("default").name == checkpoint.DEFAULT
    assert "Until then the package's" in caplog.text
    assert len(caplog.text) < 1000


def test_a_pointer_that_is_a_folder_is_passed_over(models_folder: Path) -> None:
    (models_folder / pointer.FILE).mkdir()
    path, problem = checkpoint.look_up("default")
    assert path.stem == checkpoint.DEFAULT
    assert problem


def test_a_page_uses_a_new_default_at_the_next_photo(desk: Desk, models_folder: Path, picture: bytes) -> None:
    detector = desk.colorizer.detector
    assert painted_by(desk, picture) == checkpoint.DEFAULT
    save(models_folder, "mine")
    assert painted_by(desk, picture) == checkpoint.DEFAULT, "being there is not being the default"
    pointer.write(models_folder, "mine")
    assert painted_by(desk, picture) == "mine"
    assert desk.colorizer.detector is detector, "what has not changed is not loaded again"
    same = desk.colorizer
    assert painted_by(desk, picture) == "mine"
    assert desk.colorizer is same
    pointer.write(models_folder, "")
    path, _ = service.colorize(desk, _file(desk, picture))
    assert photo.provenance(path)["model"] == checkpoint.DEFAULT


def test_a_model_trained_anew_under_its_name_is_read_anew(
    desk: Desk, models_folder: Path, picture: bytes
) -> None:
    save(models_folder, "mine", 0.3)
    pointer.write(models_folder, "mine")
    first = photo.read(desk.open(picture).after).rgb
    save(models_folder, "mine", -0.3)
    second = photo.read(desk.open(picture).after).rgb
    assert np.abs(first.astype(int) - second).mean() > 5


def test_a_page_keeps_its_model_where_the_new_one_cant_be_loaded(
    desk: Desk, models_folder: Path, picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(models_folder, "mine")
    pointer.write(models_folder, "mine")
    assert painted_by(desk, picture) == "mine"
    content = bytearray(path.read_bytes())
    content[-4000:] = b"\xff" * 4000  # float16's NaN
    path.write_bytes(content)
    with caplog.at_level(logging.ERROR):
        assert painted_by(desk, picture) == "mine"
        assert painted_by(desk, picture) == "mine"
    assert caplog.text.count("keeps the model") == 1
    pointer.write(models_folder, "nobody")
    assert painted_by(desk, picture) == checkpoint.DEFAULT


def test_a_page_takes_over_another_classifier(desk: Desk, models_folder: Path, picture: bytes) -> None:
    before = desk.colorizer.classifier
    network = networks.build("ethnicity-classifier", encoder="test_resnet", pretrained=False)
    checkpoint.save(network, "ethnicity-classifier", models_folder / "ethnicity-classifier.safetensors", {})
    desk.open(picture)
    assert desk.colorizer.classifier is not before
    assert desk.colorizer.classifier.network.config["encoder"] == "test_resnet"


def test_comparing_by_command_calls_the_new_default_its_own(
    models_folder: Path, picture: bytes, tmp_path: Path
) -> None:
    from colorizer.__main__ import main

    save(models_folder, "mine")
    pointer.write(models_folder, "mine")
    (tmp_path / "photo.png").write_bytes(picture)
    out = tmp_path / "sheet.png"
    assert main(["compare", str(tmp_path / "photo.png"), "--models", "default", "--out", str(out)]) == 0
    assert "mine" in str(photo.provenance(out)["model"])


def _file(desk: Desk, picture: bytes) -> Path:
    path = desk.folder / "given.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)
    return path
