"""The weights that come with the package: small, half precision, each with a card that says what it is."""

import pytest
from safetensors import safe_open

from colorizer import checkpoint

MEGABYTE = 1e6


@pytest.mark.parametrize("name", checkpoint.available())
def test_weights_are_half_precision_under_40_mb_and_have_a_card(name: str) -> None:
    path = checkpoint.FOLDER / f"{name}.safetensors"
    assert path.stat().st_size <= 40 * MEGABYTE
    with safe_open(path, framework="pt") as file:
        kinds = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118  not a dict
    assert kinds <= {"F16", "I64"}
    card = (checkpoint.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {name}:")
    assert "{" not in card, "a figure was not filled in"


def test_both_networks_of_the_page_are_there() -> None:
    assert {"ethnicity-aware", "ethnicity-classifier"} <= set(checkpoint.available())


def test_all_weights_together_stay_under_100_mb() -> None:
    assert sum(file.stat().st_size for file in checkpoint.FOLDER.glob("*.safetensors")) <= 100 * MEGABYTE


@pytest.mark.parametrize("name", checkpoint.available())
def test_weights_say_how_they_were_trained_and_name_no_machine(name: str) -> None:
    about = checkpoint.about(name)
    assert about["training"]["steps"] > 0
    assert not any(source.startswith("/") for source in about["training"]["pictures"])
