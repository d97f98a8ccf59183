"""Weights that authors released, from a server of our own: what fits goes in whole, what doesn't leaves nothing."""

import hashlib
import io
import os
import pickle
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from colorizer import bins, catalog, checkpoint, fetch, hollow, networks
from colorizer.__main__ import main
from colorizer.errors import ModelError, OptionError
from colorizer.networks import zhang_eccv16
from colorizer.settings import get_settings

Release = dict[str, Any]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of further models, not there yet."""
    monkeypatch.setenv("RANGIN_MODELS", str(tmp_path / "models"))
    get_settings.cache_clear()
    yield tmp_path / "models"
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The network with a twentieth of its weights, so that files are saved and sent quickly."""
    blocks = tuple((16, *block[1:]) for block in zhang_eccv16.BLOCKS)
    monkeypatch.setattr(zhang_eccv16, "BLOCKS", blocks)
    hollow._outline.cache_clear()
    yield
    hollow._outline.cache_clear()


@pytest.fixture
def release() -> Release:
    """What the authors' file holds, with numbers of our own: its names, its shapes, the bins' centres over 110."""
    torch.manual_seed(0)
    state = networks.build("zhang-eccv16").state_dict()
    del state["model1.4.num_batches_tracked"]  # files of old PyTorch don't have these
    return {**state, "model_out.weight": (bins.CENTERS.T / 110)[:, :, None, None].clone()}


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that offers bytes, or an object as torch saves it, at the address that `fetch` asks."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def offer(content: Any, digest: str | None = None) -> None:
        if not isinstance(content, bytes):
            file = io.BytesIO()
            torch.save(content, file)
            content = file.getvalue()
        name = f"release-{digest or hashlib.sha256(content).hexdigest()[:8]}.pth"
        (folder / name).write_bytes(content)
        monkeypatch.setattr(fetch, "URL", f"http://127.0.0.1:{server.server_address[1]}/{name}")

    yield offer
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_address_is_the_authors_own() -> None:
    assert fetch.URL.startswith(
        "https://colorizers.s3.us-east-2.amazonaws.com/colorization_release_v2-9b330a0b.pth"
    )


def test_a_release_becomes_a_model_that_paints_as_it_did(
    models: Path, serve: Callable[..., None], release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(release)
    assert main(["fetch", "zhang-eccv16"]) == 0
    assert f"written to {models / 'zhang-eccv16.safetensors'}" in capsys.readouterr().out
    assert sorted(path.name for path in models.iterdir()) == ["zhang-eccv16.md", "zhang-eccv16.safetensors"]
    loaded = checkpoint.load("zhang-eccv16")
    assert loaded.about["config"] == {"working_size": 256, "temperature": 1.0}
    assert (models / "zhang-eccv16.safetensors").stat().st_size < sum(
        2 * value.numel() + 500 for value in release.values()
    )

    # As the release computes: the softmax of the last layer through `model_out`, times 110.
    network = networks.build("zhang-eccv16")
    network.load_state_dict(
        {key: value for key, value in release.items() if key != "model_out.weight"}, False
    )
    lightness = 100 * torch.rand(1, 1, 48, 32)
    with torch.inference_mode():
        logits, _ = network.eval().predict_logits(lightness)
        theirs = 110 * torch.conv2d(logits.softmax(1), release["model_out.weight"])
        torch.testing.assert_close(loaded.network(lightness), theirs, atol=0.05, rtol=0)

    (entry,) = [entry for entry in catalog.entries() if entry.name == "zhang-eccv16"]
    assert (entry.is_trained, entry.start) == (True, "authors' weights")
    assert "ImageNet" in entry.budget
    assert "Zhang, Isola and Efros 2016" in entry.card


def test_numbers_beyond_float16_are_kept(models: Path, serve: Callable[..., None], release: Release) -> None:
    serve(release | {"model3.6.running_var": torch.full((16,), 1e6)})
    with safe_open(fetch.fetch("zhang-eccv16"), framework="pt") as file:
        assert file.get_tensor("model3.6.running_var").eq(1e6).all()
    assert checkpoint.load("zhang-eccv16").network.model3[6].running_var.eq(1e6).all()


def test_an_earlier_model_is_replaced_only_by_a_whole_one(
    models: Path, serve: Callable[..., None], release: Release
) -> None:
    models.mkdir()
    old = models / "zhang-eccv16.safetensors"
    old.write_bytes(b"the old one")
    serve(release, digest="00000000")
    with pytest.raises(ModelError, match="SHA-256"):
        fetch.fetch("zhang-eccv16")
    assert old.read_bytes() == b"the old one"
    assert list(models.iterdir()) == [old]
    serve(release)
    fetch.fetch("zhang-eccv16")
    assert old.stat().st_size > 1e6


class _Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


def test_what_is_no_such_release_leaves_nothing(
    models: Path, tmp_path: Path, serve: Callable[..., None], release: Release
) -> None:
    trap = _Trap(tmp_path / "sprung")
    centers = release["model_out.weight"]
    cases: dict[str, Any] = {
        "can't be read as tensors": release | {"model1.0.bias": trap},
        "as tensors ": pickle.dumps(trap),
        "as tensors": b"<html>Please sign in to this network</html>",
        "read as tensors": b"",
        "something else": [1, 2, 3],
        "than tensors by name": release | {"model1.0.bias": "zero"},
        "no centres": {key: value for key, value in release.items() if key != "model_out.weight"},
        "centres of 313": release | {"model_out.weight": centers[:, :-1]},
        "not at the centres": release | {"model_out.weight": centers.flip(1)},
        "not at the": release | {"model_out.weight": centers * float("nan")},
        "layers": release | {"model1.0.weight": torch.zeros(16, 3, 3, 3)},
        "its layers": {key: value for key, value in release.items() if key != "model8.0.bias"},
        "not those of": release | {"model9.0.bias": torch.zeros(3)},
        "are none": release | {"model1.0.bias": torch.full((16,), float("inf"))},
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../escaped.pth", "x")
    cases["it can't be read"] = archive.getvalue()
    for words, content in cases.items():
        serve(content)
        with pytest.raises(ModelError, match=words.strip()) as caught:
            fetch.fetch("zhang-eccv16")
        assert "\n" not in str(caught.value)
        assert not list(models.iterdir()), words
    assert not (tmp_path / "sprung").exists()


def test_without_a_network_a_sentence_at_once(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert main(["fetch", "zhang-eccv16"]) == 2
    error = capsys.readouterr().err
    assert "error: The authors' weights could not be downloaded from https://colorizers" in error
    assert "connect to the internet" in error
    assert "Traceback" not in error
    assert not list(models.iterdir())


def test_a_server_that_stalls_is_given_up(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorizer.networks.borrowed._STALLED", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
        monkeypatch.setattr(fetch, "URL", f"http://127.0.0.1:{silent.getsockname()[1]}/release-00000000.pth")
        with pytest.raises(ModelError, match="could not be downloaded"):
            fetch.fetch("zhang-eccv16")
    assert socket.getdefaulttimeout() is None


def test_other_names_and_folders_that_can_t_be_made(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="of zhang-eccv16 only, not of 'unet'"):
        fetch.fetch("unet")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RANGIN_MODELS", str(tmp_path / "file" / "models"))
    get_settings.cache_clear()
    with pytest.raises(OptionError, match="can't be made"):
        fetch.fetch("zhang-eccv16")
