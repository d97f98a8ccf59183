"""README is also a Space's configuration, and its tables are generated: both are checked against the code."""

import re
from pathlib import Path

import yaml

from colorizer import settings
from labeling.settings import LabelSettings
from train import recipe, recipe_text

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SPACE_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def front_matter() -> dict[str, object]:
    """What stands between the first two lines of ---."""
    opening, head, _ = README.split("---\n", 2)
    assert opening == ""
    return yaml.safe_load(head)


def section(name: str, text: str = README) -> str:
    """What stands between the markers of a generated part."""
    found = re.findall(rf"<!-- {name}:begin -->\n(.*?)<!-- {name}:end -->", text, re.DOTALL)
    assert len(found) == 1, f"there must be one pair of {name} markers"
    return found[0].strip()


def pinned(package: str) -> str:
    """The version that requirements.txt pins."""
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{package}=="))


def test_front_matter_is_what_a_space_accepts() -> None:
    head = front_matter()
    assert head["sdk"] == "gradio"
    assert head["sdk_version"] == pinned("gradio")
    assert (REPOSITORY / str(head["app_file"])).is_file()
    assert isinstance(head["python_version"], str), "unquoted, 3.10 would become 3.1"
    assert head["python_version"] in ("3.10", "3.11", "3.12")
    assert {head["colorFrom"], head["colorTo"]} <= SPACE_COLOURS
    assert head["license"] == "apache-2.0"
    assert len(str(head["short_description"])) <= 60


def test_the_two_commands_come_first() -> None:
    first = README.split("```")[1]
    assert re.findall(r"^make \w+", first, re.MULTILINE) == ["make app", "make test"]


def test_settings_table_is_the_codes() -> None:
    assert section("settings") == settings.table(), "run `make readme`"
    for name in settings.Settings.model_fields:
        assert f"RANGIN_{name.upper()}" in section("settings")
    assert section("label-settings") == settings.table(LabelSettings), "run `make readme`"


def test_generated_parts_are_filled() -> None:
    for name in ("results", "portraits", "bench"):
        assert "|---|" in section(name), f"the {name} table is empty"


def test_links_lead_somewhere() -> None:
    for document in (REPOSITORY / "README.md", REPOSITORY / "ARCHITECTURE.md", REPOSITORY / "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            assert "://" in target or (REPOSITORY / target).is_file(), f"{document.name} links to {target}"


def test_table_of_recipe_keys_is_the_codes() -> None:
    page = (REPOSITORY / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert section("keys", page) == recipe_text.table(recipe.Recipe), "run `make readme`"
