"""An archive of small drawn photos, some of them broken, and what must be true of it when all is done."""

import csv
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer import photo, shard_rows, shards
from colorizer.steering import Steering

REPOSITORY = Path(__file__).parents[2]


class Paints:
    """Stands for a Colorizer where the colours don't matter: gray photos become brown, at once."""

    name = "brown"
    steerable = True

    def __init__(self, seconds: float = 0.0, deadly: str = "") -> None:
        """Args:
        seconds: how long a photo takes.
        deadly: the stem of a photo over which the process dies.
        """
        self.seconds, self.deadly, self.painted = seconds, deadly, Counter[str]()

    @property
    def network(self) -> "Paints":
        return self

    def state_dict(self) -> dict[str, object]:
        return {}

    def analyze(self, file: Path) -> tuple[Path, np.ndarray]:
        if file.stem == self.deadly:
            os.kill(os.getpid(), 9)
        return file, photo.read(file).rgb

    def paint(
        self,
        portrait: tuple[Path, np.ndarray],
        ethnicity: str,
        vividness: float,
        steering: Steering | None = None,
    ) -> "Painted":
        time.sleep(self.seconds)
        self.painted[portrait[0].name] += 1
        return Painted(portrait[1])

    def suggest(self, *_: object) -> list["Painted"]:
        return [Painted(np.full((4, 4, 3), 9, np.uint8)), Painted(np.full((4, 4, 3), 8, np.uint8))]


class Painted:
    """A `Result` of `Paints`."""

    model = "brown"
    notes = faces = ()

    def __init__(self, rgb: np.ndarray) -> None:
        self.image = Image.fromarray((rgb * np.array([1.0, 0.8, 0.6])).astype(np.uint8))


def draw(folder: Path, count: int = 60, size: tuple[int, int] = (56, 48)) -> tuple[int, int]:
    """Fill a folder with files; how many of them are photos and how many are not."""
    random = np.random.default_rng(0)
    broken = 0
    for i in range(count):
        place = folder / f"box {i % 3}"
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"p{i // 6:02}.{('jpg', 'png', 'webp')[i % 3]}"  # each stem three times or six
        if file.exists():
            file = place / f"q{i // 6:02}.{file.suffix[1:]}"
        if i % 10 == 7:
            broken += 1
            file.write_bytes((b"", b"no photo at all", b"\xff\xd8\xff\xe0 cut")[broken % 3])
            continue
        rows = np.linspace(40, 200, size[1])[:, None] + random.normal(0, 9, (size[1], size[0]))
        Image.fromarray(rows.clip(0, 255).astype(np.uint8)).save(file)
    return count - broken, broken


def check(out: Path, good: int, bad: int, report: Path | None = None) -> None:
    """Each input has exactly one output or one error row, nothing else lies there, and nothing half written."""
    planned = shards.read(out)
    assert shard_rows.merge(planned) == (good + bad, good, bad)
    assert len(planned.files) == len(set(planned.files)) == good + bad
    with (report or out / ".rangin" / "report.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert Counter(row["file"] for row in table) == Counter(map(str, planned.files)), "one row each"
    assert all(bool(row["output"]) != bool(row["error"]) for row in table)
    outputs = [Path(row["output"]) for row in table if row["output"]]
    assert (len(outputs), len(table) - len(outputs)) == (good, bad)
    assert sorted(outputs) == sorted(path for path in out.iterdir() if not path.name.startswith(".rangin"))
    assert len(set(outputs)) == good
    for row in table:
        if row["output"]:
            assert photo.read(Path(row["output"])).rgb.shape == photo.read(Path(row["file"])).rgb.shape
            assert photo.provenance(row["output"])["model"]
    assert not list(out.rglob("*.part"))


def start(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """A command of this repository, whose output is read from its `stdout`."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def work(out: str, shard: str, seconds: str = "0", deadly: str = "") -> int:
    """What a process does that works through one shard with `Paints`; how many photos it painted."""
    from colorizer.shard_run import ShardRun

    with ShardRun(shards.read(Path(out)), shards.Shard.parse(shard)) as run:
        print("begun", len(run.left), flush=True)
        for _ in run.rows(lambda: Paints(float(seconds), deadly)):  # type: ignore[arg-type,return-value]
            print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(work(*sys.argv[1:]))
