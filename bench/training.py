"""Pictures a second in training: the feed, and training as a whole, each beside the step on synthetic batches."""

from bench.measure import Measurement
from train.recipe import load
from train.throughput import SIZE, generated
from train.throughput import measure as throughput

# Enough that no batch comes twice within a reading, few enough for a small machine's memory.
PICTURES = 1000
OVERRIDES = (f"sizes=[{SIZE}]", "batch=32")
STEPS = 8


def measure(repeats: int) -> list[Measurement]:
    """The default colorizer's recipe on pictures of noise, on the device that training would take."""
    recipe = load("ethnicity-aware", list(OVERRIDES))
    found = throughput(recipe, generated(PICTURES, recipe), STEPS, repeats)
    bound = "the step alone, synthetic batches on the device"
    busy = "" if found.utilization is None else f", GPU busy {found.utilization:.0%} of the time"
    rows = {
        "feed alone": found.feed,
        "feed and augmentation": found.prepared,
        f"training, {found.share:.0%} of its bound{busy}": found.whole,
    }
    return [Measurement(what, "images/s", values, bound, found.step) for what, values in rows.items()]
