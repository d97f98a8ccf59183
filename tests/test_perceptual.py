"""colorizer.perceptual: LPIPS where its weights are, and a sentence saying how to get them where they are not."""

from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer import metrics, perceptual


@pytest.fixture
def checkpoints(tmp_path, monkeypatch) -> Path:
    """An empty cache of torchvision's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(perceptual, "_loaded", {})
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def trunk(checkpoints) -> dict[str, torch.Tensor]:
    """AlexNet's convolutions with random numbers, in the file where torchvision would put the trained ones."""
    torch.manual_seed(0)
    shapes = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
    state = {}
    for index, (out, into, size) in shapes.items():
        state[f"features.{index}.weight"] = torch.randn(out, into, size, size) / (into * size**2) ** 0.5
        state[f"features.{index}.bias"] = torch.randn(out) / 10
    torch.save(state, checkpoints / perceptual.TRUNK)
    return state


def pictures() -> tuple[np.ndarray, np.ndarray]:
    true, noise = np.random.default_rng(0).integers(0, 200, (2, 64, 64, 3))
    return true.astype(np.uint8), (true + noise // 4).astype(np.uint8)


def test_without_weights_there_is_a_reason_and_a_command(checkpoints, astronaut):
    found = metrics.compare(astronaut, astronaut)
    assert found.lpips is None
    assert "AlexNet" in found.lpips_reason
    assert 'python -c "import torchvision' in found.lpips_reason
    assert not list(checkpoints.iterdir())  # nothing was downloaded


def test_where_it_is_not_asked_for_that_is_the_reason(trunk, astronaut):
    found = metrics.compare(astronaut, astronaut, lpips=False)
    assert found.lpips is None
    assert "not asked" in found.lpips_reason


def test_with_weights_it_is_calculated(trunk):
    true, noisy = pictures()
    same, reason = perceptual.lpips_distance(true, true)
    assert same == 0
    assert reason is None
    distance, _ = perceptual.lpips_distance(noisy, true)
    assert distance > 0.001
    found = metrics.compare(noisy, true)
    assert found.lpips > 0.001
    assert found.lpips_reason is None


def test_it_is_the_sum_over_layers_that_the_paper_defines(trunk):
    import lpips

    true, noisy = pictures()
    file = Path(lpips.__file__).parent / "weights" / "v0.1" / "alex.pth"
    weights = torch.load(file, map_location="cpu", weights_only=True)
    # ImageNet's mean and spread for pictures in [-1, 1], as the paper's code rounds them.
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    strides, pads, pooled = {0: 4}, {0: 2, 3: 2}, {3, 6}
    outputs = []
    for rgb in (noisy, true):
        planes = (torch.from_numpy(rgb).float() / 127.5 - 1 - shift) / scale
        planes, layers = planes.permute(2, 0, 1)[None], []
        for index in (0, 3, 6, 8, 10):
            if index in pooled:
                planes = torch.nn.functional.max_pool2d(planes, 3, 2)
            kernel, bias = trunk[f"features.{index}.weight"], trunk[f"features.{index}.bias"]
            planes = torch.conv2d(planes, kernel, bias, strides.get(index, 1), pads.get(index, 1)).relu()
            layers.append(planes / planes.square().sum(1, keepdim=True).sqrt())
        outputs.append(layers)
    expected = sum(
        float(((one - other).square() * weights[f"lin{layer}.model.1.weight"]).sum(1).mean())
        for layer, (one, other) in enumerate(zip(*outputs, strict=True))
    )
    assert perceptual.lpips_distance(noisy, true)[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 torn"])
def test_a_damaged_file_is_named(checkpoints, content):
    (checkpoints / perceptual.TRUNK).write_bytes(content)
    distance, reason = perceptual.lpips_distance(*pictures())
    assert distance is None
    assert "delete" in reason


def test_a_file_that_holds_code_is_not_run(checkpoints):
    class Evil:
        def __reduce__(self):
            return (exec, ("raise SystemExit('ran')",))

    torch.save({"features.0.weight": Evil()}, checkpoints / perceptual.TRUNK)
    distance, reason = perceptual.lpips_distance(*pictures())
    assert distance is None
    assert "damaged" in reason
    assert perceptual.TRUNK in reason
    assert str(checkpoints) not in reason, "visitors read this"
