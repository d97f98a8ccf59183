"""Several processes train what one would have, and only the first of them writes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import runs

REPOSITORY = Path(__file__).parents[
    1
]  # not conftest's: importing it would set up the tests' world a second time

# Sums of floats in another order; measured: 1e-7 after six steps of SGD.
TOLERANCE = 1e-5


def train(folder: Path, out: Path, **changes: Any) -> str:
    file = out.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(runs.values(folder, **changes)))
    command = [sys.executable, "-m", "tests.two_processes", str(file), str(out)]
    environment = {name: value for name, value in os.environ.items() if "RANK" not in name}
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_reach_the_losses_of_one(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"steps": 6, "validate_every": 3, "batch": 6, "ema": 0}
    changes |= {"optimizer": {"name": "sgd", "lr": 1e-2}, "drop_condition": 0.5}
    train(tmp_path, tmp_path / "one", **changes)
    said = train(tmp_path, tmp_path / "two", devices=2, **changes)
    assert said.splitlines() == [str(tmp_path / "two" / "tiny.safetensors")], "one process speaks"
    one, two = runs.rows(tmp_path / "one"), runs.rows(tmp_path / "two")
    assert [row["step"] for row in two] == ["3", "6"]
    for first, second in zip(one, two, strict=True):
        for name in ("lr", "train/loss", "val/loss", "val/psnr", "val/ssim"):
            assert float(second[name]) == pytest.approx(float(first[name]), rel=TOLERANCE), name
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(
        path.name for path in (tmp_path / "two").iterdir()
    )
    assert json.loads((tmp_path / "two" / "run.json").read_text())["status"] == "finished"
