"""The models that come with the package, as people are shown them."""

from dataclasses import dataclass

from colorizer import checkpoint


@dataclass(frozen=True)
class Entry:
    """One file of weights."""

    name: str
    network: str
    """Registered name of its architecture."""
    parameters: int
    megabytes: float
    """Size on disk, 10^6 bytes."""
    card: str
    """First line of its model card, or a word that there is none."""


def entries() -> list[Entry]:
    """Every model in the package, sorted by name.

    Raises:
        ModelError: one of them is damaged.
    """
    return [_entry(name) for name in checkpoint.available()]


def colorizers() -> tuple[str, ...]:
    """Names of those that colorize: the others help them."""
    return tuple(
        name for name in checkpoint.available() if "working_size" in checkpoint.about(name)["config"]
    )


def _entry(name: str) -> Entry:
    loaded = checkpoint.load(name)
    return Entry(
        name,
        loaded.about["network"],
        sum(parameter.numel() for parameter in loaded.network.parameters()),
        (checkpoint.FOLDER / f"{name}.safetensors").stat().st_size / 1e6,
        _first_line(name),
    )


def _first_line(name: str) -> str:
    card = checkpoint.FOLDER / f"{name}.md"
    if not card.is_file():
        return "(no model card)"
    text = card.read_text(encoding="utf-8")
    if text.startswith("---\n"):  # front matter of the Hugging Face Hub
        text = text.partition("\n---\n")[2]
    lines = (line.strip().lstrip("#").strip() for line in text.splitlines())
    return next((line for line in lines if line), "(an empty model card)")
