"""A short measurement of how fast a recipe trains, in a process of its own.

speed = measure(recipe, hardware, settings)     # pictures a second, noted for the next estimate

    python -m train.jobs.measuring recipe.yaml      # that process: prints a line of JSON

Pictures are noise: how long a step takes doesn't depend on what they show, and nothing has to be decoded first.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from colorizer.errors import OptionError, RanginError
from colorizer.settings import ROOT
from train import recipe_command
from train.jobs import speeds
from train.jobs.job import Hardware
from train.leash import leashed
from train.recipe import Recipe, load
from train.settings import TrainSettings

SECONDS = 240.0
"""The longest a measurement may take."""
STEPS = 4
PICTURES = 128


def measure(recipe: Recipe, hardware: Hardware, settings: TrainSettings) -> float:
    """Train a few steps on this machine and keep how fast that was.

    Returns:
        Pictures a second.

    Raises:
        OptionError: the hardware is none of this machine, or the recipe can't be trained on it; the sentence says why.
    """
    if hardware.engine != "local":
        raise OptionError("Only this machine can be measured; other hardware is known after its first run.")
    # The network is measured, not where a run of several processes would meet.
    short = recipe.model_copy(update={"devices": 1, "num_nodes": 1, "workers": 0, "start_from": None})
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": hardware.device.partition(":")[2].split(",")[0]}
    with tempfile.TemporaryDirectory(prefix="rangin-speed-") as folder:
        file = Path(folder) / "recipe.yaml"
        file.write_text(recipe_command.resolved(short), encoding="utf-8")
        try:
            done = subprocess.run(
                [*leashed(), sys.executable, "-m", "train.jobs.measuring", str(file)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise OptionError(
                f"{STEPS} steps took more than {SECONDS / 60:.0f} minutes here; this recipe wants a GPU, or a smaller "
                "batch or image size."
            ) from error
    said = done.stdout.strip().splitlines()
    if done.returncode or not said:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise OptionError(f"The measurement failed: {last[:300]}")
    rate = float(json.loads(said[-1])["images_per_second"])
    count = hardware.device.count(",") + 1
    reading = speeds.Reading(
        network=speeds.network_of(recipe),
        side=speeds.side_of(recipe),
        batch=recipe.batch,
        place=speeds.place_of(hardware),
        images_per_second=rate * count,
    )
    speeds.keep(reading, settings.runs)
    return rate * count


def main(path: str) -> int:
    """Measure a recipe's training; 0 and a line of JSON, or 1 and a sentence."""
    from train import throughput

    try:
        recipe = load(path)
        pictures = throughput.generated(min(PICTURES, max(recipe.batch, 16)), recipe)
        measured = throughput.measure(recipe, pictures, steps=STEPS, turns=1)
    except RanginError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"images_per_second": measured.whole[0]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
