"""On a Space only requirements.txt is installed: the tab opens, orders are checked, and what needs more says so."""

import os
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from tests.conftest import REPOSITORY

SCRIPT = """
import importlib.abc, importlib.util, sys

BLOCKED = set(sys.argv[1].split(","))

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name.partition(".")[0] in BLOCKED else found(name, package)
)

import app
page = app.build()
names = {event["api_name"] for event in page.config["dependencies"]}
assert {"train_start", "train_check", "train_runs"} <= names, names

from train.access import Person
from train.desk_new import NewDesk, filled
from train.jobs import engines
from train.shop import Shop

print("local", engines.get("local").unavailable())
desk = NewDesk(Shop(environment={}))
for engine in ("local", "hf"):
    preview = desk.preview(Person("asha", True, token=None), filled({"engine": engine, "flavor": "cpu-basic"}))
    print(engine, preview.card)
"""
NAMES = {"ImageHash": "imagehash"}


def test_the_train_tab_opens_without_what_training_needs(tmp_path: Path) -> None:
    lines = (REPOSITORY / "requirements-train.txt").read_text(encoding="utf-8").splitlines()
    lines = [line.partition("#")[0].strip() for line in lines if not line.startswith("-r")]
    names = {Requirement(line).name for line in lines if line} - {"Jinja2"}  # which Gradio brings
    missing = sorted(NAMES.get(name, name) for name in names)
    assert "lightning" in missing
    environment = {**os.environ, "RANGIN_RUNS": str(tmp_path), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, ",".join(missing)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    local, *cards = done.stdout.splitlines()
    assert "requirements-train.txt" in local
    assert "HF_HUB_OFFLINE is set" in " ".join(cards), "the engine was asked"
