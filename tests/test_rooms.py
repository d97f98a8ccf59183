"""The arrows between the rooms, and that what is imported is also installed."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[1]
OURS = {"app", "bench", "colorizer", "labeling", "tests", "train"}
OURS |= {path.stem for path in (REPOSITORY / "tests").iterdir()}  # pytest puts that folder on the path
LAYERS = {
    "requirements.txt": ["app.py", "colorizer", "labeling"],
    "requirements-train.txt": ["train"],
    "requirements-dev.txt": ["bench", "tests"],
}


def modules(*names: str) -> list[Path]:
    """Every Python file of these files and folders."""
    paths = [REPOSITORY / name for name in names]
    return [file for path in paths for file in ([path] if path.suffix else sorted(path.rglob("*.py")))]


def imports(file: Path) -> set[str]:
    """Top-level names that a file imports, at its head or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def requirements(name: str) -> Iterator[Requirement]:
    """The requirements of a file and of those it includes."""
    for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-r "):
            yield from requirements(line.removeprefix("-r ").strip())
        elif line:
            yield Requirement(line)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_library_knows_neither_training_nor_labeling() -> None:
    for file in modules("colorizer"):
        assert not imports(file) & {"train", "labeling", "bench", "app"}, file


def test_labelling_knows_no_training() -> None:
    for file in modules("labeling"):
        assert not imports(file) & {"train", "bench", "app"}, file


def test_only_the_page_imports_gradio() -> None:
    pages = [
        file
        for file in modules("app.py", "colorizer", "labeling", "train", "bench")
        if "gradio" in imports(file)
    ]
    assert {file.stem.partition("_")[0] for file in pages} <= {"app", "tab"}
    assert pages, "app.py must be found by this test"


@pytest.mark.parametrize("name", LAYERS)
def test_everything_imported_is_required(name: str) -> None:
    required = {canonical(requirement.name) for requirement in requirements(name)}
    owners = packages_distributions()
    for file in modules(*LAYERS[name]):
        for module in imports(file) - OURS - set(sys.stdlib_module_names):
            distributions = {canonical(owner) for owner in owners.get(module, [module])}
            distributions |= {"gradio"} if module == "gradio_client" else set()
            assert distributions & required, f"{file.name} imports {module}, which {name} doesn't bring"


def test_every_requirement_is_pinned_for_every_python() -> None:
    pins: dict[str, list[Requirement]] = {}
    for requirement in requirements("requirements-dev.txt"):
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        pins.setdefault(canonical(requirement.name), []).append(requirement)
    for python in ("3.10", "3.11", "3.12"):
        environment = {"python_version": python, "python_full_version": f"{python}.0"}
        for name, candidates in pins.items():
            fitting = [pin for pin in candidates if pin.marker is None or pin.marker.evaluate(environment)]
            assert len(fitting) == 1 or (name == "pandas-stubs" and not fitting), f"{name} on Python {python}"
    assert {"torch", "torchvision", "gradio", "facenet-pytorch", "pillow"} <= set(pins)
