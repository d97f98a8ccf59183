"""Weights on disk: what is saved comes back, and what is no such file is refused with a sentence."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from colorizer import checkpoint, networks
from colorizer.errors import ModelError


@pytest.fixture
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return networks.build("ethnicity-aware", encoder="test_resnet", width=16, working_size=96).eval()


@pytest.fixture
def file(tmp_path: Path, network: torch.nn.Module) -> Path:
    path = tmp_path / "mine.safetensors"
    checkpoint.save(network, "ethnicity-aware", path, {"pictures": 7})
    return path


def test_what_is_saved_comes_back(file: Path, network: torch.nn.Module) -> None:
    loaded = checkpoint.load(file)
    assert loaded.name == checkpoint.load(str(file)).name == "mine"
    assert loaded.about["network"] == "ethnicity-aware"
    assert loaded.about["config"] == network.config
    assert loaded.about["training"] == {"pictures": 7}
    assert checkpoint.about(str(file)) == loaded.about
    assert not loaded.network.training
    for name, tensor in network.state_dict().items():
        back = loaded.network.state_dict()[name]
        assert back.dtype == tensor.dtype, "float16 on disk only"
        torch.testing.assert_close(back, tensor, rtol=1e-3, atol=1e-6)


def test_half_the_bytes_of_float32(file: Path, network: torch.nn.Module) -> None:
    values = sum(tensor.numel() for tensor in network.state_dict().values())
    assert 2 * values < file.stat().st_size < 2 * values + 20_000


def test_the_package_brings_a_colorizer_and_a_classifier() -> None:
    assert {"ethnicity-aware", "ethnicity-classifier"} <= set(checkpoint.available())
    assert checkpoint.load("default").name == "ethnicity-aware"
    for name in checkpoint.available():
        assert checkpoint.load(name).name == name


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    for name in ("ethnicity-awar", "nowhere/model.safetensors", ""):
        with pytest.raises(ModelError, match=r"there are ethnicity-aware, .*hf:user/name"):
            checkpoint.load(name)


def foreign(path: Path, about: object = None, tensors: dict[str, torch.Tensor] | None = None) -> str:
    """A safetensors file that says `about` of itself."""
    text = about if isinstance(about, str) else json.dumps(about)
    save_file(tensors or {"x": torch.zeros(3)}, path, metadata=None if about is None else {"rangin": text})
    return str(path)


def test_files_that_are_no_weights_of_rangin(tmp_path: Path, file: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    for content in (b"", b"hello", file.read_bytes()[:-1000], b"\xff" * 100, pickle.dumps({"x": 1})):
        damaged.write_bytes(content)
        with pytest.raises(ModelError, match="damaged"):
            checkpoint.load(str(damaged))
    with pytest.raises(ModelError, match="not of a Rangin model"):
        checkpoint.load(foreign(tmp_path / "foreign.safetensors"))
    header = b'{"__metadata__":null,"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    damaged.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ModelError, match="not of a Rangin model"):
        checkpoint.load(str(damaged))


@pytest.mark.parametrize(
    "about",
    [
        "no json",
        "[]",
        {},
        {"network": "ethnicity-aware"},
        {"network": "ethnicity-aware", "config": {"depth": 3}},
        {"network": "ethnicity-aware", "config": {"encoder": "no_such_encoder"}},
        {"network": "ethnicity-aware", "config": {"encoder": None}},
        {"network": "ethnicity-aware", "config": "big"},
        {"network": 3, "config": {}},
        "[" * 100_000,
        '{"network": "cnn", "config": {"working_size": ' + "1" * 5000 + "}}",
        {"network": "x" * 100_000, "config": {}},
        {"network": "ethnicity-aware", "config": {"encoder": "x\ud800\n" * 10_000}},
        {"network": "ethnicity-aware", "config": {"width": 10**9}},
        {"network": "ethnicity-aware", "config": {"width": "wide"}},
        {"network": "ethnicity-classifier", "config": {"size": 10**9}},
        {"network": "ethnicity-classifier", "config": {"crop_scale": 1e9}},
        {"network": "fusion-vgg19", "config": {"descriptor_size": 10**9}},
    ],
    ids=lambda about: str(about)[:40].strip(),
)
def test_weights_that_say_something_wrong_of_themselves(
    tmp_path: Path, about: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = torch.empty

    def small(*size: Any, **options: Any) -> torch.Tensor:
        made = empty(*size, **options)
        assert made.is_meta or made.numel() < 1e7, "a file's word alone takes no memory"
        return made

    monkeypatch.setattr(torch, "empty", small)
    with pytest.raises(ModelError) as refused:
        checkpoint.load(foreign(tmp_path / "wrong.safetensors", about))
    assert len(str(refused.value)) < 500, "it may be anyone's file, and what it says is shown"
    assert str(refused.value).isprintable()


def test_a_name_longer_than_a_file_s_can_be() -> None:
    for name in ("x" * 5000, "x" * 5000 + ".safetensors"):
        with pytest.raises(ModelError, match="There is no model"):
            checkpoint.load(name)


@pytest.mark.parametrize(
    "config", [{"pretrained": True}, {"encoder": "hf-hub:user/name"}, {"encoder": "local-dir:/etc"}]
)
def test_weights_may_not_fetch_other_files(tmp_path: Path, config: dict[str, object]) -> None:
    about = {"network": "ethnicity-aware", "config": config}
    with pytest.raises(ModelError, match="beyond their own"):
        checkpoint.load(foreign(tmp_path / "greedy.safetensors", about))


def test_weights_of_another_network_don_t_fit(tmp_path: Path, network: torch.nn.Module) -> None:
    about = {"network": "ethnicity-aware", "config": network.config}
    with pytest.raises(ModelError, match="don't fit"):
        checkpoint.load(foreign(tmp_path / "other.safetensors", about))
    missing = dict(network.state_dict())
    missing.pop("head.bias")
    with pytest.raises(ModelError, match=r"head\.bias"):
        checkpoint.load(foreign(tmp_path / "missing.safetensors", about, missing))


def test_a_hub_name_of_nonsense_needs_no_network() -> None:
    with pytest.raises(ModelError, match="could not be fetched"):
        checkpoint.load("hf:../../etc/passwd")


def test_weights_loaded_again_are_those_that_lie_there_now(
    models_folder: Path, network: torch.nn.Module
) -> None:
    path = models_folder / "mine.safetensors"
    for bias in (1.0, 2.0):
        torch.nn.init.constant_(network.head.bias, bias)
        checkpoint.save(network, "ethnicity-aware", path, {"bias": bias})
        loaded = checkpoint.load("mine")
        assert loaded.about["training"] == {"bias": bias}
        assert loaded.network.head.bias.unique().tolist() == [bias]


def test_a_loaded_network_does_not_need_its_file(models_folder: Path, network: torch.nn.Module) -> None:
    path = models_folder / "mine.safetensors"
    checkpoint.save(network, "ethnicity-aware", path)
    loaded = checkpoint.load("mine").network
    with path.open("r+b") as file:  # as `cp` overwrites: had it been mapped, this would end the process
        file.truncate(0)
    lightness = torch.full((1, 1, 32, 32), 50.0)
    assert loaded(lightness, torch.zeros(1, 6, 8, 8)).isfinite().all()
    path.unlink()
    assert loaded(lightness, torch.zeros(1, 6, 8, 8)).isfinite().all()


def test_weights_that_disappear_while_they_are_loaded(
    models_folder: Path, network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = models_folder / "mine.safetensors"
    checkpoint.save(network, "ethnicity-aware", path)
    look_up = checkpoint.look_up

    def and_gone(name: str) -> tuple[Path, str]:
        found = look_up(name)
        path.unlink()
        return found

    monkeypatch.setattr(checkpoint, "look_up", and_gone)
    with pytest.raises(ModelError, match=r"mine\.safetensors have been taken away"):
        checkpoint.load("mine")
    monkeypatch.undo()
    with pytest.raises(ModelError, match="There is no model 'mine'; there are"):
        checkpoint.load("mine")


def test_weights_that_must_not_be_read(models_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (models_folder / "mine.safetensors").write_bytes(b"secret")

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(
        ModelError, match=r"^The weights mine\.safetensors can't be read: Permission denied\.$"
    ):
        checkpoint.load("mine")


def test_what_is_loaded_fast_is_what_is_loaded_slowly(file: Path, network: torch.nn.Module) -> None:
    """Without drawing first numbers, and in the types that the network is built with."""
    state = {
        key: value.half() if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    slow = networks.build("ethnicity-aware", **network.config)
    slow.load_state_dict(state)
    fast = checkpoint.load(file).network
    assert fast.state_dict().keys() == slow.state_dict().keys()
    for name, tensor in slow.state_dict().items():
        torch.testing.assert_close(fast.state_dict()[name], tensor, rtol=0, atol=0)
    assert all(parameter.requires_grad for parameter in fast.parameters())
    assert not any(value.is_meta for value in (*fast.parameters(), *fast.buffers()))


def test_a_network_with_numbers_that_its_weights_do_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(torch.nn.Module):
        """Has a table beside its weights, and needs a number to be built."""

        def __init__(self, working_size: int = 64, needs_numbers: bool = False) -> None:
            super().__init__()
            self.config = {"working_size": working_size, "needs_numbers": needs_numbers}
            self.layer = torch.nn.Conv2d(1, 2, 1)
            self.register_buffer("table", torch.arange(3.0), persistent=False)
            self.plain = torch.arange(4.0)
            if needs_numbers:
                self.number = self.table.sum().item()

    monkeypatch.setitem(networks._BUILDERS, "odd", Odd)
    for needs_numbers in (False, True):
        network = Odd(needs_numbers=needs_numbers)
        checkpoint.save(network, "odd", tmp_path / "odd.safetensors")
        loaded = checkpoint.load(tmp_path / "odd.safetensors").network
        assert loaded.table.tolist() == [0, 1, 2]
        assert loaded.plain.tolist() == [0, 1, 2, 3]
        torch.testing.assert_close(loaded.layer.weight, network.layer.weight, rtol=1e-3, atol=1e-3)
        assert checkpoint.check(tmp_path / "odd.safetensors")[1].parameters == 4
