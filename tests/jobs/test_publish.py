"""Publishing to the Hugging Face Hub and loading from there, pinned, against a small Hub on this machine."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from colorizer import Colorizer, checkpoint, hub_weights, networks
from colorizer.errors import ModelError, OptionError
from colorizer.ethnicity import EthnicityClassifier
from tests.jobs.hub_server import JobsHub, serving
from tests.labeling.hub_server import Repository
from train.hub import HubError
from train.publish import Published, publish

NAME = "asha/warm"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[JobsHub]:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with serving(monkeypatch, tmp_path / "service") as hub:
        monkeypatch.setenv("HF_TOKEN", hub.token)  # who loads may see private models
        yield hub


def run_of(folder: Path, seed: int = 0, card: str = "# warm\n\nIt paints.\n") -> Path:
    """A run's folder with weights and card."""
    torch.manual_seed(seed)
    network = networks.build("ethnicity-aware", encoder="test_resnet", width=16, working_size=96)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save(network, "ethnicity-aware", folder / "warm.safetensors", {"seed": seed})
    (folder / "warm.md").write_text(card)
    return folder


def seed_of(name: str) -> int:
    return int(checkpoint.load(name).about["training"]["seed"])


def test_what_is_published_is_loaded_and_pinned(hub: JobsHub, tmp_path: Path) -> None:
    first = publish(run_of(tmp_path / "run"), NAME, hub.token)
    content = (tmp_path / "run" / "warm.safetensors").read_bytes()
    assert first == Published(
        NAME, hub.repos[NAME].head, hashlib.sha256(content).hexdigest(), f"{hub.url}/{NAME}"
    )
    assert hub.repos[NAME].is_private
    files = hub.files(NAME)
    assert files["model.safetensors"] == content
    text = files["README.md"].decode()
    assert text.startswith("---\nlibrary_name: rangin\n")
    assert f"hf:{NAME}#{first.sha256}" in text
    assert "It paints." in text
    assert seed_of(f"hf:{NAME}") == 0
    assert Colorizer.load(f"hf:{NAME}").name == f"hf:{NAME}"

    second = publish(run_of(tmp_path / "run", seed=1), NAME, hub.token)
    hub.repos[NAME].tags["v1"] = first.commit
    assert seed_of(f"hf:{NAME}") == seed_of(second.reference) == 1
    assert seed_of(first.reference) == seed_of(f"hf:{NAME}@v1") == seed_of(f"hf:{NAME}@{first.commit}") == 0
    assert seed_of(f"hf:{NAME}@v1#{first.sha256.upper()}") == 0
    for replaced in (f"hf:{NAME}#{first.sha256}", f"hf:{NAME}@{second.commit}#{first.sha256}"):
        with pytest.raises(ModelError, match=f"not the one that was pinned: its SHA-256 is {second.sha256}"):
            checkpoint.load(replaced)

    hub.close()  # a commit that is here needs no network
    assert seed_of(first.reference) == 0
    with pytest.raises(ModelError, match=r"could not be fetched.*huggingface\.co"):
        checkpoint.load("hf:asha/other")


def test_a_classifier_is_published_as_one(hub: JobsHub, tmp_path: Path) -> None:
    network = networks.build("ethnicity-classifier", encoder="test_resnet")
    checkpoint.save(network, "ethnicity-classifier", tmp_path / "who.safetensors", {})
    done = publish(tmp_path / "who.safetensors", NAME, hub.token)
    text = hub.files(NAME)["README.md"].decode()
    assert "pipeline_tag: image-classification\n" in text
    assert "colorization" not in text
    assert f'EthnicityClassifier.load("hf:{NAME}#{done.sha256}")' in text
    assert EthnicityClassifier.load(done.reference).network.config["encoder"] == "test_resnet"


def test_a_file_that_is_not_what_the_hub_says(hub: JobsHub, tmp_path: Path) -> None:
    done = publish(run_of(tmp_path / "run"), NAME, hub.token)
    path = hub_weights.download(done.reference)
    path.resolve().write_bytes(b"damaged on the disk")
    assert seed_of(done.reference) == 0, "fetched again"
    path.resolve().write_bytes(b"damaged on the disk")
    hub.objects[done.sha256] = run_of(tmp_path / "other", seed=5).joinpath("warm.safetensors").read_bytes()
    with pytest.raises(ModelError, match="its SHA-256 is not what the Hub says"):
        checkpoint.load(done.reference)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hf:asha/none", "There is no model hf:asha/none"),
        (f"hf:{NAME}@v9", "no revision 'v9'"),
        ("hf:asha/notes", "holds no model.safetensors"),
        (f"hf:{NAME}@", "written hf:user/name"),
        (f"hf:{NAME}#12ab", "64 hexadecimal"),
        (f"hf:{NAME}@../../x", "written hf:user/name"),
        (f"hf:{NAME}@v1; rm -rf", "written hf:user/name"),
        ("hf:warm", "written hf:user/name"),
        ("hf:../..", "could not be fetched"),
        ("hf:a/b\nc", "written hf:user/name"),
    ],
)
def test_what_can_t_be_loaded_is_said(hub: JobsHub, tmp_path: Path, name: str, says: str) -> None:
    hub.repos[NAME] = Repository(is_private=False)
    hub.repos["asha/notes"] = Repository(is_private=False)
    with pytest.raises(ModelError, match=says):
        checkpoint.load(name)


def test_only_one_s_own_models_are_replaced(hub: JobsHub, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    with pytest.raises(OptionError, match="bela isn't yours; publish to asha/warm, or for one of lab"):
        publish(run, "bela/warm", hub.token)
    assert "bela/warm" not in hub.repos
    assert publish(run, "lab/warm", hub.token, private=False).repository == "lab/warm"
    assert not hub.repos["lab/warm"].is_private
    with pytest.raises(OptionError, match="is public"):
        publish(run, "lab/warm", hub.token, private=True)
    repo = hub.repos["asha/poems"] = Repository(is_private=True)
    repo.commits[repo.head]["poem.txt"] = {"content": b"Roses", "oid": "1" * 40}
    with pytest.raises(OptionError, match=r"holds something else \(poem.txt\)"):
        publish(run, "asha/poems", hub.token)
    assert hub.files("asha/poems") == {"poem.txt": b"Roses"}


def test_what_can_t_be_published(hub: JobsHub, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    for name in ("warm", "a/b/c", "../x", "asha/..", "asha/a b", "asha/x;y", "asha/$(id)", "asha/x\n", ""):
        with pytest.raises(OptionError, match="is no name on the Hub"):
            publish(run, name, hub.token)
    with pytest.raises(OptionError, match="needs a token"):
        publish(run, NAME, "")
    with pytest.raises(HubError, match="doesn't know this token"):
        publish(run, NAME, "hf_wrong")
    with pytest.raises(OptionError, match="holds no weights"):
        publish(tmp_path / "service", NAME, hub.token)
    (run / "second.safetensors").write_bytes(b"x")
    with pytest.raises(OptionError, match="holds 2 weights"):
        publish(run, NAME, hub.token)
    with pytest.raises(ModelError, match="damaged"):
        publish(run / "second.safetensors", NAME, hub.token)
    assert not hub.repos


def test_somebody_who_publishes_at_the_same_moment(hub: JobsHub, tmp_path: Path) -> None:
    publish(run_of(tmp_path / "run"), NAME, hub.token)

    def other() -> None:
        hub.on_commit = None
        publish(run_of(tmp_path / "other", seed=2), NAME, hub.token)

    hub.on_commit = other
    with pytest.raises(HubError, match="changed at the same moment"):
        publish(run_of(tmp_path / "third", seed=3), NAME, hub.token)
    assert seed_of(f"hf:{NAME}") == 2
