"""The networks of the literature: sizes as described, frozen trunks that stay so, and eight photos learnt by heart."""

import itertools
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from facenet_pytorch.models import inception_resnet_v1
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import Tensor, nn

from colorizer import bins, checkpoint, networks
from colorizer.errors import ModelError
from colorizer.networks import borrowed
from tests import runs
from tests.learning import build, eight_photos
from train import fit
from train.tasks.colorize import Colorize, total
from train.tasks.discriminator import Discriminator
from train.tasks.losses import shrink

# name -> arguments by which it is quick, by what its output is smaller than its input, and its parameters in all
NETWORKS: dict[str, tuple[dict[str, Any], int, int]] = {
    "cnn": ({}, 1, 1_377_074),
    "resnet50-cnn": ({}, 1, 25_973_842),
    "unet": ({}, 1, 17_261_890),
    "uvgg": ({}, 1, 37_811_074),
    "vgg16-autoencoder": ({}, 2, 16_286_802),
    "fusion-vggface": ({"descriptor_size": 75}, 2, 26_801_426),
    "fusion-vgg19": ({"descriptor_size": 32}, 2, 23_343_186),
    "fusion-inception-resnet": ({"descriptor_size": 75}, 2, 57_887_410),
    "zhang-eccv16": ({}, 4, 32_235_385),
}
PRETRAINED = ("resnet50-cnn", "uvgg", "vgg16-autoencoder", *(name for name in NETWORKS if "fusion" in name))
FROZEN = ("uvgg", "vgg16-autoencoder", *(name for name in NETWORKS if "fusion" in name))
# Parameters of the trunks, as their own libraries have them without classifiers.
VGG16, VGG19, FACE, INCEPTION = 14_714_688, 20_024_384, 23_482_624, 54_306_464


def convolutions(*widths: int, kernel: int = 3, bias: bool = True, normalized: bool = False) -> int:
    """Parameters of a chain of convolutions."""
    each = itertools.pairwise(widths)
    return sum(kernel**2 * a * b + bias * b + 2 * normalized * b for a, b in each)


def layers(network: nn.Module, kind: type[nn.Module] = nn.Conv2d) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, kind)]


def widths(network: nn.Module) -> list[int]:
    """Channels that come out of each convolution, in their order."""
    return [layer.out_channels for layer in layers(network)]


@pytest.fixture(scope="module")
def hollow() -> dict[str, nn.Module]:
    """Each of them without numbers, at the sizes of their authors."""
    with torch.device("meta"):
        return {name: networks.build(name) for name in NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_as_many_parameters_as_its_layers_make(name: str, hollow: dict[str, nn.Module]) -> None:
    assert sum(parameter.numel() for parameter in hollow[name].parameters()) == NETWORKS[name][2]


def test_the_counts_are_those_of_the_descriptions() -> None:
    def of(name: str) -> int:
        return NETWORKS[name][2]

    def plain(*chain: int) -> int:
        return convolutions(*chain, bias=False, normalized=True)

    dense = convolutions(32, 32, 16, 2, kernel=1)
    assert of("cnn") == plain(1, 32, 64, 128, 256, 256) + plain(256, 128, 64, 32, 32) + dense
    resnet = (
        25_557_032 - 2_049_000 - 2 * 64 * 49
    )  # without its classes, and with one channel in place of three
    assert of("resnet50-cnn") == resnet + plain(2048, 128, 64, 32, 32, 32) + dense
    down = plain(1, 64, 64) + plain(64, 128, 128) + plain(128, 256, 256) + 2 * plain(512, 512)
    down += plain(256, 512) + plain(512, 512)
    up = plain(1024, 512, 256) + plain(512, 256, 128) + plain(256, 128, 64) + plain(128, 64, 64)
    assert of("unet") == down + up + convolutions(64, 2, kernel=1)
    assert of("uvgg") == of("unet") + VGG19 + convolutions(1024, 512, kernel=1)
    assert of("vgg16-autoencoder") == VGG16 + convolutions(512, 256, 128, 64, 32, 16, 2)
    for name, trunk, width in (
        ("vggface", FACE, 512),
        ("vgg19", VGG19, 512),
        ("inception-resnet", INCEPTION, 1536),
    ):
        mixed = convolutions(256 + width, 256, kernel=1)
        encoder, decoder = convolutions(1, 64, 128, 256, 512, 256), convolutions(256, 128, 64, 32, 16, 2)
        assert of(f"fusion-{name}") == trunk + encoder + mixed + decoder
    blocks = [(1, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), *3 * [(512,) * 4]]
    normalized = 2 * sum(block[-1] for block in blocks)
    last = convolutions(512, 256, kernel=4) + convolutions(256, 256, 256) + convolutions(256, 313, kernel=1)
    assert of("zhang-eccv16") == sum(convolutions(*block) for block in blocks) + normalized + last


def test_the_trunks_are_their_libraries_own() -> None:
    with torch.device("meta"):
        trunks = {
            VGG16: torchvision.models.vgg16().features,
            VGG19: torchvision.models.vgg19().features,
            FACE: inception_resnet_v1.InceptionResnetV1(),
            INCEPTION: timm.create_model("inception_resnet_v2", num_classes=0),
        }
        ours = {name: borrowed.vgg_features(name, False) for name in ("vgg16", "vgg19")}
    for count, trunk in trunks.items():
        assert sum(parameter.numel() for parameter in trunk.parameters()) == count
    for name, count in (("vgg16", VGG16), ("vgg19", VGG19)):
        assert shapes(ours[name]) == shapes(trunks[count])


def shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in network.state_dict().items()}


def test_cnn_is_normalized_convolutions_then_dense_layers(hollow: dict[str, nn.Module]) -> None:
    network = hollow["cnn"]
    assert widths(network) == [32, 64, 128, 256, 256, 128, 64, 32, 32, 32, 16, 2]
    assert [layer.stride[0] for layer in layers(network.encoder)] == [1, 2, 2, 2, 2]
    assert len(layers(network, nn.BatchNorm2d)) == 9
    assert [layer.kernel_size for layer in layers(network.decoder.dense)] == 3 * [(1, 1)]
    assert widths(hollow["resnet50-cnn"].decoder) == [128, 64, 32, 32, 32, 32, 16, 2]


def test_the_u_net_convolves_twice_everywhere(hollow: dict[str, nn.Module]) -> None:
    network = hollow["unet"]
    assert widths(network.down) == [64, 64, 128, 128, 256, 256, 512, 512, 512, 512]
    assert widths(network.up) == [512, 256, 256, 128, 128, 64, 64, 64, 2]
    for level in (*network.down.levels, *network.up.levels):
        assert [layer.kernel_size for layer in layers(level)] == 2 * [(3, 3)]


def test_vgg_19_runs_beside_the_u_net_and_joins_it_at_the_bottleneck(hollow: dict[str, nn.Module]) -> None:
    network = hollow["uvgg"]
    assert widths(network.vgg) == [64] * 2 + [128] * 2 + [256] * 4 + [512] * 8
    assert len(layers(network.vgg, nn.MaxPool2d)) == 4
    assert (network.join.in_channels, network.join.out_channels) == (512 + 512, 512)
    assert shapes(network.down) == shapes(hollow["unet"].down)
    assert shapes(network.up) == shapes(hollow["unet"].up)
    assert widths(hollow["vgg16-autoencoder"].encoder) == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert widths(hollow["vgg16-autoencoder"].decoder) == [256, 128, 64, 32, 16]


@pytest.mark.parametrize(("name", "width"), [("vggface", 512), ("vgg19", 512), ("inception-resnet", 1536)])
def test_fusion_is_as_described(name: str, width: int, hollow: dict[str, nn.Module]) -> None:
    network = hollow[f"fusion-{name}"]
    assert widths(network.encoder) == [64, 128, 256, 512, 256]
    assert [layer.stride[0] for layer in layers(network.encoder)].count(2) == 3
    assert network.fuse.weight.shape == (256, 256 + width, 1, 1)
    assert [*widths(network.decoder), *widths(network.head)] == [128, 64, 32, 16, 2]


def test_zhang_is_eight_blocks_dilated_in_the_middle(hollow: dict[str, nn.Module]) -> None:
    network = hollow["zhang-eccv16"]
    blocks = [network.get_submodule(f"model{number}") for number in range(1, 9)]
    assert [widths(block) for block in blocks] == [
        *([64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3, [512] * 3, [512] * 3),
        [256, 256, 313],
    ]
    assert [{layer.dilation[0] for layer in layers(block)} for block in blocks] == [
        {1}, {1}, {1}, {1}, {2}, {2}, {1}, {1},
    ]  # fmt: skip
    strides = [[layer.stride[0] for layer in layers(block)] for block in blocks]
    assert strides == [[1, 2], [1, 2], [1, 1, 2], *4 * [[1, 1, 1]], [1, 1, 1]]
    (up,) = layers(network, nn.ConvTranspose2d)
    assert (up.in_channels, up.out_channels, up.kernel_size, up.stride) == (512, 256, (4, 4), (2, 2))
    # What their release has beside `model_out`; by these names and shapes it is loaded.
    state = shapes(network)
    assert state["model1.0.weight"] == (64, 1, 3, 3)
    assert state["model5.4.weight"] == (512, 512, 3, 3)
    assert state["model7.6.running_var"] == (512,)
    assert state["model8.6.weight"] == (313, 256, 1, 1)
    assert len(state) == 2 * 23 + 5 * 7


def test_the_discriminator_sees_l_a_and_b() -> None:
    discriminator = Discriminator()
    assert layers(discriminator)[0].in_channels == 3
    planes = torch.rand(3, 1, 1, 32, 32) * 40
    seen = [
        discriminator(lightness, torch.cat([a, b], 1))
        for lightness, a, b in (
            planes,
            planes * torch.tensor([0, 1, 1]).view(3, 1, 1, 1, 1),
            planes * torch.tensor([1, 0, 1]).view(3, 1, 1, 1, 1),
            planes * torch.tensor([1, 1, 0]).view(3, 1, 1, 1, 1),
        )
    ]
    for other in seen[1:]:
        assert not torch.allclose(seen[0], other)


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_ab_comes_out_whoever_is_there(name: str) -> None:
    config, scale, _ = NETWORKS[name]
    torch.manual_seed(0)
    network = networks.build(name, **config).eval()
    for height, width in ((32, 32), (48, 80), (16, 112)):
        lightness = 100 * torch.rand(1, 1, height, width)
        ab = network(lightness, None)
        assert ab.shape == (1, 2, height // scale, width // scale)
        assert ab.dtype == torch.float32
        assert torch.isfinite(ab).all()
        assert ab.std() > 0
    for groups in (torch.rand(1, 6, height // 4, width // 4) / 6, torch.zeros(1, 6, height, width)):
        assert torch.equal(network(lightness, groups), ab)


@pytest.mark.parametrize("name", NETWORKS)
def test_its_configuration_builds_it_again(name: str) -> None:
    with torch.device("meta"):
        network = networks.build(name, **NETWORKS[name][0])
        again = networks.build(name, **network.config)
    assert again.config == network.config == network.config | NETWORKS[name][0]
    assert "working_size" in network.config
    assert shapes(again) == shapes(network)


@torch.inference_mode()
def test_what_ends_in_tanh_reaches_all_of_ab_and_no_further() -> None:
    for name in ("vgg16-autoencoder", "fusion-vgg19"):
        network = networks.build(name, **NETWORKS[name][0]).eval()
        network.head.bias.copy_(torch.tensor([100.0, -100.0]))
        ab = network(100 * torch.rand(1, 1, 32, 32))
        assert ab[:, 0].unique().tolist() == [110.0]
        assert ab[:, 1].unique().tolist() == [-110.0]


@torch.inference_mode()
def test_zhang_paints_the_annealed_mean_at_038_unless_told_otherwise() -> None:
    torch.manual_seed(0)
    network = networks.build("zhang-eccv16").eval()
    network.model8[-1].weight.mul_(100)  # else the distributions are flat
    lightness = 100 * torch.rand(1, 1, 32, 48)
    logits, features = network.predict_logits(lightness)
    assert logits.shape == (1, 313, 8, 12)
    assert features is None
    torch.testing.assert_close(network(lightness), bins.decode(logits, 0.38))
    mean = networks.build("zhang-eccv16", temperature=1.0).eval()
    mean.load_state_dict(network.state_dict())
    torch.testing.assert_close(mean(lightness), bins.decode(logits, 1.0))
    assert (mean(lightness) - network(lightness)).abs().max() > 0.1
    for wrong in (0, -1.0, 2.0, "warm", float("nan")):
        with pytest.raises(ValueError, match="temperature"):
            networks.build("zhang-eccv16", temperature=wrong)


@torch.inference_mode()
def test_a_descriptor_sees_the_whole_picture_at_its_own_size() -> None:
    network = networks.build("fusion-vgg19", descriptor_size=64).eval()
    sizes = []
    network.descriptor.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape))
    lightness = torch.zeros(1, 1, 32, 96)
    before = network.describe(lightness)
    lightness[..., 90:] = 100
    assert not torch.allclose(network.describe(lightness), before)
    assert sizes == 2 * [(1, 3, 64, 64)]
    for name, size in (("vgg19", 31), ("vgg19", 513), ("vggface", 74), ("inception-resnet", "wide")):
        with torch.device("meta"), pytest.raises(ValueError, match="descriptor_size"):
            networks.build(f"fusion-{name}", descriptor_size=size)


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the libraries had downloaded weights: with numbers of their own, and 8,631 people to tell apart."""
    enum = torchvision.models._api.WeightsEnum
    create = timm.create_model
    models = {"VGG16_Weights": "vgg16", "VGG19_Weights": "vgg19"}

    def state(weights: Any, **_: Any) -> dict[str, Tensor]:
        with torch.device("meta"):
            hollow = torchvision.models.get_model(models[type(weights).__name__]).state_dict()
        return {key: torch.randn(value.shape) / 50 for key, value in hollow.items() if "features" in key} | {
            "classifier.0.weight": torch.zeros(1)
        }

    monkeypatch.setattr(enum, "get_state_dict", state)
    monkeypatch.setattr(inception_resnet_v1, "load_weights", lambda network, name: None)
    monkeypatch.setattr(
        timm, "create_model", lambda name, pretrained=False, **options: create(name, **options)
    )
    monkeypatch.setattr(borrowed, "_check_hub", lambda name: None)


def learn(task: Colorize, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
    """One step of training, without a run around it."""
    optimizer.zero_grad()
    total(task.losses(task.train().paint(batch), batch)).backward()
    optimizer.step()


@pytest.mark.slow
@pytest.mark.usefixtures("online")
@pytest.mark.parametrize("name", FROZEN)
def test_a_borrowed_trunk_stays_as_it_was_while_the_rest_learns(name: str) -> None:
    task = build("colorize", {"network": name, "config": NETWORKS[name][0] | {"pretrained": True}})
    before = {key: value.clone() for key, value in task.network.state_dict().items()}
    learn(task, eight_photos(32), task.configure_optimizers())
    changed = {key for key, value in task.network.state_dict().items() if not torch.equal(value, before[key])}
    assert not [key for key in changed if ".trunk." in key], "weights or running means of the frozen trunk"
    trunk = [parameter for key, parameter in task.network.named_parameters() if ".trunk." in key]
    assert trunk
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in trunk)
    rest = {key for key, parameter in task.network.named_parameters() if parameter.requires_grad}
    assert {key for key in rest if key.endswith("weight")} <= changed


@pytest.mark.slow
def test_a_trunk_from_scratch_learns_with_the_rest() -> None:
    task = build("colorize", {"network": "fusion-vggface", "config": NETWORKS["fusion-vggface"][0]})
    before = {key: value.clone() for key, value in task.network.state_dict().items()}
    learn(task, eight_photos(32), task.configure_optimizers())
    trunk = {key for key in before if ".trunk." in key}
    changed = {key for key in trunk if not torch.equal(task.network.state_dict()[key], before[key])}
    assert {key for key in trunk if key.endswith(("conv.weight", "running_mean"))} <= changed


# name -> learning rate and how many steps are allowed
OVERFIT = {
    "cnn": (3e-3, 60),
    "resnet50-cnn": (1e-3, 60),
    "unet": (5e-4, 40),
    "uvgg": (5e-4, 40),
    "vgg16-autoencoder": (3e-4, 120),
    "fusion-vggface": (1e-3, 60),
    "fusion-vgg19": (3e-4, 120),
    "fusion-inception-resnet": (1e-3, 60),
    "zhang-eccv16": (1e-3, 60),
}


@pytest.mark.slow
@pytest.mark.timeout(600)  # a deep one may take minutes where several things run side by side
@pytest.mark.parametrize("name", NETWORKS)
def test_it_learns_eight_photos_by_heart(name: str) -> None:
    """Half the squared error of the best single tint, as it would paint them afterwards."""
    kind = "distribution" if name == "zhang-eccv16" else "colorize"
    rate, allowed = OVERFIT[name]
    loss = {} if kind == "distribution" else {"kind": "l2"}
    adam = {"name": "adam", "lr": rate, "weight_decay": 0}
    task = build(kind, {"network": name, "config": NETWORKS[name][0]}, optimizer=adam, loss=loss)
    batch, optimizer, shares = eight_photos(16), task.configure_optimizers(), [1.0]
    while shares[-1] > 0.5 and 5 * len(shares) <= allowed:
        for _ in range(5):
            learn(task, batch, optimizer)
        with torch.inference_mode():
            ab = task.eval().network(batch["seen"])
        truth = shrink(batch["lab"][:, 1:], ab)
        tint = truth.mean((0, 2, 3), keepdim=True)
        shares.append(((ab - truth).square().mean() / (tint - truth).square().mean()).item())
    assert shares[-1] < 0.5, shares


@pytest.mark.usefixtures("online")
@pytest.mark.parametrize("name", PRETRAINED)
def test_what_was_borrowed_fits_the_network_that_loads_it(name: str, tmp_path: Path) -> None:
    """`pretrained` is how a network is started, and no part of what its weights are of."""
    network = networks.build(name, **NETWORKS[name][0], pretrained=True)
    assert "pretrained" not in network.config
    assert shapes(network) == shapes(networks.build(name, **NETWORKS[name][0]))
    path = tmp_path / "borrowed.safetensors"
    checkpoint.save(network, name, path)
    checkpoint.check(path)


@torch.inference_mode()
def test_a_trunk_of_another_scale_takes_ours_and_sees_the_same() -> None:
    torch.manual_seed(0)
    for network, first, scale, offset in (
        (inception_resnet_v1.InceptionResnetV1(), "conv2d_1a", 255 / 128, -127.5 / 128),
        (timm.create_model("inception_resnet_v2", num_classes=0), "conv2d_1a", 2, -1),
    ):
        part = network.get_submodule(first).eval()
        nn.init.normal_(part.bn.running_mean)
        nn.init.uniform_(part.bn.running_var, 0.5, 2)
        lightness = 100 * torch.rand(1, 1, 75, 75)
        meant = part((lightness / 100 * scale + offset).expand(-1, 3, -1, -1))
        borrowed.take_gray_rgb(part, scale, offset)
        torch.testing.assert_close(part(borrowed.as_gray_rgb(lightness)), meant, atol=1e-4, rtol=1e-4)


def test_gray_rgb_is_as_imagenet_has_it() -> None:
    gray = borrowed.as_gray_rgb(torch.tensor([0.0, 45.0, 100.0]).view(3, 1, 1, 1))
    assert gray.shape == (3, 3, 1, 1)
    torch.testing.assert_close(
        gray[:, :, 0, 0] * torch.tensor([0.229, 0.224, 0.225]) + torch.tensor([0.485, 0.456, 0.406]),
        torch.tensor([0.0, 0.45, 1.0])[:, None].expand(-1, 3),
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_may_ask_for_nothing_that_takes_a_download_or_all_memory(name: str, tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [{"pretrained": True}, {"pretrained": "no"}, {"weights": "IMAGENET1K_V1"}]
    wrong += [{"descriptor_size": 10**9}, {"temperature": 0}]
    path = tmp_path / "greedy.safetensors"
    for config in wrong:
        about = json.dumps({"network": name, "config": config})
        save_file({"x": torch.zeros(1)}, path, metadata={"rangin": about})
        with pytest.raises(ModelError, match=r"not allowed|can't be built"):
            checkpoint.load(path)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name can be looked up; and the hub's library does not know that beforehand."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", [*PRETRAINED, "ethnicity-aware", "ethnicity-classifier"])
def test_pretrained_without_a_network_is_a_sentence_at_once(name: str) -> None:
    start = time.perf_counter()
    with pytest.raises(
        ModelError, match=r"could not be downloaded; connect .* config\.pretrained=false"
    ) as caught:
        networks.build(name, pretrained=True)
    assert time.perf_counter() - start < 20, "no library asks again and again"
    assert "\n" not in str(caught.value)
    assert socket.getdefaulttimeout() is None
    assert not [path for path in Path(torch.hub.get_dir()).parent.rglob("*") if path.is_file()], (
        "no half files"
    )


@pytest.mark.usefixtures("offline")
def test_a_run_says_so_before_it_decodes_a_picture(tmp_path: Path) -> None:
    recipe = runs.recipe(tmp_path, network="uvgg", config={"pretrained": True})
    with pytest.raises(ModelError, match="vgg19 could not be downloaded"):
        fit.fit(recipe, tmp_path / "run")
    assert not (tmp_path / "cache").exists()
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["status"] == "failed"
    assert "config.pretrained=false" in about["sentence"]


def test_a_damaged_file_in_a_library_s_cache_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(torch.hub.get_dir()).parent / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "20180402-114759-vggface2.pt"
    page.write_text("<html>Please sign in to this network</html>")
    try:
        with pytest.raises(ModelError, match=f"damaged; delete .*{folder}.* and try again"):
            networks.build("fusion-vggface", pretrained=True)
    finally:
        page.unlink()
