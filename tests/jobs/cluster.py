"""A real Slurm cluster of one node for tests: the one that SLURM_CONF names, or one started for this session.

def test_something(slurm: Path) -> None:      # the slurm.conf; SLURM_CONF is set while the test runs
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "slurm"
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun")


@pytest.fixture(scope="session")
def slurm_conf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the cluster's settings lie; skips, with the reason, where there can be none."""
    given = os.environ.get("SLURM_CONF", "")
    # A cluster that is merely there belongs to somebody, and need not see this machine's folders.
    if given and _answers(given):
        yield Path(given)
        return
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip(
            "needs a Slurm cluster: only root can start one (bash .ci/slurm start DIR), or set SLURM_CONF"
        )
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        pytest.skip(f"needs Slurm: {', '.join(missing)} missing (Debian: apt-get install slurm-wlm munge)")
    folder = tmp_path_factory.mktemp("slurm")
    try:
        said = subprocess.run(
            ["bash", str(SCRIPT), "start", str(folder)], capture_output=True, text=True, timeout=170
        )
        if said.returncode:
            pytest.skip(f"no Slurm cluster could be started here: {said.stderr.strip()[-500:]}")
        yield Path(said.stdout.strip())
    finally:
        subprocess.run(["bash", str(SCRIPT), "stop", str(folder)], capture_output=True, timeout=120)


@pytest.fixture
def slurm(slurm_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cluster, found by every command of this test."""
    from train.jobs import slurm_ask

    monkeypatch.setenv("SLURM_CONF", str(slurm_conf))
    slurm_ask.forget()
    yield slurm_conf
    slurm_ask.forget()


def until(is_so: Callable[[], Any], seconds: float = 90, what: str = "it") -> Any:
    """Wait until something is so, and give it; fail when it isn't in time."""
    end = time.monotonic() + seconds
    while not (found := is_so()):
        if time.monotonic() > end:
            pytest.fail(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.1)
    return found


def _answers(conf: str) -> bool:
    if shutil.which("sinfo") is None:
        return False
    environment = os.environ | {"SLURM_CONF": conf}
    try:
        said = subprocess.run(["sinfo", "--noheader"], env=environment, capture_output=True, timeout=15)
    except subprocess.TimeoutExpired:
        return False
    return said.returncode == 0 and bool(said.stdout.strip())
