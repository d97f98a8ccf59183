"""The weights that come with the package: small, half precision, each with a card that says what it is."""

from pathlib import Path

import pytest
from safetensors import safe_open

from colorizer import checkpoint

MEGABYTE = 1e6
FOLDER = Path(checkpoint.__file__).parent / "weights"
FILES = sorted(FOLDER.glob("*.safetensors"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@every_file
def test_weights_are_half_precision_under_40_mb_and_have_a_card(path: Path) -> None:
    assert path.stat().st_size <= 40 * MEGABYTE
    with safe_open(path, framework="pt") as file:
        kinds = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118  not a dict
    assert kinds <= {"F16", "I64"}
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert card.startswith(f"# {path.stem}:")
    assert "{" not in card, "a figure was not filled in"


def test_both_networks_of_the_page_are_there() -> None:
    assert {"ethnicity-aware", "ethnicity-classifier"} <= {file.stem for file in FILES}


def test_all_weights_together_stay_under_100_mb() -> None:
    assert sum(file.stat().st_size for file in FILES) <= 100 * MEGABYTE


@every_file
def test_weights_say_how_they_were_trained_and_name_no_machine(path: Path) -> None:
    about = checkpoint.about(path)
    assert about["training"]["steps"] > 0
    assert not any(source.startswith("/") for source in about["training"]["pictures"])
